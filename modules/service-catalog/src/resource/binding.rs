//! `ServiceBinding`.

use oarlock_sdk::FieldError;
use serde::{Deserialize, Serialize};

use super::Content;
use super::duration::GoDuration;
use crate::credentials::{InvalidKeys, Transform};
use crate::osb::id::BindingId;
use crate::osb::request::Identity;
use crate::parameters::Source;
use crate::situation::{DeletionPolicy, Rotation};

/// `spec` of a binding.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct BindingSpec {
    /// What it is a binding of.
    pub instance_ref: InstanceRef,
    /// Parameters that are no secret.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parameters: Option<Content>,
    /// Parameters that are.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub parameters_from: Vec<Source>,
    /// The Secret with the credentials; of the binding's own name where there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret_name: Option<String>,
    /// What is changed between the credentials and the Secret.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub secret_transforms: Vec<Transform>,
    /// What becomes of credentials whose names a Secret cannot have.
    pub invalid_keys: InvalidKeys,
    /// Entry `type` of the Secret, unless the credentials have one.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// Entry `provider` of the Secret, unless the credentials have one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provider: Option<String>,
    /// What the broker knows it by; derived where there is none.
    #[serde(rename = "externalID", skip_serializing_if = "Option::is_none")]
    pub external_id: Option<String>,
    /// On whose behalf the broker is asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_info: Option<Identity>,
    /// When new credentials take the place of the old ones.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rotation: Option<RotationSpec>,
    /// What becomes of it at the broker when its object is deleted.
    pub deletion_policy: DeletionPolicy,
}

/// Names an instance of the same namespace.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default)]
pub struct InstanceRef {
    /// Its name.
    pub name: String,
}

/// When new credentials take the place of the old ones.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default)]
pub struct RotationSpec {
    /// So long before the old ones expire, where the broker says nothing of its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<GoDuration>,
    /// So long the old ones stay good.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub overlap: Option<GoDuration>,
}

impl RotationSpec {
    /// Milliseconds before the end at which credentials are rotated where nothing is said: an hour.
    pub const BEFORE: u64 = 60 * 60 * 1_000;
    /// Milliseconds that old credentials stay where nothing is said: ten minutes.
    pub const OVERLAP: u64 = 10 * 60 * 1_000;
}

impl BindingSpec {
    /// The name of its Secret; `own` is its `metadata.name`.
    #[must_use]
    pub fn secret<'a>(&'a self, own: &'a str) -> &'a str {
        self.secret_name.as_deref().unwrap_or(own)
    }

    /// How it is rotated; none where that is only done on request.
    #[must_use]
    pub fn rotation(&self) -> Option<Rotation> {
        let rotation = self.rotation?;
        let or = |given: Option<GoDuration>, usual| given.map_or(usual, GoDuration::milliseconds);
        Some(Rotation {
            before: or(rotation.before, RotationSpec::BEFORE),
            overlap: or(rotation.overlap, RotationSpec::OVERLAP),
        })
    }

    pub(super) fn faults(&self) -> Vec<FieldError> {
        let mut wrong = Vec::new();
        let id = self.external_id.as_deref().map(BindingId::chosen);
        if let Some(Err(error)) = id {
            wrong.push(FieldError::new("spec.externalID", error.to_string()));
        }
        for (index, transform) in self.secret_transforms.iter().enumerate() {
            if let Err(why) = transform.shape() {
                let path = format!("spec.secretTransforms[{index}]");
                wrong.push(FieldError::new(path, why.to_string()));
            }
        }
        wrong
    }
}
