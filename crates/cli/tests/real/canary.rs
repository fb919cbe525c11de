//! A Canary of a user's own Deployment: the manifest that people have, with a metrics server of the test's own.

use std::collections::BTreeMap;

use futures_util::StreamExt as _;
use kube::api::{Api, DynamicObject, ListParams, Patch, PatchParams};
use kube::runtime::{WatchStreamExt as _, watcher};
use serde_json::{Value, json};
use tokio_util::task::AbortOnDropHandle;

use crate::ground::{Ground, replace};
use crate::process::{modules, root};
use crate::watching::define_as;
use crate::webhooks::{Answer, Received, Web};

/// The Pods of podinfo.
pub(crate) const REPLICAS: i64 = 10;
/// What its rolling update allows: a quarter, rounded up and down.
const MOST: i64 = 13;
const LEAST: i64 = 8;

/// Podinfo in a namespace of its own, its Canary, and those whom the Canary asks.
pub(crate) struct Podinfo {
    pub(crate) ground: Ground,
    /// Prometheus, and webhooks.
    pub(crate) web: Web,
    pub(crate) deployments: Api<DynamicObject>,
    /// Of the group that the test chose.
    pub(crate) canaries: Api<DynamicObject>,
}

impl Podinfo {
    /// Defines the kind, starts nothing yet; `None` where there is no real API server.
    pub(crate) async fn new(test: &str, group: &str, version: &str) -> Option<Self> {
        let ground = Ground::new(test).await?;
        let folder = root().join("modules/canary/crds");
        let file = match group {
            "flagger.app" => folder.join("flagger.app/canaries.yaml"),
            _ => folder.join("canaries.yaml"),
        };
        let definition = std::fs::read_to_string(file).unwrap();
        define_as(&ground.client, serde_saphyr::from_str(&definition).unwrap()).await;
        let web = Web::new(healthy).await;
        let namespace = &ground.namespace;
        let entry = json!([{
            "group": group, "version": version, "kind": "Canary", "module": "canary.wasm",
            "selector": {"matchLabels": {"test": namespace}},
            "settings": {"metricsServer": web.url},
            "grants": {
                "read": [
                    {"apiGroups": ["apps"], "resources": ["deployments", "replicasets"]},
                    {"apiGroups": [""], "resources": ["services", "configmaps"]},
                    {"apiGroups": ["autoscaling"], "resources": ["horizontalpodautoscalers"]},
                    {"apiGroups": ["gateway.networking.k8s.io"], "resources": ["httproutes"]},
                ],
                "write": [
                    {"apiGroups": ["apps"], "resources": ["deployments"]},
                    {"apiGroups": [""], "resources": ["services"]},
                    {"apiGroups": ["autoscaling"], "resources": ["horizontalpodautoscalers"]},
                    {"apiGroups": ["gateway.networking.k8s.io"], "resources": ["httproutes"]},
                    {"apiGroups": [group], "resources": ["canaries"]},
                ],
                "http": [web.url],
            },
        }]);
        replace(&ground.path("watches.yaml"), entry.to_string().as_bytes());
        let canary = std::fs::read(modules().join("canary.wasm")).unwrap();
        ground.module("canary.wasm", &canary);
        Some(Self {
            web,
            deployments: ground.api("apps", "v1", "Deployment"),
            canaries: ground.api(group, version, "Canary"),
            ground,
        })
    }

    /// Applies the Deployment with this version, as its user does.
    pub(crate) async fn deploy(&self, version: &str) {
        self.ground
            .apply(&self.deployments, deployment(version))
            .await;
    }

    /// Applies a Canary, and waits until the Deployment is held.
    pub(crate) async fn apply(&self, canary: Value) {
        self.ground.apply(&self.canaries, canary).await;
        self.ground
            .when(&self.deployments, "podinfo", |deployment| {
                deployment.data["spec"]["paused"] == true
            })
            .await;
        self.phase("Initialized").await;
    }

