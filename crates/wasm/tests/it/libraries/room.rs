//! Memory that all libraries share, and what waiting for it costs.

use std::sync::Arc;
use std::time::Duration;

use oarlock_core::limits::Limits;
use oarlock_wasm::EngineOptions;
use tokio::sync::Barrier;

use super::{LIBRARY, caller, loader, said, within};
use crate::guests::{LIMITS, text};
use crate::host::{FakeHost, Http, Waits};

#[tokio::test]
async fn memory_bounds_how_many_run_at_a_time() {
    // Two runs whose libraries both have to be inside a call to go on.
    for (room, both) in [(2, true), (1, false)] {
        let loader = loader(EngineOptions {
            library_memory: room * LIBRARY.memory,
            ..EngineOptions::default()
        });
        let module = caller(&loader, LIBRARY).await;
        let host = Arc::new(FakeHost {
            http: Http::Meets(Arc::new(Barrier::new(2))),
            ..FakeHost::default()
        });
        let limits = Limits {
            deadline: Duration::from_secs(if both { 60 } else { 1 }),
            ..LIMITS
        };
        let call = || within(&module, &host, "call", "http://harbour", limits);
        let answers = tokio::join!(call(), call());
        let met = matches!(&answers, (Ok(one), Ok(other)) if one == "Ok(200)" && one == other);
        assert_eq!(met, both, "{room}: {answers:?}");
    }
}

#[tokio::test]
async fn more_calls_than_there_is_room_for_wait() {
    let loader = loader(EngineOptions {
        library_memory: LIBRARY.memory,
        answers: 0,
        ..EngineOptions::default()
    });
    let module = caller(&loader, LIBRARY).await;
    let host = Arc::default();
    let call = || said(&module, &host, "repeat", "2");
    let answers = tokio::join!(call(), call(), call(), call());
    for answer in [answers.0, answers.1, answers.2, answers.3] {
        assert_eq!(answer.unwrap(), "oar oar ");
    }
}

#[tokio::test]
async fn no_call_is_allowed_more_than_there_is_for_all() {
    let loader = loader(EngineOptions {
        library_memory: LIBRARY.memory / 2,
        ..EngineOptions::default()
    });
    let module = caller(&loader, LIBRARY).await;
    let host = Arc::default();
    insta::assert_snapshot!(text(said(&module, &host, "commit", "hoard").await), @"the library local:oar/oar@0.1.0 asked for more than 33554432 bytes of memory for one call; hint: look for an endless loop, or far too much, in what it was given; --library-memory and the memory limit of the container bound it, too");
    assert_eq!(said(&module, &host, "repeat", "1").await.unwrap(), "oar ");
}

#[tokio::test(start_paused = true)]
async fn waiting_for_room_is_told_and_costs_no_deadline() {
    let loader = loader(EngineOptions {
        library_memory: LIBRARY.memory,
        ..EngineOptions::default()
    });
    let module = caller(&loader, LIBRARY).await;
    let barrier = Arc::new(Barrier::new(2));
    let inside = Arc::new(FakeHost {
        http: Http::Meets(Arc::clone(&barrier)),
        ..FakeHost::default()
    });
    let outside = Arc::<FakeHost>::default();
    let short = Limits {
        deadline: Duration::from_secs(1),
        ..LIMITS
    };
    let until = async |such: &dyn Fn() -> bool| {
        while !such() {
            tokio::task::yield_now().await;
        }
    };
    let first = said(&module, &inside, "call", "http://harbour");
    let second = async {
        until(&|| !inside.asked().is_empty()).await;
        within(&module, &outside, "repeat", "1", short).await
    };
    let harbour = async {
        until(&|| outside.waits.lock().now == 1).await;
        // Far longer than the second may take.
        tokio::time::sleep(Duration::from_secs(30)).await;
        barrier.wait().await;
    };
    let (first, second, ()) = tokio::join!(first, second, harbour);
    assert_eq!(first.unwrap(), "Ok(200)");
    assert_eq!(second.unwrap(), "oar ");
    assert_eq!(*inside.waits.lock(), Waits::default());
    assert_eq!(*outside.waits.lock(), Waits { now: 0, ever: 1 });
}
