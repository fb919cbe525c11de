//! What people write: checks, metrics, webhooks and alerts as they stand in a spec, not yet checked.
//!
//! The names are Flagger's where Flagger has them. A field that is not here is refused with its path.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::duration::GoDuration;

/// One entry of `analysis.metrics` of a Canary. Checked by [`Check::metrics`](super::Check::metrics).
#[derive(Clone, Debug, Default, Deserialize, PartialEq)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct MetricSpec {
    /// `request-success-rate` or `request-duration`, which need nothing else, or the name of one's own query.
    pub name: String,
    /// How far the query looks back: `{{ interval }}` in its text. Never before the start of the step. `1m` is the default.
    pub interval: Option<GoDuration>,
    /// The least success rate in percent for `request-success-rate`; the most, inclusive, for everything else
    /// (milliseconds for `request-duration`).
    pub threshold: Option<f64>,
    /// What the value may be, instead of `threshold`.
    pub threshold_range: Option<RangeSpec>,
    /// A Prometheus query, instead of a built-in one.
    pub query: Option<String>,
    /// A MetricTemplate, instead of a built-in query.
    pub template_ref: Option<TemplateRefSpec>,
    /// `{{ variables.NAME }}` of the query.
    #[serde(default)]
    pub template_variables: BTreeMap<String, String>,
    /// A JSON document instead of Prometheus.
    pub web: Option<WebSpec>,
    /// `result >= 0.95`: what makes the check pass, instead of a threshold.
    pub success_condition: Option<String>,
    /// `result < 0.8`: what makes the check fail. With both, what is neither is on hold.
    pub failure_condition: Option<String>,
    /// What no data mean: no series, NaN, an infinite value, or fewer samples than `minSamples`. `hold` is the default.
    pub no_data: Option<NoData>,
    /// What an error of the metrics server means: a time-out, a status such as 500, an answer that is none. `hold` is the
    /// default.
    pub on_error: Option<OnError>,
    /// More errors in a row than these are a failed check. 4 is the default.
    #[cfg_attr(feature = "schema", schemars(range(min = 0)))]
    pub consecutive_error_limit: Option<u32>,
    /// Requests in the window below which there are no data.
    #[cfg_attr(feature = "schema", schemars(range(min = 0)))]
    pub min_samples: Option<u32>,
    /// Counts what `minSamples` wants, where `query` or `templateRef` is one's own.
    pub samples_query: Option<String>,
    /// Asked and told, never counted.
    #[serde(default)]
    pub dry_run: bool,
}

/// One entry of `checks` of a step of a Deployer. Checked by [`Check::steps`](super::Check::steps).
#[derive(Clone, Debug, Default, Deserialize, PartialEq)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CheckSpec {
    /// Under which name it is told. What it asks, by default.
    pub name: Option<String>,
    /// Asks Prometheus.
    pub prometheus: Option<PrometheusSpec>,
    /// Asks for a JSON document.
    pub web: Option<WebSpec>,
    /// Asks a webhook, by POST: 2xx passes.
    pub webhook: Option<StepWebhookSpec>,
    /// How far the query looks back: `{{ interval }}` in its text. Never before the start of the step. `1m` is the default.
    pub interval: Option<GoDuration>,
    /// The least success rate in percent for the metric `request-success-rate`; the most, inclusive, for everything else.
    pub threshold: Option<f64>,
    /// What the value may be, instead of `threshold`.
    pub threshold_range: Option<RangeSpec>,
    /// `result >= 0.95`: what makes the check pass, instead of a threshold.
    pub success_condition: Option<String>,
    /// `result < 0.8`: what makes the check fail. With both, what is neither is on hold.
    pub failure_condition: Option<String>,
    /// What no data mean: no series, NaN, an infinite value, or fewer samples than `minSamples`. `hold` is the default.
    pub no_data: Option<NoData>,
    /// What an error of the one who is asked means. `hold` is the default.
    pub on_error: Option<OnError>,
    /// More errors in a row than these are a failed check. 4 is the default.
    #[cfg_attr(feature = "schema", schemars(range(min = 0)))]
    pub consecutive_error_limit: Option<u32>,
    /// Requests in the window below which there are no data.
    #[cfg_attr(feature = "schema", schemars(range(min = 0)))]
    pub min_samples: Option<u32>,
    /// Counts what `minSamples` wants, where the query is one's own.
    pub samples_query: Option<String>,
    /// Asked and told, never counted.
    #[serde(default)]
    pub dry_run: bool,
}

