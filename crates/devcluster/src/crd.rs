//! CustomResourceDefinitions: from the object to the resource that is served.
//!
//! Owns the rules of the definition itself, its status, and the making of a [`Resource`] of it. Knows no storage.

use std::collections::BTreeMap;
use std::sync::Arc;

use oarlock_core::timestamp::Timestamp;
use serde_json::{Value, json};

use crate::condition;
use crate::resource::builtin::precedence;
use crate::resource::{Column, Origin, Resource, ResourceId, Scale, Version};
use crate::schema::TypeSchema;
use crate::status::Status;

mod names;
mod rules;

/// The resource that definitions are objects of.
pub(crate) const DEFINITIONS: ResourceId =
    ResourceId::of("apiextensions.k8s.io", "customresourcedefinitions");

/// Holds a definition until its instances are gone.
pub(crate) const CLEANUP_FINALIZER: &str = "customresourcecleanup.apiextensions.k8s.io";

/// Names that follow from others.
pub(crate) fn fill(definition: &mut Value) {
    let kind = String::from(text(&definition["spec"]["names"], "kind"));
    let names = &mut definition["spec"]["names"];
    if !names.is_object() {
        return;
    }
    if text(names, "singular").is_empty() {
        names["singular"] = Value::from(kind.to_lowercase());
    }
    if text(names, "listKind").is_empty() {
        names["listKind"] = Value::from(format!("{kind}List"));
    }
}

/// Checks a definition that is about to be written and notes in its status which version is stored.
///
/// What its names come to is settled after the write, as the real server's controllers do: [`settle`].
pub(crate) fn admit(live: Option<&Value>, definition: &mut Value) -> Result<(), Status> {
    note_storage(definition);
    let causes = rules::faults(live, definition);
    if causes.is_empty() {
        return Ok(());
    }
    let name = definition["metadata"]["name"].as_str().unwrap_or_default();
    Err(Status::invalid(
        DEFINITIONS.group(),
        "CustomResourceDefinition",
        name,
        causes,
    ))
}

fn note_storage(definition: &mut Value) {
    let storage = versions(&definition["spec"])
        .filter(|version| version["storage"] == true)
        .map(|version| version["name"].clone())
        .next();
    if !definition["status"].is_object() {
        definition["status"] = json!({});
    }
    let status = &mut definition["status"];
    if status["acceptedNames"].is_null() {
        status["acceptedNames"] = json!({"kind": "", "plural": ""});
    }
    if !status["storedVersions"].is_array() {
        status["storedVersions"] = json!([]);
    }
    if let (Some(storage), Some(stored)) = (storage, status["storedVersions"].as_array_mut())
        && !stored.contains(&storage)
    {
        stored.push(storage);
    }
}

/// Says in a definition's status whether it may have the names that it wants, beside the others that are served; and that
/// it is served, once it may.
pub(crate) fn settle(
    catalog: &BTreeMap<ResourceId, Arc<Resource>>,
    definition: &mut Value,
    now: Timestamp,
) {
    let verdict = names::verdict(catalog, definition);
    let status = &mut definition["status"];
    status["acceptedNames"] = verdict.accepted;
    let Some(conflict) = verdict.conflict else {
        condition::set(
            status,
            "NamesAccepted",
            "True",
            "NoConflicts",
            "no conflicts found",
            now,
        );
        if condition::find(status, "Established").is_none_or(|found| found["status"] != "True") {
            condition::set(
                status,
                "Established",
                "True",
                "InitialNamesAccepted",
                "the initial names have been accepted",
                now,
            );
        }
        return;
    };
    condition::set(
        status,
        "NamesAccepted",
        "False",
        conflict.reason,
        &conflict.message,
        now,
    );
    if condition::find(status, "Established").is_none() {
        condition::set(
            status,
            "Established",
            "False",
            "NotAccepted",
            "not all names are accepted",
            now,
        );
    }
}

