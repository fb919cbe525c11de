//! Repositories made for a test, and a web server that serves them by `git http-backend`.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::header::{AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE, HeaderName, LOCATION};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use parking_lot::Mutex;
use tempfile::TempDir;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio::task::{JoinHandle, JoinSet};

/// A repository with a work tree.
pub(crate) struct Origin {
    dir: TempDir,
}

impl Origin {
    pub(crate) fn new() -> Self {
        let origin = Self {
            dir: tempfile::tempdir().unwrap(),
        };
        fs::create_dir(origin.path()).unwrap();
        origin.git(&["init", "--quiet", "--initial-branch=main"]);
        origin
    }

    /// With a chart in `charts/web`.
    pub(crate) fn with_chart() -> Self {
        let origin = Self::new();
        origin.write("charts/web/Chart.yaml", &chart("web", "1.0.0"));
        origin.write("charts/web/values.yaml", "a: 1\n");
        origin.commit("first");
        origin
    }

    /// The folder that repositories are in.
    pub(crate) fn root(&self) -> &Path {
        self.dir.path()
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.dir.path().join("origin")
    }

    pub(crate) fn write(&self, path: &str, text: &str) {
        let path = self.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// All that is there, as a commit.
    pub(crate) fn commit(&self, message: &str) -> String {
        self.git(&["add", "--all"]);
        self.git(&["commit", "--quiet", "--message", message]);
        self.git(&["rev-parse", "HEAD"])
    }

    pub(crate) fn git(&self, arguments: &[&str]) -> String {
        let output = Command::new("git")
            .args(arguments)
            .current_dir(self.path())
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_AUTHOR_DATE", "2026-01-02T03:04:05Z")
            .env("GIT_COMMITTER_DATE", "2026-01-02T03:04:05Z")
            .env("GIT_AUTHOR_NAME", "author")
            .env("GIT_AUTHOR_EMAIL", "author@example.com")
            .env("GIT_COMMITTER_NAME", "committer")
            .env("GIT_COMMITTER_EMAIL", "committer@example.com")
            .output()
            .unwrap();
        assert!(output.status.success(), "git {arguments:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }
}

pub(crate) fn chart(name: &str, version: &str) -> String {
    format!("apiVersion: v2\nname: {name}\nversion: {version}\n")
}

/// What a server does beside serving.
#[derive(Default)]
struct Manners {
    /// `user:password` that it wants.
    login: Option<String>,
    /// Where it sends who asks for a path that begins with the first one: the second one in its place.
    moved: Vec<(String, String)>,
    /// Bytes of a pack after which it goes silent.
    silent_after: Option<usize>,
}

struct Shared {
    root: PathBuf,
    manners: Mutex<Manners>,
    /// Requests by path and query.
    seen: Mutex<BTreeMap<String, usize>>,
    /// Requests with an Authorization.
    authorized: AtomicUsize,
    /// It went silent.
    fell_silent: Notify,
}

/// A server on loopback, gone when this is dropped.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Server {
    /// Serves the repositories below `root`.
    pub(crate) async fn start(root: &Path) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared {
            root: root.to_owned(),
            manners: Mutex::default(),
            seen: Mutex::default(),
            authorized: AtomicUsize::new(0),
            fell_silent: Notify::new(),
        });
        let task = tokio::spawn(serve(listener, Arc::clone(&shared)));
        Self {
            address,
            shared,
            task,
        }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/origin", self.address)
    }

    pub(crate) fn wants(&self, login: &str) {
        self.shared.manners.lock().login = Some(login.to_owned());
    }

    pub(crate) fn moves(&self, from: &str, to: &str) {
        let moved = (from.to_owned(), to.to_owned());
        self.shared.manners.lock().moved.push(moved);
    }

    pub(crate) fn falls_silent_after(&self, bytes: Option<usize>) {
        self.shared.manners.lock().silent_after = bytes;
    }

    pub(crate) async fn fell_silent(&self) {
        self.shared.fell_silent.notified().await;
    }

    /// Requests whose path and query contain `part`.
    pub(crate) fn seen(&self, part: &str) -> usize {
        let seen = self.shared.seen.lock();
        seen.iter()
            .filter(|(path, _)| path.contains(part))
            .map(|(_, times)| times)
            .sum()
    }

    pub(crate) fn authorized(&self) -> usize {
        self.shared.authorized.load(Ordering::Relaxed)
    }
}

