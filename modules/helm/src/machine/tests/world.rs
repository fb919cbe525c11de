//! A cluster with one release in it, in memory: it executes turns, can be killed after every single effect, and minds the
//! rules that hold whatever happens.

mod object;
mod rules;

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::time::Duration;

use serde_json::{Value, json};

use crate::hooks::Event as Moment;
use crate::hooks::course::Act;
use crate::hooks::sight::Sight;
use crate::machine::{moment, step};
use crate::record::{Hook, Status};
use crate::situation::{
    Header, Hooks, Obstacle, Readiness, Refusal, Report, Situation, TOKEN_LABEL, Unserved,
};
use crate::state::{Inputs, State, Verb};
use crate::storage::Entry;
use crate::turn::{Content, Effect, Event, Expect, RecordWrite, Requeue, Turn};
use crate::wish::{
    Actions, Chart, Common, Crds, Drift, DriftMode, Follows, Policy, Propagation, Remediation,
    Requests, Strategy, Test, Wish,
};

/// A record's Secret.
#[derive(Clone, Debug, Default)]
pub(super) struct Stored {
    pub(super) uid: u64,
    /// Namespace of the release, where a test says it.
    pub(super) namespace: String,
    pub(super) status: Status,
    pub(super) description: String,
    pub(super) labels: BTreeMap<String, String>,
    pub(super) version: u64,
    pub(super) chart: Rendered,
    pub(super) written: u64,
}

/// What a chart comes to.
#[derive(Clone, Debug, Default)]
pub(super) struct Rendered {
    pub(super) inputs: Inputs,
    pub(super) objects: Vec<String>,
    pub(super) hooks: Vec<Moment>,
    /// What a template drew: another one each time.
    pub(super) password: u64,
}

pub(super) struct World {
    pub(super) wish: Wish,
    pub(super) generation: i64,
    pub(super) now: u64,
    pub(super) deleting: bool,
    pub(super) gone: bool,
    pub(super) chart: Rendered,
    pub(super) obstacle: Option<Obstacle>,
    pub(super) state: State,
    pub(super) records: BTreeMap<u32, Stored>,
    pub(super) objects: BTreeMap<String, u64>,
    /// The revision that created each of them.
    born: BTreeMap<String, u32>,
    /// Objects that never become ready.
    pub(super) broken: BTreeSet<String>,
    /// Whether objects become ready, or go.
    pub(super) slow: bool,
    pub(super) failing: HashSet<Moment>,
    /// Objects of hooks, by name: the run that created them, and whether they ended.
    jobs: BTreeMap<String, (String, bool)>,
    begun: BTreeSet<(String, usize)>,
    /// Hooks that were begun, in order.
    pub(super) runs: Vec<String>,
    pub(super) refused: BTreeMap<String, u16>,
    /// What the API server says of Jobs that it refuses.
    pub(super) refusal: String,
    pub(super) drift: Option<Vec<String>>,
    pub(super) dependencies: Vec<String>,
    pub(super) antecedent: Option<String>,
    pub(super) unserved: Vec<Unserved>,
    pub(super) report: Option<Report>,
    /// The object, as its dialect has it.
    pub(super) object: Value,
    /// What its status said in `phase`, one after the other.
    pub(super) phases: Vec<String>,
    /// What the source calls the chart.
    pub(super) revision: Option<String>,
    /// How often something of the status was written.
    pub(super) statuses: usize,
    pub(super) events: BTreeMap<String, Event>,
    pub(super) conditions: BTreeMap<&'static str, crate::state::Note>,
    /// Whether the wish allows that it is uninstalled.
    pub(super) may_leave: bool,
    /// Single effects until it is killed.
    pub(super) fuse: Option<usize>,
    /// Status writes until one conflicts.
    pub(super) conflict: Option<usize>,
    pub(super) effects: usize,
    pub(super) writes: usize,
    clock: u64,
}

fn hook(place: usize, event: Moment) -> Hook {
    let mut hook = Hook::default();
    hook.name = format!("{}-{place}", event.as_str());
    hook.kind = "Job".into();
    hook.path = format!("podinfo/templates/hook-{place}.yaml");
    hook.events = vec![event.as_str().into()];
    hook
}

pub(super) const UID: &str = "7f8a3c52-0000-4000-8000-000000000001";

pub(super) fn inputs(version: &str, values: &str) -> Inputs {
    Inputs {
        chart_name: "podinfo".into(),
        chart_version: version.into(),
        config_digest: values.into(),
        ..Inputs::default()
    }
}

