//! Packages from outside, as far as the engine is concerned.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use oarlock_core::artifact::{
    Artifact, Artifacts, Credentials, FetchError, Reach, Source, Upstream, Wanted,
};
use oarlock_core::future::BoxFuture;
use oarlock_core::reference::Digest;
use parking_lot::Mutex;
use tokio::sync::watch;

/// Has a package of every source. The bytes of each are the source's name.
#[derive(Default)]
pub(crate) struct Shelf {
    asked: watch::Sender<Vec<Wanted>>,
    packages: Mutex<BTreeMap<Digest, Arc<[u8]>>>,
    closed: watch::Sender<bool>,
    forgotten: Mutex<Vec<Upstream>>,
}

impl Shelf {
    /// What was wanted so far.
    pub(crate) fn asked(&self) -> Vec<Wanted> {
        self.asked.borrow().clone()
    }

    /// Waits until so many packages were wanted.
    pub(crate) async fn asked_for(&self, count: usize) {
        let mut asked = self.asked.subscribe();
        let waiting = asked.wait_for(|asked| asked.len() >= count);
        let in_time = tokio::time::timeout(super::PATIENCE, waiting).await.is_ok();
        assert!(in_time, "never wanted {count} packages");
    }

    /// What had to be forgotten so far.
    pub(crate) fn forgotten(&self) -> Vec<Upstream> {
        self.forgotten.lock().clone()
    }

    /// Whether those who come from now on have to wait.
    pub(crate) fn close(&self, closed: bool) {
        self.closed.send_replace(closed);
    }

    async fn give(&self, wanted: Wanted) -> Result<Artifact, FetchError> {
        let source = wanted.source.to_string();
        let secret = wanted.credentials.basic.clone();
        self.asked.send_modify(|asked| asked.push(wanted));
        let mut closed = self.closed.subscribe();
        // The sender lives as long as this value.
        let _open = closed.wait_for(|closed| !closed).await;
        if source.contains("broken") {
            return Err(FetchError::Unauthorized(format!(
                "{source}: {secret:?} is refused"
            )));
        }
        let bytes: Arc<[u8]> = source.as_bytes().into();
        let digest = Digest::of(&bytes);
        self.packages.lock().insert(digest.clone(), bytes);
        Ok(Artifact {
            digest,
            name: "web".to_owned(),
            version: "1.0.0".to_owned(),
            revision: "1".to_owned(),
            origin: source,
        })
    }
}

impl Artifacts for Shelf {
    fn fetch(&self, wanted: Wanted) -> BoxFuture<'_, Result<Artifact, FetchError>> {
        Box::pin(self.give(wanted))
    }

    fn forget(&self, upstreams: &[Upstream]) {
        self.forgotten.lock().extend_from_slice(upstreams);
    }

    fn versions(
        &self,
        source: Source,
        credentials: Credentials,
        reach: Reach,
        max_age: Duration,
    ) -> BoxFuture<'_, Result<Vec<String>, FetchError>> {
        self.asked.send_modify(|asked| {
            asked.push(Wanted {
                source,
                credentials,
                reach,
                expect: None,
                max_age,
                dependencies: false,
                verify: Vec::new(),
            });
        });
        Box::pin(std::future::ready(Ok(vec![
            "2.0.0".to_owned(),
            "1.0.0".to_owned(),
        ])))
    }

    fn read(&self, digest: Digest) -> BoxFuture<'_, Result<Arc<[u8]>, FetchError>> {
        let found = self.packages.lock().get(&digest).cloned();
        Box::pin(std::future::ready(
            found.ok_or_else(|| FetchError::NotFound(digest.to_string())),
        ))
    }
}
