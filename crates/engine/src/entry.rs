//! One entry of watches.yaml at work: the watch, its module, and what is wrong with it.

use std::sync::Arc;

use oarlock_config::Watch;
use oarlock_core::cached::Cached;
use oarlock_core::cluster::Cluster;
use oarlock_core::manifest::{FIELD_MANAGER_PREFIX, Grants, Manifest, ResourceGrant};
use oarlock_core::object::Object;
use oarlock_core::outcome::{Condition, ConditionStatus, Event};
use oarlock_core::reconciler::Reconciler;
use oarlock_core::reference::{Gvk, KindInfo, ObjectRef};
use parking_lot::Mutex;
use serde_json::Value;

use crate::finalizer;
use crate::status::Wanted;
use crate::verdict::MODULE_CURRENT;

/// The module of an entry.
#[derive(Clone)]
pub enum Module {
    /// The one that the watch names.
    Serving(Arc<dyn Reconciler>),
    /// The one before: the one that the watch names is broken, as the text says.
    LastGood(Arc<dyn Reconciler>, String),
    /// None, as the text says: objects show the condition and wait.
    Down(String),
}

impl Module {
    /// The module that serves, if any.
    #[must_use]
    pub const fn serving(&self) -> Option<&Arc<dyn Reconciler>> {
        match self {
            Self::Serving(module) | Self::LastGood(module, _) => Some(module),
            Self::Down(_) => None,
        }
    }
}

/// An entry. Immutable: a new one replaces it when the file or the module changes.
pub(crate) struct Entry {
    /// What the file says.
    pub(crate) watch: Watch,
    /// What the file grants.
    pub(crate) grants: Arc<Grants>,
    /// What serves.
    pub(crate) module: Module,
    /// The file does not name the kind any more. What is being deleted and waits for the host is still told of, and can be
    /// released.
    pub(crate) retired: bool,
    /// Kinds that the module may write, as far as they are served; found on first use.
    child_kinds: Mutex<Option<Arc<[Gvk]>>>,
}

impl Entry {
    /// An entry of a file.
    pub(crate) fn new(watch: Watch, module: Module) -> Self {
        Self {
            grants: Arc::new(watch.grants.clone()),
            watch,
            module,
            retired: false,
            child_kinds: Mutex::default(),
        }
    }

    /// This entry, once the file does not name it any more.
    pub(crate) fn retired(&self) -> Self {
        Self {
            retired: true,
            ..Self::new(self.watch.clone(), self.module.clone())
        }
    }

    /// Whether there is something on an object that only the host takes off.
    pub(crate) fn holds(&self, live: &Cached) -> bool {
        live.object().is_ok_and(|object| {
            !finalizer::of_host(&object, self.finalizer().as_deref()).is_empty()
        })
    }

    /// Whether its module is called for `object`.
    pub(crate) fn is_for(&self, object: &Object) -> bool {
        !self.retired && self.selects(object)
    }

    /// Whether the watch's selector selects `object`.
    pub(crate) fn selects(&self, object: &Object) -> bool {
        let labels = object.pointer("/metadata/labels");
        self.watch
            .selector
            .matches(|key| labels?.get(key)?.as_str())
    }

    /// Whether changes of a dependent of `owner` are a reason to run. What is outside of all namespaces is followed by
    /// namespaced objects where the watch says so; objects outside of them own it like any other.
    pub(crate) fn follows(&self, owner: &ObjectRef, dependent: &ObjectRef) -> bool {
        let in_reach = self.watch.cluster_scoped_dependents
            || dependent.namespace.is_some()
            || owner.namespace.is_none();
        self.watch.dependents && in_reach && !self.watch.blacklist.contains(&dependent.gvk)
    }

    /// The finalizer on every object: the file's, else the module's, else none. Without a module the file alone tells.
    pub(crate) fn finalizer(&self) -> Option<String> {
        let file = self.watch.finalizer.clone();
        match self.module.serving() {
            Some(module) => {
                let own = module.manifest().finalizer.as_ref()?;
                Some(file.unwrap_or_else(|| own.clone()))
            }
            None => file,
        }
    }

