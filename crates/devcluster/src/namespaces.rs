//! The deletion of namespaces: their content goes, then they go.
//!
//! The store marks a deleted Namespace and holds it while `spec.finalizers` has entries. This room deletes what is in it,
//! reports in conditions what remains, and takes the finalizer `kubernetes` away when nothing does. It knows nothing of what
//! the content means.

use std::collections::{BTreeMap, BTreeSet};

use crate::resource::ResourceId;
use crate::status::Status;
use crate::store::metadata::{is_deleting, text};
use crate::store::{
    Change, DeleteOptions, ListOptions, Preconditions, Propagation, Store, Subresource, Watch,
    Write,
};

mod conditions;
pub(crate) mod furniture;

#[cfg(test)]
mod tests;

const NAMESPACES: ResourceId = ResourceId::of("", "namespaces");
/// The entry of `spec.finalizers` that stands for the content.
const FINALIZER: &str = "kubernetes";
/// The field manager.
const MANAGER: &str = "kube-controller-manager";

/// Runs the namespace controller; returns only when the store no longer serves what it needs.
///
/// The caller owns the task: dropping the future stops it between two writes.
pub(crate) async fn run(store: Store) {
    loop {
        match follow(&store).await {
            // Fell behind: everything is looked at again.
            Ok(()) => {}
            Err(refusal) => {
                tracing::error!(%refusal, "namespace controller cannot follow the store and stops");
                return;
            }
        }
    }
}

/// What is left in a namespace.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Remains {
    /// Objects by resource.
    objects: BTreeMap<ResourceId, usize>,
    /// Objects by the finalizers that hold them.
    finalizers: BTreeMap<String, usize>,
    /// Refusals of deletions.
    refusals: Vec<String>,
}

/// Follows the store until the watch has fallen behind.
async fn follow(store: &Store) -> Result<(), Status> {
    let mut watch = store.watch(None, None)?;
    let listing = store.list(&NAMESPACES, None, &ListOptions::default())?;
    let mut terminating: BTreeSet<String> = BTreeSet::new();
    for namespace in &listing.items {
        if is_deleting(namespace) {
            terminating.insert(String::from(text(namespace, "name")));
        }
    }
    let mut queue = terminating.clone();
    loop {
        if !catch_up(&mut watch, &mut terminating, &mut queue)? {
            return Ok(());
        }
        if let Some(namespace) = queue.pop_first() {
            match empty(store, &namespace) {
                Ok(()) => {}
                Err(refusal) if refusal.is_not_found() || refusal.is_conflict() => {}
                Err(refusal) => {
                    tracing::warn!(namespace, %refusal, "namespace cannot be finalized");
                }
            }
            continue;
        }
        match watch.next().await {
            Some(Ok(change)) => see(&change, &mut terminating, &mut queue),
            Some(Err(_)) => return Ok(()),
            None => return Err(Status::no_such_path()),
        }
    }
}

/// Takes in what has changed; `false` when the watch has fallen behind.
fn catch_up(
    watch: &mut Watch,
    terminating: &mut BTreeSet<String>,
    queue: &mut BTreeSet<String>,
) -> Result<bool, Status> {
    loop {
        match watch.try_next() {
            Some(Ok(Some(change))) => see(&change, terminating, queue),
            Some(Ok(None)) => return Ok(true),
            Some(Err(_)) => return Ok(false),
            None => return Err(Status::no_such_path()),
        }
    }
}

fn see(change: &Change, terminating: &mut BTreeSet<String>, queue: &mut BTreeSet<String>) {
    if change.resource == NAMESPACES {
        let namespace = &change.key.name;
        if change.removed {
            terminating.remove(namespace);
            queue.remove(namespace);
        } else if is_deleting(&change.object) && terminating.insert(namespace.clone()) {
            queue.insert(namespace.clone());
        }
    } else if change.removed && terminating.contains(&change.key.namespace) {
        queue.insert(change.key.namespace.clone());
    }
}

/// Deletes what is in the namespace; finalizes it when nothing is left, else reports what is.
fn empty(store: &Store, namespace: &str) -> Result<(), Status> {
    let object = store.get(&NAMESPACES, "", namespace)?;
    if !is_deleting(&object) {
        return Ok(());
    }
    let remains = delete_content(store, namespace)?;
    let now = store.clock().now();
    let write = Write::by(MANAGER).to(Subresource::Status);
    store.modify(&NAMESPACES, "", namespace, None, &write, |object| {
        conditions::report(object, &remains, now);
        Ok(())
    })?;
    if !remains.objects.is_empty() {
        return Ok(());
    }
    let write = Write::by(MANAGER).to(Subresource::Finalize);
    store.modify(&NAMESPACES, "", namespace, None, &write, |object| {
        if let Some(finalizers) = object["spec"]["finalizers"].as_array_mut() {
            finalizers.retain(|finalizer| finalizer != FINALIZER);
        }
        Ok(())
    })?;
    Ok(())
}

fn delete_content(store: &Store, namespace: &str) -> Result<Remains, Status> {
    let mut remains = Remains::default();
    let mut tables = BTreeSet::new();
    for resource in store.resources().into_values() {
        // One table may be served under two groups.
        if !resource.namespaced || !tables.insert(resource.storage.clone()) {
            continue;
        }
        let listing = match store.list(&resource.id, Some(namespace), &ListOptions::default()) {
            Ok(listing) => listing,
            // Withdrawn since.
            Err(refusal) if refusal.is_not_found() => continue,
            Err(refusal) => return Err(refusal),
        };
        for object in &listing.items {
            if is_deleting(object) {
                continue;
            }
            let options = DeleteOptions {
                propagation: Propagation::Background,
                preconditions: Preconditions {
                    uid: object["metadata"]["uid"].as_str().map(String::from),
                    resource_version: None,
                },
                ..DeleteOptions::default()
            };
            match store.delete(&resource.id, namespace, text(object, "name"), &options) {
                Ok(_) => {}
                Err(refusal) if refusal.is_not_found() || refusal.is_conflict() => {}
                Err(refusal) => remains.refusals.push(refusal.message),
            }
        }
        let left = store.list(&resource.id, Some(namespace), &ListOptions::default());
        for object in left.map(|listing| listing.items).unwrap_or_default() {
            *remains.objects.entry(resource.id.clone()).or_default() += 1;
            for finalizer in object["metadata"]["finalizers"]
                .as_array()
                .into_iter()
                .flatten()
            {
                let finalizer = finalizer.as_str().unwrap_or_default();
                *remains
                    .finalizers
                    .entry(String::from(finalizer))
                    .or_default() += 1;
            }
        }
    }
    Ok(remains)
}
