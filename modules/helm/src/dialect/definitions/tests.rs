#![expect(clippy::unwrap_used, reason = "tests")]

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use super::all;

const GENERATED: &str =
    "# Made of the tables of modules/helm/src/dialect/fields: UPDATE=1 cargo test -p helm\n";

/// The same text whether or not objects keep the order of their fields.
fn sorted(value: &Value) -> Value {
    match value {
        Value::Object(fields) => {
            let mut names: Vec<_> = fields.keys().collect();
            names.sort();
            names
                .into_iter()
                .map(|name| (name.clone(), sorted(&fields[name])))
                .collect()
        }
        Value::Array(items) => items.iter().map(sorted).collect(),
        other => other.clone(),
    }
}

#[test]
fn files_are_up_to_date() {
    let home = Path::new(env!("CARGO_MANIFEST_DIR")).join("crds");
    for (name, definition) in all() {
        let path = home.join(format!("{name}.yaml"));
        let wanted = format!(
            "{GENERATED}{}",
            serde_saphyr::to_string(&sorted(&definition)).unwrap()
        );
        if std::env::var_os("UPDATE").is_some() {
            fs::write(&path, &wanted).unwrap();
        }
        let kept = fs::read_to_string(&path).unwrap_or_default();
        assert!(
            kept == wanted,
            "{} is stale\nhint: UPDATE=1 cargo test -p helm",
            path.display()
        );
        // What kubectl reads is what was meant.
        let read: Value = serde_saphyr::from_str(&kept).unwrap();
        assert_eq!(read, definition, "{name}");
    }
}

/// The rules of structural schemas that these could break.
fn faults(schema: &Value, path: &str, found: &mut Vec<String>) {
    if !schema["type"].is_string() {
        found.push(format!("{path} has no type"));
    }
    for word in ["oneOf", "anyOf", "allOf", "$ref", "nullable"] {
        if schema.get(word).is_some() {
            found.push(format!("{path} has {word}"));
        }
    }
    let properties = schema["properties"].as_object();
    for (name, below) in properties.into_iter().flatten() {
        faults(below, &format!("{path}.{name}"), found);
    }
    for word in ["items", "additionalProperties"] {
        if let Some(below) = schema.get(word) {
            faults(below, &format!("{path}[]"), found);
        }
    }
    if properties.is_some()
        && !path.is_empty()
        && schema["x-kubernetes-preserve-unknown-fields"] != true
    {
        found.push(format!("{path} drops what it does not know"));
    }
    for name in schema["required"].as_array().into_iter().flatten() {
        if properties.is_none_or(|fields| !fields.contains_key(name.as_str().unwrap())) {
            found.push(format!("{path} requires {name}, which it does not have"));
        }
    }
}

#[test]
fn schemas_are_structural_and_keep_what_they_do_not_know() {
    for (name, definition) in all() {
        let mut found = Vec::new();
        let schema = &definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"];
        faults(schema, "", &mut found);
        assert_eq!(found, [""; 0], "{name}");
    }
}

#[test]
fn columns_and_names_are_those_of_the_originals() {
    let all = all();
    let find = |name: &str| &all.iter().find(|(of, _)| of == name).unwrap().1["spec"];
    let columns = |name: &str| -> Vec<String> {
        let columns = find(name)["versions"][0]["additionalPrinterColumns"].as_array();
        let columns = columns.into_iter().flatten();
        columns
            .map(|column| column["name"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(
        columns("helmreleases.helm.fluxcd.io"),
        ["Release", "Phase", "ReleaseStatus", "Message", "Age"]
    );
    assert_eq!(
        columns("helmreleases.flux.weave.works"),
        ["Release", "Status", "Message", "Age"]
    );
    assert_eq!(
        columns("helmreleases.helm.toolkit.fluxcd.io"),
        ["Age", "Ready", "Status"]
    );
    assert_eq!(columns("helmreleases.samplecontroller.k8s.io"), [""; 0]);
    assert_eq!(
        find("helmreleases.helm.fluxcd.io")["names"]["shortNames"],
        json!(["hr", "hrs"])
    );
    assert_eq!(
        find("helmreleases.samplecontroller.k8s.io")["versions"][0]["name"],
        "v1alpha1"
    );
}

#[test]
fn the_samples_group_is_kubernetes_own_and_says_that_nobody_approved_it() {
    for (name, definition) in all() {
        let said = &definition["metadata"]["annotations"]["api-approved.kubernetes.io"];
        let of_kubernetes = name.ends_with(".k8s.io");
        assert_eq!(said.is_string(), of_kubernetes, "{name}");
    }
}
