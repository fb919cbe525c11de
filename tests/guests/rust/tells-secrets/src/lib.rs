//! Tells what it read of a Secret, in whatever way its object says: nobody must hear it.

use oarlock_sdk::log::Level;
use oarlock_sdk::{
    Child, Condition, Context, Event, Failure, FieldError, Object, ObjectRef, Outcome, Resource,
    json,
};
use serde::Deserialize;

/// Wants a Secret told.
#[derive(Default, Deserialize, Resource)]
#[resource(
    group = "guests.oarlock.dev",
    version = "v1",
    kind = "Gossip",
    plural = "gossips",
    namespaced
)]
#[serde(default)]
pub struct Gossip {
    how: String,
}

#[oarlock_sdk::module(
    name = "tells-secrets",
    writes = [("", "configmaps"), ("", "secrets")],
    reads = [("", "secrets")],
)]
fn reconcile(gossip: Object<Gossip>, cx: &Context) -> Result<Outcome, Failure> {
    let target = ObjectRef::new("v1", "Secret", "marked").in_namespace(gossip.namespace());
    let secret = cx
        .get_raw(&target)
        .map_err(|error| Failure::retry(error.to_string()))?
        .ok_or_else(|| Failure::retry("no Secret yet"))?;
    let encoded = secret["data"]["password"].as_str().unwrap_or_default();
    let password = decoded(encoded);
    let outcome = Outcome::new();
    Ok(match gossip.spec.how.as_str() {
        "log" => {
            let text = format!("the password is {password}");
            cx.log(Level::Error, &text, &[("encoded", encoded)]);
            cx.log(Level::Debug, &format!("{password:?}"), &[("secret", &secret.to_string())]);
            outcome.condition(Condition::yes("Ready", "Logged", "logged"))
        }
        "event" => outcome
            .event(Event::normal("gossip", "Gossip", format!("they use {password}, {encoded}")))
            .condition(Condition::yes("Ready", "Evented", "told")),
        "condition" => outcome.condition(Condition::no(
            "Ready",
            "Condition",
            format!("login with {password} ({encoded}) failed"),
        )),
        "failure" => return Err(Failure::terminal(format!("login with {password} failed"))),
        "invalid" => {
            let wrong = FieldError::new("spec.how", format!("not {password}"));
            return Err(Failure::Invalid(vec![wrong]));
        }
        "panic" => panic!("the password {password} is wrong"),
        // The API server repeats the value in its refusal.
        "refused" => outcome.child(Child::apply(json!({
            "apiVersion": "v1", "kind": "ConfigMap",
            "metadata": {"name": "gossip", "namespace": gossip.namespace(), "labels": {"password": password}},
        }))),
        // What is written is as secret as what was read.
        "written" => outcome.child(Child::apply(json!({
            "apiVersion": "v1", "kind": "Secret",
            "metadata": {
                "name": "gossip", "namespace": gossip.namespace(),
                "labels": {"derived": format!("derived from {password}!")},
            },
            "stringData": {"derived": format!("derived from {password}!")},
        }))),
        other => return Err(Failure::terminal(format!("spec.how: {other:?}"))),
    })
}

/// Base64 with padding.
fn decoded(text: &str) -> String {
    let digit = |byte: u8| {
        let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        alphabet.iter().position(|known| *known == byte)
    };
    let digits: Vec<u32> = text
        .bytes()
        .filter_map(digit)
        .filter_map(|value| u32::try_from(value).ok())
        .collect();
    let mut bytes = Vec::new();
    for group in digits.chunks(4) {
        let bits = group.iter().fold(0, |bits, digit| bits << 6 | digit);
        let missing = 4 - group.len();
        let whole = (bits << (6 * missing)).to_be_bytes();
        bytes.extend_from_slice(&whole[1..4 - missing]);
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
