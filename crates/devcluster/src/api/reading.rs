//! get and list, in whatever form the client wants.

use std::sync::Arc;

use http::StatusCode;
use serde::{Serialize, Serializer};
use serde_json::{Map, Value, json};

use super::accept::Form;
use super::{Call, Reply, table};
use crate::selector::{FieldRequirement, Filter};
use crate::status::Status;
use crate::store::{Listing, Written};

/// A list as it goes over the wire, without copying the objects.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct List<'a, T> {
    kind: &'a str,
    api_version: &'a str,
    metadata: ListMetadata<'a>,
    items: Vec<T>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ListMetadata<'a> {
    resource_version: String,
    /// Lists of custom resources always have one.
    #[serde(skip_serializing_if = "Option::is_none")]
    r#continue: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    remaining_item_count: Option<usize>,
}

/// An object without apiVersion and kind: what lists of built-in kinds hold.
struct Untyped(Arc<Value>);

impl Serialize for Untyped {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0.as_object() {
            Some(map) => serializer.collect_map(
                map.iter()
                    .filter(|(key, _)| *key != "apiVersion" && *key != "kind"),
            ),
            None => self.0.serialize(serializer),
        }
    }
}

impl Call<'_> {
    pub(super) fn get(&self, name: &str) -> Result<Reply, Status> {
        let least = self
            .message
            .query
            .revision()
            .map_err(Status::unclassified)?;
        let present = self.store.revision();
        if let Some(least) = least.filter(|least| *least > present) {
            return Err(Status::too_large(least, present));
        }
        let object = self.store.get(&self.resource.id, self.namespace(), name)?;
        Ok(self.show(StatusCode::OK, &object))
    }

    pub(super) fn list(&self) -> Result<Reply, Status> {
        let mut options = self.message.query.list_options()?;
        self.check_fields(&mut options.filter)?;
        let listing = self.store.list(
            &self.resource.id,
            self.target.namespace.as_deref(),
            &options,
        )?;
        Ok(self.show_list(&listing))
    }

    /// One object in the form and version asked for.
    pub(super) fn show(&self, code: StatusCode, object: &Arc<Value>) -> Reply {
        let object = self.resource.present(&self.version.name, object);
        match self.message.accept.form {
            Form::Whole => Reply::json(code, &*object),
            Form::Table => {
                let metadata = json!({"resourceVersion": object["metadata"]["resourceVersion"]});
                match self.table(std::slice::from_ref(&object), metadata) {
                    Ok(table) => Reply::json(code, &table),
                    Err(refusal) => Reply::refusal(&refusal),
                }
            }
            Form::Metadata => Reply::json(code, &partial(&object)),
        }
    }

    /// What a write left, with its warnings.
    pub(super) fn show_written(&self, written: Written) -> Reply {
        let code = if written.created {
            StatusCode::CREATED
        } else {
            StatusCode::OK
        };
        let mut reply = self.show(code, &written.object);
        reply.warn(written.warnings);
        reply
    }

    pub(super) fn show_list(&self, listing: &Listing) -> Reply {
        let objects: Vec<Arc<Value>> = listing
            .items
            .iter()
            .map(|object| self.resource.present(&self.version.name, object))
            .collect();
        let metadata = ListMetadata {
            resource_version: listing.revision.to_string(),
            r#continue: listing
                .continue_token
                .as_deref()
                .or(self.resource.is_custom().then_some("")),
            remaining_item_count: listing.remaining,
        };
        let api_version = self.resource.api_version(&self.version.name);
        let kind = self.resource.list_kind.as_str();
        match self.message.accept.form {
            Form::Table => {
                let metadata = ListMetadata {
                    r#continue: listing.continue_token.as_deref(),
                    ..metadata
                };
                match self.table(&objects, json!(metadata)) {
                    Ok(table) => Reply::json(StatusCode::OK, &table),
                    Err(refusal) => Reply::refusal(&refusal),
                }
            }
            Form::Metadata => {
                let items = objects.iter().map(|object| partial(object)).collect();
                let kind = "PartialObjectMetadataList";
                Reply::json(
                    StatusCode::OK,
                    &List {
                        kind,
                        api_version: "meta.k8s.io/v1",
                        metadata,
                        items,
                    },
                )
            }
            Form::Whole if self.resource.is_custom() => {
                let items: Vec<&Value> = objects.iter().map(Arc::as_ref).collect();
                Reply::json(
                    StatusCode::OK,
                    &List {
                        kind,
                        api_version: &api_version,
                        metadata,
                        items,
                    },
                )
            }
            Form::Whole => {
                let items: Vec<Untyped> = objects.into_iter().map(Untyped).collect();
                Reply::json(
                    StatusCode::OK,
                    &List {
                        kind,
                        api_version: &api_version,
                        metadata,
                        items,
                    },
                )
            }
        }
    }

    /// A table of these objects.
    pub(super) fn table(&self, objects: &[Arc<Value>], metadata: Value) -> Result<Value, Status> {
        Ok(table::render(
            &self.resource,
            &self.version,
            objects,
            metadata,
            self.include()?,
            self.store.clock().now(),
        ))
    }

    /// What of an object comes with its row.
    pub(super) fn include(&self) -> Result<table::Include, Status> {
        table::Include::parse(self.message.query.get("includeObject"))
    }

    /// Field selectors name what the resource can be selected by, in its own version's words.
    pub(super) fn check_fields(&self, filter: &mut Filter) -> Result<(), Status> {
        if self.resource.id.plural() == "events" {
            for field in &mut filter.fields {
                if let Some(rest) = field.path.strip_prefix("regarding.") {
                    field.path = format!("involvedObject.{rest}");
                }
            }
        }
        let known = |field: &FieldRequirement| {
            matches!(field.path.as_str(), "metadata.name" | "metadata.namespace")
                || self.version.selectable.contains(&field.path)
        };
        if let Some(unknown) = filter.fields.iter().find(|field| !known(field)) {
            let path = &unknown.path;
            return Err(Status::bad_request(format!(
                "field label not supported: {path}"
            )));
        }
        if let Some(name) = &self.target.name {
            filter.fields.push(FieldRequirement {
                path: String::from("metadata.name"),
                value: name.clone(),
                equal: true,
            });
        }
        if self.resource.id.plural() == "events" {
            for field in &mut filter.fields {
                if field.path == "source" {
                    field.path = String::from("source.component");
                }
            }
        }
        Ok(())
    }
}

/// The metadata of an object, as an object of its own.
pub(super) fn partial(object: &Value) -> Value {
    let metadata = object
        .get("metadata")
        .cloned()
        .unwrap_or_else(|| Value::Object(Map::new()));
    json!({"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": metadata})
}
