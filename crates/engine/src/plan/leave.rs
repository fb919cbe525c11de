//! What to do for children that are no longer listed.
//!
//! All that is needed stands on the objects themselves, so a restart between two calls repeats the first, harmlessly, and
//! goes on.

use oarlock_core::cached::Cached;
use oarlock_core::cluster::{Call, Verb};
use oarlock_core::marks::{ON_LEAVE_ANNOTATION, SHARE_ANNOTATION_PREFIX, Share};
use oarlock_core::object::Object;
use oarlock_core::outcome::{Child, Propagation};
use oarlock_core::reference::ObjectRef;
use oarlock_core::request::ApiError;
use serde_json::{Map, Value};

use super::{Leave, Leaves, Scene, Skipped};

/// The leaves of all marked objects that are not among `children`.
pub(super) fn unlisted(scene: &Scene<'_>, children: &[Child]) -> Leaves {
    let listed = |target: &ObjectRef| {
        children
            .iter()
            .any(|child| same_resource(child.object.target(), target))
    };
    scene
        .marked
        .iter()
        .filter(|live| !listed(&live.target()))
        .filter_map(|live| leave(scene, live))
        .collect()
}

impl FromIterator<Result<Leave, Skipped>> for Leaves {
    fn from_iter<T: IntoIterator<Item = Result<Leave, Skipped>>>(all: T) -> Self {
        let mut leaves = Self::default();
        for one in all {
            match one {
                Ok(leave) => leaves.calls.push(leave),
                Err(skipped) => leaves.skipped.push(skipped),
            }
        }
        leaves
    }
}

/// The leaves of what the API server's garbage collector would not find, or would treat wrongly, once the owner is gone.
pub(crate) fn on_deletion(scene: &Scene<'_>) -> Leaves {
    let owner = scene.owner.uid();
    scene
        .marked
        .iter()
        .filter(|live| {
            let collected = live
                .object()
                .is_ok_and(|object| has_reference(&object, &owner.0) && !is_kept(&object));
            live.is_shared_by(&owner) || !collected
        })
        .filter_map(|live| leave(scene, live))
        .collect()
}

/// A mark that calls for nothing that the host could do is left where it is: anybody can write one, on an object that is none
/// of the module's business, and must not be able to stop the object that it names.
fn leave(scene: &Scene<'_>, live: &Cached) -> Option<Result<Leave, Skipped>> {
    let target = live.target();
    let calls = calls(scene, live)?.and_then(|verbs| permitted(scene, &target, verbs));
    Some(match calls {
        Ok(calls) => Ok(Leave { target, calls }),
        Err(error) => Err(Skipped { target, error }),
    })
}

/// `None` where there is nothing to do.
fn calls(scene: &Scene<'_>, live: &Cached) -> Option<Result<Vec<(Verb, String)>, ApiError>> {
    let (target, owner) = (live.target(), scene.owner.uid());
    let object = match live.object() {
        Ok(object) => object,
        Err(error) => return Some(Err(ApiError::new(422, "Invalid", error.to_string()))),
    };
    if live.is_shared_by(&owner) {
        return Some(share(&object, &owner.0).map(|share| {
            let mut verbs = Vec::new();
            if let Some(mut patch) = share.restore.filter(|patch| !patch.is_empty()) {
                // Another object of the name has nothing to be given back.
                let metadata = patch.entry("metadata").or_insert(Value::Null);
                if !metadata.is_object() {
                    *metadata = Value::Object(Map::new());
                }
                metadata["uid"] = Value::String(live.uid().0);
                verbs.push((
                    Verb::Merge {
                        target: target.clone(),
                        patch,
                        status: false,
                    },
                    share.manager.clone(),
                ));
            }
            verbs.push((Verb::Release { target, owner }, share.manager));
            verbs
        }));
    }
    if live.deleting() || !live.made_by_host() {
        return None;
    }
    let manager = scene.manager.to_owned();
    let verb = if is_kept(&object) {
        Verb::Release { target, owner }
    } else {
        Verb::Delete {
            target,
            uid: Some(live.uid()),
            version: None,
            propagation: Propagation::Background,
        }
    };
    Some(Ok(vec![(verb, manager)]))
}

fn permitted(
    scene: &Scene<'_>,
    target: &ObjectRef,
    verbs: Vec<(Verb, String)>,
) -> Result<Vec<Call>, ApiError> {
    let kind = scene.kinds.get(&target.gvk).ok_or_else(|| {
        ApiError::new(
            404,
            "NotFound",
            format!("{} is not served any more", target.gvk),
        )
    })?;
    verbs
        .into_iter()
        .map(|(verb, manager)| {
            scene.grant(kind, target, verb.rbac())?;
            Ok(Call {
                verb,
                manager,
                account: scene.account.cloned(),
            })
        })
        .collect()
}

/// What the mark of a share says.
pub(super) fn share(object: &Object, owner: &str) -> Result<Share, ApiError> {
    let key = format!("{SHARE_ANNOTATION_PREFIX}{owner}");
    let text = annotations(object).and_then(|map| map.get(&key)?.as_str());
    serde_json::from_str(text.unwrap_or_default()).map_err(|error| {
        ApiError::new(
            422,
            "Invalid",
            format!(
                "annotation {key} on {} is not what the host wrote ({error}); hint: restore the shared fields by hand and \
                 remove the annotation",
                object.target()
            ),
        )
    })
}

fn annotations(object: &Object) -> Option<&Map<String, Value>> {
    object.pointer("/metadata/annotations")?.as_object()
}

fn is_kept(object: &Object) -> bool {
    annotations(object).and_then(|map| map.get(ON_LEAVE_ANNOTATION)?.as_str()) == Some("keep")
}

fn has_reference(object: &Object, uid: &str) -> bool {
    object
        .pointer("/metadata/ownerReferences")
        .and_then(Value::as_array)
        .is_some_and(|list| {
            list.iter()
                .any(|r| r.get("uid").and_then(Value::as_str) == Some(uid))
        })
}

/// The same object, whatever version of its kind it is addressed by.
fn same_resource(a: &ObjectRef, b: &ObjectRef) -> bool {
    (&a.gvk.group, &a.gvk.kind, &a.namespace, &a.name)
        == (&b.gvk.group, &b.gvk.kind, &b.namespace, &b.name)
}
