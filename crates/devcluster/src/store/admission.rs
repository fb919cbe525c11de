//! What happens to an object between the wire and the rules: decoding by schema, defaulting, checking.

use serde_json::Value;

use super::{FieldValidation, Key, Subresource, Write, metadata, rules};
use crate::resource::{Resource, Version};
use crate::schema;
use crate::status::{Cause, Status};

/// Takes an object in: its version, then unknown fields, then defaults. Warnings come back.
pub(super) fn decode(
    resource: &Resource,
    version: &Version,
    object: &mut Value,
    write: &Write,
) -> Result<Vec<String>, Status> {
    let unknown = schema::prune(&version.schema, object);
    let warnings = unknown_fields(resource, version, &unknown, write)?;
    schema::default(&version.schema, object);
    check_types(resource, version, object)?;
    Ok(warnings)
}

/// What is said about fields that were pruned.
pub(super) fn unknown_fields(
    resource: &Resource,
    version: &Version,
    unknown: &[String],
    write: &Write,
) -> Result<Vec<String>, Status> {
    let twice = write
        .duplicates
        .iter()
        .map(|path| format!("duplicate field \"{path}\""));
    let unknown = unknown
        .iter()
        .map(|path| format!("unknown field \"{path}\""));
    let faults: Vec<String> = twice.chain(unknown).collect();
    match write.validation {
        FieldValidation::Ignore => Ok(Vec::new()),
        FieldValidation::Strict if !faults.is_empty() => Err(strict(resource, version, &faults)),
        FieldValidation::Warn | FieldValidation::Strict => Ok(faults),
    }
}

/// Values of other types than a built-in kind has are not even decoded; of a custom resource that goes for its metadata.
fn check_types(resource: &Resource, version: &Version, object: &Value) -> Result<(), Status> {
    let errors = schema::validate(&version.schema, object);
    if let Some(field) = rules::wrong_micro_time(resource, object) {
        return Err(Status::bad_request(format!(
            "{0} in version \"{1}\" cannot be handled as a {0}: {field}",
            resource.kind, version.name
        )));
    }
    let wrong = errors.into_iter().find(|error| {
        error.kind == schema::FieldErrorKind::TypeInvalid
            && (!resource.is_custom() || error.path.starts_with("metadata."))
    });
    let Some(error) = wrong else { return Ok(()) };
    let kind = &resource.kind;
    let found = match error.value.as_ref().and_then(Value::as_str) {
        Some("integer") => "number",
        Some("boolean") => "bool",
        Some(other) => other,
        None => "value",
    };
    Err(Status::bad_request(format!(
        "{kind} in version \"{}\" cannot be handled as a {kind}: json: cannot unmarshal {found} into field {}",
        version.name, error.path
    )))
}

fn strict(resource: &Resource, version: &Version, faults: &[String]) -> Status {
    let kind = &resource.kind;
    Status::bad_request(format!(
        "{kind} in version \"{}\" cannot be handled as a {kind}: strict decoding error: {}",
        version.name,
        faults.join(", ")
    ))
}

/// The object in the form it is kept in; a custom resource has the defaults of the version that it is kept in.
pub(super) fn keep(resource: &Resource, object: Value) -> Value {
    let given = object["apiVersion"].clone();
    let mut object = resource.keep(object);
    if resource.is_custom()
        && object["apiVersion"] != given
        && let Some(storage) = resource.version(&resource.storage_version)
    {
        schema::default(&storage.schema, &mut object);
    }
    object
}

