//! Which rendered objects are meant.

use std::collections::BTreeMap;

use regex_lite::Regex;
use serde_json::Value;
use thiserror::Error;

use crate::manifest::Object;
use crate::wish::Target;

/// A target, ready to be asked. What it does not say it does not ask for.
#[derive(Debug)]
pub struct Selector {
    says_nothing: bool,
    group: Option<Regex>,
    version: Option<Regex>,
    kind: Option<Regex>,
    name: Option<Regex>,
    namespace: Option<Regex>,
    labels: Vec<Requirement>,
    annotations: Vec<Requirement>,
}

/// A target that selects nothing, ever.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("target.{field} {found:?}: {why}")]
pub struct WrongTarget {
    /// Its field.
    pub field: &'static str,
    /// What it says.
    pub found: String,
    /// What is wrong with it.
    pub why: String,
}

/// One part of a label selector.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Requirement {
    key: String,
    wanted: Wanted,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Wanted {
    Exists,
    Missing,
    In(Vec<String>),
    /// Those without the label are meant too.
    NotIn(Vec<String>),
    Greater(i64),
    Less(i64),
}

impl Selector {
    /// Of a target.
    ///
    /// # Errors
    /// At a field that is no regular expression, or no selector.
    pub fn parse(target: &Target) -> Result<Self, WrongTarget> {
        let regex = |field: &'static str, pattern: &Option<String>| {
            let Some(pattern) = said(pattern) else {
                return Ok(None);
            };
            // As kustomize anchors them: a whole name is meant.
            Regex::new(&format!("^(?:{pattern})$"))
                .map(Some)
                .map_err(|error| WrongTarget {
                    field,
                    found: pattern.to_owned(),
                    why: error.to_string(),
                })
        };
        let labels = |field: &'static str, selector: &Option<String>| {
            let Some(selector) = said(selector) else {
                return Ok(Vec::new());
            };
            requirements(selector).map_err(|why| WrongTarget {
                field,
                found: selector.to_owned(),
                why,
            })
        };
        let says = [
            &target.group,
            &target.version,
            &target.kind,
            &target.name,
            &target.namespace,
            &target.labels,
            &target.annotations,
        ];
        Ok(Self {
            says_nothing: !says.iter().any(|field| said(field).is_some()),
            group: regex("group", &target.group)?,
            version: regex("version", &target.version)?,
            kind: regex("kind", &target.kind)?,
            name: regex("name", &target.name)?,
            namespace: regex("namespace", &target.namespace)?,
            labels: labels("labelSelector", &target.labels)?,
            annotations: labels("annotationSelector", &target.annotations)?,
        })
    }

    /// Whether the target says nothing at all, and so means all objects.
    #[must_use]
    pub const fn says_nothing(&self) -> bool {
        self.says_nothing
    }

    /// Whether an object is meant. `namespace` is its own where it names none.
    #[must_use]
    pub fn selects(&self, object: &Object, namespace: &str) -> bool {
        let is = |regex: &Option<Regex>, found: &str| {
            regex.as_ref().is_none_or(|regex| regex.is_match(found))
        };
        is(&self.group, object.group())
            && is(&self.version, object.version())
            && is(&self.kind, object.kind())
            && is(&self.name, object.name())
            && is(&self.namespace, object.namespace().unwrap_or(namespace))
            && all(&self.labels, &map(object, "labels"))
            && all(&self.annotations, &map(object, "annotations"))
    }
}

fn said(field: &Option<String>) -> Option<&str> {
    field.as_deref().filter(|text| !text.is_empty())
}

fn map<'a>(object: &'a Object, name: &str) -> BTreeMap<&'a str, &'a str> {
    let entries = object
        .content
        .get("metadata")
        .and_then(|metadata| metadata.get(name))
        .and_then(Value::as_object);
    entries
        .into_iter()
        .flatten()
        .filter_map(|(key, value)| Some((key.as_str(), value.as_str()?)))
        .collect()
}

fn all(requirements: &[Requirement], found: &BTreeMap<&str, &str>) -> bool {
    requirements.iter().all(|Requirement { key, wanted }| {
        let found = found.get(key.as_str()).copied();
        let number = || found.and_then(|found| found.parse::<i64>().ok());
        match wanted {
            Wanted::Exists => found.is_some(),
            Wanted::Missing => found.is_none(),
            Wanted::In(values) => found.is_some_and(|found| values.iter().any(|v| v == found)),
            Wanted::NotIn(values) => found.is_none_or(|found| values.iter().all(|v| v != found)),
            Wanted::Greater(than) => number().is_some_and(|number| number > *than),
            Wanted::Less(than) => number().is_some_and(|number| number < *than),
        }
    })
}

/// A label selector as `kubectl -l` takes it: `a=b`, `a!=b`, `a in (b,c)`, `a notin (b)`, `a`, `!a`, `a>1`, `a<1`.
fn requirements(selector: &str) -> Result<Vec<Requirement>, String> {
    let mut parts = Vec::new();
    let (mut depth, mut start) = (0_u32, 0);
    for (at, letter) in selector.char_indices() {
        match letter {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => {
                parts.push(selector.get(start..at).unwrap_or_default());
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(selector.get(start..).unwrap_or_default());
    parts
        .into_iter()
        .map(|part| {
            let part = part.trim();
            requirement(part).ok_or_else(|| format!("unable to parse requirement {part:?}"))
        })
        .collect()
}

fn requirement(part: &str) -> Option<Requirement> {
    let made = |key: &str, wanted| {
        let key = key.trim();
        let is_key = !key.is_empty()
            && key
                .chars()
                .all(|letter| letter.is_ascii_alphanumeric() || "-_./".contains(letter));
        is_key.then(|| Requirement {
            key: key.to_owned(),
            wanted,
        })
    };
    let one = |value: &str| {
        let value = value.trim();
        (!value.contains(['=', '!', '(', ')', ' '])).then(|| vec![value.to_owned()])
    };
    if let Some(rest) = part.strip_suffix(')') {
        let (head, values) = rest.split_once('(')?;
        let values: Vec<String> = values
            .split(',')
            .map(|value| value.trim().to_owned())
            .collect();
        let (key, word) = head.trim().rsplit_once(char::is_whitespace)?;
        return match word {
            "in" => made(key, Wanted::In(values)),
            "notin" => made(key, Wanted::NotIn(values)),
            _ => None,
        };
    }
    if let Some((key, value)) = part.split_once("!=") {
        return made(key, Wanted::NotIn(one(value)?));
    }
    if let Some((key, value)) = part.split_once("==").or_else(|| part.split_once('=')) {
        return made(key, Wanted::In(one(value)?));
    }
    if let Some((key, value)) = part.split_once('>') {
        return made(key, Wanted::Greater(value.trim().parse().ok()?));
    }
    if let Some((key, value)) = part.split_once('<') {
        return made(key, Wanted::Less(value.trim().parse().ok()?));
    }
    match part.strip_prefix('!') {
        Some(key) => made(key, Wanted::Missing),
        None => made(part, Wanted::Exists),
    }
}
