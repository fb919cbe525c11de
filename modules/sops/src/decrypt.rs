//! Why a document cannot be decrypted.

use thiserror::Error;

use crate::age::OpenFile;
use crate::cipher::OpenValue;
use crate::metadata::recipient::Recipient;
use crate::place::Place;

/// Why a document cannot be decrypted. No message shows a key, a decrypted value, or a value that is not encrypted.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum DecryptSops {
    /// It is not written in its format, or not as SOPS writes it.
    #[error("no {format} that SOPS wrote: line {line}, column {column}: {message}")]
    ReadDocument {
        /// `YAML` or `JSON`.
        format: &'static str,
        /// Counted from 1.
        line: usize,
        /// Counted from 1.
        column: usize,
        /// What is wrong.
        message: String,
    },
    /// It has no metadata of SOPS'.
    #[error("not encrypted by SOPS: it has no map `sops`\nhint: encrypt it with `sops encrypt`")]
    NotEncrypted,
    /// A field of its metadata is not as SOPS writes it.
    #[error("{field}: {problem}\nhint: encrypt the document anew")]
    ReadMetadata {
        /// Path of the field.
        field: String,
        /// What is wrong.
        problem: String,
    },
    /// It has no recipients.
    #[error("encrypted to nobody: its list of keys is empty\nhint: encrypt the document anew")]
    NoRecipients,
    /// It cannot be opened with age identities, whichever they are.
    #[error(
        "encrypted to {}; only age is supported here\nhint: add an age recipient to .sops.yaml and run `sops updatekeys`",
        listed(recipients)
    )]
    NotToAge {
        /// Whom it is encrypted to.
        recipients: Vec<Recipient>,
    },
    /// There is no identity to open it with.
    #[error(
        "there is no age identity to open it with\nhint: give the identity of one of the recipients {}",
        listed(recipients)
    )]
    NoIdentity {
        /// Public keys of those who can open it.
        recipients: Vec<String>,
    },
    /// None of the identities opens it.
    #[error(
        "encrypted to {}; the age identities are of {}\nhint: give the identity of a recipient, or make one of these a recipient \
         with `sops updatekeys`",
        listed(recipients),
        listed(tried)
    )]
    NoMatch {
        /// Public keys of those who can open it.
        recipients: Vec<String>,
        /// Public keys of the identities.
        tried: Vec<String>,
    },
    /// Its key is split, and too few of the parts can be opened.
    #[error(
        "its key is split among groups: {needed} of them are needed, the identities open {opened}\nhint: give identities of \
         further groups: {}",
        listed(recipients)
    )]
    TooFewGroups {
        /// How many the identities open.
        opened: usize,
        /// How many have to be opened.
        needed: usize,
        /// Public keys of those who can open one.
        recipients: Vec<String>,
    },
    /// The key that was encrypted to a recipient is broken.
    #[error("the key for {recipient} is broken: {problem}\nhint: encrypt the document anew")]
    OpenKey {
        /// The recipient's public key.
        recipient: String,
        /// What is wrong.
        problem: OpenFile,
    },
    /// The parts of its key are none of one key.
    #[error("its key cannot be put together: {0}\nhint: encrypt the document anew")]
    CombineKey(&'static str),
    /// Its key is not of 32 bytes.
    #[error("its key is of {0} bytes, not of 32\nhint: encrypt the document anew")]
    KeyLength(usize),
    /// A value cannot be opened.
    #[error("{place}: {problem}\nhint: change encrypted documents with `sops edit` only")]
    Value {
        /// Where it is.
        place: Place,
        /// What is wrong.
        problem: OpenValue,
    },
    /// It has no MAC.
    #[error(
        "it has no MAC, so that nobody can tell whether it was changed\nhint: encrypt the document anew"
    )]
    NoMac,
    /// Its MAC cannot be opened.
    #[error(
        "its MAC cannot be opened: {0}\nhint: restore `sops.mac` and `sops.lastmodified` as they were, or encrypt the document anew"
    )]
    OpenMac(OpenValue),
    /// Its MAC is of another content.
    #[error(
        "its MAC does not match: values were added, removed, moved or changed after it was encrypted\nhint: change encrypted \
         documents with `sops edit` only"
    )]
    WrongMac,
    /// Its MAC is of another content, or of another order.
    #[error(
        "its MAC does not match: values were changed after it was encrypted, or its keys were not sorted then; in an object, \
         Kubernetes sorts them\nhint: keep the document as a text, in a Secret or a ConfigMap"
    )]
    WrongMacInline,
}

/// Names, for people.
fn listed<T: std::fmt::Display>(names: &[T]) -> String {
    /// More than that nobody reads.
    const SHOWN: usize = 10;
    let mut shown: Vec<String> = names.iter().take(SHOWN).map(T::to_string).collect();
    if names.len() > SHOWN {
        shown.push(format!("{} more", names.len() - SHOWN));
    }
    if shown.is_empty() {
        return String::from("nobody");
    }
    shown.join(", ")
}
