//! Prints the table for people: `RESPONSES.md`.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use super::table::{CALLS, CELLS, Call, Class, Rule};

const HEAD: &str = "\
# What follows from a broker's answer

<!-- Generated from modules/service-catalog/src/osb/table: UPDATE=1 cargo test -p service-catalog -->

One table decides what every answer of an Open Service Broker means, for every call. It is data (`osb/table/cells.rs`), and it is
the specification's table of orphan mitigation with what that leaves open. Every cell that can be is a test,
`osb::table::tests::every_cell::CALL::ANSWER`: row and column below, with `poll_` before the name of a call that is polled.
";

const RULES: &[(Rule, &str)] = &[
    (
        Rule::Done,
        "the operation succeeded. A binding whose poll says so is fetched: its credentials come in no other way",
    ),
    (
        Rule::Gone,
        "it is not at the broker any more: the object may go",
    ),
    (
        Rule::Poll,
        "the broker works on it: `last_operation` is asked, with the token where there was one",
    ),
    (
        Rule::KeepPolling,
        "`last_operation` is asked again, until the operation may not take longer",
    ),
    (Rule::Retry, "the same request again, after a back-off"),
    (
        Rule::Wait,
        "the same request again, when what is under way at the broker may have ended; nothing has failed",
    ),
    (
        Rule::Slowly,
        "the same request again, by the longest back-off; the failure stays in the status. A deletion is never given up and never \
         taken for done",
    ),
    (
        Rule::Refetch,
        "the catalog is read again, then the same request with what it says",
    ),
    (
        Rule::Fail,
        "failed, and there is no orphan: nothing more until the wish changes",
    ),
    (
        Rule::FailOrRetry,
        "failed, and there is no orphan: tried again after a back-off unless the broker says `update_repeatable: false`",
    ),
    (
        Rule::Refused,
        "the broker said no: nothing more until the wish changes",
    ),
    (
        Rule::Denied,
        "the broker does not talk to us: nothing more until the wish, or the broker's address, credentials or trust change",
    ),
    (
        Rule::Mitigate,
        "failed: the orphan is removed, then nothing more until the wish changes",
    ),
    (
        Rule::MitigateRetry,
        "failed: the orphan is removed, then another attempt under another identifier",
    ),
    (Rule::Never, "there is no such answer to this call"),
];

const TAIL: &str = "
An orphan is removed by a DELETE with the identifiers of service and plan that made it, on nobody's behalf, until 200 or 410.

## When

`Retry-After`, in seconds or as a date, goes with *poll*, *keep polling*, *retry*, *wait*, *slowly* and with every failure; what is
tried again is tried neither before it nor before its own back-off; polls follow it alone, at most once a second. More than an
hour is an hour, of a catalog a day.

## What a body has to be

An object, with `credentials` an object, `operation` a string of at most 10,000 characters and `state` one of three words, where
they are there. Anything else that has the wrong type (such as a `dashboard_url`) is passed over and named: no instance is removed
for it. An empty body is not an object.

## What others decide otherwise

| here | elsewhere |
|---|---|
| a refused provision is not tried again until its wish changes | service-catalog repeats all but 400 for seven days: provision, orphan mitigation, provision |
| a refused poll goes on | service-catalog ends at 400; the specification wants polling to go on |
| 422 `ConcurrencyError` waits | Korifi ends |
| 401, 403, 407, 412 end when the broker's Secret or address changes, too | the specification counts them with other 4xx |
| 429 is tried again | the specification counts it with other 4xx: nothing would be done before the wish changes |
| a request that was never sent (no connection, no trust) is tried again, and leaves no orphan | the specification has it under timeouts |
| 3xx is not followed: credentials go where they are configured to go | left to the HTTP client |
| a deletion that is refused is repeated, slowly | service-catalog ends, and the object stays for ever |
| a deletion is answered by 200 or 410 only; 404 is a refusal | some take 404 for gone |
";

const fn word(rule: Rule) -> &'static str {
    match rule {
        Rule::Done => "done",
        Rule::Gone => "gone",
        Rule::Poll => "poll",
        Rule::KeepPolling => "keep polling",
        Rule::Retry => "retry",
        Rule::Wait => "wait",
        Rule::Slowly => "slowly",
        Rule::Refetch => "refetch",
        Rule::Fail => "fail",
        Rule::FailOrRetry => "fail or retry",
        Rule::Refused => "refused",
        Rule::Denied => "denied",
        Rule::Mitigate => "**mitigate**",
        Rule::MitigateRetry => "**mitigate, retry**",
        Rule::Never => "–",
    }
}

