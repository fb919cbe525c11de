//! Libraries of modules: found, loaded once, exchanged while they serve, and told of when they are broken.

use crate::process::{guest, oarlock};
use crate::site::{Site, create, is_ready, variant};

/// A watch of Widgets by a module that has its library log a line.
const CALLS: &str = "- group: example.com
  version: v1
  kind: Widget
  module: calls.wasm
  libraries:
    local:oar/oar: oar.wasm
    local:other/greeter: greeter.wasm
  settings: {do: log, with: pull together}
";

/// The facts that are the same on every machine.
fn facts(output: &[u8]) -> String {
    let text = String::from_utf8_lossy(output);
    let same = |line: &&str| !line.starts_with("digest") && !line.starts_with("size");
    text.lines()
        .filter(same)
        .map(|line| format!("{line}\n"))
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_library_serves_and_a_broken_one_does_not_replace_it() {
    let site = Site::new().await;
    let widgets = site.define("Widget").await;
    create(&widgets, "Widget", "a").await;
    site.watches(CALLS);
    site.module("calls.wasm", &guest("hostile-calls.wasm"));
    site.module("greeter.wasm", &guest("hostile-wrong-world.wasm"));
    let operator = site.operator().await;
    let shown = site
        .conditions(&widgets, "a", |c| c.contains("oar.wasm"))
        .await;
    insta::assert_snapshot!(shown, @"");

    site.module("oar.wasm", &guest("hostile-library.wasm"));
    site.conditions(&widgets, "a", is_ready).await;
    let line = operator.process.logs("pull together").await;
    assert!(line.contains("library"), "{line}");

    // The module is the same, and runs again with the new library.
    let from = operator.process.log_length();
    site.module("oar.wasm", &variant(guest("hostile-library.wasm"), "two"));
    let (at, line) = operator.process.logs_after(from, "serving calls").await;
    assert!(line.contains("local:oar/oar@0.1.0 of sha256:"), "{line}");
    operator.process.logs_after(at, "pull together").await;

    site.module("oar.wasm", b"not yet uploaded");
    let shown = site
        .conditions(&widgets, "a", |c| c.contains("ModuleCurrent"))
        .await;
    insta::assert_snapshot!(shown, @"");

    // One that has something else.
    site.module("oar.wasm", &guest("hostile-wrong-world.wasm"));
    let shown = site
        .conditions(&widgets, "a", |c| c.contains("does not export"))
        .await;
    insta::assert_snapshot!(shown, @"");

    // None at all.
    site.watches(&CALLS.replace("    local:oar/oar: oar.wasm\n", ""));
    let shown = site
        .conditions(&widgets, "a", |c| c.contains("under `libraries:`"))
        .await;
    insta::assert_snapshot!(shown, @"");

    site.watches(CALLS);
    site.module("oar.wasm", &variant(guest("hostile-library.wasm"), "three"));
    let well = |c: &str| is_ready(c) && !c.contains("ModuleCurrent");
    site.conditions(&widgets, "a", well).await;
}

#[tokio::test]
async fn inspect_shows_which_libraries_a_module_imports() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(
        directory.path().join("calls.wasm"),
        guest("hostile-calls.wasm"),
    )
    .unwrap();
    let output = oarlock(&["inspect", "calls.wasm"], directory.path()).await;
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    insta::assert_snapshot!(facts(&output.stdout), @"");
}

#[tokio::test]
async fn inspect_knows_a_library() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(
        directory.path().join("oar.wasm"),
        guest("hostile-library.wasm"),
    )
    .unwrap();
    let output = oarlock(&["inspect", "oar.wasm"], directory.path()).await;
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    insta::assert_snapshot!(facts(&output.stdout), @"");
}

#[tokio::test]
async fn validate_loads_what_the_entries_name() {
    let directory = tempfile::tempdir().unwrap();
    let write = |name: &str, bytes: &[u8]| std::fs::write(directory.path().join(name), bytes);
    let nothing = "- {version: v1, kind: Idle, module: nothing.wasm, libraries: {\"local:oar/oar@0.1.0\": oar.wasm}}\n";
    write("watches.yaml", format!("{CALLS}{nothing}").as_bytes()).unwrap();
    write("calls.wasm", &guest("hostile-calls.wasm")).unwrap();
    write("greeter.wasm", &guest("hostile-wrong-world.wasm")).unwrap();
    write("nothing.wasm", &guest("hostile-nothing.wasm")).unwrap();
    let validate = || {
        oarlock(
            &["validate", "watches.yaml", "--modules", "."],
            directory.path(),
        )
    };
    let output = validate().await;
    assert_eq!(output.status.code(), Some(1));
    insta::assert_snapshot!(String::from_utf8_lossy(&output.stderr), @"");

    write("oar.wasm", &guest("hostile-library.wasm")).unwrap();
    let output = validate().await;
    assert_eq!(output.status.code(), Some(0));
    insta::assert_snapshot!(String::from_utf8_lossy(&output.stderr), @"");
    insta::assert_snapshot!(String::from_utf8_lossy(&output.stdout), @"");
}
