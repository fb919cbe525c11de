//! What the engine is given by the one who starts it.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use oarlock_core::artifact::Artifacts;
use oarlock_core::clock::Clock;
use oarlock_core::cluster::Cluster;
use oarlock_core::egress::Egress;
use parking_lot::Mutex;

use crate::dependencies::Dependencies;
use crate::kinds::Kinds;
use crate::notices::Notices;
use crate::waits::Waits;

/// The engine's way to everything outside itself.
pub(crate) struct Ports {
    /// Kubernetes.
    pub(crate) cluster: Arc<dyn Cluster>,
    /// Which kinds are watched; whoever looks at one holds it.
    pub(crate) kinds: Arc<Kinds>,
    /// The world outside.
    pub(crate) egress: Arc<dyn Egress>,
    /// Charts and other packages from outside.
    pub(crate) artifacts: Arc<dyn Artifacts>,
    /// Runs that wait.
    pub(crate) waits: Arc<Waits>,
    /// Time.
    pub(crate) clock: Arc<dyn Clock>,
    /// Randomness.
    pub(crate) entropy: Entropy,
    /// Fire-and-forget calls.
    pub(crate) notices: Notices,
    /// Who looked at what; the router's.
    pub(crate) dependencies: Arc<Mutex<Dependencies>>,
}

/// Where seeds come from: SplitMix64 over a start value.
#[derive(Debug)]
pub(crate) struct Entropy(AtomicU64);

impl Entropy {
    /// From a start value: the same one gives the same seeds. `None` takes one from the system.
    pub(crate) fn new(start: Option<u64>) -> Self {
        // RandomState is keyed by the system's randomness.
        Self(AtomicU64::new(start.unwrap_or_else(|| {
            RandomState::new().build_hasher().finish()
        })))
    }

    /// The next seed, below 2^53.
    pub(crate) fn next(&self) -> u64 {
        const STEP: u64 = 0x9e37_79b9_7f4a_7c15;
        let mut z = self.0.fetch_add(STEP, Ordering::Relaxed).wrapping_add(STEP);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) >> 11
    }
}