/// What is asked of Prometheus: exactly one of `metric`, `query` and `templateRef`.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PrometheusSpec {
    /// `request-success-rate` or `request-duration`.
    pub metric: Option<String>,
    /// One's own query.
    pub query: Option<String>,
    /// A MetricTemplate.
    pub template_ref: Option<TemplateRefSpec>,
    /// `{{ variables.NAME }}` of the query.
    #[serde(default)]
    pub template_variables: BTreeMap<String, String>,
    /// Where it is, if not where `settings.metricsServer` says.
    pub address: Option<String>,
    /// A Secret of this namespace with `username` and `password`, or with `token`.
    pub secret_ref: Option<SecretRefSpec>,
}

/// A value within a JSON document: exactly one of `jsonPointer` and `jsonPath`.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct WebSpec {
    /// Where the document is. May hold the variables of a query.
    pub url: String,
    /// Such as `/data/0/ok` (RFC 6901); empty for the whole document.
    pub json_pointer: Option<String>,
    /// Such as `{$.data[0].ok}`: names and indexes only.
    pub json_path: Option<String>,
    /// More headers.
    #[serde(default)]
    pub headers: Vec<HeaderSpec>,
    /// A Secret of this namespace with `username` and `password`, or with `token`.
    pub secret_ref: Option<SecretRefSpec>,
    /// For the whole call. `5s` is the default.
    pub timeout: Option<GoDuration>,
}

/// One header.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct HeaderSpec {
    /// Such as `accept-language`.
    pub key: String,
    /// Its value, readable by everybody who reads the object.
    pub value: String,
}

/// What a value may be: both ends are included.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct RangeSpec {
    /// The least.
    pub min: Option<f64>,
    /// The most.
    pub max: Option<f64>,
}

/// Points at a MetricTemplate.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct TemplateRefSpec {
    /// Its name.
    pub name: String,
    /// Its namespace, if not the object's own.
    pub namespace: Option<String>,
}

/// Points at a Secret.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct SecretRefSpec {
    /// Its name.
    pub name: String,
}

/// What no data mean.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(inline))]
#[serde(rename_all = "lowercase")]
pub enum NoData {
    /// A failed check.
    Fail,
    /// The rollout waits.
    #[default]
    Hold,
    /// All is well.
    Pass,
}

/// What an error means.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(inline))]
#[serde(rename_all = "lowercase")]
pub enum OnError {
    /// The rollout waits, until there are too many in a row.
    #[default]
    Hold,
    /// A failed check.
    Fail,
}

/// One entry of `analysis.webhooks` of a Canary. Checked by [`Webhooks::parse`](super::Webhooks::parse).
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct WebhookSpec {
    /// When it is called. `rollout` is the default: at every check.
    #[serde(rename = "type", default)]
    pub occasion: Occasion,
    /// Under which name it is told.
    pub name: String,
    /// Where it is.
    pub url: String,
    /// For the whole call. `10s` is the default.
    pub timeout: Option<GoDuration>,
    /// Calls that may go wrong in a row, each in a check of its own, before one is a failed check. 0 is the default.
    #[cfg_attr(feature = "schema", schemars(range(min = 0)))]
    pub retries: Option<u32>,
    /// Sent along.
    #[serde(default)]
    pub metadata: Option<BTreeMap<String, String>>,
    /// Nobody is alerted of what this webhook says.
    #[serde(default)]
    pub mute_alert: bool,
    /// Certificates are checked all the same: accepted with a warning.
    #[serde(rename = "disableTLS", default)]
    pub disable_tls: bool,
}

