//! Resources through which rights grow: who may write them can have more than was granted.
//!
//! A wildcard never includes them: whoever grants one of these has to name it. Pods and what makes Pods are not here: what a
//! Pod may do is the business of Pod Security admission, which sees it.

/// Why writing a resource (plural, with the subresource) gives rights beyond it; `None` where it does not.
#[must_use]
pub fn escalation(group: &str, resource: &str) -> Option<&'static str> {
    Some(match (group, resource) {
        ("", "secrets") => {
            "a Secret of type kubernetes.io/service-account-token is given the token of any ServiceAccount of its namespace"
        }
        ("", "serviceaccounts/token") => "it gives tokens of ServiceAccounts",
        ("", "namespaces") => "labels of a Namespace switch Pod Security off",
        ("", "nodes" | "nodes/proxy" | "nodes/status") => "nodes run everybody's Pods",
        ("", "persistentvolumes") => "a PersistentVolume can be a node's file system",
        ("", "pods/exec" | "pods/attach" | "pods/ephemeralcontainers" | "pods/portforward") => {
            "it reaches into running containers"
        }
        ("rbac.authorization.k8s.io", _) => "roles and bindings give rights",
        ("admissionregistration.k8s.io", _) => {
            "admission webhooks and policies see and change what everybody writes"
        }
        ("apiextensions.k8s.io", "customresourcedefinitions") => {
            "deleting a definition deletes all objects of its kind, and its webhook sees them all"
        }
        ("apiregistration.k8s.io", "apiservices") => {
            "an APIService answers in the place of the API server"
        }
        ("certificates.k8s.io", _) => "certificates are identities of users",
        _ => return None,
    })
}

/// Whether a resource holds what only who is named may see.
#[must_use]
pub fn is_secret(group: &str, resource: &str) -> bool {
    group.is_empty() && resource == "secrets"
}
