//! Whose fields are whose, where one module has followed another, or goes on with the work of another program.

use oarlock_core::cached::writes_children;
use oarlock_core::cluster::Writer;
use oarlock_core::manifest::FIELD_MANAGER_PREFIX;
use oarlock_core::reference::Uid;
use serde_json::{Map, Value, json};

/// The JSON Merge Patch that makes `manager` the applier of what modules of other names wrote as children and, where it is no
/// module's name, of what was written under it by updates; `None` when there is nothing of the kind, or when `live` is not the
/// object with this uid.
///
/// Had the new module just taken the fields by force, those that it does not repeat would stay the old one's for ever: the entry
/// itself goes over, and the next apply prunes them. The patch holds for this version of the object only.
pub(super) fn patch(live: &Value, uid: &Uid, manager: &str) -> Option<Value> {
    let metadata = live.get("metadata")?;
    let is = |name: &str| metadata.get(name).and_then(Value::as_str);
    if is("uid") != Some(&uid.0) {
        return None;
    }
    let entries = metadata.get("managedFields")?.as_array()?;
    let (inherited, mut kept): (Vec<&Value>, Vec<&Value>) = entries
        .iter()
        .partition(|entry| is_predecessor(entry, manager));
    let first = *inherited.first()?;
    // The API server knows an applier by its name alone: there can be one entry only.
    let own = kept
        .iter()
        .position(|entry| is_applied_by(entry, manager))
        .map(|place| kept.remove(place));
    let mut entry = own.unwrap_or(first).clone();
    let mut fields = entry.get("fieldsV1").cloned().unwrap_or_default();
    for more in inherited.iter().filter_map(|entry| entry.get("fieldsV1")) {
        union(&mut fields, more);
    }
    entry["manager"] = json!(manager);
    entry["operation"] = json!("Apply");
    entry["fieldsV1"] = fields;
    let mut list: Vec<Value> = kept.into_iter().cloned().collect();
    list.push(entry);
    Some(json!({"metadata": {
        "uid": uid.0,
        "resourceVersion": is("resourceVersion"),
        "managedFields": list,
    }}))
}

/// Who holds fields, the last writer first.
pub(super) fn writers(live: &Value) -> Vec<Writer> {
    let entries = live.pointer("/metadata/managedFields");
    let mut found: Vec<(&str, Writer)> = entries
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(|entry| {
            let writer = Writer {
                manager: text(entry, "manager")?.to_owned(),
                subresource: text(entry, "subresource").map(str::to_owned),
            };
            Some((text(entry, "time").unwrap_or_default(), writer))
        })
        .collect();
    // RFC 3339 in UTC sorts as text.
    found.sort_by(|(a, _), (b, _)| b.cmp(a));
    found.into_iter().map(|(_, writer)| writer).collect()
}

fn is_predecessor(entry: &Value, manager: &str) -> bool {
    if manager.starts_with(FIELD_MANAGER_PREFIX) {
        return writes_children(entry) && text(entry, "manager") != Some(manager);
    }
    text(entry, "manager") == Some(manager)
        && text(entry, "operation") == Some("Update")
        && text(entry, "subresource").is_none()
}

fn is_applied_by(entry: &Value, manager: &str) -> bool {
    text(entry, "manager") == Some(manager)
        && text(entry, "operation") == Some("Apply")
        && text(entry, "subresource").is_none()
}

fn text<'a>(entry: &'a Value, field: &str) -> Option<&'a str> {
    entry.get(field)?.as_str()
}

