//! What can be set of an engine.

use std::num::NonZeroUsize;
use std::time::Duration;

/// Settings of an engine.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Reconciles at a time, over all watches.
    pub workers: NonZeroUsize,
    /// Reconciles at a time per watch that does not say.
    pub workers_per_watch: NonZeroUsize,
    /// Start value of the seeds that modules get; `None` takes one from the system.
    pub seed: Option<u64>,
    /// How long runs that are going on may take to end after a stop. Real time: whoever stops a process does not wait on a
    /// virtual clock.
    pub drain: Duration,
}

/// A Pod has thirty seconds from SIGTERM to SIGKILL where nobody says otherwise: five are left for the rest.
const DRAIN: Duration = Duration::from_secs(25);

impl Default for Options {
    fn default() -> Self {
        let cores = std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
        Self {
            // Most of a reconcile is waiting for the API server: more runs than cores.
            workers: cores.saturating_mul(NonZeroUsize::MIN.saturating_add(7)),
            workers_per_watch: cores.saturating_mul(NonZeroUsize::MIN.saturating_add(3)),
            seed: None,
            drain: DRAIN,
        }
    }
}
