//! Charts and other packages from outside, and the port through which they come.

use std::fmt;
use std::future::ready;
use std::sync::Arc;
use std::time::Duration;

use thiserror::Error;

use crate::future::BoxFuture;
use crate::reference::Digest;

mod reach;
mod upstream;

pub use reach::{ParseSite, Protocol, Reach, Site, SiteGrant, SiteProblem};
pub use upstream::Upstream;

/// Where a package is from.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Source {
    /// A folder or a `.tgz` below the host's chart folder.
    Local(String),
    /// URL of a `.tgz`.
    Archive(String),
    /// A chart of an HTTP repository.
    Repository {
        /// The folder that `index.yaml` is in.
        url: String,
        /// The chart's name.
        chart: String,
        /// Version or range as Helm reads it; empty for the latest stable one.
        version: String,
    },
    /// A chart in a registry.
    Oci {
        /// `oci://registry/path/chart`.
        repository: String,
        /// Version, range, or digest; empty for the latest stable one.
        version: String,
    },
    /// A folder of a git repository.
    Git {
        /// `https://`, `ssh://` or `file://`.
        url: String,
        /// Branch, tag or commit; empty for the remote's HEAD.
        reference: String,
        /// The chart's folder.
        path: String,
    },
}

/// `url` as far as it may be shown: its query and its fragment may be a signature, and what is shown becomes a condition, a log
/// line or a record.
#[must_use]
pub fn without_query(url: &str) -> &str {
    url.split(['?', '#']).next().unwrap_or_default()
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let version = |f: &mut fmt::Formatter<'_>, version: &str| match version {
            "" => Ok(()),
            version => write!(f, " {version}"),
        };
        match self {
            Self::Local(path) => f.write_str(path),
            Self::Archive(url) => f.write_str(without_query(url)),
            Self::Repository {
                url,
                chart,
                version: wanted,
            } => {
                write!(f, "{chart} of {}", without_query(url))?;
                version(f, wanted)
            }
            Self::Oci {
                repository,
                version: wanted,
            } => {
                f.write_str(without_query(repository))?;
                version(f, wanted)
            }
            Self::Git {
                url,
                reference,
                path,
            } => {
                write!(f, "{path} of {}", without_query(url))?;
                version(f, reference)
            }
        }
    }
}

/// What opens a source. Values, not names: the caller looked them up and was allowed to. Never shown, never recorded.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Credentials {
    /// User name and password, or token, of HTTP and registries.
    pub basic: Option<(String, String)>,
    /// Bearer token.
    pub bearer: Option<String>,
    /// `config.json` of Docker: user names and passwords by registry.
    pub docker_config: Option<String>,
    /// Private key of SSH, PEM.
    pub identity: Option<String>,
    /// `known_hosts` of SSH.
    pub known_hosts: Option<String>,
    /// Certificates to trust, PEM.
    pub ca: Option<String>,
    /// Client certificate and key, PEM.
    pub client: Option<(String, String)>,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credentials")
    }
}

/// What has to be proven of a package.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verification {
    /// A provenance file, signed with a key of this OpenPGP keyring (binary or armored).
    Provenance {
        /// The keyring.
        keyring: Vec<u8>,
    },
    /// A cosign signature by this public key (PEM).
    Cosign {
        /// The key.
        key: String,
    },
}

/// One package wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// Where it is from.
    pub source: Source,
    /// What opens the source. For its host alone: whatever is fetched from others, such as dependencies, an archive on another
    /// server, or where a redirect leads, goes without; but for `docker_config`, which names the hosts itself.
    pub credentials: Credentials,
    /// What may be fetched from. The source itself was checked; dependencies, and archives on other servers than their
    /// index's, are checked by whoever fetches them.
    pub reach: Reach,
    /// Anything but this digest is refused.
    pub expect: Option<Digest>,
    /// How old may be what is known of the source.
    pub max_age: Duration,
    /// Whether what the chart depends on and does not carry is fetched too.
    pub dependencies: bool,
    /// What has to be proven.
    pub verify: Vec<Verification>,
}

