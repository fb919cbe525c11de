//! One entry of watches.yaml at work: the watch, its module, and what is wrong with it.

use std::sync::Arc;

use oarlock_config::Watch;
use oarlock_core::cluster::Cluster;
use oarlock_core::manifest::{FIELD_MANAGER_PREFIX, Grants, Manifest};
use oarlock_core::object::Object;
use oarlock_core::outcome::{Condition, ConditionStatus, Event};
use oarlock_core::reconciler::Reconciler;
use oarlock_core::reference::Gvk;
use parking_lot::Mutex;
use serde_json::Value;

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
            child_kinds: Mutex::default(),
        }
    }

    /// Whether the watch's selector selects `object`.
    pub(crate) fn selects(&self, object: &Object) -> bool {
        let labels = object.pointer("/metadata/labels");
        self.watch
            .selector
            .matches(|key| labels?.get(key)?.as_str())
    }

    /// Whether changes of dependents of a kind are a reason to run.
    pub(crate) fn follows(&self, gvk: &Gvk) -> bool {
        self.watch.dependents && !self.watch.blacklist.contains(gvk)
    }

    /// The finalizer on every object: the file's, else the module's, else none.
    pub(crate) fn finalizer(&self) -> Option<String> {
        let module = self.module.serving()?;
        module.manifest().finalizer.as_ref()?;
        self.watch
            .finalizer
            .clone()
            .or_else(|| module.manifest().finalizer.clone())
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
            let written = manifest
                .writes
                .iter()
                .chain(&self.grants.write)
                .any(|grant| {
                    names(&grant.api_groups, &kind.gvk.group)
                        && names(&grant.resources, &kind.plural)
                });
            let known = |gvk: &Gvk| (&gvk.group, &gvk.kind) == (&kind.gvk.group, &kind.gvk.kind);
            if written && !found.iter().any(known) && !self.watch.blacklist.contains(&kind.gvk) {
                found.push(kind.gvk);
            }
        }
        found.into()
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
