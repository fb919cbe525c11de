//! What the machine and a broker have to say to each other in one run: a turn, its call where it makes one, and the turn that
//! follows from the answer.
//!
//! The answer, and the credentials in it, live no longer than this run.

use oarlock_sdk::log::Level;
use oarlock_sdk::{Child, Context};

use super::access::{self, Access};
use super::ask;
use super::veil::{self, Veil};
use crate::machine;
use crate::machine::upshot::{self, Came, Upshot};
use crate::osb::answer::Bound;
use crate::osb::fetch::{self, Fetched};
use crate::osb::request::{Caller, Identity};
use crate::osb::table::Done;
use crate::osb::{Heard, Operation, Request, Verdict, id, verdict};
use crate::situation::{Obstacle, Outcome, Refusal, Report, Secret, Situation};
use crate::state::State;
use crate::turn::{Ask, Call, Effect, Turn};

/// Fills in what the machine does not know.
pub(super) trait Desk {
    /// The request of a call. `state` is the one that the call belongs to.
    ///
    /// # Errors
    /// Something that it consists of cannot be had.
    fn request(&self, call: &Call, state: &State, caller: &Caller) -> Result<Request, Obstacle>;

    /// What a broker may repeat, and nobody may read.
    fn secrets(&self) -> Vec<String>;

    /// The Secret of the binding `id` with these credentials.
    ///
    /// # Errors
    /// Why it cannot be written, for people. No credential is in it.
    fn store(&self, id: &str, bound: &Bound) -> Result<Child, String>;
}

/// Who talks.
pub(super) struct Talk<'a> {
    pub(super) cx: &'a Context,
    pub(super) desk: &'a dyn Desk,
    /// On whose behalf.
    pub(super) user: Option<&'a Identity>,
}

/// What came of it.
pub(super) struct Said {
    /// The last turn, with the effects and Events of those before it. Its call was made.
    pub(super) turn: Turn,
    /// The Secret, where it is to be written.
    pub(super) secret: Option<Child>,
}

/// What was heard, and the credentials in it.
struct Answered {
    upshot: Upshot,
    bound: Option<Bound>,
}

impl Talk<'_> {
    /// One run.
    pub(super) fn go(&self, state: &State, at: &Situation<'_>) -> Said {
        let first = machine::step(state, at);
        // Events are gone after an hour, and the object with them.
        for left in first.state.abandoned.iter().skip(state.abandoned.len()) {
            self.cx
                .log(Level::Warn, "left at the broker", &[("left", left)]);
        }
        let Some(call) = first.call() else {
            return said(first);
        };
        let answered = match self.call(call, &first.state, at) {
            Ok(answered) => answered,
            Err(obstacle) => {
                let at = Situation {
                    broker: Err(obstacle),
                    report: None,
                    ..at.clone()
                };
                return said(machine::step(state, &at));
            }
        };
        let second = told(&first, at, Outcome::Came(answered.upshot));
        let stores = second.effects.iter().find_map(|effect| match effect {
            Effect::Store { id } => Some(id.as_str()),
            Effect::Call(_) | Effect::Withdraw | Effect::Relist { .. } => None,
        });
        let Some(id) = stores else {
            return said(joined(first, second));
        };
        let bound = answered.bound.unwrap_or_default();
        match self.desk.store(id, &bound) {
            Ok(secret) => Said {
                secret: Some(secret),
                ..said(joined(first, second))
            },
            Err(message) => {
                let third = told(&first, at, Outcome::Refused(Refusal { message }));
                said(joined(first, third))
            }
        }
    }

    fn call(&self, call: &Call, state: &State, at: &Situation<'_>) -> Result<Answered, Obstacle> {
        let access = access::read(self.cx, &call.place.broker)?;
        if access.deleting && matches!(call.ask, Ask::Provision | Ask::Bind { .. }) {
            return Err(leaving(&call.place.broker));
        }
        let identity = id::request(at.cluster, at.uid, begins(&call.ask), call.serial);
        let caller = Caller {
            identity: self.user.filter(|_| call.originates).cloned(),
            request: identity,
        };
        let request = self.desk.request(call, state, &caller)?;
        let key = identity.to_string();
        let heard = self.ask(call, &access, &request, &key)?;
        let mut answered = answered(call, &heard, at.now);
        if has_words(&answered.upshot) {
            let veiled = match is_forgotten(call, state, &at.secret) {
                true => veil::muted(&heard),
                false => Veil::new(self.desk.secrets()).heard(&heard),
            };
            say(
                &mut answered.upshot,
                self::answered(call, &veiled, at.now).upshot,
            );
        }
        Ok(answered)
    }

    fn ask(
        &self,
        call: &Call,
        access: &Access,
        request: &Request,
        key: &str,
    ) -> Result<Heard, Obstacle> {
        let reads = matches!(call.ask, Ask::Poll { .. } | Ask::FetchBinding);
        let heard = ask::ask(self.cx, access, request, Some(key).filter(|_| !reads))?;
        let came = match &heard {
            Heard::Answer(answer) => answer.status.to_string(),
            Heard::Lost { .. } => "lost".to_owned(),
            Heard::Unsent { .. } => "unsent".to_owned(),
        };
        self.cx.log(
            if reads { Level::Debug } else { Level::Info },
            "the broker was asked",
            &[
                ("ask", name(&call.ask)),
                ("id", &call.id),
                ("request", key),
                ("answer", &came),
            ],
        );
        Ok(heard)
    }
}

