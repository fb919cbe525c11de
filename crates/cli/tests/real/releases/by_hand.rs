//! What people do with `helm` beside the operator.

use serde_json::json;

use super::site::{Site, told};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rollback_by_hand_stays_until_the_wish_changes() {
    let Some(site) = Site::of_unicorns("releases-by-hand").await else {
        return;
    };
    let _operator = site.operator().await;
    site.colour("pink").await;
    site.unicorn_says("Ready=True InstallSucceeded").await;
    site.colour("blue").await;
    site.unicorn_says("Ready=True UpgradeSucceeded").await;

    site.helm(&["rollback", "unicorn", "1"]).await;
    let conditions = site.unicorn_says("ReleasedByHand").await;
    assert!(conditions.contains("Ready=False"), "{conditions}");
    assert!(
        conditions.contains("revision 3 (\"Rollback to 1\") was made by somebody else"),
        "{conditions}"
    );
    assert!(site.page().await.contains("pink"));

    site.colour("green").await;
    site.unicorn_says("Ready=True UpgradeSucceeded").await;
    let history = site.helm_json(&["history", "unicorn"]).await;
    let told = told(&history);
    assert_eq!(
        told,
        [
            "1 superseded unicorn-1.0.0 Install complete",
            "2 superseded unicorn-2.0.0 Upgrade complete",
            "3 superseded unicorn-1.0.0 Rollback to 1",
            "4 deployed unicorn-3.0.0 Upgrade complete",
        ]
    );
    assert!(site.page().await.contains("green"));
}

/// The Operator SDK's operator puts right whatever differs; so does a rollback.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rollback_by_hand_is_undone_where_drift_is() {
    let Some(site) = Site::new("releases-undone").await else {
        return;
    };
    let _operator = site.operator().await;
    site.apply("shop", json!({"message": "first"})).await;
    site.ready("shop", 1).await;
    site.change("shop", json!({"message": "second"})).await;
    site.ready("shop", 2).await;
    site.helm(&["rollback", "shop", "1"]).await;
    site.ready("shop", 4).await;
    let history = site.helm_json(&["history", "shop"]).await;
    assert_eq!(
        told(&history),
        [
            "1 superseded web-1.0.0 Install complete",
            "2 superseded web-1.0.0 Upgrade complete",
            "3 superseded web-1.0.0 Rollback to 1",
            "4 deployed web-1.0.0 Upgrade complete",
        ]
    );
    assert_eq!(site.config("shop").await["message"], "second");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_uninstalled_by_hand_comes_back() {
    let Some(site) = Site::new("releases-uninstalled").await else {
        return;
    };
    let _operator = site.operator().await;
    site.apply("shop", json!({"message": "first"})).await;
    site.ready("shop", 1).await;
    let before = site.ground.config_maps().get("shop-config").await.unwrap();

    site.helm(&["uninstall", "shop"]).await;
    let uid = |config: &kube::api::DynamicObject| config.metadata.uid.clone();
    let after = site
        .ground
        .when(&site.ground.config_maps(), "shop-config", |config| {
            uid(config) != uid(&before)
        })
        .await;
    assert_ne!(uid(&after), uid(&before));
    site.ready("shop", 1).await;
}
