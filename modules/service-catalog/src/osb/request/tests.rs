//! What is sent, byte for byte where brokers look at it.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use super::{
    Bind, Caller, Context, Deprovision, Fetch, Identity, LAST_APPLIED, LastOperation, Method,
    Offer, Provision, Request, Unbind, Update, catalog,
};
use crate::osb::catalog::{MaintenanceInfo, Marker};
use crate::osb::{BindingId, InstanceId, Operation, id};

const PLANTED: &str = "s3cr3t-planted";

fn caller() -> Caller {
    Caller {
        identity: Some(Identity {
            username: "system:serviceaccount:shop:deployer".to_owned(),
            uid: "c2d9".to_owned(),
            groups: vec!["system:authenticated".to_owned()],
            extra: BTreeMap::from([("scopes".to_owned(), vec!["a".to_owned()])]),
        }),
        request: id::request("c", "u", Operation::Provision, 7),
    }
}

fn context() -> Context {
    Context {
        cluster: "c".to_owned(),
        namespace: "shop".to_owned(),
        namespace_annotations: BTreeMap::new(),
        instance_name: "orders".to_owned(),
        instance_annotations: BTreeMap::from([
            ("shop.example/team".to_owned(), "blue".to_owned()),
            (LAST_APPLIED.to_owned(), PLANTED.to_owned()),
        ]),
    }
}

fn offer() -> Offer {
    Offer {
        service_id: "svc".to_owned(),
        plan_id: "small & cheap".to_owned(),
    }
}

fn parameters() -> Map<String, Value> {
    Map::from_iter([("password".to_owned(), json!(PLANTED))])
}

fn version(version: &str) -> MaintenanceInfo {
    MaintenanceInfo {
        version: version.to_owned(),
        description: Some("for people".to_owned()),
    }
}

fn body(request: &Request) -> Value {
    serde_json::from_slice(request.body.as_ref().unwrap()).unwrap()
}

fn ids() -> (InstanceId, BindingId) {
    (
        InstanceId::derive("c", "u", 0),
        BindingId::chosen("a/b c").unwrap(),
    )
}

const INSTANCE: &str = "/v2/service_instances/5b184a10-dc55-5237-ad19-6d95b12702aa";

#[test]
fn a_provision_has_all_of_it() {
    let (instance, _) = ids();
    let request = Provision {
        instance: &instance,
        offer: &offer(),
        context: &context(),
        parameters: Some(&parameters()),
        maintenance_info: Some(&version("2.1.0")),
    }
    .request(&caller());
    assert_eq!(request.method, Method::Put);
    assert_eq!(
        request.target(),
        format!("{INSTANCE}?accepts_incomplete=true")
    );
    assert_eq!(request.header("x-broker-api-version"), Some("2.17"));
    assert_eq!(request.header("content-type"), Some("application/json"));
    assert_eq!(
        request.header("X-Broker-API-Request-Identity"),
        Some("db425767-fe32-5060-a900-fc2376f2304c")
    );
    assert_eq!(
        body(&request),
        json!({
            "service_id": "svc",
            "plan_id": "small & cheap",
            "context": {
                "platform": "kubernetes",
                "clusterid": "c",
                "namespace": "shop",
                "namespace_annotations": {},
                "instance_name": "orders",
                "instance_annotations": {"shop.example/team": "blue"},
            },
            "organization_guid": "c",
            "space_guid": id::space("c", "shop").to_string(),
            "parameters": {"password": PLANTED},
            "maintenance_info": {"version": "2.1.0"},
        })
    );
}

#[test]
fn who_asks_is_told_in_base64_and_orphans_are_removed_for_no_one() {
    let caller = caller();
    let request = catalog(&caller, &Marker::default());
    let header = request.header("X-Broker-API-Originating-Identity").unwrap();
    let user = header.strip_prefix("kubernetes ").unwrap();
    let user: Value = serde_json::from_slice(&STANDARD.decode(user).unwrap()).unwrap();
    assert_eq!(
        user,
        json!({
            "username": "system:serviceaccount:shop:deployer",
            "uid": "c2d9",
            "groups": ["system:authenticated"],
            "extra": {"scopes": ["a"]},
        })
    );
    let (instance, _) = ids();
    let nobody = Caller {
        identity: None,
        ..caller
    };
    let request = Deprovision {
        instance: &instance,
        offer: &offer(),
    }
    .request(&nobody);
    assert_eq!(request.header("X-Broker-API-Originating-Identity"), None);
}

#[test]
fn a_catalog_is_asked_for_with_what_was_read_last() {
    let fresh = catalog(&caller(), &Marker::default());
    assert_eq!(fresh.target(), "/v2/catalog");
    assert_eq!(fresh.header("If-None-Match"), None);
    assert_eq!(fresh.header("If-Modified-Since"), None);
    let marker = Marker {
        etag: Some("W/\"7\"".to_owned()),
        last_modified: Some("Sun, 06 Nov 1994 08:49:37 GMT".to_owned()),
    };
    let again = catalog(&caller(), &marker);
    assert_eq!(again.header("If-None-Match"), Some("W/\"7\""));
    assert_eq!(
        again.header("If-Modified-Since"),
        Some("Sun, 06 Nov 1994 08:49:37 GMT")
    );
}

