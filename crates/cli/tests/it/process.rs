//! Processes of the binary under test: started, spoken to, and always ended.

use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal};
use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};
use tokio::sync::watch;
use tokio_util::task::AbortOnDropHandle;

/// Longest wait for anything that has to happen. Only a failing test ever waits this long.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// The repository.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .ancestors()
        .nth(2)
        .unwrap()
        .to_owned()
}

/// The built modules.
pub(crate) fn modules() -> PathBuf {
    let modules = root().join("target/oarlock/modules");
    assert!(
        modules.join("canary.wasm").exists(),
        "{} has no canary.wasm; hint: cargo xtask modules",
        modules.display()
    );
    modules
}

/// Helm's engine, built and compiled: half a minute for all tests together, and not in each process that they start.
pub(crate) async fn helm_engine() -> PathBuf {
    static COMPILED: tokio::sync::OnceCell<()> = tokio::sync::OnceCell::const_new();
    let engine = root().join("target/oarlock/modules/helm-engine.wasm");
    let compile = async {
        let bytes = std::fs::read(&engine).unwrap_or_else(|error| {
            panic!("{}: {error}; hint: cargo xtask modules", engine.display())
        });
        let loader = oarlock_wasm::Loader::new(oarlock_wasm::EngineOptions {
            cache: Some(engine_cache()),
            ..oarlock_wasm::EngineOptions::default()
        });
        let options = oarlock_helm::Options::default();
        let loaded = oarlock_helm::Engine::load(&loader.unwrap(), bytes, options).await;
        loaded.unwrap();
    };
    COMPILED.get_or_init(|| compile).await;
    engine
}

/// Where it is compiled to, for the tests of all packages.
pub(crate) fn engine_cache() -> PathBuf {
    root().join("target/oarlock/cache")
}

/// A built guest.
pub(crate) fn guest(name: &str) -> Vec<u8> {
    let file = root().join("target/oarlock/guests").join(name);
    std::fs::read(&file)
        .unwrap_or_else(|error| panic!("{}: {error}; hint: cargo xtask guests", file.display()))
}

/// Runs the binary to its end.
pub(crate) async fn oarlock(args: &[&str], directory: &Path) -> Output {
    let run = Command::new(env!("CARGO_BIN_EXE_oarlock"))
        .args(args)
        .current_dir(directory)
        .env_remove("KUBECONFIG")
        .env("HOME", directory)
        .env("OARLOCK_CACHE_DIR", cache())
        .kill_on_drop(true)
        .output();
    tokio::time::timeout(PATIENCE, run)
        .await
        .expect("it ends")
        .unwrap()
}

/// A process of the binary that stays. Killed when dropped.
pub(crate) struct Process {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
    log: watch::Receiver<Vec<String>>,
    reading: AbortOnDropHandle<()>,
}

impl Process {
    /// Starts it.
    pub(crate) fn start(args: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_oarlock"))
            .args(args)
            .env_remove("KUBECONFIG")
            .env("OARLOCK_CACHE_DIR", cache())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut errors = BufReader::new(child.stderr.take().unwrap()).lines();
        let (sender, log) = watch::channel(Vec::new());
        let reading = tokio::spawn(async move {
            while let Ok(Some(line)) = errors.next_line().await {
                sender.send_modify(|lines: &mut Vec<String>| lines.push(line));
            }
        });
        Self {
            child,
            lines,
            log,
            reading: AbortOnDropHandle::new(reading),
        }
    }

    /// The rest of the next line of its output that starts with `word`.
    pub(crate) async fn says(&mut self, word: &str) -> String {
        let log = self.log.clone();
        let find = async {
            loop {
                let Some(line) = self.lines.next_line().await.unwrap() else {
                    panic!(
                        "it does not say {word:?}; its log:\n{}",
                        log.borrow().join("\n")
                    );
                };
                if let Some(rest) = line.strip_prefix(word) {
                    return rest.trim().to_owned();
                }
            }
        };
        tokio::time::timeout(PATIENCE, find)
            .await
            .unwrap_or_else(|_| panic!("it says {word:?}"))
    }

    /// The first line of its log, from line `from` on, that contains `text`, and its number.
    pub(crate) async fn logs_after(&self, from: usize, text: &str) -> (usize, String) {
        let mut log = self.log.clone();
        let find = async {
            loop {
                let found = log
                    .borrow_and_update()
                    .iter()
                    .enumerate()
                    .skip(from)
                    .find(|(_, line)| line.contains(text))
                    .map(|(number, line)| (number, line.clone()));
                if let Some(found) = found {
                    return found;
                }
                assert!(
                    log.changed().await.is_ok(),
                    "it ended without logging {text:?}:\n{}",
                    self.log()
                );
            }
        };
        match tokio::time::timeout(PATIENCE, find).await {
            Ok(found) => found,
            Err(_) => panic!("it does not log {text:?}:\n{}", self.log()),
        }
    }

