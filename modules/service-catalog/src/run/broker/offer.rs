//! What is written when a catalog was read.

use std::collections::{BTreeMap, BTreeSet};

use oarlock_sdk::{Child, Event, Expect, Failure, ObjectRef, Outcome, Removal, WriteStatus};

use super::memory::told;
use super::shelf::Shelf;
use super::{Run, usage};
use crate::catalog::{Act, Changes, Filter, Oversized, Stock, Used, Wanted, object};
use crate::osb::catalog::Catalog;

/// What is written, and what is told of it.
pub(super) struct Taken {
    children: Option<Vec<Child>>,
    removals: Vec<Removal>,
    /// Classes that are offered then.
    pub(super) classes: usize,
    /// Plans that are offered then.
    pub(super) plans: usize,
    /// How many of both are flagged besides.
    pub(super) flagged: usize,
    /// What is wrong with the catalog, for people.
    pub(super) left_out: Vec<String>,
    /// What other brokers have, for people.
    pub(super) conflicts: Vec<String>,
    /// The objects that they have, as `kind/name`.
    pub(super) clashes: Vec<String>,
    /// What was flagged now, for people.
    withdrawn: Vec<String>,
    written: usize,
    gone: usize,
}

/// What follows from a catalog.
pub(super) fn take(
    run: &Run<'_>,
    catalog: &Catalog,
    filter: &Filter,
) -> Result<Result<Taken, Oversized>, Failure> {
    let Shelf { stock, strays } = Shelf::read(run)?;
    let wanted = match Wanted::of(&run.name, catalog, filter, &stock).fit() {
        Ok(wanted) => wanted,
        Err(oversized) => return Ok(Err(oversized)),
    };
    let mut left_out: Vec<String> = catalog.left_out.iter().map(|one| one.why.clone()).collect();
    left_out.extend_from_slice(wanted.trimmed());
    let used = match wanted.misses(&stock) {
        true => usage::used(run)?.names(
            &stock
                .classes
                .iter()
                .map(|class| (class.spec.external_id.clone(), class.name.clone()))
                .collect(),
            &stock
                .plans
                .iter()
                .map(|plan| (plan.spec.external_id.clone(), plan.name.clone()))
                .collect(),
        ),
        false => Used::default(),
    };
    let mut changes = wanted.changes(&stock, &used);
    for (target, message) in refused(run) {
        if set_back(&mut changes, &target) {
            left_out.push(format!(
                "{} {:?}: the API server does not take it: {message}",
                target.kind, target.name
            ));
        }
    }
    let kinds = run.name.kinds();
    let mut removals = Vec::new();
    let (mut written, mut gone, mut withdrawn) = (0, 0, Vec::new());
    for act in &changes.acts {
        let (kind, name) = match act {
            Act::WriteClass(class) => {
                written += 1;
                if class.removed {
                    withdrawn.push(format!("class {:?}", class.spec.external_name));
                }
                continue;
            }
            Act::WritePlan(plan) => {
                written += 1;
                if plan.removed {
                    withdrawn.push(format!("plan {:?}", plan.spec.external_name));
                }
                continue;
            }
            Act::DeletePlan { name } => (kinds.plan, name),
            Act::DeleteClass { name } => (kinds.class, name),
        };
        gone += 1;
        // What the host did not make, it does not prune.
        if let Some(uid) = strays.get(&(kind, name.clone())) {
            removals.push(Removal::of(run.target(kind, name)).uid(uid));
        }
    }
    let clash = |what: &str, name: &str| match what {
        "class" => format!("{}/{name}", kinds.class),
        _ => format!("{}/{name}", kinds.plan),
    };
    let conflicts = &changes.conflicts;
    let is_changed = !changes.acts.is_empty();
    let mut after = stock.after(&run.name, &changes);
    // No plan without its class, where that one was not taken.
    let names: BTreeSet<String> = after
        .classes
        .iter()
        .map(|class| class.name.clone())
        .collect();
    after
        .plans
        .retain(|plan| names.contains(plan.spec.class.name()));
    let flagged_classes = after.classes.iter().filter(|class| class.removed).count();
    let flagged_plans = after.plans.iter().filter(|plan| plan.removed).count();
    Ok(Ok(Taken {
        classes: after.classes.len() - flagged_classes,
        plans: after.plans.len() - flagged_plans,
        flagged: flagged_classes + flagged_plans,
        // What is as it should be is kept: that writes nothing, also after a restart.
        children: is_changed.then(|| children(run, &after, &strays)),
        removals,
        left_out,
        conflicts: conflicts.iter().map(ToString::to_string).collect(),
        clashes: conflicts
            .iter()
            .map(|conflict| clash(conflict.what, &conflict.name))
            .collect(),
        withdrawn,
        written,
        gone,
    }))
}

