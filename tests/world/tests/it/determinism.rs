//! Equal requests and equal answers give equal outcomes; and whole worlds repeat themselves.

use std::sync::Arc;
use std::time::Duration;

use oarlock_core::future::BoxFuture;
use oarlock_core::json::Json;
use oarlock_core::limits::Limits;
use oarlock_core::manifest::Manifest;
use oarlock_core::outcome::Outcome;
use oarlock_core::reconciler::{
    Host, HttpError, HttpRequest, HttpResponse, LogLine, ObservedState, ReadError, Reconciler,
    RunError, Selection,
};
use oarlock_core::reference::{Digest, KindInfo, ObjectRef};
use oarlock_core::request::Request;
use oarlock_wasm::WasmModule;
use parking_lot::Mutex;

use crate::canary::site::{Site, manifest};
use crate::components::{component, serving};

/// Runs each request twice, the second time with what was read the first time, and compares.
struct Twice {
    inner: Arc<WasmModule>,
    compared: Mutex<usize>,
}

impl Reconciler for Twice {
    fn manifest(&self) -> &Manifest {
        self.inner.manifest()
    }

    fn digest(&self) -> &Digest {
        self.inner.digest()
    }

    fn reconcile<'a>(
        &'a self,
        request: &'a Request,
        host: Arc<dyn Host>,
        limits: Limits,
    ) -> BoxFuture<'a, Result<Outcome, RunError>> {
        Box::pin(async move {
            let tape = Arc::new(Tape {
                host,
                children: Mutex::default(),
            });
            let first = self
                .inner
                .reconcile(request, Arc::clone(&tape) as _, limits)
                .await;
            let second = self
                .inner
                .reconcile(request, Arc::clone(&tape) as _, limits)
                .await;
            assert_eq!(first, second, "{request:?}");
            *self.compared.lock() += 1;
            first
        })
    }
}

/// A host that answers as it did before. The canary asks for its children, and for nothing else.
struct Tape {
    host: Arc<dyn Host>,
    children: Mutex<Option<Vec<Json>>>,
}

impl Host for Tape {
    fn children(&self) -> BoxFuture<'_, Result<Vec<Json>, ReadError>> {
        Box::pin(async move {
            let known = self.children.lock().clone();
            if let Some(children) = known {
                return Ok(children);
            }
            let children = self.host.children().await?;
            *self.children.lock() = Some(children.clone());
            Ok(children)
        })
    }

    fn log(&self, line: LogLine) {
        self.host.log(line);
    }

    fn get(
        &self,
        target: ObjectRef,
        _: Option<String>,
    ) -> BoxFuture<'_, Result<Option<Json>, ReadError>> {
        panic!("the canary does not get {target}");
    }

    fn get_live(
        &self,
        target: ObjectRef,
        _: Option<String>,
    ) -> BoxFuture<'_, Result<Option<Json>, ReadError>> {
        panic!("the canary does not get {target}");
    }

    fn query(&self, selection: Selection) -> BoxFuture<'_, Result<Vec<Json>, ReadError>> {
        panic!("the canary does not ask for {selection:?}");
    }

    fn observe(
        &self,
        targets: Vec<ObjectRef>,
    ) -> BoxFuture<'_, Result<Vec<ObservedState>, ReadError>> {
        panic!("the canary does not observe {targets:?}");
    }

    fn kinds(&self) -> BoxFuture<'_, Result<Vec<KindInfo>, ReadError>> {
        panic!("the canary does not ask for kinds");
    }

    fn server_version(&self) -> BoxFuture<'_, Result<String, ReadError>> {
        panic!("the canary does not ask for the server's version");
    }

    fn send(&self, request: HttpRequest) -> BoxFuture<'_, Result<HttpResponse, HttpError>> {
        panic!("the canary does not call {}", request.url);
    }
}

#[tokio::test(start_paused = true)]
async fn the_same_request_has_the_same_outcome() {
    let twice = Arc::new(Twice {
        inner: component("modules/canary").await,
        compared: Mutex::default(),
    });
    let mut site = Site::with(serving(Arc::clone(&twice)), None);
    site.install().await;
    site.deploy("1.7.8");
    site.until_stable("1.7.8").await;
    let compared = *twice.compared.lock();
    assert!(compared > 20, "only {compared} runs");
}

/// Two worlds with the same seed write the same objects in the same order at the same virtual time, to the byte.
#[tokio::test(start_paused = true)]
async fn the_same_world_has_the_same_history() {
    let history = async || {
        let mut site = Site::new().await;
        site.apply(manifest()).unwrap();
        site.until_stable("1.7.7").await;
        site.deploy("1.7.8");
        site.until_stable("1.7.8").await;
        site.pass(Duration::from_secs(60)).await;
        let changes = site.chronicle.since(0).await;
        let line = |entry: &crate::chronicle::Entry| {
            let change = &entry.change;
            format!(
                "{} {} {}",
                entry.at.rfc3339_micro(),
                change.removed,
                change.object
            )
        };
        changes.iter().map(line).collect::<Vec<_>>()
    };
    let (first, second) = (history().await, history().await);
    assert!(first.len() > 100, "only {} changes", first.len());
    for (index, (first, second)) in first.iter().zip(&second).enumerate() {
        assert_eq!(first, second, "change {index}");
    }
    assert_eq!(first.len(), second.len());
}
