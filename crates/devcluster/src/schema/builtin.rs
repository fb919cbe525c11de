//! The built-in resources: what a Kubernetes server serves without any definition.
//!
//! The table comes from data files checked in beside the crate (`data/README.md`) and is read once.

use std::sync::OnceLock;

use super::TypeSchema;

mod table;

/// A built-in resource as discovery describes it.
#[derive(Clone, Debug)]
pub struct BuiltinResource {
    /// API group; empty for the core group.
    pub group: String,
    /// API version.
    pub version: String,
    /// Kind of one object.
    pub kind: String,
    /// Name in request paths.
    pub plural: String,
    /// Lower-case kind.
    pub singular: String,
    /// Short names, such as `deploy`.
    pub short_names: Vec<String>,
    /// Categories, such as `all`.
    pub categories: Vec<String>,
    /// Whether objects live in namespaces.
    pub namespaced: bool,
    /// Whether there is a `status` subresource.
    pub has_status: bool,
    /// Whether there is a `scale` subresource.
    pub has_scale: bool,
    /// All subresources, sorted: `eviction`, `log`, `scale`, `status`, …
    pub subresources: Vec<String>,
    /// Verbs of the resource, sorted.
    pub verbs: Vec<String>,
    schema: usize,
}

impl BuiltinResource {
    /// The type of one object.
    #[must_use]
    pub fn schema(&self) -> &'static TypeSchema {
        type_at(self.schema)
    }

    /// The `apiVersion` of one object.
    #[must_use]
    pub fn api_version(&self) -> String {
        if self.group.is_empty() {
            self.version.clone()
        } else {
            format!("{}/{}", self.group, self.version)
        }
    }
}

/// All built-in resources, ordered by group, plural and version.
#[must_use]
pub fn all() -> &'static [BuiltinResource] {
    &table().resources
}

/// The resource at `plural` in request paths, if it is built in.
#[must_use]
pub fn find_plural(group: &str, version: &str, plural: &str) -> Option<&'static BuiltinResource> {
    all().iter().find(|resource| {
        resource.plural == plural && resource.group == group && resource.version == version
    })
}

/// The release of Kubernetes that the table was generated from, and that the cluster says it is.
#[must_use]
pub fn release() -> &'static str {
    &table().release
}

/// The type of `metadata`.
pub(crate) fn object_meta() -> usize {
    table().object_meta
}

pub(crate) fn type_at(index: usize) -> &'static TypeSchema {
    &table().types[index]
}

fn table() -> &'static table::Table {
    static TABLE: OnceLock<table::Table> = OnceLock::new();
    TABLE.get_or_init(table::read)
}

#[cfg(test)]
mod tests;
