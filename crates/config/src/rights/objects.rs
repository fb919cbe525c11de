//! Rights as objects of the API.

use serde_json::{Map, Value, json};

use super::{Installation, Place, Rights, Rule};

/// One object that is to be applied.
#[derive(Clone, Debug, PartialEq)]
pub struct RbacObject {
    /// The object.
    pub object: Value,
    /// A reason for each of its rules; none where it has no rules.
    pub reasons: Vec<String>,
}

const GROUP: &str = "rbac.authorization.k8s.io";

impl Rights {
    /// The operator's ServiceAccount, roles and bindings, in an order in which they can be applied.
    #[must_use]
    pub fn objects(&self, installation: &Installation) -> Vec<RbacObject> {
        let mut objects = vec![bare(json!({
            "apiVersion": "v1",
            "kind": "ServiceAccount",
            "metadata": metadata(&installation.account, Some(&installation.namespace)),
        }))];
        let operator = json!({
            "kind": "ServiceAccount",
            "name": installation.account,
            "namespace": installation.namespace,
        });
        for (place, rules) in &self.operator {
            let (kind, namespace) = match place {
                Place::Cluster => ("ClusterRole", None),
                Place::Namespace(namespace) => ("Role", Some(namespace.as_str())),
            };
            objects.push(role(kind, &installation.name, namespace, rules));
            objects.push(binding(
                kind,
                &installation.name,
                namespace,
                operator.clone(),
            ));
        }
        for (account, rules) in &self.accounts {
            // A ClusterRole, to be bound wherever there are objects: the accounts are in their namespaces.
            let name = format!("{}-as-{account}", installation.name);
            objects.push(role("ClusterRole", &name, None, rules));
            for namespace in &installation.namespaces {
                let subject = json!({
                    "kind": "ServiceAccount",
                    "name": account,
                    "namespace": namespace,
                });
                objects.push(binding("ClusterRole", &name, Some(namespace), subject));
            }
        }
        objects
    }
}

fn bare(object: Value) -> RbacObject {
    RbacObject {
        object,
        reasons: Vec::new(),
    }
}

fn role(kind: &str, name: &str, namespace: Option<&str>, rules: &[Rule]) -> RbacObject {
    let object = json!({
        "apiVersion": format!("{GROUP}/v1"),
        "kind": kind,
        "metadata": metadata(name, namespace),
        "rules": rules.iter().map(rule).collect::<Vec<_>>(),
    });
    RbacObject {
        object,
        reasons: rules.iter().map(Rule::reasons).collect(),
    }
}

fn rule(rule: &Rule) -> Value {
    let mut fields = json!({
        "apiGroups": [rule.group],
        "resources": [rule.resource],
        "verbs": rule.ordered_verbs(),
    });
    if !rule.names.is_empty() {
        fields["resourceNames"] = json!(rule.names);
    }
    fields
}

fn binding(role: &str, name: &str, namespace: Option<&str>, subject: Value) -> RbacObject {
    let kind = if namespace.is_some() {
        "RoleBinding"
    } else {
        "ClusterRoleBinding"
    };
    bare(json!({
        "apiVersion": format!("{GROUP}/v1"),
        "kind": kind,
        "metadata": metadata(name, namespace),
        "roleRef": {"apiGroup": GROUP, "kind": role, "name": name},
        "subjects": [subject],
    }))
}

fn metadata(name: &str, namespace: Option<&str>) -> Value {
    let mut metadata = Map::new();
    metadata.insert("name".to_owned(), name.into());
    if let Some(namespace) = namespace {
        metadata.insert("namespace".to_owned(), namespace.into());
    }
    metadata.into()
}
