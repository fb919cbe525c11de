//! One module in four languages, the same cases on each: the contract means the same everywhere.
//!
//! `tests/guests/README.md` says what the module does and what `cases.json` holds.

use std::fs;
use std::sync::Arc;

use oarlock_core::json::Json;
use oarlock_core::limits::Limits;
use oarlock_core::reconciler::Reconciler as _;
use oarlock_core::request::Request;
use oarlock_core::timestamp::Timestamp;
use serde_json::{Value, json};

use crate::guests::{LIMITS, load, root};
use crate::languages::script::Script;

mod report;
mod script;
mod shape;

#[tokio::test]
async fn rust() {
    passes("rust").await;
}

#[tokio::test]
async fn typescript() {
    passes("typescript").await;
}

#[tokio::test]
async fn python() {
    passes("python").await;
}

#[tokio::test]
async fn go() {
    passes("go").await;
}

/// Interpreters need room for an object of two megabytes.
const ROOMY: Limits = Limits {
    memory: 256 << 20,
    ..LIMITS
};

async fn passes(language: &str) {
    let file = file("cases.json");
    let module = load(&format!("guest-{language}")).await;
    assert_eq!(
        shape::manifest(module.manifest()),
        described(&file["describe"], language),
        "describe"
    );
    let cases = file["cases"].as_array().unwrap();
    assert!(!cases.is_empty());
    for case in cases {
        let case = expanded(case);
        let name = case["name"].as_str().unwrap();
        let request = request(&case["request"]);
        let expected = shape::filled(&case["expect"]);
        for _ in 0..case["calls"].as_u64().unwrap_or(1) {
            let script = Arc::new(Script::new(&case["reads"]));
            let answer = module
                .reconcile(&request, Arc::clone(&script) as _, ROOMY)
                .await;
            assert_eq!(
                clipped(&shape::answer(&answer)),
                clipped(&expected),
                "{language}: {name}"
            );
            script.check(&request, &format!("{language}: {name}"));
        }
    }
}

fn file(name: &str) -> Value {
    let path = root().join("tests/guests").join(name);
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

/// The manifest of one language, with the files that it names.
fn described(describe: &Value, language: &str) -> Value {
    let mut describe = describe.clone();
    describe["name"] = json!(format!("guest-{language}"));
    for crd in describe["crds"].as_array_mut().unwrap() {
        *crd = file(crd.as_str().unwrap());
    }
    describe
}

/// With `$repeat` replaced by the text that it stands for.
fn expanded(value: &Value) -> Value {
    match value {
        Value::Object(map) => {
            if let Some(repeat) = map.get("$repeat") {
                let times = usize::try_from(repeat[1].as_u64().unwrap()).unwrap();
                return Value::String(repeat[0].as_str().unwrap().repeat(times));
            }
            map.iter()
                .map(|(key, value)| (key.clone(), expanded(value)))
                .collect()
        }
        Value::Array(list) => list.iter().map(expanded).collect(),
        other => other.clone(),
    }
}

/// Long texts as their digest, so that a difference can be read.
fn clipped(value: &Value) -> Value {
    match value {
        Value::Object(map) => map.iter().map(|(k, v)| (k.clone(), clipped(v))).collect(),
        Value::Array(list) => list.iter().map(clipped).collect(),
        Value::String(text) if text.len() > 1000 => {
            let digest = oarlock_core::reference::Digest::of(text.as_bytes());
            json!(format!("{} bytes, {digest}", text.len()))
        }
        other => other.clone(),
    }
}

fn request(fields: &Value) -> Request {
    let json = |value: &Value| Json::from_value(value);
    let known = [
        "object", "settings", "now", "seed", "attempt", "deleting", "last",
    ]
    .map(str::to_owned);
    for field in fields.as_object().unwrap().keys() {
        assert!(
            known.contains(field),
            "cases.json: request has an unknown field {field}"
        );
    }
    Request {
        object: json(&fields["object"]),
        settings: fields.get("settings").map_or_else(Json::empty_object, json),
        now: Timestamp::from_millis(fields["now"].as_u64().unwrap_or(1_798_761_599_987)),
        seed: fields["seed"].as_u64().unwrap_or(7),
        attempt: u32::try_from(fields["attempt"].as_u64().unwrap_or(0)).unwrap(),
        deleting: fields["deleting"].as_bool().unwrap_or(false),
        last: fields
            .get("last")
            .filter(|last| !last.is_null())
            .map(report::report),
    }
}
