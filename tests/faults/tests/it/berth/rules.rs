//! What must hold of a Berth at any time.

use std::collections::{BTreeMap, BTreeSet};

use http::Method;
use oarlock_devcluster::Store;
use oarlock_devcluster::store::Key;
use serde_json::Value;

use super::story::{ORDERLY, foreign};
use super::{BERTHS, CONFIG_MAPS, JOBS, KINDS};
use crate::chronicle::{Entry, State, of, replay};
use crate::faults::UNHEARD;
use crate::oracle;
use crate::outside::{Witness, Wrong};
use crate::play::Record;

pub(super) fn name(object: &Value) -> &str {
    object["metadata"]["name"].as_str().unwrap_or_default()
}

pub(super) fn uid(object: &Value) -> &str {
    object["metadata"]["uid"].as_str().unwrap_or_default()
}

/// An effect is made only where its intent is stored, and not once its end is.
pub(super) fn witness(store: Store) -> Witness {
    Box::new(move |key, request| {
        let Ok(berth) = store.get(&BERTHS, "default", "moor") else {
            return Some(Wrong::Unannounced("there is no Berth".to_owned()));
        };
        let status = &berth["status"];
        let body = String::from_utf8_lossy(&request.body);
        let (announced, again) = match request.method.as_str() {
            "POST" => (
                status["intent"]["key"] == key && status["intent"]["task"] == *body,
                status["done"]["key"] == key,
            ),
            "DELETE" => (
                status["release"]["key"] == key,
                status["release"]["sent"] == true,
            ),
            _ => (false, false),
        };
        let seen = format!("the stored status is {status}");
        match (announced, again) {
            (false, _) => Some(Wrong::Unannounced(seen)),
            (true, true) => Some(Wrong::Again(seen)),
            (true, false) => None,
        }
    })
}

/// What was broken.
pub(super) fn broken(record: &Record<'_>) -> Vec<String> {
    let mut broken = Vec::new();
    broken.extend(strange_writes(record));
    broken.extend(touched(record));
    broken.extend(effects(record));
    broken.extend(jobs(record));
    broken.extend(farewells(record));
    if ORDERLY.contains(&record.story.name.as_str()) {
        broken.extend(order(record));
    }
    broken.extend(oracle::broken(record, &BERTHS));
    broken
}

/// Nothing is written but what the module lists.
fn strange_writes(record: &Record<'_>) -> Option<String> {
    let ours = [
        "/apis/faults.oarlock.dev/v1/namespaces/default/berths/moor",
        "/api/v1/namespaces/default/configmaps/moor-",
        "/api/v1/namespaces/default/configmaps/shared?",
        "/api/v1/namespaces/kube-public/configmaps/moor-notice",
        "/api/v1/namespaces/default/services/moor",
        "/apis/rbac.authorization.k8s.io/v1/clusterroles/berth-moor",
        "/apis/batch/v1/namespaces/default/jobs",
        "/apis/events.k8s.io/v1/namespaces/default/events",
    ];
    record
        .requests
        .iter()
        .filter(|request| request.method != Method::GET)
        .find(|request| !ours.iter().any(|path| request.path.starts_with(path)))
        .map(|request| format!("a strange write: {} {}", request.method, request.path))
}

/// What belongs to others is as it was.
fn touched(record: &Record<'_>) -> Option<String> {
    let foreign = foreign();
    let changed = record.entries.iter().find(|entry| {
        let change = &entry.change;
        change.resource == CONFIG_MAPS
            && change.revision > record.since
            && change.key.name == name(&foreign)
    });
    let stranger = record.entries.iter().find(|entry| {
        let change = &entry.change;
        let is_strange = change.object["data"]["part"] == "strange";
        is_strange && change.previous.is_some() && !change.removed
    });
    changed
        .or(stranger)
        .map(|entry| format!("a foreign object was touched: {}", entry.change.object))
}

/// Effects: one key is one effect, and no task is done under two keys.
fn effects(record: &Record<'_>) -> Vec<String> {
    let mut broken = Vec::new();
    let mut known = BTreeMap::<&str, &str>::new();
    for effect in record.effects {
        match &effect.wrong {
            // A write whose answer nobody heard, and a watch that is late: the key is for that.
            Some(Wrong::Again(_)) if record.happened(UNHEARD) => {}
            Some(Wrong::Unannounced(wrong) | Wrong::Again(wrong)) => {
                broken.push(format!("{} with key {}: {wrong}", effect.what, effect.key));
            }
            None => {}
        }
        let before = known.entry(&effect.key).or_insert(&effect.what);
        if *before != effect.what {
            broken.push(format!(
                "key {} means {before} and {}",
                effect.key, effect.what
            ));
        }
    }
    // Each time that somebody asked for another task is one effect at most.
    let mut wishes = BTreeSet::new();
    for entry in of_berths(record) {
        let object = &entry.change.object;
        wishes.insert((
            uid(object),
            object["metadata"]["generation"].as_i64(),
            object["spec"]["task"].as_str(),
        ));
    }
    let mut tasks = 0;
    let mut last = None;
    for (uid, _, task) in &wishes {
        if last != Some((uid, task)) {
            tasks += 1;
        }
        last = Some((uid, task));
    }
    let posts = record.done.values().filter(|what| what.starts_with("POST"));
    let posts = posts.count();
    if posts > tasks {
        broken.push(format!("{posts} effects for {tasks} tasks"));
    }
    broken
}

