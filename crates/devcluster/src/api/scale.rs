//! `/scale`: an autoscaling/v1 Scale as a view on an object's replicas.

use std::sync::Arc;

use http::{Method, StatusCode};
use serde_json::{Map, Value, json};

use super::{Call, Reply, content};
use crate::resource::Scale;
use crate::status::{Cause, Status};
use crate::store::Subresource;

impl Call<'_> {
    pub(super) fn scale(&self, method: &Method, name: &str) -> Result<Reply, Status> {
        let Some(paths) = self.version.scale.clone() else {
            return Err(Status::no_such_path());
        };
        let object = self.store.get(&self.resource.id, self.namespace(), name)?;
        if *method == Method::GET {
            return Ok(Reply::json(StatusCode::OK, &view(&paths, &object)));
        }
        let mut wanted = view(&paths, &object);
        let options = match *method {
            Method::PUT => "UpdateOptions",
            _ => "PatchOptions",
        };
        match *method {
            Method::PUT => {
                wanted = content::object(&self.message.content_type, &self.message.body)?;
            }
            Method::PATCH => self.patch_document(&mut wanted)?,
            _ => return Err(self.not_allowed()),
        }
        let replicas = wanted["spec"]["replicas"].as_i64().unwrap_or(0);
        if replicas < 0 {
            let value = Value::from(replicas);
            if self.resource.is_custom() {
                let why = "should be a non-negative integer";
                let cause = Cause::invalid(paths.spec_replicas.as_str(), &value, why);
                let (group, kind) = (self.resource.id.group(), &self.resource.kind);
                return Err(Status::invalid(group, kind, name, vec![cause]));
            }
            let why = "must be greater than or equal to 0";
            let cause = Cause::invalid("spec.replicas", &value, why);
            return Err(Status::invalid("autoscaling", "Scale", name, vec![cause]));
        }
        let write = self.write(options, Subresource::Scale)?;
        let revision = wanted["metadata"]["resourceVersion"].clone();
        let version = Some(self.version.name.as_str());
        let written = self.store.modify(
            &self.resource.id,
            self.namespace(),
            name,
            version,
            &write,
            |object| {
                if revision
                    .as_str()
                    .is_some_and(|revision| !revision.is_empty())
                {
                    object["metadata"]["resourceVersion"] = revision;
                }
                set(object, &paths.spec_replicas, Value::from(replicas));
                Ok(())
            },
        )?;
        let object = self.resource.present(&self.version.name, &written.object);
        Ok(Reply::json(StatusCode::OK, &view(&paths, &object)))
    }
}

fn view(paths: &Scale, object: &Arc<Value>) -> Value {
    let mut metadata = Map::new();
    for field in [
        "name",
        "namespace",
        "uid",
        "resourceVersion",
        "creationTimestamp",
    ] {
        if let Some(value) = object["metadata"].get(field) {
            metadata.insert(String::from(field), value.clone());
        }
    }
    let mut status = json!({"replicas": at(object, &paths.status_replicas).as_i64().unwrap_or(0)});
    if let Some(path) = &paths.selector {
        match at(object, path) {
            Value::String(text) => status["selector"] = Value::from(text.as_str()),
            Value::Object(_) => status["selector"] = Value::from(selector_text(at(object, path))),
            _ => {}
        }
    }
    json!({
        "kind": "Scale",
        "apiVersion": "autoscaling/v1",
        "metadata": metadata,
        "spec": {"replicas": at(object, &paths.spec_replicas).as_i64().unwrap_or(0)},
        "status": status,
    })
}

/// A selector object in the form of `labelSelector`.
fn selector_text(selector: &Value) -> String {
    let mut terms: Vec<String> = Vec::new();
    for (key, value) in selector["matchLabels"].as_object().into_iter().flatten() {
        terms.push(format!("{key}={}", value.as_str().unwrap_or_default()));
    }
    for expression in selector["matchExpressions"]
        .as_array()
        .into_iter()
        .flatten()
    {
        let key = expression["key"].as_str().unwrap_or_default();
        let values: Vec<&str> = expression["values"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect();
        let values = values.join(",");
        terms.push(match expression["operator"].as_str().unwrap_or_default() {
            "In" => format!("{key} in ({values})"),
            "NotIn" => format!("{key} notin ({values})"),
            "DoesNotExist" => format!("!{key}"),
            _ => String::from(key),
        });
    }
    terms.sort();
    terms.join(",")
}

fn parts(path: &str) -> impl Iterator<Item = &str> {
    path.split('.').filter(|part| !part.is_empty())
}

fn at<'a>(object: &'a Value, path: &str) -> &'a Value {
    parts(path).fold(object, |value, part| &value[part])
}

fn set(object: &mut Value, path: &str, value: Value) {
    let mut place = object;
    for part in parts(path) {
        if !place.is_object() {
            *place = Value::Object(Map::new());
        }
        place = &mut place[part];
    }
    *place = value;
}
