//! Classes and plans as they are in the cluster: those that an instance may mean, found by labels, and nothing else.

use oarlock_sdk::{Context, ObjectRef, Selection};
use serde_json::Value;

use super::reading::{self, API_VERSION};
use crate::catalog::label::{self, CLASS, CLUSTER_CLASS, EXTERNAL_ID, EXTERNAL_NAME};
use crate::catalog::object::{self, Kinds};
use crate::catalog::offer::{Class, Plan};
use crate::reference::{Choice, Scope, Selector, Wanted};
use crate::situation::Obstacle;

/// Some classes and plans of one scope.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Stock {
    pub(super) classes: Vec<Class>,
    pub(super) plans: Vec<Plan>,
}

/// What a reference may mean; what it led to before, where that is there.
///
/// # Errors
/// Classes or plans cannot be read.
pub(super) fn read(
    cx: &Context,
    namespace: &str,
    wanted: &Wanted,
    chosen: Option<&Choice>,
) -> Result<Stock, Obstacle> {
    let shelf = Shelf {
        cx,
        namespace,
        scope: wanted.scope,
    };
    let chosen = chosen.filter(|chosen| {
        chosen.wanted.scope == wanted.scope && chosen.wanted.class == wanted.class
    });
    let mut classes = Vec::new();
    if let Some(chosen) = chosen {
        classes.extend(shelf.class(&chosen.class)?);
    }
    if classes.is_empty() {
        classes = match &wanted.class {
            Selector::Name(name) => shelf.class(name)?.into_iter().collect(),
            Selector::ExternalName(name) => shelf.classes(EXTERNAL_NAME, name)?,
            Selector::ExternalId(id) => shelf.classes(EXTERNAL_ID, id)?,
        };
    }
    let followed = chosen.filter(|chosen| chosen.wanted.plan == wanted.plan);
    let mut plans = Vec::new();
    if let Some(chosen) = followed {
        let plan = shelf.plan(&chosen.plan)?;
        plans.extend(plan);
    }
    if plans.is_empty() {
        for class in &classes {
            plans.extend(shelf.plans(&class.name)?);
        }
    }
    plans.retain(|plan| classes.iter().any(|class| is_of(plan, class)));
    Ok(Stock { classes, plans })
}

/// The class and the plan of a choice; none where one of them is not there.
///
/// # Errors
/// They cannot be read, or do not belong together.
pub(super) fn chosen(
    cx: &Context,
    namespace: &str,
    choice: &Choice,
) -> Result<Option<(Class, Plan)>, Obstacle> {
    let shelf = Shelf {
        cx,
        namespace,
        scope: choice.wanted.scope,
    };
    let Some(class) = shelf.class(&choice.class)? else {
        return Ok(None);
    };
    let Some(plan) = shelf.plan(&choice.plan)? else {
        return Ok(None);
    };
    belongs(&class, &plan)?;
    Ok(Some((class, plan)))
}

/// Where classes and plans are.
struct Shelf<'a> {
    cx: &'a Context,
    namespace: &'a str,
    scope: Scope,
}

impl Shelf<'_> {
    const fn kinds(&self) -> Kinds {
        match self.scope {
            Scope::Cluster => Kinds::CLUSTER,
            Scope::Namespace => Kinds::NAMESPACED,
        }
    }

    fn class(&self, name: &str) -> Result<Option<Class>, Obstacle> {
        let found = self.get(self.kinds().class, name)?;
        found.map(|object| self.as_class(object)).transpose()
    }

    fn plan(&self, name: &str) -> Result<Option<Plan>, Obstacle> {
        let found = self.get(self.kinds().plan, name)?;
        found.map(|object| self.as_plan(object)).transpose()
    }

    fn classes(&self, key: &str, value: &str) -> Result<Vec<Class>, Obstacle> {
        let found = self.query(self.kinds().class, key, value)?;
        let read = found.into_iter().map(|object| self.as_class(object));
        read.collect()
    }

    fn plans(&self, class: &str) -> Result<Vec<Plan>, Obstacle> {
        let key = match self.scope {
            Scope::Cluster => CLUSTER_CLASS,
            Scope::Namespace => CLASS,
        };
        let found = self.query(self.kinds().plan, key, class)?;
        let read = found.into_iter().map(|object| self.as_plan(object));
        read.collect()
    }

    /// Where a broker of the other scope is named, it would be asked with credentials that are not this namespace's.
    fn as_class(&self, object: Value) -> Result<Class, Obstacle> {
        object::class(object, self.kinds()).map_err(|error| unreadable(error.to_string()))
    }

    fn as_plan(&self, object: Value) -> Result<Plan, Obstacle> {
        object::plan(object, self.kinds()).map_err(|error| unreadable(error.to_string()))
    }

    fn get(&self, kind: &str, name: &str) -> Result<Option<Value>, Obstacle> {
        let target = ObjectRef::new(API_VERSION, kind, name);
        let target = match self.scope {
            Scope::Cluster => target,
            Scope::Namespace => target.in_namespace(self.namespace),
        };
        let found = self.cx.get_raw(&target);
        found.map_err(|error| reading::unread(&format!("{kind} {name:?}"), &error))
    }

    fn query(&self, kind: &str, key: &str, value: &str) -> Result<Vec<Value>, Obstacle> {
        let selection = Selection {
            api_version: API_VERSION.to_owned(),
            kind: kind.to_owned(),
            namespace: match self.scope {
                Scope::Cluster => None,
                Scope::Namespace => Some(self.namespace.to_owned()),
            },
            labels: Some(format!("{key}={}", label::value(value))),
            ..Selection::default()
        };
        let found = self.cx.reads().query(&selection);
        found.map_err(|error| reading::unread(&format!("kind {kind}"), &error))
    }
}

/// Whether the plan is of the class, and of its broker.
///
/// # Errors
/// It is not: nothing is made through it.
pub(super) fn belongs(class: &Class, plan: &Plan) -> Result<(), Obstacle> {
    if is_of(plan, class) && plan.spec.broker == class.spec.broker {
        return Ok(());
    }
    let kinds = class.spec.broker.kinds();
    Err(unreadable(format!(
        "{} {:?} is not of the broker of {} {:?}: nothing is made through them\nhint: they are written from their broker's catalog; undo what was changed by hand",
        kinds.plan, plan.name, kinds.class, class.name
    )))
}

fn is_of(plan: &Plan, class: &Class) -> bool {
    plan.spec.class.name() == class.name
}

fn unreadable(message: String) -> Obstacle {
    Obstacle {
        reason: "Unreadable",
        message,
        retry: None,
    }
}
