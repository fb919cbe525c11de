//! What the API server serves, as Helm's rooms and Helm's templates want it.

use oarlock_sdk::{KindInfo, Value};

use crate::manifest::{Kinds, Object, Scope};

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

/// `group/version` and `group/version/Kind` of all that a definition will serve; nothing of other objects.
#[must_use]
pub fn brought(definition: &Object) -> Vec<String> {
    if definition.kind() != "CustomResourceDefinition" {
        return Vec::new();
    }
    let spec = definition.content.get("spec");
    let at = |pointer: &str| spec.and_then(|spec| spec.pointer(pointer));
    let (Some(group), Some(kind)) = (
        at("/group").and_then(Value::as_str),
        at("/names/kind").and_then(Value::as_str),
    ) else {
        return Vec::new();
    };
    let versions = at("/versions").and_then(Value::as_array);
    let of_list = versions
        .into_iter()
        .flatten()
        .filter(|version| version.get("served") != Some(&Value::Bool(false)))
        .filter_map(|version| version.get("name")?.as_str());
    // One version, as the first betas had it.
    let alone = at("/version").and_then(Value::as_str);
    of_list
        .chain(alone)
        .flat_map(|version| {
            let version = format!("{group}/{version}");
            [format!("{version}/{kind}"), version]
        })
        .collect()
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
