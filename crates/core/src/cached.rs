//! An object as the cache holds it: canonical bytes and the few facts that the engine looks up without parsing.

use std::hash::{DefaultHasher, Hash, Hasher};

use serde_json::{Map, Value};

use crate::json::Json;
use crate::marks::{OWNER_ANNOTATION, OWNER_UID_LABEL, SHARE_ANNOTATION_PREFIX};
use crate::object::{Object, ObjectError};
use crate::reference::{ObjectRef, ResourceVersion, Uid};

/// A live object, without `metadata.managedFields`.
#[derive(Clone, Debug)]
pub struct Cached {
    target: ObjectRef,
    uid: Uid,
    resource_version: ResourceVersion,
    generation: i64,
    deleting: bool,
    owners: Box<[Uid]>,
    shared_by: Box<[Uid]>,
    made_by_host: bool,
    field_sets: Box<[(Box<str>, u64)]>,
    json: Json,
}

impl Cached {
    /// From an object as the API server sends it.
    ///
    /// # Errors
    /// When it lacks kind or name.
    pub fn from_live(mut value: Value) -> Result<Self, ObjectError> {
        let field_sets = value
            .get_mut("metadata")
            .and_then(Value::as_object_mut)
            .and_then(|metadata| metadata.remove("managedFields"))
            .map(|fields| applied_field_sets(&fields))
            .unwrap_or_default();
        let object = Object::from_value(value)?;
        let text = |pointer| {
            object
                .pointer(pointer)
                .and_then(Value::as_str)
                .unwrap_or_default()
                .to_owned()
        };
        Ok(Self {
            uid: Uid(text("/metadata/uid")),
            resource_version: ResourceVersion(text("/metadata/resourceVersion")),
            generation: object
                .pointer("/metadata/generation")
                .and_then(Value::as_i64)
                .unwrap_or_default(),
            deleting: object.pointer("/metadata/deletionTimestamp").is_some(),
            owners: owners(&object),
            shared_by: shared_by(&object),
            made_by_host: annotations(&object).any(|key| key == OWNER_ANNOTATION),
            field_sets,
            json: object.to_json(),
            target: object.target().clone(),
        })
    }

    /// Where it is.
    #[must_use]
    pub const fn target(&self) -> &ObjectRef {
        &self.target
    }

    /// `metadata.uid`.
    #[must_use]
    pub const fn uid(&self) -> &Uid {
        &self.uid
    }

    /// `metadata.resourceVersion`.
    #[must_use]
    pub const fn resource_version(&self) -> &ResourceVersion {
        &self.resource_version
    }

    /// `metadata.generation`; 0 for kinds without.
    #[must_use]
    pub const fn generation(&self) -> i64 {
        self.generation
    }

    /// Whether it has a deletion timestamp.
    #[must_use]
    pub const fn deleting(&self) -> bool {
        self.deleting
    }

    /// Uids of all objects that left a mark on it: owner references, owner label, shares.
    #[must_use]
    pub fn owners(&self) -> &[Uid] {
        &self.owners
    }

    /// Whether `owner` shares fields of it.
    #[must_use]
    pub fn is_shared_by(&self, owner: &Uid) -> bool {
        self.shared_by.contains(owner)
    }

    /// Whether it is owned by `owner`: marked, and not merely shared.
    #[must_use]
    pub fn is_owned_by(&self, owner: &Uid) -> bool {
        self.owners.contains(owner) && !self.shared_by.contains(owner)
    }

    /// Whether the host wrote it as somebody's child. Owner references alone do not tell: other programs set them too, and
    /// what they made is never pruned.
    #[must_use]
    pub const fn made_by_host(&self) -> bool {
        self.made_by_host
    }

    /// Hash of the field set that `manager` holds by server-side apply. It changes when a field is lost, which the object
    /// itself does not show.
    #[must_use]
    pub fn field_set(&self, manager: &str) -> Option<u64> {
        self.field_sets
            .iter()
            .find(|(name, _)| &**name == manager)
            .map(|(_, hash)| *hash)
    }

