//! Answers in the form of `cases.json`, nothing left out, so that they can be compared.

use oarlock_core::manifest::{Manifest, ResourceGrant};
use oarlock_core::outcome::{
    Child, Children, ConditionStatus, Expect, Failure, OnLeave, Outcome, Owner, Propagation,
    Requeue, Write,
};
use oarlock_core::reconciler::RunError;
use oarlock_core::reference::ObjectRef;
use serde_json::{Value, json};

pub(super) fn manifest(manifest: &Manifest) -> Value {
    let grants = |grants: &[ResourceGrant]| -> Value {
        grants
            .iter()
            .map(|grant| {
                json!({
                    "apiGroup": grant.api_groups.join(","),
                    "plural": grant.resources.join(","),
                    "verbs": grant.verbs,
                })
            })
            .collect()
    };
    json!({
        "name": manifest.name,
        "version": manifest.version,
        "crds": manifest.crds.iter().map(|crd| crd.content()).collect::<Vec<_>>(),
        "finalizer": manifest.finalizer,
        "writes": grants(&manifest.writes),
        "reads": grants(&manifest.reads),
        "http": manifest.http,
    })
}

pub(super) fn answer(answer: &Result<Outcome, RunError>) -> Value {
    match answer {
        Ok(answer) => json!({ "outcome": outcome(answer) }),
        Err(RunError::Failure(said)) => json!({ "failure": failure(said) }),
        Err(RunError::Fault(fault)) => json!({ "fault": fault.to_string() }),
    }
}

/// An expected answer with what `cases.json` leaves out.
pub(super) fn filled(expected: &Value) -> Value {
    let mut expected = expected.clone();
    let Some(outcome) = expected.get_mut("outcome") else {
        return expected;
    };
    fill(
        outcome,
        &json!({
            "tag": "", "children": "keep", "removals": [], "status": null, "conditions": [], "events": [],
            "notify": [], "requeue": "on-change", "finalized": false, "actAs": null,
        }),
    );
    let child = json!({
        "owner": "owned", "write": "apply", "expect": "any", "force": false, "manager": null, "ignore": [],
        "onLeave": "delete",
    });
    if let Some(children) = outcome
        .pointer_mut("/children/exactly")
        .and_then(Value::as_array_mut)
    {
        children.iter_mut().for_each(|one| fill(one, &child));
    }
    let event = json!({"warning": false, "about": null});
    for one in outcome["events"].as_array_mut().unwrap() {
        fill(one, &event);
    }
    expected
}

fn fill(value: &mut Value, defaults: &Value) {
    for (key, default) in defaults.as_object().unwrap() {
        value
            .as_object_mut()
            .unwrap()
            .entry(key.clone())
            .or_insert_with(|| default.clone());
    }
}

fn outcome(outcome: &Outcome) -> Value {
    json!({
        "tag": outcome.tag,
        "children": match &outcome.children {
            Children::Keep => json!("keep"),
            Children::Exactly(list) => json!({"exactly": list.iter().map(child).collect::<Vec<_>>()}),
        },
        "removals": outcome.removals.iter().map(|removal| json!({
            "target": target(&removal.target),
            "uid": removal.uid.as_ref().map(|uid| &uid.0),
            "propagation": match removal.propagation {
                Propagation::Background => "background",
                Propagation::Foreground => "foreground",
                Propagation::Orphan => "orphan",
            },
        })).collect::<Vec<_>>(),
        "status": outcome.status,
        "conditions": outcome.conditions.iter().map(|condition| json!({
            "kind": condition.kind,
            "status": match condition.status {
                ConditionStatus::True => "yes",
                ConditionStatus::False => "no",
                ConditionStatus::Unknown => "unknown",
            },
            "reason": condition.reason,
            "message": condition.message,
        })).collect::<Vec<_>>(),
        "events": outcome.events.iter().map(|event| json!({
            "key": event.key,
            "warning": event.warning,
            "reason": event.reason,
            "message": event.message,
            "about": event.about.as_ref().map(target),
        })).collect::<Vec<_>>(),
        "notify": outcome.notices.iter().map(|notice| json!({
            "key": notice.key,
            "url": notice.url,
            "headers": notice.headers,
            "body": notice.body,
        })).collect::<Vec<_>>(),
        "requeue": match outcome.requeue {
            Requeue::OnChange => json!("on-change"),
            Requeue::OnceWritten => json!("once-written"),
            Requeue::After(duration) => json!({"after": u64::try_from(duration.as_millis()).unwrap()}),
            Requeue::At(at) => json!({"at": at.as_millis()}),
        },
        "finalized": outcome.finalized,
        "actAs": outcome.act_as,
    })
}

fn child(child: &Child) -> Value {
    json!({
        "object": child.object.content(),
        "owner": match child.owner {
            Owner::Owned => "owned",
            Owner::Unowned => "unowned",
        },
        "write": match child.write {
            Write::Apply => "apply",
            Write::Create => "create",
            Write::Recreate => "recreate",
            Write::Share => "share",
            Write::Compare => "compare",
        },
        "expect": match &child.expect {
            Expect::Any => json!("any"),
            Expect::Absent => json!("absent"),
            Expect::Uid(uid) => json!({"uid": uid.0}),
            Expect::Version(version) => json!({"version": version.0}),
        },
        "force": child.force,
        "manager": child.manager,
        "ignore": child.ignore,
        "onLeave": match &child.on_leave {
            OnLeave::Delete => json!("delete"),
            OnLeave::Keep => json!("keep"),
            OnLeave::Restore(patch) => json!({"restore": patch}),
        },
    })
}

fn failure(failure: &Failure) -> Value {
    match failure {
        Failure::Retry(text) => json!({"retry": text}),
        Failure::RetryAfter(after, text) => {
            json!({"retry-after": [u64::try_from(after.as_millis()).unwrap(), text]})
        }
        Failure::Terminal(text) => json!({"terminal": text}),
        Failure::Invalid(errors) => json!({"invalid": errors.iter().map(|error| json!({
            "path": error.path,
            "message": error.message,
        })).collect::<Vec<_>>()}),
    }
}

fn target(target: &ObjectRef) -> Value {
    json!({
        "apiVersion": target.gvk.api_version(),
        "kind": target.gvk.kind,
        "namespace": target.namespace,
        "name": target.name,
    })
}
