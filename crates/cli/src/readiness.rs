//! What a starting operator still waits for.

use std::fmt;

use oarlock_core::reference::Gvk;
use tokio::sync::watch;

/// How far a starting operator is. Once ready it stays ready: a reload or a lost connection is no reason to take a Pod out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Readiness {
    /// Nothing was looked at yet.
    #[default]
    Starting,
    /// Nothing of the watches file can be used, as the text says.
    WithoutWatches(String),
    /// Modules are being compiled.
    Loading(Vec<String>),
    /// The first list of these kinds is not cached.
    Listing(Vec<Gvk>),
    /// Every module serves or is known to be broken, every kind is watched or known to be missing.
    Ready,
}

/// Where to look how far it is.
pub(crate) type Ready = watch::Receiver<Readiness>;

impl fmt::Display for Readiness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Starting => f.write_str("starting"),
            Self::WithoutWatches(why) => f.write_str(why),
            Self::Loading(modules) => write!(f, "compiling {}", modules.join(", ")),
            Self::Listing(kinds) => {
                let kinds: Vec<String> = kinds.iter().map(Gvk::to_string).collect();
                write!(f, "waiting for the first list of {}", kinds.join(", "))
            }
            Self::Ready => f.write_str("ok"),
        }
    }
}
