//! Equal requests, equal outcomes, also for guests that look at clocks and dice.

use crate::guests::{LIMITS, load, request, run, text};
use crate::host::FakeHost;
use oarlock_core::reconciler::Reconciler as _;
use std::sync::Arc;

#[tokio::test]
async fn the_world_is_a_function_of_the_request() {
    let module = load("hostile-wasi").await;
    assert!(module.inspection().wasi);
    let first = run(&module, "{}", LIMITS).await.unwrap();
    let second = run(&module, "{}", LIMITS).await.unwrap();
    assert_eq!(first, second);
    insta::assert_snapshot!(first.tag, @"wall=1700000000.123000000 monotonic=1700000000123000000 slept=3600000000000 random=13679457532755275413 bytes=[3, 241, 102, 178, 51] seed=(279565198475132803, 15618775350480714937) environment=[]");

    let mut other = request("{}");
    other.seed = 43;
    let host = Arc::new(FakeHost::default());
    let third = module.reconcile(&other, host, LIMITS).await.unwrap();
    assert_ne!(first.tag, third.tag);
}

#[tokio::test]
async fn a_trap_takes_the_last_words_from_standard_error() {
    let module = load("hostile-wasi").await;
    insta::assert_snapshot!(text(run(&module, r#"{"trap":true}"#, LIMITS).await), @"the module trapped: no more oars (thread 'main' panicked at src/lib.rs:1:1:) (wasm `unreachable` instruction executed)");
}
