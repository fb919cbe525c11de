//! What should be there, by a catalog.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::size;
use super::{
    Act, Changes, Class, ClassSpec, Conflict, Filter, Plan, PlanSpec, Stock, Used, object_name,
};
use crate::catalog::offer::BrokerName;
use crate::osb::catalog::{Catalog, LeftOut, MayBe, Plan as OfferedPlan, Service};

/// What should be there, by names of objects.
#[derive(Clone, Debug)]
pub struct Wanted {
    broker: BrokerName,
    classes: BTreeMap<String, Class>,
    plans: BTreeMap<String, Plan>,
    conflicts: Vec<Conflict>,
    kept: Kept,
    trimmed: Vec<String>,
}

/// A catalog is larger than what can be written at once.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "its classes and plans have {size} bytes without schemas and metadata, {limit} can be written at once\nhint: show less of it by spec.catalogRestrictions"
)]
pub struct Oversized {
    /// Bytes.
    pub size: usize,
    /// Bytes that are allowed.
    pub limit: usize,
}

/// What stays as it is: the catalog speaks of it, and what it says cannot be used.
#[derive(Clone, Debug, Default)]
struct Kept {
    all: bool,
    services: BTreeSet<String>,
    plans_of: BTreeSet<String>,
    plans: BTreeSet<String>,
}

impl Wanted {
    /// What should be there. Classes without a plan that is shown are not shown.
    #[must_use]
    pub fn of(broker: &BrokerName, catalog: &Catalog, filter: &Filter, stock: &Stock) -> Self {
        let mut wanted = Self {
            broker: broker.clone(),
            classes: BTreeMap::new(),
            plans: BTreeMap::new(),
            conflicts: Vec::new(),
            kept: Kept::of(&catalog.left_out),
            trimmed: Vec::new(),
        };
        let known = Known::of(broker, stock);
        for service in &catalog.services {
            wanted.add(service, filter, &known);
        }
        wanted
    }

    /// Leaves out what makes it larger than what can be written: schemas and metadata, the largest first. The limits are what the
    /// host takes of an outcome and an API server of an object. What is too large for an object without them stays as it was.
    ///
    /// # Errors
    /// All of it is too large without them, too.
    pub fn fit(mut self) -> Result<Self, Oversized> {
        let fitted = size::fit(&mut self.classes, &mut self.plans)?;
        let schemas = |name: &String| format!("schemas and metadata of {name}: too large");
        self.trimmed = fitted.trimmed.iter().map(schemas).collect();
        for name in fitted.classes {
            if let Some(class) = self.classes.remove(&name) {
                self.plans.retain(|_, plan| plan.spec.class.name() != name);
                let told = format!("class {:?}: too large", class.spec.external_name);
                self.trimmed.push(told);
                self.kept.services.insert(class.spec.external_id);
            }
        }
        for name in fitted.plans {
            if let Some(plan) = self.plans.remove(&name) {
                let told = format!("plan {:?}: too large", plan.spec.external_name);
                self.trimmed.push(told);
                self.kept.plans.insert(plan.spec.external_id);
            }
        }
        let with_plans: BTreeSet<&str> = self
            .plans
            .values()
            .map(|plan| plan.spec.class.name())
            .collect();
        self.classes
            .retain(|name, _| with_plans.contains(name.as_str()));
        Ok(self)
    }

    /// Whether something is there that is not offered any more: then it matters what is used.
    #[must_use]
    pub fn misses(&self, stock: &Stock) -> bool {
        let (classes, plans) = self.unwanted(stock);
        !classes.is_empty() || !plans.is_empty()
    }

    /// What was left out of it to make it fit, for people.
    #[must_use]
    pub fn trimmed(&self) -> &[String] {
        &self.trimmed
    }

    /// What is done.
    #[must_use]
    pub fn changes(self, stock: &Stock, used: &Used) -> Changes {
        let (unwanted_classes, unwanted_plans) = self.unwanted(stock);
        let is_plan_used = |plan: &Plan| used.plans.contains(&plan.name);
        let held: BTreeSet<&str> = unwanted_plans
            .iter()
            .filter(|plan| is_plan_used(plan))
            .map(|plan| plan.spec.class.name())
            .collect();
        let mut acts = Vec::new();
        let mut deleted = Vec::new();
        for class in unwanted_classes {
            if !used.classes.contains(&class.name) && !held.contains(class.name.as_str()) {
                deleted.push(Act::DeleteClass {
                    name: class.name.clone(),
                });
            } else if !class.removed {
                acts.push(Act::WriteClass(Box::new(Class {
                    removed: true,
                    ..class.clone()
                })));
            }
        }
        let known = Known::of(&self.broker, stock);
        for (name, class) in self.classes {
            if known.classes_by_name.get(name.as_str()) != Some(&&class) {
                acts.push(Act::WriteClass(Box::new(class)));
            }
        }
        for (name, plan) in self.plans {
            if known.plans_by_name.get(name.as_str()) != Some(&&plan) {
                acts.push(Act::WritePlan(Box::new(plan)));
            }
        }
        for plan in unwanted_plans {
            if !is_plan_used(plan) {
                acts.push(Act::DeletePlan {
                    name: plan.name.clone(),
                });
            } else if !plan.removed {
                acts.push(Act::WritePlan(Box::new(Plan {
                    removed: true,
                    ..plan.clone()
                })));
            }
        }
        acts.append(&mut deleted);
        Changes {
            acts,
            conflicts: self.conflicts,
        }
    }

