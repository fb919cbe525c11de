//! What the paths of an OpenAPI document say of its resources.

use std::collections::BTreeMap;

use anyhow::Context as _;
use serde_json::{Value, json};

use super::schema::short;

/// Adds the resources of `document`, by group, version and plural.
pub(super) fn collect(
    document: &Value,
    types: &BTreeMap<String, Value>,
    resources: &mut BTreeMap<String, Value>,
) -> anyhow::Result<()> {
    let paths = document["paths"]
        .as_object()
        .context("paths is not an object")?;
    let kinds = kinds(document, types)?;
    for (path, item) in paths {
        let Some(place) = Place::of(path) else {
            continue;
        };
        let key = format!("{}/{}/{}", place.group, place.version, place.plural);
        let entry = resources.entry(key).or_insert_with(|| {
            json!({"group": place.group, "version": place.version, "plural": place.plural,
                   "namespaced": false, "verbs": [], "subresources": []})
        });
        if place.namespaced {
            entry["namespaced"] = json!(true);
        }
        if let Some(subresource) = place.subresource {
            insert(&mut entry["subresources"], subresource);
            continue;
        }
        for (method, verb) in place.verbs() {
            if place.watch {
                insert(&mut entry["verbs"], "watch");
            } else if let Some(operation) = item.get(method) {
                insert(&mut entry["verbs"], verb);
                if let Some(kind) = operation["x-kubernetes-group-version-kind"]["kind"].as_str() {
                    entry["kind"] = json!(kind);
                    entry["type"] = json!(kinds.get(kind).with_context(|| {
                        format!("{path}: no type for kind {kind} in this document")
                    })?);
                }
            }
        }
    }
    resources.retain(|_, resource| resource.get("kind").is_some());
    Ok(())
}

/// The type of each kind of the document's own group.
fn kinds(
    document: &Value,
    types: &BTreeMap<String, Value>,
) -> anyhow::Result<BTreeMap<String, String>> {
    let schemas = document["components"]["schemas"]
        .as_object()
        .context("components.schemas is not an object")?;
    let mut kinds = BTreeMap::new();
    for (name, schema) in schemas {
        let short = short(name);
        for kind in schema["x-kubernetes-group-version-kind"]
            .as_array()
            .into_iter()
            .flatten()
        {
            if let (Some(kind), true) = (kind["kind"].as_str(), types.contains_key(short)) {
                kinds.insert(kind.to_owned(), short.to_owned());
            }
        }
    }
    Ok(kinds)
}

fn insert(list: &mut Value, item: &str) {
    if let Some(list) = list.as_array_mut() {
        let item = json!(item);
        if !list.contains(&item) {
            list.push(item);
            list.sort_by_key(ToString::to_string);
        }
    }
}

/// What a request path addresses.
struct Place<'a> {
    group: &'a str,
    version: &'a str,
    plural: &'a str,
    namespaced: bool,
    watch: bool,
    item: bool,
    subresource: Option<&'a str>,
}

impl<'a> Place<'a> {
    fn of(path: &'a str) -> Option<Self> {
        let mut parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
        let (group, version) = match *parts.first()? {
            "api" if parts.len() > 2 => ("", parts[1]),
            "apis" if parts.len() > 3 => (parts[1], parts[2]),
            _ => return None,
        };
        parts.drain(..if group.is_empty() { 2 } else { 3 });
        let watch = parts.first() == Some(&"watch");
        if watch {
            parts.remove(0);
        }
        let namespaced = parts.len() > 2 && parts[0] == "namespaces" && parts[1] == "{namespace}";
        if namespaced {
            parts.drain(..2);
        }
        let plural = *parts.first()?;
        if parts.get(2).is_some_and(|part| part.starts_with('{')) {
            return None;
        }
        let subresource = parts.get(2).copied();
        if parts.len() > 3 {
            return None;
        }
        Some(Self {
            group,
            version,
            plural,
            namespaced,
            watch,
            item: parts.len() > 1,
            subresource,
        })
    }

    fn verbs(&self) -> &'static [(&'static str, &'static str)] {
        if self.item {
            &[
                ("get", "get"),
                ("put", "update"),
                ("patch", "patch"),
                ("delete", "delete"),
            ]
        } else {
            &[
                ("get", "list"),
                ("post", "create"),
                ("delete", "deletecollection"),
            ]
        }
    }
}
