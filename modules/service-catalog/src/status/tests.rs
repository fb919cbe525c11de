#![expect(clippy::unwrap_used, reason = "tests")]

mod golden;

use serde_json::{Map, Value, json};

use super::{Named, Seen, binding, instance, last_condition};
use crate::osb::catalog::MaintenanceInfo;
use crate::osb::request::Identity;
use crate::parameters::{self, Parameters, Source};
use crate::reference::PlanReference;
use crate::resource::definitions;
use crate::state::{Facts, Holding, Inputs, Leaving, Operation, Place, Stage, Stand, State, Verb};
use crate::turn::{Condition, Is, Note, Requeue, Turn};

/// Milliseconds of 2026-01-31T12:00:00Z.
const NOON: u64 = 1_769_860_800_000;

fn turn(state: State, ready: (Is, &str)) -> Turn {
    Turn {
        tag: String::new(),
        effects: Vec::new(),
        conditions: vec![
            condition("Ready", ready),
            condition("Failed", (Is::False, "NotFailed")),
            condition(
                "OrphanMitigation",
                (Is::False, "OrphanMitigationNotRequired"),
            ),
        ],
        state,
        events: Vec::new(),
        requeue: Requeue::OnChange,
        finalized: false,
    }
}

fn condition(kind: &'static str, (is, reason): (Is, &str)) -> Condition {
    let note = Note::new(is, reason, "");
    Condition { kind, note }
}

fn wished() -> Parameters {
    let sources: Vec<Source> =
        serde_json::from_value(json!([{"secretKeyRef": {"name": "more", "key": "json"}}])).unwrap();
    let more = [("json".to_owned(), br#"{"password": "hunter2"}"#.to_vec())];
    let secrets = [("more".to_owned(), more.into_iter().collect())];
    let given = json!({"size": 3});
    parameters::merge(
        &Map::new(),
        given.as_object(),
        &sources,
        &secrets.into_iter().collect(),
    )
    .unwrap()
}

fn inputs(plan: &str, parameters: &Parameters) -> Inputs {
    Inputs {
        place: Place {
            broker: "ClusterServiceBroker/acme".to_owned(),
            service: "service-db".to_owned(),
            plan: plan.to_owned(),
            instance: None,
        },
        parameters: parameters.checksum().unwrap(),
        requests: 0,
        maintenance: Some("1.0.0".to_owned()),
    }
}

fn holding(stand: Stand, inputs: Inputs) -> Holding {
    Holding {
        id: "id-1".to_owned(),
        stand,
        inputs,
        polling: None,
        retrievable: false,
        stored_at: None,
        facts: Facts::default(),
        heard: true,
        parked: None,
    }
}

fn operation(verb: Verb, stage: Stage, update: Option<Inputs>) -> Operation {
    Operation {
        verb,
        id: "id-1".to_owned(),
        number: 1,
        since: NOON,
        generation: 1,
        stage,
        tries: 0,
        rounds: 0,
        denied: None,
        not_before: None,
        note: None,
        request: None,
        unstored: false,
        whole: false,
        update,
        predecessor: None,
    }
}

fn polling() -> Stage {
    Stage::Polling {
        operation: Some("op-7".to_owned()),
        since: NOON,
    }
}

fn user() -> Identity {
    serde_json::from_value(json!({"username": "ann", "uid": "7", "groups": ["devs"]})).unwrap()
}

/// What is there, without the memory.
fn told(status: &Map<String, Value>) -> Value {
    let there = status
        .iter()
        .filter(|(name, value)| *name != "lifecycle" && !value.is_null());
    Value::Object(
        there
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect(),
    )
}

/// As the object has it in the next run.
fn written(status: &Map<String, Value>) -> Value {
    let there = status.iter().filter(|(_, value)| !value.is_null());
    Value::Object(
        there
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect(),
    )
}

/// Whatever is written is in the definition, and of its type.
fn fits(kind: &str, status: &Map<String, Value>) {
    let all = definitions::all();
    let (_, definition) = all.iter().find(|(name, _)| name == kind).unwrap();
    let schema = &definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"];
    check(&schema["properties"]["status"], &written(status), "status");
}

fn check(schema: &Value, value: &Value, path: &str) {
    let is_fit = match schema["type"].as_str().unwrap() {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        other => panic!("{path}: {other}"),
    };
    assert!(is_fit, "{path}: {value}");
    if let Some(texts) = schema["enum"].as_array() {
        assert!(texts.contains(value), "{path}: {value}");
    }
    for item in value.as_array().into_iter().flatten() {
        check(&schema["items"], item, path);
    }
    let Some(properties) = schema["properties"].as_object() else {
        return;
    };
    for (name, value) in value.as_object().into_iter().flatten() {
        let path = format!("{path}.{name}");
        assert!(
            properties.contains_key(name),
            "{path} is not in the definition"
        );
        check(&properties[name], value, &path);
    }
}

#[test]
fn the_last_condition_is_what_matters_most() {
    let ready = |is, reason| condition("Ready", (is, reason));
    let failed = condition("Failed", (Is::True, "ProvisionCallFailed"));
    let orphan = condition("OrphanMitigation", (Is::True, "Starting"));
    let last = |conditions: &[Condition]| last_condition(conditions).unwrap();
    assert_eq!(last(&[ready(Is::True, "ProvisionedSuccessfully")]), "Ready");
    assert_eq!(last(&[ready(Is::False, "Provisioning")]), "Provisioning");
    assert_eq!(last(&[ready(Is::False, "X"), failed.clone()]), "Failed");
    assert_eq!(
        last(&[ready(Is::False, "X"), failed, orphan]),
        "OrphanMitigation"
    );
    assert_eq!(last_condition(&[]), None);
}