/// What is there, as it is: listed, nothing of it that goes is made again.
pub(super) fn as_it_is(run: &Run<'_>) -> Result<Vec<Child>, Failure> {
    let Shelf { stock, strays } = Shelf::read(run)?;
    let there = stock.after(&run.name, &Changes::default());
    Ok(children(run, &there, &strays))
}

fn children(
    run: &Run<'_>,
    after: &Stock,
    strays: &BTreeMap<(&'static str, String), String>,
) -> Vec<Child> {
    let kinds = run.name.kinds();
    let namespace = run.namespace();
    let child = |kind, name: &str, object| {
        // What the broker offers is the broker's to say.
        let child = Child::apply(object).force();
        match strays.get(&(kind, name.to_owned())) {
            Some(uid) => child.expect(Expect::Uid(uid.clone())),
            None => child,
        }
    };
    let classes = after
        .classes
        .iter()
        .map(|class| child(kinds.class, &class.name, object::of_class(class, namespace)));
    let plans = after
        .plans
        .iter()
        .map(|plan| child(kinds.plan, &plan.name, object::of_plan(plan, namespace)));
    classes.chain(plans).collect()
}

/// What the API server would not take when it was last tried: one such offer must not hold up all others.
fn refused(run: &Run<'_>) -> Vec<(ObjectRef, String)> {
    let writes = run.cx.last().map(|last| last.writes.as_slice());
    let mut refused = Vec::new();
    for write in writes.unwrap_or_default() {
        if let WriteStatus::Refused(error) = &write.status
            && matches!(error.code, 400 | 413 | 422)
        {
            refused.push((write.target.clone(), error.message.clone()));
        }
    }
    refused
}

/// Leaves out what would be written of an object: what is there stays as it is. Tells whether there was anything.
fn set_back(changes: &mut Changes, target: &ObjectRef) -> bool {
    let before = changes.acts.len();
    let is_class = target.kind.ends_with("Class");
    changes.acts.retain(|act| match act {
        Act::WriteClass(class) => !(is_class && class.name == target.name),
        Act::WritePlan(plan) => is_class || plan.name != target.name,
        Act::DeletePlan { .. } | Act::DeleteClass { .. } => true,
    });
    changes.acts.len() < before
}

impl Taken {
    /// What is done.
    pub(super) fn outcome(self) -> Outcome {
        let outcome = match self.children {
            Some(children) => Outcome::new().children(children),
            None => Outcome::new(),
        };
        self.removals.into_iter().fold(outcome, Outcome::remove)
    }

    /// What is told of it, by the number of the fetch.
    pub(super) fn events(&self, number: u64) -> Vec<Event> {
        let mut events = Vec::new();
        if self.children.is_some() {
            events.push(Event::normal(
                format!("fetched-{number}"),
                "FetchedCatalog",
                format!(
                    "the catalog was read: {} written, {} gone",
                    objects(self.written),
                    objects(self.gone)
                ),
            ));
        }
        if !self.withdrawn.is_empty() {
            events.push(Event::warning(
                format!("withdrawn-{number}"),
                "RemovedFromBrokerCatalog",
                format!(
                    "the broker offers no more, and instances use: {}",
                    told(&self.withdrawn).join(", ")
                ),
            ));
        }
        if !self.left_out.is_empty() {
            let told = told(&self.left_out).join("; ");
            events.push(Event::warning(
                format!("left-out-{told}"),
                "CatalogLeftOut",
                format!("left out of the catalog: {told}"),
            ));
        }
        if !self.conflicts.is_empty() {
            let told = told(&self.conflicts).join("\n");
            events.push(Event::warning(
                format!("conflict-{told}"),
                "ErrorSyncingCatalog",
                told,
            ));
        }
        events
    }
}

fn objects(count: usize) -> String {
    match count {
        1 => String::from("1 object"),
        _ => format!("{count} objects"),
    }
}
