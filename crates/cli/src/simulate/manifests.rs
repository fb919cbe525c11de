//! Manifests: files, directories and standard input, with several documents each.

use std::fmt;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow, bail};
use oarlock_core::reference::Gvk;
use serde_json::{Map, Value};
use serde_saphyr::{MessageFormatter as _, UserMessageFormatter};

/// An object as it was written, and where.
#[derive(Clone, Debug)]
pub(crate) struct Manifest {
    pub(crate) object: Map<String, Value>,
    /// The file; `-` for standard input.
    file: String,
    /// Which document of the file, counted from 1; 0 where it is the only one.
    number: usize,
}

/// The namespace of what names none, as kubectl has it.
const NAMESPACE: &str = "default";

impl Manifest {
    fn text(&self, pointer: &[&str]) -> Option<&str> {
        let (first, rest) = pointer.split_first()?;
        let mut value = self.object.get(*first)?;
        for key in rest {
            value = value.get(key)?;
        }
        value.as_str()
    }

    /// Its kind.
    pub(crate) fn gvk(&self) -> Gvk {
        let text = |key| self.text(&[key]).unwrap_or_default();
        Gvk::from_api_version(text("apiVersion"), text("kind"))
    }

    pub(crate) fn api_version(&self) -> &str {
        self.text(&["apiVersion"]).unwrap_or_default()
    }

    pub(crate) fn kind(&self) -> &str {
        self.text(&["kind"]).unwrap_or_default()
    }

    pub(crate) fn name(&self) -> &str {
        self.text(&["metadata", "name"]).unwrap_or_default()
    }

    /// Its namespace, if its kind has namespaces.
    pub(crate) fn namespace(&self) -> &str {
        self.text(&["metadata", "namespace"]).unwrap_or(NAMESPACE)
    }

    /// Whether it is a CustomResourceDefinition.
    pub(crate) fn is_definition(&self) -> bool {
        self.kind() == "CustomResourceDefinition"
    }

    /// Whether it is a Namespace.
    pub(crate) fn is_namespace(&self) -> bool {
        self.kind() == "Namespace" && self.api_version() == "v1"
    }

    /// Of an object that a module brings.
    pub(crate) fn brought(object: Map<String, Value>, module: &str) -> Self {
        Self {
            object,
            file: format!("module {module}"),
            number: 0,
        }
    }
}

/// Such as `deployer.yaml, document 2: Deployer nginx`.
impl fmt::Display for Manifest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        if self.number > 0 {
            write!(f, ", document {}", self.number)?;
        }
        write!(f, ": {} {}", self.kind(), self.name())
    }
}

/// What was given with `-f`.
#[derive(Debug, Default)]
pub(crate) struct Given {
    pub(crate) manifests: Vec<Manifest>,
    /// Where watches.yaml may be: the directories, and those of the files.
    pub(crate) directories: Vec<PathBuf>,
}

/// Reads what was given. In directories `other` files are left out: those that have another purpose.
pub(crate) fn read(paths: &[PathBuf], other: &[PathBuf]) -> anyhow::Result<Given> {
    let mut given = Given::default();
    for path in paths {
        if path.as_os_str() == "-" {
            let mut text = String::new();
            let read = std::io::stdin().read_to_string(&mut text);
            read.context("cannot read manifests from standard input")?;
            given.manifests.extend(parse("-", &text)?);
            continue;
        }
        if !path.is_dir() {
            given.manifests.extend(read_file(path)?);
            let parent = path.parent().unwrap_or(Path::new(""));
            given.directories.push(parent.to_owned());
            continue;
        }
        given.directories.push(path.clone());
        for file in files(path)? {
            if other.iter().any(|other| is_same(other, &file)) {
                continue;
            }
            let text = text(&file)?;
            let documents = documents(&file.display().to_string(), &text)?;
            if documents.iter().any(is_meant) {
                let manifests = numbered(&file.display().to_string(), documents)?;
                given.manifests.extend(manifests);
            } else {
                tracing::info!("{} is passed over: it has no manifests", file.display());
            }
        }
    }
    Ok(given)
}

/// The manifests of a file.
pub(crate) fn read_file(file: &Path) -> anyhow::Result<Vec<Manifest>> {
    let text = text(file)?;
    parse(&file.display().to_string(), &text)
}

