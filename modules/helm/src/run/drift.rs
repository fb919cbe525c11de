//! Objects in the cluster that are not what the release says.

use oarlock_sdk::{Context, WriteStatus};
use serde_json::{Map, Value};

use crate::difference::drift;
use crate::manifest::{Object, Placed};
use crate::patch::Selector;
use crate::run::objects::{self, Served};
use crate::run::report;
use crate::run::shelf::Shelf;
use crate::situation::Obstacle;
use crate::state::State;
use crate::wish::{DriftIgnore, Wish};

/// Most places that are remembered as settled.
const REMEMBERED: usize = 50;

/// One object that differs.
#[derive(Debug)]
pub(crate) struct Differing {
    /// As the release has it, with its marks.
    pub(crate) wanted: Object,
    /// As it is.
    pub(crate) live: Option<Map<String, Value>>,
    /// Which object.
    target: oarlock_sdk::ObjectRef,
    /// JSON pointers, one empty one where it is not there.
    places: Vec<String>,
    /// What may differ of it.
    pub(crate) ignored: Vec<String>,
}

impl Differing {
    /// As it is told.
    pub(crate) fn told(&self) -> String {
        let oarlock_sdk::ObjectRef {
            kind,
            namespace,
            name,
            ..
        } = &self.target;
        let namespace = namespace.as_deref().unwrap_or_default();
        match self.places.as_slice() {
            [gone] if gone.is_empty() => format!("{kind}/{namespace}/{name} removed"),
            places => format!("{kind}/{namespace}/{name} changed: {}", places.join(", ")),
        }
    }

    /// The object to be written: what may differ is left as it is.
    pub(crate) fn content(&self) -> Value {
        let mut content = self.wanted.content.clone();
        if let Some(live) = &self.live {
            drift::leave(&mut content, live, &self.ignored);
        }
        Value::Object(content)
    }
}

/// Objects of a revision that differ.
pub(crate) fn of(
    cx: &Context,
    shelf: &Shelf<'_>,
    served: &Served<'_>,
    wish: &Wish,
    version: u32,
) -> Result<Vec<Differing>, Obstacle> {
    let record = shelf.record(version)?;
    let placed = objects::placed(&record, served.kinds()?)?.placed;
    let owner = objects::owner(&record);
    let rules = rules(&wish.policy.drift.ignore)?;
    let mut found = Vec::new();
    for Placed { id, mut object } in objects::union(vec![placed]) {
        let ignored: Vec<String> = rules
            .iter()
            .filter(|(target, _)| target.selects(&object, &record.namespace))
            .flat_map(|(_, paths)| paths.iter().cloned())
            .collect();
        let target = objects::reference(&id);
        let live = objects::live(cx, &id, wish.account.as_deref())
            .map_err(|error| report::unread(&report::named(&target), &error))?;
        owner.mark(&mut object);
        let places = drift::of(&object, live.as_ref(), &ignored);
        if !places.is_empty() {
            found.push(Differing {
                wanted: object,
                live,
                target,
                places,
                ignored,
            });
        }
    }
    Ok(found)
}

fn rules(ignore: &[DriftIgnore]) -> Result<Vec<(Selector, &[String])>, Obstacle> {
    let mut rules = Vec::new();
    for rule in ignore {
        let target = Selector::parse(&rule.target).map_err(|wrong| Obstacle {
            reason: "DriftRulesInvalid",
            message: format!(
                "spec.driftDetection.ignore: {wrong}\n\
                 hint: group, version, kind, name and namespace of a target are regular expressions, labelSelector and \
                 annotationSelector are written as kubectl's"
            ),
            retry: None,
        })?;
        rules.push((target, rule.paths.as_slice()));
    }
    Ok(rules)
}

/// What is told of them; and what only looks different is remembered: it was written in the last run, and nothing changed.
pub(crate) fn told(
    cx: &Context,
    state: &mut State,
    version: u32,
    differing: &[Differing],
) -> Vec<String> {
    let mut settled = state
        .settled
        .take()
        .filter(|settled| settled.version == version)
        .unwrap_or_default();
    settled.version = version;
    let unchanged = |differing: &Differing| {
        let corrected = cx
            .last()
            .filter(|last| Some(&last.tag) == corrected(state).as_ref());
        corrected.is_some_and(|last| {
            last.writes.iter().any(|write| {
                write.target == differing.target && write.status == WriteStatus::Unchanged
            })
        })
    };
    let mut all = Vec::new();
    for one in differing {
        let told = one.told();
        if settled.places.contains(&told) {
            continue;
        }
        if unchanged(one) && settled.places.len() < REMEMBERED {
            settled.places.push(told);
            continue;
        }
        all.push(told);
    }
    state.settled = (!settled.places.is_empty()).then_some(settled);
    all
}

/// Tag of the last correction's turn.
fn corrected(state: &State) -> Option<String> {
    state.corrected_at?;
    Some(format!("{}/Begin/0", state.actions))
}
