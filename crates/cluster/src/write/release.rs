//! What a release changes on an object.

use oarlock_core::marks::{
    ON_LEAVE_ANNOTATION, OWNER_ANNOTATION, OWNER_UID_LABEL, SHARE_ANNOTATION_PREFIX,
};
use oarlock_core::reference::Uid;
use serde_json::{Map, Value, json};

/// The JSON Merge Patch that takes `owner`'s marks and `manager`'s fields off `live`; `None` when there are none.
///
/// Giving fields up by applying without them would delete their values: the entries of `managedFields` are taken out instead,
/// which leaves the values to nobody. The patch holds for this version of the object only.
pub(super) fn patch(live: &Value, owner: &Uid, manager: &str) -> Option<Value> {
    let mut metadata = Map::new();
    let mut owned = false;
    if let Some(references) = array(live, "ownerReferences") {
        let kept = without(references, |reference| {
            text(reference, "uid") == Some(&owner.0)
        });
        if kept.len() < references.len() {
            owned = true;
            let value = if kept.is_empty() {
                Value::Null
            } else {
                kept.into()
            };
            metadata.insert("ownerReferences".to_owned(), value);
        }
    }
    let value_of = |map: &str, key: &str| live.get("metadata")?.get(map)?.get(key)?.as_str();
    if value_of("labels", OWNER_UID_LABEL) == Some(&owner.0) {
        owned = true;
        metadata.insert("labels".to_owned(), json!({OWNER_UID_LABEL: null}));
    }
    let mut annotations = Map::new();
    let share = format!("{SHARE_ANNOTATION_PREFIX}{owner}");
    let both: &[&str] = if owned {
        &[OWNER_ANNOTATION, ON_LEAVE_ANNOTATION]
    } else {
        &[]
    };
    for key in both.iter().copied().chain([share.as_str()]) {
        if value_of("annotations", key).is_some() {
            annotations.insert(key.to_owned(), Value::Null);
        }
    }
    if !annotations.is_empty() {
        metadata.insert("annotations".to_owned(), annotations.into());
    }
    if let Some(others) = others(live, manager) {
        metadata.insert("managedFields".to_owned(), others);
    }
    guarded(live, metadata)
}

/// The JSON Merge Patch that takes `manager`'s fields off `live`, and nothing else; `None` when there are none, or where
/// another object than `uid` stands under the name.
pub(super) fn yielded(live: &Value, uid: &Uid, manager: &str) -> Option<Value> {
    live.get("metadata")
        .filter(|metadata| text(metadata, "uid") == Some(&uid.0))?;
    let metadata = [("managedFields".to_owned(), others(live, manager)?)];
    guarded(live, metadata.into_iter().collect())
}

/// `managedFields` without `manager`'s; `None` when there are none of it.
fn others(live: &Value, manager: &str) -> Option<Value> {
    let entries = array(live, "managedFields")?;
    let kept = without(entries, |entry| text(entry, "manager") == Some(manager));
    if kept.len() == entries.len() {
        return None;
    }
    // An empty list means "not said" to the API server; one empty entry means "nobody".
    Some(if kept.is_empty() {
        json!([{}])
    } else {
        kept.into()
    })
}

/// A patch of `metadata` for this version only.
fn guarded(live: &Value, mut metadata: Map<String, Value>) -> Option<Value> {
    if metadata.is_empty() {
        return None;
    }
    for precondition in ["uid", "resourceVersion"] {
        if let Some(value) = live.get("metadata").and_then(|m| m.get(precondition)) {
            metadata.insert(precondition.to_owned(), value.clone());
        }
    }
    Some(json!({"metadata": metadata}))
}

fn array<'a>(live: &'a Value, field: &str) -> Option<&'a Vec<Value>> {
    live.get("metadata")?.get(field)?.as_array()
}

fn text<'a>(entry: &'a Value, field: &str) -> Option<&'a str> {
    entry.get(field)?.as_str()
}

fn without(list: &[Value], drop: impl Fn(&Value) -> bool) -> Vec<Value> {
    list.iter().filter(|entry| !drop(entry)).cloned().collect()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    fn check(metadata: &Value, expected: Option<&Value>) {
        let live = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata});
        let patch = patch(&live, &Uid("me".to_owned()), "oarlock/x");
        assert_eq!(patch.map(|p| p["metadata"].clone()).as_ref(), expected);
    }

    #[test]
    fn only_this_owners_marks_go() {
        check(
            &json!({"uid": "u", "resourceVersion": "7",
                "ownerReferences": [{"uid": "me"}, {"uid": "you"}],
                "annotations": {"oarlock.dev/on-leave": "keep", "share.oarlock.dev/you": "{}", "a": "b"}}),
            Some(
                &json!({"uid": "u", "resourceVersion": "7", "ownerReferences": [{"uid": "you"}],
                "annotations": {"oarlock.dev/on-leave": null}}),
            ),
        );
        check(
            &json!({"labels": {"oarlock.dev/owner-uid": "me"},
                "annotations": {"oarlock.dev/owner": "Greeting n/me"}}),
            Some(
                &json!({"labels": {"oarlock.dev/owner-uid": null}, "annotations": {"oarlock.dev/owner": null}}),
            ),
        );
        // Somebody else's marks on an object of which fields are shared.
        check(
            &json!({"labels": {"oarlock.dev/owner-uid": "you"},
                "annotations": {"oarlock.dev/owner": "x", "share.oarlock.dev/me": "{}"}}),
            Some(&json!({"annotations": {"share.oarlock.dev/me": null}})),
        );
    }

    #[test]
    fn fields_are_given_up() {
        check(
            &json!({"managedFields": [{"manager": "oarlock/x"}, {"manager": "kubectl"}]}),
            Some(&json!({"managedFields": [{"manager": "kubectl"}]})),
        );
        check(
            &json!({"ownerReferences": [{"uid": "me"}], "managedFields": [{"manager": "oarlock/x"}]}),
            Some(&json!({"ownerReferences": null, "managedFields": [{}]})),
        );
    }

    #[test]
    fn fields_are_yielded_and_the_marks_stay() {
        let live = json!({"metadata": {"uid": "u", "annotations": {"share.oarlock.dev/me": "{}"},
            "managedFields": [{"manager": "oarlock/x"}, {"manager": "kubectl"}]}});
        let of = |uid: &str| yielded(&live, &Uid(uid.to_owned()), "oarlock/x");
        assert_eq!(
            of("u"),
            Some(json!({"metadata": {"uid": "u", "managedFields": [{"manager": "kubectl"}]}}))
        );
        assert_eq!(of("another"), None);
        assert_eq!(yielded(&live, &Uid("u".to_owned()), "oarlock/y"), None);
    }

    #[test]
    fn nothing_to_release_is_no_write() {
        check(
            &json!({"resourceVersion": "7", "labels": {"a": "b"}, "managedFields": [{"manager": "kubectl"}]}),
            None,
        );
        assert!(patch(&json!({}), &Uid("me".to_owned()), "x").is_none());
        assert!(
            patch(
                &json!({"metadata": {"labels": {"oarlock.dev/owner-uid": "me"}}}),
                &Uid("me".to_owned()),
                "x"
            )
            .unwrap()["metadata"]
                .get("resourceVersion")
                .is_none()
        );
    }
}
