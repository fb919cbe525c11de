//! The scenario as it is written: the structs that its JSON Schema is generated from.
//!
//! Their doc comments are the descriptions in the schema. What must be there is said by `required`.

use std::borrow::Cow;

pub(super) use oarlock_config::document::DurationText as Time;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use serde_json::{Map, Value};

/// What happens around a rollout that is rehearsed with `oarlock simulate`. Times count from the beginning.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(title = "Scenario of oarlock simulate")]
pub(super) struct Scenario {
    /// How Pods behave, where not as usual: ready after a second. Of several that match, the last counts.
    pub(super) pods: Option<Vec<Pods>>,
    /// What Prometheus answers. A metric that is not here has no data.
    pub(super) metrics: Option<Vec<Metric>>,
    /// What webhooks answer. One that is not here answers 200.
    pub(super) webhooks: Option<Vec<Webhook>>,
    /// What people do.
    pub(super) changes: Option<Vec<Change>>,
    /// When the operator is killed. It is started again without its memory.
    pub(super) crashes: Option<Vec<Crash>>,
    /// What must hold, for every object that is reconciled, from the first instant at which it does.
    pub(super) invariants: Option<Vec<Invariant>>,
}

/// How some Pods behave.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Pods {
    /// Which containers: a part of the image, or a pattern for all of it with * and ?. All Pods when left out.
    pub(super) image: Option<String>,
    /// How long they take to get ready.
    pub(super) ready_after: Option<Time>,
    /// How they fail.
    #[schemars(extend("enum" = FAILS))]
    pub(super) fail: Option<String>,
    /// How long they are ready until they crash, with CrashLoopBackOff.
    pub(super) fail_after: Option<Time>,
    /// Since when they behave like that.
    #[schemars(extend("default" = "0s"))]
    pub(super) at: Option<Time>,
}

/// Ways to fail.
pub(super) const FAILS: [&str; 4] = [
    "CrashLoopBackOff",
    "ImagePullBackOff",
    "NeverReady",
    "Unschedulable",
];

/// The values of a metric.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Metric {
    /// Its name in the analysis.
    #[schemars(required)]
    pub(super) name: Option<String>,
    /// Its values, each holding until the next: a list of times and values, or a text with one value per interval.
    #[schemars(required)]
    pub(super) series: Option<RawSeries>,
    /// The interval of a series that is written as a text.
    #[schemars(extend("default" = "1m"))]
    pub(super) every: Option<Time>,
}

/// Values over time.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum RawSeries {
    /// `99.5`.
    Number(serde_json::Number),
    /// `99.5 99.5 80`.
    Text(String),
    /// With a time each.
    Points(Vec<Point>),
}

/// A value and since when it holds.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Point {
    /// Since when.
    #[schemars(required)]
    pub(super) at: Option<Time>,
    /// A number, NaN, or none (no data), error (Prometheus answers 503) or timeout.
    #[schemars(required)]
    pub(super) value: Option<Word>,
}

/// What a webhook answers.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Webhook {
    /// Its URL without the query; with * at the end every one that begins so.
    pub(super) url: Option<String>,
    /// Its name in the analysis.
    pub(super) name: Option<String>,
    /// A status, timeout or refused: a text with one per call (the last one stays), or a list of times and answers.
    #[schemars(required)]
    pub(super) answers: Option<RawAnswers>,
}

/// Answers by call or by time.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum RawAnswers {
    /// `200`.
    Number(serde_json::Number),
    /// `200 200 500`.
    Text(String),
    /// With a time each.
    Points(Vec<Reply>),
}

/// An answer and since when it is given.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Reply {
    /// Since when.
    #[schemars(required)]
    pub(super) at: Option<Time>,
    /// A status such as 200, or timeout or refused.
    #[schemars(required)]
    pub(super) answer: Option<Word>,
}

/// Something that somebody does: one of apply, patch, steer and delete.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Change {
    /// When.
    #[schemars(required)]
    pub(super) at: Option<Time>,
    /// Manifests to apply, as kubectl apply --server-side does: a file beside the scenario.
    pub(super) apply: Option<String>,
    /// A merge patch, as kubectl patch --type merge does.
    pub(super) patch: Option<RawPatch>,
    /// What oarlock promote, abort, retry, pause and resume do, for the revision that is rolled out then.
    pub(super) steer: Option<RawSteer>,
    /// Manifests whose objects are deleted: a file beside the scenario.
    pub(super) delete: Option<String>,
}

/// A wish for a rollout.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct RawSteer {
    /// What is wished.
    #[schemars(required, extend("enum" = WISHES))]
    pub(super) wish: Option<String>,
    /// The object: KIND/NAME.
    #[schemars(required)]
    pub(super) target: Option<String>,
    /// Its namespace.
    #[schemars(extend("default" = "default"))]
    pub(super) namespace: Option<String>,
}

/// What can be wished: on past the current step, or past all of them; back; once more; a pause, and its end.
pub(super) const WISHES: [&str; 6] = [
    "promote",
    "promoteFully",
    "abort",
    "retry",
    "pause",
    "resume",
];

/// A merge patch of one object.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct RawPatch {
    /// The object: KIND/NAME.
    #[schemars(required)]
    pub(super) target: Option<String>,
    /// Its namespace.
    #[schemars(extend("default" = "default"))]
    pub(super) namespace: Option<String>,
    /// The patch.
    pub(super) merge: Option<Map<String, Value>>,
    /// A file with the patch, beside the scenario.
    pub(super) file: Option<String>,
}

/// An end of the operator.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Crash {
    /// When.
    #[schemars(required)]
    pub(super) at: Option<Time>,
    /// How long until it is started again.
    #[schemars(extend("default" = "0s"))]
    pub(super) down: Option<Time>,
}

/// What must hold.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Invariant {
    /// Such as available >= 90%, total <= 125% or track(canary).weight <= 50; with and, or, not, + and -. Percent is of the
    /// replicas that the object wants, rounded up to whole Pods.
    #[schemars(required)]
    pub(super) expr: Option<String>,
    /// How long it may be violated.
    #[serde(rename = "for")]
    #[schemars(extend("default" = "0s"))]
    pub(super) spare: Option<Time>,
    /// Only this object: KIND/NAME or KIND/NAMESPACE/NAME.
    pub(super) object: Option<String>,
}

/// A word or a number.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum Word {
    /// As a number.
    Number(serde_json::Number),
    /// As text.
    Text(String),
}

impl std::fmt::Display for Word {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Number(number) => write!(f, "{number}"),
            Self::Text(text) => f.write_str(text),
        }
    }
}

impl JsonSchema for Word {
    fn schema_name() -> Cow<'static, str> {
        "Word".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": ["string", "number"]})
    }
}

impl JsonSchema for RawSeries {
    fn schema_name() -> Cow<'static, str> {
        "Series".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": ["string", "number", "array"],
            "items": generator.subschema_for::<Point>(),
            "examples": ["99.5 99.5 80", [{"at": "0s", "value": 99.5}, {"at": "5m", "value": 80}]],
        })
    }
}

impl JsonSchema for RawAnswers {
    fn schema_name() -> Cow<'static, str> {
        "Answers".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": ["string", "integer", "array"],
            "items": generator.subschema_for::<Reply>(),
            "examples": ["200 200 500", [{"at": "0s", "answer": 200}, {"at": "5m", "answer": "timeout"}]],
        })
    }
}
