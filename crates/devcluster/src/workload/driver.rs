//! Carries out what the controllers decide: follows the store, keeps timers, writes.
//!
//! One task looks at one object at a time. Its own writes go into its picture at once, so that no decision is made on a
//! state that it has itself changed; writes of others show as conflicts, after which the object is looked at again.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use oarlock_core::clock::Clock;
use oarlock_core::timestamp::Timestamp;
use serde_json::Value;
use tokio::sync::watch;

use self::timers::Timers;
use super::action::{Action, Body, Decision, Kind};
use super::cache::{Cache, Work};
use super::job::Tally;
use super::kubelet::Life;
use super::ownership::{name, namespace, uid};
use super::settings::{Settings, Workloads};
use crate::status::{Reason, Status};
use crate::store::{
    Change, DeleteOptions, Deleted, Key, ListOptions, Preconditions, Propagation, Store, Watch,
    Write,
};

mod nodes;
mod reconcile;
mod timers;

/// The field manager of all controllers but the kubelet.
const CONTROLLERS: &str = "kube-controller-manager";

/// Objects looked at before other tasks get a turn.
const TURN: usize = 64;

/// First pause after a refused write; doubles up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(5);
/// The limit of the controllers' rate limiter.
const LONGEST_PAUSE: Duration = Duration::from_secs(1000);

/// The state of all controllers.
pub(super) struct Driver {
    store: Store,
    clock: Arc<dyn Clock>,
    settings: Settings,
    cache: Cache,
    queue: BTreeSet<Work>,
    timers: Timers,
    failures: HashMap<Work, u32>,
    /// By uid of the pod.
    lives: HashMap<String, Life>,
    /// By uid of the Job.
    tallies: HashMap<String, Tally>,
    /// Pod addresses handed out.
    addresses: u32,
}

/// What woke the driver.
enum Event {
    Change(Option<Result<Arc<Change>, Status>>),
    Settings,
    Timer,
}

impl Driver {
    pub(super) fn new(store: Store, settings: Settings) -> Self {
        let clock = Arc::clone(store.clock());
        Self {
            store,
            clock,
            settings,
            cache: Cache::default(),
            queue: BTreeSet::new(),
            timers: Timers::default(),
            failures: HashMap::new(),
            lives: HashMap::new(),
            tallies: HashMap::new(),
            addresses: 0,
        }
    }

    /// Works until the store is gone.
    pub(super) async fn run(mut self, workloads: Workloads) {
        let mut settings = workloads.subscribe();
        self.register_node();
        loop {
            let watch = match self.relist() {
                Ok(watch) => watch,
                Err(refusal) => {
                    tracing::error!(%refusal, "workload controllers cannot list and stop");
                    return;
                }
            };
            if !self.follow(watch, &mut settings).await {
                return;
            }
        }
    }

    /// Follows the store; `true` when the watch has fallen behind and everything must be listed again.
    async fn follow(&mut self, mut watch: Watch, settings: &mut watch::Receiver<Settings>) -> bool {
        loop {
            match self.work(&mut watch).await {
                Ok(()) => {}
                Err(Ended::Behind) => return true,
                Err(Ended::Closed) => return false,
            }
            let event = match self.timers.next() {
                Some(deadline) => {
                    tokio::select! {
                        // In one order, so that equal runs are equal; each look takes up all that there is.
                        biased;
                        change = watch.next() => Event::Change(change),
                        _ = settings.changed() => Event::Settings,
                        () = self.clock.sleep_until(deadline) => Event::Timer,
                    }
                }
                None => {
                    tokio::select! {
                        biased;
                        change = watch.next() => Event::Change(change),
                        _ = settings.changed() => Event::Settings,
                    }
                }
            };
            match event {
                Event::Change(Some(Ok(change))) => self.see(&change),
                Event::Change(Some(Err(_))) => return true,
                Event::Change(None) => return false,
                Event::Settings => {
                    self.settings = settings.borrow_and_update().clone();
                    let pods = self.cache.pods.keys().cloned();
                    self.queue.extend(pods.map(|key| Work {
                        kind: Kind::Pod,
                        key,
                    }));
                }
                // Due timers are taken up together with the changes that have come meanwhile.
                Event::Timer => {}
            }
        }
    }

    /// Looks at everything that has to be looked at now.
    async fn work(&mut self, watch: &mut Watch) -> Result<(), Ended> {
        let mut turn = 0;
        loop {
            self.catch_up(watch)?;
            self.queue.extend(self.timers.due(self.clock.now()));
            let Some(work) = self.queue.pop_first() else {
                return Ok(());
            };
            self.reconcile(work);
            turn += 1;
            if turn % TURN == 0 {
                tokio::task::yield_now().await;
            }
        }
    }

    fn catch_up(&mut self, watch: &mut Watch) -> Result<(), Ended> {
        loop {
            match watch.try_next() {
                Some(Ok(Some(change))) => self.see(&change),
                Some(Ok(None)) => return Ok(()),
                Some(Err(_)) => return Err(Ended::Behind),
                None => return Err(Ended::Closed),
            }
        }
    }

    /// Builds the picture anew. The watch is opened first: what comes in between is seen twice, which does no harm.
    fn relist(&mut self) -> Result<Watch, Status> {
        let watch = self.store.watch(None, None)?;
        self.cache = Cache::default();
        for kind in Kind::ALL {
            let listing = self
                .store
                .list(&kind.resource(), None, &ListOptions::default())?;
            for object in &listing.items {
                self.take(kind, object);
            }
        }
        self.queue = self.cache.everything();
        Ok(watch)
    }

