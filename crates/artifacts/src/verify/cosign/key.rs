//! Public keys as `cosign generate-key-pair` writes them.

use std::fmt::Write as _;

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1, ECDSA_P384_SHA256_ASN1, ED25519, ParsedPublicKey,
    RSA_PKCS1_2048_8192_SHA256, VerificationAlgorithm,
};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use oarlock_core::reference::Digest;

use crate::verify::Signer;

/// What cosign signs with, each over SHA-256 where it hashes at all.
static ALGORITHMS: [&dyn VerificationAlgorithm; 4] = [
    &ECDSA_P256_SHA256_ASN1,
    &ECDSA_P384_SHA256_ASN1,
    &RSA_PKCS1_2048_8192_SHA256,
    &ED25519,
];

/// Keys of which any may have signed.
pub(super) struct Keys(Vec<Key>);

struct Key {
    parsed: ParsedPublicKey,
    /// Of the key's DER.
    digest: Digest,
}

impl Keys {
    /// The keys of a PEM text.
    pub(super) fn parse(pem: &str) -> Result<Self, String> {
        let mut keys = Vec::new();
        for (label, der) in blocks(pem)? {
            let key = match label.as_str() {
                "PUBLIC KEY" | "RSA PUBLIC KEY" => ALGORITHMS
                    .into_iter()
                    .find_map(|algorithm| ParsedPublicKey::new(algorithm, &der).ok()),
                "CERTIFICATE" => {
                    return Err(
                        "the cosign key is a certificate, and keyless signatures are not verified here; hint: give the public key"
                            .to_owned(),
                    );
                }
                other if other.ends_with("PRIVATE KEY") => {
                    return Err(
                        "the cosign key is a private key; hint: give the public one, cosign.pub, and keep the private one to yourself"
                            .to_owned(),
                    );
                }
                other => {
                    return Err(format!(
                        "the cosign key is a PEM block {other:?}; hint: expected PUBLIC KEY, as in cosign.pub"
                    ));
                }
            };
            let parsed = key.ok_or(
                "the cosign key is not of a kind that is verified; hint: ECDSA P-256 or P-384, RSA from 2048 bits, or Ed25519",
            )?;
            keys.push(Key {
                parsed,
                digest: Digest::of(&der),
            });
        }
        if keys.is_empty() {
            return Err(
                "the cosign key has no PEM block; hint: expected the text of cosign.pub, which begins with -----BEGIN PUBLIC KEY-----"
                    .to_owned(),
            );
        }
        Ok(Self(keys))
    }

    /// Whose signature of `message` this is.
    pub(super) fn signer(&self, message: &[u8], signature: &[u8]) -> Option<Signer> {
        let key = self
            .0
            .iter()
            .find(|key| key.parsed.verify_sig(message, signature).is_ok())?;
        let mut name = String::from("key ");
        let _infallible = write!(name, "{}", key.digest);
        Some(Signer(name))
    }
}

/// Labels and contents of PEM blocks (RFC 7468).
fn blocks(pem: &str) -> Result<Vec<(String, Vec<u8>)>, String> {
    let broken = |what: &str| format!("the cosign key is no PEM: {what}");
    let mut blocks = Vec::new();
    let mut lines = pem.lines().map(str::trim);
    while let Some(line) = lines.next() {
        let Some(label) = line
            .strip_prefix("-----BEGIN ")
            .and_then(|rest| rest.strip_suffix("-----"))
        else {
            continue;
        };
        let end = format!("-----END {label}-----");
        let mut content = String::new();
        loop {
            match lines.next() {
                Some(line) if line == end => break,
                Some(line) => content.push_str(line),
                None => return Err(broken(&format!("{end} is missing"))),
            }
        }
        // What is not read need not be decoded: old private keys have headers.
        let der = if label.ends_with("PRIVATE KEY") {
            Vec::new()
        } else {
            BASE64_STANDARD
                .decode(content)
                .map_err(|error| broken(&error.to_string()))?
        };
        blocks.push((label.to_owned(), der));
    }
    Ok(blocks)
}
