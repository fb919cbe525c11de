//! Giving up and taking over.

use std::future::Future;
use std::sync::Arc;

use oarlock_core::reference::ObjectRef;
use oarlock_core::shard::Share;

use super::{Engine, State};
use crate::entry::Entry;
use crate::queue::Priority;

impl Engine {
    /// Whether it reconciles anything, as far as [`Self::own`] said.
    pub fn is_on_duty(&self) -> bool {
        self.state.lock().shard.has_share()
    }

    /// From now on only what `share` holds is reconciled: what is new in it is queued, what is no longer in it is forgotten when the
    /// run that is going on has ended. `abrupt`: such a run is dropped where it stands, since it may not write any more.
    ///
    /// Takes effect at once. The future resolves when no run of anything else is going on; it need not be polled.
    pub fn own(
        self: &Arc<Self>,
        share: Share,
        abrupt: bool,
    ) -> impl Future<Output = ()> + Send + use<> {
        // Both, as [`Self::serve`] does.
        let entries = self.entries.lock();
        let mut state = self.state.lock();
        state.queue.tell(self.ports.clock.now());
        let before = state.shard.take(share);
        if abrupt {
            state.shard.drop_others();
        }
        for gvk in entries.keys() {
            for live in self.ports.cluster.list(gvk, None) {
                let key = live.target();
                match (before.owns(&key), state.shard.owns(&key)) {
                    (false, true) => state.queue.press(&key, Priority::Resync, None),
                    (true, false) => state.let_go(&key),
                    (true, true) | (false, false) => {}
                }
            }
        }
        let mut endings = state.shard.endings();
        drop(state);
        drop(entries);
        self.wake.notify_one();
        let engine = Arc::clone(self);
        async move { while !engine.state.lock().shard.is_kept() && endings.changed().await.is_ok() {} }
    }

    /// An object whose turn it is belongs to somebody else.
    pub(super) fn pass_over(&self, state: &mut State, entry: &Entry, key: &ObjectRef) {
        state.queue.done(key, &[], None);
        state.let_go(key);
        let kinds = entry.child_kinds(&*self.ports.cluster);
        let cold = state.shard.warms(&kinds);
        if !cold.is_empty() {
            state.to_watch.extend(cold);
            self.wake.notify_one();
        }
    }
}

impl State {
    /// Forgets an object that others reconcile.
    fn let_go(&mut self, key: &ObjectRef) {
        self.queue.forget(key);
        self.memories.remove(key);
        self.router.dependencies.lock().forget(key);
    }
}
