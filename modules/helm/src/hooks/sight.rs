//! What the objects of a hook in the cluster tell.

use serde_json::{Map, Value};

use crate::manifest::{Object, annotation};

/// Annotation of a hook's object: the run that created it. Helm has none, and cannot tell after a crash whether the object that is
/// there is the one that it was about to create.
pub const RUN: &str = "helm.oarlock.dev/run";

/// What is seen of a hook.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sight {
    /// Nothing is there.
    Absent,
    /// Something is there that is on its way out.
    Leaving,
    /// Something is there from before, or of somebody else.
    Old,
    /// It was created in this run, and has not ended.
    Running,
    /// It ended well.
    Succeeded,
    /// It ended badly.
    Failed {
        /// Why, in Helm's words.
        why: String,
    },
}

/// Marks a hook's object as created in a run. One that wants a name of the server gets one of the run instead, so that it is
/// found again.
pub fn mark(object: &mut Object, run: &str) {
    object.mark("annotations", RUN, run);
    let Some(Value::Object(metadata)) = object.content.get_mut("metadata") else {
        return;
    };
    if let Some(Value::String(prefix)) = metadata.remove("generateName") {
        // FNV-1a: enough to tell the runs of one hook apart.
        let hash = run.bytes().fold(0x811c_9dc5_u32, |hash, byte| {
            (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193)
        });
        metadata.insert(
            String::from("name"),
            Value::from(format!("{prefix}{hash:08x}")),
        );
    }
}

/// What is seen of a hook: its objects in the cluster (none for one that is not there), in a run. Most hooks have one object; of
/// several, the one that is farthest from the end counts.
#[must_use]
pub fn of<'a>(live: impl IntoIterator<Item = Option<&'a Map<String, Value>>>, run: &str) -> Sight {
    let mut sights: Vec<Sight> = live.into_iter().map(|live| one(live, run)).collect();
    let all = |wanted: &Sight| sights.iter().all(|sight| sight == wanted);
    if all(&Sight::Absent) {
        return Sight::Absent;
    }
    let has = |wanted: &Sight| sights.contains(wanted);
    for first in [Sight::Leaving, Sight::Old] {
        if has(&first) {
            return first;
        }
    }
    if let Some(failed) = sights
        .iter()
        .position(|sight| matches!(sight, Sight::Failed { .. }))
    {
        return sights.swap_remove(failed);
    }
    // What is missing beside what was created has yet to be created, or went: both are a matter of waiting.
    if has(&Sight::Running) || has(&Sight::Absent) {
        return Sight::Running;
    }
    Sight::Succeeded
}

fn one(live: Option<&Map<String, Value>>, run: &str) -> Sight {
    let Some(live) = live else {
        return Sight::Absent;
    };
    let metadata = live.get("metadata");
    if metadata.is_some_and(|metadata| metadata.get("deletionTimestamp").is_some()) {
        return Sight::Leaving;
    }
    if annotation(live, RUN) != Some(run) {
        return Sight::Old;
    }
    let name = metadata
        .and_then(|metadata| metadata.get("name"))
        .and_then(Value::as_str)
        .unwrap_or_default();
    let status = live.get("status");
    match live.get("kind").and_then(Value::as_str) {
        Some("Job") => job(name, status),
        Some("Pod") => pod(name, status),
        // Other kinds have nothing to end: they are there, and that is all.
        _ => Sight::Succeeded,
    }
}

fn job(name: &str, status: Option<&Value>) -> Sight {
    let conditions = status
        .and_then(|status| status.get("conditions"))
        .and_then(Value::as_array);
    let text = |condition: &Value, key: &str| -> String {
        let text = condition.get(key).and_then(Value::as_str);
        text.unwrap_or_default().to_owned()
    };
    for condition in conditions.into_iter().flatten() {
        if text(condition, "status") != "True" {
            continue;
        }
        match text(condition, "type").as_str() {
            "Complete" => return Sight::Succeeded,
            "Failed" => {
                let (reason, message) = (text(condition, "reason"), text(condition, "message"));
                let why = match message.as_str() {
                    "" => format!("job {name} failed: {reason}"),
                    message => format!("job {name} failed: {reason}: {message}"),
                };
                return Sight::Failed { why };
            }
            _ => {}
        }
    }
    Sight::Running
}

fn pod(name: &str, status: Option<&Value>) -> Sight {
    let phase = status
        .and_then(|status| status.get("phase"))
        .and_then(Value::as_str);
    match phase {
        Some("Succeeded") => Sight::Succeeded,
        Some("Failed") => Sight::Failed {
            why: format!("pod {name} failed"),
        },
        _ => Sight::Running,
    }
}
