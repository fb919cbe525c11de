//! Which Secret a binding's service has. No value of it is read.

use oarlock_sdk::{Context, Failure, Health, KindInfo, Object, ObjectRef, ReadError};

use super::{Gap, workload};
use crate::projection::provisioned;
use crate::spec::ServiceBinding;

/// What is known of the service.
pub(super) struct Service {
    /// The Secret, where it is there.
    pub(super) secret: Option<String>,
    /// Why not.
    missing: Option<Gap>,
}

impl Service {
    fn of(secret: String) -> Self {
        Self {
            secret: Some(secret),
            missing: None,
        }
    }

    fn without(gap: Gap) -> Self {
        Self {
            secret: None,
            missing: Some(gap),
        }
    }

    /// Why there is no Secret.
    pub(super) fn gap(&self) -> Gap {
        self.missing
            .clone()
            .unwrap_or_else(|| Gap::unknown("Initializing", "the service was not looked at yet"))
    }

    /// Whether there is a Secret, or why not.
    pub(super) fn found(&self) -> Result<&str, Gap> {
        self.secret.as_deref().ok_or_else(|| self.gap())
    }
}

/// Looks at the service.
pub(super) fn resolve(
    cx: &Context,
    kinds: &[KindInfo],
    binding: &Object<ServiceBinding>,
) -> Result<Service, Failure> {
    let wanted = &binding.spec.service;
    if wanted.is_secret() {
        return existing(cx, binding, wanted.name.clone());
    }
    let what = format!("{} {}", wanted.kind, wanted.name);
    let namespace = binding.namespace();
    let Some(info) = workload::kind(kinds, &wanted.api_version, &wanted.kind) else {
        return Ok(Service::without(Gap::unknown(
            "ServiceNotFound",
            format!(
                "the service was not found: {} {} is not served by the API server\nhint: correct spec.service, or install its definition",
                wanted.api_version, wanted.kind
            ),
        )));
    };
    if !info.namespaced {
        return Ok(Service::without(Gap::no(
            "ServiceNotNamespaced",
            format!(
                "{what} is in no namespace, so it has no Secret in the binding's\nhint: name a service of namespace {namespace}"
            ),
        )));
    }
    let target = ObjectRef::new(
        wanted.api_version.as_str(),
        wanted.kind.as_str(),
        wanted.name.as_str(),
    )
    .in_namespace(namespace);
    let gap = match cx.get_raw(&target) {
        Ok(Some(service)) => match provisioned(&service) {
            Some(secret) => return existing(cx, binding, secret.to_owned()),
            None => Gap::unknown(
                "ServiceMissingBinding",
                format!(
                    "the service was found, but did not contain a binding secret: {what} has no status.binding.name (yet)"
                ),
            ),
        },
        Ok(None) => Gap::unknown(
            "ServiceNotFound",
            format!("the service was not found: there is no {what} in namespace {namespace}"),
        ),
        Err(ReadError::Denied(message)) => Gap::no("ServiceForbidden", message),
        Err(ReadError::UnknownKind(message)) => Gap::unknown("ServiceNotFound", message),
        Err(error) => return Err(error.into()),
    };
    Ok(Service::without(gap))
}

/// A Pod does not start while its Secret is not there. Where it cannot be told, the service is believed.
fn existing(
    cx: &Context,
    binding: &Object<ServiceBinding>,
    name: String,
) -> Result<Service, Failure> {
    let namespace = binding.namespace();
    let secret = ObjectRef::new("v1", "Secret", name.as_str()).in_namespace(namespace);
    match cx.observe(&[secret]) {
        Ok(states) if states.iter().any(|state| state.health == Health::NotFound) => {
            Ok(Service::without(Gap::unknown(
                "SecretNotFound",
                format!("there is no Secret {name} in namespace {namespace} (yet)"),
            )))
        }
        Ok(_) | Err(ReadError::Denied(_)) => Ok(Service::of(name)),
        Err(error) => Err(error.into()),
    }
}
