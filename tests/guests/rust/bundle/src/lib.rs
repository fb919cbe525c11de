//! Whatever objects its object lists, wherever they are: what becomes of children is tested with it.

use oarlock_sdk::log::Level;
use oarlock_sdk::{Child, Context, Failure, Object, Outcome, Resource, Value};
use serde::Deserialize;

/// Annotation whose value is said in the log.
const NOTE: &str = "guests.oarlock.dev/note";

/// Wants some objects.
#[derive(Default, Deserialize, Resource)]
#[resource(
    group = "guests.oarlock.dev",
    version = "v1",
    kind = "Bundle",
    plural = "bundles",
    namespaced
)]
#[serde(default)]
pub struct Bundle {
    objects: Vec<Wanted>,
}

/// One of them.
#[derive(Deserialize)]
struct Wanted {
    /// As it shall be.
    manifest: Value,
    /// Whether fields of others are taken.
    #[serde(default)]
    force: bool,
}

#[oarlock_sdk::module(
    name = "bundle",
    writes = [
        ("", "configmaps"),
        ("apps", "deployments"),
        ("batch", "jobs"),
        ("rbac.authorization.k8s.io", "clusterroles"),
    ],
)]
fn reconcile(bundle: Object<Bundle>, cx: &Context) -> Result<Outcome, Failure> {
    // By which a test knows that a run has seen what it wrote.
    if let Some(note) = bundle.metadata.annotations.get(NOTE) {
        cx.log(Level::Info, &format!("noted {note}"), &[]);
    }
    let children = bundle.spec.objects.iter().map(|wanted| {
        let child = Child::apply(&wanted.manifest);
        if wanted.force { child.force() } else { child }
    });
    Ok(Outcome::new().children(children))
}
