//! What must hold of a rollout at any time.

use std::collections::BTreeMap;
use std::time::Duration;

use http::Method;
use oarlock_core::timestamp::Timestamp;
use oarlock_devcluster::store::Key;
use serde_json::Value;

use super::story::{EDITED, GIVEN_UP, ORDERLY, SHARED, shape};
use super::{CANARIES, DEPLOYMENTS, PODS, TRACK};
use crate::chronicle::{Entry, State, of, replay};
use crate::faults::Fault;
use crate::oracle;
use crate::play::{Record, all, conditions};

/// Time between two checks, which is the least time that a step takes.
const INTERVAL: Duration = Duration::from_secs(10);

/// What was broken.
pub(super) fn broken(record: &Record<'_>) -> Vec<String> {
    let told = |names: &[&str]| {
        names
            .iter()
            .any(|name| record.story.name.starts_with(&format!("{name},")))
    };
    let mut broken = Vec::new();
    broken.extend(strange_writes(record));
    if !told(&["steps edited"]) {
        broken.extend(steps(record));
    }
    if told(ORDERLY) && !record.happened(&[Fault::PodLost]) {
        broken.extend(capacity(record, told(EDITED)));
    }
    if told(SHARED) {
        broken.extend(exposure(record));
    }
    if told(GIVEN_UP) {
        broken.extend(given_up(record));
    } else {
        broken.extend(oracle::broken(record, &CANARIES));
    }
    if told(&["deleted"]) {
        broken.extend(given_back(record));
    }
    broken
}

/// Nothing is written but the Canary, its two Deployments and Events.
fn strange_writes(record: &Record<'_>) -> Option<String> {
    let ours = [
        "/apis/canary.oarlock.dev/v1alpha1/namespaces/default/canaries/web",
        "/apis/apps/v1/namespaces/default/deployments/web",
        "/apis/apps/v1/namespaces/default/deployments/web-stable",
        "/apis/events.k8s.io/v1/namespaces/default/events",
    ];
    let path = |path: &str| path.split('?').next().unwrap_or_default().to_owned();
    record
        .requests
        .iter()
        .filter(|request| request.method != Method::GET)
        .find(|request| {
            let found = path(&request.path);
            !ours.iter().any(|ours| {
                found == *ours
                    || found
                        .strip_prefix(ours)
                        .is_some_and(|rest| rest.starts_with('/'))
            })
        })
        .map(|request| format!("a strange write: {} {}", request.method, request.path))
}

/// Where a rollout stands, as its status says.
#[derive(Clone, Debug, PartialEq)]
struct Stand {
    uid: Value,
    rollout: Value,
    revision: Value,
    stage: String,
    step: u64,
    since: Option<Timestamp>,
}

impl Stand {
    fn of(canary: &Value) -> Option<Self> {
        let status = &canary["status"];
        let since = status["stepStartedAt"].as_str();
        Some(Self {
            uid: canary["metadata"]["uid"].clone(),
            rollout: status["rollout"].clone(),
            revision: status["currentRevision"].clone(),
            stage: status["stage"].as_str()?.to_owned(),
            step: status["currentStep"].as_u64().unwrap_or(0),
            since: since.and_then(Timestamp::parse_rfc3339),
        })
    }

    /// Where in the order of things; none for what may come at any time.
    fn place(&self) -> Option<(u32, u64)> {
        let stage = match self.stage.as_str() {
            "Waiting" => 1,
            "Draining" => 2,
            "Rolling" => 3,
            "Stepping" => return Some((4, self.step)),
            "Asking" => 5,
            "Promoting" => 6,
            "Finalising" => 7,
            _ => return None,
        };
        Some((stage, 0))
    }
}

/// Within one rollout nothing goes backwards, no step is skipped, and none is shorter than its interval.
fn steps(record: &Record<'_>) -> Vec<String> {
    let mut broken = Vec::new();
    let mut last: Option<Stand> = None;
    let mut promoted = false;
    for Entry { at, change } in record.entries {
        if change.resource != CANARIES {
            continue;
        }
        promoted |= change.object["spec"]["control"]["promote"].is_string();
        let Some(now) = Stand::of(&change.object) else {
            continue;
        };
        if let Some(before) = &last
            && (&before.uid, &before.rollout, &before.revision)
                == (&now.uid, &now.rollout, &now.revision)
            && let (Some(from), Some(to)) = (before.place(), now.place())
            && from != to
        {
            if to < from || to.0 == 4 && from.0 == 4 && to.1 > from.1 + 1 {
                broken.push(format!("from {before:?} to {now:?}"));
            }
            if from.0 == 4
                && !promoted
                && before
                    .since
                    .is_none_or(|since| at.since(since) + Duration::from_secs(1) < INTERVAL)
            {
                broken.push(format!("{before:?} was left at {}", at.rfc3339()));
            }
        }
        if let Some(before) = &last
            && (&before.rollout, before.place(), before.step)
                == (&now.rollout, now.place(), now.step)
            && before.since.is_some()
            && before.since != now.since
        {
            broken.push(format!("the wait begins anew: {before:?}, {now:?}"));
        }
        last = Some(now);
    }
    broken
}

