//! The hooks of one event, run one after the other.
//!
//! [`Course::next`] is asked again and again; it looks at what is stored (the course itself), at what is seen of the hook that
//! [`Course::watched`] names, and at the clock. Whoever asks stores the course first and acts then. Killed between the two, or
//! after the act, it asks again and gets the same answer, or goes on: objects carry the run that created them.

use serde::{Deserialize, Serialize};

use super::sight::Sight;
use super::{DeletePolicy, Event, deletes, of, shows_output};
use crate::record::{Hook, Phase};

/// Seconds that may pass between storing and creating.
const AWAY: u64 = 30;

/// How far an event's hooks are. To be stored as it is; small.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Course {
    /// The event.
    pub event: Event,
    /// Names this run of this event among all of the release; goes into the annotation [`super::sight::RUN`]. A second test of the
    /// same revision has another one, and so have the events before and after one upgrade: what a hook of both left behind the first
    /// time would be taken for its second run.
    pub run: String,
    /// The hooks, in the order in which they run.
    steps: Vec<Step>,
    stage: Stage,
    /// Unix seconds: since when the stage waits for what it waits for.
    since: u64,
    /// Why the event failed, as soon as it has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    failure: Option<Failure>,
}

/// Why the hooks of an event failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Failure {
    /// Place of the hook in the record.
    pub hook: usize,
    /// What went wrong, in Helm's words.
    pub message: String,
}

/// What is to be done now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Act {
    /// Delete the objects of this hook, in the background.
    Delete(usize),
    /// Create the objects of this hook, marked with the run. Where one exists it is applied.
    Create(usize),
    /// Show the output of this hook's Job or Pod: it may be deleted next. It is said once, and lost on whoever does not act at once;
    /// [`Course::shown`] keeps it.
    Show(usize),
    /// Wait for this hook to end, or to be gone.
    Wait(usize),
    /// Look at this hook, and ask again at once.
    Look(usize),
    /// The event failed; all is cleaned up.
    Failed(Failure),
    /// The event is over, all is cleaned up.
    Done,
}

/// How far one hook is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Step {
    /// Place in the record.
    hook: usize,
    /// Unix seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    started: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ended: Option<Ended>,
    /// Whether its output was shown.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    shown: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Ended {
    /// Unix seconds.
    at: u64,
    succeeded: bool,
}

/// Places are those of `steps`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
enum Stage {
    /// The way is made free, and the object created.
    Start(usize),
    /// The object is, or was about to be, created.
    Created(usize),
    /// The object was seen.
    Seen(usize),
    /// The event is decided; this many hooks are yet to be cleaned up. In the order of [`Course::cleaned`].
    Clean(usize),
    /// Nothing is left.
    Over,
}

/// What `next` knows.
#[derive(Clone, Copy)]
struct Look<'a> {
    hooks: &'a [Hook],
    place: usize,
    hook: &'a Hook,
    sight: &'a Sight,
    now: u64,
    is_late: bool,
}

impl Course {
    /// Begins an event.
    #[must_use]
    pub fn begin(event: Event, run: impl Into<String>, hooks: &[Hook], now: u64) -> Self {
        Self::with(event, run, of(hooks, event), now)
    }

    /// Begins an event with some of its hooks: their places in the record, in the order in which they run.
    #[must_use]
    pub fn with(event: Event, run: impl Into<String>, places: Vec<usize>, now: u64) -> Self {
        let steps: Vec<Step> = places
            .into_iter()
            .map(|hook| Step {
                hook,
                started: None,
                ended: None,
                shown: false,
            })
            .collect();
        Self {
            event,
            run: run.into(),
            stage: if steps.is_empty() {
                Stage::Over
            } else {
                Stage::Start(0)
            },
            steps,
            since: now,
            failure: None,
        }
    }

