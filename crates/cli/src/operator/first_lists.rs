//! The end of a start: every kind is watched, or known to be missing.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use oarlock_core::cluster::Cluster;
use oarlock_core::reconciler::ReadError;
use oarlock_core::reference::Gvk;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::readiness::Readiness;

/// How soon a list that failed is asked about again. Probes ask every few seconds.
const AGAIN: Duration = Duration::from_millis(500);

/// Waits for the first lists of `kinds`, and tells which are missing. The watches are the engine's own: nothing is asked twice.
pub(super) async fn wait(
    cluster: Arc<dyn Cluster>,
    mut kinds: BTreeSet<Gvk>,
    readiness: watch::Sender<Readiness>,
) {
    let mut lists = JoinSet::new();
    for gvk in kinds.clone() {
        lists.spawn(settled(Arc::clone(&cluster), gvk));
    }
    while !kinds.is_empty() {
        readiness.send_replace(Readiness::Listing(kinds.iter().cloned().collect()));
        if let Some(Ok(gvk)) = lists.join_next().await {
            kinds.remove(&gvk);
        }
    }
    readiness.send_replace(Readiness::Ready);
    tracing::info!("ready");
}

async fn settled(cluster: Arc<dyn Cluster>, gvk: Gvk) -> Gvk {
    loop {
        match cluster.watch(&gvk).await {
            Ok(()) | Err(ReadError::UnknownKind(_)) => return gvk,
            Err(_) => tokio::time::sleep(AGAIN).await,
        }
    }
}
