//! The rules of a CustomResourceDefinition, with the messages of the real server.

use serde_json::Value;

use super::{text, versions};
use crate::condition;
use crate::schema::TypeSchema;
use crate::status::Cause;
use crate::store::name_rule;

/// Groups that belong to the Kubernetes project need this annotation.
const APPROVAL: &str = "api-approved.kubernetes.io";

/// Everything that is wrong with `definition`; `live` is its state before the write.
pub(super) fn faults(live: Option<&Value>, definition: &Value) -> Vec<Cause> {
    let spec = &definition["spec"];
    let mut causes = Vec::new();
    name_faults(definition, &mut causes);
    group_faults(definition, &mut causes);
    version_faults(spec, &mut causes);
    for (index, version) in versions(spec).enumerate() {
        schema_faults(spec, index, version, &mut causes);
    }
    field_faults(spec, &mut causes);
    stored_faults(definition, &mut causes);
    let strategy = text(&spec["conversion"], "strategy");
    if !strategy.is_empty() && strategy != "None" {
        causes.push(Cause::new(
            "FieldValueForbidden",
            "spec.conversion.strategy",
            format!(
                "Forbidden: {strategy} conversion is not available in this development cluster; hint: use None"
            ),
        ));
    }
    if let Some(live) = live {
        update_faults(live, definition, &mut causes);
    }
    causes
}

fn name_faults(definition: &Value, causes: &mut Vec<Cause>) {
    let spec = &definition["spec"];
    let (plural, group) = (text(&spec["names"], "plural"), text(spec, "group"));
    let name = &definition["metadata"]["name"];
    if *name != format!("{plural}.{group}") {
        let why = "must be spec.names.plural+\".\"+spec.group";
        causes.push(Cause::invalid("metadata.name", name, why));
    }
    for field in ["plural", "kind"] {
        if text(&spec["names"], field).is_empty() {
            causes.push(Cause::required(format!("spec.names.{field}"), ""));
        }
    }
    if plural.chars().any(|c| c.is_ascii_uppercase()) {
        let why = "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an \
             alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used \
             for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')";
        causes.push(Cause::invalid(
            "spec.names.plural",
            &Value::from(plural),
            why,
        ));
    }
    let scope = text(spec, "scope");
    if scope.is_empty() {
        causes.push(Cause::required("spec.scope", ""));
    } else if scope != "Cluster" && scope != "Namespaced" {
        causes.push(Cause::new(
            "FieldValueNotSupported",
            "spec.scope",
            format!("Unsupported value: {scope:?}: supported values: \"Cluster\", \"Namespaced\""),
        ));
    }
}

fn group_faults(definition: &Value, causes: &mut Vec<Cause>) {
    let group = text(&definition["spec"], "group");
    if group.is_empty() {
        causes.push(Cause::required("spec.group", ""));
        return;
    }
    if let Some(why) = name_rule(&super::DEFINITIONS, group) {
        causes.push(Cause::invalid("spec.group", &Value::from(group), &why));
    } else if !group.contains('.') {
        let why = "should be a domain with at least one dot";
        causes.push(Cause::invalid("spec.group", &Value::from(group), why));
    }
    let protected = group.ends_with(".k8s.io")
        || group.ends_with(".kubernetes.io")
        || group == "k8s.io"
        || group == "kubernetes.io";
    let approval = &definition["metadata"]["annotations"][APPROVAL];
    if protected && !approval.is_string() {
        causes.push(Cause::required(
            format!("metadata.annotations[{APPROVAL}]"),
            &format!(
                "protected groups must have approval annotation {APPROVAL:?}, see https://github.com/kubernetes/enhancements/pull/1111"
            ),
        ));
    }
}

fn version_faults(spec: &Value, causes: &mut Vec<Cause>) {
    let list: Vec<&Value> = versions(spec).collect();
    if list.is_empty() {
        causes.push(Cause::invalid(
            "spec.versions",
            &spec["versions"],
            "must have exactly one version marked as storage version",
        ));
        return;
    }
    if list
        .iter()
        .filter(|version| version["storage"] == true)
        .count()
        != 1
    {
        causes.push(Cause::invalid(
            "spec.versions",
            &spec["versions"],
            "must have exactly one version marked as storage version",
        ));
    }
    for (index, version) in list.iter().enumerate() {
        let name = text(version, "name");
        if list[..index]
            .iter()
            .any(|earlier| text(earlier, "name") == name)
        {
            causes.push(Cause::invalid(
                "spec.versions",
                &spec["versions"],
                "must contain unique version names",
            ));
        }
        if name.is_empty()
            || name.contains(|c: char| !c.is_ascii_lowercase() && !c.is_ascii_digit() && c != '-')
        {
            let why = "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an \
                 alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex \
                 used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')";
            causes.push(Cause::invalid(
                format!("spec.versions[{index}].name"),
                &version["name"],
                why,
            ));
            if index == 0 {
                // The first one is the version of times when there was one.
                causes.push(Cause::invalid("spec.version", &version["name"], why));
            }
        }
    }
}

