//! Objects of revisions: which there are, where they stand, and what the cluster has of them.

use std::cell::OnceCell;

use oarlock_sdk::{Context, ObjectRef, ReadError};
use serde_json::{Map, Value};

use crate::manifest::{self, Id, Kinds, Object, Placed, Placement, ReadManifest, inner};
use crate::ownership::{Owner, RELEASE_NAME, RELEASE_NAMESPACE};
use crate::record::Record;
use crate::run::{report, served};
use crate::situation::Obstacle;

/// What the API server serves, asked for at most once in a run.
pub(crate) struct Served<'a> {
    cx: &'a Context,
    kinds: OnceCell<Kinds>,
}

impl<'a> Served<'a> {
    pub(crate) const fn new(cx: &'a Context) -> Self {
        Self {
            cx,
            kinds: OnceCell::new(),
        }
    }

    pub(crate) fn kinds(&self) -> Result<&Kinds, Obstacle> {
        if let Some(kinds) = self.kinds.get() {
            return Ok(kinds);
        }
        let all = self
            .cx
            .kinds()
            .map_err(|error| report::unread("the kinds that the API server serves", &error))?;
        Ok(self.kinds.get_or_init(|| served::kinds(&all)))
    }
}

/// Points at an object.
pub(crate) fn reference(id: &Id) -> ObjectRef {
    let api_version = match id.group.as_str() {
        "" => id.version.clone(),
        group => format!("{group}/{}", id.version),
    };
    ObjectRef {
        api_version,
        kind: id.kind.clone(),
        namespace: id.namespace.clone(),
        name: id.name.clone(),
    }
}

/// An object as the cluster has it. Of a kind that is not served there is none.
///
/// # Errors
/// Where the host has no answer.
pub(crate) fn live(
    cx: &Context,
    id: &Id,
    account: Option<&str>,
) -> Result<Option<Map<String, Value>>, ReadError> {
    let mut reads = cx.reads();
    if let Some(account) = account {
        reads = reads.acting_as(account);
    }
    match reads.get_raw(&reference(id)) {
        Ok(Some(Value::Object(live))) => Ok(Some(live)),
        Ok(_) | Err(ReadError::UnknownKind(_)) => Ok(None),
        Err(error) => Err(error),
    }
}

/// The objects of a record's manifest, in its order, in the namespaces where they are. Those that want a name of the server get
/// one of the revision instead, so that writing them twice makes one object.
///
/// # Errors
/// Where the manifest is no objects.
pub(crate) fn of(record: &Record, kinds: &Kinds) -> Result<Placement, ReadManifest> {
    let documents = manifest::split(&record.manifest);
    let mut objects = manifest::objects(&documents)?;
    for (place, object) in objects.iter_mut().enumerate() {
        name(object, record, place);
    }
    Ok(kinds.place(objects, &record.namespace))
}

/// As [`of`], with what stands in the way said.
pub(crate) fn placed(record: &Record, kinds: &Kinds) -> Result<Placement, Obstacle> {
    of(record, kinds).map_err(|error| unreadable(record, &error))
}

/// What is said of a record whose objects cannot be read.
pub(crate) fn unreadable(record: &Record, error: &ReadManifest) -> Obstacle {
    Obstacle {
        reason: "RecordUnreadable",
        message: format!(
            "revision {} of release {}/{}: {error}\nhint: delete its Secret; its objects are then nobody's",
            record.version, record.namespace, record.name
        ),
        retry: None,
    }
}

fn name(object: &mut Object, record: &Record, place: usize) {
    if !object.name().is_empty() {
        return;
    }
    let metadata = inner(&mut object.content, "metadata");
    if let Some(Value::String(prefix)) = metadata.remove("generateName") {
        let name = format!("{prefix}{}-{place}", record.version);
        metadata.insert(String::from("name"), Value::from(name));
    }
}

/// The release that a record is of, as its objects name it.
pub(crate) fn owner(record: &Record) -> Owner {
    Owner {
        name: record.name.clone(),
        namespace: record.namespace.clone(),
    }
}

/// Whether a live object says that it is part of another release. One that says nothing is not asked for more: it may have lost
/// its marks.
pub(crate) fn is_of_another(owner: &Owner, live: &Map<String, Value>) -> bool {
    let says = |key: &str, wanted: &str| {
        manifest::annotation(live, key).is_some_and(|found| found != wanted)
    };
    says(RELEASE_NAME, &owner.name) || says(RELEASE_NAMESPACE, &owner.namespace)
}

/// `metadata.uid` of a live object.
pub(crate) fn uid(live: &Map<String, Value>) -> Option<&str> {
    live.get("metadata")?.get("uid")?.as_str()
}

/// Objects of several revisions, each once: as the newest has it.
pub(crate) fn union(mut revisions: Vec<Vec<Placed>>) -> Vec<Placed> {
    let mut all: Vec<Placed> = revisions.pop().unwrap_or_default();
    while let Some(older) = revisions.pop() {
        let more: Vec<Placed> = older
            .into_iter()
            .filter(|placed| !all.iter().any(|known| known.id.is_same(&placed.id)))
            .collect();
        all.extend(more);
    }
    all
}
