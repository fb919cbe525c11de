//! A request as an authorizer sees it, and what a refusal says.

use super::User;
use crate::status::{Details, Reason, Status};

/// What somebody wants to do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Attributes {
    /// `get`, `list`, `impersonate`, …; for paths the method in lower case.
    pub(crate) verb: String,
    /// API group.
    pub(crate) group: String,
    /// Plural; empty for a path.
    pub(crate) resource: String,
    /// Empty for the resource itself.
    pub(crate) subresource: String,
    /// Empty for all namespaces and for what has none.
    pub(crate) namespace: String,
    /// Empty where none is given.
    pub(crate) name: String,
    /// Of a request that is about no resource.
    pub(crate) path: String,
}

impl Attributes {
    /// A path that no resource is behind.
    pub(crate) fn path(verb: &str, path: &str) -> Self {
        Self {
            verb: String::from(verb),
            path: String::from(path),
            ..Self::default()
        }
    }

    pub(super) fn impersonate(resource: &str, namespace: &str, name: &str) -> Self {
        Self {
            verb: String::from("impersonate"),
            resource: String::from(resource),
            namespace: String::from(namespace),
            name: String::from(name),
            ..Self::default()
        }
    }

    /// The same with another verb.
    pub(crate) fn verb(&self, verb: &str) -> Self {
        Self {
            verb: String::from(verb),
            ..self.clone()
        }
    }

    /// `deployments`, `deployments/status`.
    pub(super) fn whole_resource(&self) -> String {
        if self.subresource.is_empty() {
            self.resource.clone()
        } else {
            format!("{}/{}", self.resource, self.subresource)
        }
    }

    /// 403 in the words of apiserver's `responsewriters.Forbidden`.
    pub(crate) fn forbidden(&self, user: &User) -> Status {
        let (name, verb) = (user.name(), &self.verb);
        let why = if self.resource.is_empty() {
            format!("User {name:?} cannot {verb} path {:?}", self.path)
        } else {
            let place = if self.namespace.is_empty() {
                String::from("at the cluster scope")
            } else {
                format!("in the namespace {:?}", self.namespace)
            };
            format!(
                "User {name:?} cannot {verb} resource {:?} in API group {:?} {place}",
                self.whole_resource(),
                self.group
            )
        };
        self.refused(&why)
    }

    /// 403 for another reason.
    pub(crate) fn refused(&self, why: &str) -> Status {
        let qualified = if self.group.is_empty() {
            self.resource.clone()
        } else {
            format!("{}.{}", self.resource, self.group)
        };
        let message = match (self.resource.is_empty(), self.name.is_empty()) {
            (true, _) => format!("forbidden: {why}"),
            (false, true) => format!("{qualified} is forbidden: {why}"),
            (false, false) => format!("{qualified} {:?} is forbidden: {why}", self.name),
        };
        Status::new(403, Reason::Forbidden, message).with_details(Details {
            name: self.name.clone(),
            group: self.group.clone(),
            kind: self.resource.clone(),
            ..Details::default()
        })
    }
}
