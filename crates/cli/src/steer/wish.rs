//! What a person wishes of a rollout, and what that means where it stands: decided here, written elsewhere.

use serde_json::{Map, Value, json};
use thiserror::Error;

use super::rollout::{Rollout, Standing};

/// What a person wishes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wish {
    /// On, past a step.
    Promote(Reach),
    /// Back to what served before.
    Abort,
    /// Once more what was given up.
    Retry,
    /// Stay where it is.
    Pause,
    /// On again after a pause.
    Resume,
}

/// How far a promotion goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reach {
    /// Past the current step.
    Current,
    /// Past this step, counted from 1.
    Step(u32),
    /// To the end.
    Full,
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Decision {
    /// A change of `spec`.
    Write(Change),
    /// Nothing: it is so already.
    Already(String),
}

/// A change of `spec`, and what it means.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Change {
    /// JSON Merge Patch of `spec`.
    pub(super) spec: Value,
    /// What was asked for, in a line.
    pub(super) done: String,
    /// What will happen.
    pub(super) then: String,
    /// How to take it back.
    pub(super) undo: String,
    /// The field that has to be there afterwards, by its place in `control`.
    pub(super) proof: Option<(&'static str, String)>,
}

/// Why a wish cannot be.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub(super) enum Refusal {
    /// Nobody has said which revision is rolled out.
    #[error("has no status.currentRevision, so no revision can be meant")]
    NoRevision,
    /// There is nothing to steer.
    #[error(
        "nothing is rolling out: {0} serves alone; hint: a change of the version begins a rollout, and `spec.paused: true` holds it \
         from its beginning"
    )]
    NothingRolls(String),
    /// A first version has nothing before it.
    #[error("{revision} is the first version, which is being installed: {why}")]
    First {
        /// What is being installed.
        revision: String,
        /// Why the wish makes no sense.
        why: &'static str,
    },
    /// It was given up.
    #[error("{revision} was given up; hint: `oarlock retry {words}` rolls it out again")]
    GivenUp {
        /// What was given up.
        revision: String,
        /// The object on a command line.
        words: String,
    },
    /// It was not given up.
    #[error(
        "{0} was not given up, so there is nothing to retry; hint: `oarlock explain` tells what it waits for"
    )]
    NotGivenUp(String),
}

/// What `wish` means for a rollout; `words` name its object on a command line.
pub(super) fn decide(wish: Wish, rollout: &Rollout, words: &str) -> Result<Decision, Refusal> {
    match wish {
        Wish::Promote(reach) => promote(reach, rollout, words),
        Wish::Abort => abort(rollout, words),
        Wish::Retry => retry(rollout, words),
        Wish::Pause => pause(rollout, words),
        Wish::Resume => Ok(resume(rollout, words)),
    }
}

/// A version on its way.
struct Way<'a> {
    revision: &'a str,
    stable: &'a str,
    /// The current step, counted from 1.
    step: u32,
}

/// The version that is on its way, or will be as soon as the operator has heard of a retry.
fn way<'a>(rollout: &'a Rollout, words: &str) -> Result<Way<'a>, Refusal> {
    match rollout.standing() {
        Standing::Rolling { revision, stable } => Ok(Way {
            revision,
            stable,
            step: rollout.progress.current_step.unwrap_or(0).max(1),
        }),
        // The step that it was given up at is not the one that it begins with.
        Standing::GivenUp(revision) if rollout.retrying() => Ok(Way {
            revision,
            stable: rollout.stable(),
            step: 1,
        }),
        standing => Err(refusal(standing, "it takes no steps", words)),
    }
}

fn promote(reach: Reach, rollout: &Rollout, words: &str) -> Result<Decision, Refusal> {
    let way = way(rollout, words)?;
    let (revision, stable, current) = (way.revision, way.stable, way.step);
    if rollout.control.abort.as_deref() == Some(revision) {
        return Err(refusal(Standing::GivenUp(revision), "", words));
    }
    let (step, far) = match reach {
        Reach::Current => (current, current.to_string()),
        Reach::Step(step) => (step, step.to_string()),
        Reach::Full => (u32::MAX, "full".to_owned()),
    };
    let promoted = rollout.promoted(revision).unwrap_or(0);
    let past = |step: u32| match step {
        u32::MAX => "all steps".to_owned(),
        step => format!("step {step}"),
    };
    let held = rollout.control.pause.as_deref() == Some(revision);
    if (promoted >= step || step < current) && !held {
        let reached = promoted.max(current.saturating_sub(1));
        return Ok(Decision::Already(format!(
            "{revision} is promoted past {} already",
            past(reached)
        )));
    }
    // A wish that reaches further than this one is not taken back by it.
    let wish = match promoted {
        u32::MAX => format!("{revision}/full"),
        further if further > step => format!("{revision}/{further}"),
        _ => format!("{revision}/{far}"),
    };
    let mut control = json!({"promote": wish});
    let mut then = match reach {
        Reach::Full => {
            "It goes to the end without the waits, checks and confirmations of its steps".to_owned()
        }
        _ => format!(
            "It goes on without what {} still waits for; the steps after it are taken as they are",
            past(step)
        ),
    };
    then.push_str("; new Pods still have to get available before old ones go");
    if held {
        control["pause"] = Value::Null;
        then.push_str(". Its pause is over");
    }
    Ok(Decision::Write(Change {
        spec: json!({"control": control}),
        done: format!("{revision} is promoted past {}", past(step)),
        then,
        undo: format!("`oarlock abort {words}` gives {revision} up, and {stable} serves again"),
        proof: Some(("promote", wish)),
    }))
}

