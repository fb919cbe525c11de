//! `/openapi/v3`: enough of the API's description for kubectl's apply, explain and its server-side validation.
//!
//! Types of built-in groups come from the checked-in table, those of custom resources from their definitions. Paths carry what
//! kubectl looks for: which kind a PATCH takes and that it knows `fieldValidation` and `dryRun`.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;

use http::StatusCode;
use serde_json::{Map, Value, json};

use super::Reply;
use crate::resource::{Resource, Version};
use crate::schema::builtin;
use crate::status::Status;
use crate::store::Store;

mod two;

pub(super) use self::two::two;

/// Where the name of a custom type in the document begins.
const META: &str = "io.k8s.apimachinery.pkg.apis.meta.v1.";

/// The index of documents.
pub(super) fn index(store: &Store) -> Reply {
    let revision = store.revision();
    let mut paths = Map::new();
    for (group, version) in group_versions(store) {
        let path = document_path(&group, &version);
        // Documents of custom groups change with their definitions; the revision is a good enough hash.
        let custom = builtin::all()
            .iter()
            .all(|r| r.group != group || r.version != version);
        let hash = if custom {
            revision.to_string()
        } else {
            String::from(builtin::release())
        };
        let url = format!("/openapi/v3/{path}?hash={hash}");
        paths.insert(path, json!({"serverRelativeURL": url}));
    }
    // As the real server labels it.
    Reply::json(StatusCode::OK, &json!({"paths": paths})).of_type("text/plain; charset=utf-8")
}

/// The document of one group and version.
pub(super) fn document(store: &Store, path: &str) -> Result<Reply, Status> {
    let (group, version) = group_versions(store)
        .into_iter()
        .find(|(group, version)| document_path(group, version) == path)
        .ok_or_else(Status::no_such_path)?;
    let mut document = Document::default();
    for resource in builtin::all() {
        if resource.group == group && resource.version == version {
            let Some(name) = resource_type(&group, &version, &resource.kind) else {
                continue;
            };
            document.add_type(&name);
            document.add_paths(
                &group,
                &version,
                &resource.plural,
                &resource.kind,
                resource.namespaced,
                &name,
            );
        }
    }
    for resource in store
        .resources()
        .values()
        .filter(|resource| resource.is_custom())
    {
        if resource.id.group() == group
            && let Some(served) = resource.version(&version)
        {
            document.add_custom(resource, served);
        }
    }
    document.mark_kinds(&group, &version);
    Ok(Reply::json(StatusCode::OK, &document.finish()))
}

fn group_versions(store: &Store) -> BTreeSet<(String, String)> {
    let built_in = builtin::all()
        .iter()
        .map(|r| (r.group.clone(), r.version.clone()));
    let resources = store.resources();
    let custom = resources
        .values()
        .filter(|resource| resource.is_custom())
        .flat_map(|resource| {
            resource
                .versions
                .iter()
                .map(|v| (String::from(resource.id.group()), v.name.clone()))
        });
    built_in.chain(custom).collect()
}

fn document_path(group: &str, version: &str) -> String {
    if group.is_empty() {
        format!("api/{version}")
    } else {
        format!("apis/{group}/{version}")
    }
}

/// A document in the making.
#[derive(Default)]
struct Document {
    paths: Map<String, Value>,
    schemas: BTreeMap<String, Value>,
    /// Type name → kind, of the types that are whole objects.
    kinds: BTreeMap<String, String>,
}

impl Document {
    /// A built-in type with everything it refers to.
    fn add_type(&mut self, name: &str) {
        let published = published(name);
        if self.schemas.contains_key(&published) {
            return;
        }
        let Some(raw) = data()["types"].get(name) else {
            return;
        };
        self.schemas.insert(published.clone(), Value::Null);
        let mut wanted = Vec::new();
        let schema = expand(raw, &mut wanted);
        self.schemas.insert(published, schema);
        for name in wanted {
            self.add_type(&name);
        }
    }

    fn add_custom(&mut self, resource: &Resource, version: &Version) {
        let group: Vec<&str> = resource.id.group().split('.').rev().collect();
        let name = format!("{}.{}.{}", group.join("."), version.name, resource.kind);
        let mut schema = version
            .open_api
            .as_deref()
            .cloned()
            .unwrap_or_else(|| json!({"type": "object"}));
        if schema["properties"].is_null() {
            schema["properties"] = json!({});
        }
        schema["properties"]["apiVersion"] = json!({"type": "string"});
        schema["properties"]["kind"] = json!({"type": "string"});
        schema["properties"]["metadata"] =
            json!({"allOf": [{"$ref": format!("#/components/schemas/{META}ObjectMeta")}]});
        self.schemas.insert(name.clone(), schema);
        self.kinds.insert(name.clone(), resource.kind.clone());
        self.add_type("meta.v1.ObjectMeta");
        self.path(
            resource.id.group(),
            &version.name,
            resource.id.plural(),
            &resource.kind,
            resource.namespaced,
            &name,
        );
    }

