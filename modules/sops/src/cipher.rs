//! One encrypted value: `ENC[AES256_GCM,data:…,iv:…,tag:…,type:…]`.

use aes::Aes256;
use aes::cipher::consts::{U12, U16, U32};
use aes::cipher::generic_array::ArrayLength;
use aes_gcm::aead::AeadInPlace as _;
use aes_gcm::{AesGcm, KeyInit as _, Nonce, Tag};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use thiserror::Error;
use zeroize::{ZeroizeOnDrop, Zeroizing};

const PREFIX: &str = "ENC[AES256_GCM,data:";

/// The key that all values of a document are encrypted with.
#[derive(ZeroizeOnDrop)]
pub(crate) struct DataKey([u8; 32]);

impl DataKey {
    /// The key, if it is as long as one.
    pub(crate) fn new(bytes: &[u8]) -> Option<Self> {
        Some(Self(bytes.try_into().ok()?))
    }

    #[cfg(test)]
    pub(crate) const fn bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

/// Why a value cannot be opened.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum OpenValue {
    /// It is a plain one, where an encrypted one belongs.
    #[error("{0} that is not encrypted, though the document's rule says that it is")]
    Plain(&'static str),
    /// It is not as SOPS writes it.
    #[error("not as SOPS writes it: {0}")]
    Malformed(&'static str),
    /// It was changed, stood somewhere else, or was encrypted with another key.
    #[error("changed, moved or renamed after it was encrypted")]
    Forged,
    /// It is of a type that is not known.
    #[error("of the type {0:?}, which is not known")]
    Type(String),
    /// It is not what its type says.
    #[error("decrypted, but not {0}")]
    Content(&'static str),
}

/// What was encrypted.
pub(crate) enum Plain {
    Text(String),
    Int(i64),
    Float(f64),
    Bool(bool),
    Bytes(Vec<u8>),
    Comment,
}

/// An encrypted value.
pub(crate) struct Sealed<'a> {
    data: &'a str,
    iv: &'a str,
    tag: &'a str,
    kind: &'a str,
}

impl<'a> Sealed<'a> {
    /// Whether a text is meant to be an encrypted value.
    pub(crate) fn is(text: &str) -> bool {
        text.starts_with(PREFIX) && text.ends_with(']')
    }

    /// Takes a text apart.
    pub(crate) fn read(text: &'a str) -> Result<Self, OpenValue> {
        let parts = || {
            let text = text.strip_prefix(PREFIX)?.strip_suffix(']')?;
            let (data, text) = text.split_once(",iv:")?;
            let (iv, text) = text.split_once(",tag:")?;
            let (tag, kind) = text.split_once(",type:")?;
            Some(Self {
                data,
                iv,
                tag,
                kind,
            })
        };
        if !text.starts_with("ENC[") {
            return Err(OpenValue::Plain("a text"));
        }
        parts().ok_or(OpenValue::Malformed(
            "it has to be ENC[AES256_GCM,data:…,iv:…,tag:…,type:…]",
        ))
    }

    /// Decrypts it; `bound` is what is authenticated with it.
    pub(crate) fn open(&self, key: &DataKey, bound: &[u8]) -> Result<Plain, OpenValue> {
        let decode = |text, what| {
            STANDARD
                .decode(text)
                .map_err(|_| OpenValue::Malformed(what))
        };
        let mut data = Zeroizing::new(decode(self.data, "its data is no base64")?);
        let iv = decode(self.iv, "its iv is no base64")?;
        let tag = decode(self.tag, "its tag is no base64")?;
        let tag = <[u8; 16]>::try_from(tag)
            .map_err(|_| OpenValue::Malformed("its tag is not of 16 bytes"))?;
        match iv.len() {
            // SOPS' own; the others are what AES-GCM is used with elsewhere.
            32 => unseal::<U32>(key, &iv, bound, &mut data, tag),
            12 => unseal::<U12>(key, &iv, bound, &mut data, tag),
            16 => unseal::<U16>(key, &iv, bound, &mut data, tag),
            _ => Err(OpenValue::Malformed("its iv is not of 32 bytes")),
        }?;
        self.plain(data)
    }

    fn plain(&self, mut data: Zeroizing<Vec<u8>>) -> Result<Plain, OpenValue> {
        let text = std::str::from_utf8(&data);
        match self.kind {
            "str" | "time" => match text {
                Ok(text) => Ok(Plain::Text(text.to_owned())),
                Err(_) => Ok(Plain::Bytes(std::mem::take(&mut *data))),
            },
            "bytes" => Ok(Plain::Bytes(std::mem::take(&mut *data))),
            "comment" => Ok(Plain::Comment),
            "int" => text
                .ok()
                .and_then(|text| text.parse().ok())
                .map(Plain::Int)
                .ok_or(OpenValue::Content("an integer of 64 bits")),
            "float" => text
                .ok()
                .and_then(|text| text.parse().ok())
                .map(Plain::Float)
                .ok_or(OpenValue::Content("a float")),
            "bool" => match text {
                Ok("True" | "true" | "TRUE" | "1" | "t" | "T") => Ok(Plain::Bool(true)),
                Ok("False" | "false" | "FALSE" | "0" | "f" | "F") => Ok(Plain::Bool(false)),
                _ => Err(OpenValue::Content("a boolean")),
            },
            other => Err(OpenValue::Type(other.chars().take(40).collect())),
        }
    }
}

fn unseal<Size: ArrayLength<u8>>(
    key: &DataKey,
    iv: &[u8],
    bound: &[u8],
    data: &mut [u8],
    tag: [u8; 16],
) -> Result<(), OpenValue> {
    AesGcm::<Aes256, Size>::new(&key.0.into())
        .decrypt_in_place_detached(Nonce::<Size>::from_slice(iv), bound, data, &Tag::from(tag))
        .map_err(|_| OpenValue::Forged)
}
