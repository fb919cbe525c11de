//! An embedded cluster with an operator and so many Canaries on it.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, anyhow, ensure};
use oarlock_cluster::{Kubernetes, crd};
use oarlock_config::{Env, Watch};
use oarlock_core::clock::Clock;
use oarlock_core::reconciler::Reconciler as _;
use oarlock_core::timestamp::Timestamp;
use oarlock_devcluster::resource::ResourceId;
use oarlock_devcluster::store::Write;
use oarlock_devcluster::{DevCluster, Status, VirtualClock};
use oarlock_engine::{Engine, Module, Options};
use oarlock_wasm::{EngineOptions, Loader};
use serde_json::{Value, json};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::prometheus::Prometheus;
use crate::timers::{Timed, Timers};

const CANARIES: ResourceId = ResourceId::of("canary.oarlock.dev", "canaries");
const DEPLOYMENTS: ResourceId = ResourceId::of("apps", "deployments");
const NAMESPACE: &str = "default";
const USER: &str = "kubectl";

/// Longest wait for all of them.
const PATIENCE: Duration = Duration::from_secs(600);

const WATCHES: &str = "\
- group: canary.oarlock.dev
  version: v1alpha1
  kind: Canary
  module: canary.wasm
  grants:
    write: [{apiGroups: [apps], resources: [deployments]}]
    read: [{apiGroups: [apps], resources: [deployments, replicasets]}]
    http: [\"http://prometheus:9090\"]
";

/// All of it.
pub(crate) struct Site {
    dev: DevCluster,
    kubernetes: Arc<Kubernetes>,
    stop: CancellationToken,
    tasks: JoinSet<()>,
    count: usize,
    pub(crate) timers: Arc<Timers>,
}

impl Site {
    pub(crate) async fn new(count: usize, replicas: u32) -> anyhow::Result<Self> {
        let clock = Arc::new(VirtualClock::new(
            Timestamp::from_millis(1_793_534_400_000),
            1.0,
        ));
        let dev = DevCluster::builder().clock(Arc::clone(&clock)).start();
        let port: Arc<dyn Clock> = Arc::clone(&clock) as _;
        let client = kube::Client::new(dev.service(), NAMESPACE);
        let module = Loader::new(EngineOptions::default())?
            .load(component()?)
            .await?;
        let definitions = &module.manifest().crds;
        crd::install(client.clone(), Arc::clone(&port), definitions, PATIENCE).await?;
        let store = dev.store();
        for number in 0..count {
            let name = name(number);
            for (resource, object) in [
                (&DEPLOYMENTS, deployment(&name, replicas)),
                (&CANARIES, canary(&name)),
            ] {
                store
                    .create(resource, NAMESPACE, object, &Write::by(USER))
                    .map_err(refused)?;
            }
        }
        let kubernetes = Kubernetes::new(
            client,
            Arc::clone(&port),
            oarlock_cluster::Options::default(),
        );
        let engine = Engine::new(
            Arc::clone(&kubernetes) as _,
            Arc::new(Prometheus),
            Arc::clone(&port),
            Options::default(),
        );
        let timers = Timers::new(port);
        let timed = Timed {
            inner: Arc::new(module),
            timers: Arc::clone(&timers),
        };
        engine.serve(vec![(watch()?, Module::Serving(Arc::new(timed)))]);
        let (stop, mut tasks) = (CancellationToken::new(), JoinSet::new());
        tasks.spawn(engine.run(stop.clone()));
        Ok(Self {
            dev,
            kubernetes,
            stop,
            tasks,
            count,
            timers,
        })
    }

    /// Gives all Deployments another image.
    pub(crate) fn edit(&self) -> anyhow::Result<()> {
        for number in 0..self.count {
            let change = |object: &mut Value| {
                object["spec"]["template"]["spec"]["containers"][0]["image"] = json!(image("v2"));
                Ok(())
            };
            self.dev
                .store()
                .modify(
                    &DEPLOYMENTS,
                    NAMESPACE,
                    &name(number),
                    None,
                    &Write::by(USER),
                    change,
                )
                .map_err(refused)?;
        }
        Ok(())
    }

    /// Waits until all Canaries are in this phase, and hold their Deployments.
    pub(crate) async fn until_all(&self, phase: &str) -> anyhow::Result<()> {
        let start = Instant::now();
        loop {
            let canaries = self.all(&CANARIES)?;
            let there = canaries
                .iter()
                .filter(|canary| canary["status"]["phase"] == phase)
                .count();
            let held = self
                .all(&DEPLOYMENTS)?
                .iter()
                .filter(|live| live["spec"]["paused"] == true)
                .count();
            if there == self.count && held == self.count {
                return Ok(());
            }
            ensure!(
                start.elapsed() < PATIENCE,
                "{there} of {} Canaries are {phase}, one that is not: {:?}",
                self.count,
                canaries
                    .iter()
                    .find(|canary| canary["status"]["phase"] != phase)
            );
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    fn all(&self, resource: &ResourceId) -> anyhow::Result<Vec<Arc<Value>>> {
        self.dev
            .store()
            .select(resource, None, &<_>::default())
            .map_err(refused)
    }

    pub(crate) async fn close(mut self) {
        self.stop.cancel();
        while self.tasks.join_next().await.is_some() {}
        self.kubernetes.shutdown().await;
        self.dev.shutdown().await;
    }
}

fn component() -> anyhow::Result<Vec<u8>> {
    let path =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/oarlock/modules/canary.wasm");
    fs::read(&path).with_context(|| {
        format!(
            "cannot read {}; hint: cargo xtask bench canaries builds what it needs",
            path.display()
        )
    })
}

fn watch() -> anyhow::Result<Watch> {
    let parsed = oarlock_config::parse("watches.yaml", WATCHES, &Env::empty());
    let problems: Vec<String> = parsed.diagnostics.iter().map(ToString::to_string).collect();
    parsed
        .watches
        .into_iter()
        .next()
        .with_context(|| problems.join("\n"))
}

fn refused(refusal: Status) -> anyhow::Error {
    anyhow!("the embedded cluster refuses: {}", refusal.message)
}

fn name(number: usize) -> String {
    format!("web-{number:05}")
}

fn image(version: &str) -> String {
    format!("registry.example.com/web:{version}")
}

fn deployment(name: &str, replicas: u32) -> Value {
    let labels = json!({"app": name});
    let container = json!({"name": "web", "image": image("v1")});
    json!({"apiVersion": "apps/v1", "kind": "Deployment",
    "metadata": {"name": name, "namespace": NAMESPACE, "labels": labels},
    "spec": {
        "replicas": replicas,
        "selector": {"matchLabels": labels},
        "template": {"metadata": {"labels": labels}, "spec": {"containers": [container]}},
    }})
}

fn canary(name: &str) -> Value {
    json!({"apiVersion": "canary.oarlock.dev/v1alpha1", "kind": "Canary",
    "metadata": {"name": name, "namespace": NAMESPACE},
    "spec": {
        "targetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": name},
        "metricsServer": "http://prometheus:9090",
        "analysis": {
            "interval": "10s",
            "threshold": 5,
            "stepWeight": 25,
            "metrics": [{"name": "request-success-rate", "threshold": 99, "interval": "10s"}],
        },
    }})
}
