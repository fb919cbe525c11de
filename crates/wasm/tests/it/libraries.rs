//! Modules that import libraries: calls and answers, what a library may read, and what becomes of a call that breaks.

mod answers;
mod linking;
mod room;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use oarlock_core::limits::Limits;
use oarlock_core::reconciler::RunError;
use oarlock_core::reference::Digest;
use oarlock_wasm::{EngineOptions, Library, LibraryLimits, Loader, WasmModule};

use crate::guests::{LIMITS, LOADER, bytes, run_on, text};
use crate::host::{FakeHost, Http};

/// Limits of the library that a test tightens where it means to.
const LIBRARY: LibraryLimits = LibraryLimits {
    cpu: Duration::from_secs(20),
    memory: 64 << 20,
    output: 8 << 20,
    log: 64 << 10,
};

/// An engine of its own, so that nothing else fills its answers.
fn loader(options: EngineOptions) -> Loader {
    Loader::new(EngineOptions {
        cache: Some(Path::new(env!("CARGO_TARGET_TMPDIR")).join("compiled-guests")),
        instances: 8,
        ..options
    })
    .unwrap()
}

async fn libraries(loader: &Loader, limits: LibraryLimits) -> BTreeMap<String, Arc<Library>> {
    let oar = loader.load_library(bytes("hostile-library"), limits).await;
    let greeter = loader
        .load_library(bytes("hostile-wrong-world"), limits)
        .await;
    BTreeMap::from([
        ("local:oar/oar".to_owned(), Arc::new(oar.unwrap())),
        ("local:other/greeter".to_owned(), Arc::new(greeter.unwrap())),
    ])
}

/// The module that calls libraries, with those that it calls.
async fn caller(loader: &Loader, limits: LibraryLimits) -> WasmModule {
    let libraries = libraries(loader, limits).await;
    loader
        .load_with(bytes("hostile-calls"), &libraries)
        .await
        .unwrap()
}

/// What the module says when it is told to call `function` with `argument`.
async fn said(
    module: &WasmModule,
    host: &Arc<FakeHost>,
    function: &str,
    argument: &str,
) -> Result<String, RunError> {
    within(module, host, function, argument, LIMITS).await
}

