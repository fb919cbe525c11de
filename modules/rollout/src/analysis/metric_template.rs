//! MetricTemplates: queries that several objects share.

use std::collections::BTreeMap;

use oarlock_sdk::{Context, ObjectRef, ReadError, Value};
use serde::Deserialize;

use super::answer::Trouble;
use super::scope::Scope;
use super::settings::{Credentials, Server};
use super::spec::{SecretRefSpec, TemplateRefSpec};
use super::text::Text;
use super::url::Url;

/// Where a kind is looked for: the project's own group first.
const VERSIONS: [&str; 2] = ["canary.oarlock.dev/v1alpha1", "flagger.app/v1beta1"];

/// One that was read.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct MetricTemplate {
    pub(crate) server: Server,
    pub(crate) query: Text,
    pub(crate) warnings: Vec<String>,
}

#[derive(Deserialize)]
struct Object {
    spec: Spec,
}

#[derive(Deserialize)]
struct Spec {
    provider: Provider,
    query: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Provider {
    #[serde(rename = "type")]
    kind: String,
    address: Option<String>,
    secret_ref: Option<SecretRefSpec>,
    #[serde(default)]
    headers: BTreeMap<String, Vec<String>>,
    #[serde(default)]
    insecure_skip_verify: bool,
}

/// Reads the one that is named. Where its provider has no address, `server` is asked.
pub(crate) fn read(
    cx: &Context,
    named: &TemplateRefSpec,
    variables: &BTreeMap<String, String>,
    scope: &Scope,
    server: &Server,
) -> Result<MetricTemplate, Trouble> {
    let namespace = named.namespace.as_deref().unwrap_or(&scope.namespace);
    let place = format!("MetricTemplate {namespace}/{}", named.name);
    let content = object(cx, "MetricTemplate", namespace, &named.name)?;
    let object: Object = serde_json::from_value(content)
        .map_err(|error| Trouble::Template(format!("{place}: spec: {error}")))?;
    let at =
        |field: &str, message: String| Trouble::Template(format!("{place}: {field}: {message}"));
    let Provider {
        kind,
        address,
        secret_ref,
        headers,
        insecure_skip_verify,
    } = object.spec.provider;
    if kind != "prometheus" {
        return Err(at(
            "spec.provider.type",
            format!(
                "{kind:?} is not a provider here, expected prometheus\n\
                 hint: a check of its own reads any JSON document by `web`"
            ),
        ));
    }
    if secret_ref.is_some() && namespace != scope.namespace {
        return Err(at(
            "spec.provider.secretRef",
            format!(
                "credentials come from the namespace of the object that is checked, {}, and the template is of another\n\
                 hint: put a MetricTemplate into {}",
                scope.namespace, scope.namespace
            ),
        ));
    }
    let address = match &address {
        Some(address) => {
            Url::server(address).map_err(|message| at("spec.provider.address", message))?
        }
        None => server.address.clone(),
    };
    let query = Text::parse(&object.spec.query, variables)
        .map_err(|error| at("spec.query", error.to_string()))?;
    let warnings = insecure_skip_verify
        .then(|| {
            format!(
                "{place}: spec.provider.insecureSkipVerify: is not followed: certificates are always verified"
            )
        })
        .into_iter()
        .collect();
    Ok(MetricTemplate {
        server: Server {
            address,
            credentials: secret_ref.as_ref().map(Credentials::of),
            headers: headers
                .iter()
                .flat_map(|(name, values)| values.iter().map(|value| (name.clone(), value.clone())))
                .collect(),
        },
        query,
        warnings,
    })
}

/// An object of one of the two groups.
pub(super) fn object(
    cx: &Context,
    kind: &str,
    namespace: &str,
    name: &str,
) -> Result<Value, Trouble> {
    let place = format!("{kind} {namespace}/{name}");
    let mut denied = None;
    let mut served = false;
    for version in VERSIONS {
        let target = ObjectRef::new(version, kind, name).in_namespace(namespace);
        match cx.get_raw(&target) {
            Ok(Some(object)) => return Ok(object),
            Ok(None) => served = true,
            Err(ReadError::UnknownKind(_)) => {}
            Err(error) => denied = Some(denied.unwrap_or_else(|| error.to_string())),
        }
    }
    Err(Trouble::Template(match denied {
        Some(text) => format!("{place}: {text}"),
        None if served => format!("{place}: not found"),
        None => format!(
            "{place}: neither {} nor {} is served",
            VERSIONS[0], VERSIONS[1]
        ),
    }))
}
