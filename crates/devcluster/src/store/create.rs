//! Creating objects.

use std::sync::Arc;

use oarlock_core::timestamp::Timestamp;
use serde_json::Value;

use super::state::State;
use super::{Key, Subresource, Write, Written, admission, defaults, metadata};
use crate::crd;
use crate::fields;
use crate::resource::{Origin, Resource, ResourceId, Version};
use crate::schema;
use crate::status::{Cause, Details, Reason, Status};

/// How often a generated name is drawn again when it is taken, as in the real server.
const NAME_ATTEMPTS: usize = 8;

impl State {
    pub(super) fn create(
        &mut self,
        resource: &Arc<Resource>,
        namespace: &str,
        mut object: Value,
        write: &Write,
        now: Timestamp,
    ) -> Result<Written, Status> {
        let version = admission::version_of(resource, &object)?;
        admission::settle_namespace(resource, namespace, &mut object)?;
        for field in [
            "deletionTimestamp",
            "deletionGracePeriodSeconds",
            "selfLink",
        ] {
            metadata::set(&mut object, field, None);
        }
        let warnings = admission::decode(resource, version, &mut object, write)?;
        defaults::fill(resource, version, None, &mut object);
        if version.status {
            strip_status(resource, &mut object);
        }
        let rfc3339 = now.rfc3339();
        let writer = writer(write, version, &rfc3339);
        fields::track_update(None, &mut object, &writer, &version.schema);
        self.finish_create(resource, version, namespace, object, write, now, warnings)
    }

