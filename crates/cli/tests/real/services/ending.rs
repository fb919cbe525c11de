//! Ends that others bring about: a namespace with all that is in it, and a broker that is gone for good.

use oarlock_broker::{Behaviour, Op, Tls};
use serde_json::json;

use crate::audit::Account;
use crate::release_policy::{USER, answered, as_user, policy, role};
use crate::service_objects::{
    GROUP, VERSION, binding, broker, condition, deployment, instance, secret,
};

use super::site::Site;

const ABANDON: &str = "servicecatalog.oarlock.dev/abandon";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_namespace_goes_with_everything_in_it() {
    let Some(site) = Site::new("services-namespace").await else {
        return;
    };
    let operator = site.operator().await;
    site.with_catalog().await;
    site.objects.apply(deployment("app", 2, "creds")).await;
    site.with_binding().await;
    assert_eq!(site.there(), (1, 1));

    site.objects
        .delete("Namespace", &site.ground.namespace)
        .await;
    site.objects.gone("Namespace", &site.ground.namespace).await;
    assert_eq!(site.there(), (0, 0), "{}", operator.process.log());
    site.without_broker().await;
    assert_eq!(operator.get("/healthz").await.0, 200);
}

/// The broker's credentials are in it, too.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_namespace_goes_with_a_broker_of_its_own() {
    let Some(site) = Site::new("services-own").await else {
        return;
    };
    let operator = site.operator().await;
    let account = json!({"username": "oarlock", "password": "a long word"});
    site.objects.apply(secret("account", &account)).await;
    let mut wanted = broker("own", &site.server.url);
    wanted["spec"]["caBundle"] = site.broker_object(Tls::FIRST)["spec"]["caBundle"].clone();
    wanted["spec"]["authInfo"] = json!({"basic": {"secretRef": {"name": "account"}}});
    site.objects.apply(wanted).await;
    site.objects.apply(binding("creds", "db")).await;
    site.objects
        .apply(instance("db", &site.own("postgres"), "small"))
        .await;
    site.objects.ready("ServiceBinding", "creds").await;
    site.objects.ready("ServiceBroker", "own").await;
    let slow = Behaviour::Async { polls: 2 };
    site.broker.always(Op::Unbind, slow.clone());
    site.broker.always(Op::Deprovision, slow);
    assert_eq!(site.there(), (1, 1));

    site.objects
        .delete("Namespace", &site.ground.namespace)
        .await;
    site.objects.gone("Namespace", &site.ground.namespace).await;
    assert_eq!(site.there(), (0, 0), "{}", operator.process.log());
    assert_eq!(site.broker.violations(), [], "{:#?}", site.broker.calls());
    assert_eq!(operator.get("/healthz").await.0, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_at_a_broker_that_is_gone_is_abandoned_by_whoever_may() {
    let Some(site) = Site::new("services-abandoned").await else {
        return;
    };
    let _operator = site.operator().await;
    site.with_catalog().await;
    site.with_binding().await;
    let (instance, bound) = (site.broker.instances(), site.broker.bindings());
    let policy = policy("abandon-policy.yaml", &site.ground.namespace);
    crate::rights::apply(&site.ground.client, &policy, false).await;
    let rights =
        |resource: &str, verbs: &[&str]| role(&site.ground.namespace, (GROUP, resource), verbs);
    let patch = ["get", "patch"];
    crate::rights::apply(
        &site.ground.client,
        &rights("serviceinstances", &patch),
        false,
    )
    .await;

    // The broker is gone, for good.
    site.server.stop().await;
    site.objects.delete("ServiceBinding", "creds").await;
    site.objects.delete("ServiceInstance", "db").await;
    let unreached = |object: &kube::api::DynamicObject| {
        let ready = condition(object, "Ready").unwrap_or_default();
        let message = ready["message"].as_str().unwrap_or_default();
        message.contains("not reached") && message.contains(ABANDON)
    };
    site.objects
        .when("ServiceBinding", "creds", unreached)
        .await;

    // Not everybody may leave it there.
    let kind = kube::api::GroupVersionKind::gvk(GROUP, VERSION, "ServiceInstance");
    let user = as_user(&site.ground, &kind).await;
    let reason = json!({ABANDON: "the broker is gone for good"});
    answered(&user, "db", reason.clone(), "takes the verb abandon").await;
    let verbs = ["get", "patch", "abandon"];
    crate::rights::apply(
        &site.ground.client,
        &rights("serviceinstances", &verbs),
        false,
    )
    .await;
    answered(&user, "db", reason.clone(), "allowed").await;

    let annotated = json!({"metadata": {"annotations": reason}});
    site.objects
        .patch("ServiceBinding", "creds", annotated.clone())
        .await;
    site.objects.gone("ServiceBinding", "creds").await;
    assert_eq!(site.objects.secret("creds").await, None);
    let patch = kube::api::Patch::Merge(annotated);
    let parameters = kube::api::PatchParams::default();
    drop(user.patch("db", &parameters, &patch).await.unwrap());
    site.objects.gone("ServiceInstance", "db").await;
    for (name, id) in [("creds", &bound[0].id), ("db", &instance[0].id)] {
        let told = site.objects.event(name, "Abandoned").await;
        assert!(told.contains(id.as_str()), "{name}: {told}");
    }
    Account::of(&site.ground).await;
    let audited = Account::annotated(
        &site.ground,
        &format!("{}/abandoned", site.ground.namespace),
    );
    let who = format!("by {USER}: the broker is gone for good");
    assert!(audited.contains(&("db".to_owned(), who)), "{audited:?}");
    // Nobody waits for it any more.
    site.without_broker().await;
    assert_eq!(site.there(), (1, 1));
}
