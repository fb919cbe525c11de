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
use oarlock_core::reference::{Gvk, ObjectRef};
use oarlock_core::timestamp::Timestamp;
use oarlock_devcluster::{DevCluster, VirtualClock};
use prometheus_client::registry::Registry;
use serde_json::{Map, Value, json};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::demo::frame::Frame;
use crate::demo::screen::Screen;
use crate::operator::{Operator, Sources};
use crate::run::{INSTALL_DEADLINE, options};
use crate::stop;
use crate::system_clock::SystemClock;

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
    #[arg(long, default_value = "1.7.8")]
    to: String,
    /// How fast time passes: 1 is real time.
    #[arg(long, default_value_t = 20.0)]
    speed: f64,
}

/// Who applies the manifests.
const MANAGER: &str = "oarlock-demo";

/// Longest wait for either version, in the cluster's time: far beyond the sleeps of any sensible example.
const PATIENCE: Duration = Duration::from_secs(3600);

/// Runs to the end of the rollout.
pub(crate) async fn run(args: Args) -> anyhow::Result<ExitCode> {
    if args.speed <= 0.0 {
        bail!(
            "--speed {} stands still: the demo would never end; expected more than 0",
            args.speed
        );
    }
    let (stop, _signals) = stop::on_signal()?;
    let clock = VirtualClock::new(SystemClock.now(), args.speed);
    let mut screen = Screen::new(clock.now());
    screen.say("starting the embedded cluster");
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
        cache_dir: None,
    };
    screen.say(&format!("loading {}", sources.watches.display()));
    let operator = Operator::new(
        &sources,
        Arc::clone(&kubernetes) as _,
        Arc::new(Egress::new(EgressLimits::default())),
        Arc::clone(&port),
        options(None),
        &mut Registry::default(),
    )?;
    let ended = CancellationToken::new();
    let operator = tokio::spawn(operator.run(ended.clone()));
    let definition = read(&args.example.join("crd.yaml"))?;
    screen.say(&format!(
        "applying CustomResourceDefinition {}",
        definition.target().name
    ));
    crd::install(cluster.client(), port, &[definition], INSTALL_DEADLINE).await?;
    let bell = Arc::new(Bell::default());
    kubernetes.subscribe(Arc::clone(&bell) as Arc<dyn Listener>);
    let story = Story {
        kubernetes: &kubernetes,
        clock: &clock,
        stop: &stop,
        bell: &bell,
    };
    let result = story.tell(&args, &mut screen).await;
    ended.cancel();
    operator.await.context("the operator ended badly")?;
    kubernetes.shutdown().await;
    cluster.shutdown().await;
    result?;
    screen.summary(&sources, clock.now());
    Ok(ExitCode::SUCCESS)
}

/// The demo's course.
struct Story<'a> {
    kubernetes: &'a Arc<Kubernetes>,
    clock: &'a VirtualClock,
    stop: &'a CancellationToken,
    bell: &'a Bell,
}

impl Story<'_> {
    async fn tell(&self, args: &Args, screen: &mut Screen) -> anyhow::Result<()> {
        let mut deployer = read(&args.example.join("deployer.yaml"))?.into_value();
        let version = |deployer: &Value| deployer["spec"]["deployment"]["version"].clone();
        let from = version(&deployer).as_str().unwrap_or_default().to_owned();
        // As kubectl does for a manifest that names none.
        if deployer.pointer("/metadata/namespace").is_none() {
            deployer["metadata"]["namespace"] = json!("default");
        }
        let deployer = Object::from_value(deployer)?;
        let target = deployer.target().clone();
        while self.kubernetes.kind(&target.gvk).is_none() {
            self.bell.0.notified().await;
        }
        screen.event(
            self.clock.now(),
            &format!("applied {target} with version {from}"),
        );
        self.write(Verb::Apply {
            object: deployer,
            force: false,
        })
        .await?;
        self.until_ready(&target, &from, screen).await?;
        let Value::Object(patch) = json!({"spec": {"deployment": {"version": args.to}}}) else {
            bail!("a literal object");
        };
        screen.event(
            self.clock.now(),
            &format!("changed the version to {}", args.to),
        );
        self.write(Verb::Merge {
            target: target.clone(),
            patch,
            status: false,
        })
        .await?;
        self.until_ready(&target, &args.to, screen).await
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
    ) -> anyhow::Result<()> {
        let deployments = Gvk::new("apps", "v1", "Deployment");
        self.kubernetes.watch(&target.gvk).await?;
        self.kubernetes.watch(&deployments).await?;
        let deadline = self.clock.now().after(PATIENCE);
        loop {
            let frame = self.look(target, &deployments)?;
            screen.show(self.clock.now(), &frame);
            if frame.ready_at(version) {
                screen.event(
                    self.clock.now(),
                    &format!("{version} is ready: {}", frame.replicas()),
                );
                return Ok(());
            }
            if self.clock.now() >= deadline {
                bail!(
                    "{target} did not get ready within {PATIENCE:?}: {}",
                    frame.condition
                );
            }
            tokio::select! {
                () = self.stop.cancelled() => bail!("interrupted"),
                () = self.bell.0.notified() => {}
                // The countdown moves by itself.
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
