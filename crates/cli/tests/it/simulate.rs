//! Rehearsals of rollouts.

use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};

use rustix::process::Signal;
use serde_json::Value;
use tempfile::TempDir;
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

use crate::process::{PATIENCE, Process, cache, modules, oarlock, root};

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A directory with the Deployer's example in it.
struct Rehearsal(TempDir);

impl Rehearsal {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        // The definition is the module's own.
        for file in ["deployer.yaml", "watches.yaml"] {
            let from = root().join("examples/deployer").join(file);
            std::fs::copy(from, directory.path().join(file)).unwrap();
        }
        Self(directory)
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    /// Runs `oarlock simulate` in it.
    async fn run(&self, args: &[&str]) -> Output {
        let modules = modules();
        let mut all = vec!["simulate", "--modules", modules.to_str().unwrap()];
        all.extend(args);
        oarlock(&all, self.path()).await
    }

    /// Status and errors, without paths of this machine.
    async fn refused(&self, args: &[&str]) -> String {
        let output = self.run(args).await;
        let modules = modules().display().to_string();
        assert_eq!(text(&output.stdout), "");
        format!(
            "status {:?}\n{}",
            output.status.code(),
            text(&output.stderr).replace(&modules, "MODULES")
        )
    }

    /// The JSON lines of a run that ends well.
    async fn lines(&self, args: &[&str]) -> Vec<Value> {
        let output = self.run(&[args, &["-o", "json"]].concat()).await;
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
        lines(&output)
    }
}

fn lines(output: &Output) -> Vec<Value> {
    let text = text(&output.stdout);
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}")))
        .collect()
}

/// The new version, slow to start, with the operator away for a while.
const UPGRADE: &str = "\
pods:
  - {image: 'nginx:1.7.8', readyAfter: 20s}
changes:
  - at: 1m
    patch: {target: deployers/nginx, merge: {spec: {deployment: {version: 1.7.8}}}}
crashes:
  - {at: 3m, down: 15s}
invariants:
  - {expr: available >= 100%}
  - {expr: total <= 125%}
";

/// Sums of a number over the tracks of a state.
fn sum(state: &Value, key: &str) -> u64 {
    let tracks = state["tracks"].as_array().unwrap();
    tracks.iter().map(|t| t[key].as_u64().unwrap()).sum()
}

fn states(lines: &[Value]) -> Vec<&Value> {
    lines.iter().filter(|l| l.get("tracks").is_some()).collect()
}

#[tokio::test]
async fn a_rollout_is_told_from_its_first_pod_to_its_rest() {
    let rehearsal = Rehearsal::new();
    rehearsal.write("scenario.yaml", UPGRADE);
    let lines = rehearsal
        .lines(&["-f", ".", "--scenario", "scenario.yaml"])
        .await;
    let times: Vec<f64> = lines.iter().map(|l| l["t"].as_f64().unwrap()).collect();
    assert!(times.is_sorted(), "{times:?}");
    let states = states(&lines);
    for state in &states {
        assert_eq!(state["object"], "Deployer/default/nginx");
        assert_eq!(state["desired"], 10);
        assert!(!state["decision"].as_str().unwrap().is_empty(), "{state}");
    }
    // Installed once all its Pods are there, a second later.
    assert_eq!(
        (&states[0]["t"], sum(states[0], "available")),
        (&Value::from(0), 0)
    );
    let installed = states.iter().find(|s| sum(s, "available") == 10).unwrap();
    assert_eq!(installed["t"], 1);
    // Then it is rolled out in four steps, with two tracks.
    let steps: std::collections::BTreeSet<u64> =
        states.iter().filter_map(|s| s["step"].as_u64()).collect();
    assert!(steps.contains(&1) && steps.contains(&4), "{steps:?}");
    let both = states
        .iter()
        .filter(|s| s["tracks"].as_array().unwrap().len() == 2);
    assert!(both.count() >= 8);
    for state in states.iter().filter(|s| s["t"].as_u64() >= Some(1)) {
        assert!(sum(state, "available") >= 10, "{state}");
        assert!(sum(state, "total") <= 13, "{state}");
    }
    let last = states.last().unwrap();
    assert_eq!(last["tracks"].as_array().unwrap().len(), 1, "{last}");
    assert_eq!(last["tracks"][0]["available"], 10);
    let events: Vec<&str> = lines
        .iter()
        .filter_map(|l| l.pointer("/event/message")?.as_str())
        .collect();
    for told in [
        "the operator is killed",
        "the operator starts again",
        "patch deployers/nginx {\"spec\":{\"deployment\":{\"version\":\"1.7.8\"}}}",
    ] {
        assert!(events.contains(&told), "{events:?}");
    }
    let end = &lines.last().unwrap()["end"];
    assert_eq!(end["reason"], "rest");
    assert_eq!(end["objects"][0]["ready"], true, "{end}");
    for invariant in end["invariants"].as_array().unwrap() {
        assert_eq!(invariant["held"], true, "{invariant}");
    }
}

