//! What a play consists of: who is in it, what the users do, and what must hold.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use oarlock_config::{Env, Watch};
use oarlock_core::artifact::{Artifacts, Closed};
use oarlock_core::reconciler::Reconciler;
use oarlock_devcluster::Store;
use oarlock_devcluster::resource::ResourceId;
use oarlock_devcluster::store::Revision;
use oarlock_devcluster::workload::{Behaviour, Pattern};
use serde_json::Value;

use crate::chance::Chance;
use crate::chronicle::Entry;
use crate::faults::{Fault, Mishap};
use crate::gate::Sent;
use crate::outside::{Effect, Witness};

/// A module, its users and its rules.
pub(crate) trait Play: Sync {
    /// As the tests and the replays call it.
    fn name(&self) -> &'static str;

    /// Definitions of the kinds that occur.
    fn definitions(&self) -> Vec<Value>;

    /// The watch and the module.
    fn served(&self, seed: u64) -> (Watch, Arc<dyn Reconciler>);

    /// Where the module's charts are from.
    fn artifacts(&self) -> Arc<dyn Artifacts> {
        Arc::new(Closed)
    }

    /// How many of so many seeds it is worth.
    fn share(&self, seeds: u64) -> u64 {
        seeds
    }

    /// What the users do.
    fn story(&self, chance: Chance) -> Story;

    /// Who looks at calls of the world outside.
    fn witness(&self, store: &Store) -> Witness;

    /// What is left in the end, without what may differ from one run to the next.
    fn end(&self, store: &Store) -> Value;

    /// What was broken of what must hold at any time.
    fn violations(&self, record: &Record<'_>) -> Vec<String>;
}

/// What the users do.
pub(crate) struct Story {
    /// Stories of one name have one end.
    pub(crate) name: String,
    /// Objects that are there before.
    pub(crate) before: Vec<Value>,
    pub(crate) acts: Vec<Act>,
    /// Faults that would change the end.
    pub(crate) unwanted: Vec<Fault>,
}

/// One thing that somebody does, so long after the one before.
pub(crate) struct Act {
    pub(crate) after: Duration,
    /// Up to so much later.
    pub(crate) within: Duration,
    pub(crate) deed: Deed,
}

#[derive(Clone)]
pub(crate) enum Deed {
    /// `kubectl apply --server-side --force-conflicts`.
    Apply(Value),
    /// `kubectl patch --type merge`.
    Patch(Place, Value),
    /// `kubectl delete --wait=false`.
    Delete(Place),
    /// Waits until it is gone.
    Gone(Place),
    /// Waits until it is there.
    There(Place),
    /// Waits until the field that this JSON pointer points at has this value.
    Until(Place, &'static str, Value),
    /// Wishes something for the revision that `status.currentRevision` names: `abort` or `promote` in `spec.control`.
    Wish(Place, &'static str),
    /// Containers begin to behave like this.
    Behave(Pattern, Behaviour),
    /// All containers behave well again.
    BehaveWell,
}

/// Where an object is.
#[derive(Clone)]
pub(crate) struct Place {
    pub(crate) resource: ResourceId,
    pub(crate) namespace: &'static str,
    pub(crate) name: String,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} {}/{}",
            self.resource.plural(),
            self.namespace,
            self.name
        )
    }
}

impl fmt::Display for Deed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Apply(object) => write!(
                f,
                "apply {} {} {}",
                object["kind"], object["metadata"]["name"], object["spec"]
            ),
            Self::Patch(place, patch) => write!(f, "patch {place} {patch}"),
            Self::Delete(place) => write!(f, "delete {place}"),
            Self::Gone(place) => write!(f, "{place} is gone"),
            Self::There(place) => write!(f, "{place} is there"),
            Self::Until(place, pointer, value) => write!(f, "{pointer} of {place} is {value}"),
            Self::Wish(place, verb) => write!(f, "{verb} {place}"),
            Self::Behave(pattern, behaviour) => write!(f, "{pattern:?} begin to {behaviour:?}"),
            Self::BehaveWell => f.write_str("all Pods behave well again"),
        }
    }
}

/// So many seconds after the last act, up to so many later.
pub(crate) fn after(seconds: u64, within: u64, deed: Deed) -> Act {
    Act {
        after: Duration::from_secs(seconds),
        within: Duration::from_secs(within),
        deed,
    }
}

/// What happened.
pub(crate) struct Record<'a> {
    pub(crate) story: &'a Story,
    /// Every change since the users began.
    pub(crate) entries: &'a [Entry],
    /// The revision at which the users began.
    pub(crate) since: Revision,
    pub(crate) requests: &'a [Sent],
    pub(crate) effects: &'a [Effect],
    /// What was done outside, by key.
    pub(crate) done: &'a BTreeMap<String, String>,
    pub(crate) store: &'a Store,
    pub(crate) mishaps: &'a [Mishap],
}

impl Record<'_> {
    /// Whether any of these faults happened.
    pub(crate) fn happened(&self, faults: &[Fault]) -> bool {
        self.mishaps.iter().any(|m| faults.contains(&m.fault))
    }
}

/// The watch of a text with one entry.
pub(crate) fn watch(text: &str) -> Watch {
    let parsed = oarlock_config::parse("watches.yaml", text, &Env::empty());
    let told: Vec<String> = parsed.diagnostics.iter().map(|d| d.to_string()).collect();
    assert!(!parsed.has_errors(), "{}", told.join("\n"));
    let mut watches = parsed.watches;
    assert_eq!(watches.len(), 1);
    watches.remove(0)
}

/// `kind=status reason: message` of the conditions, sorted.
pub(crate) fn conditions(object: &Value) -> Vec<String> {
    let list = object
        .pointer("/status/conditions")
        .and_then(Value::as_array);
    let line = |condition: &Value| {
        let text = |key: &str| condition[key].as_str().unwrap_or("?").to_owned();
        format!(
            "{}={} {}: {}",
            text("type"),
            text("status"),
            text("reason"),
            text("message")
        )
    };
    let mut lines: Vec<String> = list.into_iter().flatten().map(line).collect();
    lines.sort();
    lines
}

/// An object without what differs from one run to the next.
pub(crate) fn bare(object: &Value) -> Value {
    let mut object = object.clone();
    let metadata = object["metadata"].as_object_mut().unwrap();
    let kept = [
        "name",
        "namespace",
        "labels",
        "annotations",
        "finalizers",
        "ownerReferences",
        "deletionTimestamp",
    ];
    metadata.retain(|key, _| kept.contains(&key.as_str()));
    if let Some(Value::Array(references)) = metadata.get_mut("ownerReferences") {
        for reference in references {
            reference["uid"] = Value::Null;
        }
    }
    object
}

/// All objects of a resource, in all namespaces.
pub(crate) fn all(store: &Store, resource: &ResourceId) -> Vec<Arc<Value>> {
    store
        .select(resource, None, &<_>::default())
        .unwrap_or_default()
}
