//! Webhooks that come in: a push makes the objects run that fetched from there.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use http_body_util::{BodyExt as _, Full};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use parking_lot::Mutex;
use tokio::net::TcpListener;
use tokio_util::task::AbortOnDropHandle;

use crate::process::{client, guest, oarlock};
use crate::site::{Operator, Site, create};

const TOKEN: &str = "0123456789abcdef0123456789abcdef";

/// A repository with one chart, which may get new versions.
struct Repository {
    url: String,
    files: Arc<Mutex<BTreeMap<String, Bytes>>>,
    _serving: AbortOnDropHandle<()>,
}

impl Repository {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/charts", listener.local_addr().unwrap());
        let files: Arc<Mutex<BTreeMap<String, Bytes>>> = Arc::default();
        let shown = Arc::clone(&files);
        let serving = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let shown = Arc::clone(&shown);
                let answer = service_fn(move |request: http::Request<hyper::body::Incoming>| {
                    let body = shown.lock().get(request.uri().path()).cloned();
                    let mut response =
                        http::Response::new(Full::new(body.clone().unwrap_or_default()));
                    if body.is_none() {
                        *response.status_mut() = http::StatusCode::NOT_FOUND;
                    }
                    async move { Ok::<_, std::convert::Infallible>(response) }
                });
                tokio::spawn(async move {
                    let http = hyper::server::conn::http1::Builder::new();
                    let _gone = http.serve_connection(TokioIo::new(stream), answer).await;
                });
            }
        });
        Self {
            url,
            files,
            _serving: AbortOnDropHandle::new(serving),
        }
    }

    /// Has the chart `web` in this version only.
    fn publish(&self, version: &str) {
        let meta = format!("apiVersion: v2\nname: web\nversion: {version}\n");
        let mut archive = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
        let mut header = tar::Header::new_gnu();
        header.set_size(meta.len() as u64);
        header.set_mode(0o644);
        archive
            .append_data(&mut header, "web/Chart.yaml", meta.as_bytes())
            .unwrap();
        let bytes = archive.into_inner().unwrap().finish().unwrap();
        let index = format!(
            "apiVersion: v1\nentries:\n  web:\n  - {{apiVersion: v2, name: web, version: {version}, urls: [web-{version}.tgz]}}\n"
        );
        let mut files = self.files.lock();
        files.insert("/charts/index.yaml".to_owned(), index.into());
        files.insert(format!("/charts/web-{version}.tgz"), bytes.into());
    }
}

/// Sends a webhook: status and text.
async fn send(address: &str, path: &str, token: &str, body: &str) -> (u16, String) {
    let request = http::Request::post(path)
        .header("x-gitlab-token", token)
        .header("x-gitlab-event", "Push Hook")
        .body(kube::client::Body::from(body.as_bytes().to_vec()))
        .unwrap();
    let response = client(&format!("http://{address}"))
        .send(request)
        .await
        .unwrap();
    let status = response.status().as_u16();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (status, String::from_utf8(body.to_vec()).unwrap())
}

fn receivers(site: &Site, sources: &str) -> PathBuf {
    std::fs::write(site.path("token"), TOKEN).unwrap();
    let file = site.path("receivers.yaml");
    let text = format!(
        "receivers:\n- {{name: lab, type: gitlab, tokenFile: token, sources: [\"{sources}\"]}}\n"
    );
    std::fs::write(&file, text).unwrap();
    file
}

