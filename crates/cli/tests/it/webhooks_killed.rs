//! `kill -9` of the operator while it waits for a webhook.

use kube::api::{Patch, PatchParams};
use serde_json::json;

use crate::process::root;
use crate::rollout::{changes, define_as, deployments, until};
use crate::site::{Site, canary};
use crate::webhooks::{Answer, Web};
use crate::webhooks_podinfo::{canaries, deployment};

#[tokio::test]
async fn row_22_the_same_call_is_repeated_with_the_same_key() {
    let web = Web::new(|_| Answer::Hangs).await;
    let site = Site::new().await;
    let entry = json!([{
        "group": "canary.oarlock.dev", "version": "v1alpha1", "kind": "Canary", "module": "canary.wasm",
        "grants": {
            "read": [{"apiGroups": ["apps"], "resources": ["deployments", "replicasets"]}],
            "write": [{"apiGroups": ["apps"], "resources": ["deployments"]}],
            "http": [web.url],
        },
    }]);
    site.watches(&entry.to_string());
    site.module("canary.wasm", &canary());
    site.cluster.run_clock().await;
    let client = site.cluster.client();
    let file = root().join("modules/canary/crds/canaries.yaml");
    let definition = std::fs::read_to_string(file).unwrap();
    define_as(&client, serde_saphyr::from_str(&definition).unwrap()).await;
    let mut operator = site.operator().await;

    let user = PatchParams::apply("kubectl");
    let apply = async |version: &str| {
        let wanted = Patch::Apply(deployment(version));
        deployments(&client)
            .patch("podinfo", &user, &wanted)
            .await
            .unwrap();
    };
    apply("3.1.0").await;
    let wanted = json!({
        "apiVersion": "canary.oarlock.dev/v1alpha1",
        "kind": "Canary",
        "metadata": {"name": "podinfo"},
        "spec": {
            "targetRef": {"name": "podinfo"},
            "analysis": {
                "interval": "10s", "threshold": 1, "stepWeight": 50, "maxWeight": 50,
                "webhooks": [{
                    "type": "pre-rollout", "name": "smoke-test", "url": format!("{}/smoke", web.url), "timeout": "25s",
                }],
            },
        },
    });
    canaries(&client)
        .patch("podinfo", &user, &Patch::Apply(wanted))
        .await
        .unwrap();
    let mut states = std::pin::pin!(changes(canaries(&client)));
    until(&mut states, |canary| {
        canary.data["status"]["phase"] == "Initialized"
    })
    .await;

    apply("3.1.1").await;
    for kill in 1..=2 {
        web.comes("/smoke", kill).await;
        operator.process.kill().await;
        operator = site.operator().await;
    }
    let calls = web.comes("/smoke", 3).await;
    web.answers(|_| Answer::status(200));
    let key = |call: usize| calls[call].header("idempotency-key").to_owned();
    assert!(!key(0).is_empty());
    assert_eq!([key(1), key(2)], [key(0), key(0)]);
    assert_eq!(calls[0].body, calls[2].body);
    // Nobody has answered yet: the Deployment rolls out nothing by itself, and what serves is what served before.
    let podinfo = deployments(&client).get("podinfo").await.unwrap();
    assert_eq!(podinfo.data["spec"]["paused"], true, "{:#}", podinfo.data);
    let stable = deployments(&client).get("podinfo-stable").await.unwrap();
    let available = stable.data["status"]["availableReplicas"].as_i64();
    assert!(available >= Some(5), "{:#}", stable.data["status"]);

    // The call that hangs ends with its operator.
    operator.process.kill().await;
    let operator = site.operator().await;
    until(&mut states, |canary| {
        canary.data["status"]["phase"] == "Succeeded"
    })
    .await;
    assert_eq!(operator.get("/healthz").await.0, 200);
}
