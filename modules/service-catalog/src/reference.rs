//! How an instance names its class and its plan.
//!
//! Owns service-catalog's six ways (by external name, external ID and object's name; of the cluster or of the namespace),
//! the default where a class has one plan, and what a choice once made means after the broker's catalog has changed: names
//! are looked up once, and what they led to is followed by its object from then on.

mod refusal;
#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

use crate::catalog::offer::{Class, Plan};
pub use refusal::{ChangePlan, Resolve};

/// The fields of `spec` of a `ServiceInstance` that name class and plan.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PlanReference {
    /// Class of the cluster, by the service's name at its broker.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cluster_service_class_external_name: Option<String>,
    /// Its plan, by the plan's name at its broker.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cluster_service_plan_external_name: Option<String>,
    /// Class of the cluster, by the service's ID.
    #[serde(
        rename = "clusterServiceClassExternalID",
        skip_serializing_if = "Option::is_none"
    )]
    pub cluster_service_class_external_id: Option<String>,
    /// Its plan, by the plan's ID.
    #[serde(
        rename = "clusterServicePlanExternalID",
        skip_serializing_if = "Option::is_none"
    )]
    pub cluster_service_plan_external_id: Option<String>,
    /// Class of the cluster, by its object.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cluster_service_class_name: Option<String>,
    /// Its plan, by its object.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cluster_service_plan_name: Option<String>,
    /// Class of the namespace, by the service's name at its broker.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service_class_external_name: Option<String>,
    /// Its plan, by the plan's name at its broker.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service_plan_external_name: Option<String>,
    /// Class of the namespace, by the service's ID.
    #[serde(
        rename = "serviceClassExternalID",
        skip_serializing_if = "Option::is_none"
    )]
    pub service_class_external_id: Option<String>,
    /// Its plan, by the plan's ID.
    #[serde(
        rename = "servicePlanExternalID",
        skip_serializing_if = "Option::is_none"
    )]
    pub service_plan_external_id: Option<String>,
    /// Class of the namespace, by its object.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service_class_name: Option<String>,
    /// Its plan, by its object.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service_plan_name: Option<String>,
}

/// Where class and plan are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub enum Scope {
    /// Of the cluster.
    Cluster,
    /// Of the instance's namespace.
    Namespace,
}

/// One way to name a class or a plan.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub enum Selector {
    /// By its name at the broker.
    ExternalName(String),
    /// By its ID.
    ExternalId(String),
    /// By its object.
    Name(String),
}

/// A reference that was read.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct Wanted {
    /// Where.
    pub scope: Scope,
    /// The class.
    pub class: Selector,
    /// The plan; the only one of the class where there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<Selector>,
}

/// What was found: kept in the instance's status, so that it is followed when the broker changes names.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct Choice {
    /// What was wanted.
    pub wanted: Wanted,
    /// The class' object.
    pub class: String,
    /// The plan's object.
    pub plan: String,
}

/// Class and plan of an instance.
#[derive(Clone, Debug, PartialEq)]
pub struct Resolved<'a> {
    /// Kept in the status.
    pub choice: Choice,
    /// The class.
    pub class: &'a Class,
    /// The plan.
    pub plan: &'a Plan,
    /// The broker does not offer it any more; the instance has it, and keeps it.
    pub removed: bool,
}

impl PlanReference {
    /// Reads it.
    ///
    /// # Errors
    ///
    /// It names none or several classes, several plans, or those of different scopes.
    pub fn read(&self) -> Result<Wanted, Resolve> {
        let class = one("class", self.classes())?.ok_or(Resolve::NoClass)?;
        let plan = one("plan", self.plans())?;
        if let Some(plan) = plan.as_ref().filter(|plan| plan.scope != class.scope) {
            return Err(Resolve::Scopes {
                class: class.field,
                plan: plan.field,
            });
        }
        Ok(Wanted {
            scope: class.scope,
            class: class.selector,
            plan: plan.map(|plan| plan.selector),
        })
    }

