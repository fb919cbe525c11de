//! A real Prometheus, and requests for it to count: an exporter whose success rate and duration the test chooses.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::{Arc, Once};
use std::time::Instant;

use parking_lot::Mutex;
use serde_json::Value;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::watch;
use tokio_util::task::AbortOnDropHandle;

use crate::process::{PATIENCE, client, root};
use crate::webhooks::{Answer, Received, Web};

/// Upper bounds of the histogram's buckets, in seconds.
const BUCKETS: [f64; 8] = [0.005, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0];

/// Requests that the Pods of one Deployment answer, as the exporter makes them up.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Requests {
    /// So many in a second.
    pub(crate) rate: f64,
    /// Percent of them that are answered with 200 instead of 500.
    pub(crate) success: f64,
    /// How long each takes, in milliseconds.
    pub(crate) millis: f64,
}

impl Requests {
    /// A hundred in a second, fast, of which so many percent succeed.
    pub(crate) fn of(success: f64) -> Self {
        Self {
            rate: 100.0,
            success,
            millis: 20.0,
        }
    }
}

/// What one Deployment's Pods have counted.
struct Counted {
    deployment: String,
    requests: Requests,
    succeeded: f64,
    failed: f64,
    /// Of the requests, how many ended within each bound.
    within: [[f64; BUCKETS.len()]; 2],
}

/// The exporter. Counters go on between two looks at the rate that was chosen last.
pub(crate) struct Exporter {
    state: Arc<Mutex<(Instant, Vec<Counted>)>>,
    web: Web,
}

impl Exporter {
    /// Of Pods in the namespace `default`.
    pub(crate) async fn new() -> Self {
        let state = Arc::new(Mutex::new((Instant::now(), Vec::new())));
        let shown = Arc::clone(&state);
        let web = Web::new(move |_| {
            let mut state = shown.lock();
            count(&mut state);
            Answer::Says(200, text(&state.1))
        })
        .await;
        Self { state, web }
    }

    /// From now on the Pods of a Deployment answer such requests.
    pub(crate) fn serves(&self, deployment: &str, requests: Requests) {
        let mut state = self.state.lock();
        count(&mut state);
        match state
            .1
            .iter_mut()
            .find(|counted| counted.deployment == deployment)
        {
            Some(counted) => counted.requests = requests,
            None => state.1.push(Counted {
                deployment: deployment.to_owned(),
                requests,
                succeeded: 0.0,
                failed: 0.0,
                within: [[0.0; BUCKETS.len()]; 2],
            }),
        }
    }
}

/// Counts what came since the last look.
fn count(state: &mut (Instant, Vec<Counted>)) {
    let now = Instant::now();
    let seconds = (now - state.0).as_secs_f64();
    state.0 = now;
    for counted in &mut state.1 {
        let all = counted.requests.rate * seconds;
        let succeeded = all * counted.requests.success / 100.0;
        counted.succeeded += succeeded;
        counted.failed += all - succeeded;
        for (within, more) in counted.within.iter_mut().zip([succeeded, all - succeeded]) {
            for (bound, number) in BUCKETS.iter().zip(within) {
                if counted.requests.millis <= bound * 1000.0 {
                    *number += more;
                }
            }
        }
    }
}

/// The text that Prometheus reads.
fn text(all: &[Counted]) -> String {
    let mut text = String::from("# TYPE http_request_duration_seconds histogram\n");
    for counted in all {
        let numbers = [("200", counted.succeeded), ("500", counted.failed)];
        for ((status, total), within) in numbers.into_iter().zip(counted.within) {
            let labels = format!(
                "namespace=\"default\",pod=\"{}-5d8f9c7b6-x2k4p\",status=\"{status}\"",
                counted.deployment
            );
            let name = "http_request_duration_seconds";
            for (bound, number) in BUCKETS.iter().zip(within) {
                writeln!(text, "{name}_bucket{{{labels},le=\"{bound}\"}} {number}").unwrap();
            }
            writeln!(text, "{name}_bucket{{{labels},le=\"+Inf\"}} {total}").unwrap();
            writeln!(text, "{name}_count{{{labels}}} {total}").unwrap();
        }
    }
    text
}

/// A Prometheus that looks at one exporter once a second. Killed when dropped.
pub(crate) struct Prometheus {
    process: Child,
    _log: AbortOnDropHandle<()>,
    directory: TempDir,
    /// Where it listens.
    address: String,
    /// Changes with every look at the exporter.
    looks: watch::Receiver<Vec<Received>>,
}

impl Prometheus {
    /// Starts one; `None`, said loudly, where there is none and that is allowed.
    pub(crate) async fn of(exporter: &Exporter) -> Option<Self> {
        let program = program()?;
        let directory = tempfile::tempdir().unwrap();
        let target = exporter.web.url.strip_prefix("http://").unwrap();
        let configuration = format!(
            "global: {{scrape_interval: 1s, scrape_timeout: 1s}}\n\
             scrape_configs:\n- job_name: pods\n  static_configs: [{{targets: [\"{target}\"]}}]\n"
        );
        std::fs::write(directory.path().join("prometheus.yml"), configuration).unwrap();
        let (process, log, address) = start(&program, &directory, "127.0.0.1:0").await;
        Some(Self {
            process,
            _log: log,
            directory,
            address,
            looks: exporter.web.looks(),
        })
    }

