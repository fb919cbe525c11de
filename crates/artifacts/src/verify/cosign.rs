//! Cosign's signatures by a key: the older form, an image of signed claims beside the manifest, and the newer one, a Sigstore
//! bundle that refers to the manifest.
//!
//! Only the key decides. Signatures without one (certificates of Fulcio, entries of Rekor) are not verified, and an entry
//! of a log adds nothing: who trusts a key trusts it without a witness.

mod bundle;
mod claim;
mod key;

use oarlock_core::reference::Digest;
use thiserror::Error;

use self::key::Keys;
use super::Signer;
use crate::fetched::Signature;

/// Why a manifest is not signed. The first words are cosign's.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub(super) enum Unsigned {
    /// The key is none.
    #[error("{0}")]
    Key(String),
    /// There is nothing to verify.
    #[error("no signatures found; hint: sign it with `cosign sign --key`")]
    Nothing,
    /// All that is there is without a key.
    #[error(
        "no signatures found by a key: {0} keyless, which are not verified here; hint: sign it with `cosign sign --key`"
    )]
    Keyless(usize),
    /// None is by the key, or none is about this manifest.
    #[error("no matching signatures: {}; hint: {}", .0.as_str(), .0.hint())]
    NoMatch(Wrong),
}

/// What is wrong with one signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Wrong {
    /// Not made by the key, or not over this text.
    Signature,
    /// Made by the key, over something else: another manifest, or no statement that a signature is.
    Claim(String),
    /// Not of a form that is read.
    Form(String),
}

impl Wrong {
    fn as_str(&self) -> &str {
        match self {
            Self::Signature => "invalid signature when validating ASN.1 encoded signature",
            Self::Claim(what) | Self::Form(what) => what,
        }
    }

    const fn hint(&self) -> &'static str {
        match self {
            Self::Signature => "it is signed by another key than the one that is given",
            Self::Claim(_) => "the signature was made for something else; sign this digest",
            Self::Form(_) => "sign it with `cosign sign --key`",
        }
    }

    /// How much the reader learns from it.
    const fn rank(&self) -> u8 {
        match self {
            Self::Form(_) => 0,
            Self::Signature => 1,
            Self::Claim(_) => 2,
        }
    }
}

/// Whether one of `signatures` is by `key` (PEM) and about `manifest`.
pub(super) fn verify(
    manifest: &Digest,
    signatures: &[Signature],
    key: &str,
) -> Result<Signer, Unsigned> {
    let keys = Keys::parse(key).map_err(Unsigned::Key)?;
    let mut wrong: Option<Wrong> = None;
    let mut keyless = 0;
    for signature in signatures {
        let outcome = match signature {
            Signature::Claim { keyless: true, .. } => {
                keyless += 1;
                continue;
            }
            Signature::Claim {
                payload, signature, ..
            } => claim::verify(&keys, manifest, payload, signature),
            Signature::Bundle(bundle) => match bundle::verify(&keys, manifest, bundle) {
                Ok(Some(signer)) => Ok(signer),
                Ok(None) => {
                    keyless += 1;
                    continue;
                }
                Err(wrong) => Err(wrong),
            },
        };
        match outcome {
            Ok(signer) => return Ok(signer),
            Err(this)
                if wrong
                    .as_ref()
                    .is_none_or(|wrong| wrong.rank() < this.rank()) =>
            {
                wrong = Some(this);
            }
            Err(_less_telling) => {}
        }
    }
    Err(match (wrong, keyless) {
        (Some(wrong), _) => Unsigned::NoMatch(wrong),
        (None, 0) => Unsigned::Nothing,
        (None, keyless) => Unsigned::Keyless(keyless),
    })
}

#[cfg(test)]
mod tests;
