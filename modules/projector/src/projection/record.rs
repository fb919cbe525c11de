//! What was put into a workload, in an annotation of it: so that it can be taken out after everything else has changed.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{DOMAIN, Project, Template, named, volume_name};

/// What was put in for one binding.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub(super) struct Record {
    /// By which mapping.
    pub(super) mapping: Template,
    /// The Secret's name.
    pub(super) secret: String,
    /// Names of environment variables.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) env: Vec<String>,
    /// Containers that had no `SERVICE_BINDING_ROOT`.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub(super) roots: BTreeSet<String>,
}

const PREFIX: &str = "projection-";

/// Name of the annotation of a binding.
pub(super) fn annotation(uid: &str) -> String {
    format!("{DOMAIN}/{PREFIX}{uid}")
}

impl Record {
    /// What was put in for a binding.
    pub(super) fn read(workload: &Value, uid: &str) -> Result<Option<Self>, Project> {
        let name = annotation(uid);
        let Some(found) = workload
            .pointer("/metadata/annotations")
            .and_then(|map| map.get(&name))
        else {
            return Ok(None);
        };
        let read = found
            .as_str()
            .and_then(|text| serde_json::from_str(text).ok());
        read.map(Some).ok_or_else(|| Project::Record {
            annotation: name,
            volume: volume_name(uid),
        })
    }

    /// Writes it down.
    pub(super) fn write(&self, workload: &mut Value, uid: &str) -> Result<(), Project> {
        let what = "annotations";
        let blocked = |field: &str| Project::Place {
            what,
            why: jsonpath::Blocked {
                field: field.to_owned(),
            },
        };
        let root = workload
            .as_object_mut()
            .ok_or_else(|| blocked("metadata"))?;
        let metadata = root
            .entry("metadata")
            .or_insert_with(|| Value::Object(Map::new()));
        let metadata = metadata
            .as_object_mut()
            .ok_or_else(|| blocked("metadata"))?;
        let annotations = metadata
            .entry("annotations")
            .or_insert_with(|| Value::Object(Map::new()));
        let annotations = annotations
            .as_object_mut()
            .ok_or_else(|| blocked("annotations"))?;
        let text = serde_json::to_string(self).map_err(|_| blocked("annotations"))?;
        annotations.insert(annotation(uid), Value::from(text));
        Ok(())
    }

    /// Removes it.
    pub(super) fn forget(workload: &mut Value, uid: &str) {
        let Some(metadata) = workload.get_mut("metadata").and_then(Value::as_object_mut) else {
            return;
        };
        let Some(annotations) = metadata
            .get_mut("annotations")
            .and_then(Value::as_object_mut)
        else {
            return;
        };
        annotations.remove(&annotation(uid));
        if annotations.is_empty() {
            metadata.remove("annotations");
        }
    }

    /// What other bindings have there, by uid. A record that cannot be read needs nothing.
    pub(super) fn others(workload: &Value, uid: &str) -> Others {
        let prefix = format!("{DOMAIN}/{PREFIX}");
        let records = workload
            .pointer("/metadata/annotations")
            .and_then(Value::as_object)
            .into_iter()
            .flatten()
            .filter_map(|(name, _)| name.strip_prefix(&prefix))
            .filter(|other| *other != uid)
            .filter_map(|other| Some((other.to_owned(), Self::read(workload, other).ok()??)))
            .collect();
        Others(records)
    }
}

/// What other bindings have in a workload.
#[derive(Debug, Default)]
pub(super) struct Others(Vec<(String, Record)>);

impl Others {
    /// The containers in which another one needs the variable that says where bindings are, though its user did not set it.
    pub(super) fn roots(&self) -> BTreeSet<String> {
        self.0
            .iter()
            .flat_map(|(_, record)| record.roots.iter().cloned())
            .collect()
    }

    /// Variables, with the Secrets that they are taken from, that others have in a container with these mounts.
    pub(super) fn env(&self, mounts: &[Value]) -> BTreeSet<(String, String)> {
        let is_in = |uid: &str| mounts.iter().any(|mount| named(mount, &volume_name(uid)));
        self.0
            .iter()
            .filter(|(uid, _)| is_in(uid))
            .flat_map(|(_, record)| {
                let names = record.env.iter();
                names.map(|name| (name.clone(), record.secret.clone()))
            })
            .collect()
    }
}
