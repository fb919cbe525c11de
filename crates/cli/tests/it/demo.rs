//! The demo, without a terminal.

use rustix::process::Signal;

use crate::process::{Process, modules, oarlock, root};

fn demo(speed: &'static str) -> Process {
    let example = root().join("examples/deployer");
    Process::start(&[
        "demo",
        "--example",
        example.to_str().unwrap(),
        "--modules",
        modules().to_str().unwrap(),
        "--speed",
        speed,
    ])
}

/// Without times and paths, and of the states of Deployments only those that do not depend on who was faster.
fn normal(output: &str) -> String {
    let repository = root().display().to_string();
    let lines: Vec<String> = output
        .replace(&repository, "REPOSITORY")
        .lines()
        .filter(|line| !line.contains("    nginx-"))
        .map(|line| {
            let mut line = line.to_owned();
            if let Some(start) = line.find(" in all") {
                line.replace_range(start - 5..start, "mm:ss");
            }
            let time = line.trim_start().get(..5).is_some_and(|t| {
                t.as_bytes()[2] == b':' && t.replace(':', "").bytes().all(|b| b.is_ascii_digit())
            });
            if time {
                let start = line.len() - line.trim_start().len();
                line.replace_range(start..start + 5, "mm:ss");
            }
            line
        })
        .collect();
    lines.join("\n")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_shows_every_step_and_ends_well() {
    let process = demo("40");
    let (status, output) = process.end().await;
    assert_eq!(status, Some(0), "{output}");
    insta::assert_snapshot!(normal(&output));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn interrupted_it_says_so_and_fails() {
    let mut process = demo("1");
    process.says("00:00  applied").await;
    process.signal(Signal::INT);
    let (status, output) = process.end().await;
    assert_eq!(status, Some(130));
    let last = output.lines().last().unwrap_or_default();
    assert!(
        last.ends_with("interrupted: the rollout is not over"),
        "{output}"
    );
}

#[tokio::test]
async fn without_its_module_it_says_how_to_get_it() {
    let directory = tempfile::tempdir().unwrap();
    let example = root().join("examples/deployer");
    let output = oarlock(
        &[
            "demo",
            "--example",
            example.to_str().unwrap(),
            "--log",
            "off",
        ],
        directory.path(),
    )
    .await;
    assert_eq!(output.status.code(), Some(1));
    insta::assert_snapshot!(String::from_utf8_lossy(&output.stderr), @r"
    error: canary.wasm is not in the modules directory; it serves as soon as it is there
      hint: --modules names the directory with the module, `cargo xtask modules` builds it
    ");
    let output = oarlock(&["demo"], directory.path()).await;
    assert_eq!(output.status.code(), Some(1));
    insta::assert_snapshot!(String::from_utf8_lossy(&output.stderr), @r"
    error: cannot read examples/deployer/deployer.yaml
      cause: No such file or directory (os error 2)
      hint: --example names the example's directory
    ");
}
