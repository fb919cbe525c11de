//! How a binding's Secret comes into a workload: the projection of servicebinding.io v1.
//!
//! Owns what is put into a workload's template, where (by a [`Mapping`]), and how it is taken out again: by the mapping it
//! was put in with, which is kept in an annotation of the workload. A function of the workload and the binding: the same
//! again changes nothing, and other bindings, of this projector or of another, are left alone. It reads no Secret.

mod containers;
pub mod mapping;
mod record;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use jsonpath::{Blocked, Path, ReadPath};
pub use mapping::{Choose, Mapping, Template};
use record::{Others, Record};

/// Where bindings are when a container does not say so.
pub const DEFAULT_ROOT: &str = "/bindings";

/// The environment variable that says where bindings are.
pub const ROOT: &str = "SERVICE_BINDING_ROOT";

/// Domain of annotations.
pub const DOMAIN: &str = "binding.oarlock.dev";

/// What is projected: a `ServiceBinding` of servicebinding.io, with the Secret it resolved to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Projection {
    /// `metadata.uid` of the binding.
    pub uid: String,
    /// Name of the directory: `spec.name`, else `metadata.name`.
    pub name: String,
    /// The Secret: `status.binding.name` of the service, or the Secret itself that is referred to.
    pub secret: String,
    /// `spec.type`: instead of the Secret's entry.
    pub kind: Option<String>,
    /// `spec.provider`: instead of the Secret's entry.
    pub provider: Option<String>,
    /// `spec.env`.
    pub env: Vec<Env>,
    /// `spec.workload.containers`: their names; all where it is empty. A container without a name gets every binding.
    pub containers: Vec<String>,
}

/// An environment variable out of a binding.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Env {
    /// Its name.
    pub name: String,
    /// The entry of the Secret.
    pub key: String,
}

/// Why a binding cannot be projected. The workload stays as it was.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Project {
    /// No container is where the mapping looks.
    #[error(
        "the workload has no containers at {paths}\nhint: describe it by a ClusterWorkloadResourceMapping named PLURAL.GROUP"
    )]
    NoContainers {
        /// Where it was looked.
        paths: String,
    },
    /// The binding is for containers that the workload does not have.
    #[error(
        "the workload has none of the containers {names}\nhint: correct spec.workload.containers, or leave it out for all of them"
    )]
    NoneMeant {
        /// What the binding lists.
        names: String,
    },
    /// A place is taken by something of another type.
    #[error("{what} of the workload cannot hold a binding: {why}")]
    Place {
        /// What is put there.
        what: &'static str,
        /// Why.
        why: Blocked,
    },
    /// A place is no list.
    #[error("{what} of the workload is not a list")]
    NotList {
        /// What is put there.
        what: &'static str,
    },
    /// `SERVICE_BINDING_ROOT` has no plain value.
    #[error(
        "container {container:?} takes SERVICE_BINDING_ROOT from elsewhere, so its value is not known\nhint: set it by `value`"
    )]
    Root {
        /// The container.
        container: String,
    },
    /// Somebody else has mounted something there.
    #[error(
        "container {container:?} has already something at {path:?}\nhint: set spec.name of the binding to another name"
    )]
    MountTaken {
        /// The container.
        container: String,
        /// Where.
        path: String,
    },
    /// The workload has an environment variable of that name itself.
    #[error(
        "container {container:?} sets {name:?} itself; it is not overwritten\nhint: give the entry of spec.env another name"
    )]
    EnvTaken {
        /// The container.
        container: String,
        /// The variable.
        name: String,
    },
    /// The binding names a variable twice.
    #[error("spec.env of the binding has {name:?} twice\nhint: keep one of them")]
    EnvTwice {
        /// The variable.
        name: String,
    },
    /// The annotation that tells what was put in cannot be read.
    #[error(
        "annotation {annotation:?} of the workload is not what was written there\nhint: remove volume {volume:?} with its mounts and environment variables, and the annotation, by hand"
    )]
    Record {
        /// The annotation.
        annotation: String,
        /// The volume of the binding.
        volume: String,
    },
    /// The mapping that it was put in with cannot be read.
    #[error("the mapping that the binding was projected with cannot be read: {0}")]
    Mapping(ReadPath),
    /// The binding's name is no name of a directory.
    #[error(
        "{name:?} is no name of a binding\nhint: set spec.name to lower case letters, digits, `-` and `.`, 253 at most"
    )]
    Name {
        /// The name.
        name: String,
    },
}

