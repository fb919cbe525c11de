//! Tables: what `kubectl get` prints.
//!
//! Columns of built-in kinds are those of the real server; a custom resource's come from its definition.

use std::sync::Arc;

use oarlock_core::timestamp::Timestamp;
use serde_json::{Value, json};

use super::reading::partial;
use crate::resource::{Resource, Version};
use crate::status::Status;

mod age;
mod json_path;
mod kinds;
mod rows;
mod workloads;

#[cfg(test)]
mod tests;

/// What of an object comes with its row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Include {
    Nothing,
    Metadata,
    Whole,
}

/// A column with how its cell is made.
struct Column {
    name: String,
    kind: String,
    format: String,
    description: String,
    /// Above 0: shown with `-o wide`.
    priority: i64,
    cell: Cell,
}

enum Cell {
    /// Code for a built-in kind.
    Built(fn(&Value, Timestamp) -> Value),
    /// JSONPath of a definition.
    Path(String),
}

impl Include {
    /// The parameter `includeObject`.
    ///
    /// # Errors
    ///
    /// 400 for anything else.
    pub(crate) fn parse(text: &str) -> Result<Self, Status> {
        match text {
            "None" => Ok(Self::Nothing),
            "Object" => Ok(Self::Whole),
            "" | "Metadata" => Ok(Self::Metadata),
            other => Err(Status::bad_request(format!(
                "Unable to convert to Table as requested: includeObject: Invalid value: {other:?}: must be 'Metadata', 'Object', 'None', or empty"
            ))),
        }
    }
}

/// The table of `objects`.
pub(crate) fn render(
    resource: &Resource,
    version: &Version,
    objects: &[Arc<Value>],
    metadata: Value,
    include: Include,
    now: Timestamp,
) -> Value {
    let columns = columns(resource, version);
    let definitions: Vec<Value> = columns
        .iter()
        .map(|column| {
            json!({
                "name": column.name, "type": column.kind, "format": column.format,
                "description": column.description, "priority": column.priority,
            })
        })
        .collect();
    let rows: Vec<Value> = objects
        .iter()
        .map(|object| {
            let cells: Vec<Value> = columns
                .iter()
                .map(|column| column.cell(object, now))
                .collect();
            let mut row = json!({"cells": cells});
            match include {
                Include::Nothing => row["object"] = Value::Null,
                Include::Metadata => row["object"] = partial(object),
                Include::Whole => row["object"] = Value::clone(object),
            }
            row
        })
        .collect();
    json!({
        "kind": "Table", "apiVersion": "meta.k8s.io/v1", "metadata": metadata,
        "columnDefinitions": definitions, "rows": rows,
    })
}

impl Column {
    fn cell(&self, object: &Value, now: Timestamp) -> Value {
        match &self.cell {
            Cell::Built(make) => make(object, now),
            Cell::Path(path) => {
                let Some(found) = json_path::find(object, path) else {
                    return Value::Null;
                };
                match self.kind.as_str() {
                    "date" => Value::from(age::since(found.as_str(), now)),
                    "string" => match found {
                        Value::String(_) => found,
                        other => Value::from(other.to_string()),
                    },
                    _ => found,
                }
            }
        }
    }

    fn built(name: &str, kind: &str, priority: i64, make: fn(&Value, Timestamp) -> Value) -> Self {
        Self {
            name: String::from(name),
            kind: String::from(kind),
            format: String::from(if name == "Name" { "name" } else { "" }),
            description: String::new(),
            priority,
            cell: Cell::Built(make),
        }
    }
}

fn name(object: &Value, _: Timestamp) -> Value {
    object["metadata"]["name"].clone()
}

fn object_age(object: &Value, now: Timestamp) -> Value {
    Value::from(age::since(
        object["metadata"]["creationTimestamp"].as_str(),
        now,
    ))
}

fn columns(resource: &Resource, version: &Version) -> Vec<Column> {
    let mut columns = vec![Column::built("Name", "string", 0, name)];
    if resource.is_custom() {
        columns.extend(version.columns.iter().map(|column| Column {
            name: column.name.clone(),
            kind: column.kind.clone(),
            format: column.format.clone(),
            description: if column.description.is_empty() {
                format!(
                    "Custom resource definition column (in JSONPath format): {}",
                    column.json_path
                )
            } else {
                column.description.clone()
            },
            priority: column.priority,
            cell: Cell::Path(column.json_path.clone()),
        }));
        if version.columns.is_empty() {
            columns.push(Column::built("Age", "date", 0, object_age));
        }
        return columns;
    }
    match rows::of(resource.id.group(), resource.id.plural()) {
        Some(special) => special,
        None => {
            columns.push(Column::built("Age", "string", 0, object_age));
            columns
        }
    }
}