/// A file that is one mapping.
pub(crate) fn read_mapping(file: &Path) -> anyhow::Result<Map<String, Value>> {
    let text = text(file)?;
    let mut documents = documents(&file.display().to_string(), &text)?;
    match (documents.pop(), documents.is_empty()) {
        (Some(Value::Object(map)), true) => Ok(map),
        _ => bail!("{} is not one mapping", file.display()),
    }
}

/// Whether both paths name one file.
fn is_same(a: &Path, b: &Path) -> bool {
    match (a.canonicalize(), b.canonicalize()) {
        (Ok(a), Ok(b)) => a == b,
        _ => false,
    }
}

/// YAML and JSON files of a directory, by name.
fn files(directory: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let problem = || format!("cannot read the directory {}", directory.display());
    let mut files = Vec::new();
    for entry in std::fs::read_dir(directory).with_context(problem)? {
        let path = entry.with_context(problem)?.path();
        let extension = path.extension().and_then(|e| e.to_str());
        if matches!(extension, Some("yaml" | "yml" | "json")) && path.is_file() {
            files.push(path);
        }
    }
    files.sort();
    if files.is_empty() {
        bail!(
            "{} has no manifests; expected files that end in .yaml, .yml or .json",
            directory.display()
        );
    }
    Ok(files)
}

fn text(file: &Path) -> anyhow::Result<String> {
    std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))
}

fn parse(file: &str, text: &str) -> anyhow::Result<Vec<Manifest>> {
    numbered(file, documents(file, text)?)
}

fn numbered(file: &str, documents: Vec<Value>) -> anyhow::Result<Vec<Manifest>> {
    let mut manifests = Vec::new();
    let many = documents.len() > 1;
    for (index, document) in documents.into_iter().enumerate() {
        let number = if many { index + 1 } else { 0 };
        let place = if many {
            format!("{file}, document {number}")
        } else {
            file.to_owned()
        };
        check(&document).map_err(|what| anyhow!("{place} is no Kubernetes object: {what}"))?;
        for object in unfold(document) {
            check(&Value::Object(object.clone()))
                .map_err(|what| anyhow!("{place}: an item is no Kubernetes object: {what}"))?;
            manifests.push(Manifest {
                object,
                file: file.to_owned(),
                number,
            });
        }
    }
    if manifests.is_empty() {
        bail!("{file} is empty; expected manifests");
    }
    Ok(manifests)
}

/// The documents of a text that say anything.
fn documents(file: &str, text: &str) -> anyhow::Result<Vec<Value>> {
    let options = serde_saphyr::options! {
        legacy_octal_numbers: true,
        with_snippet: false,
    };
    let documents: Vec<Value> =
        serde_saphyr::from_multiple_with_options(text, options).map_err(|error| {
            let error = error.without_snippet();
            let place = error.location().map_or_else(String::new, |l| {
                format!(":{}:{}", l.line().max(1), l.column().max(1))
            });
            let message = UserMessageFormatter.format_message(error);
            anyhow!("{file}{place}: not valid YAML: {message}")
        })?;
    Ok(documents.into_iter().filter(|d| !d.is_null()).collect())
}

/// Whether this is meant to be an object: watches files and scenarios are not.
fn is_meant(document: &Value) -> bool {
    ["apiVersion", "kind", "metadata"]
        .iter()
        .any(|key| document.get(key).is_some())
}

/// What an object lacks.
fn check(document: &Value) -> Result<(), &'static str> {
    let text = |pointer| document.pointer(pointer).and_then(Value::as_str);
    match () {
        () if !document.is_object() => Err("it is no mapping"),
        () if text("/apiVersion").is_none() => Err("it has no apiVersion"),
        () if text("/kind").is_none() => Err("it has no kind"),
        () if document.get("items").is_some_and(Value::is_array) => Ok(()),
        () if text("/metadata/name").is_none() => Err("it has no metadata.name"),
        () => Ok(()),
    }
}

/// The items of a `List`, or the object itself.
fn unfold(document: Value) -> Vec<Map<String, Value>> {
    let object = |value| match value {
        Value::Object(object) => Some(object),
        _ => None,
    };
    let is_list = |kind: &Value| kind.as_str().is_some_and(|kind| kind.ends_with("List"));
    match document {
        Value::Object(mut list) if list.get("kind").is_some_and(is_list) => {
            match list.remove("items") {
                Some(Value::Array(items)) => items.into_iter().filter_map(object).collect(),
                _ => vec![list],
            }
        }
        other => object(other).into_iter().collect(),
    }
}