/// The workload with the binding in it. One that was projected before, with other settings or by another mapping, is
/// brought to what is wished now.
///
/// # Errors
///
/// Where it does not fit.
pub fn project(workload: &Value, wish: &Projection, mapping: &Mapping) -> Result<Value, Project> {
    if !is_name(&wish.name) {
        return Err(Project::Name {
            name: wish.name.clone(),
        });
    }
    let mut names = BTreeSet::new();
    if let Some(twice) = wish.env.iter().find(|env| !names.insert(&env.name)) {
        return Err(Project::EnvTwice {
            name: twice.name.clone(),
        });
    }
    let mut workload = workload.clone();
    let mut before = Record::read(&workload, &wish.uid)?;
    if before
        .as_ref()
        .is_some_and(|record| record.mapping != mapping.template)
    {
        workload = unproject(&workload, &wish.uid)?;
        before = None;
    }
    let mut record = Record {
        mapping: mapping.template.clone(),
        secret: wish.secret.clone(),
        env: wish.env.iter().map(|env| env.name.clone()).collect(),
        roots: before
            .as_ref()
            .map(|record| record.roots.clone())
            .unwrap_or_default(),
    };
    containers::project(&mut workload, wish, mapping, before.as_ref(), &mut record)?;
    overrides(&mut workload, wish, mapping)?;
    mount(&mut workload, wish, mapping)?;
    record.write(&mut workload, &wish.uid)?;
    Ok(workload)
}

/// The workload without the binding, by the mapping that it was put in with; as it was where nothing was put in.
///
/// # Errors
///
/// What was put in cannot be told any more.
pub fn unproject(workload: &Value, uid: &str) -> Result<Value, Project> {
    let Some(record) = Record::read(workload, uid)? else {
        return Ok(workload.clone());
    };
    taken_out(workload, uid, &record, &Record::others(workload, uid))
}

/// The workload without anything that the binding needs, also where another binding needs it too: what a projector that is
/// alone there would find.
///
/// # Errors
///
/// What was put in cannot be told any more.
pub fn bare(workload: &Value, uid: &str) -> Result<Value, Project> {
    match Record::read(workload, uid)? {
        Some(record) => taken_out(workload, uid, &record, &Others::default()),
        None => Ok(workload.clone()),
    }
}

fn taken_out(
    workload: &Value,
    uid: &str,
    record: &Record,
    others: &Others,
) -> Result<Value, Project> {
    let mapping = Mapping::read(&record.mapping).map_err(Project::Mapping)?;
    let mut workload = workload.clone();
    containers::unproject(&mut workload, uid, &mapping, record, others);
    take_out_frame(&mut workload, uid, &mapping);
    Ok(workload)
}

/// Whether anything of the binding is in the workload, as far as it was recorded.
#[must_use]
pub fn is_projected(workload: &Value, uid: &str) -> bool {
    workload
        .pointer("/metadata/annotations")
        .and_then(|annotations| annotations.get(record::annotation(uid)))
        .is_some()
}

/// The workload without what of the binding is in no container: the volume, and annotations.
///
/// # Errors
///
/// What was put in cannot be told any more.
pub fn without_frame(workload: &Value, uid: &str) -> Result<Value, Project> {
    let Some(record) = Record::read(workload, uid)? else {
        return Ok(workload.clone());
    };
    let mapping = Mapping::read(&record.mapping).map_err(Project::Mapping)?;
    let mut workload = workload.clone();
    take_out_frame(&mut workload, uid, &mapping);
    Ok(workload)
}

fn take_out_frame(workload: &mut Value, uid: &str, mapping: &Mapping) {
    let volume = volume_name(uid);
    take_out(workload, &mapping.volumes, |item| named(item, &volume));
    clear(workload, mapping, "type", uid);
    clear(workload, mapping, "provider", uid);
    Record::forget(workload, uid);
}

/// The Secret that was projected last; none where nothing is, or it cannot be told.
#[must_use]
pub fn projected_secret(workload: &Value, uid: &str) -> Option<String> {
    let record = Record::read(workload, uid).ok()??;
    Some(record.secret)
}

/// The Secret that a service gives: `status.binding.name` of any object (the duck type), or a Secret itself.
#[must_use]
pub fn provisioned(service: &Value) -> Option<&str> {
    let text = |pointer: &str| {
        service
            .pointer(pointer)
            .and_then(Value::as_str)
            .filter(|text| !text.is_empty())
    };
    if text("/apiVersion") == Some("v1") && text("/kind") == Some("Secret") {
        return text("/metadata/name");
    }
    text("/status/binding/name")
}