    /// The first line of its log that contains `text`.
    pub(crate) async fn logs(&self, text: &str) -> String {
        self.logs_after(0, text).await.1
    }

    /// Its log up to now.
    pub(crate) fn log(&self) -> String {
        self.log.borrow().join("\n")
    }

    /// Lines of its log up to now.
    pub(crate) fn log_length(&self) -> usize {
        self.log.borrow().len()
    }

    /// Stops reading its log: what it writes from now on fails.
    pub(crate) async fn close_log(&mut self) {
        self.reading.abort();
        let ended = (&mut self.reading).await;
        assert!(ended.is_err(), "it was still reading");
    }

    /// Sends it a signal.
    pub(crate) fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.child.id().unwrap()).unwrap();
        rustix::process::kill_process(Pid::from_raw(pid).unwrap(), signal).unwrap();
    }

    /// Waits for its end: its status, and the rest of its output.
    pub(crate) async fn end(mut self) -> (Option<i32>, String) {
        let rest = async {
            let mut rest = String::new();
            while let Some(line) = self.lines.next_line().await.unwrap() {
                rest.push_str(&line);
                rest.push('\n');
            }
            let status = self.child.wait().await.unwrap().code();
            (status, rest)
        };
        tokio::time::timeout(PATIENCE, rest).await.expect("it ends")
    }

    /// Ends it as `kill -9` does, and waits until it is gone.
    pub(crate) async fn kill(mut self) {
        self.child.kill().await.unwrap();
    }
}

/// Compiled modules, for all tests.
pub(crate) fn cache() -> PathBuf {
    root().join("target/oarlock/test-cache")
}

/// A client of what listens at `url`.
pub(crate) fn client(url: &str) -> kube::Client {
    let _tls = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let mut config = kube::Config::new(url.parse().unwrap());
    // An answer is an answer: a 503 is not asked for again.
    config.default_retry = false;
    kube::Client::try_from(config).unwrap()
}

/// An embedded cluster of its own, without an operator, on a clock that stands still.
pub(crate) struct Cluster {
    _process: Process,
    /// Its URL.
    pub(crate) url: String,
    /// Its kubeconfig.
    pub(crate) kubeconfig: PathBuf,
    http: kube::Client,
}

impl Cluster {
    /// Starts one; `directory` is for its files.
    pub(crate) async fn start(directory: &Path) -> Self {
        let kubeconfig = directory.join("kubeconfig");
        let mut process = Process::start(&[
            "dev",
            "--no-operator",
            "--speed",
            "0",
            "--ready-after",
            "0",
            "--kubeconfig",
            kubeconfig.to_str().unwrap(),
        ]);
        let url = process.says("cluster").await;
        let http = client(&url);
        Self {
            _process: process,
            url,
            kubeconfig,
            http,
        }
    }

    /// A client of its API.
    pub(crate) fn client(&self) -> kube::Client {
        self.http.clone()
    }

    /// Its clock's time, in milliseconds.
    pub(crate) async fn now(&self) -> u64 {
        let request = http::Request::get("/clock").body(Vec::new()).unwrap();
        let reading: serde_json::Value = self.http.request(request).await.unwrap();
        reading["now"].as_u64().unwrap()
    }

    /// Lets its clock run as fast as real time: whatever backs off tries again by itself.
    pub(crate) async fn run_clock(&self) {
        self.run_clock_at(1).await;
    }

    /// Lets its clock run so many times as fast as real time.
    pub(crate) async fn run_clock_at(&self, speed: u32) {
        let body = serde_json::to_vec(&serde_json::json!({"speed": speed})).unwrap();
        let request = http::Request::put("/clock").body(body);
        let _reading: serde_json::Value = self.http.request(request.unwrap()).await.unwrap();
    }

    /// Moves its clock forward.
    pub(crate) async fn advance_to(&self, millis: u64) {
        let body = serde_json::to_vec(&serde_json::json!({"to": millis})).unwrap();
        let request = http::Request::post("/clock/advance").body(body).unwrap();
        let _reading: serde_json::Value = self.http.request(request).await.unwrap();
    }
}
