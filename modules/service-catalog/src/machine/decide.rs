//! What is begun where nothing is under way.

use super::{Run, pace, status};
use crate::situation::{Obstacle, Secret, Subject, Wish};
use crate::state::{Facts, Failure, Holding, Inputs, Leaving, Operation, Stand, State, Verb};
use crate::turn::{Effect, Is, Note, Requeue, Turn};

/// How many bindings a condition names.
const NAMED: usize = 10;

/// How many bindings there may be beside the one that is used.
const CROWD: usize = 8;

/// Told where credentials cannot be rotated as early as it is wished.
const SHORT: &str =
    "they live shorter than spec.rotation.before, and are rotated at half their life";

/// Milliseconds for which a Secret that was written need not be seen yet.
const UNSEEN: u64 = 60_000;

impl Run<'_> {
    /// Where nothing else is to be done, a deletion that waits is what is under way.
    pub(super) fn decide(self) -> Turn {
        let now = self.at.now;
        let mut turn = self.choose();
        if turn.state.operation.is_none()
            && let Some(parked) = earliest(&mut turn.state)
        {
            let at = parked.not_before.unwrap_or(now);
            turn.requeue = match turn.requeue {
                Requeue::At(other) => Requeue::At(other.min(at)),
                Requeue::OnChange => Requeue::At(at),
                Requeue::OnceWritten => Requeue::OnceWritten,
            };
            turn.state.operation = Some(parked);
        }
        turn
    }

    fn choose(mut self) -> Turn {
        let (now, generation) = (self.at.now, self.at.generation);
        let is_due = |holding: &&mut Holding| {
            matches!(holding.stand, Stand::Leaving { .. })
                && holding.parked.as_ref().is_none_or(|parked| {
                    parked.generation != generation || parked.not_before.is_none_or(|at| at <= now)
                })
        };
        if let Some(leaving) = self.state.holdings.iter_mut().find(is_due) {
            let id = leaving.id.clone();
            return match leaving.parked.take() {
                Some(parked) => {
                    self.state.operation = Some(*parked);
                    self.turn(Requeue::OnceWritten)
                }
                None => self.begin(Verb::Delete, &id, None),
            };
        }
        if self.at.deleting {
            return self.go();
        }
        // What has to go goes before anything is made, but for what is not used any more.
        if self.state.current().is_none() && self.has_parked() {
            return self.turn(Requeue::OnChange);
        }
        let over = self.state.holdings.iter().find(
            |holding| matches!(holding.stand, Stand::Superseded { until } if until <= self.at.now),
        );
        if let Some(id) = over.map(|holding| holding.id.clone()) {
            return self.leave(&id, Leaving::Superseded);
        }
        let wish = match &self.at.wish {
            Ok(wish) => wish.clone(),
            Err(obstacle) => return self.obstacle(obstacle),
        };
        if let Some(owner) = self.foreign() {
            return self.obstacle(&owner);
        }
        match self.state.current().cloned() {
            None => self.make(&wish),
            Some(current) if current.stand == Stand::Unsure || current.inputs != wish.inputs => {
                self.change(&current, &wish)
            }
            Some(current) => self.keep(&current, &wish),
        }
    }

    /// The object is deleted.
    fn go(mut self) -> Turn {
        let is_left = |holding: &&Holding| !matches!(holding.stand, Stand::Leaving { .. });
        let Some(holding) = self.state.holdings.iter().rev().find(is_left).cloned() else {
            if let Some(parked) = earliest(&mut self.state) {
                let at = parked.not_before.unwrap_or(self.at.now);
                self.state.operation = Some(parked);
                return self.turn(Requeue::At(at));
            }
            if matches!(self.at.secret, Secret::Own(_)) {
                self.effects.push(Effect::Withdraw);
            }
            return self.finalize();
        };
        if self.is_blocked() {
            let all = self.at.dependents;
            let mut named = all
                .iter()
                .take(NAMED)
                .cloned()
                .collect::<Vec<_>>()
                .join(", ");
            if all.len() > NAMED {
                named = format!("{named} and {} more", all.len() - NAMED);
            }
            let message =
                format!("not deprovisioned while bindings exist: {named}\nhint: delete them first");
            let reason = "DeprovisionBlockedByExistingCredentials";
            self.say = Some(Note::new(Is::False, reason, message));
            return self.turn(Requeue::OnChange);
        }
        let why = match holding.stand {
            Stand::Refused => Leaving::Refused,
            _ => Leaving::Deleted,
        };
        self.leave(&holding.id, why)
    }

    fn has_parked(&self) -> bool {
        let mut holdings = self.state.holdings.iter();
        holdings.any(|holding| holding.parked.is_some())
    }

    pub(super) fn is_blocked(&self) -> bool {
        self.at.subject == Subject::Instance && !self.at.dependents.is_empty()
    }

    /// Why the Secret may not be written, where it is somebody else's.
    pub(super) fn foreign(&self) -> Option<Obstacle> {
        let Secret::Foreign(owner) = &self.at.secret else {
            return None;
        };
        let message = format!(
            "the Secret is not this binding's own but {owner}\n\
             hint: delete it if nobody needs it, or create another binding with another spec.secretName"
        );
        Some(Obstacle {
            reason: "ErrorInjectingBindResult",
            message,
            retry: None,
        })
    }

    /// Nothing is there.
    fn make(self, wish: &Wish) -> Turn {
        if let Some(turn) = self.pause(&wish.inputs) {
            return turn;
        }
        self.create(wish, None)
    }

    /// Begins to make one, under the ID of one that is not there, or under a new one.
    pub(super) fn create(mut self, wish: &Wish, predecessor: Option<String>) -> Turn {
        let tried = self
            .state
            .holdings
            .iter()
            .find(|holding| matches!(holding.stand, Stand::Asked | Stand::Refused))
            .cloned();
        let id = match tried {
            // It may be there with other parameters.
            Some(tried) if tried.stand == Stand::Asked && tried.inputs != wish.inputs => {
                return self.leave(&tried.id, Leaving::Orphaned);
            }
            // The ID goes to no other broker before the first one said that nothing is there.
            Some(tried) if !tried.inputs.place.is_beside(&wish.inputs.place) => {
                return self.leave(&tried.id, Leaving::Refused);
            }
            Some(tried) => {
                self.state.holdings.retain(|holding| holding.id != tried.id);
                tried.id
            }
            None => self.draw(),
        };
        self.state.holdings.push(Holding {
            id: id.clone(),
            stand: Stand::Asked,
            inputs: wish.inputs.clone(),
            polling: wish.polling,
            retrievable: wish.retrievable,
            heard: false,
            stored_at: None,
            facts: Facts::default(),
            parked: None,
        });
        let mut turn = self.begin(Verb::Create, &id, None);
        if let Some(operation) = &mut turn.state.operation {
            operation.predecessor = predecessor;
            operation.request.clone_from(&wish.rotate);
        }
        turn
    }

    /// One is there, and another is wished for.
    fn change(mut self, current: &Holding, wish: &Wish) -> Turn {
        let (is, wanted) = (&current.inputs.place, &wish.inputs.place);
        if self.at.subject == Subject::Binding {
            // A binding cannot be updated: another one takes its place.
            if let Some(turn) = self.pause(&wish.inputs) {
                return turn;
            }
            if let Some(crowd) = self.crowd() {
                return self.obstacle(&crowd);
            }
            return self.create(wish, None);
        }
        if is.broker != wanted.broker || is.service != wanted.service {
            let message =
                "the class of an instance cannot be changed\nhint: create another instance";
            return self.refuse(&wish.inputs, "ClassChangeRefused", message);
        }
        if is.plan != wanted.plan && !wish.plan_updateable {
            let message = "the class does not allow to change the plan of an instance\nhint: create another instance";
            return self.refuse(&wish.inputs, "PlanChangeRefused", message);
        }
        if let Some(turn) = self.pause(&wish.inputs) {
            return turn;
        }
        if let Some(holding) = self.state.holding_mut(&current.id) {
            holding.stand = Stand::Unsure;
            holding.polling = wish.polling;
        }
        let mut turn = self.begin(Verb::Update, &current.id, Some(wish.inputs.clone()));
        if let Some(operation) = &mut turn.state.operation {
            operation.whole = current.stand == Stand::Unsure;
        }
        turn
    }

    /// It is what is wished for.
    fn keep(mut self, current: &Holding, wish: &Wish) -> Turn {
        if self.at.subject == Subject::Instance {
            self.state.failure = None;
            return self.turn(Requeue::OnChange);
        }
        if wish.rotate.is_some() && wish.rotate != self.state.rotated {
            return self.rotate(current, wish);
        }
        let wanted = wish.rotation.and_then(|rotation| {
            let facts = &current.facts;
            let before = |expiry: u64| expiry.saturating_sub(rotation.before);
            facts.renew_before.or(facts.expires_at.map(before))
        });
        let earliest = pace::rotation(current);
        let due = wanted.map(|due| due.max(earliest));
        if due.is_some_and(|due| due <= self.at.now) {
            return self.rotate(current, wish);
        }
        let is_seen = matches!(&self.at.secret, Secret::Own(of) if *of == current.id);
        if !is_seen {
            let until = current.stored_at.map_or(0, |at| at.saturating_add(UNSEEN));
            if self.at.now < until {
                return self.turn(Requeue::At(until));
            }
            if current.retrievable {
                return self.begin(Verb::Fetch, &current.id, None);
            }
            // Credentials are told once: only another binding has some.
            return self.rotate(current, wish);
        }
        // Another one was asked for, that nobody wants any more.
        let asked = |holding: &&Holding| holding.stand == Stand::Asked;
        if let Some(id) = self
            .state
            .holdings
            .iter()
            .find(asked)
            .map(|of| of.id.clone())
        {
            return self.leave(&id, Leaving::Orphaned);
        }
        self.state.failure = None;
        self.state.failures = 0;
        if wanted != due {
            let (reason, message) = status::made(self.at.subject);
            let message = format!("{message}; {SHORT}");
            self.say = Some(Note::new(Is::True, reason, message));
        }
        self.turn(due.map_or(Requeue::OnChange, Requeue::At))
    }

    fn rotate(mut self, current: &Holding, wish: &Wish) -> Turn {
        if let Some(crowd) = self.crowd() {
            // What is there is good for as long as it lives.
            let (reason, message) = status::made(self.at.subject);
            let message = format!("{message}; {}", crowd.message);
            self.say = Some(Note::new(Is::True, reason, message));
            return self.turn(Requeue::OnChange);
        }
        if let Some(at) = self.state.retry_at.filter(|at| *at > self.at.now) {
            return self.turn(Requeue::At(at));
        }
        let predecessor = wish.rotatable.then(|| current.id.clone());
        self.create(wish, predecessor)
    }

    /// Why there is no other binding, where too many that are not used any more are at the broker.
    fn crowd(&self) -> Option<Obstacle> {
        let others = self.state.holdings.len().saturating_sub(1);
        (others >= CROWD).then(|| Obstacle {
            reason: "TooManyBindings",
            message: format!(
                "{others} earlier bindings are still at the broker; there is no other one before one of them is gone\n\
                 hint: they go when spec.rotation.overlap is over and the broker confirms it"
            ),
            retry: None,
        })
    }

    /// The turn where the same failed for good, or is not tried again yet.
    fn pause(&self, inputs: &Inputs) -> Option<Turn> {
        let failure = self.state.failure.as_ref();
        let same = failure.filter(|failure| failure.inputs == *inputs)?;
        if same.ends {
            return Some(self.clone().turn(Requeue::OnChange));
        }
        let at = self.state.retry_at.filter(|at| *at > self.at.now)?;
        Some(self.clone().turn(Requeue::At(at)))
    }

    /// Not even asked for.
    fn refuse(mut self, inputs: &Inputs, reason: &str, message: &str) -> Turn {
        self.state.failure = Some(Failure {
            verb: Verb::Update,
            reason: reason.to_owned(),
            message: message.to_owned(),
            inputs: inputs.clone(),
            ends: true,
        });
        self.turn(Requeue::OnChange)
    }
}

/// Takes up the deletion that waits for the shortest time.
fn earliest(state: &mut State) -> Option<Operation> {
    let parked = state
        .holdings
        .iter_mut()
        .filter(|holding| holding.parked.is_some());
    let first = parked.min_by_key(|holding| {
        let parked = holding.parked.as_ref();
        parked.and_then(|parked| parked.not_before)
    });
    first?.parked.take().map(|parked| *parked)
}
