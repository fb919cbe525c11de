//! Who asks, and may they: users by bearer token or impersonation, and the rules of RBAC objects.
//!
//! An option of the cluster ([`crate::Builder::rbac`]). It owns authentication, impersonation, the evaluation of Roles and
//! bindings as they are in the store, and the answers of access reviews. It does not know HTTP messages: a request is
//! [`Attributes`] here. The rules are those of the real server's RBAC authorizer; a request without a token is the
//! administrator's, so that whoever sets a test up needs none.
//!
//! Differences: Roles may be written without having what they give (no `escalate` and `bind`), ClusterRoles are not
//! aggregated, and of the bootstrap policy there is what every authenticated user may do: discovery, and asking about
//! oneself.

mod attributes;
mod owners;
mod policy;
mod review;
mod user;

use std::collections::BTreeMap;

use parking_lot::Mutex;
use serde_json::Value;

pub(crate) use self::attributes::Attributes;
pub(crate) use self::user::Credentials;
pub use self::user::User;
use crate::status::{Reason, Status};
use crate::store::Store;

/// How access is controlled.
#[derive(Clone, Debug, Default)]
pub struct Rbac {
    tokens: BTreeMap<String, User>,
    owner_references: bool,
}

impl Rbac {
    /// Nobody but the administrator is known; others come by [`Self::token`] or by the `token` subresource of a
    /// ServiceAccount.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Whoever brings this bearer token is `user`.
    #[must_use]
    pub fn token(mut self, token: impl Into<String>, user: User) -> Self {
        self.tokens.insert(token.into(), user);
        self
    }

    /// As with the admission plugin `OwnerReferencesPermissionEnforcement`: an owner reference that blocks the owner's
    /// deletion needs `update` on the owner's `finalizers`. The real server leaves it off, OpenShift has it on.
    #[must_use]
    pub const fn enforcing_owner_references(mut self) -> Self {
        self.owner_references = true;
        self
    }
}

/// Access control at work.
pub(crate) struct Authorization {
    store: Store,
    tokens: Mutex<BTreeMap<String, User>>,
    owner_references: bool,
}

/// What a rule says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Decision {
    /// Allowed, and by what.
    Allowed(String),
    /// No rule allows it.
    NoOpinion,
}

impl Authorization {
    pub(crate) fn new(rbac: Rbac, store: Store) -> Self {
        Self {
            store,
            tokens: Mutex::new(rbac.tokens),
            owner_references: rbac.owner_references,
        }
    }

    /// Who asks, after impersonation.
    pub(crate) fn authenticate(&self, credentials: &Credentials) -> Result<User, Status> {
        let user = match &credentials.token {
            None => User::admin(),
            Some(token) => self.user_of(token).ok_or_else(unauthorized)?,
        };
        user::impersonated(user, credentials, |user, attributes| {
            self.require(user, attributes)
        })
    }

    /// Refuses what no rule allows, in the real server's words.
    pub(crate) fn require(&self, user: &User, attributes: &Attributes) -> Result<(), Status> {
        match self.decide(user, attributes) {
            Decision::Allowed(_) => Ok(()),
            Decision::NoOpinion => Err(attributes.forbidden(user)),
        }
    }

    pub(crate) fn decide(&self, user: &User, attributes: &Attributes) -> Decision {
        policy::decide(&self.store, user, attributes)
    }

    pub(crate) fn store(&self) -> &Store {
        &self.store
    }

    fn user_of(&self, token: &str) -> Option<User> {
        self.tokens.lock().get(token).cloned()
    }

    /// A token for a ServiceAccount, from now on.
    fn issue(&self, namespace: &str, name: &str) -> String {
        let mut tokens = self.tokens.lock();
        let token = format!("dev-token.{namespace}.{name}.{}", tokens.len());
        tokens.insert(token.clone(), User::service_account(namespace, name));
        token
    }
}

/// A text field; empty when absent.
fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    value[field].as_str().unwrap_or_default()
}

fn unauthorized() -> Status {
    Status::new(401, Reason::Unauthorized, "Unauthorized")
}

#[cfg(test)]
mod tests;
