//! Whose child an object is, written on the object itself: what survives a crash between a write and its record.

use oarlock_core::cached::Cached;
use oarlock_core::marks::{
    HOST_MARKS, ON_LEAVE_ANNOTATION, OWNER_ANNOTATION, OWNER_UID_LABEL, SHARE_ANNOTATION_PREFIX,
    Share,
};
use oarlock_core::object::Object;
use oarlock_core::outcome::{Child, OnLeave, Owner, Write};
use oarlock_core::reference::ObjectRef;
use serde_json::{Map, Value, json};

use super::Scene;

/// The wanted fields with the marks that belong on them, and without what the module said to ignore.
pub(super) fn marked(scene: &Scene<'_>, child: &Child, manager: &str) -> Map<String, Value> {
    let mut content = child.object.content().clone();
    for pointer in &child.ignore {
        remove(&mut content, pointer);
    }
    let owner = scene.owner;
    strip(&mut content, &owner.uid().0);
    if child.write == Write::Share {
        let share = Share {
            owner: spoken(&owner.target()),
            manager: manager.to_owned(),
            restore: match &child.on_leave {
                OnLeave::Restore(values) => Some(values.clone()),
                OnLeave::Delete | OnLeave::Keep => None,
            },
        };
        // A Share is made of maps with string keys: it always has a JSON form.
        let text = serde_json::to_string(&share).unwrap_or_default();
        set(
            &mut content,
            "annotations",
            &format!("{SHARE_ANNOTATION_PREFIX}{}", owner.uid()),
            text,
        );
    } else if child.owner == Owner::Owned {
        set(
            &mut content,
            "annotations",
            OWNER_ANNOTATION,
            spoken(&owner.target()),
        );
        if child.on_leave == OnLeave::Keep {
            set(
                &mut content,
                "annotations",
                ON_LEAVE_ANNOTATION,
                "keep".to_owned(),
            );
        }
        if reference_is_legal(scene, child.object.target()) {
            add_reference(&mut content, owner);
        } else {
            set(
                &mut content,
                "labels",
                OWNER_UID_LABEL,
                owner.uid().0.clone(),
            );
        }
    }
    content
}

/// Whether an owner reference from `target` to the owner is legal: a cluster-scoped owner may own anything, a namespaced one
/// what is in its own namespace (kubernetes.io, "Owners and Dependents").
pub(super) fn reference_is_legal(scene: &Scene<'_>, target: &ObjectRef) -> bool {
    scene.namespace().is_none() || target.namespace.as_deref() == scene.namespace()
}

/// Whether the API server's garbage collector would do the wrong thing with `child` when the owner is deleted.
pub(super) fn needs_finalizer(scene: &Scene<'_>, child: &Child) -> bool {
    match (child.write, child.owner) {
        (Write::Compare, _) => false,
        (Write::Share, _) => true,
        (_, Owner::Unowned) => false,
        (_, Owner::Owned) => {
            child.on_leave == OnLeave::Keep || !reference_is_legal(scene, child.object.target())
        }
    }
}

/// Whether the mark on `object` is that of `owner`, and not of another one that it had before.
pub(super) fn names_owner(object: &Object, owner: &Cached) -> bool {
    let annotations = object.pointer("/metadata/annotations");
    let mark = annotations.and_then(|map| map.get(OWNER_ANNOTATION)?.as_str());
    mark == Some(&spoken(&owner.target()))
}

/// `Kind.group namespace/name`.
fn spoken(target: &ObjectRef) -> String {
    let kind = if target.gvk.group.is_empty() {
        target.gvk.kind.clone()
    } else {
        format!("{}.{}", target.gvk.kind, target.gvk.group)
    };
    match &target.namespace {
        Some(namespace) => format!("{kind} {namespace}/{}", target.name),
        None => format!("{kind} {}", target.name),
    }
}

/// Takes out what only the host sets: a module may answer with what it read, marks included, and must not mark as another
/// object's.
fn strip(content: &mut Map<String, Value>, owner: &str) {
    let Some(Value::Object(metadata)) = content.get_mut("metadata") else {
        return;
    };
    for map in ["annotations", "labels"] {
        if let Some(Value::Object(map)) = metadata.get_mut(map) {
            map.retain(|key, _| {
                !HOST_MARKS.contains(&key.as_str()) && !key.starts_with(SHARE_ANNOTATION_PREFIX)
            });
        }
    }
    if let Some(Value::Array(references)) = metadata.get_mut("ownerReferences") {
        references.retain(|r| r.get("uid").and_then(Value::as_str) != Some(owner));
        if references.is_empty() {
            metadata.remove("ownerReferences");
        }
    }
}

fn add_reference(content: &mut Map<String, Value>, owner: &Cached) {
    let reference = json!({
        "apiVersion": owner.target().gvk.api_version(),
        "kind": owner.target().gvk.kind,
        "name": owner.target().name,
        "uid": owner.uid().0,
        "controller": true,
        "blockOwnerDeletion": true,
    });
    let metadata = entry(content, "metadata");
    match metadata
        .get_mut("ownerReferences")
        .and_then(Value::as_array_mut)
    {
        Some(list) => list.push(reference),
        None => {
            metadata.insert("ownerReferences".to_owned(), Value::Array(vec![reference]));
        }
    }
}

fn set(content: &mut Map<String, Value>, map: &str, key: &str, value: String) {
    entry(entry(content, "metadata"), map).insert(key.to_owned(), Value::String(value));
}

fn entry<'a>(map: &'a mut Map<String, Value>, key: &str) -> &'a mut Map<String, Value> {
    let value = map.entry(key).or_insert(Value::Null);
    if !value.is_object() {
        *value = Value::Object(Map::new());
    }
    match value {
        Value::Object(map) => map,
        _ => unreachable!("made an object just above"),
    }
}

/// Takes the value at a JSON pointer (RFC 6901) out, if it is there.
fn remove(content: &mut Map<String, Value>, pointer: &str) {
    let unescape = |part: &str| part.replace("~1", "/").replace("~0", "~");
    let Some((parents, last)) = pointer.rsplit_once('/') else {
        return;
    };
    let last = unescape(last);
    let mut parts = parents.split('/').skip(1).map(unescape);
    let Some(first) = parts.next() else {
        content.remove(&last);
        return;
    };
    let mut place = content.get_mut(&first);
    for part in parts {
        place = match place {
            Some(Value::Object(map)) => map.get_mut(&part),
            Some(Value::Array(list)) => part.parse().ok().and_then(|i: usize| list.get_mut(i)),
            _ => None,
        };
    }
    match place {
        Some(Value::Object(map)) => {
            map.remove(&last);
        }
        Some(Value::Array(list)) => {
            if let Some(index) = last
                .parse()
                .ok()
                .filter(|index: &usize| *index < list.len())
            {
                list.remove(index);
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::remove;

    #[test]
    fn ignored_fields_are_not_sent() {
        for (pointer, left) in [
            ("/a", json!({"b": {"c": [1, {"d": 2}]}})),
            ("/b/c", json!({"a": 0, "b": {}})),
            ("/b/c/0", json!({"a": 0, "b": {"c": [{"d": 2}]}})),
            ("/b/c/1/d", json!({"a": 0, "b": {"c": [1, {}]}})),
            ("/x/y", json!({"a": 0, "b": {"c": [1, {"d": 2}]}})),
        ] {
            let Value::Object(mut content) = json!({"a": 0, "b": {"c": [1, {"d": 2}]}}) else {
                unreachable!("a literal object");
            };
            remove(&mut content, pointer);
            assert_eq!(Value::Object(content), left, "{pointer}");
        }
    }
}
