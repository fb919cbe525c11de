//! The life of instances and bindings at a broker: what is done next, given what was written down and what there is.
//!
//! A function. An operation, with the ID that it is about, is written down before its first call; IDs are derived, so that
//! the same one is sent again after a crash; and no ID is forgotten before its broker said that nothing is there. So
//! whoever is killed in between asks the same again, and there is one of it. Nothing waits: pauses are timestamps in the
//! status. `LIFECYCLE.md` has the states and the table of transitions.
//!
//! It knows no HTTP, no parameters and no credentials: what an answer means is decided before ([`upshot`]), what a call
//! consists of is filled in afterwards.

mod carry;
mod decide;
mod pace;
mod status;
#[cfg(test)]
mod tests;
pub mod upshot;

use crate::osb::id::{BindingId, InstanceId};
use crate::situation::{DeletionPolicy, Obstacle, Situation, Subject, Wish};
use crate::state::{Holding, Inputs, Leaving, Operation, Stage, Stand, State, Verb};
use crate::turn::{Effect, Event, Is, Note, Requeue, Turn};

/// One turn.
#[must_use]
pub fn step(state: &State, at: &Situation<'_>) -> Turn {
    let run = Run {
        state: state.clone(),
        at,
        tag: tag(state),
        effects: Vec::new(),
        events: Vec::new(),
        say: None,
    };
    if at.deleting && run.abandons() {
        return run.abandon();
    }
    match run.state.operation.clone() {
        Some(operation) => run.carry_on(operation),
        None => run.decide(),
    }
}

/// Names what a state does next: a report of another one is of no interest any more.
#[must_use]
pub fn tag(state: &State) -> String {
    let Some(operation) = &state.operation else {
        return format!("idle/{}", state.operations);
    };
    let stage = match operation.stage {
        Stage::Asking => "asking",
        Stage::Polling { .. } => "polling",
        Stage::Fetching => "fetching",
    };
    format!("{}/{stage}/{}", operation.number, state.calls)
}

/// The broker that the next call goes to, where one is: what is under way, or has to go, may be at another than is wished for.
#[must_use]
pub fn broker<'a>(state: &'a State, wish: Option<&'a Wish>) -> Option<&'a str> {
    let of = |holding: &'a Holding| holding.inputs.place.broker.as_str();
    let under_way = state.operation.as_ref();
    let leaving = |holding: &&Holding| matches!(holding.stand, Stand::Leaving { .. });
    under_way
        .and_then(|operation| state.holding(&operation.id))
        .or_else(|| state.holdings.iter().find(leaving))
        .map(of)
        .or_else(|| wish.map(|wish| wish.inputs.place.broker.as_str()))
        .or_else(|| state.holdings.last().map(of))
}

#[derive(Clone)]
struct Run<'a> {
    state: State,
    at: &'a Situation<'a>,
    tag: String,
    effects: Vec<Effect>,
    events: Vec<Event>,
    say: Option<Note>,
}

impl Run<'_> {
    fn turn(self, requeue: Requeue) -> Turn {
        let until = |holding: &Holding| match holding.stand {
            Stand::Superseded { until } => Some(until),
            _ => None,
        };
        // What was superseded goes in time, whatever else is waited for.
        let overlap = self.state.holdings.iter().filter_map(until).min();
        let idle = self.state.operation.is_none();
        let requeue = match (requeue, overlap.filter(|_| idle)) {
            (Requeue::OnChange, Some(until)) => Requeue::At(until),
            (Requeue::At(at), Some(until)) => Requeue::At(at.min(until)),
            (requeue, _) => requeue,
        };
        Turn {
            tag: self.tag,
            conditions: status::conditions(&self.state, self.at, self.say),
            effects: self.effects,
            state: self.state,
            events: self.events,
            requeue,
            finalized: false,
        }
    }

    fn event(&mut self, warning: bool, reason: &str, message: String) {
        let key = format!("{reason}-{}", self.tag);
        self.events.push(Event {
            key,
            warning,
            reason: reason.to_owned(),
            message,
        });
    }

    fn obstacle(mut self, obstacle: &Obstacle) -> Turn {
        self.say = Some(status::obstacle(obstacle, self.at));
        let requeue = obstacle.retry.map_or(Requeue::OnChange, |after| {
            Requeue::At(self.at.now.saturating_add(after))
        });
        self.turn(requeue)
    }

    fn abandons(&self) -> bool {
        self.at.policy == DeletionPolicy::Abandon || self.at.abandon.is_some()
    }

    /// All stays at the broker, and is written down and told before the object goes.
    fn abandon(mut self) -> Turn {
        self.state.operation = None;
        if self.state.holdings.is_empty() {
            return self.finalize();
        }
        let because = self.at.abandon.map_or_else(
            || "spec.deletionPolicy is Abandon".to_owned(),
            |who| format!("annotated: {who}"),
        );
        for holding in std::mem::take(&mut self.state.holdings) {
            let key = format!("Abandoned-{}", holding.id);
            let left = told(holding);
            self.events.push(Event {
                key,
                warning: true,
                reason: "Abandoned".to_owned(),
                message: format!("left at the broker: {left} ({because})"),
            });
            self.state.abandoned.push(left);
        }
        let message = format!("left at the broker ({because})");
        self.say = Some(Note::new(Is::False, "Abandoned", message));
        self.turn(Requeue::OnceWritten)
    }

    fn finalize(self) -> Turn {
        let mut turn = self.turn(Requeue::OnChange);
        turn.finalized = true;
        turn
    }

    /// Writes down what comes next.
    fn begin(mut self, verb: Verb, id: &str, update: Option<Inputs>) -> Turn {
        self.state.operations += 1;
        if verb != Verb::Delete {
            self.state.retry_at = None;
        }
        self.state.operation = Some(Operation {
            verb,
            id: id.to_owned(),
            number: self.state.operations,
            since: self.at.now,
            generation: self.at.generation,
            stage: match verb {
                Verb::Fetch => Stage::Fetching,
                Verb::Create | Verb::Update | Verb::Delete => Stage::Asking,
            },
            tries: 0,
            rounds: 0,
            not_before: None,
            note: None,
            request: None,
            unstored: false,
            update,
            predecessor: None,
            denied: None,
            whole: false,
        });
        self.turn(Requeue::OnceWritten)
    }

    /// Has something go: written down first, asked in the next turn.
    fn leave(mut self, id: &str, why: Leaving) -> Turn {
        if let Some(holding) = self.state.holding_mut(id) {
            holding.stand = Stand::Leaving { why };
        }
        self.begin(Verb::Delete, id, None)
    }

    /// The next ID.
    fn draw(&mut self) -> String {
        let given = self
            .at
            .given
            .filter(|given| self.state.holdings.is_empty() && self.state.holding(given).is_none());
        let attempt = self.state.attempts;
        self.state.attempts += 1;
        if let Some(given) = given {
            return given.to_owned();
        }
        let (cluster, uid) = (self.at.cluster, self.at.uid);
        match self.at.subject {
            Subject::Instance => InstanceId::derive(cluster, uid, attempt).into(),
            Subject::Binding => BindingId::derive(cluster, uid, attempt).into(),
        }
    }
}

fn told(holding: Holding) -> String {
    let (id, place) = (holding.id, holding.inputs.place);
    format!(
        "{id} at {} (service {}, plan {})",
        place.broker, place.service, place.plan
    )
}
