//! `chart:`, the Helm operator's way: what stands for a module, its library and what a release needs granted.

use std::collections::BTreeMap;

use oarlock_core::manifest::{Grants, ResourceGrant};

use super::{Check, PEERS_KEYS};
use crate::key_path::KeyPath;
use crate::problem::Problem;
use crate::source::ModuleSource;
use crate::tree::Content;

/// The component that makes releases, and the one that does so with the steps of another module.
const RELEASES: &str = "helm.wasm";
const HYBRID: &str = "helm-hybrid.wasm";

/// Helm's engine: the interface, and the component.
const ENGINE: (&str, &str) = ("oarlock:helm/engine", "helm-engine.wasm");

/// The interface of the steps that a module adds to a release.
const STEPS: &str = "oarlock:helm/steps";

/// Where the Helm operator's images keep their watches file, which charts are named from.
const WORKING_DIRECTORY: &str = "/opt/helm/";

/// Where a chart is, for "expected".
const FORM: &str =
    "a folder or archive below the chart folder (--charts), such as helm-charts/nginx";

/// Kinds that charts have and that a wildcard does not include, by group.
const GUARDED: [(&str, &[&str]); 5] = [
    ("", &["namespaces", "persistentvolumes", "secrets"]),
    (
        "admissionregistration.k8s.io",
        &[
            "mutatingwebhookconfigurations",
            "validatingwebhookconfigurations",
        ],
    ),
    ("apiextensions.k8s.io", &["customresourcedefinitions"]),
    ("apiregistration.k8s.io", &["apiservices"]),
    (
        "rbac.authorization.k8s.io",
        &[
            "clusterrolebindings",
            "clusterroles",
            "rolebindings",
            "roles",
        ],
    ),
];

impl Check<'_, '_> {
    /// Something has to reconcile.
    pub(super) fn reconciler(&mut self) {
        let Content::Map(pairs) = &self.node.content else {
            return;
        };
        let has = |wanted: &str| pairs.iter().any(|(key, _)| key.text == wanted);
        // A peer's key is told where it stands.
        if has("module") || has("chart") || PEERS_KEYS.iter().any(|(key, _)| has(key)) {
            return;
        }
        let problem = Problem::new("missing key module")
            .hint("write it, such as module: canary.wasm; or chart: for releases of a Helm chart");
        self.error(&KeyPath::entry(), problem);
    }

    /// The chart's path below the chart folder.
    pub(super) fn chart(&mut self, text: &str) -> Option<String> {
        self.ok(&KeyPath::entry().key("chart"), path(text))
    }
}

fn path(text: &str) -> Result<String, Problem> {
    let wrong = |message: String| Problem::new(message).expected(FORM);
    if text.is_empty() {
        return Err(wrong(String::from("no chart is named")));
    }
    if let Some((scheme, _)) = text.split_once("://") {
        return Err(wrong(format!("charts of watches do not come by {scheme}://"))
            .hint("put the chart into the chart folder; or write module: helm.wasm with settings.chart, its library and its grants"));
    }
    let below = text.strip_prefix(WORKING_DIRECTORY).unwrap_or(text);
    if below.starts_with('/') {
        return Err(wrong(format!("{text:?} is an absolute path"))
            .hint("put the chart into the chart folder and name it from there"));
    }
    let parts = below.split('/').filter(|part| !matches!(*part, "" | "."));
    let parts: Vec<&str> = parts.collect();
    if parts.contains(&"..") {
        return Err(wrong(format!("{text:?} leaves the chart folder"))
            .hint("put the chart into the chart folder and name it from there"));
    }
    if text.contains(|c: char| c.is_control() || c == '\\') {
        return Err(wrong(format!(
            "{text:?} contains a character that no path of a chart has"
        )));
    }
    Ok(if parts.is_empty() {
        String::from(".")
    } else {
        parts.join("/")
    })
}

type Made = (Option<ModuleSource>, BTreeMap<String, ModuleSource>, Grants);

/// What makes the releases of a chart: alone, or with the steps of `module`. Libraries and grants that are given win; whether
/// `writes` and `reads` were given makes what is not given.
pub(super) fn of_releases(
    module: Option<ModuleSource>,
    mut libraries: BTreeMap<String, ModuleSource>,
    mut grants: Grants,
    writes: bool,
    reads: bool,
) -> Made {
    let file = |name: &str| ModuleSource::File(name.to_owned());
    let mut library = |interface: &str, source: ModuleSource| {
        libraries.entry(interface.to_owned()).or_insert(source);
    };
    library(ENGINE.0, file(ENGINE.1));
    let releases = match module {
        Some(steps) => {
            library(STEPS, steps);
            file(HYBRID)
        }
        None => file(RELEASES),
    };
    if !writes {
        grants.write.push(anything());
    }
    if !reads {
        grants.read.push(resources(&["*"], &["*"]));
    }
    // The records of releases, and what passwords are drawn from.
    let secrets = resources(&[""], &["secrets"]);
    grants.read.push(ResourceGrant {
        resource_names: vec![String::from("*")],
        ..secrets.clone()
    });
    grants.write.push(secrets);
    let local = String::from("local");
    if !grants.artifacts.contains(&local) {
        grants.artifacts.push(local);
    }
    (Some(releases), libraries, grants)
}

/// Every kind of the object's namespace and outside of all namespaces, those included that have to be named. It is the right of
/// the operator's own account that decides, as with the Helm operator.
fn anything() -> ResourceGrant {
    let mut groups = vec!["*"];
    let mut kinds = vec!["*"];
    for (group, resources) in GUARDED {
        groups.push(group);
        kinds.extend(resources);
    }
    resources(&groups, &kinds)
}

fn resources(groups: &[&str], resources: &[&str]) -> ResourceGrant {
    let owned = |words: &[&str]| words.iter().copied().map(str::to_owned).collect();
    ResourceGrant {
        api_groups: owned(groups),
        resources: owned(resources),
        ..ResourceGrant::default()
    }
}

#[cfg(test)]
mod tests {
    use oarlock_core::escalation::escalation;

    use super::*;

    #[test]
    fn paths_are_those_of_the_helm_operator() {
        for (text, below) in [
            ("helm-charts/nginx", "helm-charts/nginx"),
            ("./helm-charts//nginx/", "helm-charts/nginx"),
            ("/opt/helm/helm-charts/nginx", "helm-charts/nginx"),
            ("nginx-1.0.0.tgz", "nginx-1.0.0.tgz"),
            (".", "."),
        ] {
            assert_eq!(path(text).ok().as_deref(), Some(below), "{text}");
        }
        for text in [
            "",
            "/charts/nginx",
            "../nginx",
            "a/../b",
            "oci://r/c",
            "a\\b",
        ] {
            assert!(path(text).is_err(), "{text}");
        }
    }

    #[test]
    fn what_is_named_is_what_has_to_be_named() {
        for (group, resources) in GUARDED {
            for resource in resources {
                assert!(escalation(group, resource).is_some(), "{group} {resource}");
            }
        }
    }
}
