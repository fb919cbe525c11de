//! /metrics as a scraper sees it: names and labels, formats, ports, who may see it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::process::{Process, client, guest, root};
use crate::site::{Site, ask, create, is_ready, nothing, replace};

const WATCHES: &str = "- {group: example.com, version: v1, kind: Widget, module: widget.wasm}\n";

/// What dashboards are built on: `name type {labels}`, sorted.
fn described(text: &str) -> String {
    let mut families: BTreeMap<&str, (&str, BTreeSet<&str>)> = BTreeMap::new();
    for line in text.lines() {
        if let Some((name, kind)) = line.strip_prefix("# TYPE ").and_then(|l| l.split_once(' ')) {
            families.insert(name, (kind, BTreeSet::new()));
        }
    }
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let (name, labels) = line
            .split_once('{')
            .unwrap_or((line.split(' ').next().unwrap(), ""));
        let family = families
            .keys()
            .filter(|family| {
                let rest = name.strip_prefix(**family);
                rest.is_some_and(|rest| ["", "_bucket", "_sum", "_count"].contains(&rest))
            })
            .max_by_key(|family| family.len())
            .copied()
            .unwrap_or_else(|| panic!("{line} is not described"));
        let labels = labels.split_once('}').map_or("", |(labels, _)| labels);
        let names = labels
            .split("\",")
            .filter_map(|label| label.split_once('='));
        let family = families.get_mut(family).unwrap();
        family
            .1
            .extend(names.map(|(name, _)| name).filter(|name| *name != "le"));
    }
    let lines = families.iter().map(|(name, (kind, labels))| {
        let labels: Vec<&str> = labels.iter().copied().collect();
        format!("{name} {kind} {{{}}}", labels.join(","))
    });
    lines.collect::<Vec<_>>().join("\n")
}

