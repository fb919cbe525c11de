//! `service`: the Services and the route of a Canary.

use std::collections::BTreeMap;

use oarlock_sdk::Value;
use serde::{Deserialize, Serialize};

use super::IntOrText;

/// The Services, and the route where `gatewayRefs` are given.
#[derive(Clone, Debug, Default, Deserialize, PartialEq)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Service {
    /// Name of the Service that people use. The target's where nothing is said. `-primary` and `-canary` are beside it.
    pub(crate) name: Option<String>,
    /// Its port.
    #[cfg_attr(test, schemars(range(min = 1, max = 65535)))]
    pub(crate) port: u32,
    /// Name of the port. `http` where nothing is said.
    pub(crate) port_name: Option<String>,
    /// Number or name of the Pods' port. The same number where nothing is said.
    pub(crate) target_port: Option<IntOrText>,
    /// Whether the Services get the Pods' other ports, too.
    pub(crate) port_discovery: bool,
    /// What is spoken on the port.
    pub(crate) app_protocol: Option<String>,
    /// Which of the Pods a client prefers: `PreferClose`, `PreferSameZone` or `PreferSameNode`.
    pub(crate) traffic_distribution: Option<String>,
    /// Whether the Services have no address of their own.
    pub(crate) headless: bool,
    /// Time limit of a request. Only with `gatewayRefs`.
    pub(crate) timeout: Option<String>,
    /// Time limit of a request from the gateway to a Pod. Only with `gatewayRefs`.
    pub(crate) backend_timeout: Option<String>,
    /// Gateways that the route belongs to.
    #[cfg_attr(test, schemars(length(max = 32)))]
    pub(crate) gateway_refs: Vec<GatewayRef>,
    /// Host names of the route. All of the gateway's where nothing is said.
    pub(crate) hosts: Vec<String>,
    /// Which requests the route takes. All where nothing is said.
    #[serde(rename = "match")]
    pub(crate) matches: Vec<Match>,
    /// What the route makes of a request's URI.
    pub(crate) rewrite: Option<Rewrite>,
    /// What the route does to headers.
    pub(crate) headers: Option<Headers>,
    /// `RequestMirror` filters of the route.
    #[cfg_attr(test, schemars(schema_with = "open_list"))]
    pub(crate) mirror: Vec<Value>,
    /// Labels and annotations of the Service that people use.
    pub(crate) apex: Marks,
    /// Labels and annotations of the stable revision's Service.
    pub(crate) primary: Marks,
    /// Labels and annotations of the new revision's Service.
    pub(crate) canary: Marks,
}

#[cfg(test)]
fn open_list(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
    schemars::json_schema!({
        "type": "array",
        "items": {"type": "object", "x-kubernetes-preserve-unknown-fields": true},
    })
}

/// A Gateway, or a part of it.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub(crate) struct GatewayRef {
    /// `gateway.networking.k8s.io` where nothing is said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) group: Option<String>,
    /// `Gateway` where nothing is said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) kind: Option<String>,
    /// Its name.
    pub(crate) name: String,
    /// The Canary's own where nothing is said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) namespace: Option<String>,
    /// Name of one of its listeners.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) section_name: Option<String>,
    /// Port of its listeners.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, schemars(range(min = 1, max = 65535)))]
    pub(crate) port: Option<u32>,
    /// `gateway.networking.k8s.io/v1` or `/v1beta1`; the route is `v1` in any case.
    #[serde(skip_serializing)]
    pub(crate) api_version: Option<String>,
}

/// Requests that all of this is true of.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Match {
    /// The path.
    pub(crate) uri: Option<TextMatch>,
    /// The method; `exact` only.
    pub(crate) method: Option<TextMatch>,
    /// Headers.
    pub(crate) headers: BTreeMap<String, TextMatch>,
    /// Parameters of the query.
    pub(crate) query_params: BTreeMap<String, TextMatch>,
}

/// One of its fields is given.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct TextMatch {
    /// All of it.
    pub(crate) exact: Option<String>,
    /// How it begins.
    pub(crate) prefix: Option<String>,
    /// How it ends.
    pub(crate) suffix: Option<String>,
    /// A regular expression for all of it.
    pub(crate) regex: Option<String>,
}

/// What the route makes of a request.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Rewrite {
    /// The path.
    pub(crate) uri: Option<String>,
    /// The host.
    pub(crate) authority: Option<String>,
    /// `ReplaceFullPath` or `ReplacePrefixMatch`. The second where nothing is said.
    #[serde(rename = "type")]
    pub(crate) kind: Option<String>,
}

/// What the route does to headers.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Headers {
    /// Of requests.
    pub(crate) request: Option<HeaderChange>,
    /// Of responses.
    pub(crate) response: Option<HeaderChange>,
}

/// A change of headers.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct HeaderChange {
    /// Set, whatever was there.
    pub(crate) set: BTreeMap<String, String>,
    /// Added to what is there.
    pub(crate) add: BTreeMap<String, String>,
    /// Removed.
    pub(crate) remove: Vec<String>,
}

/// Labels and annotations.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Marks {
    /// Labels.
    pub(crate) labels: BTreeMap<String, String>,
    /// Annotations.
    pub(crate) annotations: BTreeMap<String, String>,
}
