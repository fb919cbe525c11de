//! Pods of a few Deployments, and what an unkind world does to them.

use super::super::Count;
use super::chance::Chance;

/// What becomes of a version's Pods.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Health {
    Good,
    /// Its Pods never get available.
    Broken,
}

/// A Deployment: what it was told, and its Pods by state.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Version {
    pub(super) health: Health,
    pub(super) wanted: u32,
    starting: u32,
    pub(super) available: u32,
    pub(super) leaving: u32,
}

impl Version {
    pub(super) fn new(health: Health) -> Self {
        Self {
            health,
            wanted: 0,
            starting: 0,
            available: 0,
            leaving: 0,
        }
    }

    /// All of them serve, whatever becomes of the next ones.
    pub(super) fn serving(pods: u32, health: Health) -> Self {
        Self {
            wanted: pods,
            available: if health == Health::Good { pods } else { 0 },
            starting: if health == Health::Good { 0 } else { pods },
            ..Self::new(health)
        }
    }

    pub(super) fn count(&self) -> Count {
        Count {
            wanted: self.wanted,
            running: self.pods(),
            available: self.available,
        }
    }

    /// Without those that are on their way out.
    pub(super) fn pods(&self) -> u32 {
        self.starting + self.available
    }

    /// What the ReplicaSet controller does, all at once: Pods that are not ready go first.
    pub(super) fn obey(&mut self) {
        let there = self.pods();
        self.starting += self.wanted.saturating_sub(there);
        let excess = there.saturating_sub(self.wanted);
        let idle = excess.min(self.starting);
        self.starting -= idle;
        self.available -= excess - idle;
        self.leaving += excess;
    }

    /// Some Pods of a good version get available, some that were told to go are gone.
    pub(super) fn pass(&mut self, chance: &mut Chance) {
        if self.health == Health::Good {
            let ready = chance.below(self.starting + 1);
            self.starting -= ready;
            self.available += ready;
        }
        self.leaving -= chance.below(self.leaving + 1);
    }

    /// Everything that can happen does.
    pub(super) fn settle(&mut self) {
        self.obey();
        if self.health == Health::Good {
            self.available += self.starting;
            self.starting = 0;
        }
        self.leaving = 0;
    }

    /// Some containers fail and are restarted where they are; how many.
    pub(super) fn crash(&mut self, chance: &mut Chance) -> u32 {
        let failed = chance.below(self.available + 1);
        self.available -= failed;
        self.starting += failed;
        failed
    }
}
