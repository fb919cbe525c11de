//! Releases that somebody else made: the Operator SDK's Helm operator and Flux install with Helm's own code, as `helm` does.

use serde_json::json;

use super::site::{Site, told};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_running_release_is_taken_over_without_a_revision() {
    let Some(site) = Site::new("releases-taken").await else {
        return;
    };
    let chart = site.chart_argument();
    site.helm(&["install", "shop", &chart, "--set", "message=theirs"])
        .await;
    let configs = site.ground.config_maps();
    let before = configs.get("shop-config").await.unwrap();

    let _operator = site.operator().await;
    site.apply("shop", json!({"message": "theirs"})).await;
    let conditions = site
        .ground
        .conditions(&site.webs(), "shop", |all| all.contains("Ready=True"))
        .await;
    assert!(conditions.contains("ReleaseAdopted"), "{conditions}");
    let after = configs.get("shop-config").await.unwrap();
    assert_eq!(after.metadata.uid, before.metadata.uid);
    assert_eq!(
        after.metadata.resource_version,
        before.metadata.resource_version
    );
    let history = site.helm_json(&["history", "shop"]).await;
    assert_eq!(told(&history), ["1 deployed web-1.0.0 Install complete"]);
}

/// Helm 3 wrote what it wrote as updates of its own: what a new revision leaves out goes all the same.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_an_older_helm_wrote_is_upgraded_with_all_that_it_leaves_out() {
    let Some(site) = Site::new("releases-client-side").await else {
        return;
    };
    let chart = site.chart_argument();
    site.helm(&[
        "install",
        "shop",
        &chart,
        "--server-side=false",
        "--set",
        "message=theirs,extra.gone=soon",
    ])
    .await;
    let configs = site.ground.config_maps();
    let before = configs.get("shop-config").await.unwrap();
    assert_eq!(before.data["data"]["gone"], "soon");

    let _operator = site.operator().await;
    site.apply("shop", json!({"message": "ours"})).await;
    site.ready("shop", 2).await;
    let after = configs.get("shop-config").await.unwrap();
    assert_eq!(after.metadata.uid, before.metadata.uid, "never reinstalled");
    assert_eq!(
        after.data["data"],
        json!({"message": "ours", "revision": "2"})
    );
    // And back, by hand, with what the operator wrote.
    site.helm(&["rollback", "shop", "1"]).await;
    assert_eq!(site.config("shop").await["gone"], "soon");
}
