//! Sets and their `FieldsV1` form.

use serde_json::json;

use crate::fields::{FieldSet, PathElement};

fn set(fields: &serde_json::Value) -> FieldSet {
    FieldSet::from_v1(fields).unwrap()
}

#[test]
fn v1_form_round_trips() {
    for fields in [
        json!({}),
        json!({"f:spec": {"f:replicas": {}}}),
        json!({"f:metadata": {"f:labels": {".": {}, "f:app": {}}, "f:finalizers": {".": {}, "v:\"x/y\"": {}}}}),
        json!({"f:spec": {"f:ports": {"k:{\"containerPort\":80,\"protocol\":\"TCP\"}": {".": {}, "f:name": {}}}}}),
        json!({"f:list": {"i:0": {}, "i:1": {"f:a": {}}}}),
    ] {
        assert_eq!(set(&fields).to_v1(), fields);
    }
}

#[test]
fn v1_form_is_checked() {
    for (fields, reason) in [
        (json!([]), "fieldsV1 must be an object, found []"),
        (
            json!({"spec": {}}),
            "missing colon in path element \"spec\"",
        ),
        (
            json!({"k:[]": {}}),
            "path element \"k:[]\" must hold an object, found []",
        ),
        (
            json!({"i:x": {}}),
            "path element \"i:x\" must hold an index",
        ),
    ] {
        assert_eq!(FieldSet::from_v1(&fields).unwrap_err(), reason);
    }
    // Steps of a later format are no reason to lose the rest.
    assert_eq!(
        set(&json!({"z:later": {}, "f:a": {}})).to_v1(),
        json!({"f:a": {}})
    );
}

#[test]
fn algebra() {
    let a = set(&json!({"f:x": {".": {}, "f:y": {}}, "f:z": {}}));
    let b = set(&json!({"f:x": {"f:y": {}, "f:w": {}}}));
    assert_eq!(
        a.union(&b).to_v1(),
        json!({"f:x": {".": {}, "f:y": {}, "f:w": {}}, "f:z": {}})
    );
    assert_eq!(a.intersection(&b).to_v1(), json!({"f:x": {"f:y": {}}}));
    assert_eq!(a.difference(&b).to_v1(), json!({"f:x": {}, "f:z": {}}));
    let x = FieldSet::of_fields(&[&["x"]]);
    assert_eq!(
        a.difference(&x).to_v1(),
        json!({"f:x": {"f:y": {}}, "f:z": {}})
    );
    assert_eq!(a.without(&x).to_v1(), json!({"f:z": {}}));
    assert!(a.contains(&[
        PathElement::Field("x".to_owned()),
        PathElement::Field("y".to_owned())
    ]));
    assert!(!b.contains(&[PathElement::Field("x".to_owned())]));
    assert!(a.difference(&a).is_empty());
}
