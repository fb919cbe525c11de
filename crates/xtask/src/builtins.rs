//! Generates the tables of built-in resources that the embedded cluster serves.
//!
//! The source is a Kubernetes release, fetched as Go modules by the `go` command: its OpenAPI and the
//! Go types of its API. What is kept: the types reachable from the kinds of the chosen groups, without
//! prose, for each resource what discovery needs to say about it, and how the types are numbered in
//! protobuf.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, bail};
use serde_json::{Map, Value, json};

mod protobuf;
mod resources;
mod schema;

/// The release the tables are taken from.
const RELEASE: &str = "v1.34.0";
/// The same release as the modules of its Go types count it.
const GO_RELEASE: &str = "v0.34.0";

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

/// Writes `builtins.json` and `protobuf.json` of `crates/devcluster/data`.
///
/// # Errors
/// When the `go` command is missing or cannot fetch the release, when a document or a Go type has
/// another form than expected, or when a file cannot be written.
pub(crate) fn run() -> anyhow::Result<()> {
    let documents = download("k8s.io/kubernetes", RELEASE)?.join("api/openapi-spec/v3");
    let mut types = BTreeMap::new();
    let mut resources = BTreeMap::new();
    for name in DOCUMENTS {
        let path = documents.join(format!("{name}_openapi.json"));
        let text = fs::read_to_string(&path).with_context(|| format!("read {}", path.display()))?;
        let document: Value =
            serde_json::from_str(&text).with_context(|| format!("parse {}", path.display()))?;
        schema::collect(&document, &mut types).with_context(|| (*name).to_owned())?;
        resources::collect(&document, &types, &mut resources)
            .with_context(|| (*name).to_owned())?;
    }
    let types = schema::reachable(&types, resources.values());
    write("builtins.json", &render(&types, resources.values())?)?;

    let sources = protobuf::Sources::new(
        download("k8s.io/api", GO_RELEASE)?,
        download("k8s.io/apimachinery", GO_RELEASE)?,
    );
    let kinds = resources
        .values()
        .filter_map(|resource| resource["type"].as_str());
    write("protobuf.json", &protobuf::table(sources, kinds)?)
}

fn write(name: &str, text: &str) -> anyhow::Result<()> {
    let target = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../devcluster/data")
        .join(name);
    fs::write(&target, text).with_context(|| format!("write {}", target.display()))
}

/// Fetches a Go module into the module cache and returns its directory.
fn download(module: &str, version: &str) -> anyhow::Result<PathBuf> {
    let module = format!("{module}@{version}");
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
