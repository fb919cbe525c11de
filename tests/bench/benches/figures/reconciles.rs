//! Whole reconciles that find nothing to do: engine, cluster and module together, on the embedded cluster without HTTP.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use oarlock_cluster::{Kubernetes, crd};
use oarlock_config::{Env, Watch};
use oarlock_core::clock::Clock;
use oarlock_core::cluster::{Call, Cluster, Verb};
use oarlock_core::egress::{Credentials, Egress};
use oarlock_core::future::BoxFuture;
use oarlock_core::limits::Limits;
use oarlock_core::manifest::Manifest;
use oarlock_core::object::Object;
use oarlock_core::outcome::Outcome;
use oarlock_core::reconciler::{Host, HttpError, HttpRequest, HttpResponse, Reconciler, RunError};
use oarlock_core::reference::{Digest, ObjectRef};
use oarlock_core::request::Request;
use oarlock_core::timestamp::Timestamp;
use oarlock_devcluster::{DevCluster, VirtualClock};
use oarlock_engine::{Engine, Module, Options};
use oarlock_native::Native;
use oarlock_wasm::{EngineOptions, Loader};
use serde_json::{Value, json};
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::front::Front;
use crate::table::Table;
use crate::usage::process_time;
use crate::{Effort, calls, modules};

const OBJECTS: usize = 200;
const THREADS: usize = 2;

/// Reconciles of one round.
const ROUND: u64 = 10_000;

/// How many times faster than real time the cluster gets ready.
const SPEED: f64 = 200.0;

/// Longest wait for the cluster to get ready.
const PATIENCE: Duration = Duration::from_secs(120);

/// The targets.
const NO_OP: Duration = Duration::from_micros(60);
const RATIO: f64 = 0.9;

const WATCHES: &str = "\
- group: deploy.example.com
  version: v1alpha1
  kind: Deployer
  module: canary.wasm
  grants:
    write: [{apiGroups: [apps], resources: [deployments]}]
";

pub(crate) fn measure(effort: Effort, table: &mut Table) -> anyhow::Result<()> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(THREADS)
        .enable_all()
        .build()?
        .block_on(all(effort, table))
}

async fn all(effort: Effort, table: &mut Table) -> anyhow::Result<()> {
    let wasm = Loader::new(EngineOptions::default())?
        .load(modules::component("modules/canary")?)
        .await?;
    let native = Native::default();
    let rig = Rig::new(wasm.manifest()).await?;
    let mut tasks = JoinSet::new();
    let stop = CancellationToken::new();
    let wasm = rig.side(Arc::new(wasm), &stop, &mut tasks)?;
    rig.until_ready().await?;
    wasm.until_quiet(&rig).await?;
    let native = rig.side(Arc::new(native), &stop, &mut tasks)?;
    native.until_quiet(&rig).await?;
    // Nothing is due from now on but what is asked for.
    rig.clock.set_speed(0.0);

    let before = rig.front.calls();
    let (mut in_wasm, mut natively) = (Vec::new(), Vec::new());
    for _ in 0..effort.rounds {
        in_wasm.push(wasm.round(&rig.targets).await);
        natively.push(native.round(&rig.targets).await);
    }
    let made = rig.front.calls() - before;
    let (in_wasm, natively) = (Rate::median(in_wasm), Rate::median(natively));
    let micros = |time: Duration| format!("{:.1} µs CPU", time.as_secs_f64() * 1e6);
    table.check(
        "whole no-op reconcile, canary",
        micros(in_wasm.cpu),
        "60 µs",
        in_wasm.cpu <= NO_OP,
    );
    table.check(
        format!("API calls of {} of them", ROUND * 2 * effort.rounds as u64),
        made.to_string(),
        "0",
        made == 0,
    );
    table.note(
        "whole no-op reconcile, canary natively",
        micros(natively.cpu),
    );
    let ratio = natively.cpu.as_secs_f64() / in_wasm.cpu.as_secs_f64();
    table.check(
        format!("reconciles per second on {THREADS} threads"),
        format!(
            "{:.0} of {:.0} natively; per CPU second {ratio:.2} ×",
            in_wasm.per_second, natively.per_second
        ),
        format!("{RATIO} ×"),
        ratio >= RATIO,
    );
    stop.cancel();
    tasks.join_all().await;
    rig.kubernetes.shutdown().await;
    rig.dev.shutdown().await;
    Ok(())
}

/// What one round took.
#[derive(Clone, Copy)]
struct Rate {
    /// CPU time of the process per reconcile.
    cpu: Duration,
    /// By the clock on the wall.
    per_second: f64,
}

impl Rate {
    /// The round with the median CPU time.
    fn median(mut rounds: Vec<Self>) -> Self {
        rounds.sort_by_key(|round| round.cpu);
        let none = Self {
            cpu: Duration::ZERO,
            per_second: 0.0,
        };
        rounds.get(rounds.len() / 2).copied().unwrap_or(none)
    }
}

/// An embedded cluster with ready Deployers.
struct Rig {
    dev: DevCluster,
    front: Front,
    clock: Arc<VirtualClock>,
    kubernetes: Arc<Kubernetes>,
    targets: Vec<ObjectRef>,
}

