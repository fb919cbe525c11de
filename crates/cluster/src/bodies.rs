//! Objects whose data is not cached, whole: those that were written or asked for last.
//!
//! Whoever writes a large object reads it again soon, and then hardly ever. So what is written is kept, as much as there is
//! room for.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use oarlock_core::cached::Cached;
use oarlock_core::reference::ObjectRef;
use parking_lot::Mutex;

/// Bytes of JSON.
const ROOM: usize = 32 << 20;

/// Whole objects, up to a number of bytes; those that were not used for longest go first.
pub(crate) struct Bodies {
    room: usize,
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    objects: HashMap<ObjectRef, (u64, Arc<Cached>)>,
    /// By when they were used last.
    order: BTreeMap<u64, ObjectRef>,
    clock: u64,
    bytes: usize,
}

impl Default for Bodies {
    fn default() -> Self {
        Self::new(ROOM)
    }
}

impl Bodies {
    fn new(room: usize) -> Self {
        Self {
            room,
            kept: Mutex::default(),
        }
    }

    /// Keeps an object in the place of what was known under its name.
    pub(crate) fn keep(&self, whole: &Arc<Cached>) {
        let mut kept = self.kept.lock();
        let target = whole.target();
        kept.forget(&target);
        kept.clock += 1;
        kept.bytes += size(whole);
        let now = kept.clock;
        kept.order.insert(now, target.clone());
        kept.objects.insert(target, (now, Arc::clone(whole)));
        while kept.bytes > self.room {
            let Some(oldest) = kept
                .order
                .first_key_value()
                .map(|(_, target)| target.clone())
            else {
                break;
            };
            kept.forget(&oldest);
        }
    }

    /// The object at this very version.
    pub(crate) fn of(&self, abridged: &Cached) -> Option<Arc<Cached>> {
        let mut kept = self.kept.lock();
        let target = abridged.target();
        let (_, whole) = kept.objects.get(&target)?;
        let same = whole.is_same_object(abridged)
            && whole.resource_version() == abridged.resource_version();
        let whole = same.then(|| Arc::clone(whole))?;
        kept.touch(&target);
        Some(whole)
    }
}

impl Kept {
    fn touch(&mut self, target: &ObjectRef) {
        self.clock += 1;
        if let Some((used, _)) = self.objects.get_mut(target) {
            self.order.remove(used);
            *used = self.clock;
            self.order.insert(self.clock, target.clone());
        }
    }

    fn forget(&mut self, target: &ObjectRef) {
        if let Some((used, whole)) = self.objects.remove(target) {
            self.order.remove(&used);
            self.bytes -= size(&whole);
        }
    }
}

fn size(whole: &Cached) -> usize {
    size_of::<Cached>() + whole.json().as_str().len()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use serde_json::json;

    use super::*;

    fn record(name: &str, version: &str) -> Arc<Cached> {
        let value = json!({
            "apiVersion": "v1", "kind": "Secret", "type": "helm.sh/release.v1",
            "metadata": {"name": name, "namespace": "n", "uid": name, "resourceVersion": version},
            "data": {"release": "x".repeat(1000)},
        });
        Arc::new(Cached::from_live(value).unwrap())
    }

    #[test]
    fn what_was_used_last_is_kept_at_the_version_that_is_cached() {
        let bodies = Bodies::new(3 * size(&record("a", "1")));
        for name in ["a", "b", "c"] {
            bodies.keep(&record(name, "1"));
        }
        let known = |name: &str, version: &str| {
            bodies
                .of(&record(name, version).abridged().unwrap())
                .is_some()
        };
        assert!(known("a", "1") && !known("a", "2") && !known("d", "1"));
        bodies.keep(&record("d", "1"));
        assert!(known("a", "1") && !known("b", "1") && known("c", "1") && known("d", "1"));
        bodies.keep(&record("a", "2"));
        assert!(known("a", "2") && !known("a", "1"));
        let kept = bodies.kept.lock();
        assert_eq!((kept.objects.len(), kept.order.len()), (3, 3));
        assert_eq!(kept.bytes, bodies.room);
    }
}
