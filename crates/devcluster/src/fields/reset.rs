//! Fields that a write through one door cannot touch.

use serde_json::{Map, Value};

use super::Writer;
use super::set::FieldSet;
use crate::schema::TypeSchema;

/// The fields whose changes are ignored: neither made nor owned.
pub(super) fn reset_fields(writer: &Writer<'_>, schema: &TypeSchema) -> FieldSet {
    match writer.subresource {
        None if writer.has_status => FieldSet::of_fields(&[&["status"]]),
        // Of built-in kinds, those of Deployments alone keep their labels.
        Some("status") if schema.is_kind("Deployment") => {
            FieldSet::of_fields(&[&["spec"], &["metadata", "labels"]])
        }
        Some("status") => FieldSet::of_fields(&[&["spec"]]),
        _ => FieldSet::default(),
    }
}

/// Undoes changes of `new` that its door does not allow.
///
/// With a status subresource, a write to the object keeps the live `status` (none at creation). A write
/// to `status` keeps everything else of a custom resource, and `spec` of a built-in one, of a Deployment its labels too;
/// `managedFields` are those of `new`.
pub fn reset(old: Option<&Value>, new: &mut Value, writer: &Writer<'_>, schema: &TypeSchema) {
    match (writer.subresource, old) {
        (None, _) if writer.has_status => restore(new, old, &["status"]),
        (Some("status"), Some(old)) if schema.is_builtin() => {
            restore(new, Some(old), &["spec"]);
            if schema.is_kind("Deployment") {
                restore_label(new, old);
            }
        }
        (Some("status"), Some(old)) => {
            let status = new.get("status").cloned();
            let managed = new.pointer("/metadata/managedFields").cloned();
            let version = new.pointer("/metadata/resourceVersion").cloned();
            let mut kept = old.clone();
            set(&mut kept, "status", status);
            if let Some(metadata) = kept.get_mut("metadata") {
                set(metadata, "managedFields", managed);
                if version.is_some() {
                    set(metadata, "resourceVersion", version);
                }
            }
            *new = kept;
        }
        _ => {}
    }
}

fn restore(new: &mut Value, old: Option<&Value>, names: &[&str]) {
    for name in names {
        set(new, name, old.and_then(|old| old.get(name)).cloned());
    }
}

fn restore_label(new: &mut Value, old: &Value) {
    let labels = old.pointer("/metadata/labels").cloned();
    if let Some(new) = new.as_object_mut() {
        let metadata = new
            .entry("metadata")
            .or_insert_with(|| Value::Object(Map::new()));
        set(metadata, "labels", labels);
    }
}

fn set(object: &mut Value, name: &str, value: Option<Value>) {
    if let Some(object) = object.as_object_mut() {
        match value {
            Some(value) => {
                object.insert(name.to_owned(), value);
            }
            None => {
                object.remove(name);
            }
        }
    }
}
