//! An embedded cluster with an operator, a broker, and so many instances of its services.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, anyhow, ensure};
use oarlock_broker::{Behaviour, Broker, Catalog, Op, Server};
use oarlock_cluster::http::{Egress, EgressLimits};
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

use crate::timers::{Timed, Timers};

const GROUP: &str = "servicecatalog.k8s.io";
const BROKERS: ResourceId = ResourceId::of(GROUP, "clusterservicebrokers");
const INSTANCES: ResourceId = ResourceId::of(GROUP, "serviceinstances");
const NAMESPACE: &str = "default";
const USER: &str = "kubectl";

/// Longest wait for all of them.
const PATIENCE: Duration = Duration::from_secs(900);

/// How the broker lets others wait.
#[derive(Clone, Copy)]
pub(crate) struct Pace {
    /// Polls until an instance is there.
    pub(crate) polls: u32,
    /// Seconds of its `Retry-After`; 0 for none.
    pub(crate) retry_after: u64,
}

/// All of it.
pub(crate) struct Site {
    dev: DevCluster,
    kubernetes: Arc<Kubernetes>,
    broker: Broker,
    server: Server,
    stop: CancellationToken,
    tasks: JoinSet<()>,
    count: usize,
    pub(crate) timers: Arc<Timers>,
}

impl Site {
    pub(crate) async fn new(count: usize, pace: Pace) -> anyhow::Result<Self> {
        let broker = Broker::new(Catalog::demo());
        let paced = |behaviour: Behaviour| match pace.retry_after {
            0 => behaviour,
            seconds => behaviour.retry_after(seconds),
        };
        broker.always(Op::Provision, paced(Behaviour::Async { polls: pace.polls }));
        broker.always(Op::LastOperation, paced(Behaviour::Well));
        let server = Server::start(broker.clone()).await?;

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
        let object = json!({
            "apiVersion": "servicecatalog.k8s.io/v1beta1", "kind": "ClusterServiceBroker",
            "metadata": {"name": "bench"},
            "spec": {"url": server.url},
        });
        dev.store()
            .create(&BROKERS, "", object, &Write::by(USER))
            .map_err(refused)?;
        let kubernetes = Kubernetes::new(
            client,
            Arc::clone(&port),
            oarlock_cluster::Options::default(),
        );
        let engine = Engine::new(
            Arc::clone(&kubernetes) as _,
            Arc::new(Egress::new(EgressLimits::default())),
            Arc::clone(&port),
            Options::default(),
        );
        let timers = Timers::new(port);
        let timed = Arc::new(Timed {
            inner: Arc::new(module),
            timers: Arc::clone(&timers),
        });
        let serving = |watch| (watch, Module::Serving(Arc::clone(&timed) as _));
        engine.serve(watches(&server.url)?.into_iter().map(serving).collect());
        let (stop, mut tasks) = (CancellationToken::new(), JoinSet::new());
        tasks.spawn(engine.run(stop.clone()));
        Ok(Self {
            dev,
            kubernetes,
            broker,
            server,
            stop,
            tasks,
            count,
            timers,
        })
    }

    /// Creates all instances.
    pub(crate) fn create(&self) -> anyhow::Result<()> {
        for number in 0..self.count {
            let object = json!({
                "apiVersion": "servicecatalog.k8s.io/v1beta1", "kind": "ServiceInstance",
                "metadata": {"name": format!("database-{number:05}"), "namespace": NAMESPACE},
                "spec": {
                    "clusterServiceClassExternalName": "postgres",
                    "clusterServicePlanExternalName": "small",
                    "parameters": {"size": number},
                },
            });
            self.dev
                .store()
                .create(&INSTANCES, NAMESPACE, object, &Write::by(USER))
                .map_err(refused)?;
        }
        Ok(())
    }

    /// Waits until the broker's catalog is there.
    pub(crate) async fn until_offered(&self) -> anyhow::Result<()> {
        self.until(&BROKERS, 1).await
    }

    /// Waits until all instances are there.
    pub(crate) async fn until_ready(&self) -> anyhow::Result<()> {
        self.until(&INSTANCES, self.count).await?;
        let (alive, violations) = (self.broker.instances().len(), self.broker.violations());
        ensure!(
            alive == self.count && violations.is_empty(),
            "{alive} instances are at the broker instead of {}; it was not asked as it should be: {violations:?}",
            self.count
        );
        Ok(())
    }

    async fn until(&self, resource: &ResourceId, count: usize) -> anyhow::Result<()> {
        let start = Instant::now();
        loop {
            let all = self
                .dev
                .store()
                .select(resource, None, &<_>::default())
                .map_err(refused)?;
            let there = all.iter().filter(|object| is_ready(object)).count();
            if there == count {
                return Ok(());
            }
            ensure!(
                start.elapsed() < PATIENCE,
                "{there} of {count} are ready, one that is not: {:?}",
                all.iter().find(|object| !is_ready(object))
            );
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    /// Calls that came to the broker.
    pub(crate) fn calls(&self) -> usize {
        self.broker.journal().len()
    }

    pub(crate) async fn close(mut self) {
        self.stop.cancel();
        while self.tasks.join_next().await.is_some() {}
        self.kubernetes.shutdown().await;
        self.dev.shutdown().await;
        drop(self.server);
    }
}

fn is_ready(object: &Value) -> bool {
    object["status"]["conditions"]
        .as_array()
        .is_some_and(|conditions| {
            conditions
                .iter()
                .any(|condition| condition["type"] == "Ready" && condition["status"] == "True")
        })
}

fn component() -> anyhow::Result<Vec<u8>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../target/oarlock/modules/service-catalog.wasm");
    fs::read(&path).with_context(|| {
        format!(
            "cannot read {}; hint: cargo xtask bench services builds what it needs",
            path.display()
        )
    })
}

/// As in `examples/service-catalog/watches.yaml`.
fn watches(broker: &str) -> anyhow::Result<Vec<Watch>> {
    let mut text = String::new();
    for kind in ["ClusterServiceBroker", "ServiceInstance"] {
        text.push_str(&format!(
            "\
- group: servicecatalog.k8s.io
  version: v1beta1
  kind: {kind}
  module: service-catalog.wasm
  maxConcurrentReconciles: 128
  limits: {{deadline: 70s}}
  grants:
    read:
    - {{apiGroups: [servicecatalog.k8s.io], resources: [\"*\"], namespaces: [\"*\"]}}
    - {{apiGroups: [\"\"], resources: [namespaces]}}
    write:
    - {{apiGroups: [servicecatalog.k8s.io], resources: [\"*\"]}}
    http: [\"{broker}\"]
"
        ));
    }
    let parsed = oarlock_config::parse("watches.yaml", &text, &Env::empty());
    let problems: Vec<String> = parsed.diagnostics.iter().map(ToString::to_string).collect();
    ensure!(problems.is_empty(), problems.join("\n"));
    Ok(parsed.watches)
}

fn refused(refusal: Status) -> anyhow::Error {
    anyhow!("the embedded cluster refuses: {}", refusal.message)
}
