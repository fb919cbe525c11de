//! What a run is told besides its object, and what it may read.

use std::cell::RefCell;
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::artifacts::{Artifact, Artifacts, Fetch, FetchError, Source};
use crate::http::{Http, HttpError, Request, Response};
use crate::log::{Level, Line};
use crate::testing::FakeCluster;
use crate::{
    Cluster, Failure, KindInfo, Object, ObjectRef, ReadError, Reads, Report, Resource, Rng, State,
    Timestamp, field_path,
};

/// Time, seed, settings and reads of one run.
///
/// In tests it is built of plain values:
///
/// ```
/// # use oarlock_sdk::{Context, ObjectRef, json};
/// # use oarlock_sdk::testing::FakeCluster;
/// let cluster = FakeCluster::new().object(json!({
///     "apiVersion": "v1", "kind": "Service", "metadata": {"name": "web", "namespace": "default"},
/// }));
/// let cx = Context::builder()
///     .now("2026-11-21T12:00:00Z".parse()?)
///     .settings(json!({"team": "web"}))
///     .cluster(cluster)
///     .build();
///
/// let web = ObjectRef::new("v1", "Service", "web").in_namespace("default");
/// assert!(cx.get_raw(&web)?.is_some());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Context {
    pub(crate) now: Timestamp,
    pub(crate) seed: u64,
    pub(crate) attempt: u32,
    pub(crate) deleting: bool,
    pub(crate) settings: String,
    pub(crate) last: Option<Report>,
    pub(crate) cluster: Box<dyn Cluster>,
    pub(crate) http: Box<dyn Http>,
    pub(crate) artifacts: Box<dyn Artifacts>,
    pub(crate) lines: Lines,
}

/// Where log lines go.
pub(crate) enum Lines {
    Kept(RefCell<Vec<Line>>),
    #[cfg(target_arch = "wasm32")]
    Sent(fn(Level, &str, &[(&str, &str)])),
}

impl Context {
    /// A context of plain values, for tests: midnight of 1970, no settings, an empty cluster, no HTTP, no packages.
    pub fn builder() -> Builder {
        Builder(Self {
            now: Timestamp::from_millis(0),
            seed: 0,
            attempt: 0,
            deleting: false,
            settings: String::from("{}"),
            last: None,
            cluster: Box::new(FakeCluster::new()),
            http: Box::new(Refused),
            artifacts: Box::new(Refused),
            lines: Lines::Kept(RefCell::default()),
        })
    }

    /// The time, one value for the whole run.
    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// The only randomness there is.
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// A generator that starts from the seed.
    pub fn rng(&self) -> Rng {
        Rng::new(self.seed)
    }

    /// Failed runs in a row for this object.
    pub fn attempt(&self) -> u32 {
        self.attempt
    }

    /// The object has a deletion timestamp, and still the module's finalizer.
    pub fn deleting(&self) -> bool {
        self.deleting
    }

    /// What became of the last outcome. None on the first run and after a restart of the host.
    pub fn last(&self) -> Option<&Report> {
        self.last.as_ref()
    }

    /// `settings:` of the watch.
    ///
    /// # Errors
    ///
    /// [`Failure::Terminal`] with the path of the setting that does not fit the type.
    pub fn settings<T: DeserializeOwned>(&self) -> Result<T, Failure> {
        serde_json::from_str(&self.settings).map_err(|error| {
            let wrong = field_path::locate(&self.settings, &error);
            let dot = if wrong.path.is_empty() { "" } else { "." };
            Failure::Terminal(format!(
                "settings{dot}{}: {} (in watches.yaml)",
                wrong.path, wrong.message
            ))
        })
    }

