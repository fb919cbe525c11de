//! What came back: of the last outcome's writes, and of reads that were not answered.

use std::time::Duration;

use oarlock_sdk::{ApiError, Context, ObjectRef, ReadError, RemovalStatus, WriteStatus};

use crate::situation::{Obstacle, Refusal, Report};

/// Milliseconds after which a read is tried again that the API server did not answer.
const AGAIN: Duration = Duration::from_secs(10);

/// Server-side apply says with 500 that an object does not fit its schema. It will not fit it later either.
const MISFIT: &str = "failed to create typed patch object";

/// Server-side apply says with 409 that fields are somebody else's. They stay his.
const CONFLICT: &str = "Apply failed with ";

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
        code: match [MISFIT, CONFLICT]
            .iter()
            .any(|no| error.message.contains(no))
        {
            true => 422,
            false => error.code,
        },
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
    // The host says which grant is missing, but not what an account lacks.
    let hint = match error {
        ReadError::Denied(message) if !message.contains("hint:") => {
            "\nhint: the service account that the release is acted for as needs a Role or ClusterRole with get, list and watch \
             of it, and the watch a grant for its namespace"
        }
        _ => "",
    };
    Obstacle {
        reason,
        message: format!("{what} cannot be read: {error}{hint}"),
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
    fn what_does_not_fit_its_schema_never_passes() {
        let target = ObjectRef::new("apps/v1", "Deployment", "web").in_namespace("shop");
        let seen = |message: &str| {
            let error = ApiError {
                code: 500,
                reason: String::new(),
                message: String::from(message),
            };
            refusal(&target, &error).passes()
        };
        assert!(!seen(
            "failed to create typed patch object (shop/web; apps/v1, Kind=Deployment): .spec.replicas: expected numeric"
        ));
        assert!(!seen(
            "Apply failed with 1 conflict: conflict with \"kubectl\" using v1: .data.a"
        ));
        assert!(seen("etcdserver: leader changed"));
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
        assert!(
            denied
                .message
                .starts_with("Secret a cannot be read: no grant\nhint: the service account"),
            "{}",
            denied.message
        );
        let hinted = ReadError::Denied(String::from("not granted\nhint: say `reads: [Secret]`"));
        let told = unread("Secret a", &hinted).message;
        assert_eq!(told.matches("hint:").count(), 1, "{told}");
    }
}
