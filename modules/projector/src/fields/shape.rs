//! Which lists have items with keys.

use serde_json::Value;

/// What is known of a place of an object.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Shape<'a> {
    /// Of a kind that every API server has: the field that leads there tells enough.
    Known(&'a str),
    /// By a definition's schema (`openAPIV3Schema`).
    Defined(&'a Value),
    /// Nothing: every list is one field.
    Unknown,
}

/// Lists of pod templates whose items have a name (Kubernetes' API reference, `listMapKey`).
const NAMED: [&str; 5] = [
    "containers",
    "initContainers",
    "ephemeralContainers",
    "env",
    "volumes",
];

impl<'a> Shape<'a> {
    /// The schema of a version of a `CustomResourceDefinition`.
    pub(crate) fn of_definition(definition: &'a Value, version: &str) -> Self {
        let schema = definition
            .pointer("/spec/versions")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .find(|entry| entry.get("name").and_then(Value::as_str) == Some(version))
            .and_then(|entry| entry.pointer("/schema/openAPIV3Schema"));
        schema.map_or(Self::Unknown, Self::Defined)
    }

    /// Of a kind that every API server has.
    pub(crate) fn known() -> Self {
        Self::Known("")
    }

    /// A field of an object.
    pub(super) fn field(self, name: &'a str) -> Self {
        match self {
            Self::Known(_) => Self::Known(name),
            Self::Defined(schema) => schema
                .get("properties")
                .and_then(|fields| fields.get(name))
                .or_else(|| schema.get("additionalProperties"))
                .filter(|schema| schema.is_object())
                .map_or(Self::Unknown, Self::Defined),
            Self::Unknown => Self::Unknown,
        }
    }

    /// An item of a list.
    pub(super) fn item(self) -> Self {
        match self {
            Self::Known(_) => Self::Known(""),
            Self::Defined(schema) => schema.get("items").map_or(Self::Unknown, Self::Defined),
            Self::Unknown => Self::Unknown,
        }
    }

    /// The keys of a list's items; none where the list is one field.
    pub(super) fn keys(self) -> Option<Vec<&'a str>> {
        match self {
            Self::Known("volumeMounts") => Some(vec!["mountPath"]),
            Self::Known(list) => NAMED.contains(&list).then(|| vec!["name"]),
            Self::Defined(schema) => {
                if schema.get("x-kubernetes-list-type")? != "map" {
                    return None;
                }
                let keys = schema.get("x-kubernetes-list-map-keys")?.as_array()?;
                keys.iter().map(Value::as_str).collect()
            }
            Self::Unknown => None,
        }
    }
}
