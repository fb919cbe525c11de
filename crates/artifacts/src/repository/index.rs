//! What an index says, as Helm reads it.

mod entry;

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, SeqAccess, Visitor};
use thiserror::Error;

pub(crate) use entry::Entry;
use entry::Written;
use oarlock_version::{Constraint, ParseConstraint};
use oarlock_version::{Version, sort_newest_first};

/// Depth of an index: one of `values` in an annotation is deep already.
const DEPTH: usize = 64;

/// The charts of a repository.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Index {
    /// By name, newest first; what is no version comes last.
    entries: BTreeMap<String, Vec<Entry>>,
}

/// Why a text is no index. Helm's words where Helm has some.
#[derive(Debug, Error)]
pub(crate) enum ParseIndex {
    #[error("empty index.yaml file")]
    Empty,
    #[error("no API version specified; hint: an index begins with apiVersion: v1")]
    NoApiVersion,
    #[error("index.yaml is broken: {0}; hint: `helm repo index` makes it")]
    Broken(String),
}

/// Why there is no entry.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum NotFound {
    Chart,
    Version,
    Range(ParseConstraint),
}

/// The file, as far as it is read.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct File {
    #[serde(default)]
    api_version: Option<String>,
    #[serde(default)]
    entries: Option<Entries>,
}

/// Entries are reduced one by one: most of an index is descriptions.
#[derive(Default)]
struct Entries(BTreeMap<String, Vec<Entry>>);

impl Index {
    /// From YAML or JSON.
    pub(crate) fn parse(text: &[u8]) -> Result<Self, ParseIndex> {
        if text.is_empty() {
            return Err(ParseIndex::Empty);
        }
        let file = match json(text) {
            Some(read) => read.map_err(|error| ParseIndex::Broken(error.to_string()))?,
            None => yaml(text).map_err(ParseIndex::Broken)?,
        };
        let Some(File {
            api_version,
            entries,
        }) = file
        else {
            return Err(ParseIndex::NoApiVersion);
        };
        let mut entries = entries.unwrap_or_default().0;
        for versions in entries.values_mut() {
            sort_newest_first(versions, |entry| &entry.version);
        }
        if api_version.is_none_or(|version| version.is_empty()) {
            return Err(ParseIndex::NoApiVersion);
        }
        Ok(Self { entries })
    }

    /// How many charts there are.
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    /// The versions of a chart, newest first.
    pub(crate) fn versions(&self, name: &str) -> Result<impl Iterator<Item = &str>, NotFound> {
        let entries = self.entries.get(name).ok_or(NotFound::Chart)?;
        Ok(entries.iter().map(|entry| entry.version.as_str()))
    }

    /// The entry of the version that is written just so, or else of the newest one that `version` allows; of the newest release
    /// where it is empty.
    pub(crate) fn choose(&self, name: &str, version: &str) -> Result<&Entry, NotFound> {
        let entries = self.entries.get(name).ok_or(NotFound::Chart)?;
        if entries.is_empty() {
            return Err(NotFound::Version);
        }
        let range = match version {
            "" => Constraint::any(),
            version => version.parse().map_err(NotFound::Range)?,
        };
        let allowed = |entry: &&Entry| {
            Version::parse(&entry.version).is_ok_and(|version| range.allows(&version))
        };
        entries
            .iter()
            .find(|entry| entry.version == version)
            .or_else(|| entries.iter().find(allowed))
            .ok_or(NotFound::Version)
    }

    /// A chart that was perhaps meant.
    pub(crate) fn similar(&self, name: &str) -> Option<&str> {
        let plain = |name: &str| name.to_ascii_lowercase().replace(['-', '_'], "");
        let wanted = plain(name);
        let names = || self.entries.keys().map(String::as_str);
        names()
            .find(|name| plain(name) == wanted)
            .or_else(|| names().find(|other| one_apart(other, name)))
    }
}

/// Whether one letter more, less or other makes one of the other.
fn one_apart(a: &str, b: &str) -> bool {
    let (a, b) = (a.as_bytes(), b.as_bytes());
    let (short, long) = if a.len() <= b.len() { (a, b) } else { (b, a) };
    let same = short.iter().zip(long).take_while(|(a, b)| a == b).count();
    match long.len() - short.len() {
        0 => same < short.len() && short[same + 1..] == long[same + 1..],
        1 => short[same..] == long[same + 1..],
        _ => false,
    }
}

/// `None` where the text is no JSON.
fn json(text: &[u8]) -> Option<serde_json::Result<Option<File>>> {
    if !text.trim_ascii_start().starts_with(b"{") {
        return None;
    }
    match serde_json::from_slice(text) {
        Err(error) if error.is_syntax() || error.is_eof() => None,
        read => Some(read),
    }
}

/// Time and memory are bounded by the size of the text: aliases add little, and depth is small.
fn yaml(text: &[u8]) -> Result<Option<File>, String> {
    let most = text.len() + 16;
    let options = serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_events: most,
            max_nodes: most,
            max_depth: DEPTH,
            max_documents: 2,
            max_total_scalar_bytes: most,
        },
        alias_limits: serde_saphyr::alias_limits! {
            max_total_replayed_events: 100_000,
            max_replay_stack_depth: 16,
        },
        with_snippet: false,
    };
    serde_saphyr::from_slice_with_options(text, options).map_err(|error| {
        error
            .without_snippet()
            .to_string()
            .replace(char::is_control, " ")
    })
}

impl<'de> Deserialize<'de> for Entries {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Charts;

        impl<'de> Visitor<'de> for Charts {
            type Value = Entries;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("charts by name")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Entries, A::Error> {
                let mut entries = BTreeMap::new();
                while let Some((name, versions)) = map.next_entry::<String, Option<Versions>>()? {
                    let versions = versions.unwrap_or_default().0;
                    entries.insert(name, versions);
                }
                Ok(Entries(entries))
            }
        }

        deserializer.deserialize_map(Charts)
    }
}

/// The valid versions of one chart.
#[derive(Default)]
struct Versions(Vec<Entry>);

impl<'de> Deserialize<'de> for Versions {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct List;

        impl<'de> Visitor<'de> for List {
            type Value = Versions;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of versions of a chart")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Versions, A::Error> {
                let mut versions = Vec::new();
                while let Some(written) = list.next_element::<Option<Written>>()? {
                    versions.extend(written.and_then(Written::valid));
                }
                Ok(Versions(versions))
            }
        }

        deserializer.deserialize_seq(List)
    }
}

#[cfg(test)]
mod tests;
