//! Signals end the commands, in time and with a status that says how.

use rustix::process::Signal;

use crate::process::{Process, guest, modules, root};
use crate::site::{Site, create, is_ready, nothing};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_terminated_operator_ends_well() {
    let site = Site::new().await;
    let widgets = site.define("Widget").await;
    create(&widgets, "Widget", "a").await;
    site.watches("- {group: example.com, version: v1, kind: Widget, module: widget.wasm}\n");
    site.module("widget.wasm", &nothing());
    for signal in [Signal::TERM, Signal::INT] {
        let operator = site.operator().await;
        site.conditions(&widgets, "a", is_ready).await;
        operator.process.signal(signal);
        assert_eq!(operator.process.end().await.0, Some(0));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_operator_whose_module_does_not_end_ends_all_the_same() {
    let site = Site::new().await;
    let widgets = site.define("Widget").await;
    create(&widgets, "Widget", "a").await;
    site.watches(
        "- group: example.com
  version: v1
  kind: Widget
  module: widget.wasm
  limits: {cpu: 10m, deadline: 10m}
",
    );
    site.module("widget.wasm", &guest("hostile-loops.wasm"));
    let operator = site
        .operator_with(&["--graceful-shutdown-timeout", "1s"])
        .await;
    let busy = "controller_runtime_active_workers{controller=\"widget.example.com\"}";
    operator.counts(busy, |value| value == "1").await;
    let began = std::time::Instant::now();
    operator.process.signal(Signal::TERM);
    operator.process.logs("stopping").await;
    let (status, body) = operator.get("/readyz").await;
    assert_eq!((status, body.as_str()), (503, "stopping\n"));
    assert_eq!(operator.get("/healthz").await.0, 200, "it is not dead yet");
    operator.process.logs("did not end in time").await;
    assert_eq!(operator.process.end().await.0, Some(0));
    assert!(began.elapsed().as_secs() < 20, "{:?}", began.elapsed());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_development_cluster_tells_how_to_reach_it_and_ends_well() {
    let directory = tempfile::tempdir().unwrap();
    let kubeconfig = directory.path().join("deep/kubeconfig");
    let mut process = Process::start(&[
        "dev",
        "--watches",
        root()
            .join("examples/deployer/watches.yaml")
            .to_str()
            .unwrap(),
        "--modules",
        modules().to_str().unwrap(),
        "--kubeconfig",
        kubeconfig.to_str().unwrap(),
    ]);
    let url = process.says("cluster").await;
    assert!(url.starts_with("http://127.0.0.1:"), "{url}");
    assert_eq!(process.says("clock").await, format!("{url}/clock"));
    let look = process.says("look").await;
    assert_eq!(
        look.replace(kubeconfig.to_str().unwrap(), "FILE"),
        "KUBECONFIG=FILE kubectl get deployers.deploy.example.com,all"
    );
    assert!(std::fs::read_to_string(&kubeconfig).unwrap().contains(&url));
    process.signal(Signal::TERM);
    assert_eq!(process.end().await.0, Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_ends_also_when_nobody_reads_its_log() {
    let directory = tempfile::tempdir().unwrap();
    let kubeconfig = directory.path().join("kubeconfig");
    let mut process = Process::start(&[
        "dev",
        "--no-operator",
        "--kubeconfig",
        kubeconfig.to_str().unwrap(),
    ]);
    process.says("look").await;
    process.close_log().await;
    process.signal(Signal::TERM);
    assert_eq!(process.end().await.0, Some(0));
}
