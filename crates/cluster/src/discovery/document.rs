//! The documents of discovery, old and new form, as far as they are used.

use oarlock_core::reference::{Gvk, KindInfo};
use serde::Deserialize;

use super::Resource;

/// The aggregated form first; a server that does not know it answers with the old one.
pub(super) const ACCEPT_AGGREGATED: &str = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,\
     application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,application/json";

#[derive(Deserialize)]
#[serde(tag = "kind")]
pub(super) enum Root {
    #[serde(rename = "APIGroupDiscoveryList")]
    Aggregated(Aggregated),
    #[serde(rename = "APIVersions")]
    Core(Versions),
    #[serde(rename = "APIGroupList")]
    Groups(Groups),
}

#[derive(Deserialize)]
pub(super) struct Aggregated {
    #[serde(default)]
    pub(super) items: Vec<Group>,
}

#[derive(Deserialize)]
pub(super) struct Group {
    #[serde(default)]
    metadata: Named,
    #[serde(default)]
    versions: Vec<GroupVersion>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Named {
    name: String,
}

#[derive(Deserialize)]
struct GroupVersion {
    version: String,
    #[serde(default)]
    resources: Vec<AggregatedResource>,
    #[serde(default)]
    freshness: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct AggregatedResource {
    resource: String,
    #[serde(default)]
    response_kind: ResponseKind,
    #[serde(default)]
    scope: String,
    #[serde(default)]
    verbs: Vec<String>,
    #[serde(default)]
    subresources: Vec<Subresource>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct ResponseKind {
    group: String,
    version: String,
    kind: String,
}

#[derive(Deserialize)]
struct Subresource {
    subresource: String,
}

impl Group {
    pub(super) fn answers(self) -> impl Iterator<Item = ((String, String), Option<Vec<Resource>>)> {
        let group = self.metadata.name;
        self.versions.into_iter().map(move |version| {
            let key = (group.clone(), version.version.clone());
            // A stale version's list is what the aggregator remembers, or empty.
            let fresh = version.freshness != "Stale";
            let resources = version.resources.into_iter();
            let kinds = resources
                .filter_map(|resource| resource.kind(&group, &version.version))
                .collect();
            (key, fresh.then_some(kinds))
        })
    }
}

impl AggregatedResource {
    fn kind(self, group: &str, version: &str) -> Option<Resource> {
        let kind = self.response_kind;
        // Resources that answer with another group's kind (`nodes/proxy`-like oddities) are not kinds of this group.
        let own = (kind.group.is_empty() || kind.group == group)
            && (kind.version.is_empty() || kind.version == version);
        (own && !kind.kind.is_empty()).then(|| Resource {
            info: KindInfo {
                gvk: Gvk::new(group, version, kind.kind),
                plural: self.resource,
                namespaced: self.scope == "Namespaced",
                status_subresource: self.subresources.iter().any(|s| s.subresource == "status"),
            },
            watchable: watchable(&self.verbs),
        })
    }
}

#[derive(Deserialize)]
pub(super) struct Versions {
    pub(super) versions: Vec<String>,
}

#[derive(Deserialize)]
pub(super) struct Groups {
    #[serde(default)]
    pub(super) groups: Vec<NamedGroup>,
}

#[derive(Deserialize)]
pub(super) struct NamedGroup {
    name: String,
    #[serde(default)]
    versions: Vec<Version>,
}

#[derive(Deserialize)]
struct Version {
    version: String,
}

impl NamedGroup {
    pub(super) fn versions(self) -> impl Iterator<Item = (String, String)> {
        let name = self.name;
        self.versions
            .into_iter()
            .map(move |version| (name.clone(), version.version))
    }
}

#[derive(Deserialize)]
pub(super) struct Resources {
    #[serde(default)]
    resources: Vec<ListedResource>,
}

#[derive(Deserialize)]
struct ListedResource {
    name: String,
    kind: String,
    #[serde(default)]
    namespaced: bool,
    #[serde(default)]
    verbs: Vec<String>,
}

impl Resources {
    pub(super) fn kinds(self, group: &str, version: &str) -> Vec<Resource> {
        let has_status = |name: &str| {
            self.resources
                .iter()
                .any(|r| r.name.strip_suffix("/status") == Some(name))
        };
        self.resources
            .iter()
            .filter(|resource| !resource.name.contains('/'))
            .map(|resource| Resource {
                info: KindInfo {
                    gvk: Gvk::new(group, version, resource.kind.as_str()),
                    plural: resource.name.clone(),
                    namespaced: resource.namespaced,
                    status_subresource: has_status(&resource.name),
                },
                watchable: watchable(&resource.verbs),
            })
            .collect()
    }
}

fn watchable(verbs: &[String]) -> bool {
    let has = |verb: &str| verbs.iter().any(|v| v == verb);
    has("list") && has("watch")
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use serde_json::json;

    use super::*;

    #[test]
    fn both_forms_say_the_same() {
        let aggregated: Root = serde_json::from_value(json!({
            "kind": "APIGroupDiscoveryList", "apiVersion": "apidiscovery.k8s.io/v2",
            "items": [
                {"metadata": {"name": "apps"}, "versions": [{"version": "v1", "freshness": "Current", "resources": [{
                    "resource": "deployments", "scope": "Namespaced", "verbs": ["get", "list", "watch"],
                    "responseKind": {"group": "apps", "version": "v1", "kind": "Deployment"},
                    "subresources": [{"subresource": "scale"}, {"subresource": "status"}]}]}]},
                {"metadata": {"name": "broken.example.com"}, "versions": [{"version": "v1", "freshness": "Stale"}]},
            ]
        }))
        .unwrap();
        let Root::Aggregated(aggregated) = aggregated else {
            panic!("aggregated form not recognised");
        };
        let mut answers: Vec<_> = aggregated
            .items
            .into_iter()
            .flat_map(Group::answers)
            .collect();
        assert_eq!(answers.pop().unwrap().1, None);
        let (key, new) = answers.pop().unwrap();
        assert_eq!(key, ("apps".to_owned(), "v1".to_owned()));

        let listed: Resources = serde_json::from_value(json!({
            "kind": "APIResourceList", "groupVersion": "apps/v1", "resources": [
                {"name": "deployments", "kind": "Deployment", "namespaced": true, "verbs": ["list", "watch"]},
                {"name": "deployments/status", "kind": "Deployment", "namespaced": true, "verbs": ["patch"]},
            ]
        }))
        .unwrap();
        let old = listed.kinds("apps", "v1");
        assert_eq!(new.unwrap(), old);
        assert!(old[0].info.status_subresource && old[0].watchable);
    }

    #[test]
    fn the_old_roots_are_recognised() {
        for (document, core) in [
            (json!({"kind": "APIVersions", "versions": ["v1"]}), true),
            (json!({"kind": "APIGroupList", "groups": []}), false),
        ] {
            let root: Root = serde_json::from_value(document).unwrap();
            assert_eq!(matches!(root, Root::Core(_)), core);
        }
    }
}
