//! Generates the table of built-in resources that the embedded cluster serves.
//!
//! The source is the OpenAPI of a Kubernetes release, fetched as a Go module by the `go` command.
//! What is kept: the types reachable from the kinds of the chosen groups, without prose, and for
//! each resource what discovery needs to say about it.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, bail};
use serde_json::{Map, Value, json};

/// The release the table is taken from.
const RELEASE: &str = "v1.34.0";

/// Groups and versions that are served.
const DOCUMENTS: &[&str] = &[
    "api__v1",
    "apis__admissionregistration.k8s.io__v1",
    "apis__apiextensions.k8s.io__v1",
    "apis__apiregistration.k8s.io__v1",
    "apis__apps__v1",
    "apis__authentication.k8s.io__v1",
    "apis__authorization.k8s.io__v1",
    "apis__autoscaling__v1",
    "apis__autoscaling__v2",
    "apis__batch__v1",
    "apis__coordination.k8s.io__v1",
    "apis__discovery.k8s.io__v1",
    "apis__events.k8s.io__v1",
    "apis__networking.k8s.io__v1",
    "apis__policy__v1",
    "apis__rbac.authorization.k8s.io__v1",
    "apis__scheduling.k8s.io__v1",
    "apis__storage.k8s.io__v1",
];

/// Prefixes that say nothing a reader of the table needs.
const PREFIXES: &[&str] = &[
    "io.k8s.apiextensions-apiserver.pkg.apis.",
    "io.k8s.kube-aggregator.pkg.apis.",
    "io.k8s.apimachinery.pkg.apis.",
    "io.k8s.apimachinery.pkg.",
    "io.k8s.api.",
];

/// Keywords that carry meaning for a server; the rest is prose or for other readers.
const KEYWORDS: &[&str] = &[
    "default",
    "format",
    "required",
    "type",
    "x-kubernetes-list-map-keys",
    "x-kubernetes-list-type",
    "x-kubernetes-map-type",
    "x-kubernetes-patch-merge-key",
    "x-kubernetes-patch-strategy",
];

/// Writes `crates/devcluster/data/builtins.json`.
///
/// # Errors
/// When the `go` command is missing or cannot fetch the release, when a document has another form
/// than expected, or when the file cannot be written.
pub(crate) fn run() -> anyhow::Result<()> {
    let documents = download()?.join("api/openapi-spec/v3");
    let mut types = BTreeMap::new();
    let mut resources = BTreeMap::new();
    for name in DOCUMENTS {
        let path = documents.join(format!("{name}_openapi.json"));
        let text = fs::read_to_string(&path).with_context(|| format!("read {}", path.display()))?;
        let document: Value =
            serde_json::from_str(&text).with_context(|| format!("parse {}", path.display()))?;
        collect_types(&document, &mut types).with_context(|| (*name).to_owned())?;
        collect_resources(&document, &types, &mut resources).with_context(|| (*name).to_owned())?;
    }
    let types = reachable(&types, resources.values());
    let target = Path::new(env!("CARGO_MANIFEST_DIR")).join("../devcluster/data/builtins.json");
    fs::write(&target, render(&types, resources.values())?)
        .with_context(|| format!("write {}", target.display()))
}

/// Fetches the release into the module cache and returns its directory.
fn download() -> anyhow::Result<PathBuf> {
    let module = format!("k8s.io/kubernetes@{RELEASE}");
    let output = Command::new("go")
        .args(["mod", "download", "-json", &module])
        .current_dir(std::env::temp_dir())
        .output()
        .context("run go; hint: the generator needs the go command")?;
    let answer: Value = serde_json::from_slice(&output.stdout)
        .with_context(|| format!("go mod download {module}: no JSON answer"))?;
    match answer["Dir"].as_str() {
        Some(directory) => Ok(PathBuf::from(directory)),
        None => bail!("go mod download {module}: {}", answer["Error"]),
    }
}

fn short(name: &str) -> &str {
    PREFIXES
        .iter()
        .find_map(|prefix| name.strip_prefix(prefix))
        .unwrap_or(name)
}

fn reference(schema: &Value) -> Option<&str> {
    let direct = schema["$ref"].as_str();
    let wrapped = || schema["allOf"][0]["$ref"].as_str();
    direct
        .or_else(wrapped)
        .and_then(|target| target.rsplit('/').next())
        .map(short)
}

fn collect_types(document: &Value, types: &mut BTreeMap<String, Value>) -> anyhow::Result<()> {
    let schemas = document["components"]["schemas"]
        .as_object()
        .context("components.schemas is not an object")?;
    for (name, schema) in schemas {
        let name = short(name);
        types.insert(name.to_owned(), named_type(name, schema));
    }
    Ok(())
}