pub(super) fn remediation(retries: u32, strategy: Strategy, last: bool) -> Remediation {
    Remediation {
        retries: Some(retries),
        strategy,
        last,
        interval: None,
        ignore_test_failures: false,
    }
}

impl World {
    pub(super) fn new() -> Self {
        Self {
            wish: Wish {
                name: "web".into(),
                namespace: "shop".into(),
                storage: "shop".into(),
                chart: Chart::Local("podinfo".into()),
                values: Vec::new(),
                policy: Policy {
                    timeout: Duration::from_secs(300),
                    max_history: Some(5),
                    wait: true,
                    install_crds: Crds::Create,
                    upgrade_crds: Crds::Skip,
                    disable_hooks: false,
                    disable_take_ownership: false,
                    install_remediation: remediation(0, Strategy::Uninstall, false),
                    upgrade_remediation: remediation(0, Strategy::Rollback, false),
                    reset_values: true,
                    test: None,
                    drift: Drift {
                        mode: DriftMode::Disabled,
                        ignore: Vec::new(),
                    },
                    keep_history: false,
                    create_namespace: false,
                    propagation: Propagation::Background,
                    actions: Actions::default(),
                },
                follows: Follows::Version,
                interval: None,
                poll: None,
                requests: Requests::default(),
                warnings: Vec::new(),
                suspended: false,
                depends_on: Vec::new(),
                account: None,
                post: Vec::new(),
                common: Common::default(),
            },
            generation: 1,
            now: 1_794_312_000_000,
            deleting: false,
            gone: false,
            chart: Rendered {
                inputs: inputs("1.0.0", "a"),
                objects: vec!["Service/web".into(), "Deployment/web".into()],
                hooks: Vec::new(),
                password: 0,
            },
            obstacle: None,
            state: State::default(),
            records: BTreeMap::new(),
            objects: BTreeMap::new(),
            born: BTreeMap::new(),
            broken: BTreeSet::new(),
            slow: false,
            failing: HashSet::new(),
            jobs: BTreeMap::new(),
            begun: BTreeSet::new(),
            runs: Vec::new(),
            refused: BTreeMap::new(),
            refusal: "the API server said no".into(),
            drift: None,
            dependencies: Vec::new(),
            antecedent: None,
            unserved: Vec::new(),
            report: None,
            object: json!({
                "apiVersion": "helm.toolkit.fluxcd.io/v2",
                "kind": "HelmRelease",
                "metadata": {"name": "web", "namespace": "shop"},
            }),
            phases: Vec::new(),
            revision: None,
            statuses: 0,
            events: BTreeMap::new(),
            conditions: BTreeMap::new(),
            may_leave: false,
            fuse: None,
            conflict: None,
            effects: 0,
            writes: 0,
            clock: 0,
        }
    }

    /// With a first revision that is deployed.
    pub(super) fn installed() -> Self {
        let mut world = Self::new();
        world.settle();
        assert_eq!(world.history(), "1 deployed");
        world
    }

    pub(super) fn tests(&mut self, ignore_failures: bool) {
        self.wish.policy.test = Some(Test {
            timeout: Duration::from_secs(60),
            ignore_failures,
            only: Vec::new(),
            except: Vec::new(),
        });
        self.chart.hooks.push(Moment::Test);
    }

    /// Another version is wished for.
    pub(super) fn wants(&mut self, version: &str) {
        self.chart.inputs.chart_version = version.into();
        self.generation += 1;
    }

    pub(super) fn breaks(&mut self) {
        self.broken.insert("Deployment/web".into());
    }

    pub(super) fn heals(&mut self) {
        self.broken.clear();
    }

    pub(super) fn asks(&mut self, token: &str, force: bool, reset: bool) {
        self.wish.requests = Requests {
            reconcile: Some(token.into()),
            force: force.then(|| token.into()),
            reset: reset.then(|| token.into()),
        };
    }

    /// A record that somebody else wrote.
    pub(super) fn by_hand(
        &mut self,
        version: u32,
        status: Status,
        description: &str,
        chart: Inputs,
    ) {
        self.clock += 1;
        if status == Status::Deployed {
            for stored in self.records.values_mut() {
                if stored.status == Status::Deployed {
                    stored.status = Status::Superseded;
                    stored.version = self.clock;
                }
            }
        }
        // Helm copies labels from the revision before.
        let labels = self
            .records
            .values()
            .next_back()
            .map(|last| last.labels.clone());
        let there = self.records.get(&version).map(|stored| stored.uid);
        let stored = Stored {
            uid: there.unwrap_or(self.clock),
            namespace: String::new(),
            status,
            description: description.into(),
            labels: labels.unwrap_or_default(),
            version: self.clock,
            chart: Rendered {
                inputs: chart,
                password: self.clock,
                ..self.chart.clone()
            },
            written: self.now,
        };
        self.records.insert(version, stored);
    }

