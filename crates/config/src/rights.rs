//! The least rights of Kubernetes that an operator needs for a watches file.
//!
//! Every verb is there for a call that the host makes, and says which ([`Why`]): a call that the host does not make is in no
//! rule. What a module may write and read, its grants say; its manifest only tells how its kinds are called. What is written
//! as a ServiceAccount is that account's right, and not the operator's.

mod needs;
mod objects;
mod plural;
mod rule;

use std::collections::{BTreeMap, BTreeSet};

use oarlock_core::manifest::Manifest;
use oarlock_core::reference::KindInfo;

use crate::watch::Watch;

pub use objects::RbacObject;
pub(crate) use plural::plural;
pub use rule::{Rule, Why};

/// How the operator is installed, as far as its rights depend on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Installation {
    /// Name of the roles and bindings.
    pub name: String,
    /// Namespace of the operator's ServiceAccount, and of its Leases.
    pub namespace: String,
    /// Name of its ServiceAccount.
    pub account: String,
    /// The namespaces that it watches; none for all of them.
    pub namespaces: BTreeSet<String>,
    /// It elects a leader.
    pub leader_election: bool,
    /// Several share the objects.
    pub sharding: bool,
    /// It installs the definitions of its modules.
    pub install_crds: bool,
    /// It asks who may see its metrics.
    pub guarded_metrics: bool,
}

/// One watch, and its module as far as it is known.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    /// The watch.
    pub watch: &'a Watch,
    /// What the module says of itself.
    pub manifest: Option<&'a Manifest>,
}

/// Where a right holds.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// Everywhere: a ClusterRole with a ClusterRoleBinding.
    Cluster,
    /// In one namespace: a Role with a RoleBinding.
    Namespace(String),
}

/// The rights, and what is to be said about them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rights {
    /// The operator's own.
    pub operator: BTreeMap<Place, Vec<Rule>>,
    /// Those of ServiceAccounts that modules act as, by name: wherever there are objects.
    pub accounts: BTreeMap<String, Vec<Rule>>,
    /// What to know before they are given, a sentence each.
    pub notes: Vec<String>,
}

/// The least rights for `subjects`. `kinds` is what is known of kinds, from definitions or discovery; of the others the names
/// are guessed, which a note says.
#[must_use]
pub fn rights(subjects: &[Subject<'_>], kinds: &[KindInfo], installation: &Installation) -> Rights {
    needs::collect(subjects, kinds, installation)
}

#[cfg(test)]
mod tests;
