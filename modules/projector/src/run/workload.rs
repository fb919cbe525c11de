//! Which workloads a binding is for.

use oarlock_sdk::{Context, Failure, KindInfo, Object, ObjectRef, ReadError, Selection, Value};

use super::Gap;
use crate::spec::{ServiceBinding, WorkloadReference, group};

/// The workloads of a binding.
pub(super) enum Found {
    /// One at least.
    These(Vec<Value>),
    /// None.
    Nothing(Gap),
    /// It cannot be told.
    Unread(Gap),
}

/// Looks for them.
pub(super) fn find(
    cx: &Context,
    kinds: &[KindInfo],
    binding: &Object<ServiceBinding>,
) -> Result<Found, Failure> {
    let wanted = &binding.spec.workload;
    let what = format!("{} {}", wanted.api_version, wanted.kind);
    let Some(info) = kind(kinds, &wanted.api_version, &wanted.kind) else {
        if let Some(other) = kinds.iter().find(|info| is_another_version(info, wanted)) {
            // The workloads are there, and in use.
            return Ok(Found::Unread(Gap::no(
                "WorkloadNotFound",
                format!(
                    "{what} is not served by the API server any more, or not yet: {} is\nhint: set spec.workload.apiVersion to {}",
                    other.api_version, other.api_version
                ),
            )));
        }
        return Ok(Found::Nothing(Gap::no(
            "WorkloadNotFound",
            format!(
                "{what} is not served by the API server\nhint: correct spec.workload, or install its definition"
            ),
        )));
    };
    if !info.namespaced {
        return Ok(Found::Nothing(Gap::no(
            "WorkloadNotNamespaced",
            format!("{what} is in no namespace; a binding is for workloads of its own namespace"),
        )));
    }
    let read = match &wanted.selector {
        None => {
            let target = ObjectRef::new(
                wanted.api_version.as_str(),
                wanted.kind.as_str(),
                wanted.name.as_str(),
            )
            .in_namespace(binding.namespace());
            cx.get_raw(&target).map(|found| found.into_iter().collect())
        }
        Some(selector) => {
            let labels = selector
                .text()
                .map_err(|message| Failure::invalid("spec.workload.selector", message))?;
            cx.reads().query(&Selection {
                api_version: wanted.api_version.clone(),
                kind: wanted.kind.clone(),
                namespace: Some(binding.namespace().to_owned()),
                labels: Some(labels).filter(|labels| !labels.is_empty()),
                ..Selection::default()
            })
        }
    };
    Ok(match read {
        Ok(found) if found.is_empty() => Found::Nothing(Gap::no(
            "WorkloadNotFound",
            match &wanted.selector {
                None => format!(
                    "the workload was not found: there is no {} {} in namespace {}",
                    wanted.kind,
                    wanted.name,
                    binding.namespace()
                ),
                Some(_) => format!(
                    "no workload was found: spec.workload.selector matches no {} in namespace {}",
                    wanted.kind,
                    binding.namespace()
                ),
            },
        )),
        Ok(found) => Found::These(found),
        Err(ReadError::Denied(message)) => Found::Unread(Gap::no("WorkloadForbidden", message)),
        Err(ReadError::UnknownKind(message)) => {
            Found::Nothing(Gap::no("WorkloadNotFound", message))
        }
        Err(error) => return Err(error.into()),
    })
}

fn is_another_version(info: &KindInfo, wanted: &WorkloadReference) -> bool {
    info.kind == wanted.kind && group(&info.api_version) == group(&wanted.api_version)
}

/// The kind of this version.
pub(super) fn kind<'a>(
    kinds: &'a [KindInfo],
    api_version: &str,
    kind: &str,
) -> Option<&'a KindInfo> {
    kinds
        .iter()
        .find(|info| info.api_version == api_version && info.kind == kind)
}

/// What cannot be changed once it is there.
pub(super) fn unchangeable(target: &ObjectRef) -> Option<Gap> {
    let (what, instead) = match (group(&target.api_version), target.kind.as_str()) {
        ("", "Pod") => (
            "a Pod",
            "the Deployment, StatefulSet or DaemonSet that makes it",
        ),
        ("batch", "Job") => ("a Job", "the CronJob that makes it, if there is one"),
        _ => return None,
    };
    Some(Gap::no(
        "WorkloadImmutable",
        format!(
            "{} {}: the template of {what} cannot be changed once it is there\nhint: bind {instead}, or mount the Secret in its manifest",
            target.kind, target.name
        ),
    ))
}

/// Points at an object.
pub(super) fn reference(object: &Value) -> ObjectRef {
    let text = |pointer: &str| object.pointer(pointer).and_then(Value::as_str);
    ObjectRef {
        api_version: text("/apiVersion").unwrap_or_default().to_owned(),
        kind: text("/kind").unwrap_or_default().to_owned(),
        namespace: text("/metadata/namespace").map(str::to_owned),
        name: text("/metadata/name").unwrap_or_default().to_owned(),
    }
}

/// `metadata.uid`.
pub(super) fn uid(object: &Value) -> &str {
    metadata(object, "uid")
}

/// `metadata.resourceVersion`.
pub(super) fn version(object: &Value) -> &str {
    metadata(object, "resourceVersion")
}

/// Whether it is being deleted.
pub(super) fn is_deleting(object: &Value) -> bool {
    !metadata(object, "deletionTimestamp").is_empty()
}

fn metadata<'a>(object: &'a Value, field: &str) -> &'a str {
    object["metadata"][field].as_str().unwrap_or_default()
}
