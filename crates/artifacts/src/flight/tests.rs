#![expect(clippy::unwrap_used, reason = "tests")]

use std::sync::atomic::{AtomicU32, Ordering};

use tokio::sync::oneshot;
use tokio_util::sync::DropGuard;

use super::*;

const KEEP: Duration = Duration::from_secs(60);

struct Work {
    flights: Flights<&'static str, u32>,
    begun: Arc<AtomicU32>,
    _open: DropGuard,
}

impl Work {
    fn new(keep: Duration) -> Self {
        let end = CancellationToken::new();
        Self {
            flights: Flights::new(&end, keep),
            begun: Arc::default(),
            _open: end.drop_guard(),
        }
    }

    async fn ask(&self, key: &'static str, gate: Option<oneshot::Receiver<u32>>) -> Outcome<u32> {
        let begun = Arc::clone(&self.begun);
        let begin = || -> BoxFuture<'static, Outcome<u32>> {
            Box::pin(async move {
                begun.fetch_add(1, Ordering::Relaxed);
                match gate {
                    Some(gate) => Ok(gate.await.unwrap()),
                    None => Ok(0),
                }
            })
        };
        self.flights.join(key, begin).await
    }

    /// Asks, and goes away while it is under way.
    async fn leave(&self, gate: oneshot::Receiver<u32>) {
        let mut asked = Box::pin(self.ask("a", Some(gate)));
        assert!(futures_util::poll!(&mut asked).is_pending());
        drop(asked);
    }

    fn begun(&self) -> u32 {
        self.begun.load(Ordering::Relaxed)
    }

    async fn landed(&self) {
        let under_way = || {
            let known = self.flights.known.lock();
            known.values().any(|flight| flight.landed.is_none())
        };
        while under_way() {
            tokio::task::yield_now().await;
        }
    }
}

#[tokio::test]
async fn equal_work_is_done_once_and_again_later() {
    let work = Work::new(KEEP);
    let (open, gate) = oneshot::channel();
    let all = async {
        tokio::join!(
            work.ask("a", Some(gate)),
            work.ask("a", None),
            work.ask("b", None),
            async {
                tokio::task::yield_now().await;
                open.send(7).unwrap();
            }
        )
    };
    let (first, second, other, ()) = all.await;
    assert_eq!((first, second, other), (Ok(7), Ok(7), Ok(0)));
    assert_eq!(work.begun(), 2);
    // Who waited was told: who comes now asks anew.
    assert_eq!(work.ask("a", None).await, Ok(0));
    assert_eq!(work.begun(), 3);
}

#[tokio::test]
async fn who_comes_later_joins_what_nobody_waits_for() {
    let work = Work::new(KEEP);
    let (open, gate) = oneshot::channel();
    work.leave(gate).await;
    let mut second = Box::pin(work.ask("a", None));
    assert!(futures_util::poll!(&mut second).is_pending());
    open.send(7).unwrap();
    assert_eq!(second.await, Ok(7));
    assert_eq!(work.begun(), 1);
}

#[tokio::test(start_paused = true)]
async fn who_comes_later_finds_what_nobody_waited_for() {
    let work = Work::new(KEEP);
    let (open, gate) = oneshot::channel();
    work.leave(gate).await;
    open.send(7).unwrap();
    work.landed().await;
    tokio::time::advance(KEEP - Duration::from_secs(1)).await;
    assert_eq!(work.ask("a", None).await, Ok(7));
    assert_eq!(work.begun(), 1);
    // Once: it is an answer to one question.
    assert_eq!(work.ask("a", None).await, Ok(0));

    let (open, gate) = oneshot::channel();
    work.leave(gate).await;
    open.send(8).unwrap();
    work.landed().await;
    tokio::time::advance(KEEP).await;
    assert_eq!(work.ask("a", None).await, Ok(0));
}

#[tokio::test]
async fn what_is_kept_elsewhere_is_not_kept_here() {
    let work = Work::new(Duration::ZERO);
    let (open, gate) = oneshot::channel();
    work.leave(gate).await;
    open.send(7).unwrap();
    work.landed().await;
    assert!(work.flights.known.lock().is_empty());
}

#[tokio::test]
async fn work_ends_with_its_owner() {
    let Work { flights, _open, .. } = Work::new(KEEP);
    // Dropped with the work.
    let (held, dropped) = oneshot::channel::<()>();
    let begin = || -> BoxFuture<'static, Outcome<u32>> {
        Box::pin(async move {
            let _held = held;
            std::future::pending().await
        })
    };
    let mut asked = Box::pin(flights.join("a", begin));
    assert!(futures_util::poll!(&mut asked).is_pending());
    drop(_open);
    assert!(dropped.await.is_err());
    assert!(matches!(asked.await, Err(FetchError::Unavailable(_))));
    assert!(flights.known.lock().is_empty());
}

#[tokio::test]
async fn work_that_panics_is_told_and_begun_anew() {
    let work = Work::new(KEEP);
    let (never, gate) = oneshot::channel();
    drop(never);
    let error = work.ask("a", Some(gate)).await.unwrap_err();
    insta::assert_snapshot!(error, @"the fetch broke off; hint: either the process is ending, or this is a defect and its log says where");
    assert_eq!(work.ask("a", None).await, Ok(0));
}

#[tokio::test]
async fn there_are_not_more_than_so_many() {
    let flights: Flights<usize, u32> = Flights::new(&CancellationToken::new(), KEEP);
    let begin = || -> BoxFuture<'static, Outcome<u32>> { Box::pin(std::future::pending()) };
    for key in 0..MOST {
        flights.flight(key, begin).unwrap();
    }
    let error = flights.join(MOST, begin).await.unwrap_err();
    insta::assert_snapshot!(error, @"1024 fetches are under way, which is the most at a time; hint: sources are slow, or more is asked for than they give; try again later");
}
