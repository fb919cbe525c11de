//! The loop: what may start is started, what has ended is filed, and nothing happens in between.

mod options;
mod ownership;

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Weak};

use oarlock_config::Watch;
use oarlock_core::artifact::{Artifacts, Closed, Upstream};
use oarlock_core::clock::Clock;
use oarlock_core::cluster::{Change, Cluster, Listener};
use oarlock_core::egress::Egress;
use oarlock_core::reconciler::{ReadError, Reconciler};
use oarlock_core::reference::{Gvk, ObjectRef};
use oarlock_core::timestamp::Timestamp;
use parking_lot::Mutex;
use prometheus_client::registry::Registry;
use tokio::sync::Notify;
use tokio::task::{Id, JoinSet};
use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;

use crate::backoff;
use crate::entry::{Entry, Module};
use crate::kinds::{self, Kinds};
use crate::memory::Memory;
use crate::metrics::{self, Metrics, Work, Workqueue};
use crate::notices::{self, Postman};
use crate::ports::{Entropy, Ports};
use crate::queue::{Priority, Queue, Taken};
use crate::router::Router;
use crate::run::{self, Ended};
use crate::shard::Shard;
use crate::verdict::Reason;
use crate::waits::{CountedEgress, Waits};

pub use options::Options;

/// Reconciles the objects of all watches.
pub struct Engine {
    ports: Ports,
    options: Options,
    metrics: Metrics,
    postman: Mutex<Option<Postman>>,
    entries: Mutex<Arc<BTreeMap<Gvk, Arc<Entry>>>>,
    state: Mutex<State>,
    /// Something is in the queue, or the entries differ.
    wake: Arc<Notify>,
    waits: Arc<Waits>,
    /// The way out of notices, which no run waits for.
    outside: Arc<dyn Egress>,
    /// Numbers of runs, for logs. Not the modules' seeds: these must not depend on what is logged.
    numbers: Entropy,
}

/// What changes; one lock, held for moments.
#[derive(Default)]
struct State {
    queue: Queue,
    router: Router,
    memories: HashMap<ObjectRef, Memory>,
    /// Kinds that are yet to be watched.
    to_watch: Vec<Gvk>,
    shard: Shard,
    /// When to look for kinds that nobody needs any more.
    sweep: Option<Timestamp>,
}

type Runs = JoinSet<(Memory, Ended)>;
type Watching = JoinSet<(Gvk, Result<(), ReadError>)>;

impl Engine {
    /// An engine without watches, which fetches no packages. It works once [`Self::run`] is polled.
    pub fn new(
        cluster: Arc<dyn Cluster>,
        egress: Arc<dyn Egress>,
        clock: Arc<dyn Clock>,
        options: Options,
    ) -> Arc<Self> {
        Self::with_packages(cluster, egress, Arc::new(Closed), clock, options)
    }

    /// An engine without watches. It works once [`Self::run`] is polled.
    pub fn with_packages(
        cluster: Arc<dyn Cluster>,
        egress: Arc<dyn Egress>,
        artifacts: Arc<dyn Artifacts>,
        clock: Arc<dyn Clock>,
        options: Options,
    ) -> Arc<Self> {
        let (notices, postman) = notices::channel();
        let router = Router::default();
        let wake = Arc::new(Notify::new());
        let waits = Waits::new(Arc::clone(&wake));
        let dependencies = Arc::clone(&router.dependencies);
        let engine = Arc::new(Self {
            ports: Ports {
                kinds: Kinds::new(Arc::clone(&cluster), Arc::clone(&clock)),
                cluster: Arc::clone(&cluster),
                egress: CountedEgress::new(Arc::clone(&egress), Arc::clone(&waits)),
                artifacts,
                waits: Arc::clone(&waits),
                clock,
                entropy: Entropy::new(options.seed),
                notices,
                dependencies,
            },
            options,
            metrics: Metrics::default(),
            postman: Mutex::new(Some(postman)),
            entries: Mutex::default(),
            state: Mutex::new(State {
                router,
                ..State::default()
            }),
            wake,
            waits,
            outside: egress,
            numbers: Entropy::new(options.seed.map(|seed| !seed)),
        });
        cluster.subscribe(Arc::new(Ear(Arc::downgrade(&engine))));
        engine
    }

