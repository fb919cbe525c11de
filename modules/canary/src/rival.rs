//! Two Canaries of one Deployment: the older one has it.
//!
//! Who holds a Deployment is written on it by the same write that takes it, so that nobody has to look at all other Canaries.

use oarlock_sdk::{Child, Condition, Context, Event, ObjectRef, Outcome, ReadError, Value, json};

use crate::deployment::Live;
use crate::observed::SHARE;
use crate::plan::Plan;

/// Another Canary that goes before this one.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Rival {
    /// `Kind.group namespace/name`.
    name: String,
}

impl Rival {
    /// The one that has the Deployment, if another than this one has the older right. `born`: this one's creation.
    ///
    /// # Errors
    ///
    /// Where the host has no answer.
    pub(crate) fn of(
        cx: &Context,
        plan: &Plan,
        born: &str,
        live: &Live,
    ) -> Result<Option<Self>, ReadError> {
        for (key, text) in &live.metadata.annotations {
            let Some(uid) = key.strip_prefix(SHARE).filter(|uid| *uid != plan.uid) else {
                continue;
            };
            let owner = serde_json::from_str::<Value>(text).unwrap_or_default();
            let Some(spoken) = owner["owner"].as_str() else {
                continue;
            };
            let Some(other) = other(cx, plan, spoken)? else {
                continue;
            };
            let metadata = &other["metadata"];
            if metadata["uid"].as_str() != Some(uid) {
                continue;
            }
            let its = metadata["creationTimestamp"].as_str().unwrap_or_default();
            if (its, metadata["name"].as_str().unwrap_or_default(), uid)
                < (born, plan.name.as_str(), plan.uid.as_str())
            {
                return Ok(Some(Self {
                    name: String::from(spoken),
                }));
            }
        }
        Ok(None)
    }

    /// This one keeps its hands off, as soon as what stands in for the Deployment is not needed any more: `left`.
    pub(crate) fn outcome(&self, plan: &Plan, left: Option<Vec<Child>>) -> Outcome {
        let message = format!(
            "spec.targetRef.name: Deployment {} is held by {}, which is older; nothing is done here\n\
             hint: delete one of the two",
            plan.target, self.name
        );
        let outcome = match left {
            Some(children) => Outcome::new().children(children),
            // What was rolled out here is over: when the other one goes, it begins with what there is then.
            None => Outcome::new()
                .children([])
                .patch_status(json!({"stage": null, "assignedReplicas": null})),
        };
        outcome
            .condition(Condition::no("Ready", "TargetTaken", message.clone()))
            .condition(Condition::yes("Degraded", "TargetTaken", message.clone()))
            .event(Event::warning("target-taken", "TargetTaken", message))
    }
}

/// The Canary that a mark names; none where it is no Canary, is gone, or cannot be read.
fn other(cx: &Context, plan: &Plan, spoken: &str) -> Result<Option<Value>, ReadError> {
    let versions = [
        ("Canary.canary.oarlock.dev ", "canary.oarlock.dev/v1alpha1"),
        ("Canary.flagger.app ", "flagger.app/v1beta1"),
    ];
    let found = versions
        .iter()
        .find_map(|(prefix, version)| Some((spoken.strip_prefix(prefix)?, *version)));
    let Some((place, version)) = found else {
        return Ok(None);
    };
    let name = place.rsplit('/').next().unwrap_or(place);
    let target = ObjectRef::new(version, "Canary", name).in_namespace(&plan.namespace);
    match cx.get_raw(&target) {
        Ok(found) => Ok(found),
        Err(ReadError::Denied(_) | ReadError::UnknownKind(_)) => Ok(None),
        Err(error) => Err(error),
    }
}
