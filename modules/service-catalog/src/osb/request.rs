//! What is asked of a broker.
//!
//! A request has everything but the broker's address and our credentials: those are added by whoever sends it, so that they
//! are in nothing that is printed, compared or replayed. Parameters are in the body; `Debug` shows neither it nor identities.

use std::collections::BTreeMap;
use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::catalog::{MaintenanceInfo, Marker};
use super::{
    BindingId, InstanceId, ORIGINATING_IDENTITY_HEADER, REQUEST_IDENTITY_HEADER, Uuid, VERSION,
    VERSION_HEADER, id,
};

/// The annotation in which `kubectl apply` keeps a whole object, parameters and all: no broker's business.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// A method of HTTP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// Reads.
    Get,
    /// Makes.
    Put,
    /// Changes.
    Patch,
    /// Removes.
    Delete,
}

/// A request, but for the broker's address and our credentials.
#[derive(Clone, PartialEq, Eq)]
pub struct Request {
    /// Its method.
    pub method: Method,
    /// Below the broker's address, encoded; begins with a slash.
    pub path: String,
    /// Not encoded.
    pub query: Vec<(&'static str, String)>,
    /// Headers of the specification, and of the body.
    pub headers: Vec<(&'static str, String)>,
    /// JSON.
    pub body: Option<Vec<u8>>,
}

/// Who asks, and in which request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// On whose behalf; none where nobody wanted it: orphans are removed for no one.
    pub identity: Option<Identity>,
    /// Tells this request from others: [`id::request`].
    pub request: Uuid,
}

/// A user of the cluster.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// Name.
    pub username: String,
    /// UID, where there is one.
    #[serde(default)]
    pub uid: String,
    /// Groups.
    #[serde(default)]
    pub groups: Vec<String>,
    /// What else the cluster knows of them.
    #[serde(default)]
    pub extra: BTreeMap<String, Vec<String>>,
}

/// Where an instance is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Context {
    /// Identifier of the cluster: the UID of `kube-system`.
    pub cluster: String,
    /// Namespace of the instance.
    pub namespace: String,
    /// Its annotations.
    pub namespace_annotations: BTreeMap<String, String>,
    /// Name of the instance.
    pub instance_name: String,
    /// Its annotations.
    pub instance_annotations: BTreeMap<String, String>,
}

/// Identifiers of a service and one of its plans, as in the catalog.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Offer {
    /// Identifier of the service.
    pub service_id: String,
    /// Identifier of the plan.
    pub plan_id: String,
}

/// Makes an instance.
#[derive(Clone, PartialEq)]
pub struct Provision<'a> {
    /// What it will be known by.
    pub instance: &'a InstanceId,
    /// What it is of.
    pub offer: &'a Offer,
    /// Where it is.
    pub context: &'a Context,
    /// What is wished.
    pub parameters: Option<&'a Map<String, Value>>,
    /// Of the plan, as in the catalog that was read last.
    pub maintenance_info: Option<&'a MaintenanceInfo>,
}

/// Changes an instance.
#[derive(Clone, PartialEq)]
pub struct Update<'a> {
    /// Which.
    pub instance: &'a InstanceId,
    /// Identifier of its service.
    pub service_id: &'a str,
    /// The plan that it gets; none to leave it.
    pub plan_id: Option<&'a str>,
    /// Where it is.
    pub context: &'a Context,
    /// What is wished; none to leave it.
    pub parameters: Option<&'a Map<String, Value>>,
    /// The plan that it has.
    pub previous_plan_id: Option<&'a str>,
    /// What it was maintained to.
    pub previous_maintenance_info: Option<&'a MaintenanceInfo>,
    /// What it shall be maintained to.
    pub maintenance_info: Option<&'a MaintenanceInfo>,
}

/// Removes an instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deprovision<'a> {
    /// Which.
    pub instance: &'a InstanceId,
    /// What it is of: what was sent when it was made.
    pub offer: &'a Offer,
}

/// Makes a binding.
#[derive(Clone, PartialEq)]
pub struct Bind<'a> {
    /// To which instance.
    pub instance: &'a InstanceId,
    /// What it will be known by.
    pub binding: &'a BindingId,
    /// What the instance is of.
    pub offer: &'a Offer,
    /// Where the instance is.
    pub context: &'a Context,
    /// What is wished. Not sent with a predecessor: the new binding is as the old one.
    pub parameters: Option<&'a Map<String, Value>>,
    /// The binding that it takes the place of, for a rotation.
    pub predecessor: Option<&'a BindingId>,
}

/// Removes a binding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unbind<'a> {
    /// Of which instance.
    pub instance: &'a InstanceId,
    /// Which.
    pub binding: &'a BindingId,
    /// What the instance is of.
    pub offer: &'a Offer,
}

