//! What to do for one child.

use oarlock_core::cached::Cached;
use oarlock_core::cluster::{Call, Verb};
use oarlock_core::manifest::FIELD_MANAGER_PREFIX;
use oarlock_core::object::Object;
use oarlock_core::outcome::{Child, Expect, OnLeave, Owner, Propagation, Write};
use oarlock_core::reference::{KindInfo, ObjectRef};
use oarlock_core::request::ApiError;
use serde_json::{Map, Value};

use super::mark::{marked, names_owner};
use super::{PlannedWrite, Scene, Step, shrink};
use crate::difference::differences;
use crate::memory::{Synced, fingerprint};

/// The step for `child`.
pub(super) fn plan(scene: &Scene<'_>, child: &Child) -> PlannedWrite {
    let target = child.object.target().clone();
    let (step, tells) = match admit(scene, child, &target) {
        Ok(kind) => {
            let step = decide(scene, child, kind, &target).unwrap_or_else(Step::Refuse);
            let tells = match &step {
                Step::Tell(_) | Step::Refuse(_) => true,
                // That it is there is news where it was only to be created.
                Step::Nothing(_) => child.write == Write::Create,
                _ => false,
            };
            (step, tells)
        }
        Err(step) => (step, false),
    };
    let manager = manager(scene, child);
    let mut write = PlannedWrite {
        first: Vec::new(),
        repairs: false,
        target,
        manager,
        tells,
        step,
    };
    if let Step::Send { wanted, .. } | Step::Recreate { wanted, .. } = &write.step {
        let known = scene.memory.synced(&write.target, &write.manager);
        write.repairs = known.is_some_and(|known| known.wanted == *wanted);
        if let Some(live) = scene.live.get(&write.target)
            && (is_inherited(scene, child, live, &write.manager)
                || is_gone_on_with(child, live, &write.manager))
        {
            let verb = Verb::Inherit {
                target: write.target.clone(),
                uid: live.uid(),
            };
            write.first.push(*call(scene, &write.manager, verb));
        }
        if let Some(live) = scene.live.get(&write.target) {
            for verb in shrink::calls(scene, child, live, &write.manager) {
                write.first.push(*call(scene, &write.manager, verb));
            }
        }
    }
    if write.repairs
        && let Some(rest) = scene.memory.contests.left_alone(&write.target, scene.now)
    {
        write.step = Step::Rest(rest);
        write.first.clear();
    }
    write
}

/// Whether `live` is this child as a module of another name wrote it, which has served the object before.
fn is_inherited(scene: &Scene<'_>, child: &Child, live: &Cached, manager: &str) -> bool {
    child.owner == Owner::Owned
        && live.has_predecessor(manager)
        && live.is_owned_by(&scene.owner.uid())
        && live
            .object()
            .is_ok_and(|object| names_owner(&object, scene.owner))
}

/// Whether a child is written for the first time under the name of another program, which may have written `live` by updates: what
/// it has written so would stay for ever. A version that is expected would not be the object's any more.
fn is_gone_on_with(child: &Child, live: &Cached, manager: &str) -> bool {
    child.write == Write::Apply
        && child.force
        && !manager.starts_with(FIELD_MANAGER_PREFIX)
        && !matches!(child.expect, Expect::Version(_))
        && live.field_set(manager).is_none()
}

/// The kind of `child`, or the step that says no more than what the wish itself shows and what is granted.
fn admit<'s>(
    scene: &'s Scene<'_>,
    child: &Child,
    target: &ObjectRef,
) -> Result<&'s KindInfo, Step> {
    let Some(kind) = scene.kinds.get(&target.gvk) else {
        return Err(Step::Wait(format!(
            "{} is not served by the API server; it is tried again when it is",
            target.gvk
        )));
    };
    let live = scene.live.get(target).map(AsRef::as_ref);
    placed(kind, target)
        .and_then(|()| sensible(scene, child))
        .and_then(|()| scene.may_know(kind, target, live))
        .and_then(|()| match child.write {
            Write::Compare => scene.may_compare(kind, target, live),
            _ => Ok(()),
        })
        .map_err(Step::Refuse)?;
    Ok(kind)
}

