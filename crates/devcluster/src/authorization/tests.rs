#![expect(clippy::unwrap_used, reason = "tests")]

use std::sync::Arc;

use serde_json::{Value, json};

use super::{Attributes, Authorization, Credentials, Rbac, User};
use crate::VirtualClock;
use crate::resource::ResourceId;
use crate::store::{Store, Write};
use oarlock_core::timestamp::Timestamp;

fn rig(objects: &[Value]) -> Authorization {
    let clock = Arc::new(VirtualClock::new(Timestamp::from_millis(0), 1.0));
    let store = Store::new(clock, 64, 0);
    for object in objects {
        let text = |pointer: &str| object.pointer(pointer).and_then(Value::as_str);
        let resource = store
            .resource_of(text("/apiVersion").unwrap(), text("/kind").unwrap())
            .unwrap();
        let namespace = text("/metadata/namespace").unwrap_or_default();
        store
            .create(&resource.id, namespace, object.clone(), &Write::by("test"))
            .unwrap();
    }
    let rbac = Rbac::new()
        .token("t-robot", User::service_account("default", "robot"))
        .enforcing_owner_references();
    Authorization::new(rbac, store)
}

fn metadata(namespace: Option<&str>, name: &str) -> Value {
    match namespace {
        Some(namespace) => json!({"name": name, "namespace": namespace}),
        None => json!({"name": name}),
    }
}

fn role(namespace: Option<&str>, name: &str, rules: Value) -> Value {
    let kind = if namespace.is_some() {
        "Role"
    } else {
        "ClusterRole"
    };
    json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": kind,
        "metadata": metadata(namespace, name), "rules": rules})
}

fn binding(namespace: Option<&str>, role_kind: &str, name: &str, subject: Value) -> Value {
    let kind = if namespace.is_some() {
        "RoleBinding"
    } else {
        "ClusterRoleBinding"
    };
    json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": kind,
        "metadata": metadata(namespace, name),
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": role_kind, "name": name},
        "subjects": [subject]})
}

fn robot() -> Value {
    json!({"kind": "ServiceAccount", "name": "robot", "namespace": "default"})
}

fn asks(verb: &str, group: &str, resource: &str, namespace: &str, name: &str) -> Attributes {
    let (resource, subresource) = resource.split_once('/').unwrap_or((resource, ""));
    Attributes {
        verb: verb.into(),
        group: group.into(),
        resource: resource.into(),
        subresource: subresource.into(),
        namespace: namespace.into(),
        name: name.into(),
        path: String::new(),
    }
}

fn answer(access: &Authorization, attributes: &Attributes) -> String {
    let user = User::service_account("default", "robot");
    match access.require(&user, attributes) {
        Ok(()) => String::from("yes"),
        Err(status) => status.message,
    }
}

#[test]
fn rules_hold_where_they_are_bound() {
    let pods = json!([{"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list"]}]);
    let access = rig(&[
        role(Some("default"), "reader", pods.clone()),
        binding(Some("default"), "Role", "reader", robot()),
        role(
            None,
            "nodes",
            json!([{"apiGroups": [""], "resources": ["nodes"], "verbs": ["*"]}]),
        ),
        binding(None, "ClusterRole", "nodes", robot()),
    ]);
    assert_eq!(
        answer(&access, &asks("get", "", "pods", "default", "a")),
        "yes"
    );
    assert_eq!(
        answer(&access, &asks("delete", "", "nodes", "", "a")),
        "yes"
    );
    for (attributes, refusal) in [
        (
            asks("list", "", "pods", "", ""),
            r#"pods is forbidden: User "system:serviceaccount:default:robot" cannot list resource "pods" in API group "" at the cluster scope"#,
        ),
        (
            asks("get", "", "pods", "kube-system", "a"),
            r#"pods "a" is forbidden: User "system:serviceaccount:default:robot" cannot get resource "pods" in API group "" in the namespace "kube-system""#,
        ),
        (
            asks("patch", "apps", "deployments/status", "default", "a"),
            r#"deployments.apps "a" is forbidden: User "system:serviceaccount:default:robot" cannot patch resource "deployments/status" in API group "apps" in the namespace "default""#,
        ),
        (
            asks("get", "", "pods/log", "default", "a"),
            r#"pods "a" is forbidden: User "system:serviceaccount:default:robot" cannot get resource "pods/log" in API group "" in the namespace "default""#,
        ),
    ] {
        assert_eq!(answer(&access, &attributes), refusal);
    }
}

