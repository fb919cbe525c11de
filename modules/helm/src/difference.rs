//! What has to be done to get from one revision's objects to another's, or to none.
//!
//! Works on what was rendered; what the cluster holds besides is asked for by whoever carries it out.

use serde_json::{Map, Value};

use crate::manifest::{Id, Placed, Unserved, annotation};
use crate::order;

pub mod crds;
pub mod drift;

/// Annotation of objects that outlive their release.
pub const RESOURCE_POLICY: &str = "helm.sh/resource-policy";

/// The way from one revision to the next.
#[derive(Debug, Default, PartialEq)]
pub struct Difference<'a> {
    /// In the order of the new revision: objects that the old one did not have. Those whose name the server makes are always new.
    pub create: Vec<&'a Placed>,
    /// Objects of both, in the order of the new revision.
    pub update: Vec<Update<'a>>,
    /// Objects that only the old revision has, in the order in which Helm uninstalls. Each is spared all the same when the
    /// object in the cluster says so: see [`keeps`].
    pub delete: Vec<&'a Placed>,
    /// Objects that only the old revision has, and that stay.
    pub keep: Vec<&'a Placed>,
    /// Objects that the new revision has more than once. The last one counts, as whoever writes last wins.
    pub twice: Vec<Id>,
}

/// An object of both revisions.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Update<'a> {
    /// As it was.
    pub old: &'a Placed,
    /// As it shall be.
    pub new: &'a Placed,
}

/// The way out.
#[derive(Debug, Default, PartialEq)]
pub struct Removal<'a> {
    /// In the order in which Helm uninstalls.
    pub delete: Vec<&'a Placed>,
    /// What stays: in the same order.
    pub keep: Vec<&'a Placed>,
}

/// Compares two revisions.
///
/// Helm compares group, kind, namespace and name, and not the version, so that a chart may go to a newer version of an API. Kinds
/// that moved to another group are known too: with Helm they would be deleted right after they were written.
#[must_use]
pub fn between<'a>(old: &'a [Placed], new: &'a [Placed]) -> Difference<'a> {
    let mut difference = Difference::default();
    for (place, placed) in new.iter().enumerate() {
        let is_same = |other: &&Placed| other.id.is_same(&placed.id);
        if placed.id.name.is_empty() {
            difference.create.push(placed);
        } else if new.iter().skip(place + 1).any(|later| is_same(&later)) {
            if !difference.twice.contains(&placed.id) {
                difference.twice.push(placed.id.clone());
            }
        } else if let Some(old) = old.iter().find(is_same) {
            difference.update.push(Update { old, new: placed });
        } else {
            difference.create.push(placed);
        }
    }
    let gone = old
        .iter()
        .filter(|old| !new.iter().any(|new| new.id.is_same(&old.id)));
    let Removal { delete, keep } = removal_of(gone.collect());
    difference.delete = delete;
    difference.keep = keep;
    difference
}

/// Removes a revision.
#[must_use]
pub fn removal(old: &[Placed]) -> Removal<'_> {
    removal_of(old.iter().collect())
}

/// Whether an object says that it stays, as it was rendered or as it is in the cluster.
///
/// Any value of the annotation keeps it. Helm tells of `keep` only, and leaves the objects of others without a word.
#[must_use]
pub fn keeps(content: &Map<String, Value>) -> bool {
    annotation(content, RESOURCE_POLICY).is_some()
}

impl Removal<'_> {
    /// What Helm prints of the objects that stay; none where there are none.
    #[must_use]
    pub fn kept(&self) -> Option<String> {
        if self.keep.is_empty() {
            return None;
        }
        let mut message = String::from("These resources were kept due to the resource policy:\n");
        for Placed { id, .. } in &self.keep {
            message.push_str(&format!("[{}] {}\n", id.kind, id.name));
        }
        Some(message)
    }
}

/// Says in Helm's words, and in ours what to do, that a stored revision has objects of kinds that are no longer served.
///
/// None where all of them are the same objects as some of the new revision: then nothing of them is to be deleted, and the way is
/// free, other than with Helm.
#[must_use]
pub fn removed_kinds(old: &[Unserved], new: &[Placed]) -> Option<String> {
    let blocking = old.iter().find(|unserved| !is_followed(unserved, new))?;
    let object = &blocking.object;
    Some(format!(
        "current release manifest contains removed kubernetes api(s) for this kubernetes version and it is therefore unable to \
         build the kubernetes objects for performing the diff. error from kubernetes: {blocking}\nhint: delete {} {:?} by hand if \
         it still exists under another version, or keep it in the chart under a version that is served",
        object.kind(),
        object.name(),
    ))
}

/// Whether the new revision has the object under a version that is served.
fn is_followed(unserved: &Unserved, new: &[Placed]) -> bool {
    let object = &unserved.object;
    new.iter().any(|placed| {
        let id = Id {
            group: object.group().to_owned(),
            version: object.version().to_owned(),
            kind: object.kind().to_owned(),
            // It names none where the release's own is meant; then any will do, as the kind's scope is not known.
            namespace: object
                .namespace()
                .map(str::to_owned)
                .or_else(|| placed.id.namespace.clone()),
            name: object.name().to_owned(),
        };
        id.is_same(&placed.id)
    })
}

fn removal_of(mut gone: Vec<&Placed>) -> Removal<'_> {
    order::for_uninstall(&mut gone, |placed| &placed.id.kind);
    // What the server named can be found by labels only, which Helm does not do either.
    let (keep, delete) = gone
        .into_iter()
        .filter(|placed| !placed.id.name.is_empty())
        .partition(|placed| keeps(&placed.object.content));
    Removal { delete, keep }
}

#[cfg(test)]
mod tests;
