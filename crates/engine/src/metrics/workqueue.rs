//! The queue's state, read when it is asked for.

use std::fmt;
use std::sync::Weak;

use oarlock_core::reference::Gvk;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};

use super::Labels;
use crate::engine::Engine;
use crate::queue::Priority;

/// client-go's buckets: ten nanoseconds to a thousand seconds.
pub(super) fn time() -> Histogram {
    Histogram::new(exponential_buckets(10e-9, 10.0, 12))
}

/// The queue of a watch. Since controller-runtime 0.16 `controller` says the same as `name`; dashboards use either.
pub(super) fn labels(gvk: &Gvk) -> Labels {
    let name = super::name(gvk);
    Labels(vec![("name", name.clone()), ("controller", name)])
}

/// One watch's part of the queue.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Work {
    /// Which.
    pub(crate) gvk: Gvk,
    /// Objects that wait, by priority.
    pub(crate) depth: [(Priority, usize); 3],
    /// Requests so far.
    pub(crate) adds: u64,
    /// Seconds that each of its runs has been going on for.
    pub(crate) runs: Vec<f64>,
}

/// Reads the queue of an engine, without keeping it alive.
pub(crate) struct Workqueue(pub(crate) Weak<Engine>);

impl fmt::Debug for Workqueue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Workqueue")
    }
}

impl Collector for Workqueue {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let Some(engine) = self.0.upgrade() else {
            return Ok(());
        };
        let work = engine.work();
        if work.is_empty() {
            return Ok(());
        }
        let mut depths = encoder.encode_descriptor(
            "workqueue_depth",
            "Objects that wait for a worker",
            None,
            MetricType::Gauge,
        )?;
        for one in &work {
            for (priority, depth) in one.depth {
                let labels = labels(&one.gvk).and("priority", priority.as_str());
                let depth = i64::try_from(depth).unwrap_or(i64::MAX);
                ConstGauge::new(depth).encode(depths.encode_family(&labels)?)?;
            }
        }
        let mut adds = encoder.encode_descriptor(
            "workqueue_adds",
            "Requests for a reconcile, those aside that found another one waiting",
            None,
            MetricType::Counter,
        )?;
        for one in &work {
            ConstCounter::new(one.adds).encode(adds.encode_family(&labels(&one.gvk))?)?;
        }
        let mut seconds = |name, help, of: fn(&Work) -> f64| {
            let mut gauge = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
            for one in &work {
                ConstGauge::new(of(one)).encode(gauge.encode_family(&labels(&one.gvk))?)?;
            }
            Ok(())
        };
        seconds(
            "workqueue_unfinished_work_seconds",
            "Seconds of reconciles that are going on, taken together; it grows when they are stuck",
            |one| one.runs.iter().sum(),
        )?;
        seconds(
            "workqueue_longest_running_processor_seconds",
            "Seconds that the longest of the reconciles that are going on has taken so far",
            |one| one.runs.iter().copied().fold(0.0, f64::max),
        )
    }
}
