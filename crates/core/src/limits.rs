//! What one run may use.

use std::time::Duration;

/// Limits of one run. Each is separate: waiting in an import costs no CPU time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Time on the CPU.
    pub cpu: Duration,
    /// Wall time, imports included.
    pub deadline: Duration,
    /// Bytes of all linear memories together.
    pub memory: usize,
    /// Bytes of the answer.
    pub output: usize,
    /// Bytes of log lines; what is more is dropped, and the drop is logged.
    pub log: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            cpu: Duration::from_secs(1),
            deadline: Duration::from_secs(30),
            memory: 64 << 20,
            output: 8 << 20,
            log: 64 << 10,
        }
    }
}
