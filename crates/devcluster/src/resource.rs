//! What the API serves: resources, their versions and their names.
//!
//! Owns the nouns of discovery. Knows nothing of objects.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use serde_json::Value;

use crate::schema::TypeSchema;

pub(crate) mod builtin;
mod events;

/// Group and plural name: what a table of objects is keyed by.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ResourceId {
    group: Cow<'static, str>,
    plural: Cow<'static, str>,
}

/// A resource as it is served now.
#[derive(Clone, Debug)]
pub struct Resource {
    /// Group and plural.
    pub id: ResourceId,
    /// Where its objects are kept: another resource's table for `events.k8s.io`, else `id`.
    pub storage: ResourceId,
    /// For example `Deployment`.
    pub kind: String,
    /// For example `DeploymentList`.
    pub list_kind: String,
    /// Singular name.
    pub singular: String,
    /// Short names, `deploy`.
    pub short_names: Vec<String>,
    /// Categories, `all`.
    pub categories: Vec<String>,
    /// Whether its objects live in namespaces.
    pub namespaced: bool,
    /// Whether the server counts `metadata.generation`.
    pub generation: bool,
    /// Served versions, the preferred one first.
    pub versions: Vec<Version>,
    /// The version objects are kept in; one of `versions`, or one that is no longer served.
    pub storage_version: String,
    /// Where the resource comes from.
    pub origin: Origin,
}

/// Where a resource comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Part of Kubernetes.
    BuiltIn,
    /// A CustomResourceDefinition.
    Custom {
        /// Whether the definition is being deleted: nothing new may be created.
        terminating: bool,
    },
}

/// One served version of a resource.
#[derive(Clone, Debug)]
pub struct Version {
    /// For example `v1`.
    pub name: String,
    /// The schema of its objects.
    pub schema: Arc<TypeSchema>,
    /// Whether there is a `/status`.
    pub status: bool,
    /// The `/scale`, when there is one.
    pub scale: Option<Scale>,
    /// Printer columns of a custom resource; empty for built-ins.
    pub columns: Vec<Column>,
    /// Fields that a field selector may name besides name and namespace, as dotted paths.
    pub selectable: Vec<String>,
    /// The warning sent with every answer, when the version is deprecated.
    pub deprecation: Option<String>,
    /// The schema as published in OpenAPI, for custom resources.
    pub open_api: Option<Arc<Value>>,
}

/// Where `/scale` finds its numbers: dotted paths as in a CustomResourceDefinition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scale {
    /// For example `.spec.replicas`.
    pub spec_replicas: String,
    /// For example `.status.replicas`.
    pub status_replicas: String,
    /// For example `.status.selector`; built-ins use `.spec.selector`, a selector object.
    pub selector: Option<String>,
}

/// One `additionalPrinterColumns` entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// Header.
    pub name: String,
    /// `string`, `integer`, `date`, …
    pub kind: String,
    /// `date-time`, `int32`, … or empty.
    pub format: String,
    /// Text for `kubectl explain`.
    pub description: String,
    /// Columns above 0 are shown with `-o wide` only.
    pub priority: i64,
    /// Simple JSONPath.
    pub json_path: String,
}

impl ResourceId {
    /// A resource known at compile time.
    #[must_use]
    pub const fn of(group: &'static str, plural: &'static str) -> Self {
        Self {
            group: Cow::Borrowed(group),
            plural: Cow::Borrowed(plural),
        }
    }

    /// A resource known at run time.
    #[must_use]
    pub fn new(group: impl Into<String>, plural: impl Into<String>) -> Self {
        Self {
            group: Cow::Owned(group.into()),
            plural: Cow::Owned(plural.into()),
        }
    }

    /// The API group; empty for the core group.
    #[must_use]
    pub fn group(&self) -> &str {
        &self.group
    }

    /// The plural name.
    #[must_use]
    pub fn plural(&self) -> &str {
        &self.plural
    }
}

impl fmt::Display for ResourceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.plural)?;
        if self.group.is_empty() {
            Ok(())
        } else {
            write!(f, ".{}", self.group)
        }
    }
}

impl Resource {
    /// The version of this name, when it is served.
    #[must_use]
    pub fn version(&self, name: &str) -> Option<&Version> {
        self.versions.iter().find(|version| version.name == name)
    }

    /// `apiVersion` of objects in `version`.
    #[must_use]
    pub fn api_version(&self, version: &str) -> String {
        api_version(self.id.group(), version)
    }

    /// Whether it comes from a CustomResourceDefinition.
    #[must_use]
    pub fn is_custom(&self) -> bool {
        matches!(self.origin, Origin::Custom { .. })
    }

    /// A kept object as readers of `version` see it.
    #[must_use]
    pub fn present(&self, version: &str, stored: &Arc<Value>) -> Arc<Value> {
        let wanted = self.api_version(version);
        if stored["apiVersion"] == wanted.as_str() {
            return Arc::clone(stored);
        }
        let mut object = Value::clone(stored);
        self.restate(&mut object, wanted);
        Arc::new(object)
    }

    /// An object of any served version in the form it is kept in.
    #[must_use]
    pub fn keep(&self, mut object: Value) -> Value {
        let wanted = api_version(self.storage.group(), &self.storage_version);
        if object["apiVersion"] != wanted.as_str() {
            self.restate(&mut object, wanted);
        }
        object
    }

    /// Strategy None: versions differ in `apiVersion` alone; Events are the one built-in kept in two shapes.
    fn restate(&self, object: &mut Value, api_version: String) {
        if self.storage.plural() == "events" && self.storage.group().is_empty() {
            events::convert(object, api_version.starts_with("events.k8s.io/"));
        }
        if let Some(map) = object.as_object_mut() {
            map.insert(String::from("apiVersion"), Value::String(api_version));
        }
    }
}

/// `group/version`, or `version` in the core group.
#[must_use]
pub fn api_version(group: &str, version: &str) -> String {
    if group.is_empty() {
        String::from(version)
    } else {
        format!("{group}/{version}")
    }
}
