#![expect(clippy::unwrap_used, reason = "tests")]

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use super::all;

const GENERATED: &str = "# Made of the tables of modules/service-catalog/src/resource/fields: UPDATE=1 cargo test -p service-catalog\n";

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
        let sorted = sorted(&definition);
        let text = serde_saphyr::to_string(&sorted).unwrap();
        let yaml = (format!("{name}.yaml"), format!("{GENERATED}{text}"));
        let json = (format!("component/{name}.json"), format!("{sorted}\n"));
        // What kubectl reads is what was meant.
        let read: Value = serde_saphyr::from_str(&yaml.1).unwrap();
        assert_eq!(read, definition, "{name}");
        for (file, wanted) in [yaml, json] {
            let path = home.join(file);
            if std::env::var_os("UPDATE").is_some() {
                fs::write(&path, &wanted).unwrap();
            }
            let kept = fs::read_to_string(&path).unwrap_or_default();
            assert!(
                kept == wanted,
                "{} is stale\nhint: UPDATE=1 cargo test -p service-catalog",
                path.display()
            );
        }
    }
    // And none is of a kind that is there no more.
    for folder in [home.clone(), home.join("component")] {
        let files = fs::read_dir(folder).unwrap();
        let count = files.filter(|file| file.as_ref().unwrap().path().is_file());
        assert_eq!(count.count(), 8);
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
        && !path.ends_with(".conditions[]")
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
fn schemas_are_structural_and_keep_what_people_write() {
    for (name, definition) in all() {
        let mut found = Vec::new();
        let schema = &definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"];
        faults(schema, "", &mut found);
        // A class of a namespace that names a broker of the cluster, too, is none.
        let wanted: &[&str] = match name.ends_with("classes") || name.ends_with("plans") {
            true => &[".spec drops what it does not know"],
            false => &[],
        };
        assert_eq!(found, wanted, "{name}");
    }
}

#[test]
fn columns_are_those_that_users_know() {
    let columns = |name: &str| -> Vec<String> {
        let all = all();
        let (_, definition) = all.iter().find(|(of, _)| of == name).unwrap();
        let columns = &definition["spec"]["versions"][0]["additionalPrinterColumns"];
        let columns = columns.as_array().unwrap().iter();
        columns
            .map(|column| {
                let wide = if column["priority"] == 1 { "+" } else { "" };
                format!("{wide}{}", column["name"].as_str().unwrap())
            })
            .collect()
    };
    for (name, wanted) in [
        (
            "clusterservicebrokers",
            vec!["URL", "Status", "Age", "+Ready", "+Reason"],
        ),
        (
            "servicebrokers",
            vec!["URL", "Status", "Age", "+Ready", "+Reason"],
        ),
        (
            "clusterserviceclasses",
            vec!["External-Name", "Broker", "Age", "+Removed"],
        ),
        (
            "serviceplans",
            vec!["External-Name", "Broker", "Class", "Age", "+Removed"],
        ),
        (
            "serviceinstances",
            vec!["Class", "Plan", "Status", "Age", "+Ready", "+Reason"],
        ),
        (
            "servicebindings",
            vec![
                "Service-Instance",
                "Secret-Name",
                "Status",
                "Age",
                "+Ready",
                "+Reason",
            ],
        ),
    ] {
        assert_eq!(columns(name), wanted, "{name}");
    }
}

#[test]
fn the_group_is_kubernetes_own_and_says_that_nobody_approved_it() {
    for (name, definition) in all() {
        let said = &definition["metadata"]["annotations"]["api-approved.kubernetes.io"];
        let said = said.as_str().unwrap();
        // The API server takes an address, or a text that begins like this.
        assert!(said.starts_with("unapproved"), "{name}: {said}");
        assert_eq!(
            definition["spec"]["names"]["categories"],
            json!(["all", "svcat"])
        );
    }
}

/// Where the retired project's webhook filled something in, the schema does, and nowhere else.
#[test]
fn defaults_are_those_of_the_retired_project() {
    fn walk(schema: &Value, path: &str, found: &mut Vec<String>) {
        if let Some(default) = schema.get("default") {
            found.push(format!("{path} = {default}"));
        }
        for (name, below) in schema["properties"].as_object().into_iter().flatten() {
            walk(below, &format!("{path}.{name}"), found);
        }
        if let Some(items) = schema.get("items") {
            walk(items, &format!("{path}[]"), found);
        }
    }
    let mut found = Vec::new();
    for (name, definition) in all() {
        let schema = &definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"];
        walk(schema, &name, &mut found);
    }
    assert_eq!(
        found,
        [
            "clusterservicebrokers.spec.relistBehavior = \"Duration\"",
            "servicebrokers.spec.relistBehavior = \"Duration\"",
        ]
    );
}

#[test]
fn the_component_brings_all_of_them() {
    for ((name, definition), text) in all().iter().zip([
        super::CLUSTER_SERVICE_BROKER,
        super::SERVICE_BROKER,
        super::CLUSTER_SERVICE_CLASS,
        super::SERVICE_CLASS,
        super::CLUSTER_SERVICE_PLAN,
        super::SERVICE_PLAN,
        super::SERVICE_INSTANCE,
        super::SERVICE_BINDING,
    ]) {
        let brought: Value = serde_json::from_str(text).unwrap();
        assert_eq!(brought, *definition, "{name}");
    }
}
