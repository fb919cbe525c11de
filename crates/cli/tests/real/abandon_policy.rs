//! Who may leave things at a broker, and in whose name brokers are asked: the policy of `deploy/`, as the API server
//! understands it, and the definitions of the service catalog.

use kube::api::GroupVersionKind;
use serde_json::{Value, json};

use crate::audit::Account;
use crate::ground::Ground;
use crate::process::root;
use crate::release_policy::{USER, answered, as_user, attempted, policy, role};
use crate::service_fields;
use crate::watching::define_as;

const GROUP: &str = "servicecatalog.k8s.io";
const INSTANCES: (&str, &str) = (GROUP, "serviceinstances");
const ABANDON: &str = "servicecatalog.oarlock.dev/abandon";

/// Defines a kind as `crds/` of the module has it.
pub(crate) async fn define(ground: &Ground, plural: &str) {
    let file = format!("modules/service-catalog/crds/{plural}.yaml");
    let text = std::fs::read_to_string(root().join(file)).unwrap();
    define_as(&ground.client, serde_saphyr::from_str(&text).unwrap()).await;
}

fn instance(name: &str, spec: &Value) -> Value {
    json!({
        "apiVersion": "servicecatalog.k8s.io/v1beta1",
        "kind": "ServiceInstance",
        "metadata": {"name": name},
        "spec": spec,
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn to_abandon_takes_a_right_of_its_own_and_is_audited() {
    let Some(ground) = Ground::new("abandon").await else {
        return;
    };
    define(&ground, "serviceinstances").await;
    let kind = GroupVersionKind::gvk(GROUP, "v1beta1", "ServiceInstance");
    let instances = ground.api(GROUP, "v1beta1", "ServiceInstance");
    let plain = json!({"clusterServiceClassExternalName": "db"});
    ground.apply(&instances, instance("db", &plain)).await;
    let rights = |verbs: &[&str]| role(&ground.namespace, INSTANCES, verbs);
    crate::rights::apply(&ground.client, &rights(&["get", "patch"]), false).await;
    let user = as_user(&ground, &kind).await;
    let gone = json!({ABANDON: "the broker is gone"});
    answered(&user, "db", gone.clone(), "allowed").await;

    let policy = policy("abandon-policy.yaml", &ground.namespace);
    crate::rights::apply(&ground.client, &policy, false).await;
    let refusal = "the annotation servicecatalog.oarlock.dev/abandon takes the verb abandon on serviceinstances.servicecatalog.k8s.io";
    answered(&user, "db", gone.clone(), refusal).await;
    // The field does the same as the annotation, and takes the same.
    let declared = json!({"spec": {"deletionPolicy": "Abandon"}});
    let said = attempted(&user, "db", declared.clone()).await;
    assert!(
        said.contains("spec.deletionPolicy: Abandon takes the verb abandon"),
        "{said}"
    );
    let other = json!({"metadata": {"annotations": {"example.com/note": "about something else"}}});
    assert_eq!(attempted(&user, "db", other).await, "allowed");

    let rights = rights(&["get", "patch", "abandon"]);
    crate::rights::apply(&ground.client, &rights, false).await;
    answered(&user, "db", gone, "allowed").await;
    assert_eq!(attempted(&user, "db", declared).await, "allowed");
    let mute = json!({"metadata": {"annotations": {ABANDON: " "}}});
    let said = attempted(&user, "db", mute).await;
    assert!(said.contains("is the reason, and there is none"), "{said}");

    // Complete up to here.
    Account::of(&ground).await;
    let key = format!("{}/abandoned", ground.namespace);
    let told = Account::annotated(&ground, &key);
    for wanted in [
        format!("by {USER}: the broker is gone"),
        format!("by {USER}: spec.deletionPolicy"),
    ] {
        assert!(told.contains(&("db".to_owned(), wanted)), "{told:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_asks_a_broker_in_another_name() {
    let Some(ground) = Ground::new("identity").await else {
        return;
    };
    define(&ground, "serviceinstances").await;
    let kind = GroupVersionKind::gvk(GROUP, "v1beta1", "ServiceInstance");
    let instances = ground.api(GROUP, "v1beta1", "ServiceInstance");
    let bob = json!({"clusterServiceClassExternalName": "db", "userInfo": {"username": "bob", "uid": ""}});
    ground.apply(&instances, instance("bobs", &bob)).await;
    let plain = json!({"clusterServiceClassExternalName": "db"});
    ground.apply(&instances, instance("free", &plain)).await;
    let rights = role(&ground.namespace, INSTANCES, &["get", "patch"]);
    crate::rights::apply(&ground.client, &rights, false).await;
    let policy = policy("abandon-policy.yaml", &ground.namespace);
    crate::rights::apply(&ground.client, &policy, false).await;
    let user = as_user(&ground, &kind).await;
    answered(&user, "free", json!({ABANDON: "a try"}), "takes the verb").await;

    let by = |info: Value| json!({"spec": {"userInfo": info}});
    let refusal = "spec.userInfo is not that of alice, who writes it";
    for (name, patch) in [
        ("free", by(json!({"username": "bob", "uid": ""}))),
        ("free", by(json!({"username": USER, "uid": "7"}))),
        (
            "free",
            by(json!({"username": USER, "groups": ["system:masters"]})),
        ),
        (
            "free",
            by(json!({"username": USER, "extra": {"scopes": ["all"]}})),
        ),
        // What the broker is asked for changes, and bob did not do that.
        ("bobs", json!({"spec": {"updateRequests": 1}})),
    ] {
        let said = attempted(&user, name, patch.clone()).await;
        assert!(said.contains(refusal), "{name} {patch}: {said}");
    }
    for (name, patch) in [
        (
            "free",
            by(json!({"username": USER, "groups": ["system:authenticated"]})),
        ),
        (
            "bobs",
            json!({"metadata": {"labels": {"about": "nothing"}}}),
        ),
        (
            "bobs",
            json!({"spec": {"updateRequests": 1, "userInfo": null}}),
        ),
        (
            "bobs",
            json!({"spec": {"updateRequests": 1, "userInfo": {"username": USER}}}),
        ),
    ] {
        assert_eq!(
            attempted(&user, name, patch.clone()).await,
            "allowed",
            "{name} {patch}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn definitions_name_the_field_and_what_to_do() {
    let Some(ground) = Ground::new("fields").await else {
        return;
    };
    for plural in service_fields::PLURALS {
        define(&ground, plural).await;
    }
    service_fields::hold(|kind| ground.api(GROUP, "v1beta1", kind)).await;
    define(&ground, "serviceclasses").await;
    service_fields::prune(&ground.api(GROUP, "v1beta1", "ServiceClass")).await;
}
