//! The numbers a Deployment asks for: replicas, surge, unavailability, deadlines, with the API's defaults.

use std::time::Duration;

use k8s_openapi::api::apps::v1::{Deployment, DeploymentSpec, RollingUpdateDeployment};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use crate::workload::instant::seconds;

/// How pods of the old template make room for those of the new one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Strategy {
    /// All old ones end before a new one starts.
    Recreate,
    /// Side by side, within these bounds.
    Rolling {
        /// Pods beyond `replicas` that may exist.
        surge: i32,
        /// Pods of `replicas` that may be missing.
        unavailable: i32,
    },
}

/// A Deployment's spec, read once.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Bounds {
    pub(crate) replicas: i32,
    pub(crate) strategy: Strategy,
    pub(crate) paused: bool,
    pub(crate) min_ready_seconds: i32,
    /// `None`: old ReplicaSets are kept for ever.
    pub(crate) history: Option<usize>,
    /// `None`: progress is not watched.
    pub(crate) deadline: Option<Duration>,
}

impl Bounds {
    /// The bounds of this Deployment; a missing spec is one of defaults.
    pub(crate) fn of(deployment: &Deployment) -> Self {
        let default = DeploymentSpec::default();
        let spec = deployment.spec.as_ref().unwrap_or(&default);
        let replicas = spec.replicas.unwrap_or(1);
        Self {
            replicas,
            strategy: strategy(spec, replicas),
            paused: spec.paused.unwrap_or(false),
            min_ready_seconds: spec.min_ready_seconds.unwrap_or(0),
            history: match spec.revision_history_limit.unwrap_or(10) {
                i32::MAX => None,
                limit => Some(usize::try_from(limit).unwrap_or(0)),
            },
            deadline: match spec.progress_deadline_seconds.unwrap_or(600) {
                i32::MAX => None,
                deadline => Some(seconds(deadline)),
            },
        }
    }

    /// Pods that may exist at most beyond `replicas`.
    pub(crate) fn surge(&self) -> i32 {
        match self.strategy {
            Strategy::Recreate => 0,
            Strategy::Rolling { surge, .. } => surge,
        }
    }

    /// Pods of `replicas` that may be unavailable.
    pub(crate) fn unavailable(&self) -> i32 {
        match self.strategy {
            Strategy::Recreate => 0,
            Strategy::Rolling { unavailable, .. } => unavailable.min(self.replicas),
        }
    }

    /// `replicas` plus surge.
    pub(crate) fn most(&self) -> i32 {
        self.replicas.saturating_add(self.surge())
    }

    /// `replicas` less what may be unavailable.
    pub(crate) fn least_available(&self) -> i32 {
        self.replicas - self.unavailable()
    }
}

fn strategy(spec: &DeploymentSpec, replicas: i32) -> Strategy {
    let strategy = spec.strategy.as_ref();
    if strategy.and_then(|strategy| strategy.type_.as_deref()) == Some("Recreate") {
        return Strategy::Recreate;
    }
    let default = RollingUpdateDeployment::default();
    let rolling = strategy
        .and_then(|strategy| strategy.rolling_update.as_ref())
        .unwrap_or(&default);
    let surge = scaled(rolling.max_surge.as_ref(), replicas, Rounding::Up);
    let unavailable = scaled(rolling.max_unavailable.as_ref(), replicas, Rounding::Down);
    // Both zero (small percentages of few replicas) would never move: one pod may then be missing.
    let unavailable = if surge == 0 && unavailable == 0 {
        1
    } else {
        unavailable
    };
    Strategy::Rolling { surge, unavailable }
}

#[derive(Clone, Copy)]
pub(crate) enum Rounding {
    Up,
    Down,
}

/// A number or a percentage of `total`; 25 % when not given, zero when unreadable.
pub(crate) fn scaled(value: Option<&IntOrString>, total: i32, rounding: Rounding) -> i32 {
    let percent = match value {
        Some(IntOrString::Int(number)) => return (*number).max(0),
        Some(IntOrString::String(text)) => match text.strip_suffix('%').map(str::parse::<i64>) {
            Some(Ok(percent)) => percent,
            _ => 0,
        },
        None => 25,
    };
    let hundredths = percent.max(0).saturating_mul(i64::from(total));
    let count = match rounding {
        Rounding::Up => hundredths.saturating_add(99) / 100,
        Rounding::Down => hundredths / 100,
    };
    i32::try_from(count).unwrap_or(i32::MAX)
}
