//! Who may release objects: the policy of `deploy/`, as the API server understands it.

use kube::api::{
    Api, ApiResource, DeleteParams, DynamicObject, GroupVersionKind, Patch, PatchParams,
};
use kube::config::{KubeConfigOptions, Kubeconfig};
use serde_json::{Value, json};

use crate::ground::Ground;
use crate::process::{PATIENCE, root};
use crate::rights::{apply, documents};

pub(crate) const USER: &str = "alice";
/// Group and resource of what is released here.
const MAPS: (&str, &str) = ("", "configmaps");

/// The policy of a file and its binding, for the namespace of this test alone.
pub(crate) fn policy(file: &str, namespace: &str) -> Vec<Value> {
    let text = std::fs::read_to_string(root().join("deploy").join(file)).unwrap();
    let mut objects = documents(&text);
    for object in &mut objects {
        object["metadata"]["name"] = json!(namespace);
        if object["kind"] == "ValidatingAdmissionPolicyBinding" {
            object["spec"]["policyName"] = json!(namespace);
            let labels = json!({"kubernetes.io/metadata.name": namespace});
            object["spec"]["matchResources"] =
                json!({"namespaceSelector": {"matchLabels": labels}});
        }
    }
    objects
}

/// What the user may do with objects of a resource.
pub(crate) fn role(namespace: &str, (group, resource): (&str, &str), verbs: &[&str]) -> Vec<Value> {
    let metadata = json!({"name": USER, "namespace": namespace});
    vec![
        json!({
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": metadata,
            "rules": [{"apiGroups": [group], "resources": [resource], "verbs": verbs}],
        }),
        json!({
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding", "metadata": metadata,
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": USER},
            "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": USER}],
        }),
    ]
}

pub(crate) async fn as_user(ground: &Ground, kind: &GroupVersionKind) -> Api<DynamicObject> {
    let file = Kubeconfig::read_from(&ground.admin).unwrap();
    let mut config = kube::Config::from_custom_kubeconfig(file, &KubeConfigOptions::default())
        .await
        .unwrap();
    config.auth_info.impersonate = Some(USER.to_owned());
    let client = kube::Client::try_from(config).unwrap();
    let resource = ApiResource::from_gvk(kind);
    Api::namespaced_with(client, &ground.namespace, &resource)
}

/// What the API server says to annotations, without carrying them out.
async fn tried(api: &Api<DynamicObject>, name: &str, annotations: Value) -> String {
    attempted(api, name, json!({"metadata": {"annotations": annotations}})).await
}

/// What the API server says to a merge patch, without carrying it out.
pub(crate) async fn attempted(api: &Api<DynamicObject>, name: &str, patch: Value) -> String {
    let patch = Patch::Merge(patch);
    let parameters = PatchParams {
        dry_run: true,
        ..PatchParams::default()
    };
    match api.patch(name, &parameters, &patch).await {
        Ok(_) => "allowed".to_owned(),
        Err(kube::Error::Api(status)) => status.message.clone(),
        Err(error) => panic!("{error}"),
    }
}

/// Tries until the answer contains `expected`: policies and rights take a moment until they hold.
pub(crate) async fn answered(
    api: &Api<DynamicObject>,
    name: &str,
    annotations: Value,
    expected: &str,
) {
    let answer = async {
        loop {
            let said = tried(api, name, annotations.clone()).await;
            if said.contains(expected) {
                return;
            }
        }
    };
    if tokio::time::timeout(PATIENCE, answer).await.is_err() {
        let said = tried(api, name, annotations).await;
        panic!("expected {expected:?}, found {said:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_release_takes_a_right_of_its_own() {
    let Some(ground) = Ground::new("policy").await else {
        return;
    };
    let maps = ground.config_maps();
    for name in ["dying", "alive"] {
        let mut map = ground.config_map(name, "one");
        map["metadata"]["finalizers"] = json!(["example.com/cleanup"]);
        ground.apply(&maps, map).await;
    }
    maps.delete("dying", &DeleteParams::default())
        .await
        .unwrap();
    apply(
        &ground.client,
        &role(&ground.namespace, MAPS, &["get", "patch"]),
        false,
    )
    .await;
    let user = as_user(&ground, &GroupVersionKind::gvk("", "v1", "ConfigMap")).await;
    let release = json!({"oarlock.dev/release": "it hangs"});
    answered(&user, "dying", release.clone(), "allowed").await;

    let policy = policy("release-policy.yaml", &ground.namespace);
    apply(&ground.client, &policy, false).await;
    let refusal = "the annotation oarlock.dev/release takes the verb release on configmaps";
    answered(&user, "dying", release.clone(), refusal).await;
    let other = json!({"example.com/note": "not about releases"});
    assert_eq!(tried(&user, "dying", other).await, "allowed");

    let verbs = ["get", "patch", "release"];
    apply(
        &ground.client,
        &role(&ground.namespace, MAPS, &verbs),
        false,
    )
    .await;
    answered(&user, "dying", release.clone(), "allowed").await;
    let alive = tried(&user, "alive", release.clone()).await;
    assert!(
        alive.contains("only what is being deleted can be released"),
        "{alive}"
    );
    let by = |who: &str| json!({"oarlock.dev/release": "it hangs", "oarlock.dev/released-by": who});
    assert_eq!(tried(&user, "dying", by(USER)).await, "allowed");
    let forged = tried(&user, "dying", by("bob")).await;
    assert!(forged.contains("names somebody else"), "{forged}");
}