    /// Place in the record of the hook whose objects have to be looked at before [`Course::next`]; none when it is over.
    #[must_use]
    pub fn watched(&self) -> Option<usize> {
        let step = match self.stage {
            Stage::Start(at) | Stage::Created(at) | Stage::Seen(at) => Some(at),
            Stage::Clean(left) => self.cleaned(left),
            Stage::Over => None,
        }?;
        self.steps.get(step).map(|step| step.hook)
    }

    /// What is to be done, and stored before it is: `self`, whenever it changed. `hooks` are those of the record, `sight` is what
    /// is seen of the hook that [`Course::watched`] names, `timeout` and `now` are in seconds.
    ///
    pub fn next(&mut self, hooks: &[Hook], sight: &Sight, now: u64, timeout: u64) -> Act {
        let is_late = now.saturating_sub(self.since) >= timeout;
        let Some((place, hook)) = self.watched_of(hooks) else {
            return self.end();
        };
        let look = Look {
            hooks,
            place,
            hook,
            sight,
            now,
            is_late,
        };
        match self.stage {
            Stage::Start(at) => self.start(at, &look),
            Stage::Created(at) | Stage::Seen(at) => self.watch(at, &look),
            Stage::Clean(left) => self.clean(left, &look),
            Stage::Over => self.end(),
        }
    }

    /// Whoever was away between storing that a Job is created and seeing it cannot tell whether it ran, where it goes by itself when it
    /// is done. It fails then, rather than run twice. Tells whether it did.
    pub fn missed(&mut self, hooks: &[Hook], sight: &Sight, now: u64) -> bool {
        let Stage::Created(at) = self.stage else {
            return false;
        };
        let Some((place, hook)) = self.watched_of(hooks) else {
            return false;
        };
        let away = now.saturating_sub(self.since);
        let ran = lasts(hook).is_some_and(|lasts| away > lasts.max(AWAY));
        if *sight != Sight::Absent || !ran {
            return false;
        }
        let message = self.said(
            hook,
            "was not seen: it may have run and be gone (ttlSecondsAfterFinished), and is not run twice",
        );
        self.fail(at, place, message, now);
        true
    }

    /// The cluster refused to create or delete the watched hook.
    pub fn refused(&mut self, hooks: &[Hook], message: &str, now: u64) {
        let Some(place) = self.watched() else { return };
        let path = hooks.get(place).map_or("", |hook| hook.path.as_str());
        match self.stage {
            Stage::Start(at) | Stage::Created(at) | Stage::Seen(at) => {
                let event = self.event.as_str();
                let message = format!("warning: Hook {event} {path} failed: {message}");
                self.fail(at, place, message, now);
            }
            Stage::Clean(left) => {
                self.fail_late(place, message);
                self.to(next_of(left), now);
            }
            Stage::Over => {}
        }
    }

    /// Places of the hooks whose output was, or was to be, shown.
    #[must_use]
    pub fn shown(&self) -> Vec<usize> {
        let shown = self.steps.iter().filter(|step| step.shown);
        shown.map(|step| step.hook).collect()
    }

    /// Writes how the hooks went into those of the record; `time` makes RFC 3339 of unix seconds.
    pub fn note(&self, hooks: &mut [Hook], time: impl Fn(u64) -> String) {
        for step in &self.steps {
            let (Some(hook), Some(started)) = (hooks.get_mut(step.hook), step.started) else {
                continue;
            };
            hook.last_run.started_at = Some(time(started));
            hook.last_run.completed_at = step.ended.map(|ended| time(ended.at));
            hook.last_run.phase = match step.ended {
                None => Phase::Running,
                Some(ended) if ended.succeeded => Phase::Succeeded,
                Some(_) => Phase::Failed,
            };
        }
    }

