//! The object, and what is written into its status.

use serde_json::{Value, json};

use super::{Stored, World, hook};
use crate::dialect;
use crate::dialect::status::{Told, apply};
use crate::record::{Phase, Record};
use crate::state::State;
use crate::turn::{Condition, Turn};

impl World {
    /// Writes the object's status, as the host does.
    pub(super) fn tell(&mut self, before: &State, turn: &Turn) {
        self.object["metadata"]["generation"] = json!(self.generation);
        let (patch, conditions) = self.told(before, turn);
        if let Some(patch) = patch {
            self.statuses += 1;
            apply(&mut self.object["status"], &patch);
        }
        let mut all = self.object["status"]["conditions"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        for condition in conditions {
            let told = json!({
                "type": condition.kind,
                "status": condition.note.is,
                "reason": condition.note.reason,
                "message": condition.note.message,
            });
            match all.iter_mut().find(|known| known["type"] == condition.kind) {
                Some(known) => *known = told,
                None => all.push(told),
            }
        }
        self.object["status"]["conditions"] = json!(all);
        assert_eq!(
            dialect::status::state(&self.object).unwrap(),
            turn.state,
            "the status does not remember"
        );
        if let Some(phase) = self.object["status"]["phase"].as_str()
            && self.phases.last().is_none_or(|last| last != phase)
        {
            self.phases.push(phase.to_owned());
        }
    }

    pub(super) fn told(&self, before: &State, turn: &Turn) -> (Option<Value>, Vec<Condition>) {
        let records: Vec<Record> = self
            .records
            .iter()
            .map(|(version, stored)| self.record(*version, stored))
            .collect();
        let records: Vec<&Record> = records.iter().collect();
        let told = Told {
            object: &self.object,
            wish: &self.wish,
            before,
            turn,
            records: &records,
            revision: self.revision.as_deref(),
        };
        (told.status(), told.conditions())
    }

    fn record(&self, version: u32, stored: &Stored) -> Record {
        let mut record = Record::new("web", "shop", version);
        record.manifest = stored.chart.objects.join("\n");
        record.info.notes = format!("notes of {}", stored.chart.inputs.chart_version);
        record.info.first_deployed = Some(String::from("2026-11-10T12:00:00.123456789Z"));
        record.hooks = stored
            .chart
            .hooks
            .iter()
            .enumerate()
            .map(|(at, event)| hook(at, *event))
            .collect();
        for hook in &mut record.hooks {
            if self.jobs.contains_key(&hook.name) {
                hook.last_run.started_at = Some(String::from("2026-11-10T12:00:01Z"));
                hook.last_run.phase = Phase::Succeeded;
            }
        }
        record
    }

    /// A field of the status.
    pub(in crate::machine::tests) fn field(&self, name: &str) -> &Value {
        &self.object["status"][name]
    }

    /// A condition of the object, in its dialect's words.
    pub(in crate::machine::tests) fn in_words(&self, kind: &str) -> String {
        let all = self.object["status"]["conditions"].as_array();
        let found = all
            .into_iter()
            .flatten()
            .find(|condition| condition["type"] == kind);
        found.map_or_else(
            || "-".into(),
            |condition| {
                let text = |name: &str| condition[name].as_str().unwrap_or_default();
                format!("{} {}: {}", text("status"), text("reason"), text("message"))
            },
        )
    }
}
