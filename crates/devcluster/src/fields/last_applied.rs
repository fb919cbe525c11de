//! Moving an object from client-side apply to server-side apply.
//!
//! `kubectl apply` keeps its last configuration in an annotation. When kubectl turns to server-side
//! apply, conflicts about fields that the annotation explains are its own, and the annotation is kept
//! up to date for a way back.

use serde_json::Value;

use super::comparison::Comparison;
use super::extraction::field_set;
use super::set::FieldSet;
use crate::schema::TypeSchema;

/// The manager name of kubectl's server-side apply; any other name opts out.
const KUBECTL: &str = "kubectl";
const ANNOTATION: &str = "kubectl.kubernetes.io/last-applied-configuration";
/// Annotations may not be larger than this in total.
const MOST_ANNOTATION_BYTES: usize = 256 * 1024;

/// The fields of `live` that kubectl's last client-side apply set and nobody has changed since.
pub(super) fn unchanged(manager: &str, live: &Value, schema: &TypeSchema) -> FieldSet {
    if manager != KUBECTL {
        return FieldSet::default();
    }
    let last = annotations(live)
        .and_then(|annotations| annotations.get(ANNOTATION))
        .and_then(Value::as_str)
        .and_then(|text| serde_json::from_str::<Value>(text).ok());
    let Some(last) = last.filter(|last| last.get("apiVersion") == live.get("apiVersion")) else {
        return FieldSet::default();
    };
    let since = Comparison::between(&last, live, schema);
    field_set(&last, schema)
        .difference(&since.modified)
        .difference(&since.added)
        .difference(&since.removed)
}

/// Writes `config` into the annotation of `object`, if it has one.
pub(super) fn record(manager: &str, config: &Value, object: &mut Value) {
    if manager != KUBECTL {
        return;
    }
    let mut config = config.clone();
    if let Some(annotations) = annotations_mut(&mut config) {
        annotations.remove(ANNOTATION);
    }
    let Some(annotations) = annotations_mut(object).filter(|all| all.contains_key(ANNOTATION))
    else {
        return;
    };
    annotations.insert(ANNOTATION.to_owned(), Value::String(format!("{config}\n")));
    let size: usize = annotations
        .iter()
        .map(|(name, value)| name.len() + value.as_str().map_or(0, str::len))
        .sum();
    if size > MOST_ANNOTATION_BYTES {
        annotations.remove(ANNOTATION);
    }
}

type Annotations = serde_json::Map<String, Value>;

fn annotations(object: &Value) -> Option<&Annotations> {
    object.pointer("/metadata/annotations")?.as_object()
}

fn annotations_mut(object: &mut Value) -> Option<&mut Annotations> {
    object.pointer_mut("/metadata/annotations")?.as_object_mut()
}
