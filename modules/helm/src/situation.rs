//! What a run sees. All of it is small data: whoever fills it in has read, rendered and compared already.

use crate::hooks::course::{Act, Course};
use crate::hooks::sight::Sight;
use crate::hooks::{self, Event};
use crate::machine::{moment, tag};
use crate::record::Hook;
use crate::state::{Action, Inputs, Place, Snapshot, Stage, State, Verb};
use crate::status;
use crate::storage::Entry;
use crate::wish::{Rules, Wish};

/// Label of our records: the object, the revision and the action that made them. Helm copies labels to revisions that it
/// makes of ours; the revision in it tells them apart.
pub const TOKEN_LABEL: &str = "helm.oarlock.dev/action";

/// What a run sees.
#[derive(Clone, Debug)]
pub struct Situation<'a> {
    /// What is wished for.
    pub wish: &'a Wish,
    /// `metadata.generation` of its object.
    pub generation: i64,
    /// `metadata.uid` of its object.
    pub uid: &'a str,
    /// Milliseconds since 1970.
    pub now: u64,
    /// The object is being deleted.
    pub deleting: bool,
    /// What the wish comes to. Where [`renders`] says so, only what was rendered too, so that nothing is begun that cannot be.
    pub inputs: Result<Inputs, Obstacle>,
    /// All revisions of the release at [`place`], oldest first.
    pub history: &'a [Entry],
    /// What the newest of them says.
    pub newest: Option<Header>,
    /// Releases that it depends on and that are not ready, with what is missing.
    pub dependencies: &'a [String],
    /// Another living object that this release is of, as `kind namespace/name`.
    pub antecedent: Option<&'a str>,
    /// What became of the last turn's effects; none after a restart.
    pub report: Option<Report>,
    /// Hooks of the action's moment: [`Hooks::of`].
    pub hooks: Hooks,
    /// How many tests the newest revision has.
    pub tests: usize,
    /// Objects of the action's revision; whether they are gone, for an uninstallation.
    pub readiness: Readiness,
    /// Objects that differ from the newest revision, with the wish's exceptions; none where nobody looked.
    pub drift: Option<&'a [String]>,
    /// Objects of stored manifests whose kinds are not served any more.
    pub unserved: &'a [Unserved],
}

/// Why nothing can be brought about, before anything was touched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Obstacle {
    /// One CamelCase word, such as `ArtifactFailed`.
    pub reason: &'static str,
    /// What is wrong and what to do.
    pub message: String,
    /// Milliseconds after which it may be better by itself; none where something has to change.
    pub retry: Option<u64>,
}

/// What a record says, beside its labels.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Header {
    /// Namespace of its release.
    pub namespace: String,
    /// Its description.
    pub description: String,
    /// Name of its chart.
    pub chart_name: String,
    /// Version of its chart.
    pub chart_version: String,
    /// Digest of its values.
    pub config_digest: String,
    /// When it was written, in milliseconds since 1970.
    pub last_deployed: Option<u64>,
}

impl Header {
    /// Whether it is of these inputs, as far as a record tells.
    #[must_use]
    pub fn is_of(&self, inputs: &Inputs) -> bool {
        self.chart_name == inputs.chart_name
            && self.chart_version == inputs.chart_version
            && self.config_digest == inputs.config_digest
    }
}

/// What became of the last turn's effects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// Tag of that turn.
    pub tag: String,
    /// The first that was refused.
    pub refused: Option<Refusal>,
}

/// A write that was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The object, for people.
    pub target: String,
    /// HTTP status code; 0 where there was no answer.
    pub code: u16,
    /// What the API server says.
    pub message: String,
}

impl Refusal {
    /// Whether the same write may be taken later.
    #[must_use]
    pub const fn passes(&self) -> bool {
        matches!(self.code, 0 | 408 | 409 | 425 | 429) || self.code >= 500
    }
}

/// What the hooks of the action's [`moment`](crate::machine::moment) want.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Hooks {
    /// None is left, and what was to be cleaned up is.
    #[default]
    Over,
    /// This has to be stored before anything is done.
    Moved(Box<Course>),
    /// This is to be done; what it needs is stored.
    Due(Act),
    /// One of them is waited for: its place in the record.
    Waiting(usize),
    /// They failed, in Helm's words, and what was to be cleaned up is.
    Failed(String),
}