async fn ready(site: &Site, more: &[&str]) -> crate::site::Operator {
    let widgets = site.define("Widget").await;
    create(&widgets, "Widget", "a").await;
    site.watches(WATCHES);
    site.module("widget.wasm", &nothing());
    let operator = site.operator_with(more).await;
    site.conditions(&widgets, "a", is_ready).await;
    operator
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn names_types_and_labels_are_those_of_the_dashboards() {
    let site = Site::new().await;
    let operator = ready(&site, &["--kube-api-qps", "100"]).await;
    let done = "controller_runtime_reconcile_total{controller=\"widget.example.com\",result=\"requeue_after\"}";
    operator.counts(done, |value| value != "0").await;
    let (status, kind, text) = operator.ask("/metrics", &[]).await;
    assert_eq!(
        (status, kind.as_str()),
        (200, "text/plain; version=0.0.4; charset=utf-8")
    );
    assert!(!text.contains("# EOF"));
    insta::assert_snapshot!("metrics", described(&text));

    let open = "application/openmetrics-text;version=1.0.0,text/plain;q=0.5";
    let (_, kind, text) = operator.ask("/metrics", &[("accept", open)]).await;
    assert_eq!(
        kind,
        "application/openmetrics-text; version=1.0.0; charset=utf-8"
    );
    assert!(text.ends_with("# EOF\n"), "{text}");
}

/// Starts an operator, and has the addresses of what its log names so.
async fn listening(site: &Site, more: &[&str], names: &[&str]) -> (Process, Vec<String>) {
    site.watches(WATCHES);
    site.module("widget.wasm", &nothing());
    let (watches, modules) = (site.path("watches.yaml"), site.path("modules"));
    let mut args = vec![
        "run",
        "--watches",
        watches.to_str().unwrap(),
        "--modules",
        modules.to_str().unwrap(),
        "--kubeconfig",
        site.cluster.kubeconfig.to_str().unwrap(),
        "--metrics-bind-address",
        "127.0.0.1:0",
    ];
    args.extend(more);
    let process = Process::start(&args);
    let mut addresses = Vec::new();
    for name in names {
        let line = process.logs(&format!(" {name} address=")).await;
        addresses.push(line.split("address=").nth(1).unwrap().trim().to_owned());
    }
    (process, addresses)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn probes_may_have_a_port_of_their_own() {
    let site = Site::new().await;
    let probes = ["--health-probe-bind-address", "127.0.0.1:0"];
    let (process, addresses) = listening(&site, &probes, &["probes", "metrics"]).await;
    process.logs(" ready").await;
    let [probes, metrics] = [0, 1].map(|n| client(&format!("http://{}", addresses[n])));
    for path in ["/healthz", "/livez", "/readyz"] {
        assert_eq!(ask(&probes, path, &[]).await.0, 200, "{path}");
        let (status, _, body) = ask(&metrics, path, &[]).await;
        assert_eq!(
            (status, body.as_str()),
            (404, "not found; there is /metrics\n")
        );
    }
    assert_eq!(ask(&metrics, "/metrics", &[]).await.0, 200);
    let (status, _, body) = ask(&probes, "/metrics", &[]).await;
    assert_eq!(
        (status, body.as_str()),
        (404, "not found; there is /healthz and /readyz\n")
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn metrics_may_need_a_token_and_probes_never_do() {
    let site = Site::new().await;
    let operator = ready(&site, &["--metrics-require-rbac"]).await;
    let (status, _, body) = operator.ask("/metrics", &[]).await;
    assert_eq!(status, 401);
    insta::assert_snapshot!(body, @"unauthorized; hint: send the token of a ServiceAccount as `Authorization: Bearer TOKEN`");
    let token = [("authorization", "Bearer somebodys")];
    assert_eq!(operator.ask("/metrics", &token).await.0, 200);
    assert_eq!(operator.ask("/healthz", &[]).await.0, 200);
}

fn certificate(directory: &Path, name: &str) -> Vec<u8> {
    let fixture = root().join("crates/cli/tests/fixtures/tls").join(name);
    for file in ["tls.crt", "tls.key"] {
        replace(
            &directory.join(file),
            &std::fs::read(fixture.join(file)).unwrap(),
        );
    }
    std::fs::read(fixture.join("tls.crt")).unwrap()
}

/// A client that trusts this certificate and no other.
fn trusting(address: &str, certificate: &[u8]) -> kube::Client {
    use rustls::pki_types::CertificateDer;
    use rustls::pki_types::pem::PemObject as _;
    let root = CertificateDer::from_pem_slice(certificate).unwrap();
    let mut config = kube::Config::new(format!("https://{address}").parse().unwrap());
    config.root_cert = Some(vec![root.to_vec()]);
    config.default_retry = false;
    kube::Client::try_from(config).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn metrics_are_served_by_https_and_a_renewed_certificate_is_picked_up() {
    let _tls = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let site = Site::new().await;
    let directory = site.path("tls");
    std::fs::create_dir(&directory).unwrap();
    let first = certificate(&directory, "first");
    let more = [
        "--metrics-secure",
        "--metrics-cert-path",
        directory.to_str().unwrap(),
    ];
    let (process, addresses) = listening(&site, &more, &["probes and metrics"]).await;
    let address = &addresses[0];
    assert_eq!(
        ask(&trusting(address, &first), "/metrics", &[]).await.0,
        200
    );
    let second = certificate(&directory, "second");
    assert_eq!(
        ask(&trusting(address, &second), "/metrics", &[]).await.0,
        200
    );
    let request = http::Request::get("/metrics")
        .body(kube::client::Body::empty())
        .unwrap();
    assert!(trusting(address, &first).send(request).await.is_err());
    // What cannot be used does not take away what can.
    replace(&directory.join("tls.crt"), b"nonsense");
    assert_eq!(
        ask(&trusting(address, &second), "/metrics", &[]).await.0,
        200
    );
    process.logs("the certificate before is used").await;
}

#[tokio::test]
async fn a_certificate_that_is_not_there_and_tokens_in_clear_are_told_before_anything_else() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("watches.yaml"), "[]").unwrap();
    let said = async |args: &[&str]| {
        let output = crate::process::oarlock(args, directory.path()).await;
        assert_eq!(output.status.code(), Some(1));
        String::from_utf8(output.stderr).unwrap()
    };
    insta::assert_snapshot!(said(&["run", "--metrics-secure", "--metrics-cert-path", "nowhere"]).await, @r"
    error: cannot read nowhere/tls.crt
      cause: No such file or directory (os error 2)
    ");
    insta::assert_snapshot!(said(&["run", "--metrics-require-rbac", "--metrics-bind-address", ":0"]).await, @r"
    error: --metrics-require-rbac has tokens sent, and without TLS everybody on the way could read them
      hint: add --metrics-secure and --metrics-cert-path, or listen on 127.0.0.1 only
    ");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_development_cluster_has_metrics_too() {
    let directory = tempfile::tempdir().unwrap();
    let file = |name: &str| directory.path().join(name).to_str().unwrap().to_owned();
    std::fs::write(file("watches.yaml"), "[]").unwrap();
    let mut process = Process::start(&[
        "dev",
        "--watches",
        &file("watches.yaml"),
        "--modules",
        directory.path().to_str().unwrap(),
        "--kubeconfig",
        &file("kubeconfig"),
    ]);
    let url = process.says("metrics").await;
    let http = client(url.strip_suffix("/metrics").unwrap());
    let (status, _, text) = ask(&http, "/metrics", &[]).await;
    assert_eq!(status, 200);
    assert!(text.contains("oarlock_watches_errors 0"), "{text}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_line_of_a_reconcile_tells_which_one() {
    let site = Site::new().await;
    let widgets = site.define("Widget").await;
    create(&widgets, "Widget", "a").await;
    site.watches(WATCHES);
    site.module("widget.wasm", &guest("hostile-panics.wasm"));
    let (watches, modules) = (site.path("watches.yaml"), site.path("modules"));
    let process = Process::start(&[
        "--log-format",
        "json",
        "run",
        "--watches",
        watches.to_str().unwrap(),
        "--modules",
        modules.to_str().unwrap(),
        "--kubeconfig",
        site.cluster.kubeconfig.to_str().unwrap(),
        "--metrics-bind-address",
        "0",
    ]);
    let line = process.logs("reconcile failed").await;
    let line: serde_json::Value = serde_json::from_str(&line).unwrap();
    assert_eq!(line["level"], "WARN");
    let span = &line["span"];
    assert_eq!(span["name"], "reconcile");
    assert_eq!(span["controller"], "widget.example.com");
    assert_eq!(span["namespace"], "default");
    assert_eq!(span["object"], "Widget default/a");
    assert_eq!(span["reconcileID"].as_str().unwrap().len(), 14);
    let next = process.log_length();
    let (_, again) = process.logs_after(next, "reconcile failed").await;
    let again: serde_json::Value = serde_json::from_str(&again).unwrap();
    assert_ne!(
        again["span"]["reconcileID"], span["reconcileID"],
        "one per reconcile"
    );
}
