//! Modules that follow a script.

use std::sync::Arc;
use std::time::Duration;

use oarlock_core::future::BoxFuture;
use oarlock_core::limits::Limits;
use oarlock_core::manifest::Manifest;
use oarlock_core::outcome::Outcome;
use oarlock_core::reconciler::{Fault, Host, Reconciler, RunError};
use oarlock_core::reference::Digest;
use oarlock_core::request::Request;
use parking_lot::Mutex;
use serde_json::Value;
use tokio::sync::watch;

pub(crate) type Answer = Result<Outcome, RunError>;

type Script = Box<dyn Fn(Request, Arc<dyn Host>) -> BoxFuture<'static, Answer> + Send + Sync>;

pub(crate) struct Fake {
    manifest: Manifest,
    digest: Digest,
    libraries: Vec<(String, Digest)>,
    script: Script,
    calls: watch::Sender<Vec<Request>>,
    now: watch::Sender<Running>,
}

/// How many calls are going on, and were at most.
#[derive(Clone, Copy, Default)]
pub(crate) struct Running {
    pub(crate) now: usize,
    pub(crate) most: usize,
}

impl Fake {
    /// Answers by the request alone.
    pub(crate) fn new(script: impl Fn(&Request) -> Answer + Send + Sync + 'static) -> Self {
        Self::reading(move |request, _| {
            let answer = script(&request);
            Box::pin(std::future::ready(answer))
        })
    }

    /// Answers by what it reads, too.
    pub(crate) fn reading(
        script: impl Fn(Request, Arc<dyn Host>) -> BoxFuture<'static, Answer> + Send + Sync + 'static,
    ) -> Self {
        Self {
            manifest: Manifest {
                name: "fake".to_owned(),
                version: "1.0.0".to_owned(),
                crds: Vec::new(),
                finalizer: None,
                writes: Vec::new(),
                reads: Vec::new(),
                http: Vec::new(),
            },
            digest: Digest::of(b"1.0.0"),
            libraries: Vec::new(),
            script: Box::new(script),
            calls: watch::Sender::default(),
            now: watch::Sender::default(),
        }
    }

    /// Answers always the same until the wish changes.
    pub(crate) fn wishing(wish: &Wish) -> Self {
        let wish = wish.clone();
        Self::new(move |_| wish.0.lock().clone())
    }

    pub(crate) fn version(mut self, version: &str) -> Self {
        version.clone_into(&mut self.manifest.version);
        self.digest = Digest::of(version.as_bytes());
        self
    }

    /// The same module with this library.
    pub(crate) fn calling(mut self, library: &str) -> Self {
        let digest = Digest::of(library.as_bytes());
        self.libraries.push(("a:b/c".to_owned(), digest));
        self
    }

    pub(crate) fn named(mut self, name: &str) -> Self {
        name.clone_into(&mut self.manifest.name);
        self.digest = Digest::of(name.as_bytes());
        self
    }

    pub(crate) fn finalizer(mut self, name: &str) -> Self {
        self.manifest.finalizer = Some(name.to_owned());
        self
    }

    /// How often it was called.
    pub(crate) fn count(&self) -> usize {
        self.calls.borrow().len()
    }

    /// The last request.
    pub(crate) fn latest(&self) -> Request {
        self.calls
            .borrow()
            .last()
            .cloned()
            .unwrap_or_else(|| panic!("no call yet"))
    }

    /// All requests.
    pub(crate) fn requests(&self) -> Vec<Request> {
        self.calls.borrow().clone()
    }

    /// Waits for the call with this number, counted from 1.
    pub(crate) async fn call(&self, number: usize) -> Request {
        self.first(move |calls| calls.get(number - 1).cloned())
            .await
    }

    /// Waits for a call that is `such`.
    pub(crate) async fn call_such(&self, such: impl Fn(&Request) -> bool) -> Request {
        self.first(move |calls| calls.iter().rev().find(|call| such(call)).cloned())
            .await
    }

    async fn first(&self, find: impl Fn(&[Request]) -> Option<Request>) -> Request {
        let mut calls = self.calls.subscribe();
        let waiting = calls.wait_for(|calls| find(calls).is_some());
        match tokio::time::timeout(super::PATIENCE, waiting).await {
            Ok(Ok(calls)) => find(&calls).unwrap_or_else(|| panic!("found just before")),
            _ => panic!("not called in time; calls so far: {:#?}", self.requests()),
        }
    }

    pub(crate) fn running(&self) -> Running {
        *self.now.borrow()
    }

    /// Waits until so many calls are going on.
    pub(crate) async fn busy(&self, calls: usize) {
        let mut now = self.now.subscribe();
        let waiting = now.wait_for(|running| running.now == calls);
        let in_time = tokio::time::timeout(super::PATIENCE, waiting).await.is_ok();
        assert!(in_time, "never {calls} calls at once");
    }
}

struct Ended<'a>(&'a watch::Sender<Running>);

impl Drop for Ended<'_> {
    fn drop(&mut self) {
        self.0.send_modify(|running| running.now -= 1);
    }
}

impl Reconciler for Fake {
    fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    fn digest(&self) -> &Digest {
        &self.digest
    }

    fn libraries(&self) -> Vec<(String, Digest)> {
        self.libraries.clone()
    }

    fn reconcile<'a>(
        &'a self,
        request: &'a Request,
        host: Arc<dyn Host>,
        limits: Limits,
    ) -> BoxFuture<'a, Answer> {
        self.now.send_modify(|running| {
            running.now += 1;
            running.most = running.most.max(running.now);
        });
        let ended = Ended(&self.now);
        self.calls.send_modify(|calls| calls.push(request.clone()));
        let run = (self.script)(request.clone(), host);
        Box::pin(async move {
            let _ended = ended;
            match tokio::time::timeout(limits.deadline, run).await {
                Ok(answer) => answer,
                Err(_) => Err(RunError::Fault(Fault::DeadlineExceeded {
                    limit: limits.deadline,
                })),
            }
        })
    }
}

/// What a module answers, to be changed from outside: stands for everything that a module decides by.
#[derive(Clone)]
pub(crate) struct Wish(Arc<Mutex<Answer>>);

impl Wish {
    pub(crate) fn new(outcome: Outcome) -> Self {
        Self(Arc::new(Mutex::new(Ok(outcome))))
    }

    pub(crate) fn set(&self, outcome: Outcome) {
        *self.0.lock() = Ok(outcome);
    }

    pub(crate) fn fail(&self, error: impl Into<RunError>) {
        *self.0.lock() = Err(error.into());
    }
}

/// The name of the object that a request is for.
pub(crate) fn name_of(request: &Request) -> String {
    let object = request.object.to_value();
    object["metadata"]["name"]
        .as_str()
        .unwrap_or_default()
        .to_owned()
}

/// A field of the object that a request is for.
pub(crate) fn field(request: &Request, pointer: &str) -> Value {
    request
        .object
        .to_value()
        .pointer(pointer)
        .cloned()
        .unwrap_or(Value::Null)
}

/// Never, for scripts that do not answer.
pub(crate) async fn never() -> Answer {
    tokio::time::sleep(Duration::MAX).await;
    unreachable!("the end of time")
}