    /// Reads with a choice of how: live, with other rights, by label.
    pub fn reads(&self) -> Reads<'_> {
        Reads::new(&*self.cluster)
    }

    /// One object, or none where there is no such object.
    ///
    /// # Errors
    ///
    /// Where the host has no answer, or the object does not fit the type.
    pub fn get<S: Resource>(
        &self,
        namespace: &str,
        name: &str,
    ) -> Result<Option<Object<S>>, ReadError> {
        self.reads().get(namespace, name)
    }

    /// One object of any kind.
    ///
    /// # Errors
    ///
    /// Where the host has no answer.
    pub fn get_raw(&self, target: &ObjectRef) -> Result<Option<Value>, ReadError> {
        self.reads().get_raw(target)
    }

    /// What the object owns, of one kind. Needs no grant.
    ///
    /// # Errors
    ///
    /// Where the host has no answer, or a child does not fit the type.
    pub fn children_of<S: Resource>(&self) -> Result<Vec<Object<S>>, ReadError> {
        self.reads().children_of()
    }

    /// Readiness by kstatus' rules, one answer per target in its order.
    ///
    /// # Errors
    ///
    /// Where the host has no answer.
    pub fn observe(&self, targets: &[ObjectRef]) -> Result<Vec<State>, ReadError> {
        self.cluster.observe(targets)
    }

    /// Every kind that the API server serves.
    ///
    /// # Errors
    ///
    /// Where the host has no answer.
    pub fn kinds(&self) -> Result<Vec<KindInfo>, ReadError> {
        self.cluster.kinds()
    }

    /// The API server's version, such as `v1.34.0`, at most some minutes old. A newer one is no reason to run again.
    ///
    /// ```
    /// # use oarlock_sdk::{Context, testing::FakeCluster};
    /// let cx = Context::builder().cluster(FakeCluster::new().server_version("v1.30.2")).build();
    /// assert_eq!(cx.server_version()?, "v1.30.2");
    /// # Ok::<(), oarlock_sdk::ReadError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Where the host has no answer.
    pub fn server_version(&self) -> Result<String, ReadError> {
        self.cluster.server_version()
    }

    /// Sends an HTTP request to a granted origin. The module must say `http = […]`.
    ///
    /// # Errors
    ///
    /// Where there is no answer; a status of 500 is one.
    pub fn send(&self, request: &Request) -> Result<Response, HttpError> {
        self.http.send(request)
    }

    /// Fetches a chart or another package from a granted source. The module must say `artifacts`.
    ///
    /// # Errors
    ///
    /// Where there is no package.
    pub fn fetch(&self, wanted: &Fetch) -> Result<Artifact, FetchError> {
        self.artifacts.fetch(wanted)
    }

    /// The versions that a granted source has, newest first; opened by a Secret of the object's namespace. What the host knows
    /// of the source may be `max_age` old.
    ///
    /// # Errors
    ///
    /// Where the source does not tell.
    pub fn versions(
        &self,
        source: &Source,
        credentials: Option<&str>,
        max_age: Duration,
    ) -> Result<Vec<String>, FetchError> {
        self.artifacts.versions(source, credentials, max_age)
    }

    /// The bytes of a package that this run fetched. Most modules hand the digest on instead.
    ///
    /// # Errors
    ///
    /// Where this run did not fetch it.
    pub fn package(&self, digest: &str) -> Result<Vec<u8>, FetchError> {
        self.artifacts.read(digest)
    }

    /// Writes a log line.
    ///
    /// ```
    /// # use oarlock_sdk::{Context, log::Level};
    /// # let cx = Context::builder().build();
    /// cx.log(Level::Info, "step entered", &[("step", "3")]);
    /// assert_eq!(cx.logged()[0].message, "step entered");
    /// ```
    pub fn log(&self, level: Level, message: &str, fields: &[(&str, &str)]) {
        match &self.lines {
            Lines::Kept(lines) => lines.borrow_mut().push(Line {
                level,
                message: String::from(message),
                fields: fields
                    .iter()
                    .map(|&(name, value)| (String::from(name), String::from(value)))
                    .collect(),
            }),
            #[cfg(target_arch = "wasm32")]
            Lines::Sent(send) => send(level, message, fields),
        }
    }

    /// The lines written so far, in tests; nothing in a component.
    pub fn logged(&self) -> Vec<Line> {
        match &self.lines {
            Lines::Kept(lines) => lines.borrow().clone(),
            #[cfg(target_arch = "wasm32")]
            Lines::Sent(_) => Vec::new(),
        }
    }
}

/// Builds a [`Context`].
#[must_use]
pub struct Builder(Context);

impl Builder {
    /// The time.
    pub fn now(self, now: Timestamp) -> Self {
        Self(Context { now, ..self.0 })
    }

    /// The seed.
    pub fn seed(self, seed: u64) -> Self {
        Self(Context { seed, ..self.0 })
    }

