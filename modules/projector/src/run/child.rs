//! How a workload is written: somebody else's object, of whose containers the binding holds no field at rest.
//!
//! All that is the binding's is shared (`write: share`) to bring it in, in one write, and given up again as soon as it is seen. What is
//! in containers belongs to nobody then: whoever applies the workload the next time leaves it alone, and a container that its user
//! removes goes with everything in it. (If it belonged to the binding, the API server would keep the rest of the container, and
//! refuse it for want of an image.) The *frame*, which is the volume and the annotations, is shared again, and stays so: without it
//! the API server would take the volume together with the last one of its user's, and refuse the mounts.
//!
//! To change something or take it out, all of it is shared again as it is, then as it shall be: server-side apply removes what
//! is not listed any more. Lists without keys are shared wholly, at the version that was seen, not held at rest, and given up
//! in the state that remains. Each step follows from the live object alone: the host's mark tells what is shared, the binding's own
//! annotation what is in it.

use oarlock_sdk::{Child, Expect, Value, json};

use super::workload::{reference, uid as uid_of, version};
use crate::fields::{Part, Shape, part};
use crate::projection::{
    Mapping, Project, Projection, bare, is_projected, project, unproject, without_frame,
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

/// How a binding gets into a workload, or out of it.
#[derive(Clone, Debug)]
pub(super) enum Step {
    /// It is as it should be: this is held. What else is shared is given up by not listing it.
    Done(Option<Child>),
    /// What is there is shared as it is.
    Hold(Child),
    /// It is made what it should be.
    Make(Child),
}

/// What is shared of a workload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shared {
    Nothing,
    Frame,
    All,
}

/// What brings a binding in.
pub(super) fn put(live: &Value, wish: &Projection, way: &Way) -> Result<Step, Project> {
    let wanted = project(live, wish, &way.mapping)?;
    step(live, &wanted, &wish.uid, &way.kind)
}

/// What takes a binding out, by the mapping that it was put in with.
pub(super) fn take_out(live: &Value, uid: &str, kind: &Kind) -> Result<Step, Project> {
    step(live, &unproject(live, uid)?, uid, kind)
}

fn step(live: &Value, wanted: &Value, uid: &str, kind: &Kind) -> Result<Step, Project> {
    let shape = kind.shape();
    let shared = shared(live, uid);
    if live == wanted {
        if shared == Shared::All || !is_projected(live, uid) {
            return Ok(Step::Done(None));
        }
        let part = part(&without_frame(live, uid)?, live, live, shape);
        let frame = part.whole.is_empty().then(|| {
            // Nothing has to be restored: it tells the frame from all.
            share(live, part).restored_on_leave(json!({}))
        });
        return Ok(Step::Done(frame));
    }
    let base = bare(live, uid)?;
    if is_projected(live, uid) && shared != Shared::All {
        let all = part(&base, live, live, shape);
        return Ok(Step::Hold(share(live, all).kept_on_leave()));
    }
    let all = part(&base, live, wanted, shape);
    Ok(Step::Make(share(live, all).kept_on_leave()))
}

/// What is shared of a workload that is left as it is for now. Where it is not listed, the host lets go of it, which is a write too.
pub(super) fn as_is(live: &Value, uid: &str, kind: &Kind) -> Option<Child> {
    let part = |base: Value| part(&base, live, live, kind.shape());
    match shared(live, uid) {
        Shared::Nothing => None,
        Shared::Frame => {
            let frame = part(without_frame(live, uid).ok()?);
            Some(share(live, frame).restored_on_leave(json!({})))
        }
        Shared::All => Some(share(live, part(bare(live, uid).ok()?)).kept_on_leave()),
    }
}

/// The frame, where it is what is shared.
pub(super) fn held_frame(live: &Value, uid: &str, kind: &Kind) -> Option<Child> {
    (shared(live, uid) == Shared::Frame).then(|| as_is(live, uid, kind))?
}

/// By the host's own mark, which has the name of what is restored.
fn shared(live: &Value, uid: &str) -> Shared {
    let mark = live
        .pointer("/metadata/annotations")
        .and_then(|annotations| annotations.get(format!("share.oarlock.dev/{uid}")))
        .and_then(Value::as_str);
    let Some(mark) = mark else {
        return Shared::Nothing;
    };
    let mark: Value = serde_json::from_str(mark).unwrap_or_default();
    match mark.get("restore") {
        Some(restore) if !restore.is_null() => Shared::Frame,
        _ => Shared::All,
    }
}

/// It takes nobody's value: what is wanted and not in the workload without the binding is the binding's.
fn share(live: &Value, part: Part) -> Child {
    let expect = if part.whole.is_empty() {
        Expect::Uid(uid_of(live).to_owned())
    } else {
        Expect::Version(version(live).to_owned())
    };
    Child::share(object(live, part)).force().expect(expect)
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
