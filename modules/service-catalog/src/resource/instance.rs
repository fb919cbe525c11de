//! `ServiceInstance`.

use oarlock_sdk::FieldError;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Content;
use crate::osb::id::InstanceId;
use crate::osb::request::Identity;
use crate::parameters::Source;
use crate::reference::PlanReference;
use crate::situation::DeletionPolicy;

/// `spec` of an instance.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct InstanceSpec {
    /// Its class and plan, as they are written: [`PlanReference::read`] succeeds.
    #[serde(flatten)]
    pub plan: PlanReference,
    /// Written by the retired controller; what was chosen is in the status.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cluster_service_class_ref: Option<Value>,
    /// As above.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cluster_service_plan_ref: Option<Value>,
    /// As above.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service_class_ref: Option<Value>,
    /// As above.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service_plan_ref: Option<Value>,
    /// Parameters that are no secret.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parameters: Option<Content>,
    /// Parameters that are.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub parameters_from: Vec<Source>,
    /// What the broker knows it by; derived where there is none.
    #[serde(rename = "externalID", skip_serializing_if = "Option::is_none")]
    pub external_id: Option<String>,
    /// On whose behalf the broker is asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_info: Option<Identity>,
    /// Counted up by whoever wants the same to be sent again.
    pub update_requests: i64,
    /// What becomes of it at the broker when its object is deleted.
    pub deletion_policy: DeletionPolicy,
    /// Whether it follows its plan to a new version of what runs under it.
    pub maintenance: Maintenance,
}

/// Whether an instance follows its plan to a new version of what runs under it (`maintenance_info`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
pub enum Maintenance {
    /// With the next update that is sent for another reason, `updateRequests` among them.
    #[default]
    OnRequest,
    /// As soon as the catalog has it: that is an update by itself.
    Automatic,
}

impl InstanceSpec {
    pub(super) fn faults(&self) -> Vec<FieldError> {
        let mut wrong = Vec::new();
        if let Err(error) = self.plan.read() {
            wrong.push(FieldError::new("spec", error.to_string()));
        }
        let id = self.external_id.as_deref().map(InstanceId::chosen);
        if let Some(Err(error)) = id {
            wrong.push(FieldError::new("spec.externalID", error.to_string()));
        }
        wrong
    }
}
