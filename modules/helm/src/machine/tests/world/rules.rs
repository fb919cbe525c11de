//! What holds after every turn, and what is left in the end.

use super::World;
use crate::record::Status;
use crate::state::{Is, Stage, Verb};
use crate::turn::{Effect, Expect, Requeue, Turn};

impl World {
    /// What holds whatever happens.
    pub(super) fn check(&self, turn: &Turn) {
        if turn.requeue == Requeue::OnceWritten {
            let changes = turn.state != self.state || !turn.effects.is_empty();
            assert!(
                changes,
                "asks to be called at once and changes nothing: {turn:?}"
            );
        }
        for effect in &turn.effects {
            let action = self.state.action.as_ref();
            assert!(
                action.is_some(),
                "an effect without an intent in the status: {effect:?}"
            );
            let action = action.unwrap();
            match effect {
                Effect::Ground => {
                    let free = !self.records.contains_key(&action.revision);
                    assert!(free, "what comes before the record comes after it");
                }
                Effect::Objects { of, .. } => {
                    let stored = &self.records[of];
                    let held = match action.verb {
                        Verb::Correct => stored.status == Status::Deployed,
                        _ => stored.status.is_pending(),
                    };
                    assert!(held, "objects are touched without the lock");
                }
                Effect::Remove { .. } => {
                    assert!(self.may_leave, "uninstalled, and nobody wished it")
                }
                Effect::Record(write) if write.expect == Expect::Absent => {
                    assert!(write.status.is_pending());
                    let newest = self.records.values().next_back();
                    let open = newest.is_some_and(|stored| stored.status.is_pending());
                    assert!(!open, "two are pending: {}", self.history());
                }
                Effect::Forget { revision } if !matches!(action.verb, Verb::Uninstall { .. }) => {
                    let becomes = turn.effects.iter().find_map(|effect| match effect {
                        Effect::Record(write) if write.status == Status::Deployed => {
                            Some(write.revision)
                        }
                        _ => None,
                    });
                    let deployed =
                        |version: &&u32| self.records[*version].status == Status::Deployed;
                    let last = becomes.or(self.records.keys().rev().find(deployed).copied());
                    assert_ne!(last, Some(*revision), "the deployed record is pruned");
                }
                Effect::Clean { of, besides } => {
                    assert!(!besides.contains(of));
                    assert_eq!(action.revision, *of, "another's objects are cleaned up");
                }
                Effect::Record(_) | Effect::Forget { .. } | Effect::Hook { .. } => {}
            }
        }
        if matches!(
            self.state.action.as_ref().map(|action| &action.stage),
            Some(Stage::Begin)
        ) {
            let written = turn.effects.iter().filter(|e| **e != Effect::Ground);
            assert!(written.count() <= 2 || self.wish.policy.keep_history);
        }
    }

    /// What is left in the end, but for what is drawn.
    pub(in crate::machine::tests) fn outcome(&self) -> String {
        let newest = self
            .records
            .values()
            .rev()
            .find(|stored| stored.status == Status::Deployed);
        for (object, password) in &self.objects {
            if let Some(newest) = newest
                && newest.chart.objects.contains(object)
                && self.state.action.is_none()
            {
                assert_eq!(
                    *password, newest.chart.password,
                    "{object} is not as its record has it"
                );
            }
        }
        let objects: Vec<&str> = self.objects.keys().map(String::as_str).collect();
        let conditions: Vec<String> = self
            .conditions
            .iter()
            .filter(|(_, note)| note.is != Is::Unknown)
            .map(|(kind, note)| format!("{kind}={:?} {}", note.is, note.reason))
            .collect();
        format!(
            "{} | {} | {:?} | {} | {}",
            self.history(),
            objects.join(" "),
            self.counters(),
            self.runs.join(" "),
            conditions.join(" ")
        )
    }
}
