//! Where alerts go: AlertProviders, and what objects say themselves.
//!
//! The address of a Slack channel is a credential, and it is the URL itself: no header that the host could fill in. A Secret
//! that holds one is therefore read, by name, with a read grant of the watch for it; without the grant nothing is sent, and the
//! problem names the grant. What was read goes into the notice's URL and nowhere else: never into a status, an Event or a log
//! line, of which the host masks it besides.

use std::collections::BTreeMap;

use oarlock_sdk::{Context, FieldError, ObjectRef};
use serde::Deserialize;

use crate::analysis::metric_template;
use crate::analysis::spec::{NotifySpec, SecretRefSpec};
use crate::analysis::url::Url;

/// Key of a Secret that holds an address.
const KEY: &str = "address";

/// Who speaks, where nobody says.
const USERNAME: &str = "oarlock";

/// Where alerts go.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Channel {
    Slack(Slack),
    Webhook {
        address: Url,
        metadata: BTreeMap<String, String>,
    },
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Slack {
    pub(super) address: Url,
    pub(super) channel: Option<String>,
    pub(super) username: String,
}

#[derive(Deserialize)]
struct Object {
    spec: Spec,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Spec {
    #[serde(rename = "type")]
    kind: String,
    channel: Option<String>,
    username: Option<String>,
    address: Option<String>,
    secret_ref: Option<SecretRefSpec>,
    proxy: Option<String>,
}

/// The AlertProvider of this name.
///
/// # Errors
///
/// Why nothing can be sent there.
pub(super) fn read(cx: &Context, name: &str, namespace: &str) -> Result<Channel, String> {
    let place = format!("AlertProvider {namespace}/{name}");
    let content = metric_template::object(cx, "AlertProvider", namespace, name)
        .map_err(|trouble| trouble.to_string())?;
    let Object { spec } =
        serde_json::from_value(content).map_err(|error| format!("{place}: spec: {error}"))?;
    if spec.proxy.is_some_and(|proxy| !proxy.is_empty()) {
        return Err(format!(
            "{place}: spec.proxy: is not supported: calls go where they say"
        ));
    }
    if !["slack", "webhook"].contains(&spec.kind.as_str()) {
        return Err(format!(
            "{place}: spec.type: {:?} is not a provider here, expected slack or webhook",
            spec.kind
        ));
    }
    let text = address(
        cx,
        spec.address.filter(|address| !address.is_empty()),
        spec.secret_ref.as_ref(),
        namespace,
    )
    .map_err(|error| format!("{place}: spec.{error}"))?;
    Ok(match spec.kind.as_str() {
        "slack" => Channel::Slack(Slack {
            address: text,
            channel: spec.channel.filter(|channel| !channel.is_empty()),
            username: spec.username.unwrap_or_else(|| USERNAME.into()),
        }),
        _ => Channel::Webhook {
            address: text,
            metadata: BTreeMap::new(),
        },
    })
}

/// What an object says itself: none where that is wrong, and in `wrong`.
pub(super) fn inline(
    cx: &Context,
    spec: &NotifySpec,
    path: &str,
    namespace: &str,
    wrong: &mut Vec<FieldError>,
) -> Option<Result<Channel, String>> {
    let (path, url, secret) = match (&spec.slack, &spec.webhook) {
        (Some(slack), None) => (format!("{path}.slack"), &slack.url, &slack.secret_ref),
        (None, Some(webhook)) => (format!("{path}.webhook"), &webhook.url, &webhook.secret_ref),
        (None, None) => {
            wrong.push(FieldError::new(
                path,
                "tells nobody, expected slack or webhook",
            ));
            return None;
        }
        (Some(_), Some(_)) => {
            wrong.push(FieldError::new(
                format!("{path}.webhook"),
                "stands beside slack, expected one of them",
            ));
            return None;
        }
    };
    match (url, secret) {
        (Some(_), None) | (None, Some(_)) => {}
        (None, None) => {
            wrong.push(FieldError::new(
                format!("{path}.url"),
                "is required, unless there is a secretRef",
            ));
            return None;
        }
        (Some(_), Some(_)) => {
            wrong.push(FieldError::new(
                format!("{path}.secretRef"),
                "stands beside url, expected one of them",
            ));
            return None;
        }
    }
    if let Some(Err(message)) = url.as_deref().map(Url::parse) {
        wrong.push(FieldError::new(format!("{path}.url"), message));
        return None;
    }
    let channel = |address: Url| match (&spec.slack, &spec.webhook) {
        (Some(slack), _) => Channel::Slack(Slack {
            address,
            channel: slack.channel.clone(),
            username: slack.username.clone().unwrap_or_else(|| USERNAME.into()),
        }),
        (None, webhook) => Channel::Webhook {
            address,
            metadata: webhook
                .as_ref()
                .and_then(|webhook| webhook.metadata.clone())
                .unwrap_or_default(),
        },
    };
    let address = address(cx, url.clone(), secret.as_ref(), namespace);
    Some(
        address
            .map(channel)
            .map_err(|error| format!("{path}.{error}")),
    )
}

fn address(
    cx: &Context,
    plain: Option<String>,
    secret: Option<&SecretRefSpec>,
    namespace: &str,
) -> Result<Url, String> {
    let secret = match (plain, secret) {
        (Some(address), _) => {
            return Url::parse(&address).map_err(|error| format!("address: {error}"));
        }
        (None, Some(secret)) => secret,
        (None, None) => {
            return Err(String::from(
                "address: is required, unless there is a secretRef",
            ));
        }
    };
    let place = format!("secretRef: Secret {namespace}/{}", secret.name);
    let target = ObjectRef::new("v1", "Secret", &secret.name).in_namespace(namespace);
    let object = cx
        .get_raw(&target)
        .map_err(|error| format!("{place}: {error}"))?
        .ok_or_else(|| format!("{place}: not found"))?;
    let encoded = object["data"][KEY]
        .as_str()
        .ok_or_else(|| format!("{place}: has no key {KEY:?}"))?;
    let text =
        decoded(encoded).ok_or_else(|| format!("{place}: key {KEY:?} is no text in base64"))?;
    // The text is a secret: what is wrong with it must not repeat it.
    Url::parse(text.trim()).map_err(|_| format!("{place}: key {KEY:?} is not a URL"))
}

/// Base64 with padding, as Secrets have it (RFC 4648 4).
fn decoded(text: &str) -> Option<String> {
    let digit = |byte: u8| -> Option<u32> {
        Some(u32::from(match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return None,
        }))
    };
    let plain = text.trim_end_matches('=');
    if !text.len().is_multiple_of(4) || text.len() - plain.len() > 2 {
        return None;
    }
    let mut bytes = Vec::with_capacity(plain.len());
    for group in plain.as_bytes().chunks(4) {
        let mut bits = 0;
        for byte in group {
            bits = bits << 6 | digit(*byte)?;
        }
        bits <<= 6 * (4 - group.len());
        let whole = bits.to_be_bytes();
        bytes.extend_from_slice(whole.get(1..group.len())?);
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::decoded;

    #[test]
    fn base64_is_read() {
        for (encoded, text) in [
            ("", Some("")),
            ("Zg==", Some("f")),
            ("Zm8=", Some("fo")),
            ("Zm9v", Some("foo")),
            ("aHR0cDovL2UuY29tLz9+fn4=", Some("http://e.com/?~~~")),
            ("Zg", None),
            ("Z===", None),
            ("Zm9*", None),
            ("/w==", None),
        ] {
            assert_eq!(decoded(encoded).as_deref(), text, "{encoded}");
        }
    }
}