    /// A Canary of the project's own group, with a step for each of these weights and without metrics.
    pub(crate) fn steps(&self, weights: &[u32]) -> Value {
        let step = |weight: &u32| json!({"setWeight": weight});
        json!({
            "apiVersion": "canary.oarlock.dev/v1alpha1",
            "kind": "Canary",
            "metadata": {"name": "podinfo"},
            "spec": {
                "targetRef": {"name": "podinfo"},
                "analysis": {"interval": "10s", "threshold": 1},
                "steps": weights.iter().map(step).collect::<Vec<_>>(),
            },
        })
    }

    /// Waits until the Canary is in this phase.
    pub(crate) async fn phase(&self, phase: &str) -> DynamicObject {
        self.status("phase", phase).await
    }

    /// Waits until the Canary's mechanics are there.
    pub(crate) async fn stage(&self, stage: &str) -> DynamicObject {
        self.status("stage", stage).await
    }

    async fn status(&self, field: &str, wanted: &str) -> DynamicObject {
        self.ground
            .when(&self.canaries, "podinfo", |canary| {
                canary.data["status"][field] == wanted
                    && canary.data["status"]["observedGeneration"].as_i64()
                        == canary.metadata.generation
            })
            .await
    }

    /// The Deployment as it is.
    pub(crate) async fn deployment(&self) -> DynamicObject {
        self.deployments.get("podinfo").await.unwrap()
    }

    /// Pods that are not going, by image.
    pub(crate) async fn pods(&self) -> BTreeMap<String, usize> {
        let pods = self.ground.api("", "v1", "Pod");
        let pods = pods
            .list(&ListParams::default().labels("app=podinfo"))
            .await
            .unwrap();
        let mut images = BTreeMap::new();
        for pod in pods.items {
            if pod.metadata.deletion_timestamp.is_none() {
                let image = pod.data["spec"]["containers"][0]["image"].as_str().unwrap();
                *images.entry(image.to_owned()).or_default() += 1;
            }
        }
        images
    }

    /// All Pods are of this version.
    pub(crate) async fn runs(&self, version: &str) {
        assert_eq!(
            self.pods().await,
            BTreeMap::from([(format!("podinfo:{version}"), REPLICAS as usize)])
        );
    }

    /// Deletes the Canary, and waits until it is gone.
    pub(crate) async fn delete(&self) {
        let user = kube::api::DeleteParams::default();
        let _deleted = self.canaries.delete("podinfo", &user).await.unwrap();
        let gone = async {
            while self.canaries.get_opt("podinfo").await.unwrap().is_some() {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(crate::process::PATIENCE, gone)
            .await
            .expect("it goes");
    }

    /// Looks at every state of the Deployments from now on.
    pub(crate) fn witness(&self) -> Witness {
        Witness::of(self.deployments.clone())
    }
}

/// What the Deployments were, all the time.
pub(crate) struct Witness(AbortOnDropHandle<()>, tokio::sync::watch::Receiver<Seen>);

/// Extremes of the sums over both Deployments.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seen {
    /// Most replicas asked for.
    pub(crate) most: i64,
    /// Fewest available.
    pub(crate) least: i64,
    /// States that were seen.
    pub(crate) states: usize,
}

impl Witness {
    fn of(deployments: Api<DynamicObject>) -> Self {
        let start = Seen {
            most: 0,
            least: i64::MAX,
            states: 0,
        };
        let (sender, receiver) = tokio::sync::watch::channel(start);
        let task = tokio::spawn(async move {
            let mut sizes: BTreeMap<String, (i64, i64)> = BTreeMap::new();
            let mut events =
                std::pin::pin!(watcher(deployments, watcher::Config::default()).default_backoff());
            while let Some(event) = events.next().await {
                let name = |deployment: &DynamicObject| deployment.metadata.name.clone().unwrap();
                match event {
                    // The list counts as a whole, at its end.
                    Ok(watcher::Event::InitApply(deployment)) => {
                        sizes.insert(name(&deployment), size(&deployment));
                        continue;
                    }
                    Ok(watcher::Event::Apply(deployment)) => {
                        sizes.insert(name(&deployment), size(&deployment));
                    }
                    Ok(watcher::Event::Delete(deployment)) => {
                        sizes.remove(&name(&deployment));
                    }
                    Ok(watcher::Event::InitDone) => {}
                    Ok(watcher::Event::Init) | Err(_) => continue,
                }
                sender.send_modify(|seen| {
                    seen.states += 1;
                    seen.most = seen.most.max(sizes.values().map(|(asked, _)| asked).sum());
                    let available = sizes.values().map(|(_, available)| available).sum();
                    seen.least = seen.least.min(available);
                });
            }
        });
        Self(AbortOnDropHandle::new(task), receiver)
    }

