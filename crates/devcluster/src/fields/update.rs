//! Ownership of what create, update and patches other than apply change.

use serde_json::{Map, Value};

use super::Writer;
use super::comparison::Comparison;
use super::entry::{ManagerId, Managers, Operation, Ownership, store};
use super::set::FieldSet;
use super::{reset, without_managed_fields};
use crate::schema::{TypeSchema, zero};

/// Records in `new` who owns what after a create (`old` is `None`), update or patch.
///
/// `managedFields` sent by the client count: a list replaces that of the live object, an empty list or
/// `[{}]` clears it, an absent or unreadable one changes nothing. Through a subresource they are
/// ignored. An object without owners gets none by an update, only by create and apply.
pub fn track_update(
    old: Option<&Value>,
    new: &mut Value,
    writer: &Writer<'_>,
    schema: &TypeSchema,
) {
    let mut managers = before(old, new, writer);
    let sent = without_managed_fields(new);
    *new = sent;
    if managers.0.is_empty() && old.is_some() {
        return;
    }
    let live = old.map_or_else(|| nothing(new, schema), without_managed_fields);
    let api_version = text(new, "apiVersion");
    let id = ManagerId::new(writer, Operation::Update, &api_version);
    let own = own_changes(&live, new, &mut managers, &id, &api_version, writer, schema);
    if own {
        managers.cap_updaters();
    }
    store(&managers, new);
    if let Some(old) = old {
        keep_times(old, new);
    }
}

/// Takes changed fields from their owners and gives them to `id`. Returns whether it got any.
pub(super) fn own_changes(
    live: &Value,
    new: &Value,
    managers: &mut Managers,
    id: &ManagerId,
    api_version: &str,
    writer: &Writer<'_>,
    schema: &TypeSchema,
) -> bool {
    let ignored = reset::reset_fields(writer, schema);
    let changes = Comparison::between(live, new, schema).without(&ignored);
    let set = changes.modified.union(&changes.added);
    for owned in managers.0.values_mut() {
        owned.fields = owned.fields.difference(&set).difference(&changes.removed);
    }
    managers.drop_empty();
    let set = set.difference(&unowned());
    if set.is_empty() {
        return false;
    }
    let owned = managers.0.entry(id.clone()).or_insert_with(|| Ownership {
        api_version: api_version.to_owned(),
        time: None,
        fields: FieldSet::default(),
    });
    owned.fields = owned.fields.union(&set);
    api_version.clone_into(&mut owned.api_version);
    owned.time = (!writer.now.is_empty()).then(|| writer.now.to_owned());
    true
}

/// Fields that nobody owns.
pub(super) fn unowned() -> FieldSet {
    FieldSet::of_fields(&[
        &["apiVersion"],
        &["kind"],
        &["metadata"],
        &["metadata", "name"],
        &["metadata", "namespace"],
        &["metadata", "creationTimestamp"],
        &["metadata", "selfLink"],
        &["metadata", "uid"],
        &["metadata", "clusterName"],
        &["metadata", "generation"],
        &["metadata", "managedFields"],
        &["metadata", "resourceVersion"],
    ])
}

/// The owners before the write.
fn before(old: Option<&Value>, new: &Value, writer: &Writer<'_>) -> Managers {
    let live = || {
        old.and_then(|old| Managers::read(old).ok())
            .unwrap_or_default()
    };
    if writer.subresource.is_some() {
        return live();
    }
    if let Some(Value::Array(entries)) = new.pointer("/metadata/managedFields") {
        let cleared = match entries.as_slice() {
            [] => true,
            [only] => only.as_object().is_some_and(Map::is_empty),
            _ => false,
        };
        if cleared {
            return Managers::default();
        }
    }
    match Managers::read(new) {
        Ok(managers) if !managers.0.is_empty() => managers,
        _ => live(),
    }
}

/// An object of the same kind in which nothing is set: what a create is compared with.
pub(super) fn nothing(object: &Value, schema: &TypeSchema) -> Value {
    let mut empty = zero(schema);
    for name in ["apiVersion", "kind"] {
        if let Some(value) = object.get(name) {
            empty.insert(name.to_owned(), value.clone());
        }
    }
    Value::Object(empty)
}

pub(super) fn text(object: &Value, name: &str) -> String {
    object
        .get(name)
        .and_then(Value::as_str)
        .unwrap_or_default()
        .to_owned()
}

/// Gives `new` the entries of `old` if they differ in time only and nothing else changed: such a write
/// is none.
pub(super) fn keep_times(old: &Value, new: &mut Value) {
    let timeless = |object: &Value| {
        let mut object = object.clone();
        if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
            metadata.remove("resourceVersion");
            let entries = metadata
                .get_mut("managedFields")
                .and_then(Value::as_array_mut);
            for entry in entries.into_iter().flatten() {
                if let Some(entry) = entry.as_object_mut() {
                    entry.remove("time");
                }
            }
        }
        object
    };
    if timeless(old) == timeless(new)
        && let Some(entries) = old.pointer("/metadata/managedFields").cloned()
        && let Some(slot) = new.pointer_mut("/metadata/managedFields")
    {
        *slot = entries;
    }
}