    /// Somebody writes another status into a record.
    pub(super) fn record_by_hand(&mut self, version: u32, status: Status) {
        self.clock += 1;
        let stored = self.records.get_mut(&version).unwrap();
        stored.status = status;
        stored.version = self.clock;
        stored.written = self.now;
    }

    pub(super) fn history(&self) -> String {
        let all: Vec<String> = self
            .records
            .iter()
            .map(|(version, stored)| format!("{version} {}", stored.status.as_str()))
            .collect();
        all.join(", ")
    }

    pub(super) fn counters(&self) -> (u32, u32, u32) {
        let state = &self.state;
        (
            state.failures,
            state.install_failures,
            state.upgrade_failures,
        )
    }

    pub(super) fn condition(&self, kind: &str) -> String {
        self.conditions.get(kind).map_or_else(
            || "-".into(),
            |note| format!("{:?} {}", note.is, note.reason),
        )
    }

    pub(super) fn message(&self, kind: &str) -> &str {
        self.conditions.get(kind).map_or("", |note| &note.message)
    }

    pub(super) fn reasons(&self) -> Vec<&str> {
        self.events
            .values()
            .map(|event| event.reason.as_str())
            .collect()
    }

    pub(super) fn entries(&self) -> Vec<Entry> {
        self.records
            .iter()
            .map(|(version, stored)| Entry {
                uid: stored.uid.to_string(),
                secret: crate::storage::secret_name("web", *version),
                resource_version: stored.version.to_string(),
                version: *version,
                status: stored.status.clone(),
                labels: stored.labels.clone(),
                parts: Vec::new(),
                touched: Some(stored.written),
            })
            .collect()
    }

    fn hooks(&self) -> Hooks {
        let record = self
            .state
            .action
            .as_ref()
            .and_then(|action| self.records.get(&action.revision));
        let Some(record) = record else {
            return Hooks::Over;
        };
        let hooks: Vec<Hook> = record
            .chart
            .hooks
            .iter()
            .enumerate()
            .map(|(at, event)| hook(at, *event))
            .collect();
        let action = self.state.action.as_ref().unwrap();
        let run = moment(action).map(|event| crate::situation::run(UID, action, event));
        let sight = |place: usize| match self.jobs.get(&hooks[place].name) {
            None => Sight::Absent,
            Some((of, _)) if Some(of) != run.as_ref() => Sight::Old,
            Some((_, false)) => Sight::Running,
            Some(_) if self.failing.contains(&record.chart.hooks[place]) => Sight::Failed {
                why: "job failed: BackoffLimitExceeded".into(),
            },
            Some(_) => Sight::Succeeded,
        };
        Hooks::of(
            &self.state,
            &self.wish,
            UID,
            &hooks,
            sight,
            self.now,
            self.report.as_ref(),
        )
    }

    fn readiness(&self) -> Readiness {
        let Some(action) = &self.state.action else {
            return Readiness::Reached;
        };
        if matches!(action.verb, Verb::Uninstall { .. }) {
            return match self.objects.is_empty() || !self.slow {
                true => Readiness::Reached,
                false => Readiness::Waiting("Deployment/web: terminating".into()),
            };
        }
        let stored = self.records.get(&action.revision);
        let wrong = stored.is_some_and(|stored| {
            stored
                .chart
                .objects
                .iter()
                .any(|object| self.broken.contains(object))
        });
        match self.slow || wrong {
            true => Readiness::Waiting(
                "resource Deployment/shop/web not ready. status: InProgress".into(),
            ),
            false => Readiness::Reached,
        }
    }

    pub(super) fn decide(&self) -> Turn {
        let history = self.entries();
        let newest = self.records.values().next_back().map(|stored| Header {
            namespace: stored.namespace.clone(),
            description: stored.description.clone(),
            chart_name: stored.chart.inputs.chart_name.clone(),
            chart_version: stored.chart.inputs.chart_version.clone(),
            config_digest: stored.chart.inputs.config_digest.clone(),
            last_deployed: Some(stored.written),
        });
        step(
            &self.state,
            &Situation {
                wish: &self.wish,
                generation: self.generation,
                uid: UID,
                now: self.now,
                deleting: self.deleting,
                inputs: self
                    .obstacle
                    .clone()
                    .map_or_else(|| Ok(self.chart.inputs.clone()), Err),
                history: &history,
                newest,
                dependencies: &self.dependencies,
                antecedent: self.antecedent.as_deref(),
                report: self.report.clone(),
                hooks: self.hooks(),
                tests: self.tests_of_newest(),
                readiness: self.readiness(),
                drift: self.drift.as_deref(),
                unserved: &self.unserved,
            },
        )
    }

