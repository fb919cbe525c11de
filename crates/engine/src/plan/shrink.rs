//! A share that lists fewer fields than before: what it no longer lists is given back first, field by field, as a whole share
//! is when it leaves. To apply without a field would delete its value.

use oarlock_core::cached::Cached;
use oarlock_core::cluster::Verb;
use oarlock_core::outcome::{Child, Expect, OnLeave, Write};
use serde_json::{Map, Value};

use super::{Scene, leave};

/// What is done before the share is applied, in order; nothing where all that was listed still is. Each may be repeated: until the
/// share is applied, the mark tells what has to be given back.
pub(super) fn calls(scene: &Scene<'_>, child: &Child, live: &Cached, manager: &str) -> Vec<Verb> {
    let owner = scene.owner.uid();
    if child.write != Write::Share || !live.is_shared_by(&owner) {
        return Vec::new();
    }
    // A mark that is damaged tells nothing: the share is applied as it is, and writes a new one.
    let Some(before) = live
        .object()
        .ok()
        .and_then(|object| leave::share(&object, &owner.0).ok())
        .filter(|share| share.manager == manager)
    else {
        return Vec::new();
    };
    let target = child.object.target().clone();
    let wanted = match &child.on_leave {
        OnLeave::Restore(values) => Some(values),
        OnLeave::Delete | OnLeave::Keep => None,
    };
    let restore = before.restore.unwrap_or_default();
    let mut left = unlisted(&restore, Some(child.object.content()), wanted);
    if left.is_empty() {
        return Vec::new();
    }
    // Another object of the name has nothing to be given back.
    let metadata = left.entry("metadata").or_insert(Value::Null);
    if !metadata.is_object() {
        *metadata = Value::Object(Map::new());
    }
    metadata["uid"] = Value::String(live.uid().0);
    if let Expect::Version(version) = &child.expect {
        metadata["resourceVersion"] = Value::String(version.0.clone());
    }
    vec![
        Verb::Merge {
            target: target.clone(),
            patch: left,
            status: false,
        },
        Verb::Yield {
            target,
            uid: live.uid(),
        },
    ]
}

/// The part of `restore` that neither `listed` nor `again` has.
fn unlisted(
    restore: &Map<String, Value>,
    listed: Option<&Map<String, Value>>,
    again: Option<&Map<String, Value>>,
) -> Map<String, Value> {
    let mut left = Map::new();
    for (key, value) in restore {
        let listed = listed.and_then(|listed| listed.get(key));
        let again = again.and_then(|again| again.get(key));
        let Value::Object(fields) = value else {
            if listed.is_none() && again.is_none() {
                left.insert(key.clone(), value.clone());
            }
            continue;
        };
        if [listed, again]
            .iter()
            .flatten()
            .any(|value| !value.is_object())
        {
            continue;
        }
        let listed = listed.and_then(Value::as_object);
        let part = unlisted(fields, listed, again.and_then(Value::as_object));
        if !part.is_empty() {
            left.insert(key.clone(), Value::Object(part));
        }
    }
    left
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::unlisted;

    fn check(restore: &Value, listed: &Value, again: &Value, left: &Value) {
        let (Value::Object(restore), Value::Object(left)) = (restore, left) else {
            unreachable!("literal objects");
        };
        let found = unlisted(restore, listed.as_object(), again.as_object());
        assert_eq!(&found, left, "{restore:?} without {listed}");
    }

    #[test]
    fn what_is_not_listed_any_more_is_left() {
        let restore =
            json!({"spec": {"a": null, "b": 2}, "metadata": {"annotations": {"x": null}}});
        check(
            &restore,
            &json!({"spec": {"a": 1, "b": 1}, "metadata": {"annotations": {"x": "y"}}}),
            &restore,
            &json!({}),
        );
        check(
            &restore,
            &json!({"spec": {"a": 1}, "metadata": {"name": "n"}}),
            &json!({"spec": {"a": null}}),
            &json!({"spec": {"b": 2}, "metadata": {"annotations": {"x": null}}}),
        );
        // What it would restore again was never about a field that it lists.
        check(&restore, &json!({"spec": {"a": 1}}), &restore, &json!({}));
        check(
            &restore,
            &json!({"spec": 5, "metadata": {"annotations": {"x": "z"}}}),
            &Value::Null,
            &json!({}),
        );
    }
}
