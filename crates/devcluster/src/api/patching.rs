//! The four kinds of patch.

use serde_json::Value;

use super::{Call, Reply, content};
use crate::patch::{self, PatchError};
use crate::status::{Cause, Reason, Status};
use crate::store::{Subresource, Write, Written};

/// What a patch body is, by its media type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Patch {
    Json,
    Merge,
    Strategic,
    Apply,
}

impl Patch {
    fn of(content_type: &str) -> Option<Self> {
        match content_type.split(';').next().unwrap_or_default().trim() {
            "application/json-patch+json" => Some(Self::Json),
            "application/merge-patch+json" => Some(Self::Merge),
            "application/strategic-merge-patch+json" => Some(Self::Strategic),
            "application/apply-patch+yaml" => Some(Self::Apply),
            _ => None,
        }
    }
}

impl Call<'_> {
    pub(super) fn patch(&self, name: &str, subresource: Subresource) -> Result<Reply, Status> {
        Ok(self.show_written(self.patched(name, subresource)?))
    }

    fn patched(&self, name: &str, subresource: Subresource) -> Result<Written, Status> {
        let kind = self.patch_kind()?;
        let write = self.write(subresource)?;
        if kind == Patch::Apply {
            return self.applied(name, &write);
        }
        self.refuse_force()?;
        let patch = content::json(&self.message.body)?;
        let version = &self.version;
        let id = &self.resource.id;
        self.store.modify(
            id,
            self.namespace(),
            name,
            Some(&version.name),
            &write,
            |object| {
                match kind {
                    Patch::Json => patch::json(object, &patch),
                    Patch::Merge => {
                        if !patch.is_object() {
                            return Err(Status::bad_request(
                                "error decoding patch: expected a JSON object",
                            ));
                        }
                        patch::merge(object, &patch);
                        Ok(())
                    }
                    Patch::Strategic | Patch::Apply => {
                        patch::strategic(object, &patch, &version.schema)
                    }
                }
                .map_err(|error| self.refused_patch(name, &error))
            },
        )
    }

    fn applied(&self, name: &str, write: &Write) -> Result<Written, Status> {
        if self.message.query.get("fieldManager").is_empty() {
            let cause = Cause::required("fieldManager", "is required for apply patch");
            return Err(self.invalid_option(cause));
        }
        let mut config = content::yaml(&self.message.body)?;
        if !config.is_object() {
            return Err(Status::bad_request(
                "error decoding YAML: expected an object",
            ));
        }
        self.settle_kind(&mut config)?;
        let force = self.message.query.flag("force");
        self.store.apply(
            &self.resource.id,
            self.namespace(),
            name,
            config,
            force,
            write,
        )
    }

    /// What the body is, as far as this resource takes it.
    pub(super) fn patch_kind(&self) -> Result<Patch, Status> {
        const ALL: [&str; 4] = [
            "application/json-patch+json",
            "application/merge-patch+json",
            "application/apply-patch+yaml",
            "application/strategic-merge-patch+json",
        ];
        let accepted = if self.resource.is_custom() {
            &ALL[..3]
        } else {
            &ALL[..]
        };
        match Patch::of(&self.message.content_type) {
            Some(Patch::Strategic) if self.resource.is_custom() => {
                Err(content::unsupported(accepted))
            }
            Some(kind) => Ok(kind),
            None => Err(content::unsupported(accepted)),
        }
    }

    fn refuse_force(&self) -> Result<(), Status> {
        if self.message.query.get("force").is_empty() {
            return Ok(());
        }
        Err(self.invalid_option(Cause::new(
            "FieldValueForbidden",
            "force",
            "Forbidden: may not be specified for non-apply patch",
        )))
    }

    pub(super) fn refused_patch(&self, name: &str, error: &PatchError) -> Status {
        match error {
            PatchError::Malformed { message } => Status::bad_request(message.as_str()),
            PatchError::Inapplicable { message } => {
                let mut refusal = Status::invalid(
                    self.resource.id.group(),
                    &self.resource.kind,
                    name,
                    Vec::<Cause>::new(),
                );
                refusal.reason = Reason::Invalid;
                refusal.message = format!(
                    "the server rejected our request due to an error in our request: {message}"
                );
                refusal
            }
        }
    }

    /// Applies a patch of any plain kind to a document that is not an object of the store (a Scale).
    pub(super) fn patch_document(&self, name: &str, document: &mut Value) -> Result<(), Status> {
        match self.patch_kind()? {
            Patch::Json => patch::json(document, &content::json(&self.message.body)?)
                .map_err(|error| self.refused_patch(name, &error)),
            // Nothing in a Scale is a list: the other kinds come to the same.
            Patch::Merge | Patch::Strategic | Patch::Apply => {
                patch::merge(document, &content::yaml(&self.message.body)?);
                Ok(())
            }
        }
    }
}
