//! The loop: what may start is started, what has ended is filed, and nothing happens in between.

use std::collections::{BTreeMap, HashMap};
use std::num::NonZeroUsize;
use std::sync::{Arc, Weak};
use std::time::Duration;

use oarlock_config::Watch;
use oarlock_core::clock::Clock;
use oarlock_core::cluster::{Change, Cluster, Listener};
use oarlock_core::egress::Egress;
use oarlock_core::reconciler::ReadError;
use oarlock_core::reference::{Gvk, ObjectRef};
use parking_lot::Mutex;
use prometheus_client::registry::Registry;
use tokio::sync::Notify;
use tokio::task::{Id, JoinSet};
use tokio_util::sync::CancellationToken;

use crate::entry::{Entry, Module};
use crate::memory::Memory;
use crate::metrics::Metrics;
use crate::notices::{self, Postman};
use crate::ports::{Entropy, Ports};
use crate::queue::{Priority, Queue};
use crate::router::Router;
use crate::run::{self, Ended};
use crate::verdict::Reason;
use crate::waits::{CountedEgress, Waits};

/// Settings of an engine.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Reconciles at a time, over all watches.
    pub workers: NonZeroUsize,
    /// Reconciles at a time per watch that does not say.
    pub workers_per_watch: NonZeroUsize,
    /// Start value of the seeds that modules get; `None` takes one from the system.
    pub seed: Option<u64>,
}

impl Default for Options {
    fn default() -> Self {
        let cores = std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
        Self {
            // Most of a reconcile is waiting for the API server: more runs than cores.
            workers: cores.saturating_mul(NonZeroUsize::MIN.saturating_add(7)),
            workers_per_watch: cores.saturating_mul(NonZeroUsize::MIN.saturating_add(3)),
            seed: None,
        }
    }
}

/// How long runs that are going on may take to end after a stop.
const DRAIN: Duration = Duration::from_secs(20);

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
}

/// What changes; one lock, held for moments.
#[derive(Default)]
struct State {
    queue: Queue,
    router: Router,
    memories: HashMap<ObjectRef, Memory>,
    /// Kinds that are yet to be watched.
    to_watch: Vec<Gvk>,
}

type Runs = JoinSet<(Memory, Ended)>;
type Watching = JoinSet<(Gvk, Result<(), ReadError>)>;

