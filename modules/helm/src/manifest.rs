//! Rendered text and the objects in it: the documents of a release record, and those that the engine renders.
//!
//! Owns how documents are told apart, how Kubernetes' own tools read YAML, and how Helm writes documents into a record. Knows
//! neither hooks nor revisions.

use serde_json::{Map, Value};
use thiserror::Error;

mod kinds;
pub mod yaml;

pub use kinds::{Id, Kinds, Placed, Placement, Scope, Unserved};

/// What Helm writes before the path of a template.
const SOURCE: &str = "# Source: ";

/// One document: text, and the template that it is from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Document {
    /// Path of the template, the chart's name first; empty where nobody knows.
    pub source: String,
    /// YAML, as it was rendered.
    pub text: String,
}

/// One object of a document.
#[derive(Clone, Debug, PartialEq)]
pub struct Object {
    /// Path of its template; empty where nobody knows.
    pub source: String,
    /// The object.
    pub content: Map<String, Value>,
}

/// Why text is no objects. In Helm's words, as far as it has some.
#[derive(Debug, Error)]
pub enum ReadManifest {
    /// Not YAML.
    #[error(
        "YAML parse error on {}: error converting YAML to JSON: yaml: line {line}: {message}",
        named(source_path)
    )]
    Syntax {
        /// Path of the template.
        source_path: String,
        /// Line of the document, counted from 1.
        line: u64,
        /// What is wrong there.
        message: String,
    },
    /// YAML, and no object.
    #[error(
        "YAML parse error on {}: error unmarshaling JSON: while decoding JSON: json: cannot unmarshal {found} into Go value of type util.SimpleHead",
        named(source_path)
    )]
    NoObject {
        /// Path of the template.
        source_path: String,
        /// What it is instead: `array`, `string`, `number`, `bool`.
        found: &'static str,
    },
    /// An object without `kind`, `apiVersion`, or a name.
    #[error("{}: {what}", named(source_path))]
    Incomplete {
        /// Path of the template.
        source_path: String,
        /// What is missing.
        what: String,
    },
}

fn named(source: &str) -> &str {
    if source.is_empty() {
        "the stored manifest"
    } else {
        source
    }
}

impl Document {
    /// A document of a template.
    pub fn new(source: impl Into<String>, text: impl Into<String>) -> Self {
        Self {
            source: source.into(),
            text: text.into(),
        }
    }

    /// Its objects: none of a document that is empty or holds comments only, several of a list.
    ///
    /// As Helm's client does it, whatever has `items` is a list, also in a list; elements without kind get that of the list without
    /// its `List`.
    ///
    /// # Errors
    /// When it is no YAML, or something in it is no object of Kubernetes.
    pub fn objects(&self) -> Result<Vec<Object>, ReadManifest> {
        self.objects_of(self.read()?)
    }

    /// Reads it as it stands in a record, where a line end follows: a block of text in its last line ends with one.
    pub(crate) fn read(&self) -> Result<Value, ReadManifest> {
        self.parse(&format!("{}\n", self.text))
    }

    /// Reads it as it is, as Helm does with hooks.
    pub(crate) fn read_alone(&self) -> Result<Value, ReadManifest> {
        self.parse(&self.text)
    }

    fn parse(&self, text: &str) -> Result<Value, ReadManifest> {
        yaml::read(text).map_err(|error| ReadManifest::Syntax {
            source_path: self.source.clone(),
            line: error.line,
            message: error.message,
        })
    }

    pub(crate) fn objects_of(&self, value: Value) -> Result<Vec<Object>, ReadManifest> {
        let mut objects = Vec::new();
        if !value.is_null() {
            self.flatten(value, &mut objects)?;
        }
        Ok(objects)
    }

    fn flatten(&self, value: Value, objects: &mut Vec<Object>) -> Result<(), ReadManifest> {
        let mut content = match value {
            Value::Object(content) => content,
            other => {
                return Err(ReadManifest::NoObject {
                    source_path: self.source.clone(),
                    found: go_kind(&other),
                });
            }
        };
        if let Some(Value::Array(items)) = content.get_mut("items") {
            let items = std::mem::take(items);
            let version = text(&content, "apiVersion").map(str::to_owned);
            let kind = text(&content, "kind")
                .and_then(|kind| kind.strip_suffix("List"))
                .filter(|kind| !kind.is_empty())
                .map(str::to_owned);
            for mut item in items {
                if let (Value::Object(item), Some(kind), Some(version)) =
                    (&mut item, &kind, &version)
                    && text(item, "kind").is_none()
                {
                    item.insert(String::from("kind"), Value::from(kind.as_str()));
                    item.insert(String::from("apiVersion"), Value::from(version.as_str()));
                }
                self.flatten(item, objects)?;
            }
            return Ok(());
        }
        let object = Object {
            source: self.source.clone(),
            content,
        };
        object.check()?;
        objects.push(object);
        Ok(())
    }
}