    /// Who tells Events and writes the host's conditions.
    pub(crate) fn reporter(&self) -> String {
        match self.module.serving() {
            Some(module) => module.manifest().field_manager(),
            None => format!("{FIELD_MANAGER_PREFIX}host"),
        }
    }

    /// Kinds that children may be of: what the module asks to write and what the watch grants by name. All of them are watched
    /// before the module is called: it must not take a cache that is not filled yet for an empty cluster.
    pub(crate) fn child_kinds(&self, cluster: &dyn Cluster) -> Arc<[Gvk]> {
        let mut known = self.child_kinds.lock();
        if let Some(kinds) = &*known {
            return Arc::clone(kinds);
        }
        let kinds: Arc<[Gvk]> = match self.module.serving() {
            Some(module) => self.written_kinds(module.manifest(), cluster),
            None => Arc::new([]),
        };
        *known = Some(Arc::clone(&kinds));
        kinds
    }

    fn written_kinds(&self, manifest: &Manifest, cluster: &dyn Cluster) -> Arc<[Gvk]> {
        let names = |list: &[String], word: &str| list.iter().any(|l| l == word);
        let mut found: Vec<Gvk> = Vec::new();
        // Discovery lists the preferred version of a group first.
        for kind in cluster.kinds() {
            let named = |grant: &ResourceGrant| {
                names(&grant.api_groups, &kind.gvk.group) && names(&grant.resources, &kind.plural)
            };
            // What a wildcard's grant names is what the wildcard leaves out, and not what is sure to be written.
            let of_these = |grant: &ResourceGrant| !names(&grant.resources, "*") && named(grant);
            // What is asked for counts where a wildcard grants it: what is not granted may not even be listed.
            let written = self.grants.write.iter().any(of_these)
                || manifest.writes.iter().any(named) && self.may_write(&kind);
            let known = |gvk: &Gvk| (&gvk.group, &gvk.kind) == (&kind.gvk.group, &kind.gvk.kind);
            if written && !found.iter().any(known) && !self.watch.blacklist.contains(&kind.gvk) {
                found.push(kind.gvk);
            }
        }
        found.into()
    }

    /// Whether a grant covers any write of a kind.
    fn may_write(&self, kind: &KindInfo) -> bool {
        self.grants.write.iter().any(|grant| {
            ["create", "patch", "delete"]
                .into_iter()
                .any(|verb| grant.reaches_kind(verb, &kind.gvk.group, &kind.plural))
        })
    }

    /// Kinds came or went.
    pub(crate) fn kinds_changed(&self) {
        *self.child_kinds.lock() = None;
    }

    /// The entry's own part of an object's conditions.
    pub(crate) fn conditions(&self, wanted: &mut Wanted) {
        match &self.module {
            Module::LastGood(module, problem) => wanted.set.push(Condition {
                kind: MODULE_CURRENT.to_owned(),
                status: ConditionStatus::False,
                reason: "LastGoodServing".to_owned(),
                message: format!(
                    "{problem}; {} {} keeps serving",
                    module.manifest().name,
                    module.manifest().version
                ),
            }),
            Module::Serving(_) | Module::Down(_) => wanted.clear.push(MODULE_CURRENT),
        }
    }

    /// The Event of a module that became broken, for an object whose conditions do not show it yet.
    pub(crate) fn news(&self, object: &Object) -> Option<Event> {
        let Module::LastGood(_, problem) = &self.module else {
            return None;
        };
        let shown = object
            .pointer("/status/conditions")
            .and_then(Value::as_array);
        let known = shown
            .into_iter()
            .flatten()
            .any(|condition| condition.get("type").and_then(Value::as_str) == Some(MODULE_CURRENT));
        (!known).then(|| Event {
            key: format!("LastGoodServing-{problem}"),
            warning: true,
            reason: "LastGoodServing".to_owned(),
            message: problem.clone(),
            about: None,
        })
    }
}
