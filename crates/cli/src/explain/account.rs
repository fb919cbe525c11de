//! What there is to tell about a rollout: its object's words, and the Events about it.

use std::collections::BTreeMap;

use kube::api::{DynamicObject, ListParams};
use oarlock_core::timestamp::Timestamp;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::target::Handle;

/// Events that are told: the last ones.
const EVENTS: usize = 8;

/// What there is to tell. The keys are those of `-o json`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Account {
    /// The object as messages name it.
    #[serde(skip)]
    pub(super) title: String,
    pub(super) api_version: String,
    pub(super) kind: String,
    pub(super) namespace: Option<String>,
    pub(super) name: String,
    /// The API server's time when it was asked.
    #[serde(serialize_with = "rfc3339")]
    pub(super) now: Timestamp,
    /// Whether anybody has ever written a status.
    #[serde(skip)]
    pub(super) looked_at: bool,
    /// Whether the status is of an older spec.
    pub(super) behind: bool,
    #[serde(flatten)]
    pub(super) progress: Progress,
    /// The wishes in `spec.control`, and `paused` and `suspend` where they hold.
    pub(super) wishes: BTreeMap<String, String>,
    pub(super) why: Option<Why>,
    pub(super) tracks: Vec<Track>,
    /// The conditions that are not as they should be.
    pub(super) failing: Vec<Condition>,
    /// The last Events, the oldest first.
    pub(super) events: Vec<Told>,
    /// Why there are no Events to tell.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) events_unknown: Option<String>,
}

/// Where the rollout is.
#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Progress {
    pub(super) phase: Option<String>,
    pub(super) current_step: Option<u32>,
    pub(super) step_started_at: Option<String>,
    pub(super) step_ends_at: Option<String>,
    pub(super) current_revision: Option<String>,
    pub(super) stable_revision: Option<String>,
    pub(super) rejected_revisions: Vec<String>,
}

/// `status.why`.
#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Why {
    pub(super) decision: String,
    pub(super) because: String,
    #[serde(default)]
    pub(super) inputs: Vec<Input>,
    pub(super) next_wake_up: Option<String>,
}

/// One thing that was looked at.
#[derive(Debug, Deserialize, Serialize)]
pub(super) struct Input {
    pub(super) name: String,
    pub(super) value: String,
    pub(super) expected: Option<String>,
    pub(super) verdict: String,
}

/// One version of the workload.
#[derive(Debug, Deserialize, Serialize)]
pub(super) struct Track {
    pub(super) name: String,
    pub(super) role: String,
    pub(super) revision: String,
    pub(super) desired: u32,
    pub(super) ready: u32,
    pub(super) available: u32,
    pub(super) weight: u32,
}

/// A condition.
#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Condition {
    #[serde(rename = "type")]
    pub(super) kind: String,
    pub(super) status: String,
    pub(super) reason: String,
    pub(super) message: String,
    pub(super) last_transition_time: Option<String>,
}

/// An Event.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Told {
    pub(super) last: Option<String>,
    #[serde(rename = "type")]
    pub(super) severity: String,
    pub(super) reason: String,
    pub(super) message: String,
    pub(super) count: u64,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Status {
    tracks: Vec<Value>,
    conditions: Vec<Value>,
}

impl Account {
    /// What the object and the API server tell.
    pub(super) async fn of(handle: &Handle, object: &DynamicObject, now: Timestamp) -> Self {
        let read = Self::read(&handle.to_string(), &handle.resource.kind, object, now);
        let (events, events_unknown) = match events(handle, object).await {
            Ok(events) => (events, None),
            Err(problem) => (Vec::new(), Some(problem)),
        };
        Self {
            api_version: handle.resource.api_version.clone(),
            events,
            events_unknown,
            ..read
        }
    }

