//! The keys that may have signed.

use std::time::{Duration, SystemTime};

use pgp::composed::{PublicOrSecret, SignedPublicKey, SignedPublicSubKey};
use pgp::crypto::hash::HashAlgorithm;
use pgp::crypto::public_key::PublicKeyAlgorithm;
use pgp::packet::{Signature, SignatureType, SubpacketData};
use pgp::types::{KeyDetails, KeyVersion, Tag, Timestamp};

use super::Unproven;
use crate::verify::Signer;

/// Keys of a keyring: more are not read.
const MOST_KEYS: usize = 1024;

/// OpenPGP certificates.
pub(super) struct Keyring(Vec<SignedPublicKey>);

/// A key of the keyring that can sign.
pub(super) struct Issuer<'a> {
    certificate: &'a SignedPublicKey,
    subkey: Option<&'a SignedPublicSubKey>,
    /// What the certificate says of its primary key.
    primary: &'a Signature,
    /// What the certificate says of the subkey.
    binding: Option<&'a Signature>,
}

impl Keyring {
    /// Public or secret keys, binary or armored. Keys that cannot be read are passed over, as Helm does.
    pub(super) fn read(bytes: &[u8]) -> Result<Self, String> {
        let none = |why: String| {
            format!("failed to load keyring: no OpenPGP key{why}; hint: `gpg --export` makes one")
        };
        let bytes = bytes.trim_ascii_start();
        let (keys, _headers) = PublicOrSecret::from_reader_many_buf(bytes)
            .map_err(|error| none(format!(": {error}")))?;
        let mut read = Vec::new();
        let mut failure = None;
        for key in keys.take(MOST_KEYS) {
            match key {
                Ok(PublicOrSecret::Public(key)) => read.push(key),
                Ok(PublicOrSecret::Secret(key)) => read.push(key.to_public_key()),
                Err(error) => failure = Some(error),
            }
        }
        if read.is_empty() {
            return Err(none(
                failure.map_or_else(String::new, |error| format!(": {error}")),
            ));
        }
        Ok(Self(read))
    }

    /// The keys that a signature names, of those that may sign.
    pub(super) fn issuers(&self, signature: &Signature) -> Vec<Issuer<'_>> {
        let mut issuers = Vec::new();
        for certificate in &self.0 {
            let Some(primary) = self_signature(certificate) else {
                continue;
            };
            if named(signature, &certificate.primary_key) && primary.key_flags().sign() {
                issuers.push(Issuer {
                    certificate,
                    subkey: None,
                    primary,
                    binding: None,
                });
            }
            for subkey in &certificate.public_subkeys {
                if !named(signature, &subkey.key) {
                    continue;
                }
                let binding = binding(certificate, subkey);
                if binding.is_some_and(|binding| binding.key_flags().sign()) {
                    issuers.push(Issuer {
                        certificate,
                        subkey: Some(subkey),
                        primary,
                        binding,
                    });
                }
            }
        }
        issuers
    }
}

impl Issuer<'_> {
    /// Whether this key made the signature over `text`.
    pub(super) fn verify(&self, signature: &Signature, text: &str) -> bool {
        let text = text.as_bytes();
        let verified = match self.subkey {
            Some(subkey) => signature.verify(&subkey.key, text),
            None => signature.verify(&self.certificate.primary_key, text),
        };
        // The library's words show its insides.
        verified.is_ok()
    }

    /// What the key is called where a signature of it fails.
    pub(super) fn algorithm(&self) -> &'static str {
        let algorithm = match self.subkey {
            Some(subkey) => subkey.key.algorithm(),
            None => self.certificate.primary_key.algorithm(),
        };
        match algorithm {
            PublicKeyAlgorithm::RSA | PublicKeyAlgorithm::RSASign => "RSA",
            PublicKeyAlgorithm::DSA => "DSA",
            PublicKeyAlgorithm::ECDSA => "ECDSA",
            PublicKeyAlgorithm::EdDSALegacy => "EdDSA",
            PublicKeyAlgorithm::Ed25519 => "Ed25519",
            PublicKeyAlgorithm::Ed448 => "ed448",
            _ => "signature",
        }
    }

    /// Whether a good signature of this key counts at this time.
    pub(super) fn usable(&self, signature: &Signature, now: SystemTime) -> Result<(), Unproven> {
        let primary = &self.certificate.primary_key;
        let revoked = self
            .certificate
            .details
            .revocation_signatures
            .iter()
            .any(|revocation| revocation.verify_key(primary).is_ok());
        let subkey_revoked = self.subkey.is_some_and(|subkey| {
            subkey.signatures.iter().any(|revocation| {
                revocation.typ() == Some(SignatureType::SubkeyRevocation)
                    && revocation
                        .verify_subkey_binding(primary, &subkey.key)
                        .is_ok()
            })
        });
        if revoked || subkey_revoked {
            return Err(Unproven::Revoked);
        }
        let mut lives = vec![(primary.created_at(), self.primary)];
        if let (Some(subkey), Some(binding)) = (self.subkey, self.binding) {
            lives.push((subkey.key.created_at(), binding));
        }
        for (created, statement) in &lives {
            let lasts = statement.key_expiration_time().map(Duration::from);
            if !within(*created, lasts, now) {
                return Err(Unproven::KeyExpired);
            }
        }
        for signature in lives
            .iter()
            .map(|(_, statement)| *statement)
            .chain([signature])
        {
            let Some(created) = signature.created() else {
                return Err(Unproven::InvalidSignature("it has no time".to_owned()));
            };
            let lasts = signature.signature_expiration_time().map(Duration::from);
            if !within(created, lasts, now) {
                return Err(Unproven::SignatureExpired);
            }
        }
        Ok(())
    }

    /// Who that is.
    pub(super) fn signer(&self) -> Signer {
        let fingerprint = match self.subkey {
            Some(subkey) => subkey.key.fingerprint(),
            None => self.certificate.primary_key.fingerprint(),
        };
        let users = &self.certificate.details.users;
        let name = users
            .iter()
            .find(|user| user.is_primary())
            .or(users.first())
            .and_then(|user| user.id.as_str())
            .unwrap_or_default();
        Signer(format!("{name} ({fingerprint})"))
    }
}