#[test]
fn names_subresources_and_wildcards() {
    let access = rig(&[
        role(
            Some("default"),
            "mixed",
            json!([
                {"apiGroups": [""], "resources": ["secrets"], "resourceNames": ["one"], "verbs": ["get", "list"]},
                {"apiGroups": ["*"], "resources": ["*/scale"], "verbs": ["update"]},
                {"apiGroups": ["apps"], "resources": ["*"], "verbs": ["watch"]},
            ]),
        ),
        binding(Some("default"), "Role", "mixed", robot()),
    ]);
    for (attributes, allowed) in [
        (asks("get", "", "secrets", "default", "one"), true),
        (asks("get", "", "secrets", "default", "two"), false),
        (asks("list", "", "secrets", "default", ""), false),
        // A list by `metadata.name` counts as one of that name.
        (asks("list", "", "secrets", "default", "one"), true),
        (
            asks("update", "apps", "deployments/scale", "default", "a"),
            true,
        ),
        (asks("update", "apps", "deployments", "default", "a"), false),
        (asks("watch", "apps", "deployments", "default", ""), true),
        (asks("watch", "batch", "jobs", "default", ""), false),
    ] {
        assert_eq!(
            answer(&access, &attributes) == "yes",
            allowed,
            "{attributes:?}"
        );
    }
}

#[test]
fn everybody_may_look_what_there_is_and_ask_about_oneself() {
    let access = rig(&[]);
    for path in ["/api", "/apis", "/apis/apps/v1", "/openapi/v3", "/version"] {
        assert_eq!(
            answer(&access, &Attributes::path("get", path)),
            "yes",
            "{path}"
        );
    }
    assert_eq!(
        answer(&access, &Attributes::path("get", "/metrics")),
        r#"forbidden: User "system:serviceaccount:default:robot" cannot get path "/metrics""#
    );
    let group = "authorization.k8s.io";
    assert_eq!(
        answer(
            &access,
            &asks("create", group, "selfsubjectaccessreviews", "", "")
        ),
        "yes"
    );
    assert_ne!(
        answer(
            &access,
            &asks("create", group, "subjectaccessreviews", "", "")
        ),
        "yes"
    );
}

#[test]
fn impersonation_is_a_right_of_its_own() {
    let access = rig(&[
        json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "web"}}),
        role(
            Some("web"),
            "act",
            json!([{"apiGroups": [""], "resources": ["serviceaccounts"], "resourceNames": ["deployer"], "verbs": ["impersonate"]}]),
        ),
        binding(Some("web"), "Role", "act", robot()),
    ]);
    let as_user = |token: &str, user: &str| {
        let credentials = Credentials {
            token: (!token.is_empty()).then(|| token.to_owned()),
            user: Some(user.to_owned()),
            groups: Vec::new(),
        };
        access.authenticate(&credentials)
    };
    let deployer = as_user("t-robot", "system:serviceaccount:web:deployer").unwrap();
    assert_eq!(
        deployer.groups(),
        [
            "system:serviceaccounts",
            "system:serviceaccounts:web",
            "system:authenticated"
        ]
    );
    let refused = as_user("t-robot", "system:serviceaccount:web:other").unwrap_err();
    assert_eq!(
        (refused.code, refused.message.as_str()),
        (
            403,
            r#"serviceaccounts "other" is forbidden: User "system:serviceaccount:default:robot" cannot impersonate resource "serviceaccounts" in API group "" in the namespace "web""#
        )
    );
    assert_eq!(
        as_user("t-robot", "jane").unwrap_err().message,
        r#"users "jane" is forbidden: User "system:serviceaccount:default:robot" cannot impersonate resource "users" in API group "" at the cluster scope"#
    );
    // The administrator may be anybody, and is nobody else's then.
    assert!(!as_user("", "jane").unwrap().is_master());
    assert_eq!(as_user("nonsense", "jane").unwrap_err().code, 401);
}

