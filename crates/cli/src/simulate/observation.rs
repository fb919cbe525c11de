//! What there is to see of a rollout at one moment: its versions, its step, and why it is there.
//!
//! Counts come from the Deployments themselves: what a status says of them is as old as the last run. What they are for,
//! their revisions and weights come from `status.tracks`, where the kind has it.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use oarlock_core::timestamp::Timestamp;
use oarlock_devcluster::resource::ResourceId;
use oarlock_devcluster::store::Key;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The objects of one moment.
pub(crate) type State = BTreeMap<(ResourceId, Key), Arc<Value>>;

const DEPLOYMENTS: ResourceId = ResourceId::of("apps", "deployments");

/// Annotation of a Deployment whose replicas are borrowed: assigned and total, such as `3/10`.
const BORROWED: &str = "canary.oarlock.dev/replicas";

/// Kind, namespace and name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Name {
    pub(crate) kind: String,
    pub(crate) namespace: String,
    pub(crate) name: String,
}

/// An object at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Frame {
    pub(crate) object: Name,
    /// Counted from 1.
    pub(crate) step: Option<u64>,
    pub(crate) phase: String,
    pub(crate) tracks: Vec<Track>,
    /// Replicas that the object wants in all.
    pub(crate) desired: u64,
    /// One word.
    pub(crate) decision: String,
    /// A sentence.
    pub(crate) why: String,
    /// What was looked at for that.
    pub(crate) inputs: Vec<Input>,
    /// What its condition `Ready` says, where it has one.
    pub(crate) ready: Option<bool>,
}

/// One thing that was looked at, as `status.why` has it.
#[derive(Clone, Debug, Deserialize, Serialize, PartialEq, Eq)]
pub(crate) struct Input {
    /// Such as `metric request-success-rate`.
    name: String,
    /// What was found.
    value: String,
    /// What was wanted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    expected: Option<String>,
    /// What it says to the decision: `pass`, `hold`, `fail` or `info`.
    #[serde(default)]
    verdict: String,
}

/// One version of a workload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Track {
    pub(crate) name: String,
    /// `stable`, `canary` or `intermediate`; empty where nobody says.
    pub(crate) role: String,
    pub(crate) revision: String,
    pub(crate) desired: u64,
    /// Pods that there are.
    pub(crate) total: u64,
    pub(crate) ready: u64,
    pub(crate) available: u64,
    /// Percent of the traffic.
    pub(crate) weight: u64,
}

impl Name {
    /// From `KIND/NAME` or `KIND/NAMESPACE/NAME`.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let parts: Vec<&str> = text.split('/').collect();
        let (kind, namespace, name) = match parts.as_slice() {
            [kind, name] => (kind, &"default", name),
            [kind, namespace, name] => (kind, namespace, name),
            _ => return None,
        };
        let words = [kind, namespace, name];
        words.iter().all(|word| !word.is_empty()).then(|| Self {
            kind: (*kind).to_owned(),
            namespace: (*namespace).to_owned(),
            name: (*name).to_owned(),
        })
    }

    /// With its namespace, whichever it is.
    pub(crate) fn whole(&self) -> String {
        format!("{}/{}/{}", self.kind, self.namespace, self.name)
    }
}

/// `Kind/name`, and the namespace in between where it is not the usual one.
impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.namespace.as_str() {
            "" | "default" => write!(f, "{}/{}", self.kind, self.name),
            _ => f.write_str(&self.whole()),
        }
    }
}

impl Track {
    /// Whether somebody who says `name` means it.
    pub(crate) fn is_called(&self, name: &str) -> bool {
        self.name == name || self.role == name
    }
}

impl Frame {
    /// What there is to see of `object` in `state`.
    pub(crate) fn of(kind: &str, object: &Value, state: &State, began: Timestamp) -> Self {
        let text = |pointer: &str| text(object, pointer);
        let name = Name {
            kind: kind.to_owned(),
            namespace: text("/metadata/namespace"),
            name: text("/metadata/name"),
        };
        let deployments = Deployments {
            state,
            namespace: &name.namespace,
        };
        let target = target(object).and_then(|name| deployments.get(name));
        let tracks = tracks(object, target, &deployments);
        let ready = condition(object, "Ready");
        let said = |key: &str| {
            let value = ready.and_then(|ready| ready.get(key));
            value.and_then(Value::as_str).unwrap_or_default().to_owned()
        };
        // What the host has to say is newer than what the module said last.
        let told = object.pointer("/status/why");
        let (decision, why) = match told.filter(|_| !oarlock_engine::is_problem(&said("reason"))) {
            Some(_) => (text("/status/why/decision"), text("/status/why/because")),
            None => (said("reason"), said("message")),
        };
        let number = |pointer: &str| object.pointer(pointer).and_then(Value::as_u64);
        Self {
            step: number("/status/currentStep").or_else(|| number("/status/stepIndex")),
            phase: text("/status/phase"),
            desired: desired(object, target)
                .unwrap_or_else(|| tracks.iter().map(|t| t.desired).sum()),
            tracks,
            decision,
            why: readable(&why, began),
            inputs: inputs(object),
            ready: ready.map(|ready| ready["status"] == "True"),
            object: name,
        }
    }
}

/// What was looked at, as far as it can be read.
fn inputs(object: &Value) -> Vec<Input> {
    let inputs = object
        .pointer("/status/why/inputs")
        .and_then(Value::as_array);
    let inputs = inputs.into_iter().flatten();
    inputs
        .filter_map(|input| Input::deserialize(input).ok())
        .collect()
}

