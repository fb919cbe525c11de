//! When to end: SIGINT or SIGTERM.

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

/// A token that is cancelled by the first signal; the second ends the process as the system does. The handle owns the task
/// that listens.
pub(crate) fn on_signal() -> anyhow::Result<(CancellationToken, AbortOnDropHandle<()>)> {
    let stop = CancellationToken::new();
    let token = stop.clone();
    let (mut interrupt, mut terminate) = (
        signal(SignalKind::interrupt())?,
        signal(SignalKind::terminate())?,
    );
    let task = tokio::spawn(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        tracing::info!("stopping; reconciles that are going on may end");
        token.cancel();
    });
    Ok((stop, AbortOnDropHandle::new(task)))
}
