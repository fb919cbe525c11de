//! `metadata`: reading it, and the rules it must keep.

use serde_json::{Map, Value};

use super::Key;
use crate::resource::{Resource, ResourceId};
use crate::status::{Cause, Status};

/// A text field of `metadata`; empty when absent.
pub(crate) fn text<'a>(object: &'a Value, field: &str) -> &'a str {
    object["metadata"][field].as_str().unwrap_or_default()
}

/// `metadata`, made an object when it is not one.
pub(super) fn metadata(object: &mut Value) -> &mut Map<String, Value> {
    if !object.is_object() {
        *object = Value::Object(Map::new());
    }
    if !object["metadata"].is_object() {
        object["metadata"] = Value::Object(Map::new());
    }
    match &mut object["metadata"] {
        Value::Object(map) => map,
        // Made an object two lines up.
        _ => unreachable!("metadata is an object"),
    }
}

/// Sets a metadata field, or takes it away.
pub(super) fn set(object: &mut Value, field: &str, value: Option<Value>) {
    let metadata = metadata(object);
    match value {
        Some(value) => {
            metadata.insert(String::from(field), value);
        }
        None => {
            metadata.remove(field);
        }
    }
}

/// Takes empty maps and lists away, as every object's metadata loses them on its way through the server's own type.
pub(super) fn drop_empty(object: &mut Value) {
    const OPTIONAL: [&str; 4] = ["annotations", "finalizers", "labels", "ownerReferences"];
    metadata(object).retain(|key, value| {
        let empty = match value {
            Value::Object(map) => map.is_empty(),
            Value::Array(list) => list.is_empty(),
            _ => false,
        };
        !(empty && OPTIONAL.contains(&key.as_str()))
    });
}

/// `metadata.finalizers`.
pub(super) fn finalizers(object: &Value) -> Vec<String> {
    object["metadata"]["finalizers"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .map(String::from)
        .collect()
}

pub(super) fn set_finalizers(object: &mut Value, finalizers: &[String]) {
    let value = (!finalizers.is_empty()).then(|| serde_json::json!(finalizers));
    set(object, "finalizers", value);
}

/// Whether the object is on its way out.
pub(crate) fn is_deleting(object: &Value) -> bool {
    object["metadata"]["deletionTimestamp"].is_string()
}

/// A patch may name the uid and the time of deletion only as they are.
pub(super) fn check_fixed(
    resource: &Resource,
    key: &Key,
    live: &Value,
    object: &Value,
) -> Result<(), Status> {
    let fixed = |field: &str| {
        let value = text(object, field);
        (!value.is_empty() && value != text(live, field)).then(|| {
            let path = format!("metadata.{field}");
            Cause::invalid(path, &Value::from(value), "field is immutable")
        })
    };
    let causes: Vec<Cause> = ["uid", "deletionTimestamp"]
        .into_iter()
        .filter_map(fixed)
        .collect();
    if causes.is_empty() {
        return Ok(());
    }
    let (group, kind) = (resource.id.group(), &resource.kind);
    Err(Status::invalid(group, kind, &key.name, causes))
}

/// Whether nothing holds an object that is being deleted.
pub(super) fn may_vanish(resource: &Resource, object: &Value) -> bool {
    const NAMESPACES: ResourceId = ResourceId::of("", "namespaces");
    is_deleting(object)
        && finalizers(object).is_empty()
        && object["metadata"]["deletionGracePeriodSeconds"]
            .as_i64()
            .unwrap_or(0)
            == 0
        && (resource.id != NAMESPACES
            || object["spec"]["finalizers"]
                .as_array()
                .is_none_or(Vec::is_empty))
}

/// `metadata` without managedFields, and managedFields without times, for comparing two states of an object.
pub(super) fn same_but_for_times(old: &Value, new: &Value) -> bool {
    let (Some(old), Some(new)) = (old.as_object(), new.as_object()) else {
        return old == new;
    };
    let rest =
        |object: &Map<String, Value>| object.iter().filter(|(key, _)| *key != "metadata").count();
    rest(old) == rest(new)
        && old
            .iter()
            .filter(|(key, _)| *key != "metadata")
            .all(|(key, value)| new.get(key) == Some(value))
        && same_metadata(old.get("metadata"), new.get("metadata"))
}

fn same_metadata(old: Option<&Value>, new: Option<&Value>) -> bool {
    let empty = Map::new();
    let old = old.and_then(Value::as_object).unwrap_or(&empty);
    let new = new.and_then(Value::as_object).unwrap_or(&empty);
    let plain = |key: &&String| *key != "managedFields" && *key != "resourceVersion";
    old.keys().filter(plain).count() == new.keys().filter(plain).count()
        && old
            .keys()
            .filter(plain)
            .all(|key| old.get(key) == new.get(key))
        && timeless(old.get("managedFields")) == timeless(new.get("managedFields"))
}

fn timeless(managed: Option<&Value>) -> Vec<Map<String, Value>> {
    managed
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_object)
        .map(|entry| {
            let mut entry = entry.clone();
            entry.remove("time");
            entry
        })
        .collect()
}

