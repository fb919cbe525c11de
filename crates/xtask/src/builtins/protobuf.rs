//! How objects of built-in types are numbered in Kubernetes' protobuf encoding.
//!
//! The numbers stand in the struct tags of the Go types, so these are read as text. The notation of
//! the table is explained in the `README.md` beside it.

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::{Context as _, bail};
use serde_json::{Value, json};

mod source;

use self::source::{Field, GoType, Name, Package};

#[cfg(test)]
mod tests;

/// Types that travel in requests without being the kind of a resource.
const REQUESTS: &[&str] = &[
    "autoscaling.v1.Scale",
    "meta.v1.DeleteOptions",
    "meta.v1.PatchOptions",
    "policy.v1.Eviction",
];

/// Groups whose Go types are in modules of their own; clients send their objects as JSON.
const JSON_ONLY: &[&str] = &["apiextensions.", "apiregistration."];

/// The Go packages of the API types, read when first needed.
pub(super) struct Sources {
    api: PathBuf,
    machinery: PathBuf,
    packages: BTreeMap<String, Package>,
}

impl Sources {
    /// From the directories of the modules `k8s.io/api` and `k8s.io/apimachinery`.
    pub(super) const fn new(api: PathBuf, machinery: PathBuf) -> Self {
        Self {
            api,
            machinery,
            packages: BTreeMap::new(),
        }
    }

    /// The package called by the last two parts of its path, such as `core.v1`.
    fn package(&mut self, name: &str) -> anyhow::Result<&Package> {
        if !self.packages.contains_key(name) {
            let directory = match name.split_once('.') {
                Some(("meta", version)) => self.machinery.join("pkg/apis/meta").join(version),
                Some((group, version)) => self.api.join(group).join(version),
                None => bail!("{name} is not the name of an API package"),
            };
            let package = Package::read(&directory)?;
            self.packages.insert(name.to_owned(), package);
        }
        self.packages
            .get(name)
            .with_context(|| format!("package {name} is not loaded"))
    }

    fn fields(&mut self, name: &str) -> anyhow::Result<Vec<Field>> {
        let (package, local) = name
            .rsplit_once('.')
            .with_context(|| format!("{name} is not the name of a type"))?;
        self.package(package)?
            .structs
            .get(local)
            .cloned()
            .with_context(|| format!("{name} is not a struct"))
    }

    /// The kind of value that `go_type` is, in the notation of the table.
    fn kind(&mut self, go_type: &GoType) -> anyhow::Result<String> {
        match go_type {
            GoType::Pointer(target) => Ok(format!("?{}", self.kind(target)?)),
            GoType::Slice(item) if matches!(&**item, GoType::Named(name) if name.local == "byte") => {
                Ok("y".to_owned())
            }
            GoType::Slice(item) => {
                let item = self.kind(item)?;
                Ok(format!("*{}", item.trim_start_matches('?')))
            }
            GoType::Map(value) => Ok(format!("%{}", self.kind(value)?)),
            GoType::Named(name) => self.named(name),
        }
    }

    fn named(&mut self, name: &Name) -> anyhow::Result<String> {
        if let Some(kind) = predeclared(&name.local).or_else(|| special(name)) {
            return Ok(kind.to_owned());
        }
        let package = self.package(&name.package)?;
        if package.structs.contains_key(&name.local) {
            return Ok(format!("#{}.{}", name.package, name.local));
        }
        match package.named.get(&name.local).cloned() {
            Some(definition) => self.kind(&definition),
            None => bail!("{}.{} is not defined", name.package, name.local),
        }
    }
}

fn predeclared(name: &str) -> Option<&'static str> {
    Some(match name {
        "string" => "s",
        "bool" => "b",
        "int" | "int32" | "int64" | "uint32" | "uint64" | "uint8" | "byte" => "i",
        "float64" => "d",
        "float32" => "f",
        _ => return None,
    })
}

/// Types that write their JSON themselves.
fn special(name: &Name) -> Option<&'static str> {
    Some(match (name.package.as_str(), name.local.as_str()) {
        ("meta.v1", "Time") => "@time",
        ("meta.v1", "MicroTime") => "@micro",
        ("meta.v1", "Duration") => "@duration",
        ("meta.v1", "FieldsV1") | ("pkg.runtime", "RawExtension") => "@raw",
        ("authentication.v1" | "authorization.v1", "ExtraValue") => "@items",
        ("util.intstr", "IntOrString") => "@intstr",
        ("api.resource", "Quantity") => "@quantity",
        ("pkg.types", "UID") => "s",
        _ => return None,
    })
}

/// The table: one line per type that `kinds` and requests consist of, by name.
///
/// # Errors
/// When a Go file cannot be read, or a type is written in a form that is not expected.
pub(super) fn table<'a>(
    mut sources: Sources,
    kinds: impl Iterator<Item = &'a str>,
) -> anyhow::Result<String> {
    let mut pending: Vec<String> = kinds
        .filter(|kind| !JSON_ONLY.iter().any(|group| kind.starts_with(group)))
        .chain(REQUESTS.iter().copied())
        .map(str::to_owned)
        .collect();
    let mut types = BTreeMap::new();
    while let Some(name) = pending.pop() {
        if types.contains_key(&name) {
            continue;
        }
        let mut rows = Vec::new();
        for field in sources.fields(&name)? {
            let kind = sources
                .kind(&field.go_type)
                .with_context(|| format!("{name}: field {}", field.number))?;
            if let Some((_, target)) = kind.split_once('#') {
                pending.push(target.to_owned());
            }
            rows.push(row(&field, &kind));
        }
        types.insert(name, Value::Array(rows));
    }
    let lines: Vec<String> = types
        .iter()
        .map(|(name, rows)| format!("{}:{rows}", json!(name)))
        .collect();
    Ok(format!("{{\n{}\n}}\n", lines.join(",\n")))
}

fn row(field: &Field, kind: &str) -> Value {
    // Go leaves out an empty list, map or pointer whether or not its tag asks for it.
    let always = !field.omit_empty && !kind.starts_with(['?', '*', '%']);
    let mark = if always { "!" } else { "" };
    json!([field.number, field.json, format!("{mark}{kind}")])
}