async fn address(operator: &Operator) -> String {
    let line = operator.process.logs("webhooks").await;
    let address = line.split("address=").nth(1).unwrap();
    address.split_whitespace().next().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_push_makes_the_objects_run_that_fetched_from_there() {
    let site = Site::new().await;
    let repository = Repository::start().await;
    repository.publish("1.0.0");
    let widgets = site.define("Widget").await;
    create(&widgets, "Widget", "a").await;
    site.module("fetches.wasm", &guest("fetches.wasm"));
    let url = &repository.url;
    let origin = url.trim_end_matches("/charts");
    site.watches(&format!(
        "- {{group: example.com, version: v1, kind: Widget, module: fetches.wasm, settings: {{repository: \"{url}\", chart: web}}, \
         grants: {{artifacts: [\"{origin}\"]}}}}\n"
    ));
    let file = receivers(&site, &format!("{origin}/*"));
    let operator = site
        .operator_with(&[
            "--webhook-receiver-bind-address",
            "127.0.0.1:0",
            "--webhook-receivers",
            file.to_str().unwrap(),
        ])
        .await;
    let address = address(&operator).await;
    site.conditions(&widgets, "a", |c| {
        c.contains("Fetched: web 1.0.0 of 1.0.0 ")
    })
    .await;

    repository.publish("1.1.0");
    let push = format!("{{\"project\": {{\"web_url\": \"{url}\"}}}}");
    let not_taken = "not signed with the receiver's token\n".to_owned();
    assert_eq!(
        send(&address, "/hook/lab", "wrong", &push).await,
        (401, not_taken)
    );
    assert_eq!(
        send(&address, "/hook/lab", TOKEN, &push).await,
        (200, "ok\n".to_owned())
    );
    site.conditions(&widgets, "a", |c| {
        c.contains("Fetched: web 1.1.0 of 1.1.0 ")
    })
    .await;
    let log = operator.process.logs("something new was pushed").await;
    assert!(
        log.contains("receiver=\"lab\"") && log.contains("objects=1"),
        "{log}"
    );
    operator
        .counts(
            "oarlock_webhook_requests_total{receiver=\"lab\",code=\"401\"}",
            |count| count == "1",
        )
        .await;
    operator
        .counts("oarlock_webhook_runs_total", |count| count == "1")
        .await;
    assert_eq!(operator.get("/readyz").await.0, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_the_leader_takes_webhooks() {
    let site = Site::new().await;
    site.watches("[]");
    let file = receivers(&site, "https://git.example.com/*");
    let replica = async || {
        let file = file.to_str().unwrap();
        let listens = [
            "--webhook-receiver-bind-address",
            "127.0.0.1:0",
            "--webhook-receivers",
            file,
        ];
        let elects = ["--leader-elect", "--leader-election-namespace", "default"];
        let more = [&listens[..], &elects[..]].concat();
        site.operator_with(&more).await
    };
    let leader = replica().await;
    leader.process.logs("reconciling all objects").await;
    let standby = replica().await;
    let push = r#"{"project": {"web_url": "https://git.example.com/a"}}"#;
    let (one, other) = (address(&leader).await, address(&standby).await);
    assert_eq!(
        send(&one, "/hook/lab", TOKEN, push).await,
        (200, "ok\n".to_owned())
    );
    let refused = "this replica stands by; send it to the one that leads\n".to_owned();
    assert_eq!(send(&other, "/hook/lab", TOKEN, push).await, (503, refused));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_wrong_with_the_receiver_is_told_before_anything_begins() {
    let directory = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(directory.path().join(name), text).unwrap();
    write("watches.yaml", "[]");
    write("empty", "\n");
    write(
        "bad.yaml",
        "receivers:\n- {name: git, type: githup, tokenFile: empty, sources: [\"https://a/b\"]}\n",
    );
    write(
        "tokenless.yaml",
        "receivers:\n- {name: git, type: github, tokenFile: empty, sources: [\"https://a/b\"]}\n",
    );
    let mut told = Vec::new();
    for more in [
        &["--webhook-receiver-bind-address", "127.0.0.1:0"][..],
        &["--webhook-receivers", "bad.yaml"],
        &[
            "--webhook-receiver-bind-address",
            "127.0.0.1:0",
            "--webhook-receivers",
            "bad.yaml",
        ],
        &[
            "--webhook-receiver-bind-address",
            "127.0.0.1:0",
            "--webhook-receivers",
            "tokenless.yaml",
        ],
        &[
            "--webhook-receiver-bind-address",
            "127.0.0.1:0",
            "--webhook-receivers",
            "nowhere.yaml",
        ],
        &[
            "--webhook-receiver-bind-address",
            "127.0.0.1:0",
            "--webhook-receivers",
            "bad.yaml",
            "--sharding",
        ],
    ] {
        let args = [&["run", "--metrics-bind-address", "0"], more].concat();
        let output = oarlock(&args, directory.path()).await;
        assert_eq!(output.status.code(), Some(1), "{more:?}");
        told.push(String::from_utf8(output.stderr).unwrap());
    }
    insta::assert_snapshot!(told.join("\n"));
}