const SUBDOMAIN: &str = "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', \
     and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is \
     '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
const LABEL: &str = "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must \
     start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is \
     '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";
const DNS_1035: &str = "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an \
     alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for \
     validation is '[a-z]([-a-z0-9]*[a-z0-9])?')";

/// Why objects of this resource may not have this name.
pub(crate) fn name_rule(resource: &ResourceId, name: &str) -> Option<String> {
    match (resource.group(), resource.plural()) {
        ("rbac.authorization.k8s.io", _) => path_segment(name),
        ("", "namespaces") if name.contains('.') => Some(String::from("must not contain dots")),
        ("", "namespaces") => label(name, LABEL, is_label),
        ("", "services") => label(name, DNS_1035, |name| {
            is_label(name) && name.starts_with(|c: char| c.is_ascii_lowercase())
        }),
        _ if name.len() > 253 => Some(String::from("must be no more than 253 characters")),
        _ => (!name.split('.').all(is_label)).then(|| String::from(SUBDOMAIN)),
    }
}

fn label(name: &str, rule: &str, holds: impl Fn(&str) -> bool) -> Option<String> {
    if name.len() > 63 {
        return Some(String::from("must be no more than 63 characters"));
    }
    (!holds(name)).then(|| String::from(rule))
}

/// What is wrong with a name that has to be an RFC 1123 label.
pub(super) fn label_rule(name: &str) -> Option<String> {
    label(name, LABEL, is_label)
}

fn path_segment(name: &str) -> Option<String> {
    if name == "." || name == ".." {
        return Some(format!("may not be '{name}'"));
    }
    let wrong = name.chars().find(|c| matches!(c, '/' | '%'))?;
    Some(format!("may not contain '{wrong}'"))
}

/// The characters of an RFC 1123 label, without its length.
fn is_label(text: &str) -> bool {
    let inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    !text.is_empty()
        && text.chars().all(|c| inner(c) || c == '-')
        && text.starts_with(inner)
        && text.ends_with(inner)
}

/// What is wrong with `metadata` itself.
pub(super) fn faults(resource: &Resource, object: &Value) -> Vec<Cause> {
    let mut causes = Vec::new();
    label_faults(object, &mut causes);
    annotation_faults(object, &mut causes);
    owner_faults(object, &mut causes);
    // Definitions and custom resources may have finalizers of any qualified name.
    let generic = resource.is_custom() || resource.id.group() == "apiextensions.k8s.io";
    let given = finalizers(object);
    for finalizer in &given {
        if let Some(why) = qualified_name_fault(finalizer) {
            let value = Value::from(finalizer.as_str());
            causes.push(Cause::invalid("metadata.finalizers", &value, &why));
        }
    }
    for (index, finalizer) in given.iter().enumerate() {
        let known = ["orphan", "foregroundDeletion", "kubernetes"].contains(&finalizer.as_str());
        if !generic && !finalizer.contains('/') && !known {
            causes.push(Cause::invalid(
                format!("metadata.finalizers[{index}]"),
                &Value::from(finalizer.as_str()),
                "name is neither a standard finalizer name nor is it fully qualified",
            ));
        }
    }
    causes
}

