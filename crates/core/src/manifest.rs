//! What a module says of itself, and what a watch grants it.

use crate::escalation::{escalation, is_secret};
use crate::object::Object;
use crate::selector::LabelSelector;

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
    /// Names; empty for any, and `*` for any where that has to be said (reading Secrets).
    pub resource_names: Vec<String>,
    /// Labels that an object has to have to be read; empty for any. Not of a right to write.
    pub selector: LabelSelector,
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
    /// Origins of `http` whose certificates it may leave unchecked, in the same patterns. They open nothing by themselves.
    pub insecure_skip_tls_verify: Vec<String>,
    /// Where it may fetch packages from: `https://host[:port]`, `oci://host[:port]`, `ssh://host` with the patterns of `http`,
    /// and `local` for the host's chart folder.
    pub artifacts: Vec<String>,
    /// ServiceAccounts of the object's namespace that it may act as, beside the one of the watch; `*` any.
    pub act_as: Vec<String>,
}

/// What grants let a module see of what it asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sight<'a> {
    /// Nothing.
    Nothing,
    /// Objects whose labels one of these selects.
    Selected(Vec<&'a LabelSelector>),
    /// All of it.
    Everything,
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
    /// Whether this grant covers `access` by a module whose object is in `own_namespace` (`None`: cluster-scoped object),
    /// whatever labels the object has.
    ///
    /// What gives rights of its own, and Secrets, are covered only where they are named: `*` does not include them.
    #[must_use]
    pub fn covers(&self, access: &Access<'_>, own_namespace: Option<&str>) -> bool {
        self.selector.is_empty() && self.may_cover(access, own_namespace)
    }

    /// Whether this grant covers a verb on some object of a kind, in whatever namespace and by whatever name.
    #[must_use]
    pub fn reaches_kind(&self, verb: &str, group: &str, resource: &str) -> bool {
        let access = Access {
            verb,
            group,
            resource,
            namespace: None,
            name: None,
            all_namespaces: false,
        };
        let anywhere = Self {
            resource_names: Vec::new(),
            ..self.clone()
        };
        anywhere.may_cover(&access, None)
    }

    /// Whether this grant covers `access` to an object whose labels its selector selects.
    fn may_cover(&self, access: &Access<'_>, own_namespace: Option<&str>) -> bool {
        let any_of = |list: &[String], word: &str| list.iter().any(|l| l == "*" || l == word);
        let named = |list: &[String], word: &str| list.iter().any(|l| l == word);
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
        let kind = if is_guarded(access) {
            named(&self.api_groups, access.group) && named(&self.resources, access.resource)
        } else {
            any_of(&self.api_groups, access.group) && any_of(&self.resources, access.resource)
        };
        let name = match access.name {
            _ if self.resource_names.is_empty() => true,
            Some(name) => any_of(&self.resource_names, name),
            None => named(&self.resource_names, "*"),
        };
        namespace && kind && name && (self.verbs.is_empty() || any_of(&self.verbs, access.verb))
    }
}

/// Whether a wildcard does not include what is accessed.
fn is_guarded(access: &Access<'_>) -> bool {
    let reads = matches!(access.verb, "get" | "list" | "watch");
    if reads {
        is_secret(access.group, access.resource)
    } else {
        escalation(access.group, access.resource).is_some()
    }
}

