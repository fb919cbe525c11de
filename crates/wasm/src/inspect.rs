//! What there is to know of a module without running it: what `oarlock inspect` prints.

use std::fmt;
use std::time::Duration;

use oarlock_core::manifest::Manifest;
use oarlock_core::reference::Digest;

use crate::library::bridge::LibraryImport;

/// Facts of a loaded module.
#[derive(Clone, Debug)]
pub struct Inspection {
    /// What it says of itself: name, version, CRDs, finalizer, and the grants that it asks for.
    pub manifest: Manifest,
    /// Digest of its bytes.
    pub digest: Digest,
    /// Bytes of the component.
    pub size: usize,
    /// Bytes of the compiled code, mapped from the cache where there is one.
    pub compiled_size: usize,
    /// What its loading took: compiling, or reading from the cache.
    pub load_time: Duration,
    /// It was read from the compile cache.
    pub cached: bool,
    /// The narrowest world of the contract that has all it imports, and all that its libraries import.
    pub world: World,
    /// Every interface that it imports, with its version, in its order.
    pub imports: Vec<String>,
    /// Those of them that libraries answer.
    pub libraries: Vec<LibraryImport>,
    /// It imports WASI, which is given to it without any news of the world.
    pub wasi: bool,
}

/// The worlds of the contract: what a module can do at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum World {
    /// A function of its arguments alone.
    Pure,
    /// And of the cluster.
    Reading,
    /// And of the world outside.
    External,
}

impl World {
    /// The narrowest world that has all of `imports`.
    pub(crate) fn of<'a>(imports: impl IntoIterator<Item = &'a str>) -> Self {
        imports
            .into_iter()
            .map(|import| match import.split('@').next() {
                Some("oarlock:reconcile/http" | "oarlock:reconcile/artifacts") => Self::External,
                Some("oarlock:reconcile/cluster") => Self::Reading,
                _ => Self::Pure,
            })
            .max()
            .unwrap_or(Self::Pure)
    }

    /// Its name in the contract.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pure => "pure",
            Self::Reading => "reading",
            Self::External => "external",
        }
    }
}

impl fmt::Display for World {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_narrowest_world() {
        let log = "oarlock:reconcile/log@0.1.0";
        let cluster = "oarlock:reconcile/cluster@0.1.0";
        let http = "oarlock:reconcile/http@0.1.0";
        assert_eq!(World::of([]), World::Pure);
        assert_eq!(World::of([log, "wasi:io/poll@0.2.0"]), World::Pure);
        assert_eq!(World::of([cluster, log]), World::Reading);
        assert_eq!(World::of([http]), World::External);
        let artifacts = "oarlock:reconcile/artifacts@0.1.0";
        assert_eq!(World::of([artifacts, cluster]), World::External);
    }
}