    fn classes(&self) -> Vec<Option<Named>> {
        let (cluster, namespace) = (Scope::Cluster, Scope::Namespace);
        vec![
            named(
                "clusterServiceClassExternalName",
                cluster,
                &self.cluster_service_class_external_name,
                Selector::ExternalName,
            ),
            named(
                "clusterServiceClassExternalID",
                cluster,
                &self.cluster_service_class_external_id,
                Selector::ExternalId,
            ),
            named(
                "clusterServiceClassName",
                cluster,
                &self.cluster_service_class_name,
                Selector::Name,
            ),
            named(
                "serviceClassExternalName",
                namespace,
                &self.service_class_external_name,
                Selector::ExternalName,
            ),
            named(
                "serviceClassExternalID",
                namespace,
                &self.service_class_external_id,
                Selector::ExternalId,
            ),
            named(
                "serviceClassName",
                namespace,
                &self.service_class_name,
                Selector::Name,
            ),
        ]
    }

    fn plans(&self) -> Vec<Option<Named>> {
        let (cluster, namespace) = (Scope::Cluster, Scope::Namespace);
        vec![
            named(
                "clusterServicePlanExternalName",
                cluster,
                &self.cluster_service_plan_external_name,
                Selector::ExternalName,
            ),
            named(
                "clusterServicePlanExternalID",
                cluster,
                &self.cluster_service_plan_external_id,
                Selector::ExternalId,
            ),
            named(
                "clusterServicePlanName",
                cluster,
                &self.cluster_service_plan_name,
                Selector::Name,
            ),
            named(
                "servicePlanExternalName",
                namespace,
                &self.service_plan_external_name,
                Selector::ExternalName,
            ),
            named(
                "servicePlanExternalID",
                namespace,
                &self.service_plan_external_id,
                Selector::ExternalId,
            ),
            named(
                "servicePlanName",
                namespace,
                &self.service_plan_name,
                Selector::Name,
            ),
        ]
    }
}

/// Class and plan of an instance. `classes` and `plans` are those of the wanted scope. `chosen` is what the status has from
/// the last time: a part that is wanted as it was then leads to the same object, whatever it is called now. `current` is
/// the object of the plan that the instance has at its broker.
///
/// # Errors
///
/// Nothing fits, or what fits may not be had any more.
pub fn resolve<'a>(
    wanted: &Wanted,
    chosen: Option<&Choice>,
    current: Option<&str>,
    classes: &'a [Class],
    plans: &'a [Plan],
) -> Result<Resolved<'a>, Resolve> {
    let same_class = chosen.filter(|chosen| {
        chosen.wanted.scope == wanted.scope && chosen.wanted.class == wanted.class
    });
    let followed =
        same_class.and_then(|chosen| classes.iter().find(|class| class.name == chosen.class));
    let class = match followed {
        Some(class) => class,
        None => find_class(wanted, classes)?,
    };
    let of_class: Vec<&Plan> = plans
        .iter()
        .filter(|plan| plan.spec.class.name() == class.name)
        .collect();
    let same_plan =
        same_class.filter(|chosen| chosen.class == class.name && chosen.wanted.plan == wanted.plan);
    let followed =
        same_plan.and_then(|chosen| of_class.iter().find(|plan| plan.name == chosen.plan));
    let plan = match followed {
        Some(plan) => plan,
        None => find_plan(wanted, class, &of_class)?,
    };
    let removed = class.removed || plan.removed;
    if removed && current != Some(plan.name.as_str()) {
        let class_name = class.spec.external_name.clone();
        return Err(if class.removed {
            Resolve::RemovedClass { class: class_name }
        } else {
            Resolve::RemovedPlan {
                class: class_name,
                plan: plan.spec.external_name.clone(),
            }
        });
    }
    let choice = Choice {
        wanted: wanted.clone(),
        class: class.name.clone(),
        plan: plan.name.clone(),
    };
    Ok(Resolved {
        choice,
        class,
        plan,
        removed,
    })
}

/// Whether an instance may go from the plan that it has to another.
///
/// # Errors
///
/// It may not.
pub fn change_plan(from: (&Class, &Plan), to: (&Class, &Plan)) -> Result<(), ChangePlan> {
    if from.0.name != to.0.name {
        let name = |class: &Class| class.spec.external_name.clone();
        return Err(ChangePlan::Class {
            from: name(from.0),
            to: name(to.0),
        });
    }
    if from.1.name != to.1.name && !from.1.is_updatable(from.0) {
        return Err(ChangePlan::Fixed {
            from: from.1.spec.external_name.clone(),
        });
    }
    Ok(())
}

