//! Opens an age file: the [format](https://age-encryption.org/v1), as far as keys of documents need it: in armor, of one chunk.

mod armor;
mod header;
pub(crate) mod identity;

use chacha20poly1305::aead::Aead as _;
use chacha20poly1305::{ChaCha20Poly1305, KeyInit as _};
use header::Header;
use hkdf::Hkdf;
use hmac::{Hmac, Mac};
use identity::Identities;
use sha2::Sha256;
use thiserror::Error;
use zeroize::Zeroizing;

/// Length of the nonce that the payload begins with.
const NONCE: usize = 16;

/// Length of an authentication tag.
const TAG: usize = 16;

/// Length of a payload's chunk before it is encrypted.
const CHUNK: usize = 64 * 1024;

/// Why an age file cannot be opened.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum OpenFile {
    /// It is not in armor.
    #[error("no age file in armor: {0}")]
    Armor(&'static str),
    /// Its header is not as age writes it.
    #[error("its age header is malformed: {0}")]
    Header(&'static str),
    /// Its header was changed.
    #[error("its age header was changed")]
    HeaderMac,
    /// Its content is too long for a key.
    #[error("its content is too long for a key")]
    Length,
    /// Its content was changed.
    #[error("its content was changed")]
    Payload,
}

/// The content of an age file in armor; none where no identity opens it.
pub(crate) fn open(
    text: &str,
    identities: &Identities,
) -> Result<Option<Zeroizing<Vec<u8>>>, OpenFile> {
    content(&armor::strip(text)?, identities)
}

/// The content of an age file; none where no identity opens it.
fn content(bytes: &[u8], identities: &Identities) -> Result<Option<Zeroizing<Vec<u8>>>, OpenFile> {
    let (header, payload) = Header::read(bytes)?;
    let Some(key) = identities.file_key(&header)? else {
        return Ok(None);
    };
    let mac_key = derive(&[], &*key, b"header");
    <Hmac<Sha256> as Mac>::new_from_slice(&*mac_key)
        .map_err(|_| OpenFile::HeaderMac)?
        .chain_update(header.signed)
        .verify_slice(&header.mac)
        .map_err(|_| OpenFile::HeaderMac)?;
    if payload.len() > NONCE + CHUNK + TAG {
        return Err(OpenFile::Length);
    }
    let (nonce, chunk) = payload
        .split_at_checked(NONCE)
        .ok_or(OpenFile::Header("nothing comes after it"))?;
    // The first chunk is number 0, and the last one.
    let mut number = [0; 12];
    number[11] = 1;
    let key = derive(nonce, &*key, b"payload");
    ChaCha20Poly1305::new((&*key).into())
        .decrypt(&number.into(), chunk)
        .map(|content| Some(Zeroizing::new(content)))
        .map_err(|_| OpenFile::Payload)
}

/// A key, derived from another.
fn derive(salt: &[u8], key: &[u8], purpose: &[u8]) -> Zeroizing<[u8; 32]> {
    let mut derived = Zeroizing::new([0; 32]);
    // Fails for outputs of more than 255 hashes only.
    let _ = Hkdf::<Sha256>::new(Some(salt), key).expand(purpose, &mut *derived);
    derived
}

#[cfg(test)]
mod tests;
