use super::*;
use crate::osb::answer::{Answer, Heard};
use crate::osb::fetch;
use crate::osb::table::{Call, verdict};

fn heard(status: u16, headers: &[(&str, &str)], body: &str) -> Heard {
    let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    Heard::Answer(Answer {
        status,
        headers: headers.iter().map(owned).collect(),
        body: body.as_bytes().to_vec(),
    })
}

fn came(call: Call, status: u16, body: &str) -> Came {
    of(call, &verdict(call, &heard(status, &[], body)), 0).came
}

#[test]
fn what_the_table_says_means_something_here() {
    use Operation::{Bind, Deprovision, Provision, Update};
    let (put, patch, delete) = (
        Call::Begin(Provision),
        Call::Begin(Update),
        Call::Begin(Deprovision),
    );
    let failed = |unusable, again| Came::Failed { unusable, again };
    for (call, status, body, expected) in [
        (put, 200, "{}", Came::Done(Facts::default())),
        (put, 200, "<", failed(false, false)),
        (put, 201, "<", Came::Orphan { again: false }),
        (put, 400, "{}", Came::Refused),
        (put, 401, "{}", Came::Again { slow: true }),
        (put, 408, "{}", Came::Again { slow: false }),
        (put, 500, "{}", Came::Orphan { again: true }),
        (
            put,
            422,
            r#"{"error":"ConcurrencyError"}"#,
            Came::Again { slow: false },
        ),
        (
            put,
            422,
            r#"{"error":"MaintenanceInfoConflict"}"#,
            Came::Stale,
        ),
        (patch, 400, "{}", Came::Refused),
        (
            patch,
            400,
            r#"{"instance_usable":false}"#,
            failed(true, false),
        ),
        (patch, 500, "{}", failed(false, true)),
        (
            patch,
            500,
            r#"{"update_repeatable":false}"#,
            failed(false, false),
        ),
        (delete, 200, "{}", Came::Gone),
        (delete, 410, "{}", Came::Gone),
        (delete, 404, "{}", Came::Unknown),
        (delete, 400, "{}", Came::Again { slow: true }),
        (
            Call::Poll(Bind),
            200,
            r#"{"state":"succeeded"}"#,
            Came::Later,
        ),
        (Call::Poll(Provision), 410, "{}", Came::Working),
        (Call::Poll(Deprovision), 410, "{}", Came::Gone),
        (
            Call::Poll(Provision),
            200,
            r#"{"state":"succeeded"}"#,
            Came::Done(Facts::default()),
        ),
    ] {
        assert_eq!(
            came(call, status, body),
            expected,
            "{call:?} {status} {body}"
        );
    }
}

#[test]
fn it_is_said_when_to_come_again() {
    let call = Call::Poll(Operation::Provision);
    let answer = heard(200, &[("retry-after", "30")], r#"{"state":"in progress"}"#);
    assert_eq!(
        of(call, &verdict(call, &answer), 0).retry_after,
        Some(30_000)
    );
}

#[test]
fn a_binding_that_is_fetched_says_when_it_ends_and_nothing_secret() {
    let body =
        r#"{"credentials":{"p":"planted"},"metadata":{"expires_at":"2026-01-02T00:00:00Z"}}"#;
    let upshot = fetched(&fetch::binding(&heard(200, &[], body)), 0);
    let Came::Done(facts) = &upshot.came else {
        unreachable!("{upshot:?}")
    };
    assert_eq!(facts.expires_at, Some(1_767_312_000_000));
    assert!(!format!("{upshot:?}").contains("planted"));
    for (status, expected) in [(404, Came::Gone), (503, Came::Again { slow: false })] {
        let answer = heard(status, &[], "{}");
        assert_eq!(fetched(&fetch::binding(&answer), 0).came, expected);
    }
}
