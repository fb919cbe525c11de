//! One bad module hurts nobody else, and waiting costs no worker.

use std::sync::Arc;

use oarlock_core::reconciler::Reconciler as _;
use oarlock_wasm::{EngineOptions, Loader};
use tokio::sync::Barrier;
use tokio::task::JoinSet;

use crate::guests::{LIMITS, bytes, load, request, run};
use crate::host::{FakeHost, Http};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifty_runs_finish_beside_looping_ones() {
    // More runs than instances: they wait for a place.
    let loader = Loader::new(EngineOptions {
        instances: 8,
        ..EngineOptions::default()
    })
    .unwrap();
    let looping = Arc::new(loader.load(bytes("hostile-loops")).await.unwrap());
    let echo = Arc::new(loader.load(bytes("hostile-echo")).await.unwrap());
    let mut loops = JoinSet::new();
    for _ in 0..4 {
        let looping = Arc::clone(&looping);
        loops.spawn(async move { run(&looping, "{}", LIMITS).await });
    }
    let mut runs = JoinSet::new();
    for _ in 0..50 {
        let echo = Arc::clone(&echo);
        runs.spawn(async move { run(&echo, "{}", LIMITS).await });
    }
    let mut finished = 0;
    while let Some(outcome) = runs.join_next().await {
        outcome.unwrap().unwrap();
        finished += 1;
    }
    assert_eq!(finished, 50);
    loops.shutdown().await;
}

/// On one thread: each of the twenty answers needs all twenty to wait at the same time.
#[tokio::test]
async fn a_run_that_waits_holds_no_worker() {
    const RUNS: usize = 20;
    let module = Arc::new(load("hostile-sleeps-in-import").await);
    let host = Arc::new(FakeHost {
        http: Http::Meets(Arc::new(Barrier::new(RUNS))),
        ..FakeHost::default()
    });
    let mut runs = JoinSet::new();
    for _ in 0..RUNS {
        let (module, host) = (Arc::clone(&module), Arc::clone(&host));
        runs.spawn(async move { module.reconcile(&request("{}"), host, LIMITS).await });
    }
    for outcome in runs.join_all().await {
        assert!(outcome.unwrap().tag.contains("status: 200"));
    }
}

/// Its place in the pool is free again: a pool of one serves the next.
#[tokio::test]
async fn dropping_the_future_ends_the_run() {
    let loader = Loader::new(EngineOptions {
        instances: 1,
        ..EngineOptions::default()
    })
    .unwrap();
    let module = loader
        .load(bytes("hostile-sleeps-in-import"))
        .await
        .unwrap();
    let hanging = Arc::new(FakeHost {
        http: Http::Hangs,
        ..FakeHost::default()
    });
    let asked = Arc::clone(&hanging);
    let request = request("{}");
    tokio::select! {
        outcome = module.reconcile(&request, hanging, LIMITS) => panic!("{outcome:?}"),
        () = async { while asked.asked().is_empty() { tokio::task::yield_now().await; } } => {}
    }
    run(&module, "{}", LIMITS).await.unwrap();
}