    /// Canonical text.
    #[must_use]
    pub const fn json(&self) -> &Json {
        &self.json
    }

    /// Parses the text.
    ///
    /// # Errors
    /// Never for a value made by [`Self::from_live`].
    pub fn object(&self) -> Result<Object, ObjectError> {
        Object::parse(self.json.as_str())
    }
}

fn owners(object: &Object) -> Box<[Uid]> {
    let mut owners: Vec<Uid> = Vec::new();
    let references = object
        .pointer("/metadata/ownerReferences")
        .and_then(Value::as_array);
    for reference in references.into_iter().flatten() {
        if let Some(uid) = reference.get("uid").and_then(Value::as_str) {
            owners.push(Uid(uid.to_owned()));
        }
    }
    if let Some(uid) = object
        .pointer("/metadata/labels")
        .and_then(|labels| labels.get(OWNER_UID_LABEL))
        .and_then(Value::as_str)
    {
        owners.push(Uid(uid.to_owned()));
    }
    owners.extend(shared_by(object));
    owners.sort();
    owners.dedup();
    owners.into()
}

fn shared_by(object: &Object) -> Box<[Uid]> {
    annotations(object)
        .filter_map(|key| key.strip_prefix(SHARE_ANNOTATION_PREFIX))
        .map(|uid| Uid(uid.to_owned()))
        .collect()
}

fn annotations(object: &Object) -> impl Iterator<Item = &str> {
    object
        .pointer("/metadata/annotations")
        .and_then(Value::as_object)
        .into_iter()
        .flat_map(Map::keys)
        .map(String::as_str)
}

fn applied_field_sets(managed_fields: &Value) -> Box<[(Box<str>, u64)]> {
    let entries = managed_fields
        .as_array()
        .map(Vec::as_slice)
        .unwrap_or_default();
    entries
        .iter()
        .filter(|entry| {
            entry.get("operation").and_then(Value::as_str) == Some("Apply")
                && entry.get("subresource").is_none()
        })
        .filter_map(|entry| {
            let manager = entry.get("manager")?.as_str()?;
            let mut hasher = DefaultHasher::new();
            entry.get("fieldsV1")?.hash(&mut hasher);
            Some((manager.into(), hasher.finish()))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use serde_json::json;

    use super::*;

    fn live(extra: &Value) -> Cached {
        let mut value = json!({
            "apiVersion": "v1", "kind": "ConfigMap",
            "metadata": {"name": "a", "namespace": "n", "uid": "u1", "resourceVersion": "7"},
        });
        json_patch::merge(&mut value, extra);
        Cached::from_live(value).unwrap()
    }

    #[test]
    fn managed_fields_leave_a_hash_only() {
        let with = |fields: Value| {
            live(&json!({"metadata": {"managedFields": [
                {"manager": "oarlock/x", "operation": "Apply", "fieldsV1": fields},
                {"manager": "kubectl", "operation": "Update", "fieldsV1": {"f:data": {}}},
            ]}}))
        };
        let (one, two) = (
            with(json!({"f:data": {"f:a": {}}})),
            with(json!({"f:data": {}})),
        );
        assert!(!one.json().as_str().contains("managedFields"));
        assert!(one.field_set("oarlock/x").is_some());
        assert_ne!(one.field_set("oarlock/x"), two.field_set("oarlock/x"));
        assert_eq!(one.field_set("kubectl"), None);
    }

    #[test]
    fn every_kind_of_mark_counts_as_owner() {
        let cached = live(&json!({"metadata": {
            "ownerReferences": [{"uid": "b"}, {"uid": "a"}],
            "labels": {"oarlock.dev/owner-uid": "c"},
            "annotations": {"share.oarlock.dev/d": "{}", "other": "x"},
        }}));
        let uids: Vec<&str> = cached.owners().iter().map(|uid| uid.0.as_str()).collect();
        assert_eq!(uids, ["a", "b", "c", "d"]);
    }
}
