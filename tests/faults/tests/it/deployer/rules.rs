//! What must hold of a rollout at any time.

use std::collections::BTreeMap;
use std::time::Duration;

use http::Method;
use oarlock_core::timestamp::Timestamp;
use oarlock_devcluster::store::Key;
use serde_json::Value;

use super::story::{ORDERLY, foreign};
use super::{DEPLOYERS, DEPLOYMENTS};
use crate::chronicle::{Entry, State, of, replay};
use crate::faults::Fault;
use crate::oracle;
use crate::play::{Record, conditions};

/// What was broken.
pub(super) fn broken(record: &Record<'_>) -> Vec<String> {
    let mut broken = Vec::new();
    broken.extend(strange_writes(record));
    broken.extend(touched(record));
    broken.extend(steps(record));
    let is_orderly = ORDERLY
        .iter()
        .any(|name| record.story.name.starts_with(&format!("{name},")));
    if is_orderly && !record.happened(&[Fault::PodLost]) {
        broken.extend(capacity(record));
    }
    broken.extend(oracle::broken(record, &DEPLOYERS));
    broken
}

/// Nothing is written but what belongs to the Deployer.
fn strange_writes(record: &Record<'_>) -> Option<String> {
    let ours = [
        "/apis/deploy.example.com/v1alpha1/namespaces/default/deployers/nginx",
        "/apis/apps/v1/namespaces/default/deployments/nginx-",
        "/apis/events.k8s.io/v1/namespaces/default/events",
    ];
    record
        .requests
        .iter()
        .filter(|request| request.method != Method::GET)
        .find(|request| !ours.iter().any(|path| request.path.starts_with(path)))
        .map(|request| format!("a strange write: {} {}", request.method, request.path))
}

/// The foreign Deployment is as it was.
fn touched(record: &Record<'_>) -> Option<String> {
    let found = record.store.get(&DEPLOYMENTS, "default", "nginx").ok();
    let wanted = foreign();
    let is_whole = found.is_some_and(|found| {
        found["metadata"]["generation"] == 1
            && found["metadata"]["labels"] == wanted["metadata"]["labels"]
            && found["metadata"].get("ownerReferences").is_none()
    });
    (!is_whole).then(|| "a foreign Deployment was touched".to_owned())
}

/// Where a rollout stands, as its status says.
#[derive(Clone, Debug, PartialEq)]
struct Stand {
    uid: Value,
    rollout: Value,
    to: Value,
    phase: String,
    index: u64,
    since: Option<Timestamp>,
}

impl Stand {
    fn of(deployer: &Value) -> Option<Self> {
        let status = &deployer["status"];
        let since = status["stepStartedAt"].as_str();
        Some(Self {
            uid: deployer["metadata"]["uid"].clone(),
            rollout: status["rollout"].clone(),
            to: status["to"]["deployment"].clone(),
            phase: status["phase"].as_str()?.to_owned(),
            index: status["currentStep"].as_u64().unwrap_or(0),
            since: since.and_then(Timestamp::parse_rfc3339),
        })
    }

    /// Where in the order of things: each step scales, then waits; `Stable` is the end.
    fn place(&self) -> u64 {
        match self.phase.as_str() {
            "Scaling" => self.index * 2,
            "Waiting" => self.index * 2 + 1,
            _ => u64::MAX,
        }
    }
}

/// Within one rollout no step is skipped, none is repeated, and none is shorter than it was asked to be.
fn steps(record: &Record<'_>) -> Vec<String> {
    let edits_steps = [
        "steps edited",
        "wrong and right again",
        "more replicas",
        "fewer replicas",
        // Has one step, which the spec does not list.
        "blue and green",
    ]
    .iter()
    .any(|name| record.story.name.starts_with(name));
    let mut broken = Vec::new();
    let mut last: Option<(Stand, Value)> = None;
    for Entry { at, change } in record.entries {
        if change.resource != DEPLOYERS {
            continue;
        }
        let Some(now) = Stand::of(&change.object) else {
            continue;
        };
        let spec = change.object["spec"].clone();
        if let Some((before, steps)) = &last
            && (&before.uid, &before.rollout, &before.to) == (&now.uid, &now.rollout, &now.to)
            && before != &now
        {
            let (from, to) = (before.place(), now.place());
            let is_end = to == u64::MAX;
            if !edits_steps && (to < from || !is_end && to > from + 1) {
                broken.push(format!("from {before:?} to {now:?}"));
            }
            if to > from
                && !is_end
                && !edits_steps
                && let Some(since) = before.since
            {
                let index = usize::try_from(before.index).unwrap_or(0);
                let sleep = &steps["steps"][index.saturating_sub(1)]["sleep"];
                let sleep = Duration::from_secs(sleep.as_u64().unwrap_or(0));
                if at.since(since) + Duration::from_secs(1) < sleep {
                    broken.push(format!("{before:?} was left after {:?}", at.since(since)));
                }
            }
            if !edits_steps && from == to && before.since != now.since {
                broken.push(format!("the wait begins anew: {before:?}, {now:?}"));
            }
        }
        last = Some((now, spec));
    }
    broken
}

/// From the moment on at which a version serves, never fewer Pods are ready than were asked for, and never more run than
/// that and the surge.
fn capacity(record: &Record<'_>) -> Option<String> {
    let mut serving = false;
    let mut broken = None;
    replay(record.entries, 0, |entry, state| {
        let key = ("deployers".to_owned(), Key::new("default", "nginx"));
        let Some(deployer) = state.get(&key) else {
            return;
        };
        let replicas = deployer["spec"]["deployment"]["replicas"].as_u64();
        let replicas = usize::try_from(replicas.unwrap_or(1)).unwrap_or(1);
        let surge = replicas.div_ceil(4).max(1);
        let running: Vec<&Value> = of(state, "pods")
            .filter(|pod| pod["metadata"]["deletionTimestamp"].is_null())
            .collect();
        let ready = running.iter().filter(|pod| is_ready(pod)).count();
        serving |= deployer["status"]["phase"] == "Stable";
        let wrong = if serving && ready < replicas {
            format!("only {ready} of {replicas} Pods are ready")
        } else if running.len() > replicas + surge {
            format!("{} Pods run, not {replicas} and {surge}", running.len())
        } else {
            return;
        };
        broken
            .get_or_insert_with(|| format!("{wrong} at {}: {}", entry.at.rfc3339(), sizes(state)));
    });
    broken
}

fn is_ready(pod: &Value) -> bool {
    conditions(pod).iter().any(|c| c.starts_with("Ready=True"))
}

/// Versions with ready of wanted Pods.
fn sizes(state: &State) -> String {
    let mut ready = BTreeMap::<&str, usize>::new();
    for pod in of(state, "pods").filter(|pod| is_ready(pod)) {
        let version = pod["metadata"]["labels"]["deploy.example.com/version"].as_str();
        *ready.entry(version.unwrap_or("?")).or_default() += 1;
    }
    let size = |deployment: &Value| {
        let version = deployment["metadata"]["labels"]["deploy.example.com/version"].as_str();
        let version = version.unwrap_or("?");
        let ready = ready.get(version).copied().unwrap_or(0);
        format!("{version}={ready}/{}", deployment["spec"]["replicas"])
    };
    of(state, "deployments")
        .map(size)
        .collect::<Vec<_>>()
        .join(" ")
}
