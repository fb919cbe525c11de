//! The pairs that are known to differ, and why.

use serde::Deserialize;

/// `differences.yaml`.
pub(super) struct Table(Vec<Entry>);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    /// The test.
    test: String,
    /// Its pair.
    pair: String,
    reason: String,
}

impl Table {
    pub(super) fn read() -> Self {
        Self(serde_saphyr::from_str(include_str!("differences.yaml")).unwrap())
    }

    /// What differs without standing in the table, and what stands there without differing.
    pub(super) fn judge(&self, test: &str, results: &[(String, Option<String>)]) -> Vec<String> {
        let mut problems = Vec::new();
        for (pair, difference) in results {
            let known = self.0.iter().find(|e| e.test == test && e.pair == *pair);
            match (difference, known) {
                (Some(_), Some(entry)) => assert!(!entry.reason.is_empty()),
                (Some(difference), None) => problems.push(format!("{pair}: {difference}")),
                (None, Some(_)) => problems.push(format!(
                    "{pair} stands in differences.yaml, and does not differ"
                )),
                (None, None) => {}
            }
        }
        let unknown = self
            .0
            .iter()
            .filter(|e| e.test == test && results.iter().all(|(pair, _)| *pair != e.pair));
        problems.extend(
            unknown.map(|e| format!("{} stands in differences.yaml, and is no pair", e.pair)),
        );
        problems
    }
}
