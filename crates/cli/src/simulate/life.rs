//! One life of the operator: from its start to its end, after which nothing of its memory is left.

use std::num::NonZeroUsize;
use std::sync::Arc;

use oarlock_cluster::{Kubernetes, Options};
use oarlock_core::artifact::Artifacts;
use oarlock_core::clock::Clock;
use oarlock_core::cluster::Cluster;
use oarlock_core::egress::Egress;
use oarlock_devcluster::{DevCluster, VirtualClock};
use oarlock_engine::{Engine, Module};
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use crate::simulate::modules::Served;
use crate::simulate::outside::Outside;
use crate::simulate::wakes::Wakes;

/// Where the modules' seeds begin: equal simulations are equal.
const SEED: u64 = 7;

/// Reconciles at a time. Not by the number of cores: equal simulations are equal on any machine.
const WORKERS: NonZeroUsize = NonZeroUsize::MIN.saturating_add(7);
const WORKERS_PER_WATCH: NonZeroUsize = NonZeroUsize::MIN.saturating_add(3);

/// A running operator.
pub(crate) struct Life {
    kubernetes: Arc<Kubernetes>,
    task: AbortOnDropHandle<()>,
    wakes: Wakes,
}

impl Life {
    /// Starts it.
    pub(crate) fn start(
        cluster: &DevCluster,
        clock: &Arc<VirtualClock>,
        outside: &Arc<Outside>,
        artifacts: &Arc<dyn Artifacts>,
        served: &[Served],
        wakes: &Wakes,
    ) -> Self {
        let port = Arc::clone(clock) as Arc<dyn Clock>;
        let kubernetes = Kubernetes::new(cluster.client(), Arc::clone(&port), Options::default());
        let options = oarlock_engine::Options {
            seed: Some(SEED),
            workers: WORKERS,
            workers_per_watch: WORKERS_PER_WATCH,
            ..oarlock_engine::Options::default()
        };
        let engine = Engine::with_packages(
            Arc::clone(&kubernetes) as Arc<dyn Cluster>,
            Arc::clone(outside) as Arc<dyn Egress>,
            Arc::clone(artifacts),
            port,
            options,
        );
        let modules = served.iter().map(|(watch, module)| {
            let module = wakes.listen(Arc::clone(module));
            (watch.clone(), Module::Serving(module))
        });
        engine.serve(modules.collect());
        let task = tokio::spawn(engine.run(CancellationToken::new()));
        Self {
            kubernetes,
            task: AbortOnDropHandle::new(task),
            wakes: wakes.clone(),
        }
    }

    /// Takes it away, as `kill -9` does: between two requests, of which each is answered before anything else happens.
    pub(crate) async fn kill(mut self) {
        self.task.abort();
        // Aborted: that is all it can say.
        let _aborted = (&mut self.task).await;
        self.kubernetes.shutdown().await;
        self.wakes.clear();
    }
}
