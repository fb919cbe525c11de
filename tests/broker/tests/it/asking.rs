//! A platform that asks as it should.

use oarlock_broker::{Answer, Asked, Broker, Reply};
use serde_json::{Value, json};

pub(crate) const SERVICE: &str = "service-postgres";
pub(crate) const SMALL: &str = "plan-small";
pub(crate) const LARGE: &str = "plan-large";
const REQUEST: &str = "3f1c6c52-0000-5000-8000-000000000001";

/// With all headers that a platform sends.
pub(crate) fn ask(method: &str, target: &str) -> Asked {
    Asked::new(method, target)
        .header("X-Broker-API-Version", "2.17")
        .header("X-Broker-API-Request-Identity", REQUEST)
}

pub(crate) fn context() -> Value {
    json!({
        "platform": "kubernetes",
        "clusterid": "c",
        "namespace": "default",
        "namespace_annotations": {"a": "b"},
        "instance_name": "db",
        "instance_annotations": {},
    })
}

pub(crate) fn provision_body() -> Value {
    json!({
        "service_id": SERVICE,
        "plan_id": SMALL,
        "organization_guid": "c",
        "space_guid": "s",
        "context": context(),
        "parameters": {"size": 1},
        "maintenance_info": {"version": "1.0.0"},
    })
}

pub(crate) fn bind_body() -> Value {
    json!({"service_id": SERVICE, "plan_id": SMALL, "context": context()})
}

pub(crate) fn instance(id: &str) -> String {
    format!("/v2/service_instances/{id}?accepts_incomplete=true")
}

pub(crate) fn binding(id: &str, binding: &str) -> String {
    format!("/v2/service_instances/{id}/service_bindings/{binding}?accepts_incomplete=true")
}

pub(crate) fn provision(id: &str) -> Asked {
    ask("PUT", &instance(id)).json(&provision_body())
}

pub(crate) fn update(id: &str, body: Value) -> Asked {
    let mut whole = json!({
        "service_id": SERVICE,
        "context": context(),
        "previous_values": {"service_id": SERVICE, "plan_id": SMALL},
    });
    for (name, value) in body.as_object().unwrap() {
        whole[name] = value.clone();
    }
    ask("PATCH", &instance(id)).json(&whole)
}

pub(crate) fn deprovision(id: &str) -> Asked {
    let offer = format!("&service_id={SERVICE}&plan_id={SMALL}");
    ask("DELETE", &(instance(id) + &offer))
}

pub(crate) fn bind(id: &str, name: &str) -> Asked {
    ask("PUT", &binding(id, name)).json(&bind_body())
}

pub(crate) fn unbind(id: &str, name: &str) -> Asked {
    let offer = format!("&service_id={SERVICE}&plan_id={SMALL}");
    ask("DELETE", &(binding(id, name) + &offer))
}

/// How an operation goes; `path` is that of an instance or a binding below `/v2/service_instances`.
pub(crate) fn poll(path: &str, operation: Option<&str>) -> Asked {
    let mut asked = ask(
        "GET",
        &format!("/v2/service_instances/{path}/last_operation"),
    );
    let pairs = [
        ("service_id", Some(SERVICE)),
        ("plan_id", Some(SMALL)),
        ("operation", operation),
    ];
    for (name, value) in pairs {
        let value = value.map(|value| (name.to_owned(), value.to_owned()));
        asked.query.extend(value);
    }
    asked
}

pub(crate) fn fetch(path: &str) -> Asked {
    ask("GET", &format!("/v2/service_instances/{path}"))
}

/// The answer; fails where there is none.
pub(crate) fn answer(broker: &Broker, asked: &Asked) -> Answer {
    match broker.answer(asked).reply {
        Reply::Answer(answer) => answer,
        other => panic!("{other:?}"),
    }
}

/// Status and body; null where there is none.
pub(crate) fn said(broker: &Broker, asked: &Asked) -> (u16, Value) {
    let answer = answer(broker, asked);
    let body = serde_json::from_slice(&answer.body).unwrap_or_default();
    (answer.status, body)
}

/// The status alone.
pub(crate) fn status(broker: &Broker, asked: &Asked) -> u16 {
    answer(broker, asked).status
}

/// The operation of a 202.
pub(crate) fn operation(broker: &Broker, asked: &Asked) -> String {
    let (status, body) = said(broker, asked);
    assert_eq!(status, 202, "{body}");
    body["operation"].as_str().unwrap().to_owned()
}

/// The state that a poll tells.
pub(crate) fn state(broker: &Broker, asked: &Asked) -> String {
    let (status, body) = said(broker, asked);
    assert_eq!(status, 200, "{body}");
    body["state"].as_str().unwrap().to_owned()
}