/// A webhook of a step.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct StepWebhookSpec {
    /// Where it is.
    pub url: String,
    /// For the whole call. `10s` is the default.
    pub timeout: Option<GoDuration>,
    /// Calls that may go wrong in a row, each in a check of its own, before one is a failed check. 0 is the default.
    #[cfg_attr(feature = "schema", schemars(range(min = 0)))]
    pub retries: Option<u32>,
    /// Sent along.
    #[serde(default)]
    pub metadata: Option<BTreeMap<String, String>>,
}

/// When a webhook is called.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, Ord, PartialEq, PartialOrd)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(inline))]
#[serde(rename_all = "kebab-case")]
pub enum Occasion {
    /// Before anything moves: 2xx lets the rollout begin, anything else holds it.
    ConfirmRollout,
    /// Before the first traffic: 2xx passes, anything else is a failed check.
    PreRollout,
    /// At every check: 2xx passes, anything else is a failed check. A load test is one.
    #[default]
    #[serde(alias = "")]
    Rollout,
    /// Before every increase: 2xx lets it happen, anything else holds it.
    ConfirmTrafficIncrease,
    /// Before the promotion: 2xx lets it happen, anything else holds it.
    ConfirmPromotion,
    /// After the rollout, however it ended. Nothing depends on its answer.
    PostRollout,
    /// At every check: 2xx gives the rollout up, anything else does nothing.
    Rollback,
    /// Told of every Event. Nobody waits for an answer.
    Event,
}

/// One entry of `analysis.alerts` of a Canary. Read by [`Alerts::read`](super::Alerts::read).
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AlertSpec {
    /// Under which name it is told.
    pub name: String,
    /// What is told: this and worse. `info` is the default.
    #[serde(default)]
    pub severity: Severity,
    /// The AlertProvider.
    pub provider_ref: ProviderRefSpec,
}

/// Points at an AlertProvider.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ProviderRefSpec {
    /// Its name.
    pub name: String,
    /// Its namespace, if not the object's own.
    pub namespace: Option<String>,
}

/// How bad something is.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, Ord, PartialEq, PartialOrd)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(inline))]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// As it should be.
    #[default]
    Info,
    /// A check failed, and the rollout goes on.
    Warn,
    /// The rollout was given up.
    Error,
}

/// One entry of `notify` of a Deployer: exactly one of `slack` and `webhook`. Read by [`Alerts::inline`](super::Alerts::inline).
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NotifySpec {
    /// What is told: this and worse. `info` is the default.
    #[serde(default)]
    pub severity: Severity,
    /// A Slack channel.
    pub slack: Option<SlackSpec>,
    /// Anybody who takes a POST.
    pub webhook: Option<NotifyWebhookSpec>,
}

/// A Slack channel: exactly one of `url` and `secretRef`.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SlackSpec {
    /// The incoming webhook. Whoever reads the object may post there: `secretRef` is better.
    pub url: Option<String>,
    /// A Secret of this namespace whose key `address` is the incoming webhook. Needs a read grant for it.
    pub secret_ref: Option<SecretRefSpec>,
    /// Another channel than the webhook's own.
    pub channel: Option<String>,
    /// Who speaks. `oarlock` is the default.
    pub username: Option<String>,
}

/// Anybody who takes a POST: exactly one of `url` and `secretRef`.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NotifyWebhookSpec {
    /// Where it is.
    pub url: Option<String>,
    /// A Secret of this namespace whose key `address` is the URL. Needs a read grant for it.
    pub secret_ref: Option<SecretRefSpec>,
    /// Sent along.
    #[serde(default)]
    pub metadata: Option<BTreeMap<String, String>>,
}
