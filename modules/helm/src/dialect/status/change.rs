//! The difference of two statuses, as a JSON Merge Patch (RFC 7386).

use serde_json::{Map, Value};

use super::Field;

/// What makes the fields of a status what they shall be; none where they are. Other fields stay.
pub(super) fn of(present: &Value, fields: Vec<Field>) -> Option<Value> {
    let mut patch = Map::new();
    for (name, wanted) in fields {
        let present = present.get(name).filter(|value| !value.is_null());
        let change = match (present, wanted) {
            (Some(_), None) => Some(Value::Null),
            (Some(present), Some(wanted)) => between(present, &wanted),
            (None, wanted) => wanted,
        };
        patch.extend(change.map(|change| (name.to_owned(), change)));
    }
    (!patch.is_empty()).then_some(Value::Object(patch))
}

/// What makes one value of another; objects field by field, anything else as a whole.
fn between(present: &Value, wanted: &Value) -> Option<Value> {
    let (Value::Object(before), Value::Object(after)) = (present, wanted) else {
        return (present != wanted).then(|| wanted.clone());
    };
    let mut patch = Map::new();
    for (name, wanted) in after.iter().filter(|(_, value)| !value.is_null()) {
        let change = match before.get(name) {
            None | Some(Value::Null) => Some(wanted.clone()),
            Some(present) => between(present, wanted),
        };
        patch.extend(change.map(|change| (name.clone(), change)));
    }
    let is_gone = |name: &&String| after.get(*name).is_none_or(Value::is_null);
    let gone = before.keys().filter(is_gone);
    patch.extend(gone.map(|name| (name.clone(), Value::Null)));
    (!patch.is_empty()).then_some(Value::Object(patch))
}

/// RFC 7386, as the host carries it out.
#[cfg(test)]
pub(crate) fn apply(target: &mut Value, patch: &Value) {
    let Value::Object(fields) = patch else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = Value::Object(Map::new());
    }
    for (name, value) in fields {
        match value {
            Value::Null => drop(target.as_object_mut().map(|map| map.remove(name))),
            value => apply(&mut target[name.as_str()], value),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{apply, of};

    #[test]
    fn a_patch_makes_the_one_of_the_other_and_touches_nothing_else() {
        for (present, wanted) in [
            (json!(null), json!({"a": {"b": 1}})),
            (json!({"a": 1, "other": 2}), json!({"a": {"b": 1}})),
            (
                json!({"a": {"b": 1, "c": {"d": [1]}}}),
                json!({"a": {"c": {"d": [2]}}}),
            ),
            (json!({"a": {"b": 1}, "other": {}}), json!({"a": {}})),
            (json!({"a": [1, 2]}), json!({"a": [1]})),
            (json!({"a": {"b": null}}), json!({"a": {"c": 1}})),
        ] {
            let fields = vec![("a", wanted.get("a").cloned())];
            let patch = of(&present, fields.clone()).unwrap_or(json!({}));
            let mut after = present.clone();
            apply(&mut after, &patch);
            let mut expected = present.clone();
            if !expected.is_object() {
                expected = json!({});
            }
            expected["a"] = wanted["a"].clone();
            assert_eq!(after, expected, "{present} by {patch}");
            assert_eq!(of(&after, fields), None, "the same again: {after}");
        }
    }

    #[test]
    fn what_vanishes_becomes_null_and_what_was_never_there_is_not_named() {
        let fields = || vec![("a", None), ("b", None), ("c", Some(json!({"x": 1})))];
        let present = json!({"a": 1, "c": {"x": 1, "y": 2}});
        assert_eq!(
            of(&present, fields()),
            Some(json!({"a": null, "c": {"y": null}}))
        );
        assert_eq!(of(&json!({"c": {"x": 1}}), fields()), None);
    }
}
