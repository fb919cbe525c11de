//! Which ReplicaSet of a Deployment has its current template.

use oarlock_sdk::{Context, ReadError, Selection, Value};

use super::{HASH, Target};
use crate::deployment::Live;

/// The `pod-template-hash` of the Pods that `live` makes now; none while its controller has not made them a ReplicaSet.
///
/// # Errors
///
/// Where the host has no answer.
pub(crate) fn hash(cx: &Context, live: &Live) -> Result<Option<String>, ReadError> {
    let labels: Vec<_> = Target::of(live)
        .selector
        .iter()
        .map(|(key, value)| format!("{key}={value}"))
        .collect();
    let sets = cx.reads().query(&Selection {
        api_version: String::from("apps/v1"),
        kind: String::from("ReplicaSet"),
        namespace: Some(String::from(live.namespace())),
        labels: Some(labels.join(",")),
        ..Selection::default()
    })?;
    Ok(hash_among(live, &sets))
}

/// The ReplicaSet's template is the Deployment's, but for the label that the controller adds.
fn hash_among(live: &Live, sets: &[Value]) -> Option<String> {
    let owned = |set: &&Value| {
        let owners = set["metadata"]["ownerReferences"].as_array();
        owners
            .into_iter()
            .flatten()
            .any(|owner| owner["uid"] == *live.metadata.uid)
    };
    sets.iter().filter(owned).find_map(|set| {
        let mut template = set["spec"]["template"].clone();
        let labels = template
            .pointer_mut("/metadata/labels")
            .and_then(Value::as_object_mut)?;
        let hash = labels.remove(HASH)?;
        (same(&template, &live.spec.template)).then(|| hash.as_str().map(String::from))?
    })
}

/// Equal, where null and an empty map are the same as nothing at all.
fn same(a: &Value, b: &Value) -> bool {
    let nothing = |value: &Value| match value {
        Value::Null => true,
        Value::Object(fields) => fields.is_empty(),
        _ => false,
    };
    match (a, b) {
        (Value::Object(x), Value::Object(y)) => {
            x.keys().chain(y.keys()).all(|key| same(&a[key], &b[key]))
        }
        (Value::Array(x), Value::Array(y)) => {
            x.len() == y.len() && x.iter().zip(y).all(|(x, y)| same(x, y))
        }
        _ => a == b || nothing(a) && nothing(b),
    }
}