/// Every answer tells of the live object.
fn decide(
    scene: &Scene<'_>,
    child: &Child,
    kind: &KindInfo,
    target: &ObjectRef,
) -> Result<Step, ApiError> {
    let live = scene.live.get(target).map(AsRef::as_ref);
    expected(child, live, target)?;
    if child.write == Write::Compare {
        return Ok(compare(child, live));
    }
    let manager = &*manager(scene, child);
    match live {
        None if child.write == Write::Share => Err(ApiError::new(
            404,
            "NotFound",
            format!("{target} does not exist, and shared objects are never created"),
        )),
        None => {
            scene.grant(kind, target, "create")?;
            let object = object(marked(scene, child, manager))?;
            let wanted = fingerprint(object.content());
            let verb = if child.write == Write::Create || child.expect == Expect::Absent {
                Verb::Create { object }
            } else {
                Verb::Apply {
                    object,
                    force: child.force,
                }
            };
            Ok(Step::Send {
                call: call(scene, manager, verb),
                wanted,
            })
        }
        Some(live) => {
            may_take(scene, child, live)?;
            if child.write == Write::Create {
                return Ok(Step::Nothing(None));
            }
            change(scene, child, kind, live, manager)
        }
    }
}

fn change(
    scene: &Scene<'_>,
    child: &Child,
    kind: &KindInfo,
    live: &Cached,
    manager: &str,
) -> Result<Step, ApiError> {
    let target = child.object.target();
    let content = marked(scene, child, manager);
    let wanted = fingerprint(&content);
    if !is_inherited(scene, child, live, manager)
        && let Some(known) = scene.memory.synced(target, manager)
        && let Some(known) = still_in_sync(known, wanted, &content, live, manager)
    {
        return Ok(Step::Nothing(known));
    }
    if live.deleting() && child.write == Write::Recreate {
        return Err(ApiError::new(
            409,
            "Conflict",
            format!("{target} is being deleted; it is created again afterwards"),
        ));
    }
    scene.grant(kind, target, "patch")?;
    let apply_of = |object| {
        let verb = Verb::Apply {
            object: self::object(object)?,
            force: child.force,
        };
        Ok(call(scene, manager, verb))
    };
    let mut guarded = content.clone();
    match &child.expect {
        // To apply what is gone would create it. A version is of the time before what is given back first.
        Expect::Any | Expect::Version(_)
            if child.write == Write::Share
                && (child.expect == Expect::Any
                    || !shrink::calls(scene, child, live, manager).is_empty()) =>
        {
            precondition(&mut guarded, &Expect::Uid(live.uid()));
        }
        expect => precondition(&mut guarded, expect),
    }
    let apply = apply_of(guarded)?;
    if child.write != Write::Recreate {
        return Ok(Step::Send {
            call: apply,
            wanted,
        });
    }
    scene.grant(kind, target, "delete")?;
    scene.grant(kind, target, "create")?;
    let delete = Verb::Delete {
        target: target.clone(),
        uid: Some(live.uid()),
        version: None,
        propagation: Propagation::Background,
    };
    Ok(Step::Recreate {
        apply,
        create: apply_of(content)?,
        delete: call(scene, manager, delete),
        wanted,
    })
}

/// Whether nothing has to be sent; with what was learned, when the live object moved on without touching what is wanted.
fn still_in_sync(
    known: &Synced,
    wanted: u64,
    content: &Map<String, Value>,
    live: &Cached,
    manager: &str,
) -> Option<Option<Synced>> {
    if known.wanted != wanted {
        return None;
    }
    if known.version == live.resource_version() {
        return Some(None);
    }
    if known.field_set != live.field_set(manager) {
        return None;
    }
    let object = live.object().ok()?;
    let untouched = known.content == Synced::content_of(&object)
        || differences(content, object.content()).is_empty();
    untouched.then(|| Some(Synced::new(wanted, live, &object, manager)))
}

fn compare(child: &Child, live: Option<&Cached>) -> Step {
    let Some(live) = live.and_then(|live| live.object().ok()) else {
        return Step::Tell(vec![String::new()]);
    };
    let mut found = differences(child.object.content(), live.content());
    found.retain(|pointer| {
        !child.ignore.iter().any(|ignored| {
            pointer
                .strip_prefix(ignored.as_str())
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        })
    });
    Step::Tell(found)
}

/// A namespaced kind needs a namespace, a cluster-scoped one must not have one.
pub(super) fn placed(kind: &KindInfo, target: &ObjectRef) -> Result<(), ApiError> {
    let problem = match (kind.namespaced, &target.namespace) {
        (true, None) => "is namespaced: metadata.namespace is required",
        (false, Some(_)) => "is cluster-scoped: metadata.namespace must not be set",
        (true, Some(_)) | (false, None) => return Ok(()),
    };
    Err(invalid(format!("{target}: {} {problem}", kind.gvk.kind)))
}

