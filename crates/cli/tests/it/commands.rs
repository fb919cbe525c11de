//! What the commands print.

use crate::process::{modules, oarlock, root};

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[tokio::test]
async fn validate_names_places_and_fails() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("watches.yaml");
    let yaml = "\
- group: a.example.com
  version: v1
  kind: A
  module: a.wasm
  grants: {wirte: []}
- group: b.example.com
  version: v1
  kind: B
  module: b.wasm
";
    std::fs::write(&file, yaml).unwrap();
    let output = oarlock(&["validate", "watches.yaml"], directory.path()).await;
    assert_eq!(output.status.code(), Some(1));
    insta::assert_snapshot!(text(&output.stderr));
    insta::assert_snapshot!(text(&output.stdout), @"watches.yaml: 1 of 2 entries are good, 1 errors, 0 warnings");
}

#[tokio::test]
async fn the_example_is_valid() {
    let output = oarlock(&["validate", "examples/deployer/watches.yaml"], &root()).await;
    assert_eq!(
        (output.status.code(), text(&output.stderr).as_str()),
        (Some(0), "")
    );
}

#[tokio::test]
async fn inspect_tells_what_a_module_can_do() {
    let output = oarlock(&["inspect", "canary.wasm"], &modules()).await;
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let shown: String = text(&output.stdout)
        .lines()
        .filter(|line| !line.starts_with("digest") && !line.starts_with("size"))
        .map(|line| format!("{line}\n"))
        .collect();
    insta::assert_snapshot!(shown);
}

#[tokio::test]
async fn run_says_what_is_missing() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("kubeconfig"), "oops: [").unwrap();
    for (args, message) in [
        (
            &["run", "--kubeconfig", "nowhere"][..],
            "error: cannot read kubeconfig nowhere",
        ),
        (
            &["run", "--kubeconfig", "kubeconfig"],
            "error: cannot read kubeconfig kubeconfig",
        ),
        (
            &["run", "--clock", "http://127.0.0.1:1/clock"],
            "error: no clock at http://127.0.0.1:1/clock/watch; hint: `oarlock dev` prints the URL of its clock",
        ),
        (
            &["inspect", "nowhere.wasm"],
            "error: cannot read nowhere.wasm",
        ),
        (
            &["validate", "nowhere.yaml"],
            "error: cannot read nowhere.yaml",
        ),
        (
            &["demo", "--speed", "0"],
            "error: --speed 0 stands still: the demo would never end; expected more than 0",
        ),
    ] {
        let output = oarlock(args, directory.path()).await;
        assert_eq!(output.status.code(), Some(1), "{args:?}");
        let first = text(&output.stderr)
            .lines()
            .next()
            .unwrap_or_default()
            .to_owned();
        assert_eq!(first, message, "{args:?}");
    }
}
