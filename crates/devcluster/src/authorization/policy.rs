//! The rules: RBAC objects of the store, evaluated as the real server's authorizer does.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{Attributes, Decision, User, text};
use crate::resource::ResourceId;
use crate::store::Store;

const GROUP: &str = "rbac.authorization.k8s.io";
const CLUSTER_ROLES: ResourceId = ResourceId::of(GROUP, "clusterroles");
const ROLES: ResourceId = ResourceId::of(GROUP, "roles");
const CLUSTER_ROLE_BINDINGS: ResourceId = ResourceId::of(GROUP, "clusterrolebindings");
const ROLE_BINDINGS: ResourceId = ResourceId::of(GROUP, "rolebindings");

pub(super) fn decide(store: &Store, user: &User, attributes: &Attributes) -> Decision {
    if user.is_master() {
        return Decision::Allowed(String::new());
    }
    if let Some(role) = bootstrap(attributes).filter(|_| user.is_in("system:authenticated")) {
        return Decision::Allowed(format!(
            "RBAC: allowed by ClusterRoleBinding {role:?} of ClusterRole {role:?} to Group \"system:authenticated\""
        ));
    }
    let mut allowed = None;
    visit(store, user, &attributes.namespace, |grant| {
        if grant.rules.iter().any(|rule| allows(rule, attributes)) {
            allowed = Some(format!("RBAC: allowed by {}", grant.by));
        }
        allowed.is_none()
    });
    allowed.map_or(Decision::NoOpinion, Decision::Allowed)
}

/// The rules that `user` has in a namespace (empty: everywhere).
pub(super) fn rules(store: &Store, user: &User, namespace: &str) -> Vec<Value> {
    let mut all = Vec::new();
    visit(store, user, namespace, |grant| {
        all.extend(grant.rules);
        true
    });
    all
}

/// The rules of the bootstrap policy that every authenticated user has.
pub(super) fn everybodys() -> Vec<Value> {
    let create = |group: &str, resources: &[&str]| json!({"verbs": ["create"], "apiGroups": [group], "resources": resources});
    vec![
        create("authorization.k8s.io", OF_ONESELF),
        create("authentication.k8s.io", WHO_AM_I),
        json!({"verbs": ["get"], "nonResourceURLs": OPEN}),
    ]
}

/// What one binding gives.
struct Grant {
    by: String,
    rules: Vec<Value>,
}

/// Goes through the bindings of `user` until `more` is false: those of the cluster first.
fn visit(store: &Store, user: &User, namespace: &str, mut more: impl FnMut(Grant) -> bool) {
    for binding in all(store, &CLUSTER_ROLE_BINDINGS, None) {
        if let Some(subject) = subject(&binding, user, "") {
            let by = format!(
                "ClusterRoleBinding {:?} of {} to {subject}",
                text(&binding["metadata"], "name"),
                role_of(&binding)
            );
            let rules = rules_of(store, &binding, "");
            if !more(Grant { by, rules }) {
                return;
            }
        }
    }
    if namespace.is_empty() {
        return;
    }
    for binding in all(store, &ROLE_BINDINGS, Some(namespace)) {
        if let Some(subject) = subject(&binding, user, namespace) {
            let by = format!(
                "RoleBinding \"{}/{namespace}\" of {} to {subject}",
                text(&binding["metadata"], "name"),
                role_of(&binding)
            );
            let rules = rules_of(store, &binding, namespace);
            if !more(Grant { by, rules }) {
                return;
            }
        }
    }
}

fn all(store: &Store, id: &ResourceId, namespace: Option<&str>) -> Vec<Arc<Value>> {
    store
        .select(id, namespace, &<_>::default())
        .unwrap_or_default()
}

fn role_of(binding: &Value) -> String {
    let role = &binding["roleRef"];
    format!("{} {:?}", text(role, "kind"), text(role, "name"))
}

fn rules_of(store: &Store, binding: &Value, namespace: &str) -> Vec<Value> {
    let role = &binding["roleRef"];
    let (id, namespace) = match text(role, "kind") {
        "ClusterRole" => (&CLUSTER_ROLES, ""),
        "Role" => (&ROLES, namespace),
        _ => return Vec::new(),
    };
    let found = store.get(id, namespace, text(role, "name"));
    let rules = found
        .ok()
        .and_then(|role| role["rules"].as_array().cloned());
    rules.unwrap_or_default()
}

/// The subject of `binding` that `user` is.
fn subject(binding: &Value, user: &User, namespace: &str) -> Option<String> {
    let subjects = binding["subjects"].as_array()?;
    subjects.iter().find_map(|subject| {
        let (kind, name) = (text(subject, "kind"), text(subject, "name"));
        match kind {
            "User" => (user.name() == name).then(|| format!("User {name:?}")),
            "Group" => user.is_in(name).then(|| format!("Group {name:?}")),
            "ServiceAccount" => {
                let home = match text(subject, "namespace") {
                    "" => namespace,
                    given => given,
                };
                let account = format!("system:serviceaccount:{home}:{name}");
                (user.name() == account).then(|| format!("ServiceAccount \"{name}/{home}\""))
            }
            _ => None,
        }
    })
}

fn allows(rule: &Value, attributes: &Attributes) -> bool {
    let has = |field: &str, test: &dyn Fn(&str) -> bool| {
        let list = rule[field].as_array();
        list.into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .any(test)
    };
    let any_or = |word: &str| {
        let word = String::from(word);
        move |given: &str| given == "*" || given == word
    };
    if !has("verbs", &any_or(&attributes.verb)) {
        return false;
    }
    if attributes.resource.is_empty() {
        return has("nonResourceURLs", &|url| covers_path(url, &attributes.path));
    }
    let whole = attributes.whole_resource();
    let resource = |given: &str| {
        given == "*"
            || given == whole
            || !attributes.subresource.is_empty()
                && given.strip_prefix("*/") == Some(attributes.subresource.as_str())
    };
    let unnamed = rule["resourceNames"].as_array().is_none_or(Vec::is_empty);
    has("apiGroups", &any_or(&attributes.group))
        && has("resources", &resource)
        && (unnamed || has("resourceNames", &|name| name == attributes.name))
}

fn covers_path(url: &str, path: &str) -> bool {
    url == "*"
        || url == path
        || url
            .strip_suffix('*')
            .is_some_and(|head| path.starts_with(head))
}

/// The role of the bootstrap policy that lets every authenticated user do this.
fn bootstrap(attributes: &Attributes) -> Option<&'static str> {
    if attributes.resource.is_empty() {
        let open = OPEN.iter().any(|url| covers_path(url, &attributes.path));
        return (attributes.verb == "get" && open).then_some("system:discovery");
    }
    let of_oneself = match attributes.group.as_str() {
        "authorization.k8s.io" => OF_ONESELF,
        "authentication.k8s.io" => WHO_AM_I,
        _ => return None,
    };
    (attributes.verb == "create" && of_oneself.contains(&attributes.resource.as_str()))
        .then_some("system:basic-user")
}

const OF_ONESELF: &[&str] = &["selfsubjectaccessreviews", "selfsubjectrulesreviews"];
const WHO_AM_I: &[&str] = &["selfsubjectreviews"];

/// Paths that every authenticated user may get.
const OPEN: &[&str] = &[
    "/api",
    "/api/*",
    "/apis",
    "/apis/*",
    "/healthz",
    "/livez",
    "/openapi",
    "/openapi/*",
    "/readyz",
    "/version",
    "/version/",
];