/// Which version an object is of: its `apiVersion` must be served and its `kind` the resource's.
pub(super) fn version_of<'a>(
    resource: &'a Resource,
    object: &Value,
) -> Result<&'a Version, Status> {
    let api_version = object["apiVersion"].as_str().unwrap_or_default();
    let kind = object["kind"].as_str().unwrap_or_default();
    let (group, version) = api_version.rsplit_once('/').unwrap_or(("", api_version));
    if kind != resource.kind && resource.is_custom() {
        let why = format!("must be {}", resource.kind);
        let cause = Cause::invalid("kind", &object["kind"], &why);
        let name = metadata::text(object, "name");
        return Err(Status::invalid(group, kind, name, vec![cause]));
    }
    if kind != resource.kind {
        return Err(Status::bad_request(format!(
            "{kind} in version \"{version}\" cannot be handled as a {}",
            resource.kind
        )));
    }
    // The storage shape of an aliased resource (Events) is understood as well.
    let named = (group == resource.id.group() || group == resource.storage.group())
        .then(|| resource.version(version))
        .flatten();
    named.or_else(|| resource.version(&resource.storage_version).filter(|v| v.name == version)).ok_or_else(
        || {
            Status::bad_request(format!(
                "the API version in the data ({api_version}) does not match the expected API version ({})",
                resource.api_version(resource.versions.first().map_or("", |version| version.name.as_str()))
            ))
        },
    )
}

/// The checks of a whole object: by schema, of metadata, and of the few built-in kinds that have rules beyond.
pub(super) fn check(
    resource: &Resource,
    version: &Version,
    object: &Value,
    live: Option<&Value>,
    subresource: Subresource,
) -> Result<(), Status> {
    let errors = match subresource {
        Subresource::Status => schema::validate_status(&version.schema, object, live),
        _ => schema::validate_change(&version.schema, object, live),
    };
    let mut causes = metadata::faults(resource, object);
    // Owners are complained about by the rules of metadata.
    let known = |error: &&schema::FieldError| error.path.starts_with("metadata.ownerReferences[");
    causes.extend(errors.iter().filter(|error| !known(error)).map(cause));
    causes.extend(rules::faults(resource, object));
    if causes.is_empty() {
        return Ok(());
    }
    let name = metadata::text(object, "name");
    Err(Status::invalid(
        resource.id.group(),
        &resource.kind,
        name,
        causes,
    ))
}

fn cause(error: &schema::FieldError) -> Cause {
    let path = if error.path.is_empty() {
        "<nil>"
    } else {
        &error.path
    };
    Cause::new(error.kind.reason(), path, error.message())
}

/// The name must be one, and fit the path it is written to.
pub(super) fn check_name(resource: &Resource, object: &Value) -> Result<(), Status> {
    let name = metadata::text(object, "name");
    let invalid = |cause| Status::invalid(resource.id.group(), &resource.kind, name, vec![cause]);
    if name.is_empty() {
        return Err(invalid(Cause::required(
            "metadata.name",
            "name or generateName is required",
        )));
    }
    match metadata::name_rule(&resource.id, name) {
        Some(why) => Err(invalid(Cause::invalid(
            "metadata.name",
            &Value::from(name),
            &why,
        ))),
        None => Ok(()),
    }
}

/// The namespace of the body and of the path must agree; an absent one is filled in.
pub(super) fn settle_namespace(
    resource: &Resource,
    namespace: &str,
    object: &mut Value,
) -> Result<(), Status> {
    let given = metadata::text(object, "namespace");
    if !resource.namespaced {
        if given.is_empty() {
            return Ok(());
        }
        return Err(Status::bad_request(
            "the namespace of the provided object does not match the namespace sent on the request",
        ));
    }
    if given.is_empty() {
        metadata::set(object, "namespace", Some(Value::from(namespace)));
        return Ok(());
    }
    if given == namespace {
        return Ok(());
    }
    Err(Status::bad_request(
        "the namespace of the provided object does not match the namespace sent on the request",
    ))
}

/// The name of the body and of the path must agree; an absent one is filled in.
pub(super) fn settle_name(key: &Key, object: &mut Value) -> Result<(), Status> {
    let given = metadata::text(object, "name");
    if given == key.name {
        return Ok(());
    }
    if given.is_empty() {
        metadata::set(object, "name", Some(Value::from(key.name.as_str())));
        return Ok(());
    }
    Err(Status::bad_request(format!(
        "the name of the object ({given}) does not match the name on the URL ({})",
        key.name
    )))
}