/// A type of the table. The zero value as a default means that Go always emits the field. That is
/// kept where a server reports; where a user must speak, an absent field has to be seen as absent.
fn named_type(name: &str, schema: &Value) -> Value {
    let reported = ["Status", "Condition"]
        .iter()
        .any(|suffix| name.ends_with(suffix));
    let mut out = compact(schema);
    if let Some(properties) = out.get_mut("properties").and_then(Value::as_object_mut) {
        for property in properties.values_mut() {
            let Some(object) = property.as_object_mut() else {
                continue;
            };
            let zero = match object.get("default") {
                Some(Value::String(text)) => text.is_empty(),
                Some(Value::Bool(value)) => !value,
                Some(Value::Number(number)) => number.as_f64() == Some(0.0),
                _ => false,
            };
            if zero && !reported {
                object.remove("default");
            }
            if let Some(simple) = simplified(object) {
                *property = simple;
            }
        }
    }
    out
}

/// A schema without prose; `"string"` for `{"type":"string"}` and `"#T"` for a reference to T.
fn compact(schema: &Value) -> Value {
    let mut out = Map::new();
    for keyword in KEYWORDS {
        if let Some(value) = schema.get(*keyword) {
            out.insert((*keyword).to_owned(), value.clone());
        }
    }
    if let Some(target) = reference(schema) {
        out.insert("$ref".to_owned(), json!(target));
    } else if schema.get("oneOf").is_some() {
        // The only two: Quantity and IntOrString.
        out.entry("format").or_insert_with(|| json!("quantity"));
    }
    if let Some(items) = schema.get("items") {
        out.insert("items".to_owned(), element(items));
    }
    if let Some(values) = schema.get("additionalProperties") {
        out.insert("additionalProperties".to_owned(), element(values));
    }
    if let Some(properties) = schema["properties"].as_object() {
        let properties: BTreeMap<&String, Value> = properties
            .iter()
            .map(|(name, property)| (name, compact(property)))
            .collect();
        out.insert("properties".to_owned(), json!(properties));
    }
    simplified(&out).unwrap_or(Value::Object(out))
}

/// The type of an element: its default is that of a Go zero value, which no server applies.
fn element(schema: &Value) -> Value {
    let mut schema = schema.clone();
    if let Some(object) = schema.as_object_mut() {
        object.remove("default");
    }
    compact(&schema)
}

fn simplified(schema: &Map<String, Value>) -> Option<Value> {
    if schema.len() != 1 {
        return None;
    }
    if let Some(Value::String(target)) = schema.get("$ref") {
        return Some(Value::String(format!("#{target}")));
    }
    match schema.get("type") {
        Some(Value::String(name)) if name != "object" && name != "array" => Some(json!(name)),
        _ => None,
    }
}

fn collect_resources(
    document: &Value,
    types: &BTreeMap<String, Value>,
    resources: &mut BTreeMap<String, Value>,
) -> anyhow::Result<()> {
    let paths = document["paths"]
        .as_object()
        .context("paths is not an object")?;
    let kinds = kinds(document, types)?;
    for (path, item) in paths {
        let Some(place) = Place::of(path) else {
            continue;
        };
        let key = format!("{}/{}/{}", place.group, place.version, place.plural);
        let entry = resources.entry(key).or_insert_with(|| {
            json!({"group": place.group, "version": place.version, "plural": place.plural,
                   "namespaced": false, "verbs": [], "subresources": []})
        });
        if place.namespaced {
            entry["namespaced"] = json!(true);
        }
        if let Some(subresource) = place.subresource {
            insert(&mut entry["subresources"], subresource);
            continue;
        }
        for (method, verb) in place.verbs() {
            if place.watch {
                insert(&mut entry["verbs"], "watch");
            } else if let Some(operation) = item.get(method) {
                insert(&mut entry["verbs"], verb);
                if let Some(kind) = operation["x-kubernetes-group-version-kind"]["kind"].as_str() {
                    entry["kind"] = json!(kind);
                    entry["type"] = json!(kinds.get(kind).with_context(|| {
                        format!("{path}: no type for kind {kind} in this document")
                    })?);
                }
            }
        }
    }
    resources.retain(|_, resource| resource.get("kind").is_some());
    Ok(())
}

/// The type of each kind of the document's own group.
fn kinds(
    document: &Value,
    types: &BTreeMap<String, Value>,
) -> anyhow::Result<BTreeMap<String, String>> {
    let schemas = document["components"]["schemas"]
        .as_object()
        .context("components.schemas is not an object")?;
    let mut kinds = BTreeMap::new();
    for (name, schema) in schemas {
        let short = short(name);
        for kind in schema["x-kubernetes-group-version-kind"]
            .as_array()
            .into_iter()
            .flatten()
        {
            if let (Some(kind), true) = (kind["kind"].as_str(), types.contains_key(short)) {
                kinds.insert(kind.to_owned(), short.to_owned());
            }
        }
    }
    Ok(kinds)
}

