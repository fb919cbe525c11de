//! A broker's catalog as classes and plans of the cluster.
//!
//! Owns what is written, flagged and deleted when a catalog was read, which part of it is shown, and when it is read again.
//! A class and a plan are who their IDs are: a service that got another name keeps its object. What instances use is never
//! deleted, and what belongs to another broker is never written. It knows nothing of HTTP.

pub mod offer;
pub mod relist;
pub mod restriction;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use crate::osb::catalog::{Catalog, Plan as OfferedPlan, Service};
pub use offer::{BrokerName, Class, ClassSpec, Plan, PlanSpec};
pub use restriction::{Filter, ReadRestriction, Restrictions};

/// What the name of an object may have, in characters.
const MAX_NAME: usize = 253;

/// Classes and plans that are there: all of the broker's kind, in its namespace, those of other brokers too.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Stock {
    /// Classes.
    pub classes: Vec<Class>,
    /// Plans.
    pub plans: Vec<Plan>,
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

/// What is done when a catalog was read. Classes without a plan that is shown are not shown.
#[must_use]
pub fn compare(
    broker: &BrokerName,
    catalog: &Catalog,
    filter: &Filter,
    stock: &Stock,
    used: &Used,
) -> Changes {
    let mut changes = Changes::default();
    let mut wanted = Wanted::default();
    for service in &catalog.services {
        wanted.add(broker, service, filter, stock, &mut changes.conflicts);
    }
    let own_plans = || {
        stock
            .plans
            .iter()
            .filter(|plan| plan.spec.broker == *broker)
    };
    let own_classes = || {
        stock
            .classes
            .iter()
            .filter(|class| class.spec.broker == *broker)
    };
    let is_plan_used = |plan: &Plan| used.plans.contains(&plan.name);
    let is_class_used = |class: &Class| {
        used.classes.contains(&class.name)
            || own_plans().any(|plan| plan.spec.class.name() == class.name && is_plan_used(plan))
    };
    let mut deleted = Vec::new();
    for class in own_classes().filter(|class| !wanted.classes.contains_key(&class.name)) {
        if !is_class_used(class) {
            deleted.push(Act::DeleteClass {
                name: class.name.clone(),
            });
        } else if !class.removed {
            changes.acts.push(Act::WriteClass(Box::new(Class {
                removed: true,
                ..class.clone()
            })));
        }
    }
    let is_new_class = |class: &Class| !stock.classes.contains(class);
    changes.acts.extend(
        wanted
            .classes
            .values()
            .filter(|class| is_new_class(class))
            .cloned()
            .map(|class| Act::WriteClass(Box::new(class))),
    );
    let is_new_plan = |plan: &Plan| !stock.plans.contains(plan);
    changes.acts.extend(
        wanted
            .plans
            .values()
            .filter(|plan| is_new_plan(plan))
            .cloned()
            .map(|plan| Act::WritePlan(Box::new(plan))),
    );
    for plan in own_plans().filter(|plan| !wanted.plans.contains_key(&plan.name)) {
        if !is_plan_used(plan) {
            changes.acts.push(Act::DeletePlan {
                name: plan.name.clone(),
            });
        } else if !plan.removed {
            changes.acts.push(Act::WritePlan(Box::new(Plan {
                removed: true,
                ..plan.clone()
            })));
        }
    }
    changes.acts.append(&mut deleted);
    changes
}

