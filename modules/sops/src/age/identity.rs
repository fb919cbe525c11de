//! Secret keys, as `age-keygen` writes them.

use std::fmt;

use bech32::primitives::decode::CheckedHrpstring;
use bech32::{Bech32, Hrp};
use chacha20poly1305::aead::AeadInPlace as _;
use chacha20poly1305::{ChaCha20Poly1305, KeyInit as _};
use thiserror::Error;
use x25519_dalek::{PublicKey, StaticSecret};
use zeroize::Zeroizing;

use super::header::{Header, Stanza, decode};
use super::{OpenFile, TAG, derive};

const PREFIX: &str = "AGE-SECRET-KEY-";
const LABEL: &[u8] = b"age-encryption.org/v1/X25519";

/// Length of a file's key.
const FILE_KEY: usize = 16;

/// Ending of the names of a Secret's fields that hold identities.
const FIELD: &str = ".agekey";

/// Name of a Secret's field that holds identities.
const FILE: &str = "keys.txt";

/// Secret keys. `Debug` shows their public ones.
#[derive(Default)]
pub struct Identities(Vec<Identity>);

struct Identity {
    secret: StaticSecret,
    public: PublicKey,
    recipient: String,
}

/// Why there are no identities to be had from a text or a Secret. No message shows a part of one.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ReadIdentities {
    /// A line is no identity.
    #[error(
        "line {line}: {problem}\nhint: a line is empty, a comment (#), or an identity as `age-keygen` writes it: AGE-SECRET-KEY-1…"
    )]
    Line {
        /// Counted from 1.
        line: usize,
        /// What is wrong.
        problem: &'static str,
    },
    /// A field of a Secret is no text of identities.
    #[error("{field}: {problem}")]
    Field {
        /// Name of the field.
        field: String,
        /// What is wrong.
        problem: Box<Self>,
    },
    /// Nothing in a Secret is meant to be identities.
    #[error(
        "it has no age identity: {}\nhint: put what `age-keygen` writes into a field {FILE} or one whose name ends in {FIELD}",
        fields(.0)
    )]
    NoField(Vec<String>),
    /// There is no identity in a text.
    #[error("no identity in it\nhint: make one with `age-keygen`")]
    Empty,
}

impl Identities {
    /// Reads lines of a file of identities: `AGE-SECRET-KEY-1…`, empty ones, and comments.
    ///
    /// # Errors
    /// When a line is none of these, or none is an identity.
    pub fn read(text: &str) -> Result<Self, ReadIdentities> {
        let mut identities = Vec::new();
        for (index, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let identity = Identity::read(line).map_err(|problem| ReadIdentities::Line {
                line: index + 1,
                problem,
            })?;
            identities.push(identity);
        }
        if identities.is_empty() {
            return Err(ReadIdentities::Empty);
        }
        Ok(Self(identities))
    }

    /// Reads the fields of a Secret that hold identities: those whose names end in `.agekey`, as Flux has it, and `keys.txt`.
    ///
    /// # Errors
    /// When there is none, or one cannot be read.
    pub fn of_secret<'a>(
        fields: impl IntoIterator<Item = (&'a str, &'a [u8])>,
    ) -> Result<Self, ReadIdentities> {
        let mut identities = Self::default();
        let mut others = Vec::new();
        for (field, bytes) in fields {
            if !field.ends_with(FIELD) && field != FILE {
                others.push(field.to_owned());
                continue;
            }
            let refused = |problem| ReadIdentities::Field {
                field: field.to_owned(),
                problem: Box::new(problem),
            };
            let text = std::str::from_utf8(bytes).map_err(|_| {
                refused(ReadIdentities::Line {
                    line: 1,
                    problem: "it is no text",
                })
            })?;
            identities.extend(Self::read(text).map_err(refused)?);
        }
        if identities.is_empty() {
            return Err(ReadIdentities::NoField(others));
        }
        Ok(identities)
    }

    /// Takes others in.
    pub fn extend(&mut self, others: Self) {
        self.0.extend(others.0);
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Their public keys: `age1…`.
    pub fn recipients(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|identity| identity.recipient.as_str())
    }

    /// The key of a file; none where none of them opens it.
    pub(super) fn file_key(
        &self,
        header: &Header<'_>,
    ) -> Result<Option<Zeroizing<[u8; FILE_KEY]>>, OpenFile> {
        for stanza in header
            .stanzas
            .iter()
            .filter(|stanza| stanza.kind == "X25519")
        {
            let (share, body) = wrapped(stanza).ok_or(OpenFile::Header(
                "a recipient's key is not as age writes it",
            ))?;
            for identity in &self.0 {
                if let Some(key) = identity.unwrap(&share, &body)? {
                    return Ok(Some(key));
                }
            }
        }
        Ok(None)
    }
}

