//! Where an object in the cluster is not what a revision says.
//!
//! Without schemas and without asking the API server: what it writes in another way (quantities, fields that are empty) does not
//! count, and lists are compared by key where their elements carry one. What only looks different is settled by whoever writes it
//! once and sees that nothing changed.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};

use crate::manifest::{Object, annotation};

mod quantity;

/// Annotation of objects that nobody looks at for drift, where it says `disabled`: Flux's.
pub const DETECTION: &str = "helm.toolkit.fluxcd.io/driftDetection";

/// Keys by which Kubernetes merges lists of objects, most specific first.
const LIST_KEYS: [&str; 7] = [
    "uid",
    "name",
    "type",
    "mountPath",
    "devicePath",
    "containerPort",
    "port",
];

/// Members of an object that are the API server's, or nobody's.
const PASSED_OVER: [&str; 3] = ["apiVersion", "kind", "status"];

/// JSON pointers at which `live` is not as wanted; one empty pointer where there is no such object. `ignored` are pointers of what
/// may differ.
#[must_use]
pub fn of(wanted: &Object, live: Option<&Map<String, Value>>, ignored: &[String]) -> Vec<String> {
    if annotation(&wanted.content, DETECTION) == Some("disabled") {
        return Vec::new();
    }
    let Some(live) = live else {
        return match comes_back(wanted) {
            true => vec![String::new()],
            false => Vec::new(),
        };
    };
    if annotation(live, DETECTION) == Some("disabled") {
        return Vec::new();
    }
    let mut content = wanted.content.clone();
    content.retain(|key, _| !PASSED_OVER.contains(&key.as_str()));
    if let Some(Value::Object(metadata)) = content.get_mut("metadata") {
        metadata.remove("creationTimestamp");
    }
    if wanted.kind() == "Secret" {
        encode(&mut content);
    }
    let mut found = Vec::new();
    maps(&content, live, &mut String::new(), &mut found);
    found.retain(|pointer| !ignored.iter().any(|ignored| is_below(pointer, ignored)));
    found
}

/// Whether a pointer is another one, or points at something below it.
fn is_below(pointer: &str, above: &str) -> bool {
    let above = above.trim_end_matches('/');
    pointer
        .strip_prefix(above)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// A Job that is taken away when it is done is not to run again.
fn comes_back(wanted: &Object) -> bool {
    let spec = wanted.content.get("spec");
    let ends = spec.is_some_and(|spec| spec.get("ttlSecondsAfterFinished").is_some());
    wanted.kind() != "Job" || !ends
}

/// What the API server makes of a Secret.
fn encode(secret: &mut Map<String, Value>) {
    let Some(Value::Object(plain)) = secret.remove("stringData") else {
        return;
    };
    let data = crate::manifest::inner(secret, "data");
    for (key, value) in plain {
        if let Value::String(text) = value {
            data.insert(key, Value::String(STANDARD.encode(text)));
        }
    }
}

fn values(wanted: &Value, live: &Value, path: &mut String, found: &mut Vec<String>) {
    match (wanted, live) {
        (Value::Object(wanted), Value::Object(live)) => maps(wanted, live, path, found),
        (Value::Array(wanted), Value::Array(live)) => lists(wanted, live, path, found),
        _ if wanted == live || numbers(wanted, live) => {}
        _ if quantity::is_at(path) && quantity::equal(wanted, live) => {}
        _ => found.push(path.clone()),
    }
}

/// `1` and `1.0` are one number to Kubernetes.
fn numbers(a: &Value, b: &Value) -> bool {
    matches!((a.as_f64(), b.as_f64()), (Some(a), Some(b)) if a.total_cmp(&b).is_eq())
}

fn maps(
    wanted: &Map<String, Value>,
    live: &Map<String, Value>,
    path: &mut String,
    found: &mut Vec<String>,
) {
    for (key, value) in wanted {
        let length = path.len();
        path.push('/');
        path.push_str(&key.replace('~', "~0").replace('/', "~1"));
        match live.get(key) {
            _ if value.is_null() => {}
            Some(live) => values(value, live, path, found),
            None if is_nothing(value) => {}
            None => found.push(path.clone()),
        }
        path.truncate(length);
    }
}

/// What Go leaves out when it writes an object.
fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(value) => !value,
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.values().all(is_nothing),
    }
}

fn lists(wanted: &[Value], live: &[Value], path: &mut String, found: &mut Vec<String>) {
    let key = list_key(wanted).filter(|key| live.iter().all(|item| item.get(key).is_some()));
    if key.is_none() && wanted.len() != live.len() {
        found.push(path.clone());
        return;
    }
    for (index, item) in wanted.iter().enumerate() {
        let partner = match key {
            Some(key) => live.iter().find(|other| other.get(key) == item.get(key)),
            None => live.get(index),
        };
        let length = path.len();
        path.push('/');
        path.push_str(&index.to_string());
        match partner {
            Some(live) => values(item, live, path, found),
            None => found.push(path.clone()),
        }
        path.truncate(length);
    }
}

/// The key that every element has, with values that differ.
fn list_key(items: &[Value]) -> Option<&'static str> {
    LIST_KEYS.into_iter().find(|key| {
        let mut known: Vec<&Value> = Vec::with_capacity(items.len());
        !items.is_empty()
            && items.iter().all(|item| match item.get(key) {
                Some(value) if !known.contains(&value) => {
                    known.push(value);
                    true
                }
                _ => false,
            })
    })
}

/// Gives what may differ the values that it has in the cluster, so that writing the object leaves them as they are.
pub fn leave(wanted: &mut Map<String, Value>, live: &Map<String, Value>, ignored: &[String]) {
    for pointer in ignored {
        let keys: Vec<String> = pointer
            .trim_end_matches('/')
            .split('/')
            .skip(1)
            .map(|key| key.replace("~1", "/").replace("~0", "~"))
            .collect();
        if let Some((last, above)) = keys.split_last() {
            leave_one(wanted, live, above, last);
        }
    }
}

fn leave_one(
    wanted: &mut Map<String, Value>,
    live: &Map<String, Value>,
    above: &[String],
    last: &str,
) {
    let Some((key, below)) = above.split_first() else {
        if wanted.contains_key(last) {
            match live.get(last) {
                Some(found) => drop(wanted.insert(last.to_owned(), found.clone())),
                None => drop(wanted.remove(last)),
            }
        }
        return;
    };
    match (wanted.get_mut(key), live.get(key)) {
        (Some(Value::Object(wanted)), Some(Value::Object(live))) => {
            leave_one(wanted, live, below, last);
        }
        (Some(Value::Array(wanted)), Some(Value::Array(live))) => {
            // The place in the list is that of the wanted one; its partner stands where its key does.
            let keyed = list_key(wanted);
            let Some((place, below)) = below.split_first() else {
                return;
            };
            let Some(item) = place.parse().ok().and_then(|at: usize| wanted.get_mut(at)) else {
                return;
            };
            let partner = match keyed {
                Some(key) => live.iter().find(|other| other.get(key) == item.get(key)),
                None => place.parse().ok().and_then(|at: usize| live.get(at)),
            };
            if let (Value::Object(item), Some(Value::Object(partner))) = (item, partner) {
                leave_one(item, partner, below, last);
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests;
