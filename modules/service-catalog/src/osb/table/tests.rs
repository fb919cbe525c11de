//! Every cell of the table, and what goes with a verdict.

mod every_cell;
mod invariants;

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{CALLS, CELLS, Call, Class, Done, Next, Pace, Rule, Verdict, class, expired, verdict};
use crate::osb::moment::RetryAfter;
use crate::osb::{Answer, Heard, Operation, Orphan};

/// An answer with a body of JSON.
pub(super) fn answered(status: u16, body: &Value) -> Heard {
    raw(status, body.to_string().as_bytes())
}

fn raw(status: u16, body: &[u8]) -> Heard {
    Heard::Answer(Answer {
        status,
        headers: vec![("retry-after".to_owned(), "17".to_owned())],
        body: body.to_vec(),
    })
}

/// In words.
pub(super) fn shape(verdict: &Verdict) -> String {
    match verdict {
        Verdict::Done(Done::Instance(_)) => "instance".to_owned(),
        Verdict::Done(Done::Binding(_)) => "binding".to_owned(),
        Verdict::Done(Done::Gone) => "gone".to_owned(),
        Verdict::Done(Done::Later { .. }) => "later".to_owned(),
        Verdict::Poll(_) => "poll".to_owned(),
        Verdict::KeepPolling(_) => "keep polling".to_owned(),
        Verdict::Again(again) => match again.pace {
            Pace::Ordinary => "again, ordinary".to_owned(),
            Pace::Waiting => "again, waiting".to_owned(),
            Pace::Slow => "again, slow".to_owned(),
        },
        Verdict::Refetch(_) => "refetch".to_owned(),
        Verdict::Failed(failed) => {
            let mitigate = match failed.mitigate {
                Some(Orphan::Instance) => ", mitigate instance",
                Some(Orphan::Binding) => ", mitigate binding",
                None => "",
            };
            let next = match failed.next {
                Next::Attempt => "attempt",
                Next::Wish => "wish",
                Next::Access => "access",
            };
            format!("failed{mitigate}, then {next}")
        }
    }
}

fn failure(verdict: Verdict) -> super::Failed {
    match verdict {
        Verdict::Failed(failed) => failed,
        other => panic!("not failed: {other:?}"),
    }
}

#[test]
fn every_call_and_every_class_is_in_the_table_once() {
    let classes: BTreeSet<Class> = CELLS.iter().map(|(class, _)| *class).collect();
    assert_eq!(classes.len(), CELLS.len());
    assert_eq!(CELLS.len(), 24);
    let calls: BTreeSet<Call> = CALLS.into_iter().collect();
    assert_eq!(calls.len(), 2 * Operation::ALL.len());
    let possible = CELLS
        .iter()
        .flat_map(|(_, rules)| rules)
        .filter(|rule| **rule != Rule::Never)
        .count();
    assert_eq!(possible, every_cell::COUNT, "a cell without a test");
}

/// What the table says cannot be, is not made of any answer.
#[test]
fn no_answer_leads_to_a_cell_that_cannot_be() {
    let bodies = [
        json!({}),
        json!({"state": "in progress"}),
        json!({"state": "failed"}),
        json!({"error": "ConcurrencyError"}),
        json!([]),
    ];
    for status in 0..=999 {
        for body in &bodies {
            for call in CALLS {
                let Heard::Answer(answer) = answered(status, body) else {
                    continue;
                };
                let class = class(call, &answer);
                assert_ne!(super::rule(call, class), Rule::Never, "{status} {call:?}");
            }
        }
    }
}

/// Row 33: what brokers get wrong most, as one story.
#[test]
fn row_33_misbehaviour_is_decided_by_the_table() {
    let provision = Call::Begin(Operation::Provision);
    let poll = Call::Poll(Operation::Provision);
    for (call, heard, expected) in [
        (
            provision,
            raw(201, b"<html>"),
            "failed, mitigate instance, then wish",
        ),
        (
            provision,
            raw(204, b""),
            "failed, mitigate instance, then wish",
        ),
        (provision, answered(202, &json!({})), "poll"),
        (poll, answered(410, &json!({})), "keep polling"),
        (poll, answered(404, &json!({})), "keep polling"),
        (
            Call::Poll(Operation::Deprovision),
            answered(410, &json!({})),
            "gone",
        ),
    ] {
        assert_eq!(shape(&verdict(call, &heard)), expected);
    }
}

