//! How a workload is written: somebody else's object, of which the binding's fields are applied.
//!
//! Where all lists on the way have keys, the binding's own items are applied under a field manager of the binding's own
//! (`oarlock/projector/UID`), unowned: to apply nothing takes exactly them out, whatever happened to the workload meanwhile,
//! and two bindings that both need `SERVICE_BINDING_ROOT` both own it. Where a list is one field, it is shared
//! (`write: share`, kept on leave) as a whole, at the version that was seen: it is written without the binding's items
//! before it is given up.

use oarlock_sdk::{Child, Expect, Value, json};

use super::workload::{reference, uid as uid_of, version};
use crate::fields::{Part, Shape, difference, given_back};
use crate::projection::{
    Mapping, Project, Projection, bare, is_left, is_projected, project, unproject,
};

/// Where things are in a kind of workloads.
#[derive(Clone, Debug)]
pub(super) struct Way {
    pub(super) mapping: Mapping,
    pub(super) kind: Kind,
}

/// What is known of a kind's lists.
#[derive(Clone, Debug)]
pub(super) enum Kind {
    /// Every API server has it.
    Known,
    /// It has this definition.
    Defined {
        definition: Box<Value>,
        version: String,
    },
    /// Nothing can be told.
    Unknown,
}

impl Kind {
    fn shape(&self) -> Shape<'_> {
        match self {
            Self::Known => Shape::known(),
            Self::Defined {
                definition,
                version,
            } => Shape::of_definition(definition, version),
            Self::Unknown => Shape::Unknown,
        }
    }
}

/// How a binding gets into a workload.
#[derive(Clone, Debug)]
pub(super) enum Put {
    /// By this write.
    In(Child),
    /// Whole lists that are not needed any more are written without it first.
    Out(Child),
    /// They are given up, by listing nothing; then it comes in again.
    Later,
}

/// What brings a binding in.
pub(super) fn put(live: &Value, wish: &Projection, way: &Way) -> Result<Put, Project> {
    let uid = &wish.uid;
    let shape = way.kind.shape();
    let was = is_projected(live, uid);
    let is_held = is_held(live, uid);
    if is_held && !was {
        return Ok(Put::Later);
    }
    let projected = project(live, wish, &way.mapping)?;
    let base = bare(&projected, uid)?;
    let part = difference(&base, &projected, shape, was);
    if is_held {
        let before = difference(&bare(live, uid)?, live, shape, false);
        // A list that is not listed any more would be deleted, with what its user has in it.
        if part.whole.is_empty() || !before.whole.is_subset(&part.whole) {
            return Ok(take_out(live, uid, &way.kind)?.map_or(Put::Later, Put::Out));
        }
    }
    if !part.whole.is_empty() {
        return Ok(Put::In(whole(live, part)));
    }
    // As a newcomer would write it: without what the API server has added.
    let fresh = project(&base, wish, &way.mapping)?;
    let part = difference(&base, &fresh, shape, was);
    Ok(Put::In(items(live, part, uid)))
}

/// The write that takes a binding out; none where nothing of it is left, or only the host's mark, which goes when it is not
/// listed.
pub(super) fn take_out(live: &Value, uid: &str, kind: &Kind) -> Result<Option<Child>, Project> {
    if is_held(live, uid) {
        if !is_projected(live, uid) {
            return Ok(None);
        }
        let shape = kind.shape();
        let part = given_back(&bare(live, uid)?, live, &unproject(live, uid)?, shape);
        return Ok(Some(whole(live, part)));
    }
    Ok(is_left(live, uid).then(|| items(live, Part::default(), uid)))
}

/// The write that changes nothing of what a binding has in a workload. Items stay by themselves.
pub(super) fn stay(live: &Value, uid: &str, way: &Way) -> Option<Child> {
    if !is_held(live, uid) || !is_projected(live, uid) {
        return None;
    }
    let base = bare(live, uid).ok()?;
    Some(whole(live, difference(&base, live, way.kind.shape(), false)))
}

/// Whether whole lists of it are shared: the host's own mark tells.
pub(super) fn is_held(live: &Value, uid: &str) -> bool {
    live.pointer("/metadata/annotations")
        .and_then(|annotations| annotations.get(format!("share.oarlock.dev/{uid}")))
        .is_some()
}

fn items(live: &Value, part: Part, uid: &str) -> Child {
    Child::apply(object(live, part))
        .unowned()
        .kept_on_leave()
        .manager(format!("oarlock/projector/{uid}"))
        .expect(Expect::Uid(uid_of(live).to_owned()))
}

fn whole(live: &Value, part: Part) -> Child {
    Child::share(object(live, part))
        .force()
        .kept_on_leave()
        .expect(Expect::Version(version(live).to_owned()))
}

fn object(live: &Value, part: Part) -> Value {
    let target = reference(live);
    let mut object = Value::Object(part.fields);
    object["apiVersion"] = json!(target.api_version);
    object["kind"] = json!(target.kind);
    if !object["metadata"].is_object() {
        object["metadata"] = json!({});
    }
    object["metadata"]["name"] = json!(target.name);
    if let Some(namespace) = target.namespace {
        object["metadata"]["namespace"] = json!(namespace);
    }
    object
}
