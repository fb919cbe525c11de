//! delete and deletecollection.

use http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Call, Reply, content, query};
use crate::resource::ResourceId;
use crate::status::{Cause, Status};
use crate::store::{DeleteOptions, Deleted, Listing, Preconditions, Propagation};

/// `metav1.DeleteOptions`.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Given {
    grace_period_seconds: Option<i64>,
    propagation_policy: Option<String>,
    orphan_dependents: Option<bool>,
    dry_run: Vec<String>,
    preconditions: Option<GivenPreconditions>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct GivenPreconditions {
    uid: Option<String>,
    resource_version: Option<String>,
}

/// Kinds whose deletion answers with the object that was.
const RETURNED: [&str; 7] = [
    "pods",
    "services",
    "serviceaccounts",
    "podtemplates",
    "persistentvolumes",
    "persistentvolumeclaims",
    "resourcequotas",
];

impl Call<'_> {
    pub(super) fn delete(&self, name: &str) -> Result<Reply, Status> {
        let mut options = self.delete_options()?;
        let warning = self.keep_pods_of_jobs(&mut options);
        let deleted = self
            .store
            .delete(&self.resource.id, self.namespace(), name, &options)?;
        let mut reply = self.show_deleted(name, deleted);
        reply.warn(warning);
        Ok(reply)
    }

    /// Jobs leave their pods behind, unless the request says otherwise: what was once the default of all kinds.
    fn keep_pods_of_jobs(&self, options: &mut DeleteOptions) -> Option<String> {
        let is_job = self.resource.id == ResourceId::of("batch", "jobs");
        if !is_job || options.propagation != Propagation::Default {
            return None;
        }
        options.propagation = Propagation::Orphan;
        Some(String::from(
            "child pods are preserved by default when jobs are deleted; set propagationPolicy=Background to remove them or set propagationPolicy=Orphan to suppress this warning",
        ))
    }

    fn show_deleted(&self, name: &str, deleted: Deleted) -> Reply {
        match deleted {
            Deleted::Marked(object) => self.show(StatusCode::OK, &object),
            Deleted::Removed(object) if self.returns_object() => self.show(StatusCode::OK, &object),
            Deleted::Removed(object) => Reply::json(StatusCode::OK, &self.success(name, &object)),
        }
    }

    pub(super) fn delete_collection(&self) -> Result<Reply, Status> {
        let mut options = self.delete_options()?;
        let warning = self.keep_pods_of_jobs(&mut options);
        let mut chosen = self.message.query.list_options()?;
        self.check_fields(&mut chosen.filter)?;
        let namespace = self.target.namespace.as_deref();
        let listing = self.store.list(&self.resource.id, namespace, &chosen)?;
        let mut items = Vec::with_capacity(listing.items.len());
        for object in &listing.items {
            let text = |field: &str| object["metadata"][field].as_str().unwrap_or_default();
            let deleted =
                self.store
                    .delete(&self.resource.id, text("namespace"), text("name"), &options);
            match deleted {
                // As they were when they were listed.
                Ok(_) => items.push(object.clone()),
                // Somebody else was faster, or the removal of one removed the other.
                Err(refusal) if refusal.is_not_found() => {}
                Err(refusal) => return Err(refusal),
            }
        }
        let mut reply = self.show_list(&Listing {
            items,
            revision: self.store.revision(),
            ..listing
        });
        reply.warn(warning);
        Ok(reply)
    }

    fn returns_object(&self) -> bool {
        self.resource.id.group().is_empty() && RETURNED.contains(&self.resource.id.plural())
    }

    fn success(&self, name: &str, object: &Value) -> Value {
        let mut details = json!({
            "name": name,
            "kind": self.resource.id.plural(),
            "uid": object["metadata"]["uid"],
        });
        if !self.resource.id.group().is_empty() {
            details["group"] = Value::from(self.resource.id.group());
        }
        json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details})
    }

    /// From the body, else from the query.
    pub(super) fn delete_options(&self) -> Result<DeleteOptions, Status> {
        let body = &self.message.body;
        let given: Given = if body.is_empty() {
            Given::default()
        } else {
            let value = content::object(&self.message.content_type, body)?;
            serde_json::from_value(value)
                .map_err(|error| Status::bad_request(format!("DeleteOptions: {error}")))?
        };
        let query = &self.message.query;
        let policy = given
            .propagation_policy
            .as_deref()
            .unwrap_or(query.get("propagationPolicy"));
        let orphan = given
            .orphan_dependents
            .or_else(|| match query.get("orphanDependents") {
                "true" => Some(true),
                "false" => Some(false),
                _ => None,
            });
        let preconditions = given.preconditions.unwrap_or_default();
        let seconds = match query.get("gracePeriodSeconds") {
            "" => None,
            text => Some(text.parse().map_err(|_not_a_number| {
                Status::bad_request(format!("gracePeriodSeconds: Invalid value: {text:?}"))
            })?),
        };
        let mut causes = Vec::new();
        let dry_run = query::dry_run(given.dry_run.iter().map(String::as_str), &mut causes)
            | query.dry_run(&mut causes);
        let propagation = propagation(policy, orphan, &mut causes);
        if !causes.is_empty() {
            return Err(Status::invalid_options("DeleteOptions", causes));
        }
        Ok(DeleteOptions {
            propagation,
            preconditions: Preconditions {
                uid: preconditions.uid,
                resource_version: preconditions.resource_version,
            },
            grace_period_seconds: given.grace_period_seconds.or(seconds),
            dry_run,
        })
    }
}

fn propagation(policy: &str, orphan: Option<bool>, causes: &mut Vec<Cause>) -> Propagation {
    const SUPPORTED: [&str; 4] = ["Foreground", "Background", "Orphan", "nil"];
    let value = Value::from(policy);
    if orphan.is_some() && !policy.is_empty() {
        let why = "orphanDependents and deletionPropagation cannot be both set";
        causes.push(Cause::invalid("propagationPolicy", &value, why));
    }
    match (policy, orphan) {
        ("", None) => Propagation::Default,
        ("", Some(true)) | ("Orphan", _) => Propagation::Orphan,
        ("", Some(false)) | ("Background", _) => Propagation::Background,
        ("Foreground", _) => Propagation::Foreground,
        _ => {
            causes.push(Cause::unsupported("propagationPolicy", &value, &SUPPORTED));
            Propagation::Default
        }
    }
}
