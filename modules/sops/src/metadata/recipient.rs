//! Who can open a document.

use std::fmt;

use crate::tree::Node;

/// SOPS' lists of keys: the list's name, and the field that tells which key it is.
pub(crate) const LISTS: [(&str, &str); 8] = [
    ("age", "recipient"),
    ("pgp", "fp"),
    ("kms", "arn"),
    ("gcp_kms", "resource_id"),
    ("hckms", "key_id"),
    ("azure_kv", "vault_url"),
    ("hc_vault", "vault_address"),
    ("vault", "vault_address"),
];

/// A key that a document is encrypted to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Recipient {
    /// What kind of a key, as SOPS' list of them is called: `age`, `pgp`, `kms`, …
    pub kind: &'static str,
    /// Which one: a public key, a fingerprint, an address.
    pub name: String,
}

impl Recipient {
    /// Reads what an entry of a list tells.
    pub(super) fn read(kind: &'static str, field: &str, entry: &Node) -> Self {
        let name = match entry.get(field) {
            // What is not printable has no place in a message.
            Some(Node::Text(text)) => text
                .chars()
                .filter(|character| !character.is_control())
                .take(200)
                .collect(),
            _ => String::new(),
        };
        Self { kind, name }
    }
}

impl fmt::Display for Recipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind, self.name)
    }
}
