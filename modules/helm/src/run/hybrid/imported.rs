//! Steps as the component imports them.

#[path = "bindings/hybrid_module.rs"]
#[rustfmt::skip]
#[expect(
    unsafe_code, unreachable_pub, unused_qualifications, clippy::use_self, clippy::unwrap_used,
    clippy::allow_attributes, clippy::allow_attributes_without_reason,
    reason = "written by wit-bindgen: see the SDK's bindings/README.md"
)]
mod bindings;

use std::time::Duration;

use oarlock_sdk::guest::bindings::oarlock::reconcile::types;
use oarlock_sdk::hybrid::{Release, Step};
use oarlock_sdk::{Child, Condition, Expect, Failure, FieldError};
use serde_json::{Map, Value};

use super::{Request, Steps};
use bindings::oarlock::helm::steps as wit;

/// The library that the watch names.
#[derive(Clone, Copy, Debug)]
pub struct Imported;

impl Steps for Imported {
    fn values(&self, request: &Request) -> Result<Map<String, Value>, Failure> {
        let text = wit::values(&asked(request)).map_err(failure)?;
        serde_json::from_str(&text)
            .map_err(|error| wrong("values", &format!("are no JSON object: {error}")))
    }

    fn before(&self, request: &Request, release: Option<&Release>) -> Result<Step, Failure> {
        let release = release.map(known);
        let answer = wit::before(&asked(request), release.as_ref()).map_err(failure)?;
        step("before", answer)
    }

    fn after(&self, request: &Request, release: &Release) -> Result<Step, Failure> {
        let answer = wit::after(&asked(request), &known(release)).map_err(failure)?;
        step("after", answer)
    }
}

fn asked(request: &Request) -> wit::Request {
    wit::Request {
        object: request.object.clone(),
        settings: request.settings.clone(),
        deleting: request.deleting,
    }
}

fn known(release: &Release) -> wit::Release {
    wit::Release {
        name: release.name.clone(),
        namespace: release.namespace.clone(),
        revision: release.revision,
        chart_version: release.chart_version.clone(),
    }
}

fn wrong(place: &str, message: &str) -> Failure {
    Failure::Terminal(format!(
        "{place} of the steps {message}\nhint: the component of the watch's `module` gave them"
    ))
}

fn step(place: &str, answer: wit::Step) -> Result<Step, Failure> {
    let json = |what: &str, text: &str| {
        serde_json::from_str::<Value>(text)
            .map_err(|error| wrong(place, &format!("has {what} that is no JSON: {error}")))
    };
    let mut step = Step::new();
    for (index, wanted) in answer.children.into_iter().enumerate() {
        let object = json(&format!("a child ({index})"), &wanted.object)?;
        let on_leave = match &wanted.on_leave {
            types::OnLeave::Restore(patch) => Some(json("what is restored", patch)?),
            types::OnLeave::Delete | types::OnLeave::Keep => None,
        };
        step = step.child(child(wanted, object, on_leave));
    }
    if let Some(status) = &answer.status {
        step = step.status(json("a status", status)?);
    }
    for told in answer.conditions {
        step = step.condition(condition(told));
    }
    Ok(match answer.ready {
        true => step,
        false => step.waiting_for(answer.message),
    })
}

fn child(wanted: types::Child, object: Value, restored: Option<Value>) -> Child {
    let child = match wanted.write {
        types::Write::Apply => Child::apply(object),
        types::Write::Create => Child::create(object),
        types::Write::Recreate => Child::recreate(object),
        types::Write::Share => Child::share(object),
        types::Write::Compare => Child::compare(object),
    };
    let child = match wanted.owner {
        types::Owner::Owned => child.owned(),
        types::Owner::Unowned => child.unowned(),
    };
    let child = child.expect(match wanted.expect {
        types::Expect::Any => Expect::Any,
        types::Expect::Absent => Expect::Absent,
        types::Expect::Uid(uid) => Expect::Uid(uid),
        types::Expect::Version(version) => Expect::Version(version),
    });
    let child = match wanted.force {
        true => child.force(),
        false => child,
    };
    let child = match wanted.manager {
        Some(manager) => child.manager(manager),
        None => child,
    };
    let child = wanted.ignore.into_iter().fold(child, Child::ignore);
    match (wanted.on_leave, restored) {
        (types::OnLeave::Keep, _) => child.kept_on_leave(),
        (types::OnLeave::Restore(_), Some(patch)) => child.restored_on_leave(patch),
        (types::OnLeave::Restore(_) | types::OnLeave::Delete, _) => child,
    }
}

fn condition(told: types::Condition) -> Condition {
    match told.status {
        types::ConditionStatus::Yes => Condition::yes(told.kind, told.reason, told.message),
        types::ConditionStatus::No => Condition::no(told.kind, told.reason, told.message),
        types::ConditionStatus::Unknown => Condition::unknown(told.kind, told.reason, told.message),
    }
}

fn failure(failure: types::Failure) -> Failure {
    match failure {
        types::Failure::Retry(message) => Failure::Retry(message),
        types::Failure::RetryAfter((after, message)) => {
            Failure::RetryAfter(Duration::from_millis(after), message)
        }
        types::Failure::Terminal(message) => Failure::Terminal(message),
        types::Failure::Invalid(fields) => Failure::Invalid(
            fields
                .into_iter()
                .map(|field| FieldError::new(field.path, field.message))
                .collect(),
        ),
    }
}
