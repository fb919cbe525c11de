//! What a module says of itself, and what a watch grants it.

use crate::object::Object;

/// What a module brings and asks for. Asking is not having.
#[derive(Clone, Debug, PartialEq)]
pub struct Manifest {
    /// DNS label, such as `canary`.
    pub name: String,
    /// Semantic version.
    pub version: String,
    /// CustomResourceDefinitions that it is written for.
    pub crds: Vec<Object>,
    /// Finalizer that it wants on every object.
    pub finalizer: Option<String>,
    /// Kinds that it wants to write.
    pub writes: Vec<ResourceGrant>,
    /// Kinds that it wants to read.
    pub reads: Vec<ResourceGrant>,
    /// Origins that it wants to call.
    pub http: Vec<String>,
}

impl Manifest {
    /// The field manager that the module's writes carry.
    #[must_use]
    pub fn field_manager(&self) -> String {
        format!("{FIELD_MANAGER_PREFIX}{}", self.name)
    }
}

/// What every field manager of the host starts with.
pub const FIELD_MANAGER_PREFIX: &str = "oarlock/";

/// Rights on resources, in the words of an RBAC rule.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ResourceGrant {
    /// API groups; `""` is the core group, `*` any.
    pub api_groups: Vec<String>,
    /// Plural resource names; `*` any.
    pub resources: Vec<String>,
    /// Verbs; empty for all that the side (read or write) has.
    pub verbs: Vec<String>,
    /// Namespaces; empty for the object's own namespace and cluster-scoped resources, `*` any.
    pub namespaces: Vec<String>,
    /// Names; empty for any.
    pub resource_names: Vec<String>,
}

/// What a watch grants its module. Nothing is granted by default but a module's own object and its children's reads.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Grants {
    /// Kinds that it may write.
    pub write: Vec<ResourceGrant>,
    /// Kinds that it may read.
    pub read: Vec<ResourceGrant>,
    /// Origins that it may call; `{namespace}` stands for the object's own, `*` for one DNS label.
    pub http: Vec<String>,
}

/// One access, as the API server would authorise it.
#[derive(Clone, Copy, Debug)]
pub struct Access<'a> {
    /// The verb, such as `patch`.
    pub verb: &'a str,
    /// API group.
    pub group: &'a str,
    /// Plural resource name.
    pub resource: &'a str,
    /// Namespace; `None` for cluster-scoped resources and for all namespaces.
    pub namespace: Option<&'a str>,
    /// Name; `None` for lists.
    pub name: Option<&'a str>,
    /// Whether `namespace: None` means every namespace rather than cluster scope.
    pub all_namespaces: bool,
}

impl ResourceGrant {
    /// Whether this grant covers `access` by a module whose object is in `own_namespace` (`None`: cluster-scoped object).
    #[must_use]
    pub fn covers(&self, access: &Access<'_>, own_namespace: Option<&str>) -> bool {
        let any_of = |list: &[String], word: &str| list.iter().any(|l| l == "*" || l == word);
        let namespace = match access.namespace {
            _ if self.namespaces.iter().any(|n| n == "*") => true,
            None if access.all_namespaces => false,
            None => true,
            Some(namespace) if self.namespaces.is_empty() => {
                // A cluster-scoped object has no namespace of its own: the grant alone decides.
                own_namespace.is_none_or(|own| own == namespace)
            }
            Some(namespace) => self.namespaces.iter().any(|n| n == namespace),
        };
        namespace
            && any_of(&self.api_groups, access.group)
            && any_of(&self.resources, access.resource)
            && (self.verbs.is_empty() || any_of(&self.verbs, access.verb))
            && (self.resource_names.is_empty()
                || access
                    .name
                    .is_some_and(|name| any_of(&self.resource_names, name)))
    }
}

/// The grant that is missing for `access`, as one would write it into watches.yaml.
#[must_use]
pub fn missing_grant(side: &str, access: &Access<'_>) -> String {
    let namespace = match access.namespace {
        Some(namespace) => format!(", namespaces: [{namespace}]"),
        None if access.all_namespaces => ", namespaces: [\"*\"]".to_owned(),
        None => String::new(),
    };
    let group = if access.group.is_empty() {
        "\"\""
    } else {
        access.group
    };
    format!(
        "no grant for {verb} on {resource}; add to the watch: grants: {{{side}: [{{apiGroups: [{group}], resources: \
         [{resource}]{namespace}}}]}}",
        verb = access.verb,
        resource = access.resource,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grant(yaml_like: (&str, &str, &[&str], &[&str], &[&str])) -> ResourceGrant {
        let list = |l: &[&str]| l.iter().map(|s| (*s).to_owned()).collect();
        ResourceGrant {
            api_groups: vec![yaml_like.0.to_owned()],
            resources: vec![yaml_like.1.to_owned()],
            verbs: list(yaml_like.2),
            namespaces: list(yaml_like.3),
            resource_names: list(yaml_like.4),
        }
    }

    const PATCH: Access<'_> = Access {
        verb: "patch",
        group: "apps",
        resource: "deployments",
        namespace: Some("web"),
        name: Some("nginx"),
        all_namespaces: false,
    };

    #[test]
    fn a_grant_is_confined_to_the_objects_namespace_unless_it_says_more() {
        let own = grant(("apps", "deployments", &[], &[], &[]));
        assert!(own.covers(&PATCH, Some("web")));
        assert!(!own.covers(&PATCH, Some("other")));
        let named = grant(("apps", "deployments", &[], &["web"], &[]));
        assert!(named.covers(&PATCH, Some("other")));
        let everywhere = Access {
            namespace: None,
            name: None,
            all_namespaces: true,
            ..PATCH
        };
        assert!(!own.covers(&everywhere, Some("web")));
        assert!(grant(("*", "*", &[], &["*"], &[])).covers(&everywhere, Some("web")));
    }

    #[test]
    fn verbs_and_names_narrow() {
        assert!(!grant(("apps", "deployments", &["create"], &[], &[])).covers(&PATCH, Some("web")));
        assert!(!grant(("apps", "deployments", &[], &[], &["other"])).covers(&PATCH, Some("web")));
        assert!(
            grant(("apps", "deployments", &["patch"], &[], &["nginx"])).covers(&PATCH, Some("web"))
        );
        assert!(!grant(("", "deployments", &[], &[], &[])).covers(&PATCH, Some("web")));
    }

    #[test]
    fn the_missing_grant_is_spelt_out() {
        assert_eq!(
            missing_grant("write", &PATCH),
            "no grant for patch on deployments; add to the watch: grants: {write: [{apiGroups: [apps], resources: \
             [deployments], namespaces: [web]}]}"
        );
    }
}
