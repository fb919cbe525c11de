//! The course of a simulation: a cluster, an operator, and what the scenario brings, in one thread and in virtual time.
//!
//! Time stands while anybody has something to do, and jumps to the next timer when nobody has. That makes hours pass in
//! milliseconds, and equal simulations equal.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use oarlock_core::artifact::Artifacts;
use oarlock_core::clock::Clock;
use oarlock_core::timestamp::Timestamp;
use oarlock_devcluster::{DevCluster, VirtualClock};
use tokio_util::sync::CancellationToken;

use crate::simulate::chronicle::{Chronicle, Entry};
use crate::simulate::life::Life;
use crate::simulate::manifests::Manifest;
use crate::simulate::modules::Served;
use crate::simulate::outside::Outside;
use crate::simulate::scenario::{Conduct, Crash, Deed, Scenario};
use crate::simulate::users::User;
use crate::simulate::wakes::{Wake, Wakes};

/// When simulations begin: some Monday, the same one for all of them. In milliseconds since the epoch.
const BEGIN: Timestamp = Timestamp::from_millis(1_767_603_600_000);

/// Changes that the store remembers: all that happens.
const HISTORY: usize = 1 << 24;

/// How often it is asked whether anything is still to come.
const LOOK: Duration = Duration::from_secs(30);

/// How long nothing must have happened, beyond the slowest Pod: longer than any backoff.
const QUIET: Duration = Duration::from_secs(15 * 60);

/// How long statuses alone may change, by calls that come back sooner than that.
const CIRCLING: Duration = Duration::from_secs(6 * 60 * 60);

/// Nobody waits longer for rest, after the last thing that the scenario brings.
const PATIENCE: Duration = Duration::from_secs(24 * 60 * 60);

/// What is simulated.
pub(crate) struct Subject {
    pub(crate) definitions: Vec<Manifest>,
    /// What is there at the beginning, other than definitions.
    pub(crate) manifests: Vec<Manifest>,
    pub(crate) served: Vec<Served>,
    /// Where packages come from.
    pub(crate) artifacts: Arc<dyn Artifacts>,
    pub(crate) scenario: Scenario,
    /// How long; until nothing happens any more where nobody says.
    pub(crate) time: Option<Duration>,
}

/// What happened.
#[derive(Debug)]
pub(crate) struct Record {
    pub(crate) began: Timestamp,
    pub(crate) ended: Timestamp,
    pub(crate) end: End,
    pub(crate) entries: Vec<Entry>,
    /// What was done by others than the operator, in order.
    pub(crate) deeds: Vec<Done>,
    /// The resources whose objects are reconciled, with their kinds.
    pub(crate) kinds: BTreeMap<oarlock_devcluster::resource::ResourceId, String>,
}

/// Something that was done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Done {
    pub(crate) at: Timestamp,
    pub(crate) kind: DoneKind,
    pub(crate) text: String,
}

/// By whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum DoneKind {
    /// By people.
    Change,
    /// By the Pods.
    Pods,
    /// The operator ended or began.
    Crash,
    /// The world outside was called.
    Call,
}

/// Why a simulation ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// Nothing has happened since this instant, and nothing is to come.
    Rest(Timestamp),
    /// The operator asks and asks, and nothing has moved since this instant.
    Waiting(Timestamp),
    /// Something happens all the time.
    Restless,
    /// The time is over.
    Time,
    /// Somebody did not want to wait.
    Interrupted,
}

/// What the scenario brings at some time.
enum Item {
    Pods(Conduct),
    Change(Deed),
    Crash(Crash),
    Start,
}

/// What happens next: by time, and in the order of the file.
#[derive(Default)]
struct Agenda {
    items: BTreeMap<(Timestamp, usize), Item>,
    count: usize,
}

impl Agenda {
    fn plan(&mut self, at: Timestamp, item: Item) {
        self.count += 1;
        self.items.insert((at, self.count), item);
    }

    fn next(&self) -> Option<Timestamp> {
        self.items.keys().next().map(|(at, _)| *at)
    }

