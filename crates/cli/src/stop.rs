//! When to end: SIGINT or SIGTERM.

use std::process::ExitCode;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

/// A token that is cancelled by the first signal; the second ends the process at once. The handle owns the task that listens.
pub(crate) fn on_signal() -> anyhow::Result<(CancellationToken, AbortOnDropHandle<()>)> {
    let stop = CancellationToken::new();
    let token = stop.clone();
    let mut signals = Signals {
        interrupt: signal(SignalKind::interrupt())?,
        terminate: signal(SignalKind::terminate())?,
    };
    let task = tokio::spawn(async move {
        signals.next().await;
        token.cancel();
        tracing::info!("stopping; reconciles that are going on may end, another signal ends them");
        signals.next().await;
        at_once();
    });
    Ok((stop, AbortOnDropHandle::new(task)))
}

struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

/// What shells report of a command that a SIGINT ended.
pub(crate) const INTERRUPTED: u8 = 130;

/// The status of a command that was stopped before it had done what it was asked for.
pub(crate) fn interrupted() -> ExitCode {
    ExitCode::from(INTERRUPTED)
}

#[expect(
    clippy::exit,
    reason = "the second signal of somebody who does not want to wait"
)]
fn at_once() -> ! {
    std::process::exit(i32::from(INTERRUPTED))
}
