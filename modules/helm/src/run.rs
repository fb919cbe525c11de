//! One run of the module for one object: what is read becomes a [`Situation`](crate::situation::Situation), the machine
//! decides, and its turn becomes an outcome.
//!
//! The only room that knows the SDK. Nothing is decided here.

use std::collections::BTreeMap;

use oarlock_sdk::log::Level;
use oarlock_sdk::{AnyObject, Context, Failure, Outcome};
use serde_json::Value;

use crate::dialect::Settings;
use crate::dialect::status::{self, Told};
use crate::machine;
use crate::record::Record;
use crate::situation::{self, Obstacle, Situation};
use crate::state::{Place, State};
use crate::turn::{Event, Turn};
use crate::wish::Wish;
use engine::Engine;
use hybrid::{Asker, Beside, Steps};
use images::Followed;
use inputs::{Asked, Prepared};
use objects::Served;
use outcome::{Hands, Said};
use rendering::{Order, Rendered, Rendering};
use round::Course;
use shelf::Shelf;
use sights::Sights;

mod bereft;
mod decryption;
pub mod digest;
mod drift;
pub mod engine;
pub mod failed;
mod heed;
pub mod hybrid;
mod images;
pub mod inputs;
mod objects;
mod outcome;
mod package;
mod relatives;
pub mod rendering;
mod report;
mod round;
pub mod seed;
pub mod served;
pub mod shelf;
mod sights;
pub mod values;
mod wishes;

/// One run, with the steps of a hybrid where there are any.
///
/// # Errors
/// [`Failure::Invalid`] where fields of the object are wrong, and the failure of a step. Whatever else stands in the way is an
/// outcome: its conditions say so.
pub fn reconcile(
    object: &AnyObject,
    cx: &Context,
    engine: &dyn Engine,
    steps: Option<&dyn Steps>,
) -> Result<Outcome, Failure> {
    let settings: Settings = cx.settings()?;
    let asker = steps
        .map(|steps| Asker::new(steps, object, &settings, cx))
        .transpose()?;
    let object: Value = serde_json::from_str(object.text()).map_err(Failure::terminal)?;
    let last = cx.last().map(|report| report.tag.as_str());
    if status::is_dropped(&object, cx.attempt(), last) {
        return Err(Failure::retry(status::DROPPED));
    }
    let state = remembered(cx, &object);
    let Some(mut wished) = wishes::read(cx, &object, &settings, &state)? else {
        return Ok(Outcome::new().finalized());
    };
    if let Some(asker) = &asker {
        asker.compute(&mut wished.wish.values)?;
    }
    let now = cx.now().as_millis();
    // Filters that cannot be read stop what would begin, as a chart that cannot be had does.
    let (followed, unfollowed) = match images::follow(cx, &object, &mut wished.wish, now) {
        Ok(followed) => (followed, None),
        Err(obstacle) => (Followed::default(), Some(obstacle)),
    };
    let run = Run {
        cx,
        engine,
        object: &object,
        uid: text(&object, "/metadata/uid"),
        wish: &wished.wish,
        missing: unfollowed.as_ref().or(wished.missing.as_ref()),
        settings: &settings,
        asker: asker.as_ref(),
        now,
    };
    match run.go(&state, followed) {
        Ok(outcome) => Ok(outcome),
        Err(Stop::Blocked(obstacle)) if asker.is_some() => Err(hybrid::unasked(&obstacle)),
        Err(Stop::Blocked(obstacle)) => Ok(run.stopped(&state, &obstacle)),
        Err(Stop::Failed(failure)) => Err(failure),
    }
}

/// Why a run ends without a turn.
enum Stop {
    /// Something cannot be read.
    Blocked(Obstacle),
    /// The host has no answer.
    Failed(Failure),
}

impl From<Obstacle> for Stop {
    fn from(obstacle: Obstacle) -> Self {
        Self::Blocked(obstacle)
    }
}

impl From<Failure> for Stop {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

fn text<'a>(object: &'a Value, pointer: &str) -> &'a str {
    object
        .pointer(pointer)
        .and_then(Value::as_str)
        .unwrap_or_default()
}

/// What Helm warns of, once per revision.
fn warnings(state: &State, rendered: Option<&Rendered>) -> Vec<Event> {
    let (Some(action), Some(rendered)) = (&state.action, rendered) else {
        return Vec::new();
    };
    let told = rendered
        .warnings
        .iter()
        .enumerate()
        .map(|(place, warning)| Event {
            key: format!("warning-{}-{place}", action.number),
            warning: true,
            reason: String::from("ChartWarning"),
            message: warning.clone(),
        });
    told.collect()
}

