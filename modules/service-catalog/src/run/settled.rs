//! A turn as an outcome of the SDK: the status as the difference to what is there, conditions, Events, and when it is gone on.

use oarlock_sdk::{
    Child, Condition, Context, Event, ObjectRef, Outcome, RemovalStatus, Requeue, Timestamp,
    WriteStatus, json, merge_patch,
};
use serde_json::{Map, Value};

use super::access::Broker;
use super::reading::API_VERSION;
use crate::situation::{self, Refusal};
use crate::turn::{self, Effect, Is, Turn};

/// Has the broker's object read its catalog again, once for each new text.
pub(crate) const RELIST: &str = "servicecatalog.oarlock.dev/relist";

/// What became of the last turn's effects: that one of them was refused. What a broker answers is heard in the run that asks.
pub(super) fn last(cx: &Context) -> Option<situation::Report> {
    let report = cx.last()?;
    let writes = report
        .writes
        .iter()
        .filter_map(|write| match &write.status {
            WriteStatus::Refused(error) => Some((&write.target, error)),
            _ => None,
        });
    let removals = report
        .removals
        .iter()
        .filter_map(|gone| match &gone.status {
            RemovalStatus::Refused(error) => Some((&gone.target, error)),
            _ => None,
        });
    let (target, error) = writes.chain(removals).next()?;
    let ObjectRef { kind, name, .. } = target;
    Some(situation::Report {
        tag: report.tag.clone(),
        outcome: situation::Outcome::Refused(Refusal {
            message: format!("{kind} {name:?} cannot be written: {}", error.message),
        }),
    })
}

/// The outcome of a turn, but for its children. `wanted` are the fields of the status that it is about; null is none.
pub(super) fn outcome(turn: &Turn, before: &Value, wanted: Map<String, Value>) -> Outcome {
    let mut outcome = Outcome::new()
        .tag(turn.tag.clone())
        .events(turn.events.iter().map(event))
        .requeue(requeue(turn.requeue));
    if let Some(patch) = patch(before, wanted) {
        outcome = outcome.patch_status(patch);
    }
    for told in &turn.conditions {
        outcome = outcome.condition(condition(told));
    }
    match turn.finalized {
        true => outcome.finalized(),
        false => outcome,
    }
}

/// Each of these fields is wholly what it is now; none where nothing differs.
fn patch(before: &Value, wanted: Map<String, Value>) -> Option<Value> {
    let now = before.as_object().cloned().unwrap_or_default();
    let mut then = now.clone();
    for (name, value) in wanted {
        match value {
            Value::Null => drop(then.remove(&name)),
            value => drop(then.insert(name, value)),
        }
    }
    merge_patch::between(&Value::Object(now), &Value::Object(then))
}

/// What has brokers read their catalogs again.
pub(super) fn relists(turn: &Turn, uid: &str) -> Vec<Child> {
    let brokers = turn.effects.iter().filter_map(|effect| match effect {
        Effect::Relist { broker } => Broker::parse(broker),
        Effect::Call(_) | Effect::Store { .. } | Effect::Withdraw => None,
    });
    let number = turn.state.operations;
    brokers
        .map(|broker| {
            let ObjectRef {
                kind,
                namespace,
                name,
                ..
            } = broker.target();
            let mut metadata = json!({
                "name": name,
                "annotations": {RELIST: format!("{uid}/{number}")},
            });
            if let Some(namespace) = namespace {
                metadata["namespace"] = Value::from(namespace);
            }
            let object = json!({"apiVersion": API_VERSION, "kind": kind, "metadata": metadata});
            Child::share(object).force().kept_on_leave()
        })
        .collect()
}

/// Whether the last outcome had a broker's object annotated.
pub(super) fn borrowed(cx: &Context) -> bool {
    cx.last().is_some_and(|last| {
        let mut written = last.writes.iter();
        written.any(|write| write.target.kind.ends_with("ServiceBroker"))
    })
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

fn requeue(requeue: turn::Requeue) -> Requeue {
    match requeue {
        turn::Requeue::OnChange => Requeue::OnChange,
        turn::Requeue::OnceWritten => Requeue::OnceWritten,
        turn::Requeue::At(at) => Requeue::At(Timestamp::from_millis(at)),
    }
}
