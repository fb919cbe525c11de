//! The CustomResourceDefinition, made of the types in [`spec`](crate::spec) and [`status`](crate::status), and kept in
//! three files: `crd.json` goes into the component, `crd.yaml` and its copy in `examples/deployer` are for kubectl.
//! `UPDATE=1 cargo test -p deployer` writes them again.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::fs;
use std::path::Path;

use oarlock_sdk::{Resource, Value, json};
use rollout::schema::{conditions, structural, without_defaults};
use schemars::{Schema, SchemaGenerator};

use crate::spec::DeployerSpec;
use crate::status::DeployerStatus;

const GENERATED: &str =
    "# Generated from the types of modules/deployer: UPDATE=1 cargo test -p deployer\n";

/// An object whose fields are somebody else's.
pub(crate) fn any_object(_: &mut SchemaGenerator) -> Schema {
    schemars::json_schema!({"type": "object", "x-kubernetes-preserve-unknown-fields": true})
}

fn crd() -> Value {
    let mut status = structural::<DeployerStatus>();
    status["properties"]["conditions"] = conditions(
        "Ready: the revision of the spec has all replicas, and they are available. Progressing: on the way to another revision. \
         Available: as many Pods serve as are promised. Paused: somebody holds it. Degraded: somebody has to do something. \
         Running: the operator is at work.",
    );
    let column = |name: &str, kind: &str, path: &str, about: &str| json!({"name": name, "type": kind, "jsonPath": path, "description": about});
    // Only those who ask for a wide table see it.
    let wide = |name: &str, kind: &str, path: &str, about: &str| {
        let mut column = column(name, kind, path, about);
        column["priority"] = json!(1);
        column
    };
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
                "subresources": {
                    "status": {},
                    "scale": {
                        "specReplicasPath": ".spec.deployment.replicas",
                        "statusReplicasPath": ".status.replicas",
                        "labelSelectorPath": ".status.selector",
                    },
                },
                "additionalPrinterColumns": [
                    column("Version", "string", ".spec.deployment.version", "What shall run"),
                    column("Step", "string", ".status.progress.step", "The last step that was reached"),
                    column("Progress", "string", ".status.progress.percentage", "How much of it runs"),
                    column("Wait", "string", ".status.progress.wait", "How long it stays there"),
                    column("Ready", "string", ".status.conditions[?(@.type==\"Ready\")].status", "Whether all of it runs"),
                    column("Age", "date", ".metadata.creationTimestamp", "Since when"),
                    wide("Phase", "string", ".status.phase", "Where the rollout is"),
                    wide("Available", "integer", ".status.availableReplicas", "Pods of all revisions that are available"),
                    wide("Stable", "string", ".status.stableRevision", "The revision that serves"),
                    wide("Current", "string", ".status.currentRevision", "The revision that is wanted"),
                    wide("Why", "string", ".status.why.decision", "The last decision"),
                ],
                "schema": {"openAPIV3Schema": {
                    "type": "object",
                    "description": "Rolls versions of an image out in steps.",
                    "required": ["spec"],
                    "properties": {
                        "apiVersion": {"type": "string"},
                        "kind": {"type": "string"},
                        "metadata": {"type": "object"},
                        "spec": spec(),
                        "status": status,
                    },
                }},
            }],
        },
    })
}

fn spec() -> Value {
    let mut spec = structural::<DeployerSpec>();
    let properties = &mut spec["properties"];
    let parts = ["strategy", "control", "blueGreen", "notify"];
    parts
        .into_iter()
        .for_each(|part| without_defaults(&mut properties[part]));
    let steps = &mut properties["steps"];
    for part in ["checks", "notify", "pause", "sleep"] {
        without_defaults(&mut steps["items"]["properties"][part]);
    }
    steps["x-kubernetes-validations"] = json!([
        {
            "rule": "self.size() == 0 || self[self.size() - 1].percent == 100",
            "message": "the last step must be 100 percent",
        },
        {
            "rule": "self.map(step, step.percent).isSorted() && self.all(step, self.exists_one(other, other.percent == step.percent))",
            "message": "each step must be more percent than the one before",
        },
    ]);
    spec["x-kubernetes-validations"] = json!([{
        "rule": "!has(self.migration) || has(self.type) && self.type == 'recreate'",
        "message": "a migration is for type recreate only: two versions would run while it does",
        "fieldPath": ".migration",
    }, {
        "rule": "!has(self.service) || has(self.type) && self.type == 'blueGreen'",
        "message": "a service is for type blueGreen only: in steps, both versions have traffic",
        "fieldPath": ".service",
    }]);
    properties_without_blank_defaults(&mut spec);
    spec
}

/// Defaults that say what an absent field says.
fn properties_without_blank_defaults(spec: &mut Value) {
    for part in ["paused", "type", "steps", "revisionHistoryLimit"] {
        if let Some(schema) = spec["properties"][part].as_object_mut() {
            schema.remove("default");
        }
    }
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
        let mixed = schema.get("x-kubernetes-int-or-string").is_some();
        assert!(
            schema.get("type").is_some_and(Value::is_string) || mixed,
            "{path} has no single type"
        );
        for keyword in [
            "$ref",
            "oneOf",
            "allOf",
            "const",
            "examples",
            "exclusiveMinimum",
        ] {
            assert!(!schema.contains_key(keyword), "{path} has {keyword}");
        }
        assert!(mixed || !schema.contains_key("anyOf"), "{path} has anyOf");
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

/// Whether the schema takes a spec: every field is there, of the right type, and none that is required is missing.
pub(crate) fn takes(spec: &Value) {
    fn check(path: &str, value: &Value, schema: &Value) {
        if schema["x-kubernetes-preserve-unknown-fields"] == true {
            return;
        }
        let mixed = schema["x-kubernetes-int-or-string"] == true;
        match value {
            Value::Object(fields) => {
                for name in schema["required"].as_array().into_iter().flatten() {
                    let name = name.as_str().unwrap();
                    assert!(fields.contains_key(name), "{path}.{name} is required");
                }
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
            Value::String(_) => assert!(mixed || schema["type"] == "string", "{path}"),
            Value::Bool(_) => assert_eq!(schema["type"], "boolean", "{path}"),
            _ => assert!(
                mixed || schema["type"] == "integer" || schema["type"] == "number",
                "{path}"
            ),
        }
    }
    let crd = crd();
    let schema = &crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"];
    check("spec", spec, &schema["properties"]["spec"]);
}

#[test]
fn the_users_manifest_is_taken() {
    takes(&crate::tests::demo()["spec"]);
}
