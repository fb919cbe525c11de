//! `metadata.managedFields`: the entries and their list.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::Writer;
use super::set::FieldSet;

/// Entries of operation `Update` that are kept apart; older ones are merged.
const MOST_UPDATERS: usize = 10;

/// How a manager came to own its fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) enum Operation {
    /// Server-side apply.
    Apply,
    /// Create, update, or any other patch.
    Update,
}

/// What makes two entries the same entry.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct ManagerId {
    pub(super) name: String,
    pub(super) operation: Operation,
    /// An applier has one entry, whatever version it applies.
    updated_version: Option<String>,
    pub(super) subresource: String,
}

impl ManagerId {
    pub(super) fn new(writer: &Writer<'_>, operation: Operation, api_version: &str) -> Self {
        let name = if writer.manager.is_empty() {
            "unknown"
        } else {
            writer.manager
        };
        Self::of(
            name,
            operation,
            api_version,
            writer.subresource.unwrap_or_default(),
        )
    }

    pub(super) fn of(
        name: &str,
        operation: Operation,
        api_version: &str,
        subresource: &str,
    ) -> Self {
        Self {
            name: name.to_owned(),
            operation,
            updated_version: (operation == Operation::Update).then(|| api_version.to_owned()),
            subresource: subresource.to_owned(),
        }
    }
}

/// What one manager owns.
#[derive(Clone, Debug)]
pub(super) struct Ownership {
    pub(super) api_version: String,
    pub(super) time: Option<String>,
    pub(super) fields: FieldSet,
}

/// All owners of an object.
#[derive(Clone, Debug, Default)]
pub(super) struct Managers(pub(super) BTreeMap<ManagerId, Ownership>);

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Entry {
    #[serde(default)]
    manager: String,
    operation: Operation,
    api_version: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    time: Option<String>,
    fields_type: String,
    #[serde(default, rename = "fieldsV1")]
    fields_v1: Option<Value>,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    subresource: String,
}

impl Managers {
    /// Reads `metadata.managedFields` of `object`; absent means no owners.
    ///
    /// # Errors
    /// Which entry cannot be read and why, in words.
    pub(super) fn read(object: &Value) -> Result<Self, String> {
        let mut managers = Self::default();
        let Some(entries) = object.pointer("/metadata/managedFields") else {
            return Ok(managers);
        };
        let entries = match entries {
            Value::Null => return Ok(managers),
            Value::Array(entries) => entries,
            other => return Err(format!("managedFields must be a list, found {other}")),
        };
        for (index, entry) in entries.iter().enumerate() {
            let at = |reason: String| format!("managed fields entry {index}: {reason}");
            let entry: Entry =
                serde_json::from_value(entry.clone()).map_err(|error| at(error.to_string()))?;
            if entry.api_version.is_empty() {
                return Err(at("apiVersion must not be empty".to_owned()));
            }
            if entry.fields_type != "FieldsV1" {
                return Err(at(format!("invalid fieldsType {:?}", entry.fields_type)));
            }
            let fields = match &entry.fields_v1 {
                Some(fields) if !fields.is_null() => FieldSet::from_v1(fields).map_err(at)?,
                _ => FieldSet::default(),
            };
            let id = ManagerId::of(
                &entry.manager,
                entry.operation,
                &entry.api_version,
                &entry.subresource,
            );
            managers.0.insert(
                id,
                Ownership {
                    api_version: entry.api_version,
                    time: entry.time,
                    fields,
                },
            );
        }
        Ok(managers)
    }

    /// The list for `metadata.managedFields`: appliers first, then by time and name.
    pub(super) fn write(&self) -> Vec<Value> {
        let mut entries: Vec<(&ManagerId, &Ownership)> = self.0.iter().collect();
        entries.sort_by(|(a, own_a), (b, own_b)| {
            a.operation
                .cmp(&b.operation)
                .then_with(|| own_a.time.cmp(&own_b.time))
                .then_with(|| a.name.cmp(&b.name))
                .then_with(|| own_a.api_version.cmp(&own_b.api_version))
                .then_with(|| a.subresource.cmp(&b.subresource))
        });
        entries
            .into_iter()
            .map(|(id, owned)| entry(id, owned))
            .collect()
    }

    /// Drops entries that own nothing.
    pub(super) fn drop_empty(&mut self) {
        self.0.retain(|_, owned| !owned.fields.is_empty());
    }

    /// Merges the oldest entries of operation `Update` of one version once there are too many.
    pub(super) fn cap_updaters(&mut self) {
        let mut updaters: Vec<(Option<String>, ManagerId)> = self
            .0
            .iter()
            .filter(|(id, _)| id.operation == Operation::Update)
            .map(|(id, owned)| (owned.time.clone(), id.clone()))
            .collect();
        let mut excess = updaters.len().saturating_sub(MOST_UPDATERS);
        if excess == 0 {
            return;
        }
        updaters.sort();
        let mut first: BTreeMap<String, ManagerId> = BTreeMap::new();
        for (time, id) in updaters {
            if excess == 0 {
                return;
            }
            let Some(version) = self.0.get(&id).map(|owned| owned.api_version.clone()) else {
                continue;
            };
            let Some(oldest) = first.get(&version) else {
                first.insert(version, id);
                continue;
            };
            let bucket = ManagerId::of("ancient-changes", Operation::Update, &version, "");
            if !self.0.contains_key(&bucket)
                && let Some(owned) = self.0.remove(oldest)
            {
                self.0.insert(bucket.clone(), owned);
            }
            if id != bucket
                && let Some(owned) = self.0.remove(&id)
                && let Some(bucket) = self.0.get_mut(&bucket)
            {
                bucket.fields = bucket.fields.union(&owned.fields);
                bucket.time = time;
                excess -= 1;
            }
        }
    }
}

fn entry(id: &ManagerId, owned: &Ownership) -> Value {
    let mut entry = Map::new();
    entry.insert("apiVersion".to_owned(), json!(owned.api_version));
    entry.insert("fieldsType".to_owned(), json!("FieldsV1"));
    entry.insert("fieldsV1".to_owned(), owned.fields.to_v1());
    entry.insert("manager".to_owned(), json!(id.name));
    entry.insert("operation".to_owned(), json!(id.operation));
    if !id.subresource.is_empty() {
        entry.insert("subresource".to_owned(), json!(id.subresource));
    }
    if let Some(time) = &owned.time {
        entry.insert("time".to_owned(), json!(time));
    }
    Value::Object(entry)
}

/// Writes the list into `object`, or removes it when there are no owners.
pub(super) fn store(managers: &Managers, object: &mut Value) {
    let entries = managers.write();
    let Some(object) = object.as_object_mut() else {
        return;
    };
    if entries.is_empty() {
        if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
            metadata.remove("managedFields");
        }
        return;
    }
    let metadata = object
        .entry("metadata")
        .or_insert_with(|| Value::Object(Map::new()));
    if let Some(metadata) = metadata.as_object_mut() {
        metadata.insert("managedFields".to_owned(), Value::Array(entries));
    }
}