    /// Never too many and never too few, up to now.
    pub(crate) fn content(self) {
        let seen = *self.1.borrow();
        assert!(seen.states > 5, "{seen:?}");
        assert!(seen.most <= MOST, "{seen:?}");
        assert!(seen.least >= LEAST, "{seen:?}");
        drop(self.0);
    }
}

/// Replicas that are asked for, and available ones.
fn size(deployment: &DynamicObject) -> (i64, i64) {
    let number = |value: &Value| value.as_i64().unwrap_or_default();
    (
        number(&deployment.data["spec"]["replicas"]),
        number(&deployment.data["status"]["availableReplicas"]),
    )
}

/// Requests succeed and are fast, and webhooks agree.
pub(crate) fn healthy(received: &Received) -> Answer {
    if !received.path.starts_with("/api/v1/query") {
        return Answer::status(200);
    }
    let value = match received.header("x-oarlock-metric") {
        "request-success-rate" => "99.9",
        _ => "120",
    };
    let answer = json!({
        "status": "success",
        "data": {"resultType": "vector", "result": [{"metric": {}, "value": [0, value]}]},
    });
    Answer::Says(200, answer.to_string())
}

fn deployment(version: &str) -> Value {
    json!({
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "podinfo"},
        "spec": {
            "replicas": REPLICAS,
            "selector": {"matchLabels": {"app": "podinfo"}},
            "template": {
                "metadata": {"labels": {"app": "podinfo"}},
                "spec": {"containers": [{"name": "podinfo", "image": format!("podinfo:{version}")}]},
            },
        },
    })
}

