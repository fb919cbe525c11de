//! What an account may know: answers that the cache gives in its name.
//!
//! The host sees more than an account does. What a plan tells by the cache alone (a difference, an expectation that does not
//! hold, an object that is not there) the account must be allowed to get; what is sent is the API server's to refuse.

use std::collections::BTreeMap;

use oarlock_core::cluster::ServiceAccount;
use oarlock_core::manifest::Access;
use oarlock_core::reference::{KindInfo, ObjectRef};
use oarlock_core::request::ApiError;

use super::sight::Seen;
use super::{Run, Stop};
use crate::plan::{Plan, RemovalStep, Step};

/// Kinds in namespaces of which the account may get every object, or perhaps only some.
type Whole = BTreeMap<(String, String, Option<String>), bool>;

impl Run<'_> {
    /// Refuses what `account` may not know.
    pub(super) async fn vouch(
        &self,
        account: &ServiceAccount,
        seen: &Seen,
        plan: &mut Plan,
    ) -> Result<(), Stop> {
        let mut whole = Whole::new();
        for write in plan.writes.iter_mut().filter(|write| write.tells) {
            if let Some(error) = self
                .barred(account, seen, &write.target, &mut whole)
                .await?
            {
                write.step = Step::Refuse(error);
            }
        }
        for removal in &mut plan.removals {
            if matches!(removal.step, RemovalStep::Absent | RemovalStep::Deleted)
                && let Some(error) = self
                    .barred(account, seen, &removal.target, &mut whole)
                    .await?
            {
                removal.step = RemovalStep::Refuse(error);
            }
        }
        Ok(())
    }

    /// What forbids `account` to get `target`, if anything does. One question for all objects of a kind, where that is enough.
    async fn barred(
        &self,
        account: &ServiceAccount,
        seen: &Seen,
        target: &ObjectRef,
        whole: &mut Whole,
    ) -> Result<Option<ApiError>, Stop> {
        let Some(kind) = seen.kind(&target.gvk) else {
            return Ok(None);
        };
        let place = (
            kind.gvk.group.clone(),
            kind.plural.clone(),
            target.namespace.clone(),
        );
        let all = match whole.get(&place) {
            Some(all) => *all,
            None => {
                let all = self.may(account, access(kind, target, None)).await?;
                whole.insert(place, all);
                all
            }
        };
        if all
            || self
                .may(account, access(kind, target, Some(&target.name)))
                .await?
        {
            return Ok(None);
        }
        let message = format!(
            "ServiceAccount {}/{} may not get {}",
            account.namespace, account.name, kind.plural
        );
        Ok(Some(ApiError::new(403, "Forbidden", message)))
    }

    async fn may(&self, account: &ServiceAccount, access: Access<'_>) -> Result<bool, Stop> {
        let _waiting = self.ports.waits.begin();
        let allowed = self.ports.cluster.allowed(account, access).await;
        allowed.map_err(|error| self.stop("access was not reviewed", &error))
    }
}

fn access<'a>(kind: &'a KindInfo, target: &'a ObjectRef, name: Option<&'a str>) -> Access<'a> {
    Access {
        verb: "get",
        group: &kind.gvk.group,
        resource: &kind.plural,
        namespace: target.namespace.as_deref(),
        name,
        all_namespaces: false,
    }
}
