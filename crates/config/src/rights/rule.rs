//! A rule, with a reason for each verb.

use std::collections::{BTreeMap, BTreeSet};

/// Why a verb is needed: which call of the host it is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Why {
    /// Lists and watches of the cache.
    Cache,
    /// Finalizers and the host's annotations on watched objects.
    Marks,
    /// The status of watched objects.
    Status,
    /// Owner references that block the owner's deletion.
    Owner,
    /// Server-side apply.
    Apply,
    /// Children that are not there yet.
    Create,
    /// Pruning, removals, and what is recreated.
    Delete,
    /// What is given back, or taken over from another module.
    Handover,
    /// `get-live` of modules.
    Live,
    /// What a module reads as this account.
    Read,
    /// Telling.
    Events,
    /// Repetitions of an Event.
    Repeat,
    /// News of kinds.
    Definitions,
    /// Definitions that modules bring.
    Install,
    /// Acting as ServiceAccounts.
    Impersonate,
    /// Whether these may.
    Review,
    /// Who may see the metrics.
    Metrics,
    /// Leader election.
    Election,
    /// Sharding.
    Sharding,
}

impl Why {
    /// What it is for, in words that follow "needed to".
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::Cache => "fill the cache",
            Self::Marks => "set finalizers and annotations",
            Self::Status => "write the status",
            Self::Owner => "own children (owner references block the owner's deletion)",
            Self::Apply => "apply children",
            Self::Create => "create children",
            Self::Delete => "prune and remove",
            Self::Handover => "give fields back, take children over, find out who else writes",
            Self::Live => "read past the cache",
            Self::Read => "read for the module",
            Self::Events => "tell what happens",
            Self::Repeat => "count what was told before",
            Self::Definitions => "hear of new kinds at once",
            Self::Install => "install the modules' definitions",
            Self::Impersonate => "act as ServiceAccounts",
            Self::Review => "ask what ServiceAccounts may",
            Self::Metrics => "ask who may see the metrics",
            Self::Election => "elect a leader",
            Self::Sharding => "share the objects among replicas",
        }
    }
}

/// One rule of a role.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// API group; `""` is the core group, `*` any.
    pub group: String,
    /// Plural name, with a subresource behind a slash; `*` any.
    pub resource: String,
    /// Names; none for any.
    pub names: BTreeSet<String>,
    /// Verbs, each with what it is for.
    pub verbs: BTreeMap<&'static str, BTreeSet<Why>>,
}

/// The order in which verbs are read.
const ORDER: [&str; 8] = [
    "get",
    "list",
    "watch",
    "create",
    "update",
    "patch",
    "delete",
    "impersonate",
];

impl Rule {
    /// Verbs in the usual order.
    #[must_use]
    pub fn ordered_verbs(&self) -> Vec<&'static str> {
        let ordered = ORDER.into_iter();
        ordered
            .filter(|verb| self.verbs.contains_key(verb))
            .collect()
    }

    /// Such as `list, watch: fill the cache; patch: apply children`.
    #[must_use]
    pub fn reasons(&self) -> String {
        let mut groups: Vec<(Vec<&str>, &BTreeSet<Why>)> = Vec::new();
        for verb in self.ordered_verbs() {
            let why = &self.verbs[verb];
            match groups.iter_mut().find(|(_, known)| *known == why) {
                Some((verbs, _)) => verbs.push(verb),
                None => groups.push((vec![verb], why)),
            }
        }
        let texts = groups.into_iter().map(|(verbs, why)| {
            let why: Vec<&str> = why.iter().map(|why| why.text()).collect();
            format!("{}: {}", verbs.join(", "), why.join("; "))
        });
        texts.collect::<Vec<_>>().join(". ")
    }
}
