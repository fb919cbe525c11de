//! The CustomResourceDefinition, made of the types in [`spec`](crate::spec) and [`status`](crate::status), and kept in
//! three files: `crd.json` goes into the component, `crd.yaml` and its copy in `examples/deployer` are for kubectl.
//! `UPDATE=1 cargo test -p deployer` writes them again.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::fs;
use std::path::Path;

use oarlock_sdk::{Resource, Value, json};
use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema};

use crate::spec::DeployerSpec;
use crate::status::DeployerStatus;

const GENERATED: &str =
    "# Generated from the types of modules/deployer: UPDATE=1 cargo test -p deployer\n";

fn crd() -> Value {
    let mut status = structural::<DeployerStatus>();
    status["properties"]["conditions"] = conditions();
    let column = |name: &str, kind: &str, path: &str, about: &str| json!({"name": name, "type": kind, "jsonPath": path, "description": about});
    json!({
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": format!("{}.{}", DeployerSpec::PLURAL, DeployerSpec::GROUP)},
        "spec": {
            "group": DeployerSpec::GROUP,
            "scope": "Namespaced",
            "names": {
                "kind": DeployerSpec::KIND,
                "listKind": "DeployerList",
                "plural": DeployerSpec::PLURAL,
                "singular": "deployer",
                "shortNames": ["dep"],
            },
            "versions": [{
                "name": DeployerSpec::VERSION,
                "served": true,
                "storage": true,
                "subresources": {"status": {}},
                "additionalPrinterColumns": [
                    column("Version", "string", ".spec.deployment.version", "What shall run"),
                    column("Step", "string", ".status.progress.step", "The last step that was reached"),
                    column("Progress", "string", ".status.progress.percentage", "How much of it runs"),
                    column("Wait", "string", ".status.progress.wait", "How long it stays there"),
                    column("Ready", "string", ".status.conditions[?(@.type==\"Ready\")].status", "Whether all of it runs"),
                    column("Age", "date", ".metadata.creationTimestamp", "Since when"),
                ],
                "schema": {"openAPIV3Schema": {
                    "type": "object",
                    "description": "Rolls versions of an image out in steps.",
                    "required": ["spec"],
                    "properties": {
                        "apiVersion": {"type": "string"},
                        "kind": {"type": "string"},
                        "metadata": {"type": "object"},
                        "spec": structural::<DeployerSpec>(),
                        "status": status,
                    },
                }},
            }],
        },
    })
}

fn structural<T: JsonSchema>() -> Value {
    let settings = SchemaSettings::openapi3().with(|settings| {
        settings.inline_subschemas = true;
        settings.meta_schema = None;
    });
    let schema: Schema = settings.into_generator().into_root_schema_for::<T>();
    let mut schema = schema.to_value();
    tidy(&mut schema);
    schema
}

/// What the API server has no use for: titles, `null` (an absent field says the same), formats that it does not know.
fn tidy(schema: &mut Value) {
    let Some(fields) = schema.as_object_mut() else {
        return;
    };
    for keyword in ["title", "nullable", "$schema", "components"] {
        fields.remove(keyword);
    }
    if let Some(format) = fields.get("format").and_then(Value::as_str) {
        match format {
            "uint8" | "uint32" => drop(fields.insert("format".into(), json!("int32"))),
            _ => assert!(
                ["int64", "int32", "date-time"].contains(&format),
                "{format}"
            ),
        }
    }
    if fields.get("default") == Some(&Value::Null) {
        fields.remove("default");
    }
    if let Some(properties) = fields.get_mut("properties").and_then(Value::as_object_mut) {
        properties.values_mut().for_each(tidy);
    }
    for keyword in ["items", "additionalProperties"] {
        if let Some(schema) = fields.get_mut(keyword) {
            tidy(schema);
        }
    }
}

fn conditions() -> Value {
    json!({
        "type": "array",
        "description": "Ready: one version has all replicas, and they are available. Running: the operator is at work.",
        "x-kubernetes-list-type": "map",
        "x-kubernetes-list-map-keys": ["type"],
        "items": {
            "type": "object",
            "required": ["type", "status"],
            "properties": {
                "type": {"type": "string"},
                "status": {"type": "string", "enum": ["True", "False", "Unknown"]},
                "reason": {"type": "string"},
                "message": {"type": "string"},
                "lastTransitionTime": {"type": "string", "format": "date-time"},
                "observedGeneration": {"type": "integer", "format": "int64"},
            },
        },
    })
}

#[test]
fn files_are_up_to_date() {
    let home = Path::new(env!("CARGO_MANIFEST_DIR"));
    let crd = crd();
    let yaml = format!("{GENERATED}{}", serde_saphyr::to_string(&crd).unwrap());
    let files = [
        (home.join("crd.json"), format!("{crd}\n")),
        (home.join("crd.yaml"), yaml.clone()),
        (home.join("../../examples/deployer/crd.yaml"), yaml),
    ];
    for (path, wanted) in files {
        if std::env::var_os("UPDATE").is_some() {
            fs::write(&path, &wanted).unwrap();
        }
        let kept = fs::read_to_string(&path).unwrap_or_default();
        assert!(
            kept == wanted,
            "{} is stale\nhint: UPDATE=1 cargo test -p deployer",
            path.display()
        );
    }
}

/// The rules of structural schemas that a derived one could break.
#[test]
fn schema_is_structural() {
    fn check(path: &str, schema: &Value) {
        let schema = schema.as_object().unwrap();
        assert!(
            schema.get("type").is_some_and(Value::is_string),
            "{path} has no single type"
        );
        for keyword in [
            "$ref",
            "oneOf",
            "anyOf",
            "allOf",
            "const",
            "examples",
            "exclusiveMinimum",
        ] {
            assert!(!schema.contains_key(keyword), "{path} has {keyword}");
        }
        for (name, schema) in schema
            .get("properties")
            .and_then(Value::as_object)
            .into_iter()
            .flatten()
        {
            check(&format!("{path}.{name}"), schema);
        }
        for keyword in ["items", "additionalProperties"] {
            if let Some(schema) = schema.get(keyword) {
                check(&format!("{path}.{keyword}"), schema);
            }
        }
    }
    check(
        "",
        &crd()["spec"]["versions"][0]["schema"]["openAPIV3Schema"],
    );
}

#[test]
fn every_field_of_the_users_manifest_is_in_the_schema() {
    fn check(path: &str, value: &Value, schema: &Value) {
        match value {
            Value::Object(fields) => {
                for (name, value) in fields {
                    let schema = schema["properties"]
                        .get(name)
                        .unwrap_or(&schema["additionalProperties"]);
                    assert!(!schema.is_null(), "{path}.{name} would be pruned");
                    check(&format!("{path}.{name}"), value, schema);
                }
            }
            Value::Array(items) => items
                .iter()
                .for_each(|item| check(path, item, &schema["items"])),
            Value::String(_) => assert_eq!(schema["type"], "string", "{path}"),
            _ => assert_eq!(schema["type"], "integer", "{path}"),
        }
    }
    let schema = &crd()["spec"]["versions"][0]["schema"]["openAPIV3Schema"];
    check(
        "spec",
        &crate::tests::demo()["spec"],
        &schema["properties"]["spec"],
    );
    assert_eq!(
        schema["properties"]["spec"]["properties"]["steps"]["type"],
        "array"
    );
}
