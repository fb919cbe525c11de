//! create and update.

use serde_json::Value;

use super::{Call, Reply, content, duplicates};
use crate::status::Status;
use crate::store::Subresource;

impl Call<'_> {
    pub(super) fn create(&self) -> Result<Reply, Status> {
        let object = self.body_object()?;
        let mut write = self.write("CreateOptions", Subresource::Main)?;
        write.duplicates = duplicates::find(&self.message.body);
        let written = self
            .store
            .create(&self.resource.id, self.namespace(), object, &write)?;
        Ok(self.show_written(written))
    }

    pub(super) fn update(&self, name: &str, subresource: Subresource) -> Result<Reply, Status> {
        let object = self.body_object()?;
        if self.resource.is_custom()
            && object["metadata"]["resourceVersion"]
                .as_str()
                .unwrap_or_default()
                .is_empty()
            && self
                .store
                .get(&self.resource.id, self.namespace(), name)
                .is_ok()
        {
            return Err(self.unconditional(name));
        }
        let mut write = self.write("UpdateOptions", subresource)?;
        write.duplicates = duplicates::find(&self.message.body);
        let written =
            self.store
                .update(&self.resource.id, self.namespace(), name, object, &write)?;
        Ok(self.show_written(written))
    }

    /// The body, which must be of the version in the path.
    fn body_object(&self) -> Result<Value, Status> {
        let mut object = content::object(&self.message.content_type, &self.message.body)?;
        self.settle_kind(&mut object)?;
        Ok(object)
    }

    /// apiVersion and kind of a body must be the path's; absent ones are filled in for built-ins.
    pub(super) fn settle_kind(&self, object: &mut Value) -> Result<(), Status> {
        let expected = self.resource.api_version(&self.version.name);
        let absent = |field: &Value| field.as_str().is_none_or(str::is_empty);
        if absent(&object["kind"]) && absent(&object["apiVersion"]) && !self.resource.is_custom() {
            object["kind"] = Value::from(self.resource.kind.as_str());
            object["apiVersion"] = Value::from(expected);
            return Ok(());
        }
        for field in ["kind", "apiVersion"] {
            if absent(&object[field]) {
                let missing = if field == "kind" {
                    "Kind"
                } else {
                    "apiVersion"
                };
                let text = String::from_utf8_lossy(&self.message.body);
                let start: String = text.chars().take(30).collect();
                let dots = if start.len() < text.len() { " ..." } else { "" };
                return Err(Status::bad_request(format!(
                    "the object provided is unrecognized (must be of type {}): Object '{missing}' is missing in '{text}' ({start}{dots})",
                    self.resource.kind
                )));
            }
        }
        if object["apiVersion"] != expected.as_str() {
            let given = object["apiVersion"].as_str().unwrap_or_default();
            return Err(Status::bad_request(format!(
                "the API version in the data ({given}) does not match the expected API version ({expected})"
            )));
        }
        Ok(())
    }

    /// Custom resources are only replaced in a version that the client has seen.
    fn unconditional(&self, name: &str) -> Status {
        let cause = crate::status::Cause::invalid(
            "metadata.resourceVersion",
            &Value::from(0),
            "must be specified for an update",
        );
        Status::invalid(
            self.resource.id.group(),
            self.resource.id.plural(),
            name,
            vec![cause],
        )
    }
}
