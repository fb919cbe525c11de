//! Server-side apply.

use serde_json::{Map, Value};
use thiserror::Error;

use super::comparison::Comparison;
use super::conflict::{Conflict, describe, message};
use super::entry::{ManagerId, Managers, Operation, Ownership, store};
use super::extraction::field_set;
use super::merging::merge;
use super::removal::remove;
use super::set::FieldSet;
use super::update::{keep_times, nothing, own_changes, text, unowned};
use super::{Writer, last_applied, reset, typing, without_managed_fields};
use crate::schema::TypeSchema;

/// Why an apply did not happen.
#[derive(Debug, Error)]
pub enum ApplyError {
    /// The configuration cannot be applied by anyone: 400 Bad Request.
    #[error("{message}")]
    BadRequest {
        /// What is wrong with the request.
        message: String,
    },
    /// The configuration does not fit the type. The server answers with 500 and this text.
    #[error("failed to create typed patch object ({object}): {message}")]
    Untyped {
        /// `namespace/name; group/version, Kind=kind`.
        object: String,
        /// Where and why.
        message: String,
    },
    /// Another manager owns fields that the apply would change: 409 Conflict.
    #[error("{}", message(conflicts))]
    Conflicts {
        /// The fields and their owners, ordered.
        conflicts: Vec<Conflict>,
    },
}

/// Applies `config` to `live` on behalf of a manager: the object to be stored.
///
/// `live` is `None` when the object does not exist yet. Fields the manager applied before and no longer
/// gives are removed unless somebody else owns them. If nothing changes, the result equals `live`,
/// times of `managedFields` included. The result is not defaulted: the caller does that, as it does
/// after any write; it also drops the nulls that fields leave behind that lost their last part.
///
/// # Errors
/// [`ApplyError`]; with `force`, conflicts are taken over instead.
pub fn apply(
    live: Option<&Value>,
    config: &Value,
    force: bool,
    writer: &Writer<'_>,
    schema: &TypeSchema,
) -> Result<Value, ApplyError> {
    let api_version = text(config, "apiVersion");
    check_request(config, &api_version, schema)?;
    let ignored = reset::reset_fields(writer, schema);

    let mut managers = match live {
        Some(live) => Managers::read(live).map_err(|reason| ApplyError::BadRequest {
            message: format!("failed to decode managed fields: {reason}"),
        })?,
        None => Managers::default(),
    };
    let current = live.map_or_else(|| Value::Object(Map::new()), without_managed_fields);
    if managers.0.is_empty() && live.is_some() {
        let id = ManagerId::of("before-first-apply", Operation::Update, &api_version, "");
        let nothing = nothing(config, schema);
        own_changes(
            &nothing,
            &current,
            &mut managers,
            &id,
            &api_version,
            writer,
            schema,
        );
    }

    let id = ManagerId::new(writer, Operation::Apply, &api_version);
    let previous = managers.0.get(&id).cloned();
    managers.0.insert(
        id.clone(),
        Ownership {
            api_version,
            time: previous.as_ref().and_then(|owned| owned.time.clone()),
            fields: field_set(config, schema).without(&ignored),
        },
    );
    let merged = merge(&current, config, schema);
    let mut applied = match &previous {
        Some(previous) => release(&merged, &previous.fields, &managers, schema),
        None => merged,
    };

    let changes = Comparison::between(&current, &applied, schema).without(&ignored);
    let mine = last_applied::unchanged(writer.manager, &current, schema);
    take_over(&mut managers, &id, &changes, &mine, force)?;
    finish(&mut managers, &id, applied != current, writer.now);
    last_applied::record(writer.manager, config, &mut applied);
    reset(live, &mut applied, writer, schema);
    store(&managers, &mut applied);
    if let Some(live) = live {
        keep_times(live, &mut applied);
    }
    Ok(applied)
}

fn check_request(config: &Value, api_version: &str, schema: &TypeSchema) -> Result<(), ApplyError> {
    let bad = |message: &str| {
        Err(ApplyError::BadRequest {
            message: message.to_owned(),
        })
    };
    if !config.is_object() || api_version.is_empty() || text(config, "kind").is_empty() {
        return bad(
            "invalid object type: an applied configuration must be an object with apiVersion and kind",
        );
    }
    if config
        .pointer("/metadata/managedFields")
        .is_some_and(|entries| !entries.is_null())
    {
        return bad("metadata.managedFields must be nil");
    }
    let complaints = typing::complaints(config, schema);
    if complaints.is_empty() {
        return Ok(());
    }
    let meta = |name: &str| {
        config
            .pointer(&format!("/metadata/{name}"))
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned()
    };
    let message = match complaints.as_slice() {
        [only] => only.clone(),
        several => format!("errors:\n  {}", several.join("\n  ")),
    };
    Err(ApplyError::Untyped {
        object: format!(
            "{}/{}; {api_version}, Kind={}",
            meta("namespace"),
            meta("name"),
            text(config, "kind")
        ),
        message,
    })
}

/// `merged` without what the manager gave before and does not give now, as far as nobody owns it.
fn release(merged: &Value, previous: &FieldSet, managers: &Managers, schema: &TypeSchema) -> Value {
    let named = |set: &FieldSet| set.with_named_fields(Some(schema));
    let merged_set = named(&field_set(merged, schema));
    let previous = named(previous);

    let mut owned = FieldSet::default();
    for other in managers.0.values() {
        owned = owned.union(&other.fields);
    }
    let pruned = remove(merged, &previous, schema);
    let kept = named(&field_set(&pruned, schema)).union(&named(&owned));
    let pruned = remove(merged, &merged_set.difference(&kept), schema);

    // What fell with a parent although the manager never owned it stays.
    let pruned_set = named(&field_set(&pruned, schema));
    let gone = merged_set.difference(&pruned_set).intersection(&previous);
    remove(merged, &gone, schema)
}

/// Takes the changed fields from the other managers, or reports them as conflicts. About fields in
/// `mine` there is no conflict.
fn take_over(
    managers: &mut Managers,
    id: &ManagerId,
    changes: &Comparison,
    mine: &FieldSet,
    force: bool,
) -> Result<(), ApplyError> {
    let changed = changes.modified.union(&changes.added);
    let mut conflicts = Vec::new();
    for (other, owned) in managers.0.iter_mut().filter(|(other, _)| *other != id) {
        let contested = owned.fields.intersection(&changed);
        for path in contested.difference(mine).paths() {
            conflicts.push(Conflict {
                manager: describe(other, owned),
                field: path.iter().map(ToString::to_string).collect(),
            });
        }
        owned.fields = owned
            .fields
            .difference(&contested)
            .difference(&changes.removed);
    }
    if force || conflicts.is_empty() {
        return Ok(());
    }
    Err(ApplyError::Conflicts { conflicts })
}

fn finish(managers: &mut Managers, id: &ManagerId, changed: bool, now: &str) {
    if let Some(owned) = managers.0.get_mut(id) {
        owned.fields = owned.fields.difference(&unowned());
        if changed {
            owned.time = (!now.is_empty()).then(|| now.to_owned());
        }
    }
    managers.drop_empty();
}
