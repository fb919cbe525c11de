//! A broker's catalog as classes and plans of the cluster.
//!
//! Owns what is written, flagged and deleted when a catalog was read, which part of it is shown, and when it is read again.
//! A class and a plan are who their IDs are: a service that got another name keeps its object. What instances use is never
//! deleted, and what belongs to another broker is never written. It knows nothing of HTTP.

pub mod label;
pub mod object;
pub mod offer;
pub mod relist;
pub mod restriction;
mod size;
#[cfg(test)]
mod tests;
mod wanted;

use std::collections::{BTreeMap, BTreeSet};

use sha2::{Digest, Sha256};

use crate::osb::catalog::Catalog;
pub use offer::{BrokerName, Class, ClassSpec, Plan, PlanSpec};
pub use restriction::{Filter, ReadRestriction, Restrictions};
pub use wanted::{Oversized, Wanted};

/// What the name of an object may have, in characters.
const MAX_NAME: usize = 253;

/// Classes and plans that are there: all of the broker's kind, in its namespace, those of other brokers too.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Stock {
    /// Classes.
    pub classes: Vec<Class>,
    /// Plans.
    pub plans: Vec<Plan>,
    /// Names of further classes, and the other broker that has each.
    pub taken_classes: BTreeMap<String, BrokerName>,
    /// Names of further plans, and the other broker that has each.
    pub taken_plans: BTreeMap<String, BrokerName>,
}

/// What instances have, by names of objects.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Used {
    /// Classes.
    pub classes: BTreeSet<String>,
    /// Plans.
    pub plans: BTreeSet<String>,
}

/// What is done to one object.
#[derive(Clone, Debug, PartialEq)]
pub enum Act {
    /// The class is created or brought to this, its status too.
    WriteClass(Box<Class>),
    /// The plan is created or brought to this, its status too.
    WritePlan(Box<Plan>),
    /// The plan goes: the broker has it no more, and no instance uses it.
    DeletePlan {
        /// Its object.
        name: String,
    },
    /// The class goes, after its plans.
    DeleteClass {
        /// Its object.
        name: String,
    },
}

/// What follows from a catalog.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Changes {
    /// In this order. Nothing where all is as it should be.
    pub acts: Vec<Act>,
    /// What could not be taken over; the rest was.
    pub conflicts: Vec<Conflict>,
}

/// What is there of a broker's when a flag was looked at: names of objects, without what is in them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flag {
    /// The object's name.
    pub name: String,
    /// The class' object, of a plan.
    pub class: Option<String>,
    /// It is flagged as removed.
    pub removed: bool,
}

/// An object of that name is another broker's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{what} {external_name:?} (ID {external_id:?}) cannot be shown: object {name:?} belongs to {owner}\nhint: two brokers offer the same ID; hide it at one of them by spec.catalogRestrictions"
)]
pub struct Conflict {
    /// `class` or `plan`.
    pub what: &'static str,
    /// Its name at the broker.
    pub external_name: String,
    /// Its ID.
    pub external_id: String,
    /// The object.
    pub name: String,
    /// Whose the object is.
    pub owner: String,
}

impl Stock {
    /// What is the broker's own when all was done.
    #[must_use]
    pub fn after(self, broker: &BrokerName, changes: &Changes) -> Self {
        let own_class =
            |class: Class| (class.spec.broker == *broker).then(|| (class.name.clone(), class));
        let own_plan =
            |plan: Plan| (plan.spec.broker == *broker).then(|| (plan.name.clone(), plan));
        let mut classes: BTreeMap<_, _> = self.classes.into_iter().filter_map(own_class).collect();
        let mut plans: BTreeMap<_, _> = self.plans.into_iter().filter_map(own_plan).collect();
        for act in &changes.acts {
            match act {
                Act::WriteClass(class) => {
                    classes.insert(class.name.clone(), class.as_ref().clone());
                }
                Act::WritePlan(plan) => {
                    plans.insert(plan.name.clone(), plan.as_ref().clone());
                }
                Act::DeletePlan { name } => drop(plans.remove(name)),
                Act::DeleteClass { name } => drop(classes.remove(name)),
            }
        }
        Self {
            classes: classes.into_values().collect(),
            plans: plans.into_values().collect(),
            taken_classes: self.taken_classes,
            taken_plans: self.taken_plans,
        }
    }
}

/// What is done when a catalog was read. Classes without a plan that is shown are not shown.
#[must_use]
pub fn compare(
    broker: &BrokerName,
    catalog: &Catalog,
    filter: &Filter,
    stock: &Stock,
    used: &Used,
) -> Changes {
    Wanted::of(broker, catalog, filter, stock).changes(stock, used)
}

/// What is flagged, and used no more: classes and plans, by names of objects. A class goes with the last of its plans.
#[must_use]
pub fn spent(classes: &[Flag], plans: &[Flag], used: &Used) -> Used {
    let is_spent = |plan: &Flag| plan.removed && !used.plans.contains(&plan.name);
    let holding: BTreeSet<&str> = plans
        .iter()
        .filter(|plan| !is_spent(plan))
        .filter_map(|plan| plan.class.as_deref())
        .collect();
    let names = |flags: Vec<&Flag>| flags.into_iter().map(|flag| flag.name.clone()).collect();
    Used {
        classes: names(
            classes
                .iter()
                .filter(|class| class.removed && !used.classes.contains(&class.name))
                .filter(|class| !holding.contains(class.name.as_str()))
                .collect(),
        ),
        plans: names(plans.iter().filter(|plan| is_spent(plan)).collect()),
    }
}

/// The name of the object for an ID: the ID itself where an object can have it as its name.
#[must_use]
pub fn object_name(id: &str) -> String {
    let is_inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let is_label = |label: &str| {
        label.bytes().all(|byte| is_inner(byte) || byte == b'-')
            && label.bytes().next().is_some_and(is_inner)
            && label.bytes().last().is_some_and(is_inner)
    };
    if id.len() <= MAX_NAME && id.split('.').all(is_label) {
        return id.to_owned();
    }
    let digest: String = Sha256::digest(id.as_bytes())
        .iter()
        .take(8)
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let plain: String = id
        .to_ascii_lowercase()
        .chars()
        .map(|char| {
            if char.is_ascii_lowercase() || char.is_ascii_digit() {
                char
            } else {
                '-'
            }
        })
        .take(100)
        .collect();
    match plain.trim_matches('-') {
        "" => format!("id-{digest}"),
        plain => format!("{plain}-{digest}"),
    }
}