/// What is remembered; nothing where somebody spoiled it: what is in the cluster tells enough.
fn remembered(cx: &Context, object: &Value) -> State {
    status::state(object).unwrap_or_else(|error| {
        let error = error.to_string();
        cx.log(
            Level::Warn,
            "what the status remembers cannot be read, and is forgotten",
            &[("error", &error)],
        );
        State::default()
    })
}

struct Run<'a> {
    cx: &'a Context,
    engine: &'a dyn Engine,
    object: &'a Value,
    uid: &'a str,
    wish: &'a Wish,
    missing: Option<&'a Obstacle>,
    settings: &'a Settings,
    asker: Option<&'a Asker<'a>>,
    now: u64,
}

impl Run<'_> {
    fn go(&self, state: &State, followed: Followed) -> Result<Outcome, Stop> {
        let place = situation::place(state, self.wish);
        let account = self.wish.account.as_deref();
        let shelf = Shelf::read(self.cx, &place, account)?;
        let Some(asker) = self.asker else {
            return self.decide(state, followed, &place, &shelf, &Beside::default());
        };
        let deleting = self.cx.deleting();
        let release = hybrid::release(state, &place, &shelf, self.uid, deleting)?;
        let beside = asker.ask(release.as_ref(), account)?;
        if let Some(held) = beside.held(state) {
            return Ok(held);
        }
        match self.decide(state, followed, &place, &shelf, &beside) {
            Err(Stop::Blocked(obstacle)) => {
                Ok(beside.beside(outcome::blocked(&obstacle, self.now)))
            }
            decided => decided,
        }
    }

    fn decide(
        &self,
        state: &State,
        followed: Followed,
        place: &Place,
        shelf: &Shelf<'_>,
        beside: &Beside,
    ) -> Result<Outcome, Stop> {
        let served = Served::new(self.cx);
        let sights = Sights {
            cx: self.cx,
            shelf,
            served: &served,
            wish: self.wish,
            uid: self.uid,
            now: self.now,
        };
        let newest = shelf.history().last();
        // What was taken as one's own is nobody else's.
        let foreign = newest.filter(|entry| state.adopted(entry).is_none());
        let maker = relatives::maker(self.cx, self.object, self.uid, foreign, self.now)?;
        let antecedent = maker.named();
        let dependencies = match (&state.action, self.cx.deleting()) {
            (None, false) => relatives::dependencies(self.cx, self.object, self.wish)?,
            _ => Vec::new(),
        };
        let waits = antecedent.is_some() || !dependencies.is_empty();
        let unseen = maker.unseen(place, self.now);
        let mut prepared = match beside.obstacle().or(unseen) {
            Some(obstacle) => Err(obstacle),
            None => self.prepared(state, waits),
        };
        let mut rendered = None;
        if let Ok(ready) = &prepared
            && self.renders(state, shelf, ready)
        {
            let order = Order {
                wish: self.wish,
                state,
                prepared: ready,
                shelf,
                origin: &self.origin(),
                stable: self.settings.stable_random,
            };
            match rendering::render(self.cx, self.engine, &order) {
                Ok(Rendering::Whole(whole)) => rendered = Some(*whole),
                Ok(Rendering::Seed(secret)) => {
                    let action = state.action.as_ref();
                    let home = text(self.object, "/metadata/namespace");
                    let namespace = outcome::namespace(self.cx, self.wish, place, home, action)?;
                    let stored = outcome::stored(&secret, namespace, self.wish);
                    return Ok(beside.beside(stored));
                }
                Err(obstacle) => prepared = Err(obstacle),
            }
        }
        let last = beside.without(report::last(self.cx));
        let unserved = self.unserved(state, shelf, &sights)?;
        let mut state = state.clone();
        let drift = self.drift(&mut state, shelf, &served, prepared.as_ref().ok())?;
        let state = &state;
        let at = Situation {
            wish: self.wish,
            generation: self.generation(),
            uid: self.uid,
            now: self.now,
            deleting: self.cx.deleting(),
            inputs: prepared
                .as_ref()
                .map(|ready| ready.inputs.clone())
                .map_err(Clone::clone),
            history: shelf.history(),
            newest: self.header(state, shelf),
            dependencies: &dependencies,
            antecedent,
            report: last.clone(),
            hooks: sights.hooks(state, last.as_ref())?,
            tests: sights.tests(state)?,
            readiness: sights.readiness(state)?,
            drift: drift.as_deref(),
            unserved: &unserved,
        };
        let turn = machine::step(state, &at);
        let hands = Hands {
            cx: self.cx,
            engine: self.engine,
            shelf,
            served: &served,
            sights: &sights,
            wish: self.wish,
            place,
            home: text(self.object, "/metadata/namespace"),
            action: state.action.as_ref(),
            chart: prepared
                .as_ref()
                .map(|ready| ready.artifact.digest.as_str()),
            rendered: rendered.as_ref(),
            predecessor: match self.api_version().starts_with("helm.toolkit.fluxcd.io/") {
                true => "helm-controller",
                // The first Flux's and the Operator SDK's programs have one name.
                false => "helm-operator",
            },
            uid: self.uid,
            now: self.now,
        };
        let (mut turn, mut work) = match self.carried_out(state, &at, turn, &hands)? {
            Course::Goes(goes) => *goes,
            Course::Held(outcome) => return Ok(beside.beside(*outcome)),
        };
        let mut said = self.said(state, &turn, &work.records, shelf, &prepared);
        said.conditions.extend(heed::chunked(self.object, newest));
        followed.tell(&mut said, &mut turn.events);
        turn.events.extend(warnings(state, rendered.as_ref()));
        turn.events.append(&mut work.events);
        beside.around(&mut work);
        beside.tell(&mut said, &turn.state);
        turn.finalized = turn.finalized && beside.lets_go(&mut said);
        let outcome = outcome::of(&turn, work, said, self.wish, self.now);
        Ok(beside.dressed(outcome))
    }

    fn api_version(&self) -> &str {
        text(self.object, "/apiVersion")
    }

    /// Labels by which today's Flux knows what its releases made.
    fn origin(&self) -> BTreeMap<String, String> {
        const FLUX: &str = "helm.toolkit.fluxcd.io";
        let mut labels = BTreeMap::new();
        if self.api_version().starts_with("helm.toolkit.fluxcd.io/") {
            for field in ["name", "namespace"] {
                let value = text(self.object, &format!("/metadata/{field}"));
                labels.insert(format!("{FLUX}/{field}"), value.to_owned());
            }
        }
        labels
    }

    fn generation(&self) -> i64 {
        let generation = self.object.pointer("/metadata/generation");
        generation.and_then(Value::as_i64).unwrap_or_default()
    }

    /// Chart and values, where anybody asks for them.
    fn prepared(&self, state: &State, waits: bool) -> Result<Prepared, Obstacle> {
        if let Some(missing) = self.missing {
            return Err(missing.clone());
        }
        // Before a release goes to another place what it becomes there has to be had.
        let leaves = self.moves(state) && state.action.is_some();
        if self.cx.deleting() || self.wish.suspended || waits || leaves {
            return Err(Obstacle {
                reason: "Progressing",
                message: String::from("chart and values were not looked at"),
                retry: None,
            });
        }
        let asked = Asked {
            wish: self.wish,
            state,
            namespace: text(self.object, "/metadata/namespace"),
            lenient: ["helm.fluxcd.io/", "flux.weave.works/"]
                .iter()
                .any(|group| self.api_version().starts_with(group)),
            decryption: decryption::secret(self.object, self.settings),
        };
        inputs::prepare(self.cx, self.engine, &asked)
    }

    /// Whether the wish names another place than the release has.
    fn moves(&self, state: &State) -> bool {
        situation::place(state, self.wish) != situation::wished(self.wish)
    }

    /// Whether this run needs the rendered chart: of inputs that changed meanwhile nobody wants it.
    fn renders(&self, state: &State, shelf: &Shelf<'_>, prepared: &Prepared) -> bool {
        situation::renders(state)
            && state.action.as_ref().is_some_and(|action| {
                shelf.entry(action.revision).is_none() && action.inputs == prepared.inputs
            })
    }

    fn said(
        &self,
        state: &State,
        turn: &Turn,
        written: &[Record],
        shelf: &Shelf<'_>,
        prepared: &Result<Prepared, Obstacle>,
    ) -> Said {
        let read = shelf.unpacked();
        // As they are afterwards, where this run writes them.
        let records: Vec<&Record> = written
            .iter()
            .chain(read.iter().map(AsRef::as_ref))
            .collect();
        let told = Told {
            object: self.object,
            wish: self.wish,
            before: state,
            turn,
            records: &records,
            revision: prepared
                .as_ref()
                .ok()
                .map(|ready| ready.artifact.revision.as_str()),
        };
        Said {
            status: told.status(),
            conditions: told.conditions(),
        }
    }
}

#[cfg(test)]
mod tests;
