//! What the `cluster` interface passes.

use oarlock_core::reconciler::{Health, ObservedState, ReadError, Selection};
use oarlock_core::reference::{Gvk, KindInfo, ObjectRef};

use crate::bindings::oarlock::reconcile::{cluster, types};

/// A reference of a read. Whether the kind is served is the host's to say.
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

pub(crate) fn selection(selection: cluster::Selection) -> Selection {
    Selection {
        gvk: Gvk::from_api_version(&selection.api_version, &selection.kind),
        namespace: selection.namespace,
        labels: selection.labels,
        fields: selection.fields,
        act_as: selection.act_as,
    }
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
