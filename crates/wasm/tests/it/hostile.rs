//! Guests that misbehave: what the host says of each, and that it goes on.

use std::sync::Arc;
use std::time::Duration;

use oarlock_core::limits::Limits;
use oarlock_core::outcome::Children;

use crate::guests::{LIMITS, load, run, run_on, text};
use crate::host::{FakeHost, Http};

#[tokio::test]
async fn an_endless_loop_ends_with_its_cpu_time() {
    let module = load("hostile-loops").await;
    let limits = Limits {
        cpu: Duration::from_millis(30),
        ..LIMITS
    };
    insta::assert_snapshot!(text(run(&module, "{}", limits).await), @"the module used more than 30ms of CPU time; hint: raise limits.cpu of the watch, or fix an endless loop");
}

#[tokio::test]
async fn an_endless_loop_ends_with_its_deadline() {
    let module = load("hostile-loops").await;
    let limits = Limits {
        deadline: Duration::from_millis(50),
        ..LIMITS
    };
    insta::assert_snapshot!(text(run(&module, "{}", limits).await), @"the module did not answer within 50ms; hint: raise limits.deadline of the watch");
}

#[tokio::test]
async fn a_hoard_ends_with_its_memory() {
    let module = load("hostile-hoards").await;
    insta::assert_snapshot!(text(run(&module, "{}", LIMITS).await), @"the module asked for more than 67108864 bytes of memory; hint: raise limits.memory of the watch");
}

#[tokio::test]
async fn an_instance_that_is_too_large_from_the_start() {
    let module = load("hostile-hoards").await;
    let limits = Limits {
        memory: 64 << 10,
        ..LIMITS
    };
    insta::assert_snapshot!(text(run(&module, "{}", limits).await), @"the module asked for more than 65536 bytes of memory; hint: raise limits.memory of the watch");
}

#[tokio::test]
async fn endless_recursion_is_a_trap() {
    let module = load("hostile-recurses").await;
    insta::assert_snapshot!(text(run(&module, "{}", LIMITS).await), @"the module trapped: out of bounds memory access; endless recursion ends so too");
}

