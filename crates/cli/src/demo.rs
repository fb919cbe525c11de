//! `oarlock demo`: a new version, rolled out step by step by a module, on a cluster that lives in this process.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use oarlock_cluster::http::{Egress, EgressLimits};
use oarlock_cluster::{Kubernetes, crd};
use oarlock_core::clock::Clock;
use oarlock_core::cluster::{Call, Change, Cluster, Listener, Verb};
use oarlock_core::object::Object;
use oarlock_core::reconciler::ReadError;
use oarlock_core::reference::{Gvk, ObjectRef};
use oarlock_core::timestamp::Timestamp;
use oarlock_devcluster::{DevCluster, VirtualClock};
use prometheus_client::registry::Registry;
use serde_json::{Map, Value, json};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::arguments::running_speed;
use crate::demo::frame::Frame;
use crate::demo::screen::Screen;
use crate::operator::{Operator, Sources};
use crate::run::{INSTALL_DEADLINE, options};
use crate::system_clock::SystemClock;
use crate::{memory, stop};

mod frame;
mod screen;

/// Arguments of `oarlock demo`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The example: a directory with watches.yaml, crd.yaml and deployer.yaml.
    #[arg(long, default_value = "examples/deployer", value_name = "DIR")]
    example: PathBuf,
    /// The directory with canary.wasm.
    #[arg(long, default_value = "modules", value_name = "DIR")]
    modules: PathBuf,
    /// The version to roll out.
    #[arg(long, default_value = "1.7.8", value_name = "VERSION")]
    to: String,
    /// How fast time passes: 1 is real time.
    #[arg(long, default_value = "20", value_name = "FACTOR", value_parser = running_speed, allow_negative_numbers = true)]
    speed: f64,
}

/// Who applies the manifests.
const MANAGER: &str = "oarlock-demo";

/// Longest wait for either version, in the cluster's time: far beyond the sleeps of any sensible example.
const PATIENCE: Duration = Duration::from_secs(3600);

/// Runs to the end of the rollout.
pub(crate) async fn run(args: Args) -> anyhow::Result<ExitCode> {
    let manifests = Manifests::read(&args.example)?;
    let (stop, _signals) = stop::on_signal()?;
    let clock = VirtualClock::new(SystemClock.now(), args.speed);
    let mut screen = Screen::new(clock.now());
    screen.say("starting the embedded cluster")?;
    let cluster = DevCluster::builder().clock(Arc::new(clock.clone())).start();
    let port: Arc<dyn Clock> = Arc::new(clock.clone());
    let kubernetes = Kubernetes::new(
        cluster.client(),
        Arc::clone(&port),
        oarlock_cluster::Options::default(),
    );
    let sources = Sources {
        watches: args.example.join("watches.yaml"),
        modules: args.modules.clone(),
        charts: None,
        cache_dir: None,
        chart_cache_size: None,
    };
    sources.check()?;
    screen.say(&format!("loading {}", sources.watches.display()))?;
    let mut operator = Operator::new(
        &sources,
        memory::for_libraries(None),
        Arc::clone(&kubernetes) as _,
        Arc::new(Egress::new(EgressLimits::default())),
        Arc::clone(&port),
        options(None),
        &mut Registry::default(),
    )?;
    operator.load_all().await;
    if let Some(problem) = operator.problems().first() {
        bail!(
            "{problem}; hint: --modules names the directory with the module, `cargo xtask modules` builds it"
        );
    }
    let ended = CancellationToken::new();
    let operator = tokio::spawn(operator.run(ended.clone()));
    screen.say(&format!(
        "applying CustomResourceDefinition {}",
        manifests.definition.target().name
    ))?;
    crd::install(
        cluster.client(),
        port,
        &[manifests.definition],
        INSTALL_DEADLINE,
    )
    .await?;
    let bell = Arc::new(Bell::default());
    kubernetes.subscribe(Arc::clone(&bell) as Arc<dyn Listener>);
    let story = Story {
        kubernetes: &kubernetes,
        clock: &clock,
        stop: &stop,
        bell: &bell,
    };
    let result = story.tell(manifests.deployer, &args.to, &mut screen).await;
    ended.cancel();
    operator.await.context("the operator ended badly")?;
    kubernetes.shutdown().await;
    cluster.shutdown().await;
    match result? {
        End::Ready => {
            screen.summary(&sources, clock.now())?;
            Ok(ExitCode::SUCCESS)
        }
        End::Interrupted => {
            screen.event(clock.now(), "interrupted: the rollout is not over")?;
            Ok(stop::interrupted())
        }
    }
}

/// How the demo ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// The new version is rolled out.
    Ready,
    /// Somebody did not want to wait.
    Interrupted,
}

/// What the demo applies.
struct Manifests {
    definition: Object,
    deployer: Object,
}

impl Manifests {
    fn read(example: &Path) -> anyhow::Result<Self> {
        let mut deployer = read(&example.join("deployer.yaml"))?.into_value();
        // As kubectl does for a manifest that names none.
        if deployer.pointer("/metadata/namespace").is_none() {
            deployer["metadata"]["namespace"] = json!("default");
        }
        Ok(Self {
            definition: read(&example.join("crd.yaml"))?,
            deployer: Object::from_value(deployer)?,
        })
    }
}

