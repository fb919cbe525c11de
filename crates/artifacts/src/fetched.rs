//! What a source gave.

use std::sync::Arc;

use oarlock_core::artifact::{FetchError, Verification};
use oarlock_core::reference::Digest;
use serde::{Deserialize, Serialize};

use oarlock_version::Version;

/// A package as it came, before it is proven, completed and kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fetched {
    /// A `.tgz`, or an uncompressed tar of a folder.
    pub(crate) bytes: Arc<[u8]>,
    /// The chart's name, as its `Chart.yaml` has it.
    pub(crate) name: String,
    /// The chart's version, as its `Chart.yaml` has it.
    pub(crate) version: String,
    /// What the source calls this state: a commit, the digest of a manifest, the digest of an archive.
    pub(crate) revision: String,
    /// Where it is from, for people: without credentials and without a query.
    pub(crate) origin: String,
    /// Its provenance file; only where a proof by provenance is wanted.
    pub(crate) provenance: Option<Provenance>,
    /// What a cosign signature would sign; only for what is from a registry.
    pub(crate) manifest: Option<Digest>,
    /// Its cosign signatures; only where a proof by cosign is wanted.
    pub(crate) signatures: Vec<Signature>,
}

impl Fetched {
    /// Whether this is the chart `name` in `version`, as far as that matters: a signature proves a chart to be what it says
    /// itself that it is, and not what somebody gives it as.
    pub(crate) fn check(
        &self,
        name: &str,
        version: &str,
        proofs: &[Verification],
    ) -> Result<(), FetchError> {
        // Build metadata has no order, and is a part of the name nonetheless.
        let whole = |version: &str| Version::parse(version).map(|version| version.to_string());
        let is_same = self.name == name && whole(&self.version) == whole(version);
        if proofs.is_empty() || is_same {
            return Ok(());
        }
        Err(FetchError::Mismatch(format!(
            "{}: the chart is {} {}, expected {name} {version}; hint: a signature proves what the chart itself says that it is: do not use \
             it before its owner has said why it is given as another one",
            self.origin, self.name, self.version
        )))
    }
}

/// A provenance file and what it speaks of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Provenance {
    /// Name of the archive, such as `web-1.2.3.tgz`: the provenance file has the digest under this name.
    pub(crate) file: String,
    /// The clear-signed text.
    pub(crate) text: Vec<u8>,
}

/// What cosign left beside a manifest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Signature {
    /// One layer of a signature image.
    Claim {
        /// The layer's bytes ("simple signing" JSON): what is signed.
        payload: Vec<u8>,
        /// Base64, from the annotation `dev.cosignproject.cosign/signature`.
        signature: String,
        /// It is by a certificate instead of a key.
        keyless: bool,
    },
    /// A Sigstore bundle that refers to the manifest: JSON.
    Bundle(Vec<u8>),
}
