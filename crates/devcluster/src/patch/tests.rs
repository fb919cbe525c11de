#![expect(clippy::unwrap_used, reason = "tests")]

use serde::Deserialize;
use serde_json::{Value, json};

use super::{json as json_patch, merge, strategic};
use crate::schema::builtin;

const CASES: &str = include_str!("../../tests/patch/strategic.yaml");

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    kind: Option<String>,
    live: Value,
    patch: Value,
    result: Option<Value>,
    error: Option<String>,
}

#[test]
fn strategic_cases() {
    let cases: Vec<Case> = serde_saphyr::from_str(CASES).unwrap();
    assert!(cases.len() > 20);
    let mut failures = Vec::new();
    for case in cases {
        let kind = case.kind.as_deref().unwrap_or("Pod");
        let resource = builtin::all()
            .iter()
            .find(|resource| resource.kind == kind)
            .unwrap();
        let mut object = case.live.clone();
        let found = match strategic(&mut object, &case.patch, resource.schema()) {
            Ok(()) => object.to_string(),
            Err(error) => {
                assert_eq!(
                    object, case.live,
                    "{}: a failed patch changes nothing",
                    case.name
                );
                error.to_string()
            }
        };
        let expected = match (&case.result, &case.error) {
            (Some(result), None) => result.to_string(),
            (None, Some(error)) => error.clone(),
            _ => format!("{}: a case has either a result or an error", case.name),
        };
        if found != expected {
            failures.push(format!(
                "{}\n  found    {found}\n  expected {expected}",
                case.name
            ));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn merge_patch_removes_nulls_and_replaces_lists() {
    let mut object = json!({"a": {"b": 1, "c": 2}, "l": [1, 2]});
    merge(
        &mut object,
        &json!({"a": {"b": null, "d": {"e": null, "f": 3}}, "l": [3]}),
    );
    assert_eq!(object, json!({"a": {"c": 2, "d": {"f": 3}}, "l": [3]}));
}

#[test]
fn json_patch_is_all_or_nothing() {
    let mut object = json!({"a": 1});
    json_patch(
        &mut object,
        &json!([{"op": "add", "path": "/b", "value": 2}]),
    )
    .unwrap();
    assert_eq!(object, json!({"a": 1, "b": 2}));
    let cases = [
        (
            json!([{"op": "add", "path": "/c", "value": 3}, {"op": "test", "path": "/a", "value": 9}]),
            "the server rejected our request due to an error in our request: testing value /a failed: test failed",
        ),
        (
            json!([{"op": "remove", "path": "/x/y"}]),
            "the server rejected our request due to an error in our request: remove operation does not apply: doc is missing path: \"/x/y\": missing value",
        ),
    ];
    for (patch, expected) in cases {
        assert_eq!(
            json_patch(&mut object, &patch).unwrap_err().to_string(),
            expected
        );
        assert_eq!(object, json!({"a": 1, "b": 2}));
    }
    let malformed = json_patch(&mut object, &json!({"op": "add"})).unwrap_err();
    assert!(
        malformed.to_string().starts_with("error decoding patch: "),
        "{malformed}"
    );
}
