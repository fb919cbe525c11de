//! Classes and plans as they are in the cluster: those that an instance may mean, found by labels, and nothing else.

use oarlock_sdk::{Context, ObjectRef, Selection};
use serde_json::Value;

use super::reading::{self, API_VERSION, text};
use crate::catalog::label::{self, CLASS, CLUSTER_CLASS, EXTERNAL_ID, EXTERNAL_NAME};
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
        let is_of = |plan: &Plan| {
            classes
                .iter()
                .any(|class| class.name == plan.spec.class.name())
        };
        plans.extend(plan.filter(is_of));
    }
    if plans.is_empty() {
        for class in &classes {
            plans.extend(shelf.plans(&class.name)?);
        }
    }
    Ok(Stock { classes, plans })
}

/// The class and the plan of a choice; none where one of them is not there.
///
/// # Errors
/// They cannot be read.
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
    Ok(shelf.plan(&choice.plan)?.map(|plan| (class, plan)))
}

/// Where classes and plans are.
struct Shelf<'a> {
    cx: &'a Context,
    namespace: &'a str,
    scope: Scope,
}

impl Shelf<'_> {
    const fn kinds(&self) -> (&'static str, &'static str) {
        match self.scope {
            Scope::Cluster => ("ClusterServiceClass", "ClusterServicePlan"),
            Scope::Namespace => ("ServiceClass", "ServicePlan"),
        }
    }

    fn class(&self, name: &str) -> Result<Option<Class>, Obstacle> {
        let kind = self.kinds().0;
        let found = self.get(kind, name)?;
        found.map(|object| class(&object)).transpose()
    }

    fn plan(&self, name: &str) -> Result<Option<Plan>, Obstacle> {
        let kind = self.kinds().1;
        let found = self.get(kind, name)?;
        found.map(|object| plan(&object)).transpose()
    }

    fn classes(&self, key: &str, value: &str) -> Result<Vec<Class>, Obstacle> {
        let found = self.query(self.kinds().0, key, value)?;
        found.iter().map(class).collect()
    }

    fn plans(&self, class: &str) -> Result<Vec<Plan>, Obstacle> {
        let key = match self.scope {
            Scope::Cluster => CLUSTER_CLASS,
            Scope::Namespace => CLASS,
        };
        let found = self.query(self.kinds().1, key, class)?;
        found.iter().map(plan).collect()
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

fn class(object: &Value) -> Result<Class, Obstacle> {
    Ok(Class {
        name: name(object),
        spec: spec(object)?,
        removed: is_removed(object),
    })
}

fn plan(object: &Value) -> Result<Plan, Obstacle> {
    Ok(Plan {
        name: name(object),
        spec: spec(object)?,
        removed: is_removed(object),
    })
}

fn name(object: &Value) -> String {
    text(object, "/metadata/name")
        .unwrap_or_default()
        .to_owned()
}

fn is_removed(object: &Value) -> bool {
    object["status"]["removedFromBrokerCatalog"] == true
}

fn spec<T: serde::de::DeserializeOwned>(object: &Value) -> Result<T, Obstacle> {
    T::deserialize(&object["spec"]).map_err(|error| Obstacle {
        reason: "Unreadable",
        message: format!(
            "spec of {} {:?} cannot be read: {error}\nhint: it is written from its broker's catalog; undo what was changed by hand",
            text(object, "/kind").unwrap_or_default(),
            name(object)
        ),
        retry: None,
    })
}
