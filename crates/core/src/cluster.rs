//! The port to Kubernetes: cached reads, and every write that exists.

use std::sync::Arc;

use serde_json::{Map, Value};

use crate::cached::Cached;
use crate::future::BoxFuture;
use crate::manifest::Access;
use crate::object::Object;
use crate::outcome::Propagation;
use crate::reconciler::ReadError;
use crate::reference::{Gvk, KindInfo, ObjectRef, ResourceVersion, Uid};
use crate::request::ApiError;
use crate::selector::LabelSelector;
use crate::timestamp::Timestamp;

/// A Kubernetes API with a watch-fed cache in front of it. One watch per kind serves everybody.
pub trait Cluster: Send + Sync + 'static {
    /// What discovery says of a kind; `None` when it is not served.
    fn kind(&self, gvk: &Gvk) -> Option<KindInfo>;

    /// Every kind that is served.
    fn kinds(&self) -> Vec<KindInfo>;

    /// The API server's version, such as `v1.34.0`, at most some minutes old.
    ///
    /// # Errors
    /// What the API server said, where it never told.
    fn server_version(&self) -> BoxFuture<'_, Result<String, ApiError>>;

    /// Makes sure that a kind is watched, and resolves when its first list is in the cache. Idempotent.
    ///
    /// # Errors
    /// [`ReadError::UnknownKind`] when the kind is not served: the watch is remembered, begins by itself when the kind
    /// appears, and [`Change::Synced`] tells. [`ReadError::Unavailable`] when the list failed; it is tried again.
    fn watch(&self, gvk: &Gvk) -> BoxFuture<'_, Result<(), ReadError>>;

    /// Ends the watch of a kind and forgets its objects, without a [`Change`]: they are not gone. Whoever names it is sure that
    /// nobody needs it; [`Self::watch`] begins anew. Nothing happens when it is not watched.
    fn unwatch(&self, gvk: &Gvk);

    /// Whether objects of `namespace` can be in the cache at all: an operator may see some namespaces only. What it does not see
    /// must not be taken for absent.
    fn sees(&self, namespace: &str) -> bool {
        let _all = namespace;
        true
    }

    /// One object from the cache. `None` also for kinds that are not watched.
    fn cached(&self, target: &ObjectRef) -> Option<Arc<Cached>>;

    /// A cached object with all that it has: some are cached without their data ([`Cached::is_abridged`]), which is asked of
    /// the API server where it is not known any more. `None` when it is gone by now; it may be newer than the cached one.
    ///
    /// # Errors
    /// What the API server said.
    fn whole(&self, live: Arc<Cached>) -> BoxFuture<'_, Result<Option<Arc<Cached>>, ApiError>> {
        Box::pin(std::future::ready(Ok(Some(live))))
    }

    /// All cached objects of a kind, sorted by namespace and name.
    fn list(&self, gvk: &Gvk, namespace: Option<&str>) -> Vec<Arc<Cached>>;

    /// Those of [`Self::list`] whose labels are selected.
    fn select(
        &self,
        gvk: &Gvk,
        namespace: Option<&str>,
        selector: &LabelSelector,
    ) -> Vec<Arc<Cached>> {
        let mut all = self.list(gvk, namespace);
        all.retain(|object| object.is_selected_by(selector));
        all
    }

    /// All cached objects of any kind that carry a mark of `owner`, sorted by kind, namespace and name.
    fn owned_by(&self, owner: &Uid) -> Vec<Arc<Cached>>;

    /// One object from the API server itself; `None` when it is not there.
    ///
    /// # Errors
    /// What the API server said.
    fn read<'a>(
        &'a self,
        target: &'a ObjectRef,
        account: Option<&'a ServiceAccount>,
    ) -> BoxFuture<'a, Result<Option<Arc<Cached>>, ApiError>>;

    /// Who writes one object, the last first, asked of the API server itself: who else writes it is not cached. Empty when it
    /// is not there.
    ///
    /// # Errors
    /// What the API server said.
    fn writers<'a>(
        &'a self,
        target: &'a ObjectRef,
        account: Option<&'a ServiceAccount>,
    ) -> BoxFuture<'a, Result<Vec<Writer>, ApiError>>;

    /// One write. Once it has resolved the cache shows it, or something newer.
    ///
    /// # Errors
    /// What the API server said, or code 0 when it could not be reached: the write may have taken effect then.
    fn write(&self, call: Call) -> BoxFuture<'_, Result<Written, ApiError>>;

    /// Records an Event. Repetitions of one `key` are one Event with a count.
    ///
    /// # Errors
    /// What the API server said.
    fn record(&self, event: EventRecord) -> BoxFuture<'_, Result<(), ApiError>>;

    /// Whether `account` may do `access`, by the API server's word. Cached for a short while.
    ///
    /// # Errors
    /// What the API server said.
    fn allowed<'a>(
        &'a self,
        account: &'a ServiceAccount,
        access: Access<'a>,
    ) -> BoxFuture<'a, Result<bool, ApiError>>;

    /// Whom to tell of changes, from now on. Called in order per kind, never blocking.
    fn subscribe(&self, listener: Arc<dyn Listener>);
}

