//! Where things are in the workloads of a binding: `ClusterWorkloadResourceMapping` objects, and what needs none.

use oarlock_sdk::{Context, Failure, KindInfo, ObjectRef, ReadError, Value};
use serde::Deserialize;

use super::child::{Kind, Way};
use super::{Gap, workload};
use crate::projection::{Mapping, Template};
use crate::spec::{GROUP, WorkloadReference, group, version};

/// Groups whose kinds with pod templates every API server has.
const KNOWN: [&str; 3] = ["", "apps", "batch"];

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Spec {
    versions: Vec<Template>,
}

/// How workloads of this kind are written.
pub(super) fn way(
    cx: &Context,
    kinds: &[KindInfo],
    wanted: &WorkloadReference,
) -> Result<Result<Way, Gap>, Failure> {
    let mapping = match mapping(cx, kinds, wanted)? {
        Ok(mapping) => mapping,
        Err(gap) => return Ok(Err(gap)),
    };
    let kind = kind(cx, kinds, &wanted.api_version, &wanted.kind)?;
    Ok(Ok(Way { mapping, kind }))
}

/// What is known of a kind's lists.
pub(super) fn kind(
    cx: &Context,
    kinds: &[KindInfo],
    api_version: &str,
    kind: &str,
) -> Result<Kind, Failure> {
    if KNOWN.contains(&group(api_version)) {
        return Ok(Kind::Known);
    }
    let Some(info) = workload::kind(kinds, api_version, kind) else {
        return Ok(Kind::Unknown);
    };
    let definition = ObjectRef::new(
        "apiextensions.k8s.io/v1",
        "CustomResourceDefinition",
        resource(info),
    );
    Ok(match cx.get_raw(&definition) {
        Ok(Some(definition)) => Kind::Defined {
            definition: Box::new(definition),
            version: version(api_version).to_owned(),
        },
        // Aggregated kinds have none; where it is not granted, nothing is assumed.
        Ok(None) | Err(ReadError::Denied(_) | ReadError::UnknownKind(_)) => Kind::Unknown,
        Err(error) => return Err(error.into()),
    })
}

fn mapping(
    cx: &Context,
    kinds: &[KindInfo],
    wanted: &WorkloadReference,
) -> Result<Result<Mapping, Gap>, Failure> {
    let Some(info) = workload::kind(kinds, &wanted.api_version, &wanted.kind) else {
        return Ok(built_in(wanted));
    };
    let name = resource(info);
    let target = ObjectRef::new(
        format!("{GROUP}/v1"),
        "ClusterWorkloadResourceMapping",
        name.as_str(),
    );
    let found = match cx.get_raw(&target) {
        Ok(Some(found)) => found,
        Ok(None) | Err(ReadError::UnknownKind(_)) => return Ok(built_in(wanted)),
        Err(ReadError::Denied(message)) => {
            return Ok(Err(Gap::no("MappingForbidden", message)));
        }
        Err(error) => return Err(error.into()),
    };
    let wrong = |message: String| {
        Gap::no(
            "MappingInvalid",
            format!("ClusterWorkloadResourceMapping {name}: {message}"),
        )
    };
    let spec = match found.get("spec") {
        None | Some(Value::Null) => Ok(Spec::default()),
        Some(spec) => Spec::deserialize(spec),
    };
    Ok(match spec {
        Ok(spec) => Mapping::choose(&spec.versions, version(&wanted.api_version))
            .map_err(|error| wrong(error.to_string())),
        Err(error) => Err(wrong(error.to_string())),
    })
}

/// That of what has a pod template where a Deployment has it, or where a CronJob has it.
fn built_in(wanted: &WorkloadReference) -> Result<Mapping, Gap> {
    let mapping = match (group(&wanted.api_version), wanted.kind.as_str()) {
        ("batch", "CronJob") => Mapping::cron_job(),
        _ => Mapping::pod_spec(),
    };
    mapping.map_err(|error| Gap::no("MappingInvalid", error.to_string()))
}

/// `PLURAL.GROUP`; the plural alone in the core group.
fn resource(info: &KindInfo) -> String {
    match group(&info.api_version) {
        "" => info.plural.clone(),
        group => format!("{}.{group}", info.plural),
    }
}
