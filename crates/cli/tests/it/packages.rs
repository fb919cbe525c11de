//! Charts that a module fetches: from the chart folder, and from a repository that a Secret opens.

use std::fs;

use kube::api::{Patch, PatchParams};
use serde_json::json;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio_util::task::AbortOnDropHandle;

use crate::process::{PATIENCE, guest};
use crate::rollout::api;
use crate::site::{Site, create};

/// A watch of Widgets by a module that fetches a chart.
fn watches(settings: &str, grants: &str) -> String {
    format!(
        "- {{group: example.com, version: v1, kind: Widget, module: fetches.wasm, settings: {settings}, grants: {grants}}}\n"
    )
}

fn chart(site: &Site, version: &str) {
    let folder = site.path("charts/web");
    fs::create_dir_all(&folder).unwrap();
    let text = format!("apiVersion: v2\nname: web\nversion: {version}\n");
    fs::write(folder.join("Chart.yaml"), text).unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_chart_of_the_chart_folder_is_fetched_where_that_is_granted() {
    let site = Site::new().await;
    let widgets = site.define("Widget").await;
    create(&widgets, "Widget", "a").await;
    chart(&site, "1.2.3");
    site.module("fetches.wasm", &guest("fetches.wasm"));
    site.watches(&watches("{chart: web}", "{}"));
    let charts = site.path("charts");
    let _operator = site
        .operator_with(&["--charts", charts.to_str().unwrap()])
        .await;
    let shown = site
        .conditions(&widgets, "a", |c| c.contains("no grant"))
        .await;
    assert!(
        shown.contains("Ready=False Failed: no grant for local; hint: add to the watch: grants: {artifacts: [\"local\"]}"),
        "{shown}"
    );

    site.watches(&watches("{chart: web}", "{artifacts: [local]}"));
    site.conditions(&widgets, "a", |c| c.contains("Fetched: web 1.2.3 from "))
        .await;

    site.watches(&watches("{chart: ../web}", "{artifacts: [local]}"));
    site.conditions(&widgets, "a", |c| {
        c.contains("Ready=False") && c.contains("../web")
    })
    .await;
}

/// A repository that refuses everybody, and remembers as whom they came.
struct Repository {
    url: String,
    callers: watch::Receiver<Vec<String>>,
    _serving: AbortOnDropHandle<()>,
}

impl Repository {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (callers, seen) = watch::channel(Vec::new());
        let serving = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                refuse(stream, &callers).await;
            }
        });
        Self {
            url,
            callers: seen,
            _serving: AbortOnDropHandle::new(serving),
        }
    }

    /// Waits until somebody came with this `Authorization`.
    async fn met(&self, authorization: &str) {
        let mut callers = self.callers.clone();
        let waiting = callers.wait_for(|callers| callers.iter().any(|c| c == authorization));
        let met = tokio::time::timeout(PATIENCE, waiting).await.is_ok();
        assert!(
            met,
            "{authorization:?} never came: {:?}",
            self.callers.borrow()
        );
    }
}

/// Answers one request and closes.
async fn refuse(stream: TcpStream, callers: &watch::Sender<Vec<String>>) {
    let mut stream = BufReader::new(stream);
    let mut caller = String::new();
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await.unwrap_or(0) == 0 || line.trim().is_empty() {
            break;
        }
        if let Some((name, value)) = line.split_once(':')
            && name.eq_ignore_ascii_case("authorization")
        {
            value.trim().clone_into(&mut caller);
        }
    }
    callers.send_modify(|callers| callers.push(caller));
    let answer = "HTTP/1.1 401 Unauthorized\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
    let _gone = stream.write_all(answer.as_bytes()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_repository_is_opened_by_a_secret_and_asked_again_when_that_changes() {
    let site = Site::new().await;
    let repository = Repository::start().await;
    let widgets = site.define("Widget").await;
    create(&widgets, "Widget", "a").await;
    site.module("fetches.wasm", &guest("fetches.wasm"));
    let url = &repository.url;
    site.watches(&watches(
        &format!("{{repository: \"{url}\", chart: web, secret: login}}"),
        &format!(
            "{{artifacts: [\"{url}\"], read: [{{apiGroups: [\"\"], resources: [secrets], resourceNames: [login]}}]}}"
        ),
    ));
    let _operator = site.operator().await;
    let shown = site
        .conditions(&widgets, "a", |c| c.contains("login"))
        .await;
    assert!(shown.contains("Secret default/login: not found"), "{shown}");
    assert!(repository.callers.borrow().is_empty());

    let secrets = api(&site.cluster.client(), "", "v1", "Secret");
    let apply = PatchParams::apply("test").force();
    for (password, authorization) in [
        ("correct-horse", "Basic bWU6Y29ycmVjdC1ob3JzZQ=="),
        ("battery-staple", "Basic bWU6YmF0dGVyeS1zdGFwbGU="),
    ] {
        let secret = json!({
            "apiVersion": "v1", "kind": "Secret", "metadata": {"name": "login"},
            "stringData": {"username": "me", "password": password},
        });
        secrets
            .patch("login", &apply, &Patch::Apply(secret))
            .await
            .unwrap();
        repository.met(authorization).await;
    }
    let refused = |c: &str| c.contains("Ready=False") && c.contains("401");
    let shown = site.conditions(&widgets, "a", refused).await;
    assert!(!shown.contains("battery-staple"), "{shown}");
}
