//! The Secret of a binding: what is in it, and whether it may be written.
//!
//! Owns how credentials become entries (strings as they are, anything else as JSON), transforms, the check of names and
//! size, the entries `type` and `provider` of servicebinding.io, and the rule that a Secret of somebody else is never
//! written. All or nothing: an error leaves no part of a Secret. No value is in an error or in `Debug`.

#[cfg(test)]
mod tests;
pub mod transform;

use std::collections::BTreeMap;
use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

pub use transform::{Apply, Transform};

/// What all values of a Secret may have, in bytes.
pub const MAX_SIZE: usize = 1024 * 1024;

/// What the name of an entry may have, in characters.
pub const MAX_KEY: usize = 253;

/// What becomes of names that a Secret cannot have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
pub enum InvalidKeys {
    /// It is an error; a transform can rename or remove them.
    #[default]
    Refuse,
    /// Each character that is not allowed becomes `_`.
    Replace,
}

/// What a Secret is made of.
#[derive(Clone, Copy, Debug)]
pub struct Recipe<'a> {
    /// `spec.secretTransforms`.
    pub transforms: &'a [Transform],
    /// What becomes of names that a Secret cannot have.
    pub invalid_keys: InvalidKeys,
    /// Entry `type` where the credentials have none: servicebinding.io wants one.
    pub kind: &'a str,
    /// Entry `provider` where the credentials have none.
    pub provider: Option<&'a str>,
}

/// Entries of a Secret; decoded.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Entries(BTreeMap<String, Vec<u8>>);

/// Why there is no Secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Compose {
    /// A transform cannot be applied.
    #[error("spec.secretTransforms[{index}]: {why}")]
    Transform {
        /// Which.
        index: usize,
        /// Why.
        why: Apply,
    },
    /// A Secret cannot have an entry of that name.
    #[error(
        "credential {key:?} cannot be an entry of a Secret: names have letters, digits, `-`, `_` and `.` alone, 253 at most\n\
         hint: rename it by `spec.secretTransforms: [{{renameKey: {{from: …, to: …}}}}]`, remove it by `removeKey`, or set `spec.invalidKeys: Replace`"
    )]
    Key {
        /// The name.
        key: String,
    },
    /// Two names are the same after characters were replaced.
    #[error(
        "credentials {first:?} and {second:?} would both be entry {key:?} of the Secret\nhint: rename one by `renameKey`"
    )]
    Same {
        /// The name of the entry.
        key: String,
        /// One credential.
        first: String,
        /// Another.
        second: String,
    },
    /// More than a Secret can hold.
    #[error(
        "the credentials have {size} bytes; a Secret holds 1048576 at most\nhint: remove what is not needed by `spec.secretTransforms: [{{removeKey: {{key: …}}}}]`; the largest is {largest:?}"
    )]
    Size {
        /// Bytes of all values.
        size: usize,
        /// The name of the largest.
        largest: String,
    },
}

/// A Secret that is there, as far as it counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Existing {
    /// `uid` of its controlling owner.
    pub controller: Option<String>,
    /// Its entries.
    pub entries: Entries,
    /// `immutable`.
    pub immutable: bool,
    /// It is being deleted.
    pub deleting: bool,
}

/// What is done with the Secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Write {
    /// It is created, with the binding as its controller. Never by a write that takes over one that appeared meanwhile.
    Create,
    /// Its entries are replaced by these, at the version that was read.
    Replace,
    /// It cannot be changed: it is deleted at the version that was read, and created then.
    Recreate,
    /// It leaves by itself first; it is looked at again when it is gone.
    Wait,
    /// It has all that already.
    Nothing,
}

/// A Secret of that name is somebody else's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "Secret {name:?} is there and is not of this binding; it is not overwritten\nhint: delete it if nobody needs it, or create another binding with another spec.secretName"
)]
pub struct Foreign {
    /// Its name.
    pub name: String,
}

/// The reason of the condition where there is no Secret, in service-catalog's word.
pub const REASON: &str = "ErrorInjectingBindResult";

impl Compose {
    /// Whether it may be better by itself when a Secret appears, with no change of the binding.
    #[must_use]
    pub const fn waits(&self) -> bool {
        matches!(
            self,
            Self::Transform {
                why: Apply::NoSecret { .. },
                ..
            }
        )
    }
}