const fn answer(class: Class) -> (&'static str, &'static str) {
    match class {
        Class::Ok => ("ok", "200 as it should be; polled: succeeded"),
        Class::OkUnreadable => ("ok_unreadable", "200, unreadable"),
        Class::InProgress => ("in_progress", "200, in progress"),
        Class::Failed => ("failed", "200, failed"),
        Class::Created => ("created", "201"),
        Class::CreatedUnreadable => ("created_unreadable", "201, unreadable"),
        Class::Accepted => ("accepted", "202"),
        Class::AcceptedUnreadable => ("accepted_unreadable", "202, unreadable"),
        Class::OtherSuccess => ("other_success", "other 2xx"),
        Class::Redirect => ("redirect", "3xx"),
        Class::BadRequest => ("bad_request", "400"),
        Class::Denied => ("denied", "401, 403, 407, 412"),
        Class::OtherRefusal => ("other_refusal", "404, 409, other 4xx, other 422"),
        Class::RequestTimeout => ("request_timeout", "408"),
        Class::Gone => ("gone", "410"),
        Class::Concurrency => ("concurrency", "422 ConcurrencyError"),
        Class::AsyncRequired => ("async_required", "422 AsyncRequired"),
        Class::RequiresApp => ("requires_app", "422 RequiresApp"),
        Class::MaintenanceInfoConflict => {
            ("maintenance_info_conflict", "422 MaintenanceInfoConflict")
        }
        Class::TooMany => ("too_many", "429"),
        Class::Server => ("server", "5xx"),
        Class::Lost => ("lost", "timeout, connection lost"),
        Class::Unsent => ("unsent", "never sent"),
        Class::Expired => ("expired", "polled as long as it may be"),
    }
}

fn table(text: &mut String, calls: &[(usize, Call)]) {
    text.push_str("\n| answer | `ANSWER` |");
    for (_, call) in calls {
        let (Call::Begin(operation) | Call::Poll(operation)) = call;
        write!(text, " {} |", operation.name()).unwrap();
    }
    text.push_str("\n|---|---|");
    text.push_str(&"---|".repeat(calls.len()));
    text.push('\n');
    for (class, rules) in CELLS {
        let rules: Vec<Rule> = calls.iter().map(|(column, _)| rules[*column]).collect();
        if rules.iter().all(|rule| *rule == Rule::Never) {
            continue;
        }
        let (name, told) = answer(*class);
        write!(text, "| {told} | `{name}` |").unwrap();
        for rule in rules {
            write!(text, " {} |", word(rule)).unwrap();
        }
        text.push('\n');
    }
}

fn published() -> String {
    let (begun, polled): (Vec<_>, Vec<_>) = CALLS
        .into_iter()
        .enumerate()
        .partition(|(_, call)| matches!(call, Call::Begin(_)));
    let mut text = String::from(HEAD);
    text.push_str("\n## Calls that begin something\n");
    table(&mut text, &begun);
    text.push_str("\n## `last_operation`\n");
    table(&mut text, &polled);
    text.push_str("\n## Words\n\n| word | what is done |\n|---|---|\n");
    for (rule, told) in RULES {
        writeln!(text, "| {} | {told} |", word(*rule)).unwrap();
    }
    text.push_str(TAIL);
    text
}

/// `UPDATE=1 cargo test -p service-catalog` writes it again.
#[test]
fn the_published_table_is_this_one() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("RESPONSES.md");
    if std::env::var_os("UPDATE").is_some() {
        fs::write(&path, published()).unwrap();
    }
    let kept = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        kept == published(),
        "RESPONSES.md is stale\nhint: UPDATE=1 cargo test -p service-catalog"
    );
}

#[test]
fn every_word_of_the_table_is_explained() {
    for (class, rules) in CELLS {
        for rule in rules {
            let explained = RULES.iter().filter(|(known, _)| known == rule).count();
            assert_eq!(explained, 1, "{rule:?} of {class:?}");
        }
    }
}
