//! What a module is told.

use oarlock_core::request::{
    ApiError, RemovalResult, RemovalStatus, Report, Request, WriteResult, WriteStatus,
};

use crate::bindings::oarlock::reconcile::types;
use crate::convert::reads::object_ref_to_wit;

pub(crate) fn request(request: &Request) -> types::Request {
    types::Request {
        object: request.object.as_str().to_owned(),
        settings: request.settings.as_str().to_owned(),
        now: request.now.as_millis(),
        seed: request.seed,
        attempt: request.attempt,
        deleting: request.deleting,
        last: request.last.as_ref().map(report),
    }
}

fn report(report: &Report) -> types::Report {
    types::Report {
        tag: report.tag.clone(),
        generation: report.generation,
        module: report.module.as_str().to_owned(),
        writes: report.writes.iter().map(write).collect(),
        removals: report.removals.iter().map(removal).collect(),
    }
}

fn write(result: &WriteResult) -> types::WriteResult {
    types::WriteResult {
        target: object_ref_to_wit(&result.target),
        status: match &result.status {
            WriteStatus::Applied => types::WriteStatus::Applied,
            WriteStatus::Unchanged => types::WriteStatus::Unchanged,
            WriteStatus::Differs(pointers) => types::WriteStatus::Differs(pointers.clone()),
            WriteStatus::Refused(error) => types::WriteStatus::Refused(api_error(error)),
            WriteStatus::NotTried(why) => types::WriteStatus::NotTried(why.clone()),
        },
    }
}

fn removal(result: &RemovalResult) -> types::RemovalResult {
    types::RemovalResult {
        target: object_ref_to_wit(&result.target),
        status: match &result.status {
            RemovalStatus::Deleted => types::RemovalStatus::Deleted,
            RemovalStatus::Absent => types::RemovalStatus::Absent,
            RemovalStatus::Refused(error) => types::RemovalStatus::Refused(api_error(error)),
            RemovalStatus::NotTried(why) => types::RemovalStatus::NotTried(why.clone()),
        },
    }
}

fn api_error(error: &ApiError) -> types::ApiError {
    types::ApiError {
        code: error.code,
        reason: error.reason.clone(),
        message: error.message.clone(),
    }
}
