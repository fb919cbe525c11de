//! The greeting reconciler in Rust, on the SDK.

use std::time::Duration;

use oarlock_sdk::log::Level;
use oarlock_sdk::{
    Child, Condition, Context, Event, Failure, FieldError, Object, Outcome, ReadError, Resource,
    Timestamp, json,
};
use serde::Deserialize;

/// Wants a greeting written down.
#[derive(Default, Deserialize, Resource)]
#[resource(
    group = "guests.oarlock.dev",
    version = "v1",
    kind = "Greeting",
    plural = "greetings",
    namespaced
)]
#[serde(default, rename_all = "camelCase")]
pub struct Greeting {
    secret_name: String,
    message: String,
}

#[oarlock_sdk::module(
    name = "guest-rust",
    finalizer = "guests.oarlock.dev/cleanup",
    writes = [("", "configmaps")],
    reads = [("", "secrets")],
    crds = [include_str!("../../greeting-crd.json")],
)]
fn reconcile(greeting: Object<Greeting>, cx: &Context) -> Result<Outcome, Failure> {
    cx.log(Level::Info, "reconciling", &[("name", greeting.name())]);
    if cx.deleting() {
        remove(cx)
    } else {
        greet(&greeting, cx)
    }
}

fn remove(cx: &Context) -> Result<Outcome, Failure> {
    let left = cx.reads().children().map_err(refused)?;
    let outcome = Outcome::new().tag("removing").children([]);
    Ok(if left.is_empty() {
        outcome.finalized()
    } else {
        outcome
    })
}

fn greet(greeting: &Object<Greeting>, cx: &Context) -> Result<Outcome, Failure> {
    let Greeting {
        secret_name,
        message,
    } = &greeting.spec;
    let wrong: Vec<_> = [("spec.message", message), ("spec.secretName", secret_name)]
        .into_iter()
        .filter(|(_, value)| value.is_empty())
        .map(|(path, _)| FieldError::new(path, "must not be empty"))
        .collect();
    if !wrong.is_empty() {
        return Err(Failure::Invalid(wrong));
    }

    let target =
        oarlock_sdk::ObjectRef::new("v1", "Secret", secret_name).in_namespace(greeting.namespace());
    let Some(secret) = cx.get_raw(&target).map_err(refused)? else {
        let missing = Condition::no(
            "Ready",
            "SecretMissing",
            format!("secret {secret_name} not found"),
        );
        return Ok(Outcome::new().tag("waiting").condition(missing));
    };
    let token = secret["data"]["token"].as_str().unwrap_or_default();

    let config_map = json!({
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": format!("{}-greeting", greeting.name()),
            "namespace": greeting.namespace(),
        },
        "data": {"message": message, "token-length": token.len().to_string()},
    });
    let said = format!("greeted {}", greeting.name());
    let key = format!("greeted-{}", greeting.generation());
    Ok(Outcome::new()
        .tag("greeted")
        .child(Child::apply(config_map))
        .patch_status(json!({"greeted": true, "at": whole_seconds(cx.now())}))
        .condition(Condition::yes("Ready", "Greeted", said.as_str()))
        .event(Event::normal(key, "Greeted", said))
        .requeue_after(Duration::from_secs(60)))
}

/// The error of a read becomes the failure of the run.
fn refused(error: ReadError) -> Failure {
    match error {
        ReadError::Denied(text) => Failure::terminal(format!("read denied: {text}")),
        ReadError::UnknownKind(text) => Failure::retry(format!("kind not served: {text}")),
        ReadError::Unavailable(text) => Failure::retry(format!("read unavailable: {text}")),
        ReadError::Malformed { .. } => Failure::terminal(error),
    }
}

fn whole_seconds(at: Timestamp) -> String {
    Timestamp::from_millis(at.as_millis() / 1000 * 1000).to_string()
}