#[tokio::test]
async fn endless_logging_ends_with_cpu_time_and_floods_nobody() {
    let module = load("hostile-logs-without-end").await;
    let limits = Limits {
        cpu: Duration::from_millis(50),
        log: 1 << 10,
        ..LIMITS
    };
    let host = Arc::new(FakeHost::default());
    let said = text(run_on(&module, r#"{"forever":true}"#, limits, &host).await);
    insta::assert_snapshot!(said, @"the module used more than 50ms of CPU time; hint: raise limits.cpu of the watch, or fix an endless loop");
    assert!(host.lines.lock().len() < 30);
}

#[tokio::test]
async fn a_hundred_megabytes_are_too_large_an_answer() {
    let module = load("hostile-returns-100mb").await;
    let roomy = Limits {
        memory: 256 << 20,
        ..LIMITS
    };
    insta::assert_snapshot!(text(run(&module, "{}", roomy).await), @"the module's answer is larger than 8388608 bytes");
    // Ten gigabytes, if the host copied what it is pointed at.
    insta::assert_snapshot!(text(run(&module, r#"{"aliased":true}"#, LIMITS).await), @"the module's answer is larger than 8388608 bytes");
    insta::assert_snapshot!(text(run(&module, r#"{"argument":true}"#, roomy).await), @"the module trapped: an import was given more than 8388608 bytes");
    // The default memory does not hold it in the first place.
    insta::assert_snapshot!(text(run(&module, "{}", LIMITS).await), @"the module asked for more than 67108864 bytes of memory; hint: raise limits.memory of the watch");
}

#[tokio::test]
async fn a_hundred_thousand_children_are_too_large_an_answer() {
    let module = load("hostile-floods-children").await;
    insta::assert_snapshot!(text(run(&module, "{}", LIMITS).await), @"the module's answer is larger than 8388608 bytes");
}

#[tokio::test]
async fn wrong_json_is_named_with_its_place() {
    let module = load("hostile-invalid-json").await;
    let mut said = Vec::new();
    for place in [
        "syntax",
        "shape",
        "name",
        "status",
        "restore",
        "ignore",
        "manager",
        "uid",
        "share",
        "removal",
        "condition",
        "event",
        "notice",
        "fields",
    ] {
        let settings = format!("[{place:?}]");
        said.push(format!(
            "{place}: {}",
            text(run(&module, &settings, LIMITS).await)
        ));
    }
    insta::assert_snapshot!(said.join("\n"), @r#"
    syntax: the module's answer is wrong: children[1].object: not JSON: EOF while parsing an object at line 1 column 1
    shape: the module's answer is wrong: children[1].object: expected a JSON object
    name: the module's answer is wrong: children[1].object: metadata.name: expected a non-empty string
    status: the module's answer is wrong: status: expected a JSON object
    restore: the module's answer is wrong: children[1].on-leave.restore: expected a JSON object
    ignore: the module's answer is wrong: children[1].ignore[0]: expected a JSON pointer such as /spec/replicas, found "spec.replicas"
    manager: the module's answer is wrong: children[1].manager: expected a non-empty string
    uid: the module's answer is wrong: children[1].expect.uid: expected a non-empty string
    share: the module's answer is wrong: children[1].owner: expected unowned: a shared object is somebody else's
    removal: the module's answer is wrong: removals[0].target.name: expected a non-empty string
    condition: the module's answer is wrong: conditions[0].reason: expected one CamelCase word, found "not camel case"
    event: the module's answer is wrong: events[0].about.name: expected a non-empty string
    notice: the module's answer is wrong: notify[0].key: expected a non-empty string
    fields: the module's answer is wrong: failure.invalid: expected at least one field
    "#);
    let good = run(&module, r#"["nothing"]"#, LIMITS).await.unwrap();
    let Children::Exactly(children) = good.children else {
        panic!("children are listed");
    };
    assert_eq!(children.len(), 2);
}

#[tokio::test]
async fn a_refused_read_is_the_modules_to_handle() {
    let module = load("hostile-ungranted-read").await;
    insta::assert_snapshot!(text(run(&module, "{}", LIMITS).await), @r#"
    the module trapped: panicked at ungranted-read/src/lib.rs:8:71:
    called `Result::unwrap()` on an `Err` value: ReadError::Denied("no grant for get on secrets") (wasm `unreachable` instruction executed)
    "#);
}

/// The grants of children are checked by those who have the grants: here the outcome passes.
#[tokio::test]
async fn an_ungranted_child_is_only_a_wish() {
    let module = load("hostile-ungranted-write").await;
    let outcome = run(&module, "{}", LIMITS).await.unwrap();
    let Children::Exactly(children) = outcome.children else {
        panic!("children are listed");
    };
    insta::assert_snapshot!(children[0].object.target(), @"ClusterRole root");
}

#[tokio::test]
async fn a_panic_is_told_with_its_message() {
    let module = load("hostile-panics").await;
    insta::assert_snapshot!(text(run(&module, "{}", LIMITS).await), @"
    the module trapped: panicked at panics/src/lib.rs:11:23:
    index out of bounds: the len is 0 but the index is 7 (wasm `unreachable` instruction executed)
    ");
    insta::assert_snapshot!(text(run(&module, r#"{"silent":true}"#, LIMITS).await), @"the module trapped: wasm `unreachable` instruction executed");
    // Also when the log is full.
    let mute = Limits { log: 0, ..LIMITS };
    insta::assert_snapshot!(text(run(&module, "{}", mute).await), @"
    the module trapped: panicked at panics/src/lib.rs:11:23:
    index out of bounds: the len is 0 but the index is 7 (wasm `unreachable` instruction executed)
    ");
}

#[tokio::test]
async fn an_import_that_never_answers_ends_with_the_deadline() {
    let module = load("hostile-sleeps-in-import").await;
    let host = Arc::new(FakeHost {
        http: Http::Hangs,
        ..FakeHost::default()
    });
    // Virtual from here on: the deadline is a minute.
    tokio::time::pause();
    let said = text(run_on(&module, "{}", LIMITS, &host).await);
    insta::assert_snapshot!(said, @"the module did not answer within 60s; hint: raise limits.deadline of the watch");
}

#[tokio::test]
async fn a_call_that_is_not_answered_ends_before_the_deadline() {
    let module = load("hostile-sleeps-in-import").await;
    let host = Arc::new(FakeHost {
        http: Http::TimesOut,
        ..FakeHost::default()
    });
    tokio::time::pause();
    let outcome = run_on(&module, "{}", LIMITS, &host).await.unwrap();
    assert_eq!(outcome.tag, "Err(HttpError::TimedOut)");
}
