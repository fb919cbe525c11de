//! The Gateway API's own definitions, and a Gateway that takes every route as it is.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::sync::Once;

use futures_util::StreamExt as _;
use kube::api::{Api, DynamicObject, Patch, PatchParams};
use kube::runtime::{WatchStreamExt as _, watcher};
use serde_json::{Value, json};
use tokio_util::task::AbortOnDropHandle;

use crate::process::root;

/// The kinds that a route needs.
const KINDS: [&str; 3] = ["gatewayclasses", "gateways", "httproutes"];

/// The definitions as the Gateway API has them; `None`, said past the test harness, where tests may go on without.
pub(crate) fn definitions() -> Option<Vec<Value>> {
    static SAID: Once = Once::new();
    let folder = root().join("target/oarlock/parts/gateway-api");
    if !folder.is_dir() {
        assert!(
            std::env::var_os("OARLOCK_ALLOW_MISSING").is_some(),
            "{} is not there; hint: cargo xtask parts",
            folder.display()
        );
        SAID.call_once(|| {
            let text =
                b"NOT RUN: nothing was tested with the Gateway API; hint: cargo xtask parts\n";
            std::io::stderr().write_all(text).unwrap();
        });
        return None;
    }
    let read = |kind: &str| {
        let file = folder.join(format!("gateway.networking.k8s.io_{kind}.yaml"));
        let text = std::fs::read_to_string(&file).unwrap();
        serde_saphyr::from_str(&text).unwrap()
    };
    Some(KINDS.into_iter().map(read).collect())
}

/// A Gateway. It says of every generation of a route that it has it, and remembers what it had.
pub(crate) struct Gateway {
    seen: tokio::sync::watch::Receiver<Vec<BTreeMap<String, i64>>>,
    _task: AbortOnDropHandle<()>,
}

impl Gateway {
    /// Of all routes of a namespace.
    pub(crate) fn of(routes: Api<DynamicObject>) -> Self {
        let (sender, seen) = tokio::sync::watch::channel(Vec::new());
        let task = tokio::spawn(async move {
            let changes = watcher(routes.clone(), watcher::Config::default());
            let mut changes = std::pin::pin!(changes.default_backoff().applied_objects());
            while let Some(change) = changes.next().await {
                let Ok(route) = change else { continue };
                let weights = weights(&route);
                sender.send_if_modified(|seen: &mut Vec<_>| {
                    let new = seen.last() != Some(&weights);
                    if new {
                        seen.push(weights);
                    }
                    new
                });
                take(&routes, &route).await;
            }
        });
        Self {
            seen,
            _task: AbortOnDropHandle::new(task),
        }
    }

    /// The weights that it had, one after the other, by Service.
    pub(crate) fn weights(&self) -> Vec<BTreeMap<String, i64>> {
        self.seen.borrow().clone()
    }
}

/// The weights of a route's only rule.
fn weights(route: &DynamicObject) -> BTreeMap<String, i64> {
    let backends = route.data["spec"]["rules"][0]["backendRefs"].as_array();
    backends
        .into_iter()
        .flatten()
        .map(|backend| {
            let name = backend["name"].as_str().unwrap().to_owned();
            (name, backend["weight"].as_i64().unwrap())
        })
        .collect()
}

/// Says that this generation of a route is in effect.
async fn take(routes: &Api<DynamicObject>, route: &DynamicObject) {
    let generation = json!(route.metadata.generation);
    let seen = &route.data["status"]["parents"][0]["conditions"][0]["observedGeneration"];
    if *seen == generation {
        return;
    }
    let condition = |kind: &str| {
        json!({
            "type": kind, "status": "True", "reason": kind, "message": "",
            "observedGeneration": generation, "lastTransitionTime": "2026-01-01T00:00:00Z",
        })
    };
    let status = json!({"status": {"parents": [{
        "parentRef": route.data["spec"]["parentRefs"][0],
        "controllerName": "example.com/gateway",
        "conditions": [condition("Accepted"), condition("ResolvedRefs")],
    }]}});
    let name = route.metadata.name.as_deref().unwrap();
    routes
        .patch_status(name, &PatchParams::default(), &Patch::Merge(status))
        .await
        .unwrap();
}

/// Weights of the stable and of the new version.
pub(crate) fn split(stable: i64, new: i64) -> BTreeMap<String, i64> {
    BTreeMap::from([
        (String::from("podinfo-primary"), stable),
        (String::from("podinfo-canary"), new),
    ])
}
