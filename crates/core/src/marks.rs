//! The marks that the host leaves on objects: everything that it has to know after a restart is on the objects themselves.

/// Label on an owned object that cannot carry an owner reference: the owner's uid.
pub const OWNER_UID_LABEL: &str = "oarlock.dev/owner-uid";

/// Annotation on every owned object: `Kind.group namespace/name` of the owner. It tells what the host made from what other
/// programs gave an owner reference.
pub const OWNER_ANNOTATION: &str = "oarlock.dev/owner";

/// Annotation on an owned object that is to be kept when it leaves: `keep`.
pub const ON_LEAVE_ANNOTATION: &str = "oarlock.dev/on-leave";

/// Prefix of the annotation on somebody else's object of which fields are shared; the sharing object's uid follows. The
/// value is a [`Share`] as JSON.
pub const SHARE_ANNOTATION_PREFIX: &str = "share.oarlock.dev/";

/// Finalizer of the host itself, on objects whose children no garbage collector would find.
pub const CHILDREN_FINALIZER: &str = "oarlock.dev/children";

/// Annotation on an object with children that nothing else tells of: the kinds of those children, as `apiVersion Kind`,
/// separated by commas. A host that has just been started looks through these before it calls the module, and before it lets
/// the object go.
pub const CHILD_KINDS_ANNOTATION: &str = "oarlock.dev/child-kinds";

/// Annotation beside a module's finalizer: its name. It tells the finalizer that the host put there from those of others, also
/// when the module has been replaced by one that uses another, or by none.
pub const FINALIZER_ANNOTATION: &str = "oarlock.dev/finalizer";

/// Annotation by which somebody releases an object that is being deleted: why. The host takes its finalizers off without
/// calling the module.
pub const RELEASE_ANNOTATION: &str = "oarlock.dev/release";

/// Annotation beside [`RELEASE_ANNOTATION`]: the user that asked, as the API server knows them.
pub const RELEASED_BY_ANNOTATION: &str = "oarlock.dev/released-by";

/// Every label and annotation that only the host may set on what a module writes, shares aside.
pub const HOST_MARKS: [&str; 7] = [
    OWNER_UID_LABEL,
    OWNER_ANNOTATION,
    ON_LEAVE_ANNOTATION,
    CHILD_KINDS_ANNOTATION,
    FINALIZER_ANNOTATION,
    RELEASE_ANNOTATION,
    RELEASED_BY_ANNOTATION,
];

/// Finalizers that Kubernetes itself gives a meaning, without a domain (`k8s.io/api/core/v1`, `k8s.io/apimachinery`).
const KUBERNETES_FINALIZERS: [&str; 3] = ["foregroundDeletion", "orphan", "kubernetes"];

/// Who gives a finalizer its meaning, where that is neither a module nor a watches file.
///
/// To claim `foregroundDeletion` would change what a deletion does, and to claim the host's own would let objects go whose
/// children nobody has looked for.
#[must_use]
pub fn finalizer_reserved_for(name: &str) -> Option<&'static str> {
    let domain = name.split_once('/').map(|(domain, _)| domain);
    let under = |root: &str| {
        domain.is_some_and(|domain| {
            domain
                .strip_suffix(root)
                .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
        })
    };
    if KUBERNETES_FINALIZERS.contains(&name) || under("kubernetes.io") || under("k8s.io") {
        Some("Kubernetes")
    } else if domain == Some("oarlock.dev") {
        Some("the host")
    } else {
        None
    }
}

/// What the host must know to give shared fields back, stored with the same write that takes them.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Share {
    /// The sharing object, for people: `Kind.group namespace/name`.
    pub owner: String,
    /// Field manager that holds the fields.
    pub manager: String,
    /// JSON Merge Patch that brings back what was there; absent where nothing has to be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restore: Option<serde_json::Map<String, serde_json::Value>>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finalizers_of_kubernetes_and_of_the_host_are_reserved() {
        for (name, owner) in [
            ("foregroundDeletion", Some("Kubernetes")),
            ("orphan", Some("Kubernetes")),
            ("kubernetes", Some("Kubernetes")),
            ("kubernetes.io/pvc-protection", Some("Kubernetes")),
            ("batch.kubernetes.io/job-tracking", Some("Kubernetes")),
            ("service.k8s.io/load-balancer-cleanup", Some("Kubernetes")),
            (CHILDREN_FINALIZER, Some("the host")),
            ("oarlock.dev/anything", Some("the host")),
            ("canary.oarlock.dev/rollout", None),
            ("notkubernetes.io/a", None),
            ("kubernetes.io.example.com/a", None),
            ("finalizer.example.com", None),
        ] {
            assert_eq!(finalizer_reserved_for(name), owner, "{name}");
        }
    }
}
