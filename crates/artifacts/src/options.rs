//! What a depot may use.

use std::path::PathBuf;
use std::time::Duration;

/// How a depot is set up.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// Folder of the cache. It is made where it is missing, and has to belong to whoever runs this. `None` for a folder that is
    /// gone when the depot is.
    pub cache: Option<PathBuf>,
    /// Folder that local sources are below. `None` when there are no local sources.
    pub charts: Option<PathBuf>,
    /// Sizes and counts.
    pub limits: Limits,
    /// Patience.
    pub timeouts: Timeouts,
}

/// How large things may be. Whatever is larger is refused with a message that says the limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of a package as it comes.
    pub package: u64,
    /// Bytes of all files of a package, unpacked. Helm's own limit.
    pub unpacked: u64,
    /// Bytes of one file of a package. Helm's own limit.
    pub file: u64,
    /// Files of a package. As many folders are visited for them.
    pub files: usize,
    /// Bytes of the index of a repository, or of one answer of a registry that is no package.
    pub index: u64,
    /// Bytes of a provenance file or of a signature.
    pub proof: u64,
    /// Redirects that one call follows. Helm's own limit.
    pub redirects: usize,
    /// Calls to one server at the same time; more of them wait.
    pub calls: usize,
    /// Bytes of a git repository, as far as it is fetched.
    pub repository: u64,
    /// Bytes that are kept on disk; as many again of git repositories.
    pub cache: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            package: 100 << 20,
            unpacked: 100 << 20,
            file: 5 << 20,
            files: 20_000,
            index: 64 << 20,
            proof: 1 << 20,
            redirects: 10,
            calls: 8,
            repository: 512 << 20,
            cache: 512 << 20,
        }
    }
}

/// How long things may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// For a connection, TLS included.
    pub connect: Duration,
    /// Between two pieces of an answer.
    pub idle: Duration,
    /// For one answer with all of its redirects, or one call of git. Helm's own time-out of a download.
    pub whole: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(10),
            idle: Duration::from_secs(30),
            whole: Duration::from_secs(120),
        }
    }
}
