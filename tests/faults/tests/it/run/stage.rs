//! The stage: a cluster, an operator that lives and dies, and the agenda of what happens when.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use oarlock_config::Watch;
use oarlock_core::reconciler::Reconciler;
use oarlock_core::timestamp::Timestamp;
use oarlock_devcluster::resource::ResourceId;
use oarlock_devcluster::store::{DeleteOptions, Write};
use oarlock_devcluster::{DevCluster, Store, VirtualClock};
use oarlock_engine::Module;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::chance::Chance;
use crate::chronicle::Chronicle;
use crate::faults::{Fault, Injector, Mishap, OF_TIMES, Profile};
use crate::operator::{Home, Operator, Served};
use crate::outside::Outside;
use crate::play::{Deed, Place, Play, Story, all};
use crate::unreliable::{Unreliable, Watchman};

const CRDS: ResourceId = ResourceId::of("apiextensions.k8s.io", "customresourcedefinitions");
const PODS: ResourceId = ResourceId::of("", "pods");

/// Changes that the store remembers: all that happens in a run.
const HISTORY: usize = 1 << 20;

/// Faults that are drawn by time happen before this.
const STORM: Duration = Duration::from_secs(150);

/// How long the operator is away at most before it is started again.
const LONGEST_ABSENCE: Duration = Duration::from_secs(20);

/// How long a module is broken at most.
const LONGEST_OUTAGE: Duration = Duration::from_secs(40);

/// How long users wait for an object to go, faults or not.
const LONGEST_WAIT: Duration = Duration::from_secs(1800);

/// Who writes as a user.
const USER: &str = "kubectl";

pub(super) struct Stage {
    pub(super) home: Home,
    pub(super) chronicle: Chronicle,
    /// Cancelled when somebody runs in a circle.
    pub(super) flood: CancellationToken,
    pub(super) watchman: Arc<Watchman>,
    watch: Watch,
    module: Arc<dyn Reconciler>,
    /// Which build of the module is current.
    build: u32,
    served: Served,
    operator: Option<Operator>,
    lives: usize,
    agenda: BTreeMap<(Timestamp, usize), Item>,
    items: usize,
}

/// What happens at a time.
enum Item {
    /// The act of this index.
    Act(usize),
    Fault(Fault, String),
    /// The module that the watch names works again.
    Repair,
    Start,
}

impl Stage {
    pub(super) fn set(
        play: &dyn Play,
        story: &Story,
        seed: u64,
        profile: Profile,
        spared: BTreeSet<Mishap>,
    ) -> Self {
        let start = Timestamp::parse_rfc3339("2026-11-02T09:00:00Z").unwrap();
        let clock = Arc::new(VirtualClock::new(start, 1.0));
        let cluster = DevCluster::builder()
            .clock(Arc::clone(&clock))
            .history(HISTORY)
            .seed(1)
            .start();
        let store = cluster.store();
        let flood = CancellationToken::new();
        let chronicle = Chronicle::begin(store, Arc::clone(&clock), flood.clone());
        for definition in play.definitions() {
            let written = store.create(&CRDS, "", definition, &Write::by(USER));
            written.unwrap();
        }
        for object in &story.before {
            apply(store, object.clone()).unwrap();
        }
        let injector = Injector::new(
            Chance::new(seed),
            profile,
            Arc::clone(&clock),
            spared,
            flood.clone(),
        );
        let outside = Outside::new(injector.clone(), play.witness(store));
        let (watch, module) = play.served(seed);
        let mut stage = Self {
            home: Home {
                cluster,
                clock,
                injector,
                requests: Arc::default(),
                outside: Arc::new(outside),
                artifacts: play.artifacts(),
            },
            chronicle,
            flood,
            watchman: Arc::default(),
            watch,
            module,
            build: 0,
            served: Served::new(),
            operator: None,
            lives: 0,
            agenda: BTreeMap::new(),
            items: 0,
        };
        stage.served = stage.good();
        stage
    }

    pub(super) fn now(&self) -> Timestamp {
        self.home.clock.now()
    }

    fn store(&self) -> &Store {
        self.home.cluster.store()
    }

    /// The module as it should be.
    fn good(&self) -> Served {
        let module = Unreliable::new(
            Arc::clone(&self.module),
            self.build,
            self.home.injector.clone(),
            Arc::clone(&self.watchman),
        );
        vec![(self.watch.clone(), Module::Serving(Arc::new(module)))]
    }

