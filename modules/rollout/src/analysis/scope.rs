//! Who is checked, and when.

use oarlock_sdk::Timestamp;

/// Who is checked, and when. All of it comes from the object, its status and the cluster: a run that is repeated has the same.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Scope {
    /// Namespace of the object.
    pub namespace: String,
    /// Name of the object.
    pub name: String,
    /// Uid of the object.
    pub uid: String,
    /// The workload that its user names, `{{ target }}`.
    pub target: String,
    /// The Deployment that makes the Pods of the new version.
    pub pods: String,
    /// Its Service, `{{ service }}`; empty where there is none.
    pub service: String,
    /// Its Ingress, `{{ ingress }}`; empty where there is none.
    pub ingress: String,
    /// The revision that is rolled out: `checksum` of what webhooks are sent.
    pub revision: String,
    /// `status.phase`.
    pub phase: String,
    /// The current step, counted from 1; 0 before the first.
    pub step: u32,
    /// When the rollout began: tells one of a revision from the next one of the same.
    pub began: Timestamp,
    /// When the step began: no query looks further back.
    pub since: Timestamp,
    /// The last check of this step as the status has it, else `since`. Tells one call of a webhook from the next, and stays
    /// the same while a run is repeated.
    pub tick: Timestamp,
}
