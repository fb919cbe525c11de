//! Equal work that is wanted at the same time is done once, and to its end.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Arc;
use std::time::Duration;

use oarlock_core::artifact::FetchError;
use oarlock_core::future::BoxFuture;
use parking_lot::Mutex;
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// Flights of one kind at the same time. Callers come and go with their own deadlines, and each may leave one behind.
const MOST: usize = 1024;

/// Work under way, by what it is about.
///
/// Each is a task of its own, which waits for nobody: whoever wants it has less time than it may take, leaves, and comes again.
/// It ends by its own time-outs, or with the token.
pub(crate) struct Flights<K, T> {
    known: Known<K, T>,
    end: CancellationToken,
    /// How long an outcome that nobody waited for is kept for whoever asks next.
    keep: Duration,
}

type Outcome<T> = Result<T, FetchError>;
type Known<K, T> = Arc<Mutex<HashMap<K, Flight<T>>>>;

struct Flight<T> {
    outcome: watch::Receiver<Option<Outcome<T>>>,
    /// Since when an outcome waits to be asked for.
    landed: Option<Instant>,
}

impl<K, T> Flights<K, T>
where
    K: Clone + Eq + Hash + Send + 'static,
    T: Clone + Send + Sync + 'static,
{
    pub(crate) fn new(end: &CancellationToken, keep: Duration) -> Self {
        Self {
            known: Known::default(),
            end: end.clone(),
            keep,
        }
    }

    /// What comes of the work for `key`: of that which is under way, of one that landed while nobody waited, or of `begin`.
    pub(crate) async fn join(
        &self,
        key: K,
        begin: impl FnOnce() -> BoxFuture<'static, Outcome<T>>,
    ) -> Outcome<T> {
        let mut outcome = self.flight(key, begin)?;
        let landed = outcome.wait_for(Option::is_some).await;
        landed
            .ok()
            .and_then(|outcome| Option::clone(&outcome))
            .unwrap_or_else(|| {
                Err(FetchError::Unavailable(
                    "the fetch broke off; hint: either the process is ending, or this is a defect and its log says where"
                        .to_owned(),
                ))
            })
    }

    fn flight(
        &self,
        key: K,
        begin: impl FnOnce() -> BoxFuture<'static, Outcome<T>>,
    ) -> Result<watch::Receiver<Option<Outcome<T>>>, FetchError> {
        let mut known = self.known.lock();
        known.retain(|_, flight| flight.landed.is_none_or(|at| at.elapsed() < self.keep));
        if let Some(flight) = known.get(&key) {
            let outcome = flight.outcome.clone();
            if flight.landed.is_some() {
                known.remove(&key);
            }
            return Ok(outcome);
        }
        if known.len() >= MOST {
            known.retain(|_, flight| flight.landed.is_none());
        }
        if known.len() >= MOST {
            return Err(FetchError::Unavailable(format!(
                "{MOST} fetches are under way, which is the most at a time; hint: sources are slow, or more is asked for than \
                 they give; try again later"
            )));
        }
        let (sender, outcome) = watch::channel(None);
        let flight = Flight {
            outcome: outcome.clone(),
            landed: None,
        };
        known.insert(key.clone(), flight);
        let entry = Entry {
            known: Arc::clone(&self.known),
            key,
            keep: self.keep,
            landed: false,
        };
        let work = begin();
        let task = async move {
            let outcome = work.await;
            entry.land(&sender, outcome);
        };
        // The token owns it.
        drop(tokio::spawn(
            self.end.clone().run_until_cancelled_owned(task),
        ));
        Ok(outcome)
    }
}

/// The entry of a flight: gone with it, however it ends.
struct Entry<K: Eq + Hash, T> {
    known: Known<K, T>,
    key: K,
    keep: Duration,
    landed: bool,
}

impl<K: Eq + Hash, T> Entry<K, T> {
    fn land(mut self, sender: &watch::Sender<Option<Outcome<T>>>, outcome: Outcome<T>) {
        {
            let mut known = self.known.lock();
            // One is the entry's own.
            let is_awaited = sender.receiver_count() > 1;
            if is_awaited || self.keep.is_zero() {
                known.remove(&self.key);
            } else if let Some(flight) = known.get_mut(&self.key) {
                flight.landed = Some(Instant::now());
            }
        }
        self.landed = true;
        sender.send_replace(Some(outcome));
    }
}

impl<K: Eq + Hash, T> Drop for Entry<K, T> {
    fn drop(&mut self) {
        if !self.landed {
            self.known.lock().remove(&self.key);
        }
    }
}

#[cfg(test)]
mod tests;
