//! A Canary whose requests are split by an HTTPRoute of the Gateway API's own definition, on a real API server.

use serde_json::{Value, json};

use crate::canary::Podinfo;
use crate::gateways::{Gateway, definitions, split};
use crate::watching::define_as;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_weights_of_the_route_move() {
    let Some(definitions) = definitions() else {
        return;
    };
    let Some(podinfo) = Podinfo::new("gateway", "canary.oarlock.dev", "v1alpha1").await else {
        return;
    };
    for definition in definitions {
        define_as(&podinfo.ground.client, definition).await;
    }
    let routes = podinfo
        .ground
        .api("gateway.networking.k8s.io", "v1", "HTTPRoute");
    let gateway = Gateway::of(routes.clone());
    let _operator = podinfo.ground.operator().await;
    podinfo.deploy("3.1.0").await;
    let mut canary = podinfo.steps(&[20, 60]);
    canary["spec"]["service"] = json!({"port": 9898, "gatewayRefs": [{"name": "edge"}]});
    canary["spec"]["strategy"] = json!({"scaleDownDelaySeconds": 1});
    podinfo.apply(canary).await;
    podinfo.deploy("3.1.1").await;
    podinfo.phase("Succeeded").await;
    podinfo.stage("Idle").await;
    podinfo.runs("3.1.1").await;
    let seen = gateway.weights();
    let steps: Vec<_> = [(100, 0), (80, 20), (40, 60)]
        .map(|(a, b)| split(a, b))
        .into();
    assert!(seen.starts_with(&steps), "{seen:#?}");
    assert_eq!(seen.last(), Some(&split(100, 0)), "{seen:#?}");
    // What the definition's rules and defaults made of it.
    let route = routes.get("podinfo").await.unwrap();
    let rule = &route.data["spec"]["rules"][0];
    assert_eq!(rule["backendRefs"][0]["kind"], "Service");
    assert_ne!(rule["matches"], Value::Null);
}