    /// Classes and plans of the broker that are not offered any more.
    fn unwanted<'a>(&self, stock: &'a Stock) -> (Vec<&'a Class>, Vec<&'a Plan>) {
        let own_classes = stock
            .classes
            .iter()
            .filter(|class| class.spec.broker == self.broker);
        let ids: BTreeMap<&str, &str> = own_classes
            .clone()
            .map(|class| (class.name.as_str(), class.spec.external_id.as_str()))
            .collect();
        let class_of = |plan: &Plan| ids.get(plan.spec.class.name()).copied().unwrap_or_default();
        let plans: Vec<&Plan> = stock
            .plans
            .iter()
            .filter(|plan| plan.spec.broker == self.broker)
            .filter(|plan| !self.plans.contains_key(&plan.name))
            .collect();
        // Of what stays as it is, the class stays.
        let (kept, unwanted): (Vec<_>, Vec<_>) = plans
            .into_iter()
            .partition(|plan| self.kept.has_plan(plan, class_of(plan)));
        let of_kept: BTreeSet<&str> = kept.iter().map(|plan| plan.spec.class.name()).collect();
        let classes = own_classes
            .filter(|class| !self.classes.contains_key(&class.name))
            .filter(|class| !self.kept.has_class(class) && !of_kept.contains(class.name.as_str()))
            .collect();
        (classes, unwanted)
    }

    fn add(&mut self, service: &Service, filter: &Filter, known: &Known<'_>) {
        let before = known.classes_by_id.get(service.id.as_str()).copied();
        let class = class(&self.broker, service, before);
        if !filter.has_class(&class) {
            return;
        }
        if let Some(owner) = known.taken_classes.get(class.name.as_str()) {
            self.conflicts.push(Conflict::new(
                "class",
                (&service.name, &service.id),
                &class.name,
                owner,
            ));
            return;
        }
        let mut plans = Vec::new();
        for offered in &service.plans {
            let before = known.plans_by_id.get(offered.id.as_str()).copied();
            let plan = plan(&self.broker, service, offered, &class, before);
            if !filter.has_plan(&plan) {
                continue;
            }
            match known.taken_plans.get(plan.name.as_str()) {
                Some(owner) => self.conflicts.push(Conflict::new(
                    "plan",
                    (&offered.name, &offered.id),
                    &plan.name,
                    owner,
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

impl Kept {
    fn of(left_out: &[LeftOut]) -> Self {
        let mut kept = Self::default();
        for one in left_out {
            match &one.may_be {
                MayBe::Any => kept.all = true,
                MayBe::Service(id) => drop(kept.services.insert(id.clone())),
                MayBe::PlanOf(id) => drop(kept.plans_of.insert(id.clone())),
                MayBe::Plan(id) => drop(kept.plans.insert(id.clone())),
            }
        }
        kept
    }

    fn has_class(&self, class: &Class) -> bool {
        self.all || self.services.contains(&class.spec.external_id)
    }

    fn has_plan(&self, plan: &Plan, service: &str) -> bool {
        self.all
            || self.services.contains(service)
            || self.plans_of.contains(service)
            || self.plans.contains(&plan.spec.external_id)
    }
}

/// What is there, by what it is looked up by.
struct Known<'a> {
    classes_by_id: BTreeMap<&'a str, &'a Class>,
    classes_by_name: BTreeMap<&'a str, &'a Class>,
    plans_by_id: BTreeMap<&'a str, &'a Plan>,
    plans_by_name: BTreeMap<&'a str, &'a Plan>,
    /// Other brokers' names.
    taken_classes: BTreeMap<&'a str, &'a BrokerName>,
    taken_plans: BTreeMap<&'a str, &'a BrokerName>,
}

impl<'a> Known<'a> {
    fn of(broker: &BrokerName, stock: &'a Stock) -> Self {
        let (own_classes, classes): (Vec<_>, Vec<_>) = stock
            .classes
            .iter()
            .partition(|class| class.spec.broker == *broker);
        let (own_plans, plans): (Vec<_>, Vec<_>) = stock
            .plans
            .iter()
            .partition(|plan| plan.spec.broker == *broker);
        Self {
            classes_by_id: own_classes
                .iter()
                .map(|class| (class.spec.external_id.as_str(), *class))
                .collect(),
            classes_by_name: own_classes
                .into_iter()
                .map(|class| (class.name.as_str(), class))
                .collect(),
            plans_by_id: own_plans
                .iter()
                .map(|plan| (plan.spec.external_id.as_str(), *plan))
                .collect(),
            plans_by_name: own_plans
                .into_iter()
                .map(|plan| (plan.name.as_str(), plan))
                .collect(),
            taken_classes: classes
                .into_iter()
                .map(|class| (class.name.as_str(), &class.spec.broker))
                .chain(named(&stock.taken_classes))
                .collect(),
            taken_plans: plans
                .into_iter()
                .map(|plan| (plan.name.as_str(), &plan.spec.broker))
                .chain(named(&stock.taken_plans))
                .collect(),
        }
    }
}

fn named(taken: &BTreeMap<String, BrokerName>) -> impl Iterator<Item = (&str, &BrokerName)> {
    taken.iter().map(|(name, broker)| (name.as_str(), broker))
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

impl Conflict {
    fn new(
        what: &'static str,
        (external_name, external_id): (&str, &str),
        name: &str,
        owner: &BrokerName,
    ) -> Self {
        Self {
            what,
            external_name: external_name.to_owned(),
            external_id: external_id.to_owned(),
            name: name.to_owned(),
            owner: match owner {
                BrokerName::Cluster(name) | BrokerName::Namespaced(name) if name.is_empty() => {
                    String::from("no broker that it names")
                }
                BrokerName::Cluster(name) => format!("ClusterServiceBroker {name:?}"),
                BrokerName::Namespaced(name) => format!("ServiceBroker {name:?}"),
            },
        }
    }
}