/// The demo's course.
struct Story<'a> {
    kubernetes: &'a Arc<Kubernetes>,
    clock: &'a VirtualClock,
    stop: &'a CancellationToken,
    bell: &'a Bell,
}

impl Story<'_> {
    async fn tell(&self, deployer: Object, to: &str, screen: &mut Screen) -> anyhow::Result<End> {
        let from = deployer
            .pointer("/spec/deployment/version")
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned();
        let target = deployer.target().clone();
        while self.kubernetes.kind(&target.gvk).is_none() {
            tokio::select! {
                () = self.stop.cancelled() => return Ok(End::Interrupted),
                () = self.bell.0.notified() => {}
            }
        }
        screen.begin(self.clock.now());
        self.write(Verb::Apply {
            object: deployer,
            force: false,
        })
        .await?;
        screen.event(
            self.clock.now(),
            &format!("applied {target} with version {from}"),
        )?;
        if self.until_ready(&target, &from, screen).await? == End::Interrupted {
            return Ok(End::Interrupted);
        }
        let Value::Object(patch) = json!({"spec": {"deployment": {"version": to}}}) else {
            bail!("a literal object");
        };
        self.write(Verb::Merge {
            target: target.clone(),
            patch,
            status: false,
        })
        .await?;
        screen.event(self.clock.now(), &format!("changed the version to {to}"))?;
        self.until_ready(&target, to, screen).await
    }

    async fn write(&self, verb: Verb) -> anyhow::Result<()> {
        let what = verb.target().to_string();
        let call = Call {
            verb,
            manager: MANAGER.to_owned(),
            account: None,
        };
        self.kubernetes
            .write(call)
            .await
            .with_context(|| format!("{what} was not written"))?;
        Ok(())
    }

    /// Shows what happens until the Deployer is ready at `version`.
    async fn until_ready(
        &self,
        target: &ObjectRef,
        version: &str,
        screen: &mut Screen,
    ) -> anyhow::Result<End> {
        let deployments = Gvk::new("apps", "v1", "Deployment");
        for gvk in [&target.gvk, &deployments] {
            if self.until_watched(gvk).await? == End::Interrupted {
                return Ok(End::Interrupted);
            }
        }
        let deadline = self.clock.now().after(PATIENCE);
        loop {
            let frame = self.look(target, &deployments)?;
            screen.show(self.clock.now(), &frame)?;
            if frame.ready_at(version) {
                screen.event(
                    self.clock.now(),
                    &format!("{version} is ready: {}", frame.replicas()),
                )?;
                return Ok(End::Ready);
            }
            if self.clock.now() >= deadline {
                bail!(
                    "{target} did not get ready within {PATIENCE:?}: {}",
                    frame.condition
                );
            }
            tokio::select! {
                () = self.stop.cancelled() => return Ok(End::Interrupted),
                () = self.bell.0.notified() => {}
                // The countdown moves by itself.
                () = tokio::time::sleep(Screen::TICK) => {}
            }
        }
    }

    /// Waits for the first list. A kind may be known a moment before its watch, which was begun without it, knows that.
    async fn until_watched(&self, gvk: &Gvk) -> anyhow::Result<End> {
        loop {
            match self.kubernetes.watch(gvk).await {
                Ok(()) => return Ok(End::Ready),
                Err(ReadError::UnknownKind(_)) => {}
                Err(error) => return Err(error.into()),
            }
            tokio::select! {
                () = self.stop.cancelled() => return Ok(End::Interrupted),
                () = tokio::time::sleep(Screen::TICK) => {}
            }
        }
    }

    fn look(&self, target: &ObjectRef, deployments: &Gvk) -> anyhow::Result<Frame> {
        let deployer = self
            .kubernetes
            .cached(target)
            .map(|live| live.object())
            .transpose()?;
        let owned: Vec<Object> = self
            .kubernetes
            .list(deployments, target.namespace.as_deref())
            .iter()
            .map(|live| live.object())
            .collect::<Result<_, _>>()?;
        Ok(Frame::of(deployer.as_ref(), &owned))
    }
}

/// Rings when anything changes.
#[derive(Default)]
struct Bell(Notify);

impl Listener for Bell {
    fn changed(&self, _change: Change) {
        self.0.notify_one();
    }
}

fn read(path: &Path) -> anyhow::Result<Object> {
    let name = path.display();
    let text = std::fs::read_to_string(path).with_context(|| {
        format!("cannot read {name}; hint: --example names the example's directory")
    })?;
    let content: Map<String, Value> = serde_saphyr::from_str(&text)
        .with_context(|| format!("{name} is not one YAML document"))?;
    Object::from_value(Value::Object(content))
        .with_context(|| format!("{name} is no Kubernetes object"))
}

/// `mm:ss` since `start`.
fn elapsed(start: Timestamp, now: Timestamp) -> String {
    let seconds = now.since(start).as_secs();
    format!("{:02}:{:02}", seconds / 60, seconds % 60)
}
