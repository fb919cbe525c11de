//! `oarlock dev`: an embedded cluster that stays up, and the operator in it.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use oarlock_cluster::http::{Egress, EgressLimits};
use oarlock_cluster::{Kubernetes, crd};
use oarlock_core::clock::Clock;
use oarlock_devcluster::{DevCluster, VirtualClock};
use prometheus_client::registry::Registry;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use crate::operator::{Operator, Sources};
use crate::run::{INSTALL_DEADLINE, options};
use crate::stop;
use crate::system_clock::SystemClock;

/// Arguments of `oarlock dev`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    sources: Sources,
    /// Where the cluster listens on loopback; 0 takes a free port.
    #[arg(long, default_value_t = 0)]
    port: u16,
    /// Where its kubeconfig is written.
    #[arg(long, default_value = ".oarlock/kubeconfig", value_name = "FILE")]
    kubeconfig: PathBuf,
    /// How fast its clock runs: 1 is real time, 60 a minute per second, 0 stands still.
    #[arg(long, default_value_t = 1.0)]
    speed: f64,
    /// How long its Pods take to get ready, in seconds of its clock.
    #[arg(long, default_value_t = 1.0, value_name = "SECONDS")]
    ready_after: f64,
    /// The cluster alone, without an operator.
    #[arg(long)]
    no_operator: bool,
    /// Do not apply the CustomResourceDefinitions that the modules bring.
    #[arg(long)]
    no_crds: bool,
}

/// Runs until a signal.
#[expect(
    clippy::print_stdout,
    reason = "how to reach the cluster is what was asked for"
)]
pub(crate) async fn run(args: Args) -> anyhow::Result<ExitCode> {
    let (stop, _signals) = stop::on_signal()?;
    let clock = VirtualClock::new(SystemClock.now(), args.speed);
    let cluster = DevCluster::builder().clock(Arc::new(clock.clone())).start();
    let ready_after = Duration::try_from_secs_f64(args.ready_after).with_context(|| {
        format!(
            "--ready-after {} is no time; expected seconds, 0 or more",
            args.ready_after
        )
    })?;
    cluster.workloads().set_readiness(ready_after);
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, args.port));
    let listener = TcpListener::bind(address)
        .await
        .with_context(|| format!("cannot listen on {address}; hint: --port 0 takes a free port"))?;
    let url = format!("http://{}", listener.local_addr()?);
    write_kubeconfig(&args.kubeconfig, &cluster.kubeconfig(&url)).await?;
    let mut services = JoinSet::new();
    let (serving, until) = (cluster.clone(), stop.clone());
    services.spawn(async move { serving.serve(listener, until).await });
    println!("cluster  {url}");
    println!("clock    {url}/clock");
    println!(
        "look     KUBECONFIG={} kubectl get all,deployers",
        args.kubeconfig.display()
    );
    if args.no_operator {
        stop.cancelled().await;
    } else {
        let clock: Arc<dyn Clock> = Arc::new(clock);
        let kubernetes = Kubernetes::new(
            cluster.client(),
            Arc::clone(&clock),
            oarlock_cluster::Options::default(),
        );
        let mut operator = Operator::new(
            &args.sources,
            Arc::clone(&kubernetes) as _,
            Arc::new(Egress::new(EgressLimits::default())),
            Arc::clone(&clock),
            options(None),
            &mut Registry::default(),
        )?;
        if !args.no_crds {
            let definitions = operator.definitions().await;
            crd::install(cluster.client(), clock, &definitions, INSTALL_DEADLINE).await?;
        }
        operator.run(stop).await;
        kubernetes.shutdown().await;
    }
    cluster.shutdown().await;
    while let Some(result) = services.join_next().await {
        result.context("the listener ended badly")??;
    }
    Ok(ExitCode::SUCCESS)
}

async fn write_kubeconfig(path: &std::path::Path, text: &str) -> anyhow::Result<()> {
    let context = || {
        format!(
            "cannot write {}; hint: --kubeconfig names another file",
            path.display()
        )
    };
    if let Some(directory) = path.parent() {
        tokio::fs::create_dir_all(directory)
            .await
            .with_context(context)?;
    }
    tokio::fs::write(path, text).await.with_context(context)
}