fn of_berths<'a>(record: &'a Record<'_>) -> impl Iterator<Item = &'a Entry> {
    record
        .entries
        .iter()
        .filter(|entry| entry.change.resource == BERTHS)
}

/// A Job runs once for each time that its task is asked for.
fn jobs(record: &Record<'_>) -> Vec<String> {
    let mut broken = Vec::new();
    let mut made = BTreeMap::<(String, String), usize>::new();
    for entry in record.entries {
        let change = &entry.change;
        if change.resource == JOBS && change.previous.is_none() {
            let owner = &change.object["metadata"]["ownerReferences"][0]["uid"];
            let place = (owner.to_string(), change.key.name.clone());
            *made.entry(place).or_default() += 1;
        }
    }
    // Only one story asks for a task twice.
    let most = if record.story.name == "another task" {
        2
    } else {
        1
    };
    for ((_, name), times) in made {
        if times > most {
            broken.push(format!("Job {name} was created {times} times"));
        }
    }
    broken
}

/// When a Berth goes, all that it had is gone or given back, and nothing of it was done after.
fn farewells(record: &Record<'_>) -> Vec<String> {
    let mut broken = Vec::new();
    let mut gone = BTreeSet::<String>::new();
    replay(record.entries, record.since, |entry, state| {
        let change = &entry.change;
        let object = &change.object;
        if change.resource == BERTHS && change.removed {
            let uid = uid(object).to_owned();
            for left in marked(state, &uid) {
                broken.push(format!("the Berth is gone, and {left} is left"));
            }
            // One that never was ours leaves nothing behind.
            let had_finalizer = object["status"]["release"]["key"].is_string();
            if had_finalizer && !record.done.contains_key(&format!("{uid}/release")) {
                broken.push("the Berth is gone, and the harbour does not know".to_owned());
            }
            let shared = state.get(&("configmaps".to_owned(), Key::new("default", "shared")));
            if shared.is_some_and(|shared| shared["data"]["mode"] != "user") {
                broken.push("the Berth is gone, and `shared` was not given back".to_owned());
            }
            gone.insert(uid);
            return;
        }
        if !change.removed {
            for uid in &gone {
                if is_marked(object, uid) && change.previous.is_none() {
                    broken.push(format!("made for a Berth that is gone: {}", name(object)));
                }
            }
        }
    });
    broken
}

fn is_marked(object: &Value, uid: &str) -> bool {
    let metadata = &object["metadata"];
    let references = metadata["ownerReferences"].as_array();
    references.into_iter().flatten().any(|r| r["uid"] == uid)
        || metadata["labels"]["oarlock.dev/owner-uid"] == uid
        || !metadata["annotations"][format!("share.oarlock.dev/{uid}")].is_null()
}

fn marked(state: &State, uid: &str) -> Vec<String> {
    let objects = KINDS.iter().flat_map(|kind| of(state, kind.plural()));
    objects
        .filter(|object| is_marked(object, uid))
        .map(|object| name(object).to_owned())
        .collect()
}

/// Children come in the order in which they are listed.
fn order(record: &Record<'_>) -> Vec<String> {
    let first = [
        ("configmaps", "default", "moor-config"),
        ("services", "default", "moor"),
        ("clusterroles", "", "berth-moor"),
        ("configmaps", "kube-public", "moor-notice"),
        ("configmaps", "default", "moor-frozen"),
        ("configmaps", "default", "shared"),
        ("configmaps", "default", "moor-registry"),
    ];
    let mut broken = Vec::new();
    replay(record.entries, record.since, |entry, state| {
        let change = &entry.change;
        if change.removed || change.previous.is_some() {
            return;
        }
        let made = (
            change.resource.plural(),
            change.key.namespace.as_str(),
            change.key.name.as_str(),
        );
        let index = match first.iter().position(|place| *place == made) {
            Some(index) => index,
            None if made.2.starts_with("moor-migrate") || made.2.starts_with("moor-part") => {
                first.len()
            }
            None => return,
        };
        // Pods of Jobs have their names from them.
        if made.0 == "pods" {
            return;
        }
        for (plural, namespace, name) in &first[..index] {
            let key = ((*plural).to_owned(), Key::new(*namespace, *name));
            if !state.contains_key(&key) {
                broken.push(format!("{made:?} was made before {name}"));
            }
        }
    });
    broken
}