impl Entries {
    /// Entries as they are.
    #[must_use]
    pub const fn new(entries: BTreeMap<String, Vec<u8>>) -> Self {
        Self(entries)
    }

    /// Their names.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// One of them.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&[u8]> {
        self.0.get(key).map(Vec::as_slice)
    }

    /// `data` of the Secret.
    #[must_use]
    pub fn data(&self) -> BTreeMap<String, String> {
        self.0
            .iter()
            .map(|(key, value)| (key.clone(), STANDARD.encode(value)))
            .collect()
    }
}

/// Names alone.
impl fmt::Debug for Entries {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

/// What is in the Secret of a binding.
///
/// # Errors
///
/// A transform that cannot be applied, a name that a Secret cannot have, or too much.
pub fn compose(
    credentials: &Map<String, Value>,
    recipe: &Recipe<'_>,
    secrets: &BTreeMap<String, BTreeMap<String, Vec<u8>>>,
) -> Result<Entries, Compose> {
    let transformed = transform::apply(credentials, recipe.transforms, secrets)
        .map_err(|(index, why)| Compose::Transform { index, why })?;
    let mut entries: BTreeMap<String, Vec<u8>> = BTreeMap::new();
    let mut origins: BTreeMap<String, String> = BTreeMap::new();
    for (name, item) in transformed {
        let key = match (recipe.invalid_keys, is_key(&name)) {
            (_, true) => name.clone(),
            (InvalidKeys::Refuse, false) => return Err(Compose::Key { key: name }),
            (InvalidKeys::Replace, false) => replaced(&name),
        };
        if !is_key(&key) {
            return Err(Compose::Key { key: name });
        }
        if let Some(first) = origins.insert(key.clone(), name.clone()) {
            return Err(Compose::Same {
                key,
                first,
                second: name,
            });
        }
        entries.insert(key, item.bytes());
    }
    entries
        .entry("type".to_owned())
        .or_insert_with(|| recipe.kind.as_bytes().to_vec());
    if let Some(provider) = recipe.provider {
        entries
            .entry("provider".to_owned())
            .or_insert_with(|| provider.as_bytes().to_vec());
    }
    let size = entries.values().map(Vec::len).sum();
    if size > MAX_SIZE {
        let largest = entries.iter().max_by_key(|(_, value)| value.len());
        return Err(Compose::Size {
            size,
            largest: largest.map(|(key, _)| key.clone()).unwrap_or_default(),
        });
    }
    Ok(Entries(entries))
}

/// Whether the Secret `name` may be written for the binding `uid`, and how.
///
/// # Errors
///
/// It is there and its controlling owner is not the binding; also where it has none.
pub fn write(
    uid: &str,
    name: &str,
    wanted: &Entries,
    existing: Option<&Existing>,
) -> Result<Write, Foreign> {
    let Some(existing) = existing else {
        return Ok(Write::Create);
    };
    if existing.controller.as_deref() != Some(uid) {
        return Err(Foreign {
            name: name.to_owned(),
        });
    }
    Ok(match existing {
        Existing { deleting: true, .. } => Write::Wait,
        Existing { entries, .. } if entries == wanted => Write::Nothing,
        Existing {
            immutable: true, ..
        } => Write::Recreate,
        Existing { .. } => Write::Replace,
    })
}

/// Whether the Secret may be deleted when the binding leaves: only its own.
#[must_use]
pub fn may_delete(uid: &str, existing: &Existing) -> bool {
    existing.controller.as_deref() == Some(uid)
}

/// Kubernetes' rule for names of entries.
fn is_key(key: &str) -> bool {
    !key.is_empty()
        && key.len() <= MAX_KEY
        && key != "."
        && !key.starts_with("..")
        && key
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'))
}

fn replaced(name: &str) -> String {
    let key: String = name
        .chars()
        .map(|char| {
            if char.is_ascii_alphanumeric() || matches!(char, '-' | '_' | '.') {
                char
            } else {
                '_'
            }
        })
        .collect();
    // `.` and `..name` are no names either.
    match key.strip_prefix('.') {
        Some(rest) if rest.is_empty() || rest.starts_with('.') => format!("_{rest}"),
        _ => key,
    }
}
