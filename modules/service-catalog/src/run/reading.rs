//! Reads that instances, bindings and brokers need, and what stands in the way where there is no answer.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use oarlock_sdk::{Context, Failure, ObjectRef, Outcome, ReadError, Requeue, Timestamp};
use serde_json::Value;

use crate::situation::Obstacle;

/// Of all kinds of the service catalog.
pub(crate) const API_VERSION: &str = "servicecatalog.k8s.io/v1beta1";

/// Milliseconds after which a read is tried again that the API server did not answer.
const AGAIN: u64 = 10_000;

/// The reason of what the API server did not answer.
const UNAVAILABLE: &str = "ApiUnavailable";

/// The outcome of a run that did not get to see what it needs: everything stays as it is, above all what others go by, and
/// it is tried again. None where nothing is in the way but what somebody has to change.
///
/// # Errors
/// Nothing was told of the object yet: the host says that it is tried again.
pub(super) fn unseen<'a>(
    cx: &Context,
    object: &Value,
    obstacles: impl IntoIterator<Item = &'a Obstacle>,
) -> Option<Result<Outcome, Failure>> {
    let mut obstacles = obstacles.into_iter();
    let unseen = obstacles.find(|obstacle| obstacle.reason == UNAVAILABLE)?;
    let conditions = object.pointer("/status/conditions");
    let conditions = conditions.and_then(Value::as_array).into_iter().flatten();
    let is_told = conditions
        .into_iter()
        .any(|condition| condition["type"] == "Ready");
    if !is_told {
        return Some(Err(Failure::retry(&unseen.message)));
    }
    let pause = unseen.retry.unwrap_or(AGAIN);
    let at = Timestamp::from_millis(cx.now().as_millis().saturating_add(pause));
    Some(Ok(Outcome::new().requeue(Requeue::At(at))))
}

/// Stands in the way where something cannot be read.
pub(crate) fn unread(what: &str, error: &ReadError) -> Obstacle {
    let (reason, retry) = match error {
        ReadError::Denied(_) => ("AccessDenied", None),
        ReadError::UnknownKind(_) => ("KindNotServed", None),
        ReadError::Unavailable(_) => (UNAVAILABLE, Some(AGAIN)),
        ReadError::Malformed { .. } => ("Unreadable", None),
    };
    Obstacle {
        reason,
        message: format!("{what} cannot be read: {error}"),
        retry,
    }
}

/// The cluster's identifier: the uid of the namespace `kube-system`.
///
/// # Errors
/// It cannot be read.
pub(crate) fn cluster(cx: &Context) -> Result<String, Obstacle> {
    let target = ObjectRef::new("v1", "Namespace", "kube-system");
    let what = "Namespace \"kube-system\", of which the identifiers at brokers are made,";
    let object = cx.get_raw(&target).map_err(|error| unread(what, &error))?;
    let uid = object
        .as_ref()
        .and_then(|object| text(object, "/metadata/uid"));
    uid.map(str::to_owned).ok_or_else(|| Obstacle {
        reason: "ClusterUnknown",
        message: format!("{what} does not exist"),
        retry: Some(AGAIN),
    })
}

/// The entries of Secrets of one namespace, decoded; those that are not there are not in it.
///
/// # Errors
/// One of them cannot be read.
pub(crate) fn secrets<'a>(
    cx: &Context,
    namespace: &str,
    names: impl IntoIterator<Item = &'a str>,
) -> Result<BTreeMap<String, BTreeMap<String, Vec<u8>>>, Obstacle> {
    let mut read = BTreeMap::new();
    for name in names {
        let target = ObjectRef::new("v1", "Secret", name).in_namespace(namespace);
        let object = cx
            .get_raw(&target)
            .map_err(|error| unread(&format!("Secret {name:?}"), &error))?;
        if let Some(object) = object {
            read.insert(name.to_owned(), entries(&object));
        }
    }
    Ok(read)
}

/// `data` of a Secret, decoded.
pub(crate) fn entries(secret: &Value) -> BTreeMap<String, Vec<u8>> {
    let data = secret["data"].as_object();
    data.into_iter()
        .flatten()
        .filter_map(|(key, value)| {
            let bytes = STANDARD.decode(value.as_str()?).ok()?;
            Some((key.clone(), bytes))
        })
        .collect()
}

/// A text in an object.
pub(crate) fn text<'a>(object: &'a Value, pointer: &str) -> Option<&'a str> {
    object.pointer(pointer)?.as_str()
}