    fn last(&self) -> Option<Timestamp> {
        self.items.keys().next_back().map(|(at, _)| *at)
    }

    fn pop(&mut self, now: Timestamp) -> Option<Item> {
        let due = self.next().filter(|at| *at <= now);
        due.and_then(|_| self.items.pop_first().map(|(_, item)| item))
    }
}

/// Simulates, on a thread of its own: it has to have its runtime to itself.
///
/// # Errors
///
/// When something that the manifests or the scenario want is refused.
pub(crate) fn run(subject: Subject, stop: &CancellationToken) -> anyhow::Result<Record> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .context("the simulation's runtime did not start")?;
    runtime.block_on(async { Stage::set(subject).await?.perform(stop).await })
}

struct Stage {
    cluster: DevCluster,
    clock: Arc<VirtualClock>,
    chronicle: Chronicle,
    outside: Arc<Outside>,
    artifacts: Arc<dyn Artifacts>,
    served: Vec<Served>,
    wakes: Wakes,
    life: Option<Life>,
    agenda: Agenda,
    deeds: Vec<Done>,
    time: Option<Duration>,
    quiet: Duration,
    /// When the scenario is over.
    over: Timestamp,
}

impl Stage {
    async fn set(subject: Subject) -> anyhow::Result<Self> {
        let clock = Arc::new(VirtualClock::new(BEGIN, 1.0));
        let cluster = DevCluster::builder()
            .clock(Arc::clone(&clock))
            .history(HISTORY)
            .seed(1)
            .start();
        let chronicle = Chronicle::begin(cluster.store(), Arc::clone(&clock))
            .map_err(|refusal| anyhow::anyhow!("{}", refusal.message))?;
        let scenario = subject.scenario;
        let quiet = QUIET + scenario.slowest_pod();
        let outside = Outside::new(Arc::clone(&clock), scenario.metrics, scenario.webhooks);
        let mut agenda = Agenda::default();
        for conduct in scenario.pods {
            agenda.plan(BEGIN.after(conduct.at), Item::Pods(conduct));
        }
        for change in scenario.changes {
            agenda.plan(BEGIN.after(change.at), Item::Change(change.deed));
        }
        for crash in scenario.crashes {
            agenda.plan(BEGIN.after(crash.at), Item::Crash(crash));
        }
        let mut stage = Self {
            over: agenda.last().unwrap_or(BEGIN),
            cluster,
            clock,
            chronicle,
            outside: Arc::new(outside),
            artifacts: subject.artifacts,
            served: subject.served,
            wakes: Wakes::default(),
            life: None,
            agenda,
            deeds: Vec::new(),
            time: subject.time,
            quiet,
        };
        stage.pods_at_the_beginning();
        let all = subject.definitions.iter().chain(&subject.manifests);
        User::of(&stage.cluster).apply_all(all).await?;
        stage.start();
        Ok(stage)
    }

    /// Pods behave from the beginning, not from a moment after it.
    fn pods_at_the_beginning(&mut self) {
        let begin = self
            .agenda
            .items
            .keys()
            .copied()
            .filter(|(at, _)| *at <= BEGIN);
        let begin: Vec<(Timestamp, usize)> = begin.collect();
        for key in begin {
            if let Some(Item::Pods(conduct)) = self.agenda.items.get(&key) {
                let workloads = self.cluster.workloads();
                workloads.add(conduct.which.clone(), conduct.behaviour);
                self.agenda.items.remove(&key);
            }
        }
    }

    async fn perform(mut self, stop: &CancellationToken) -> anyhow::Result<Record> {
        tracing::info!("simulating");
        let horizon = self.time.map(|time| BEGIN.after(time));
        let end = loop {
            let now = self.clock.now();
            if horizon.is_some_and(|horizon| now >= horizon) {
                break End::Time;
            }
            self.bring().await?;
            if horizon.is_none()
                && let Some(end) = self.end(now)
            {
                break end;
            }
            let next = [self.agenda.next(), horizon].into_iter().flatten();
            let next = next.fold(now.after(LOOK), Timestamp::min);
            tokio::select! {
                biased;
                () = stop.cancelled() => break End::Interrupted,
                () = Clock::sleep_until(&*self.clock, next) => {}
            }
        };
        self.strike(end).await
    }

