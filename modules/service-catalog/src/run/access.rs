//! How a broker is reached: what its object says, read by whoever has to call it.
//!
//! Credentials stay references: the host fills them in, and watches the Secrets that they are in.

#[cfg(test)]
mod tests;

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use oarlock_sdk::http::{Auth, SecretRef};
use oarlock_sdk::{Context, ObjectRef};
use serde_json::Value;

use super::reading::{self, API_VERSION, text};
use crate::situation::Obstacle;

/// Where a broker's object remembers the address that all is at which instances and bindings have.
const CONFIRMED: &str = "/status/catalog/url";

/// The annotation that says that the same broker is at another address: the new `spec.url`.
pub(crate) const MOVED: &str = "servicecatalog.oarlock.dev/moved";

/// A broker's object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Broker {
    /// A `ClusterServiceBroker`.
    Cluster(String),
    /// A `ServiceBroker`.
    Namespaced {
        /// Its namespace.
        namespace: String,
        /// Its name.
        name: String,
    },
}

/// How a broker is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Access {
    /// Its address, without a slash at its end.
    pub(crate) url: String,
    /// Where our credentials are; none where the broker wants none.
    pub(crate) auth: Option<Auth>,
    /// PEM certificates to trust instead of the host's.
    pub(crate) ca_bundle: Option<String>,
    /// Its certificate is not looked at.
    pub(crate) insecure: bool,
    /// Its object is being deleted: nothing new is made there.
    pub(crate) deleting: bool,
}

impl Broker {
    /// As [`Place::broker`](crate::state::Place::broker) writes it: `ClusterServiceBroker/name` or
    /// `ServiceBroker/namespace/name`.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let parts: Vec<&str> = text.split('/').collect();
        match parts.as_slice() {
            ["ClusterServiceBroker", name] => Some(Self::Cluster((*name).to_owned())),
            ["ServiceBroker", namespace, name] => Some(Self::Namespaced {
                namespace: (*namespace).to_owned(),
                name: (*name).to_owned(),
            }),
            _ => None,
        }
    }

    /// The broker's object itself.
    pub(crate) fn of(object: &Value) -> Option<Self> {
        let name = text(object, "/metadata/name")?.to_owned();
        match text(object, "/kind")? {
            "ClusterServiceBroker" => Some(Self::Cluster(name)),
            "ServiceBroker" => Some(Self::Namespaced {
                namespace: text(object, "/metadata/namespace")?.to_owned(),
                name,
            }),
            _ => None,
        }
    }

    /// Its object.
    pub(crate) fn target(&self) -> ObjectRef {
        match self {
            Self::Cluster(name) => ObjectRef::new(API_VERSION, "ClusterServiceBroker", name),
            Self::Namespaced { namespace, name } => {
                ObjectRef::new(API_VERSION, "ServiceBroker", name).in_namespace(namespace)
            }
        }
    }
}

/// For [`Place::broker`](crate::state::Place::broker).
impl fmt::Display for Broker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cluster(name) => write!(f, "ClusterServiceBroker/{name}"),
            Self::Namespaced { namespace, name } => write!(f, "ServiceBroker/{namespace}/{name}"),
        }
    }
}

/// How the broker that a [`Place`](crate::state::Place) names is reached.
///
/// # Errors
/// There is no such broker, or its object does not say how.
pub(crate) fn read(cx: &Context, place: &str) -> Result<Access, Obstacle> {
    let Some(broker) = Broker::parse(place) else {
        return Err(blocked(
            "ReferencesNonexistentBroker",
            format!("status.lifecycle names no broker but {place:?}"),
        ));
    };
    let target = broker.target();
    let object = cx
        .get_raw(&target)
        .map_err(|error| reading::unread(&told(&broker), &error))?;
    match object {
        Some(object) => {
            let access = of(&broker, &object)?;
            confirmed(&broker, &object, &access)?;
            Ok(access)
        }
        None => Err(blocked(
            "ReferencesNonexistentBroker",
            format!(
                "{} does not exist\nhint: create it; nothing else has to be done then",
                told(&broker)
            ),
        )),
    }
}

/// Whether its address is the one at which all is that is remembered: another broker knows nothing of it, and what it says of it
/// (410: gone) is not to be believed.
fn confirmed(broker: &Broker, object: &Value, access: &Access) -> Result<(), Obstacle> {
    let moved = object["metadata"]["annotations"][MOVED].as_str();
    if moved.map(|to| to.trim_end_matches('/')) == Some(&access.url) {
        return Ok(());
    }
    match text(object, CONFIRMED) {
        Some(before) if before != access.url => Err(blocked(
            "BrokerChanged",
            format!(
                "spec.url of {} has changed to {}, and nobody has said yet that what is at {before} is there: its conditions say \
                 more",
                told(broker),
                access.url
            ),
        )),
        _ => Ok(()),
    }
}