    fn tests_of_newest(&self) -> usize {
        let newest = self.records.values().next_back();
        let events = newest.map_or(&[][..], |stored| &stored.chart.hooks);
        let hooks = events
            .iter()
            .enumerate()
            .map(|(at, event)| hook(at, *event));
        crate::hooks::tests(&hooks.collect::<Vec<_>>(), &self.wish)
    }

    /// One run. None when it was killed.
    pub(super) fn run(&mut self) -> Option<Turn> {
        let turn = self.decide();
        let before = self.state.clone();
        // The state survives being written and read.
        let json = serde_json::to_string(&turn.state).unwrap();
        assert_eq!(
            serde_json::from_str::<State>(&json).unwrap(),
            turn.state,
            "{json}"
        );
        for (_, ended) in self.jobs.values_mut() {
            *ended = true;
        }
        self.check(&turn);
        self.report = None;
        let mut refused = None;
        for effect in &turn.effects {
            match self.apply(effect) {
                Ok(()) => {}
                Err(None) => return None,
                Err(Some(refusal)) => {
                    refused = Some(refusal);
                    break;
                }
            }
        }
        let taken = refused.is_none();
        self.report = Some(Report {
            tag: turn.tag.clone(),
            refused,
        });
        if taken && self.burn() {
            self.report = None;
            return None;
        }
        if taken {
            if turn.state != before {
                self.writes += 1;
                if let Some(left) = &mut self.conflict {
                    if *left == 0 {
                        self.conflict = None;
                        return Some(turn);
                    }
                    *left -= 1;
                }
            }
            self.tell(&before, &turn);
            self.state = turn.state.clone();
            for condition in &turn.conditions {
                self.conditions
                    .insert(condition.kind, condition.note.clone());
            }
            for event in &turn.events {
                self.events
                    .entry(event.key.clone())
                    .or_insert_with(|| event.clone());
            }
            self.gone = turn.finalized && self.deleting;
        }
        Some(turn)
    }

    /// Whether it is killed here.
    fn burn(&mut self) -> bool {
        self.effects += 1;
        match &mut self.fuse {
            Some(0) => {
                self.fuse = None;
                self.report = None;
                true
            }
            Some(left) => {
                *left -= 1;
                false
            }
            None => false,
        }
    }

    fn apply(&mut self, effect: &Effect) -> Result<(), Option<Refusal>> {
        match effect {
            Effect::Record(write) => self.write(write),
            Effect::Forget { revision } => {
                if self.burn() {
                    return Err(None);
                }
                self.records.remove(revision);
                Ok(())
            }
            Effect::Ground => match self.burn() {
                true => Err(None),
                false => Ok(()),
            },
            Effect::Objects { of, against } => {
                let chart = self.records[of].chart.clone();
                for object in &chart.objects {
                    if self.burn() {
                        return Err(None);
                    }
                    if let Some(code) = self.refused.get(object) {
                        return Err(Some(Refusal {
                            target: object.clone(),
                            code: *code,
                            message: "the API server said no".into(),
                        }));
                    }
                    if self
                        .objects
                        .insert(object.clone(), chart.password)
                        .is_none()
                    {
                        self.born.insert(object.clone(), *of);
                    }
                }
                let old: Vec<String> = against
                    .iter()
                    .filter_map(|version| self.records.get(version))
                    .flat_map(|stored| stored.chart.objects.clone())
                    .filter(|object| !chart.objects.contains(object))
                    .collect();
                self.remove(&old)
            }
            Effect::Remove { of } => {
                let old: Vec<String> = of
                    .iter()
                    .filter_map(|version| self.records.get(version))
                    .flat_map(|stored| stored.chart.objects.clone())
                    .collect();
                self.remove(&old)
            }
            Effect::Clean { of, besides } => {
                let stays: Vec<String> = besides
                    .iter()
                    .filter_map(|version| self.records.get(version))
                    .flat_map(|stored| stored.chart.objects.clone())
                    .collect();
                let born = |object: &&String| self.born.get(*object) == Some(of);
                let made = self.records[of].chart.objects.iter();
                let made = made.filter(born).filter(|object| !stays.contains(object));
                let made: Vec<String> = made.cloned().collect();
                if let Some(code) = self.refused.get("clean") {
                    return Err(Some(Refusal {
                        target: made.join(" "),
                        code: *code,
                        message: "the API server said no".into(),
                    }));
                }
                self.remove(&made)
            }
            Effect::Hook { of, act, run } => {
                if self.burn() {
                    return Err(None);
                }
                let (Act::Create(place) | Act::Delete(place)) = act else {
                    panic!("no act: {act:?}");
                };
                let event = self.records[of].chart.hooks[*place];
                let name = hook(*place, event).name;
                if let Act::Delete(_) = act {
                    self.jobs.remove(&name);
                    return Ok(());
                }
                if let Some(code) = self.refused.get("Job") {
                    return Err(Some(Refusal {
                        target: name,
                        code: *code,
                        message: self.refusal.clone(),
                    }));
                }
                assert!(
                    self.begun.insert((run.clone(), *place)),
                    "a hook runs twice: {name} of {run}"
                );
                self.jobs.insert(name, (run.clone(), false));
                self.runs.push(format!("{} of {of}", event.as_str()));
                Ok(())
            }
        }
    }

