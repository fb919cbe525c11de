//! Which objects this engine reconciles, when others reconcile the rest.
//!
//! Caches are complete everywhere: whoever takes over lists nothing, and reads of modules see the whole cluster. What is not
//! its own an engine neither queues for long nor remembers; it only keeps the kinds watched that a run would need.
//!
//! Not known here: leases, members, and when another may begin. Whoever assigns shares ([`Engine::own`]) is told when nothing
//! else is worked on any more.

use std::collections::{HashMap, HashSet};

use oarlock_core::reference::{Gvk, ObjectRef};
use oarlock_core::shard::Share;
use tokio::sync::watch;
use tokio::task::AbortHandle;

/// The share of an engine, and the runs that are going on.
#[derive(Debug)]
pub(crate) struct Shard {
    share: Share,
    running: HashMap<ObjectRef, Running>,
    /// Kinds that are watched for the runs that there may be one day.
    warm: HashSet<Gvk>,
    /// Counts the runs that ended.
    ended: watch::Sender<u64>,
}

#[derive(Debug)]
enum Running {
    /// It is about to be spawned.
    Beginning,
    /// It is about to be spawned, and dropped then.
    Unwanted,
    /// It can be dropped.
    Spawned(AbortHandle),
}

impl Default for Shard {
    fn default() -> Self {
        Self {
            share: Share::Everything,
            running: HashMap::new(),
            warm: HashSet::new(),
            ended: watch::Sender::default(),
        }
    }
}

impl Shard {
    /// Whether `key` may be reconciled.
    pub(crate) fn owns(&self, key: &ObjectRef) -> bool {
        self.share.owns(key)
    }

    /// Whether anything may be reconciled.
    pub(crate) fn has_share(&self) -> bool {
        self.share != Share::Nothing
    }

    /// A run is about to be spawned.
    pub(crate) fn begins(&mut self, key: &ObjectRef) {
        self.running.insert(key.clone(), Running::Beginning);
    }

    /// It was spawned.
    pub(crate) fn began(&mut self, key: &ObjectRef, run: AbortHandle) {
        match self.running.get_mut(key) {
            Some(Running::Unwanted) => run.abort(),
            Some(running) => *running = Running::Spawned(run),
            None => {}
        }
    }

    /// It ended.
    pub(crate) fn ended(&mut self, key: &ObjectRef) {
        self.running.remove(key);
        self.ended.send_modify(|count| *count += 1);
    }

    /// Those of `kinds` that are not kept warm yet.
    pub(crate) fn warms(&mut self, kinds: &[Gvk]) -> Vec<Gvk> {
        let cold = kinds.iter().filter(|gvk| !self.warm.contains(*gvk));
        let cold: Vec<Gvk> = cold.cloned().collect();
        self.warm.extend(cold.iter().cloned());
        cold
    }

    /// Takes another share, and has the one before.
    pub(crate) fn take(&mut self, share: Share) -> Share {
        std::mem::replace(&mut self.share, share)
    }

    /// Drops runs of what is not in the share.
    pub(crate) fn drop_others(&mut self) {
        let Self { share, running, .. } = self;
        for (_, run) in running.iter_mut().filter(|(key, _)| !share.owns(key)) {
            match run {
                Running::Spawned(handle) => handle.abort(),
                Running::Beginning => *run = Running::Unwanted,
                Running::Unwanted => {}
            }
        }
    }

    /// Whether no run of anything else is going on.
    pub(crate) fn is_kept(&self) -> bool {
        self.running.keys().all(|key| self.share.owns(key))
    }

    /// Tells whenever a run has ended.
    pub(crate) fn endings(&self) -> watch::Receiver<u64> {
        self.ended.subscribe()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(name: &str) -> ObjectRef {
        ObjectRef::new(Gvk::new("g", "v1", "K"), Some("n"), name)
    }

    #[test]
    fn it_is_kept_when_the_last_run_of_others_has_ended() {
        let mut shard = Shard::default();
        shard.begins(&key("a"));
        shard.begins(&key("b"));
        assert!(shard.is_kept());
        assert_eq!(shard.take(Share::Nothing), Share::Everything);
        assert!(!shard.owns(&key("a")) && !shard.is_kept());
        shard.ended(&key("a"));
        assert!(!shard.is_kept());
        shard.ended(&key("b"));
        assert!(shard.is_kept());
    }

    #[tokio::test]
    async fn a_run_that_is_dropped_while_it_begins_never_does() {
        let mut shard = Shard::default();
        shard.begins(&key("a"));
        shard.take(Share::Nothing);
        shard.drop_others();
        let run = tokio::spawn(std::future::pending::<()>());
        shard.began(&key("a"), run.abort_handle());
        assert!(run.await.is_err_and(|error| error.is_cancelled()));
    }

    #[test]
    fn a_kind_is_warmed_once() {
        let mut shard = Shard::default();
        let kinds = [key("a").gvk];
        assert_eq!(shard.warms(&kinds), kinds);
        assert_eq!(shard.warms(&kinds), []);
    }
}
