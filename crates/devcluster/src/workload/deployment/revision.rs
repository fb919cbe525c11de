//! ReplicaSets as revisions of a Deployment: which one is current, its number, its annotations.

use std::collections::BTreeMap;

use k8s_openapi::api::apps::v1::{Deployment, ReplicaSet, ReplicaSetSpec};
use k8s_openapi::api::core::v1::PodTemplateSpec;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, ObjectMeta};

use super::bounds::Bounds;
use crate::workload::hash::template_hash;
use crate::workload::ownership::{controller_reference, name};

/// The revision number, on Deployments and ReplicaSets.
pub(crate) const REVISION: &str = "deployment.kubernetes.io/revision";
/// Numbers a ReplicaSet had before it was rolled back to.
const REVISION_HISTORY: &str = "deployment.kubernetes.io/revision-history";
/// The Deployment's replicas when its ReplicaSets were last sized.
pub(crate) const DESIRED: &str = "deployment.kubernetes.io/desired-replicas";
/// Replicas and surge when the ReplicaSets were last sized.
pub(crate) const MAX: &str = "deployment.kubernetes.io/max-replicas";
/// The label that tells the pods of ReplicaSets apart.
pub(crate) const TEMPLATE_HASH: &str = "pod-template-hash";

/// Annotations of a Deployment that its ReplicaSets do not inherit.
const NOT_INHERITED: [&str; 6] = [
    "kubectl.kubernetes.io/last-applied-configuration",
    REVISION,
    REVISION_HISTORY,
    DESIRED,
    MAX,
    "deprecated.deployment.rollback.to",
];

/// Longest revision history kept, in bytes.
const LONGEST_HISTORY: usize = 2000;

/// The Deployment's template, empty when there is none.
pub(crate) fn template(deployment: &Deployment) -> PodTemplateSpec {
    deployment
        .spec
        .as_ref()
        .map(|spec| spec.template.clone())
        .unwrap_or_default()
}

/// The hash the Deployment's present template gets.
pub(crate) fn hash(deployment: &Deployment) -> String {
    let collisions = deployment
        .status
        .as_ref()
        .and_then(|status| status.collision_count);
    template_hash(&template(deployment), collisions)
}

/// The ReplicaSet of the Deployment's present template; the oldest when there are several (`sets` is sorted by age).
///
/// The same hash counts as the same template: defaults filled in later must not make a revision of their own.
pub(crate) fn current<'a>(
    deployment: &Deployment,
    sets: &[&'a ReplicaSet],
) -> Option<&'a ReplicaSet> {
    let wanted = template(deployment);
    let hash = hash(deployment);
    let same_template = |set: &&&ReplicaSet| without_hash(set).as_ref() == Some(&wanted);
    let same_hash = |set: &&&ReplicaSet| {
        set.metadata
            .labels
            .as_ref()
            .and_then(|labels| labels.get(TEMPLATE_HASH))
            == Some(&hash)
    };
    sets.iter()
        .find(same_template)
        .or_else(|| sets.iter().find(same_hash))
        .copied()
}

fn without_hash(set: &ReplicaSet) -> Option<PodTemplateSpec> {
    let mut template = set.spec.as_ref()?.template.clone()?;
    if let Some(labels) = template
        .metadata
        .as_mut()
        .and_then(|meta| meta.labels.as_mut())
    {
        labels.remove(TEMPLATE_HASH);
    }
    Some(template)
}

/// The revision number of an object, 0 without one.
pub(crate) fn number(meta: &ObjectMeta) -> i64 {
    annotation(meta, REVISION)
        .and_then(|text| text.parse().ok())
        .unwrap_or(0)
}

/// An annotation that holds a count.
pub(crate) fn count(meta: &ObjectMeta, key: &str) -> Option<i32> {
    annotation(meta, key)?.parse().ok()
}

fn annotation<'a>(meta: &'a ObjectMeta, key: &str) -> Option<&'a String> {
    meta.annotations.as_ref()?.get(key)
}