/// Notes on a definition that its instances are being deleted.
pub(crate) fn note_terminating(definition: &mut Value, now: Timestamp) {
    condition::set(
        &mut definition["status"],
        "Terminating",
        "True",
        "InstanceDeletionPending",
        "CustomResourceDefinition marked for deletion; CustomResource deletion will begin soon",
        now,
    );
}

/// Group and plural of what a definition defines.
pub(crate) fn resource_id(definition: &Value) -> Option<ResourceId> {
    let group = definition["spec"]["group"].as_str()?;
    let plural = definition["spec"]["names"]["plural"].as_str()?;
    Some(ResourceId::new(group, plural))
}

/// The resource that an established definition defines; `None` while its names are not accepted.
pub(crate) fn resource(definition: &Value) -> Option<Resource> {
    if condition::find(&definition["status"], "Established")?["status"] != "True" {
        return None;
    }
    let id = resource_id(definition)?;
    let spec = &definition["spec"];
    let names = &definition["status"]["acceptedNames"];
    let mut served: Vec<Version> = versions(spec)
        .filter(|version| version["served"] == true)
        .map(|v| version(spec, v))
        .collect();
    served.sort_by(|a, b| {
        precedence(&b.name)
            .cmp(&precedence(&a.name))
            .then_with(|| a.name.cmp(&b.name))
    });
    let storage = versions(spec).find(|version| version["storage"] == true)?;
    Some(Resource {
        storage: id.clone(),
        kind: String::from(text(names, "kind")),
        list_kind: String::from(text(names, "listKind")),
        singular: String::from(text(names, "singular")),
        short_names: texts(&names["shortNames"]),
        categories: texts(&names["categories"]),
        namespaced: spec["scope"] == "Namespaced",
        generation: true,
        storage_version: String::from(text(storage, "name")),
        origin: Origin::Custom {
            terminating: definition["metadata"]["deletionTimestamp"].is_string(),
        },
        versions: served,
        id,
    })
}

fn version(spec: &Value, version: &Value) -> Version {
    let open_api = &version["schema"]["openAPIV3Schema"];
    let name = text(version, "name");
    // Checked when the definition was admitted.
    let schema =
        TypeSchema::from_structural(open_api).unwrap_or_else(|_| TypeSchema::preserve_everything());
    let scale = version["subresources"].get("scale").map(|scale| Scale {
        spec_replicas: String::from(text(scale, "specReplicasPath")),
        status_replicas: String::from(text(scale, "statusReplicasPath")),
        selector: scale["labelSelectorPath"].as_str().map(String::from),
    });
    let deprecation = (version["deprecated"] == true).then(|| {
        version["deprecationWarning"].as_str().map_or_else(
            || {
                format!(
                    "{}/{name} {} is deprecated",
                    text(spec, "group"),
                    text(&spec["names"], "kind")
                )
            },
            String::from,
        )
    });
    Version {
        name: String::from(name),
        schema: Arc::new(schema),
        status: version["subresources"].get("status").is_some(),
        scale,
        columns: columns(&version["additionalPrinterColumns"]),
        selectable: version["selectableFields"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|field| String::from(text(field, "jsonPath").trim_start_matches('.')))
            .collect(),
        deprecation,
        open_api: Some(Arc::new(open_api.clone())),
    }
}

fn columns(given: &Value) -> Vec<Column> {
    given
        .as_array()
        .into_iter()
        .flatten()
        .map(|column| Column {
            name: String::from(text(column, "name")),
            kind: String::from(text(column, "type")),
            format: String::from(text(column, "format")),
            description: String::from(text(column, "description")),
            priority: column["priority"].as_i64().unwrap_or(0),
            json_path: String::from(text(column, "jsonPath")),
        })
        .collect()
}

fn versions(spec: &Value) -> impl Iterator<Item = &Value> {
    spec["versions"].as_array().into_iter().flatten()
}

fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    value[field].as_str().unwrap_or_default()
}

fn texts(list: &Value) -> Vec<String> {
    list.as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .map(String::from)
        .collect()
}