    /// The part that plain creates and creating applies share: metadata, checks, the write.
    #[expect(
        clippy::too_many_arguments,
        reason = "one private step of two callers, each argument another noun"
    )]
    pub(super) fn finish_create(
        &mut self,
        resource: &Arc<Resource>,
        version: &Version,
        namespace: &str,
        mut object: Value,
        write: &Write,
        now: Timestamp,
        warnings: Vec<String>,
    ) -> Result<Written, Status> {
        self.check_origin(resource)?;
        if !metadata::text(&object, "resourceVersion").is_empty() {
            return Err(Status::unclassified(
                "resourceVersion should not be set on objects to be created",
            ));
        }
        let namespace = if resource.namespaced { namespace } else { "" };
        let key = self.settle_generated_name(resource, namespace, &mut object)?;
        self.check_namespace(resource, &key)?;
        let uid = self.identity.uid();
        stamp(resource, &mut object, uid, now);
        defaults::complete(resource, &mut object, &mut self.identity);
        if let Some(live) = self.objects(resource).get(&key) {
            let (group, plural) = (resource.id.group(), resource.id.plural());
            let mut refusal = Status::already_exists(group, plural, &key.name);
            if metadata::is_deleting(live) {
                refusal.message = format!("object is being deleted: {}", refusal.message);
            }
            return Err(refusal);
        }
        admission::check(resource, version, &object, None, Subresource::Main)?;
        let mut object = admission::keep(resource, object);
        if resource.id == crd::DEFINITIONS {
            crd::admit(None, &mut object)?;
        }
        if write.dry_run {
            return Ok(Written {
                object: Arc::new(object),
                created: true,
                warnings,
            });
        }
        if resource.is_custom() && version.status {
            // The status that was left out gets its defaults as whatever is kept does when it is read.
            schema::default(&version.schema, &mut object);
        }
        let object = self.put(resource, key, object);
        self.after_write(resource, &object, now);
        Ok(Written {
            object,
            created: true,
            warnings,
        })
    }

    fn check_origin(&self, resource: &Resource) -> Result<(), Status> {
        match resource.origin {
            Origin::Custom { terminating: true } => Err(Status::new(
                405,
                Reason::MethodNotAllowed,
                "create not allowed while custom resource definition is terminating",
            )
            .with_details(Details {
                group: String::from(resource.id.group()),
                kind: String::from(resource.id.plural()),
                ..Details::default()
            })),
            Origin::BuiltIn | Origin::Custom { terminating: false } => Ok(()),
        }
    }

    fn settle_generated_name(
        &mut self,
        resource: &Resource,
        namespace: &str,
        object: &mut Value,
    ) -> Result<Key, Status> {
        let prefix = String::from(metadata::text(object, "generateName"));
        if metadata::text(object, "name").is_empty() && !prefix.is_empty() {
            for _ in 0..NAME_ATTEMPTS {
                let name = self.identity.name(&prefix);
                let taken = self
                    .objects(resource)
                    .contains_key(&Key::new(namespace, name.as_str()));
                metadata::set(object, "name", Some(Value::from(name)));
                if !taken {
                    break;
                }
            }
        }
        admission::check_name(resource, object)?;
        Ok(Key::new(namespace, metadata::text(object, "name")))
    }

    /// Nothing may be created in a namespace that is not there or is going away.
    fn check_namespace(&self, resource: &Resource, key: &Key) -> Result<(), Status> {
        const NAMESPACES: ResourceId = ResourceId::of("", "namespaces");
        if !resource.namespaced {
            return Ok(());
        }
        let namespaces = self.served(&NAMESPACES)?;
        let namespace = self.live(&namespaces, &Key::new("", key.namespace.as_str()))?;
        if !metadata::is_deleting(namespace) {
            return Ok(());
        }
        let mut refusal = Status::forbidden(
            resource.id.group(),
            resource.id.plural(),
            &key.name,
            &format!(
                "unable to create new content in namespace {} because it is being terminated",
                key.namespace
            ),
        );
        if let Some(details) = &mut refusal.details {
            details.causes.push(Cause::new(
                "NamespaceTerminating",
                "metadata.namespace",
                format!("namespace {} is being terminated", key.namespace),
            ));
        }
        Err(refusal)
    }

    /// What a write to this object means for the rest of the cluster.
    pub(super) fn after_write(&mut self, resource: &Resource, object: &Value, now: Timestamp) {
        if resource.id == crd::DEFINITIONS {
            if let Some(served) = crd::resource(object) {
                self.serve(Arc::new(served));
            }
            self.settle_definitions(object["spec"]["group"].as_str().unwrap_or_default(), now);
        }
    }

    /// Brings the status of all definitions of a group up to date: a write to one may free or take names of another.
    pub(super) fn settle_definitions(&mut self, group: &str, now: Timestamp) {
        let Ok(definitions) = self.served(&crd::DEFINITIONS) else {
            return;
        };
        let of_group: Vec<(Key, Arc<Value>)> = self
            .objects(&definitions)
            .iter()
            .filter(|(_, object)| object["spec"]["group"] == group)
            .map(|(key, object)| (key.clone(), Arc::clone(object)))
            .collect();
        let version = definitions.versions.first().cloned();
        for (key, before) in of_group {
            let mut after = Value::clone(&before);
            crd::settle(self.catalog(), &mut after, now);
            if *before == after {
                continue;
            }
            if let Some(version) = &version {
                let rfc3339 = now.rfc3339();
                let write = Write::by("kube-apiserver").to(Subresource::Status);
                let writer = writer(&write, version, &rfc3339);
                fields::track_update(Some(&before), &mut after, &writer, &version.schema);
            }
            let after = self.put(&definitions, key, after);
            if let Some(served) = crd::resource(&after) {
                self.serve(Arc::new(served));
            }
        }
    }
}

/// Who writes, as field ownership wants to know it.
pub(super) fn writer<'a>(write: &'a Write, version: &Version, now: &'a str) -> fields::Writer<'a> {
    fields::Writer {
        manager: &write.manager,
        subresource: match write.subresource {
            Subresource::Main => None,
            other => Some(other.as_str()),
        },
        has_status: version.status,
        // What a scale owns has no time.
        now: if write.subresource == Subresource::Scale {
            ""
        } else {
            now
        },
    }
}

/// A new object starts without status; kinds with a status field that the server itself starts get that one.
fn strip_status(resource: &Resource, object: &mut Value) {
    if let Some(map) = object.as_object_mut() {
        let had = map.remove("status").is_some();
        if had && !resource.is_custom() {
            map.insert(
                String::from("status"),
                Value::Object(serde_json::Map::new()),
            );
        }
    }
}

fn stamp(resource: &Resource, object: &mut Value, uid: String, now: Timestamp) {
    metadata::set(object, "uid", Some(Value::from(uid)));
    metadata::set(
        object,
        "creationTimestamp",
        Some(Value::from(now.rfc3339())),
    );
    metadata::set(object, "deletionTimestamp", None);
    metadata::set(object, "deletionGracePeriodSeconds", None);
    metadata::set(object, "selfLink", None);
    // Where the server does not count generations, a client's own number stays.
    if resource.generation {
        metadata::set(object, "generation", Some(Value::from(1)));
    }
}