/// A field of a reference.
struct Named {
    field: &'static str,
    scope: Scope,
    selector: Selector,
}

fn named(
    field: &'static str,
    scope: Scope,
    value: &Option<String>,
    selector: fn(String) -> Selector,
) -> Option<Named> {
    let value = value.as_ref().filter(|value| !value.is_empty())?;
    Some(Named {
        field,
        scope,
        selector: selector(value.clone()),
    })
}

fn one(what: &'static str, fields: Vec<Option<Named>>) -> Result<Option<Named>, Resolve> {
    let mut set: Vec<Named> = fields.into_iter().flatten().collect();
    if set.len() > 1 {
        let fields: Vec<&str> = set.iter().map(|named| named.field).collect();
        return Err(Resolve::Several {
            what,
            fields: fields.join(", "),
        });
    }
    Ok(set.pop())
}

fn find_class<'a>(wanted: &Wanted, classes: &'a [Class]) -> Result<&'a Class, Resolve> {
    let fits = |class: &&Class| {
        wanted.class.fits(
            &class.name,
            &class.spec.external_name,
            &class.spec.external_id,
        )
    };
    let found = offered(classes.iter().filter(fits).collect(), |class| class.removed);
    match found.as_slice() {
        [class] => Ok(class),
        [] => Err(Resolve::UnknownClass {
            wanted: wanted.class.to_string(),
            hint: match wanted.scope {
                Scope::Cluster => "`kubectl get clusterserviceclasses` lists them; a broker shows its own when its catalog was read".to_owned(),
                Scope::Namespace => "`kubectl get serviceclasses` lists those of the namespace; those of the cluster are named by clusterServiceClass…".to_owned(),
            },
        }),
        several => Err(Resolve::AmbiguousClass {
            wanted: wanted.class.to_string(),
            count: several.len(),
            names: several.iter().map(|class| class.name.as_str()).collect::<Vec<_>>().join(", "),
        }),
    }
}

fn find_plan<'a>(wanted: &Wanted, class: &Class, plans: &[&'a Plan]) -> Result<&'a Plan, Resolve> {
    let names = |plans: &[&Plan]| match plans {
        [] => "none".to_owned(),
        some => some
            .iter()
            .map(|plan| plan.spec.external_name.as_str())
            .collect::<Vec<_>>()
            .join(", "),
    };
    let class_name = || class.spec.external_name.clone();
    let Some(selector) = &wanted.plan else {
        let mut open = plans.to_vec();
        // One that is there no more is no default, unless it is all there was.
        open = offered(open, |plan| plan.removed);
        return match open.as_slice() {
            [plan] => Ok(plan),
            several => Err(Resolve::NoDefault {
                class: class_name(),
                count: several.len(),
                has: names(several),
            }),
        };
    };
    let fits =
        |plan: &&&Plan| selector.fits(&plan.name, &plan.spec.external_name, &plan.spec.external_id);
    let found = offered(
        plans.iter().filter(fits).copied().collect(),
        |plan: &Plan| plan.removed,
    );
    found.first().copied().ok_or_else(|| Resolve::UnknownPlan {
        class: class_name(),
        wanted: selector.to_string(),
        has: names(&offered(plans.to_vec(), |plan| plan.removed)),
    })
}

/// Those that are still offered, if there are any: a name may have gone from a removed one to a new one.
fn offered<T>(all: Vec<&T>, is_removed: impl Fn(&T) -> bool) -> Vec<&T> {
    let open: Vec<&T> = all.iter().copied().filter(|one| !is_removed(one)).collect();
    if open.is_empty() { all } else { open }
}

impl Selector {
    fn fits(&self, name: &str, external_name: &str, external_id: &str) -> bool {
        match self {
            Self::ExternalName(wanted) => wanted == external_name,
            Self::ExternalId(wanted) => wanted == external_id,
            Self::Name(wanted) => wanted == name,
        }
    }
}

impl std::fmt::Display for Selector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::ExternalName(name) => write!(f, "external name {name:?}"),
            Self::ExternalId(id) => write!(f, "external ID {id:?}"),
            Self::Name(name) => write!(f, "object name {name:?}"),
        }
    }
}
