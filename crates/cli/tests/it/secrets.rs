//! A module that tells what it read of a Secret: nobody hears it, whatever way it takes.

use kube::api::{Api, DynamicObject, ListParams, Patch, PatchParams};
use serde_json::{Value, json};

use crate::process::guest;
use crate::rollout::{api, define_as};
use crate::site::{Site, definition};

/// Neither a label value nor a common word.
const MARKER: &str = "Tr0ub4dor & 3 marks!";
const ENCODED: &str = "VHIwdWI0ZG9yICYgMyBtYXJrcyE=";

const WATCHES: &str = r#"
- group: guests.oarlock.dev
  version: v1
  kind: Gossip
  module: gossip.wasm
  grants:
    write: [{apiGroups: [""], resources: [configmaps, secrets]}]
    read: [{apiGroups: [""], resources: [secrets], resourceNames: [marked]}]
"#;

/// Every way, and the reason that shows that it was taken.
const WAYS: [(&str, &str); 8] = [
    ("log", "Logged"),
    ("event", "Evented"),
    ("condition", "Condition"),
    ("failure", "Failed"),
    ("invalid", "InvalidSpec"),
    ("panic", "ModuleTrapped"),
    ("refused", "WriteRefused"),
    ("written", "WriteRefused"),
];

async fn everything(api: &Api<DynamicObject>) -> String {
    let listed = api.list(&ListParams::default()).await.unwrap();
    json!(listed.items).to_string()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_value_of_a_secret_is_told_nowhere() {
    let site = Site::new().await;
    let mut gossip = definition("Gossip");
    gossip["metadata"]["name"] = json!("gossips.guests.oarlock.dev");
    gossip["spec"]["group"] = json!("guests.oarlock.dev");
    gossip["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"] =
        json!({"type": "object", "properties": {"how": {"type": "string"}}});
    let client = site.cluster.client();
    define_as(&client, gossip).await;
    let secrets = api(&client, "", "v1", "Secret");
    let apply = PatchParams::apply("kubectl");
    let secret = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "marked"},
        "stringData": {"password": MARKER}});
    secrets
        .patch("marked", &apply, &Patch::Apply(secret))
        .await
        .unwrap();
    let stored = secrets.get("marked").await.unwrap();
    assert_eq!(
        stored.data["data"]["password"], ENCODED,
        "what is looked for is what there is"
    );

    site.watches(WATCHES);
    site.module("gossip.wasm", &guest("tells-secrets.wasm"));
    let operator = site.operator_with(&["--log", "debug"]).await;
    let gossips = api(&client, "guests.oarlock.dev", "v1", "Gossip");
    for (how, reason) in WAYS {
        let object = json!({"apiVersion": "guests.oarlock.dev/v1", "kind": "Gossip",
            "metadata": {"name": how}, "spec": {"how": how}});
        gossips
            .patch(how, &apply, &Patch::Apply(object))
            .await
            .unwrap();
        let shown = site.conditions(&gossips, how, |c| c.contains(reason)).await;
        let told = match how {
            // A module without a hook for panics traps without a word.
            "log" | "event" | "panic" => true,
            _ => shown.contains("[redacted]"),
        };
        assert!(told, "{how}: {shown}");
    }
    let event = site.event("event", "Gossip").await;
    assert_eq!(event, "Normal they use [redacted], [redacted]");
    operator.process.logs("the password is [redacted]").await;

    let objects: Value = serde_json::from_str(&everything(&gossips).await).unwrap();
    let conditions: Vec<Value> = objects
        .as_array()
        .unwrap()
        .iter()
        .map(|object| object["status"].clone())
        .collect();
    let events = everything(&api(&client, "events.k8s.io", "v1", "Event")).await;
    let (status, metrics) = operator.get("/metrics").await;
    assert_eq!(status, 200);
    for (place, text) in [
        ("log", operator.process.log()),
        ("status", json!(conditions).to_string()),
        ("Events", events),
        ("metrics", metrics),
    ] {
        for value in [MARKER, ENCODED] {
            let line = text.lines().find(|line| line.contains(value));
            assert_eq!(line, None, "{place}");
        }
    }
}