/// The manifest that people have, in the namespace of the test, with one step and the test's own webhook.
fn peoples_own(podinfo: &Podinfo) -> Value {
    let text = std::fs::read_to_string(root().join("examples/canary/canary.yaml")).unwrap();
    let mut canary: Value = serde_saphyr::from_str(&text).unwrap();
    canary["metadata"]["namespace"] = json!(podinfo.ground.namespace);
    let analysis = &mut canary["spec"]["canaryAnalysis"];
    analysis["stepWeight"] = json!(50);
    analysis["maxWeight"] = json!(50);
    for metric in analysis["metrics"].as_array_mut().unwrap() {
        metric["interval"] = json!("10s");
    }
    analysis["webhooks"][0]["url"] = json!(format!("{}/load", podinfo.web.url));
    canary
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn row_05_the_manifest_that_people_have_is_rolled_out() {
    let Some(podinfo) = Podinfo::new("canary", "flagger.app", "v1alpha3").await else {
        return;
    };
    let _operator = podinfo.ground.operator().await;
    podinfo.deploy("3.1.0").await;
    podinfo.apply(peoples_own(&podinfo)).await;
    podinfo.runs("3.1.0").await;

    let witness = podinfo.witness();
    podinfo.deploy("3.1.1").await;
    let done = podinfo.phase("Succeeded").await;
    podinfo.stage("Idle").await;
    podinfo.runs("3.1.1").await;
    witness.content();
    let status = &done.data["status"];
    assert_eq!(status["history"][0]["outcome"], "Promoted", "{status:#}");
    // Asked, each metric and the load test, with the rollout's own words.
    let asked = podinfo.web.received();
    for metric in ["request-success-rate", "request-duration"] {
        assert!(
            asked
                .iter()
                .any(|received| received.header("x-oarlock-metric") == metric),
            "{metric}"
        );
    }
    let load = podinfo.web.received_at("/load");
    assert_eq!(load[0].json()["phase"], "Progressing");
    assert_eq!(load[0].json()["namespace"], podinfo.ground.namespace);
    // Served in the other version of the group as well.
    let newer = podinfo.ground.api("flagger.app", "v1beta1", "Canary");
    assert_eq!(
        newer.get("podinfo").await.unwrap().data["status"]["phase"],
        "Succeeded"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_edited_while_nobody_operates_waits_for_its_canary() {
    let Some(podinfo) = Podinfo::new("edited", "canary.oarlock.dev", "v1alpha1").await else {
        return;
    };
    let operator = podinfo.ground.operator().await;
    podinfo.deploy("3.1.0").await;
    podinfo.apply(podinfo.steps(&[30])).await;
    operator.process.kill().await;

    podinfo.deploy("3.1.1").await;
    // The Deployment's controller has seen it, and does nothing.
    podinfo
        .ground
        .when(&podinfo.deployments, "podinfo", |deployment| {
            deployment.data["status"]["observedGeneration"].as_i64()
                == deployment.metadata.generation
                && deployment.data["spec"]["template"]["spec"]["containers"][0]["image"]
                    == "podinfo:3.1.1"
        })
        .await;
    let sets = podinfo.ground.api("apps", "v1", "ReplicaSet");
    let sets = sets.list(&ListParams::default()).await.unwrap();
    let own = sets.items.iter().filter(|set| {
        set.metadata
            .owner_references
            .iter()
            .flatten()
            .any(|owner| owner.name == "podinfo")
    });
    assert_eq!(own.count(), 1, "no ReplicaSet of the new template");
    podinfo.runs("3.1.0").await;

    let witness = podinfo.witness();
    let _operator = podinfo.ground.operator().await;
    podinfo.phase("Succeeded").await;
    podinfo.stage("Idle").await;
    podinfo.runs("3.1.1").await;
    witness.content();

    // What was borrowed comes back, and nothing is left behind.
    podinfo.delete().await;
    let deployment = podinfo.deployment().await;
    assert_eq!(deployment.data["spec"]["paused"], Value::Null);
    assert_eq!(deployment.data["spec"]["replicas"], REPLICAS);
    let marks: Vec<String> = deployment
        .metadata
        .annotations
        .unwrap_or_default()
        .into_keys()
        .filter(|key| key.contains("oarlock"))
        .collect();
    assert!(marks.is_empty(), "{marks:?}");
    let others = podinfo
        .deployments
        .list(&ListParams::default())
        .await
        .unwrap();
    let gone = others.items.iter().all(|deployment| {
        deployment.metadata.name.as_deref() == Some("podinfo")
            || deployment.metadata.deletion_timestamp.is_some()
    });
    assert!(gone, "the stable track goes with the Canary");
    // It rolls by itself again.
    podinfo.deploy("3.1.2").await;
    podinfo
        .ground
        .when(&podinfo.deployments, "podinfo", |deployment| {
            deployment.data["status"]["updatedReplicas"] == REPLICAS
                && deployment.data["status"]["availableReplicas"] == REPLICAS
                && deployment.data["status"]["replicas"] == REPLICAS
                && deployment.data["status"]["observedGeneration"].as_i64()
                    == deployment.metadata.generation
        })
        .await;
    podinfo.runs("3.1.2").await;
}

/// Sets fields of the Canary's spec.
pub(crate) async fn steer(podinfo: &Podinfo, spec: Value) {
    let patch = json!({"spec": spec});
    podinfo
        .canaries
        .patch("podinfo", &PatchParams::default(), &Patch::Merge(patch))
        .await
        .unwrap();
}