    /// What the object alone tells.
    pub(super) fn read(title: &str, kind: &str, object: &DynamicObject, now: Timestamp) -> Self {
        let status = &object.data["status"];
        let parts: Status = part(status);
        let conditions: Vec<Condition> = parts.conditions.iter().map(part).collect();
        let tracks = parts.tracks.iter();
        let seen = status["observedGeneration"].as_i64();
        let types = object.types.as_ref();
        Self {
            title: title.to_owned(),
            api_version: types.map_or_else(String::new, |types| types.api_version.clone()),
            kind: kind.to_owned(),
            namespace: object.metadata.namespace.clone(),
            name: object.metadata.name.clone().unwrap_or_default(),
            now,
            looked_at: status.as_object().is_some_and(|fields| !fields.is_empty()),
            behind: seen.is_some_and(|seen| Some(seen) < object.metadata.generation),
            progress: part(status),
            wishes: wishes(&object.data["spec"]),
            why: Why::deserialize(&status["why"]).ok(),
            tracks: tracks
                .filter_map(|track| Track::deserialize(track).ok())
                .collect(),
            failing: failing(conditions),
            events: Vec::new(),
            events_unknown: None,
        }
    }
}

fn wishes(spec: &Value) -> BTreeMap<String, String> {
    let mut wishes = BTreeMap::new();
    for (name, value) in spec["control"].as_object().into_iter().flatten() {
        if let Some(value) = value.as_str() {
            wishes.insert(format!("spec.control.{name}"), value.to_owned());
        }
    }
    for field in ["paused", "suspend"] {
        if spec[field] == true {
            wishes.insert(format!("spec.{field}"), "true".to_owned());
        }
    }
    wishes
}

/// What is not as it should be. Of the types that are known, some are good when they are true, some when they are not, and
/// `Progressing` and `Running` are about what goes on: they tell something only beside an object that is not ready.
fn failing(conditions: Vec<Condition>) -> Vec<Condition> {
    let ready = |c: &Condition| c.kind == "Ready" && c.status == "True";
    let ready = conditions.iter().any(ready);
    let wrong = |condition: &Condition| match condition.kind.as_str() {
        "Degraded" | "Stalled" | "Paused" | "Warnings" => condition.status != "False",
        "Running" => false,
        "Progressing" => condition.status == "False" && !ready,
        "Promoted" => condition.status == "False",
        _ => condition.status != "True",
    };
    conditions.into_iter().filter(wrong).collect()
}

async fn events(handle: &Handle, object: &DynamicObject) -> Result<Vec<Told>, String> {
    let uid = object.metadata.uid.as_deref().unwrap_or_default();
    let asked = ListParams::default().fields(&format!("involvedObject.uid={uid}"));
    let listed = handle.core_events().list(&asked).await;
    let list = listed.map_err(|error| match error {
        kube::Error::Api(status) => status.message.clone(),
        error => error.to_string(),
    })?;
    let mut events: Vec<Told> = list.items.iter().map(Told::of).collect();
    events.sort_by(|a, b| a.last.cmp(&b.last));
    let rest = events.len().saturating_sub(EVENTS);
    Ok(events.split_off(rest))
}

impl Told {
    /// Both generations of Events are told by the core group: their times and counts stand in different places.
    fn of(event: &DynamicObject) -> Self {
        let data = &event.data;
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let created = event.metadata.creation_timestamp.as_ref();
        let last = [
            &data["series"]["lastObservedTime"],
            &data["lastTimestamp"],
            &data["eventTime"],
        ]
        .into_iter()
        .find_map(text);
        let count = data["series"]["count"].as_u64();
        Self {
            last: last.or_else(|| created.map(|time| time.0.to_string())),
            severity: text(&data["type"]).unwrap_or_default(),
            reason: text(&data["reason"]).unwrap_or_default(),
            message: text(&data["message"]).unwrap_or_default(),
            count: count.or(data["count"].as_u64()).unwrap_or(1).max(1),
        }
    }
}

/// What of it can be read; whatever has another shape is not there.
fn part<T: Default + DeserializeOwned>(value: &Value) -> T {
    T::deserialize(value).unwrap_or_default()
}

fn rfc3339<S: serde::Serializer>(time: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&time.rfc3339())
}
