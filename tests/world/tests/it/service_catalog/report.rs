//! `tests/SERVICE-CATALOG.md`: every cell with its test and what it saw. Each test checks its own line; `UPDATE=1` writes it.

use std::collections::BTreeSet;
use std::env;
use std::fmt::Write as _;
use std::fs;

use parking_lot::Mutex;

use super::cells::Seen;
use crate::components::root;

const REPORT: &str = "tests/SERVICE-CATALOG.md";

const HEAD: &str = "\
# What becomes of every answer of a broker

<!-- Generated: UPDATE=1 cargo test -p oarlock-world --test it service_catalog::cells. Each line is checked by its own test. -->

The whole operator with `service-catalog.wasm`, the embedded cluster, and a scripted broker (`tests/broker`) that treats one call as
told and all others as it should. Each line is a test of `tests/world`, `service_catalog::cells::TEST`; its row in the response table
(`modules/service-catalog/RESPONSES.md`) is the first word of its answer.

Beside what is in the line, every test checks: that what is asked for was in the object's status before it was sent; that whatever was
made is in the status until the broker said that it is gone; that orphans are removed on nobody's behalf and under
`OrphanMitigation=True`; that the broker found nothing to complain of in any request; and that in the end, when all objects are
deleted, nothing is left at the broker.

The other rows that are promised, below `tests/world/tests/it/service_catalog`:

| row | tests |
|---|---|
| 30 crash after send, before response | `killed.rs`: before and after every write of a life, at once and with polls; between receipt and record of each call |
| 31 deleted during an asynchronous create or bind | `leaving.rs` |
| 32 broker gone, its Secret gone, another certificate | `leaving.rs` |
| 33 201 with garbage, 204, 202 without operation, polls 410 and 404 | `lives.rs`, and the table below |
| 34 a plan in use is dropped, a service is renamed | `offers.rs`, `catalogs.rs` |
| 35 credentials that are no texts, invalid keys, too large | `credentials.rs` |
| 36 parametersFrom: missing, changed, twice | `parameters.rs` |
| 37 somebody else's Secret | `credentials.rs` |
| every misbehaviour against every call, twice and for ever | `broken.rs` |
| no secret in logs, Events, conditions, status, metrics | `planted.rs` |
| nothing is written and nobody asked where nothing changed | `idle.rs` |

Ready: `+` True, `-` False, `?` Unknown. Failed: only where it is True in the end.

| call | answer | test | the broker | follows | requests | Ready | Failed | left at the broker |
|---|---|---|---|---|---|---|---|---|
";

/// One line.
pub(crate) struct Line {
    pub(crate) call: String,
    pub(crate) answer: String,
    pub(crate) test: String,
    pub(crate) broker: String,
    pub(crate) follows: String,
    pub(crate) seen: Seen,
}

impl Line {
    fn text(&self) -> String {
        let Self {
            call,
            answer,
            test,
            broker,
            follows,
            seen,
        } = self;
        let Seen {
            requests,
            left,
            ready,
            failed,
        } = seen;
        let broker = broker.replace('|', "\\|");
        let failed = if failed.is_empty() { "–" } else { failed };
        format!(
            "| {call} | {answer} | `{test}` | `{broker}` | {follows} | {requests} | {ready} | {failed} | {left} |"
        )
    }
}

/// Tests of one process write one after the other.
static WRITING: Mutex<()> = Mutex::new(());

fn is_updated() -> bool {
    env::var_os("UPDATE").is_some()
}

fn lines() -> Vec<String> {
    let text = fs::read_to_string(root().join(REPORT)).unwrap_or_default();
    let lines = text.lines().filter(|line| test_of(line).is_some());
    lines.map(str::to_owned).collect()
}

/// Name of the test of a line.
fn test_of(line: &str) -> Option<&str> {
    let test = line.split('|').nth(3)?.trim().trim_matches('`');
    test.contains("::").then_some(test)
}

fn write(lines: &[String]) {
    let mut text = HEAD.to_owned();
    for line in lines {
        writeln!(text, "{line}").unwrap();
    }
    fs::write(root().join(REPORT), text).unwrap();
}

/// Checks a line, or writes it.
pub(crate) fn check(line: &Line) {
    let _writing = WRITING.lock();
    let mut lines = lines();
    let at = lines
        .iter()
        .position(|known| test_of(known) == Some(line.test.as_str()));
    let text = line.text();
    if is_updated() {
        match at {
            Some(at) => lines[at] = text,
            None => lines.push(text),
        }
        write(&lines);
        return;
    }
    let Some(at) = at else {
        panic!("{REPORT} has no line of {}; hint: UPDATE=1", line.test);
    };
    assert_eq!(lines[at], text, "{REPORT} is stale; hint: UPDATE=1");
}

/// Checks that the report has these tests and no others, in this order.
pub(crate) fn check_tests(order: &[String]) {
    let _writing = WRITING.lock();
    let found = lines();
    if is_updated() {
        let of = |test: &String| found.iter().find(|line| test_of(line) == Some(test));
        let sorted: Vec<String> = order.iter().filter_map(of).cloned().collect();
        write(&sorted);
        return;
    }
    let there: Vec<&str> = found.iter().filter_map(|line| test_of(line)).collect();
    let twice: BTreeSet<&&str> = there.iter().collect();
    assert_eq!(twice.len(), there.len(), "{REPORT} has a line twice");
    assert_eq!(there, order, "{REPORT} has other lines than cells.txt");
    let text = fs::read_to_string(root().join(REPORT)).unwrap();
    assert!(text.starts_with(HEAD), "{REPORT} is stale; hint: UPDATE=1");
}
