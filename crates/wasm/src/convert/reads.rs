//! What the `cluster` interface passes.

use oarlock_core::reconciler::{Health, ObservedState, ReadError, Selection};
use oarlock_core::reference::{Gvk, KindInfo, ObjectRef};

use crate::bindings::oarlock::reconcile::{cluster, types};

/// Bytes of names in Kubernetes: of objects, of namespaces, of kinds, and of an API group, a slash and a version.
const NAME: usize = 253;
const NAMESPACE: usize = 63;
const KIND: usize = 63;
const API_VERSION: usize = 253 + 1 + 63;
/// Bytes of a label selector, and of all JSON pointers of one query: far more than anybody writes.
const SELECTOR: usize = 16 << 10;
const FIELDS: usize = 16 << 10;

/// What a read is about. Texts that are longer than Kubernetes has them are refused before the host writes them down as what
/// the run depends on. Whether the kind is served is the host's to say.
pub(crate) fn target(target: types::ObjectRef) -> Result<ObjectRef, ReadError> {
    kind(&target.api_version, &target.kind)?;
    namespace(target.namespace.as_deref())?;
    fits("name", &target.name, NAME)?;
    Ok(object_ref(target))
}

/// The ServiceAccount to read as.
pub(crate) fn account(act_as: Option<String>) -> Result<Option<String>, ReadError> {
    if let Some(name) = &act_as {
        fits("ServiceAccount's name", name, NAME)?;
    }
    Ok(act_as)
}

fn kind(api_version: &str, kind: &str) -> Result<(), ReadError> {
    fits("apiVersion", api_version, API_VERSION)?;
    fits("kind", kind, KIND)
}

fn namespace(namespace: Option<&str>) -> Result<(), ReadError> {
    namespace.map_or(Ok(()), |name| fits("namespace", name, NAMESPACE))
}

fn fits(what: &str, text: &str, most: usize) -> Result<(), ReadError> {
    bytes(what, text.len(), most)
}

fn bytes(what: &str, length: usize, most: usize) -> Result<(), ReadError> {
    if length <= most {
        return Ok(());
    }
    Err(ReadError::Denied(format!(
        "the {what} has {length} bytes, and {most} are the most that it may have"
    )))
}

/// A reference as it is.
pub(crate) fn object_ref(target: types::ObjectRef) -> ObjectRef {
    ObjectRef {
        gvk: Gvk::from_api_version(&target.api_version, &target.kind),
        namespace: target.namespace,
        name: target.name,
    }
}

pub(crate) fn object_ref_to_wit(target: &ObjectRef) -> types::ObjectRef {
    types::ObjectRef {
        api_version: target.gvk.api_version(),
        kind: target.gvk.kind.clone(),
        namespace: target.namespace.clone(),
        name: target.name.clone(),
    }
}

pub(crate) fn selection(selection: cluster::Selection) -> Result<Selection, ReadError> {
    kind(&selection.api_version, &selection.kind)?;
    namespace(selection.namespace.as_deref())?;
    if let Some(labels) = &selection.labels {
        fits("label selector", labels, SELECTOR)?;
    }
    let fields = selection.fields.iter().map(String::len).sum();
    bytes("list of fields", fields, FIELDS)?;
    Ok(Selection {
        gvk: Gvk::from_api_version(&selection.api_version, &selection.kind),
        namespace: selection.namespace,
        labels: selection.labels,
        fields: selection.fields,
        act_as: account(selection.act_as)?,
    })
}

pub(crate) fn state(state: ObservedState) -> cluster::State {
    cluster::State {
        target: object_ref_to_wit(&state.target),
        health: match state.health {
            Health::Current => cluster::Health::Current,
            Health::InProgress => cluster::Health::InProgress,
            Health::Failed => cluster::Health::Failed,
            Health::Terminating => cluster::Health::Terminating,
            Health::NotFound => cluster::Health::NotFound,
            Health::Unknown => cluster::Health::Unknown,
        },
        message: state.message,
    }
}

pub(crate) fn kind_info(info: KindInfo) -> cluster::KindInfo {
    cluster::KindInfo {
        api_version: info.gvk.api_version(),
        kind: info.gvk.kind.clone(),
        plural: info.plural,
        namespaced: info.namespaced,
    }
}

pub(crate) fn read_error(error: ReadError) -> cluster::ReadError {
    match error {
        ReadError::Denied(text) => cluster::ReadError::Denied(text),
        ReadError::UnknownKind(text) => cluster::ReadError::UnknownKind(text),
        ReadError::Unavailable(text) => cluster::ReadError::Unavailable(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What becomes of an object's reference whose parts have so many bytes.
    fn refused(api_version: usize, kind: usize, namespace: usize, name: usize) -> String {
        let target = target(types::ObjectRef {
            api_version: "v".repeat(api_version),
            kind: "K".repeat(kind),
            namespace: Some("n".repeat(namespace)),
            name: "o".repeat(name),
        });
        target.map_or_else(|error| error.to_string(), |_| String::new())
    }

    #[test]
    fn no_reference_is_longer_than_kubernetes_has_it() {
        assert_eq!(refused(317, 63, 63, 253), "");
        insta::assert_snapshot!(refused(2, 3, 7, 254), @"the name has 254 bytes, and 253 are the most that it may have");
        insta::assert_snapshot!(refused(2, 3, 64, 1), @"the namespace has 64 bytes, and 63 are the most that it may have");
        insta::assert_snapshot!(refused(2, 64, 7, 1), @"the kind has 64 bytes, and 63 are the most that it may have");
        insta::assert_snapshot!(refused(318, 3, 7, 1), @"the apiVersion has 318 bytes, and 317 are the most that it may have");
    }

    #[test]
    fn queries_are_bounded_too() {
        let query = |labels: usize, fields: usize, account: usize| {
            let selection = selection(cluster::Selection {
                api_version: "v1".to_owned(),
                kind: "Pod".to_owned(),
                namespace: None,
                labels: Some("l".repeat(labels)),
                fields: vec!["f".repeat(fields), "f".repeat(fields)],
                act_as: Some("a".repeat(account)),
            });
            selection.map_or_else(|error| error.to_string(), |_| String::new())
        };
        assert_eq!(query(16 << 10, 8 << 10, 253), "");
        insta::assert_snapshot!(query(20_000, 1, 1), @"the label selector has 20000 bytes, and 16384 are the most that it may have");
        insta::assert_snapshot!(query(1, 10_000, 1), @"the list of fields has 20000 bytes, and 16384 are the most that it may have");
        insta::assert_snapshot!(query(1, 1, 254), @"the ServiceAccount's name has 254 bytes, and 253 are the most that it may have");
    }
}