/// Adds the paths of one field set to another.
fn union(set: &mut Value, more: &Value) {
    let (Value::Object(set), Value::Object(more)) = (&mut *set, more) else {
        if set.is_null() {
            *set = more.clone();
        }
        return;
    };
    for (key, paths) in more {
        union(
            set.entry(key.clone())
                .or_insert_with(|| Value::Object(Map::new())),
            paths,
        );
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    const MARK: &str = r#"{"f:metadata": {"f:annotations": {"f:oarlock.dev/owner": {}}}}"#;

    fn entry(manager: &str, operation: &str, data: Value) -> Value {
        let mut fields: Value = serde_json::from_str(MARK).unwrap();
        fields["f:data"] = data;
        json!({"manager": manager, "operation": operation, "apiVersion": "v1", "fieldsType": "FieldsV1", "fieldsV1": fields})
    }

    fn live(entries: Value) -> Value {
        json!({"metadata": {"uid": "u", "resourceVersion": "7", "managedFields": entries}})
    }

    fn patched(entries: Value) -> Option<Value> {
        let patch = patch(&live(entries), &Uid("u".to_owned()), "oarlock/new")?;
        assert_eq!(patch["metadata"]["resourceVersion"], "7");
        Some(patch["metadata"]["managedFields"].clone())
    }

    #[test]
    fn the_entry_of_the_module_before_goes_over() {
        let other = json!({"manager": "kubectl", "operation": "Update", "fieldsV1": {"f:data": {"f:x": {}}}});
        let old = entry("oarlock/old", "Apply", json!({"f:a": {}}));
        let new = entry("oarlock/new", "Apply", json!({"f:a": {}}));
        assert_eq!(patched(json!([old, other])), Some(json!([other, new])));
    }

    #[test]
    fn two_entries_become_one() {
        let old = entry(
            "oarlock/old",
            "Apply",
            json!({"f:a": {}, "k:{\"b\":1}": {".": {}}}),
        );
        let new = entry("oarlock/new", "Apply", json!({"f:c": {}}));
        let both = entry(
            "oarlock/new",
            "Apply",
            json!({"f:a": {}, "f:c": {}, "k:{\"b\":1}": {".": {}}}),
        );
        assert_eq!(patched(json!([old, new])), Some(json!([both])));
    }

    #[test]
    fn what_a_program_updated_it_applied() {
        let entry = |manager: &str, operation: &str, fields: Value| json!({"manager": manager, "operation": operation, "apiVersion": "v1", "fieldsType": "FieldsV1", "fieldsV1": fields});
        let patched = |entries: Value| {
            let patch = patch(&live(entries), &Uid("u".to_owned()), "helm")?;
            Some(patch["metadata"]["managedFields"].clone())
        };
        let kubectl = entry("kubectl", "Update", json!({"f:x": {}}));
        let updated = entry("helm", "Update", json!({"f:a": {}, "f:b": {}}));
        assert_eq!(
            patched(json!([updated, kubectl])),
            Some(json!([
                kubectl,
                entry("helm", "Apply", json!({"f:a": {}, "f:b": {}}))
            ]))
        );
        let mut status = updated.clone();
        status["subresource"] = json!("status");
        assert_eq!(patched(json!([status, kubectl])), None);
        // A module of the house is none of a program's business.
        let child = self::entry("oarlock/old", "Apply", json!({}));
        assert_eq!(patched(json!([child])), None);
    }

    #[test]
    fn what_was_not_written_as_a_child_by_a_module_is_not_taken() {
        let without_mark =
            json!({"manager": "oarlock/other", "operation": "Apply", "fieldsV1": {"f:data": {}}});
        for foreign in [
            without_mark,
            entry("kubectl", "Apply", json!({})),
            entry("oarlock/old", "Update", json!({})),
            // One object's share of somebody else's.
            entry("oarlock/old/uid", "Apply", json!({})),
            entry("oarlock/new", "Apply", json!({})),
        ] {
            assert_eq!(patched(json!([foreign])), None, "{foreign}");
        }
        let later = live(json!([entry("oarlock/old", "Apply", json!({}))]));
        assert_eq!(patch(&later, &Uid("other".to_owned()), "oarlock/new"), None);
    }

    #[test]
    fn the_last_writer_comes_first() {
        let at = |manager: &str, time: &str| json!({"manager": manager, "operation": "Update", "time": time});
        let live = live(json!([
            at("a", "2026-01-01T00:00:00Z"),
            at("b", "2026-01-03T00:00:00Z"),
            at("a", "2026-01-02T00:00:00Z"),
            {"manager": "kubelet", "operation": "Update", "subresource": "status", "time": "2026-01-09T00:00:00Z"},
        ]));
        let found: Vec<String> = writers(&live)
            .into_iter()
            .map(|w| format!("{} {:?}", w.manager, w.subresource))
            .collect();
        assert_eq!(
            found,
            ["kubelet Some(\"status\")", "b None", "a None", "a None"]
        );
    }
}
