//! What annotations say of images, read at the edge.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::{Filter, Paths, Policy, Rule};
use crate::dialect::Wrong;

/// What policies begin with: today's name, and that of 2019.
const PREFIXES: [&str; 2] = ["fluxcd.io/", "flux.weave.works/"];
/// Another way to write `fluxcd.io/tag.NAME`.
const FILTER: &str = "filter.fluxcd.io/";
/// Secrets that open registries; with `.NAME` for one container.
const SECRET: &str = "helm.oarlock.dev/image-secret";

/// What a path leads to.
#[derive(Clone, Copy)]
enum Place {
    Registry,
    Repository,
    Tag,
}

/// What an object's annotations say; none where it is not automated.
///
/// # Errors
/// Annotations that cannot be followed, each with its place. Nothing may follow any image then.
pub fn policy(annotations: &Map<String, Value>) -> Result<Option<Policy>, Vec<Wrong>> {
    let mut reader = Reader {
        annotations,
        wrong: Vec::new(),
    };
    if !reader.flag("automated") {
        return reader.end(None);
    }
    let policy = Policy {
        locked: reader.locked(),
        filters: reader.filters(),
        places: reader.places(),
        secrets: reader.secrets(),
    };
    reader.end(Some(policy))
}

struct Reader<'a> {
    annotations: &'a Map<String, Value>,
    wrong: Vec<Wrong>,
}

impl<'a> Reader<'a> {
    fn wrong(&mut self, key: &str, message: impl Into<String>) {
        self.wrong.push(Wrong {
            path: format!("metadata.annotations[{key}]"),
            message: message.into(),
        });
    }

    fn end(mut self, policy: Option<Policy>) -> Result<Option<Policy>, Vec<Wrong>> {
        if self.wrong.is_empty() {
            return Ok(policy);
        }
        self.wrong.sort();
        Err(self.wrong)
    }

    /// Annotations whose keys begin so, and the rest of their keys.
    fn with(&self, prefix: &str) -> Vec<(&'a str, &'a str, &'a str)> {
        self.annotations
            .iter()
            .filter_map(|(key, value)| {
                let name = key.strip_prefix(prefix)?;
                Some((
                    key.as_str(),
                    name,
                    value.as_str().unwrap_or_default().trim(),
                ))
            })
            .collect()
    }

    fn text(&self, key: &str) -> Option<&'a str> {
        self.annotations.get(key)?.as_str().map(str::trim)
    }

    fn flag(&mut self, name: &str) -> bool {
        let mut is = false;
        for prefix in PREFIXES {
            let key = format!("{prefix}{name}");
            match self.text(&key) {
                None | Some("" | "false") => {}
                Some("true") => is = true,
                Some(other) => self.wrong(
                    &key,
                    format!(
                        "{other:?} is not one of \"true\", \"false\": all images stay as they are"
                    ),
                ),
            }
        }
        is
    }

    fn locked(&mut self) -> Option<String> {
        if !self.flag("locked") {
            return None;
        }
        let said = |name: &str| {
            PREFIXES
                .iter()
                .find_map(|prefix| self.text(&format!("{prefix}{name}")))
                .filter(|text| !text.is_empty())
        };
        let by = said("locked_user").map(|user| format!(" by {user}"));
        let why = said("locked_msg").map(|why| format!(": {why}"));
        Some(format!(
            "locked{}{}",
            by.unwrap_or_default(),
            why.unwrap_or_default()
        ))
    }

    fn filters(&mut self) -> BTreeMap<String, Rule> {
        let mut filters: BTreeMap<String, Rule> = BTreeMap::new();
        let prefixes = PREFIXES.map(|prefix| format!("{prefix}tag."));
        let prefixes = prefixes.iter().map(String::as_str).chain([FILTER]);
        let all: Vec<_> = prefixes.flat_map(|prefix| self.with(prefix)).collect();
        for (key, name, text) in all {
            if name.is_empty() {
                self.wrong(key, "names no container, expected one after it");
                continue;
            }
            let filter = match Filter::parse(text) {
                Ok(filter) => filter,
                Err(why) => {
                    self.wrong(
                        key,
                        format!("{why}\nhint: until then all images stay as they are"),
                    );
                    continue;
                }
            };
            match filters.get(name) {
                Some(other) if other.filter != filter => {
                    let (other, said) = (other.key.clone(), other.filter.to_string());
                    self.wrong(
                        key,
                        format!("{filter} is said here, and {said} by {other}, expected one\nhint: take one of them away"),
                    );
                }
                _ => {
                    let key = key.to_owned();
                    filters.insert(name.to_owned(), Rule { key, filter });
                }
            }
        }
        filters
    }

    fn places(&mut self) -> BTreeMap<String, Paths> {
        let mut places: BTreeMap<String, Paths> = BTreeMap::new();
        for (prefix, place) in [
            ("registry.fluxcd.io/", Place::Registry),
            ("repository.fluxcd.io/", Place::Repository),
            ("tag.fluxcd.io/", Place::Tag),
        ] {
            for (key, name, path) in self.with(prefix) {
                if path.split('.').any(str::is_empty) {
                    self.wrong(
                        key,
                        format!("{path:?} is no path in the values, expected names with dots between them, such as image.repository"),
                    );
                }
                let paths = places.entry(name.to_owned()).or_default();
                let field = match place {
                    Place::Registry => &mut paths.registry,
                    Place::Repository => &mut paths.repository,
                    Place::Tag => &mut paths.tag,
                };
                *field = Some(path.to_owned());
            }
        }
        let lost: BTreeSet<String> = places
            .iter()
            .filter(|(_, paths)| paths.repository.is_none())
            .map(|(name, _)| name.clone())
            .collect();
        for name in lost {
            self.wrong(
                &format!("repository.fluxcd.io/{name}"),
                "is required: its registry or tag is named, and nobody says where its name is",
            );
        }
        places
    }

    fn secrets(&mut self) -> BTreeMap<String, String> {
        self.with(SECRET)
            .into_iter()
            .filter_map(|(_, rest, secret)| {
                let container = if rest.is_empty() {
                    ""
                } else {
                    rest.strip_prefix('.')?
                };
                Some((container.to_owned(), secret.to_owned()))
            })
            .collect()
    }
}
