//! Other releases: those that this one depends on, and the one whose release it is already.

use oarlock_sdk::{Context, Failure, ObjectRef, ReadError, Selection};
use serde_json::Value;

use crate::situation::TOKEN_LABEL;
use crate::storage::Entry;
use crate::wish::Wish;

/// Kinds that releases are made of, beside the object's own.
const KINDS: &[(&str, &str)] = &[
    ("helm.toolkit.fluxcd.io/v2", "HelmRelease"),
    ("helm.fluxcd.io/v1", "HelmRelease"),
    ("flux.weave.works/v1beta1", "HelmRelease"),
    ("samplecontroller.k8s.io/v1alpha1", "HelmRelease"),
];

/// Releases that are not ready, with what is missing.
///
/// # Errors
/// Where the host has no answer.
pub(crate) fn dependencies(
    cx: &Context,
    object: &Value,
    wish: &Wish,
) -> Result<Vec<String>, Failure> {
    let (api_version, kind) = kind_of(object);
    let mut missing = Vec::new();
    for (namespace, name) in &wish.depends_on {
        let target = ObjectRef::new(api_version, kind, name).in_namespace(namespace.as_str());
        let found = match cx.get_raw(&target) {
            Ok(found) => found,
            Err(error @ ReadError::Unavailable(_)) => return Err(error.into()),
            Err(error) => {
                missing.push(format!(
                    "unable to get '{namespace}/{name}' dependency: {error}"
                ));
                continue;
            }
        };
        match found {
            None => missing.push(format!(
                "unable to get '{namespace}/{name}' dependency: {kind} {name:?} not found"
            )),
            Some(other) if !is_ready(&other) => {
                missing.push(format!("dependency '{namespace}/{name}' is not ready"));
            }
            Some(_) => {}
        }
    }
    Ok(missing)
}

/// Whether a release is as its object wishes.
fn is_ready(release: &Value) -> bool {
    let generation = release.pointer("/metadata/generation");
    let observed = release.pointer("/status/observedGeneration");
    if observed.is_some() && observed != generation {
        return false;
    }
    let conditions = release
        .pointer("/status/conditions")
        .and_then(Value::as_array);
    conditions.into_iter().flatten().any(|condition| {
        let of_now = condition
            .get("observedGeneration")
            .is_none_or(|observed| Some(observed) == generation);
        condition["type"] == "Ready" && condition["status"] == "True" && of_now
    })
}

/// Another living object whose release this is, by the newest record.
///
/// # Errors
/// Where the host has no answer.
pub(crate) fn antecedent(
    cx: &Context,
    object: &Value,
    uid: &str,
    newest: Option<&Entry>,
) -> Result<Option<String>, Failure> {
    let Some(maker) = newest
        .and_then(|entry| maker(entry))
        .filter(|maker| *maker != uid)
    else {
        return Ok(None);
    };
    let own = kind_of(object);
    for (api_version, kind) in [own].into_iter().chain(KINDS.iter().copied()) {
        let selection = Selection {
            api_version: api_version.to_owned(),
            kind: kind.to_owned(),
            fields: vec![String::from("/metadata/uid")],
            ..Selection::default()
        };
        let found = match cx.reads().query(&selection) {
            Ok(found) => found,
            Err(error @ ReadError::Unavailable(_)) => return Err(error.into()),
            Err(ReadError::Denied(_)) => in_namespace(cx, object, selection)?,
            Err(ReadError::UnknownKind(_) | ReadError::Malformed { .. }) => continue,
        };
        let text = |object: &Value, field: &str| {
            let found = object["metadata"][field].as_str();
            found.unwrap_or_default().to_owned()
        };
        if let Some(other) = found.iter().find(|other| text(other, "uid") == maker) {
            let (namespace, name) = (text(other, "namespace"), text(other, "name"));
            return Ok(Some(format!("{kind} {namespace}/{name}")));
        }
    }
    Ok(None)
}

/// What a watch of one namespace may see of a kind.
fn in_namespace(cx: &Context, object: &Value, selection: Selection) -> Result<Vec<Value>, Failure> {
    let namespace = object["metadata"]["namespace"].as_str();
    let selection = Selection {
        namespace: namespace.map(str::to_owned),
        ..selection
    };
    match cx.reads().query(&selection) {
        Ok(found) => Ok(found),
        Err(error @ ReadError::Unavailable(_)) => Err(error.into()),
        // Who may not see others cannot be told of them.
        Err(_) => Ok(Vec::new()),
    }
}

/// Uid of the object that made a record; none where somebody else did. Helm copies labels to revisions that it makes of ours.
fn maker(entry: &Entry) -> Option<&str> {
    let token = entry.labels.get(TOKEN_LABEL)?;
    Some(token.split_once('.').map_or(token.as_str(), |(uid, _)| uid))
}

fn kind_of(object: &Value) -> (&str, &str) {
    let text = |field: &str| object[field].as_str().unwrap_or_default();
    (text("apiVersion"), text("kind"))
}
