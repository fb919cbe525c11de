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

use crate::admin::{self, Endpoints};
use crate::arguments::{Bind, bind, seconds, speed};
use crate::operator::{Operator, Sources};
use crate::run::{INSTALL_DEADLINE, options};
use crate::system_clock::SystemClock;
use crate::{kubeconfig, memory, output, receiver, stop};

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
    #[arg(long, default_value = "1", value_name = "FACTOR", value_parser = speed, allow_negative_numbers = true)]
    speed: f64,
    /// How long its Pods take to get ready, in seconds of its clock.
    #[arg(long, default_value = "1", value_name = "SECONDS", value_parser = seconds, allow_negative_numbers = true)]
    ready_after: Duration,
    /// Where the operator's /metrics, /healthz and /readyz are; 0 for nowhere [default: a free port].
    #[arg(long, default_value = "127.0.0.1:0", hide_default_value = true, value_name = "ADDRESS", value_parser = bind)]
    metrics_bind_address: Bind,
    /// The cluster alone, without an operator.
    #[arg(long, conflicts_with = "webhook_receiver_bind_address")]
    no_operator: bool,
    /// Do not apply the CustomResourceDefinitions that the modules bring.
    #[arg(long)]
    no_crds: bool,
    #[command(flatten)]
    webhooks: receiver::Args,
}

/// Runs until a signal.
pub(crate) async fn run(args: Args) -> anyhow::Result<ExitCode> {
    if !args.no_operator {
        let checked = args.sources.check();
        checked.context("no operator; hint: --no-operator starts the cluster alone")?;
    }
    let (stop, _signals) = stop::on_signal()?;
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, args.port));
    let listener = TcpListener::bind(address)
        .await
        .with_context(|| format!("cannot listen on {address}; hint: --port 0 takes a free port"))?;
    let clock = VirtualClock::new(SystemClock.now(), args.speed);
    let cluster = DevCluster::builder().clock(Arc::new(clock.clone())).start();
    cluster.workloads().set_readiness(args.ready_after);
    let clock: Arc<dyn Clock> = Arc::new(clock);
    let kubernetes = Kubernetes::new(
        cluster.client(),
        Arc::clone(&clock),
        oarlock_cluster::Options::default(),
    );
    let mut metrics = Registry::default();
    kubernetes.register_metrics(&mut metrics);
    let mut operator = if args.no_operator {
        None
    } else {
        Some(operator(&args.sources, &kubernetes, &clock, &mut metrics)?)
    };
    let webhooks = args.webhooks.listen(false, &mut metrics).await?;
    let url = format!("http://{}", listener.local_addr()?);
    kubeconfig::write(&args.kubeconfig, &cluster.kubeconfig(&url))?;
    let mut services = JoinSet::new();
    let (serving, until) = (cluster.clone(), stop.clone());
    services.spawn(async move { serving.serve(listener, until).await });
    output::line(format!("cluster  {url}\nclock    {url}/clock"))?;
    // Dropped with this function: until then it can be asked how it is.
    let mut probes = JoinSet::new();
    if let Some(operator) = &operator {
        let endpoints = Endpoints::of_metrics(args.metrics_bind_address).await?;
        if let Some(address) = endpoints.metrics_address() {
            output::line(format!("metrics  http://{address}/metrics"))?;
        }
        let subject = admin::Subject {
            metrics,
            ready: operator.ready(),
            stop: stop.clone(),
            client: cluster.client(),
        };
        endpoints.serve(subject, &mut probes)?;
        if let Some(webhooks) = webhooks {
            webhooks.serve(Arc::clone(operator.engine()) as _, &mut probes)?;
        }
    }
    let mut kinds = String::new();
    if let Some(operator) = operator.as_mut().filter(|_| !args.no_crds) {
        operator.load_all().await;
        let definitions = operator.definitions();
        crd::install(cluster.client(), clock, &definitions, INSTALL_DEADLINE).await?;
        for definition in definitions.iter().filter(|kind| operator.watches(kind)) {
            kinds.push_str(&definition.target().name);
            kinds.push(',');
        }
    }
    output::line(format!(
        "look     KUBECONFIG={} kubectl get {kinds}all",
        args.kubeconfig.display()
    ))?;
    match operator {
        Some(operator) => operator.run(stop).await,
        None => stop.cancelled().await,
    }
    kubernetes.shutdown().await;
    cluster.shutdown().await;
    while let Some(result) = services.join_next().await {
        result.context("the listener ended badly")??;
    }
    Ok(ExitCode::SUCCESS)
}

fn operator(
    sources: &Sources,
    kubernetes: &Arc<Kubernetes>,
    clock: &Arc<dyn Clock>,
    metrics: &mut Registry,
) -> anyhow::Result<Operator> {
    Operator::new(
        sources,
        memory::for_libraries(None),
        Arc::clone(kubernetes) as _,
        Arc::new(Egress::new(EgressLimits::default())),
        Arc::clone(clock),
        options(None),
        metrics,
    )
}
