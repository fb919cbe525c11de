//! What the module is told, and the names in it.

use oarlock_core::reference::Gvk;
use oarlock_core::request::{self, Report};
use oarlock_sdk::{ApiError, ObjectRef, RemovalResult, RemovalStatus, WriteResult, WriteStatus};

pub(crate) fn report(report: &Report) -> oarlock_sdk::Report {
    let write = |write: &request::WriteResult| WriteResult {
        target: reference(&write.target),
        status: match &write.status {
            request::WriteStatus::Applied => WriteStatus::Applied,
            request::WriteStatus::Unchanged => WriteStatus::Unchanged,
            request::WriteStatus::Differs(pointers) => WriteStatus::Differs(pointers.clone()),
            request::WriteStatus::Refused(error) => WriteStatus::Refused(api_error(error)),
            request::WriteStatus::NotTried(why) => WriteStatus::NotTried(why.clone()),
        },
    };
    let removal = |removal: &request::RemovalResult| RemovalResult {
        target: reference(&removal.target),
        status: match &removal.status {
            request::RemovalStatus::Deleted => RemovalStatus::Deleted,
            request::RemovalStatus::Absent => RemovalStatus::Absent,
            request::RemovalStatus::Refused(error) => RemovalStatus::Refused(api_error(error)),
            request::RemovalStatus::NotTried(why) => RemovalStatus::NotTried(why.clone()),
        },
    };
    oarlock_sdk::Report {
        tag: report.tag.clone(),
        generation: report.generation,
        module: report.module.as_str().to_owned(),
        writes: report.writes.iter().map(write).collect(),
        removals: report.removals.iter().map(removal).collect(),
    }
}

fn api_error(error: &request::ApiError) -> ApiError {
    ApiError {
        code: error.code,
        reason: error.reason.clone(),
        message: error.message.clone(),
    }
}

pub(crate) fn reference(target: &oarlock_core::reference::ObjectRef) -> ObjectRef {
    ObjectRef {
        api_version: target.gvk.api_version(),
        kind: target.gvk.kind.clone(),
        namespace: target.namespace.clone(),
        name: target.name.clone(),
    }
}

pub(crate) fn target(reference: &ObjectRef) -> oarlock_core::reference::ObjectRef {
    oarlock_core::reference::ObjectRef {
        gvk: Gvk::from_api_version(&reference.api_version, &reference.kind),
        namespace: reference.namespace.clone(),
        name: reference.name.clone(),
    }
}
