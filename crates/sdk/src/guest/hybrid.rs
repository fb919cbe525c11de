//! The seam between [`Steps`] and whoever calls them.

#[path = "../bindings/hybrid/hybrid.rs"]
#[rustfmt::skip]
#[expect(
    unsafe_code, missing_docs, unreachable_pub, unused_qualifications, clippy::use_self, clippy::unwrap_used,
    clippy::allow_attributes,
    clippy::allow_attributes_without_reason,
    reason = "written by wit-bindgen: see bindings/README.md"
)]
pub mod bindings;

use std::marker::PhantomData;

pub use bindings::export;
use bindings::exports::oarlock::helm::steps::{
    Failure as WitFailure, Guest, Release as WitRelease, Request, Step as WitStep,
};

use super::{convert, host, report_panics};
use crate::context::{Lines, Refused};
use crate::http::Http;
use crate::hybrid::{Release, Step, Steps};
use crate::{Context, Failure, Subject as _, Timestamp};

/// Exports steps.
pub struct Exported<S>(PhantomData<S>);

impl<S: Steps> Guest for Exported<S> {
    fn values(request: Request) -> Result<String, WitFailure> {
        asked::<S, _>(request, |object, cx| {
            let values = S::values(object, cx)?;
            if values.is_object() {
                Ok(values.to_string())
            } else {
                let message = format!("the values are {values}, expected an object");
                Err(Failure::Terminal(message))
            }
        })
    }

    fn before(request: Request, release: Option<WitRelease>) -> Result<WitStep, WitFailure> {
        let release = release.map(known);
        asked::<S, _>(request, |object, cx| {
            S::before(object, release.as_ref(), cx)?.checked().map(step)
        })
    }

    fn after(request: Request, release: WitRelease) -> Result<WitStep, WitFailure> {
        let release = known(release);
        asked::<S, _>(request, |object, cx| {
            S::after(object, &release, cx)?.checked().map(step)
        })
    }
}

fn asked<S: Steps, T>(
    request: Request,
    answer: impl FnOnce(&S::Subject, &Context) -> Result<T, Failure>,
) -> Result<T, WitFailure> {
    report_panics();
    let http: Box<dyn Http> = if S::HTTP {
        Box::new(host::Host)
    } else {
        Box::new(Refused)
    };
    let context = Context {
        now: Timestamp::from_millis(0),
        seed: 0,
        attempt: 0,
        deleting: request.deleting,
        settings: request.settings,
        last: None,
        cluster: Box::new(host::Host),
        http,
        artifacts: Box::new(Refused),
        lines: Lines::Sent(host::log),
    };
    S::Subject::from_json(request.object)
        .and_then(|object| answer(&object, &context))
        .map_err(convert::failure)
}

fn known(release: WitRelease) -> Release {
    Release {
        name: release.name,
        namespace: release.namespace,
        revision: release.revision,
        chart_version: release.chart_version,
    }
}

fn step(step: Step) -> WitStep {
    WitStep {
        children: step.children.into_iter().map(convert::child).collect(),
        ready: step.waits_for.is_none(),
        message: step.waits_for.unwrap_or_default(),
        status: step.status.map(|status| status.to_string()),
        conditions: step
            .conditions
            .into_iter()
            .map(convert::condition)
            .collect(),
    }
}
