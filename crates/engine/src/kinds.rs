//! Which kinds are watched, and until when.
//!
//! A run holds the kinds that it looks at: none is taken away under it. What is held by no run is kept for a while, since a watch
//! that comes back costs a list; then it ends unless something lasting needs it, which is for the engine to say.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use oarlock_core::clock::Clock;
use oarlock_core::cluster::Cluster;
use oarlock_core::reconciler::ReadError;
use oarlock_core::reference::Gvk;
use oarlock_core::timestamp::Timestamp;
use parking_lot::Mutex;

/// How long a kind that nobody needs any more stays watched. Longer than an edit of watches.yaml that takes an entry out and in
/// again, or than a module that is broken and mended.
pub(crate) const GRACE: Duration = Duration::from_secs(600);

/// All kinds that the engine has had watched.
pub(crate) struct Kinds {
    cluster: Arc<dyn Cluster>,
    clock: Arc<dyn Clock>,
    uses: Mutex<BTreeMap<Gvk, Use>>,
}

#[derive(Clone, Copy)]
struct Use {
    /// Runs that hold it.
    runs: usize,
    /// When it was last asked for or let go.
    last: Timestamp,
}

impl Kinds {
    /// None yet.
    pub(crate) fn new(cluster: Arc<dyn Cluster>, clock: Arc<dyn Clock>) -> Arc<Self> {
        Arc::new(Self {
            cluster,
            clock,
            uses: Mutex::default(),
        })
    }

    /// What one run holds, until it is dropped.
    pub(crate) fn hold(self: &Arc<Self>) -> Hold {
        Hold {
            kinds: Arc::clone(self),
            held: Mutex::default(),
        }
    }

    /// Has a kind watched for as long as something lasting needs it.
    ///
    /// # Errors
    /// As [`Cluster::watch`].
    pub(crate) async fn watch(&self, gvk: &Gvk) -> Result<(), ReadError> {
        self.note(gvk, |_| {});
        self.cluster.watch(gvk).await
    }

    fn note(&self, gvk: &Gvk, count: impl FnOnce(&mut usize)) {
        let last = self.clock.now();
        let mut uses = self.uses.lock();
        let entry = uses.entry(gvk.clone()).or_insert(Use { runs: 0, last });
        entry.last = last;
        count(&mut entry.runs);
    }

    /// Ends the watches of kinds that no run has held for [`GRACE`] and that are not `needed`.
    pub(crate) fn sweep(&self, needed: impl Fn(&Gvk) -> bool) -> Swept {
        let now = self.clock.now();
        let mut swept = Swept::default();
        // Locked all along: who asks for a kind from now on begins a new watch.
        let mut uses = self.uses.lock();
        uses.retain(|gvk, entry| {
            if needed(gvk) {
                return true;
            }
            if entry.runs > 0 || now.since(entry.last) < GRACE {
                swept.again = Some(now.after(GRACE));
                return true;
            }
            tracing::info!(kind = %gvk, "no longer watched: nobody needs it");
            self.cluster.unwatch(gvk);
            swept.ended.push(gvk.clone());
            false
        });
        swept
    }
}

/// What a look at all kinds found.
#[derive(Default)]
pub(crate) struct Swept {
    /// Kinds that are no longer watched.
    pub(crate) ended: Vec<Gvk>,
    /// When to look again: a kind is not needed, but nobody has asked for long enough.
    pub(crate) again: Option<Timestamp>,
}

/// The kinds that one run looks at.
pub(crate) struct Hold {
    kinds: Arc<Kinds>,
    held: Mutex<BTreeSet<Gvk>>,
}

impl Hold {
    /// Has a kind watched until the run ends, at least.
    ///
    /// # Errors
    /// As [`Cluster::watch`].
    pub(crate) async fn watch(&self, gvk: &Gvk) -> Result<(), ReadError> {
        if self.held.lock().insert(gvk.clone()) {
            self.kinds.note(gvk, |runs| *runs += 1);
        }
        self.kinds.cluster.watch(gvk).await
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        for gvk in &*self.held.lock() {
            self.kinds.note(gvk, |runs| *runs -= 1);
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use oarlock_cluster::{Kubernetes, Options};
    use oarlock_devcluster::DevCluster;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn what_a_run_holds_stays_as_long_as_it_goes_on_and_a_while_longer() {
        let dev = DevCluster::builder().without_controllers().start();
        let clock: Arc<dyn Clock> = dev.clock();
        let kubernetes = Kubernetes::new(dev.client(), Arc::clone(&clock), Options::default());
        let kinds = Kinds::new(kubernetes, Arc::clone(&clock));
        let pass = async |time| clock.sleep_until(clock.now().after(time)).await;
        let nobody = |_: &Gvk| false;
        let gvk = Gvk::new("", "v1", "ConfigMap");
        let (long, short) = (kinds.hold(), kinds.hold());
        for hold in [&long, &short, &long] {
            hold.watch(&gvk).await.unwrap();
        }
        drop(short);
        pass(GRACE * 3).await;
        let swept = kinds.sweep(nobody);
        assert_eq!(swept.ended, []);
        assert!(
            swept.again.is_some(),
            "nobody needs it: it is looked at again"
        );
        drop(long);
        assert_eq!(kinds.sweep(nobody).ended, []);
        pass(GRACE).await;
        assert_eq!(kinds.sweep(|_| true).again, None);
        assert_eq!(kinds.sweep(nobody).ended, [gvk]);
        assert_eq!(kinds.sweep(nobody).ended, []);
    }
}