/// The Deployments of a namespace.
struct Deployments<'s> {
    state: &'s State,
    namespace: &'s str,
}

impl<'s> Deployments<'s> {
    fn get(&self, name: &str) -> Option<&'s Value> {
        let key = (DEPLOYMENTS, Key::new(self.namespace, name));
        self.state.get(&key).map(Arc::as_ref)
    }

    /// Those that this object owns.
    fn owned_by(&self, uid: &str) -> impl Iterator<Item = &'s Value> {
        let from = (DEPLOYMENTS, Key::new(self.namespace, ""));
        let here = self.state.range(from..).take_while(|((resource, key), _)| {
            *resource == DEPLOYMENTS && key.namespace == self.namespace
        });
        here.map(|(_, object)| object.as_ref())
            .filter(move |object| {
                let references = object.pointer("/metadata/ownerReferences");
                let mut references = references.and_then(Value::as_array).into_iter().flatten();
                references.any(|reference| reference["uid"] == uid)
            })
    }
}

/// The Deployment that an object says it is about.
fn target(object: &Value) -> Option<&str> {
    object.pointer("/spec/targetRef/name")?.as_str()
}

/// How many replicas the object wants.
fn desired(object: &Value, target: Option<&Value>) -> Option<u64> {
    let own = ["/spec/deployment/replicas", "/spec/replicas"];
    let own = own.iter().find_map(|p| object.pointer(p)?.as_u64());
    own.or_else(|| {
        let target = target?;
        let borrowed = target["metadata"]["annotations"][BORROWED].as_str();
        borrowed
            .and_then(|text| text.rsplit('/').next()?.parse().ok())
            .or_else(|| target.pointer("/spec/replicas")?.as_u64())
    })
}

fn tracks(object: &Value, target: Option<&Value>, deployments: &Deployments<'_>) -> Vec<Track> {
    let told = object.pointer("/status/tracks").and_then(Value::as_array);
    if let Some(told) = told.filter(|told| !told.is_empty()) {
        return told
            .iter()
            .map(|track| {
                let name = text(track, "/name");
                // Two versions in one Deployment: only the status tells them apart.
                let alone = told.iter().filter(|t| t["name"] == track["name"]).count() == 1;
                let live = deployments.get(&name).filter(|_| alone);
                of_status(track, name, live)
            })
            .collect();
    }
    let owned = deployments.owned_by(object["metadata"]["uid"].as_str().unwrap_or_default());
    let mut tracks: Vec<Track> = owned.chain(target).map(of_deployment).collect();
    tracks.sort_by(|a, b| a.name.cmp(&b.name));
    tracks.dedup_by(|a, b| a.name == b.name);
    let all: u64 = tracks.iter().map(|track| track.desired).sum();
    for track in &mut tracks {
        // To the nearest percent.
        track.weight = (track.desired * 200 + all)
            .checked_div(all * 2)
            .unwrap_or(0);
    }
    tracks
}

fn of_status(track: &Value, name: String, live: Option<&Value>) -> Track {
    let number = |key: &str| track[key].as_u64().unwrap_or(0);
    let counts = live.map(of_deployment);
    let count =
        |live: fn(&Track) -> u64, key: &str| counts.as_ref().map_or_else(|| number(key), live);
    Track {
        role: text(track, "/role"),
        revision: text(track, "/revision"),
        desired: count(|t| t.desired, "desired"),
        total: count(|t| t.total, "desired"),
        ready: count(|t| t.ready, "ready"),
        available: count(|t| t.available, "available"),
        weight: number("weight"),
        name,
    }
}

fn of_deployment(deployment: &Value) -> Track {
    let number = |pointer: &str| deployment.pointer(pointer).and_then(Value::as_u64);
    Track {
        name: text(deployment, "/metadata/name"),
        role: String::new(),
        revision: text(deployment, "/spec/template/spec/containers/0/image"),
        desired: number("/spec/replicas").unwrap_or(1),
        total: number("/status/replicas").unwrap_or(0),
        ready: number("/status/readyReplicas").unwrap_or(0),
        available: number("/status/availableReplicas").unwrap_or(0),
        weight: 0,
    }
}

/// A condition of an object.
pub(crate) fn condition<'v>(object: &'v Value, kind: &str) -> Option<&'v Value> {
    let conditions = object.pointer("/status/conditions")?.as_array()?;
    conditions.iter().find(|c| c["type"] == kind)
}

fn text(value: &Value, pointer: &str) -> String {
    let text = value.pointer(pointer).and_then(Value::as_str);
    text.unwrap_or_default().to_owned()
}

/// Several lines as one, and instants in them as times since the beginning: nobody knows the date of a simulation.
pub(crate) fn readable(sentence: &str, began: Timestamp) -> String {
    let sentence = sentence.replace('\n', "; ");
    let words = sentence.split(' ').map(|word| {
        let bare = word.trim_end_matches([',', '.', ';', ')']);
        match Timestamp::parse_rfc3339(bare).filter(|at| *at >= began) {
            Some(at) => format!("{}{}", clock(at.since(began)), &word[bare.len()..]),
            None => word.to_owned(),
        }
    });
    words.collect::<Vec<_>>().join(" ")
}

/// `mm:ss`, and hours before where there are any.
pub(crate) fn clock(time: Duration) -> String {
    let seconds = time.as_secs();
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    match hours {
        0 => format!("{minutes:02}:{seconds:02}"),
        _ => format!("{hours}:{minutes:02}:{seconds:02}"),
    }
}

#[cfg(test)]
mod tests;
