#![expect(clippy::unwrap_used, reason = "tests")]

use std::fs;
use std::path::Path;

use oarlock_sdk::{Value, json};
use rollout::schema;

use super::definitions::{FLAGGER, OWN, alert_providers, canaries, metric_templates};
use crate::fields;

const GENERATED: &str =
    "# Generated from the types of modules/canary: UPDATE=1 cargo test -p canary\n";

/// All of them, under the name of their file.
fn all() -> [(&'static str, &'static str, Value); 6] {
    [
        ("canaries", OWN, canaries(OWN)),
        ("metrictemplates", OWN, metric_templates(OWN)),
        ("alertproviders", OWN, alert_providers(OWN)),
        ("canaries", FLAGGER, canaries(FLAGGER)),
        ("metrictemplates", FLAGGER, metric_templates(FLAGGER)),
        ("alertproviders", FLAGGER, alert_providers(FLAGGER)),
    ]
}

#[test]
fn files_are_up_to_date() {
    let home = Path::new(env!("CARGO_MANIFEST_DIR")).join("crds");
    for (name, group, definition) in all() {
        let yaml = format!(
            "{GENERATED}{}",
            serde_saphyr::to_string(&definition).unwrap()
        );
        let files = match group {
            OWN => vec![
                (home.join(format!("{name}.yaml")), yaml),
                (
                    home.join(format!("component/{name}.json")),
                    format!("{definition}\n"),
                ),
            ],
            _ => vec![(home.join(format!("{group}/{name}.yaml")), yaml)],
        };
        for (path, wanted) in files {
            if std::env::var_os("UPDATE").is_some() {
                fs::write(&path, &wanted).unwrap();
            }
            let kept = fs::read_to_string(&path).unwrap_or_default();
            assert!(
                kept == wanted,
                "{} is stale\nhint: UPDATE=1 cargo test -p canary",
                path.display()
            );
        }
    }
}

#[test]
fn schemas_are_structural() {
    for (name, group, definition) in all() {
        for version in definition["spec"]["versions"].as_array().unwrap() {
            let faults = schema::faults(&version["schema"]["openAPIV3Schema"]);
            assert_eq!(faults, [""; 0], "{name}.{group}");
        }
    }
}

/// Walks the schema beside the table: `spec.analysis.metrics[].name`.
fn paths(schema: &Value, path: &str, found: &mut Vec<String>) {
    for (name, schema) in schema["properties"].as_object().into_iter().flatten() {
        let path = format!("{path}.{name}");
        let (path, schema) = match schema.get("items") {
            Some(items) => (format!("{path}[]"), items),
            None => (path, schema),
        };
        found.push(path.clone());
        paths(schema, &path, found);
        if schema["additionalProperties"]["properties"].is_object() {
            let path = format!("{path}.*");
            found.push(path.clone());
            paths(&schema["additionalProperties"], &path, found);
        }
    }
}

#[test]
fn every_accepted_field_is_in_the_schema_and_the_other_way_round() {
    for (kind, definition) in [
        ("Canary", canaries(OWN)),
        ("MetricTemplate", metric_templates(OWN)),
        ("AlertProvider", alert_providers(OWN)),
    ] {
        let schema = &definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"];
        let mut found = Vec::new();
        paths(&schema["properties"]["spec"], "spec", &mut found);
        found.retain(|path| !path.starts_with("spec.canaryAnalysis"));
        for path in &found {
            assert!(
                fields::tests::fate(kind, path).is_some(),
                "{kind} {path} is not in the table"
            );
        }
        for path in fields::tests::accepted(kind) {
            assert!(
                found.iter().any(|found| *found == path)
                    || path.ends_with(".*") && found.contains(&path.replace(".*", "")),
                "{kind} {path} is not in the schema"
            );
        }
    }
}

#[test]
fn both_analyses_are_one() {
    let definition = canaries(FLAGGER);
    let versions = definition["spec"]["versions"].as_array().unwrap();
    let names: Vec<_> = versions.iter().map(|version| &version["name"]).collect();
    assert_eq!(names, ["v1beta1", "v1alpha3"]);
    for version in versions {
        let spec = &version["schema"]["openAPIV3Schema"]["properties"]["spec"];
        assert_eq!(
            spec["properties"]["analysis"]["properties"],
            spec["properties"]["canaryAnalysis"]["properties"]
        );
        assert_eq!(spec["x-kubernetes-preserve-unknown-fields"], true);
        assert_eq!(spec["required"], json!(["targetRef"]));
        assert_eq!(
            version["subresources"]["scale"]["specReplicasPath"],
            ".spec.replicas"
        );
    }
    assert_eq!(
        versions[1]["additionalPrinterColumns"][6]["jsonPath"],
        ".spec.canaryAnalysis.interval"
    );
}

#[test]
fn the_component_brings_its_own() {
    for (text, name) in [
        (super::CANARY, "canaries.canary.oarlock.dev"),
        (super::METRIC_TEMPLATE, "metrictemplates.canary.oarlock.dev"),
        (super::ALERT_PROVIDER, "alertproviders.canary.oarlock.dev"),
    ] {
        let definition: Value = serde_json::from_str(text).unwrap();
        assert_eq!(definition["metadata"]["name"], name);
    }
}