    /// Makes the way free and creates the object.
    fn start(&mut self, at: usize, look: &Look<'_>) -> Act {
        let &Look {
            place,
            hook,
            now,
            is_late,
            ..
        } = look;
        let is_cleared = deletes(hook, DeletePolicy::BeforeHookCreation);
        match look.sight {
            // However late: whoever was away for long has yet to try.
            Sight::Old if is_cleared => Act::Delete(place),
            Sight::Old => self.create(at, place, now),
            Sight::Leaving if !is_late => Act::Wait(place),
            Sight::Leaving => {
                let message = self.said(
                    hook,
                    "from before is still there: timed out waiting for the condition",
                );
                self.fail(at, place, message, now);
                self.settle(look)
            }
            Sight::Absent => self.create(at, place, now),
            // Created, and killed before that was stored.
            Sight::Running | Sight::Succeeded | Sight::Failed { .. } => {
                self.started(at, now);
                self.watch(
                    at,
                    &Look {
                        is_late: false,
                        ..*look
                    },
                )
            }
        }
    }

    fn create(&mut self, at: usize, place: usize, now: u64) -> Act {
        self.started(at, now);
        self.to(Stage::Created(at), now);
        Act::Create(place)
    }

    /// Waits for the end of the object.
    fn watch(&mut self, at: usize, look: &Look<'_>) -> Act {
        let &Look {
            place,
            now,
            is_late,
            ..
        } = look;
        let seen = matches!(self.stage, Stage::Seen(_));
        match look.sight {
            Sight::Succeeded => {
                self.ended(at, true, now);
                match at + 1 < self.steps.len() {
                    true => self.to(Stage::Start(at + 1), now),
                    false => self.decided(now),
                }
                self.settle(look)
            }
            Sight::Failed { why } => {
                self.fail(at, place, why.clone(), now);
                self.settle(look)
            }
            _ if is_late => {
                let message = self.said(
                    look.hook,
                    "did not end: timed out waiting for the condition",
                );
                self.fail(at, place, message, now);
                self.settle(look)
            }
            // Killed between storing and creating.
            Sight::Absent | Sight::Old if !seen => Act::Create(place),
            Sight::Absent | Sight::Old | Sight::Leaving => {
                let message = self.said(look.hook, "was deleted before it was seen to end");
                self.fail(at, place, message, now);
                self.settle(look)
            }
            Sight::Running => {
                if !seen {
                    self.stage = Stage::Seen(at);
                }
                Act::Wait(place)
            }
        }
    }

    /// Cleans up one hook, whatever the event has come to.
    fn clean(&mut self, left: usize, look: &Look<'_>) -> Act {
        let &Look {
            place,
            hook,
            sight,
            now,
            is_late,
            ..
        } = look;
        let Some(at) = self.cleaned(left) else {
            return self.end();
        };
        let is_there = !matches!(sight, Sight::Absent | Sight::Old);
        if is_there && self.shows(at, hook) {
            if let Some(step) = self.steps.get_mut(at) {
                step.shown = true;
            }
            return Act::Show(place);
        }
        // What is not of this run is not ours to delete: its name may be taken by somebody else.
        if is_there && deletes(hook, self.cleaning(at)) {
            match sight {
                Sight::Leaving if is_late => {}
                Sight::Leaving => return Act::Wait(place),
                _ => return Act::Delete(place),
            }
            let message = self.said(hook, "is still there: timed out waiting for the condition");
            self.fail_late(place, &message);
        }
        self.to(next_of(left), now);
        self.settle(look)
    }

    /// After a step without an act: what to do next is asked with another look, unless all is over.
    fn settle(&mut self, look: &Look<'_>) -> Act {
        while let Stage::Clean(left) = self.stage {
            let at = self.cleaned(left);
            let hook = self.watched_of(look.hooks);
            if at.is_some_and(|at| hook.is_some_and(|(_, hook)| self.has_to_be_cleaned(at, hook))) {
                break;
            }
            self.to(next_of(left), look.now);
        }
        match self.watched() {
            Some(place) => Act::Look(place),
            None => self.end(),
        }
    }

    fn has_to_be_cleaned(&self, at: usize, hook: &Hook) -> bool {
        self.shows(at, hook) || deletes(hook, self.cleaning(at))
    }

