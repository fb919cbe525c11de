//! What the module answers.

use oarlock_core::object::Object;
use oarlock_core::outcome::{
    self, Child, Children, Condition, ConditionStatus, Event, Expect, Failure, Notice, OnLeave,
    Outcome, Owner, Propagation, Removal, Requeue, Write,
};
use oarlock_core::reconciler::Fault;
use oarlock_core::reference::{ResourceVersion, Uid};
use oarlock_core::timestamp::Timestamp;
use serde_json::{Map, Value};

use crate::request::target;

pub(crate) fn outcome(answer: &oarlock_sdk::Outcome) -> Result<Outcome, Fault> {
    Ok(Outcome {
        tag: answer.tagged().to_owned(),
        children: match answer.exactly() {
            None => Children::Keep,
            Some(children) => Children::Exactly(
                children
                    .iter()
                    .enumerate()
                    .map(|(index, wanted)| child(wanted, index))
                    .collect::<Result<_, _>>()?,
            ),
        },
        removals: answer.removals().iter().map(removal).collect(),
        status: answer
            .status_patch()
            .map(|patch| fields(patch, "status"))
            .transpose()?,
        conditions: answer.conditions().iter().map(condition).collect(),
        events: answer.recorded().iter().map(event).collect(),
        notices: answer.notices().iter().map(notice).collect(),
        requeue: match answer.when() {
            oarlock_sdk::Requeue::OnChange => Requeue::OnChange,
            oarlock_sdk::Requeue::OnceWritten => Requeue::OnceWritten,
            oarlock_sdk::Requeue::After(time) => Requeue::After(time),
            oarlock_sdk::Requeue::At(at) => Requeue::At(Timestamp::from_millis(at.as_millis())),
        },
        finalized: answer.is_finalized(),
        act_as: answer.account().map(str::to_owned),
    })
}

pub(crate) fn failure(failure: oarlock_sdk::Failure) -> Failure {
    match failure {
        oarlock_sdk::Failure::Retry(why) => Failure::Retry(why),
        oarlock_sdk::Failure::RetryAfter(time, why) => Failure::RetryAfter(time, why),
        oarlock_sdk::Failure::Terminal(why) => Failure::Terminal(why),
        oarlock_sdk::Failure::Invalid(fields) => Failure::Invalid(
            fields
                .into_iter()
                .map(|field| outcome::FieldError {
                    path: field.path,
                    message: field.message,
                })
                .collect(),
        ),
    }
}

fn child(child: &oarlock_sdk::Child, index: usize) -> Result<Child, Fault> {
    let place = |field: &str| format!("children[{index}]{field}");
    let object = Object::from_value(child.object())
        .map_err(|error| wrong(place(".object"), error.to_string()))?;
    Ok(Child {
        object,
        owner: match child.owner() {
            oarlock_sdk::Owner::Owned => Owner::Owned,
            oarlock_sdk::Owner::Unowned => Owner::Unowned,
        },
        write: match child.write() {
            oarlock_sdk::Write::Apply => Write::Apply,
            oarlock_sdk::Write::Create => Write::Create,
            oarlock_sdk::Write::Recreate => Write::Recreate,
            oarlock_sdk::Write::Share => Write::Share,
            oarlock_sdk::Write::Compare => Write::Compare,
        },
        expect: match child.expected() {
            oarlock_sdk::Expect::Any => Expect::Any,
            oarlock_sdk::Expect::Absent => Expect::Absent,
            oarlock_sdk::Expect::Uid(uid) => Expect::Uid(Uid(uid.clone())),
            oarlock_sdk::Expect::Version(version) => {
                Expect::Version(ResourceVersion(version.clone()))
            }
        },
        force: child.is_forced(),
        manager: child.field_manager().map(str::to_owned),
        ignore: child.ignored().to_vec(),
        on_leave: match child.on_leave() {
            oarlock_sdk::OnLeave::Delete => OnLeave::Delete,
            oarlock_sdk::OnLeave::Keep => OnLeave::Keep,
            oarlock_sdk::OnLeave::Restore(patch) => {
                OnLeave::Restore(fields(patch, &place(".on-leave.restore"))?)
            }
        },
    })
}

fn removal(removal: &oarlock_sdk::Removal) -> Removal {
    Removal {
        target: target(&removal.target),
        uid: removal.uid.clone().map(Uid),
        propagation: match removal.propagation {
            oarlock_sdk::Propagation::Background => Propagation::Background,
            oarlock_sdk::Propagation::Foreground => Propagation::Foreground,
            oarlock_sdk::Propagation::Orphan => Propagation::Orphan,
        },
    }
}

fn condition(condition: &oarlock_sdk::Condition) -> Condition {
    Condition {
        kind: condition.kind.clone(),
        status: match condition.status {
            oarlock_sdk::ConditionStatus::Yes => ConditionStatus::True,
            oarlock_sdk::ConditionStatus::No => ConditionStatus::False,
            oarlock_sdk::ConditionStatus::Unknown => ConditionStatus::Unknown,
        },
        reason: condition.reason.clone(),
        message: condition.message.clone(),
    }
}

fn event(event: &oarlock_sdk::Event) -> Event {
    Event {
        key: event.key.clone(),
        warning: event.warning,
        reason: event.reason.clone(),
        message: event.message.clone(),
        about: event.about.as_ref().map(target),
    }
}

fn notice(notice: &oarlock_sdk::Notice) -> Notice {
    Notice {
        key: notice.key.clone(),
        url: notice.url.clone(),
        headers: notice.headers.clone(),
        body: notice.body.clone(),
    }
}

fn fields(patch: &Value, place: &str) -> Result<Map<String, Value>, Fault> {
    patch
        .as_object()
        .cloned()
        .ok_or_else(|| wrong(place.to_owned(), "expected a JSON object".to_owned()))
}

fn wrong(place: String, message: String) -> Fault {
    Fault::BadOutcome { place, message }
}
