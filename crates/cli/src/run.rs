//! `oarlock run`: the operator against a cluster.

use std::collections::BTreeSet;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use oarlock_cluster::client::{Source, open};
use oarlock_cluster::fence::FencedEgress;
use oarlock_cluster::http::{Egress, EgressLimits};
use oarlock_cluster::{Kubernetes, Rate, ServerClock, crd};
use oarlock_config::Quantity;
use oarlock_core::clock::Clock;
use oarlock_engine::Options;
use prometheus_client::registry::Registry;
use tokio::task::JoinSet;

use crate::arguments::{duration, namespace, per_second};
use crate::operator::{Operator, Sources};
use crate::replicas::Errand;
use crate::system_clock::SystemClock;
use crate::{admin, follow, memory, receiver, replicas, stop};

/// How long definitions may take until they are served.
pub(crate) const INSTALL_DEADLINE: Duration = Duration::from_secs(60);

const AGENT: &str = concat!("oarlock/", env!("CARGO_PKG_VERSION"));

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
    /// Memory of all libraries that run at a time, such as Helm's engine; more calls than fit wait, and each has 1Gi at most
    /// [default: half of the container's memory limit, 4Gi at most].
    #[arg(long, value_name = "SIZE", value_parser = memory::amount)]
    library_memory: Option<Quantity>,
    /// Namespaces to see, with commas [default: all]: lists and watches are of these alone.
    #[arg(
        long,
        alias = "namespace",
        env = "WATCH_NAMESPACE",
        hide_env_values = true,
        value_name = "NAMES",
        value_delimiter = ',',
        value_parser = namespace
    )]
    watch_namespace: Vec<String>,
    /// Requests to the API server per second, watches and the lease aside [default: no limit].
    #[arg(long, value_name = "N", value_parser = per_second, allow_negative_numbers = true)]
    kube_api_qps: Option<f64>,
    /// Requests to the API server at once, after a pause.
    #[arg(long, default_value_t = 30, value_name = "N")]
    kube_api_burst: u32,
    /// How long reconciles that are going on may take to end after SIGTERM.
    #[arg(long, default_value = "25s", value_name = "DURATION", value_parser = duration)]
    graceful_shutdown_timeout: Duration,
    /// A virtual clock to follow, as `oarlock dev` prints it.
    #[arg(long, value_name = "URL")]
    clock: Option<String>,
    // Last: their headings hold for all that follows.
    #[command(flatten)]
    endpoints: admin::Args,
    #[command(flatten)]
    webhooks: receiver::Args,
    #[command(flatten)]
    replicas: replicas::Args,
}