    /// The policy under which a hook goes that ended.
    fn cleaning(&self, at: usize) -> DeletePolicy {
        if self.succeeded(at) {
            DeletePolicy::HookSucceeded
        } else {
            DeletePolicy::HookFailed
        }
    }

    fn succeeded(&self, at: usize) -> bool {
        let ended = self.steps.get(at).and_then(|step| step.ended);
        ended.is_some_and(|ended| ended.succeeded)
    }

    fn said(&self, hook: &Hook, what: &str) -> String {
        let Hook {
            path, kind, name, ..
        } = hook;
        format!(
            "{} hook {path}: {kind} {name:?} {what}",
            self.event.as_str()
        )
    }

    fn watched_of<'a>(&self, hooks: &'a [Hook]) -> Option<(usize, &'a Hook)> {
        let place = self.watched()?;
        Some((place, hooks.get(place)?))
    }

    fn end(&mut self) -> Act {
        self.stage = Stage::Over;
        self.failure.clone().map_or(Act::Done, Act::Failed)
    }

    /// The step that is cleaned up when so many are left. Where the event succeeded, the last one comes first; where it failed,
    /// the failed one, and then those before it from the first on.
    fn cleaned(&self, left: usize) -> Option<usize> {
        let ended = self
            .steps
            .iter()
            .filter(|step| step.ended.is_some())
            .count();
        let last = left.checked_sub(1)?;
        match self.failed_step() {
            None => Some(last),
            Some(failed) if left == ended => Some(failed),
            Some(failed) => (ended - 1).checked_sub(left).filter(|at| *at < failed),
        }
    }

    /// The hook that failed, if one did: a late failure is of none.
    fn failed_step(&self) -> Option<usize> {
        self.steps
            .iter()
            .position(|step| step.ended.is_some_and(|ended| !ended.succeeded))
    }

    /// Whether the output of a hook has yet to be shown. Helm shows that of succeeded hooks only where all did.
    fn shows(&self, at: usize, hook: &Hook) -> bool {
        self.steps.get(at).is_some_and(|step| !step.shown)
            && self.failed_step().is_none_or(|failed| failed == at)
            && shows_output(hook, self.succeeded(at))
    }

    fn decided(&mut self, now: u64) {
        let ended = self
            .steps
            .iter()
            .filter(|step| step.ended.is_some())
            .count();
        self.to(Stage::Clean(ended), now);
    }

    fn fail(&mut self, at: usize, hook: usize, message: String, now: u64) {
        self.started(at, now);
        self.ended(at, false, now);
        self.failure = Some(Failure { hook, message });
        self.decided(now);
    }

    /// Cleaning up failed: that counts where nothing else did.
    fn fail_late(&mut self, hook: usize, message: &str) {
        self.failure.get_or_insert_with(|| Failure {
            hook,
            message: message.to_owned(),
        });
    }

    fn to(&mut self, stage: Stage, now: u64) {
        self.stage = stage;
        self.since = now;
    }

    fn started(&mut self, at: usize, now: u64) {
        if let Some(step) = self.steps.get_mut(at) {
            step.started.get_or_insert(now);
        }
    }

    fn ended(&mut self, at: usize, succeeded: bool, now: u64) {
        if let Some(step) = self.steps.get_mut(at) {
            step.ended = Some(Ended { at: now, succeeded });
        }
    }
}

/// Seconds for which a Job stays that has ended; none for what stays until somebody deletes it.
fn lasts(hook: &Hook) -> Option<u64> {
    let objects = super::objects(hook).ok()?;
    let mut all = objects.iter().filter(|object| object.kind() == "Job");
    all.find_map(|job| {
        job.content
            .get("spec")?
            .get("ttlSecondsAfterFinished")?
            .as_u64()
    })
}

const fn next_of(left: usize) -> Stage {
    match left {
        0 | 1 => Stage::Over,
        left => Stage::Clean(left - 1),
    }
}
