//! `ClusterServiceBroker` and `ServiceBroker`.

use oarlock_sdk::FieldError;
use serde::{Deserialize, Serialize};

use super::duration::GoDuration;
use crate::catalog::relist::{Behavior, Wish};
use crate::catalog::restriction::{Filter, Restrictions};
use crate::situation::DeletionPolicy;

/// `spec` of a broker. How it is reached is read where it is asked, by instances and bindings too.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct BrokerSpec {
    /// Its address.
    pub url: String,
    /// Its certificate is not looked at.
    #[serde(
        rename = "insecureSkipTLSVerify",
        skip_serializing_if = "std::ops::Not::not"
    )]
    pub insecure_skip_tls_verify: bool,
    /// Certificates (PEM) in base64 that it is trusted by.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ca_bundle: Option<String>,
    /// Where our credentials are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auth_info: Option<AuthInfo>,
    /// When its catalog is read again.
    pub relist_behavior: Behavior,
    /// How often.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub relist_duration: Option<GoDuration>,
    /// Counted up by whoever wants it to be read now.
    pub relist_requests: i64,
    /// What of it is shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub catalog_restrictions: Option<Restrictions>,
    /// What becomes of what is there when its object is deleted.
    pub deletion_policy: DeletionPolicy,
}

/// One of the two ways to say who we are.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default)]
pub struct AuthInfo {
    /// Name and password.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub basic: Option<Way>,
    /// A token.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bearer: Option<Way>,
}

/// Where the credentials of a way are.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Way {
    /// The Secret.
    pub secret_ref: SecretAt,
}

/// A Secret.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default)]
pub struct SecretAt {
    /// Its name.
    pub name: String,
    /// Its namespace, of a broker of the cluster.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
}

impl BrokerSpec {
    /// What of its catalog is shown.
    #[must_use]
    pub fn filter(&self) -> Filter {
        let restrictions = self.catalog_restrictions.as_ref();
        // One that cannot be read is a fault: no spec is there then.
        restrictions
            .and_then(|restrictions| restrictions.read().ok())
            .unwrap_or_default()
    }

    /// When its catalog is wished for.
    #[must_use]
    pub fn wish(&self, generation: i64) -> Wish {
        Wish {
            behavior: self.relist_behavior,
            interval: self.relist_duration.map(GoDuration::milliseconds),
            requests: self.relist_requests,
            generation,
            ..Wish::default()
        }
    }

    /// What is wrong beyond shapes. `own` is the namespace of a `ServiceBroker`, which reads no Secret of another.
    pub(super) fn faults(&self, own: Option<&str>) -> Vec<FieldError> {
        let mut wrong = Vec::new();
        if self.insecure_skip_tls_verify && self.ca_bundle.is_some() {
            wrong.push(FieldError::new(
                "spec.caBundle",
                "is of no use where spec.insecureSkipTLSVerify is true\nhint: remove one of the two; caBundle is the safe one",
            ));
        }
        if let Some(info) = &self.auth_info {
            if info.basic.is_some() == info.bearer.is_some() {
                wrong.push(FieldError::new(
                    "spec.authInfo",
                    "exactly one of basic and bearer is expected\nhint: a broker that asks for nothing has no authInfo",
                ));
            }
            let ways = [("basic", &info.basic), ("bearer", &info.bearer)];
            for (way, at) in ways {
                let named = at
                    .as_ref()
                    .and_then(|way| way.secret_ref.namespace.as_deref());
                if let (Some(own), Some(named)) = (own, named)
                    && own != named
                {
                    wrong.push(FieldError::new(
                        format!("spec.authInfo.{way}.secretRef.namespace"),
                        format!(
                            "{named:?} is another namespace than the broker's; only Secrets of its own are read\nhint: leave it out, and copy the Secret"
                        ),
                    ));
                }
            }
        }
        if let Some(Err(error)) = self.catalog_restrictions.as_ref().map(Restrictions::read) {
            let text = error.to_string();
            let (path, message) = text
                .split_once(": ")
                .unwrap_or(("spec.catalogRestrictions", &text));
            wrong.push(FieldError::new(path, message));
        }
        wrong
    }
}
