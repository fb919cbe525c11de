//! A Canary that asks a real Prometheus for the built-in metrics, in real time: an interval is ten seconds at least.

use serde_json::{Value, json};

use crate::prometheus::{Exporter, Prometheus, Requests};
use crate::webhooks_podinfo::{Podinfo, input};

/// Real time, which is that of Prometheus.
const SPEED: &str = "1";

struct Lab {
    exporter: Exporter,
    prometheus: Prometheus,
    podinfo: Podinfo,
}

impl Lab {
    /// Podinfo, all of whose Pods answer well, as Prometheus knows already.
    async fn new() -> Option<Self> {
        let exporter = Exporter::new().await;
        exporter.serves("podinfo", Requests::of(100.0));
        let prometheus = Prometheus::of(&exporter).await?;
        let url = prometheus.url();
        let mut podinfo = Podinfo::new(SPEED, &[&url], Some(&url)).await;
        podinfo.apply(analysis()).await;
        prometheus
            .knows(
                "sum(rate(http_request_duration_seconds_count[2s]))",
                |rate| rate > 0.0,
            )
            .await;
        Some(Self {
            exporter,
            prometheus,
            podinfo,
        })
    }
}

/// One step of half the Pods.
fn analysis() -> Value {
    json!({
        "interval": "10s", "threshold": 1, "stepWeight": 50, "maxWeight": 50,
        "metrics": [
            {"name": "request-success-rate", "threshold": 99, "interval": "10s"},
            {"name": "request-duration", "threshold": 500, "interval": "10s"},
        ],
    })
}

fn verdict(canary: &kube::api::DynamicObject, metric: &str) -> Option<String> {
    let input = input(canary, &format!("metric {metric}"))?;
    Some(input["verdict"].as_str()?.to_owned())
}

#[tokio::test]
async fn good_metrics_promote() {
    let Some(mut lab) = Lab::new().await else {
        return;
    };
    lab.podinfo.change_version("3.1.1").await;
    let passed = lab
        .podinfo
        .comes_to(|canary| {
            ["request-success-rate", "request-duration"]
                .iter()
                .all(|metric| verdict(canary, metric).as_deref() == Some("pass"))
        })
        .await;
    assert_ne!(passed.data["status"]["phase"], "Failed");
    lab.podinfo.phase("Succeeded").await;
    assert_eq!(
        lab.podinfo.pods().await,
        [(String::from("podinfo:3.1.1"), 10)]
    );
}

#[tokio::test]
async fn row_21_slow_answers_take_it_back_whatever_was_before() {
    let Some(mut lab) = Lab::new().await else {
        return;
    };
    let slow = Requests {
        millis: 900.0,
        ..Requests::of(100.0)
    };
    lab.exporter.serves("podinfo", slow);
    lab.podinfo.change_version("3.1.1").await;
    let failed = lab.podinfo.phase("Failed").await;
    let failure = failed.data["status"]["failure"].as_str().unwrap();
    assert!(failure.contains("request-duration"), "{failure}");
    assert!(!failure.contains("request-success-rate"), "{failure}");
    lab.podinfo.stage("Failed").await;
    assert_eq!(
        lab.podinfo.pods().await,
        [(String::from("podinfo:3.1.0"), 10)]
    );
}

#[tokio::test]
async fn row_20_without_prometheus_it_is_held_where_it_is() {
    let Some(mut lab) = Lab::new().await else {
        return;
    };
    lab.podinfo.change_version("3.1.1").await;
    lab.podinfo
        .comes_to(|canary| canary.data["status"]["canaryWeight"] == 50)
        .await;
    lab.prometheus.kill().await;
    let held = lab
        .podinfo
        .comes_to(|canary| {
            input(canary, "metric request-success-rate").is_some_and(|input| {
                let value = input["value"].as_str().unwrap_or_default();
                input["verdict"] == "hold" && value.contains("cannot connect")
            })
        })
        .await;
    assert_eq!(held.data["status"]["canaryWeight"], 50);
    let pods = lab.podinfo.pods().await;
    assert!(
        pods.iter()
            .any(|(image, count)| image == "podinfo:3.1.0" && *count >= 5),
        "{pods:?}"
    );
    lab.prometheus.start_again().await;
    lab.podinfo.phase("Succeeded").await;
}
