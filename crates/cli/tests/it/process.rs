//! Processes of the binary under test: started, spoken to, and always ended.

use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};

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

/// Runs the binary to its end.
pub(crate) async fn oarlock(args: &[&str], directory: &Path) -> Output {
    let run = Command::new(env!("CARGO_BIN_EXE_oarlock"))
        .args(args)
        .current_dir(directory)
        .env_remove("KUBECONFIG")
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
}

impl Process {
    /// Starts it. Its log goes to `log`, appended.
    pub(crate) fn start(args: &[&str], log: &Path) -> Self {
        let log = std::fs::File::options()
            .create(true)
            .append(true)
            .open(log)
            .unwrap();
        let mut child = Command::new(env!("CARGO_BIN_EXE_oarlock"))
            .args(args)
            .env_remove("KUBECONFIG")
            .stdout(Stdio::piped())
            .stderr(log)
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, lines }
    }

    /// The rest of the next line of its output that starts with `word`.
    pub(crate) async fn says(&mut self, word: &str) -> String {
        let find = async {
            loop {
                let line = self
                    .lines
                    .next_line()
                    .await
                    .unwrap()
                    .expect("it goes on talking");
                if let Some(rest) = line.strip_prefix(word) {
                    return rest.trim().to_owned();
                }
            }
        };
        tokio::time::timeout(PATIENCE, find)
            .await
            .unwrap_or_else(|_| panic!("it says {word:?}"))
    }

    /// Ends it as `kill -9` does, and waits until it is gone.
    pub(crate) async fn kill(mut self) {
        self.child.kill().await.unwrap();
    }
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
        let mut process = Process::start(
            &[
                "dev",
                "--no-operator",
                "--speed",
                "0",
                "--ready-after",
                "0",
                "--kubeconfig",
                kubeconfig.to_str().unwrap(),
            ],
            &directory.join("cluster.log"),
        );
        let url = process.says("cluster").await;
        let _tls = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let config = kube::Config::new(url.parse().unwrap());
        let http = kube::Client::try_from(config).unwrap();
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

    /// Moves its clock forward.
    pub(crate) async fn advance_to(&self, millis: u64) {
        let body = serde_json::to_vec(&serde_json::json!({"to": millis})).unwrap();
        let request = http::Request::post("/clock/advance").body(body).unwrap();
        let _reading: serde_json::Value = self.http.request(request).await.unwrap();
    }
}
