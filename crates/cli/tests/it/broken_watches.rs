//! What a bad watches file does: every mistake is told with its place, costs its own entry alone, and nothing that runs.

use crate::process::{Process, oarlock};
use crate::rollout::{changes, conditions, until};
use crate::site::{Operator, Site, create, is_ready, nothing};

/// An entry that is good.
fn good(kind: &str) -> String {
    format!(
        "- group: example.com\n  version: v1\n  kind: {kind}\n  module: {}.wasm\n",
        kind.to_lowercase()
    )
}

/// Findings in a log, without times.
fn findings(process: &Process) -> String {
    let log = process.log();
    let lines: Vec<&str> = log
        .lines()
        .filter(|line| !line.contains(" INFO ") && !line.contains(" WARN "))
        .map(|line| line.split_once("ERROR ").map_or(line, |(_, rest)| rest))
        .collect();
    lines.join("\n")
}

#[tokio::test]
async fn every_mistake_is_shown_in_its_place() {
    let directory = tempfile::tempdir().unwrap();
    let check = async |text: &str| {
        std::fs::write(directory.path().join("watches.yaml"), text).unwrap();
        let output = oarlock(&["validate", "watches.yaml"], directory.path()).await;
        assert_eq!(output.status.code(), Some(1), "{text}");
        format!(
            "{}{}",
            String::from_utf8_lossy(&output.stderr),
            String::from_utf8_lossy(&output.stdout)
        )
    };
    let shown = check(&format!("{}  reconcilePeriodd: 10m\n", good("Widget"))).await;
    insta::assert_snapshot!(shown, @r#"
    watches.yaml:5:3: error: reconcilePeriodd: unknown key; expected one of: blacklist, chart, finalizer, grants, group, kind, libraries, limits, manageStatus, maxConcurrentReconciles, module, overrideValues, reconcilePeriod, selector, serviceAccount, settings, vars, version, watchClusterScopedResources, watchDependentResources
       5 |   reconcilePeriodd: 10m
         |   ^^^^^^^^^^^^^^^^
      hint: did you mean "reconcilePeriod"?
    watches.yaml: 0 of 1 entries are good (1 error, 0 warnings)
    "#);
    let shown = check(&format!(
        "{}  maxConcurrentReconciles: many\n",
        good("Widget")
    ))
    .await;
    insta::assert_snapshot!(shown, @r#"
    watches.yaml:5:28: error: maxConcurrentReconciles: "many" is text; expected an integer
       5 |   maxConcurrentReconciles: many
         |                            ^^^^
    watches.yaml: 0 of 1 entries are good (1 error, 0 warnings)
    "#);
    let shown = check(&format!(
        "{}  reconcilePeriod: 10 minutes\n",
        good("Widget")
    ))
    .await;
    insta::assert_snapshot!(shown, @r#"
    watches.yaml:5:20: error: reconcilePeriod: unknown unit " minutes"; expected a duration such as 30s, 10m or 1h30m
       5 |   reconcilePeriod: 10 minutes
         |                    ^^^^^^^^^^
      hint: minutes are written m
    watches.yaml: 0 of 1 entries are good (1 error, 0 warnings)
    "#);
    let shown = check(&format!("{}{}", good("Widget"), good("Widget"))).await;
    insta::assert_snapshot!(shown, @r"
    watches.yaml:5:3: error: duplicate watch of example.com/v1 Widget on line 5: it is already watched on line 1
       5 | - group: example.com
         |   ^
      hint: an object has one module; keep one of the two entries
    watches.yaml: 1 of 2 entries is good (1 error, 0 warnings)
    ");
    let shown = check("- group: example.com\n  version: v1\n  kind: [Widget\n").await;
    insta::assert_snapshot!(shown, @r"
    watches.yaml:3:9: error: not valid YAML: unclosed bracket '['
       3 |   kind: [Widget
         |         ^
      hint: nothing of this file is loaded; what runs keeps running
    watches.yaml: not readable (1 error, 0 warnings)
    ");
    let shown = check("- group: example.com\n  version: v1\n  kind: Widget\n").await;
    insta::assert_snapshot!(shown, @r"
    watches.yaml:1:3: error: missing key module
       1 | - group: example.com
         |   ^
      hint: write it, such as module: canary.wasm; or chart: for releases of a Helm chart
    watches.yaml: 0 of 1 entries are good (1 error, 0 warnings)
    ");
    let shown = check("- group: example.com\n  version: v1\n  module: widget.wasm\n").await;
    insta::assert_snapshot!(shown, @r"
    watches.yaml:1:3: error: missing key kind
       1 | - group: example.com
         |   ^
      hint: write it, such as kind: Deployer
    watches.yaml: 0 of 1 entries are good (1 error, 0 warnings)
    ");
    let shown = check("").await;
    insta::assert_snapshot!(shown, @r"
    watches.yaml:1:1: error: the file is empty; expected a list of watches
      hint: nothing of this file is loaded; what runs keeps running; to watch nothing, write []
    watches.yaml: not readable (1 error, 0 warnings)
    ");
    let shown = check("kind: Widget\n").await;
    insta::assert_snapshot!(shown, @r#"
    watches.yaml:1:1: error: the file is a mapping; expected a list of watches
       1 | kind: Widget
         | ^
      hint: begin each watch with "- "; nothing of this file is loaded; what runs keeps running
    watches.yaml: not readable (1 error, 0 warnings)
    "#);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bad_entry_is_down_and_says_so_and_the_others_run() {
    let site = Site::new().await;
    let (widgets, gadgets) = (site.define("Widget").await, site.define("Gadget").await);
    create(&widgets, "Widget", "a").await;
    create(&gadgets, "Gadget", "b").await;
    site.module("widget.wasm", &nothing());
    site.module("gadget.wasm", &nothing());
    site.watches(&format!(
        "{}  reconcilePeriod: 10 minutes\n{}",
        good("Widget"),
        good("Gadget")
    ));
    let operator = site.operator().await;

    site.conditions(&gadgets, "b", is_ready).await;
    let shown = site
        .conditions(&widgets, "a", |c| c.contains("Ready=False"))
        .await;
    insta::assert_snapshot!(shown, @r#"
    Ready=False ModuleNotLoaded: watches.yaml line 5: reconcilePeriod: unknown unit " minutes"; expected a duration such as 30s, 10m or 1h30m
    Stalled=True ModuleNotLoaded: watches.yaml line 5: reconcilePeriod: unknown unit " minutes"; expected a duration such as 30s, 10m or 1h30m
    "#);
    insta::assert_snapshot!(site.event("a", "ModuleNotLoaded").await, @r#"Warning watches.yaml line 5: reconcilePeriod: unknown unit " minutes"; expected a duration such as 30s, 10m or 1h30m"#);
    let path = site.path("watches.yaml");
    insta::assert_snapshot!(findings(&operator.process).replace(path.to_str().unwrap(), "watches.yaml"), @r#"
    watches.yaml:5:20: error: reconcilePeriod: unknown unit " minutes"; expected a duration such as 30s, 10m or 1h30m
       5 |   reconcilePeriod: 10 minutes
         |                    ^^^^^^^^^^
      hint: minutes are written m
    watches.yaml line 5: reconcilePeriod: unknown unit " minutes"; expected a duration such as 30s, 10m or 1h30m kind=example.com/v1 Widget source=""
    "#);
    assert_eq!(operator.module_up("widget").await.as_deref(), Some("0"));
    assert_eq!(operator.module_up("gadget").await.as_deref(), Some("1"));
    assert_eq!(
        operator.metric("oarlock_watches_errors").await.as_deref(),
        Some("1")
    );

    site.watches(&format!("{}{}", good("Widget"), good("Gadget")));
    let shown = site.conditions(&widgets, "a", is_ready).await;
    insta::assert_snapshot!(shown, @"Ready=True Reconciled: everything that the module asked for is in place");
    assert_eq!(operator.module_up("widget").await.as_deref(), Some("1"));
    assert_eq!(
        operator.metric("oarlock_watches_errors").await.as_deref(),
        Some("0")
    );
}

/// A site with Widgets and Gadgets that run.
async fn running() -> (Site, Operator, [kube::Api<kube::api::DynamicObject>; 2]) {
    let site = Site::new().await;
    let (widgets, gadgets) = (site.define("Widget").await, site.define("Gadget").await);
    create(&widgets, "Widget", "a").await;
    create(&gadgets, "Gadget", "b").await;
    site.module("widget.wasm", &nothing());
    site.module("gadget.wasm", &nothing());
    site.watches(&format!("{}{}", good("Widget"), good("Gadget")));
    let operator = site.operator().await;
    site.conditions(&widgets, "a", is_ready).await;
    site.conditions(&gadgets, "b", is_ready).await;
    (site, operator, [widgets, gadgets])
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_entry_that_gets_bad_keeps_its_last_good_one() {
    let (site, operator, [widgets, gadgets]) = running().await;
    site.watches(&format!(
        "{}  grants: {{wirte: []}}\n{}",
        good("Widget"),
        good("Gadget")
    ));
    let shown = site
        .conditions(&widgets, "a", |c| c.contains("ModuleCurrent"))
        .await;
    insta::assert_snapshot!(shown, @r"
    Ready=True Reconciled: everything that the module asked for is in place
    ModuleCurrent=False LastGoodServing: watches.yaml line 5: grants.wirte: unknown key; expected one of: actAs, artifacts, http, insecureSkipTLSVerify, read, write; nothing 0.1.0 keeps serving
    ");
    insta::assert_snapshot!(site.event("a", "LastGoodServing").await, @"Warning watches.yaml line 5: grants.wirte: unknown key; expected one of: actAs, artifacts, http, insecureSkipTLSVerify, read, write");
    assert_eq!(operator.module_up("widget").await.as_deref(), Some("0"));
    // It serves: a new object is taken care of.
    create(&widgets, "Widget", "new").await;
    site.conditions(&widgets, "new", is_ready).await;
    let shown = site.conditions(&gadgets, "b", |_| true).await;
    insta::assert_snapshot!(shown, @"Ready=True Reconciled: everything that the module asked for is in place");

    // Without its kind nobody knows which entry this was: still nothing is taken away.
    let nameless = good("Widget").replace("kind:", "kid:");
    site.watches(&format!("{nameless}{}", good("Gadget")));
    let shown = site
        .conditions(&widgets, "a", |c| c.contains("missing key kind"))
        .await;
    insta::assert_snapshot!(shown, @r"
    Ready=True Reconciled: everything that the module asked for is in place
    ModuleCurrent=False LastGoodServing: watches.yaml line 1: missing key kind (and 1 more); nothing 0.1.0 keeps serving
    ");
    create(&widgets, "Widget", "newer").await;
    site.conditions(&widgets, "newer", is_ready).await;

    site.watches(&format!("{}{}", good("Widget"), good("Gadget")));
    let shown = site
        .conditions(&widgets, "a", |c| !c.contains("ModuleCurrent"))
        .await;
    insta::assert_snapshot!(shown, @"Ready=True Reconciled: everything that the module asked for is in place");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_syntax_error_keeps_everything_running() {
    let (site, operator, [widgets, gadgets]) = running().await;
    let from = operator.process.log_length();
    site.watches("- group: [\n");
    operator.process.logs_after(from, "not valid YAML").await;
    operator
        .process
        .logs_after(from, "what runs keeps running")
        .await;
    assert_eq!(
        operator.metric("oarlock_watches_errors").await.as_deref(),
        Some("1")
    );
    assert_eq!(operator.module_up("widget").await.as_deref(), Some("1"));
    create(&widgets, "Widget", "new").await;
    site.conditions(&widgets, "new", is_ready).await;

    let from = operator.process.log_length();
    std::fs::remove_file(site.path("watches.yaml")).unwrap();
    operator
        .process
        .logs_after(from, "is gone; what runs keeps running")
        .await;
    create(&gadgets, "Gadget", "new").await;
    site.conditions(&gadgets, "new", is_ready).await;

    // Taken out on purpose: nobody takes care of Widgets any more.
    let from = operator.process.log_length();
    site.watches(&good("Gadget"));
    operator.process.logs_after(from, "no longer served").await;
    assert_eq!(operator.module_up("widget").await, None);
    assert_eq!(
        operator.metric("oarlock_watches_errors").await.as_deref(),
        Some("0")
    );
    create(&gadgets, "Gadget", "newer").await;
    site.conditions(&gadgets, "newer", is_ready).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn started_with_a_syntax_error_it_waits_for_a_good_file() {
    let site = Site::new().await;
    let widgets = site.define("Widget").await;
    create(&widgets, "Widget", "a").await;
    site.module("widget.wasm", &nothing());
    site.watches("- group: [\n");
    let operator = site.operator().await;
    operator.process.logs("not valid YAML").await;
    let (status, body) = operator.get("/readyz").await;
    assert_eq!(status, 503);
    let path = site.path("watches.yaml");
    insta::assert_snapshot!(body.replace(path.to_str().unwrap(), "watches.yaml"), @"watches.yaml:1:10: not valid YAML: unclosed bracket '['");
    site.watches(&good("Widget"));
    site.conditions(&widgets, "a", is_ready).await;
    operator.process.logs(" ready").await;
    assert_eq!(operator.get("/readyz").await, (200, "ok\n".to_owned()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_cares_for_objects_without_an_entry() {
    let (site, _operator, [widgets, _]) = running().await;
    let others = site.define("Other").await;
    create(&others, "Other", "c").await;
    create(&widgets, "Widget", "later").await;
    site.conditions(&widgets, "later", is_ready).await;
    let mut states = std::pin::pin!(changes(others));
    let other = until(&mut states, |_| true).await;
    assert_eq!(conditions(&other), "");
}