#[tokio::test]
async fn equal_simulations_are_equal_to_the_byte() {
    let rehearsal = Rehearsal::new();
    rehearsal.write("scenario.yaml", UPGRADE);
    for format in ["text", "json", "html"] {
        let args = ["-f", ".", "--scenario", "scenario.yaml", "-o", format];
        let first = rehearsal.run(&args).await;
        assert_eq!(first.status.code(), Some(0), "{}", text(&first.stderr));
        assert!(first.stdout.len() > 1000);
        let second = rehearsal.run(&args).await;
        assert_eq!(text(&first.stdout), text(&second.stdout), "{format}");
        assert_eq!(text(&first.stderr), "");
    }
}

#[tokio::test]
async fn what_must_hold_and_does_not_is_the_exit_status() {
    let rehearsal = Rehearsal::new();
    rehearsal.write(
        "scenario.yaml",
        "\
pods:
  - {image: 'nginx:1.7.8', fail: ImagePullBackOff}
changes:
  - {at: 1m, apply: upgrade.yaml}
invariants:
  - {expr: total <= 100%}
  - {expr: available >= 90%}
  - {expr: total <= 100% or available >= 1, for: 1m}
",
    );
    let deployer = std::fs::read_to_string(rehearsal.path().join("deployer.yaml")).unwrap();
    rehearsal.write("upgrade.yaml", &deployer.replace("1.7.7", "1.7.8"));
    let args = ["-f", ".", "--scenario", "scenario.yaml", "--for", "30m"];
    let output = rehearsal.run(&args).await;
    assert_eq!(output.status.code(), Some(1), "{}", text(&output.stderr));
    let told = text(&output.stdout);
    let verdicts: Vec<&str> = told
        .lines()
        .filter(|l| ["held", "violated"].iter().any(|word| l.starts_with(word)))
        .collect();
    for (verdict, wanted) in verdicts.iter().zip([
        "violated    total <= 100%  Deployer/nginx: total 11, desired 10 at 01:00, for ",
        "held        available >= 90%  Deployer/nginx",
        "held        total <= 100% or available >= 1 for 01:00  Deployer/nginx",
    ]) {
        assert!(verdict.starts_with(wanted), "{told}");
    }
    assert_eq!(verdicts.len(), 3, "{told}");
    assert!(told.contains("-- change: apply upgrade.yaml"), "{told}");
    assert!(
        told.contains("-- VIOLATED Deployer/nginx: total <= 100%"),
        "{told}"
    );
    assert!(told.contains("the time is over at 30:00"), "{told}");
}

/// Held at its first step, promoted past all of them.
#[tokio::test]
async fn people_steer_the_revision_that_rolls_out() {
    let rehearsal = Rehearsal::new();
    rehearsal.write(
        "scenario.yaml",
        "\
changes:
  - at: 1m
    patch: {target: Deployer/nginx, merge: {spec: {deployment: {version: 1.7.8}}}}
  - {at: 90s, steer: {wish: pause, target: Deployer/nginx}}
  - {at: 30m, steer: {wish: resume, target: Deployer/nginx}}
  - {at: 30m, steer: {wish: promoteFully, target: Deployer/nginx}}
",
    );
    let lines = rehearsal
        .lines(&["-f", ".", "--scenario", "scenario.yaml"])
        .await;
    let states = states(&lines);
    let of = |from: u64, to: u64| {
        let during = move |s: &&&Value| (from..to).contains(&s["t"].as_u64().unwrap_or(0));
        states.iter().filter(during)
    };
    // Its first step would be over a minute after it began.
    assert!(of(91, 1800).all(|s| s["step"] == 1), "{lines:#?}");
    let last = states.last().unwrap();
    assert!(last["t"].as_u64() < Some(1830), "{last}");
    assert_eq!(sum(last, "available"), 10);
    assert_eq!(last["tracks"].as_array().unwrap().len(), 1, "{last}");
}

