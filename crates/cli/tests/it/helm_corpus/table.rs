//! The cases that are known to differ, and why.

use serde::Deserialize;

/// `differences.yaml`.
pub(crate) struct Table(Vec<Entry>);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    case: String,
    reason: String,
}

impl Table {
    /// Reads it.
    pub(crate) fn read() -> Self {
        let text = include_str!("differences.yaml");
        Self(serde_saphyr::from_str(text).unwrap())
    }

    /// Why a case differs.
    pub(crate) fn reason(&self, case: &str) -> Option<&str> {
        let entry = self.0.iter().find(|entry| entry.case == case)?;
        Some(&entry.reason)
    }

    /// All cases in it.
    pub(crate) fn ids(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|entry| entry.case.as_str())
    }
}