/// The specification: `[a-z0-9\-\.]{1,253}`. What leads to another directory is none.
pub(crate) fn is_name(name: &str) -> bool {
    let is_character = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-.".contains(c);
    (1..=253).contains(&name.len()) && name.chars().all(is_character) && !matches!(name, "." | "..")
}

/// Name of the volume of a binding.
fn volume_name(uid: &str) -> String {
    format!("binding-{uid}")
}

/// Annotation of the template that replaces an entry of the Secret.
fn override_annotation(entry: &str, uid: &str) -> String {
    format!("{DOMAIN}/{entry}-{uid}")
}

/// How the template's own field is named where a container takes it.
fn field_ref(entry: &str, uid: &str) -> Value {
    json!({"apiVersion": "v1", "fieldPath": format!("metadata.annotations['{}']", override_annotation(entry, uid))})
}

fn named(item: &Value, name: &str) -> bool {
    item.get("name").and_then(Value::as_str) == Some(name)
}

/// `type` and `provider` that are set by the binding go into annotations of the template: the Secret stays the service's.
fn overrides(workload: &mut Value, wish: &Projection, mapping: &Mapping) -> Result<(), Project> {
    for (entry, value) in [("type", &wish.kind), ("provider", &wish.provider)] {
        let annotation = override_annotation(entry, &wish.uid);
        match value {
            Some(value) => {
                let what = "annotations of the template";
                let place = mapping
                    .annotations
                    .entry(workload, &json!({}))
                    .map_err(|why| Project::Place { what, why })?;
                let Some(map) = place.as_object_mut() else {
                    return Err(Project::Place {
                        what,
                        why: Blocked {
                            field: "annotations".to_owned(),
                        },
                    });
                };
                map.insert(annotation, Value::from(value.as_str()));
            }
            None => clear(workload, mapping, entry, &wish.uid),
        }
    }
    Ok(())
}

/// Takes such an annotation out; annotations that are empty then go too.
fn clear(workload: &mut Value, mapping: &Mapping, entry: &str, uid: &str) {
    let annotation = override_annotation(entry, uid);
    let mut emptied = false;
    for place in mapping.annotations.find_mut(workload) {
        if let Some(map) = place.as_object_mut() {
            emptied = map.remove(&annotation).is_some() && map.is_empty();
        }
    }
    if emptied {
        mapping.annotations.remove(workload);
    }
}

/// The volume. Only its sources are set where it is there: the rest are the API server's defaults.
fn mount(workload: &mut Value, wish: &Projection, mapping: &Mapping) -> Result<(), Project> {
    let mut sources = vec![json!({"secret": {"name": wish.secret}})];
    let items: Vec<Value> = [("type", &wish.kind), ("provider", &wish.provider)]
        .into_iter()
        .filter(|(_, value)| value.is_some())
        .map(|(entry, _)| json!({"path": entry, "fieldRef": field_ref(entry, &wish.uid)}))
        .collect();
    if !items.is_empty() {
        sources.push(json!({"downwardAPI": {"items": items}}));
    }
    let name = volume_name(&wish.uid);
    let volumes = list(workload, &mapping.volumes, "volumes")?;
    let there = volumes.iter_mut().find(|volume| named(volume, &name));
    match there {
        Some(Value::Object(volume)) if volume.get("projected").is_some_and(Value::is_object) => {
            if let Some(projected) = volume.get_mut("projected").and_then(Value::as_object_mut) {
                projected.insert("sources".to_owned(), Value::Array(sources));
            }
        }
        Some(volume) => *volume = json!({"name": name, "projected": {"sources": sources}}),
        None => volumes.push(json!({"name": name, "projected": {"sources": sources}})),
    }
    Ok(())
}

/// A list of an object, made where it is not there.
fn list<'a>(
    root: &'a mut Value,
    path: &Path,
    what: &'static str,
) -> Result<&'a mut Vec<Value>, Project> {
    path.entry(root, &json!([]))
        .map_err(|why| Project::Place { what, why })?
        .as_array_mut()
        .ok_or(Project::NotList { what })
}

/// Takes items out of a list; a list that is empty then goes too.
fn take_out(root: &mut Value, path: &Path, is: impl Fn(&Value) -> bool) {
    let mut emptied = false;
    for items in path.find_mut(root) {
        if let Some(items) = items.as_array_mut() {
            let count = items.len();
            items.retain(|item| !is(item));
            emptied = items.is_empty() && count > 0;
        }
    }
    if emptied {
        path.remove(root);
    }
}
