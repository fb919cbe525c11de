use oarlock_sdk::{Value, json};

use super::{Shape, part};

fn fields(base: &Value, wanted: &Value, shape: Shape<'_>) -> (Value, Vec<String>) {
    let part = part(base, base, wanted, shape);
    (Value::Object(part.fields), part.whole.into_iter().collect())
}

fn pods(containers: &Value, volumes: &Value) -> Value {
    json!({"spec": {"containers": containers, "volumes": volumes}})
}

#[test]
fn of_lists_with_keys_only_what_differs_is_taken() {
    let base = pods(
        &json!([{"name": "a", "image": "i"}, {"name": "b"}]),
        &json!([{"name": "x"}]),
    );
    let wanted = pods(
        &json!([{"name": "a", "image": "i", "env": [{"name": "E"}]}, {"name": "b"}]),
        &json!([{"name": "x"}, {"name": "y", "projected": {"sources": [1]}}]),
    );
    assert_eq!(
        fields(&base, &wanted, Shape::known()),
        (
            pods(
                &json!([{"name": "a", "env": [{"name": "E"}]}]),
                &json!([{"name": "y", "projected": {"sources": [1]}}])
            ),
            vec![]
        )
    );
    assert_eq!(fields(&base, &base, Shape::known()), (json!({}), vec![]));
}

#[test]
fn of_what_nothing_is_known_of_lists_are_taken_wholly() {
    let base = pods(&json!([{"name": "a", "image": "i"}]), &json!([]));
    let wanted = pods(&json!([{"name": "a", "image": "i", "env": []}]), &json!([]));
    let (taken, whole) = fields(&base, &wanted, Shape::Unknown);
    assert_eq!(
        taken,
        json!({"spec": {"containers": wanted["spec"]["containers"]}})
    );
    assert_eq!(whole, ["/spec/containers"]);
    // A list that is made anew is somebody else's list all the same.
    let (taken, whole) = fields(
        &json!({"spec": {}}),
        &json!({"spec": {"deep": {"list": [1]}}}),
        Shape::Unknown,
    );
    assert_eq!(taken, json!({"spec": {"deep": {"list": [1]}}}));
    assert_eq!(whole, ["/spec/deep/list"]);
}

#[test]
fn items_that_cannot_be_told_apart_make_a_list_one_field() {
    let base = json!({"env": [{"name": "E", "value": "1"}, {"name": "E", "value": "2"}]});
    let wanted =
        json!({"env": [{"name": "E", "value": "1"}, {"name": "E", "value": "2"}, {"name": "F"}]});
    assert_eq!(fields(&base, &wanted, Shape::known()).1, ["/env"]);
    let base = json!({"env": [{"value": "1"}]});
    let wanted = json!({"env": [{"value": "1"}, {"name": "F"}]});
    assert_eq!(fields(&base, &wanted, Shape::known()).1, ["/env"]);
}

#[test]
fn a_list_in_an_item_may_be_one_field() {
    let schema = json!({"properties": {"jobs": {
        "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["id", "zone"],
        "items": {"properties": {"env": {"items": {}}}}}}});
    let base =
        json!({"jobs": [{"id": 1, "zone": "a", "env": ["own"], "x": 1}, {"id": 1, "zone": "b"}]});
    let wanted = json!({"jobs": [{"id": 1, "zone": "a", "env": ["own", "more"], "x": 1}, {"id": 1, "zone": "b"}]});
    let (taken, whole) = fields(&base, &wanted, Shape::Defined(&schema));
    assert_eq!(
        taken,
        json!({"jobs": [{"id": 1, "zone": "a", "env": ["own", "more"]}]})
    );
    assert_eq!(whole, ["/jobs/1,\"a\"/env"]);
    let part = part(&base, &wanted, &base, Shape::Defined(&schema));
    assert_eq!(
        Value::Object(part.fields),
        json!({"jobs": [{"id": 1, "zone": "a", "env": ["own"]}]})
    );
}

#[test]
fn what_goes_is_not_listed_but_for_lists_that_are_one_field() {
    let base = json!({"metadata": {"annotations": {}}, "spec": {"list": ["own"]}});
    let live = json!({"metadata": {"annotations": {"ours": "1"}}, "spec": {"list": ["own", "ours"], "made": ["ours"], "n": 1}});
    let part = part(&base, &live, &base, Shape::Unknown);
    assert_eq!(
        Value::Object(part.fields),
        json!({"spec": {"list": ["own"]}})
    );
}

#[test]
fn a_definition_tells_by_version() {
    let definition = json!({"spec": {"versions": [
        {"name": "v1", "schema": {"openAPIV3Schema": {"properties": {"map": {"additionalProperties": {
            "properties": {"env": {"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"], "items": {}}}}}}}}},
        {"name": "v2", "schema": {"openAPIV3Schema": {}}},
    ]}});
    let base = json!({"map": {"a": {"env": [{"name": "x"}]}}});
    let wanted = json!({"map": {"a": {"env": [{"name": "x"}, {"name": "y"}]}}});
    let of = |version: &str| fields(&base, &wanted, Shape::of_definition(&definition, version));
    assert_eq!(of("v1").0, json!({"map": {"a": {"env": [{"name": "y"}]}}}));
    for version in ["v2", "v3"] {
        assert_eq!(of(version).1, ["/map/a/env"]);
    }
}

#[test]
fn a_list_or_map_out_of_which_something_goes_is_still_listed() {
    let base = json!({
        "metadata": {"annotations": {"own": "1"}},
        "spec": {"containers": [{"name": "a", "image": "i", "env": [{"name": "own", "value": "1"}]}, {"name": "b", "image": "i"}]},
    });
    let live = json!({
        "metadata": {"annotations": {"own": "1", "ours": "2"}},
        "spec": {
            "containers": [
                {"name": "a", "image": "i", "env": [{"name": "own", "value": "1"}, {"name": "ours"}]},
                {"name": "b", "image": "i", "env": [{"name": "ours"}]},
            ],
            "volumes": [{"name": "ours"}],
        },
    });
    let part = part(&base, &live, &base, Shape::known());
    assert_eq!(
        Value::Object(part.fields),
        json!({
            "metadata": {"annotations": {"own": "1"}},
            "spec": {"containers": [{"name": "a", "env": [{"name": "own"}]}, {"name": "b"}]},
        })
    );
    // Nobody has changed the map meanwhile.
    assert!(part.whole.contains("/metadata/annotations"));
}
