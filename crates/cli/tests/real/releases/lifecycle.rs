//! What the operator does, as the real `helm` tells it.

use kube::api::{DeleteParams, DynamicObject};
use serde_json::json;

use super::site::{Site, told};
use crate::ground::is_ready;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn helm_knows_what_the_operator_installs_and_upgrades() {
    let Some(site) = Site::new("releases-known").await else {
        return;
    };
    let _operator = site.operator().await;
    site.apply("shop", json!({"message": "first"})).await;
    site.ready("shop", 1).await;

    let list = site.helm_json(&["list"]).await;
    assert_eq!(list[0]["name"], "shop");
    assert_eq!(list[0]["revision"], "1");
    assert_eq!(list[0]["status"], "deployed");
    assert_eq!(list[0]["chart"], "web-1.0.0");
    assert_eq!(list[0]["app_version"], "4.5");
    let status = site.helm_json(&["status", "shop"]).await;
    assert_eq!(status["info"]["description"], "Install complete");
    assert_eq!(status["info"]["notes"], "first from shop\n");
    let values = site.helm_json(&["get", "values", "shop"]).await;
    assert_eq!(values, json!({"message": "first"}));
    let all = site.helm_json(&["get", "values", "shop", "--all"]).await;
    assert_eq!(all["broken"], false, "the chart's own are in the record");

    site.chart("1.1.0");
    site.change(
        "shop",
        json!({"message": "second", "extra": {"more": "yes"}}),
    )
    .await;
    site.ready("shop", 2).await;
    let history = site.helm_json(&["history", "shop"]).await;
    assert_eq!(
        told(&history),
        [
            "1 superseded web-1.0.0 Install complete",
            "2 deployed web-1.1.0 Upgrade complete",
        ]
    );
    // What helm would install is what there is.
    let manifest = site.helm(&["get", "manifest", "shop"]).await;
    assert!(manifest.contains("message: \"second\""), "{manifest}");
    assert_eq!(
        site.config("shop").await,
        json!({"message": "second", "revision": "2", "more": "yes"})
    );

    let webs = site.webs();
    webs.delete("shop", &DeleteParams::default()).await.unwrap();
    kube::runtime::wait::await_condition(webs.clone(), "shop", |web: Option<&DynamicObject>| {
        web.is_none()
    })
    .await
    .unwrap();
    assert_eq!(site.helm_json(&["list"]).await, json!([]));
    let configs = site.ground.config_maps();
    assert!(configs.get_opt("shop-config").await.unwrap().is_none());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_api_server_refuses_leaves_the_release_as_it_was() {
    let Some(site) = Site::new("releases-refused").await else {
        return;
    };
    let _operator = site.operator().await;
    site.apply("shop", json!({"message": "good"})).await;
    site.ready("shop", 1).await;
    site.change("shop", json!({"message": "bad", "broken": true}))
        .await;
    let conditions = site
        .ground
        .conditions(&site.webs(), "shop", |all| {
            all.contains("RollbackSucceeded")
        })
        .await;
    assert!(conditions.contains("Invalid value: -1"), "{conditions}");
    let history = site.helm_json(&["history", "shop"]).await;
    let told = told(&history);
    assert!(told[1].starts_with("2 failed"), "{told:?}");
    assert_eq!(site.config("shop").await["message"], "good");

    site.change("shop", json!({"message": "mended", "broken": false}))
        .await;
    let mended = |web: &DynamicObject| is_ready(web) && web.metadata.generation == Some(3);
    site.ground.when(&site.webs(), "shop", mended).await;
    assert_eq!(site.config("shop").await["message"], "mended");
}
