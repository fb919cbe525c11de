//! Writes that came to nothing: what is remembered of them, and until when they are not tried again.
//!
//! The host stops at the first refusal, and does not write the status of that outcome. So what is known is carried on in the
//! outcome's tag, too, until a status is written that tells it.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::time::Duration;

use oarlock_sdk::{ApiError, Context, ObjectRef, Report, Timestamp, Value, WriteStatus, json};

use super::{Gap, leaving, name, workload};
use crate::spec::{Held, Refused};

/// After how long a write that the API server refused is tried again where nothing changed.
const PATIENCE: Duration = Duration::from_secs(60);

/// How long it is waited at most for what is not kept.
const LONGEST: Duration = Duration::from_secs(600);

/// How often it is tried at once what may go well the next time.
const TRIES: u32 = 3;

/// How much of a message is carried on.
const CHARACTERS: usize = 1000;

/// Reason of what is written and is not there afterwards.
const INCOMPLETE: &str = "ProjectionIncomplete";

/// How the lines of a tag begin that carry one on.
const LINE: &str = "no ";

/// What is known of writes that came to nothing, at this generation of the binding.
pub(super) struct Refusals<'a> {
    /// One per workload.
    known: Vec<Held>,
    /// What became of the last outcome.
    last: Option<&'a Report>,
    now: Timestamp,
    generation: i64,
}

impl<'a> Refusals<'a> {
    /// By the last outcome, and by the status.
    pub(super) fn read(cx: &'a Context, generation: i64, held: &[Held]) -> Self {
        let last = cx
            .last()
            .filter(|last| leaving::generation(&last.tag) == Some(generation));
        let carried = last
            .into_iter()
            .flat_map(|last| last.tag.lines())
            .filter_map(|line| serde_json::from_str::<Held>(line.strip_prefix(LINE)?).ok());
        let mut known: Vec<Held> = Vec::new();
        for one in carried.chain(held.iter().cloned()) {
            let is_of_this = one
                .refused
                .as_ref()
                .is_some_and(|refused| refused.generation == generation);
            let is_known = known.iter().any(|known| {
                known.is(&one.target("", &[])) && is_incomplete(known) == is_incomplete(&one)
            });
            if is_of_this && !is_known {
                known.push(one);
            }
        }
        Self {
            known,
            last,
            now: cx.now(),
            generation,
        }
    }

    /// What the API server said to the last try.
    pub(super) fn of(&self, live: &Value) -> Option<Held> {
        let target = workload::reference(live);
        let known = self.known(&target, false);
        match self.became(&target) {
            Some(WriteStatus::Refused(error)) => {
                let tries = known
                    .and_then(|known| known.refused.as_ref())
                    .map_or(0, |refused| refused.tries)
                    .saturating_add(1);
                let is_passing = is_passing(error);
                let is_over = is_passing && tries < TRIES;
                let mut held = Held::of(&target);
                held.message = Some(message(&target, error));
                held.refused = Some(Refused {
                    // Whoever wrote in between changed it.
                    version: if is_passing {
                        String::new()
                    } else {
                        state(live)
                    },
                    generation: self.generation,
                    reason: error.reason.clone(),
                    tries,
                    until: (!is_over).then(|| self.now + PATIENCE),
                });
                Some(held)
            }
            Some(WriteStatus::Applied) => None,
            _ => known.cloned(),
        }
    }

