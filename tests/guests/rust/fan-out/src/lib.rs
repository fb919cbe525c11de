//! As many ConfigMaps as an object asks for, each with its text: what a fleet of objects costs is measured with it.

use oarlock_sdk::{Child, Context, Failure, Object, Outcome, Resource, json};
use serde::Deserialize;

/// Wants its text in so many ConfigMaps.
#[derive(Default, Deserialize, Resource)]
#[resource(
    group = "guests.oarlock.dev",
    version = "v1",
    kind = "FanOut",
    plural = "fanouts",
    namespaced
)]
#[serde(default)]
pub struct FanOut {
    text: String,
    children: u32,
}

#[oarlock_sdk::module(
    name = "fan-out",
    writes = [("", "configmaps")],
    crds = [include_str!("../crd.json")],
)]
fn reconcile(object: Object<FanOut>, _: &Context) -> Result<Outcome, Failure> {
    let one = |number: u32| {
        Child::apply(json!({
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {
                "name": format!("{}-{number}", object.name()),
                "namespace": object.namespace(),
            },
            "data": {"text": object.spec.text, "of": object.name()},
        }))
    };
    let written = json!({"text": object.spec.text});
    Ok(Outcome::new()
        .children((0..object.spec.children).map(one))
        .patch_status(written))
}