#[test]
fn reviews_answer_by_the_same_rules() {
    let access = rig(&[
        role(
            None,
            "view",
            json!([{"apiGroups": ["apps"], "resources": ["deployments"], "verbs": ["get"]}]),
        ),
        binding(
            None,
            "ClusterRole",
            "view",
            json!({"kind": "Group", "name": "system:serviceaccounts:default"}),
        ),
    ]);
    let robot = User::service_account("default", "robot");
    let asked = |verb: &str| json!({"resourceAttributes": {"verb": verb, "group": "apps", "resource": "deployments", "namespace": "web"}});
    let own = |verb: &str| {
        access
            .review("SelfSubjectAccessReview", &asked(verb), &robot, "")
            .unwrap()
    };
    assert_eq!(
        own("get"),
        json!({"allowed": true, "reason":
            "RBAC: allowed by ClusterRoleBinding \"view\" of ClusterRole \"view\" to Group \"system:serviceaccounts:default\""})
    );
    assert_eq!(own("list"), json!({"allowed": false}));
    // Groups count only where the question names them.
    let mut about = asked("get");
    about["user"] = json!("system:serviceaccount:default:robot");
    let other = User::service_account("x", "asks");
    let review = |spec: &Value| {
        access
            .review("SubjectAccessReview", spec, &other, "")
            .unwrap()
    };
    assert_eq!(review(&about)["allowed"], false);
    about["groups"] = json!(["system:serviceaccounts:default"]);
    assert_eq!(review(&about)["allowed"], true);
    let nobody = access.review("SubjectAccessReview", &asked("get"), &other, "");
    assert_eq!(
        nobody.unwrap_err().message,
        r#".authorization.k8s.io "" is invalid: spec.user: Invalid value: "": at least one of user or group must be specified"#
    );
    let rules = access
        .review(
            "SelfSubjectRulesReview",
            &json!({"namespace": "default"}),
            &robot,
            "",
        )
        .unwrap();
    assert_eq!(
        rules["resourceRules"][2]["resources"],
        json!(["deployments"])
    );
}

#[test]
fn tokens_of_service_accounts() {
    let account = json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "a", "namespace": "default"}});
    let access = rig(&[account]);
    let answer = access
        .token_request("default", "a", json!({"spec": {"expirationSeconds": 600}}))
        .unwrap();
    let token = answer["status"]["token"].as_str().unwrap().to_owned();
    let credentials = Credentials {
        token: Some(token.clone()),
        ..Credentials::default()
    };
    let user = access.authenticate(&credentials).unwrap();
    assert_eq!(user.name(), "system:serviceaccount:default:a");
    let reviewed = access
        .review("TokenReview", &json!({"token": token}), &user, "")
        .unwrap();
    assert_eq!(
        reviewed["user"]["username"],
        "system:serviceaccount:default:a"
    );
    let unknown = access.review("TokenReview", &json!({"token": "bad"}), &user, "");
    assert_eq!(
        unknown.unwrap(),
        json!({"user": {}, "error": "invalid bearer token"})
    );
    assert!(
        access
            .token_request("default", "nobody", json!({}))
            .is_err()
    );
}

#[test]
fn to_block_an_owners_deletion_needs_its_finalizers() {
    let definition = ResourceId::of("apps", "deployments");
    let access = rig(&[role(
        Some("default"),
        "owner",
        json!([{"apiGroups": [definition.group()], "resources": ["deployments/finalizers"], "verbs": ["update"]}]),
    )]);
    let robot = User::service_account("default", "robot");
    let child = json!({"metadata": {"ownerReferences": [
        {"apiVersion": "apps/v1", "kind": "Deployment", "name": "a", "uid": "1", "blockOwnerDeletion": true},
    ]}});
    let create = asks("create", "", "configmaps", "default", "c");
    let refused = access
        .require_owners(&robot, &create, &child, None)
        .unwrap_err();
    assert!(refused.message.starts_with(
        r#"configmaps "c" is forbidden: cannot set blockOwnerDeletion if an ownerReference refers to a resource you can't set finalizers on"#
    ));
    // What is there already is not asked about.
    assert!(
        access
            .require_owners(&robot, &create, &child, Some(&child))
            .is_ok()
    );
    let bind = binding(Some("default"), "Role", "owner", self::robot());
    let id = ResourceId::of("rbac.authorization.k8s.io", "rolebindings");
    access
        .store()
        .create(&id, "default", bind, &Write::by("test"))
        .unwrap();
    assert!(access.require_owners(&robot, &create, &child, None).is_ok());
}