/// Never fewer Pods are available than the replicas less the unavailable ones, and never more run than the replicas and the
/// surge: both Deployments together. One that is edited while it replaces its Pods has its own surge on top, until the
/// operator comes; and while it has Pods of several revisions, one Pod at a time comes beyond, so that what serves does not wait
/// for room that a broken revision takes.
fn capacity(record: &Record<'_>, edited: bool) -> Option<String> {
    let shape = shape(&record.story.name);
    let floor = shape.replicas - shape.max_unavailable;
    let own = if edited { shape.max_surge.max(1) } else { 0 };
    let ceiling = shape.replicas + shape.max_surge + own;
    let mut serving = false;
    let mut broken = None;
    replay(record.entries, 0, |entry, state| {
        let running: Vec<&Value> = pods(state).collect();
        let available = running.iter().filter(|pod| is_ready(pod)).count() as u64;
        serving |= available >= shape.replicas;
        let wrong = if serving && available < floor {
            format!("only {available} of {floor} Pods are available")
        } else if running.len() as u64 > ceiling {
            format!("{} Pods run, not {ceiling}", running.len())
        } else {
            return;
        };
        broken
            .get_or_insert_with(|| format!("{wrong} at {}: {}", entry.at.rfc3339(), sizes(state)));
    });
    broken
}

/// Never more Pods are of the new revision than its step has, and none before there is a rollout.
fn exposure(record: &Record<'_>) -> Option<String> {
    let shape = shape(&record.story.name);
    let mut broken = None;
    replay(record.entries, record.since, |entry, state| {
        let key = ("canaries".to_owned(), Key::new("default", "web"));
        let Some(canary) = state.get(&key) else {
            return;
        };
        let status = &canary["status"];
        let step = status["currentStep"].as_u64().and_then(|step| {
            let index = usize::try_from(step).ok()?.checked_sub(1)?;
            shape.steps.get(index)
        });
        let allowed = match status["stage"].as_str() {
            Some("Rolling") => shape.steps[0].1,
            // A hold without a weight of its own stays at the weight before.
            Some("Stepping" | "Asking") => step.map_or(shape.steps[0].1, |(_, pods)| *pods),
            Some("Promoting" | "Finalising") => shape.replicas,
            Some("Idle") if status["phase"] == "Succeeded" => shape.replicas,
            // Those that leave are counted down.
            Some("Aborting") => return,
            _ => 0,
        };
        let new = pods(state)
            .filter(|pod| !image(pod).ends_with(":v1"))
            .count() as u64;
        if new > allowed {
            let at = entry.at.rfc3339();
            let stage = &status["stage"];
            broken.get_or_insert_with(|| {
                format!(
                    "{new} new Pods, not {allowed}, at {at} ({stage}): {}",
                    sizes(state)
                )
            });
        }
    });
    broken
}

/// What was given up has no Pods in the end, and what served before has all of them.
fn given_up(record: &Record<'_>) -> Option<String> {
    let shape = shape(&record.story.name);
    let pods = all(record.store, &PODS);
    let old = pods
        .iter()
        .filter(|pod| image(pod).ends_with(":v1") && is_ready(pod))
        .count() as u64;
    (old != shape.replicas || old != pods.len() as u64)
        .then(|| format!("{old} of {} Pods serve as before", pods.len()))
}

/// Without its Canary the Deployment is as its user has it.
fn given_back(record: &Record<'_>) -> Option<String> {
    let shape = shape(&record.story.name);
    let found = all(record.store, &DEPLOYMENTS);
    let names: Vec<&Value> = found.iter().map(|live| &live["metadata"]["name"]).collect();
    let [app] = &found[..] else {
        return Some(format!("Deployments in the end: {names:?}"));
    };
    let borrowed = app["metadata"]["annotations"]
        .as_object()
        .into_iter()
        .flatten()
        .find(|(key, _)| key.contains("oarlock.dev"));
    let is_own = app["spec"]["paused"] != true
        && app["spec"]["replicas"] == shape.replicas
        && app["status"]["updatedReplicas"] == shape.replicas
        && borrowed.is_none();
    (!is_own).then(|| format!("not given back: {borrowed:?} {}", app["spec"]))
}

/// Pods of both Deployments that were not told to go.
fn pods(state: &State) -> impl Iterator<Item = &Value> {
    of(state, "pods").filter(|pod| pod["metadata"]["deletionTimestamp"].is_null())
}

fn image(pod: &Value) -> &str {
    pod["spec"]["containers"][0]["image"]
        .as_str()
        .unwrap_or_default()
}

fn is_ready(pod: &Value) -> bool {
    conditions(pod).iter().any(|c| c.starts_with("Ready=True"))
}

/// Deployments with the replicas that they want, and the ready Pods by image.
fn sizes(state: &State) -> String {
    let mut ready = BTreeMap::<String, (usize, usize)>::new();
    for pod in pods(state) {
        let track = pod["metadata"]["labels"][TRACK].as_str().unwrap_or("app");
        let of = ready.entry(format!("{track} {}", image(pod))).or_default();
        of.0 += usize::from(is_ready(pod));
        of.1 += 1;
    }
    let wanted = of(state, "deployments").map(|live| {
        let (name, spec) = (&live["metadata"]["name"], &live["spec"]);
        let paused = if spec["paused"] == true {
            " paused"
        } else {
            ""
        };
        format!("{name}={}{paused}", spec["replicas"])
    });
    let ready = ready
        .into_iter()
        .map(|(what, (ready, all))| format!("{what}: {ready}/{all}"));
    wanted.chain(ready).collect::<Vec<_>>().join(", ")
}