    pub(super) fn begin(&mut self) {
        self.start();
        let injector = self.home.injector.clone();
        for fault in OF_TIMES {
            let rate = injector.profile.rate(*fault);
            for number in 0..rate.div_ceil(50) {
                let place = format!("time {number}");
                let mut draw = injector.draw(&format!("{fault:?}"), &place);
                let at = self.now().after(draw.time(STORM));
                self.plan(at, Item::Fault(*fault, place));
            }
        }
    }

    fn plan(&mut self, at: Timestamp, item: Item) {
        self.items += 1;
        self.agenda.insert((at, self.items), item);
    }

    /// Plans the act of this index, if there is one.
    fn next_act(&mut self, story: &Story, index: usize) {
        if let Some(act) = story.acts.get(index) {
            let mut draw = self.home.injector.draw("act", &index.to_string());
            let at = self.now().after(act.after + draw.time(act.within));
            self.plan(at, Item::Act(index));
        }
    }

    /// The story, with all that goes wrong meanwhile. Gives what the users waited for in vain.
    pub(super) async fn act(&mut self, story: &Story) -> Vec<String> {
        let mut violations = Vec::new();
        self.next_act(story, 0);
        let patience = self.now().after(LONGEST_WAIT);
        while let Some((at, _)) = self.agenda.keys().next().copied() {
            let over = tokio::select! {
                biased;
                () = died(self.operator.as_ref()) => false,
                () = self.home.injector.until(at) => true,
            };
            if !over {
                self.bury().await;
                continue;
            }
            let Some((_, item)) = self.agenda.pop_first() else {
                break;
            };
            match item {
                Item::Act(index) => {
                    let deed = &story.acts[index].deed;
                    if self.do_it(deed) {
                        self.next_act(story, index + 1);
                    } else if self.now() > patience {
                        violations.push(format!("not in {LONGEST_WAIT:?}: {deed}"));
                    } else {
                        self.plan(self.now().after(Duration::from_secs(1)), Item::Act(index));
                    }
                }
                Item::Fault(fault, place) => self.suffer(fault, &place).await,
                Item::Repair => self.repair(),
                Item::Start => self.start(),
            }
        }
        violations
    }

    /// Whether it is done.
    fn do_it(&self, deed: &Deed) -> bool {
        let (store, workloads) = (self.store(), self.home.cluster.workloads());
        let result = match deed {
            Deed::Apply(object) => apply(store, object.clone()),
            Deed::Patch(place, patch) => edit(store, place, patch),
            Deed::Delete(place) => {
                let options = DeleteOptions::default();
                let result = store.delete(&place.resource, place.namespace, &place.name, &options);
                result.map(drop)
            }
            Deed::Gone(place) | Deed::There(place) => {
                let found = store.get(&place.resource, place.namespace, &place.name);
                if found.is_ok() != matches!(deed, Deed::There(_)) {
                    return false;
                }
                Ok(())
            }
            Deed::Until(place, pointer, value) => {
                let found = store.get(&place.resource, place.namespace, &place.name);
                let is_so = found.is_ok_and(|found| found.pointer(pointer) == Some(value));
                if !is_so {
                    return false;
                }
                Ok(())
            }
            Deed::Wish(place, verb) => wish(store, place, verb),
            Deed::Behave(pattern, behaviour) => {
                workloads.add(pattern.clone(), *behaviour);
                Ok(())
            }
            Deed::BehaveWell => {
                workloads.clear();
                Ok(())
            }
        };
        // What is not there yet, because of all that went wrong, cannot be edited: users have to live with that.
        let answer = match result {
            Ok(()) => String::new(),
            Err(refusal) => format!(" ({})", refusal.message),
        };
        self.home.injector.tell(format!("user: {deed}{answer}"));
        true
    }