/// The documents of a record's `manifest`.
///
/// They are told apart as Helm does it: by `---` at the beginning of a line, whatever follows.
#[must_use]
pub fn split(manifest: &str) -> Vec<Document> {
    let mut documents = Vec::new();
    let mut start = 0;
    let separators = manifest
        .match_indices("---")
        .filter(|(at, _)| *at == 0 || manifest.as_bytes().get(at - 1) == Some(&b'\n'));
    for (at, separator) in separators {
        documents.extend(manifest.get(start..at).and_then(document));
        start = at + separator.len();
    }
    documents.extend(manifest.get(start..).and_then(document));
    documents
}

fn document(part: &str) -> Option<Document> {
    let part = part.trim_start();
    if part.is_empty() {
        return None;
    }
    let (source, text) = match part.strip_prefix(SOURCE) {
        Some(rest) => rest.split_once('\n').unwrap_or((rest, "")),
        None => ("", part),
    };
    // Helm writes one line end behind every document.
    let text = text.strip_suffix('\n').unwrap_or(text);
    Some(Document::new(source.trim_end(), text))
}

/// The `manifest` of a record, as Helm writes it.
#[must_use]
pub fn join(documents: &[Document]) -> String {
    let mut manifest = String::new();
    for Document { source, text } in documents {
        manifest.push_str("---\n");
        if !source.is_empty() {
            manifest.push_str(SOURCE);
            manifest.push_str(source);
            manifest.push('\n');
        }
        manifest.push_str(text);
        manifest.push('\n');
    }
    manifest
}

/// All objects of some documents, in their order.
///
/// # Errors
/// As [`Document::objects`].
pub fn objects<'a>(
    documents: impl IntoIterator<Item = &'a Document>,
) -> Result<Vec<Object>, ReadManifest> {
    let mut objects = Vec::new();
    for document in documents {
        objects.append(&mut document.objects()?);
    }
    Ok(objects)
}

impl Object {
    /// `apiVersion`.
    #[must_use]
    pub fn api_version(&self) -> &str {
        text(&self.content, "apiVersion").unwrap_or_default()
    }

    /// API group: empty for the core.
    #[must_use]
    pub fn group(&self) -> &str {
        self.api_version()
            .split_once('/')
            .map_or("", |(group, _)| group)
    }

    /// Version of its API group.
    #[must_use]
    pub fn version(&self) -> &str {
        let version = self.api_version();
        version
            .split_once('/')
            .map_or(version, |(_, version)| version)
    }

    /// `kind`.
    #[must_use]
    pub fn kind(&self) -> &str {
        text(&self.content, "kind").unwrap_or_default()
    }

    /// `metadata.name`; empty where the server makes one of `metadata.generateName`.
    #[must_use]
    pub fn name(&self) -> &str {
        self.metadata("name").unwrap_or_default()
    }

    /// `metadata.namespace`, where it has one.
    #[must_use]
    pub fn namespace(&self) -> Option<&str> {
        self.metadata("namespace")
    }

    /// An annotation.
    #[must_use]
    pub fn annotation(&self, key: &str) -> Option<&str> {
        annotation(&self.content, key)
    }

    /// Sets `metadata.<map>.<key>` of `labels` or `annotations`.
    pub fn mark(&mut self, map: &str, key: &str, value: &str) {
        let metadata = inner(&mut self.content, "metadata");
        inner(metadata, map).insert(key.to_owned(), Value::from(value));
    }

    /// As a document of its own.
    #[must_use]
    pub fn document(&self) -> Document {
        Document::new(&self.source, yaml::write(&self.content))
    }

    fn metadata(&self, key: &str) -> Option<&str> {
        text(self.content.get("metadata")?.as_object()?, key)
    }

    fn check(&self) -> Result<(), ReadManifest> {
        let what = match (self.kind(), self.api_version()) {
            ("", _) => String::from("Object 'Kind' is missing"),
            (kind, "") => format!("Object 'apiVersion' is missing in a {kind}"),
            (kind, _) => match (self.name(), self.metadata("generateName")) {
                ("", None) => format!("resource name may not be empty: a {kind} has none"),
                (name, Some(_)) if !name.is_empty() => format!(
                    "{kind} {name:?}: metadata.name and metadata.generateName cannot both be set"
                ),
                _ => return Ok(()),
            },
        };
        Err(ReadManifest::Incomplete {
            source_path: self.source.clone(),
            what,
        })
    }
}

/// An annotation of an object, rendered or live.
#[must_use]
pub fn annotation<'a>(content: &'a Map<String, Value>, key: &str) -> Option<&'a str> {
    let metadata = content.get("metadata")?.as_object()?;
    text(metadata.get("annotations")?.as_object()?, key)
}

/// A text that is not empty.
fn text<'a>(content: &'a Map<String, Value>, key: &str) -> Option<&'a str> {
    content.get(key)?.as_str().filter(|text| !text.is_empty())
}

/// A map of a map; made where there is none.
pub(crate) fn inner<'a>(
    content: &'a mut Map<String, Value>,
    key: &str,
) -> &'a mut Map<String, Value> {
    let entry = content.entry(key).or_insert(Value::Null);
    if !entry.is_object() {
        *entry = Value::Object(Map::new());
    }
    match entry {
        Value::Object(inner) => inner,
        _ => unreachable!("made a map above"),
    }
}

const fn go_kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "bool",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

#[cfg(test)]
mod tests;
