//! Keys of the cache that borrow from the objects themselves: a key of its own would cost as much as a small object.

use std::borrow::Borrow;
use std::cmp::Ordering;
use std::sync::Arc;

use oarlock_core::cached::Cached;
use oarlock_core::reference::Gvk;

/// Namespace and name.
pub(super) trait Key {
    fn key(&self) -> (Option<&str>, &str);
}

impl Key for (Option<&str>, &str) {
    fn key(&self) -> (Option<&str>, &str) {
        (self.0, self.1)
    }
}

impl Key for Entry {
    fn key(&self) -> (Option<&str>, &str) {
        (self.0.namespace(), self.0.name())
    }
}

impl PartialEq for dyn Key + '_ {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}

impl Eq for dyn Key + '_ {}

impl PartialOrd for dyn Key + '_ {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for dyn Key + '_ {
    fn cmp(&self, other: &Self) -> Ordering {
        self.key().cmp(&other.key())
    }
}

/// An object within its kind, ordered by namespace and name.
#[derive(Clone, Debug)]
pub(super) struct Entry(pub(super) Arc<Cached>);

impl<'a> Borrow<dyn Key + 'a> for Entry {
    fn borrow(&self) -> &(dyn Key + 'a) {
        self
    }
}

impl PartialEq for Entry {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}

impl Eq for Entry {}

impl PartialOrd for Entry {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Entry {
    fn cmp(&self, other: &Self) -> Ordering {
        self.key().cmp(&other.key())
    }
}

/// An object among those of one owner, ordered by kind, namespace and name.
#[derive(Clone, Debug)]
pub(super) struct Owned(pub(super) Arc<Cached>);

impl Owned {
    fn key(&self) -> (&Gvk, Option<&str>, &str) {
        (self.0.gvk(), self.0.namespace(), self.0.name())
    }
}

impl PartialEq for Owned {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}

impl Eq for Owned {}

impl PartialOrd for Owned {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Owned {
    fn cmp(&self, other: &Self) -> Ordering {
        self.key().cmp(&other.key())
    }
}
