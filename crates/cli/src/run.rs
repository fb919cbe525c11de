//! `oarlock run`: the operator against a cluster.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use oarlock_cluster::client::{Source, connect};
use oarlock_cluster::http::{Egress, EgressLimits};
use oarlock_cluster::{Kubernetes, crd};
use oarlock_core::clock::Clock;
use oarlock_engine::Options;
use prometheus_client::registry::Registry;
use tokio::task::JoinSet;

use crate::arguments::{Bind, bind};
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
    #[arg(long, value_name = "NAME")]
    context: Option<String>,
    /// Apply the CustomResourceDefinitions that the modules bring.
    #[arg(long)]
    install_crds: bool,
    /// Reconciles at a time, over all watches.
    #[arg(long, value_name = "N")]
    max_concurrent_reconciles: Option<NonZeroUsize>,
    /// Where /healthz, /readyz and /metrics are, such as :8080; 0 for nowhere.
    #[arg(long, default_value = "127.0.0.1:8080", value_name = "ADDRESS", value_parser = bind)]
    metrics_bind_address: Bind,
    /// A virtual clock to follow, as `oarlock dev` prints it.
    #[arg(long, value_name = "URL")]
    clock: Option<String>,
}

/// Runs until a signal.
pub(crate) async fn run(args: Args) -> anyhow::Result<ExitCode> {
    args.sources.check()?;
    let (stop, _signals) = stop::on_signal()?;
    let listener = match args.metrics_bind_address {
        Bind::Nowhere => None,
        Bind::At(address) => Some(admin::listen(address).await?),
    };
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
    let mut services = JoinSet::new();
    if let Some(listener) = listener {
        tracing::info!(address = %listener.local_addr()?, "probes and metrics");
        services.spawn(admin::serve(
            listener,
            Arc::new(metrics),
            operator.ready(),
            stop.clone(),
        ));
    }
    if args.install_crds {
        operator.load_all().await;
        let definitions = operator.definitions();
        tokio::select! {
            installed = crd::install(client, clock, &definitions, INSTALL_DEADLINE) => installed?,
            () = stop.cancelled() => return Ok(stop::interrupted()),
        }
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
