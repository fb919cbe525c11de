//! `apps/v1 Deployment`: as much of it as the module reads.

use oarlock_sdk::{Object, Resource, Value};
use rollout::arithmetic::{Count, IntOrPercent, Surge};
use rollout::deployment::DeploymentStatus;
use serde::Deserialize;

/// Label on all that belongs to the stable version.
pub(crate) const TRACK: &str = "canary.oarlock.dev/track";
/// Value of [`TRACK`].
pub(crate) const STABLE: &str = "stable";
/// Annotation on the user's Deployment while its replicas are borrowed: `K/N`, the replicas that it was given, and those
/// that both versions have together. It is written by the same write as the replicas, so that another number in them
/// is somebody else's wish.
pub(crate) const REPLICAS: &str = "canary.oarlock.dev/replicas";

#[derive(Clone, Debug, Deserialize, Resource)]
#[resource(
    group = "apps",
    version = "v1",
    kind = "Deployment",
    plural = "deployments",
    namespaced
)]
#[resource(status = DeploymentStatus)]
#[serde(rename_all = "camelCase")]
pub(crate) struct DeploymentSpec {
    pub(crate) replicas: Option<u32>,
    #[serde(default)]
    pub(crate) paused: bool,
    #[serde(default)]
    pub(crate) selector: Value,
    #[serde(default)]
    pub(crate) template: Value,
    #[serde(default)]
    pub(crate) strategy: Strategy,
    pub(crate) min_ready_seconds: Option<u32>,
    pub(crate) progress_deadline_seconds: Option<u32>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Strategy {
    #[serde(rename = "type")]
    pub(crate) kind: Option<String>,
    pub(crate) rolling_update: Option<RollingUpdate>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct RollingUpdate {
    pub(crate) max_surge: Option<IntOrPercent>,
    pub(crate) max_unavailable: Option<IntOrPercent>,
}

/// One Deployment as it is.
pub(crate) type Live = Object<DeploymentSpec>;

impl DeploymentSpec {
    /// Whether the Deployment deletes its Pods before it makes new ones.
    pub(crate) fn recreates(&self) -> bool {
        self.strategy.kind.as_deref() == Some("Recreate")
    }
}

/// `spec.replicas`, with Kubernetes' default.
pub(crate) fn wanted(live: &Live) -> u32 {
    live.spec.replicas.unwrap_or(1)
}

/// Its Pods.
pub(crate) fn count(live: &Live) -> Count {
    Count {
        wanted: wanted(live),
        running: live.status.replicas,
        available: live.status.available_replicas,
    }
}

/// Whether its controller has seen the spec as it is.
pub(crate) fn is_observed(live: &Live) -> bool {
    live.status.observed_generation >= live.generation()
}

/// Whether all its Pods are of its template, as many as are wanted.
pub(crate) fn is_settled(live: &Live) -> bool {
    is_observed(live) && is_pure(live) && live.status.replicas == wanted(live)
}

/// Whether it has no Pods of another template than its own.
pub(crate) fn is_pure(live: &Live) -> bool {
    is_observed(live) && live.status.replicas <= live.status.updated_replicas
}

/// What its own rollouts may have beyond its replicas.
pub(crate) fn max_surge(live: &Live) -> IntOrPercent {
    let update = live.spec.strategy.rolling_update.as_ref();
    match live.spec.recreates() {
        true => IntOrPercent::Int(0),
        false => update
            .and_then(|update| update.max_surge)
            .unwrap_or(IntOrPercent::DEFAULT),
    }
}

/// How far a rollout may leave `replicas`: as is said, else as its strategy has it, else Kubernetes' default. `Recreate` has
/// none.
pub(crate) fn surge(
    live: &Live,
    replicas: u32,
    up: Option<IntOrPercent>,
    down: Option<IntOrPercent>,
) -> Surge {
    let update = live
        .spec
        .strategy
        .rolling_update
        .as_ref()
        .filter(|_| !live.spec.recreates());
    Surge::of(
        replicas,
        up.or(update.and_then(|update| update.max_surge))
            .unwrap_or(IntOrPercent::DEFAULT),
        down.or(update.and_then(|update| update.max_unavailable))
            .unwrap_or(IntOrPercent::DEFAULT),
    )
}
