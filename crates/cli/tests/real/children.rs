//! What becomes of the objects that a module wants.

use kube::api::{
    Api, ApiResource, DeleteParams, DynamicObject, GroupVersionKind, Patch, PatchParams,
};
use kube::runtime::wait::await_condition;
use serde_json::{Value, json};

use crate::ground::{Ground, config_map, is_ready};
use crate::process::PATIENCE;

/// Waits until an object is gone.
async fn gone(api: &Api<DynamicObject>, name: &str, uid: &str) {
    let deleted = await_condition(
        api.clone(),
        name,
        kube::runtime::conditions::is_deleted(uid),
    );
    tokio::time::timeout(PATIENCE, deleted)
        .await
        .unwrap_or_else(|_| panic!("{name} is not deleted"))
        .unwrap();
}

fn cluster_roles(ground: &Ground) -> Api<DynamicObject> {
    let gvk = GroupVersionKind::gvk("rbac.authorization.k8s.io", "v1", "ClusterRole");
    Api::all_with(ground.client.clone(), &ApiResource::from_gvk(&gvk))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_another_namespace_and_without_one_they_go_with_their_owner() {
    let Some(ground) = Ground::new("owner").await else {
        return;
    };
    let (elsewhere, config_maps) = ground.elsewhere().await;
    let there = |name: &str| config_map(&elsewhere, name, "a");
    let bundles = ground.bundles().await;
    let _operator = ground.operator().await;
    let role = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRole",
        "metadata": {"name": format!("{}-role", ground.namespace)},
        "rules": [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}],
    });
    ground
        .bundle("b", &[there("stays"), there("leaves"), role.clone()])
        .await;
    ground.when(&bundles, "b", is_ready).await;
    let uid = async |api: &Api<DynamicObject>, name: &str| {
        let object = api.get(name).await.unwrap();
        assert_eq!(
            object.metadata.owner_references, None,
            "an owner reference to another namespace would have it collected"
        );
        object.metadata.uid.unwrap()
    };
    let role_name = role["metadata"]["name"].as_str().unwrap();
    let leaves = uid(&config_maps, "leaves").await;
    let stays = uid(&config_maps, "stays").await;
    let role_uid = uid(&cluster_roles(&ground), role_name).await;

    // Pruned, since it is no longer wanted.
    ground.bundle("b", &[there("stays"), role.clone()]).await;
    gone(&config_maps, "leaves", &leaves).await;
    assert_eq!(uid(&config_maps, "stays").await, stays);

    let owner = bundles.get("b").await.unwrap().metadata.uid.unwrap();
    bundles.delete("b", &DeleteParams::default()).await.unwrap();
    gone(&config_maps, "stays", &stays).await;
    gone(&cluster_roles(&ground), role_name, &role_uid).await;
    gone(&bundles, "b", &owner).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn drift_is_repaired() {
    let Some(ground) = Ground::new("drift").await else {
        return;
    };
    let bundles = ground.bundles().await;
    let _operator = ground.operator().await;
    ground.bundle("b", &[ground.config_map("c", "right")]).await;
    ground.when(&bundles, "b", is_ready).await;
    let config_maps = ground.config_maps();
    let first = config_maps.get("c").await.unwrap();

    // A key gone, which no other manager took.
    let removed: Value = json!([{"op": "remove", "path": "/data/text"}]);
    config_maps
        .patch(
            "c",
            &PatchParams::default(),
            &Patch::Json::<()>(serde_json::from_value(removed).unwrap()),
        )
        .await
        .unwrap();
    let right = |c: &DynamicObject| c.data["data"]["text"] == "right";
    let repaired = ground.when(&config_maps, "c", right).await;
    assert_eq!(repaired.metadata.uid, first.metadata.uid);

    // What others add is theirs.
    let added = json!({"data": {"more": "mine"}});
    config_maps
        .patch("c", &PatchParams::default(), &Patch::Merge(added))
        .await
        .unwrap();
    config_maps
        .delete("c", &DeleteParams::default())
        .await
        .unwrap();
    let again = ground
        .when(&config_maps, "c", |c| {
            right(c) && c.metadata.uid != first.metadata.uid
        })
        .await;
    assert_eq!(again.data["data"], json!({"text": "right"}));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_conflict_names_the_other_manager() {
    let Some(ground) = Ground::new("conflict").await else {
        return;
    };
    let bundles = ground.bundles().await;
    let _operator = ground.operator().await;
    ground.bundle("b", &[ground.config_map("c", "ours")]).await;
    ground.when(&bundles, "b", is_ready).await;
    let config_maps = ground.config_maps();
    config_maps
        .patch(
            "c",
            &PatchParams::apply("somebody").force(),
            &Patch::Apply(ground.config_map("c", "theirs")),
        )
        .await
        .unwrap();
    let shown = ground
        .conditions(&bundles, "b", |c| c.contains("WriteRefused"))
        .await;
    insta::assert_snapshot!(shown.replace(&ground.namespace, "NAMESPACE"), @r#"Ready=False WriteRefused: ConfigMap NAMESPACE/c was not applied: Apply failed with 1 conflict: conflict with "somebody": .data.text (Conflict, 409)"#);
    assert_eq!(
        config_maps.get("c").await.unwrap().data["data"]["text"],
        "theirs"
    );

    // Said so, it takes the field.
    let forced = json!([{"manifest": ground.config_map("c", "ours"), "force": true}]);
    ground.bundle_of("b", forced).await;
    ground.when(&bundles, "b", is_ready).await;
    assert_eq!(
        config_maps.get("c").await.unwrap().data["data"]["text"],
        "ours"
    );
}
