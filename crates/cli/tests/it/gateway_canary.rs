//! A Canary whose requests are split by an HTTPRoute of the Gateway API's own definition, on the embedded cluster.

use serde_json::json;

use crate::gateway::{Gateway, definitions, split};
use crate::rollout::{api, define_as};
use crate::webhooks_podinfo::Podinfo;

#[tokio::test]
async fn the_weights_of_the_route_move() {
    let Some(definitions) = definitions() else {
        return;
    };
    let mut podinfo = Podinfo::new("20", &[], None).await;
    for definition in definitions {
        define_as(&podinfo.client, definition).await;
    }
    let routes = api(
        &podinfo.client,
        "gateway.networking.k8s.io",
        "v1",
        "HTTPRoute",
    );
    let gateway = Gateway::of(routes);
    podinfo
        .apply_with(json!({
            "analysis": {"interval": "10s", "threshold": 1},
            "service": {"port": 9898, "gatewayRefs": [{"name": "edge"}]},
            "strategy": {"scaleDownDelaySeconds": 1},
            "steps": [
                {"setWeight": 20}, {"pause": {"duration": "10s"}},
                {"setWeight": 60}, {"pause": {"duration": "10s"}},
            ],
        }))
        .await;
    podinfo.change_version("3.1.1").await;
    podinfo.phase("Succeeded").await;
    podinfo.stage("Idle").await;
    assert_eq!(podinfo.pods().await, [(String::from("podinfo:3.1.1"), 10)]);
    let seen = gateway.weights();
    let steps: Vec<_> = [(100, 0), (80, 20), (40, 60)]
        .map(|(a, b)| split(a, b))
        .into();
    assert!(seen.starts_with(&steps), "{seen:#?}");
    assert_eq!(seen.last(), Some(&split(100, 0)), "{seen:#?}");
}