async fn serve(listener: TcpListener, shared: Arc<Shared>) {
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        let shared = Arc::clone(&shared);
        connections.spawn(async move {
            let service = service_fn(move |request| {
                let shared = Arc::clone(&shared);
                async move { Ok::<_, Infallible>(shared.answer(request).await) }
            });
            // A client that is killed goes without a word.
            let _gone = http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service)
                .await;
        });
    }
}

fn plain(status: StatusCode) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::new()));
    *response.status_mut() = status;
    response
}

impl Shared {
    async fn answer(&self, request: Request<Incoming>) -> Response<Full<Bytes>> {
        let target = request.uri().path_and_query().unwrap().to_string();
        *self.seen.lock().entry(target.clone()).or_default() += 1;
        let authorization = request.headers().get(AUTHORIZATION).cloned();
        if authorization.is_some() {
            self.authorized.fetch_add(1, Ordering::Relaxed);
        }
        let (login, moved, silent_after) = {
            let manners = self.manners.lock();
            (
                manners.login.clone(),
                manners.moved.clone(),
                manners.silent_after,
            )
        };
        for (from, to) in moved {
            if let Some(rest) = target.strip_prefix(&from) {
                let mut response = plain(StatusCode::MOVED_PERMANENTLY);
                let to = format!("{to}{rest}").parse().unwrap();
                response.headers_mut().insert(LOCATION, to);
                return response;
            }
        }
        if let Some(login) = login {
            let wanted = format!("Basic {}", STANDARD.encode(login));
            if authorization.is_none_or(|given| given != wanted.as_str()) {
                let mut response = plain(StatusCode::UNAUTHORIZED);
                let realm = "Basic realm=\"git\"".parse().unwrap();
                response
                    .headers_mut()
                    .insert(HeaderName::from_static("www-authenticate"), realm);
                return response;
            }
        }
        let is_pack = target.ends_with("/git-upload-pack");
        let response = self.backend(request).await;
        match silent_after {
            Some(bytes) if is_pack => {
                let body = response.into_body().collect().await.unwrap().to_bytes();
                if body.len() > bytes {
                    self.fell_silent.notify_one();
                    std::future::pending::<()>().await;
                }
                Response::new(Full::new(body))
            }
            _ => response,
        }
    }

    /// One call of the CGI program.
    async fn backend(&self, request: Request<Incoming>) -> Response<Full<Bytes>> {
        let (head, body) = request.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        let header = |name: HeaderName| {
            let value = head.headers.get(name);
            value.map_or("", |value| value.to_str().unwrap()).to_owned()
        };
        let mut child = tokio::process::Command::new("git")
            .arg("http-backend")
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_PROJECT_ROOT", &self.root)
            .env("GIT_HTTP_EXPORT_ALL", "1")
            .env("PATH_INFO", head.uri.path())
            .env("QUERY_STRING", head.uri.query().unwrap_or_default())
            .env("REQUEST_METHOD", head.method.as_str())
            .env("CONTENT_TYPE", header(CONTENT_TYPE))
            .env("CONTENT_LENGTH", body.len().to_string())
            .env("HTTP_CONTENT_ENCODING", header(CONTENT_ENCODING))
            .env(
                "GIT_PROTOCOL",
                header(HeaderName::from_static("git-protocol")),
            )
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut stdin = child.stdin.take().unwrap();
        let fed = tokio::spawn(async move {
            // A backend that refuses does not read it all.
            let _refused = stdin.write_all(&body).await;
        });
        let output = child.wait_with_output().await.unwrap().stdout;
        fed.await.unwrap();
        cgi(&output)
    }
}

/// Reads what a CGI program printed.
fn cgi(output: &[u8]) -> Response<Full<Bytes>> {
    let end = output
        .windows(4)
        .position(|four| four == b"\r\n\r\n")
        .unwrap();
    let head = str::from_utf8(&output[..end]).unwrap();
    let mut response = Response::new(Full::new(Bytes::copy_from_slice(&output[end + 4..])));
    for line in head.lines() {
        let (name, value) = line.split_once(": ").unwrap();
        if name.eq_ignore_ascii_case("status") {
            *response.status_mut() = value[..3].parse().unwrap();
        } else {
            let name: HeaderName = name.parse().unwrap();
            response.headers_mut().insert(name, value.parse().unwrap());
        }
    }
    response
}
