//! The broker that others wrote says what the scripted one says.

use std::io::Write as _;
use std::sync::Once;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use oarlock_broker::{Asked, OpenBrokerApi};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::asking::{ask, context};

const OFFER: &str = "service_id=service-queue&plan_id=plan-queue-small";

/// One that runs; `None`, said past the test harness, where tests may go on without.
async fn start() -> Option<OpenBrokerApi> {
    static SAID: Once = Once::new();
    if let Err(missing) = OpenBrokerApi::prepared() {
        assert!(
            std::env::var_os("OARLOCK_ALLOW_MISSING").is_some(),
            "{missing}"
        );
        SAID.call_once(|| {
            let text = b"NOT RUN: nothing was tested with openbrokerapi; hint: cargo xtask parts\n";
            std::io::stderr().write_all(text).unwrap();
        });
        return None;
    }
    Some(OpenBrokerApi::start().await.unwrap())
}

async fn said(broker: &OpenBrokerApi, asked: Asked) -> (u16, Value) {
    let pair = STANDARD.encode(format!("{}:{}", broker.user, broker.password));
    let asked = asked
        .header("authorization", &format!("Basic {pair}"))
        .header("connection", "close");
    let query: Vec<String> = asked
        .query
        .iter()
        .map(|(name, value)| format!("{name}={}", value.replace(' ', "%20")))
        .collect();
    let mut request = format!(
        "{} {}?{} HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n",
        asked.method,
        asked.path,
        query.join("&"),
        asked.body.len()
    );
    for (name, value) in &asked.headers {
        request.push_str(&format!("{name}: {value}\r\n"));
    }
    request.push_str("\r\n");
    let address = broker.url.strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    stream.write_all(&asked.body).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let status = answer.split(' ').nth(1).unwrap().parse().unwrap();
    let (_, body) = answer.split_once("\r\n\r\n").unwrap();
    (status, serde_json::from_str(body).unwrap_or_default())
}

/// Polls until the operation ends: how often it was in progress, and the last answer.
async fn poll(broker: &OpenBrokerApi, path: &str, operation: &Value) -> (usize, u16, Value) {
    for count in 0..10 {
        let mut asked = ask("GET", &format!("{path}/last_operation?{OFFER}"));
        let operation = operation.as_str().unwrap().to_owned();
        asked.query.push(("operation".to_owned(), operation));
        let (status, body) = said(broker, asked).await;
        if body["state"] != "in progress" {
            return (count, status, body);
        }
    }
    panic!("it does not end");
}

#[tokio::test]
async fn the_whole_asynchronous_life() {
    let Some(broker) = start().await else { return };
    let (status, catalog) = said(&broker, ask("GET", "/v2/catalog")).await;
    assert_eq!(
        (status, &catalog["services"][0]["name"]),
        (200, &json!("queue"))
    );
    let instance = "/v2/service_instances/i";
    let binding = "/v2/service_instances/i/service_bindings/b";
    let body = json!({
        "service_id": "service-queue",
        "plan_id": "plan-queue-small",
        "organization_guid": "o",
        "space_guid": "s",
        "context": context(),
        "parameters": {"size": 1},
    });
    let bind_body =
        json!({"service_id": "service-queue", "plan_id": "plan-queue-small", "context": context()});
    let put = |path: &str, body: &Value| {
        ask("PUT", &format!("{path}?accepts_incomplete=true")).json(body)
    };
    let delete = |path: &str| ask("DELETE", &format!("{path}?accepts_incomplete=true&{OFFER}"));

    let (status, made) = said(&broker, put(instance, &body)).await;
    assert_eq!(status, 202);
    let (_, again) = said(&broker, put(instance, &body)).await;
    assert_eq!(again["operation"], made["operation"]);
    assert_eq!(poll(&broker, instance, &made["operation"]).await.0, 1);

    let change = json!({
        "service_id": "service-queue",
        "plan_id": "plan-queue-large",
        "context": context(),
        "previous_values": {"service_id": "service-queue", "plan_id": "plan-queue-small"},
    });
    let patch = ask("PATCH", &format!("{instance}?accepts_incomplete=true")).json(&change);
    let (status, changed) = said(&broker, patch).await;
    assert_eq!(status, 202);
    let (_, status, told) = poll(&broker, instance, &changed["operation"]).await;
    assert_eq!((status, &told["state"]), (200, &json!("succeeded")));

    let (status, bound) = said(&broker, put(binding, &bind_body)).await;
    assert_eq!(status, 202, "{bound}");
    poll(&broker, binding, &bound["operation"]).await;
    let (status, fetched) = said(&broker, ask("GET", binding)).await;
    assert_eq!(
        (status, &fetched["credentials"]["port"]),
        (200, &json!(5672))
    );
    let ledger = broker.ledger().await.unwrap();
    assert_eq!(ledger["instances"]["i"]["plan"], "plan-queue-large");
    assert_eq!(ledger["bindings"]["b"]["ready"], true);

    assert_eq!(said(&broker, delete(instance)).await.0, 400);
    let (status, unbound) = said(&broker, delete(binding)).await;
    assert_eq!(status, 202);
    poll(&broker, binding, &unbound["operation"]).await;
    assert_eq!(said(&broker, delete(binding)).await.0, 410);
    let (status, removed) = said(&broker, delete(instance)).await;
    assert_eq!(status, 202);
    let (_, status, _) = poll(&broker, instance, &removed["operation"]).await;
    assert_eq!(status, 410);
    let ledger = broker.ledger().await.unwrap();
    assert_eq!(
        (&ledger["instances"], &ledger["bindings"]),
        (&json!({}), &json!({}))
    );
}
