//! The four kinds of patch.

use serde_json::Value;

use super::{Call, Reply, content};
use crate::patch::{self, PatchError};
use crate::status::{Cause, Details, Reason, Status};
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
        let write = self.write("PatchOptions", subresource)?;
        if kind == Patch::Apply {
            return self.applied(name, &write);
        }
        self.refuse_force()?;
        let patch = content::json(&self.message.body)?;
        let version = &self.version;
        let id = &self.resource.id;
        let mut patched = String::new();
        let result = self.store.modify(
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
                                "error decoding patch: json: cannot unmarshal array into Go value of type map[string]interface {}",
                            ));
                        }
                        patch::merge(object, &patch);
                        Ok(())
                    }
                    Patch::Strategic | Patch::Apply => {
                        patch::strategic(object, &patch, &version.schema)
                    }
                }
                .map_err(|error| Self::refused_patch(&error))?;
                patched = object.to_string();
                Ok(())
            },
        );
        result.map_err(|refusal| self.blame_patch(refusal, &patched))
    }

    /// What cannot be decoded after a patch is the patch's fault, and told with all that it made.
    fn blame_patch(&self, refusal: Status, patched: &str) -> Status {
        let kind = &self.resource.kind;
        let before = format!("cannot be handled as a {kind}: ");
        match refusal.message.split_once(&before) {
            Some((_, why)) if refusal.reason == Reason::BadRequest => {
                let cause = Cause::invalid("patch", &Value::from(patched), why);
                Status::invalid("", "", "", vec![cause])
            }
            _ => refusal,
        }
    }

    fn applied(&self, name: &str, write: &Write) -> Result<Written, Status> {
        if self.message.query.get("fieldManager").is_empty() {
            let cause = Cause::required("fieldManager", "is required for apply patch");
            return Err(Status::invalid_options("PatchOptions", vec![cause]));
        }
        let mut config = content::yaml(&self.message.body)?;
        if !config.is_object() {
            return Err(Status::bad_request(
                "error decoding YAML: expected an object",
            ));
        }
        let text = |field: &str| config[field].as_str().unwrap_or_default();
        if text("kind").is_empty() || text("apiVersion").is_empty() {
            let (group, version) = text("apiVersion")
                .split_once('/')
                .unwrap_or(("", text("apiVersion")));
            return Err(Status::bad_request(format!(
                "invalid object type: {group}/{version}, Kind={}",
                text("kind")
            )));
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
            None => Err(Status::new(
                415,
                Reason::UnsupportedMediaType,
                "415: Unsupported Media Type",
            )
            .with_details(Details::default())),
        }
    }

    fn refuse_force(&self) -> Result<(), Status> {
        if self.message.query.get("force").is_empty() {
            return Ok(());
        }
        let cause = Cause::forbidden("force", "may not be specified for non-apply patch");
        Err(Status::invalid_options("PatchOptions", vec![cause]))
    }

    pub(super) fn refused_patch(error: &PatchError) -> Status {
        match error {
            PatchError::Malformed { message } => Status::bad_request(message.as_str()),
            PatchError::Directive { message } => Status::unclassified(message.as_str()),
            PatchError::Inapplicable { .. } => Status::new(
                422,
                Reason::Invalid,
                "the server rejected our request due to an error in our request",
            )
            .with_details(Details::default()),
        }
    }

    /// Applies a patch of any plain kind to a document that is not an object of the store (a Scale).
    pub(super) fn patch_document(&self, document: &mut Value) -> Result<(), Status> {
        match self.patch_kind()? {
            Patch::Json => patch::json(document, &content::json(&self.message.body)?)
                .map_err(|error| Self::refused_patch(&error)),
            // Nothing in a Scale is a list: the other kinds come to the same.
            Patch::Merge | Patch::Strategic | Patch::Apply => {
                patch::merge(document, &content::yaml(&self.message.body)?);
                Ok(())
            }
        }
    }
}
