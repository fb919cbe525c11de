//! What a module answers, checked.

use std::time::Duration;

use oarlock_core::object::Object;
use oarlock_core::outcome::{
    Child, Children, Condition, ConditionStatus, Event, Expect, Failure, FieldError, Notice,
    OnLeave, Outcome, Owner, Propagation, Removal, Requeue, Write,
};
use oarlock_core::reference::{ObjectRef, ResourceVersion, Uid};
use oarlock_core::timestamp::Timestamp;
use serde_json::{Map, Value};

use crate::bindings::oarlock::reconcile::types;
use crate::convert::{Wrong, each, filled, reads};

/// Longest field manager that an API server takes.
const MAX_MANAGER: usize = 128;

pub(crate) fn outcome(outcome: types::Outcome) -> Result<Outcome, Wrong> {
    Ok(Outcome {
        tag: outcome.tag,
        children: match outcome.children {
            types::Children::Keep => Children::Keep,
            types::Children::Exactly(list) => Children::Exactly(each(list, "children", child)?),
        },
        removals: each(outcome.removals, "removals", removal)?,
        status: outcome
            .status
            .map(|text| json_object(&text, "status"))
            .transpose()?,
        conditions: each(outcome.conditions, "conditions", condition)?,
        events: each(outcome.events, "events", event)?,
        notices: each(outcome.notify, "notify", notice)?,
        requeue: match outcome.requeue {
            types::Requeue::OnChange => Requeue::OnChange,
            types::Requeue::OnceWritten => Requeue::OnceWritten,
            types::Requeue::After(millis) => Requeue::After(Duration::from_millis(millis)),
            types::Requeue::At(millis) => Requeue::At(Timestamp::from_millis(millis)),
        },
        finalized: outcome.finalized,
        act_as: outcome
            .act_as
            .map(|name| filled(name, "act-as"))
            .transpose()?,
    })
}

pub(crate) fn failure(failure: types::Failure) -> Result<Failure, Wrong> {
    Ok(match failure {
        types::Failure::Retry(text) => Failure::Retry(text),
        types::Failure::RetryAfter((millis, text)) => {
            Failure::RetryAfter(Duration::from_millis(millis), text)
        }
        types::Failure::Terminal(text) => Failure::Terminal(text),
        types::Failure::Invalid(errors) if errors.is_empty() => {
            return Err(Wrong::new("failure.invalid", "expected at least one field"));
        }
        types::Failure::Invalid(errors) => Failure::Invalid(
            errors
                .into_iter()
                .map(|error| FieldError {
                    path: error.path,
                    message: error.message,
                })
                .collect(),
        ),
    })
}

fn child(child: types::Child) -> Result<Child, Wrong> {
    let object =
        Object::parse(&child.object).map_err(|error| Wrong::new(".object", error.to_string()))?;
    let owner = match child.owner {
        types::Owner::Owned => Owner::Owned,
        types::Owner::Unowned => Owner::Unowned,
    };
    let write = match child.write {
        types::Write::Apply => Write::Apply,
        types::Write::Create => Write::Create,
        types::Write::Recreate => Write::Recreate,
        types::Write::Share => Write::Share,
        types::Write::Compare => Write::Compare,
    };
    if write == Write::Share && owner == Owner::Owned {
        return Err(Wrong::new(
            ".owner",
            "expected unowned: a shared object is somebody else's",
        ));
    }
    Ok(Child {
        object,
        owner,
        write,
        expect: match child.expect {
            types::Expect::Any => Expect::Any,
            types::Expect::Absent => Expect::Absent,
            types::Expect::Uid(uid) => Expect::Uid(Uid(filled(uid, ".expect.uid")?)),
            types::Expect::Version(version) => {
                Expect::Version(ResourceVersion(filled(version, ".expect.version")?))
            }
        },
        force: child.force,
        manager: child.manager.map(manager).transpose()?,
        ignore: each(child.ignore, ".ignore", pointer)?,
        on_leave: match child.on_leave {
            types::OnLeave::Delete => OnLeave::Delete,
            types::OnLeave::Keep => OnLeave::Keep,
            types::OnLeave::Restore(patch) => {
                OnLeave::Restore(json_object(&patch, ".on-leave.restore")?)
            }
        },
    })
}