#[tokio::test]
async fn grants_are_those_of_production() {
    let rehearsal = Rehearsal::new();
    let watches = std::fs::read_to_string(rehearsal.path().join("watches.yaml")).unwrap();
    let grant = watches.find("  grants:").unwrap();
    rehearsal.write("watches.yaml", &watches[..grant]);
    let lines = rehearsal.lines(&["-f", "."]).await;
    let states = states(&lines);
    let last = states.last().unwrap();
    assert_eq!(last["decision"], "GrantMissing");
    let why = last["why"].as_str().unwrap();
    assert!(why.contains("deployments"), "{why}");
    assert_eq!(last["tracks"], Value::Array(Vec::new()));
}

#[tokio::test]
async fn hours_pass_in_no_time() {
    let rehearsal = Rehearsal::new();
    let lines = rehearsal.lines(&["-f", ".", "--for", "24h"]).await;
    let end = lines.last().unwrap();
    assert_eq!(
        (&end["t"], &end["end"]["reason"]),
        (&Value::from(86_400), &Value::from("time"))
    );
}

#[tokio::test]
async fn manifests_may_come_from_standard_input() {
    let rehearsal = Rehearsal::new();
    let read = |name: &str| std::fs::read_to_string(rehearsal.path().join(name)).unwrap();
    // The namespace is made.
    let manifests = format!(
        "---\n{}---\n# nothing\n---\n{}",
        read("deployer.yaml"),
        read("deployer.yaml")
            .replace(
                "  name: nginx\nspec",
                "  name: other\n  namespace: team\nspec"
            )
            .replace("    namespace: default\n", "")
    );
    let mut child = Command::new(env!("CARGO_BIN_EXE_oarlock"))
        .args(["simulate", "-f", "-", "-o", "json", "--modules"])
        .arg(modules())
        .current_dir(rehearsal.path())
        .env("OARLOCK_CACHE_DIR", cache())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(manifests.as_bytes()).await.unwrap();
    drop(stdin);
    let output = tokio::time::timeout(PATIENCE, child.wait_with_output())
        .await
        .expect("it ends")
        .unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let lines = lines(&output);
    let objects: std::collections::BTreeSet<&str> = states(&lines)
        .into_iter()
        .map(|s| s["object"].as_str().unwrap())
        .collect();
    assert_eq!(
        Vec::from_iter(objects),
        ["Deployer/default/nginx", "Deployer/team/other"]
    );
}

#[tokio::test]
async fn interrupted_it_tells_what_there_was() {
    let rehearsal = Rehearsal::new();
    let (modules, directory) = (modules(), rehearsal.path());
    let process = Process::start(&[
        "simulate",
        "--log",
        "info",
        "--for",
        "2000000h",
        "--modules",
        modules.to_str().unwrap(),
        "-f",
        directory.to_str().unwrap(),
    ]);
    process.logs("simulating").await;
    process.signal(Signal::INT);
    let (status, output) = process.end().await;
    assert_eq!(status, Some(130), "{output}");
    assert!(output.contains("interrupted at "), "{output}");
    assert!(output.starts_with("time   object"), "{output}");
}

#[tokio::test]
async fn the_schema_is_the_published_one() {
    let directory = tempfile::tempdir().unwrap();
    let output = oarlock(&["simulate", "--schema"], directory.path()).await;
    assert_eq!(output.status.code(), Some(0));
    let published = root().join("crates/cli/schema/scenario.schema.json");
    assert_eq!(
        text(&output.stdout),
        std::fs::read_to_string(published).unwrap()
    );
}

#[tokio::test]
async fn the_example_is_a_rehearsal_that_holds() {
    let (modules, root) = (modules(), root());
    let args = [
        "simulate",
        "-f",
        "examples/deployer",
        "--modules",
        modules.to_str().unwrap(),
        "--scenario",
        "examples/deployer/scenario.yaml",
    ];
    let output = oarlock(&args, &root).await;
    let told = text(&output.stdout);
    assert_eq!(
        (output.status.code(), text(&output.stderr).as_str()),
        (Some(0), ""),
        "{told}"
    );
    assert!(told.contains("\nat rest since "), "{told}");
}

#[tokio::test]
async fn it_explains_itself() {
    let directory = tempfile::tempdir().unwrap();
    let output = oarlock(&["simulate", "--help"], directory.path()).await;
    assert_eq!(output.status.code(), Some(0));
    insta::assert_snapshot!(text(&output.stdout));
}

mod canary;
mod wrong_input;
