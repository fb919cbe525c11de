//! `oarlock run`: the operator against a cluster.

use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use oarlock_cluster::client::{Source, connect};
use oarlock_cluster::http::{Egress, EgressLimits};
use oarlock_cluster::{Kubernetes, crd};
use oarlock_core::clock::Clock;
use oarlock_engine::Options;
use prometheus_client::registry::Registry;
use tokio::task::JoinSet;

use crate::operator::{Operator, Sources};
use crate::system_clock::SystemClock;
use crate::{admin, follow, stop};

/// How long definitions may take until they are served.
pub(crate) const INSTALL_DEADLINE: Duration = Duration::from_secs(60);

/// Arguments of `oarlock run`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    sources: Sources,
    /// A kubeconfig file instead of $KUBECONFIG, ~/.kube/config or the Pod's ServiceAccount.
    #[arg(long, value_name = "FILE")]
    kubeconfig: Option<PathBuf>,
    /// A context of the kubeconfig instead of the current one.
    #[arg(long)]
    context: Option<String>,
    /// Apply the CustomResourceDefinitions that the modules bring.
    #[arg(long)]
    install_crds: bool,
    /// Reconciles at a time, over all watches.
    #[arg(long, value_name = "N")]
    max_concurrent_reconciles: Option<NonZeroUsize>,
    /// Where /healthz, /readyz and /metrics are; 0 for nowhere.
    #[arg(long, default_value = "127.0.0.1:8080", value_name = "ADDRESS")]
    metrics_bind_address: String,
    /// A virtual clock to follow, as `oarlock dev` prints it.
    #[arg(long, value_name = "URL")]
    clock: Option<String>,
}

/// Runs until a signal.
pub(crate) async fn run(args: Args) -> anyhow::Result<ExitCode> {
    let (stop, _signals) = stop::on_signal()?;
    let (clock, _follower): (Arc<dyn Clock>, _) = match &args.clock {
        Some(url) => {
            let (clock, task) = follow::follow(url).await?;
            (Arc::new(clock), Some(task))
        }
        None => (Arc::new(SystemClock), None),
    };
    let source = Source {
        kubeconfig: args.kubeconfig,
        context: args.context,
    };
    let client = connect(&source, concat!("oarlock/", env!("CARGO_PKG_VERSION"))).await?;
    let cluster = Kubernetes::new(
        client.clone(),
        Arc::clone(&clock),
        oarlock_cluster::Options::default(),
    );
    let mut metrics = Registry::default();
    let egress = Arc::new(Egress::new(EgressLimits::default()));
    let mut operator = Operator::new(
        &args.sources,
        Arc::clone(&cluster) as _,
        egress,
        Arc::clone(&clock),
        options(args.max_concurrent_reconciles),
        &mut metrics,
    )?;
    if args.install_crds {
        let definitions = operator.definitions().await;
        crd::install(client, clock, &definitions, INSTALL_DEADLINE).await?;
    }
    let mut services = JoinSet::new();
    if args.metrics_bind_address != "0" {
        let address: SocketAddr = args.metrics_bind_address.parse().with_context(|| {
            format!(
                "--metrics-bind-address {:?} is no address; expected such as 0.0.0.0:8080, or 0",
                args.metrics_bind_address
            )
        })?;
        let listener = admin::listen(address).await?;
        tracing::info!(address = %listener.local_addr()?, "probes and metrics");
        services.spawn(admin::serve(listener, Arc::new(metrics), stop.clone()));
    }
    operator.run(stop).await;
    cluster.shutdown().await;
    services.shutdown().await;
    Ok(ExitCode::SUCCESS)
}

/// The engine's options.
pub(crate) fn options(workers: Option<NonZeroUsize>) -> Options {
    let default = Options::default();
    Options {
        workers: workers.unwrap_or(default.workers),
        ..default
    }
}
