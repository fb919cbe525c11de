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
    insta::assert_snapshot!(text(&output.stdout), @"watches.yaml: 1 of 2 entries is good (1 error, 0 warnings)");
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
    std::fs::write(directory.path().join("watches.yaml"), "[]").unwrap();
    for (args, message) in [
        (
            &[
                "run",
                "--metrics-bind-address",
                "0",
                "--kubeconfig",
                "nowhere",
            ][..],
            "error: cannot read kubeconfig nowhere",
        ),
        (
            &[
                "run",
                "--metrics-bind-address",
                "0",
                "--kubeconfig",
                "kubeconfig",
            ],
            "error: cannot read kubeconfig kubeconfig",
        ),
        (
            &[
                "run",
                "--metrics-bind-address",
                "0",
                "--clock",
                "http://127.0.0.1:1/clock",
            ],
            "error: no clock at http://127.0.0.1:1/clock/watch",
        ),
        (
            &["inspect", "nowhere.wasm"],
            "error: cannot read nowhere.wasm",
        ),
        (
            &["validate", "nowhere.yaml"],
            "error: cannot read nowhere.yaml",
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

#[tokio::test]
async fn every_command_explains_itself() {
    let directory = tempfile::tempdir().unwrap();
    for command in [
        "run", "dev", "validate", "rbac", "inspect", "demo", "explain", "promote", "abort",
    ] {
        let output = oarlock(&[command, "--help"], directory.path()).await;
        assert_eq!(output.status.code(), Some(0));
        insta::assert_snapshot!(format!("help_{command}"), text(&output.stdout));
    }
    let output = oarlock(&["--help"], directory.path()).await;
    insta::assert_snapshot!("help", text(&output.stdout));
}

#[tokio::test]
async fn the_schema_is_one() {
    let directory = tempfile::tempdir().unwrap();
    let output = oarlock(&["validate", "--schema"], directory.path()).await;
    assert_eq!(output.status.code(), Some(0));
    let schema: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(
        schema["$schema"],
        "https://json-schema.org/draft/2020-12/schema"
    );
    assert_eq!(schema["type"], "array");
}

#[tokio::test]
async fn one_unreadable_file_does_not_hide_the_others() {
    let output = oarlock(
        &["validate", "nowhere.yaml", "examples/deployer/watches.yaml"],
        &root(),
    )
    .await;
    assert_eq!(output.status.code(), Some(1));
    insta::assert_snapshot!(
        format!("{}{}", text(&output.stderr), text(&output.stdout)),
        @r"
        error: cannot read nowhere.yaml
          cause: No such file or directory (os error 2)
        examples/deployer/watches.yaml: 1 entry, all good (0 errors, 0 warnings)
        "
    );
}

#[tokio::test]
async fn inspect_says_why_something_is_no_module() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("core.wasm"), b"\0asm\x01\0\0\0").unwrap();
    let output = oarlock(&["inspect", "core.wasm"], directory.path()).await;
    assert_eq!(output.status.code(), Some(1));
    insta::assert_snapshot!(text(&output.stderr), @r#"
    error: core.wasm is not a module
      cause: expected a WebAssembly component, found a core module
      hint: build it with bindings of oarlock:reconcile, such as the SDK's; with Rust, set linker = "wasm-component-ld"
    "#);
}

#[tokio::test]
async fn run_without_a_cluster_says_where_it_looked() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("watches.yaml"), "[]").unwrap();
    let output = oarlock(&["run", "--metrics-bind-address", "0"], directory.path()).await;
    assert_eq!(output.status.code(), Some(1));
    let home = directory.path().to_str().unwrap().to_owned();
    insta::assert_snapshot!(text(&output.stderr).replace(&home, "HOME"), @r#"
    error: no Kubernetes API configured
      cause: failed to infer config: in-cluster: (failed to read an incluster environment variable: environment variable not found), kubeconfig: (failed to read kubeconfig from '"HOME/.kube/config"': No such file or directory (os error 2))
      hint: set KUBECONFIG, or run in a Pod with a ServiceAccount
    "#);
}

#[tokio::test]
async fn a_missing_watches_file_is_told_first() {
    let directory = tempfile::tempdir().unwrap();
    let output = oarlock(&["dev"], directory.path()).await;
    assert_eq!(
        (output.status.code(), text(&output.stdout).as_str()),
        (Some(1), "")
    );
    insta::assert_snapshot!(text(&output.stderr), @r"
    error: no operator
      cause: the watches file watches.yaml does not exist
      hint: --watches names it, and `oarlock inspect MODULE.wasm` tells what to write into it
      hint: --no-operator starts the cluster alone
    ");
}

#[tokio::test]
async fn numbers_and_addresses_are_checked() {
    let directory = tempfile::tempdir().unwrap();
    let mut transcript = String::new();
    for args in [
        &["demo", "--speed", "0"][..],
        &["dev", "--speed", "-1"],
        &["dev", "--ready-after", "soon"],
        &["run", "--metrics-bind-address", "8080"],
    ] {
        let output = oarlock(args, directory.path()).await;
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        let said = text(&output.stderr);
        transcript.push_str(said.lines().next().unwrap_or_default());
        transcript.push('\n');
    }
    insta::assert_snapshot!(transcript, @r"
    error: invalid value '0' for '--speed <FACTOR>': at 0 time stands still and nothing would ever end; expected more
    error: invalid value '-1' for '--speed <FACTOR>': expected a number, 0 or more: 1 is real time, 60 a minute per second, 0 stands still
    error: invalid value 'soon' for '--ready-after <SECONDS>': expected seconds, 0 or more, such as 2 or 0.5
    error: invalid value '8080' for '--metrics-bind-address <ADDRESS>': expected an IP address and a port such as 127.0.0.1:8080, a port on all addresses such as :8080, or 0 for nowhere
    ");
}