impl fmt::Debug for Identities {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Identities")?;
        f.debug_list().entries(self.recipients()).finish()
    }
}

impl Identity {
    fn read(text: &str) -> Result<Self, &'static str> {
        if text.starts_with("AGE-SECRET-KEY-PQ-") {
            return Err("a post-quantum identity, which is not supported");
        }
        if text.starts_with("AGE-PLUGIN-") {
            return Err("an identity of a plugin, which is not supported");
        }
        if text.starts_with("-----BEGIN") {
            return Err("a key of SSH or a file in armor, which are not supported");
        }
        if text.starts_with("age1") {
            return Err("a public key; the secret one is needed");
        }
        let checked = CheckedHrpstring::new::<Bech32>(text)
            .map_err(|_| "no identity, or one that was mistyped: its checksum is wrong")?;
        if checked.hrp().as_str() != PREFIX || !text.starts_with(PREFIX) {
            return Err("no identity of age's");
        }
        let mut bytes = Zeroizing::new([0; 32]);
        if checked.byte_iter().len() != bytes.len() {
            return Err("an identity that is not of 32 bytes");
        }
        for (place, byte) in bytes.iter_mut().zip(checked.byte_iter()) {
            *place = byte;
        }
        let secret = StaticSecret::from(*bytes);
        let public = PublicKey::from(&secret);
        let recipient = Hrp::parse("age")
            .ok()
            .and_then(|prefix| bech32::encode_lower::<Bech32>(prefix, public.as_bytes()).ok());
        Ok(Self {
            secret,
            public,
            recipient: recipient.unwrap_or_default(),
        })
    }

    /// A file's key, if it was encrypted to this identity.
    fn unwrap(
        &self,
        share: &PublicKey,
        body: &[u8; FILE_KEY + TAG],
    ) -> Result<Option<Zeroizing<[u8; FILE_KEY]>>, OpenFile> {
        let shared = self.secret.diffie_hellman(share);
        if !shared.was_contributory() {
            return Err(OpenFile::Header("a recipient's share is none"));
        }
        let mut salt = [0; 64];
        salt[..32].copy_from_slice(share.as_bytes());
        salt[32..].copy_from_slice(self.public.as_bytes());
        let wrapping = derive(&salt, shared.as_bytes(), LABEL);
        let (sealed, tag) = body.split_at(FILE_KEY);
        let mut key = Zeroizing::new([0; FILE_KEY]);
        key.copy_from_slice(sealed);
        let opened = ChaCha20Poly1305::new((&*wrapping).into()).decrypt_in_place_detached(
            &[0; 12].into(),
            &[],
            &mut *key,
            tag.into(),
        );
        Ok(opened.is_ok().then_some(key))
    }
}

/// What a stanza of this kind has: a share of the secret, and the key.
fn wrapped(stanza: &Stanza<'_>) -> Option<(PublicKey, [u8; FILE_KEY + TAG])> {
    let [share] = stanza.arguments[..] else {
        return None;
    };
    let share: [u8; 32] = decode(share)?.try_into().ok()?;
    Some((share.into(), stanza.body[..].try_into().ok()?))
}

fn fields(others: &[String]) -> String {
    if others.is_empty() {
        return String::from("it is empty");
    }
    let pgp = others.iter().any(|field| field.ends_with(".asc"));
    let pgp = if pgp {
        " (OpenPGP is not supported)"
    } else {
        ""
    };
    format!("its fields are {}{pgp}", others.join(", "))
}
