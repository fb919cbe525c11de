//! A Deployer whose steps ask a real Prometheus.

use std::pin::Pin;

use futures_util::Stream;
use kube::api::{DynamicObject, Patch, PatchParams};
use serde_json::{Value, json};

use crate::prometheus::{Exporter, Prometheus, Requests};
use crate::rollout::{
    change_version, changes, define, deployers, deployments, manifest, ready_at, until,
};
use crate::site::{Operator, Site, canary};

/// A Deployer of the first version, served, whose second is to be checked on its first step.
struct Rollout {
    site: Site,
    exporter: Exporter,
    prometheus: Prometheus,
    states: Pin<Box<dyn Stream<Item = DynamicObject>>>,
    _operator: Operator,
}

impl Rollout {
    async fn new() -> Option<Self> {
        let exporter = Exporter::new().await;
        let prometheus = Prometheus::of(&exporter).await?;
        let site = Site::new().await;
        let url = prometheus.url();
        site.watches(&format!(
            "- group: deploy.example.com\n  version: v1alpha1\n  kind: Deployer\n  module: canary.wasm\n  \
             settings: {{metricsServer: \"{url}\", metrics: {{scrapeInterval: 1s}}}}\n  \
             grants:\n    write: [{{apiGroups: [apps], resources: [deployments]}}]\n    http: [\"{url}\"]\n"
        ));
        site.module("canary.wasm", &canary());
        // Prometheus has the time of the world.
        site.cluster.run_clock().await;
        let client = site.cluster.client();
        define(&client).await;
        let operator = site.operator().await;
        let mut deployer = manifest("deployer.yaml");
        deployer["metadata"]["namespace"] = json!("default");
        deployer["spec"]["steps"] = json!([
            {"percent": 50, "checks": [{
                "prometheus": {"metric": "request-success-rate"}, "threshold": 99, "interval": "3s",
            }]},
            {"percent": 100},
        ]);
        let mut states = Box::pin(changes(deployers(&client)));
        deployers(&client)
            .patch(
                "nginx",
                &PatchParams::apply("kubectl"),
                &Patch::Apply(deployer),
            )
            .await
            .unwrap();
        until(&mut states, |object| ready_at(object, "1.7.7")).await;
        Some(Self {
            site,
            exporter,
            prometheus,
            states,
            _operator: operator,
        })
    }

    /// Begins with the second version, whose Pods answer so, as Prometheus knows already.
    async fn begin(&mut self, requests: Requests) {
        self.exporter.serves("nginx-1.7.8", requests);
        self.prometheus
            .knows(
                "sum(rate(http_request_duration_seconds_count[2s]))",
                |rate| rate > 0.0,
            )
            .await;
        change_version(&self.site.cluster.client(), "1.7.8").await;
    }

    /// The next state in which this is so.
    async fn comes_to(&mut self, wanted: impl Fn(&DynamicObject) -> bool) -> DynamicObject {
        until(&mut self.states, wanted).await
    }

    /// The replicas that the Deployments ask for, by name.
    async fn sizes(&self) -> Vec<(String, i64)> {
        let all = deployments(&self.site.cluster.client())
            .list(&kube::api::ListParams::default())
            .await
            .unwrap();
        let size = |object: DynamicObject| {
            let replicas = object.data["spec"]["replicas"].as_i64().unwrap();
            (object.metadata.name.unwrap(), replicas)
        };
        all.items.into_iter().map(size).collect()
    }
}

/// What `status.why` says of the success rate: verdict and value.
fn success_rate(object: &DynamicObject) -> Option<(String, String)> {
    let inputs = object.data["status"]["why"]["inputs"].as_array()?;
    let input = inputs
        .iter()
        .find(|input| text(input, "name").contains("request-success-rate"))?;
    Some((text(input, "verdict"), text(input, "value")))
}

fn text(value: &Value, field: &str) -> String {
    value[field].as_str().unwrap_or_default().to_owned()
}

fn because(object: &DynamicObject) -> String {
    text(&object.data["status"]["why"], "because")
}

#[tokio::test]
async fn a_good_rate_lets_the_version_go_on() {
    let Some(mut rollout) = Rollout::new().await else {
        return;
    };
    rollout.begin(Requests::of(99.9)).await;
    // Never on to the second step before the first was found good.
    let done = rollout
        .comes_to(|object| {
            let status = &object.data["status"];
            if status["currentStep"] == 2 && status["phase"] != "Stable" {
                assert_eq!(status["stepPercent"], 100, "{status:#}");
            }
            ready_at(object, "1.7.8")
        })
        .await;
    assert_eq!(
        done.data["status"]["history"][0]["outcome"], "Promoted",
        "{:#}",
        done.data["status"]["history"]
    );
}

#[tokio::test]
async fn a_bad_rate_takes_the_version_back() {
    let Some(mut rollout) = Rollout::new().await else {
        return;
    };
    rollout.begin(Requests::of(50.0)).await;
    let failed = rollout
        .comes_to(|object| success_rate(object).is_some_and(|(verdict, _)| verdict == "fail"))
        .await;
    let (_, value) = success_rate(&failed).unwrap();
    let percent: f64 = value.parse().unwrap();
    assert!((49.0..51.0).contains(&percent), "{value}");
    let back = rollout
        .comes_to(|object| {
            let status = &object.data["status"];
            status["phase"] == "Stable" && status["rejectedRevisions"][0].is_string()
        })
        .await;
    let status = &back.data["status"];
    assert_eq!(status["to"]["version"], "1.7.7", "{status:#}");
    let running: Vec<(String, i64)> = rollout
        .sizes()
        .await
        .into_iter()
        .filter(|(_, replicas)| *replicas > 0)
        .collect();
    assert_eq!(running, [(String::from("nginx-1.7.7"), 10)]);
}

#[tokio::test]
async fn row_20_without_prometheus_the_step_is_held() {
    let Some(mut rollout) = Rollout::new().await else {
        return;
    };
    let client = rollout.site.cluster.client();
    rollout.prometheus.kill().await;
    rollout.exporter.serves("nginx-1.7.8", Requests::of(100.0));
    change_version(&client, "1.7.8").await;
    let held = rollout
        .comes_to(|object| {
            // At first it is too young to be asked about.
            success_rate(object)
                .is_some_and(|(verdict, value)| verdict == "hold" && !value.contains("too young"))
                && !because(object).contains("s old")
        })
        .await;
    insta::assert_snapshot!(
        because(&held),
        @"metric request-success-rate: cannot connect to 127.0.0.1: Connection refused (os error 111) (error 1 in a row, at most 4)"
    );
    assert_eq!(held.data["status"]["currentStep"], 1);
    // Half of the Pods are those of the version before, for as long as it takes.
    assert!(
        rollout
            .sizes()
            .await
            .iter()
            .any(|(name, replicas)| name == "nginx-1.7.7" && *replicas > 0)
    );
    rollout.prometheus.start_again().await;
    rollout.comes_to(|object| ready_at(object, "1.7.8")).await;
}
