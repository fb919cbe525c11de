//! Checks between two steps: metrics, webhooks, and what they come to. Alerts, too.
//!
//! `spec` is what people write; [`Check`], [`Webhooks`] and [`Alerts`] are the same, parsed, with every wrong field located. An
//! [`Inquiry`] asks; what it finds is an [`Assessment`] of [`Finding`]s; a [`Tally`] counts those and rules. Nothing here knows
//! which kind of object is checked, what a step is, or when the next check is due: that is the caller's, and so are the tally and
//! the time of the last check, which stand in its status.
//!
//! # One check
//!
//! A check is asked once per interval: webhooks of type `rollout` first, since a load test makes what the metrics are about, then
//! the metrics. Within a run nothing is asked twice and nothing is slept over: **a retry is the next check**. A run that is
//! repeated, because its host was killed or its status was not written, asks again with the same idempotency keys and counts from
//! the same tally. Since a run has a deadline and no clock, an origin that had no answer in time is not asked again in that run,
//! nor is anybody once time-outs came to 20 s.
//!
//! # Metrics
//!
//! | field | meaning |
//! |---|---|
//! | `name` | `request-success-rate`, `request-duration`, or any name beside `query`, `templateRef` or `web`; an unknown one is invalid |
//! | `threshold` | a minimum for `request-success-rate`, a maximum for everything else; the bound itself passes |
//! | `thresholdRange` | `min` and `max`, both included; with it `threshold` is not followed (warned about) |
//! | `successCondition`, `failureCondition` | instead of a threshold, by the table below |
//! | `interval` | `{{ interval }}` of the query, `1m` by default; never before the start of the step |
//! | `noData` | `fail`, `hold` (default) or `pass` |
//! | `onError`, `consecutiveErrorLimit` | `hold` (default) until there are more than 4 in a row, or `fail` |
//! | `minSamples`, `samplesQuery` | requests below which there are no data; asked first, as metric `NAME-samples` |
//! | `dryRun` | asked and told, never counted |
//!
//! Conditions, as Argo Rollouts has them:
//!
//! | success | failure | the check |
//! |---|---|---|
//! | none | none | passes (documents only; a query needs a rule) |
//! | holds / does not | none | passes / fails |
//! | none | holds / does not | fails / passes |
//! | any | holds | fails |
//! | holds | does not | passes |
//! | does not | does not | is inconclusive: holds |
//!
//! Answers:
//!
//! | answer | means | told as |
//! |---|---|---|
//! | a scalar, or one series | by the rule | `97.2, expected >= 99` |
//! | no series, NaN, ±Inf, nothing at the place, `null`, too few samples | `noData` | `no data: the value is NaN` |
//! | several series | an error | two label sets |
//! | a matrix, a string, a native histogram | an error | what it is |
//! | a status that is no success | an error | the status, and Prometheus' `error` or the beginning of the body |
//! | no JSON, or more than 1 MiB | an error | the beginning of the body |
//! | no answer: time-out, refused, TLS | an error | why |
//! | not granted; a MetricTemplate that is missing or wrong; not asked | holds, never counted | what to grant or create |
//!
//! # How far a query looks back
//!
//! The window is `interval`, but no longer than the step is old. Below twice `settings.metrics.scrapeInterval` (or `interval`, if
//! that is less) nothing is asked, and the check holds. A range that a query has of its own is waited for: `[5m]` is asked when
//! the step is five minutes old. So no step passes, or fails, on what was there before it.
//!
//! # Built-in queries
//!
//! On the histogram `settings.metrics.requests` of the Pods of the new version, told by their names. Each name of a label is a
//! setting (see [`Series`]); the defaults give:
//!
//! ```text
//! request-success-rate  100 * (1 - (sum(rate(http_request_duration_seconds_count{PODS,status=~"5.."}[W])) or vector(0))
//!                       / sum(rate(http_request_duration_seconds_count{PODS}[W])))
//! request-duration      1000 * histogram_quantile(0.99, sum by (le) (rate(http_request_duration_seconds_bucket{PODS}[W])))
//! samples               sum(increase(http_request_duration_seconds_count{PODS}[W]))
//! PODS                  namespace="NAMESPACE",pod=~"DEPLOYMENT-[a-z0-9]+-[a-z0-9]{5}"
//! ```
//!
//! # Webhooks
//!
//! A POST of `{name, namespace, phase, checksum, metadata}`. 200 to 299 is success (Flagger takes 203 and above for a failure);
//! redirects are not followed.
//!
//! | type | 2xx | 408, 429, 5xx, no answer | any other status | not granted |
//! |---|---|---|---|---|
//! | `confirm-rollout`, `confirm-traffic-increase`, `confirm-promotion` | passes | holds | holds | holds |
//! | `pre-rollout`, `rollout`, of a step | passes | an error: a failed check when there are more than `retries` in a row | a failed check | holds |
//! | `rollback` | gives the rollout up | passes | passes | holds |
//! | `post-rollout` | told | told | told | told |
//! | `event` | nobody waits | | | |
//!
//! `Idempotency-Key` is `UID/REVISION/TYPE/NAME/PHASE/STEP`, and the time of the last check behind it for what is called at every
//! check. Retries of `pre-rollout` and `post-rollout` keep their key. Types that ask (`confirm-*`, `rollback`) are no effects: a
//! plan may ask them, too.
//!
//! # Alerts
//!
//! `slack` and `webhook` (the payload of an `event` webhook), by AlertProvider or by `notify` of a Deployer; as notices, once per
//! transition. A provider that cannot be read is told as a [problem](Alerts::problems) and stops nothing. An address that is in a
//! Secret needs a read grant for that Secret: it is the URL itself, which no host could fill in as it does for the credentials of
//! metrics, which are named only.

pub mod alert;
mod answer;
mod builtin;
mod caller;
mod check;
mod condition;
mod draft;
pub mod duration;
mod excerpt;
mod finding;
mod inquiry;
mod metric;
mod metric_template;
mod prometheus;
mod rule;
mod scope;
mod settings;
pub mod spec;
mod tally;
#[cfg(test)]
mod tests;
mod text;
mod url;
mod web;
mod webhook;
mod window;

pub use alert::{Alerts, News};
pub use check::Check;
pub use finding::{Assessment, Finding, Hold, Judgement};
pub use inquiry::Inquiry;
pub use scope::Scope;
pub use settings::{Monitoring, Series, Settings};
pub use spec::{Occasion, Severity};
pub use tally::{Decision, Ruling, Tally};
pub use webhook::Webhooks;
