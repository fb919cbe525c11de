#![expect(clippy::unwrap_used, reason = "tests")]

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc;

use oarlock_core::timestamp::Timestamp;
use tokio::net::TcpListener;

use super::*;

/// Most that a machine under load may take.
const SOON: Duration = Duration::from_secs(30);

#[tokio::test]
async fn what_is_under_way_ends_with_the_depot() {
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let depot = Depot::new(Options::default()).unwrap();
    let inner = Arc::downgrade(&depot.inner);
    let mut fetch = depot.fetch(Wanted {
        source: Source::Archive(format!("http://{}/a.tgz", silent.local_addr().unwrap())),
        credentials: Credentials::default(),
        reach: Reach::Anywhere { plain_http: false },
        expect: None,
        max_age: Duration::ZERO,
        dependencies: true,
        verify: Vec::new(),
    });
    assert!(futures_util::poll!(&mut fetch).is_pending());
    let _connection = silent.accept().await.unwrap();
    drop(fetch);
    tokio::task::yield_now().await;
    // It goes on without anybody, but not without the depot.
    assert!(inner.strong_count() > 1);
    drop(depot);
    let gone = async {
        while inner.strong_count() > 0 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(SOON, gone).await.unwrap();
}

#[tokio::test]
async fn few_packages_are_unpacked_at_the_same_time() {
    let depot = Depot::new(Options::default()).unwrap();
    let begun = Arc::new(AtomicUsize::new(0));
    let mut gates = Vec::new();
    let mut works = Vec::new();
    for _ in 0..=UNPACKED_AT_ONCE {
        let (open, gate) = mpsc::channel::<()>();
        gates.push(open);
        let begun = Arc::clone(&begun);
        let mut work = Box::pin(depot.unpack(move || {
            begun.fetch_add(1, Ordering::SeqCst);
            // Until the other end is gone.
            gate.recv().unwrap_err();
        }));
        assert!(futures_util::poll!(&mut work).is_pending());
        works.push(work);
    }
    assert_eq!(depot.inner.unpacking.available_permits(), 0);
    drop(gates.remove(0));
    works.remove(0).await.unwrap();
    drop(gates);
    for work in works {
        work.await.unwrap();
    }
    assert_eq!(begun.load(Ordering::SeqCst), UNPACKED_AT_ONCE + 1);
}

/// A clock that somebody else moves.
struct Hand(AtomicU64);

impl Clock for Hand {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.0.load(Ordering::Relaxed))
    }

    fn sleep_until(&self, _deadline: Timestamp) -> BoxFuture<'static, ()> {
        Box::pin(std::future::pending())
    }
}

#[tokio::test]
async fn answers_age_by_the_clock_that_was_given() {
    let clock = Arc::new(Hand(AtomicU64::new(1_000)));
    let depot = Depot::with_clock(Options::default(), Arc::clone(&clock) as _).unwrap();
    let asked = Question::new(
        Kind::Archive,
        "https://charts.example/a.tgz",
        &Credentials::default(),
    );
    depot.inner.cache.note(&asked, &7_u32).await;
    let hour = Duration::from_secs(3600);
    let is_fresh = async || {
        let record = depot.inner.cache.record::<u32>(&asked).await.unwrap();
        record.is_fresh(hour)
    };
    clock.0.store(3_600_999, Ordering::Relaxed);
    assert!(is_fresh().await);
    clock.0.store(3_601_000, Ordering::Relaxed);
    assert!(!is_fresh().await);
}