impl Engine {
    /// An engine without watches. It works once [`Self::run`] is polled.
    pub fn new(
        cluster: Arc<dyn Cluster>,
        egress: Arc<dyn Egress>,
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
                cluster: Arc::clone(&cluster),
                egress: CountedEgress::new(Arc::clone(&egress), Arc::clone(&waits)),
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
        });
        cluster.subscribe(Arc::new(Ear(Arc::downgrade(&engine))));
        engine
    }

    /// Makes the engine's metrics known to `registry`.
    pub fn register_metrics(&self, registry: &mut Registry) {
        self.metrics.register(registry);
    }

    /// Serves these watches from now on. What did not change goes on undisturbed; objects whose watch or module changed are
    /// reconciled again; nothing is listed again.
    pub fn serve(&self, watches: Vec<(Watch, Module)>) {
        let new: BTreeMap<Gvk, Arc<Entry>> = watches
            .into_iter()
            .map(|(watch, module)| (watch.gvk.clone(), Arc::new(Entry::new(watch, module))))
            .collect();
        let mut entries = self.entries.lock();
        let mut state = self.state.lock();
        for gvk in entries.keys().filter(|gvk| !new.contains_key(*gvk)) {
            self.metrics.unwatched(gvk);
            for key in state.router.forget_kind(gvk) {
                state.queue.forget(&key);
                state.memories.remove(&key);
            }
        }
        let mut served = BTreeMap::new();
        for (gvk, entry) in new {
            self.metrics
                .module(&gvk, matches!(entry.module, Module::Serving(_)));
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
                state.queue.add(&live.target(), Priority::Resync, None);
            }
            served.insert(gvk, entry);
        }
        *entries = Arc::new(served);
        drop(state);
        drop(entries);
        self.wake.notify_one();
    }

    /// Asks for a run of one object now.
    pub fn reconcile(&self, key: &ObjectRef) {
        self.state.lock().queue.add(key, Priority::Live, None);
        self.wake.notify_one();
    }

    /// Works until `stop`, then lets runs that are going on end.
    pub async fn run(self: Arc<Self>, stop: CancellationToken) {
        let mut runs = Runs::new();
        let mut keys: HashMap<Id, ObjectRef> = HashMap::new();
        let mut watching = Watching::new();
        let mut services = JoinSet::new();
        if let Some(postman) = self.postman.lock().take() {
            services.spawn(postman.run(Arc::clone(&self.outside), stop.clone()));
        }
        while !stop.is_cancelled() {
            self.start_watches(&mut watching);
            self.start_runs(&mut runs, &mut keys);
            // Without a free worker a timer that is due changes nothing: a run that ends wakes the loop.
            let idle = self.has_room(&runs);
            let timer = self.state.lock().queue.next_timer().filter(|_| idle);
            let timer = async {
                match timer {
                    Some(at) => self.ports.clock.sleep_until(at).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = stop.cancelled() => {}
                () = self.wake.notified() => {}
                Some((gvk, result)) = join(&mut watching) => watched(&gvk, &result),
                Some(result) = runs.join_next_with_id(), if !runs.is_empty() => {
                    self.file(result, &mut keys);
                }
                () = timer => {}
            }
        }
        let drained = tokio::time::timeout(DRAIN, async {
            while let Some(result) = runs.join_next_with_id().await {
                self.file(result, &mut keys);
            }
        });
        if drained.await.is_err() {
            tracing::warn!(
                runs = runs.len(),
                "reconciles did not end in time; they are dropped"
            );
        }
        services.shutdown().await;
    }

    fn start_watches(&self, watching: &mut Watching) {
        for gvk in std::mem::take(&mut self.state.lock().to_watch) {
            let cluster = Arc::clone(&self.ports.cluster);
            watching.spawn(async move {
                let result = cluster.watch(&gvk).await;
                (gvk, result)
            });
        }
    }

    /// Whether a worker is free: a run that waits for somebody outside holds none.
    fn has_room(&self, runs: &Runs) -> bool {
        runs.len().saturating_sub(self.waits.count()) < self.options.workers.get()
    }

    fn start_runs(self: &Arc<Self>, runs: &mut Runs, keys: &mut HashMap<Id, ObjectRef>) {
        let entries = Arc::clone(&self.entries.lock());
        let limit = |gvk: &Gvk| {
            let own = entries.get(gvk).and_then(|entry| entry.watch.workers);
            own.map_or(self.options.workers_per_watch.get(), |own| {
                own.get() as usize
            })
        };
        while self.has_room(runs) {
            let now = self.ports.clock.now();
            let mut state = self.state.lock();
            let Some(key) = state.queue.take(now, limit) else {
                self.metrics.depth(state.queue.depth());
                return;
            };
            let Some(entry) = entries.get(&key.gvk).cloned() else {
                state.queue.done(&key, &[]);
                state.queue.forget(&key);
                continue;
            };
            let mut memory = state.memories.remove(&key).unwrap_or_default();
            drop(state);
            self.metrics.began(&key.gvk);
            let engine = Arc::clone(self);
            let object = key.clone();
            let run = runs.spawn(async move {
                let ended = run::reconcile(&engine.ports, &entry, &object, &mut memory).await;
                (memory, ended)
            });
            keys.insert(run.id(), key);
        }
    }

    fn file(
        &self,
        result: Result<(Id, (Memory, Ended)), tokio::task::JoinError>,
        keys: &mut HashMap<Id, ObjectRef>,
    ) {
        let (id, memory, ended) = match result {
            Ok((id, (memory, ended))) => (id, memory, ended),
            Err(error) => {
                // A bug of the host: the object is tried again, and nobody else is affected.
                tracing::error!(%error, "a reconcile panicked");
                let again = self.ports.clock.now().after(crate::backoff::delay(3, 0));
                let ended = Ended {
                    next: Some((again, Priority::Timer)),
                    problem: Some(Reason::Failed),
                    ..Ended::default()
                };
                (error.id(), Memory::default(), ended)
            }
        };
        let Some(key) = keys.remove(&id) else {
            return;
        };
        self.metrics
            .ended(&key.gvk, ended.problem, ended.next.is_some());
        let entries = Arc::clone(&self.entries.lock());
        let mut state = self.state.lock();
        state.queue.done(&key, &ended.written);
        // The watch may have been taken out during the run.
        if ended.forget || !entries.contains_key(&key.gvk) {
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
        let State { queue, router, .. } = &mut *state;
        router.route(&change, &entries, queue);
        drop(state);
        engine.wake.notify_one();
    }
}

/// Whether an entry does the same as before.
fn same(old: &Entry, new: &Entry) -> bool {
    let module = match (&old.module, &new.module) {
        (Module::Serving(a), Module::Serving(b)) => a.digest() == b.digest(),
        (Module::LastGood(a, p), Module::LastGood(b, q)) => a.digest() == b.digest() && p == q,
        (Module::Down(p), Module::Down(q)) => p == q,
        _ => false,
    };
    module && old.watch.same_as(&new.watch)
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
