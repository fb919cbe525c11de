#![expect(clippy::unwrap_used, reason = "tests")]

use std::fs;
use std::path::Path;

use oarlock_sdk::FieldError;
use serde_json::{Value, json};

use super::{Maintenance, binding, broker, instance, leaving};
use crate::catalog::relist::Behavior;
use crate::credentials::InvalidKeys;
use crate::parameters::SecretKey;
use crate::situation::{DeletionPolicy, Rotation};

fn object(kind: &str, spec: Value) -> Value {
    json!({
        "apiVersion": "servicecatalog.k8s.io/v1beta1",
        "kind": kind,
        "metadata": {"name": "one", "namespace": "shop"},
        "spec": spec,
    })
}

fn lines(wrong: Vec<FieldError>) -> Vec<String> {
    wrong.iter().map(ToString::to_string).collect()
}

fn wrong_instance(spec: Value) -> Vec<String> {
    lines(instance(&object("ServiceInstance", spec)).unwrap_err())
}

fn wrong_binding(spec: Value) -> Vec<String> {
    lines(binding(&object("ServiceBinding", spec)).unwrap_err())
}

#[test]
fn a_broker_is_read() {
    let spec = broker(&object(
        "ClusterServiceBroker",
        json!({
            "url": "https://broker.example.com",
            "authInfo": {"basic": {"secretRef": {"namespace": "brokers", "name": "login"}}},
            "relistDuration": "15m",
            "relistRequests": 2,
            "catalogRestrictions": {"servicePlan": ["spec.free=true"]},
            "caBundle": null,
        }),
    ))
    .unwrap();
    assert_eq!(spec.relist_behavior, Behavior::Duration);
    let wish = spec.wish(7);
    assert_eq!(wish.interval, Some(900_000));
    assert_eq!((wish.requests, wish.generation), (2, 7));
    assert_eq!(spec.deletion_policy, DeletionPolicy::Deprovision);
    let basic = spec.auth_info.as_ref().unwrap().basic.as_ref().unwrap();
    assert_eq!(basic.secret_ref.name, "login");
    assert_ne!(spec.filter(), crate::catalog::Filter::default());
}

#[test]
fn all_that_is_wrong_with_a_broker_is_told() {
    let spec = json!({
        "url": "https://broker.example.com",
        "insecureSkipTLSVerify": true,
        "caBundle": "LS0t",
        "authInfo": {
            "basic": {"secretRef": {"name": "login", "namespace": "other"}},
            "bearer": {"secretRef": {"name": "token"}},
        },
        "catalogRestrictions": {"serviceClass": ["spec.free=true"]},
    });
    let told = lines(broker(&object("ServiceBroker", spec)).unwrap_err());
    assert_eq!(
        told,
        [
            "spec.caBundle: is of no use where spec.insecureSkipTLSVerify is true\nhint: remove one of the two; caBundle is the safe one",
            "spec.authInfo: exactly one of basic and bearer is expected\nhint: a broker that asks for nothing has no authInfo",
            "spec.authInfo.basic.secretRef.namespace: \"other\" is another namespace than the broker's; only Secrets of its own are read\nhint: leave it out, and copy the Secret",
            "spec.catalogRestrictions.serviceClass: \"spec.free\" cannot be restricted\nhint: one of name, spec.externalName, spec.externalID",
        ]
    );
    let spec = json!({"relistBehavior": "Often", "relistDuration": "daily", "relistRequests": -1, "authinfo": {}});
    let told = lines(broker(&object("ClusterServiceBroker", spec)).unwrap_err());
    assert_eq!(
        told,
        [
            "spec.authinfo: is not a known field\nhint: did you mean authInfo?",
            "spec.relistBehavior: \"Often\" is not one of Duration, Manual",
            "spec.relistDuration: \"daily\" is no duration, expected one such as 5m or 1h30m0s",
            "spec.relistRequests: is negative\nhint: it is counted up from 0",
            "spec.url: is required",
        ]
    );
}

#[test]
fn a_secret_of_a_broker_of_the_cluster_has_a_namespace() {
    let spec =
        json!({"url": "https://b", "authInfo": {"bearer": {"secretRef": {"name": "token"}}}});
    let of_cluster = broker(&object("ClusterServiceBroker", spec.clone()));
    assert_eq!(
        lines(of_cluster.unwrap_err()),
        ["spec.authInfo.bearer.secretRef.namespace: is required"]
    );
    broker(&object("ServiceBroker", spec)).unwrap();
}

#[test]
fn an_instance_is_read() {
    let spec = instance(&object(
        "ServiceInstance",
        json!({
            "clusterServiceClassExternalName": "db",
            "clusterServicePlanExternalName": "small",
            "clusterServiceClassRef": {"name": "4f6e6cf6"},
            "parameters": {"size": null, "list": [null]},
            "parametersFrom": [{"secretKeyRef": {"name": "more", "key": "json"}}],
            "updateRequests": 1,
            "maintenance": "Automatic",
            "userInfo": {"username": "ann", "uid": "", "groups": null},
        }),
    ))
    .unwrap();
    // What is null there is sent as null.
    let parameters = Value::Object(spec.parameters.clone().unwrap());
    assert_eq!(parameters, json!({"size": null, "list": [null]}));
    assert_eq!(
        spec.parameters_from[0].secret_key_ref,
        SecretKey {
            name: "more".to_owned(),
            key: "json".to_owned()
        }
    );
    assert_eq!(spec.maintenance, Maintenance::Automatic);
    assert_eq!(
        spec.plan.cluster_service_class_external_name.as_deref(),
        Some("db")
    );
    assert_eq!(spec.user_info.unwrap().username, "ann");
    assert_eq!(spec.update_requests, 1);
}

