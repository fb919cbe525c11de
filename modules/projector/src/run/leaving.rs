//! How a binding comes out of workloads: of those it is no longer for, and of all when it is deleted.

use oarlock_sdk::{
    Child, Condition, Context, Failure, KindInfo, Object, ObjectRef, Outcome, ReadError, Requeue,
    WriteStatus,
};

use super::{Gap, LOOK_AGAIN, Plan, child, mapping, name, refusals::Refusals, uid, workload};
use crate::spec::{Held, Leaving, Status};

/// Of which binding something is taken out.
pub(super) struct Whose<'a> {
    pub(super) namespace: &'a str,
    pub(super) uid: &'a str,
    pub(super) refusals: &'a Refusals<'a>,
}

/// What is done for one workload.
pub(super) enum Step {
    /// Nothing of the binding is in it, or it is gone itself.
    Gone,
    /// This is done on the way.
    Write {
        child: Child,
        /// Afterwards nothing of it is left that is not somebody else's too.
        is_last: bool,
        /// What the API server said the last time.
        refused: Option<Held>,
    },
    /// The API server refuses it, and is not asked again yet.
    Refused {
        refused: Held,
        /// What is held of it.
        still: Option<Child>,
    },
    /// It cannot be taken out.
    Blocked(Gap),
}

/// What has to be done for a workload that the binding was in.
pub(super) fn step(
    cx: &Context,
    kinds: &[KindInfo],
    target: &ObjectRef,
    whose: &Whose<'_>,
) -> Result<Step, Failure> {
    let live = match cx.get_raw(target) {
        Ok(Some(live)) if !workload::is_deleting(&live) => live,
        Ok(_) | Err(ReadError::UnknownKind(_)) => return Ok(Step::Gone),
        Err(ReadError::Denied(message)) => {
            return Ok(Step::Blocked(Gap::no("WorkloadForbidden", message)));
        }
        Err(error) => return Err(error.into()),
    };
    if was_taken_out(cx, target) {
        return Ok(Step::Gone);
    }
    let kind = mapping::kind(cx, kinds, &target.api_version, &target.kind)?;
    let refused = whose.refusals.of(&live);
    Ok(match child::take_out(&live, whose.uid, &kind) {
        Ok(child::Step::Done(_)) => Step::Gone,
        Ok(_)
            if let Some(refused) = &refused
                && whose.refusals.is_in_force(refused, &live) =>
        {
            Step::Refused {
                refused: refused.clone(),
                still: child::as_is(&live, whose.uid, &kind),
            }
        }
        Ok(child::Step::Hold(child)) => Step::Write {
            child,
            is_last: false,
            refused,
        },
        Ok(child::Step::Make(child)) => Step::Write {
            child,
            is_last: true,
            refused,
        },
        Err(error) => Step::Blocked(Gap::no(
            "UnprojectionFailed",
            format!("{}: {error}", name(target)),
        )),
    })
}

/// Comes back in the report: the generation that the outcome is for, and into and out of whom the binding comes.
pub(super) fn tag(generation: i64, tags: &[String]) -> String {
    let mut lines = vec![generation.to_string()];
    lines.extend_from_slice(tags);
    lines.join("\n")
}

/// The generation of a tag.
pub(super) fn generation(tag: &str) -> Option<i64> {
    tag.lines().next()?.parse().ok()
}

/// Whether the last outcome took the binding out of this workload. What is still there is somebody else's too.
fn was_taken_out(cx: &Context, target: &ObjectRef) -> bool {
    let line = format!("out {}", name(target));
    cx.last().is_some_and(|last| {
        last.tag.lines().any(|tag| tag == line)
            && last.writes.iter().any(|write| {
                write.target == *target
                    && matches!(write.status, WriteStatus::Applied | WriteStatus::Unchanged)
            })
    })
}

/// The outcome of a deletion.
pub(super) fn outcome(binding: &Object<Leaving>, cx: &Context) -> Result<Outcome, Failure> {
    let kinds = cx.kinds()?;
    let refusals = Refusals::read(cx, binding.generation(), &binding.status.workloads);
    let whose = Whose {
        namespace: binding.namespace(),
        uid: uid(binding),
        refusals: &refusals,
    };
    let mut plan = Plan::default();
    for held in &binding.status.workloads {
        plan.take_out(cx, &kinds, &whose, held)?;
    }
    if plan.left.is_empty() {
        return Ok(Outcome::new().children([]).events(plan.events).finalized());
    }
    let status = Status {
        workloads: plan.left.clone(),
        ..binding.status.clone()
    };
    let waits = match plan.gaps.as_slice() {
        [] => format!(
            "the binding is being taken out of {}",
            plan.leaving.join(", ")
        ),
        gaps => {
            let told: Vec<&str> = gaps.iter().map(|(_, gap)| gap.message.as_str()).collect();
            format!("the binding cannot be taken out: {}", told.join("; "))
        }
    };
    let requeue = match plan.until() {
        _ if plan.is_writing => Requeue::After(LOOK_AGAIN),
        until => until.map_or(Requeue::OnChange, Requeue::At),
    };
    Ok(Outcome::new()
        .tag(tag(binding.generation(), &plan.tags))
        .children(plan.children())
        .status(binding, &status)
        .events(plan.events)
        .condition(Condition::no("Ready", "Terminating", waits))
        .requeue(requeue))
}
