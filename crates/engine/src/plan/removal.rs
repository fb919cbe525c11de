//! What to do for one deletion by name.

use oarlock_core::cluster::{Call, Verb};
use oarlock_core::outcome::Removal;

use super::{PlannedRemoval, RemovalStep, Scene};

/// The step for `removal`.
pub(super) fn plan(scene: &Scene<'_>, removal: &Removal) -> PlannedRemoval {
    let target = removal.target.clone();
    let step = match (scene.kinds.get(&target.gvk), scene.live.get(&target)) {
        (None, _) => RemovalStep::Wait(format!("{} is not served by the API server", target.gvk)),
        (Some(_), None) => RemovalStep::Absent,
        (Some(_), Some(live)) if removal.uid.as_ref().is_some_and(|uid| *uid != live.uid()) => {
            RemovalStep::Absent
        }
        (Some(_), Some(live)) if live.deleting() => RemovalStep::Deleted,
        (Some(kind), Some(_)) => match scene.grant(kind, &target, "delete") {
            Err(error) => RemovalStep::Refuse(error),
            Ok(()) => RemovalStep::Send(Call {
                verb: Verb::Delete {
                    target: target.clone(),
                    uid: removal.uid.clone(),
                    version: None,
                    propagation: removal.propagation,
                },
                manager: scene.manager.to_owned(),
                account: scene.account.cloned(),
            }),
        },
    };
    PlannedRemoval { target, step }
}