#[test]
fn what_is_wrong_with_an_instance_is_told() {
    assert_eq!(
        wrong_instance(json!({"parametersfrom": [], "parameters": "size=1"})),
        [
            "spec.parameters: expected an object, not a text",
            "spec.parametersfrom: is not a known field\nhint: did you mean parametersFrom?",
        ]
    );
    let told = wrong_instance(json!({"clusterServiceClassName": "a", "serviceClassName": "b"}));
    assert!(told[0].starts_with("spec: "), "{told:?}");
    assert!(
        told[0].contains("clusterServiceClassName, serviceClassName"),
        "{told:?}"
    );
    let told = wrong_instance(json!({"clusterServiceClassName": "a", "externalID": ".."}));
    assert_eq!(
        told,
        ["spec.externalID: the identifier \"..\" cannot stand in a path\nhint: use a UUID"]
    );
}

/// A value may be a password that stands in the wrong place.
#[test]
fn no_value_of_parameters_is_in_an_error() {
    let told = wrong_instance(json!({"clusterServiceClassName": "a", "parameters": "hunter2"}));
    assert!(!told.concat().contains("hunter2"), "{told:?}");
}

#[test]
fn a_binding_is_read() {
    let spec = binding(&object(
        "ServiceBinding",
        json!({
            "instanceRef": {"name": "db"},
            "secretTransforms": [{"renameKey": {"from": "a", "to": "b"}}],
            "invalidKeys": "Replace",
            "type": "postgresql",
            "rotation": {"before": "24h"},
        }),
    ))
    .unwrap();
    assert_eq!(spec.secret("one"), "one");
    assert_eq!(spec.invalid_keys, InvalidKeys::Replace);
    assert_eq!(spec.kind.as_deref(), Some("postgresql"));
    let (before, overlap) = (86_400_000, 600_000);
    assert_eq!(spec.rotation(), Some(Rotation { before, overlap }));
}

#[test]
fn what_is_wrong_with_a_binding_is_told() {
    assert_eq!(
        wrong_binding(json!({"instance": {"name": "db"}})),
        [
            "spec.instance: is not a known field\nhint: did you mean instanceRef?",
            "spec.instanceRef: is required",
        ]
    );
    assert_eq!(
        wrong_binding(json!({
            "instanceRef": {"name": "db"},
            "secretTransforms": [
                {},
                {"addKey": {"key": "a", "value": "AA==", "stringValue": "b"}},
                {"addKeysFrom": {"secretRef": {"name": "s", "namespace": "kube-system"}}},
            ],
        })),
        [
            "spec.secretTransforms[0]: has 0 of renameKey, addKey, addKeysFrom and removeKey; exactly one is needed",
            "spec.secretTransforms[1]: addKey \"a\" has 2 of value, stringValue and jsonPathExpression; exactly one is needed",
            "spec.secretTransforms[2]: addKeysFrom names Secret \"s\" of namespace \"kube-system\"; only Secrets of the binding's own namespace are read\nhint: leave secretRef.namespace out, and copy the Secret",
        ]
    );
}

#[test]
fn a_deletion_takes_of_a_wrong_object_what_it_needs() {
    let at = leaving(&json!({"spec": {"nonsense": 1, "deletionPolicy": "Abandon"}}));
    assert_eq!(at.policy, DeletionPolicy::Abandon);
    let at =
        leaving(&json!({"spec": {"deletionPolicy": "Whatever", "userInfo": {"username": "ann"}}}));
    assert_eq!(at.policy, DeletionPolicy::Deprovision);
    assert_eq!(at.user.unwrap().username, "ann");
    assert_eq!(leaving(&json!({})).user, None);
}

/// As `svcat` and other clients of Go write it: what has no value is there, and empty.
#[test]
fn what_clients_of_the_retired_project_write_is_read() {
    let spec = instance(&object(
        "ServiceInstance",
        json!({
            "clusterServiceClassExternalName": "db",
            "clusterServiceClassRef": {"name": "4f6e6cf6"},
            "clusterServicePlanRef": {},
            "externalID": "",
            "updateRequests": 0,
            "userInfo": {"username": "system:admin", "uid": "", "extra": {"scopes": ["a"]}},
        }),
    ))
    .unwrap();
    assert_eq!(spec.external_id, None);
    let spec = binding(&object(
        "ServiceBinding",
        json!({"instanceRef": {"name": "db"}, "externalID": "", "secretName": "db"}),
    ))
    .unwrap();
    assert_eq!(spec.external_id, None);
    let spec = broker(&object(
        "ClusterServiceBroker",
        json!({"url": "http://b.svc", "relistBehavior": "", "relistDuration": "15m0s", "relistRequests": 0}),
    ))
    .unwrap();
    assert_eq!(spec.relist_behavior, Behavior::Duration);
}

/// What the examples write is what is read.
#[test]
fn examples_are_read() {
    let home = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/service-catalog");
    let mut kinds = Vec::new();
    for name in [
        "broker.yaml",
        "broker-here.yaml",
        "instance.yaml",
        "app.yaml",
        "projection/app.yaml",
    ] {
        let text = fs::read_to_string(home.join(name)).unwrap();
        for document in text.split("\n---\n") {
            let object: Value = serde_saphyr::from_str(document).unwrap();
            if object["apiVersion"] != "servicecatalog.k8s.io/v1beta1" {
                continue;
            }
            let kind = object["kind"].as_str().unwrap();
            let wrong = match kind {
                "ServiceInstance" => instance(&object).err(),
                "ServiceBinding" => binding(&object).err(),
                _ => broker(&object).err(),
            };
            assert_eq!(wrong, None, "{name}: {kind}");
            kinds.push(kind.to_owned());
        }
    }
    assert_eq!(kinds.len(), 7, "{kinds:?}");
}
