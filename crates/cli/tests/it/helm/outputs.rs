//! What is printed, and where.

use super::chart::Place;

const HOOK: &str =
    "kind: Job\nmetadata:\n  name: h\n  annotations: {helm.sh/hook: \"pre-install,test\"}\n";

fn place() -> Place {
    Place::with(&[
        ("templates/a.yaml", "kind: Service\n---\nkind: Namespace\n"),
        ("templates/hook.yaml", HOOK),
        ("crds/crd.yaml", "kind: CustomResourceDefinition\n"),
    ])
}

#[tokio::test]
async fn the_order_is_that_of_the_installation_and_hooks_come_last() {
    insta::assert_snapshot!(place().prints(&["boat", "--include-crds"]).await, @r#"
    ---
    # Source: boat/crds/crd.yaml
    kind: CustomResourceDefinition

    ---
    # Source: boat/templates/a.yaml
    kind: Namespace

    ---
    # Source: boat/templates/a.yaml
    kind: Service
    ---
    # Source: boat/templates/hook.yaml
    kind: Job
    metadata:
      name: h
      annotations: {helm.sh/hook: "pre-install,test"}
    "#);
}

#[tokio::test]
async fn hooks_and_tests_can_be_left_out() {
    let place = place();
    let without = place.prints(&["boat", "--no-hooks"]).await;
    assert_eq!(without, place.prints(&["boat", "--skip-tests"]).await);
    insta::assert_snapshot!(without, @r#"
    ---
    # Source: boat/templates/a.yaml
    kind: Namespace

    ---
    # Source: boat/templates/a.yaml
    kind: Service
    "#);
}

#[tokio::test]
async fn files_are_written_and_told() {
    let place = place();
    insta::assert_snapshot!(place.prints(&["sloop", "boat", "--output-dir", "out", "--release-name"]).await, @r#"
    wrote out/sloop/boat/templates/a.yaml
    wrote out/sloop/boat/templates/a.yaml
    wrote out/sloop/boat/templates/hook.yaml
    "#);
    let written =
        std::fs::read_to_string(place.path().join("out/sloop/boat/templates/a.yaml")).unwrap();
    insta::assert_snapshot!(written, @r#"
    ---
    # Source: boat/templates/a.yaml
    kind: Namespace

    ---
    # Source: boat/templates/a.yaml
    kind: Service
    "#);
    place.file("blocked", "");
    insta::assert_snapshot!(place.fails(&["boat", "--output-dir", "blocked"]).await, @"Error: mkdir blocked/boat/templates: not a directory");
}

#[tokio::test]
async fn a_reader_that_leaves_is_no_error() {
    use std::process::Stdio;
    let place = Place::with(&[(
        "templates/a.yaml",
        "{{ range until 30000 }}\n# {{ . }}\n{{ end }}\nkind: Service\n",
    )]);
    let engine = crate::process::helm_engine().await;
    let mut child = std::process::Command::new(env!("CARGO_BIN_EXE_oarlock"))
        .args([
            "helm",
            "template",
            "boat",
            "--engine",
            engine.to_str().unwrap(),
        ])
        .current_dir(place.path())
        .env("OARLOCK_CACHE_DIR", crate::process::engine_cache())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(
        (output.status.code(), output.stderr.as_slice()),
        (Some(0), &b""[..])
    );
}
