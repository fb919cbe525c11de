//! Discovery: which groups, versions and resources are served, in both forms.

use std::collections::BTreeMap;

use http::StatusCode;
use serde_json::{Value, json};

use super::Reply;
use super::accept::Accept;
use crate::resource::builtin::{is_review, precedence};
use crate::resource::{Resource, Version, api_version};
use crate::schema::builtin::{self, BuiltinResource};
use crate::status::Status;
use crate::store::Store;

const VERBS: [&str; 8] = [
    "create",
    "delete",
    "deletecollection",
    "get",
    "list",
    "patch",
    "update",
    "watch",
];

/// One resource of one version, as discovery describes it.
struct Entry {
    plural: String,
    singular: String,
    kind: String,
    namespaced: bool,
    verbs: Vec<String>,
    short_names: Vec<String>,
    categories: Vec<String>,
    subresources: Vec<Subentry>,
}

/// A subresource and the kind it takes.
struct Subentry {
    name: String,
    kind: (String, String, String),
    verbs: Vec<&'static str>,
}

/// Group → version → resources. Versions are sorted by preference.
type Index = BTreeMap<String, Vec<(String, Vec<Entry>)>>;

fn index(store: &Store) -> Index {
    let mut index: BTreeMap<String, BTreeMap<String, Vec<Entry>>> = BTreeMap::new();
    let mut add = |group: &str, version: &str, entry: Entry| {
        let versions = index.entry(String::from(group)).or_default();
        versions
            .entry(String::from(version))
            .or_default()
            .push(entry);
    };
    for resource in builtin::all() {
        add(&resource.group, &resource.version, built_in(resource));
    }
    for resource in store
        .resources()
        .values()
        .filter(|resource| resource.is_custom())
    {
        for version in &resource.versions {
            add(
                resource.id.group(),
                &version.name,
                custom(resource, version),
            );
        }
    }
    index
        .into_iter()
        .map(|(group, versions)| {
            let mut versions: Vec<_> = versions.into_iter().collect();
            versions
                .sort_by(|(a, _), (b, _)| precedence(b).cmp(&precedence(a)).then_with(|| a.cmp(b)));
            (group, versions)
        })
        .collect()
}