    /// Makes the engine's metrics known to `registry`.
    pub fn register_metrics(self: &Arc<Self>, registry: &mut Registry) {
        self.metrics.register(registry);
        registry.register_collector(Box::new(Workqueue(Arc::downgrade(self))));
    }

    /// What there is to do, watch by watch.
    pub(crate) fn work(&self) -> Vec<Work> {
        let entries = Arc::clone(&self.entries.lock());
        let now = self.ports.clock.now();
        let state = self.state.lock();
        let mut lanes: BTreeMap<&Gvk, _> = state.queue.lanes().collect();
        let work = entries.keys().map(|gvk| {
            let lane = lanes.remove(gvk);
            Work {
                gvk: gvk.clone(),
                depth: Priority::ALL.map(|p| (p, lane.map_or(0, |lane| lane.depth(p)))),
                adds: lane.map_or(0, |lane| lane.adds),
                runs: lane
                    .into_iter()
                    .flat_map(|lane| lane.runs())
                    .map(|since| now.since(since).as_secs_f64())
                    .collect(),
            }
        });
        work.collect()
    }

    /// Serves these watches from now on. What did not change goes on undisturbed; objects whose watch or module changed are
    /// reconciled again; nothing is listed again.
    pub fn serve(&self, watches: Vec<(Watch, Module)>) {
        let mut new: BTreeMap<Gvk, Arc<Entry>> = watches
            .into_iter()
            .map(|(watch, module)| (watch.gvk.clone(), Arc::new(Entry::new(watch, module))))
            .collect();
        let mut entries = self.entries.lock();
        self.retire(&entries, &mut new);
        let mut state = self.state.lock();
        state.queue.tell(self.ports.clock.now());
        for gvk in entries.keys().filter(|gvk| !new.contains_key(*gvk)) {
            self.forget(gvk, &mut state);
        }
        let mut served = BTreeMap::new();
        for (gvk, entry) in new {
            let up = matches!(entry.module, Module::Serving(_));
            if entry.retired {
                self.metrics.unwatched(&gvk);
            } else {
                self.metrics.watched(&gvk, up, self.limit(&entry));
            }
            match entries.get(&gvk) {
                Some(old) if same(old, &entry) => {
                    served.insert(gvk, Arc::clone(old));
                    continue;
                }
                Some(_) => {}
                None => state.to_watch.push(gvk.clone()),
            }
            for live in self.ports.cluster.list(&gvk, None) {
                state.router.follow(None, Some(&live));
                // What is wrong with an object may be right with another module.
                state.queue.press(&live.target(), Priority::Resync, None);
            }
            served.insert(gvk, entry);
        }
        *entries = Arc::new(served);
        self.sweep_later(&mut state);
        drop(state);
        drop(entries);
        self.wake.notify_one();
    }

    fn forget(&self, gvk: &Gvk, state: &mut State) {
        self.metrics.unwatched(gvk);
        for key in state.router.forget_kind(gvk) {
            state.queue.forget(&key);
            state.memories.remove(&key);
        }
    }

    /// Kinds that the file does not name any more, of which there are objects that only this host would let go: nothing is done
    /// to them, but their deletion must not hang without a word.
    fn retire(&self, old: &BTreeMap<Gvk, Arc<Entry>>, new: &mut BTreeMap<Gvk, Arc<Entry>>) {
        for (gvk, entry) in old {
            if new.contains_key(gvk) {
                continue;
            }
            let held = self.ports.cluster.list(gvk, None);
            let held = held.iter().filter(|live| entry.holds(live)).count();
            if held == 0 {
                continue;
            }
            if !entry.retired {
                tracing::warn!(kind = %gvk, objects = held, "no longer served, but the host's finalizers are on objects: their                     deletion waits; hint: serve the kind until they are deleted, or `oarlock release` them one by one");
            }
            new.insert(gvk.clone(), Arc::new(entry.retired()));
        }
    }