fn said(turn: Turn) -> Said {
    Said { turn, secret: None }
}

/// The turn that follows from how the effects of another one went.
fn told(first: &Turn, at: &Situation<'_>, outcome: Outcome) -> Turn {
    let report = Report {
        tag: first.tag.clone(),
        outcome,
    };
    let at = Situation {
        report: Some(report),
        ..at.clone()
    };
    machine::step(&first.state, &at)
}

/// Two turns as one.
fn joined(first: Turn, second: Turn) -> Turn {
    let (mut effects, mut events) = (first.effects, first.events);
    effects.retain(|effect| !matches!(effect, Effect::Call(_)));
    effects.extend(second.effects);
    events.extend(second.events);
    Turn {
        effects,
        events,
        ..second
    }
}

fn answered(call: &Call, heard: &Heard, now: u64) -> Answered {
    let Some(row) = call.ask.row() else {
        let fetched = fetch::binding(heard);
        let upshot = upshot::fetched(&fetched, now);
        let bound = match fetched {
            Fetched::Is(binding) => Some(binding.bound),
            Fetched::Missing(_) | Fetched::Later { .. } | Fetched::Refused(_) => None,
        };
        return Answered { upshot, bound };
    };
    let verdict = verdict(row, heard);
    let upshot = upshot::of(row, &verdict, now);
    let bound = match verdict {
        Verdict::Done(Done::Binding(bound)) => Some(bound),
        _ => None,
    };
    Answered { upshot, bound }
}

/// Whether it is about a binding whose credentials are in no Secret any more: nobody could tell whether the broker repeats them.
fn is_forgotten(call: &Call, state: &State, secret: &Secret) -> bool {
    let is_known = matches!(secret, Secret::Own(id) if *id == call.id);
    let holding = state.holding(&call.id);
    let was_stored = holding.is_some_and(|holding| holding.stored_at.is_some());
    begins(&call.ask) == Operation::Unbind && was_stored && !is_known
}

/// Whether people will read something that the broker wrote.
fn has_words(upshot: &Upshot) -> bool {
    !upshot.message.is_empty()
        || match &upshot.came {
            Came::Done(facts) => facts.dashboard.is_some(),
            Came::Begun { dashboard, .. } => dashboard.is_some(),
            _ => false,
        }
}

/// It is what it was; what people read is of another one.
fn say(upshot: &mut Upshot, veiled: Upshot) {
    upshot.message = veiled.message;
    match (&mut upshot.came, veiled.came) {
        (Came::Done(facts), Came::Done(veiled)) => facts.dashboard = veiled.dashboard,
        (
            Came::Begun { dashboard, .. },
            Came::Begun {
                dashboard: veiled, ..
            },
        ) => *dashboard = veiled,
        _ => {}
    }
}

fn leaving(broker: &str) -> Obstacle {
    Obstacle {
        reason: "BrokerBeingDeleted",
        message: format!("{broker} is being deleted; nothing new is made there"),
        retry: None,
    }
}

/// What a call belongs to.
const fn begins(ask: &Ask) -> Operation {
    match ask {
        Ask::Provision => Operation::Provision,
        Ask::Update { .. } => Operation::Update,
        Ask::Deprovision => Operation::Deprovision,
        Ask::Bind { .. } | Ask::FetchBinding => Operation::Bind,
        Ask::Unbind => Operation::Unbind,
        Ask::Poll { of, .. } => *of,
    }
}

const fn name(ask: &Ask) -> &'static str {
    match ask {
        Ask::Poll { .. } => "last_operation",
        Ask::FetchBinding => "fetch",
        Ask::Provision | Ask::Update { .. } | Ask::Deprovision | Ask::Bind { .. } | Ask::Unbind => {
            begins(ask).name()
        }
    }
}
