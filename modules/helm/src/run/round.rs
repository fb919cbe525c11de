//! Parts of a run: what the machine is told of revisions and drift, and how its turn is carried out.

use oarlock_sdk::Outcome;

use super::drift;
use super::objects::Served;
use super::outcome::{self, Hands, Work};
use super::shelf::Shelf;
use super::sights::Sights;
use super::{Prepared, Run};
use crate::machine::{self, ending};
use crate::record::Status;
use crate::situation::{self, Header, Obstacle, Refusal, Report, Situation, Unserved};
use crate::state::{Stage, State, Tests};
use crate::turn::Turn;
use crate::wish::DriftMode;

/// How a run goes on once the machine has decided.
pub(super) enum Course {
    /// As it did.
    Goes(Box<(Turn, Work)>),
    /// Only this is done yet.
    Held(Box<Outcome>),
}

impl Run<'_> {
    /// What a turn comes to. Where objects are of kinds that its definitions have yet to bring, those are written alone, and all of
    /// it is done again; not for longer than the action has time.
    pub(super) fn carried_out(
        &self,
        state: &State,
        at: &Situation<'_>,
        turn: Turn,
        hands: &Hands<'_>,
    ) -> Result<Course, Obstacle> {
        let mut work = hands.work(&turn)?;
        hands.give_up_for_others(&mut work)?;
        let Some((late, action)) = work.late.first().zip(state.action.as_ref()) else {
            return Ok(Course::Goes(Box::new((turn, work))));
        };
        let timeout = crate::status::timeout(action.verb, self.wish).as_millis();
        let end = u64::try_from(timeout)
            .unwrap_or(u64::MAX)
            .saturating_add(action.since);
        if self.now < end {
            let outcome = outcome::held(&turn.tag, &work.late, work.first, self.wish, self.now);
            return Ok(Course::Held(Box::new(outcome)));
        }
        let refused = Refusal {
            target: late.clone(),
            code: 404,
            message: String::from(
                "its kind is not served yet: the definition was written, and is not established",
            ),
        };
        let report = Some(Report {
            tag: turn.tag,
            refused: Some(refused),
        });
        let turn = machine::step(
            state,
            &Situation {
                report,
                ..at.clone()
            },
        );
        let work = hands.work(&turn)?;
        Ok(Course::Goes(Box::new((turn, work))))
    }

    /// Objects that differ, where the wish wants that to be known and nothing else is to be done.
    pub(super) fn drift(
        &self,
        state: &mut State,
        shelf: &Shelf<'_>,
        served: &Served<'_>,
        prepared: Option<&Prepared>,
    ) -> Result<Option<Vec<String>>, Obstacle> {
        let stays = !self.cx.deleting() && !self.wish.suspended && !self.moves(state);
        let rests = state.action.is_none() && stays;
        if !rests || self.wish.policy.drift.mode == DriftMode::Disabled {
            return Ok(None);
        }
        let Some((newest, prepared)) = shelf.history().last().zip(prepared) else {
            return Ok(None);
        };
        let settled = newest.status == Status::Deployed
            && situation::known(state, self.uid, newest)
                .is_some_and(|known| known.inputs == prepared.inputs);
        if !settled {
            return Ok(None);
        }
        let differing = drift::of(self.cx, shelf, served, self.wish, newest.version)?;
        Ok(Some(drift::told(
            self.cx,
            state,
            newest.version,
            &differing,
        )))
    }

    /// What the newest record says, where that is not known anyway. One that cannot be read says nothing.
    pub(super) fn header(&self, state: &State, shelf: &Shelf<'_>) -> Option<Header> {
        let newest = shelf.history().last()?;
        let known = situation::known(state, self.uid, newest);
        if known.is_some() && newest.status == Status::Deployed {
            return None;
        }
        shelf.header(newest.version).ok()
    }

    /// Kinds that are gone matter where older revisions are compared with, or come back.
    pub(super) fn unserved(
        &self,
        state: &State,
        shelf: &Shelf<'_>,
        sights: &Sights<'_>,
    ) -> Result<Vec<Unserved>, Obstacle> {
        if let Some(action) = &state.action {
            let begins = action.verb.makes() && action.stage == Stage::Begin;
            return match begins {
                true => sights.unserved(&action.against),
                false => Ok(Vec::new()),
            };
        }
        let Some(newest) = shelf.history().last() else {
            return Ok(Vec::new());
        };
        let tests = state.snapshot(newest.version).and_then(|known| known.tests);
        let failed = newest.status == Status::Failed || tests == Some(Tests::Failed);
        if !failed || self.cx.deleting() || self.wish.suspended {
            return Ok(Vec::new());
        }
        let good = ending::last_good(state, shelf.history(), newest.version);
        good.map_or_else(|| Ok(Vec::new()), |version| sights.unserved(&[version]))
    }
}