impl Rig {
    async fn new(manifest: &Manifest) -> anyhow::Result<Self> {
        let clock = Arc::new(VirtualClock::new(
            Timestamp::from_millis(1_793_534_400_000),
            SPEED,
        ));
        let dev = DevCluster::builder().clock(Arc::clone(&clock)).start();
        let front = Front::new(dev.service());
        let port: Arc<dyn Clock> = Arc::clone(&clock) as _;
        let client = kube::Client::new(front.clone(), "default");
        crd::install(client.clone(), Arc::clone(&port), &manifest.crds, PATIENCE).await?;
        let kubernetes = Kubernetes::new(client, port, oarlock_cluster::Options::default());
        let mut targets = Vec::new();
        for number in 0..OBJECTS {
            let object = Object::from_value(deployer(number))?;
            targets.push(object.target().clone());
            // Known a moment after the definition is installed.
            while kubernetes.kind(&object.target().gvk).is_none() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            let call = Call {
                verb: Verb::Apply {
                    object,
                    force: false,
                },
                manager: "kubectl".to_owned(),
                account: None,
            };
            kubernetes.write(call).await?;
        }
        Ok(Self {
            dev,
            front,
            clock,
            kubernetes,
            targets,
        })
    }

    fn side(
        &self,
        module: Arc<dyn Reconciler>,
        stop: &CancellationToken,
        tasks: &mut JoinSet<()>,
    ) -> anyhow::Result<Side> {
        let counted = Arc::new(Counted {
            inner: module,
            calls: AtomicU64::new(0),
            more: Notify::new(),
        });
        let engine = Engine::new(
            Arc::clone(&self.kubernetes) as _,
            Arc::new(NoEgress),
            Arc::clone(&self.clock) as _,
            Options::default(),
        );
        engine.serve(vec![(watch()?, Module::Serving(Arc::clone(&counted) as _))]);
        tasks.spawn(Arc::clone(&engine).run(stop.clone()));
        Ok(Side { engine, counted })
    }

    async fn until_ready(&self) -> anyhow::Result<()> {
        let start = Instant::now();
        loop {
            let ready = self
                .targets
                .iter()
                .filter(|target| self.is_ready(target))
                .count();
            if ready == self.targets.len() {
                return Ok(());
            }
            ensure!(
                start.elapsed() < PATIENCE,
                "{ready} of {} Deployers are ready, the first: {:?}",
                self.targets.len(),
                self.kubernetes.cached(&self.targets[0])
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    fn is_ready(&self, target: &ObjectRef) -> bool {
        let Some(live) = self.kubernetes.cached(target) else {
            return false;
        };
        let value = live.json().to_value();
        let conditions = value["status"]["conditions"].as_array();
        conditions
            .into_iter()
            .flatten()
            .any(|condition| condition["type"] == "Ready" && condition["status"] == "True")
    }
}

fn deployer(number: usize) -> Value {
    let name = format!("web-{number:06}");
    let mut value = calls::deployer();
    value["metadata"] = json!({"name": name, "namespace": "default"});
    value["spec"]["deployment"]["name"] = json!(name);
    value["spec"]["deployment"]["namespace"] = json!("default");
    value["spec"]["deployment"]["labels"]["app"] = json!(name);
    value
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

/// An engine, and a count of what it does.
struct Side {
    engine: Arc<Engine>,
    counted: Arc<Counted>,
}

impl Side {
    /// Waits until nothing was reconciled and nothing was written for a while.
    async fn until_quiet(&self, rig: &Rig) -> anyhow::Result<()> {
        let start = Instant::now();
        let mut seen = None;
        loop {
            let now = (self.counted.calls(), rig.front.calls());
            if now.0 >= rig.targets.len() as u64 && seen == Some(now) {
                return Ok(());
            }
            ensure!(
                start.elapsed() < PATIENCE,
                "the engine does not come to rest"
            );
            seen = Some(now);
            tokio::time::sleep(Duration::from_millis(300)).await;
        }
    }

    /// Keeps the queue full until so many reconciles have begun.
    async fn round(&self, targets: &[ObjectRef]) -> Rate {
        let (cpu, wall) = (process_time(), Instant::now());
        let first = self.counted.calls();
        let mut done = 0;
        while done < ROUND {
            for target in targets {
                self.engine.reconcile(target);
            }
            self.counted.more.notified().await;
            done = self.counted.calls() - first;
        }
        let count = u32::try_from(done).unwrap_or(u32::MAX);
        Rate {
            cpu: process_time().saturating_sub(cpu) / count,
            per_second: f64::from(count) / wall.elapsed().as_secs_f64(),
        }
    }
}

/// A module whose calls are counted.
struct Counted {
    inner: Arc<dyn Reconciler>,
    calls: AtomicU64,
    /// Told whenever half of the objects were reconciled.
    more: Notify,
}

impl Counted {
    fn calls(&self) -> u64 {
        self.calls.load(Ordering::Relaxed)
    }
}

impl Reconciler for Counted {
    fn manifest(&self) -> &Manifest {
        self.inner.manifest()
    }

    fn digest(&self) -> &Digest {
        self.inner.digest()
    }

    fn reconcile<'a>(
        &'a self,
        request: &'a Request,
        host: Arc<dyn Host>,
        limits: Limits,
    ) -> BoxFuture<'a, Result<Outcome, RunError>> {
        let number = self.calls.fetch_add(1, Ordering::Relaxed);
        if number.is_multiple_of(OBJECTS as u64 / 2) {
            self.more.notify_one();
        }
        self.inner.reconcile(request, host, limits)
    }
}

/// No world outside.
struct NoEgress;

impl Egress for NoEgress {
    fn send(
        &self,
        _: HttpRequest,
        _: Option<Credentials>,
        _: Duration,
    ) -> BoxFuture<'_, Result<HttpResponse, HttpError>> {
        Box::pin(async { Err(HttpError::Denied("there is no world outside".to_owned())) })
    }
}
