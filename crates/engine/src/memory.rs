//! What the engine remembers of one object between runs. All of it may be lost: a restart costs one write per child that
//! the API server then finds unchanged.

use std::collections::{HashMap, VecDeque};
use std::hash::{DefaultHasher, Hash, Hasher};

use oarlock_core::cached::Cached;
use oarlock_core::object::Object;
use oarlock_core::reference::{ObjectRef, ResourceVersion, Uid};
use oarlock_core::request::Report;
use oarlock_core::timestamp::Timestamp;
use serde_json::{Map, Value};

use crate::backoff;
use crate::contest::Contests;
use crate::kept::Kept;
use crate::pace::Bucket;
use crate::status::Wanted;

/// How many Event and notice keys are remembered per object. A module that tells more than this between two runs of the
/// same step may repeat itself; the API server's Event then counts.
const KEYS_REMEMBERED: usize = 64;

/// Memory of one object.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    uid: Option<Uid>,
    /// Failed runs in a row.
    pub(crate) failures: u32,
    /// Runs in a row that others' writes made void.
    pub(crate) conflicts: u32,
    /// What became of the last outcome.
    pub(crate) last: Option<Report>,
    /// Children of the last `exactly`: what `keep` repairs.
    pub(crate) children: Box<[Kept]>,
    /// What the API server made of the last status write.
    pub(crate) status: Option<StatusWritten>,
    /// Who changes back what the host writes.
    pub(crate) contests: Contests,
    /// Runs that the module asked for at once.
    pub(crate) at_once: Bucket,
    /// The object remembers its module's finalizer, as far as that could be written.
    pub(crate) finalizer_noted: bool,
    /// It was told that nothing of the host's brings the object's deletion to an end.
    pub(crate) told_blocked: bool,
    /// The API server says that the object is gone, while the cache still shows it.
    absence: Option<Absence>,
    synced: HashMap<(ObjectRef, String), Synced>,
    told: VecDeque<String>,
}

/// An object that is gone, and whose watch has not told so yet.
#[derive(Debug)]
struct Absence {
    /// The version that the cache shows.
    version: ResourceVersion,
    /// How often the API server said so.
    times: u32,
    /// No run before this: its children would be collected as they are made, and each of them would wake it again.
    until: Timestamp,
}

/// A child that is known to be as wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Synced {
    /// Fingerprint of the wanted fields.
    pub(crate) wanted: u64,
    /// The version that was seen.
    pub(crate) version: ResourceVersion,
    /// Hash of the manager's field set then: differs when a field was lost.
    pub(crate) field_set: Option<u64>,
    /// Fingerprint of the live object then, without what controllers keep changing.
    pub(crate) content: u64,
}

impl Synced {
    /// What to remember of `live` after a write of `wanted`.
    pub(crate) fn new(wanted: u64, live: &Cached, object: &Object, manager: &str) -> Self {
        Self {
            wanted,
            version: live.resource_version(),
            field_set: live.field_set(manager),
            content: Self::content_of(object),
        }
    }

    /// Fingerprint of an object without its status and its version.
    pub(crate) fn content_of(object: &Object) -> u64 {
        let mut hasher = DefaultHasher::new();
        for (key, value) in object.content() {
            match (key.as_str(), value) {
                ("status", _) => {}
                ("metadata", Value::Object(metadata)) => {
                    for (key, value) in metadata {
                        if !matches!(key.as_str(), "resourceVersion" | "generation") {
                            (key, value).hash(&mut hasher);
                        }
                    }
                }
                _ => (key, value).hash(&mut hasher),
            }
        }
        hasher.finish()
    }
}

/// A status write and what became of it: tells a status that the API server pruned from one that somebody changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct StatusWritten {
    /// Fingerprint of the status that was wanted, times aside.
    pub(crate) wanted: u64,
    /// Fingerprint of the status that the API server made of it.
    pub(crate) stored: u64,
    /// Fingerprint of what was wished, whatever else the status held.
    pub(crate) wish: u64,
}

impl Memory {
    /// Starts anew when the object is another one under the same name.
    pub(crate) fn belong_to(&mut self, uid: &Uid) {
        if self.uid.as_ref() != Some(uid) {
            *self = Self {
                uid: Some(uid.clone()),
                ..Self::default()
            };
        }
    }

    /// What is known of a child.
    pub(crate) fn synced(&self, target: &ObjectRef, manager: &str) -> Option<&Synced> {
        // The key is owned; a borrowed look-up is not worth a wrapper type here.
        self.synced.get(&(target.clone(), manager.to_owned()))
    }

    /// Remembers a child.
    pub(crate) fn learn(&mut self, target: ObjectRef, manager: String, synced: Synced) {
        self.synced.insert((target, manager), synced);
    }

    /// Forgets children that are not in `kept`.
    pub(crate) fn retain(&mut self, kept: impl Fn(&ObjectRef) -> bool) {
        self.synced.retain(|(target, _), _| kept(target));
        self.contests.retain(kept);
    }

    /// Notes that the API server does not know the object of this version any more. Gives when to look again, should the watch
    /// say nothing.
    pub(crate) fn miss(&mut self, version: ResourceVersion, now: Timestamp) -> Timestamp {
        let times = self.absence.as_ref().map_or(1, |absence| absence.times + 1);
        let until = now.after(backoff::delay(times, 0));
        self.absence = Some(Absence {
            version,
            times,
            until,
        });
        until
    }

    /// Until when the object counts as gone, as long as the cache shows the version that was missed.
    pub(crate) fn missed_until(
        &self,
        version: &ResourceVersion,
        now: Timestamp,
    ) -> Option<Timestamp> {
        let absence = self.absence.as_ref()?;
        (absence.version == *version && now < absence.until).then_some(absence.until)
    }

    /// True the first time that `key` is told.
    pub(crate) fn tell(&mut self, key: &str) -> bool {
        if self.told.iter().any(|told| told == key) {
            return false;
        }
        if self.told.len() == KEYS_REMEMBERED {
            self.told.pop_front();
        }
        self.told.push_back(key.to_owned());
        true
    }
}

/// Fingerprint of a wish for the status.
pub(crate) fn fingerprint_of_wish(wanted: &Wanted) -> u64 {
    let mut hasher = DefaultHasher::new();
    wanted.patch.hash(&mut hasher);
    wanted.clear.hash(&mut hasher);
    for condition in &wanted.set {
        (&condition.kind, condition.status.as_str()).hash(&mut hasher);
        (&condition.reason, &condition.message).hash(&mut hasher);
    }
    hasher.finish()
}

/// Fingerprint of JSON content. Not stable between builds: never stored.
pub(crate) fn fingerprint(content: &Map<String, Value>) -> u64 {
    let mut hasher = DefaultHasher::new();
    content.hash(&mut hasher);
    hasher.finish()
}