    async fn suffer(&mut self, fault: Fault, place: &str) {
        let injector = self.home.injector.clone();
        let mut draw = injector.draw("outage", &format!("{fault:?} {place}"));
        let is_about_operator = matches!(fault, Fault::Killed | Fault::Restarted);
        if is_about_operator && self.operator.is_none() || !injector.happens(fault, place) {
            return;
        }
        let repair = self.now().after(draw.time(LONGEST_OUTAGE));
        match fault {
            Fault::Killed => self.bury().await,
            Fault::Restarted => {
                if let Some(operator) = self.operator.take() {
                    operator.stop().await;
                    self.watchman.forget();
                    self.start();
                }
            }
            Fault::ModuleDown => {
                let why = "injected: canary.wasm is not there".to_owned();
                self.serve(vec![(self.watch.clone(), Module::Down(why))]);
                self.plan(repair, Item::Repair);
            }
            Fault::ModuleBroken => {
                let mut served = self.good();
                if let Some((_, module)) = served.first_mut()
                    && let Some(serving) = module.serving().cloned()
                {
                    *module = Module::LastGood(serving, "injected: broken".to_owned());
                }
                self.serve(served);
                self.plan(repair, Item::Repair);
            }
            Fault::ModuleSwapped => {
                self.build += 1;
                self.serve(self.good());
            }
            Fault::PodLost => {
                let pods = all(self.store(), &PODS);
                if !pods.is_empty() {
                    let name = &draw.pick(&pods)["metadata"]["name"];
                    let options = DeleteOptions::default();
                    let name = name.as_str().unwrap_or_default();
                    // It may be on its way out.
                    let _gone = self.store().delete(&PODS, "default", name, &options);
                }
            }
            Fault::Compacted => {
                self.chronicle.caught_up().await;
                self.store().compact();
            }
            other => unreachable!("{other:?} happens at a place"),
        }
    }

    fn repair(&mut self) {
        let good = self.good();
        self.serve(good);
    }

    fn serve(&mut self, served: Served) {
        self.served = served;
        if let Some(operator) = &self.operator {
            operator.serve(self.served.clone());
        }
    }

    fn start(&mut self) {
        if self.operator.is_none() {
            self.lives += 1;
            self.operator = Some(Operator::start(&self.home, self.lives, &self.served));
        }
    }

    /// Takes a dead operator away, and plans the next life.
    async fn bury(&mut self) {
        if let Some(operator) = self.operator.take() {
            operator.kill().await;
            self.watchman.forget();
            let mut draw = self.home.injector.draw("absence", &self.lives.to_string());
            let at = self.now().after(draw.time(LONGEST_ABSENCE));
            self.plan(at, Item::Start);
        }
    }

    /// Ends all faults, and all that they left behind.
    pub(super) async fn mend(&mut self) {
        self.home.injector.end();
        self.home.cluster.workloads().clear();
        if let Some(operator) = &self.operator
            && operator.is_dead()
        {
            self.bury().await;
        }
        self.agenda.clear();
        self.repair();
        self.start();
    }

    pub(super) async fn pass(&self, time: Duration) {
        self.home.injector.until(self.now().after(time)).await;
    }

    /// Clears away.
    pub(super) async fn strike(&mut self) {
        if let Some(operator) = self.operator.take() {
            operator.kill().await;
        }
        self.home.cluster.shutdown().await;
    }
}

async fn died(operator: Option<&Operator>) {
    match operator {
        Some(operator) => operator.died().await,
        None => std::future::pending().await,
    }
}

type Result<T> = std::result::Result<T, oarlock_devcluster::Status>;

fn apply(store: &Store, object: Value) -> Result<()> {
    let text = |pointer: &str| object.pointer(pointer).and_then(Value::as_str);
    let (version, kind) = (text("/apiVersion").unwrap(), text("/kind").unwrap());
    let resource = store.resource_of(version, kind).unwrap();
    let namespace = text("/metadata/namespace").unwrap_or_default().to_owned();
    let name = text("/metadata/name").unwrap().to_owned();
    store.apply(
        &resource.id,
        &namespace,
        &name,
        object,
        true,
        &Write::by(USER),
    )?;
    Ok(())
}

fn edit(store: &Store, place: &Place, patch: &Value) -> Result<()> {
    let change = |object: &mut Value| {
        merge(object, patch);
        Ok(())
    };
    let write = Write::by(USER);
    store.modify(
        &place.resource,
        place.namespace,
        &place.name,
        None,
        &write,
        change,
    )?;
    Ok(())
}

/// As `oarlock abort` and `oarlock promote` write it.
fn wish(store: &Store, place: &Place, verb: &str) -> Result<()> {
    let live = store.get(&place.resource, place.namespace, &place.name)?;
    let revision = &live["status"]["currentRevision"];
    edit(
        store,
        place,
        &json!({"spec": {"control": {verb: revision}}}),
    )
}

/// RFC 7386.
fn merge(value: &mut Value, patch: &Value) {
    let Value::Object(fields) = patch else {
        *value = patch.clone();
        return;
    };
    if !value.is_object() {
        *value = json!({});
    }
    for (key, patch) in fields {
        if patch.is_null() {
            value.as_object_mut().unwrap().remove(key);
        } else {
            merge(&mut value[key], patch);
        }
    }
}
