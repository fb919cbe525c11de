//! What every namespace has: the ServiceAccount `default`, and the ConfigMap `kube-root-ca.crt` that its pods mount.
//!
//! In a real cluster these are two controllers of kube-controller-manager. There is no TLS here, so the bundle is empty.

use std::collections::BTreeSet;

use serde_json::json;

use super::{MANAGER, NAMESPACES};
use crate::resource::ResourceId;
use crate::status::Status;
use crate::store::metadata::{is_deleting, text};
use crate::store::{Change, ListOptions, Store, Write};

const ACCOUNTS: ResourceId = ResourceId::of("", "serviceaccounts");
const MAPS: ResourceId = ResourceId::of("", "configmaps");
const DEFAULT_ACCOUNT: &str = "default";
const ROOT_CA: &str = "kube-root-ca.crt";

/// Runs the controller; returns only when the store no longer serves what it needs.
///
/// The caller owns the task: dropping the future stops it between two writes.
pub(crate) async fn run(store: Store) {
    loop {
        if let Err(refusal) = follow(&store).await {
            tracing::error!(%refusal, "namespaces are not furnished any more");
            return;
        }
    }
}

/// Follows the store until the watch has fallen behind.
async fn follow(store: &Store) -> Result<(), Status> {
    let mut watch = store.watch(None, None)?;
    let listing = store.list(&NAMESPACES, None, &ListOptions::default())?;
    let mut wanting: BTreeSet<String> = listing
        .items
        .iter()
        .filter(|namespace| !is_deleting(namespace))
        .map(|namespace| String::from(text(namespace, "name")))
        .collect();
    loop {
        while let Some(namespace) = wanting.pop_first() {
            furnish(store, &namespace);
        }
        match watch.next().await {
            Some(Ok(change)) => wanting.extend(wants(&change)),
            Some(Err(_)) => return Ok(()),
            None => return Err(Status::no_such_path()),
        }
    }
}

/// The namespace that may want furniture after a change.
fn wants(change: &Change) -> Option<String> {
    let name = change.key.name.as_str();
    let is_gone = change.removed
        && ((change.resource == ACCOUNTS && name == DEFAULT_ACCOUNT)
            || (change.resource == MAPS && name == ROOT_CA));
    if is_gone {
        return Some(change.key.namespace.clone());
    }
    let is_new = change.resource == NAMESPACES && change.previous.is_none();
    is_new.then(|| String::from(name))
}

fn furnish(store: &Store, namespace: &str) {
    let account = json!({
        "apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": DEFAULT_ACCOUNT},
    });
    let bundle = json!({
        "apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {
            "name": ROOT_CA,
            "annotations": {"kubernetes.io/description": "Would hold the certificates by which the API server is known, if it had any"},
        },
        "data": {"ca.crt": ""},
    });
    for (id, object) in [(&ACCOUNTS, account), (&MAPS, bundle)] {
        match store.create(id, namespace, object, &Write::by(MANAGER)) {
            Ok(_) => {}
            // There already, or the namespace is gone or going.
            Err(refusal) if is_settled(&refusal) => {}
            Err(refusal) => tracing::warn!(namespace, %refusal, "namespace cannot be furnished"),
        }
    }
}

fn is_settled(refusal: &Status) -> bool {
    refusal.is_not_found() || matches!(refusal.code, 403 | 409)
}
