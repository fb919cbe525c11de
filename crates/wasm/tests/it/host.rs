//! A host that answers from a script and writes down what it was asked.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use oarlock_core::artifact::FetchError;
use oarlock_core::future::BoxFuture;
use oarlock_core::json::Json;
use oarlock_core::reconciler::{
    Health, Host, HttpError, HttpRequest, HttpResponse, LogLine, ObservedState, ReadError,
    Selection, Waiting,
};
use oarlock_core::reference::{Digest, Gvk, KindInfo, ObjectRef};
use parking_lot::Mutex;
use rustix::time::{ClockId, clock_gettime};
use tokio::sync::Barrier;

/// What becomes of an HTTP call.
#[derive(Default)]
pub(crate) enum Http {
    /// 200, `fine`.
    #[default]
    Answers,
    /// Nothing.
    Hangs,
    /// That it timed out, when the time that it was given is over.
    TimesOut,
    /// 200, once so many calls wait at the same time.
    Meets(Arc<Barrier>),
}

/// How often a run waited for room.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Waits {
    pub(crate) now: usize,
    pub(crate) ever: usize,
}

struct Waited<'a>(&'a Mutex<Waits>);

impl Drop for Waited<'_> {
    fn drop(&mut self) {
        self.0.lock().now -= 1;
    }
}

/// Uses up CPU time of this thread.
fn work(time: Duration) {
    let spent = || {
        let spent = clock_gettime(ClockId::ThreadCPUTime);
        Duration::try_from(spent).unwrap()
    };
    let start = spent();
    while spent() - start < time {
        std::hint::spin_loop();
    }
}

/// Answers from its fields.
#[derive(Default)]
pub(crate) struct FakeHost {
    /// What `get` finds, whatever is asked for. `None`: it is not granted.
    pub(crate) found: Option<Option<Json>>,
    /// What it finds by name, before that.
    pub(crate) named: BTreeMap<String, Json>,
    /// Packages that may be read.
    pub(crate) packages: Vec<Vec<u8>>,
    pub(crate) children: Vec<Json>,
    pub(crate) http: Http,
    /// Time on the CPU that each `get` takes.
    pub(crate) effort: Duration,
    pub(crate) waits: Mutex<Waits>,
    pub(crate) asked: Mutex<Vec<String>>,
    pub(crate) lines: Mutex<Vec<LogLine>>,
}

impl FakeHost {
    fn note(&self, what: &str, details: &dyn std::fmt::Debug) {
        self.asked.lock().push(format!("{what} {details:?}"));
    }

    /// What was asked, a line each.
    pub(crate) fn asked(&self) -> String {
        self.asked.lock().join("\n")
    }

    /// What was logged, a line each.
    pub(crate) fn logged(&self) -> String {
        let line = |line: &LogLine| format!("{:?} {} {:?}", line.level, line.message, line.fields);
        self.lines
            .lock()
            .iter()
            .map(line)
            .collect::<Vec<_>>()
            .join("\n")
    }
}

fn ready<T: Send + 'static>(answer: T) -> BoxFuture<'static, T> {
    // Not at once: an import may wait.
    Box::pin(async {
        tokio::task::yield_now().await;
        answer
    })
}

impl Host for FakeHost {
    fn get(
        &self,
        target: ObjectRef,
        act_as: Option<String>,
    ) -> BoxFuture<'_, Result<Option<Json>, ReadError>> {
        self.note("get", &(target.to_string(), act_as));
        work(self.effort);
        let found = match self.named.get(&target.name) {
            Some(named) => Some(Some(named.clone())),
            None => self.found.clone(),
        };
        ready(found.ok_or_else(|| ReadError::Denied("no grant for get on secrets".to_owned())))
    }

    fn get_live(
        &self,
        target: ObjectRef,
        act_as: Option<String>,
    ) -> BoxFuture<'_, Result<Option<Json>, ReadError>> {
        self.note("get-live", &(target.to_string(), act_as));
        ready(Err(ReadError::Unavailable(
            "the API server is away".to_owned(),
        )))
    }

    fn query(&self, selection: Selection) -> BoxFuture<'_, Result<Vec<Json>, ReadError>> {
        self.note("query", &selection);
        ready(Err(ReadError::UnknownKind(selection.gvk.to_string())))
    }

    fn children(&self) -> BoxFuture<'_, Result<Vec<Json>, ReadError>> {
        self.note("children", &());
        ready(Ok(self.children.clone()))
    }

    fn observe(
        &self,
        targets: Vec<ObjectRef>,
    ) -> BoxFuture<'_, Result<Vec<ObservedState>, ReadError>> {
        let state = |target: ObjectRef| ObservedState {
            target,
            health: Health::InProgress,
            message: "1 of 2".to_owned(),
        };
        ready(Ok(targets.into_iter().map(state).collect()))
    }

    fn kinds(&self) -> BoxFuture<'_, Result<Vec<KindInfo>, ReadError>> {
        ready(Ok(vec![KindInfo {
            gvk: Gvk::new("apps", "v1", "Deployment"),
            plural: "deployments".to_owned(),
            namespaced: true,
            status_subresource: true,
        }]))
    }

    fn server_version(&self) -> BoxFuture<'_, Result<String, ReadError>> {
        ready(Ok("v1.34.0".to_owned()))
    }

    fn artifact(&self, digest: Digest) -> BoxFuture<'_, Result<Arc<[u8]>, FetchError>> {
        self.note("artifact", &digest);
        let named = |bytes: &&Vec<u8>| Digest::of(bytes) == digest;
        let found = self.packages.iter().find(named);
        ready(match found {
            Some(bytes) => Ok(bytes.clone().into()),
            None => Err(FetchError::Denied("this run did not fetch it".to_owned())),
        })
    }

    fn send(&self, request: HttpRequest) -> BoxFuture<'_, Result<HttpResponse, HttpError>> {
        self.note("send", &request);
        let timeout = request.timeout;
        Box::pin(async move {
            match &self.http {
                Http::Answers => {}
                Http::Hangs => std::future::pending().await,
                Http::TimesOut => {
                    tokio::time::sleep(timeout.unwrap()).await;
                    return Err(HttpError::TimedOut);
                }
                Http::Meets(barrier) => {
                    barrier.wait().await;
                }
            }
            Ok(HttpResponse {
                status: 200,
                headers: vec![("x-oar".to_owned(), "1".to_owned())],
                body: b"fine".to_vec(),
            })
        })
    }

    fn log(&self, line: LogLine) {
        self.lines.lock().push(line);
    }

    fn waiting(&self) -> Waiting<'_> {
        let mut waits = self.waits.lock();
        waits.now += 1;
        waits.ever += 1;
        drop(waits);
        Box::new(Waited(&self.waits))
    }
}