/// What is done when a broker leaves: as if it offered nothing any more.
#[must_use]
pub fn leave(broker: &BrokerName, stock: &Stock, used: &Used) -> Changes {
    compare(broker, &Catalog::default(), &Filter::default(), stock, used)
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

/// What should be there, by names of objects.
#[derive(Default)]
struct Wanted {
    classes: BTreeMap<String, Class>,
    plans: BTreeMap<String, Plan>,
}

impl Wanted {
    fn add(
        &mut self,
        broker: &BrokerName,
        service: &Service,
        filter: &Filter,
        stock: &Stock,
        conflicts: &mut Vec<Conflict>,
    ) {
        let before = stock
            .classes
            .iter()
            .find(|class| class.spec.broker == *broker && class.spec.external_id == service.id);
        let class = class(broker, service, before);
        if !filter.has_class(&class) {
            return;
        }
        if let Some(other) = stock
            .classes
            .iter()
            .find(|other| other.name == class.name && other.spec.broker != *broker)
        {
            conflicts.push(conflict(
                "class",
                &service.name,
                &service.id,
                &class.name,
                &other.spec.broker,
            ));
            return;
        }
        let mut plans = Vec::new();
        for offered in &service.plans {
            let before = stock
                .plans
                .iter()
                .find(|plan| plan.spec.broker == *broker && plan.spec.external_id == offered.id);
            let plan = plan(broker, service, offered, &class, before);
            if !filter.has_plan(&plan) {
                continue;
            }
            match stock
                .plans
                .iter()
                .find(|other| other.name == plan.name && other.spec.broker != *broker)
            {
                Some(other) => conflicts.push(conflict(
                    "plan",
                    &offered.name,
                    &offered.id,
                    &plan.name,
                    &other.spec.broker,
                )),
                None => plans.push(plan),
            }
        }
        if plans.is_empty() {
            return;
        }
        self.classes.insert(class.name.clone(), class);
        self.plans
            .extend(plans.into_iter().map(|plan| (plan.name.clone(), plan)));
    }
}

fn class(broker: &BrokerName, service: &Service, before: Option<&Class>) -> Class {
    Class {
        name: before.map_or_else(|| object_name(&service.id), |class| class.name.clone()),
        spec: ClassSpec {
            broker: broker.clone(),
            external_name: service.name.clone(),
            external_id: service.id.clone(),
            description: service.description.clone(),
            bindable: service.bindable,
            binding_retrievable: service.bindings_retrievable,
            instance_retrievable: service.instances_retrievable,
            plan_updatable: service.plan_updateable,
            allow_context_updates: service.allow_context_updates,
            tags: service.tags.clone(),
            requires: service.requires.clone(),
            external_metadata: some(&service.metadata),
            default_provision_parameters: before
                .and_then(|class| class.spec.default_provision_parameters.clone()),
        },
        removed: false,
    }
}

fn plan(
    broker: &BrokerName,
    service: &Service,
    offered: &OfferedPlan,
    class: &Class,
    before: Option<&Plan>,
) -> Plan {
    Plan {
        name: before.map_or_else(|| object_name(&offered.id), |plan| plan.name.clone()),
        spec: PlanSpec {
            broker: broker.clone(),
            class: broker.class_ref(&class.name),
            external_name: offered.name.clone(),
            external_id: offered.id.clone(),
            description: offered.description.clone(),
            free: offered.free,
            bindable: offered.bindable,
            plan_updatable: offered.plan_updateable,
            binding_rotatable: service.is_rotatable(offered),
            maximum_polling_duration: offered.maximum_polling_duration,
            maintenance_info: offered.maintenance_info.clone(),
            external_metadata: some(&offered.metadata),
            instance_create_parameter_schema: offered.schemas.instance_create.clone(),
            instance_update_parameter_schema: offered.schemas.instance_update.clone(),
            service_binding_create_parameter_schema: offered.schemas.binding_create.clone(),
            default_provision_parameters: before
                .and_then(|plan| plan.spec.default_provision_parameters.clone()),
        },
        removed: false,
    }
}

fn some(map: &Map<String, Value>) -> Option<Map<String, Value>> {
    (!map.is_empty()).then(|| map.clone())
}

fn conflict(
    what: &'static str,
    external_name: &str,
    external_id: &str,
    name: &str,
    owner: &BrokerName,
) -> Conflict {
    Conflict {
        what,
        external_name: external_name.to_owned(),
        external_id: external_id.to_owned(),
        name: name.to_owned(),
        owner: match owner {
            BrokerName::Cluster(name) => format!("ClusterServiceBroker {name:?}"),
            BrokerName::Namespaced(name) => format!("ServiceBroker {name:?}"),
        },
    }
}