fn abort(rollout: &Rollout, words: &str) -> Result<Decision, Refusal> {
    let (revision, stable) = match rollout.standing() {
        Standing::Rolling { revision, stable } => (revision, stable),
        Standing::GivenUp(revision) if !rollout.retrying() => {
            return Ok(Decision::Already(format!("{revision} is given up already")));
        }
        // A retry that nobody has answered yet: it is taken back.
        Standing::GivenUp(revision) => (revision, rollout.stable()),
        standing => return Err(refusal(standing, "nothing served before it", words)),
    };
    if rollout.control.abort.as_deref() == Some(revision) {
        return Ok(Decision::Already(format!(
            "the operator is asked already to give {revision} up"
        )));
    }
    Ok(Decision::Write(Change {
        spec: json!({"control": {"abort": revision}}),
        done: format!("{revision} is given up"),
        then: format!(
            "{stable} grows to all replicas, then {revision} shrinks. It is not tried again until its template changes or somebody retries"
        ),
        undo: format!("`oarlock retry {words}` rolls {revision} out again, from its first step"),
        proof: Some(("abort", revision.to_owned())),
    }))
}

fn retry(rollout: &Rollout, words: &str) -> Result<Decision, Refusal> {
    let aborted = |revision: &str| rollout.control.abort.as_deref() == Some(revision);
    let revision = match rollout.standing() {
        Standing::GivenUp(revision) => revision,
        Standing::Rolling { revision, .. } if aborted(revision) => revision,
        Standing::Rolling { revision, .. } => {
            return Err(Refusal::NotGivenUp(revision.to_owned()));
        }
        standing => return Err(refusal(standing, "it is tried until it runs", words)),
    };
    if rollout.retrying() && !aborted(revision) {
        return Ok(Decision::Already(format!(
            "the operator is asked already to retry {revision}"
        )));
    }
    let token = rollout.next_retry(revision);
    let mut control = json!({"retry": token});
    let mut then = format!("{revision} is rolled out again, from its first step");
    if aborted(revision) {
        control["abort"] = Value::Null;
        then.push_str(". The abort is taken back");
    }
    if rollout.promoted(revision).is_some() {
        control["promote"] = Value::Null;
        then.push_str(". Promotions of it are taken back");
    }
    Ok(Decision::Write(Change {
        spec: json!({"control": control}),
        done: format!("{revision} is retried"),
        then,
        undo: format!("`oarlock abort {words}` gives it up again"),
        proof: Some(("retry", token)),
    }))
}

fn pause(rollout: &Rollout, words: &str) -> Result<Decision, Refusal> {
    let revision = way(rollout, words)?.revision;
    if rollout.control.pause.as_deref() == Some(revision) {
        return Ok(Decision::Already(format!("{revision} is paused already")));
    }
    let mut control = json!({"pause": revision});
    let mut then = String::from(
        "It stays where it is: no step begins or ends, and its progress deadline does not run. Replicas that somebody sets are \
         still shared out",
    );
    // A promotion to the end ends pauses.
    if rollout.promoted(revision).is_some() {
        control["promote"] = Value::Null;
        then.push_str(". Promotions of it are taken back");
    }
    Ok(Decision::Write(Change {
        spec: json!({"control": control}),
        done: format!("{revision} is paused"),
        then,
        undo: format!("`oarlock resume {words}` lets it go on"),
        proof: Some(("pause", revision.to_owned())),
    }))
}

fn resume(rollout: &Rollout, words: &str) -> Decision {
    let mut spec = Map::new();
    let mut fields: Vec<String> = Vec::new();
    if rollout.control.pause.is_some() {
        spec.insert("control".to_owned(), json!({"pause": null}));
        fields.push("spec.control.pause".to_owned());
    }
    for field in &rollout.holds {
        spec.insert((*field).to_owned(), Value::Null);
        fields.push(format!("spec.{field}"));
    }
    if spec.is_empty() {
        return Decision::Already(format!(
            "nobody has paused it; a step that waits for somebody is passed by `oarlock promote {words}`"
        ));
    }
    let (done, undo) = match rollout.standing() {
        Standing::Rolling { revision, .. } => (
            format!("{revision} goes on"),
            format!("`oarlock pause {words}` holds it again"),
        ),
        _ => (
            "it is no longer paused".to_owned(),
            "`spec.paused: true` holds the next rollout from its beginning".to_owned(),
        ),
    };
    Decision::Write(Change {
        spec: Value::Object(spec),
        done,
        then: format!(
            "{} {} taken away; time that was spent paused does not count",
            fields.join(", "),
            if fields.len() == 1 { "is" } else { "are" }
        ),
        undo,
        proof: None,
    })
}

/// Why a wish for a rollout on its way is none here.
fn refusal(standing: Standing<'_>, first: &'static str, words: &str) -> Refusal {
    match standing {
        Standing::Unknown => Refusal::NoRevision,
        Standing::Stable(revision) => Refusal::NothingRolls(revision.to_owned()),
        Standing::Installing(revision) => Refusal::First {
            revision: revision.to_owned(),
            why: first,
        },
        Standing::GivenUp(revision) | Standing::Rolling { revision, .. } => Refusal::GivenUp {
            revision: revision.to_owned(),
            words: words.to_owned(),
        },
    }
}

#[cfg(test)]
mod tests;