    /// Takes a change of the store into the picture.
    fn see(&mut self, change: &Change) {
        let Some(kind) = Kind::ALL
            .into_iter()
            .find(|kind| kind.resource() == change.resource)
        else {
            return;
        };
        if change.removed {
            self.forget(kind, &change.key, &change.object);
        } else {
            self.take(kind, &change.object);
        }
    }

    fn take(&mut self, kind: Kind, object: &Value) {
        let body = match Body::parse(kind, object) {
            Ok(body) => body,
            Err(error) => {
                tracing::warn!(kind = kind.name(), %error, "object is passed over: it cannot be read");
                return;
            }
        };
        let meta = body.meta().clone();
        let key = Key::new(namespace(&meta), name(&meta));
        let before = self.cache.meta(kind, &key);
        if !self.cache.put(&key, revision(object), body) {
            return;
        }
        // The owner it had, when it has another one now.
        if let Some(before) =
            before.filter(|before| before.owner_references != meta.owner_references)
        {
            self.queue.extend(self.cache.concerned(kind, &key, &before));
        }
        self.queue.extend(self.cache.concerned(kind, &key, &meta));
    }

    fn forget(&mut self, kind: Kind, key: &Key, last: &Value) {
        let Some(meta) = self.cache.meta(kind, key) else {
            return;
        };
        if !self.cache.remove(kind, key, revision(last)) {
            return;
        }
        let work = Work {
            kind,
            key: key.clone(),
        };
        self.timers.clear(&work);
        self.failures.remove(&work);
        match kind {
            Kind::Pod => {
                self.lives.remove(uid(&meta));
            }
            Kind::Job => {
                self.tallies.remove(uid(&meta));
            }
            _ => {}
        }
        self.queue.extend(self.cache.concerned(kind, key, &meta));
    }

    /// Carries a decision out and sets the timer; the first refusal ends it.
    fn carry_out(&mut self, work: &Work, decision: Decision) -> Result<(), Status> {
        for action in &decision.actions {
            self.act(action)?;
        }
        self.timers.set(work, decision.wake);
        Ok(())
    }

    /// Carries an action out and takes the result into the picture.
    fn act(&mut self, action: &Action) -> Result<(), Status> {
        match action {
            Action::Create(body) => {
                let (id, namespace) = (body.kind().resource(), namespace(body.meta()));
                let write = Write::by(CONTROLLERS);
                let written = self.store.create(&id, namespace, value(body)?, &write)?;
                self.take(body.kind(), &written.object);
            }
            Action::Update(body) => self.update(body, &Write::by(CONTROLLERS))?,
            Action::UpdateStatus(body) => self.update(body, &status_by(CONTROLLERS))?,
            Action::Delete(body) => {
                let options = DeleteOptions::propagating(Propagation::Background);
                self.delete(body.kind(), body.meta(), options)?;
            }
        }
        Ok(())
    }

    fn update(&mut self, body: &Body, write: &Write) -> Result<(), Status> {
        let (meta, kind) = (body.meta(), body.kind());
        let (namespace, name) = (namespace(meta), name(meta));
        let written = self
            .store
            .update(&kind.resource(), namespace, name, value(body)?, write)?;
        self.take(kind, &written.object);
        Ok(())
    }

    fn delete(
        &mut self,
        kind: Kind,
        meta: &k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta,
        options: DeleteOptions,
    ) -> Result<(), Status> {
        let options = DeleteOptions {
            preconditions: Preconditions {
                uid: meta.uid.clone(),
                resource_version: None,
            },
            ..options
        };
        let key = Key::new(namespace(meta), name(meta));
        match self
            .store
            .delete(&kind.resource(), &key.namespace, &key.name, &options)?
        {
            Deleted::Removed(last) => self.forget(kind, &key, &last),
            Deleted::Marked(object) => self.take(kind, &object),
        }
        Ok(())
    }

    /// Looks at the object again: at once when somebody else wrote in between, else after a growing pause.
    fn retry(&mut self, work: Work, refusal: &Status) {
        let failures = self.failures.entry(work.clone()).or_default();
        *failures += 1;
        let doubled = FIRST_PAUSE * 2_u32.pow((*failures - 1).min(18));
        let pause = doubled.min(LONGEST_PAUSE);
        // What was written in between has been told to the watch already, so the next look sees it.
        let expected = matches!(refusal.reason, Reason::Conflict | Reason::NotFound);
        if !expected {
            tracing::debug!(kind = work.kind.name(), key = ?work.key, %refusal, "write of a workload controller refused");
        }
        if expected && *failures == 1 {
            self.queue.insert(work);
        } else {
            self.timers.set(&work, Some(self.clock.now().after(pause)));
        }
    }

    fn now(&self) -> Timestamp {
        self.clock.now()
    }
}

/// Why following the store ended.
enum Ended {
    /// The history was forgotten past what has been seen.
    Behind,
    /// There is nothing more to follow.
    Closed,
}

fn status_by(manager: &str) -> Write {
    Write::by(manager).to(crate::store::Subresource::Status)
}

fn value(body: &Body) -> Result<Value, Status> {
    body.to_value().map_err(Status::internal)
}

fn revision(object: &Value) -> crate::store::Revision {
    object["metadata"]["resourceVersion"]
        .as_str()
        .and_then(|text| text.parse().ok())
        .unwrap_or(0)
}
