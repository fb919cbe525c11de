//! `analysis`: by which steps, and what is checked between them.

use rollout::analysis::spec::{AlertSpec, MetricSpec, WebhookSpec};
use serde::Deserialize;

/// By which steps, and what is checked between them.
#[derive(Clone, Debug, Default, Deserialize, PartialEq)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Analysis {
    /// Time between two checks, such as `30s` or `1m`. A minute where nothing is said.
    pub(crate) interval: Option<String>,
    /// Failed checks after which the new revision is given up. 1 where nothing is said.
    pub(crate) threshold: Option<i64>,
    /// Checks of the new revision beside the stable one, before requests are switched over at once.
    pub(crate) iterations: Option<i64>,
    /// Percent that each step adds.
    pub(crate) step_weight: Option<i64>,
    /// Percent of every step.
    pub(crate) step_weights: Option<Vec<i64>>,
    /// Percent that no step exceeds before the promotion. 100 where nothing is said.
    pub(crate) max_weight: Option<i64>,
    /// Percent that each step of the promotion adds.
    pub(crate) step_weight_promotion: Option<i64>,
    /// Percent of the stable revision's Pods that have to be available. 100 where nothing is said.
    pub(crate) primary_ready_threshold: Option<i64>,
    /// Percent of the new revision's Pods that have to be available. 100 where nothing is said.
    pub(crate) canary_ready_threshold: Option<i64>,
    /// What Prometheus is asked.
    pub(crate) metrics: Vec<MetricSpec>,
    /// Who else is asked or told.
    pub(crate) webhooks: Vec<WebhookSpec>,
    /// Who is told how it goes.
    pub(crate) alerts: Vec<AlertSpec>,
}
