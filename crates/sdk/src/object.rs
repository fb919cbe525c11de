//! Objects as a module sees them.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer};
use serde_json::Value;

use crate::{Failure, ObjectRef, Resource, Timestamp, field_path, merge_patch};

/// A Kubernetes object with a typed `spec` and `status`.
///
/// ```
/// # use oarlock_sdk::{Object, Resource, json};
/// # #[derive(Resource, serde::Deserialize)]
/// # #[resource(group = "example.com", version = "v1", kind = "Step", plural = "steps", namespaced)]
/// # struct Step { percent: u8 }
/// let step = Object::<Step>::from_value(json!({
///     "metadata": {"name": "first", "namespace": "web", "labels": {"team": "a"}},
///     "spec": {"percent": 10},
/// }))?;
/// assert_eq!((step.name(), step.spec.percent), ("first", 10));
/// assert_eq!(step.metadata.labels["team"], "a");
///
/// // What does not fit the types is a failure that names the field.
/// let wrong = Object::<Step>::from_value(json!({"metadata": {"name": "x"}, "spec": {"percent": "ten"}}));
/// assert_eq!(
///     wrong.err().unwrap().to_string(),
///     "spec.percent: invalid type: string \"ten\", expected u8"
/// );
/// # Ok::<(), oarlock_sdk::Failure>(())
/// ```
#[derive(Clone, Debug)]
pub struct Object<S: Resource> {
    /// Name, namespace, labels and the rest.
    pub metadata: Metadata,
    /// What its author wants.
    pub spec: S,
    /// What the module last reported; the default where there is none.
    pub status: S::Status,
    has_status: bool,
    text: String,
}

#[derive(Deserialize)]
#[serde(bound = "")]
struct Envelope<S: Resource> {
    #[serde(default)]
    metadata: Metadata,
    spec: S,
    #[serde(default = "none")]
    status: Option<S::Status>,
}

fn none<T>() -> Option<T> {
    None
}

impl<S: Resource> Object<S> {
    /// From the object's JSON text.
    ///
    /// # Errors
    ///
    /// [`Failure::Invalid`] with the path of the first field that does not fit the types.
    pub fn from_json(text: impl Into<String>) -> Result<Self, Failure> {
        let text = text.into();
        let envelope: Envelope<S> = serde_json::from_str(&text)
            .map_err(|error| Failure::Invalid(vec![field_path::locate(&text, &error)]))?;
        Ok(Self {
            metadata: envelope.metadata,
            spec: envelope.spec,
            has_status: envelope.status.is_some(),
            status: envelope.status.unwrap_or_default(),
            text,
        })
    }

    /// From a JSON value, as tests have it.
    ///
    /// # Errors
    ///
    /// As [`Object::from_json`].
    pub fn from_value(value: Value) -> Result<Self, Failure> {
        Self::from_json(value.to_string())
    }

    /// `metadata.name`.
    pub fn name(&self) -> &str {
        &self.metadata.name
    }

    /// `metadata.namespace`; empty for a cluster-scoped object.
    pub fn namespace(&self) -> &str {
        self.metadata.namespace.as_deref().unwrap_or_default()
    }

    /// `metadata.generation`: counts the changes of `spec`.
    pub fn generation(&self) -> i64 {
        self.metadata.generation
    }

    /// Points at this object.
    pub fn reference(&self) -> ObjectRef {
        S::reference(self)
    }

    /// The object as it came, for what the types leave out.
    pub fn raw(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_default()
    }

    /// The JSON text that the object came as.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The JSON Merge Patch that turns this object's status into `wanted`; none where nothing differs.
    ///
    /// A field that `wanted` no longer has is removed. Fields that [`Resource::Status`] does not know, and `conditions`,
    /// are left alone: they belong to others.
    ///
    /// # Errors
    ///
    /// Where `wanted` cannot be written as JSON.
    pub fn status_patch(&self, wanted: &S::Status) -> Result<Option<Value>, serde_json::Error> {
        let mut current = match self.has_status {
            true => serde_json::to_value(&self.status)?,
            false => Value::Object(serde_json::Map::new()),
        };
        let mut wanted = serde_json::to_value(wanted)?;
        for status in [&mut current, &mut wanted] {
            if let Value::Object(fields) = status {
                fields.remove("conditions");
            }
        }
        Ok(merge_patch::between(&current, &wanted))
    }
}

/// `metadata` of an object.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Metadata {
    /// Name, unique in its kind and namespace.
    pub name: String,
    /// None for cluster-scoped objects.
    pub namespace: Option<String>,
    /// Unique over time, unlike the name.
    pub uid: String,
    /// Changes with every write.
    pub resource_version: String,
    /// Changes with every write of `spec`.
    pub generation: i64,
    /// Labels.
    #[serde(deserialize_with = "null_is_empty")]
    pub labels: BTreeMap<String, String>,
    /// Annotations.
    #[serde(deserialize_with = "null_is_empty")]
    pub annotations: BTreeMap<String, String>,
    /// Who must agree before the object goes.
    pub finalizers: Vec<String>,
    /// Whom it belongs to.
    pub owner_references: Vec<OwnerReference>,
    /// When it was created.
    pub creation_timestamp: Option<Timestamp>,
    /// When its deletion was asked for.
    pub deletion_timestamp: Option<Timestamp>,
}

fn null_is_empty<'de, D: Deserializer<'de>>(from: D) -> Result<BTreeMap<String, String>, D::Error> {
    Ok(Option::deserialize(from)?.unwrap_or_default())
}

/// An entry of `metadata.ownerReferences`.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "camelCase", default)]
pub struct OwnerReference {
    /// `v1` or `group/version`.
    pub api_version: String,
    /// Kind of the owner.
    pub kind: String,
    /// Name of the owner.
    pub name: String,
    /// Uid of the owner.
    pub uid: String,
    /// Whether this owner is the one that controls the object.
    pub controller: bool,
}
