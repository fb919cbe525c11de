//! What the broker knows, and what it does with a request.

mod carry;
mod make;

use std::collections::BTreeMap;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use crate::answer::{Answer, Given, Reply, Wait};
use crate::asked::Asked;
use crate::broker::Access;
use crate::catalog::Catalog;
use crate::journal::{Entry, Violation};
use crate::ledger::{Failure, Key, Ledger, Lifetime};
use crate::manners::{self, Call, Findings, Version};
use crate::script::{Behaviour, Op, Script};
use crate::secrets;

pub(crate) struct State {
    pub(crate) catalog: Catalog,
    /// Number of the catalog.
    pub(crate) edition: u64,
    pub(crate) etags: bool,
    pub(crate) access: Access,
    pub(crate) script: Script,
    pub(crate) ledger: Ledger,
    pub(crate) lifetime: Option<Lifetime>,
    pub(crate) journal: Vec<Entry>,
    pub(crate) violations: Vec<Violation>,
    /// Credentials by binding.
    pub(crate) given_away: BTreeMap<String, Value>,
    /// Answers that are held.
    pub(crate) held: usize,
}

/// A request that is carried out.
struct Order<'a> {
    call: &'a Call,
    asked: &'a Asked,
    body: Map<String, Value>,
}

/// How something is carried out.
#[derive(Clone, Debug)]
enum Pace {
    AtOnce,
    Takes {
        named: bool,
        polls: Option<u32>,
        failure: Option<Failure>,
    },
}

impl State {
    pub(crate) fn new(catalog: Catalog) -> Self {
        Self {
            catalog,
            edition: 1,
            etags: true,
            access: Access::Open,
            script: Script::default(),
            ledger: Ledger::default(),
            lifetime: None,
            journal: Vec::new(),
            violations: Vec::new(),
            given_away: BTreeMap::new(),
            held: 0,
        }
    }

    pub(crate) fn reset(&mut self) {
        self.script = Script::default();
        self.ledger = Ledger::default();
        self.journal.clear();
        self.violations.clear();
        self.lifetime = None;
    }

    pub(crate) fn secrets(&self) -> Vec<String> {
        let mut found = Vec::new();
        for credentials in self.given_away.values() {
            secrets::texts(credentials, &mut found);
        }
        match &self.access {
            Access::Open => {}
            Access::Basic(_, password) => found.push(password.clone()),
            Access::Bearer(token) => found.push(token.clone()),
        }
        found
    }

    pub(crate) fn answer(&mut self, asked: &Asked, release: u64) -> Given {
        let call = Call::of(asked);
        let given = match &call {
            Some(call) => self.treat(call, asked, release),
            None => {
                self.violate(asked, "path", "there is nothing like that at a broker");
                Answer::refusal(404, None, "no such path").into()
            }
        };
        let is_thing = |call: &&Call| call.op != Op::Catalog;
        self.journal.push(Entry {
            op: call.as_ref().map(|call| call.op),
            method: asked.method.clone(),
            path: asked.path.clone(),
            query: asked.query.clone(),
            headers: asked.headers.clone(),
            body: serde_json::from_slice(&asked.body).unwrap_or_else(|_| match asked.body.len() {
                0 => Value::Null,
                _ => String::from_utf8_lossy(&asked.body).into(),
            }),
            instance: call
                .as_ref()
                .filter(is_thing)
                .map(|call| call.key.instance.clone()),
            binding: call.as_ref().and_then(|call| call.key.binding.clone()),
            answered: given.reply.shown(),
        });
        given
    }

    fn treat(&mut self, call: &Call, asked: &Asked, release: u64) -> Given {
        if !self.lets_in(asked) {
            return Answer::refusal(401, None, "who are you")
                .header("www-authenticate", "Basic realm=\"broker\"")
                .into();
        }
        let (findings, body) = Findings::of(call, asked);
        for (place, what) in &findings.found {
            self.violate(asked, place, what);
        }
        match manners::version(asked) {
            Version::Missing => {
                return Answer::refusal(400, None, "X-Broker-API-Version is missing").into();
            }
            Version::Unknown => return Answer::refusal(412, None, "only 2.x is spoken").into(),
            Version::Spoken => {}
        }
        if findings.fatal {
            let told: Vec<String> = findings
                .found
                .into_iter()
                .map(|(place, what)| format!("{place} {what}"))
                .collect();
            return Answer::refusal(400, None, &told.join("; ")).into();
        }
        let behaviour = self.script.take(call.op);
        let order = Order { call, asked, body };
        self.behave(&order, behaviour, release)
    }

    fn lets_in(&self, asked: &Asked) -> bool {
        let needed = match &self.access {
            Access::Open => return true,
            Access::Basic(user, password) => {
                format!("Basic {}", STANDARD.encode(format!("{user}:{password}")))
            }
            Access::Bearer(token) => format!("Bearer {token}"),
        };
        asked.get("authorization") == Some(&needed)
    }

    pub(crate) fn violate(&mut self, asked: &Asked, place: &str, what: &str) {
        self.violations.push(Violation {
            request: format!("{} {}", asked.method, asked.path),
            place: place.to_owned(),
            what: what.to_owned(),
        });
    }

