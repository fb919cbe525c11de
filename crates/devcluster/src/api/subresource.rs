//! Which subresource does what.

use http::{Method, StatusCode};
use serde_json::{Value, json};

use super::{Call, Reply, content};
use crate::status::Status;
use crate::store::Subresource;

impl Call<'_> {
    pub(super) fn subresource(
        &self,
        method: &Method,
        name: &str,
        subresource: &str,
    ) -> Result<Reply, Status> {
        match (
            self.resource.id.group(),
            self.resource.id.plural(),
            subresource,
        ) {
            (_, _, "status") if self.version.status => match *method {
                Method::GET => self.get(name),
                Method::PUT => self.update(name, Subresource::Status),
                Method::PATCH => self.patch(name, Subresource::Status),
                _ => Err(self.not_allowed()),
            },
            (_, _, "scale") => self.scale(method, name),
            ("", "namespaces", "finalize") if *method == Method::PUT => {
                self.update(name, Subresource::Finalize)
            }
            ("", "pods", "binding") if *method == Method::POST => self.bind(name),
            ("", "pods", "eviction") if *method == Method::POST => self.evict(name),
            ("", "pods", "log") if *method == Method::GET => {
                // Simulated containers say nothing.
                self.store.get(&self.resource.id, self.namespace(), name)?;
                Ok(Reply::bytes(StatusCode::OK, "text/plain", ""))
            }
            _ => Err(Status::no_such_path()),
        }
    }

    /// What a scheduler does.
    fn bind(&self, name: &str) -> Result<Reply, Status> {
        let binding = content::object(&self.message.content_type, &self.message.body)?;
        let node = String::from(binding["target"]["name"].as_str().unwrap_or_default());
        let write = self.write("CreateOptions", Subresource::Other("binding"))?;
        let id = &self.resource.id;
        self.store
            .modify(id, self.namespace(), name, None, &write, |pod| {
                let bound = pod["spec"]["nodeName"].as_str().unwrap_or_default();
                if !bound.is_empty() {
                    let why = format!("pod {name} is already assigned to node {bound:?}");
                    return Err(Status::conflict("", "pods/binding", name, &why));
                }
                pod["spec"]["nodeName"] = Value::from(node);
                Ok(())
            })?;
        Ok(created())
    }

    fn evict(&self, name: &str) -> Result<Reply, Status> {
        let options = self.delete_options()?;
        self.store
            .delete(&self.resource.id, self.namespace(), name, &options)?;
        Ok(created())
    }
}

fn created() -> Reply {
    let status = json!({
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201,
    });
    Reply::json(StatusCode::CREATED, &status)
}