impl Hooks {
    /// What those of the action's moment want. `hooks` are those of its record; `sight` gives what is seen of the one at a place.
    pub fn of(
        state: &State,
        wish: &Wish,
        uid: &str,
        hooks: &[Hook],
        sight: impl FnOnce(usize) -> Sight,
        now: u64,
        report: Option<&Report>,
    ) -> Self {
        let Some(action) = &state.action else {
            return Self::Over;
        };
        let Some(event) = moment(action) else {
            return Self::Over;
        };
        let places = match (event, &wish.policy.test) {
            (Event::Test, Some(test)) => hooks::tests_of(hooks, test),
            _ => hooks::of(hooks, event),
        };
        let stored = action.course(event);
        if stored.is_none() && places.is_empty() {
            return Self::Over;
        }
        let timeout = status::timeout(action.verb, wish);
        let seconds = now / 1000;
        let run = run(uid, action, event);
        let mut course = stored
            .cloned()
            .unwrap_or_else(|| Course::with(event, run, places, seconds));
        // What is refused before is the record, and no hook.
        let runs = matches!(action.stage, Stage::Before | Stage::After);
        let refused = report
            .filter(|report| runs && report.tag == tag(state))
            .and_then(|report| report.refused.as_ref())
            .filter(|refusal| !refusal.passes());
        // Where no hook is under way something else was refused.
        if let Some(refusal) = refused.filter(|_| course.watched().is_some()) {
            course.refused(hooks, &refusal.message, seconds);
            return Self::Moved(Box::new(course));
        }
        let seen = course.watched().map_or(Sight::Absent, sight);
        let was_away = report.is_none_or(|report| report.tag != tag(state));
        if was_away && course.missed(hooks, &seen, seconds) {
            return Self::Moved(Box::new(course));
        }
        let act = course.next(hooks, &seen, seconds, timeout.as_secs());
        if stored != Some(&course) {
            return Self::Moved(Box::new(course));
        }
        match act {
            Act::Done => Self::Over,
            Act::Failed(failure) => Self::Failed(failure.message),
            Act::Wait(place) | Act::Look(place) | Act::Show(place) => Self::Waiting(place),
            Act::Create(_) | Act::Delete(_) => Self::Due(act),
        }
    }
}

/// Readiness of objects.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Readiness {
    /// All are; all are gone, for an uninstallation.
    #[default]
    Reached,
    /// What is waited for.
    Waiting(String),
    /// What will not get ready by itself, where nothing else is waited for.
    Failed(String),
}

/// Objects of a stored manifest whose kinds are not served any more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unserved {
    /// Revision of the manifest.
    pub revision: u32,
    /// `apiVersion kind name` of an object.
    pub object: String,
}

impl Situation<'_> {
    pub(crate) fn entry(&self, version: u32) -> Option<&Entry> {
        self.history.iter().find(|entry| entry.version == version)
    }

    pub(crate) fn last(&self) -> Option<&Entry> {
        self.history.last()
    }

    /// What this object's action writes on its record.
    pub(crate) fn token(&self, action: &Action) -> String {
        token(self.uid, action.revision, action.number)
    }

    /// Whether this object made a record.
    pub(crate) fn is_ours(&self, entry: &Entry) -> bool {
        is_maker(self.uid, entry)
    }

    /// Whether the release goes with this object: it made the newest revision or took it as its own, or Helm made that of one of
    /// its own.
    pub(crate) fn is_release_of(&self, state: &State) -> bool {
        let adopted = |entry: &Entry| state.adopted(entry).is_some();
        let Some(newest) = self.last() else {
            return false;
        };
        match newest.labels.get(TOKEN_LABEL) {
            Some(token) => token.split('.').next() == Some(self.uid) || adopted(newest),
            None => self
                .history
                .iter()
                .any(|entry| self.is_ours(entry) || adopted(entry)),
        }
    }
}

/// Whether the object of this uid made a record.
#[must_use]
pub fn is_maker(uid: &str, entry: &Entry) -> bool {
    let prefix = format!("{uid}.{}.", entry.version);
    entry
        .labels
        .get(TOKEN_LABEL)
        .is_some_and(|token| token.starts_with(&prefix))
}

/// What is known of a revision that the object of this uid made, or took as its own.
#[must_use]
pub fn known<'a>(state: &'a State, uid: &str, entry: &Entry) -> Option<&'a Snapshot> {
    match is_maker(uid, entry) {
        true => state.snapshot(entry.version),
        false => state.adopted(entry),
    }
}

/// Value of [`TOKEN_LABEL`].
#[must_use]
pub fn token(uid: &str, revision: u32, number: u64) -> String {
    format!("{uid}.{revision}.{number}")
}

/// Names the hooks of one event of one action: what runs before it does not count for what runs after it.
#[must_use]
pub fn run(uid: &str, action: &Action, event: Event) -> String {
    let token = token(uid, action.revision, action.number);
    format!("{token}.{}", event.as_str())
}

/// The release to look at: while one that is not wished for any more goes, that one.
#[must_use]
pub fn place(state: &State, wish: &Wish) -> Place {
    state.release.clone().unwrap_or_else(|| wished(wish))
}

/// The release that is wished for.
#[must_use]
pub fn wished(wish: &Wish) -> Place {
    Place {
        name: wish.name.clone(),
        namespace: wish.namespace.clone(),
        storage: wish.storage.clone(),
    }
}

/// Whether the readiness of an object is waited for, where that of objects is. Helm has a flag of its own for Jobs.
#[must_use]
pub fn watched(rules: &Rules, api_version: &str, kind: &str) -> bool {
    rules.jobs || kind != "Job" || !api_version.starts_with("batch/")
}

/// Whether the chart has to be rendered for this run: an installation or upgrade is about to write its record. Nothing was
/// touched by then, so that what cannot be rendered touches nothing.
#[must_use]
pub fn renders(state: &State) -> bool {
    state.action.as_ref().is_some_and(|action| {
        matches!(action.verb, Verb::Install | Verb::Upgrade) && action.stage == Stage::Begin
    })
}
