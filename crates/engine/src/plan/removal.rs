//! What to do for one deletion by name.

use oarlock_core::cluster::{Call, Verb};
use oarlock_core::outcome::Removal;
use oarlock_core::reference::{KindInfo, ObjectRef};
use oarlock_core::request::ApiError;

use super::child::placed;
use super::{PlannedRemoval, RemovalStep, Scene};

/// The step for `removal`.
pub(super) fn plan(scene: &Scene<'_>, removal: &Removal) -> PlannedRemoval {
    let target = removal.target.clone();
    let step = match (scene.kinds.get(&target.gvk), scene.live.get(&target)) {
        (None, _) => RemovalStep::Wait(format!("{} is not served by the API server", target.gvk)),
        (Some(kind), _) if let Err(error) = permitted(scene, kind, &target) => {
            RemovalStep::Refuse(error)
        }
        (Some(_), None) => RemovalStep::Absent,
        (Some(_), Some(live)) if removal.uid.as_ref().is_some_and(|uid| *uid != live.uid()) => {
            RemovalStep::Absent
        }
        (Some(_), Some(live)) if live.deleting() => RemovalStep::Deleted,
        (Some(_), Some(_)) => RemovalStep::Send(Call {
            verb: Verb::Delete {
                target: target.clone(),
                uid: removal.uid.clone(),
                version: None,
                propagation: removal.propagation,
            },
            manager: scene.manager.to_owned(),
            account: scene.account.cloned(),
        }),
    };
    PlannedRemoval { target, step }
}

/// Asked before it is told whether the object is there.
fn permitted(scene: &Scene<'_>, kind: &KindInfo, target: &ObjectRef) -> Result<(), ApiError> {
    placed(kind, target)?;
    scene.grant(kind, target, "delete")
}