/// How a broker is reached, by its object.
///
/// # Errors
/// Its object does not say how.
pub(crate) fn of(broker: &Broker, object: &Value) -> Result<Access, Obstacle> {
    let spec = &object["spec"];
    Ok(Access {
        url: url(broker, spec)?,
        auth: auth(broker, spec)?,
        ca_bundle: ca_bundle(broker, spec)?,
        insecure: spec["insecureSkipTLSVerify"].as_bool().unwrap_or_default(),
        deleting: text(object, "/metadata/deletionTimestamp").is_some(),
    })
}

fn url(broker: &Broker, spec: &Value) -> Result<String, Obstacle> {
    let wrong = |what: &str| {
        let of = told(broker);
        blocked(
            "InvalidBrokerURL",
            format!("spec.url of {of} {what}\nhint: such as https://broker.example.com"),
        )
    };
    let url = text(spec, "/url").unwrap_or_default().trim();
    if url.is_empty() {
        return Err(wrong("is empty"));
    }
    let Some(rest) = ["https://", "http://"]
        .iter()
        .find_map(|scheme| url.strip_prefix(scheme))
    else {
        return Err(wrong("is neither an http nor an https address"));
    };
    if rest.contains(['?', '#']) {
        return Err(wrong("has a query"));
    }
    let host = rest.split('/').next().unwrap_or_default();
    if host.is_empty() {
        return Err(wrong("names no host"));
    }
    if host.contains('@') {
        return Err(wrong(
            "has credentials in it, where everybody reads them; they belong into a Secret: spec.authInfo",
        ));
    }
    Ok(url.trim_end_matches('/').to_owned())
}

fn auth(broker: &Broker, spec: &Value) -> Result<Option<Auth>, Obstacle> {
    let info = &spec["authInfo"];
    if let Some(basic) = info.get("basic").filter(|basic| !basic.is_null()) {
        let of = reference(broker, basic, "basic")?;
        return Ok(Some(Auth::Basic(of.key("username"), of.key("password"))));
    }
    if let Some(bearer) = info.get("bearer").filter(|bearer| !bearer.is_null()) {
        return Ok(Some(Auth::Bearer(
            reference(broker, bearer, "bearer")?.key("token"),
        )));
    }
    Ok(None)
}

struct Named {
    /// None for that of the broker's object, where whoever asks is too.
    namespace: Option<String>,
    name: String,
}

impl Named {
    fn key(&self, key: &str) -> SecretRef {
        SecretRef {
            namespace: self.namespace.clone(),
            name: self.name.clone(),
            key: key.to_owned(),
        }
    }
}

/// The Secret of an `authInfo`; of a broker of a namespace it is there.
fn reference(broker: &Broker, info: &Value, way: &str) -> Result<Named, Obstacle> {
    let field = format!("spec.authInfo.{way}.secretRef");
    let wrong = |what: &str| {
        let of = told(broker);
        blocked(
            "ErrorGettingAuthCredentials",
            format!("{field} of {of} {what}"),
        )
    };
    let name = text(info, "/secretRef/name").unwrap_or_default();
    if name.is_empty() {
        return Err(wrong("names no Secret"));
    }
    let namespace = text(info, "/secretRef/namespace").filter(|namespace| !namespace.is_empty());
    let namespace = match broker {
        // Whoever may make brokers in a namespace need not be able to read the Secrets of others.
        Broker::Namespaced { .. } => None,
        Broker::Cluster(_) => Some(namespace.ok_or_else(|| wrong("names no namespace"))?),
    };
    Ok(Named {
        namespace: namespace.map(str::to_owned),
        name: name.to_owned(),
    })
}

fn ca_bundle(broker: &Broker, spec: &Value) -> Result<Option<String>, Obstacle> {
    let Some(encoded) = text(spec, "/caBundle").filter(|encoded| !encoded.is_empty()) else {
        return Ok(None);
    };
    let plain: String = encoded.split_whitespace().collect();
    let decoded = STANDARD.decode(plain).ok();
    match decoded.and_then(|bytes| String::from_utf8(bytes).ok()) {
        Some(pem) => Ok(Some(pem)),
        None => Err(blocked(
            "InvalidCABundle",
            format!(
                "spec.caBundle of {} is not certificates (PEM) in base64",
                told(broker)
            ),
        )),
    }
}

/// For people.
fn told(broker: &Broker) -> String {
    match broker {
        Broker::Cluster(name) => format!("ClusterServiceBroker {name:?}"),
        Broker::Namespaced { name, .. } => format!("ServiceBroker {name:?}"),
    }
}

fn blocked(reason: &'static str, message: String) -> Obstacle {
    Obstacle {
        reason,
        message,
        retry: None,
    }
}
