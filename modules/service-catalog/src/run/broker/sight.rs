//! What is there of a broker's classes and plans.

use std::collections::{BTreeMap, BTreeSet};

use oarlock_sdk::{Failure, Outcome, Removal};
use serde_json::Value;

use super::memory::Memory;
use super::shelf::broker_of;
use super::{Run, usage};
use crate::catalog::{Flag, label, object, spent};
use crate::run::reading::text;

/// A broker's own classes and plans, but not what is in them.
pub(super) struct Sight {
    classes: Vec<Seen>,
    plans: Vec<Seen>,
}

struct Seen {
    flag: Flag,
    external_id: String,
    uid: String,
}

/// What was flagged and is used no more.
pub(super) struct Spent {
    classes: Vec<Removal>,
    plans: Vec<Removal>,
}

impl Sight {
    /// Looks.
    pub(super) fn read(run: &Run<'_>) -> Result<Self, Failure> {
        let kinds = run.name.kinds();
        let fields = [
            "/spec/externalID",
            "/spec/clusterServiceBrokerName",
            "/spec/serviceBrokerName",
            "/spec/clusterServiceClassRef/name",
            "/spec/serviceClassRef/name",
            "/status/removedFromBrokerCatalog",
        ];
        let labels = label::selector(&run.name);
        let seen = |kind| -> Result<Vec<Seen>, Failure> {
            let objects = run.query(kind, Some(&labels), &fields)?;
            // A label is only a label: whose it is stands in the spec.
            let own = objects
                .iter()
                .filter(|object| broker_of(&run.name, object) == run.name);
            Ok(own.filter_map(Seen::of).collect())
        };
        Ok(Self {
            classes: seen(kinds.class)?,
            plans: seen(kinds.plan)?,
        })
    }

    /// Whether there is less of what is offered than was written.
    pub(super) fn lacks(&self, memory: &Memory) -> bool {
        let offered = |all: &[Seen]| all.iter().filter(|seen| !seen.flag.removed).count();
        offered(&self.classes) < memory.classes || offered(&self.plans) < memory.plans
    }

    /// How many are not offered any more.
    pub(super) fn flagged(&self) -> usize {
        let all = self.classes.iter().chain(&self.plans);
        all.filter(|seen| seen.flag.removed).count()
    }

    /// What was flagged and is used no more. Usage is read only where anything is flagged.
    pub(super) fn spent(&self, run: &Run<'_>) -> Result<Spent, Failure> {
        let mut all = self.classes.iter().chain(&self.plans);
        if !all.any(|seen| seen.flag.removed) {
            return Ok(Spent {
                classes: Vec::new(),
                plans: Vec::new(),
            });
        }
        let ids = |seen: &[Seen]| -> BTreeMap<String, String> {
            seen.iter()
                .map(|seen| (seen.external_id.clone(), seen.flag.name.clone()))
                .collect()
        };
        let used = usage::used(run)?.names(&ids(&self.classes), &ids(&self.plans));
        let flags =
            |seen: &[Seen]| -> Vec<Flag> { seen.iter().map(|seen| seen.flag.clone()).collect() };
        let spent = spent(&flags(&self.classes), &flags(&self.plans), &used);
        let kinds = run.name.kinds();
        let removals = |seen: &[Seen], kind, names: &BTreeSet<String>| {
            seen.iter()
                .filter(|seen| names.contains(&seen.flag.name))
                .map(|seen| Removal::of(run.target(kind, &seen.flag.name)).uid(&seen.uid))
                .collect()
        };
        Ok(Spent {
            classes: removals(&self.classes, kinds.class, &spent.classes),
            plans: removals(&self.plans, kinds.plan, &spent.plans),
        })
    }
}

impl Seen {
    fn of(object: &Value) -> Option<Self> {
        let class = [
            "/spec/clusterServiceClassRef/name",
            "/spec/serviceClassRef/name",
        ]
        .iter()
        .find_map(|pointer| text(object, pointer));
        Some(Self {
            flag: Flag {
                name: text(object, "/metadata/name")?.to_owned(),
                class: class.map(str::to_owned),
                removed: object::is_removed(object),
            },
            external_id: text(object, "/spec/externalID")
                .unwrap_or_default()
                .to_owned(),
            uid: text(object, "/metadata/uid").unwrap_or_default().to_owned(),
        })
    }
}

impl Spent {
    /// How many these are.
    pub(super) fn count(&self) -> usize {
        self.classes.len() + self.plans.len()
    }

    /// Plans go before their classes.
    pub(super) fn removed_from(self, outcome: Outcome) -> Outcome {
        self.plans
            .into_iter()
            .chain(self.classes)
            .fold(outcome, Outcome::remove)
    }
}
