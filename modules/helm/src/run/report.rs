//! What came back: of the last outcome's writes, and of reads that were not answered.

use std::time::Duration;

use oarlock_sdk::{ApiError, Context, ObjectRef, ReadError, RemovalStatus, WriteStatus};

use crate::situation::{Obstacle, Refusal, Report};

/// Milliseconds after which a read is tried again that the API server did not answer.
const AGAIN: Duration = Duration::from_secs(10);

/// What became of the last turn's effects.
pub(crate) fn last(cx: &Context) -> Option<Report> {
    let report = cx.last()?;
    let writes = report
        .writes
        .iter()
        .filter_map(|write| match &write.status {
            WriteStatus::Refused(error) => Some(refusal(&write.target, error)),
            _ => None,
        });
    let removals = report
        .removals
        .iter()
        .filter_map(|gone| match &gone.status {
            RemovalStatus::Refused(error) => Some(refusal(&gone.target, error)),
            _ => None,
        });
    Some(Report {
        tag: report.tag.clone(),
        refused: writes.chain(removals).next(),
    })
}

fn refusal(target: &ObjectRef, error: &ApiError) -> Refusal {
    Refusal {
        target: named(target),
        code: error.code,
        message: error.message.clone(),
    }
}

/// `Kind namespace/name`.
pub(crate) fn named(target: &ObjectRef) -> String {
    let ObjectRef { kind, name, .. } = target;
    match &target.namespace {
        Some(namespace) => format!("{kind} {namespace}/{name}"),
        None => format!("{kind} {name}"),
    }
}

/// A read that was not answered stands in the way, and touches nothing.
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
        retry: retry.and_then(|after| u64::try_from(after.as_millis()).ok()),
    }
}

#[cfg(test)]
mod tests {
    use oarlock_sdk::{RemovalResult, Report as Sdk, WriteResult};

    use super::*;

    fn error(code: u16) -> ApiError {
        ApiError {
            code,
            reason: String::from("Some"),
            message: format!("no, {code}"),
        }
    }

    #[test]
    fn the_first_refusal_counts_removals_too() {
        let target = || ObjectRef::new("v1", "Secret", "s").in_namespace("shop");
        let mut report = Sdk {
            tag: String::from("3/Objects/0"),
            removals: vec![RemovalResult {
                target: ObjectRef::new("v1", "Namespace", "old"),
                status: RemovalStatus::Refused(error(403)),
            }],
            ..Sdk::default()
        };
        let seen = |report: &Sdk| last(&Context::builder().last(report.clone()).build());
        let refused = |report: &Sdk| seen(report).and_then(|report| report.refused);
        assert_eq!(
            refused(&report),
            Some(Refusal {
                target: String::from("Namespace old"),
                code: 403,
                message: String::from("no, 403"),
            })
        );
        let write = |status| WriteResult {
            target: target(),
            status,
        };
        report.writes = vec![
            write(WriteStatus::Applied),
            write(WriteStatus::Refused(error(409))),
        ];
        assert_eq!(
            refused(&report).map(|no| no.target).as_deref(),
            Some("Secret shop/s")
        );
        assert_eq!(seen(&report).map(|r| r.tag).as_deref(), Some("3/Objects/0"));
        assert_eq!(last(&Context::builder().build()), None);
    }

    #[test]
    fn only_what_may_pass_is_read_again() {
        let passing = unread(
            "Secret a",
            &ReadError::Unavailable(String::from("no answer")),
        );
        assert_eq!(passing.retry, Some(10_000));
        assert_eq!(passing.message, "Secret a cannot be read: no answer");
        let denied = unread("Secret a", &ReadError::Denied(String::from("no grant")));
        assert_eq!((denied.reason, denied.retry), ("AccessDenied", None));
    }
}
