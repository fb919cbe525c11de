//! Alerts: what people are told where they are. Fire and forget: nothing depends on them.

mod provider;

use std::collections::BTreeMap;

use oarlock_sdk::{Context, FieldError, Notice, Timestamp};
use serde_json::{Map, Value, json};

use super::scope::Scope;
use super::spec::{AlertSpec, NotifySpec, ProviderRefSpec, Severity};
use provider::{Channel, Slack};

/// Who is told of what. Read it where there is something to tell: providers and their Secrets are reads.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Alerts {
    alerts: Vec<Alert>,
    problems: Vec<String>,
}

#[derive(Clone, Debug, PartialEq)]
struct Alert {
    /// What tells it from the others of the object.
    name: String,
    severity: Severity,
    channel: Channel,
}

/// Something to tell.
#[derive(Clone, Copy, Debug)]
pub struct News<'a> {
    /// What happened to what, once per transition, such as `d34db33f01-step-3`: nothing is told twice for a key while the
    /// host runs.
    pub key: &'a str,
    /// How bad it is.
    pub severity: Severity,
    /// One CamelCase word.
    pub reason: &'a str,
    /// A sentence.
    pub message: &'a str,
    /// When: the time of the run.
    pub at: Timestamp,
}

impl Alerts {
    /// `analysis.alerts` of a Canary, with the AlertProviders that they name. One that cannot be read is a
    /// [problem](Self::problems) and no error: nobody's rollout stops because nobody can be told of it.
    ///
    /// # Errors
    ///
    /// Every field that says nothing, with its path.
    pub fn read(
        cx: &Context,
        specs: &[AlertSpec],
        path: &str,
        namespace: &str,
    ) -> Result<Self, Vec<FieldError>> {
        let mut wrong = Vec::new();
        let mut alerts = Self::default();
        for (index, spec) in specs.iter().enumerate() {
            if spec.provider_ref.name.is_empty() {
                let path = format!("{path}[{index}].providerRef.name");
                wrong.push(FieldError::new(path, "is empty"));
                continue;
            }
            let ProviderRefSpec {
                name,
                namespace: own,
            } = &spec.provider_ref;
            let of = own.as_deref().unwrap_or(namespace);
            let channel = provider::read(cx, name, of);
            alerts.add(format!("{}-{index}", spec.name), spec.severity, channel);
        }
        match wrong.is_empty() {
            true => Ok(alerts),
            false => Err(wrong),
        }
    }

    /// `notify` of a Deployer. Problems are those of [`Alerts::read`].
    ///
    /// # Errors
    ///
    /// Every field that says nothing, with its path.
    pub fn inline(
        cx: &Context,
        specs: &[NotifySpec],
        path: &str,
        namespace: &str,
    ) -> Result<Self, Vec<FieldError>> {
        let mut wrong = Vec::new();
        let mut alerts = Self::default();
        for (index, spec) in specs.iter().enumerate() {
            let path = format!("{path}[{index}]");
            if let Some(channel) = provider::inline(cx, spec, &path, namespace, &mut wrong) {
                alerts.add(format!("notify-{index}"), spec.severity, channel);
            }
        }
        match wrong.is_empty() {
            true => Ok(alerts),
            false => Err(wrong),
        }
    }

    /// Who cannot be told, and why: worth a condition or a warning Event.
    pub fn problems(&self) -> &[String] {
        &self.problems
    }

    /// What is sent of some news: to everybody who wants to know of what is as bad as this.
    pub fn notices(&self, news: &News<'_>, scope: &Scope) -> Vec<Notice> {
        self.alerts
            .iter()
            .filter(|alert| news.severity >= alert.severity)
            .map(|alert| {
                let key = format!("alert {}/{}", alert.name, news.key);
                match &alert.channel {
                    Channel::Slack(slack) => Notice::json(
                        key,
                        slack.address.as_str(),
                        &slack_message(slack, news, scope),
                    ),
                    Channel::Webhook { address, metadata } => {
                        Notice::json(key, address.as_str(), &payload(scope, news, metadata))
                    }
                }
            })
            .collect()
    }

    fn add(&mut self, name: String, severity: Severity, channel: Result<Channel, String>) {
        match channel {
            Ok(channel) => self.alerts.push(Alert {
                name,
                severity,
                channel,
            }),
            Err(problem) => self.problems.push(problem),
        }
    }
}

/// What generic receivers are sent: Flagger's shape for events.
pub(crate) fn payload(
    scope: &Scope,
    news: &News<'_>,
    metadata: &BTreeMap<String, String>,
) -> Value {
    let kind = match news.severity {
        Severity::Info => "Normal",
        Severity::Warn | Severity::Error => "Warning",
    };
    let mut all: Map<String, Value> = metadata
        .iter()
        .map(|(name, value)| (name.clone(), value.as_str().into()))
        .collect();
    all.insert("eventMessage".into(), news.message.into());
    all.insert("eventType".into(), kind.into());
    all.insert("timestamp".into(), news.at.as_millis().to_string().into());
    json!({
        "name": scope.name,
        "namespace": scope.namespace,
        "phase": scope.phase,
        "checksum": scope.revision,
        "metadata": all,
    })
}

/// A message for an incoming webhook of Slack.
fn slack_message(slack: &Slack, news: &News<'_>, scope: &Scope) -> Value {
    let color = match news.severity {
        Severity::Info => "good",
        Severity::Warn => "warning",
        Severity::Error => "danger",
    };
    let field =
        |title: &str, value: &str| json!({"title": title, "value": escaped(value), "short": true});
    let title = format!("{}/{}: {}", scope.namespace, scope.name, news.reason);
    let mut message = json!({
        "username": slack.username,
        "text": escaped(&title),
        "attachments": [{
            "color": color,
            "fallback": escaped(news.message),
            "text": escaped(news.message),
            "fields": [
                field("Target", &scope.target),
                field("Revision", &scope.revision),
                field("Phase", &scope.phase),
            ],
            "ts": news.at.as_millis() / 1000,
        }],
    });
    if let Some(channel) = &slack.channel {
        message["channel"] = channel.as_str().into();
    }
    message
}

/// The three characters that Slack takes for its own.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

#[cfg(test)]
mod tests;