/// The field manager of a child: the one that it names, or the module's. Several objects may share fields of one target,
/// and server-side apply drops what a manager does not repeat: there each object is a manager of its own.
fn manager(scene: &Scene<'_>, child: &Child) -> String {
    match (&child.manager, child.write) {
        (Some(manager), _) => manager.clone(),
        (None, Write::Share) => format!("{}/{}", scene.manager, scene.owner.uid()),
        (None, _) => scene.manager.to_owned(),
    }
}

/// Combinations that the contract excludes.
fn sensible(scene: &Scene<'_>, child: &Child) -> Result<(), ApiError> {
    let target = child.object.target();
    if let Some(manager) = &child.manager
        && manager.starts_with(FIELD_MANAGER_PREFIX)
        && manager
            .strip_prefix(scene.manager)
            .is_none_or(|rest| !rest.is_empty() && !rest.starts_with('/'))
    {
        return Err(invalid(format!(
            "{target}: field manager {manager} is another module's"
        )));
    }
    if child.owner == Owner::Owned && *target == scene.owner.target() {
        return Err(invalid(format!(
            "{target}: an object cannot be its own child; hint: owner `unowned`"
        )));
    }
    let problem = match (&child.on_leave, child.write, child.owner) {
        (_, Write::Share, Owner::Owned) => "write `share` needs owner `unowned`",
        (OnLeave::Restore(_), write, _) if write != Write::Share => {
            "on-leave `restore` needs write `share`"
        }
        (OnLeave::Delete, Write::Share, _) => {
            "on-leave `delete` is not for shared objects: use `restore` or `keep`"
        }
        _ => return Ok(()),
    };
    Err(invalid(format!("{target}: {problem}")))
}

/// What the module expects of the live object, as far as the cache can tell. The API server checks it again.
fn expected(child: &Child, live: Option<&Cached>, target: &ObjectRef) -> Result<(), ApiError> {
    let conflict = |message| Err(ApiError::new(409, "Conflict", message));
    match (&child.expect, live) {
        (Expect::Any, _) | (Expect::Absent, None) => Ok(()),
        (Expect::Absent, Some(live)) => conflict(format!(
            "{target} was expected to be absent, but exists with uid {}",
            live.uid()
        )),
        (Expect::Uid(uid), Some(live)) if *uid == live.uid() => Ok(()),
        (Expect::Version(version), Some(live)) if *version == live.resource_version() => Ok(()),
        (Expect::Uid(uid), Some(live)) => conflict(format!(
            "{target} was expected to have uid {uid}, but has {}",
            live.uid()
        )),
        (Expect::Version(version), Some(live)) => conflict(format!(
            "{target} was expected at resource version {version}, but is at {}",
            live.resource_version()
        )),
        (Expect::Uid(_) | Expect::Version(_), None) => {
            conflict(format!("{target} was expected to exist, but does not"))
        }
    }
}

/// An object that somebody else made is taken over only where the module names it.
fn may_take(scene: &Scene<'_>, child: &Child, live: &Cached) -> Result<(), ApiError> {
    let owner = scene.owner.uid();
    if child.owner == Owner::Owned && scene.ancestors.contains(&live.uid()) {
        return Err(invalid(format!(
            "{} owns {}: it cannot be its child as well; hint: owner `unowned`",
            live.target(),
            scene.owner.target()
        )));
    }
    if child.owner == Owner::Unowned
        || live.is_owned_by(&owner)
        || matches!(child.expect, Expect::Uid(_) | Expect::Version(_))
    {
        return Ok(());
    }
    Err(ApiError::new(
        409,
        "AlreadyExists",
        format!(
            "{} exists and is not a child of {}; hint: delete or rename it, or let the module take it over by its uid",
            live.target(),
            scene.owner.target()
        ),
    ))
}

fn precondition(content: &mut Map<String, Value>, expect: &Expect) {
    let (field, value) = match expect {
        Expect::Uid(uid) => ("uid", &uid.0),
        Expect::Version(version) => ("resourceVersion", &version.0),
        Expect::Any | Expect::Absent => return,
    };
    if let Some(Value::Object(metadata)) = content.get_mut("metadata") {
        metadata.insert(field.to_owned(), Value::String(value.clone()));
    }
}

fn object(content: Map<String, Value>) -> Result<Object, ApiError> {
    Object::from_value(Value::Object(content)).map_err(|error| invalid(error.to_string()))
}

fn invalid(message: String) -> ApiError {
    ApiError::new(422, "Invalid", message)
}

fn call(scene: &Scene<'_>, manager: &str, verb: Verb) -> Box<Call> {
    Box::new(Call {
        verb,
        manager: manager.to_owned(),
        account: scene.account.cloned(),
    })
}
