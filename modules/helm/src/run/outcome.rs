//! A turn as an outcome of the SDK: effects become children and removals, in the turn's order.
//!
//! All children are unowned and of the field manager `helm`: the objects are the release's, and who rolls back by hand with Helm
//! finds his own fields. What is not listed any more just stays; what is to go is removed by name.

use oarlock_sdk::{Child, Condition, Context, Event, Outcome, Removal, Requeue, Timestamp};
use serde_json::Value;

use crate::record::Record;
use crate::run::engine::Engine;
use crate::run::objects::Served;
use crate::run::rendering::Rendered;
use crate::run::shelf::Shelf;
use crate::run::sights::Sights;
use crate::situation::Obstacle;
use crate::state::{Action, Is, Place};
use crate::turn::{self, Effect, Turn};
use crate::wish::Wish;

mod ground;
mod hooks;
mod objects;
mod records;

pub(crate) use ground::namespace;

/// Helm's own field manager.
const MANAGER: &str = "helm";

/// Milliseconds after which it is looked whether a new kind is served, should nobody tell.
const LATE: u64 = 2_000;

/// Bytes of records that one outcome writes before the rest waits for the next run: the host takes no answer that is too large, and
/// records of large charts have megabytes.
const RECORDS: usize = 2 << 20;

/// What effects are made of.
pub(crate) struct Hands<'a> {
    pub(crate) cx: &'a Context,
    pub(crate) engine: &'a dyn Engine,
    pub(crate) shelf: &'a Shelf<'a>,
    pub(crate) served: &'a Served<'a>,
    pub(crate) sights: &'a Sights<'a>,
    pub(crate) wish: &'a Wish,
    pub(crate) place: &'a Place,
    /// Namespace of the object, which is there.
    pub(crate) home: &'a str,
    /// What is under way, as it was written down.
    pub(crate) action: Option<&'a Action>,
    /// Digest of the chart that this run fetched.
    pub(crate) chart: Result<&'a str, &'a Obstacle>,
    /// What was rendered for this run.
    pub(crate) rendered: Option<&'a Rendered>,
    /// Field manager of the program that made releases of these objects before.
    pub(crate) predecessor: &'static str,
    /// `metadata.uid` of the object.
    pub(crate) uid: &'a str,
    /// Milliseconds since 1970.
    pub(crate) now: u64,
}

/// What is written and removed.
#[derive(Debug, Default)]
pub(crate) struct Work {
    pub(crate) children: Vec<Child>,
    pub(crate) removals: Vec<Removal>,
    /// Those of the children that have to be there before what is late.
    pub(crate) first: Vec<Child>,
    /// Objects of kinds that are not served before that.
    pub(crate) late: Vec<String>,
    /// Records as they are after it.
    pub(crate) records: Vec<Record>,
    /// What of it people should know.
    pub(crate) events: Vec<turn::Event>,
    /// Bytes of their Secrets.
    pub(crate) written: usize,
    /// Not all effects are in it: the same state is gone on with when these are stored.
    pub(crate) partial: bool,
}

impl Hands<'_> {
    /// All effects of a turn.
    pub(crate) fn work(&self, turn: &Turn) -> Result<Work, Obstacle> {
        let mut work = Work::default();
        for effect in &turn.effects {
            if work.written > RECORDS {
                work.partial = true;
                return Ok(work);
            }
            match effect {
                Effect::Record(write) => self.record(write, &mut work)?,
                Effect::Forget { revision } => self.forget(*revision, &mut work),
                Effect::Ground => self.ground(&mut work)?,
                Effect::Objects { of, against } => self.objects(*of, against, &mut work)?,
                Effect::Remove { of } => self.remove(of, &mut work)?,
                Effect::Clean { of, besides } => self.clean(*of, besides, &mut work)?,
                Effect::Hook { of, act, run } => self.hook(*of, act, run, &mut work)?,
            }
        }
        self.last_forgotten(turn, &mut work)?;
        Ok(work)
    }
}

/// A child of a release: applied with Helm's field manager, whoever holds its fields.
fn applied(object: &Value) -> Child {
    Child::apply(object).unowned().force().manager(MANAGER)
}