async fn within(
    module: &WasmModule,
    host: &Arc<FakeHost>,
    function: &str,
    argument: &str,
    limits: Limits,
) -> Result<String, RunError> {
    let settings = format!(r#"{{"do":"{function}","with":"{argument}"}}"#);
    let outcome = run_on(module, &settings, limits, host).await?;
    Ok(outcome.tag)
}

#[tokio::test]
async fn calls_of_two_libraries() {
    let module = caller(&LOADER, LIBRARY).await;
    let host = Arc::default();
    assert_eq!(
        said(&module, &host, "repeat", "3").await.unwrap(),
        "oar oar oar "
    );
    assert_eq!(
        said(&module, &host, "greet", "ho").await.unwrap(),
        "hello hoho"
    );
    assert_eq!(host.asked(), "");
}

#[tokio::test]
async fn every_kind_of_value_crosses() {
    let module = caller(&LOADER, LIBRARY).await;
    let host = Arc::default();
    insta::assert_snapshot!(said(&module, &host, "turn", "").await.unwrap(), @r#"Ok(([Piece { name: "lock", side: Side::Port, rigging: Rigging { bits: 0 }, fitting: Fitting::None, weight: Some(1.5), initial: 'l', marks: [] }, Piece { name: "lock", side: Side::Port, rigging: Rigging { bits: 0 }, fitting: Fitting::Lock("brass"), weight: Some(1.5), initial: 'l', marks: [] }, Piece { name: "blade", side: Side::Starboard, rigging: Rigging { bits: 3 }, fitting: Fitting::Blade((7, -1, 0.5)), weight: None, initial: 'b', marks: [1, 2, 3] }], 3))"#);
    insta::assert_snapshot!(said(&module, &host, "turn-nothing", "").await.unwrap(), @r#"Err("no pieces")"#);
}

#[tokio::test]
async fn a_library_reads_what_its_caller_may() {
    let module = caller(&LOADER, LIBRARY).await;
    let package = b"planks".to_vec();
    let digest = Digest::of(&package);
    let host = Arc::new(FakeHost {
        named: BTreeMap::from([(
            "red".to_owned(),
            oarlock_core::json::Json::parse("{\"a\":1}").unwrap(),
        )]),
        packages: vec![package],
        ..FakeHost::default()
    });
    insta::assert_snapshot!(said(&module, &host, "secrets", "red").await.unwrap(), @r#"Ok(["{\"a\":1}"])"#);
    insta::assert_snapshot!(said(&module, &host, "secrets", "red,root").await.unwrap(), @r#"Err("ReadError::Denied(\"no grant for get on secrets\")")"#);
    insta::assert_snapshot!(said(&module, &host, "weigh", digest.as_str()).await.unwrap(), @"Ok(6)");
    let other = Digest::of(b"gold");
    insta::assert_snapshot!(said(&module, &host, "weigh", other.as_str()).await.unwrap(), @r#"Err("FetchError::Denied(\"this run did not fetch it\")")"#);
    insta::assert_snapshot!(host.asked(), @r#"
    get ("Secret default/red", None)
    get ("Secret default/red", None)
    get ("Secret default/root", None)
    artifact Digest("sha256:2bf7027da38a7f73a613bc76a2df706175fdff7196772e90876d84f9ea16e20f")
    artifact Digest("sha256:24d7f03d8dc3c3666969e6fa5bb1fac4736d3f1353c28307ed51b320f9dc42d3")
    "#);
}

#[tokio::test]
async fn what_a_library_logs_says_so() {
    let module = caller(&LOADER, LIBRARY).await;
    let host = Arc::default();
    said(&module, &host, "log", "the library was called")
        .await
        .unwrap();
    insta::assert_snapshot!(host.logged(), @r#"Info the library was called [("library", "local:oar/oar@0.1.0")]"#);
}

#[tokio::test]
async fn a_librarys_log_counts_against_its_callers_limit() {
    let module = caller(&LOADER, LIBRARY).await;
    let host = Arc::default();
    let limits = Limits { log: 40, ..LIMITS };
    within(
        &module,
        &host,
        "log",
        "far more than forty bytes are said here, all told",
        limits,
    )
    .await
    .unwrap();
    insta::assert_snapshot!(host.logged(), @r#"Warn the rest of this run's log is dropped; hint: raise limits.log of the watch [("limit", "40")]"#);
}

#[tokio::test]
async fn a_library_knows_no_time_and_no_chance() {
    let host = Arc::default();
    let mut answers = Vec::new();
    for _ in 0..2 {
        // Nothing is kept: both are computed.
        let loader = loader(EngineOptions {
            answers: 0,
            ..EngineOptions::default()
        });
        let module = caller(&loader, LIBRARY).await;
        answers.push(said(&module, &host, "clock", "").await.unwrap());
        answers.push(said(&module, &host, "turn", "").await.unwrap());
        assert_eq!((loader.answers().hits, loader.answers().kept), (0, 0));
    }
    assert_eq!(answers[..2], answers[2..]);
    insta::assert_snapshot!(answers[0], @"(0, 16294208416658607535)");
}

#[tokio::test]
async fn a_library_that_breaks_ends_the_run_and_nothing_else() {
    let limits = LibraryLimits {
        cpu: Duration::from_millis(100),
        output: 1 << 20,
        ..LIBRARY
    };
    let module = caller(&LOADER, limits).await;
    let host = Arc::default();
    // The caller may compute for less time than the library: what is used there is not the caller's.
    let own = Limits {
        cpu: Duration::from_millis(50),
        ..LIMITS
    };
    insta::assert_snapshot!(text(within(&module, &host, "commit", "loop", own).await), @"the library local:oar/oar@0.1.0 used more than 100ms of CPU time for one call; hint: look for an endless loop, or far too much, in what it was given");
    insta::assert_snapshot!(text(said(&module, &host, "commit", "trap").await), @"the library local:oar/oar@0.1.0 trapped: wasm `unreachable` instruction executed");
    insta::assert_snapshot!(text(said(&module, &host, "commit", "panic").await), @"the library local:oar/oar@0.1.0 trapped: the oar broke (wasm `unreachable` instruction executed)");
    insta::assert_snapshot!(text(said(&module, &host, "commit", "recurse").await), @"the library local:oar/oar@0.1.0 trapped: out of bounds memory access; endless recursion ends so too");
    insta::assert_snapshot!(text(said(&module, &host, "commit", "hoard").await), @"the library local:oar/oar@0.1.0 asked for more than 67108864 bytes of memory for one call; hint: look for an endless loop, or far too much, in what it was given; --library-memory and the memory limit of the container bound it, too");
    insta::assert_snapshot!(text(said(&module, &host, "repeat", "1000000").await), @"the library local:oar/oar@0.1.0 answered with more than 1048576 bytes; hint: ask it for less at once");
    // These are the caller's own.
    insta::assert_snapshot!(text(said(&module, &host, "argument", "").await), @"the module trapped: an import was given more than 8388608 bytes");
    let deadline = Limits {
        deadline: Duration::from_millis(50),
        ..LIMITS
    };
    let patient = caller(&LOADER, LIBRARY).await;
    insta::assert_snapshot!(text(within(&patient, &host, "commit", "loop", deadline).await), @"the module did not answer within 50ms; hint: raise limits.deadline of the watch");

    assert_eq!(said(&module, &host, "repeat", "1").await.unwrap(), "oar ");
}

/// The library's own time has no end: that of its caller has.
#[tokio::test]
async fn a_librarys_call_that_is_not_answered_ends_before_its_callers_deadline() {
    let loader = loader(EngineOptions::default());
    let module = caller(&loader, LIBRARY).await;
    let host = Arc::new(FakeHost {
        http: Http::TimesOut,
        ..FakeHost::default()
    });
    let limits = Limits {
        deadline: Duration::from_secs(600),
        ..LIMITS
    };
    tokio::time::pause();
    let said = within(&module, &host, "call", "http://harbour", limits).await;
    assert_eq!(said.unwrap(), r#"Err("HttpError::TimedOut")"#);
}