/// Who is told of changes.
pub trait Listener: Send + Sync {
    /// Something changed. Must return at once.
    fn changed(&self, change: Change);
}

/// A change of the cache.
#[derive(Clone, Debug)]
pub enum Change {
    /// An object is there, or differs from what it was. A relist that shows the same resource version is no change.
    Applied {
        /// As it was.
        old: Option<Arc<Cached>>,
        /// As it is.
        new: Arc<Cached>,
    },
    /// An object is gone.
    Deleted(Arc<Cached>),
    /// The first list of a kind is in the cache; its objects were told before.
    Synced(Gvk),
    /// Kinds came or went.
    Kinds,
}

/// Somebody who holds fields of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Writer {
    /// Field manager.
    pub manager: String,
    /// Subresource that the fields were written through, such as `status`.
    pub subresource: Option<String>,
}

/// A ServiceAccount to act as.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ServiceAccount {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

/// A write, and on whose behalf.
#[derive(Clone, Debug, PartialEq)]
pub struct Call {
    /// What is done.
    pub verb: Verb,
    /// Field manager.
    pub manager: String,
    /// ServiceAccount to act as; `None` for the host's own.
    pub account: Option<ServiceAccount>,
}

/// Everything that is ever done to a cluster, Events aside.
#[derive(Clone, Debug, PartialEq)]
pub enum Verb {
    /// Server-side apply. Preconditions are fields of the object (`metadata.uid`, `metadata.resourceVersion`).
    Apply {
        /// The fields.
        object: Object,
        /// Take fields of other managers.
        force: bool,
    },
    /// Create; refused with `AlreadyExists` when there is one.
    Create {
        /// The object.
        object: Object,
    },
    /// JSON Merge Patch.
    Merge {
        /// The object.
        target: ObjectRef,
        /// The patch, preconditions included.
        patch: Map<String, Value>,
        /// Of the `status` subresource, where the kind has one.
        status: bool,
    },
    /// Delete.
    Delete {
        /// The object.
        target: ObjectRef,
        /// This very object only.
        uid: Option<Uid>,
        /// This version only.
        version: Option<ResourceVersion>,
        /// What happens to its dependents.
        propagation: Propagation,
    },
    /// Takes `owner`'s marks off an object and gives up the fields that the call's manager holds, leaving their values.
    Release {
        /// The object.
        target: ObjectRef,
        /// Whose marks.
        owner: Uid,
    },
    /// Gives up the fields that the call's manager holds, leaving their values and all marks: to apply without some of them
    /// would delete their values.
    Yield {
        /// The object.
        target: ObjectRef,
        /// This very object only.
        uid: Uid,
    },
    /// Hands over to the call's manager what modules of other names hold of an object that they wrote as somebody's child; where
    /// it is no module's name, what was written under it by updates. The next apply prunes what it does not repeat. Values do not
    /// change.
    Inherit {
        /// The object.
        target: ObjectRef,
        /// This very object only.
        uid: Uid,
    },
}

impl Verb {
    /// The object that is written.
    #[must_use]
    pub const fn target(&self) -> &ObjectRef {
        match self {
            Self::Apply { object, .. } | Self::Create { object } => object.target(),
            Self::Merge { target, .. }
            | Self::Delete { target, .. }
            | Self::Release { target, .. }
            | Self::Yield { target, .. }
            | Self::Inherit { target, .. } => target,
        }
    }

    /// The verb of an RBAC rule.
    #[must_use]
    pub const fn rbac(&self) -> &'static str {
        match self {
            Self::Create { .. } => "create",
            Self::Apply { .. }
            | Self::Merge { .. }
            | Self::Release { .. }
            | Self::Yield { .. }
            | Self::Inherit { .. } => "patch",
            Self::Delete { .. } => "delete",
        }
    }
}

/// What a write did.
#[derive(Clone, Debug)]
pub struct Written {
    /// The object afterwards; `None` when it is gone.
    pub object: Option<Arc<Cached>>,
    /// False when the API server found nothing to change.
    pub changed: bool,
}

/// An Event to record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventRecord {
    /// What it is about.
    pub about: ObjectRef,
    /// Its uid, where known.
    pub uid: Option<Uid>,
    /// Unique per occurrence.
    pub key: String,
    /// Warning rather than Normal.
    pub warning: bool,
    /// One CamelCase word.
    pub reason: String,
    /// For people.
    pub message: String,
    /// Reporting controller, such as `oarlock/canary`.
    pub reporter: String,
    /// When.
    pub now: Timestamp,
}
