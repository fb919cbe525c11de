//! The host of a call that is part of no run: packages, and nothing else.

use std::fmt;
use std::future::ready;
use std::sync::Arc;

use oarlock_core::artifact::{Artifacts, FetchError};
use oarlock_core::future::BoxFuture;
use oarlock_core::json::Json;
use oarlock_core::reconciler::{
    Host, HttpError, HttpRequest, HttpResponse, LogLine, ObservedState, ReadError, Selection,
};
use oarlock_core::reference::{Digest, KindInfo, ObjectRef};

const NO_CLUSTER: &str = "there is no cluster here";

/// Serves packages by digest and hears what is logged. There is no cluster behind it, and it fetches nothing that was not
/// fetched before.
pub struct Offline {
    artifacts: Arc<dyn Artifacts>,
    log: Box<dyn Fn(LogLine) + Send + Sync>,
}

impl Offline {
    /// Reads packages from `artifacts`; `log` gets each line of the log.
    pub fn new(
        artifacts: Arc<dyn Artifacts>,
        log: impl Fn(LogLine) + Send + Sync + 'static,
    ) -> Self {
        Self {
            artifacts,
            log: Box::new(log),
        }
    }
}

impl fmt::Debug for Offline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Offline")
    }
}

fn denied<T: Send + 'static>() -> BoxFuture<'static, Result<T, ReadError>> {
    Box::pin(ready(Err(ReadError::Denied(NO_CLUSTER.to_owned()))))
}

impl Host for Offline {
    fn get(
        &self,
        _target: ObjectRef,
        _act_as: Option<String>,
    ) -> BoxFuture<'_, Result<Option<Json>, ReadError>> {
        denied()
    }

    fn get_live(
        &self,
        _target: ObjectRef,
        _act_as: Option<String>,
    ) -> BoxFuture<'_, Result<Option<Json>, ReadError>> {
        denied()
    }

    fn query(&self, _selection: Selection) -> BoxFuture<'_, Result<Vec<Json>, ReadError>> {
        denied()
    }

    fn children(&self) -> BoxFuture<'_, Result<Vec<Json>, ReadError>> {
        denied()
    }

    fn observe(
        &self,
        _targets: Vec<ObjectRef>,
    ) -> BoxFuture<'_, Result<Vec<ObservedState>, ReadError>> {
        denied()
    }

    fn kinds(&self) -> BoxFuture<'_, Result<Vec<KindInfo>, ReadError>> {
        denied()
    }

    fn server_version(&self) -> BoxFuture<'_, Result<String, ReadError>> {
        denied()
    }

    fn artifact(&self, digest: Digest) -> BoxFuture<'_, Result<Arc<[u8]>, FetchError>> {
        self.artifacts.read(digest)
    }

    fn send(&self, _request: HttpRequest) -> BoxFuture<'_, Result<HttpResponse, HttpError>> {
        let text = "there is no network here".to_owned();
        Box::pin(ready(Err(HttpError::Denied(text))))
    }

    fn log(&self, line: LogLine) {
        (self.log)(line);
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use std::sync::Mutex;

    use oarlock_core::artifact::Closed;
    use oarlock_core::reconciler::LogLevel;
    use oarlock_core::reference::Gvk;

    use super::*;

    #[tokio::test]
    async fn there_is_nothing_but_packages_and_the_log() {
        let lines = Arc::new(Mutex::new(Vec::new()));
        let heard = Arc::clone(&lines);
        let host = Offline::new(Arc::new(Closed), move |line| {
            heard.lock().unwrap().push(line);
        });
        let target = ObjectRef {
            gvk: Gvk::new("", "v1", "Secret"),
            namespace: Some("harbour".to_owned()),
            name: "oar".to_owned(),
        };
        let read = host.get(target, None).await;
        assert_eq!(read, Err(ReadError::Denied(NO_CLUSTER.to_owned())));
        let package = Digest::of(b"planks");
        let refusal = Closed::refusal(&package);
        assert_eq!(host.artifact(package).await, Err(refusal));
        let line = LogLine {
            level: LogLevel::Warn,
            message: "deprecated".to_owned(),
            fields: Vec::new(),
        };
        host.log(line.clone());
        assert_eq!(*lines.lock().unwrap(), [line]);
    }
}