    /// Clears away, and gives what happened.
    async fn strike(mut self, end: End) -> anyhow::Result<Record> {
        let ended = self.clock.now();
        if let Some(life) = self.life.take() {
            life.kill().await;
        }
        self.listen();
        let entries = self.chronicle.all().await;
        tracing::debug!(changes = entries.len(), "simulated");
        let store = self.cluster.store();
        let kinds = self.served.iter().filter_map(|(watch, _)| {
            let gvk = &watch.gvk;
            let resource = store.resource_of(&gvk.api_version(), &gvk.kind)?;
            Some((resource.storage.clone(), gvk.kind.clone()))
        });
        let kinds = kinds.collect();
        self.cluster.shutdown().await;
        self.deeds.sort_by_key(|done| (done.at, done.kind));
        Ok(Record {
            began: BEGIN,
            ended,
            end,
            entries,
            deeds: self.deeds,
            kinds,
        })
    }

    /// Does what is due.
    async fn bring(&mut self) -> anyhow::Result<()> {
        let now = self.clock.now();
        while let Some(item) = self.agenda.pop(now) {
            match item {
                Item::Pods(conduct) => {
                    self.note(DoneKind::Pods, conduct.to_string());
                    self.cluster
                        .workloads()
                        .add(conduct.which, conduct.behaviour);
                }
                Item::Change(deed) => {
                    self.note(DoneKind::Change, deed.to_string());
                    let performed = User::of(&self.cluster).perform(&deed).await;
                    let at = crate::simulate::observation::clock(now.since(BEGIN));
                    performed.with_context(|| format!("at {at}, {deed}"))?;
                }
                Item::Crash(crash) => {
                    if let Some(life) = self.life.take() {
                        life.kill().await;
                        self.note(DoneKind::Crash, "the operator is killed".to_owned());
                        self.agenda.plan(now.after(crash.down), Item::Start);
                    }
                }
                Item::Start => {
                    self.note(DoneKind::Crash, "the operator starts again".to_owned());
                    self.start();
                }
            }
        }
        Ok(())
    }

    fn start(&mut self) {
        if self.life.is_none() {
            self.life = Some(Life::start(
                &self.cluster,
                &self.clock,
                &self.outside,
                &self.artifacts,
                &self.served,
                &self.wakes,
            ));
        }
    }

    fn note(&mut self, kind: DoneKind, text: String) {
        let at = self.clock.now();
        self.deeds.push(Done { at, kind, text });
    }

    /// Takes over what the world outside has to tell.
    fn listen(&mut self) {
        let told = self.outside.take_told().into_iter();
        self.deeds.extend(told.map(|told| Done {
            at: told.at,
            kind: DoneKind::Call,
            text: told.text,
        }));
    }

    /// Whether it is over, where nobody said when.
    fn end(&self, now: Timestamp) -> Option<End> {
        if self.agenda.next().is_some() || self.life.is_none() {
            return None;
        }
        let last = self.chronicle.last().unwrap_or(BEGIN);
        let pending = self.wakes.pending(now);
        if pending.is_empty() && now.since(last) >= self.quiet {
            return Some(End::Rest(last));
        }
        let moved = self.chronicle.moved().unwrap_or(BEGIN);
        let often = |wake: &Wake| wake.due.since(wake.asked) < CIRCLING && wake.asked > moved;
        let circling = !pending.is_empty() && pending.iter().all(often);
        if circling && now.since(moved) >= CIRCLING {
            return Some(End::Waiting(moved));
        }
        (now.since(self.over) >= PATIENCE
            && pending.iter().all(|w| w.due.since(w.asked) < PATIENCE))
        .then_some(End::Restless)
    }
}

#[cfg(test)]
mod tests;
