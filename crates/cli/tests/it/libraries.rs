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
    insta::assert_snapshot!(shown, @"
    Ready=False ModuleNotLoaded: library local:oar/oar: oar.wasm is not in the modules directory; it serves as soon as it is there
    Stalled=True ModuleNotLoaded: library local:oar/oar: oar.wasm is not in the modules directory; it serves as soon as it is there
    ");

    site.module("oar.wasm", &guest("hostile-library.wasm"));
    site.conditions(&widgets, "a", is_ready).await;
    let line = operator.process.logs("pull together").await;
    assert!(line.contains("library"), "{line}");

    // The module is the same, and runs again with the new library.
    let from = operator.process.log_length();
    site.module("oar.wasm", &variant(guest("hostile-library.wasm"), "two"));
    let (_, line) = operator.process.logs_after(from, "serving calls").await;
    assert!(line.contains("local:oar/oar@0.1.0 of sha256:"), "{line}");
    operator.process.logs_after(from, "pull together").await;

    site.module("oar.wasm", b"not yet uploaded");
    let shown = site
        .conditions(&widgets, "a", |c| c.contains("ModuleCurrent"))
        .await;
    insta::assert_snapshot!(shown, @"
    Ready=True Reconciled: everything that the module asked for is in place
    ModuleCurrent=False LastGoodServing: library local:oar/oar: oar.wasm: expected a WebAssembly component, found no WebAssembly; calls 0.1.0 keeps serving
    ");

    // One that has something else.
    site.module("oar.wasm", &guest("hostile-wrong-world.wasm"));
    let shown = site
        .conditions(&widgets, "a", |c| c.contains("does not export"))
        .await;
    insta::assert_snapshot!(shown, @"
    Ready=True Reconciled: everything that the module asked for is in place
    ModuleCurrent=False LastGoodServing: calls.wasm: the component imports local:oar/oar@0.1.0, and the library that is given for it does not export that, it exports local:other/greeter; hint: give it another under `libraries:`, or build both against the same version of the interface; calls 0.1.0 keeps serving
    ");

    // None at all.
    site.watches(&CALLS.replace("    local:oar/oar: oar.wasm\n", ""));
    let shown = site
        .conditions(&widgets, "a", |c| c.contains("this host does not have"))
        .await;
    insta::assert_snapshot!(shown, @"
    Ready=True Reconciled: everything that the module asked for is in place
    ModuleCurrent=False LastGoodServing: calls.wasm: the component imports local:oar/oar@0.1.0, which this host does not have; hint: name a component that exports it in the watch, under `libraries:`, as `local:oar/oar: FILE.wasm`; calls 0.1.0 keeps serving
    ");

    site.watches(CALLS);
    site.module("oar.wasm", &variant(guest("hostile-library.wasm"), "three"));
    let well = |c: &str| is_ready(c) && !c.contains("ModuleCurrent");
    site.conditions(&widgets, "a", well).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn libraries_have_the_memory_that_the_operator_gives_them() {
    let site = Site::new().await;
    let widgets = site.define("Widget").await;
    create(&widgets, "Widget", "a").await;
    site.watches(&CALLS.replace("do: log, with: pull together", "do: commit, with: hoard"));
    site.module("calls.wasm", &guest("hostile-calls.wasm"));
    site.module("greeter.wasm", &guest("hostile-wrong-world.wasm"));
    site.module("oar.wasm", &guest("hostile-library.wasm"));
    let _operator = site.operator_with(&["--library-memory", "24Mi"]).await;
    let shown = site
        .conditions(&widgets, "a", |c| c.contains("MemoryLimitExceeded"))
        .await;
    insta::assert_snapshot!(shown, @"Ready=False MemoryLimitExceeded: the library local:oar/oar@0.1.0 asked for more than 25165824 bytes of memory for one call; hint: look for an endless loop, or far too much, in what it was given; --library-memory and the memory limit of the container bound it, too");
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
    insta::assert_snapshot!(facts(&output.stdout), @"
    file       calls.wasm
    module     calls 0.1.0
    world      pure: a function of its arguments alone; and what its libraries can
    imports    oarlock:reconcile/types@0.1.0
               local:oar/oar@0.1.0
               local:other/greeter
    libraries  local:oar/oar@0.1.0
               local:other/greeter
    CRDs       none
    finalizer  none
    writes     none
    reads      none
    HTTP       none

    watches.yaml, with all that it asks for:

    - group: GROUP
      version: VERSION
      kind: KIND
      module: calls.wasm
      libraries:
        local:oar/oar: FILE.wasm
        local:other/greeter: FILE.wasm
    ");
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
    insta::assert_snapshot!(facts(&output.stdout), @"
    file       oar.wasm
    library    local:oar/oar@0.1.0
    imports    oarlock:reconcile/log@0.1.0
               oarlock:reconcile/types@0.1.0
               oarlock:reconcile/cluster@0.1.0
               oarlock:reconcile/http@0.1.0
               oarlock:reconcile/artifacts@0.1.0
               wasi:clocks/wall-clock@0.2.6
               wasi:random/random@0.2.6

    watches.yaml, of a module that imports it:

      libraries:
        local:oar/oar: oar.wasm
    ");
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
    insta::assert_snapshot!(String::from_utf8_lossy(&output.stderr), @"
    watches.yaml:1: error: example.com/v1 Widget: library local:oar/oar: oar.wasm is not in the modules directory; it serves as soon as it is there
    watches.yaml:9: error: v1 Idle: library local:oar/oar@0.1.0: oar.wasm is not in the modules directory; it serves as soon as it is there
    ");

    write("oar.wasm", &guest("hostile-library.wasm")).unwrap();
    let output = validate().await;
    assert_eq!(output.status.code(), Some(0));
    insta::assert_snapshot!(String::from_utf8_lossy(&output.stderr), @"watches.yaml:9: warning: libraries.local:oar/oar@0.1.0: nothing.wasm does not import it; hint: remove it");
    insta::assert_snapshot!(String::from_utf8_lossy(&output.stdout), @"watches.yaml: 2 entries, all good (0 errors, 1 warning)");
}
