//! One life of the operator.

use std::sync::Arc;
use std::time::Duration;

use oarlock_cluster::{Kubernetes, Options};
use oarlock_config::Watch;
use oarlock_core::artifact::Artifacts;
use oarlock_core::clock::Clock;
use oarlock_core::cluster::Cluster;
use oarlock_devcluster::{DevCluster, VirtualClock};
use oarlock_engine::{Engine, Module};
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use crate::faults::Injector;
use crate::gate::{Gate, Requests};
use crate::outside::{Line, Outside};

/// How long a request may be without an answer.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);

/// What is served: kept outside of the operator, as its files are.
pub(crate) type Served = Vec<(Watch, Module)>;

/// One process.
pub(crate) struct Operator {
    gate: Gate,
    kubernetes: Arc<Kubernetes>,
    engine: Arc<Engine>,
    stop: CancellationToken,
    task: AbortOnDropHandle<()>,
}

/// What all lives have in common.
pub(crate) struct Home {
    pub(crate) cluster: DevCluster,
    pub(crate) clock: Arc<VirtualClock>,
    pub(crate) injector: Injector,
    pub(crate) requests: Requests,
    pub(crate) outside: Arc<Outside>,
    pub(crate) artifacts: Arc<dyn Artifacts>,
}

impl Operator {
    pub(crate) fn start(home: &Home, life: usize, served: &Served) -> Self {
        let gate = Gate::new(
            &home.cluster,
            home.injector.clone(),
            Arc::clone(&home.requests),
            life,
        );
        let client = kube::Client::new(gate.clone(), "default");
        let port = Arc::clone(&home.clock) as Arc<dyn Clock>;
        let options = Options {
            request_timeout: REQUEST_TIMEOUT,
            watch_timeout: home.injector.profile.watch_timeout,
            page_size: home.injector.profile.page_size,
            ..Options::default()
        };
        let kubernetes = Kubernetes::new(client, Arc::clone(&port), options);
        let options = oarlock_engine::Options {
            seed: Some(7),
            ..oarlock_engine::Options::default()
        };
        let line = Line::new(Arc::clone(&home.outside), gate.dead().clone());
        let engine = Engine::with_packages(
            Arc::clone(&kubernetes) as Arc<dyn Cluster>,
            Arc::new(line),
            Arc::clone(&home.artifacts),
            port,
            options,
        );
        engine.serve(served.clone());
        let stop = CancellationToken::new();
        let task = tokio::spawn(Arc::clone(&engine).run(stop.clone()));
        Self {
            gate,
            kubernetes,
            engine,
            stop,
            task: AbortOnDropHandle::new(task),
        }
    }

    /// Resolves once the process died of a fault.
    pub(crate) async fn died(&self) {
        self.gate.dead().cancelled().await;
    }

    pub(crate) fn is_dead(&self) -> bool {
        self.gate.dead().is_cancelled()
    }

    pub(crate) fn serve(&self, served: Served) {
        self.engine.serve(served);
    }

    /// Takes the process away, as `kill -9` does.
    pub(crate) async fn kill(mut self) {
        self.gate.dead().cancel();
        self.task.abort();
        // Aborted: that is all it can say.
        let _aborted = (&mut self.task).await;
        self.kubernetes.shutdown().await;
    }

    /// Asks it to end, as SIGTERM does.
    pub(crate) async fn stop(mut self) {
        self.stop.cancel();
        let _ended = (&mut self.task).await;
        self.gate.dead().cancel();
        self.kubernetes.shutdown().await;
    }
}