/// Whether a signature of this kind can prove a text.
pub(super) fn admissible(signature: &Signature) -> Result<(), Unproven> {
    let refused = |why: &str| Err(Unproven::InvalidSignature(why.to_owned()));
    if !matches!(
        signature.typ(),
        Some(SignatureType::Text | SignatureType::Binary)
    ) {
        return refused("it is not over a text");
    }
    let strong = matches!(
        signature.hash_alg(),
        Some(
            HashAlgorithm::Sha224
                | HashAlgorithm::Sha256
                | HashAlgorithm::Sha384
                | HashAlgorithm::Sha512
                | HashAlgorithm::Sha3_256
                | HashAlgorithm::Sha3_512
        )
    );
    if !strong {
        let hash = signature.hash_alg().map(|hash| hash.to_string());
        return Err(Unproven::Weak(hash.unwrap_or_default()));
    }
    let unknown = signature.config().is_some_and(|config| {
        config.hashed_subpackets().any(|subpacket| {
            subpacket.is_critical
                && matches!(
                    subpacket.data,
                    SubpacketData::Notation(_)
                        | SubpacketData::Experimental(..)
                        | SubpacketData::Other(..)
                )
        })
    });
    if unknown {
        return refused("unknown critical notation");
    }
    Ok(())
}

/// Whether a signature says that this key made it.
fn named(signature: &Signature, key: &impl KeyDetails) -> bool {
    signature.issuer_key_id().contains(&&key.legacy_key_id())
        || signature.issuer_fingerprint().contains(&&key.fingerprint())
}

/// What the owner last said of the primary key: of the primary user, or of the key itself from version 6 on.
fn self_signature(certificate: &SignedPublicKey) -> Option<&Signature> {
    let primary = &certificate.primary_key;
    if primary.version() == KeyVersion::V6 {
        let direct = certificate.details.direct_signatures.iter();
        return newest(direct.filter(|signature| signature.verify_key(primary).is_ok()));
    }
    let statements = certificate.details.users.iter().filter_map(|user| {
        let own = user.signatures.iter().filter(|signature| {
            signature
                .verify_certification(primary, Tag::UserId, &user.id)
                .is_ok()
        });
        newest(own).filter(|last| last.typ() != Some(SignatureType::CertRevocation))
    });
    statements.max_by_key(|statement| (statement.is_primary(), statement.created()))
}

/// What the owner last said of a subkey that may sign, with the subkey's consent.
fn binding<'a>(
    certificate: &SignedPublicKey,
    subkey: &'a SignedPublicSubKey,
) -> Option<&'a Signature> {
    let primary = &certificate.primary_key;
    let own = subkey.signatures.iter().filter(|signature| {
        signature.typ() == Some(SignatureType::SubkeyBinding)
            && signature
                .verify_subkey_binding(primary, &subkey.key)
                .is_ok()
    });
    newest(own).filter(|binding| {
        binding.embedded_signature().is_some_and(|consent| {
            consent
                .verify_primary_key_binding(&subkey.key, primary)
                .is_ok()
        })
    })
}

fn newest<'a>(signatures: impl Iterator<Item = &'a Signature>) -> Option<&'a Signature> {
    signatures.max_by_key(|signature| signature.created())
}

/// Whether now is in what lasts so long from a moment on; zero is for ever (RFC 9580 5.2.3.13).
fn within(created: Timestamp, lasts: Option<Duration>, now: SystemTime) -> bool {
    let created = SystemTime::from(created);
    let lasts = lasts.filter(|lasts| !lasts.is_zero());
    created <= now && lasts.is_none_or(|lasts| now < created + lasts)
}
