//! Helm's provenance files: a clear-signed OpenPGP message with the chart's metadata and the digest of its archive.
//!
//! The message is two YAML documents with `...` between them, of which the second has the digests by file name. The words
//! of failures are those that Helm and its OpenPGP library use.

mod keyring;

use std::collections::BTreeMap;
use std::time::SystemTime;

use oarlock_core::reference::Digest;
use pgp::composed::CleartextSignedMessage;
use pgp::packet::Signature;
use serde::Deserialize;
use thiserror::Error;

use self::keyring::Keyring;
use super::Signer;

const BEGIN: &str = "-----BEGIN PGP SIGNED MESSAGE-----";
const END: &str = "-----END PGP SIGNATURE-----";

/// Why a provenance file proves nothing.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub(super) enum Unproven {
    /// The keyring is none.
    #[error("{0}")]
    Keyring(String),
    /// No clear-signed message.
    #[error("signature block not found")]
    NoBlock,
    /// None of the keyring's keys signed it.
    #[error("openpgp: signature made by unknown entity")]
    UnknownEntity,
    /// The text is not what was signed, or the signature is no proof.
    #[error("openpgp: invalid signature: {0}")]
    InvalidSignature(String),
    /// Over a hash that others can be made to have.
    #[error("openpgp: weak algorithms are rejected: {0}")]
    Weak(String),
    /// The key is not to be trusted any more.
    #[error("openpgp: signature made by revoked key")]
    Revoked,
    /// The key is too old, or from the future.
    #[error("openpgp: key expired")]
    KeyExpired,
    /// The signature is too old, or from the future.
    #[error("openpgp: signature expired")]
    SignatureExpired,
    /// The signed text has no digests.
    #[error("message block must have at least two parts")]
    NoSums,
    /// The digests are no YAML map.
    #[error("the digests of the provenance cannot be read: {0}")]
    Sums(String),
    /// The archive is not among the digests.
    #[error("provenance does not contain a SHA for a file named {0:?}")]
    NoSum(String),
    /// The archive is another one.
    #[error("sha256 sum does not match for {file}: {signed:?} != {found:?}")]
    OtherSum {
        file: String,
        signed: String,
        found: String,
    },
}

/// What the second document holds. Digests of images may be there too; Helm does not check them either.
#[derive(Deserialize)]
struct Sums {
    #[serde(default)]
    files: BTreeMap<String, String>,
}

/// Whether `text` is signed by a key of `keyring` and has the digest of `archive` under the name `file`.
pub(super) fn verify(
    archive: &[u8],
    file: &str,
    text: &[u8],
    keyring: &[u8],
    now: SystemTime,
) -> Result<Signer, Unproven> {
    let keyring = Keyring::read(keyring).map_err(Unproven::Keyring)?;
    let message = message(text)?;
    // Line ends as they were signed; Helm reads the text with its own.
    let signed = message.signed_text();
    let signer = signer(&keyring, message.signatures(), &signed, now)?;
    let text = signed.replace("\r\n", "\n");
    let sums = text.split("\n...\n").nth(1).ok_or(Unproven::NoSums)?;
    let sums: Sums =
        serde_saphyr::from_str(sums).map_err(|error| Unproven::Sums(error.to_string()))?;
    let signed = sums
        .files
        .get(file)
        .ok_or_else(|| Unproven::NoSum(file.to_owned()))?;
    let found = Digest::of(archive);
    if signed != found.as_str() {
        return Err(Unproven::OtherSum {
            file: file.to_owned(),
            signed: signed.clone(),
            found: found.as_str().to_owned(),
        });
    }
    Ok(signer)
}

/// The message within a file. What is around it is not signed and not read.
fn message(text: &[u8]) -> Result<CleartextSignedMessage, Unproven> {
    let text = std::str::from_utf8(text).map_err(|_not_text| Unproven::NoBlock)?;
    let start = if text.starts_with(BEGIN) {
        0
    } else {
        text.find(&format!("\n{BEGIN}"))
            .map(|line| line + 1)
            .ok_or(Unproven::NoBlock)?
    };
    let text = &text[start..];
    let end = text.find(END).ok_or(Unproven::NoBlock)? + END.len();
    let mut block = text[..end].to_owned();
    block.push('\n');
    CleartextSignedMessage::from_string(&block)
        .map(|(message, _headers)| message)
        .map_err(|_malformed| Unproven::NoBlock)
}

/// Who signed `text`: the first signature whose key is in the keyring decides.
fn signer(
    keyring: &Keyring,
    signatures: &[Signature],
    text: &str,
    now: SystemTime,
) -> Result<Signer, Unproven> {
    for signature in signatures {
        let keys = keyring.issuers(signature);
        if keys.is_empty() {
            continue;
        }
        keyring::admissible(signature)?;
        let Some(key) = keys.iter().find(|key| key.verify(signature, text)) else {
            let algorithm = keys.first().map_or("", keyring::Issuer::algorithm);
            let failure = format!("{algorithm} verification failure");
            return Err(Unproven::InvalidSignature(failure));
        };
        key.usable(signature, now)?;
        return Ok(key.signer());
    }
    Err(Unproven::UnknownEntity)
}

#[cfg(test)]
mod tests;
