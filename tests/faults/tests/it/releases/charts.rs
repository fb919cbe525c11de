//! One chart, from anywhere: asked for on a thread that the story waits for, so that equal seeds stay equal.

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use oarlock_artifacts::{Depot, Options};
use oarlock_core::artifact::{Artifact, Artifacts, Credentials, FetchError, Reach, Source, Wanted};
use oarlock_core::future::BoxFuture;
use oarlock_core::reference::Digest;

use crate::component::{apart, root};

/// The folder that has it.
const FOLDER: &str = "tests/world/tests/it/helm";

/// As it comes, and its bytes.
static WEB: LazyLock<(Artifact, Arc<[u8]>)> = LazyLock::new(|| {
    apart(async {
        let options = Options {
            charts: Some(root().join(FOLDER)),
            ..Options::default()
        };
        let depot = Depot::new(options).unwrap();
        let wanted = Wanted {
            source: Source::Local("web".to_owned()),
            credentials: Credentials::default(),
            reach: Reach::Granted {
                grants: vec!["local".to_owned()],
                namespace: None,
            },
            expect: None,
            max_age: Duration::ZERO,
            dependencies: false,
            verify: Vec::new(),
        };
        let artifact = depot.fetch(wanted).await.unwrap();
        let bytes = depot.read(artifact.digest.clone()).await.unwrap();
        (artifact, bytes)
    })
});

struct Charts;

pub(super) fn all() -> Arc<dyn Artifacts> {
    Arc::new(Charts)
}

impl Artifacts for Charts {
    fn fetch(&self, _: Wanted) -> BoxFuture<'_, Result<Artifact, FetchError>> {
        Box::pin(async { Ok(WEB.0.clone()) })
    }

    fn versions(
        &self,
        _: Source,
        _: Credentials,
        _: Reach,
        _: Duration,
    ) -> BoxFuture<'_, Result<Vec<String>, FetchError>> {
        Box::pin(async { Ok(vec![WEB.0.version.clone()]) })
    }

    fn read(&self, _: Digest) -> BoxFuture<'_, Result<Arc<[u8]>, FetchError>> {
        Box::pin(async { Ok(Arc::clone(&WEB.1)) })
    }
}
