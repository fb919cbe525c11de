//! All that a catalog is compared with.

use std::collections::BTreeMap;

use oarlock_sdk::Failure;
use serde_json::Value;

use super::Run;
use crate::catalog::{BrokerName, Stock, label, object};
use crate::run::reading::text;

/// A broker's classes and plans, and who else has any.
pub(super) struct Shelf {
    /// The broker's own, and names that others have.
    pub(super) stock: Stock,
    /// Objects that say that they are this broker's, and that the host did not make for it: uids by kind and name.
    pub(super) strays: BTreeMap<(&'static str, String), String>,
}

impl Shelf {
    /// Reads it: the broker's own wholly, of all others whose they are.
    pub(super) fn read(run: &Run<'_>) -> Result<Self, Failure> {
        let kinds = run.name.kinds();
        let mut strays = BTreeMap::new();
        let classes = Row::read(run, kinds.class)?;
        let plans = Row::read(run, kinds.plan)?;
        for (row, kind) in [(&classes, kinds.class), (&plans, kinds.plan)] {
            let found = row.own.iter().filter_map(|object| stray(run, kind, object));
            strays.extend(found);
        }
        Ok(Self {
            stock: Stock {
                // What cannot be read is written anew.
                classes: classes
                    .own
                    .into_iter()
                    .filter_map(|of| object::class(of, kinds).ok())
                    .collect(),
                plans: plans
                    .own
                    .into_iter()
                    .filter_map(|of| object::plan(of, kinds).ok())
                    .collect(),
                taken_classes: classes.taken,
                taken_plans: plans.taken,
            },
            strays,
        })
    }
}

/// All objects of a kind.
struct Row {
    /// The broker's own.
    own: Vec<Value>,
    /// Names of others', and whose they say that they are.
    taken: BTreeMap<String, BrokerName>,
}

impl Row {
    fn read(run: &Run<'_>, kind: &str) -> Result<Self, Failure> {
        let labels = label::selector(&run.name);
        let mut own: BTreeMap<String, Value> = BTreeMap::new();
        for object in run.query(kind, Some(&labels), &[])? {
            // A label is only a label: whose it is stands in the spec.
            if broker_of(&run.name, &object) == run.name
                && let Some(name) = text(&object, "/metadata/name")
            {
                own.insert(name.to_owned(), object);
            }
        }
        let fields = ["/spec/clusterServiceBrokerName", "/spec/serviceBrokerName"];
        let mut taken = BTreeMap::new();
        for object in run.query(kind, None, &fields)? {
            let Some(name) = text(&object, "/metadata/name") else {
                continue;
            };
            let broker = broker_of(&run.name, &object);
            if broker != run.name {
                taken.insert(name.to_owned(), broker);
            } else if !own.contains_key(name)
                && let Some(object) = run.cx.get_raw(&run.target(kind, name))?
            {
                // It lost its labels.
                own.insert(name.to_owned(), object);
            }
        }
        Ok(Self {
            own: own.into_values().collect(),
            taken,
        })
    }
}

/// What nobody made for this broker, though it says that it is this broker's: of an earlier life, or written by hand.
fn stray(
    run: &Run<'_>,
    kind: &'static str,
    object: &Value,
) -> Option<((&'static str, String), String)> {
    let owners = object["metadata"]["ownerReferences"].as_array();
    let mut owners = owners.into_iter().flatten();
    if owners.any(|owner| owner["uid"] == run.uid) {
        return None;
    }
    let name = text(object, "/metadata/name")?.to_owned();
    Some(((kind, name), text(object, "/metadata/uid")?.to_owned()))
}

/// Whose an object says that it is; of an empty name where it does not say.
pub(super) fn broker_of(like: &BrokerName, object: &Value) -> BrokerName {
    let of = |pointer| text(object, pointer).unwrap_or_default().to_owned();
    match like {
        BrokerName::Cluster(_) => BrokerName::Cluster(of("/spec/clusterServiceBrokerName")),
        BrokerName::Namespaced(_) => BrokerName::Namespaced(of("/spec/serviceBrokerName")),
    }
}

/// Whether an object, as `kind/name`, is another broker's.
pub(super) fn is_taken(run: &Run<'_>, clash: &str) -> Result<bool, Failure> {
    let Some((kind, name)) = clash.split_once('/') else {
        return Ok(false);
    };
    let object = run.cx.get_raw(&run.target(kind, name))?;
    Ok(object.is_some_and(|object| broker_of(&run.name, &object) != run.name))
}
