//! The built-in resources as the store serves them.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Origin, Resource, ResourceId, Scale, Version};
use crate::schema::builtin::{self, BuiltinResource};

/// Kinds whose `metadata.generation` the server counts.
const WITH_GENERATION: [(&str, &str); 20] = [
    ("", "pods"),
    ("", "podtemplates"),
    ("", "replicationcontrollers"),
    (
        "admissionregistration.k8s.io",
        "mutatingwebhookconfigurations",
    ),
    (
        "admissionregistration.k8s.io",
        "validatingadmissionpolicies",
    ),
    (
        "admissionregistration.k8s.io",
        "validatingadmissionpolicybindings",
    ),
    (
        "admissionregistration.k8s.io",
        "validatingwebhookconfigurations",
    ),
    ("apiextensions.k8s.io", "customresourcedefinitions"),
    ("apps", "daemonsets"),
    ("apps", "deployments"),
    ("apps", "replicasets"),
    ("apps", "statefulsets"),
    ("batch", "cronjobs"),
    ("batch", "jobs"),
    ("discovery.k8s.io", "endpointslices"),
    ("networking.k8s.io", "ingresses"),
    ("networking.k8s.io", "ingressclasses"),
    ("networking.k8s.io", "networkpolicies"),
    ("policy", "poddisruptionbudgets"),
    ("scheduling.k8s.io", "priorityclasses"),
];

const CORE_EVENTS: ResourceId = ResourceId::of("", "events");

/// Questions that are answered and never kept.
pub(crate) fn is_review(resource: &BuiltinResource) -> bool {
    resource.verbs.iter().all(|verb| verb == "create")
}

/// One resource per group and plural, its versions ordered as discovery prefers them.
pub(crate) fn catalog() -> Vec<Resource> {
    let mut grouped: BTreeMap<(&str, &str), Vec<&BuiltinResource>> = BTreeMap::new();
    for resource in builtin::all()
        .iter()
        .filter(|resource| !is_review(resource))
    {
        grouped
            .entry((&resource.group, &resource.plural))
            .or_default()
            .push(resource);
    }
    grouped
        .into_values()
        .filter_map(|versions| served(&versions))
        .collect()
}

fn served(versions: &[&BuiltinResource]) -> Option<Resource> {
    let mut versions = versions.to_vec();
    versions.sort_by_key(|resource| std::cmp::Reverse(precedence(&resource.version)));
    let first = versions.first()?;
    let id = ResourceId::new(first.group.as_str(), first.plural.as_str());
    let aliased = id == ResourceId::of("events.k8s.io", "events");
    Some(Resource {
        storage: if aliased { CORE_EVENTS } else { id.clone() },
        kind: first.kind.clone(),
        list_kind: format!("{}List", first.kind),
        singular: first.singular.clone(),
        short_names: first.short_names.clone(),
        categories: first.categories.clone(),
        namespaced: first.namespaced,
        generation: WITH_GENERATION.contains(&(id.group(), id.plural())),
        storage_version: first.version.clone(),
        origin: Origin::BuiltIn,
        versions: versions
            .iter()
            .map(|resource| version(&id, resource))
            .collect(),
        id,
    })
}

fn version(id: &ResourceId, resource: &BuiltinResource) -> Version {
    Version {
        name: resource.version.clone(),
        schema: Arc::new(resource.schema().clone()),
        status: resource.has_status,
        scale: resource.has_scale.then(|| Scale {
            spec_replicas: String::from(".spec.replicas"),
            status_replicas: String::from(".status.replicas"),
            selector: Some(String::from(".spec.selector")),
        }),
        columns: Vec::new(),
        selectable: selectable(id),
        deprecation: None,
        open_api: None,
    }
}

/// Field selectors of built-in kinds beyond name and namespace.
fn selectable(id: &ResourceId) -> Vec<String> {
    let paths: &[&str] = match (id.group(), id.plural()) {
        ("", "pods") => &[
            "spec.nodeName",
            "spec.restartPolicy",
            "spec.schedulerName",
            "spec.serviceAccountName",
            "spec.hostNetwork",
            "status.phase",
            "status.podIP",
            "status.nominatedNodeName",
        ],
        ("" | "events.k8s.io", "events") => &[
            "involvedObject.kind",
            "involvedObject.namespace",
            "involvedObject.name",
            "involvedObject.uid",
            "involvedObject.apiVersion",
            "involvedObject.resourceVersion",
            "involvedObject.fieldPath",
            "reason",
            "reportingComponent",
            "source",
            "type",
        ],
        ("", "namespaces") => &["status.phase"],
        ("", "nodes") => &["spec.unschedulable"],
        ("", "secrets") => &["type"],
        ("", "services") => &["spec.clusterIP", "spec.type"],
        ("", "replicationcontrollers") | ("apps", "replicasets") => &["status.replicas"],
        ("batch", "jobs") => &["status.successful"],
        _ => &[],
    };
    paths.iter().map(|path| String::from(*path)).collect()
}

/// Order of version names: stable before beta before alpha, then the higher number; other names last.
///
/// kube-aware version priority of the Kubernetes API conventions.
pub(crate) fn precedence(version: &str) -> (u8, u64, u64) {
    let unknown = (0, 0, 0);
    let Some(rest) = version.strip_prefix('v') else {
        return unknown;
    };
    let digits = rest
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(rest.len());
    let Ok(major) = rest[..digits].parse() else {
        return unknown;
    };
    let minor = |text: &str| text.parse().ok();
    match &rest[digits..] {
        "" => (3, major, 0),
        stage => {
            if let Some(minor) = stage.strip_prefix("beta").and_then(minor) {
                (2, major, minor)
            } else if let Some(minor) = stage.strip_prefix("alpha").and_then(minor) {
                (1, major, minor)
            } else {
                unknown
            }
        }
    }
}
