//! What becomes of an operation: its next call, or what an answer does to it.

use super::upshot::{self, Came, Upshot};
use super::{Run, pace, status};
use crate::osb::Operation as Begins;
use crate::osb::id::{BindingId, InstanceId};
use crate::situation::{Outcome, Secret, Subject};
use crate::state::{Facts, Failure, Inputs, Leaving, Operation, Place, Stage, Stand, Verb};
use crate::turn::{Ask, Call, Effect, Requeue, Turn};

/// How often a binding that was made may be not found.
const UNSEEN: u32 = 5;

/// How often a broker has to say before that it knows nothing of an orphan.
const UNKNOWN: u32 = 2;

impl Run<'_> {
    pub(super) fn carry_on(mut self, operation: Operation) -> Turn {
        let Some(inputs) = self.inputs(&operation) else {
            self.state.operation = None;
            return self.turn(Requeue::OnceWritten);
        };
        // What is not finished is halted: the broker takes the DELETE of what it is still making.
        if self.at.deleting && operation.verb != Verb::Delete && !self.is_blocked() {
            return self.leave(&operation.id, Leaving::Deleted);
        }
        let told = self.at.report.as_ref();
        if let Some(report) = told.filter(|report| report.tag == self.tag) {
            self.state.calls += 1;
            return match &report.outcome {
                Outcome::Came(upshot) => self.came(operation, inputs, upshot),
                Outcome::Refused(refusal) => self.refused(operation, &refusal.message),
            };
        }
        if let Some(turn) = self.other_wish(&operation, &inputs) {
            return turn;
        }
        let meanwhile = self.meanwhile(&operation);
        if let Some(turn) = &meanwhile
            && turn.state.operation.as_ref().map(|of| &of.id) != Some(&operation.id)
        {
            return turn.clone();
        }
        let mut turn = self.send(operation, &inputs.place);
        // What is to be done next may be sooner than the pause is over.
        if let (Requeue::At(at), Some(Requeue::At(other))) =
            (turn.requeue, meanwhile.map(|turn| turn.requeue))
        {
            turn.requeue = Requeue::At(at.min(other));
        }
        turn
    }

    /// What is done while a deletion waits: one that is never confirmed must not stop all else.
    fn meanwhile(&self, operation: &Operation) -> Option<Turn> {
        let waits = self.pause_of(operation).is_some();
        // What is deleted is deleted one after the other, as far as the broker goes on with it.
        let parks = match operation.stage {
            Stage::Asking => true,
            Stage::Polling { .. } => !self.at.deleting,
            Stage::Fetching => false,
        };
        if operation.verb != Verb::Delete
            || !parks
            || operation.generation != self.at.generation
            || !waits
        {
            return None;
        }
        let mut run = self.clone();
        run.state.operation = None;
        let holding = run.state.holding_mut(&operation.id)?;
        holding.parked = Some(Box::new(operation.clone()));
        Some(run.decide())
    }

    /// What it brings about.
    fn inputs(&self, operation: &Operation) -> Option<Inputs> {
        let held = || self.state.holding(&operation.id);
        let update = operation.update.clone();
        update.or_else(|| held().map(|holding| holding.inputs.clone()))
    }

    /// Where the wish changed before the broker took it on, or cannot be filled in any more.
    fn other_wish(&self, operation: &Operation, inputs: &Inputs) -> Option<Turn> {
        if operation.verb == Verb::Fetch {
            return self.other_than_fetched(inputs);
        }
        // Credentials that could not be read yet, and that nobody wants any more.
        let unread = operation.stage == Stage::Fetching && operation.tries > 0;
        if operation.verb == Verb::Delete || (operation.stage != Stage::Asking && !unread) {
            return None;
        }
        match &self.at.wish {
            Err(_) if unread => None,
            Err(obstacle) => Some(self.clone().obstacle(obstacle)),
            Ok(wish) if wish.inputs == *inputs => None,
            // What is under an ID that somebody chose may be all he has: the broker says whether it is that.
            Ok(wish)
                if operation.stage == Stage::Asking
                    && operation.verb == Verb::Create
                    && inputs.place.is_beside(&wish.inputs.place)
                    && self.is_chosen(&operation.id) =>
            {
                let mut run = self.clone();
                run.state.operation = None;
                if let Some(holding) = run.state.holding_mut(&operation.id) {
                    holding.inputs = wish.inputs.clone();
                }
                Some(run.create(wish, operation.predecessor.clone()))
            }
            // Its credentials are in the Secret, and in use: only that it was made is not written down yet.
            Ok(_) if operation.verb == Verb::Create && self.is_stored(&operation.id) => {
                let mut turn = self.clone().made(operation.clone(), &Facts::default());
                turn.effects.clear();
                Some(turn)
            }
            // It may have been sent, and the broker would refuse it with other parameters.
            Ok(_) if operation.verb == Verb::Create => {
                Some(self.clone().leave(&operation.id, Leaving::Orphaned))
            }
            Ok(_) => {
                let mut run = self.clone();
                run.state.operation = None;
                Some(run.decide())
            }
        }
    }

    /// What is read again is not worth it where another binding is wanted anyway.
    fn other_than_fetched(&self, inputs: &Inputs) -> Option<Turn> {
        let wish = self.at.wish.as_ref().ok()?;
        let rotates = wish.rotate.is_some() && wish.rotate != self.state.rotated;
        if wish.inputs == *inputs && !rotates {
            return None;
        }
        let mut run = self.clone();
        run.state.operation = None;
        Some(run.decide())
    }

    fn send(mut self, mut operation: Operation, place: &Place) -> Turn {
        if let Err(obstacle) = &self.at.broker {
            return self.obstacle(obstacle);
        }
        if operation.verb == Verb::Create
            && let Some(obstacle) = self.foreign()
        {
            if operation.unstored {
                // When it is gone, there is nothing to wait for.
                operation.not_before = None;
                self.state.operation = Some(operation);
            }
            return self.obstacle(&obstacle);
        }
        let polls = matches!(operation.stage, Stage::Polling { .. });
        if operation.generation != self.at.generation {
            operation.generation = self.at.generation;
            // A pause ends with what it was for, but not what the broker asked for while it works.
            operation.not_before = operation.not_before.filter(|_| polls);
        }
        let pause = self.pause_of(&operation);
        self.state.operation = Some(operation.clone());
        if let Some(at) = pause {
            return self.turn(Requeue::At(at));
        }
        if operation.verb == Verb::Delete && self.is_stored(&operation.id) {
            self.effects.push(Effect::Withdraw);
        }
        let why = self
            .state
            .holding(&operation.id)
            .map(|holding| &holding.stand);
        let call = Call {
            ask: self.ask(&operation),
            id: operation.id.clone(),
            place: place.clone(),
            serial: self.state.calls,
            originates: why != Some(&Stand::orphan()),
        };
        self.effects.push(Effect::Call(Box::new(call)));
        self.turn(Requeue::OnceWritten)
    }

    /// Until when nothing is asked. Who was denied asks again when something wakes it: a password may be another one now.
    fn pause_of(&self, operation: &Operation) -> Option<u64> {
        let denied = operation.denied.map(|at| at.saturating_add(pace::MENDED));
        let at = operation.not_before?;
        Some(denied.map_or(at, |denied| at.min(denied))).filter(|at| *at > self.at.now)
    }

    fn is_stored(&self, id: &str) -> bool {
        matches!(&self.at.secret, Secret::Own(of) if of == id)
    }

    fn ask(&self, operation: &Operation) -> Ask {
        let begins = begins(self.at.subject, operation.verb);
        if let Stage::Polling { operation: of, .. } = &operation.stage {
            return Ask::Poll {
                of: begins,
                operation: of.clone(),
            };
        }
        if operation.stage == Stage::Fetching {
            return Ask::FetchBinding;
        }
        match begins {
            Begins::Provision => Ask::Provision,
            Begins::Deprovision => Ask::Deprovision,
            Begins::Unbind => Ask::Unbind,
            Begins::Update => {
                let holding = self.state.holding(&operation.id);
                let former = holding.map(|holding| holding.inputs.clone());
                Ask::Update {
                    former: former.unwrap_or_default(),
                    whole: operation.whole,
                }
            }
            Begins::Bind => Ask::Bind {
                predecessor: operation.predecessor.clone(),
            },
        }
    }

    fn came(mut self, mut operation: Operation, inputs: Inputs, upshot: &Upshot) -> Turn {
        let asked = upshot.retry_after;
        operation.denied = upshot.denied.then_some(self.at.now);
        if operation.verb == Verb::Create
            && upshot.heard
            && let Some(holding) = self.state.holding_mut(&operation.id)
        {
            holding.heard = true;
        }
        match (operation.verb, &upshot.came) {
            (
                _,
                Came::Begun {
                    operation: of,
                    dashboard,
                },
            ) => {
                if let Some(holding) = self.state.holding_mut(&operation.id)
                    && dashboard.is_some()
                {
                    holding.facts.dashboard.clone_from(dashboard);
                }
                self.begun(operation, of.clone(), asked)
            }
            (_, Came::Working) => self.working(operation, inputs, upshot),
            (Verb::Create | Verb::Fetch, Came::Done(facts)) => self.made(operation, facts),
            (Verb::Create | Verb::Fetch, Came::Later) => self.fetch(operation),
            (Verb::Update, Came::Done(facts)) => self.updated(&operation.id, inputs, facts),
            (Verb::Delete, Came::Gone | Came::Done(_)) => self.gone(&operation.id),
            (Verb::Delete, Came::Unknown)
                if self.was_refused(&operation.id)
                    || self.is_over(&operation.id)
                    || self.was_never_there(&operation) =>
            {
                self.gone(&operation.id)
            }
            (Verb::Create | Verb::Update, Came::Stale) => {
                let broker = inputs.place.broker.clone();
                self.effects.push(Effect::Relist { broker });
                self.unmade(&operation, inputs, upshot, Some(false))
            }
            // It was made: what it came to is not to be read, or not yet.
            (Verb::Create, Came::Gone) if operation.tries < UNSEEN => {
                let pause = pace::call(operation.tries, asked);
                self.again(operation, &upshot.message, pause)
            }
            (Verb::Create | Verb::Update, Came::Refused) => {
                self.unmade(&operation, inputs, upshot, None)
            }
            // Nobody knows whether what is there is ours: the same is asked again, and the broker says.
            (Verb::Create, Came::Orphan { again: true })
                if operation.stage == Stage::Asking && self.is_chosen(&operation.id) =>
            {
                let pause = pace::again(operation.tries, asked);
                self.again(operation, &upshot.message, pause)
            }
            (Verb::Create, Came::Orphan { again }) => {
                self.orphan(&operation, inputs, upshot, *again)
            }
            // Made, and gone when it was to be read.
            (Verb::Create, Came::Gone) => self.orphan(&operation, inputs, upshot, true),
            (Verb::Fetch, Came::Gone) => self.leave(&operation.id, Leaving::Orphaned),
            // An ID that somebody chose, and what is there is none of ours: it would be taken from whoever made it.
            (Verb::Create, Came::Taken) if self.is_chosen(&operation.id) => {
                self.state
                    .holdings
                    .retain(|holding| holding.id != operation.id);
                let message = format!(
                    "{}\nhint: spec.externalID is that of something else at the broker; create the object without it",
                    upshot.message
                );
                let upshot = Upshot {
                    message,
                    ..upshot.clone()
                };
                self.fail(&operation, inputs, &upshot, false);
                self.turn(Requeue::OnceWritten)
            }
            (Verb::Create | Verb::Update, Came::Taken) => {
                self.fail(&operation, inputs, upshot, false);
                self.turn(Requeue::OnceWritten)
            }
            (Verb::Create | Verb::Update, Came::Failed { unusable, again }) => {
                self.fail(&operation, inputs, upshot, *again);
                if let Some(holding) = self.state.holding_mut(&operation.id) {
                    holding.facts.unusable |= *unusable;
                }
                self.turn(Requeue::OnceWritten)
            }
            (Verb::Update, Came::Orphan { again }) => {
                self.fail(&operation, inputs, upshot, *again);
                self.turn(Requeue::OnceWritten)
            }
            // It never comes to an end otherwise: the DELETE is sent again, also where polling it expired.
            (
                Verb::Delete,
                Came::Orphan { .. }
                | Came::Failed { .. }
                | Came::Taken
                | Came::Again { slow: true },
            ) => {
                let mut operation = operation;
                operation.stage = Stage::Asking;
                let pause = pace::again(operation.rounds.max(operation.tries), asked);
                operation.rounds = operation.rounds.saturating_add(1);
                self.again(operation, &upshot.message, pause)
            }
            (
                Verb::Fetch,
                Came::Stale
                | Came::Refused
                | Came::Taken
                | Came::Orphan { .. }
                | Came::Failed { .. }
                | Came::Again { slow: true },
            ) if operation.tries >= UNSEEN && !upshot.denied => self.unreadable(&operation.id),
            (_, Came::Again { slow: false }) => {
                let pause = pace::call(operation.tries, asked);
                self.again(operation, &upshot.message, pause)
            }
            // Of what cannot be, and of what needs somebody: it is asked again, slowly.
            (Verb::Update, Came::Later | Came::Gone)
            | (Verb::Delete, Came::Later | Came::Stale | Came::Refused)
            | (
                Verb::Fetch,
                Came::Stale
                | Came::Refused
                | Came::Taken
                | Came::Orphan { .. }
                | Came::Failed { .. },
            )
            | (_, Came::Unknown | Came::Again { slow: true }) => {
                let pause = pace::again(operation.tries, asked);
                self.again(operation, &upshot.message, pause)
            }
        }
    }

    /// Whether somebody chose an ID: it is none of those that are derived.
    fn is_chosen(&self, id: &str) -> bool {
        let (cluster, uid) = (self.at.cluster, self.at.uid);
        !(0..self.state.attempts).any(|attempt| {
            id == match self.at.subject {
                Subject::Instance => String::from(InstanceId::derive(cluster, uid, attempt)),
                Subject::Binding => String::from(BindingId::derive(cluster, uid, attempt)),
            }
        })
    }

    /// Credentials that cannot be read again are as good as those that are told once.
    fn unreadable(mut self, id: &str) -> Turn {
        self.state.operation = None;
        if let Some(holding) = self.state.holding_mut(id) {
            holding.retrievable = false;
        }
        self.turn(Requeue::OnceWritten)
    }

    fn was_refused(&self, id: &str) -> bool {
        let refused = Stand::Leaving {
            why: Leaving::Refused,
        };
        self.state
            .holding(id)
            .is_some_and(|holding| holding.stand == refused)
    }

    /// Nobody ever heard that it was made, and the broker says again and again that there is no such thing: it is none that
    /// answers 410, and nothing else may be made before it is gone.
    fn was_never_there(&self, operation: &Operation) -> bool {
        let holding = self.state.holding(&operation.id);
        operation.tries >= UNKNOWN
            && holding.is_some_and(|of| !of.heard && of.stand == Stand::orphan())
    }

    /// It was there, and has ended by itself.
    fn is_over(&self, id: &str) -> bool {
        let end = self.state.holding(id).and_then(|of| of.facts.expires_at);
        end.is_some_and(|end| end <= self.at.now)
    }

    fn begun(mut self, mut operation: Operation, of: Option<String>, asked: Option<u64>) -> Turn {
        let now = self.at.now;
        operation.stage = Stage::Polling {
            operation: of,
            since: now,
        };
        operation.tries = 0;
        operation.note = None;
        let at = now.saturating_add(pace::poll(0, asked));
        operation.not_before = Some(at);
        self.state.operation = Some(operation);
        self.turn(Requeue::At(at))
    }

    fn working(mut self, mut operation: Operation, inputs: Inputs, upshot: &Upshot) -> Turn {
        let now = self.at.now;
        let Stage::Polling { since, .. } = operation.stage else {
            let pause = pace::call(operation.tries, upshot.retry_after);
            return self.again(operation, &upshot.message, pause);
        };
        let holding = self.state.holding(&operation.id);
        let limit = holding.and_then(|holding| holding.polling);
        let deadline = since.saturating_add(limit.unwrap_or(pace::POLLING));
        if now >= deadline {
            let of = begins(self.at.subject, operation.verb);
            let waited = now.saturating_sub(since);
            let expired = upshot::expired(of, waited, &upshot.message, now);
            return self.came(operation, inputs, &expired);
        }
        operation.tries = operation.tries.saturating_add(1);
        operation.note = Some(upshot.message.clone()).filter(|note| !note.is_empty());
        // Its last poll is at its deadline, whatever the broker asks for.
        let pause = pace::poll(operation.tries, upshot.retry_after);
        let at = now.saturating_add(pause).min(deadline);
        operation.not_before = Some(at);
        self.state.operation = Some(operation);
        self.turn(Requeue::At(at))
    }

    fn again(self, operation: Operation, message: &str, pause: u64) -> Turn {
        self.put_off(operation, message, pause, false)
    }

    fn put_off(
        mut self,
        mut operation: Operation,
        message: &str,
        pause: u64,
        unstored: bool,
    ) -> Turn {
        let at = self.at.now.saturating_add(pause);
        operation.tries = operation.tries.saturating_add(1);
        operation.not_before = Some(at);
        operation.note = Some(message.to_owned());
        operation.unstored = unstored;
        self.state.operation = Some(operation);
        self.turn(Requeue::At(at))
    }

    fn fetch(mut self, mut operation: Operation) -> Turn {
        operation.stage = Stage::Fetching;
        operation.tries = 0;
        operation.not_before = None;
        operation.note = None;
        self.state.operation = Some(operation);
        self.turn(Requeue::OnceWritten)
    }

    /// It is there, and takes the place of what was.
    fn made(mut self, operation: Operation, facts: &Facts) -> Turn {
        let id = operation.id;
        if operation.verb == Verb::Create {
            self.state.rotated = operation.request;
        }
        let now = self.at.now;
        let until = now.saturating_add(self.at.overlap.unwrap_or(pace::OVERLAP));
        let is_binding = self.at.subject == Subject::Binding;
        for holding in &mut self.state.holdings {
            if holding.id == id {
                holding.stand = Stand::Held;
                holding.heard = true;
                let dashboard = holding.facts.dashboard.take();
                holding.facts = facts.clone();
                holding.facts.dashboard = facts.dashboard.clone().or(dashboard);
                holding.stored_at = is_binding.then_some(now);
            } else if matches!(holding.stand, Stand::Held | Stand::Unsure) {
                holding.stand = Stand::Superseded { until };
            }
        }
        self.done();
        if is_binding {
            self.effects.push(Effect::Store { id });
        }
        let (reason, message) = status::made(self.at.subject);
        self.event(false, reason, message.to_owned());
        self.turn(Requeue::OnceWritten)
    }

    fn updated(mut self, id: &str, inputs: Inputs, facts: &Facts) -> Turn {
        if let Some(holding) = self.state.holding_mut(id) {
            holding.stand = Stand::Held;
            holding.inputs = inputs;
            holding.facts.unusable = false;
            if facts.dashboard.is_some() {
                holding.facts.dashboard.clone_from(&facts.dashboard);
            }
        }
        self.done();
        let message = "the instance was updated".to_owned();
        self.event(false, "InstanceUpdatedSuccessfully", message);
        self.turn(Requeue::OnceWritten)
    }

    fn done(&mut self) {
        self.state.operation = None;
        self.state.failure = None;
        self.state.failures = 0;
        self.state.retry_at = None;
    }

    /// The broker says that nothing is there.
    fn gone(mut self, id: &str) -> Turn {
        self.state.operation = None;
        let was = self.state.holding(id).map(|holding| holding.stand.clone());
        self.state.holdings.retain(|holding| holding.id != id);
        let (reason, message) = status::gone(self.at.subject, was == Some(Stand::orphan()));
        self.event(false, reason, format!("{message}: {id}"));
        self.turn(Requeue::OnceWritten)
    }

    /// Nothing was made or changed. `again` says whether it may be tried again by itself, and slowly.
    fn unmade(
        mut self,
        operation: &Operation,
        inputs: Inputs,
        upshot: &Upshot,
        again: Option<bool>,
    ) -> Turn {
        let stand = match operation.verb {
            Verb::Create => Some(Stand::Refused),
            // An update that was not answered before may have been applied.
            _ if operation.tries == 0 => Some(Stand::Held),
            _ => None,
        };
        let holding = self.state.holding_mut(&operation.id);
        if let (Some(holding), Some(stand)) = (holding, stand) {
            holding.stand = stand;
        }
        self.fail(operation, inputs, upshot, again.is_some());
        self.turn(Requeue::OnceWritten)
    }

    /// Remembers what went wrong, and when it is tried again.
    fn fail(&mut self, operation: &Operation, inputs: Inputs, upshot: &Upshot, again: bool) {
        self.state.operation = None;
        let now = self.at.now;
        let reason = status::failed(self.at.subject, operation.verb);
        // Who has credentials needs their successors: it is tried for as long as they live.
        let current = self.state.current();
        let rotates = operation.verb == Verb::Create
            && current.is_some_and(|current| current.inputs == inputs);
        let again = again || rotates;
        let pause = pace::again(self.state.failures, upshot.retry_after);
        self.state.retry_at = again.then(|| now.saturating_add(pause));
        self.state.failures = self.state.failures.saturating_add(1);
        self.event(true, reason, upshot.message.clone());
        self.state.failure = Some(Failure {
            verb: operation.verb,
            reason: reason.to_owned(),
            message: upshot.message.clone(),
            inputs,
            ends: !again,
        });
    }

    /// Something may be there that nobody knows of: written down before it is removed, and nothing is made before it is gone.
    fn orphan(
        mut self,
        operation: &Operation,
        inputs: Inputs,
        upshot: &Upshot,
        again: bool,
    ) -> Turn {
        self.fail(operation, inputs, upshot, again);
        self.leave(&operation.id, Leaving::Orphaned)
    }

    /// Another effect than a call was refused.
    fn refused(self, mut operation: Operation, message: &str) -> Turn {
        let holding = self.state.holding(&operation.id);
        let retrievable = holding.is_some_and(|holding| holding.retrievable);
        let asked = operation.stage == Stage::Asking;
        if operation.verb == Verb::Create && asked && retrievable {
            operation.stage = Stage::Fetching;
        }
        let pause = pace::again(operation.tries, None);
        self.put_off(operation, message, pause, true)
    }
}

/// What the broker calls it.
const fn begins(subject: Subject, verb: Verb) -> Begins {
    match (subject, verb) {
        (Subject::Instance, Verb::Create) => Begins::Provision,
        (Subject::Instance, Verb::Update | Verb::Fetch) => Begins::Update,
        (Subject::Instance, Verb::Delete) => Begins::Deprovision,
        (Subject::Binding, Verb::Create | Verb::Update | Verb::Fetch) => Begins::Bind,
        (Subject::Binding, Verb::Delete) => Begins::Unbind,
    }
}
