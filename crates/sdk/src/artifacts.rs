//! Charts and other packages from granted sources: fetched, checked and kept by the host, addressed by digest.

use std::fmt;
use std::time::Duration;

use crate::http::SecretRef;

/// Where a package is from.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Source {
    /// A folder or a `.tgz` below the host's chart folder.
    Local(String),
    /// URL of a `.tgz`.
    Archive(String),
    /// A chart of an HTTP repository.
    Repository {
        /// `http://` or `https://`: the folder that `index.yaml` is in.
        url: String,
        /// The chart's name.
        chart: String,
        /// A version or a range (`^1.2`, `1.x || >=2.5.0 <3`) as Helm reads it; empty for the latest stable one.
        version: String,
    },
    /// A chart in a registry.
    Oci {
        /// `oci://registry/path/chart`.
        repository: String,
        /// A version, a range, or a digest (`sha256:…`); empty for the latest stable one.
        version: String,
    },
    /// A folder of a git repository.
    Git {
        /// `https://`, `ssh://` or `file://`.
        url: String,
        /// Branch, tag or commit; empty for the remote's HEAD.
        reference: String,
        /// Folder of the chart, from the repository's root.
        path: String,
    },
}

/// One package wanted.
///
/// ```
/// # use std::time::Duration;
/// # use oarlock_sdk::artifacts::{Fetch, Source};
/// let wanted = Fetch::new(Source::Repository {
///     url: String::from("https://charts.example.com"),
///     chart: String::from("web"),
///     version: String::from("^1.2"),
/// })
/// .credentials("charts-login")
/// .max_age(Duration::from_secs(300))
/// .dependencies();
/// assert!(wanted.dependencies);
/// ```
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Fetch {
    /// Where it is from.
    pub source: Source,
    /// Name of a Secret in the object's namespace: `username` and `password`, `.dockerconfigjson`, `bearerToken`, `identity`
    /// and `known_hosts`, `caFile`, `certFile` and `keyFile`.
    pub credentials: Option<String>,
    /// Refuse anything but this digest, as an earlier [`Artifact`] had it.
    pub expect: Option<String>,
    /// How old may be what the host knows of the source; zero to ask it now.
    pub max_age: Duration,
    /// Fetch what the chart depends on and does not carry, too.
    pub dependencies: bool,
    /// What has to be proven.
    pub verify: Vec<Verification>,
}

/// A proof that a package has to have. Keys are in Secrets of the object's namespace.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Verification {
    /// The chart has a provenance file that is signed with a key of this OpenPGP keyring.
    Provenance(SecretRef),
    /// The OCI manifest has a cosign signature by this public key (PEM).
    Cosign(SecretRef),
}

/// A package that was fetched.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Artifact {
    /// `sha256:…` of its bytes: what is handed on, such as to the Helm engine.
    pub digest: String,
    /// The chart's name.
    pub name: String,
    /// `version` of `Chart.yaml`.
    pub version: String,
    /// What the source calls this state: a commit, the digest of an OCI manifest, the digest of an archive.
    pub revision: String,
    /// Where it is from, for people. Without credentials.
    pub origin: String,
}

/// Why there is no package.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum FetchError {
    /// No grant for the source, or a Secret that is not granted.
    Denied(String),
    /// No such chart, version, ref or path there.
    NotFound(String),
    /// The source does not take the credentials.
    Unauthorized(String),
    /// The source cannot be reached. [Try again](crate::Failure::Retry).
    Unavailable(String),
    /// It is not what was expected or signed.
    Mismatch(String),
    /// What is there is no chart, or breaks a limit.
    Invalid(String),
}

/// Where packages come from: the host in production, plain values in tests.
pub trait Artifacts {
    /// Fetches, checks and keeps one package.
    ///
    /// # Errors
    ///
    /// Where there is no package.
    fn fetch(&self, wanted: &Fetch) -> Result<Artifact, FetchError>;

    /// The versions that a source has, newest first.
    ///
    /// # Errors
    ///
    /// Where the source does not tell.
    fn versions(
        &self,
        source: &Source,
        credentials: Option<&str>,
        max_age: Duration,
    ) -> Result<Vec<String>, FetchError>;

    /// The bytes of a package that this run fetched.
    ///
    /// # Errors
    ///
    /// Where this run did not fetch it.
    fn read(&self, digest: &str) -> Result<Vec<u8>, FetchError>;
}

impl Fetch {
    /// The package as the source has it now.
    pub fn new(source: Source) -> Self {
        Self {
            source,
            credentials: None,
            expect: None,
            max_age: Duration::ZERO,
            dependencies: false,
            verify: Vec::new(),
        }
    }

    /// Opened by this Secret of the object's namespace.
    pub fn credentials(self, secret: impl Into<String>) -> Self {
        Self {
            credentials: Some(secret.into()),
            ..self
        }
    }

    /// Nothing but this digest.
    pub fn expect(self, digest: impl Into<String>) -> Self {
        Self {
            expect: Some(digest.into()),
            ..self
        }
    }

    /// What the host knows of the source may be so old.
    pub fn max_age(self, max_age: Duration) -> Self {
        Self { max_age, ..self }
    }

    /// With all that the chart depends on.
    pub fn dependencies(self) -> Self {
        Self {
            dependencies: true,
            ..self
        }
    }

    /// With one proof more.
    pub fn verify(mut self, proof: Verification) -> Self {
        self.verify.push(proof);
        self
    }
}

impl fmt::Display for FetchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Denied(message)
            | Self::NotFound(message)
            | Self::Unauthorized(message)
            | Self::Unavailable(message)
            | Self::Mismatch(message)
            | Self::Invalid(message) => f.write_str(message),
        }
    }
}

impl std::error::Error for FetchError {}
