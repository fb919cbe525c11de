//! What is counted. Names and labels are those that people have dashboards for (controller-runtime's and client-go's), and
//! `oarlock_` ones. Label values come from closed sets: kinds of the watches file, the reasons of
//! [`crate::verdict::Reason`], and words of this file.

mod workqueue;

use std::collections::HashSet;
use std::time::Duration;

use prometheus_client::encoding::{EncodeLabelSet, LabelSetEncoder};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

use oarlock_core::reference::{Gvk, ObjectRef};
use parking_lot::Mutex;

use crate::verdict::Reason;

pub(crate) use workqueue::{Work, Workqueue};

/// A label set, in the order of its text.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Labels(Vec<(&'static str, String)>);

impl Labels {
    fn and(mut self, name: &'static str, value: &str) -> Self {
        self.0.push((name, value.to_owned()));
        self
    }
}

impl EncodeLabelSet for Labels {
    fn encode(&self, encoder: &mut LabelSetEncoder<'_>) -> Result<(), std::fmt::Error> {
        self.0.encode(encoder)
    }
}

type Histograms = Family<Labels, Histogram, fn() -> Histogram>;

/// controller-runtime's, in seconds.
const RECONCILE_BUCKETS: [f64; 39] = [
    0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.6, 0.7, 0.8, 0.9,
    1.0, 1.25, 1.5, 1.75, 2.0, 2.5, 3.0, 3.5, 4.0, 4.5, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0, 15.0, 20.0,
    25.0, 30.0, 40.0, 60.0,
];

fn reconcile_time() -> Histogram {
    Histogram::new(RECONCILE_BUCKETS)
}

/// How a run ended: the values of `result`, as controller-runtime has them.
const RESULTS: [&str; 4] = ["success", "error", "requeue", "requeue_after"];

/// The engine's metrics.
#[derive(Debug)]
pub(crate) struct Metrics {
    reconciles: Family<Labels, Counter>,
    errors: Family<Labels, Counter>,
    terminal: Family<Labels, Counter>,
    panics: Family<Labels, Counter>,
    timeouts: Family<Labels, Counter>,
    time: Histograms,
    most: Family<Labels, Gauge>,
    active: Family<Labels, Gauge>,
    queued: Histograms,
    worked: Histograms,
    retries: Family<Labels, Counter>,
    problems: Family<Labels, Counter>,
    modules: Family<Labels, Gauge>,
    released: Family<Labels, Counter>,
    blocked: Family<Labels, Gauge>,
    /// The objects that `blocked` counts.
    held: Mutex<HashSet<ObjectRef>>,
}

impl Default for Metrics {
    fn default() -> Self {
        Self {
            reconciles: Family::default(),
            errors: Family::default(),
            terminal: Family::default(),
            panics: Family::default(),
            timeouts: Family::default(),
            time: Family::new_with_constructor(reconcile_time),
            most: Family::default(),
            active: Family::default(),
            queued: Family::new_with_constructor(workqueue::time),
            worked: Family::new_with_constructor(workqueue::time),
            retries: Family::default(),
            problems: Family::default(),
            modules: Family::default(),
            released: Family::default(),
            blocked: Family::default(),
            held: Mutex::default(),
        }
    }
}

impl Metrics {
    /// Makes them known to `registry`.
    pub(crate) fn register(&self, registry: &mut Registry) {
        let mut counter = |name: &str, help: &str, family: &Family<Labels, Counter>| {
            registry.register(name, help, family.clone());
        };
        counter(
            "controller_runtime_reconcile",
            "Reconciles per controller and result",
            &self.reconciles,
        );
        counter(
            "controller_runtime_reconcile_errors",
            "Reconciles that failed, per controller",
            &self.errors,
        );
        counter(
            "controller_runtime_terminal_reconcile_errors",
            "Reconciles that failed and are not repeated by themselves, per controller",
            &self.terminal,
        );
        counter(
            "controller_runtime_reconcile_panics",
            "Reconciles whose module trapped, or that panicked, per controller",
            &self.panics,
        );
        counter(
            "controller_runtime_reconcile_timeouts",
            "Reconciles that took longer than their limits, per controller",
            &self.timeouts,
        );
        counter(
            "workqueue_retries",
            "Objects that were put back after a failed reconcile",
            &self.retries,
        );
        counter(
            "oarlock_problems",
            "Reconciles that failed, per controller and reason",
            &self.problems,
        );
        counter(
            "oarlock_released",
            "Objects that were let go without their module, because somebody released them, per controller",
            &self.released,
        );
        let mut gauge = |name: &str, help: &str, family: &Family<Labels, Gauge>| {
            registry.register(name, help, family.clone());
        };
        gauge(
            "controller_runtime_max_concurrent_reconciles",
            "Reconciles at a time, at most, per controller",
            &self.most,
        );
        gauge(
            "controller_runtime_active_workers",
            "Reconciles that are going on, per controller",
            &self.active,
        );
        gauge(
            "oarlock_module_up",
            "1: the module that the watch names serves; 0: an older one, or none",
            &self.modules,
        );
        gauge(
            "oarlock_deletion_blocked",
            "Objects in deletion that a problem keeps from being let go, per controller",
            &self.blocked,
        );
        let mut histogram = |name: &str, help: &str, family: &Histograms| {
            registry.register(name, help, family.clone());
        };
        histogram(
            "controller_runtime_reconcile_time_seconds",
            "How long reconciles took, per controller",
            &self.time,
        );
        histogram(
            "workqueue_queue_duration_seconds",
            "How long objects waited for a worker",
            &self.queued,
        );
        histogram(
            "workqueue_work_duration_seconds",
            "How long workers were busy with an object",
            &self.worked,
        );
    }