#[test]
fn an_update_says_what_was_before() {
    let (instance, _) = ids();
    let (context, parameters) = (context(), parameters());
    let (old, new) = (version("1.0.0"), version("2.0.0"));
    let update = Update {
        instance: &instance,
        service_id: "svc",
        plan_id: Some("large"),
        context: &context,
        parameters: Some(&parameters),
        previous_plan_id: Some("small"),
        previous_maintenance_info: Some(&old),
        maintenance_info: Some(&new),
    };
    let request = update.request(&caller());
    assert_eq!(request.method, Method::Patch);
    assert_eq!(
        request.target(),
        format!("{INSTANCE}?accepts_incomplete=true")
    );
    let sent = body(&request);
    assert_eq!(sent["plan_id"], "large");
    assert_eq!(sent["maintenance_info"], json!({"version": "2.0.0"}));
    assert_eq!(
        sent["previous_values"],
        json!({"service_id": "svc", "plan_id": "small", "maintenance_info": {"version": "1.0.0"}})
    );
    let left = Update {
        plan_id: None,
        parameters: None,
        maintenance_info: None,
        ..update
    };
    let sent = body(&left.request(&caller()));
    for field in ["plan_id", "parameters", "maintenance_info"] {
        assert_eq!(sent.get(field), None, "{field}");
    }
}

#[test]
fn removals_say_of_what_and_encode_it() {
    let (instance, binding) = ids();
    let offer = offer();
    let query = "service_id=svc&plan_id=small%20%26%20cheap&accepts_incomplete=true";
    let gone = Deprovision {
        instance: &instance,
        offer: &offer,
    }
    .request(&caller());
    assert_eq!(gone.method.as_str(), "DELETE");
    assert_eq!(gone.target(), format!("{INSTANCE}?{query}"));
    assert_eq!(gone.body, None);
    let gone = Unbind {
        instance: &instance,
        binding: &binding,
        offer: &offer,
    }
    .request(&caller());
    assert_eq!(
        gone.target(),
        format!("{INSTANCE}/service_bindings/a%2Fb%20c?{query}")
    );
}

#[test]
fn a_rotation_names_the_predecessor_instead_of_parameters() {
    let (instance, binding) = ids();
    let (offer, context, parameters) = (offer(), context(), parameters());
    let bind = Bind {
        instance: &instance,
        binding: &binding,
        offer: &offer,
        context: &context,
        parameters: Some(&parameters),
        predecessor: None,
    };
    let first = body(&bind.request(&caller()));
    assert_eq!(first["parameters"], json!({"password": PLANTED}));
    assert_eq!(first.get("predecessor_binding_id"), None);
    let old = BindingId::derive("c", "u", 0);
    let rotated = Bind {
        predecessor: Some(&old),
        ..bind
    }
    .request(&caller());
    assert_eq!(rotated.method, Method::Put);
    assert_eq!(
        rotated.target(),
        format!("{INSTANCE}/service_bindings/a%2Fb%20c?accepts_incomplete=true")
    );
    let sent = body(&rotated);
    assert_eq!(sent["predecessor_binding_id"], old.as_str());
    assert_eq!(sent.get("parameters"), None);
}

#[test]
fn polls_and_fetches_are_of_instances_and_of_bindings() {
    let (instance, binding) = ids();
    let offer = offer();
    let poll = LastOperation {
        instance: &instance,
        binding: None,
        offer: &offer,
        operation: Some("task=1&x"),
    };
    let of = "service_id=svc&plan_id=small%20%26%20cheap";
    assert_eq!(
        poll.request(&caller()).target(),
        format!("{INSTANCE}/last_operation?{of}&operation=task%3D1%26x")
    );
    let poll = LastOperation {
        binding: Some(&binding),
        operation: None,
        ..poll
    };
    assert_eq!(
        poll.request(&caller()).target(),
        format!("{INSTANCE}/service_bindings/a%2Fb%20c/last_operation?{of}")
    );
    let fetch = Fetch {
        instance: &instance,
        binding: Some(&binding),
        offer: &offer,
    };
    let request = fetch.request(&caller());
    assert_eq!(request.method, Method::Get);
    assert_eq!(
        request.target(),
        format!("{INSTANCE}/service_bindings/a%2Fb%20c?{of}")
    );
    let instance_only = Fetch {
        binding: None,
        ..fetch
    };
    assert_eq!(
        instance_only.request(&caller()).target(),
        format!("{INSTANCE}?{of}")
    );
}

#[test]
fn no_secret_shows_in_debug() {
    let (instance, binding) = ids();
    let (offer, context, parameters) = (offer(), context(), parameters());
    let request = Bind {
        instance: &instance,
        binding: &binding,
        offer: &offer,
        context: &context,
        parameters: Some(&parameters),
        predecessor: None,
    }
    .request(&caller());
    let sent = String::from_utf8(request.body.clone().unwrap()).unwrap();
    assert!(sent.contains(PLANTED), "the planted secret is sent");
    let shown = format!("{request:?} {:?}", caller());
    assert!(!shown.contains(PLANTED), "{shown}");
    assert!(!shown.contains("c3lzdGVt"), "{shown}");
}
