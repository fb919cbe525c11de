//! What the definitions of the service catalog refuse themselves, on any API server: each says what to do.

use kube::api::{Api, DynamicObject, Patch, PatchParams, PostParams};
use serde_json::{Value, json};

/// The kinds that this is about.
pub(crate) const PLURALS: [&str; 3] = ["servicebrokers", "serviceinstances", "servicebindings"];

/// What the API server says to a merge patch, without carrying it out.
async fn attempted(api: &Api<DynamicObject>, patch: &Value) -> String {
    let parameters = PatchParams {
        dry_run: true,
        ..PatchParams::default()
    };
    match api.patch("one", &parameters, &Patch::Merge(patch)).await {
        Ok(_) => "allowed".to_owned(),
        Err(kube::Error::Api(status)) => status.message.clone(),
        Err(error) => panic!("{error}"),
    }
}

/// Applies one good object of each kind, and tries to spoil them.
pub(crate) async fn hold(api: impl Fn(&str) -> Api<DynamicObject>) {
    let class =
        json!({"clusterServiceClassExternalName": "db", "externalID": "one", "updateRequests": 3});
    for (kind, spec) in [
        ("ServiceInstance", class),
        ("ServiceBinding", json!({"instanceRef": {"name": "one"}})),
        (
            "ServiceBroker",
            json!({"url": "https://broker.example.com"}),
        ),
    ] {
        let object = json!({
            "apiVersion": "servicecatalog.k8s.io/v1beta1",
            "kind": kind,
            "metadata": {"name": "one"},
            "spec": spec,
        });
        let user = PatchParams::apply("kubectl");
        let applied = api(kind).patch("one", &user, &Patch::Apply(&object)).await;
        applied.unwrap();
    }
    for (kind, spec, expected) in [
        (
            "ServiceInstance",
            json!({"serviceClassName": "other"}),
            "the class is named by exactly one of clusterServiceClassExternalName",
        ),
        (
            "ServiceInstance",
            json!({"servicePlanName": "other"}),
            "a clusterServiceClass… goes with a clusterServicePlan…",
        ),
        (
            "ServiceInstance",
            json!({"clusterServicePlanName": "a", "clusterServicePlanExternalID": "b"}),
            "the plan is named by one of",
        ),
        (
            "ServiceInstance",
            json!({"externalID": "two"}),
            "externalID cannot be changed",
        ),
        (
            "ServiceInstance",
            json!({"updateRequests": 2}),
            "write a greater number than before",
        ),
        (
            "ServiceBinding",
            json!({"instanceRef": {"name": "two"}}),
            "create another binding",
        ),
        (
            "ServiceBinding",
            json!({"secretName": "two"}),
            "spec.secretName cannot be changed",
        ),
        (
            "ServiceBinding",
            json!({"secretTransforms": [{"removeKey": {"key": "a"}, "addKey": {"key": "b", "value": "AA=="}}]}),
            "write several items for several changes",
        ),
        (
            "ServiceBinding",
            json!({"rotation": {"before": "1d"}}),
            "expected one such as 5m or 1h30m0s",
        ),
        (
            "ServiceBroker",
            json!({"url": "broker.example.com"}),
            "expected an address such as https://broker.example.com",
        ),
        (
            "ServiceBroker",
            json!({"authInfo": {}}),
            "exactly one of basic and bearer",
        ),
        (
            "ServiceBroker",
            json!({"caBundle": "LS0t", "insecureSkipTLSVerify": true}),
            "remove one of the two",
        ),
    ] {
        let said = attempted(&api(kind), &json!({"spec": spec})).await;
        assert!(said.contains(expected), "{kind} {spec}: {said}");
    }
    for (kind, spec) in [
        // The name that it has anyway; and a field that nobody knows is kept, to be named by the module.
        ("ServiceBinding", json!({"secretName": "one"})),
        ("ServiceInstance", json!({"parametrs": {"size": 1}})),
        ("ServiceBroker", json!({"relistDuration": "1h30m"})),
        // As clients of Go write it.
        (
            "ServiceBroker",
            json!({"relistBehavior": "", "relistRequests": 0}),
        ),
    ] {
        let said = attempted(&api(kind), &json!({"spec": spec})).await;
        assert_eq!(said, "allowed", "{kind} {spec}");
    }
}

/// A class of a namespace has no broker of the cluster, whatever is written into it. `classes` are `ServiceClass`es.
pub(crate) async fn prune(classes: &Api<DynamicObject>) {
    let object = json!({
        "apiVersion": "servicecatalog.k8s.io/v1beta1",
        "kind": "ServiceClass",
        "metadata": {"name": "one"},
        "spec": {
            "serviceBrokerName": "own", "clusterServiceBrokerName": "main", "externalName": "db", "externalID": "1",
            "externalMetadata": {"any": {"thing": 1}}, "defaultProvisionParameters": {"size": {"of": "all"}},
        },
    });
    let parameters = PostParams {
        dry_run: true,
        ..PostParams::default()
    };
    let class = serde_json::from_value(object.clone()).unwrap();
    let made = classes.create(&parameters, &class).await.unwrap();
    let mut kept = object["spec"].clone();
    kept.as_object_mut()
        .unwrap()
        .remove("clusterServiceBrokerName");
    assert_eq!(made.data["spec"], kept);
}