fn manager(name: String) -> Result<String, Wrong> {
    if name.len() > MAX_MANAGER {
        return Err(Wrong::new(
            ".manager",
            format!("expected at most {MAX_MANAGER} bytes, found {}", name.len()),
        ));
    }
    filled(name, ".manager")
}

fn pointer(pointer: String) -> Result<String, Wrong> {
    if !pointer.starts_with('/') {
        return Err(Wrong::new(
            "",
            format!("expected a JSON pointer such as /spec/replicas, found {pointer:?}"),
        ));
    }
    Ok(pointer)
}

fn removal(removal: types::Removal) -> Result<Removal, Wrong> {
    Ok(Removal {
        target: target(removal.target, ".target")?,
        uid: removal
            .uid
            .map(|uid| filled(uid, ".uid"))
            .transpose()?
            .map(Uid),
        propagation: match removal.propagation {
            types::Propagation::Background => Propagation::Background,
            types::Propagation::Foreground => Propagation::Foreground,
            types::Propagation::Orphan => Propagation::Orphan,
        },
    })
}

/// A reference that is written by, not read: nothing in it may be missing.
fn target(target: types::ObjectRef, place: &str) -> Result<ObjectRef, Wrong> {
    let fields = [
        ("api-version", target.api_version.as_str()),
        ("kind", &target.kind),
        ("name", &target.name),
        ("namespace", target.namespace.as_deref().unwrap_or("none")),
    ];
    for (field, text) in fields {
        if text.is_empty() {
            return Err(Wrong::new(
                format!("{place}.{field}"),
                "expected a non-empty string",
            ));
        }
    }
    Ok(reads::object_ref(target))
}

fn condition(condition: types::Condition) -> Result<Condition, Wrong> {
    if !is_reason(&condition.reason) {
        return Err(Wrong::new(
            ".reason",
            format!("expected one CamelCase word, found {:?}", condition.reason),
        ));
    }
    Ok(Condition {
        kind: filled(condition.kind, ".kind")?,
        status: match condition.status {
            types::ConditionStatus::Yes => ConditionStatus::True,
            types::ConditionStatus::No => ConditionStatus::False,
            types::ConditionStatus::Unknown => ConditionStatus::Unknown,
        },
        reason: condition.reason,
        message: condition.message,
    })
}

/// The pattern that Kubernetes has for `metav1.Condition.reason`.
fn is_reason(text: &str) -> bool {
    let inner = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b',' | b':');
    let (Some(first), Some(last)) = (text.bytes().next(), text.bytes().next_back()) else {
        return false;
    };
    first.is_ascii_alphabetic()
        && text.bytes().all(inner)
        && !matches!(last, b',' | b':')
        && text.len() <= 1024
}

fn event(event: types::Event) -> Result<Event, Wrong> {
    Ok(Event {
        key: filled(event.key, ".key")?,
        warning: event.warning,
        reason: filled(event.reason, ".reason")?,
        message: event.message,
        about: event
            .about
            .map(|about| target(about, ".about"))
            .transpose()?,
    })
}

fn notice(notice: types::Notice) -> Result<Notice, Wrong> {
    Ok(Notice {
        key: filled(notice.key, ".key")?,
        url: filled(notice.url, ".url")?,
        headers: notice.headers,
        body: notice.body,
    })
}

fn json_object(text: &str, place: &str) -> Result<Map<String, Value>, Wrong> {
    match serde_json::from_str(text) {
        Ok(Value::Object(map)) => Ok(map),
        Ok(_) => Err(Wrong::new(place, "expected a JSON object")),
        Err(error) => Err(Wrong::new(place, format!("not JSON: {error}"))),
    }
}
