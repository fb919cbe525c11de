//! Who depends on whom: only objects that name owners are remembered.

use std::collections::{BTreeMap, HashMap};

use serde_json::Value;

use super::Location;

/// An entry of `metadata.ownerReferences`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Owner {
    pub(super) api_version: String,
    pub(super) kind: String,
    pub(super) name: String,
    pub(super) uid: String,
    /// `blockOwnerDeletion`.
    pub(super) blocks: bool,
}

/// What an owner knows of a dependent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Dependent {
    /// Whether the owner, when deleted in the foreground, waits for it.
    pub(super) blocks: bool,
}

/// The references of all objects, in both directions.
#[derive(Default)]
pub(super) struct Graph {
    owned: HashMap<Location, Node>,
    dependents: HashMap<String, BTreeMap<Location, Dependent>>,
}

struct Node {
    uid: String,
    owners: Vec<Owner>,
}

impl Owner {
    /// Reads a reference; `None` when it lacks a part.
    pub(super) fn of(reference: &Value) -> Option<Self> {
        let text = |field: &str| reference[field].as_str().map(String::from);
        Some(Self {
            api_version: text("apiVersion")?,
            kind: text("kind")?,
            name: text("name")?,
            uid: text("uid")?,
            blocks: reference["blockOwnerDeletion"].as_bool().unwrap_or(false),
        })
    }
}

impl Graph {
    /// Notes the owners of an object; whether they are other ones than before.
    pub(super) fn put(&mut self, location: &Location, uid: &str, owners: Vec<Owner>) -> bool {
        if let Some(node) = self.owned.get(location) {
            if node.uid == uid && node.owners == owners {
                return false;
            }
            self.unlink(location);
        }
        if owners.is_empty() {
            return false;
        }
        for owner in &owners {
            let dependent = Dependent {
                blocks: owner.blocks,
            };
            self.dependents
                .entry(owner.uid.clone())
                .or_default()
                .insert(location.clone(), dependent);
        }
        self.owned.insert(
            location.clone(),
            Node {
                uid: String::from(uid),
                owners,
            },
        );
        true
    }

    /// Forgets an object; the owners it had.
    pub(super) fn remove(&mut self, location: &Location, uid: &str) -> Vec<Owner> {
        if self.owned.get(location).is_none_or(|node| node.uid != uid) {
            return Vec::new();
        }
        self.unlink(location)
    }

    /// The dependents of the object with this uid.
    pub(super) fn dependents(&self, uid: &str) -> impl Iterator<Item = (&Location, &Dependent)> {
        self.dependents.get(uid).into_iter().flatten()
    }

    fn unlink(&mut self, location: &Location) -> Vec<Owner> {
        let Some(node) = self.owned.remove(location) else {
            return Vec::new();
        };
        for owner in &node.owners {
            if let Some(dependents) = self.dependents.get_mut(&owner.uid) {
                dependents.remove(location);
                if dependents.is_empty() {
                    self.dependents.remove(&owner.uid);
                }
            }
        }
        node.owners
    }
}