    /// Asks for a run of one object now.
    pub fn reconcile(&self, key: &ObjectRef) {
        let mut state = self.state.lock();
        state.queue.tell(self.ports.clock.now());
        state.queue.press(key, Priority::Live, None);
        drop(state);
        self.wake.notify_one();
    }

    /// All that objects fetched packages from in their last runs.
    pub fn upstreams(&self) -> Vec<Upstream> {
        let state = self.state.lock();
        let upstreams = state.router.dependencies.lock().upstreams();
        drop(state);
        upstreams
    }

    /// There is something new at `upstreams`: what is known of them is forgotten, and objects whose last run fetched from there
    /// run now. Gives how many.
    pub fn pushed(&self, upstreams: &[Upstream]) -> usize {
        // Forgotten first: a run that begins right now has to see what is new.
        self.ports.artifacts.forget(upstreams);
        let mut state = self.state.lock();
        let readers = state.router.dependencies.lock().on_push(upstreams);
        state.queue.tell(self.ports.clock.now());
        for key in &readers {
            state.queue.press(key, Priority::Live, None);
        }
        drop(state);
        self.wake.notify_one();
        readers.len()
    }

    /// Works until `stop`, then lets runs that are going on end.
    pub async fn run(self: Arc<Self>, stop: CancellationToken) {
        let mut runs = Runs::new();
        let mut keys: HashMap<Id, ObjectRef> = HashMap::new();
        let mut watching = Watching::new();
        let mut services = JoinSet::new();
        if let Some(postman) = self.postman.lock().take() {
            services.spawn(postman.run(Arc::clone(&self.outside)));
        }
        while !stop.is_cancelled() {
            self.start_watches(&mut watching);
            self.sweep();
            self.start_runs(&mut runs, &mut keys);
            // Without a free worker a timer that is due changes nothing: a run that ends wakes the loop.
            let idle = self.has_room(&runs);
            let timer = self.next_timer(idle);
            let timer = async {
                match timer {
                    Some(at) => self.ports.clock.sleep_until(at).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                // In one order, so that equal runs of a simulation are equal: what ends goes before what begins.
                biased;
                () = stop.cancelled() => {}
                Some(result) = runs.join_next_with_id(), if !runs.is_empty() => {
                    self.file(result, &mut keys);
                }
                Some((gvk, result)) = join(&mut watching) => watched(&gvk, &result),
                () = self.wake.notified() => {}
                () = timer => {}
            }
        }
        self.drain(runs, keys, services).await;
    }

    /// Lets runs that are going on end, then what they had to tell go out. None begins any more.
    async fn drain(
        &self,
        mut runs: Runs,
        mut keys: HashMap<Id, ObjectRef>,
        mut services: JoinSet<()>,
    ) {
        let drained = tokio::time::timeout(self.options.drain, async {
            while let Some(result) = runs.join_next_with_id().await {
                self.file(result, &mut keys);
            }
            self.ports.notices.close();
            while services.join_next().await.is_some() {}
        });
        if drained.await.is_err() {
            tracing::warn!(
                runs = runs.len(),
                after = ?self.options.drain,
                "reconciles or notices did not end in time; they are dropped"
            );
        }
        runs.shutdown().await;
        services.shutdown().await;
    }

    fn next_timer(&self, idle: bool) -> Option<Timestamp> {
        let state = self.state.lock();
        let run = state.queue.next_timer().filter(|_| idle);
        run.into_iter().chain(state.sweep).min()
    }

    fn start_watches(&self, watching: &mut Watching) {
        for gvk in std::mem::take(&mut self.state.lock().to_watch) {
            let kinds = Arc::clone(&self.ports.kinds);
            watching.spawn(async move {
                let result = kinds.watch(&gvk).await;
                (gvk, result)
            });
        }
    }

    /// Whatever a run or a new file no longer needs is seen some time later.
    fn sweep_later(&self, state: &mut State) {
        let later = || self.ports.clock.now().after(kinds::GRACE);
        state.sweep.get_or_insert_with(later);
    }

    /// Ends the watches of kinds that are neither reconciled nor written, read nor owned.
    fn sweep(&self) {
        // Both, as [`Self::serve`] does: an entry that comes just now is seen.
        let mut entries = self.entries.lock();
        let mut state = self.state.lock();
        if state.sweep.is_none_or(|at| at > self.ports.clock.now()) {
            return;
        }
        let cluster = &*self.ports.cluster;
        let held = |gvk: &Gvk, entry: &Entry| {
            let live = cluster.list(gvk, None);
            live.iter().any(|live| entry.holds(live))
        };
        let (left, over): (BTreeMap<_, _>, BTreeMap<_, _>) = entries
            .iter()
            .map(|(gvk, entry)| (gvk.clone(), Arc::clone(entry)))
            .partition(|(gvk, entry)| !entry.retired || held(gvk, entry));
        for gvk in over.keys() {
            self.forget(gvk, &mut state);
        }
        *entries = Arc::new(left);
        let swept = self.ports.kinds.sweep(|gvk| {
            let written = |entry: &Arc<Entry>| entry.child_kinds(cluster).contains(gvk);
            entries.contains_key(gvk)
                || entries.values().any(written)
                || state.router.needs(gvk, cluster)
        });
        for gvk in &swept.ended {
            state.router.unwatched(gvk);
        }
        state.sweep = swept.again;
    }

    /// Whether a worker is free: a run that waits for somebody outside, or for room, holds none.
    fn has_room(&self, runs: &Runs) -> bool {
        runs.len().saturating_sub(self.waits.count()) < self.options.workers.get()
    }

    fn start_runs(self: &Arc<Self>, runs: &mut Runs, keys: &mut HashMap<Id, ObjectRef>) {
        let entries = Arc::clone(&self.entries.lock());
        let limit = |gvk: &Gvk| {
            let entry = entries.get(gvk);
            entry.map_or(usize::MAX, |entry| self.limit(entry))
        };
        while self.has_room(runs) {
            let now = self.ports.clock.now();
            let mut state = self.state.lock();
            let Some(Taken { key, since }) = state.queue.take(now, limit) else {
                return;
            };
            let Some(entry) = entries.get(&key.gvk).cloned() else {
                state.queue.done(&key, &[], None);
                state.queue.forget(&key);
                continue;
            };
            if !state.shard.owns(&key) {
                self.pass_over(&mut state, &entry, &key);
                continue;
            }
            state.shard.begins(&key);
            let mut memory = state.memories.remove(&key).unwrap_or_default();
            drop(state);
            self.metrics.began(&key.gvk, now.since(since));
            let engine = Arc::clone(self);
            let object = key.clone();
            let span = self.span(&key);
            let run = async move {
                let ended = run::reconcile(&engine.ports, &entry, &object, &mut memory).await;
                (memory, ended)
            };
            let run = runs.spawn(run.instrument(span));
            self.state.lock().shard.began(&key, run.clone());
            keys.insert(run.id(), key);
        }
    }

    /// Runs at a time of a watch.
    fn limit(&self, entry: &Entry) -> usize {
        entry
            .watch
            .workers
            .map_or(self.options.workers_per_watch.get(), |own| {
                own.get() as usize
            })
    }

    /// The context of all that a run logs. Fields are named as controller-runtime does, and `controller` is that of the
    /// metrics; the object's name is in `object`, since a span has a name already.
    fn span(&self, key: &ObjectRef) -> tracing::Span {
        tracing::info_span!(
            "reconcile",
            controller = metrics::name(&key.gvk),
            namespace = key.namespace.as_deref().unwrap_or_default(),
            object = %key,
            reconcileID = format!("{:014x}", self.numbers.next()),
        )
    }

    fn file(
        &self,
        result: Result<(Id, (Memory, Ended)), tokio::task::JoinError>,
        keys: &mut HashMap<Id, ObjectRef>,
    ) {
        let (id, memory, ended) = match result {
            Ok((id, (memory, ended))) => (id, memory, ended),
            Err(error) if error.is_cancelled() => {
                let ended = Ended {
                    forget: true,
                    ..Ended::default()
                };
                (error.id(), Memory::default(), ended)
            }
            Err(error) => {
                // A bug of the host: the object is tried again, and nobody else is affected.
                tracing::error!(%error, "a reconcile panicked");
                let id = error.id();
                if let Some(key) = keys.get(&id) {
                    self.metrics.panicked(&key.gvk);
                }
                let again = self.ports.clock.now().after(backoff::delay(3, 0));
                let ended = Ended {
                    next: Some((again, Priority::Timer)),
                    problem: Some(Reason::HostFailed),
                    ..Ended::default()
                };
                (id, Memory::default(), ended)
            }
        };
        let Some(key) = keys.remove(&id) else {
            return;
        };
        let now = self.ports.clock.now();
        let entries = Arc::clone(&self.entries.lock());
        let mut state = self.state.lock();
        self.sweep_later(&mut state);
        state.queue.tell(now);
        let took = state.queue.running_for(&key).unwrap_or_default();
        self.metrics
            .ended(&key.gvk, took, ended.problem, ended.next.is_some());
        self.metrics.deletion(&key, ended.blocked, ended.released);
        let hold = |_: Reason| now.after(backoff::hold(memory.failures.max(1)));
        let hold = ended.problem.map(hold);
        state.queue.done(&key, &ended.written, hold);
        state.shard.ended(&key);
        // The watch may have been taken out during the run, or the object given away.
        if ended.forget || !entries.contains_key(&key.gvk) || !state.shard.owns(&key) {
            state.queue.release(&key);
            state.router.dependencies.lock().forget(&key);
            return;
        }
        if let Some(reads) = ended.reads {
            state.router.dependencies.lock().set(&key, reads);
        }
        if let Some((at, priority)) = ended.next {
            state.queue.schedule(&key, at, priority);
        }
        state.memories.insert(key, memory);
    }
}

/// How the engine hears of changes. Does not keep it alive: the cluster keeps its listeners, and the engine its cluster.
struct Ear(Weak<Engine>);

impl Listener for Ear {
    fn changed(&self, change: Change) {
        let Some(engine) = self.0.upgrade() else {
            return;
        };
        let entries = Arc::clone(&engine.entries.lock());
        let mut state = engine.state.lock();
        state.queue.tell(engine.ports.clock.now());
        let State { queue, router, .. } = &mut *state;
        router.route(&change, &entries, queue);
        drop(state);
        engine.wake.notify_one();
    }
}

/// Whether an entry does the same as before.
fn same(old: &Entry, new: &Entry) -> bool {
    let equal = |a: &Arc<dyn Reconciler>, b: &Arc<dyn Reconciler>| {
        a.digest() == b.digest() && a.libraries() == b.libraries()
    };
    let module = match (&old.module, &new.module) {
        (Module::Serving(a), Module::Serving(b)) => equal(a, b),
        (Module::LastGood(a, p), Module::LastGood(b, q)) => equal(a, b) && p == q,
        (Module::Down(p), Module::Down(q)) => p == q,
        _ => false,
    };
    module && old.retired == new.retired && old.watch.same_as(&new.watch)
}

/// The next of `set`, never when it is empty.
async fn join<T: 'static>(set: &mut JoinSet<T>) -> Option<T> {
    match set.join_next().await {
        Some(Ok(value)) => Some(value),
        Some(Err(_)) | None => std::future::pending().await,
    }
}

fn watched(gvk: &Gvk, result: &Result<(), ReadError>) {
    match result {
        Ok(()) => tracing::info!(kind = %gvk, "watching"),
        Err(ReadError::UnknownKind(_)) => {
            tracing::info!(kind = %gvk, "not served yet; hint: apply its CustomResourceDefinition. It is picked up by itself");
        }
        Err(error) => tracing::warn!(kind = %gvk, %error, "not watched yet; it is tried again"),
    }
}