fn insert(list: &mut Value, item: &str) {
    if let Some(list) = list.as_array_mut() {
        let item = json!(item);
        if !list.contains(&item) {
            list.push(item);
            list.sort_by_key(ToString::to_string);
        }
    }
}

/// What a request path addresses.
struct Place<'a> {
    group: &'a str,
    version: &'a str,
    plural: &'a str,
    namespaced: bool,
    watch: bool,
    item: bool,
    subresource: Option<&'a str>,
}

impl<'a> Place<'a> {
    fn of(path: &'a str) -> Option<Self> {
        let mut parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
        let (group, version) = match *parts.first()? {
            "api" if parts.len() > 2 => ("", parts[1]),
            "apis" if parts.len() > 3 => (parts[1], parts[2]),
            _ => return None,
        };
        parts.drain(..if group.is_empty() { 2 } else { 3 });
        let watch = parts.first() == Some(&"watch");
        if watch {
            parts.remove(0);
        }
        let namespaced = parts.len() > 2 && parts[0] == "namespaces" && parts[1] == "{namespace}";
        if namespaced {
            parts.drain(..2);
        }
        let plural = *parts.first()?;
        if parts.get(2).is_some_and(|part| part.starts_with('{')) {
            return None;
        }
        let subresource = parts.get(2).copied();
        if parts.len() > 3 {
            return None;
        }
        Some(Self {
            group,
            version,
            plural,
            namespaced,
            watch,
            item: parts.len() > 1,
            subresource,
        })
    }

    fn verbs(&self) -> &'static [(&'static str, &'static str)] {
        if self.item {
            &[
                ("get", "get"),
                ("put", "update"),
                ("patch", "patch"),
                ("delete", "delete"),
            ]
        } else {
            &[
                ("get", "list"),
                ("post", "create"),
                ("delete", "deletecollection"),
            ]
        }
    }
}

/// The types that the kinds of `resources` consist of, and those any object needs.
fn reachable<'a>(
    types: &'a BTreeMap<String, Value>,
    resources: impl Iterator<Item = &'a Value>,
) -> BTreeMap<&'a str, &'a Value> {
    let mut pending: Vec<&str> = resources
        .filter_map(|resource| resource["type"].as_str())
        .collect();
    pending.push("meta.v1.ObjectMeta");
    pending.push("autoscaling.v1.Scale");
    let mut kept = BTreeMap::new();
    while let Some(name) = pending.pop() {
        if let Some((name, schema)) = types.get_key_value(name)
            && kept.insert(name.as_str(), schema).is_none()
        {
            references(schema, &mut pending);
        }
    }
    kept
}

fn references<'a>(schema: &'a Value, found: &mut Vec<&'a str>) {
    match schema {
        Value::String(text) => found.extend(text.strip_prefix('#')),
        Value::Object(object) => {
            for (keyword, value) in object {
                match keyword.as_str() {
                    "$ref" => found.extend(value.as_str()),
                    "items" | "additionalProperties" => references(value, found),
                    "properties" => value
                        .as_object()
                        .into_iter()
                        .flat_map(Map::values)
                        .for_each(|property| references(property, found)),
                    _ => {}
                }
            }
        }
        _ => {}
    }
}

/// One line per type and resource, keys sorted: a change of release reads as a diff.
fn render<'a>(
    types: &BTreeMap<&str, &Value>,
    resources: impl Iterator<Item = &'a Value>,
) -> anyhow::Result<String> {
    let mut out = String::new();
    writeln!(out, "{{\n\"release\":{},\n\"types\":{{", json!(RELEASE))?;
    let lines: Vec<String> = types
        .iter()
        .map(|(name, schema)| format!("{}:{}", json!(name), sorted(schema)))
        .collect();
    writeln!(out, "{}\n}},\n\"resources\":[", lines.join(",\n"))?;
    let lines: Vec<String> = resources
        .map(|resource| sorted(resource).to_string())
        .collect();
    writeln!(out, "{}\n]\n}}", lines.join(",\n"))?;
    Ok(out)
}

/// The same value with the keys of every object in order.
fn sorted(value: &Value) -> Value {
    match value {
        Value::Object(object) => {
            let ordered: BTreeMap<&String, Value> = object
                .iter()
                .map(|(key, value)| (key, sorted(value)))
                .collect();
            ordered
                .into_iter()
                .map(|(key, value)| (key.clone(), value))
                .collect::<Map<_, _>>()
                .into()
        }
        Value::Array(items) => items.iter().map(sorted).collect(),
        other => other.clone(),
    }
}