/// The number the current revision should have: one more than all others.
pub(crate) fn next_number(old: &[&ReplicaSet]) -> i64 {
    old.iter()
        .map(|set| number(&set.metadata))
        .max()
        .unwrap_or(0)
        + 1
}

/// A new ReplicaSet for the Deployment's template.
pub(crate) fn new_set(
    deployment: &Deployment,
    bounds: &Bounds,
    number: i64,
    replicas: i32,
) -> ReplicaSet {
    let hash = hash(deployment);
    let label = || (String::from(TEMPLATE_HASH), hash.clone());
    let mut template = template(deployment);
    let labels = template
        .metadata
        .get_or_insert_default()
        .labels
        .get_or_insert_default();
    labels.extend([label()]);
    let labels = labels.clone();
    let mut selector: LabelSelector = deployment
        .spec
        .as_ref()
        .map(|spec| spec.selector.clone())
        .unwrap_or_default();
    selector
        .match_labels
        .get_or_insert_default()
        .extend([label()]);

    let mut annotations = inherited(deployment);
    annotations.insert(String::from(REVISION), number.to_string());
    annotations.extend(sizes(bounds));
    ReplicaSet {
        metadata: ObjectMeta {
            name: Some(format!("{}-{hash}", name(&deployment.metadata))),
            namespace: deployment.metadata.namespace.clone(),
            labels: Some(labels),
            annotations: Some(annotations),
            owner_references: Some(vec![controller_reference(
                "apps/v1",
                "Deployment",
                &deployment.metadata,
            )]),
            ..ObjectMeta::default()
        },
        spec: Some(ReplicaSetSpec {
            replicas: Some(replicas),
            min_ready_seconds: (bounds.min_ready_seconds > 0).then_some(bounds.min_ready_seconds),
            selector,
            template: Some(template),
        }),
        status: None,
    }
}

/// The current ReplicaSet as it should be annotated; `None` when it is right already.
pub(crate) fn synced(
    deployment: &Deployment,
    bounds: &Bounds,
    set: &ReplicaSet,
    number_wanted: i64,
) -> Option<ReplicaSet> {
    let mut wanted = set.clone();
    let before = number(&set.metadata);
    let annotations = wanted.metadata.annotations.get_or_insert_default();
    annotations.extend(inherited(deployment));
    if before < number_wanted {
        let old = annotations.insert(String::from(REVISION), number_wanted.to_string());
        if let Some(old) = old {
            remember(annotations, &old);
        }
    }
    let spec = wanted.spec.get_or_insert_default();
    if spec.min_ready_seconds.unwrap_or(0) != bounds.min_ready_seconds {
        spec.min_ready_seconds = (bounds.min_ready_seconds > 0).then_some(bounds.min_ready_seconds);
    }
    (wanted != *set).then_some(wanted)
}

fn remember(annotations: &mut BTreeMap<String, String>, old: &str) {
    let history = annotations
        .entry(String::from(REVISION_HISTORY))
        .or_default();
    if history.is_empty() {
        old.clone_into(history);
        return;
    }
    history.push(',');
    history.push_str(old);
    while history.len() > LONGEST_HISTORY {
        match history.split_once(',') {
            Some((_, rest)) => *history = String::from(rest),
            None => history.clear(),
        }
    }
}

fn inherited(deployment: &Deployment) -> BTreeMap<String, String> {
    let annotations = deployment.metadata.annotations.iter().flatten();
    annotations
        .filter(|(key, _)| !NOT_INHERITED.contains(&key.as_str()))
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect()
}

/// The annotations that remember what ReplicaSets were sized for.
pub(crate) fn sizes(bounds: &Bounds) -> [(String, String); 2] {
    [
        (String::from(DESIRED), bounds.replicas.to_string()),
        (String::from(MAX), bounds.most().to_string()),
    ]
}
