//! The CustomResourceDefinitions of the dialects, made of the tables that objects are checked by.
//!
//! `crds/*.yaml` are the same for kubectl. They keep fields that nobody knows, so that those can be named. Flux's own definitions
//! take their place for sources alone: those of releases drop `.status.lifecycle`, and the first Flux's refuse the condition `Ready`.

mod status;
#[cfg(test)]
mod tests;

use serde_json::{Map, Value, json};

use super::fields::{self, Fate, Field, Shape, Table};
use status::Of;

/// `helmreleases` of `helm.fluxcd.io`, of `flux.weave.works`, of `helm.toolkit.fluxcd.io` and of `samplecontroller.k8s.io`, and
/// the sources of `source.toolkit.fluxcd.io`: as applied, each under the name of its file in `crds/`.
#[must_use]
pub fn all() -> Vec<(String, Value)> {
    let releases = [
        release(
            "helm.fluxcd.io",
            "v1",
            fields::flux1::TABLE,
            flux1_columns(),
            Of::Flux1,
        ),
        release(
            "flux.weave.works",
            "v1beta1",
            fields::flux1::TABLE,
            oldest_columns(),
            Of::Oldest,
        ),
        release(
            "helm.toolkit.fluxcd.io",
            "v2",
            fields::flux2::TABLE,
            flux2_columns(),
            Of::Flux2,
        ),
        release(
            "samplecontroller.k8s.io",
            "v1alpha1",
            fields::sample::TABLE,
            Vec::new(),
            Of::Sample,
        ),
    ];
    let sources = [
        source(
            "HelmRepository",
            "helmrepositories",
            "helmrepo",
            fields::sources::HELM_REPOSITORY,
        ),
        source(
            "GitRepository",
            "gitrepositories",
            "gitrepo",
            fields::sources::GIT_REPOSITORY,
        ),
        source(
            "OCIRepository",
            "ocirepositories",
            "ocirepo",
            fields::sources::OCI_REPOSITORY,
        ),
        source("HelmChart", "helmcharts", "hc", fields::sources::HELM_CHART),
    ];
    let name = |definition: &Value| {
        String::from(definition["metadata"]["name"].as_str().unwrap_or_default())
    };
    releases
        .into_iter()
        .chain(sources)
        .map(|definition| (name(&definition), definition))
        .collect()
}

fn release(group: &str, version: &str, table: Table, columns: Vec<Value>, of: Of) -> Value {
    let short: &[&str] = match group {
        "helm.fluxcd.io" => &["hr", "hrs"],
        "samplecontroller.k8s.io" => &[],
        _ => &["hr"],
    };
    let names = json!({
        "kind": "HelmRelease",
        "listKind": "HelmReleaseList",
        "plural": "helmreleases",
        "singular": "helmrelease",
        "shortNames": short,
    });
    let mut spec = object(table, "spec");
    if group == "helm.toolkit.fluxcd.io" {
        spec["x-kubernetes-validations"] = json!([{
            "rule": "has(self.chart) != has(self.chartRef)",
            "message": "one of chart and chartRef is expected",
        }]);
    }
    definition(
        group,
        version,
        &names,
        (spec, status::schema(of)),
        columns,
        "A release of a Helm chart.",
    )
}

fn source(kind: &str, plural: &str, short: &str, table: Table) -> Value {
    let names = json!({
        "kind": kind,
        "listKind": format!("{kind}List"),
        "plural": plural,
        "singular": kind.to_lowercase(),
        "shortNames": [short],
    });
    let first = match kind {
        "HelmChart" => column("Chart", "string", ".spec.chart"),
        _ => column("URL", "string", ".spec.url"),
    };
    let columns = vec![first, age()];
    let about = "Where charts are from: read by the releases that refer to it.";
    definition(
        "source.toolkit.fluxcd.io",
        "v1",
        &names,
        (object(table, "spec"), status::schema(Of::Source)),
        columns,
        about,
    )
}

