//! The control plane ends under the running operator, in parts, and comes back.

use kube::api::{DeleteParams, DynamicObject};

use crate::control;
use crate::ground::{Ground, is_ready};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_and_started_again_it_is_served_as_before() {
    let Some(ground) = Ground::alone("server").await else {
        return;
    };
    let bundles = ground.bundles().await;
    let operator = ground.operator().await;
    ground.bundle("b", &[ground.config_map("c", "one")]).await;
    ground.when(&bundles, "b", is_ready).await;
    let config_maps = ground.config_maps();
    let first = config_maps.get("c").await.unwrap();

    for round in ["two", "three"] {
        control::stop(&ground, "kube-apiserver").await;
        // It lives, whatever it cannot reach.
        assert_eq!(operator.get("/healthz").await.0, 200);
        control::start(&ground, "kube-apiserver").await;
        ground.bundle("b", &[ground.config_map("c", round)]).await;
        let changed = ground
            .when(&config_maps, "c", |c| c.data["data"]["text"] == round)
            .await;
        assert_eq!(
            changed.metadata.uid, first.metadata.uid,
            "nothing is made anew"
        );
        ground.when(&bundles, "b", is_ready).await;
    }
    // Its watches live again, too, those of children included.
    config_maps
        .delete("c", &DeleteParams::default())
        .await
        .unwrap();
    let anew = |c: &DynamicObject| c.metadata.uid != first.metadata.uid;
    ground.when(&config_maps, "c", anew).await;
    assert_eq!(operator.get("/readyz").await.0, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_etcd_nothing_is_lost_either() {
    let Some(ground) = Ground::alone("etcd").await else {
        return;
    };
    let bundles = ground.bundles().await;
    let operator = ground.operator().await;
    ground.bundle("b", &[ground.config_map("c", "one")]).await;
    ground.when(&bundles, "b", is_ready).await;
    let config_maps = ground.config_maps();
    let first = config_maps.get("c").await.unwrap();

    // The API server lives, answers slowly or with errors, and its watches stay open and silent.
    control::stop(&ground, "etcd").await;
    assert_eq!(operator.get("/healthz").await.0, 200);
    control::start(&ground, "etcd").await;
    control::settle(&ground).await;
    ground.bundle("b", &[ground.config_map("c", "two")]).await;
    let changed = ground
        .when(&config_maps, "c", |c| c.data["data"]["text"] == "two")
        .await;
    assert_eq!(changed.metadata.uid, first.metadata.uid);
    ground.when(&bundles, "b", is_ready).await;
}
