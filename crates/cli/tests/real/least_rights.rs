//! The operator with the rights that `oarlock rbac` prints, and no more, on the real API server.

use kube::api::{Api, DynamicObject};
use serde_json::{Value, json};

use crate::ground::{Ground, is_ready, replace};
use crate::process::root;
use crate::rights::{apply, deployment, forbidden, generated, token};
use crate::rollout::{apply_deployer, change_version, deployers, fleet};
use crate::watching::{changes, ready_at, until};

/// Gives the operator of this test an account of its own, with the rights that its watches need.
pub(crate) async fn confine(ground: &Ground, more: &[&str]) {
    let namespace = &ground.namespace;
    let account = format!("{namespace}/confined");
    // Roles and bindings of the whole cluster are named after the test.
    let mut args = vec![
        "watches.yaml",
        "--service-account",
        &account,
        "--name",
        namespace,
    ];
    args.extend(more);
    let directory = ground.path("");
    apply(&ground.client, &generated(&directory, &args).await, false).await;
    let token = token(&ground.client, namespace, "confined").await;
    let text = std::fs::read_to_string(&ground.kubeconfig).unwrap();
    let mut config: Value = serde_saphyr::from_str(&text).unwrap();
    for user in config["users"].as_array_mut().unwrap() {
        user["user"] = json!({"token": token});
    }
    replace(&ground.kubeconfig, config.to_string().as_bytes());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rollout_works_with_exactly_the_generated_rights() {
    let Some(ground) = Ground::new("rights").await else {
        return;
    };
    let deployers = deployers(&ground).await;
    confine(&ground, &[]).await;
    let operator = ground.operator().await;
    apply_deployer(&ground, &deployers, 1).await;
    let mut states = std::pin::pin!(changes(deployers.clone()));
    until(&mut states, |d| ready_at(d, "1.7.7")).await;
    change_version(&deployers, "1.7.8").await;
    until(&mut states, |d| ready_at(d, "1.7.8")).await;
    assert_eq!(fleet(&ground).await, [("nginx-1.7.8".to_owned(), 10)]);
    let (status, metrics) = operator.get("/metrics").await;
    assert_eq!(status, 200);
    assert_eq!(
        forbidden(&metrics),
        Vec::<&str>::new(),
        "{}",
        operator.process.log()
    );
}

/// A ServiceAccount that may do something with ConfigMaps of the namespace.
async fn account(ground: &Ground, name: &str, verbs: &[&str]) {
    let namespace = &ground.namespace;
    let rbac = "rbac.authorization.k8s.io";
    let metadata = json!({"name": name, "namespace": namespace});
    let objects = [
        json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata}),
        json!({
            "apiVersion": format!("{rbac}/v1"), "kind": "Role", "metadata": metadata,
            "rules": [{"apiGroups": [""], "resources": ["configmaps"], "verbs": verbs}],
        }),
        json!({
            "apiVersion": format!("{rbac}/v1"), "kind": "RoleBinding", "metadata": metadata,
            "roleRef": {"apiGroup": rbac, "kind": "Role", "name": name},
            "subjects": [{"kind": "ServiceAccount", "name": name, "namespace": namespace}],
        }),
    ];
    apply(&ground.client, &objects, false).await;
}

/// Has the operator watch the Bundles of this test, and write as a ServiceAccount of the namespace.
async fn bundles_as(ground: &Ground, account: &str) -> Api<DynamicObject> {
    let bundles = ground.bundles().await;
    let text = format!(
        "- group: guests.oarlock.dev\n  version: v1\n  kind: Bundle\n  module: bundle.wasm\n  serviceAccount: {account}\n  \
         selector: {{matchLabels: {{test: {}}}}}\n  grants: {{write: [{{apiGroups: [''], resources: [configmaps]}}]}}\n",
        ground.namespace
    );
    replace(&ground.path("watches.yaml"), text.as_bytes());
    bundles
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_watch_writes_as_its_account_the_account_must_be_allowed() {
    let Some(ground) = Ground::new("account").await else {
        return;
    };
    let bundles = bundles_as(&ground, "writer").await;
    confine(&ground, &[]).await;
    account(&ground, "writer", &["get"]).await;
    let operator = ground.operator().await;
    ground.bundle("b", &[ground.config_map("c", "one")]).await;
    let shown = ground
        .conditions(&bundles, "b", |c| c.contains("WriteRefused"))
        .await;
    let user = format!("system:serviceaccount:{}:writer", ground.namespace);
    assert!(shown.contains(&user), "{shown}");
    assert!(ground.config_maps().get_opt("c").await.unwrap().is_none());

    account(&ground, "writer", &["create", "patch"]).await;
    ground.bundle("b", &[ground.config_map("c", "two")]).await;
    ground.when(&bundles, "b", is_ready).await;
    let written = ground.config_maps().get("c").await.unwrap();
    assert_eq!(written.data["data"]["text"], "two");
    assert!(operator.process.log().contains("WriteRefused"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_deployment_would_be_accepted() {
    let Some(ground) = Ground::new("deploy").await else {
        return;
    };
    let objects = deployment(&root());
    apply(&ground.client, &objects[..1], false).await;
    apply(&ground.client, &objects, true).await;
}