    /// Where it is asked.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Ends it with SIGKILL.
    pub(crate) async fn kill(&mut self) {
        self.process.kill().await.unwrap();
    }

    /// Starts it again, with its data, where it was.
    pub(crate) async fn start_again(&mut self) {
        let program = program().unwrap();
        let (process, log, address) = start(&program, &self.directory, &self.address).await;
        assert_eq!(address, self.address);
        self.process = process;
        self._log = log;
    }

    /// What a query gives now: the only value, or nothing.
    pub(crate) async fn value(&self, query: &str) -> Option<f64> {
        let mut address = String::from("/api/v1/query?query=");
        for byte in query.bytes() {
            write!(address, "%{byte:02X}").unwrap();
        }
        let request = http::Request::get(address).body(Vec::new()).unwrap();
        let answer: Value = client(&self.url()).request(request).await.unwrap();
        let result = answer["data"]["result"].as_array().unwrap();
        assert!(result.len() < 2, "{answer}");
        result
            .first()
            .map(|series| series["value"][1].as_str().unwrap().parse().unwrap())
    }

    /// Waits until a query gives such a value. It is asked again with every look at the exporter: nothing changes in between.
    pub(crate) async fn knows(&self, query: &str, wanted: impl Fn(f64) -> bool) -> f64 {
        let (mut last, mut looks) = (None, self.looks.clone());
        let known = async {
            loop {
                last = self.value(query).await;
                match last {
                    Some(value) if wanted(value) => return value,
                    _ => looks.changed().await.unwrap(),
                }
            }
        };
        match tokio::time::timeout(PATIENCE, known).await {
            Ok(value) => value,
            Err(_) => panic!("{query} gives {last:?}"),
        }
    }
}

/// The program; `None`, said past the test harness, where tests may go on without.
fn program() -> Option<PathBuf> {
    static SAID: Once = Once::new();
    let program = root().join("target/oarlock/parts/prometheus");
    if program.is_file() {
        return Some(program);
    }
    assert!(
        std::env::var_os("OARLOCK_ALLOW_MISSING").is_some(),
        "{} is not there; hint: cargo xtask parts",
        program.display()
    );
    SAID.call_once(|| {
        let text = b"NOT RUN: nothing was tested with a real Prometheus; hint: cargo xtask parts\n";
        std::io::stderr().write_all(text).unwrap();
    });
    None
}

/// Starts it, and waits until it answers: the process, who reads its log, and where it listens.
async fn start(
    program: &PathBuf,
    directory: &TempDir,
    address: &str,
) -> (Child, AbortOnDropHandle<()>, String) {
    let file = |name: &str| directory.path().join(name).display().to_string();
    let mut process = Command::new(program)
        .arg(format!("--config.file={}", file("prometheus.yml")))
        .arg(format!("--storage.tsdb.path={}", file("data")))
        .arg(format!("--web.listen-address={address}"))
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(process.stderr.take().unwrap()).lines();
    let mut said = Vec::new();
    let ready = async {
        // Two of its threads say so, in any order.
        let (mut address, mut is_ready) = (None, false);
        while let Some(line) = lines.next_line().await.unwrap() {
            if line.contains("Listening on") {
                address = line.rsplit("address=").next().map(str::to_owned);
            }
            is_ready |= line.contains("Server is ready");
            if is_ready && address.is_some() {
                return address;
            }
            said.push(line);
        }
        None
    };
    let address = tokio::time::timeout(PATIENCE, ready).await.ok().flatten();
    let Some(address) = address else {
        panic!("Prometheus is not ready:\n{}", said.join("\n"));
    };
    let log = tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
    (process, AbortOnDropHandle::new(log), address)
}

#[tokio::test]
async fn counts_what_the_test_chooses() {
    let exporter = Exporter::new().await;
    exporter.serves("app", Requests::of(75.0));
    exporter.serves("app-stable", Requests::of(100.0));
    let Some(mut prometheus) = Prometheus::of(&exporter).await else {
        return;
    };
    let pods = "namespace=\"default\",pod=~\"app-[a-z0-9]+-[a-z0-9]{5}\"";
    let name = "http_request_duration_seconds";
    let failed = format!("sum(rate({name}_count{{{pods},status=~\"5..\"}}[3s]))");
    let success = format!("100 * (1 - {failed} / sum(rate({name}_count{{{pods}}}[3s])))");
    let duration =
        format!("1000 * histogram_quantile(0.99, sum by (le) (rate({name}_bucket{{{pods}}}[3s])))");
    prometheus
        .knows(&success, |value| (value - 75.0).abs() < 0.1)
        .await;
    prometheus.knows(&duration, |value| value < 50.0).await;

    exporter.serves(
        "app",
        Requests {
            millis: 700.0,
            ..Requests::of(99.9)
        },
    );
    prometheus.knows(&success, |value| value > 99.8).await;
    prometheus.knows(&duration, |value| value > 500.0).await;

    // What was counted survives its end.
    let before = prometheus
        .knows(&format!("sum({name}_count{{{pods}}})"), |value| value > 0.0)
        .await;
    prometheus.kill().await;
    prometheus.start_again().await;
    prometheus
        .knows(&format!("sum({name}_count{{{pods}}})"), |value| {
            value > before
        })
        .await;
}
