//! Reads that instances, bindings and brokers need, and what stands in the way where there is no answer.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use oarlock_sdk::{Context, ObjectRef, ReadError};
use serde_json::Value;

use crate::situation::Obstacle;

/// Of all kinds of the service catalog.
pub(crate) const API_VERSION: &str = "servicecatalog.k8s.io/v1beta1";

/// Milliseconds after which a read is tried again that the API server did not answer.
const AGAIN: u64 = 10_000;

/// Stands in the way where something cannot be read.
pub(crate) fn unread(what: &str, error: &ReadError) -> Obstacle {
    let (reason, retry) = match error {
        ReadError::Denied(_) => ("AccessDenied", None),
        ReadError::UnknownKind(_) => ("KindNotServed", None),
        ReadError::Unavailable(_) => ("ApiUnavailable", Some(AGAIN)),
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