/// Runs until a signal.
pub(crate) async fn run(args: Args) -> anyhow::Result<ExitCode> {
    args.sources.check()?;
    let (stop, _signals) = stop::on_signal()?;
    let endpoints = args.endpoints.listen().await?;
    let mut server_clock = None;
    let (clock, _follower): (Arc<dyn Clock>, _) = match &args.clock {
        Some(url) => {
            let (clock, task) = follow::follow(url).await?;
            (Arc::new(clock), Some(task))
        }
        None => {
            let clock = ServerClock::starting_at(SystemClock.now());
            server_clock = Some(clock.clone());
            (Arc::new(clock), None)
        }
    };
    let options = Options {
        drain: args.graceful_shutdown_timeout,
        ..options(args.max_concurrent_reconciles)
    };
    let api = api_options(&args);
    let library_memory = memory::for_libraries(args.library_memory);
    let source = Source {
        kubeconfig: args.kubeconfig,
        context: args.context,
    };
    let mut metrics = Registry::default();
    let replica = args.replicas.replica(&mut metrics)?;
    let shares = replica.is_member();
    let webhooks = args.webhooks.listen(shares, &mut metrics).await?;
    let connection = open(&source, AGENT).await?;
    let client = connection.client;
    let clients = replica.clients(&source, AGENT, client.clone()).await?;
    let cluster = Kubernetes::new(
        clients,
        Arc::clone(&clock),
        oarlock_cluster::Options {
            host: connection.host,
            fence: replica.fence(),
            server_clock,
            ..api
        },
    );
    cluster.register_metrics(&mut metrics);
    let egress = Arc::new(Egress::new(EgressLimits::default()));
    let egress = Arc::new(FencedEgress::new(egress, replica.fence()));
    let mut operator = Operator::new(
        &args.sources,
        library_memory,
        Arc::clone(&cluster) as _,
        egress,
        Arc::clone(&clock),
        options,
        &mut metrics,
    )?;
    let mut services = JoinSet::new();
    let subject = admin::Subject {
        metrics,
        ready: operator.ready(),
        stop: stop.clone(),
        client: client.clone(),
    };
    endpoints.serve(subject, &mut services)?;
    let mut errand: Option<Errand> = None;
    if args.install_crds {
        operator.load_all().await;
        let definitions = operator.definitions();
        let install =
            async move { crd::install(client, clock, &definitions, INSTALL_DEADLINE).await };
        if replica.is_candidate() {
            // Who stands by writes nothing: its definitions may be older than the leader's.
            errand = Some(Box::pin(async move {
                if let Err(error) = install.await {
                    tracing::error!(%error, "the definitions were not applied");
                }
            }));
        } else {
            tokio::select! {
                installed = install => installed?,
                () = stop.cancelled() => return Ok(stop::interrupted()),
            }
        }
    }
    let attendance = replica.begin(source, AGENT, operator.engine(), errand, stop.clone())?;
    // From now on the engine knows whether it is on duty.
    if let Some(webhooks) = webhooks {
        webhooks.serve(Arc::clone(operator.engine()) as _, &mut services)?;
    }
    operator.run(stop).await;
    if let Some(attendance) = attendance {
        attendance.leave().await;
    }
    cluster.shutdown().await;
    services.shutdown().await;
    Ok(ExitCode::SUCCESS)
}

/// What the arguments say of the API server.
fn api_options(args: &Args) -> oarlock_cluster::Options {
    let namespaces: BTreeSet<String> = args
        .watch_namespace
        .iter()
        .filter(|name| !name.is_empty())
        .cloned()
        .collect();
    if !namespaces.is_empty() {
        let names: Vec<&str> = namespaces.iter().map(String::as_str).collect();
        tracing::info!(namespaces = names.join(","), "seeing these namespaces only");
    }
    oarlock_cluster::Options {
        namespaces,
        rate: args
            .kube_api_qps
            .filter(|per_second| *per_second > 0.0)
            .map(|per_second| Rate {
                per_second,
                burst: args.kube_api_burst,
            }),
        ..oarlock_cluster::Options::default()
    }
}

/// The engine's options.
pub(crate) fn options(workers: Option<NonZeroUsize>) -> Options {
    let default = Options::default();
    Options {
        workers: workers.unwrap_or(default.workers),
        ..default
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        args: Args,
    }

    fn api(arguments: &[&str]) -> oarlock_cluster::Options {
        let line = Line::try_parse_from([&["oarlock"], arguments].concat());
        api_options(&line.unwrap_or_else(|error| panic!("{error}")).args)
    }

    #[test]
    fn an_empty_list_of_namespaces_names_all_of_them() {
        for (text, namespaces) in [("", vec![]), ("a", vec!["a"]), ("b, a,b,", vec!["a", "b"])] {
            for flag in ["--watch-namespace", "--namespace"] {
                let seen: Vec<String> = api(&[flag, text]).namespaces.into_iter().collect();
                assert_eq!(seen, namespaces, "{flag} {text:?}");
            }
        }
        assert!(Line::try_parse_from(["oarlock", "--watch-namespace", "Not/one"]).is_err());
    }

    #[test]
    fn requests_are_not_limited_unless_somebody_says_so() {
        assert_eq!(api(&[]).rate, None);
        assert_eq!(api(&["--kube-api-qps", "-1"]).rate, None);
        let rate = api(&["--kube-api-qps", "20"]).rate.unwrap();
        assert_eq!((rate.per_second, rate.burst), (20.0, 30));
    }
}