    /// Failed runs in a row.
    pub fn attempt(self, attempt: u32) -> Self {
        Self(Context { attempt, ..self.0 })
    }

    /// Whether the object is being deleted.
    pub fn deleting(self, deleting: bool) -> Self {
        Self(Context { deleting, ..self.0 })
    }

    /// `settings:` of the watch.
    pub fn settings(self, settings: Value) -> Self {
        Self(Context {
            settings: settings.to_string(),
            ..self.0
        })
    }

    /// What became of the last outcome.
    pub fn last(self, last: impl Into<Option<Report>>) -> Self {
        Self(Context {
            last: last.into(),
            ..self.0
        })
    }

    /// What reads are answered from.
    pub fn cluster(self, cluster: impl Cluster + 'static) -> Self {
        Self(Context {
            cluster: Box::new(cluster),
            ..self.0
        })
    }

    /// What HTTP calls are answered by.
    ///
    /// ```
    /// # use oarlock_sdk::{Context, http::{Request, Response}, json};
    /// let cx = Context::builder().http(|_: &Request| Ok(Response::json(200, &json!({"ok": true})))).build();
    /// assert_eq!(cx.send(&Request::get("http://example.com"))?.status, 200);
    /// # Ok::<(), oarlock_sdk::http::HttpError>(())
    /// ```
    pub fn http(self, answer: impl Fn(&Request) -> Result<Response, HttpError> + 'static) -> Self {
        Self(Context {
            http: Box::new(Answering(answer)),
            ..self.0
        })
    }

    /// Where packages come from, such as [`Packages`](crate::testing::Packages).
    pub fn artifacts(self, artifacts: impl Artifacts + 'static) -> Self {
        Self(Context {
            artifacts: Box::new(artifacts),
            ..self.0
        })
    }

    /// The context.
    pub fn build(self) -> Context {
        self.0
    }
}

struct Answering<F>(F);

impl<F: Fn(&Request) -> Result<Response, HttpError>> Http for Answering<F> {
    fn send(&self, request: &Request) -> Result<Response, HttpError> {
        (self.0)(request)
    }
}

/// HTTP, packages and the cluster of a module that does not import them.
pub(crate) struct Refused;

impl Http for Refused {
    fn send(&self, _: &Request) -> Result<Response, HttpError> {
        Err(HttpError::Denied(String::from(
            "the module does not import HTTP\nhint: say `http = […]` in #[module(…)], and grant the origin in the watch",
        )))
    }
}

impl Artifacts for Refused {
    fn fetch(&self, _: &Fetch) -> Result<Artifact, FetchError> {
        Err(without_artifacts())
    }

    fn versions(
        &self,
        _: &Source,
        _: Option<&str>,
        _: Duration,
    ) -> Result<Vec<String>, FetchError> {
        Err(without_artifacts())
    }

    fn read(&self, _: &str) -> Result<Vec<u8>, FetchError> {
        Err(without_artifacts())
    }
}

fn without_artifacts() -> FetchError {
    FetchError::Denied(String::from(
        "the module does not import packages\nhint: say `artifacts` in #[module(…)], and grant the source in the watch",
    ))
}

#[cfg(target_arch = "wasm32")]
impl Cluster for Refused {
    fn get(&self, _: &ObjectRef, _: Option<&str>) -> Result<Option<String>, ReadError> {
        Err(pure())
    }

    fn get_live(&self, _: &ObjectRef, _: Option<&str>) -> Result<Option<String>, ReadError> {
        Err(pure())
    }

    fn query(&self, _: &crate::Selection) -> Result<Vec<String>, ReadError> {
        Err(pure())
    }

    fn children(&self) -> Result<Vec<String>, ReadError> {
        Err(pure())
    }

    fn observe(&self, _: &[ObjectRef]) -> Result<Vec<State>, ReadError> {
        Err(pure())
    }

    fn kinds(&self) -> Result<Vec<KindInfo>, ReadError> {
        Err(pure())
    }

    fn server_version(&self) -> Result<String, ReadError> {
        Err(pure())
    }
}

#[cfg(target_arch = "wasm32")]
fn pure() -> ReadError {
    ReadError::Denied(String::from(
        "the module does not import the cluster\nhint: leave `pure` out of #[module(…)]",
    ))
}
