//! A cluster with one object in it and a broker, in memory: it executes turns, can be killed between any two writes, loses
//! answers, and minds the rules that hold whatever happens.

use std::collections::{BTreeMap, VecDeque};

use serde_json::json;

use super::super::{broker, step, upshot};
use crate::osb::answer::{Answer, Heard};
use crate::osb::fetch;
use crate::osb::table::verdict;
use crate::situation::{
    DeletionPolicy, Obstacle, Outcome, Refusal, Report, Secret, Situation, Subject, Wish,
};
use crate::state::{Inputs, Place, Stand, State};
use crate::turn::{Ask, Call, Effect, Event, Is, Note, Requeue, Turn};

pub(super) const CLUSTER: &str = "7f8a3c52-0000-4000-8000-00000000000c";
pub(super) const UID: &str = "7f8a3c52-0000-4000-8000-000000000001";

/// How the broker treats one call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    /// As it should.
    Well,
    /// 202, then so many polls.
    Async(u32),
    /// 202 without an operation.
    Nameless,
    /// It does it, and the answer is lost.
    LostAfter,
    /// It never gets it, and nobody knows.
    LostBefore,
    /// It does it, and says this.
    DoneBut(u16, &'static str),
    /// It does nothing, and says this.
    Refuses(u16, &'static str),
    /// It does nothing, and says in how many seconds to come again.
    Later(u16, u64),
    /// It takes it on, and fails after so many polls, having made half of it.
    Fails(u32),
}

pub(super) const GARBAGE: &str = "<html>";
pub(super) const BUSY: &str = r#"{"error":"ConcurrencyError","description":"busy"}"#;

/// What is at the broker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Thing {
    pub(super) plan: String,
    pub(super) parameters: String,
    work: Option<Work>,
    /// Its last operation failed.
    failed: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Work {
    name: String,
    polls: u32,
    fails: bool,
    removes: bool,
}

/// A broker.
#[derive(Default)]
pub(super) struct Broker {
    pub(super) things: BTreeMap<String, Thing>,
    /// How the next calls are treated; then as it should.
    pub(super) modes: VecDeque<Mode>,
    pub(super) calls: Vec<String>,
    operations: u32,
    /// IDs that were asked to be made, in order.
    pub(super) made: Vec<String>,
}

fn answer(status: u16, body: &str) -> Heard {
    Heard::Answer(Answer {
        status,
        headers: Vec::new(),
        body: body.as_bytes().to_vec(),
    })
}

impl Broker {
    fn ask(&mut self, call: &Call, parameters: &str) -> Heard {
        let (name, _) = name(&call.ask);
        self.calls.push(format!("{name} {}", call.place.plan));
        let mode = self.modes.pop_front().unwrap_or(Mode::Well);
        match mode {
            Mode::Well => self.does(call, parameters, None),
            Mode::Async(polls) => self.does(call, parameters, Some((polls, false, true))),
            Mode::Nameless => self.does(call, parameters, Some((1, false, false))),
            Mode::Fails(polls) => self.does(call, parameters, Some((polls, true, true))),
            Mode::LostAfter => {
                self.does(call, parameters, None);
                Heard::Lost {
                    cause: "connection reset".into(),
                }
            }
            Mode::LostBefore => Heard::Lost {
                cause: "connection reset".into(),
            },
            Mode::DoneBut(status, body) => {
                self.does(call, parameters, None);
                answer(status, body)
            }
            // It does not lie: what is there is not said to be unknown.
            Mode::Refuses(404, body)
                if matches!(call.ask, Ask::Deprovision | Ask::Unbind)
                    && self.things.contains_key(&call.id) =>
            {
                answer(400, body)
            }
            Mode::Refuses(status, body) => answer(status, body),
            Mode::Later(status, seconds) => Heard::Answer(Answer {
                status,
                headers: vec![("Retry-After".into(), seconds.to_string())],
                body: b"{}".to_vec(),
            }),
        }
    }

    fn does(&mut self, call: &Call, parameters: &str, work: Option<(u32, bool, bool)>) -> Heard {
        match &call.ask {
            Ask::Poll { operation, .. } => return self.poll(&call.id, operation.as_deref()),
            Ask::FetchBinding => return self.fetch(&call.id),
            Ask::Provision | Ask::Update { .. } | Ask::Bind { .. } => {}
            Ask::Deprovision | Ask::Unbind => return self.remove(&call.id, work),
        }
        let binds = matches!(call.ask, Ask::Bind { .. });
        let updates = matches!(call.ask, Ask::Update { .. });
        if let Some(thing) = self.things.get_mut(&call.id) {
            if let Some(work) = &mut thing.work {
                // It goes on, whoever asks.
                let ends = work.polls == 0 && !work.removes;
                work.polls = work.polls.saturating_sub(1);
                let body = json!({ "operation": work.name }).to_string();
                let same = thing.parameters == parameters && !updates && !work.removes;
                if ends {
                    thing.work = None;
                }
                return if same {
                    answer(202, &body)
                } else {
                    answer(422, BUSY)
                };
            }
            if !updates && (thing.parameters != parameters || thing.plan != call.place.plan) {
                return answer(409, "{}");
            }
        } else if updates {
            return answer(404, "{}");
        }
        if !updates {
            self.made.push(call.id.clone());
        }
        self.operations += 1;
        let name = format!("op-{}", self.operations);
        let begun = work.map(|(polls, fails, _)| Work {
            name: name.clone(),
            polls,
            fails,
            removes: false,
        });
        let there = self.things.contains_key(&call.id);
        let thing = Thing {
            plan: call.place.plan.clone(),
            parameters: parameters.to_owned(),
            work: begun,
            failed: false,
        };
        self.things.insert(call.id.clone(), thing);
        match work {
            Some((_, _, true)) => answer(202, &json!({ "operation": name }).to_string()),
            Some(_) => answer(202, "{}"),
            None if binds => answer(if there { 200 } else { 201 }, CREDENTIALS),
            None if there => answer(200, "{}"),
            None => answer(201, r#"{"dashboard_url":"https://db.example/1"}"#),
        }
    }

    /// What would never end ends soon.
    pub(super) fn heal(&mut self) {
        self.modes.clear();
        for work in self
            .things
            .values_mut()
            .filter_map(|thing| thing.work.as_mut())
        {
            work.polls = work.polls.min(2);
        }
    }

    fn remove(&mut self, id: &str, work: Option<(u32, bool, bool)>) -> Heard {
        let Some(thing) = self.things.get_mut(id) else {
            return answer(410, "{}");
        };
        let Some((polls, fails, named)) = work else {
            self.things.remove(id);
            return answer(200, "{}");
        };
        self.operations += 1;
        let name = format!("op-{}", self.operations);
        thing.failed = false;
        thing.work = Some(Work {
            name: name.clone(),
            polls,
            fails,
            removes: true,
        });
        let body = json!({ "operation": name }).to_string();
        answer(202, if named { &body } else { "{}" })
    }

    fn poll(&mut self, id: &str, operation: Option<&str>) -> Heard {
        let Some(thing) = self.things.get_mut(id) else {
            return answer(410, "{}");
        };
        let Some(work) = &mut thing.work else {
            if thing.failed {
                return answer(200, FAILED);
            }
            return answer(200, r#"{"state":"succeeded"}"#);
        };
        if let Some(operation) = operation {
            assert_eq!(operation, work.name, "an older operation is polled");
        }
        if work.polls > 0 {
            work.polls -= 1;
            return answer(200, r#"{"state":"in progress","description":"at it"}"#);
        }
        let (fails, removes) = (work.fails, work.removes);
        thing.work = None;
        thing.failed = fails;
        if fails {
            return answer(200, FAILED);
        }
        if removes {
            self.things.remove(id);
        }
        answer(200, r#"{"state":"succeeded"}"#)
    }

    fn fetch(&self, id: &str) -> Heard {
        match self.things.get(id) {
            Some(thing) if thing.work.is_none() => answer(200, CREDENTIALS),
            _ => answer(404, "{}"),
        }
    }
}

const FAILED: &str = r#"{"state":"failed","description":"no room"}"#;

const CREDENTIALS: &str =
    r#"{"credentials":{"password":"planted"},"metadata":{"expires_at":"2026-01-02T00:00:00Z"}}"#;

fn name(ask: &Ask) -> (&'static str, bool) {
    match ask {
        Ask::Provision => ("provision", true),
        Ask::Update { .. } => ("update", true),
        Ask::Deprovision => ("deprovision", true),
        Ask::Bind { predecessor: None } => ("bind", true),
        Ask::Bind { .. } => ("rotate", true),
        Ask::Unbind => ("unbind", true),
        Ask::FetchBinding => ("fetch", false),
        Ask::Poll { .. } => ("poll", false),
    }
}

pub(super) struct World {
    pub(super) subject: Subject,
    pub(super) wish: Result<Wish, Obstacle>,
    pub(super) generation: i64,
    pub(super) given: Option<String>,
    /// An ID of somebody else.
    pub(super) theirs: String,
    pub(super) now: u64,
    pub(super) deleting: bool,
    pub(super) policy: DeletionPolicy,
    pub(super) abandon: Option<String>,
    pub(super) unreachable: Option<Obstacle>,
    pub(super) dependents: Vec<String>,
    pub(super) secret: Secret,
    pub(super) state: State,
    pub(super) broker: Broker,
    report: Option<Report>,
    /// Effects and writes until it is killed.
    pub(super) fuse: Option<usize>,
    /// The API server refuses Secrets.
    pub(super) no_secrets: bool,
    pub(super) finalized: bool,
    pub(super) conditions: BTreeMap<&'static str, Note>,
    pub(super) events: Vec<Event>,
    pub(super) relists: usize,
    pub(super) kills: usize,
}

/// 2026-01-01T00:00:00Z.
pub(super) const START: u64 = 1_767_225_600_000;

impl World {
    pub(super) fn new(subject: Subject) -> Self {
        let place = Place {
            broker: "ClusterServiceBroker/db".into(),
            service: "service-1".into(),
            plan: "small".into(),
            instance: (subject == Subject::Binding).then(|| "instance-1".into()),
        };
        let inputs = Inputs {
            place,
            parameters: "a".into(),
            ..Inputs::default()
        };
        let wish = Wish {
            inputs,
            polling: Some(600_000),
            plan_updateable: true,
            retrievable: true,
            rotatable: true,
            ..Wish::default()
        };
        Self {
            subject,
            wish: Ok(wish),
            generation: 1,
            given: None,
            theirs: String::new(),
            now: START,
            deleting: false,
            policy: DeletionPolicy::Deprovision,
            abandon: None,
            unreachable: None,
            dependents: Vec::new(),
            secret: Secret::Absent,
            state: State::default(),
            broker: Broker::default(),
            report: None,
            fuse: None,
            no_secrets: false,
            finalized: false,
            conditions: BTreeMap::new(),
            events: Vec::new(),
            relists: 0,
            kills: 0,
        }
    }

    pub(super) fn wish(&mut self) -> &mut Wish {
        self.generation += 1;
        self.wish.as_mut().unwrap()
    }

    pub(super) fn decide(&self) -> Turn {
        step(
            &self.state,
            &Situation {
                subject: self.subject,
                cluster: CLUSTER,
                uid: UID,
                generation: self.generation,
                given: self.given.as_deref(),
                overlap: self
                    .wish
                    .as_ref()
                    .ok()
                    .and_then(|wish| wish.rotation)
                    .map(|rotation| rotation.overlap),
                now: self.now,
                deleting: self.deleting,
                policy: self.policy,
                abandon: self.abandon.as_deref(),
                wish: self.wish.clone(),
                broker: self.unreachable.clone().map_or(Ok(()), Err),
                dependents: &self.dependents,
                secret: self.secret.clone(),
                report: self.report.clone(),
            },
        )
    }

    fn burns(&mut self) -> bool {
        let Some(fuse) = &mut self.fuse else {
            return false;
        };
        if *fuse == 0 {
            self.fuse = None;
            self.report = None;
            self.kills += 1;
            return true;
        }
        *fuse -= 1;
        false
    }

    /// One turn.
    pub(super) fn run(&mut self) -> Requeue {
        let turn = self.decide();
        assert_eq!(turn, self.decide(), "it is a function");
        let mut heard = None;
        for effect in &turn.effects {
            if self.burns() {
                return Requeue::OnceWritten;
            }
            match effect {
                Effect::Call(call) => heard = Some(self.call(call)),
                Effect::Store { .. } | Effect::Withdraw if self.no_secrets => {
                    let refusal = Refusal {
                        message: "secrets is forbidden".into(),
                    };
                    let outcome = Outcome::Refused(refusal);
                    self.report = Some(Report {
                        tag: turn.tag.clone(),
                        outcome,
                    });
                    return Requeue::OnceWritten;
                }
                Effect::Store { id } => {
                    assert!(!matches!(self.secret, Secret::Foreign(_)));
                    assert!(self.broker.things.contains_key(id));
                    self.secret = Secret::Own(id.clone());
                }
                Effect::Withdraw => {
                    assert!(matches!(self.secret, Secret::Own(_)));
                    self.secret = Secret::Absent;
                }
                Effect::Relist { .. } => self.relists += 1,
            }
        }
        if self.burns() {
            return Requeue::OnceWritten;
        }
        let written = serde_json::to_value(&turn.state).unwrap();
        assert!(!written.to_string().contains("planted"));
        self.state = serde_json::from_value(written).unwrap();
        assert_eq!(self.state, turn.state, "all of it is stored");
        for condition in &turn.conditions {
            self.conditions
                .insert(condition.kind, condition.note.clone());
        }
        self.events.extend(turn.events.clone());
        self.report = heard.map(|outcome| Report {
            tag: turn.tag.clone(),
            outcome,
        });
        if turn.finalized {
            self.finalized = true;
        }
        self.rules();
        turn.requeue
    }

    fn call(&mut self, call: &Call) -> Outcome {
        let known = self.state.holding(&call.id);
        assert!(known.is_some(), "{} is not in the ledger", call.id);
        let operation = self.state.operation.as_ref();
        let intended = operation.is_some_and(|operation| operation.id == call.id);
        assert!(intended, "no intent for {call:?}");
        let wish = self.wish.as_ref().ok();
        let at = broker(&self.state, wish);
        assert_eq!(
            at,
            Some(call.place.broker.as_str()),
            "the wrong broker is looked at"
        );
        let parameters = wish.map_or("", |wish| wish.inputs.parameters.as_str());
        let heard = self.broker.ask(call, parameters);
        Outcome::Came(match call.ask.row() {
            Some(row) => upshot::of(row, &verdict(row, &heard), self.now),
            None => upshot::fetched(&fetch::binding(&heard), self.now),
        })
    }

    /// What holds whatever happens.
    fn rules(&self) {
        let abandoned = |id: &str| self.state.abandoned.iter().any(|left| left.starts_with(id));
        for id in self.broker.things.keys() {
            let known = self.state.holding(id).is_some() || abandoned(id) || self.theirs == *id;
            assert!(
                known,
                "{id} is forgotten: {:?} {:?}",
                self.broker.calls, self.state
            );
        }
        let held = |stand: &Stand| matches!(stand, Stand::Held | Stand::Unsure);
        let count = self
            .state
            .holdings
            .iter()
            .filter(|of| held(&of.stand))
            .count();
        assert!(count <= 1, "two are used: {:?}", self.state.holdings);
        if self.finalized {
            let mut ids = self.broker.things.keys();
            let left = ids.all(|id| abandoned(id) || self.theirs == *id);
            assert!(
                left,
                "it goes, and something stays: {:?}",
                self.broker.things
            );
        }
        let is = |kind| self.conditions.get(kind).map(|note| note.is);
        assert_eq!(
            is("OrphanMitigation") == Some(Is::True),
            self.state.mitigates()
        );
    }

    /// Until nothing happens any more; pauses are skipped.
    pub(super) fn finish(&mut self) {
        let limit = self.now + 40 * 24 * 3_600_000;
        for _ in 0..3_000 {
            if self.finalized {
                return;
            }
            match self.run() {
                Requeue::OnceWritten => {}
                Requeue::At(at) => {
                    assert!(at < limit, "it never ends: {:?}", self.state);
                    self.now = self.now.max(at);
                }
                Requeue::OnChange => return,
            }
        }
        panic!("it never ends: {:?}", self.state);
    }

    /// Runs until it waits for an instant, and gives that.
    pub(super) fn waits(&mut self) -> u64 {
        for _ in 0..100 {
            if let Requeue::At(at) = self.run()
                && at > self.now
            {
                return at - self.now;
            }
        }
        panic!("it does not wait: {:?}", self.state);
    }

    pub(super) fn says(&self, kind: &str) -> String {
        let note = &self.conditions[kind];
        format!("{:?} {}: {}", note.is, note.reason, note.message)
    }

    pub(super) fn calls(&self) -> String {
        self.broker.calls.join(", ")
    }

    pub(super) fn fails(&mut self, modes: &[Mode]) {
        self.broker.modes.extend(modes);
    }
}
