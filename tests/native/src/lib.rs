//! The canary module compiled natively, behind the same port as a component: the same logic without a sandbox, for
//! thousands of runs under faults, and to compare with.

#![expect(clippy::unwrap_used, reason = "only tests and benchmarks use it")]

use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use oarlock_core::future::BoxFuture;
use oarlock_core::limits::Limits;
use oarlock_core::manifest::{Manifest, ResourceGrant};
use oarlock_core::object::Object;
use oarlock_core::outcome::{
    self, Child, Children, Condition, ConditionStatus, Event, Outcome, Requeue,
};
use oarlock_core::reconciler::{self, Fault, Host, Reconciler, RunError};
use oarlock_core::reference::Digest;
use oarlock_core::request::Request;
use oarlock_core::timestamp::Timestamp;
use oarlock_sdk::{KindInfo, Module as _, ObjectRef, ReadError, Selection, State, Subject as _};
use serde_json::Value;

/// The conditions that the module sets.
const CONDITIONS: [&str; 2] = ["Ready", "Running"];

/// The canary.
#[derive(Debug)]
pub struct Native {
    manifest: Manifest,
    digest: Digest,
}

impl Default for Native {
    fn default() -> Self {
        Self {
            manifest: manifest(&canary::reconcile::manifest()),
            digest: Digest::of(b"native"),
        }
    }
}

fn manifest(given: &oarlock_sdk::Manifest) -> Manifest {
    let grant = |grant: &oarlock_sdk::Grant| ResourceGrant {
        api_groups: vec![grant.api_group.clone()],
        resources: vec![grant.plural.clone()],
        verbs: grant.verbs.clone(),
        ..ResourceGrant::default()
    };
    Manifest {
        name: given.name.clone(),
        version: given.version.clone(),
        crds: given
            .crds
            .iter()
            .map(|crd| Object::parse(crd).unwrap())
            .collect(),
        finalizer: given.finalizer.clone(),
        writes: given.writes.iter().map(grant).collect(),
        reads: given.reads.iter().map(grant).collect(),
        http: given.http.clone(),
    }
}

impl Reconciler for Native {
    fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    fn digest(&self) -> &Digest {
        &self.digest
    }

    fn reconcile<'a>(
        &'a self,
        request: &'a Request,
        host: Arc<dyn Host>,
        _: Limits,
    ) -> BoxFuture<'a, Result<Outcome, RunError>> {
        Box::pin(async move { reconcile(request, host) })
    }
}

fn reconcile(request: &Request, host: Arc<dyn Host>) -> Result<Outcome, RunError> {
    let context = oarlock_sdk::Context::builder()
        .now(oarlock_sdk::Timestamp::from_millis(request.now.as_millis()))
        .seed(request.seed)
        .attempt(request.attempt)
        .deleting(request.deleting)
        .cluster(Reads(host))
        .build();
    let answer = oarlock_sdk::AnyObject::from_json(request.object.as_str().to_owned())
        .and_then(|object| canary::reconcile::reconcile(object, &context))
        .and_then(oarlock_sdk::Outcome::checked)
        .map_err(failure)?;
    let children = match answer.exactly() {
        Some(children) => Children::Exactly(children.iter().map(child).collect::<Result<_, _>>()?),
        None => Children::Keep,
    };
    Ok(Outcome {
        children,
        status: answer.status_patch().and_then(Value::as_object).cloned(),
        conditions: CONDITIONS
            .iter()
            .filter_map(|kind| answer.condition_of(kind))
            .map(condition)
            .collect(),
        events: answer.recorded().iter().map(event).collect(),
        requeue: match answer.when() {
            oarlock_sdk::Requeue::OnChange => Requeue::OnChange,
            oarlock_sdk::Requeue::OnceWritten => Requeue::OnceWritten,
            oarlock_sdk::Requeue::After(time) => Requeue::After(time),
            oarlock_sdk::Requeue::At(at) => Requeue::At(Timestamp::from_millis(at.as_millis())),
        },
        ..Outcome::nothing()
    })
}

fn failure(failure: oarlock_sdk::Failure) -> outcome::Failure {
    match failure {
        oarlock_sdk::Failure::Retry(why) => outcome::Failure::Retry(why),
        oarlock_sdk::Failure::RetryAfter(time, why) => outcome::Failure::RetryAfter(time, why),
        oarlock_sdk::Failure::Terminal(why) => outcome::Failure::Terminal(why),
        oarlock_sdk::Failure::Invalid(fields) => outcome::Failure::Invalid(
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

fn child(child: &oarlock_sdk::Child) -> Result<Child, RunError> {
    let object = Object::from_value(child.object()).map_err(|error| Fault::BadOutcome {
        place: "children".to_owned(),
        message: error.to_string(),
    })?;
    // The canary forces all of them.
    Ok(Child {
        force: true,
        ..Child::owned(object)
    })
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
        about: None,
    }
}

/// The reads that the canary makes: its children.
struct Reads(Arc<dyn Host>);

fn unused<T>() -> Result<T, ReadError> {
    Err(ReadError::Unavailable(
        "the canary does not ask for it".to_owned(),
    ))
}

impl oarlock_sdk::Cluster for Reads {
    fn get(&self, _: &ObjectRef, _: Option<&str>) -> Result<Option<String>, ReadError> {
        unused()
    }

    fn get_live(&self, _: &ObjectRef, _: Option<&str>) -> Result<Option<String>, ReadError> {
        unused()
    }

    fn query(&self, _: &Selection) -> Result<Vec<String>, ReadError> {
        unused()
    }

    fn children(&self) -> Result<Vec<String>, ReadError> {
        // Answered from the cache: there is nothing to wait for.
        let mut context = Context::from_waker(Waker::noop());
        match pin!(self.0.children()).as_mut().poll(&mut context) {
            Poll::Ready(Ok(found)) => {
                Ok(found.iter().map(|json| json.as_str().to_owned()).collect())
            }
            Poll::Ready(Err(error)) => Err(unavailable(&error)),
            Poll::Pending => unused(),
        }
    }

    fn observe(&self, _: &[ObjectRef]) -> Result<Vec<State>, ReadError> {
        unused()
    }

    fn kinds(&self) -> Result<Vec<KindInfo>, ReadError> {
        unused()
    }
}

fn unavailable(error: &reconciler::ReadError) -> ReadError {
    ReadError::Unavailable(error.to_string())
}
