//! A checked entry.

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::time::Duration;

use oarlock_core::json::Json;
use oarlock_core::limits::Limits;
use oarlock_core::manifest::Grants;
use oarlock_core::reference::Gvk;
use oarlock_core::selector::LabelSelector;

use crate::source::ModuleSource;

/// How often every object is reconciled at least, where the file does not say: the Ansible operator's ten hours.
pub const DEFAULT_PERIOD: Duration = Duration::from_secs(10 * 60 * 60);

/// One entry of the file, fully checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Watch {
    /// The watched kind.
    pub gvk: Gvk,
    /// Where its module comes from.
    pub module: ModuleSource,
    /// Where the components come from that the module imports, by interface (`namespace:package/interface`).
    pub libraries: BTreeMap<String, ModuleSource>,
    /// Every object is reconciled at least this often.
    pub period: Duration,
    /// Objects reconciled at the same time; `None` for the caller's default.
    pub workers: Option<NonZeroU32>,
    /// Whether changes of dependent resources trigger a reconcile.
    pub dependents: bool,
    /// Whether changes of dependents outside of all namespaces trigger a reconcile of a namespaced object too.
    pub cluster_scoped_dependents: bool,
    /// Whether the host writes its conditions into the object's status.
    pub manage_status: bool,
    /// Which objects are reconciled.
    pub selector: LabelSelector,
    /// Kinds of dependents that are not watched.
    pub blacklist: Vec<Gvk>,
    /// The finalizer to use instead of the module's own.
    pub finalizer: Option<String>,
    /// What the module is given with every call: an object, with `vars` and `overrideValues` merged in.
    pub settings: Json,
    /// What the module may do.
    pub grants: Grants,
    /// What one call may use.
    pub limits: Limits,
    /// ServiceAccount of the object's namespace that reads and writes are made as.
    pub service_account: Option<String>,
    /// The entry's first line in the file, counted from 1.
    pub line: u32,
}

impl Watch {
    /// The chart that its settings name, below the chart folder.
    #[must_use]
    pub fn chart(&self) -> Option<String> {
        let settings = self.settings.to_value();
        settings.get("chart")?.as_str().map(str::to_owned)
    }

    /// Whether both say the same, on whatever line.
    #[must_use]
    pub fn same_as(&self, other: &Self) -> bool {
        let moved = Self {
            line: self.line,
            ..other.clone()
        };
        *self == moved
    }
}
