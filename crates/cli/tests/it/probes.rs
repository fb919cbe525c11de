//! /healthz, /readyz and /metrics.

use tokio::io::AsyncReadExt as _;
use tokio::net::TcpListener;

use crate::process::oarlock;
use crate::site::{Site, create, is_ready, nothing};

const WATCHES: &str = "- {group: example.com, version: v1, kind: Widget, module: widget.wasm}\n";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ready_is_who_has_listed_everything_and_stays_so() {
    let site = Site::new().await;
    let widgets = site.define("Widget").await;
    create(&widgets, "Widget", "a").await;
    site.watches(WATCHES);
    site.module("widget.wasm", &nothing());
    let operator = site.operator().await;
    operator.process.logs(" ready").await;
    assert_eq!(operator.get("/readyz").await, (200, "ok\n".to_owned()));
    assert_eq!(operator.get("/healthz").await, (200, "ok\n".to_owned()));
    let (status, body) = operator.get("/").await;
    assert_eq!(status, 404);
    insta::assert_snapshot!(body, @"not found; there is /healthz, /readyz and /metrics");

    site.conditions(&widgets, "a", is_ready).await;
    site.watches("- [\n");
    operator.process.logs("not valid YAML").await;
    assert_eq!(
        operator.get("/readyz").await.0,
        200,
        "a bad edit takes no Pod out"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_an_api_server_it_is_alive_and_not_ready() {
    let site = Site::new().await;
    site.watches(WATCHES);
    site.module("widget.wasm", &nothing());
    // Accepts, and never answers.
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = silent.local_addr().unwrap();
    let text = std::fs::read_to_string(&site.cluster.kubeconfig).unwrap();
    let file = site.path("silent");
    std::fs::write(
        &file,
        text.replace(&site.cluster.url, &format!("http://{address}")),
    )
    .unwrap();
    let operator = site
        .operator_with(&["--kubeconfig", file.to_str().unwrap()])
        .await;
    let (mut asked, _) = silent.accept().await.unwrap();
    asked.read_u8().await.unwrap();
    operator.process.logs("serving").await;
    assert_eq!(operator.get("/healthz").await.0, 200);
    let (status, body) = operator.get("/readyz").await;
    assert_eq!(status, 503);
    insta::assert_snapshot!(body, @"waiting for the first list of example.com/v1 Widget");
}

#[tokio::test]
async fn a_port_that_is_taken_is_told_before_anything_else() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("watches.yaml"), "[]").unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let output = oarlock(
        &["run", "--metrics-bind-address", &address],
        directory.path(),
    )
    .await;
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8_lossy(&output.stderr).replace(&address, "ADDRESS");
    insta::assert_snapshot!(said, @r"
    error: cannot listen on ADDRESS for probes and metrics
      cause: Address already in use (os error 98)
      hint: --metrics-bind-address sets it, 0 turns it off
    ");
    let port = taken.local_addr().unwrap().port().to_string();
    let output = oarlock(&["dev", "--no-operator", "--port", &port], directory.path()).await;
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(output.stdout, b"");
    let said = String::from_utf8_lossy(&output.stderr).replace(&address, "ADDRESS");
    insta::assert_snapshot!(said, @r"
    error: cannot listen on ADDRESS
      cause: Address already in use (os error 98)
      hint: --port 0 takes a free port
    ");
}
