//! What instances and bindings have at a broker.

use std::collections::{BTreeMap, BTreeSet};

use oarlock_sdk::{Failure, ReadError};
use serde_json::Value;

use super::Run;
use crate::catalog::Used;
use crate::run::reading::text;

/// How many of those that have something are named.
const NAMED: usize = 10;

/// Identifiers of services and plans that instances have.
pub(super) struct Ids {
    services: BTreeSet<String>,
    plans: BTreeSet<String>,
}

/// What instances have, and what one that is under way gets.
pub(super) fn used(run: &Run<'_>) -> Result<Ids, Failure> {
    let fields = [
        "/status/lifecycle/holdings",
        "/status/lifecycle/operation/update",
    ];
    let place = run.broker.to_string();
    let mut ids = Ids {
        services: BTreeSet::new(),
        plans: BTreeSet::new(),
    };
    for instance in all(run, "ServiceInstance", &fields)? {
        let update = instance.pointer("/status/lifecycle/operation/update");
        for inputs in holdings(&instance)
            .map(|holding| &holding["inputs"])
            .chain(update)
        {
            if text(inputs, "/broker") == Some(&place) {
                let id = |pointer| text(inputs, pointer).map(str::to_owned);
                ids.services.extend(id("/service"));
                ids.plans.extend(id("/plan"));
            }
        }
    }
    Ok(ids)
}

/// All who may have something at the broker, for people: bindings, too.
pub(super) fn holders(run: &Run<'_>) -> Result<Vec<String>, Failure> {
    let place = run.broker.to_string();
    let mut holders = Vec::new();
    for kind in ["ServiceInstance", "ServiceBinding"] {
        for object in all(run, kind, &["/status/lifecycle/holdings"])? {
            let mut held = holdings(&object);
            if held.any(|holding| text(holding, "/inputs/broker") == Some(&place)) {
                holders.push(format!(
                    "{kind} {}/{}",
                    text(&object, "/metadata/namespace").unwrap_or_default(),
                    text(&object, "/metadata/name").unwrap_or_default()
                ));
            }
        }
    }
    Ok(holders)
}

/// The first of them, and how many there are more.
pub(super) fn named(holders: &[String]) -> String {
    let mut named = holders.iter().take(NAMED).cloned().collect::<Vec<_>>();
    if holders.len() > NAMED {
        named.push(format!("and {} more", holders.len() - NAMED));
    }
    named.join(", ")
}

/// All of a kind; none where there is no such kind.
fn all(run: &Run<'_>, kind: &str, fields: &[&str]) -> Result<Vec<Value>, Failure> {
    match run.query(kind, None, fields) {
        Err(ReadError::UnknownKind(_)) => Ok(Vec::new()),
        read => Ok(read?),
    }
}

fn holdings(object: &Value) -> impl Iterator<Item = &Value> {
    let holdings = object.pointer("/status/lifecycle/holdings");
    holdings.and_then(Value::as_array).into_iter().flatten()
}

impl Ids {
    /// As names of objects: of classes and plans by their identifiers.
    pub(super) fn names(
        &self,
        classes: &BTreeMap<String, String>,
        plans: &BTreeMap<String, String>,
    ) -> Used {
        let of = |ids: &BTreeSet<String>, names: &BTreeMap<String, String>| {
            ids.iter().filter_map(|id| names.get(id).cloned()).collect()
        };
        Used {
            classes: of(&self.services, classes),
            plans: of(&self.plans, plans),
        }
    }
}