fn column(name: &str, kind: &str, path: &str) -> Value {
    json!({"name": name, "type": kind, "jsonPath": path})
}

fn age() -> Value {
    column("Age", "date", ".metadata.creationTimestamp")
}

fn of_condition(name: &str, condition: &str, field: &str) -> Value {
    let path = format!(".status.conditions[?(@.type==\"{condition}\")].{field}");
    column(name, "string", &path)
}

fn flux1_columns() -> Vec<Value> {
    vec![
        column("Release", "string", ".status.releaseName"),
        column("Phase", "string", ".status.phase"),
        column("ReleaseStatus", "string", ".status.releaseStatus"),
        of_condition("Message", "Released", "message"),
        age(),
    ]
}

fn oldest_columns() -> Vec<Value> {
    vec![
        column("Release", "string", ".status.releaseName"),
        column("Status", "string", ".status.releaseStatus"),
        of_condition("Message", "Released", "message"),
        age(),
    ]
}

fn flux2_columns() -> Vec<Value> {
    vec![
        age(),
        of_condition("Ready", "Ready", "status"),
        of_condition("Status", "Ready", "message"),
    ]
}

fn definition(
    group: &str,
    version: &str,
    names: &Value,
    (spec, status): (Value, Value),
    columns: Vec<Value>,
    about: &str,
) -> Value {
    let plural = names["plural"].as_str().unwrap_or_default();
    let mut version = json!({
        "name": version,
        "served": true,
        "storage": true,
        "subresources": {"status": {}},
        "schema": {"openAPIV3Schema": {
            "type": "object",
            "description": about,
            "required": ["spec"],
            "properties": {
                "apiVersion": {"type": "string"},
                "kind": {"type": "string"},
                "metadata": {"type": "object"},
                "spec": spec,
                "status": status,
            },
        }},
    });
    if !columns.is_empty() {
        version["additionalPrinterColumns"] = Value::Array(columns);
    }
    let mut metadata = json!({"name": format!("{plural}.{group}")});
    if group.ends_with(".k8s.io") {
        // Kubernetes keeps such groups for itself, and takes others only with a word on who approved them.
        metadata["annotations"] = json!({
            "api-approved.kubernetes.io": "unapproved, for objects that were written for a sample",
        });
    }
    json!({
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": metadata,
        "spec": {
            "group": group,
            "scope": "Namespaced",
            "names": names,
            "versions": [version],
        },
    })
}

/// The object at a path of a table.
fn object(table: Table, path: &str) -> Value {
    let mut properties = Map::new();
    let mut required = Vec::new();
    for field in table {
        let Some((name, list)) = field.below(path) else {
            continue;
        };
        let mut schema = value(table, field);
        if list {
            schema = json!({"type": "array", "items": schema});
        }
        if let Some(about) = about(field) {
            schema["description"] = Value::String(about);
        }
        properties.insert(name.to_owned(), schema);
        if field.required {
            required.push(name);
        }
    }
    let mut schema = json!({
        "type": "object",
        "properties": properties,
        "x-kubernetes-preserve-unknown-fields": true,
    });
    if !required.is_empty() {
        schema["required"] = json!(required);
    }
    schema
}

fn value(table: Table, field: &Field) -> Value {
    match field.shape {
        Shape::Text | Shape::Duration => json!({"type": "string"}),
        Shape::Flag => json!({"type": "boolean"}),
        Shape::Whole => json!({"type": "integer", "format": "int64"}),
        Shape::OneOf(texts) => json!({"type": "string", "enum": texts}),
        Shape::Object => object(table, field.path),
        Shape::Texts => json!({"type": "object", "additionalProperties": {"type": "string"}}),
        Shape::Free => json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true}),
    }
}

fn about(field: &Field) -> Option<String> {
    let remark = field.remark;
    match field.fate {
        _ if remark.is_empty() => None,
        Fate::Done => Some(remark.to_owned()),
        Fate::Warned => Some(format!("Not used: {remark}")),
        Fate::Rejected => Some(format!("Refused: {remark}")),
    }
}
