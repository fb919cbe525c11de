//! What a bad module does: its entry is down with the reason, the others run, and it comes up by itself once it is right.

use crate::process::guest;
use crate::site::{Site, create, is_ready, nothing};

const WATCHES: &str = "\
- {group: example.com, version: v1, kind: Widget, module: widget.wasm}
- {group: example.com, version: v1, kind: Gadget, module: gadget.wasm}
";

/// Module files that are no modules.
fn broken() -> Vec<(&'static str, Vec<u8>)> {
    let mut truncated = nothing();
    truncated.truncate(truncated.len() / 2);
    vec![
        ("no Wasm", b"#!/bin/sh\necho no\n".to_vec()),
        ("empty", Vec::new()),
        ("a core module", b"\0asm\x01\0\0\0".to_vec()),
        ("truncated", truncated),
        ("wrong world", guest("hostile-wrong-world.wasm")),
        ("unknown import", guest("hostile-unknown-import.wasm")),
        (
            "panics in describe",
            guest("hostile-traps-in-describe.wasm"),
        ),
        ("describes badly", guest("hostile-describes-badly.wasm")),
    ]
}

/// The message of the condition, for a snapshot.
fn message(conditions: &str) -> String {
    let ready = conditions
        .lines()
        .find(|line| line.starts_with("Ready="))
        .unwrap();
    ready.to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn its_objects_say_why_and_the_others_run() {
    let site = Site::new().await;
    let (widgets, gadgets) = (site.define("Widget").await, site.define("Gadget").await);
    create(&widgets, "Widget", "a").await;
    create(&gadgets, "Gadget", "b").await;
    site.watches(WATCHES);
    site.module("gadget.wasm", &nothing());
    let operator = site.operator().await;

    site.conditions(&gadgets, "b", is_ready).await;
    let missing = site.conditions(&widgets, "a", |c| !c.is_empty()).await;
    insta::assert_snapshot!(missing, @r"
    Ready=False ModuleNotLoaded: widget.wasm is not in the modules directory; it serves as soon as it is there
    Stalled=True ModuleNotLoaded: widget.wasm is not in the modules directory; it serves as soon as it is there
    ");
    insta::assert_snapshot!(site.event("a", "ModuleNotLoaded").await, @"Warning widget.wasm is not in the modules directory; it serves as soon as it is there");
    assert_eq!(operator.module_up("widget").await.as_deref(), Some("0"));

    let mut last = message(&missing);
    let mut transcript = String::new();
    for (what, bytes) in broken() {
        site.module("widget.wasm", &bytes);
        let shown = site.conditions(&widgets, "a", |c| message(c) != last).await;
        last = message(&shown);
        transcript.push_str(&format!("{what}: {last}\n"));
        assert_eq!(
            operator.module_up("widget").await.as_deref(),
            Some("0"),
            "{what}"
        );
        assert_eq!(
            operator.module_up("gadget").await.as_deref(),
            Some("1"),
            "{what}"
        );
    }
    insta::assert_snapshot!(transcript);
    // Known to be broken is a known state.
    operator.process.logs(" ready").await;
    assert_eq!(operator.get("/readyz").await.0, 200);

    site.module("widget.wasm", &nothing());
    let shown = site.conditions(&widgets, "a", is_ready).await;
    insta::assert_snapshot!(shown, @"Ready=True Reconciled: everything that the module asked for is in place");
    assert_eq!(operator.module_up("widget").await.as_deref(), Some("1"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_that_panics_at_work_hurts_its_own_objects_alone() {
    let site = Site::new().await;
    let (widgets, gadgets) = (site.define("Widget").await, site.define("Gadget").await);
    create(&widgets, "Widget", "a").await;
    create(&gadgets, "Gadget", "b").await;
    site.watches(WATCHES);
    site.module("widget.wasm", &guest("hostile-panics.wasm"));
    site.module("gadget.wasm", &nothing());
    let operator = site.operator().await;
    site.conditions(&gadgets, "b", is_ready).await;
    let shown = site.conditions(&widgets, "a", |c| !c.is_empty()).await;
    insta::assert_snapshot!(shown);
    // The second run began: the first is counted.
    operator.process.logs("failures=2").await;
    let problems = operator
        .metric(
            "oarlock_problems_total{controller=\"widget.example.com\",reason=\"ModuleTrapped\"}",
        )
        .await;
    assert!(problems.is_some());
    site.module("widget.wasm", &nothing());
    site.conditions(&widgets, "a", is_ready).await;
}
