//! `spec` of a Canary, as people write it: one type for `flagger.app/v1alpha3` (`canaryAnalysis`), `flagger.app/v1beta1`
//! (`analysis`) and the project's own `canary.oarlock.dev/v1alpha1`, which are the same but for that key.
//!
//! Nothing is checked here: [`plan`](crate::plan) does, and [`fields`](crate::fields) says what becomes of every field. What
//! other providers of traffic would read is not in these types, but in that table.

pub(crate) mod analysis;
pub(crate) mod service;

use oarlock_sdk::Resource;
use rollout::analysis::spec::NoData;
use rollout::control::Control;
use serde::{Deserialize, Serialize};

pub(crate) use crate::spec::analysis::Analysis;
pub(crate) use crate::spec::service::Service;
use crate::status::CanaryStatus;

/// Rolls a Deployment out step by step, and takes it back where checks fail.
#[derive(Clone, Debug, Deserialize, Resource)]
#[resource(
    group = "canary.oarlock.dev",
    version = "v1alpha1",
    kind = "Canary",
    plural = "canaries"
)]
#[resource(namespaced, status = CanaryStatus)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub(crate) struct CanarySpec {
    /// What is rolled out: a Deployment of this namespace.
    pub(crate) target_ref: TargetRef,
    /// What scales it. Its `scaleTargetRef` points at the Canary as long as the Canary is there.
    pub(crate) autoscaler_ref: Option<AutoscalerRef>,
    /// The Services, and the route where `gatewayRefs` are given.
    pub(crate) service: Option<Service>,
    /// By which steps, and what is checked between them.
    pub(crate) analysis: Option<Analysis>,
    /// The same in the first versions of `flagger.app`.
    pub(crate) canary_analysis: Option<Analysis>,
    /// Where requests are split: `kubernetes`, `gatewayapi:v1` or `gatewayapi:v1beta1`.
    pub(crate) provider: Option<String>,
    /// URL of the Prometheus that built-in metrics ask.
    pub(crate) metrics_server: Option<String>,
    /// Seconds without progress after which the new revision is given up. 600 where nothing is said.
    #[cfg_attr(test, schemars(range(min = 1)))]
    pub(crate) progress_deadline_seconds: Option<u32>,
    /// Rolls out without steps and checks.
    #[serde(default)]
    pub(crate) skip_analysis: bool,
    /// Holds everything as it is, whatever changes.
    #[serde(default)]
    pub(crate) suspend: bool,
    /// Whether what was changed is given back when the Canary is deleted. It is in any case.
    #[serde(default)]
    #[expect(dead_code, reason = "there is nothing else to do")]
    pub(crate) revert_on_deletion: bool,

    /// Pods of all revisions together: the `/scale` of the Canary, which its autoscaler writes. Without it the Deployment's
    /// own number counts.
    #[cfg_attr(test, schemars(range(min = 0)))]
    pub(crate) replicas: Option<u32>,
    /// How far a rollout may leave the number of replicas.
    #[serde(default)]
    pub(crate) strategy: Strategy,
    /// `replicas` splits by numbers of Pods, `gatewayapi` by the weights of a route. Without it `gatewayapi` where
    /// `service.gatewayRefs` are given, else `replicas`.
    pub(crate) traffic_mode: Option<String>,
    /// Steps one by one, instead of `stepWeight`, `stepWeights` and `iterations`.
    #[serde(default)]
    #[cfg_attr(test, schemars(length(max = 50)))]
    pub(crate) steps: Vec<Step>,
    /// What no data mean to a metric that does not say it itself: `fail`, `hold` or `pass`. `hold` is the default.
    pub(crate) no_data: Option<NoData>,
    /// Requests in the window below which a metric that does not say it itself has no data.
    #[cfg_attr(test, schemars(range(min = 0)))]
    pub(crate) min_samples: Option<u32>,
    /// Holds a rollout where it is.
    #[serde(default)]
    pub(crate) paused: bool,
    /// How people steer a rollout.
    #[serde(default)]
    pub(crate) control: Control,
    /// `flagger`: takes over from a Flagger that ran here, and removes what it left behind.
    pub(crate) takeover: Option<String>,
}

/// What is rolled out.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct TargetRef {
    /// `apps/v1`, which it is where nothing is said.
    pub(crate) api_version: Option<String>,
    /// `Deployment`, which it is where nothing is said.
    pub(crate) kind: Option<String>,
    /// Its name.
    pub(crate) name: String,
    /// The Canary's own namespace, where it is given at all.
    pub(crate) namespace: Option<String>,
}

/// What scales the target.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct AutoscalerRef {
    /// `autoscaling/v2`, which it is where nothing is said.
    pub(crate) api_version: Option<String>,
    /// `HorizontalPodAutoscaler`, which it is where nothing is said.
    pub(crate) kind: Option<String>,
    /// Its name.
    pub(crate) name: String,
    /// The Canary's own namespace, where it is given at all.
    pub(crate) namespace: Option<String>,
}

/// How far a rollout may leave the number of replicas, and how it ends.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Strategy {
    /// Pods beyond the replicas, or percent of them, rounded up. The Deployment's own where nothing is said.
    pub(crate) max_surge: Option<IntOrText>,
    /// Pods of the replicas that may be unavailable, or percent of them, rounded down. The Deployment's own where nothing is
    /// said.
    pub(crate) max_unavailable: Option<IntOrText>,
    /// `abort`, or `hold` to leave a failed rollout where it is until somebody decides. `abort` where nothing is said.
    pub(crate) on_failure: Option<String>,
    /// Seconds that Pods stay after no more requests are sent to them. 30 where nothing is said; only with a router.
    pub(crate) scale_down_delay_seconds: Option<u32>,
    /// Rollouts that `status.history` remembers. 10 where nothing is said.
    pub(crate) revision_history_limit: Option<u32>,
}

/// One step. Exactly one of its fields is given.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Step {
    /// Percent of the requests, or of the replicas, that the new revision gets. Without a `pause` behind it the step ends
    /// with the first checks that pass.
    #[cfg_attr(test, schemars(range(min = 0, max = 100)))]
    pub(crate) set_weight: Option<u32>,
    /// Stays, checking every `interval`: for a while, or until somebody promotes.
    pub(crate) pause: Option<Pause>,
}

/// How long a step stays.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Pause {
    /// Seconds, or a text such as `90s`, `10m` or `1h`. None: until somebody promotes.
    pub(crate) duration: Option<IntOrText>,
}

/// A number, or a text: a percentage, a duration, the name of a port.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(untagged)]
pub(crate) enum IntOrText {
    Int(i64),
    Text(String),
}

#[cfg(test)]
impl schemars::JsonSchema for IntOrText {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "IntOrText".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({"x-kubernetes-int-or-string": true})
    }
}

impl std::fmt::Display for IntOrText {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Int(number) => write!(f, "{number}"),
            Self::Text(text) => f.write_str(text),
        }
    }
}