    fn add_paths(
        &mut self,
        group: &str,
        version: &str,
        plural: &str,
        kind: &str,
        namespaced: bool,
        type_name: &str,
    ) {
        let published = published(type_name);
        self.kinds.insert(published.clone(), String::from(kind));
        self.path(group, version, plural, kind, namespaced, &published);
    }

    fn path(
        &mut self,
        group: &str,
        version: &str,
        plural: &str,
        kind: &str,
        namespaced: bool,
        schema: &str,
    ) {
        let scope = if namespaced {
            "namespaces/{namespace}/"
        } else {
            ""
        };
        let base = format!("/{}/{scope}{plural}", document_path(group, version));
        let kind = json!({"group": group, "version": version, "kind": kind});
        let query = |name: &str| json!({"name": name, "in": "query", "schema": {"type": "string", "uniqueItems": true}});
        let written: Vec<Value> = ["dryRun", "fieldManager", "fieldValidation"]
            .map(query)
            .to_vec();
        let content = json!({"application/json": {"schema": {"$ref": format!("#/components/schemas/{schema}")}}});
        let operation = |action: &str, parameters: &[Value]| {
            json!({
                "parameters": parameters,
                "responses": {"200": {"description": "OK", "content": content}},
                "x-kubernetes-action": action,
                "x-kubernetes-group-version-kind": kind,
            })
        };
        let mut patch = operation("patch", &written);
        patch["parameters"] = json!([&written[..], &[query("force")]].concat());
        self.paths.insert(
            base.clone(),
            json!({"get": operation("list", &[]), "post": operation("post", &written)}),
        );
        self.paths.insert(
            format!("{base}/{{name}}"),
            json!({
                "get": operation("get", &[]),
                "put": operation("put", &written),
                "patch": patch,
                "delete": operation("delete", &written[..1]),
            }),
        );
    }

    fn mark_kinds(&mut self, group: &str, version: &str) {
        for (name, kind) in &self.kinds {
            if let Some(schema) = self.schemas.get_mut(name) {
                schema["x-kubernetes-group-version-kind"] =
                    json!([{"group": group, "version": version, "kind": kind}]);
            }
        }
    }

    fn finish(self) -> Value {
        json!({
            "openapi": "3.0.0",
            "info": {"title": "Kubernetes", "version": builtin::release()},
            "paths": self.paths,
            "components": {"schemas": self.schemas},
        })
    }
}

/// The table of built-in types, see data/README.md.
fn data() -> &'static Value {
    static DATA: OnceLock<Value> = OnceLock::new();
    DATA.get_or_init(|| {
        serde_json::from_str(include_str!("../../data/builtins.json")).unwrap_or_default()
    })
}

fn resource_type(group: &str, version: &str, kind: &str) -> Option<String> {
    data()["resources"]
        .as_array()?
        .iter()
        .find(|r| r["group"] == group && r["version"] == version && r["kind"] == kind)
        .and_then(|resource| resource["type"].as_str())
        .map(String::from)
}

/// The name under which Kubernetes publishes a type.
fn published(name: &str) -> String {
    match name.split_once('.') {
        Some(("meta" | "runtime" | "util" | "resource" | "api", _))
            if name.starts_with("meta.") =>
        {
            format!("io.k8s.apimachinery.pkg.apis.{name}")
        }
        _ => format!("io.k8s.api.{name}"),
    }
}

/// The compact form of the table as OpenAPI: `"string"` is a type, `"#name"` a reference.
fn expand(raw: &Value, wanted: &mut Vec<String>) -> Value {
    match raw {
        Value::String(text) => match text.strip_prefix('#') {
            Some(name) => reference(name, wanted),
            None => json!({"type": text}),
        },
        Value::Object(map) => {
            let mut schema = Map::new();
            for (key, value) in map {
                match key.as_str() {
                    "$ref" => {
                        let name = value.as_str().unwrap_or_default();
                        schema.insert(String::from("allOf"), json!([reference(name, wanted)]));
                    }
                    "properties" => {
                        let properties: Map<String, Value> = value
                            .as_object()
                            .into_iter()
                            .flatten()
                            .map(|(name, raw)| (name.clone(), expand(raw, wanted)))
                            .collect();
                        schema.insert(key.clone(), Value::Object(properties));
                    }
                    "items" | "additionalProperties" if !value.is_boolean() => {
                        schema.insert(key.clone(), expand(value, wanted));
                    }
                    _ => {
                        schema.insert(key.clone(), value.clone());
                    }
                }
            }
            Value::Object(schema)
        }
        other => other.clone(),
    }
}

fn reference(name: &str, wanted: &mut Vec<String>) -> Value {
    wanted.push(String::from(name));
    json!({"$ref": format!("#/components/schemas/{}", published(name))})
}
