//! What holds for every status, every body and every call.

use serde_json::json;

use super::super::{CALLS, Call, Done, Next, Verdict, expired, verdict};
use super::raw;
use crate::osb::Operation;

/// Everything that can be answered, more or less.
fn each(check: impl Fn(Call, u16, &str, &Verdict)) {
    let mut bodies: Vec<String> = [
        "ConcurrencyError",
        "AsyncRequired",
        "RequiresApp",
        "MaintenanceInfoConflict",
        "Other",
    ]
    .map(|code| json!({"error": code, "update_repeatable": false}).to_string())
    .to_vec();
    bodies.extend(
        ["in progress", "succeeded", "failed", "odd"]
            .map(|state| json!({"state": state}).to_string()),
    );
    bodies.extend(
        [
            "",
            "{}",
            "[]",
            "null",
            "<html>",
            "{\"operation\":1}",
            "{\"credentials\":\"x\"}",
        ]
        .map(str::to_owned),
    );
    for status in 0..=999 {
        for body in &bodies {
            for call in CALLS {
                let found = verdict(call, &raw(status, body.as_bytes()));
                check(call, status, body, &found);
            }
        }
    }
}

/// Else an object would go, and what it stands for would stay at the broker, and cost.
#[test]
fn only_a_deletion_that_the_broker_confirms_is_gone() {
    each(|call, status, body, found| {
        if *found != Verdict::Done(Done::Gone) {
            return;
        }
        let (Call::Begin(operation) | Call::Poll(operation)) = call;
        assert!(operation.removes(), "{call:?} {status} {body}");
        assert!(matches!(status, 200 | 410), "{call:?} {status} {body}");
    });
}

#[test]
fn a_deletion_is_never_given_up() {
    each(|call, status, body, found| {
        let (Call::Begin(operation) | Call::Poll(operation)) = call;
        if let Verdict::Failed(failed) = found
            && operation.removes()
        {
            assert_eq!(failed.next, Next::Attempt, "{call:?} {status} {body}");
        }
    });
    for operation in [Operation::Deprovision, Operation::Unbind] {
        assert!(matches!(expired(operation, "long"), Verdict::Again(_)));
    }
}

/// A refusal leaves nothing behind: to remove what was refused could remove what somebody else has under that identifier.
#[test]
fn nothing_is_mitigated_after_a_refusal_nor_after_an_update() {
    each(|call, status, body, found| {
        if let Verdict::Failed(failed) = found
            && failed.mitigate.is_some()
        {
            assert!(!(300..500).contains(&status), "{call:?} {status} {body}");
            let (Call::Begin(operation) | Call::Poll(operation)) = call;
            assert_eq!(failed.mitigate, operation.orphan());
            assert_ne!(operation, Operation::Update, "{status} {body}");
        }
    });
}

/// What may have been made is there, is polled, or is removed: but for 200, which the specification takes for no orphan.
#[test]
fn what_may_have_been_made_is_never_forgotten() {
    each(|call, status, body, found| {
        let makes = matches!(call, Call::Begin(Operation::Provision | Operation::Bind));
        if !makes || status == 200 || (300..500).contains(&status) {
            return;
        }
        let kept = match found {
            Verdict::Done(_) | Verdict::Poll(_) => true,
            Verdict::Failed(failed) => failed.mitigate.is_some(),
            Verdict::KeepPolling(_) | Verdict::Again(_) | Verdict::Refetch(_) => false,
        };
        assert!(kept, "{call:?} {status} {body}: {found:?}");
    });
}

/// A poll ends by a word of the broker, by 410 of a deletion, or by time.
#[test]
fn a_poll_goes_on_until_the_broker_says_so() {
    each(|call, status, body, found| {
        if matches!(call, Call::Poll(_)) && !matches!(found, Verdict::KeepPolling(_)) {
            assert!(matches!(status, 200 | 410), "{call:?} {status} {body}");
        }
    });
}