fn schema_faults(spec: &Value, index: usize, version: &Value, causes: &mut Vec<Cause>) {
    let path = format!("spec.versions[{index}].schema.openAPIV3Schema");
    let schema = &version["schema"]["openAPIV3Schema"];
    if !schema.is_object() {
        causes.push(Cause::required(path, ""));
        return;
    }
    // The real server hoists a schema that all versions share and then names it by its old, shared place.
    let shared = versions(spec).all(|other| other["schema"] == version["schema"]);
    if shared && index > 0 {
        return;
    }
    let path = if shared {
        String::from("spec.validation.openAPIV3Schema")
    } else {
        path
    };
    if let Err(errors) = TypeSchema::from_structural(schema) {
        causes.extend(errors.iter().map(|error| {
            let dot = if error.path.is_empty() { "" } else { "." };
            Cause::new(
                error.kind.reason(),
                format!("{path}{dot}{}", error.path),
                error.message(),
            )
        }));
    }
}

/// Columns and selectable fields name what is there; where all versions have the same, they are told once.
fn field_faults(spec: &Value, causes: &mut Vec<Cause>) {
    const TYPES: [&str; 5] = ["boolean", "date", "integer", "number", "string"];
    let list: Vec<&Value> = versions(spec).collect();
    for (index, version) in list.iter().enumerate() {
        let shared = |field: &str| list.iter().all(|other| other[field] == version[field]);
        let place = |field: &str| {
            if shared(field) {
                format!("spec.{field}")
            } else {
                format!("spec.versions[{index}].{field}")
            }
        };
        let told = |field: &str| index > 0 && shared(field);
        let columns = version["additionalPrinterColumns"].as_array();
        for (at, column) in columns.into_iter().flatten().enumerate() {
            if told("additionalPrinterColumns") {
                break;
            }
            let path = format!("{}[{at}]", place("additionalPrinterColumns"));
            if !TYPES.contains(&text(column, "type")) {
                let why = format!("must be one of {}", TYPES.join(","));
                causes.push(Cause::invalid(
                    format!("{path}.type"),
                    &column["type"],
                    &why,
                ));
            }
            if !text(column, "jsonPath").starts_with('.') {
                let why = "must be a simple json path starting with .";
                causes.push(Cause::invalid(
                    format!("{path}.JSONPath"),
                    &column["jsonPath"],
                    why,
                ));
            }
        }
        let fields = version["selectableFields"].as_array();
        for (at, field) in fields.into_iter().flatten().enumerate() {
            if told("selectableFields") {
                break;
            }
            let schema = &version["schema"]["openAPIV3Schema"];
            if !is_declared(schema, text(field, "jsonPath")) {
                causes.push(Cause::invalid(
                    format!("{}[{at}].jsonPath", place("selectableFields")),
                    &field["jsonPath"],
                    "is an invalid path: does not refer to a valid field",
                ));
            }
        }
    }
}

fn is_declared(schema: &Value, path: &str) -> bool {
    let parts = path.split('.').filter(|part| !part.is_empty());
    let found = parts.fold(schema, |schema, part| &schema["properties"][part]);
    !found.is_null()
}

fn stored_faults(definition: &Value, causes: &mut Vec<Cause>) {
    const FIELD: &str = "status.storedVersions";
    let stored = &definition["status"]["storedVersions"];
    let kept = stored.as_array().map_or(&[][..], Vec::as_slice);
    if kept.is_empty() {
        let why = "must have at least one stored version";
        causes.push(Cause::invalid(FIELD, &Value::Null, why));
        return;
    }
    for version in versions(&definition["spec"]) {
        if version["storage"] == true && !kept.contains(&version["name"]) {
            let why = format!("must have the storage version {}", text(version, "name"));
            causes.push(Cause::invalid(FIELD, stored, &why));
        }
    }
}

fn update_faults(live: &Value, definition: &Value, causes: &mut Vec<Cause>) {
    let (old, new) = (&live["spec"], &definition["spec"]);
    let mut fixed = vec![("spec.group", &old["group"], &new["group"])];
    if condition::find(&live["status"], "Established").is_some_and(|c| c["status"] == "True") {
        fixed.push(("spec.scope", &old["scope"], &new["scope"]));
        fixed.push((
            "spec.names.kind",
            &old["names"]["kind"],
            &new["names"]["kind"],
        ));
    }
    fixed.push((
        "spec.names.plural",
        &old["names"]["plural"],
        &new["names"]["plural"],
    ));
    for (path, before, after) in fixed {
        if before != after {
            causes.push(Cause::invalid(path, after, "field is immutable"));
        }
    }
    let kept = definition["status"]["storedVersions"]
        .as_array()
        .into_iter()
        .flatten();
    for (index, stored) in kept.enumerate() {
        if versions(new).all(|version| version["name"] != *stored) {
            let name = stored.as_str().unwrap_or_default();
            causes.push(Cause::invalid(
                format!("status.storedVersions[{index}]"),
                stored,
                &format!(
                    "missing from spec.versions; {name} was previously a storage version, and must remain in \
                     spec.versions until a storage migration ensures no data remains persisted in {name} and removes \
                     {name} from status.storedVersions"
                ),
            ));
        }
    }
}
