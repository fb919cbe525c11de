//! What conditions and Events say: the service catalog's types and reasons.

use crate::situation::{Obstacle, Secret, Situation, Subject};
use crate::state::{Operation, Stage, Stand, State, Verb};
use crate::turn::{Condition, Is, Note};

/// Milliseconds after which nobody is astonished that it is told what can be done: ten minutes.
const LONG: u64 = 600_000;

/// What can be done about a deletion that does not come to its end.
const WAY_OUT: &str = "\nhint: where the broker does not come back, the annotation servicecatalog.oarlock.dev/abandon (why), or \
                       spec.deletionPolicy: Abandon, leaves there what it has";

/// What conditions say. `say` is what this turn has to say of itself.
pub(super) fn conditions(state: &State, at: &Situation<'_>, say: Option<Note>) -> Vec<Condition> {
    let condition = |kind, note| Condition { kind, note };
    vec![
        condition("Ready", say.unwrap_or_else(|| ready(state, at))),
        condition("Failed", has_failed(state)),
        condition("OrphanMitigation", mitigation(state, at.subject)),
    ]
}

fn ready(state: &State, at: &Situation<'_>) -> Note {
    let subject = at.subject;
    let current = state.current();
    let under_way = state.operation.as_ref();
    // While another binding takes its place, the credentials that there are go on to be good.
    let stored = matches!(at.secret, Secret::Own(_));
    let serves = subject == Subject::Binding && current.is_some() && stored;
    if let Some(operation) = under_way.filter(|_| !serves || at.deleting) {
        let mut note = progress(subject, operation);
        if at.deleting && is_stuck(operation, at.now) {
            note.message.push_str(WAY_OUT);
        }
        return note;
    }
    if let Some(failure) = state.failure.as_ref().filter(|_| !serves) {
        return Note::new(Is::False, &failure.reason, failure.message.clone());
    }
    match current {
        Some(holding) if holding.facts.unusable => Note::new(
            Is::False,
            "InstanceUnusable",
            "the broker says that the instance cannot be used any more",
        ),
        Some(_) => {
            let (reason, message) = made(subject);
            let mut message = message.to_owned();
            if let Some(failure) = &state.failure {
                message = format!("{message}, but not their successors: {}", failure.message);
            } else if under_way.is_some_and(|operation| operation.verb == Verb::Create) {
                message.push_str("; their successors are being made");
            }
            Note::new(Is::True, reason, message)
        }
        None if at.deleting && state.holdings.is_empty() => {
            let (reason, message) = gone(subject, false);
            Note::new(Is::False, reason, message)
        }
        None => Note::new(Is::False, "NotYetAsked", "the broker was not asked yet"),
    }
}

/// Whether a deletion may need somebody's help.
fn is_stuck(operation: &Operation, now: u64) -> bool {
    let is_told = operation.note.is_some() && !operation.unstored;
    let takes_long = now.saturating_sub(operation.since) >= LONG;
    // A broker that works at it may take its time.
    let is_well = matches!(operation.stage, Stage::Polling { .. }) && !takes_long;
    operation.verb == Verb::Delete && is_told && !is_well
}

fn progress(subject: Subject, operation: &Operation) -> Note {
    let words = words(subject, operation.verb);
    let polls = matches!(operation.stage, Stage::Polling { .. });
    match &operation.note {
        Some(note) if operation.unstored => {
            let reason = match operation.verb {
                Verb::Delete => "ErrorEjectingServiceBinding",
                Verb::Create | Verb::Update | Verb::Fetch => "ErrorInjectingBindResult",
            };
            Note::new(Is::False, reason, note.clone())
        }
        // It is still being tried; how far it came is not known.
        Some(note) if operation.verb == Verb::Delete && !polls => {
            Note::new(Is::Unknown, words.failed, note.clone())
        }
        Some(note) if !polls => Note::new(Is::False, words.failed, note.clone()),
        Some(note) => Note::new(Is::False, words.polling, note.clone()),
        None if polls => Note::new(Is::False, words.polling, "the broker works at it"),
        None => Note::new(Is::False, words.asking, "the broker is asked"),
    }
}

fn has_failed(state: &State) -> Note {
    match state.failure.as_ref().filter(|failure| failure.ends) {
        Some(failure) => Note::new(Is::True, &failure.reason, failure.message.clone()),
        None => Note::new(Is::False, "NotFailed", "nothing failed for good"),
    }
}

fn mitigation(state: &State, subject: Subject) -> Note {
    let orphan = state
        .holdings
        .iter()
        .find(|holding| holding.stand == Stand::orphan());
    let Some(orphan) = orphan else {
        let message = "nothing at the broker is unaccounted for";
        return Note::new(Is::False, "OrphanMitigationNotRequired", message);
    };
    let reason = match subject {
        Subject::Instance => "StartingInstanceOrphanMitigation",
        Subject::Binding => "ServiceBindingNeedsOrphanMitigation",
    };
    let mut message = format!("{} is removed, in case that it was made", orphan.id);
    let note = state.operation.as_ref().and_then(|of| of.note.as_ref());
    if let Some(note) = note {
        message = format!("{message}: {note}");
    }
    Note::new(Is::True, reason, message)
}

/// What is told of an obstacle; of one in the way of a deletion, also how to get around it.
pub(super) fn obstacle(obstacle: &Obstacle, at: &Situation<'_>) -> Note {
    let mut message = obstacle.message.clone();
    if at.deleting {
        message.push_str(WAY_OUT);
    }
    Note::new(Is::False, obstacle.reason, message)
}

/// Reason and message of what was made.
pub(super) const fn made(subject: Subject) -> (&'static str, &'static str) {
    match subject {
        Subject::Instance => ("ProvisionedSuccessfully", "the instance was provisioned"),
        Subject::Binding => ("InjectedBindResult", "the credentials are in the Secret"),
    }
}

/// Reason and message of what is gone.
pub(super) const fn gone(subject: Subject, orphan: bool) -> (&'static str, &'static str) {
    match (subject, orphan) {
        (_, true) => ("OrphanMitigationSuccessful", "the orphan is gone"),
        (Subject::Instance, _) => ("DeprovisionedSuccessfully", "the instance is gone"),
        (Subject::Binding, _) => ("UnboundSuccessfully", "the binding is gone"),
    }
}

/// Reason of what failed.
pub(super) const fn failed(subject: Subject, verb: Verb) -> &'static str {
    words(subject, verb).failed
}

struct Words {
    asking: &'static str,
    polling: &'static str,
    failed: &'static str,
}

const fn words(subject: Subject, verb: Verb) -> Words {
    let (asking, polling, failed) = match (subject, verb) {
        (Subject::Instance, Verb::Create | Verb::Fetch) => (
            "ProvisionRequestInFlight",
            "Provisioning",
            "ProvisionCallFailed",
        ),
        (Subject::Instance, Verb::Update) => (
            "UpdateInstanceRequestInFlight",
            "UpdatingInstance",
            "UpdateInstanceCallFailed",
        ),
        (Subject::Instance, Verb::Delete) => (
            "DeprovisionRequestInFlight",
            "Deprovisioning",
            "DeprovisionCallFailed",
        ),
        (Subject::Binding, Verb::Create | Verb::Update | Verb::Fetch) => {
            ("BindRequestInFlight", "Binding", "BindCallFailed")
        }
        (Subject::Binding, Verb::Delete) => {
            ("UnbindRequestInFlight", "Unbinding", "UnbindCallFailed")
        }
    };
    Words {
        asking,
        polling,
        failed,
    }
}
