//! Replacing objects, whole or by subresource, and server-side apply.

use std::sync::Arc;

use oarlock_core::timestamp::Timestamp;
use serde_json::{Map, Value, json};

use super::create::writer;
use super::state::State;
use super::{Key, Subresource, Write, Written, admission, defaults, metadata};
use crate::crd;
use crate::fields::{self, ApplyError, Conflict};
use crate::resource::{Resource, ResourceId, Version};
use crate::schema;
use crate::status::{Cause, Details, Reason, Status};

const NAMESPACES: ResourceId = ResourceId::of("", "namespaces");

/// Metadata that only the server writes: taken from the object as it is.
const SERVER_METADATA: [&str; 6] = [
    "uid",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "generation",
    "selfLink",
];

impl State {
    pub(super) fn update(
        &mut self,
        resource: &Arc<Resource>,
        key: &Key,
        mut object: Value,
        write: &Write,
        now: Timestamp,
    ) -> Result<Written, Status> {
        let version = admission::version_of(resource, &object)?;
        admission::settle_namespace(resource, &key.namespace, &mut object)?;
        admission::settle_name(key, &mut object)?;
        let Some(live) = self.objects(resource).get(key).cloned() else {
            if creates_on_update(resource) && write.subresource == Subresource::Main {
                metadata::set(&mut object, "resourceVersion", None);
                return self.create(resource, &key.namespace, object, write, now);
            }
            return Err(Status::not_found(
                resource.id.group(),
                resource.id.plural(),
                &key.name,
            ));
        };
        check_preconditions(resource, key, &live, &object)?;
        let live = resource.present(&version.name, &live);
        let warnings = admission::decode(resource, version, &mut object, write)?;
        let given = object["metadata"].clone();
        restrict(resource, version, write.subresource, &live, &mut object);
        carry(&live, &mut object);
        defaults::fill(resource, version, Some(&live), &mut object);
        let rfc3339 = now.rfc3339();
        let writer = writer(write, version, &rfc3339);
        if resource.is_custom() && write.subresource == Subresource::Status {
            // Metadata is owned as it was given, although what becomes of the object is its old one.
            let mut wanted = object.clone();
            for field in ["labels", "annotations"] {
                metadata::set(&mut wanted, field, given.get(field).cloned());
            }
            fields::track_update(Some(&live), &mut wanted, &writer, &version.schema);
            let managed = wanted["metadata"].get("managedFields").cloned();
            metadata::set(&mut object, "managedFields", managed);
        } else {
            fields::track_update(Some(&live), &mut object, &writer, &version.schema);
        }
        self.finish_update(resource, version, key, &live, object, write, now, warnings)
    }

    pub(super) fn apply(
        &mut self,
        resource: &Arc<Resource>,
        key: &Key,
        mut config: Value,
        force: bool,
        write: &Write,
        now: Timestamp,
    ) -> Result<Written, Status> {
        let version = admission::version_of(resource, &config)?;
        let given = String::from(metadata::text(&config, "namespace"));
        admission::settle_namespace(resource, &key.namespace, &mut config)?;
        admission::settle_name(key, &mut config)?;
        if !config["metadata"]["managedFields"].is_null() {
            return Err(Status::bad_request("metadata.managedFields must be nil"));
        }
        let stored = self.objects(resource).get(key).cloned();
        if stored.is_none() && write.subresource != Subresource::Main {
            return Err(Status::not_found(
                resource.id.group(),
                resource.id.plural(),
                &key.name,
            ));
        }
        let uid = metadata::text(&config, "uid");
        if stored.is_none() && !uid.is_empty() {
            let why = format!(
                "uid mismatch: the provided object specified uid {uid}, and no existing object was found"
            );
            let (group, plural) = (resource.id.group(), resource.id.plural());
            return Err(Status::conflict(group, plural, &key.name, &why));
        }
        let unknown = schema::prune(&version.schema, &mut config);
        if !unknown.is_empty() {
            return Err(untyped(&config, &given, &unknown));
        }
        let warnings = admission::unknown_fields(resource, version, &unknown, write)?;
        let live = stored
            .as_ref()
            .map(|stored| resource.present(&version.name, stored));
        if let Some(live) = &live {
            metadata::check_fixed(resource, key, live, &config)?;
            check_preconditions(resource, key, live, &config)?;
        }
        let rfc3339 = now.rfc3339();
        let who = writer(write, version, &rfc3339);
        let mut object = fields::apply(live.as_deref(), &config, force, &who, &version.schema)
            .map_err(|error| refused_apply(&error, &key.namespace, &given))?;
        schema::default(&version.schema, &mut object);
        let Some(live) = live else {
            defaults::fill(resource, version, None, &mut object);
            if version.status
                && let Some(map) = object.as_object_mut()
            {
                map.remove("status");
            }
            return self.finish_create(
                resource,
                version,
                &key.namespace,
                object,
                write,
                now,
                warnings,
            );
        };
        restrict(resource, version, write.subresource, &live, &mut object);
        carry(&live, &mut object);
        defaults::fill(resource, version, Some(&live), &mut object);
        self.finish_update(resource, version, key, &live, object, write, now, warnings)
    }