    /// A watch is about `gvk`, with `most` runs at a time: what has not happened yet is zero, and not unknown.
    pub(crate) fn watched(&self, gvk: &Gvk, up: bool, most: usize) {
        let labels = controller(gvk);
        self.modules.get_or_create(&labels).set(i64::from(up));
        self.most
            .get_or_create(&labels)
            .set(i64::try_from(most).unwrap_or(i64::MAX));
        for family in [&self.errors, &self.terminal, &self.panics, &self.timeouts] {
            drop(family.get_or_create(&labels));
        }
        for result in RESULTS {
            let labels = labels.clone().and("result", result);
            drop(self.reconciles.get_or_create(&labels));
        }
        drop(self.active.get_or_create(&labels));
        drop(self.time.get_or_create(&labels));
        let queue = workqueue::labels(gvk);
        drop(self.retries.get_or_create(&queue));
        drop(self.queued.get_or_create(&queue));
        drop(self.worked.get_or_create(&queue));
    }

    /// A run began, after its object had waited so long.
    pub(crate) fn began(&self, gvk: &Gvk, waited: Duration) {
        self.active.get_or_create(&controller(gvk)).inc();
        self.queued
            .get_or_create(&workqueue::labels(gvk))
            .observe(waited.as_secs_f64());
    }

    /// A run ended after so long.
    pub(crate) fn ended(&self, gvk: &Gvk, took: Duration, problem: Option<Reason>, requeued: bool) {
        let labels = controller(gvk);
        self.active.get_or_create(&labels).dec();
        let seconds = took.as_secs_f64();
        self.time.get_or_create(&labels).observe(seconds);
        let queue = workqueue::labels(gvk);
        self.worked.get_or_create(&queue).observe(seconds);
        let result = match (problem, requeued) {
            (Some(_), _) => "error",
            (None, true) => "requeue_after",
            (None, false) => "success",
        };
        let results = labels.clone().and("result", result);
        self.reconciles.get_or_create(&results).inc();
        let Some(reason) = problem else {
            return;
        };
        self.errors.get_or_create(&labels).inc();
        if requeued {
            self.retries.get_or_create(&queue).inc();
        }
        let kind = match reason {
            Reason::Failed | Reason::InvalidSpec => Some(&self.terminal),
            Reason::ModuleTrapped => Some(&self.panics),
            Reason::CpuLimitExceeded | Reason::DeadlineExceeded => Some(&self.timeouts),
            _ => None,
        };
        if let Some(family) = kind {
            family.get_or_create(&labels).inc();
        }
        let reasons = labels.and("reason", reason.as_str());
        self.problems.get_or_create(&reasons).inc();
    }

    /// What a run found of its object's deletion.
    pub(crate) fn deletion(&self, key: &ObjectRef, blocked: bool, released: bool) {
        let labels = controller(&key.gvk);
        if released {
            self.released.get_or_create(&labels).inc();
        }
        let mut held = self.held.lock();
        let changed = if blocked {
            held.insert(key.clone())
        } else {
            held.remove(key)
        };
        if changed {
            let gauge = self.blocked.get_or_create(&labels);
            if blocked {
                gauge.inc();
            } else {
                gauge.dec();
            }
        }
    }

    /// A run of the host itself panicked.
    pub(crate) fn panicked(&self, gvk: &Gvk) {
        self.panics.get_or_create(&controller(gvk)).inc();
    }

    /// No watch is about `gvk` any more: whether its module serves is no question.
    pub(crate) fn unwatched(&self, gvk: &Gvk) {
        self.modules.remove(&controller(gvk));
        self.most.remove(&controller(gvk));
    }
}

/// controller-runtime names controllers after their kind, in lower case; the group keeps two of one kind apart.
pub(crate) fn name(gvk: &Gvk) -> String {
    format!("{}.{}", gvk.kind.to_lowercase(), gvk.group)
}

fn controller(gvk: &Gvk) -> Labels {
    Labels(vec![("controller", name(gvk))])
}