fn label_faults(object: &Value, causes: &mut Vec<Cause>) {
    const VALUE: &str = "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must \
         start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for \
         validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')";
    for (key, value) in object["metadata"]["labels"]
        .as_object()
        .into_iter()
        .flatten()
    {
        if let Some(why) = qualified_name_fault(key) {
            causes.push(Cause::invalid(
                "metadata.labels",
                &Value::from(key.as_str()),
                &why,
            ));
        }
        let text = value.as_str().unwrap_or_default();
        if text.len() > 63 {
            causes.push(Cause::invalid(
                "metadata.labels",
                value,
                "must be no more than 63 bytes",
            ));
        } else if !text.is_empty() && !is_name_part(text) {
            causes.push(Cause::invalid("metadata.labels", value, VALUE));
        }
    }
}

fn annotation_faults(object: &Value, causes: &mut Vec<Cause>) {
    const LIMIT: usize = 256 * 1024;
    let mut size = 0;
    for (key, value) in object["metadata"]["annotations"]
        .as_object()
        .into_iter()
        .flatten()
    {
        size += key.len() + value.as_str().unwrap_or_default().len();
        if let Some(why) = qualified_name_fault(&key.to_lowercase()) {
            causes.push(Cause::invalid(
                "metadata.annotations",
                &Value::from(key.as_str()),
                &why,
            ));
        }
    }
    if size > LIMIT {
        causes.push(Cause::new(
            "FieldValueTooLong",
            "metadata.annotations",
            format!("Too long: may not be more than {LIMIT} bytes"),
        ));
    }
}

fn owner_faults(object: &Value, causes: &mut Vec<Cause>) {
    let owners = object["metadata"]["ownerReferences"]
        .as_array()
        .map_or(&[][..], Vec::as_slice);
    for owner in owners {
        for field in ["apiVersion", "kind", "name", "uid"] {
            if owner[field].as_str().unwrap_or_default().is_empty() {
                causes.push(Cause::invalid(
                    format!("metadata.ownerReferences.{field}"),
                    &Value::from(""),
                    if field == "apiVersion" {
                        "version must not be empty"
                    } else {
                        "must not be empty"
                    },
                ));
            }
        }
    }
    let controllers: Vec<&Value> = owners.iter().filter(|o| o["controller"] == true).collect();
    if let [first, second, ..] = controllers.as_slice() {
        causes.push(Cause::invalid(
            "metadata.ownerReferences",
            &Value::Array(owners.to_vec()),
            &format!(
                "Only one reference can have Controller set to true. Found \"true\" in references for {}/{} and {}/{}",
                first["kind"].as_str().unwrap_or_default(),
                first["name"].as_str().unwrap_or_default(),
                second["kind"].as_str().unwrap_or_default(),
                second["name"].as_str().unwrap_or_default(),
            ),
        ));
    }
}

pub(crate) fn qualified_name_fault(name: &str) -> Option<String> {
    const PART: &str = "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an \
         alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is \
         '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";
    let part = match name.split_once('/') {
        Some(("", _)) => return Some(String::from("prefix part must be non-empty")),
        Some((prefix, part)) => {
            if !prefix.split('.').all(is_label) {
                return Some(format!("prefix part {SUBDOMAIN}"));
            }
            part
        }
        None => name,
    };
    if part.is_empty() {
        return Some(String::from("name part must be non-empty"));
    }
    if part.len() > 63 {
        return Some(String::from("name part must be no more than 63 bytes"));
    }
    (!is_name_part(part)).then(|| String::from(PART))
}

fn is_name_part(text: &str) -> bool {
    text.chars()
        .all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c))
        && text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && text.ends_with(|c: char| c.is_ascii_alphanumeric())
}
