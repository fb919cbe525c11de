//! What is counted. Names and labels are those that people have dashboards for (controller-runtime's), and `oarlock_` ones.
//! Label values come from closed sets: kinds of the watches file and the reasons of [`crate::verdict::Reason`].

use prometheus_client::encoding::{EncodeLabelSet, LabelSetEncoder};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use oarlock_core::reference::Gvk;

use crate::verdict::Reason;

/// A label set, in the order of its text.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Labels(Vec<(&'static str, String)>);

impl EncodeLabelSet for Labels {
    fn encode(&self, encoder: &mut LabelSetEncoder<'_>) -> Result<(), std::fmt::Error> {
        self.0.encode(encoder)
    }
}

/// The engine's metrics.
#[derive(Debug, Default)]
pub(crate) struct Metrics {
    reconciles: Family<Labels, Counter>,
    errors: Family<Labels, Counter>,
    problems: Family<Labels, Counter>,
    active: Family<Labels, Gauge>,
    depth: Gauge,
    modules: Family<Labels, Gauge>,
}

impl Metrics {
    /// Makes them known to `registry`.
    pub(crate) fn register(&self, registry: &mut Registry) {
        registry.register(
            "controller_runtime_reconcile",
            "Reconciles per controller and result",
            self.reconciles.clone(),
        );
        registry.register(
            "controller_runtime_reconcile_errors",
            "Reconciles that failed, per controller",
            self.errors.clone(),
        );
        registry.register(
            "controller_runtime_active_workers",
            "Reconciles that are going on, per controller",
            self.active.clone(),
        );
        registry.register(
            "workqueue_depth",
            "Objects that wait for a worker",
            self.depth.clone(),
        );
        registry.register(
            "oarlock_problems",
            "Reconciles that failed, per controller and reason",
            self.problems.clone(),
        );
        registry.register(
            "oarlock_module_up",
            "1: the module that the watch names serves; 0: an older one, or none",
            self.modules.clone(),
        );
    }

    pub(crate) fn began(&self, gvk: &Gvk) {
        self.active.get_or_create(&controller(gvk)).inc();
    }

    pub(crate) fn ended(&self, gvk: &Gvk, problem: Option<Reason>, requeued: bool) {
        self.active.get_or_create(&controller(gvk)).dec();
        let result = match (problem, requeued) {
            (Some(_), _) => "error",
            (None, true) => "requeue_after",
            (None, false) => "success",
        };
        let mut labels = controller(gvk);
        labels.0.push(("result", result.to_owned()));
        self.reconciles.get_or_create(&labels).inc();
        if let Some(reason) = problem {
            self.errors.get_or_create(&controller(gvk)).inc();
            let mut labels = controller(gvk);
            labels.0.push(("reason", reason.as_str().to_owned()));
            self.problems.get_or_create(&labels).inc();
        }
    }

    pub(crate) fn depth(&self, waiting: usize) {
        self.depth.set(i64::try_from(waiting).unwrap_or(i64::MAX));
    }

    pub(crate) fn module(&self, gvk: &Gvk, up: bool) {
        self.modules
            .get_or_create(&controller(gvk))
            .set(i64::from(up));
    }

    /// No watch is about `gvk` any more: whether its module serves is no question.
    pub(crate) fn unwatched(&self, gvk: &Gvk) {
        self.modules.remove(&controller(gvk));
    }
}

/// controller-runtime names controllers after their kind, in lower case.
fn controller(gvk: &Gvk) -> Labels {
    Labels(vec![(
        "controller",
        format!("{}.{}", gvk.kind.to_lowercase(), gvk.group),
    )])
}
