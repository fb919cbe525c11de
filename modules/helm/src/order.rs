//! The order of kinds in which Helm installs, and that in which it uninstalls (which is not simply the reverse).

/// What is installed first stands first; kinds that are not listed come after all, by name.
const INSTALL: &[&str] = &[
    "PriorityClass",
    "Namespace",
    "NetworkPolicy",
    "ResourceQuota",
    "LimitRange",
    "PodSecurityPolicy",
    "PodDisruptionBudget",
    "ServiceAccount",
    "Secret",
    "SecretList",
    "ConfigMap",
    "StorageClass",
    "PersistentVolume",
    "PersistentVolumeClaim",
    "CustomResourceDefinition",
    "ClusterRole",
    "ClusterRoleList",
    "ClusterRoleBinding",
    "ClusterRoleBindingList",
    "Role",
    "RoleList",
    "RoleBinding",
    "RoleBindingList",
    "Service",
    "DaemonSet",
    "Pod",
    "ReplicationController",
    "ReplicaSet",
    "Deployment",
    "HorizontalPodAutoscaler",
    "StatefulSet",
    "Job",
    "CronJob",
    "IngressClass",
    "Ingress",
    "APIService",
    "MutatingWebhookConfiguration",
    "ValidatingWebhookConfiguration",
];

/// What is uninstalled first stands first. Validation goes before mutation, so that no webhook stands in the way.
const UNINSTALL: &[&str] = &[
    "ValidatingWebhookConfiguration",
    "MutatingWebhookConfiguration",
    "APIService",
    "Ingress",
    "IngressClass",
    "Service",
    "CronJob",
    "Job",
    "StatefulSet",
    "HorizontalPodAutoscaler",
    "Deployment",
    "ReplicaSet",
    "ReplicationController",
    "Pod",
    "DaemonSet",
    "RoleBindingList",
    "RoleBinding",
    "RoleList",
    "Role",
    "ClusterRoleBindingList",
    "ClusterRoleBinding",
    "ClusterRoleList",
    "ClusterRole",
    "CustomResourceDefinition",
    "PersistentVolumeClaim",
    "PersistentVolume",
    "StorageClass",
    "ConfigMap",
    "SecretList",
    "Secret",
    "ServiceAccount",
    "PodDisruptionBudget",
    "PodSecurityPolicy",
    "LimitRange",
    "ResourceQuota",
    "NetworkPolicy",
    "Namespace",
    "PriorityClass",
];

/// Sorts for installation. Objects of one kind keep their order.
pub fn for_install<T>(objects: &mut [T], kind: impl Fn(&T) -> &str) {
    sort(objects, kind, INSTALL);
}

/// Sorts for removal. Objects of one kind keep their order.
pub fn for_uninstall<T>(objects: &mut [T], kind: impl Fn(&T) -> &str) {
    sort(objects, kind, UNINSTALL);
}

fn sort<T>(objects: &mut [T], kind: impl Fn(&T) -> &str, order: &[&str]) {
    objects.sort_by(|a, b| rank(kind(a), order).cmp(&rank(kind(b), order)));
}

/// Place in the list, then the name for those that are not in it.
fn rank<'a>(kind: &'a str, order: &[&str]) -> (usize, &'a str) {
    match order.iter().position(|listed| *listed == kind) {
        Some(place) => (place, ""),
        None => (order.len(), kind),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sorted(sort: fn(&mut [&'static str]), kinds: &[&'static str]) -> String {
        let mut kinds = kinds.to_vec();
        sort(&mut kinds);
        kinds.join(" ")
    }

    #[test]
    fn unknown_kinds_come_last_by_name() {
        let kinds = ["Zebra", "Deployment", "Apple", "Namespace", "Service"];
        let install = sorted(|kinds| for_install(kinds, |kind| kind), &kinds);
        assert_eq!(install, "Namespace Service Deployment Apple Zebra");
        let uninstall = sorted(|kinds| for_uninstall(kinds, |kind| kind), &kinds);
        assert_eq!(uninstall, "Service Deployment Namespace Apple Zebra");
    }

    #[test]
    fn objects_of_a_kind_keep_their_order() {
        let mut objects = [("Secret", 2), ("Job", 1), ("Secret", 1)];
        for_install(&mut objects, |object| object.0);
        assert_eq!(objects, [("Secret", 2), ("Secret", 1), ("Job", 1)]);
    }

    #[test]
    fn both_orders_have_the_same_kinds() {
        let mut install = INSTALL.to_vec();
        let mut uninstall = UNINSTALL.to_vec();
        install.sort_unstable();
        uninstall.sort_unstable();
        assert_eq!(install, uninstall);
    }
}
