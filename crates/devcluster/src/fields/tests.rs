#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{ApplyError, FieldSet, Writer, apply, reset, track_update};
use crate::schema::{TypeSchema, default};

mod builtins;
mod migration;
mod properties;
mod sets;

const WIDGET: &str = include_str!("../../tests/fields/widget.yaml");
const CASES: &str = include_str!("../../tests/fields/cases.yaml");

#[derive(Deserialize)]
struct Case {
    name: String,
    steps: Vec<Step>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Step {
    by: String,
    on: Option<String>,
    live: Option<Value>,
    apply: Option<Value>,
    update: Option<Value>,
    #[serde(default)]
    force: bool,
    #[serde(default)]
    quiet: bool,
    object: Option<Value>,
    owners: Option<BTreeMap<String, Vec<String>>>,
    error: Option<String>,
}

fn widget() -> TypeSchema {
    let schema: Value = serde_saphyr::from_str(WIDGET).unwrap();
    TypeSchema::from_structural(&schema).unwrap()
}

/// The content of a case as a whole object.
fn whole(content: &Value) -> Value {
    let mut object = content.clone();
    object["apiVersion"] = json!("example.com/v1");
    object["kind"] = json!("Widget");
    if object["metadata"].is_null() {
        object["metadata"] = json!({});
    }
    object["metadata"]["name"] = json!("w");
    object["metadata"]["namespace"] = json!("ns");
    object
}

/// An object as cases show it.
fn content(object: &Value) -> Value {
    let mut object: Map<String, Value> = object.as_object().unwrap().clone();
    object.remove("apiVersion");
    object.remove("kind");
    let metadata = object.get_mut("metadata").unwrap().as_object_mut().unwrap();
    for name in ["name", "namespace", "managedFields"] {
        metadata.remove(name);
    }
    if metadata.is_empty() {
        object.remove("metadata");
    }
    Value::Object(object)
}

/// Who owns what, as cases show it.
fn owners(object: &Value) -> BTreeMap<String, Vec<String>> {
    let entries = object["metadata"]["managedFields"].as_array();
    entries
        .into_iter()
        .flatten()
        .map(|entry| {
            let mut name = entry["manager"].as_str().unwrap().to_owned();
            if let Some(subresource) = entry["subresource"].as_str() {
                name = format!("{name}@{subresource}");
            }
            if entry["operation"] == "Update" {
                name.push_str(":update");
            }
            let set = FieldSet::from_v1(&entry["fieldsV1"]).unwrap();
            let paths = set.paths();
            let mut paths: Vec<String> = paths
                .iter()
                .map(|path| path.iter().map(ToString::to_string).collect())
                .collect();
            paths.sort();
            (name, paths)
        })
        .collect()
}

fn write(
    step: &Step,
    live: Option<&Value>,
    now: &str,
    schema: &TypeSchema,
) -> Result<Value, ApplyError> {
    let writer = Writer {
        manager: &step.by,
        subresource: step.on.as_deref(),
        has_status: true,
        now,
    };
    let mut result = match (&step.apply, &step.update) {
        (Some(config), None) => apply(live, &whole(config), step.force, &writer, schema)?,
        (None, Some(update)) => {
            let mut new = whole(update);
            track_update(live, &mut new, &writer, schema);
            reset(live, &mut new, &writer, schema);
            new
        }
        _ => panic!("a step is an apply or an update"),
    };
    default(schema, &mut result);
    Ok(result)
}

#[test]
fn cases() {
    let schema = widget();
    let cases: Vec<Case> = serde_saphyr::from_str(CASES).unwrap();
    assert!(cases.len() > 30);
    let mut failures = Vec::new();
    for case in cases {
        let mut live: Option<Value> = None;
        for (index, step) in case.steps.iter().enumerate() {
            let mut fail = |what: &str, found: String, expected: String| {
                failures.push(format!(
                    "{} (step {}): {what}\n  found    {found}\n  expected {expected}",
                    case.name,
                    index + 1
                ));
            };
            if let Some(given) = &step.live {
                live = Some(whole(given));
            }
            let now = format!("2026-01-01T00:00:{index:02}Z");
            let result = write(step, live.as_ref(), &now, &schema);
            let new = match (result, &step.error) {
                (Err(error), Some(expected)) => {
                    if error.to_string() != *expected {
                        fail("error", error.to_string(), expected.clone());
                    }
                    continue;
                }
                (Err(error), None) => {
                    fail("error", error.to_string(), "none".to_owned());
                    continue;
                }
                (Ok(new), Some(expected)) => {
                    fail("no error", new.to_string(), expected.clone());
                    continue;
                }
                (Ok(new), None) => new,
            };
            if let Some(expected) = &step.object
                && content(&new) != *expected
            {
                fail("object", content(&new).to_string(), expected.to_string());
            }
            if let Some(expected) = &step.owners
                && owners(&new) != *expected
            {
                fail(
                    "owners",
                    format!("{:?}", owners(&new)),
                    format!("{expected:?}"),
                );
            }
            if step.quiet && live.as_ref() != Some(&new) {
                fail("not quiet", new.to_string(), format!("{live:?}"));
            }
            live = Some(new);
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn entries_are_ordered_and_timed() {
    let schema = widget();
    let step = |by: &str, apply: Option<Value>, update: Option<Value>| Step {
        by: by.to_owned(),
        on: None,
        live: None,
        apply,
        update,
        force: false,
        quiet: false,
        object: None,
        owners: None,
        error: None,
    };
    let one = write(
        &step("z", None, Some(json!({"spec": {"image": "i"}}))),
        None,
        "2026-01-01T00:00:01Z",
        &schema,
    )
    .unwrap();
    let two = write(
        &step("b", Some(json!({"spec": {"replicas": 1}})), None),
        Some(&one),
        "2026-01-01T00:00:02Z",
        &schema,
    )
    .unwrap();
    let three = write(
        &step("a", Some(json!({"spec": {"paused": true}})), None),
        Some(&two),
        "2026-01-01T00:00:03Z",
        &schema,
    )
    .unwrap();
    assert_eq!(
        three["metadata"]["managedFields"],
        json!([
            {
                "apiVersion": "example.com/v1", "fieldsType": "FieldsV1",
                "fieldsV1": {"f:spec": {"f:replicas": {}}},
                "manager": "b", "operation": "Apply", "time": "2026-01-01T00:00:02Z"
            },
            {
                "apiVersion": "example.com/v1", "fieldsType": "FieldsV1",
                "fieldsV1": {"f:spec": {"f:paused": {}}},
                "manager": "a", "operation": "Apply", "time": "2026-01-01T00:00:03Z"
            },
            {
                "apiVersion": "example.com/v1", "fieldsType": "FieldsV1",
                "fieldsV1": {"f:spec": {".": {}, "f:image": {}}},
                "manager": "z", "operation": "Update", "time": "2026-01-01T00:00:01Z"
            }
        ])
    );
}

#[test]
fn conflicts_carry_causes() {
    let schema = widget();
    let writer = |manager| Writer {
        manager,
        subresource: None,
        has_status: true,
        now: "2026-01-01T00:00:00Z",
    };
    let live = apply(
        None,
        &whole(&json!({"spec": {"replicas": 1}})),
        false,
        &writer("a"),
        &schema,
    )
    .unwrap();
    let error = apply(
        Some(&live),
        &whole(&json!({"spec": {"replicas": 2}})),
        false,
        &writer("b"),
        &schema,
    )
    .unwrap_err();
    let ApplyError::Conflicts { conflicts } = error else {
        panic!("expected conflicts, got {error}");
    };
    assert_eq!(conflicts.len(), 1);
    assert_eq!(conflicts[0].field, ".spec.replicas");
    assert_eq!(conflicts[0].message(), "conflict with \"a\"");
}

#[test]
fn many_updaters_are_merged() {
    let schema = widget();
    let mut live: Option<Value> = None;
    for index in 0..14 {
        let labels: Map<String, Value> = (0..=index)
            .map(|key| (format!("k{key}"), json!("v")))
            .collect();
        let mut new = whole(&json!({"spec": {"labels": labels}}));
        let manager = format!("m{index:02}");
        let now = format!("2026-01-01T00:00:{index:02}Z");
        let writer = Writer {
            manager: &manager,
            subresource: None,
            has_status: true,
            now: &now,
        };
        track_update(live.as_ref(), &mut new, &writer, &schema);
        live = Some(new);
    }
    let owners = owners(&live.unwrap());
    assert_eq!(owners.len(), 10);
    assert_eq!(
        owners["ancient-changes:update"],
        [
            ".spec",
            ".spec.labels",
            ".spec.labels.k0",
            ".spec.labels.k1",
            ".spec.labels.k2",
            ".spec.labels.k3",
            ".spec.labels.k4"
        ]
    );
}