    #[expect(
        clippy::too_many_arguments,
        reason = "one private step of two callers, each argument another noun"
    )]
    fn finish_update(
        &mut self,
        resource: &Arc<Resource>,
        version: &Version,
        key: &Key,
        live: &Arc<Value>,
        mut object: Value,
        write: &Write,
        now: Timestamp,
        warnings: Vec<String>,
    ) -> Result<Written, Status> {
        check_finalizers(resource, key, live, &object)?;
        if metadata::same_but_for_times(live, &object) && !metadata::may_vanish(resource, live) {
            let object = self.live(resource, key)?.clone();
            return Ok(Written {
                object,
                created: false,
                warnings,
            });
        }
        if write.subresource != Subresource::Other("binding")
            && (counts(resource, version, live, &object)
                || counts_annotations(resource, write.subresource, live, &object))
        {
            let generation = live["metadata"]["generation"].as_i64().unwrap_or(0) + 1;
            metadata::set(&mut object, "generation", Some(Value::from(generation)));
        }
        admission::check(resource, version, &object, Some(live), write.subresource)?;
        defaults::check_immutable(resource, key, live, &object)?;
        let mut object = admission::keep(resource, object);
        if resource.id == crd::DEFINITIONS {
            crd::admit(Some(live), &mut object)?;
        }
        if write.dry_run {
            return Ok(Written {
                object: Arc::new(object),
                created: false,
                warnings,
            });
        }
        if metadata::may_vanish(resource, &object) {
            // Watchers see the state before: what let go of it was never written.
            self.vanish(resource, key.clone(), Value::clone(live), now);
            return Ok(Written {
                object: Arc::new(object),
                created: false,
                warnings,
            });
        }
        let object = self.put(resource, key.clone(), object);
        self.after_write(resource, &object, now);
        Ok(Written {
            object,
            created: false,
            warnings,
        })
    }
}

/// `resourceVersion` and `uid` in a body are preconditions.
fn check_preconditions(
    resource: &Resource,
    key: &Key,
    live: &Value,
    object: &Value,
) -> Result<(), Status> {
    let (group, plural) = (resource.id.group(), resource.id.plural());
    let uid = metadata::text(object, "uid");
    let live_uid = metadata::text(live, "uid");
    if !uid.is_empty() && uid != live_uid {
        let path = [plural, &key.namespace, &key.name]
            .join("/")
            .replace("//", "/");
        let why = format!(
            "StorageError: invalid object, Code: 4, Key: /registry/{path}, ResourceVersion: 0, AdditionalErrorMsg: Precondition failed: UID in precondition: {uid}, UID in object meta: {live_uid}"
        );
        return Err(Status::conflict(group, plural, &key.name, &why));
    }
    let revision = metadata::text(object, "resourceVersion");
    if !revision.is_empty() && revision.parse::<u64>().is_err() {
        return Err(Status::unclassified(format!(
            "strconv.ParseUint: parsing {revision:?}: invalid syntax"
        )));
    }
    if !revision.is_empty() && revision != metadata::text(live, "resourceVersion") {
        return Err(Status::stale(group, plural, &key.name));
    }
    Ok(())
}

/// Kinds that a PUT creates when they are not there.
fn creates_on_update(resource: &Resource) -> bool {
    matches!(
        (resource.id.group(), resource.id.plural()),
        ("", "events" | "services" | "endpoints" | "limitranges")
            | ("events.k8s.io", "events")
            | ("coordination.k8s.io", "leases")
            | ("rbac.authorization.k8s.io", _)
    )
}

/// Leaves of the new object only what the request may write; the rest is as it was.
fn restrict(
    resource: &Resource,
    version: &Version,
    subresource: Subresource,
    live: &Value,
    object: &mut Value,
) {
    match subresource {
        Subresource::Main if version.status => {
            keep_field(live, object, "status");
            if resource.id == NAMESPACES {
                // Only /finalize changes these.
                let finalizers = live["spec"].get("finalizers").cloned();
                if let Some(spec) = object["spec"].as_object_mut() {
                    set_or_remove(spec, "finalizers", finalizers);
                } else if let Some(finalizers) = finalizers {
                    object["spec"] = json!({"finalizers": finalizers});
                }
            }
        }
        Subresource::Main | Subresource::Scale | Subresource::Other(_) => {}
        Subresource::Status => {
            let status = object.get("status").cloned();
            let managed = object["metadata"].get("managedFields").cloned();
            // A built-in's status strategy resets the spec and leaves metadata writable, but labels of Deployments and
            // owners of Pods; a custom resource's takes all metadata from the object as it is.
            let mut kept = live.as_object().cloned().unwrap_or_default();
            if !resource.is_custom() {
                let mut meta = object["metadata"].as_object().cloned().unwrap_or_default();
                let reset: &[&str] = match (resource.id.group(), resource.id.plural()) {
                    ("apps", "deployments") => &["labels"],
                    ("", "pods") => &["ownerReferences"],
                    _ => &[],
                };
                for field in reset {
                    match live["metadata"].get(field) {
                        Some(value) => meta.insert(String::from(*field), value.clone()),
                        None => meta.remove(*field),
                    };
                }
                kept.insert(String::from("metadata"), Value::Object(meta));
            }
            set_or_remove(&mut kept, "status", status);
            *object = Value::Object(kept);
            metadata::set(object, "managedFields", managed);
        }
        Subresource::Finalize => {
            let finalizers = object["spec"].get("finalizers").cloned();
            *object = live.clone();
            if !object["spec"].is_object() {
                object["spec"] = Value::Object(Map::new());
            }
            if let Some(spec) = object["spec"].as_object_mut() {
                set_or_remove(spec, "finalizers", finalizers);
            }
        }
    }
}