#[test]
fn retry_after_goes_with_whatever_is_tried_again() {
    let expected = Some(RetryAfter::Seconds(17));
    let begin = Call::Begin(Operation::Provision);
    let poll = Call::Poll(Operation::Bind);
    let in_progress = json!({"state": "in progress"});
    for (call, status, body) in [
        (begin, 202, json!({"operation": "t"})),
        (begin, 429, json!({})),
        (begin, 503, json!({})),
        (begin, 422, json!({"error": "ConcurrencyError"})),
        (poll, 200, in_progress),
        (poll, 503, json!({})),
    ] {
        let found = match verdict(call, &answered(status, &body)) {
            Verdict::Poll(accepted) => accepted.retry_after,
            Verdict::KeepPolling(pending) => pending.retry_after,
            Verdict::Again(again) => again.retry_after,
            Verdict::Failed(failed) => failed.retry_after,
            other => panic!("not tried again: {other:?}"),
        };
        assert_eq!(found, expected, "{call:?} {status}");
    }
}

#[test]
fn an_update_is_repeated_unless_the_broker_says_that_it_is_no_use() {
    let body = json!({"description": "no", "instance_usable": false, "update_repeatable": false});
    let call = Call::Begin(Operation::Update);
    let failed = failure(verdict(call, &answered(500, &body)));
    assert_eq!(failed.next, Next::Wish);
    assert!(!failed.fault.usable());
    let failed = failure(verdict(call, &answered(500, &json!({}))));
    assert_eq!(failed.next, Next::Attempt);
    assert!(failed.fault.usable());

    let mut body = json!({"state": "failed", "description": "disk", "update_repeatable": false});
    let poll = Call::Poll(Operation::Update);
    let failed = failure(verdict(poll, &answered(200, &body)));
    assert_eq!((failed.mitigate, failed.next), (None, Next::Wish));
    assert_eq!(
        failed.fault.to_string(),
        "update failed at the broker: disk"
    );
    body["update_repeatable"] = json!(true);
    let failed = failure(verdict(poll, &answered(200, &body)));
    assert_eq!(failed.next, Next::Attempt);
}

/// 401, 403, 407, 412: mending the broker's Secret has to wake what they stopped.
#[test]
fn what_is_denied_waits_for_access_too() {
    for status in [401, 403, 407, 412, 301, 307] {
        let call = Call::Begin(Operation::Bind);
        let failed = failure(verdict(call, &answered(status, &json!({}))));
        assert_eq!(
            (failed.mitigate, failed.next),
            (None, Next::Access),
            "{status}"
        );
    }
}

#[test]
fn an_unknown_422_is_a_refusal_and_its_words_are_kept() {
    let body = json!({"error": "QuotaExceeded", "description": "three are enough"});
    let call = Call::Begin(Operation::Provision);
    let failed = failure(verdict(call, &answered(422, &body)));
    assert_eq!(
        failed.fault.to_string(),
        "the broker answered 422 QuotaExceeded: three are enough"
    );
}

#[test]
fn an_operation_that_never_ends_says_why_it_was_given_up() {
    let failed = failure(expired(Operation::Bind, "the bind took more than 3600 s"));
    assert_eq!(failed.mitigate, Some(Orphan::Binding));
    assert_eq!(failed.fault.to_string(), "the bind took more than 3600 s");
    let poll = Call::Poll(Operation::Bind);
    let failed = failure(verdict(poll, &answered(200, &json!({"state": "failed"}))));
    assert_eq!(failed.fault.to_string(), "bind failed at the broker");
}

#[test]
fn tokens_travel_and_empty_ones_are_none() {
    let call = Call::Begin(Operation::Deprovision);
    let token = |body: &Value| match verdict(call, &answered(202, body)) {
        Verdict::Poll(accepted) => accepted.operation,
        other => panic!("not polled: {other:?}"),
    };
    assert_eq!(token(&json!({"operation": "t 1"})).as_deref(), Some("t 1"));
    assert_eq!(token(&json!({"operation": ""})), None);
    assert_eq!(token(&json!({"operation": null})), None);
    let long = "x".repeat(crate::osb::LONGEST_OPERATION + 1);
    let refused = verdict(call, &answered(202, &json!({"operation": long})));
    assert_eq!(shape(&refused), "again, slow");
}

#[test]
fn silence_says_whether_anything_was_sent() {
    let call = Call::Begin(Operation::Bind);
    let lost = Heard::Lost {
        cause: "no answer within 60 s".to_owned(),
    };
    assert_eq!(
        failure(verdict(call, &lost)).fault.to_string(),
        "the broker did not answer: no answer within 60 s"
    );
    let unsent = Heard::Unsent {
        cause: "connection refused".to_owned(),
    };
    let Verdict::Again(again) = verdict(call, &unsent) else {
        panic!("not tried again");
    };
    assert_eq!(
        again.fault.to_string(),
        "the broker was not reached: connection refused"
    );
}
