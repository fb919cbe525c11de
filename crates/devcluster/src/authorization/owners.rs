//! Owner references that block their owner's deletion, where they need a right of their own.

use serde_json::Value;

use super::{Attributes, Authorization, Decision, User, text};
use crate::status::Status;

impl Authorization {
    /// Refuses to block the deletion of an owner whose finalizers `user` may not set. `live` is the object as it is, if it
    /// is: what it has already is not asked about.
    pub(crate) fn require_owners(
        &self,
        user: &User,
        attributes: &Attributes,
        wanted: &Value,
        live: Option<&Value>,
    ) -> Result<(), Status> {
        if !self.owner_references || !attributes.subresource.is_empty() {
            return Ok(());
        }
        for reference in blocking(wanted) {
            let known = |live: &Value| blocking(live).any(|old| old["uid"] == reference["uid"]);
            if live.is_some_and(known) {
                continue;
            }
            let (api_version, kind) = (text(reference, "apiVersion"), text(reference, "kind"));
            let Some(resource) = self.store.resource_of(api_version, kind) else {
                continue;
            };
            let asked = Attributes {
                verb: String::from("update"),
                group: String::from(resource.id.group()),
                resource: String::from(resource.id.plural()),
                subresource: String::from("finalizers"),
                namespace: if resource.namespaced {
                    attributes.namespace.clone()
                } else {
                    String::new()
                },
                name: String::from(text(reference, "name")),
                path: String::new(),
            };
            if self.decide(user, &asked) == Decision::NoOpinion {
                // The words of the admission plugin, with neither a reason nor an error behind them.
                return Err(attributes.refused(
                    "cannot set blockOwnerDeletion if an ownerReference refers to a resource you can't set finalizers on: , \
                     <nil>",
                ));
            }
        }
        Ok(())
    }
}

fn blocking(object: &Value) -> impl Iterator<Item = &Value> {
    object["metadata"]["ownerReferences"]
        .as_array()
        .into_iter()
        .flatten()
        .filter(|reference| reference["blockOwnerDeletion"] == true)
}
