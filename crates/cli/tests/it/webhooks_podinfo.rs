//! A Canary of podinfo, on an embedded cluster with the operator in it.

use std::pin::Pin;

use futures_util::Stream;
use kube::api::{Api, DynamicObject, Patch, PatchParams};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::process::{Process, client, modules};
use crate::rollout::{api, changes, deployments, until};

/// The cluster, and the Canary once it is applied.
pub(crate) struct Podinfo {
    _process: Process,
    /// A client of its API.
    pub(crate) client: kube::Client,
    states: Pin<Box<dyn Stream<Item = DynamicObject>>>,
    /// What was awaited last.
    last: Option<DynamicObject>,
    _directory: TempDir,
}

impl Podinfo {
    /// Starts both. Its clock runs at `speed`; the operator may ask `hosts`, and Prometheus where `metrics` says.
    pub(crate) async fn new(speed: &str, hosts: &[&str], metrics: Option<&str>) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let file = |name: &str| directory.path().join(name).display().to_string();
        let (watches, kubeconfig) = (file("watches.yaml"), file("kubeconfig"));
        let mut settings = json!({"metrics": {"scrapeInterval": "1s"}});
        if let Some(metrics) = metrics {
            settings["metricsServer"] = json!(metrics);
        }
        let entry = json!([{
            "group": "canary.oarlock.dev", "version": "v1alpha1", "kind": "Canary", "module": "canary.wasm",
            "settings": settings,
            "grants": {
                "read": [
                    {"apiGroups": ["apps"], "resources": ["deployments", "replicasets"]},
                    {"apiGroups": [""], "resources": ["services", "configmaps"]},
                    {"apiGroups": ["gateway.networking.k8s.io"], "resources": ["httproutes"]},
                ],
                "write": [
                    {"apiGroups": ["apps"], "resources": ["deployments"]},
                    {"apiGroups": [""], "resources": ["services"]},
                    {"apiGroups": ["gateway.networking.k8s.io"], "resources": ["httproutes"]},
                ],
                "http": hosts,
            },
        }]);
        std::fs::write(&watches, entry.to_string()).unwrap();
        let modules = modules();
        let mut process = Process::start(&[
            "dev",
            "--speed",
            speed,
            "--ready-after",
            "0",
            "--watches",
            &watches,
            "--modules",
            modules.to_str().unwrap(),
            "--kubeconfig",
            &kubeconfig,
        ]);
        let client = client(&process.says("cluster").await);
        let kinds = process.says("look").await;
        assert!(kinds.contains("canaries.canary.oarlock.dev"), "{kinds}");
        let states = Box::pin(changes(canaries(&client)));
        Self {
            _process: process,
            client,
            states,
            last: None,
            _directory: directory,
        }
    }

    /// Applies the Deployment, of ten Pods, and the Canary with this analysis. Done when it holds the Deployment.
    pub(crate) async fn apply(&mut self, analysis: Value) {
        self.apply_with(json!({"analysis": analysis})).await;
    }

    /// Applies the Deployment, of ten Pods, and the Canary with this spec. Done when it holds the Deployment.
    pub(crate) async fn apply_with(&mut self, mut spec: Value) {
        spec["targetRef"] =
            json!({"apiVersion": "apps/v1", "kind": "Deployment", "name": "podinfo"});
        let user = PatchParams::apply("kubectl");
        deployments(&self.client)
            .patch("podinfo", &user, &Patch::Apply(deployment("3.1.0")))
            .await
            .unwrap();
        let canary = json!({
            "apiVersion": "canary.oarlock.dev/v1alpha1",
            "kind": "Canary",
            "metadata": {"name": "podinfo"},
            "spec": spec,
        });
        canaries(&self.client)
            .patch("podinfo", &user, &Patch::Apply(canary))
            .await
            .unwrap();
        self.stage("Idle").await;
        let mut states = std::pin::pin!(changes(deployments(&self.client)));
        until(&mut states, |deployment| {
            deployment.data["spec"]["paused"] == true
        })
        .await;
    }

    /// Applies the Deployment with another version, as its user does.
    pub(crate) async fn change_version(&self, version: &str) {
        deployments(&self.client)
            .patch(
                "podinfo",
                &PatchParams::apply("kubectl"),
                &Patch::Apply(deployment(version)),
            )
            .await
            .unwrap();
    }

    /// Waits until the Canary is in this phase.
    pub(crate) async fn phase(&mut self, phase: &str) -> DynamicObject {
        self.comes_to(|canary| canary.data["status"]["phase"] == phase)
            .await
    }

    /// Waits until its mechanics are there, if they are not already in the state that was awaited last.
    pub(crate) async fn stage(&mut self, stage: &str) -> DynamicObject {
        let is_there = |canary: &DynamicObject| canary.data["status"]["stage"] == stage;
        match self.last.take().filter(is_there) {
            Some(last) => last,
            None => self.comes_to(is_there).await,
        }
    }

    /// The next state of the Canary that is so.
    pub(crate) async fn comes_to(
        &mut self,
        wanted: impl Fn(&DynamicObject) -> bool,
    ) -> DynamicObject {
        let state = until(&mut self.states, wanted).await;
        self.last = Some(state.clone());
        state
    }

    /// Available Pods of each image.
    pub(crate) async fn pods(&self) -> Vec<(String, usize)> {
        let pods = api(&self.client, "", "v1", "Pod")
            .list(&kube::api::ListParams::default().labels("app=podinfo"))
            .await
            .unwrap();
        let mut images: Vec<(String, usize)> = Vec::new();
        for pod in pods.items {
            if pod.metadata.deletion_timestamp.is_some() {
                continue;
            }
            let image = pod.data["spec"]["containers"][0]["image"].as_str().unwrap();
            match images.iter_mut().find(|(known, _)| known == image) {
                Some((_, count)) => *count += 1,
                None => images.push((image.to_owned(), 1)),
            }
        }
        images.sort();
        images
    }
}

/// A client of Canaries.
pub(crate) fn canaries(client: &kube::Client) -> Api<DynamicObject> {
    api(client, "canary.oarlock.dev", "v1alpha1", "Canary")
}

/// An input of the last decision, by its name.
pub(crate) fn input<'a>(canary: &'a DynamicObject, name: &str) -> Option<&'a Value> {
    let inputs = canary.data["status"]["why"]["inputs"].as_array()?;
    inputs.iter().find(|input| input["name"] == name)
}

/// The Deployment, as its user has it.
pub(crate) fn deployment(version: &str) -> Value {
    json!({
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "podinfo", "labels": {"app": "podinfo"}},
        "spec": {
            "replicas": 10,
            "selector": {"matchLabels": {"app": "podinfo"}},
            "template": {
                "metadata": {"labels": {"app": "podinfo"}},
                "spec": {"containers": [{"name": "podinfo", "image": format!("podinfo:{version}")}]},
            },
        },
    })
}
