//! Where in a document a value is: for people, and as SOPS binds it to its ciphertext.

use std::fmt;

/// Where in a document a value is, such as `db.users[2].password`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Place {
    shown: String,
    bound: String,
}

/// What a [`Place`] was before a step.
#[derive(Clone, Copy)]
pub(crate) struct Mark {
    shown: usize,
    bound: usize,
}

impl Place {
    /// Goes into a field.
    pub(crate) fn field(&mut self, key: &str) -> Mark {
        let mark = self.mark();
        let plain = |character: char| character.is_alphanumeric() || "_-".contains(character);
        if key.is_empty() || !key.chars().all(plain) {
            self.shown.push_str(&format!("[{key:?}]"));
        } else {
            if !self.shown.is_empty() {
                self.shown.push('.');
            }
            self.shown.push_str(key);
        }
        self.bound.push_str(key);
        self.bound.push(':');
        mark
    }

    /// Goes to an item of a list, which SOPS does not bind.
    pub(crate) fn item(&mut self, index: usize) -> Mark {
        let mark = self.mark();
        self.shown.push_str(&format!("[{index}]"));
        mark
    }

    /// Goes back.
    pub(crate) fn back(&mut self, mark: Mark) {
        self.shown.truncate(mark.shown);
        self.bound.truncate(mark.bound);
    }

    /// What is authenticated with a ciphertext here: the keys on the way, each with a colon after it.
    pub(crate) fn bound(&self) -> &[u8] {
        self.bound.as_bytes()
    }

    fn mark(&self) -> Mark {
        Mark {
            shown: self.shown.len(),
            bound: self.bound.len(),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}
