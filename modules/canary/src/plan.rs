//! The spec, checked: what is rolled out, by which steps, and where the requests go.
//!
//! All that is wrong is told at once, by the path that its author wrote: `spec.canaryAnalysis` where that is the key.

mod audit;
mod course;
#[cfg(test)]
mod tests;

use std::time::Duration;

use oarlock_sdk::{AnyObject, Failure, FieldError, Object, Subject as _, Value, json};
use rollout::analysis::spec::AlertSpec;
use rollout::analysis::{Check, Settings, Webhooks};
use rollout::control::Control;

use crate::fields::{self, Findings};
use crate::plan::audit::Audit;
pub(crate) use crate::plan::course::{Course, Hold, Step};
use crate::spec::{CanarySpec, IntOrText, Service};

/// What shall happen, whatever is there now.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    /// Group and version that the Canary came under.
    pub(crate) api_version: String,
    /// Name of the Canary.
    pub(crate) name: String,
    pub(crate) namespace: String,
    /// Of the Canary: what tells its own shares from others.
    pub(crate) uid: String,
    /// `spec.analysis`, or `spec.canaryAnalysis` where the author wrote that.
    pub(crate) analysis_path: &'static str,
    /// Name of the Deployment.
    pub(crate) target: String,
    /// `spec.replicas`: what an autoscaler, or a person, set by `/scale`.
    pub(crate) replicas: Option<u32>,
    pub(crate) course: Course,
    /// Time between two checks.
    pub(crate) interval: Duration,
    /// Failed checks after which the new revision is given up; at least 1.
    pub(crate) threshold: u32,
    /// Time without progress after which it is.
    pub(crate) deadline: Duration,
    pub(crate) skip_analysis: bool,
    pub(crate) suspend: bool,
    pub(crate) paused: bool,
    pub(crate) control: Control,
    pub(crate) strategy: Strategy,
    /// Percent of each track's Pods that have to be available.
    pub(crate) ready: Ready,
    /// What Prometheus and others are asked every interval.
    pub(crate) checks: Vec<Check>,
    pub(crate) webhooks: Webhooks,
    /// Who is told; read by `Alerts::read` with the path `{analysis_path}.alerts`.
    pub(crate) alerts: Vec<AlertSpec>,
    pub(crate) routing: Routing,
    /// None: there are no Services but the user's.
    pub(crate) service: Option<Service>,
    /// Name of the HorizontalPodAutoscaler that scales the target.
    pub(crate) autoscaler: Option<String>,
    /// Whether what a Flagger left behind is taken over.
    pub(crate) takeover: bool,
    /// Why no rollout begins as things are; none where nothing is in the way.
    pub(crate) obstacle: Option<String>,
    /// What was accepted and is not quite what it says, for people.
    pub(crate) warnings: Vec<String>,
}

/// How far a rollout may leave the number of replicas, and how it ends.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Strategy {
    /// None: as the Deployment's own.
    pub(crate) max_surge: Option<IntOrText>,
    /// None: as the Deployment's own.
    pub(crate) max_unavailable: Option<IntOrText>,
    pub(crate) on_failure: OnFailure,
    /// How long Pods stay after no more requests are sent to them. Only with a router.
    pub(crate) linger: Duration,
    /// How much `status.history` remembers.
    pub(crate) history: usize,
}

/// What becomes of a rollout whose checks failed too often.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum OnFailure {
    Abort,
    Hold,
}

/// Percent of each track's Pods that have to be available, 1 to 100.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Ready {
    pub(crate) stable: u32,
    pub(crate) canary: u32,
}

/// What splits the requests.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Routing {
    /// Nothing but the numbers of Pods.
    Replicas,
    /// The weights of an HTTPRoute.
    Gateway,
    /// The selector of a Service: all or nothing.
    Services,
}

impl Plan {
    /// Reads and checks a Canary, under whichever group and version it came.
    ///
    /// # Errors
    ///
    /// [`Failure::Invalid`] with everything that is wrong.
    pub(crate) fn read(
        canary: AnyObject,
        settings: &Settings,
    ) -> Result<(Object<CanarySpec>, Self), Failure> {
        let raw: Value = serde_json::from_str(canary.text()).unwrap_or_default();
        let Findings { wrong, warnings } = fields::check(&raw);
        let api_version = String::from(canary.api_version());
        let checked = canary.parse().and_then(|canary| {
            let mut plan = Self::of(&canary, settings)?;
            plan.api_version = api_version;
            plan.warnings.splice(0..0, warnings);
            Ok((canary, plan))
        });
        if wrong.is_empty() {
            return checked;
        }
        // A field that is not known is wrong once, whatever else is found at its path.
        let mut all = wrong;
        if let Err(Failure::Invalid(more)) = checked {
            let new = |error: &FieldError| !all.iter().any(|known| known.path == error.path);
            let more: Vec<_> = more.into_iter().filter(new).collect();
            all.extend(more);
        }
        Err(Failure::Invalid(all))
    }

    /// A plan for a Canary whose spec is wrong, and which is being deleted: as much of it as can be used says what there is to be
    /// given back. None where nothing can.
    pub(crate) fn at_its_end(
        canary: &AnyObject,
        settings: &Settings,
    ) -> Option<(Object<CanarySpec>, Self)> {
        let raw: Value = serde_json::from_str(canary.text()).ok()?;
        let target = json!({"name": raw["spec"]["targetRef"]["name"]});
        let mut rest = json!({"targetRef": target, "skipAnalysis": true});
        let mut kept = None;
        for field in ["", "replicas", "strategy", "autoscalerRef"] {
            let mut wider = rest.clone();
            if let Some(value) = raw["spec"].get(field) {
                wider[field] = value.clone();
            }
            let mut object = raw.clone();
            object["spec"] = wider.clone();
            let read = AnyObject::from_json(object.to_string())
                .and_then(|object| Self::read(object, settings));
            if let Ok(read) = read {
                rest = wider;
                kept = Some(read);
            }
        }
        kept
    }

    /// Checks a Canary of the project's own group.
    ///
    /// # Errors
    ///
    /// [`Failure::Invalid`] with everything that is wrong.
    pub(crate) fn of(canary: &Object<CanarySpec>, settings: &Settings) -> Result<Self, Failure> {
        let mut audit = Audit::default();
        let plan = audit.plan(canary, settings);
        if audit.wrong.is_empty() {
            return Ok(Self {
                warnings: audit.warnings,
                ..plan
            });
        }
        Err(Failure::Invalid(audit.wrong))
    }

    /// Name of the Deployment that holds the stable revision during a rollout.
    pub(crate) fn stable(&self) -> String {
        format!("{}-stable", self.target)
    }

    /// Names of the Services: the one that people use, the stable revision's and the new one's. None where there are none.
    pub(crate) fn services(&self) -> Option<ServiceNames> {
        let service = self.service.as_ref()?;
        let apex = service.name.clone().unwrap_or_else(|| self.target.clone());
        Some(ServiceNames {
            primary: format!("{apex}-primary"),
            canary: format!("{apex}-canary"),
            apex,
        })
    }
}

/// Names of the Services of one Canary.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct ServiceNames {
    /// The one that people use.
    pub(crate) apex: String,
    /// The stable revision's.
    pub(crate) primary: String,
    /// The new revision's.
    pub(crate) canary: String,
}