impl Grants {
    /// What of `access` a module may see whose object is in `own_namespace`. Secrets are seen only where the grant names
    /// them or selects them by label.
    #[must_use]
    pub fn sight(&self, access: &Access<'_>, own_namespace: Option<&str>) -> Sight<'_> {
        let unnamed = |grant: &ResourceGrant| {
            is_secret(access.group, access.resource)
                && grant.resource_names.is_empty()
                && grant.selector.is_empty()
        };
        let mut selectors = Vec::new();
        for grant in &self.read {
            if unnamed(grant) || !grant.may_cover(access, own_namespace) {
                continue;
            }
            if grant.selector.is_empty() {
                return Sight::Everything;
            }
            selectors.push(&grant.selector);
        }
        if selectors.is_empty() {
            Sight::Nothing
        } else {
            Sight::Selected(selectors)
        }
    }

    /// Whether a module may act as a ServiceAccount that it names.
    #[must_use]
    pub fn acts_as(&self, account: &str) -> bool {
        self.act_as.iter().any(|a| a == "*" || a == account)
    }
}

impl Sight<'_> {
    /// Whether an object with these labels is seen.
    pub fn shows<'l>(&self, label: impl Fn(&str) -> Option<&'l str>) -> bool {
        match self {
            Self::Nothing => false,
            Self::Selected(selectors) => selectors.iter().any(|s| s.matches(&label)),
            Self::Everything => true,
        }
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
    let names = match access.name {
        Some(name) if side == "read" && is_secret(access.group, access.resource) => {
            format!(", resourceNames: [{name}]")
        }
        None if side == "read" && is_secret(access.group, access.resource) => {
            ", selector: {matchLabels: {…}}".to_owned()
        }
        _ => String::new(),
    };
    let group = if access.group.is_empty() {
        "\"\""
    } else {
        access.group
    };
    format!(
        "no grant for {verb} on {resource}; hint: add to the watch: grants: {{{side}: [{{apiGroups: [{group}], resources: \
         [{resource}]{namespace}{names}}}]}}",
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
            selector: LabelSelector::default(),
        }
    }

    fn reading(grant: ResourceGrant) -> Grants {
        Grants {
            read: vec![grant],
            ..Grants::default()
        }
    }

    const GET_SECRET: Access<'_> = Access {
        verb: "get",
        group: "",
        resource: "secrets",
        namespace: Some("web"),
        name: Some("token"),
        all_namespaces: false,
    };

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
            "no grant for patch on deployments; hint: add to the watch: grants: {write: [{apiGroups: [apps], resources: \
             [deployments], namespaces: [web]}]}"
        );
    }

    #[test]
    fn wildcards_do_not_include_what_gives_rights() {
        let everything = grant(("*", "*", &[], &["*"], &[]));
        assert!(everything.covers(&PATCH, Some("web")));
        for (group, resource) in [
            ("", "secrets"),
            ("", "serviceaccounts/token"),
            ("rbac.authorization.k8s.io", "rolebindings"),
            (
                "admissionregistration.k8s.io",
                "mutatingwebhookconfigurations",
            ),
            ("apiextensions.k8s.io", "customresourcedefinitions"),
        ] {
            let access = Access {
                group,
                resource,
                ..PATCH
            };
            assert!(!everything.covers(&access, Some("web")), "{resource}");
            let half = grant((group, "*", &[], &["*"], &[]));
            assert!(!half.covers(&access, Some("web")), "{resource}");
            let named = grant((group, resource, &[], &["*"], &[]));
            assert!(named.covers(&access, Some("web")), "{resource}");
            // To look at them is a read like any other, Secrets aside.
            let look = Access {
                verb: "get",
                ..access
            };
            let open = reading(everything.clone()).sight(&look, Some("web")) == Sight::Everything;
            assert_eq!(open, resource != "secrets", "{resource}");
        }
    }

    #[test]
    fn secrets_are_read_only_by_name_or_label() {
        let sight = |grant: ResourceGrant, access: &Access<'_>| match reading(grant)
            .sight(access, Some("web"))
        {
            Sight::Nothing => "nothing",
            Sight::Selected(_) => "selected",
            Sight::Everything => "everything",
        };
        let list = Access {
            verb: "list",
            name: None,
            ..GET_SECRET
        };
        let kind = grant(("", "secrets", &[], &[], &[]));
        assert_eq!(sight(kind.clone(), &GET_SECRET), "nothing");
        let named = grant(("", "secrets", &[], &[], &["token"]));
        assert_eq!(sight(named.clone(), &GET_SECRET), "everything");
        assert_eq!(sight(named, &list), "nothing");
        let other = grant(("", "secrets", &[], &[], &["other"]));
        assert_eq!(sight(other, &GET_SECRET), "nothing");
        let all = grant(("", "secrets", &[], &[], &["*"]));
        assert_eq!(sight(all.clone(), &GET_SECRET), "everything");
        assert_eq!(sight(all, &list), "everything");
        let labelled = ResourceGrant {
            selector: LabelSelector::parse("team=web").unwrap_or_default(),
            ..kind
        };
        assert_eq!(sight(labelled.clone(), &GET_SECRET), "selected");
        assert_eq!(sight(labelled.clone(), &list), "selected");
        assert!(!labelled.covers(&GET_SECRET, Some("web")));
        let grants = reading(labelled);
        let sight = grants.sight(&list, Some("web"));
        assert!(sight.shows(|key| (key == "team").then_some("web")));
        assert!(!sight.shows(|_| None));
    }

    #[test]
    fn the_missing_grant_of_a_secret_names_it() {
        insta::assert_snapshot!(missing_grant("read", &GET_SECRET), @r#"no grant for get on secrets; hint: add to the watch: grants: {read: [{apiGroups: [""], resources: [secrets], namespaces: [web], resourceNames: [token]}]}"#);
    }

    #[test]
    fn only_named_accounts_are_acted_as() {
        let grants = Grants {
            act_as: vec!["deployer".to_owned()],
            ..Grants::default()
        };
        assert!(grants.acts_as("deployer") && !grants.acts_as("admin"));
        assert!(!Grants::default().acts_as("deployer"));
    }
}