/// Asks how an operation goes: of a binding where there is one, else of the instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LastOperation<'a> {
    /// Of which instance.
    pub instance: &'a InstanceId,
    /// Of which binding.
    pub binding: Option<&'a BindingId>,
    /// What the instance is of.
    pub offer: &'a Offer,
    /// The token that came with 202.
    pub operation: Option<&'a str>,
}

/// Reads an instance or a binding back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fetch<'a> {
    /// Which instance.
    pub instance: &'a InstanceId,
    /// Which binding of it; none for the instance itself.
    pub binding: Option<&'a BindingId>,
    /// What the instance is of.
    pub offer: &'a Offer,
}

/// Reads the catalog, where it is not what was read last.
#[must_use]
pub fn catalog(caller: &Caller, marker: &Marker) -> Request {
    let mut request = Request::new(Method::Get, "/v2/catalog".to_owned(), caller);
    if let Some(etag) = &marker.etag {
        request.headers.push(("If-None-Match", etag.clone()));
    }
    if let Some(moment) = &marker.last_modified {
        request.headers.push(("If-Modified-Since", moment.clone()));
    }
    request
}

impl Method {
    /// As HTTP writes it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
        }
    }
}

impl Request {
    fn new(method: Method, path: String, caller: &Caller) -> Self {
        let mut headers = vec![
            (VERSION_HEADER, VERSION.to_owned()),
            (REQUEST_IDENTITY_HEADER, caller.request.to_string()),
            ("Accept", "application/json".to_owned()),
        ];
        if let Some(identity) = &caller.identity {
            headers.push((ORIGINATING_IDENTITY_HEADER, identity.header()));
        }
        Self {
            method,
            path,
            query: Vec::new(),
            headers,
            body: None,
        }
    }

    fn incomplete(mut self) -> Self {
        self.query.push(("accepts_incomplete", "true".to_owned()));
        self
    }

    fn of(mut self, offer: &Offer) -> Self {
        self.query.push(("service_id", offer.service_id.clone()));
        self.query.push(("plan_id", offer.plan_id.clone()));
        self
    }

    fn with(mut self, body: Map<String, Value>) -> Self {
        self.headers
            .push(("Content-Type", "application/json".to_owned()));
        self.body = Some(Value::Object(body).to_string().into_bytes());
        self
    }

    /// Path and query, encoded: what comes after the broker's address, which ends without a slash.
    #[must_use]
    pub fn target(&self) -> String {
        let mut target = self.path.clone();
        for (index, (name, value)) in self.query.iter().enumerate() {
            target.push(if index == 0 { '?' } else { '&' });
            target.push_str(name);
            target.push('=');
            target.push_str(&encoded(value));
        }
        target
    }

    /// The first header of this name.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.headers.iter().map(|(name, _)| *name).collect();
        f.debug_struct("Request")
            .field("method", &self.method.as_str())
            .field("target", &self.target())
            .field("headers", &names)
            .field(
                "body",
                &self
                    .body
                    .as_ref()
                    .map(|body| format!("{} bytes", body.len())),
            )
            .finish()
    }
}

impl Identity {
    /// `X-Broker-API-Originating-Identity`: the platform, and the user as JSON in base64.
    #[must_use]
    pub fn header(&self) -> String {
        let user = json!({
            "username": self.username,
            "uid": self.uid,
            "groups": self.groups,
            "extra": self.extra,
        });
        format!("kubernetes {}", STANDARD.encode(user.to_string()))
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity")
            .field("username", &self.username)
            .finish_non_exhaustive()
    }
}

impl Context {
    fn body(&self) -> Value {
        json!({
            "platform": "kubernetes",
            "clusterid": self.cluster,
            "namespace": self.namespace,
            "namespace_annotations": annotations(&self.namespace_annotations),
            "instance_name": self.instance_name,
            "instance_annotations": annotations(&self.instance_annotations),
        })
    }
}

impl Provision<'_> {
    /// As it is sent.
    #[must_use]
    pub fn request(&self, caller: &Caller) -> Request {
        let mut body = Map::new();
        body.insert("service_id".to_owned(), json!(self.offer.service_id));
        body.insert("plan_id".to_owned(), json!(self.offer.plan_id));
        body.insert("context".to_owned(), self.context.body());
        // Superseded by the context, and still required.
        body.insert("organization_guid".to_owned(), json!(self.context.cluster));
        let space = id::space(&self.context.cluster, &self.context.namespace);
        body.insert("space_guid".to_owned(), json!(space.to_string()));
        insert_parameters(&mut body, self.parameters);
        insert_maintenance(&mut body, self.maintenance_info);
        Request::new(Method::Put, instance_path(self.instance), caller)
            .incomplete()
            .with(body)
    }
}

