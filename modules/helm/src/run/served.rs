//! What the API server serves, as Helm's rooms and Helm's templates want it.

use oarlock_sdk::KindInfo;

use crate::manifest::{Kinds, Scope};

/// For placing objects.
#[must_use]
pub fn kinds(served: &[KindInfo]) -> Kinds {
    let mut kinds = Kinds::default();
    for kind in served {
        let (group, version) = kind
            .api_version
            .split_once('/')
            .unwrap_or(("", &kind.api_version));
        let scope = match kind.namespaced {
            true => Scope::Namespaced,
            false => Scope::Cluster,
        };
        kinds.add(group, version, &kind.kind, scope);
    }
    kinds
}

/// `.Capabilities.APIVersions`: `group/version`, and `group/version/Kind` of all. Sorted.
#[must_use]
pub fn api_versions(served: &[KindInfo]) -> Vec<String> {
    let mut all: Vec<String> = served
        .iter()
        .flat_map(|kind| {
            let of_kind = format!("{}/{}", kind.api_version, kind.kind);
            [kind.api_version.clone(), of_kind]
        })
        .collect();
    all.sort_unstable();
    all.dedup();
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn served() -> Vec<KindInfo> {
        let kind = |api_version: &str, kind: &str, namespaced| KindInfo {
            api_version: api_version.to_owned(),
            kind: kind.to_owned(),
            plural: String::new(),
            namespaced,
        };
        vec![
            kind("v1", "Service", true),
            kind("v1", "Namespace", false),
            kind("apps/v1", "Deployment", true),
        ]
    }

    #[test]
    fn kinds_are_known_by_group_and_scope() {
        let kinds = kinds(&served());
        assert_eq!(
            kinds.scope("apps", "v1", "Deployment"),
            Some(Scope::Namespaced)
        );
        assert_eq!(kinds.scope("", "v1", "Namespace"), Some(Scope::Cluster));
        assert_eq!(kinds.scope("apps", "v1beta1", "Deployment"), None);
    }

    #[test]
    fn templates_see_versions_and_kinds() {
        assert_eq!(
            api_versions(&served()),
            [
                "apps/v1",
                "apps/v1/Deployment",
                "v1",
                "v1/Namespace",
                "v1/Service"
            ]
        );
    }
}
