//! Proofs of where a package is from.
//!
//! Owned here: what counts as a proof. Not known here: where signatures are kept; the source brings them along.

mod cosign;
mod provenance;

use std::fmt;
use std::time::SystemTime;

use oarlock_core::artifact::{FetchError, Verification};

use crate::fetched::Fetched;

/// Whose signature it is, for the log.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Signer(String);

impl fmt::Display for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Whether all of `proofs` hold of `fetched`.
pub(crate) fn verify(fetched: &Fetched, proofs: &[Verification]) -> Result<(), FetchError> {
    for proof in proofs {
        let (kind, signer) = match proof {
            Verification::Provenance { keyring } => ("provenance", provenance(fetched, keyring)?),
            Verification::Cosign { key } => ("cosign", signature(fetched, key)?),
        };
        tracing::debug!(origin = %fetched.origin, revision = %fetched.revision, %signer, "proven by {kind}");
    }
    Ok(())
}

fn provenance(fetched: &Fetched, keyring: &[u8]) -> Result<Signer, FetchError> {
    let Some(provenance) = &fetched.provenance else {
        return Err(FetchError::Mismatch(format!(
            "{}: failed to fetch provenance; hint: `helm package --sign` makes a provenance file, which is kept beside the archive",
            fetched.origin
        )));
    };
    provenance::verify(
        &fetched.bytes,
        &provenance.file,
        &provenance.text,
        keyring,
        SystemTime::now(),
    )
    .map_err(|unproven| {
        let text = match hint(&unproven) {
            Some(hint) => format!("{}: {unproven}; hint: {hint}", fetched.origin),
            None => format!("{}: {unproven}", fetched.origin),
        };
        match unproven {
            provenance::Unproven::Keyring(_) => FetchError::Invalid(text),
            _ => FetchError::Mismatch(text),
        }
    })
}

/// What to do about a provenance that proves nothing.
const fn hint(unproven: &provenance::Unproven) -> Option<&'static str> {
    use provenance::Unproven;
    match unproven {
        // Says it already.
        Unproven::Keyring(_) => None,
        Unproven::NoBlock | Unproven::NoSums | Unproven::Sums(_) => Some(
            "the provenance file is not as `helm package --sign` makes it; package the chart again",
        ),
        Unproven::UnknownEntity => {
            Some("add the signer's public key to the keyring, if the signer is to be trusted")
        }
        Unproven::InvalidSignature(_) => {
            Some("the provenance file was changed after it was signed, or was never valid")
        }
        Unproven::Weak(_) => Some("sign the chart again with SHA-256 or SHA-512"),
        Unproven::Revoked | Unproven::KeyExpired | Unproven::SignatureExpired => {
            Some("the chart has to be signed again, or the keyring needs the key as it is now")
        }
        Unproven::NoSum(_) => Some("the provenance file is of another chart or version"),
        Unproven::OtherSum { .. } => {
            Some("the archive was changed after it was signed; do not use it")
        }
    }
}

fn signature(fetched: &Fetched, key: &str) -> Result<Signer, FetchError> {
    let Some(manifest) = &fetched.manifest else {
        return Err(FetchError::Invalid(format!(
            "{}: cosign signs what is in a registry, which this is not; hint: take the chart from a registry (oci://), or verify its provenance",
            fetched.origin
        )));
    };
    cosign::verify(manifest, &fetched.signatures, key).map_err(|unsigned| {
        let text = format!("{}@{manifest}: {unsigned}", fetched.origin);
        match unsigned {
            cosign::Unsigned::Key(_) => FetchError::Invalid(text),
            _ => FetchError::Mismatch(text),
        }
    })
}

#[cfg(test)]
mod tests;