impl Update<'_> {
    /// As it is sent.
    #[must_use]
    pub fn request(&self, caller: &Caller) -> Request {
        let mut body = Map::new();
        body.insert("service_id".to_owned(), json!(self.service_id));
        body.insert("context".to_owned(), self.context.body());
        if let Some(plan) = self.plan_id {
            body.insert("plan_id".to_owned(), json!(plan));
        }
        insert_parameters(&mut body, self.parameters);
        insert_maintenance(&mut body, self.maintenance_info);
        let mut previous = Map::new();
        previous.insert("service_id".to_owned(), json!(self.service_id));
        if let Some(plan) = self.previous_plan_id {
            previous.insert("plan_id".to_owned(), json!(plan));
        }
        insert_maintenance(&mut previous, self.previous_maintenance_info);
        body.insert("previous_values".to_owned(), Value::Object(previous));
        Request::new(Method::Patch, instance_path(self.instance), caller)
            .incomplete()
            .with(body)
    }
}

impl Deprovision<'_> {
    /// As it is sent.
    #[must_use]
    pub fn request(&self, caller: &Caller) -> Request {
        Request::new(Method::Delete, instance_path(self.instance), caller)
            .of(self.offer)
            .incomplete()
    }
}

impl Bind<'_> {
    /// As it is sent.
    #[must_use]
    pub fn request(&self, caller: &Caller) -> Request {
        let mut body = Map::new();
        body.insert("service_id".to_owned(), json!(self.offer.service_id));
        body.insert("plan_id".to_owned(), json!(self.offer.plan_id));
        body.insert("context".to_owned(), self.context.body());
        match self.predecessor {
            Some(predecessor) => {
                let predecessor = json!(predecessor.as_str());
                body.insert("predecessor_binding_id".to_owned(), predecessor);
            }
            None => insert_parameters(&mut body, self.parameters),
        }
        let path = binding_path(self.instance, self.binding);
        Request::new(Method::Put, path, caller)
            .incomplete()
            .with(body)
    }
}

impl Unbind<'_> {
    /// As it is sent.
    #[must_use]
    pub fn request(&self, caller: &Caller) -> Request {
        let path = binding_path(self.instance, self.binding);
        Request::new(Method::Delete, path, caller)
            .of(self.offer)
            .incomplete()
    }
}

impl LastOperation<'_> {
    /// As it is sent.
    #[must_use]
    pub fn request(&self, caller: &Caller) -> Request {
        let path = format!("{}/last_operation", path(self.instance, self.binding));
        let mut request = Request::new(Method::Get, path, caller).of(self.offer);
        if let Some(operation) = self.operation {
            request.query.push(("operation", operation.to_owned()));
        }
        request
    }
}

impl Fetch<'_> {
    /// As it is sent.
    #[must_use]
    pub fn request(&self, caller: &Caller) -> Request {
        Request::new(Method::Get, path(self.instance, self.binding), caller).of(self.offer)
    }
}

fn path(instance: &InstanceId, binding: Option<&BindingId>) -> String {
    match binding {
        Some(binding) => binding_path(instance, binding),
        None => instance_path(instance),
    }
}

fn instance_path(instance: &InstanceId) -> String {
    format!("/v2/service_instances/{}", encoded(instance.as_str()))
}

fn binding_path(instance: &InstanceId, binding: &BindingId) -> String {
    let binding = encoded(binding.as_str());
    format!("{}/service_bindings/{binding}", instance_path(instance))
}

fn insert_parameters(body: &mut Map<String, Value>, parameters: Option<&Map<String, Value>>) {
    if let Some(parameters) = parameters {
        body.insert("parameters".to_owned(), Value::Object(parameters.clone()));
    }
}

/// The version alone: what it means is for people, and a broker that compares all of it would refuse an old wording.
fn insert_maintenance(body: &mut Map<String, Value>, info: Option<&MaintenanceInfo>) {
    if let Some(info) = info {
        body.insert(
            "maintenance_info".to_owned(),
            json!({"version": info.version}),
        );
    }
}

fn annotations(all: &BTreeMap<String, String>) -> Value {
    let shown = all.iter().filter(|(name, _)| *name != LAST_APPLIED);
    Value::Object(
        shown
            .map(|(name, value)| (name.clone(), json!(value)))
            .collect(),
    )
}

/// Everything but what is unreserved in an address (RFC 3986, section 2.3) as its bytes.
pub(crate) fn encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                encoded.push(char::from(byte));
            }
            _ => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}

#[cfg(test)]
mod tests;