    /// Whether what is put in by this object was put in before, and was not there afterwards.
    pub(super) fn unkept(&self, live: &Value, wanted: &Value) -> Option<Held> {
        let target = workload::reference(live);
        let version = digest(wanted);
        let known = self.known(&target, true).filter(|known| {
            let refused = known.refused.as_ref();
            refused.is_some_and(|refused| refused.version == version)
        });
        let line = format!("in {}", name(&target));
        let was_put = self
            .last
            .is_some_and(|last| last.tag.lines().any(|tag| tag == line));
        let status = self.became(&target).filter(|_| was_put);
        let (Some(WriteStatus::Applied | WriteStatus::Unchanged), true) = (status, was_put) else {
            return known.cloned();
        };
        let tries = known
            .and_then(|known| known.refused.as_ref())
            .map_or(0, |refused| refused.tries)
            .saturating_add(1);
        let is_told = tries >= TRIES
            || matches!(status, Some(WriteStatus::Unchanged))
            || known.is_some_and(|known| known.message.is_some());
        let pause = PATIENCE
            .saturating_mul(1 << tries.saturating_sub(TRIES).min(4))
            .min(LONGEST);
        let mut held = Held::of(&target);
        held.message = is_told.then(|| {
            format!(
                "{}: the API server does not keep what is put in\nhint: the definition of its kind may have no such fields; correct the mapping",
                name(&target)
            )
        });
        held.refused = Some(Refused {
            version,
            generation: self.generation,
            reason: INCOMPLETE.to_owned(),
            tries,
            until: (tries >= TRIES).then(|| self.now + pause),
        });
        Some(held)
    }

    /// Whether it is not tried again yet.
    pub(super) fn is_in_force(&self, held: &Held, live: &Value) -> bool {
        held.refused.as_ref().is_some_and(|refused| {
            let is_same = refused.version.is_empty()
                || refused.reason == INCOMPLETE
                || refused.version == state(live);
            is_same && refused.until.is_some_and(|until| self.now < until)
        })
    }

    fn known(&self, target: &ObjectRef, incomplete: bool) -> Option<&Held> {
        self.known
            .iter()
            .find(|known| known.is(target) && is_incomplete(known) == incomplete)
    }

    fn became(&self, target: &ObjectRef) -> Option<&'a WriteStatus> {
        let own = Held::of(target);
        let writes = &self.last?.writes;
        writes
            .iter()
            .find(|write| own.is(&write.target))
            .map(|write| &write.status)
    }
}

fn is_incomplete(held: &Held) -> bool {
    let refused = held.refused.as_ref();
    refused.is_some_and(|refused| refused.reason == INCOMPLETE)
}

/// As it is told.
pub(super) fn gap(held: &Held) -> Option<Gap> {
    let reason = match held.refused.as_ref()?.reason.as_str() {
        INCOMPLETE => INCOMPLETE,
        "Forbidden" | "GrantMissing" => "WorkloadForbidden",
        "Conflict" => "WorkloadConflict",
        _ => "WorkloadRefused",
    };
    Some(Gap::no(reason, held.message.clone()?))
}

/// As it is carried on.
pub(super) fn line(held: &Held) -> Option<String> {
    let text = serde_json::to_string(held).ok()?;
    Some(format!("{LINE}{text}"))
}

/// What the next look may find otherwise: somebody wrote in between, it is gone, or the API server was not reached.
fn is_passing(error: &ApiError) -> bool {
    match error.code {
        404 => true,
        409 => !error.message.contains("conflict with"),
        code => code == 0 || code == 429 || code >= 500,
    }
}

fn message(target: &ObjectRef, error: &ApiError) -> String {
    let hint = match error.code {
        409 => {
            "\nhint: somebody else sets the same field; take it out of there, or give spec.name or spec.env of the binding another name"
        }
        _ => "",
    };
    let said: String = error.message.chars().take(CHARACTERS).collect();
    format!("{} was not changed: {said}{hint}", name(target))
}

/// What a workload is without what is told of it, which changes while it runs.
fn state(live: &Value) -> String {
    let metadata = &live["metadata"];
    let own = [
        &metadata["uid"],
        &metadata["labels"],
        &metadata["annotations"],
    ];
    let mut content = live.clone();
    if let Some(fields) = content.as_object_mut() {
        fields.remove("status");
        fields.remove("metadata");
    }
    digest(&json!([own, content]))
}

/// The same for the same.
fn digest(object: &Value) -> String {
    let mut hasher = DefaultHasher::new();
    object.to_string().hash(&mut hasher);
    format!("{:016x}", hasher.finish())
}
