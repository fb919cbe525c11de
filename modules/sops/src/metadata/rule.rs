//! Which values of a document are encrypted.

use regex_lite::Regex;

use super::{BadField, text};
use crate::decrypt::DecryptSops;
use crate::tree::Node;

/// What the key of a value that is left alone ends with, if a document does not say anything.
const DEFAULT: &str = "_unencrypted";

/// Which values of a document are encrypted. All below a key that is named are named.
pub(crate) enum Rule {
    /// All but those below keys that end so.
    UnencryptedSuffix(String),
    /// Those below keys that end so.
    EncryptedSuffix(String),
    /// All but those below keys that match.
    UnencryptedRegex(Regex),
    /// Those below keys that match.
    EncryptedRegex(Regex),
    /// Those that comments mark. Comments are not read here.
    Comments,
}

impl Rule {
    /// Reads it out of SOPS' own field.
    pub(crate) fn read(own: &Node) -> Result<Self, DecryptSops> {
        let mut rule = None;
        for field in [
            "unencrypted_suffix",
            "encrypted_suffix",
            "unencrypted_regex",
            "encrypted_regex",
            "unencrypted_comment_regex",
            "encrypted_comment_regex",
        ] {
            let Some(said) = text(own, field)?.filter(|said| !said.is_empty()) else {
                continue;
            };
            if rule.is_some() {
                return Err(BadField::of(
                    field,
                    "a document has at most one rule of what is encrypted, and there is another",
                ));
            }
            let regex = || {
                Regex::new(said).map_err(|_| {
                    BadField::of(field, "no regular expression that is understood here")
                })
            };
            rule = Some(match field {
                "unencrypted_suffix" => Self::UnencryptedSuffix(said.to_owned()),
                "encrypted_suffix" => Self::EncryptedSuffix(said.to_owned()),
                "unencrypted_regex" => Self::UnencryptedRegex(regex()?),
                "encrypted_regex" => Self::EncryptedRegex(regex()?),
                _ => Self::Comments,
            });
        }
        Ok(rule.unwrap_or_else(|| Self::UnencryptedSuffix(DEFAULT.to_owned())))
    }

    /// Whether it names a key.
    pub(crate) fn names(&self, key: &str) -> bool {
        match self {
            Self::UnencryptedSuffix(suffix) | Self::EncryptedSuffix(suffix) => {
                key.ends_with(suffix)
            }
            Self::UnencryptedRegex(regex) | Self::EncryptedRegex(regex) => regex.is_match(key),
            Self::Comments => false,
        }
    }

    /// Whether a value is encrypted that has a named key above it, or has none.
    pub(crate) const fn encrypts(&self, named: bool) -> bool {
        match self {
            Self::UnencryptedSuffix(_) | Self::UnencryptedRegex(_) => !named,
            Self::EncryptedSuffix(_) | Self::EncryptedRegex(_) | Self::Comments => named,
        }
    }
}