/// A package that was fetched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Artifact {
    /// Digest of its bytes, as [`Artifacts::read`] gives them.
    pub digest: Digest,
    /// The chart's name.
    pub name: String,
    /// The chart's version.
    pub version: String,
    /// What the source calls this state.
    pub revision: String,
    /// Where it is from, for people; without credentials.
    pub origin: String,
}

/// Why there is no package. Each text says where, what, and what to do.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum FetchError {
    /// Not granted.
    #[error("{0}")]
    Denied(String),
    /// No such chart, version, ref or path.
    #[error("{0}")]
    NotFound(String),
    /// The credentials are not taken.
    #[error("{0}")]
    Unauthorized(String),
    /// The source cannot be reached.
    #[error("{0}")]
    Unavailable(String),
    /// Not what was expected or signed.
    #[error("{0}")]
    Mismatch(String),
    /// No chart, or one that breaks a limit.
    #[error("{0}")]
    Invalid(String),
}

/// The port to the world of packages. Rights are checked before it is asked.
pub trait Artifacts: Send + Sync + 'static {
    /// Fetches, checks and keeps one package.
    fn fetch(&self, wanted: Wanted) -> BoxFuture<'_, Result<Artifact, FetchError>>;

    /// The versions of a chart, newest first; the tags of an image.
    fn versions(
        &self,
        source: Source,
        credentials: Credentials,
        reach: Reach,
        max_age: Duration,
    ) -> BoxFuture<'_, Result<Vec<String>, FetchError>>;

    /// The bytes of a package that was fetched: a `.tgz`, or an uncompressed tar of a folder.
    fn read(&self, digest: Digest) -> BoxFuture<'_, Result<Arc<[u8]>, FetchError>>;

    /// What was learned of these so far may not be true any more, however young it is: they are asked again when something of them
    /// is wanted next.
    fn forget(&self, upstreams: &[Upstream]) {
        // Who remembers nothing has nothing to forget.
        let _ = upstreams;
    }
}

/// The port of a host that fetches nothing.
#[derive(Clone, Copy, Debug)]
pub struct Closed;

impl Closed {
    /// What it says of anything that is asked for.
    #[must_use]
    pub fn refusal(what: &impl fmt::Display) -> FetchError {
        FetchError::Denied(format!("{what}: packages are not fetched here"))
    }
}

impl Artifacts for Closed {
    fn fetch(&self, wanted: Wanted) -> BoxFuture<'_, Result<Artifact, FetchError>> {
        Box::pin(ready(Err(Self::refusal(&wanted.source))))
    }

    fn versions(
        &self,
        source: Source,
        _credentials: Credentials,
        _reach: Reach,
        _max_age: Duration,
    ) -> BoxFuture<'_, Result<Vec<String>, FetchError>> {
        Box::pin(ready(Err(Self::refusal(&source))))
    }

    fn read(&self, digest: Digest) -> BoxFuture<'_, Result<Arc<[u8]>, FetchError>> {
        Box::pin(ready(Err(Self::refusal(&digest))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_be_a_signature_is_not_shown() {
        let sources = [
            Source::Local("charts/web?".to_owned()),
            Source::Archive("https://charts.example/web.tgz?sig=secret#part".to_owned()),
            Source::Repository {
                url: "https://charts.example/a?token=secret".to_owned(),
                chart: "web".to_owned(),
                version: ">1".to_owned(),
            },
            Source::Oci {
                repository: "oci://registry.example/web?secret".to_owned(),
                version: "1.0.0".to_owned(),
            },
            Source::Git {
                url: "https://git.example/a#secret".to_owned(),
                reference: "main".to_owned(),
                path: "web".to_owned(),
            },
        ];
        let shown: Vec<String> = sources.iter().map(Source::to_string).collect();
        insta::assert_snapshot!(shown.join("\n"), @r"
        charts/web?
        https://charts.example/web.tgz
        web of https://charts.example/a >1
        oci://registry.example/web 1.0.0
        web of https://git.example/a main
        ");
    }
}
