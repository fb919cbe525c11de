//! What was pushed and is not passed on yet: each source once, however often it was pushed to.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use oarlock_core::artifact::Upstream;
use parking_lot::Mutex;
use prometheus_client::metrics::counter::Counter;
use tokio::sync::Notify;
use tokio::time::sleep;

use super::Recipient;

/// Sources that wait at the same time.
const MOST: usize = 256;

/// Between two deliveries: what is pushed meanwhile becomes one. The first is not waited for.
pub(super) const PAUSE: Duration = Duration::from_secs(1);

/// Sources, and the receivers that told of them.
#[derive(Debug, Default)]
pub(super) struct Mailbox {
    waiting: Mutex<BTreeMap<Upstream, BTreeSet<String>>>,
    news: Notify,
}

/// More waits than there may.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Full;

impl Mailbox {
    /// Puts all of `upstreams` in, or none.
    pub(super) fn put(&self, receiver: &str, upstreams: &[Upstream]) -> Result<(), Full> {
        let mut waiting = self.waiting.lock();
        let new = upstreams
            .iter()
            .filter(|upstream| !waiting.contains_key(*upstream));
        if waiting.len() + new.count() > MOST {
            return Err(Full);
        }
        for upstream in upstreams {
            let tellers = waiting.entry(upstream.clone()).or_default();
            tellers.insert(receiver.to_owned());
        }
        drop(waiting);
        self.news.notify_one();
        Ok(())
    }

    /// Passes on for ever.
    pub(super) async fn deliver(&self, recipient: &dyn Recipient, runs: &Counter) {
        loop {
            self.news.notified().await;
            let waiting = std::mem::take(&mut *self.waiting.lock());
            // Whoever leads since then begins with everything anyway.
            if waiting.is_empty() || !recipient.is_on_duty() {
                continue;
            }
            let upstreams: Vec<Upstream> = waiting.keys().cloned().collect();
            let objects = recipient.pushed(&upstreams);
            runs.inc_by(u64::try_from(objects).unwrap_or(u64::MAX));
            let tellers: BTreeSet<&str> = waiting.values().flatten().map(String::as_str).collect();
            let tellers: Vec<&str> = tellers.into_iter().collect();
            let sources: Vec<String> = upstreams.iter().map(ToString::to_string).collect();
            tracing::info!(
                receiver = tellers.join(","),
                sources = sources.join(","),
                objects,
                "something new was pushed"
            );
            sleep(PAUSE).await;
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use std::sync::Arc;

    use tokio::sync::watch;
    use tokio_util::task::AbortOnDropHandle;

    use super::*;

    #[derive(Default)]
    struct Fake(watch::Sender<Vec<usize>>);

    impl Recipient for Fake {
        fn is_on_duty(&self) -> bool {
            true
        }

        fn upstreams(&self) -> Vec<Upstream> {
            Vec::new()
        }

        fn pushed(&self, upstreams: &[Upstream]) -> usize {
            self.0.send_modify(|pushes| pushes.push(upstreams.len()));
            upstreams.len()
        }
    }

    fn upstream(number: usize) -> Upstream {
        Upstream::parse(&format!("https://git.example/{number}")).unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn a_storm_is_two_deliveries_a_second_apart() {
        let mailbox = Arc::new(Mailbox::default());
        let fake = Arc::new(Fake::default());
        let runs = Counter::default();
        let (postman, to, counted) = (Arc::clone(&mailbox), Arc::clone(&fake), runs.clone());
        let _postman = AbortOnDropHandle::new(tokio::spawn(async move {
            postman.deliver(&*to, &counted).await;
        }));
        let mut seen = fake.0.subscribe();
        let begun = tokio::time::Instant::now();
        mailbox.put("a", &[upstream(1)]).unwrap();
        seen.wait_for(|pushes| pushes.len() == 1).await.unwrap();
        assert_eq!(begun.elapsed(), Duration::ZERO);
        for _ in 0..1000 {
            mailbox.put("a", &[upstream(1), upstream(2)]).unwrap();
        }
        seen.wait_for(|pushes| pushes.len() == 2).await.unwrap();
        assert!(begun.elapsed() >= PAUSE);
        sleep(PAUSE * 5).await;
        assert_eq!(*fake.0.borrow(), [1, 2]);
        assert_eq!(runs.get(), 3);
    }

    #[test]
    fn what_waits_is_bounded() {
        let mailbox = Mailbox::default();
        for number in 0..MOST {
            mailbox.put("a", &[upstream(number)]).unwrap();
        }
        assert_eq!(mailbox.put("a", &[upstream(0), upstream(MOST)]), Err(Full));
        mailbox.put("b", &[upstream(0)]).unwrap();
        assert_eq!(mailbox.waiting.lock().len(), MOST);
    }
}