    fn remove(&mut self, objects: &[String]) -> Result<(), Option<Refusal>> {
        for object in objects {
            if self.burn() {
                return Err(None);
            }
            self.objects.remove(object);
        }
        Ok(())
    }

    fn write(&mut self, write: &RecordWrite) -> Result<(), Option<Refusal>> {
        if self.burn() {
            return Err(None);
        }
        let no = |code, message: &str| {
            Err(Some(Refusal {
                target: crate::storage::secret_name("web", write.revision),
                code,
                message: message.into(),
            }))
        };
        if let Some(code) = self.refused.get("Secret") {
            return no(*code, "the API server said no");
        }
        self.clock += 1;
        match (&write.expect, self.records.get(&write.revision)) {
            (Expect::Absent, Some(_)) => return no(409, "already exists"),
            (Expect::Version(_), None) => return no(404, "not found"),
            (Expect::Version(version), Some(stored)) if *version != stored.version.to_string() => {
                return no(409, "the object has been modified");
            }
            _ => {}
        }
        let mut stored = self
            .records
            .get(&write.revision)
            .cloned()
            .unwrap_or_else(|| Stored {
                uid: self.clock,
                ..Stored::default()
            });
        match write.content {
            Content::Rendered => {
                stored.chart = Rendered {
                    password: self.clock,
                    ..self.chart.clone()
                };
                stored.written = self.now;
            }
            Content::Of(other) => {
                stored.chart = self.records[&other].chart.clone();
                stored.written = self.now;
            }
            Content::Kept => {}
        }
        stored.status = write.status.clone();
        stored.version = self.clock;
        if let Some(description) = &write.description {
            stored.description.clone_from(description);
        }
        if let Some(token) = &write.token {
            assert!(token.len() <= 63, "no label");
            stored.labels.insert(TOKEN_LABEL.into(), token.clone());
        }
        self.records.insert(write.revision, stored);
        Ok(())
    }

    /// Runs until nothing is to be done before time passes, or something changes.
    pub(super) fn settle(&mut self) -> Turn {
        for _ in 0..200 {
            let before = self.state.clone();
            let running = self.jobs.values().any(|(_, ended)| !ended);
            let Some(turn) = self.run() else { continue };
            if !running
                && turn.requeue != Requeue::OnceWritten
                && turn.effects.is_empty()
                && self.state == before
                && self.state == turn.state
            {
                let (patch, _) = self.told(&self.state, &turn);
                assert_eq!(patch, None, "a run in which nothing happened writes");
                return turn;
            }
        }
        panic!("it never settles: {:?}", self.state);
    }

    /// Runs until it waits to send a refused write again.
    pub(super) fn settle_refused(&mut self) -> Turn {
        for _ in 0..20 {
            if let Some(turn) = self.run()
                && turn.effects.is_empty()
                && matches!(turn.requeue, Requeue::At(_))
            {
                return turn;
            }
        }
        panic!("nothing is refused: {}", self.history());
    }

    /// Lets time pass as often as it asks for it.
    pub(super) fn finish(&mut self) -> Turn {
        for _ in 0..60 {
            let turn = self.settle();
            match turn.requeue {
                Requeue::At(at) if !self.gone => self.now = at.max(self.now + 1),
                _ => return turn,
            }
        }
        panic!("it never ends: {}", self.history());
    }
}
