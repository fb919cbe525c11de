//! Equal work that is wanted at the same time is done once.

use std::collections::HashMap;
use std::hash::Hash;

use futures_util::future::{FutureExt as _, Shared, WeakShared};
use oarlock_core::future::BoxFuture;
use parking_lot::Mutex;

/// Work under way, by what it is about.
///
/// Whoever waits drives the work: there is no task of its own, and when nobody waits any more, it ends where it is.
pub(crate) struct Flights<K, T: Clone> {
    under_way: Mutex<HashMap<K, WeakShared<BoxFuture<'static, T>>>>,
}

impl<K, T: Clone> Default for Flights<K, T> {
    fn default() -> Self {
        Self {
            under_way: Mutex::default(),
        }
    }
}

impl<K: Clone + Eq + Hash, T: Clone> Flights<K, T> {
    /// What comes of the work for `key`: of that which is under way, or of `begin` where none is.
    pub(crate) async fn join(&self, key: K, begin: impl FnOnce() -> BoxFuture<'static, T>) -> T {
        let flight = self.flight(key, begin);
        flight.await
    }

    fn flight(
        &self,
        key: K,
        begin: impl FnOnce() -> BoxFuture<'static, T>,
    ) -> Shared<BoxFuture<'static, T>> {
        let mut under_way = self.under_way.lock();
        let same = under_way.get(&key).and_then(WeakShared::upgrade);
        // One that has landed was asked before this one came.
        if let Some(flight) = same.filter(|flight| flight.peek().is_none()) {
            return flight;
        }
        under_way.retain(|_, flight| {
            flight
                .upgrade()
                .is_some_and(|flight| flight.peek().is_none())
        });
        let flight = begin().shared();
        if let Some(weak) = flight.downgrade() {
            under_way.insert(key, weak);
        }
        flight
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};

    use tokio::sync::oneshot;

    use super::*;

    struct Work {
        flights: Flights<&'static str, u32>,
        begun: Arc<AtomicU32>,
    }

    impl Work {
        fn new() -> Self {
            Self {
                flights: Flights::default(),
                begun: Arc::default(),
            }
        }

        async fn ask(&self, key: &'static str, gate: Option<oneshot::Receiver<u32>>) -> u32 {
            let begun = Arc::clone(&self.begun);
            self.flights
                .join(key, || {
                    Box::pin(async move {
                        begun.fetch_add(1, Ordering::Relaxed);
                        match gate {
                            Some(gate) => gate.await.unwrap(),
                            None => 0,
                        }
                    })
                })
                .await
        }
    }

    #[tokio::test]
    async fn equal_work_is_done_once_and_again_later() {
        let work = Work::new();
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
        assert_eq!((first, second, other), (7, 7, 0));
        assert_eq!(work.begun.load(Ordering::Relaxed), 2);
        assert_eq!(work.ask("a", None).await, 0);
        assert_eq!(work.begun.load(Ordering::Relaxed), 3);
    }

    #[tokio::test]
    async fn who_leaves_does_not_take_the_work_along() {
        let work = Work::new();
        let (open, gate) = oneshot::channel();
        let mut first = Box::pin(work.ask("a", Some(gate)));
        assert!(futures_util::poll!(&mut first).is_pending());
        let mut second = Box::pin(work.ask("a", None));
        assert!(futures_util::poll!(&mut second).is_pending());
        drop(first);
        open.send(7).unwrap();
        assert_eq!(second.await, 7);
        assert_eq!(work.begun.load(Ordering::Relaxed), 1);
    }
}
