//! Server-side apply through the API.

use serde_json::json;

use crate::conversation::{Conversation, DEPLOYMENTS, deployment};

#[tokio::test]
async fn an_apply_creates_changes_and_does_nothing() {
    let cluster = Conversation::new();
    let path = format!("{DEPLOYMENTS}/web");
    let config = deployment("web", "nginx:1");
    let created = cluster.apply(&path, "gitops", &config).await.ok();
    assert_eq!(created.code, 201);
    let entries = created.body["metadata"]["managedFields"]
        .as_array()
        .unwrap();
    assert_eq!(
        (&entries[0]["manager"], &entries[0]["operation"]),
        (&json!("gitops"), &json!("Apply"))
    );
    cluster.clock.advance_by(std::time::Duration::from_secs(60));
    let again = cluster.apply(&path, "gitops", &config).await.ok();
    assert_eq!(
        (again.code, again.revision()),
        (200, created.revision()),
        "nothing changed"
    );
    let changed = cluster
        .apply(&path, "gitops", &deployment("web", "nginx:2"))
        .await
        .ok();
    assert_eq!(changed.body["metadata"]["generation"], 2);
}

#[tokio::test]
async fn another_managers_field_is_a_conflict() {
    let cluster = Conversation::new();
    let path = format!("{DEPLOYMENTS}/web");
    let mut config = deployment("web", "nginx:1");
    config["spec"]["replicas"] = json!(2);
    cluster.apply(&path, "one", &config).await.ok();
    let partial = json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}, "spec": {"replicas": 5},
    });
    let refused = cluster.apply(&path, "two", &partial).await;
    assert_eq!(refused.code, 409);
    assert_eq!(
        refused.message(),
        "Apply failed with 1 conflict: conflict with \"one\": .spec.replicas"
    );
    assert_eq!(
        refused.body["details"]["causes"],
        json!([{"reason": "FieldManagerConflict", "message": "conflict with \"one\"", "field": ".spec.replicas"}])
    );
    let forced = cluster
        .apply(&format!("{path}?force=true"), "two", &partial)
        .await
        .ok();
    assert_eq!(forced.body["spec"]["replicas"], 5);
    // Given up by its owner, the field falls back to the default.
    let empty = json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}});
    let left = cluster.apply(&path, "two", &empty).await.ok();
    assert_eq!(left.body["spec"]["replicas"], 1);
}

#[tokio::test]
async fn what_an_apply_must_carry() {
    let cluster = Conversation::new();
    let path = format!("{DEPLOYMENTS}/web");
    let nobody = cluster
        .send(
            "PATCH",
            &path,
            "application/apply-patch+yaml",
            &deployment("web", "nginx"),
        )
        .await;
    assert_eq!(
        (nobody.code, nobody.message()),
        (
            422,
            "PatchOptions.meta.k8s.io \"\" is invalid: fieldManager: Required value: is required for apply patch"
        )
    );
    let forced = cluster
        .merge(&format!("{path}?force=true"), &json!({}))
        .await;
    assert_eq!(forced.code, 422);
    let mut config = deployment("web", "nginx");
    config["metadata"]["managedFields"] = json!([]);
    config["metadata"]["managedFields"] = json!([{"manager": "x"}]);
    let refused = cluster.apply(&path, "one", &config).await;
    assert_eq!(
        (refused.code, refused.message()),
        (400, "metadata.managedFields must be nil")
    );
}

#[tokio::test]
async fn an_apply_that_names_a_uid_creates_nothing() {
    let cluster = Conversation::new();
    let mut config = deployment("web", "nginx:1");
    config["metadata"]["uid"] = json!("2b5f3c1e-0000-0000-0000-000000000000");
    let refused = cluster
        .apply(&format!("{DEPLOYMENTS}/web"), "gitops", &config)
        .await;
    assert_eq!(
        (refused.code, &refused.body["reason"]),
        (409, &json!("Conflict"))
    );
    assert!(
        refused.message().ends_with(
            "uid mismatch: the provided object specified uid 2b5f3c1e-0000-0000-0000-000000000000, and no existing \
             object was found"
        ),
        "{}",
        refused.message()
    );
}

#[tokio::test]
async fn empty_metadata_maps_are_not_kept() {
    let cluster = Conversation::new();
    let path = format!("{DEPLOYMENTS}/web");
    let mut config = deployment("web", "nginx:1");
    config["metadata"]["annotations"] = json!({"note": "x"});
    cluster.apply(&path, "gitops", &config).await.ok();
    let patch = json!({"metadata": {"annotations": {"note": null}, "finalizers": []}});
    let patched = cluster.merge(&path, &patch).await.ok();
    let metadata = &patched.body["metadata"];
    assert!(metadata.get("annotations").is_none(), "{metadata}");
    assert!(metadata.get("finalizers").is_none(), "{metadata}");
}