fn keep_field(live: &Value, object: &mut Value, field: &str) {
    if let Some(map) = object.as_object_mut() {
        set_or_remove(map, field, live.get(field).cloned());
    }
}

fn set_or_remove(map: &mut Map<String, Value>, field: &str, value: Option<Value>) {
    match value {
        Some(value) => map.insert(String::from(field), value),
        None => map.remove(field),
    };
}

/// Brings the server's own metadata over from the object as it is.
fn carry(live: &Value, object: &mut Value) {
    for field in SERVER_METADATA {
        metadata::set(object, field, live["metadata"].get(field).cloned());
    }
    metadata::set(
        object,
        "resourceVersion",
        live["metadata"].get("resourceVersion").cloned(),
    );
}

/// Whether the change counts the generation up: anything but metadata and status of kinds that have one.
fn counts(resource: &Resource, version: &Version, live: &Value, object: &Value) -> bool {
    if !resource.generation {
        return false;
    }
    let ignored = |field: &str| {
        field == "metadata"
            || field == "apiVersion"
            || (field == "status" && (version.status || !resource.is_custom()))
    };
    let (Some(old), Some(new)) = (live.as_object(), object.as_object()) else {
        return false;
    };
    old.iter()
        .any(|(field, value)| !ignored(field) && new.get(field) != Some(value))
        || new
            .keys()
            .any(|field| !ignored(field) && !old.contains_key(field))
}

/// Whether changed annotations count the generation up, as those of Deployments do: its controller hands them on to
/// ReplicaSets. What is written to the status does not count.
fn counts_annotations(
    resource: &Resource,
    subresource: Subresource,
    live: &Value,
    object: &Value,
) -> bool {
    let annotations = |object: &Value| {
        let kept = object["metadata"]["annotations"].as_object();
        kept.filter(|kept| !kept.is_empty()).cloned()
    };
    resource.id.group() == "apps"
        && resource.id.plural() == "deployments"
        && subresource != Subresource::Status
        && annotations(live) != annotations(object)
}

fn check_finalizers(
    resource: &Resource,
    key: &Key,
    live: &Value,
    object: &Value,
) -> Result<(), Status> {
    if !metadata::is_deleting(live) {
        return Ok(());
    }
    let before = metadata::finalizers(live);
    let added: Vec<String> = metadata::finalizers(object)
        .into_iter()
        .filter(|name| !before.contains(name))
        .collect();
    if added.is_empty() {
        return Ok(());
    }
    let listed: Vec<String> = added.iter().map(|name| format!("{name:?}")).collect();
    let cause = Cause::new(
        "FieldValueForbidden",
        "metadata.finalizers",
        format!(
            "Forbidden: no new finalizers can be added if the object is being deleted, found new finalizers []string{{{}}}",
            listed.join(", ")
        ),
    );
    Err(Status::invalid(
        resource.id.group(),
        &resource.kind,
        &key.name,
        vec![cause],
    ))
}

/// What is applied must fit the schema, whatever the validation of fields.
fn untyped(config: &Value, namespace: &str, unknown: &[String]) -> Status {
    let fields: Vec<String> = unknown
        .iter()
        .map(|path| format!(".{path}: field not declared in schema"))
        .collect();
    let what = match fields.as_slice() {
        [one] => one.clone(),
        many => format!("errors:\n  {}", many.join("\n  ")),
    };
    let text = |field: &str| config[field].as_str().unwrap_or_default();
    Status::unclassified(format!(
        "failed to create typed patch object ({namespace}/{}; {}, Kind={}): {what}",
        metadata::text(config, "name"),
        text("apiVersion"),
        text("kind"),
    ))
}

fn refused_apply(error: &ApplyError, namespace: &str, given: &str) -> Status {
    match error {
        ApplyError::Conflicts { conflicts } => {
            let causes: Vec<Cause> = conflicts
                .iter()
                .map(|conflict| {
                    Cause::new(
                        Conflict::REASON,
                        conflict.field.as_str(),
                        conflict.message(),
                    )
                })
                .collect();
            Status::new(409, Reason::Conflict, error.to_string()).with_details(Details {
                causes,
                ..Details::default()
            })
        }
        // The object is named as it was given, before its namespace was filled in.
        ApplyError::Untyped { .. } => Status::unclassified(error.to_string().replacen(
            &format!("({namespace}/"),
            &format!("({given}/"),
            1,
        )),
        ApplyError::BadRequest { .. } => Status::bad_request(error.to_string()),
    }
}
