//! The log of a run is capped, and says so.

use std::sync::Arc;

use oarlock_core::limits::Limits;

use crate::guests::{LIMITS, load, run_on};
use crate::host::FakeHost;

#[tokio::test]
async fn what_is_too_much_is_dropped_and_the_drop_is_told_once() {
    let module = load("hostile-logs-without-end").await;
    let host = Arc::new(FakeHost::default());
    let limits = Limits { log: 150, ..LIMITS };
    // The run itself goes on: a hundred thousand lines are no fault.
    run_on(&module, "{}", limits, &host).await.unwrap();
    insta::assert_snapshot!(host.logged(), @r#"
    Info still here [("line", "0")]
    Info still here [("line", "1")]
    Info still here [("line", "2")]
    Warn the rest of this run's log is dropped; hint: raise limits.log of the watch [("limit", "150")]
    "#);
}

#[tokio::test]
async fn standard_error_is_logged_by_line() {
    let module = load("hostile-wasi").await;
    let host = Arc::new(FakeHost::default());
    run_on(&module, "{}", LIMITS, &host).await.unwrap();
    insta::assert_snapshot!(host.logged(), @r#"
    Warn thread 'main' panicked at src/lib.rs:1:1: [("stream", "stderr")]
    Warn no more oars [("stream", "stderr")]
    Warn note: none [("stream", "stderr")]
    Warn half a line [("stream", "stderr")]
    "#);
}
