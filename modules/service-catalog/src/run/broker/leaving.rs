//! The end of a broker's object: it waits for what instances and bindings have there, or leaves it.

use oarlock_sdk::{Condition, Event, Failure, Outcome, merge_patch};
use serde_json::json;

use super::hold::Hold;
use super::memory::Memory;
use super::{Run, hold, offer, usage};
use crate::resource::{self, ABANDON};
use crate::situation::DeletionPolicy;

/// One run for a broker that is being deleted.
pub(super) fn leave(run: &Run<'_>) -> Result<Outcome, Failure> {
    let holders = usage::holders(run)?;
    let hold = hold::wanted(run, &Memory::of(run.object))?;
    if holders.is_empty() {
        return release(run, hold, Outcome::new());
    }
    let named = usage::named(&holders);
    let because = match run.annotation(ABANDON) {
        Some(why) => Some(format!("{ABANDON}: {why}")),
        None if resource::leaving(run.object).policy == DeletionPolicy::Abandon => {
            Some(String::from("spec.deletionPolicy: Abandon"))
        }
        None => None,
    };
    if let Some(because) = because {
        let message = format!(
            "the broker's object goes ({because}), and what they have at the broker stays there: {named}"
        );
        let event = Event::warning("abandoned", "Abandoned", message);
        return release(run, hold, Outcome::new().event(event));
    }
    let reason = "DeletionBlockedByExistingInstances";
    let message = format!(
        "waits until nobody has anything at the broker any more: {named}\nhint: delete them; where the broker is gone for good, \
         annotate them, or this object, with `{ABANDON}: <why>`"
    );
    let before = &run.object["status"];
    let mut wanted = before.clone();
    if !wanted.is_object() {
        wanted = json!({});
    }
    wanted["lastConditionState"] = json!(reason);
    // Its namespace may be going, and take classes and plans along: nothing can be made there any more.
    let outcome = Outcome::new()
        .children(offer::as_it_is(run)?)
        .children(hold.child)
        .condition(Condition::no("Ready", reason, message.clone()))
        .event(Event::warning("deletion-blocked", reason, message));
    Ok(match merge_patch::between(before, &wanted) {
        Some(patch) => outcome.patch_status(patch),
        None => outcome,
    })
}

/// It goes. What is given back to the Secret has to be what others have on it now: where it is not, that is put right first.
fn release(run: &Run<'_>, hold: Hold, outcome: Outcome) -> Result<Outcome, Failure> {
    if hold.differs && hold.child.is_some() {
        return Ok(Outcome::new()
            .children(offer::as_it_is(run)?)
            .children(hold.child)
            .requeue_at(run.cx.now()));
    }
    Ok(outcome.children([]).finalized())
}