fn built_in(resource: &BuiltinResource) -> Entry {
    let own = (
        resource.group.clone(),
        resource.version.clone(),
        resource.kind.clone(),
    );
    let subresource = |name: &str| -> Option<Subentry> {
        let (kind, verbs): (_, &[&'static str]) = match name {
            "status" => (own.clone(), &["get", "patch", "update"]),
            "scale" => (scale_kind(), &["get", "patch", "update"]),
            "finalize" => (own.clone(), &["update"]),
            "binding" => (own_kind("", "v1", "Binding"), &["create"]),
            "eviction" => (own_kind("policy", "v1", "Eviction"), &["create"]),
            "log" => (own.clone(), &["get"]),
            // Everything else needs a kubelet or a token issuer.
            _ => return None,
        };
        Some(Subentry {
            name: String::from(name),
            kind,
            verbs: verbs.to_vec(),
        })
    };
    Entry {
        plural: resource.plural.clone(),
        singular: resource.singular.clone(),
        kind: resource.kind.clone(),
        namespaced: resource.namespaced,
        verbs: resource.verbs.clone(),
        short_names: resource.short_names.clone(),
        categories: resource.categories.clone(),
        subresources: if is_review(resource) {
            Vec::new()
        } else {
            resource
                .subresources
                .iter()
                .filter_map(|name| subresource(name))
                .collect()
        },
    }
}

fn custom(resource: &Resource, version: &Version) -> Entry {
    let own = own_kind(resource.id.group(), &version.name, &resource.kind);
    let mut subresources = Vec::new();
    let verbs = vec!["get", "patch", "update"];
    if version.scale.is_some() {
        let name = String::from("scale");
        subresources.push(Subentry {
            name,
            kind: scale_kind(),
            verbs: verbs.clone(),
        });
    }
    if version.status {
        subresources.push(Subentry {
            name: String::from("status"),
            kind: own,
            verbs,
        });
    }
    Entry {
        plural: String::from(resource.id.plural()),
        singular: resource.singular.clone(),
        kind: resource.kind.clone(),
        namespaced: resource.namespaced,
        verbs: VERBS.map(String::from).to_vec(),
        short_names: resource.short_names.clone(),
        categories: resource.categories.clone(),
        subresources,
    }
}

fn scale_kind() -> (String, String, String) {
    own_kind("autoscaling", "v1", "Scale")
}

fn own_kind(group: &str, version: &str, kind: &str) -> (String, String, String) {
    (
        String::from(group),
        String::from(version),
        String::from(kind),
    )
}

/// `/api`.
pub(super) fn core_versions(store: &Store, accept: &Accept) -> Reply {
    if let Some(version) = accept.aggregated {
        return aggregated(store, version, |group| group.is_empty());
    }
    Reply::json(
        StatusCode::OK,
        &json!({
            "kind": "APIVersions", "versions": ["v1"],
            "serverAddressByClientCIDRs": [{"clientCIDR": "0.0.0.0/0", "serverAddress": "127.0.0.1"}],
        }),
    )
}

/// `/apis`.
pub(super) fn groups(store: &Store, accept: &Accept) -> Reply {
    if let Some(version) = accept.aggregated {
        return aggregated(store, version, |group| !group.is_empty());
    }
    let groups: Vec<Value> = index(store)
        .iter()
        .filter(|(group, _)| !group.is_empty())
        .map(|(group, versions)| group_value(group, versions))
        .collect();
    let list = json!({"kind": "APIGroupList", "apiVersion": "v1", "groups": groups});
    Reply::json(StatusCode::OK, &list)
}

/// The answer to a path in a group where nothing is: built-in groups know that they are asked, others nobody answers for.
pub(super) fn nothing_at(group: &str) -> Status {
    if builtin::all()
        .iter()
        .any(|resource| resource.group == group)
    {
        Status::no_such_path()
    } else {
        Status::page_not_found()
    }
}

/// `/apis/{group}`.
pub(super) fn group(store: &Store, group: &str) -> Result<Reply, Status> {
    let index = index(store);
    let versions = index
        .get(group)
        .filter(|_| !group.is_empty())
        .ok_or_else(Status::page_not_found)?;
    let mut value = group_value(group, versions);
    value["kind"] = Value::from("APIGroup");
    value["apiVersion"] = Value::from("v1");
    Ok(Reply::json(StatusCode::OK, &value))
}

fn group_value(group: &str, versions: &[(String, Vec<Entry>)]) -> Value {
    let version =
        |name: &String| json!({"groupVersion": api_version(group, name), "version": name});
    let all: Vec<Value> = versions.iter().map(|(name, _)| version(name)).collect();
    json!({"name": group, "versions": all, "preferredVersion": all.first()})
}

/// `/api/v1` and `/apis/{group}/{version}`.
pub(super) fn resources(store: &Store, group: &str, version: &str) -> Result<Reply, Status> {
    let index = index(store);
    let entries = index
        .get(group)
        .and_then(|versions| versions.iter().find(|(name, _)| name == version))
        .map(|(_, entries)| entries)
        .ok_or_else(|| nothing_at(group))?;
    let mut list = Vec::new();
    for entry in entries {
        let mut value = json!({
            "name": entry.plural, "singularName": entry.singular, "namespaced": entry.namespaced,
            "kind": entry.kind, "verbs": entry.verbs,
        });
        if !entry.short_names.is_empty() {
            value["shortNames"] = json!(entry.short_names);
        }
        if !entry.categories.is_empty() {
            value["categories"] = json!(entry.categories);
        }
        list.push(value);
        for sub in &entry.subresources {
            let (of_group, of_version, kind) = &sub.kind;
            let mut value = json!({
                "name": format!("{}/{}", entry.plural, sub.name), "singularName": "",
                "namespaced": entry.namespaced, "kind": kind, "verbs": sub.verbs,
            });
            if of_group != group || of_version != version {
                value["group"] = Value::from(of_group.as_str());
                value["version"] = Value::from(of_version.as_str());
            }
            list.push(value);
        }
    }
    let value = json!({
        "kind": "APIResourceList", "apiVersion": "v1",
        "groupVersion": api_version(group, version), "resources": list,
    });
    Ok(Reply::json(StatusCode::OK, &value))
}

/// `APIGroupDiscoveryList` of some groups.
fn aggregated(store: &Store, version: &str, wanted: impl Fn(&str) -> bool) -> Reply {
    let items: Vec<Value> = index(store)
        .iter()
        .filter(|(group, _)| wanted(group))
        .map(|(group, versions)| {
            let versions: Vec<Value> = versions
                .iter()
                .map(|(name, entries)| {
                    let resources: Vec<Value> = entries
                        .iter()
                        .map(|entry| discovered(group, name, entry))
                        .collect();
                    json!({"version": name, "resources": resources, "freshness": "Current"})
                })
                .collect();
            let metadata = if group.is_empty() {
                json!({})
            } else {
                json!({"name": group})
            };
            json!({"metadata": metadata, "versions": versions})
        })
        .collect();
    let list = json!({
        "kind": "APIGroupDiscoveryList",
        "apiVersion": format!("apidiscovery.k8s.io/{version}"),
        "metadata": {},
        "items": items,
    });
    Reply::json(StatusCode::OK, &list).of_type(match version {
        "v2" => "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList",
        _ => "application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList",
    })
}

fn discovered(group: &str, version: &str, entry: &Entry) -> Value {
    let kind = |(group, version, kind): &(String, String, String)| json!({"group": group, "version": version, "kind": kind});
    let mut value = json!({
        "resource": entry.plural,
        "responseKind": {"group": group, "version": version, "kind": entry.kind},
        "scope": if entry.namespaced { "Namespaced" } else { "Cluster" },
        "singularResource": entry.singular,
        "verbs": entry.verbs,
    });
    if !entry.short_names.is_empty() {
        value["shortNames"] = json!(entry.short_names);
    }
    if !entry.categories.is_empty() {
        value["categories"] = json!(entry.categories);
    }
    if !entry.subresources.is_empty() {
        let subresources: Vec<Value> = entry
            .subresources
            .iter()
            .map(|sub| {
                json!({"subresource": sub.name, "responseKind": kind(&sub.kind), "verbs": sub.verbs})
            })
            .collect();
        value["subresources"] = json!(subresources);
    }
    value
}

/// `/version`.
pub(super) fn version() -> Reply {
    let value = json!({
        "major": "1",
        "minor": "34",
        "gitVersion": builtin::release(),
        "gitCommit": "",
        "gitTreeState": "clean",
        "buildDate": "1970-01-01T00:00:00Z",
        "goVersion": "",
        "compiler": "rustc",
        "platform": format!("{}/{}", std::env::consts::OS, std::env::consts::ARCH),
    });
    Reply::json(StatusCode::OK, &value)
}