    fn behave(&mut self, order: &Order<'_>, behaviour: Behaviour, release: u64) -> Given {
        let op = order.call.op;
        let takes = |named, polls, failure| Pace::Takes {
            named,
            polls,
            failure,
        };
        // What is no success of HTTP is not done; polls and reads change nothing in any case.
        let spoils = |state: &mut Self| {
            if op.changes() {
                let _answer = state.carry_out(order, &Pace::AtOnce, None);
            }
        };
        match behaviour {
            Behaviour::Well => self.carry_out(order, &Pace::AtOnce, None).into(),
            Behaviour::Credentials(credentials) => self
                .carry_out(order, &Pace::AtOnce, Some(credentials))
                .into(),
            Behaviour::Async { polls } => {
                let pace = takes(true, Some(polls), None);
                self.carry_out(order, &pace, None).into()
            }
            Behaviour::Nameless { polls } => {
                let pace = takes(false, Some(polls), None);
                self.carry_out(order, &pace, None).into()
            }
            Behaviour::FailAsync if op == Op::LastOperation => self.poll_fails(order).into(),
            Behaviour::NeverFinishAsync if op == Op::LastOperation => {
                Answer::json(200, &json!({"state": "in progress"})).into()
            }
            Behaviour::FailAsync => {
                let pace = takes(true, Some(0), Some(Failure::default()));
                self.carry_out(order, &pace, None).into()
            }
            Behaviour::NeverFinishAsync => {
                let pace = takes(true, None, None);
                self.carry_out(order, &pace, None).into()
            }
            Behaviour::Fails {
                polls,
                instance_usable,
                update_repeatable,
            } => {
                let failure = Failure {
                    instance_usable,
                    update_repeatable,
                };
                let pace = takes(true, Some(polls), Some(failure));
                self.carry_out(order, &pace, None).into()
            }
            Behaviour::Timeout => Reply::Silence.into(),
            Behaviour::CrashBeforeAccept => Reply::Cut.into(),
            Behaviour::AnswerLost => {
                spoils(self);
                Reply::Silence.into()
            }
            Behaviour::CrashAfterAccept => {
                spoils(self);
                Reply::Cut.into()
            }
            Behaviour::GarbageChunks => {
                spoils(self);
                Reply::Garbage.into()
            }
            Behaviour::HalfAnswer => Reply::Half(self.carry_out(order, &Pace::AtOnce, None)).into(),
            Behaviour::HugeBody(bytes) => {
                spoils(self);
                Answer::raw(op.success(), huge(bytes)).into()
            }
            Behaviour::OkInvalidJson
            | Behaviour::CreatedInvalidJson
            | Behaviour::InvalidSuccessCode => {
                spoils(self);
                canned(&behaviour)
            }
            Behaviour::Done(inner) => {
                match inner.canned() {
                    Some(_) => spoils(self),
                    None if matches!(*inner, Behaviour::Timeout) => spoils(self),
                    None => {}
                }
                match *inner {
                    // Done already.
                    Behaviour::OkInvalidJson
                    | Behaviour::CreatedInvalidJson
                    | Behaviour::InvalidSuccessCode => canned(&inner),
                    other => self.behave(order, other, release),
                }
            }
            Behaviour::RetryAfter(after, inner) => {
                let mut given = self.behave(order, *inner, release);
                if let Reply::Answer(answer) = &mut given.reply {
                    let header = ("retry-after".to_owned(), after.value());
                    answer.headers.push(header);
                }
                given
            }
            Behaviour::Slow(millis, inner) => {
                let mut given = self.behave(order, *inner, release);
                given.wait = Wait::For(Duration::from_millis(millis));
                given
            }
            Behaviour::Held(inner) => {
                let mut given = self.behave(order, *inner, release);
                given.wait = Wait::Release(release);
                self.held += 1;
                given
            }
            Behaviour::ServerError
            | Behaviour::BadRequest
            | Behaviour::NotFound
            | Behaviour::Gone
            | Behaviour::Unprocessable
            | Behaviour::ConcurrencyError
            | Behaviour::MaintenanceInfoConflict
            | Behaviour::Redirect(_)
            | Behaviour::Refuses { .. }
            | Behaviour::Says { .. } => canned(&behaviour),
        }
    }

    fn key_of(&self, id: &str) -> Option<Key> {
        let mut keys = self.ledger.there.keys();
        keys.find(|key| key.id() == id).cloned()
    }

    pub(crate) fn conclude(&mut self, id: &str, failure: Option<Failure>) -> bool {
        let Some(key) = self.key_of(id) else {
            return false;
        };
        let record = self.ledger.there.get_mut(&key);
        let Some(work) = record.and_then(|record| record.work.as_mut()) else {
            return false;
        };
        work.failure = failure;
        self.ledger.end(&key);
        true
    }

    pub(crate) fn vanish(&mut self, id: &str) -> bool {
        let Some(key) = self.key_of(id) else {
            return false;
        };
        self.ledger.there.remove(&key);
        self.ledger.graves.insert(key, None);
        true
    }
}

fn canned(behaviour: &Behaviour) -> Given {
    match behaviour.canned() {
        Some(answer) => answer.into(),
        // Every behaviour that comes here has one.
        None => Reply::Cut.into(),
    }
}

/// An object of so many bytes.
fn huge(bytes: usize) -> Vec<u8> {
    let frame = json!({"description": ""}).to_string().len();
    json!({"description": "x".repeat(bytes.saturating_sub(frame))})
        .to_string()
        .into_bytes()
}