/// The outcome of a turn.
pub(crate) fn of(turn: &Turn, work: Work, said: Said, wish: &Wish, now: u64) -> Outcome {
    if work.partial {
        return part(turn, work, wish);
    }
    let mut outcome = Outcome::new()
        .tag(turn.tag.clone())
        .children(work.children)
        .events(turn.events.iter().map(event))
        .requeue(requeue(turn, wish, now));
    for removal in work.removals {
        outcome = outcome.remove(removal);
    }
    if let Some(status) = said.status {
        outcome = outcome.patch_status(status);
    }
    for told in &said.conditions {
        outcome = outcome.condition(condition(told));
    }
    if let Some(account) = &wish.account {
        outcome = outcome.act_as(account.clone());
    }
    match turn.finalized {
        true => outcome.finalized(),
        false => outcome,
    }
}

/// The first effects alone: what is stored by then is not done again, and the status comes with the last ones.
fn part(turn: &Turn, work: Work, wish: &Wish) -> Outcome {
    let mut outcome = Outcome::new()
        .tag(turn.tag.clone())
        .children(work.children)
        .once_written();
    for removal in work.removals {
        outcome = outcome.remove(removal);
    }
    match &wish.account {
        Some(account) => outcome.act_as(account.clone()),
        None => outcome,
    }
}

/// What the object's status says afterwards.
#[derive(Debug, Default)]
pub(crate) struct Said {
    /// A merge patch.
    pub(crate) status: Option<Value>,
    pub(crate) conditions: Vec<turn::Condition>,
}

/// Only this Secret is stored before anything else is done, and the namespace that it may be in.
pub(crate) fn stored(secret: &Value, namespace: Option<Child>, wish: &Wish) -> Outcome {
    let outcome = Outcome::new()
        .tag("seed")
        .children(namespace)
        .child(Child::create(secret).unowned().manager(MANAGER))
        .once_written();
    match &wish.account {
        Some(account) => outcome.act_as(account.clone()),
        None => outcome,
    }
}

/// Only what comes first is done yet, and nothing is remembered: the same turn comes again.
pub(crate) fn held(
    tag: &str,
    late: &[String],
    first: Vec<Child>,
    wish: &Wish,
    now: u64,
) -> Outcome {
    let message = format!("waiting for the kind of {} to be served", late.join(", "));
    let outcome = Outcome::new()
        .tag(tag)
        .children(first)
        .condition(Condition::yes("Reconciling", "Progressing", message))
        .requeue_at(instant(now.saturating_add(LATE)));
    match &wish.account {
        Some(account) => outcome.act_as(account.clone()),
        None => outcome,
    }
}

/// Nothing is done, and nothing is remembered: something stands in the way.
pub(crate) fn blocked(obstacle: &Obstacle, now: u64) -> Outcome {
    let note = Condition::no("Ready", obstacle.reason, obstacle.message.clone());
    let outcome = Outcome::new().tag("blocked").children([]).condition(note);
    match obstacle.retry {
        Some(after) => outcome.requeue_at(instant(now.saturating_add(after))),
        None => outcome,
    }
}

fn event(event: &turn::Event) -> Event {
    let turn::Event {
        key,
        warning,
        reason,
        message,
    } = event;
    match warning {
        true => Event::warning(key, reason, message),
        false => Event::normal(key, reason, message),
    }
}

fn condition(told: &turn::Condition) -> Condition {
    let (kind, note) = (told.kind, &told.note);
    match note.is {
        Is::True => Condition::yes(kind, &note.reason, &note.message),
        Is::False => Condition::no(kind, &note.reason, &note.message),
        Is::Unknown => Condition::unknown(kind, &note.reason, &note.message),
    }
}

/// The source of the chart is asked again as often as the wish says, also while something is waited for: a fix may be pushed there.
fn requeue(turn: &Turn, wish: &Wish, now: u64) -> Requeue {
    let poll = wish
        .poll
        .filter(|_| !wish.suspended && !turn.finalized)
        .and_then(|poll| u64::try_from(poll.as_millis()).ok())
        .map(|poll| now.saturating_add(poll));
    match (turn.requeue, poll) {
        (turn::Requeue::OnceWritten, _) => Requeue::OnceWritten,
        (turn::Requeue::OnChange, None) => Requeue::OnChange,
        (turn::Requeue::OnChange, Some(at)) => Requeue::At(instant(at)),
        (turn::Requeue::At(at), poll) => Requeue::At(instant(poll.map_or(at, |poll| poll.min(at)))),
    }
}

fn instant(milliseconds: u64) -> Timestamp {
    Timestamp::from_millis(milliseconds)
}
