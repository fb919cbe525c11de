//! Where metrics are, and what they are called: `settings:` of the watch.

use std::time::Duration;

use oarlock_sdk::FieldError;
use oarlock_sdk::http::{Auth, SecretRef};
use serde::Deserialize;

use super::duration::GoDuration;
use super::spec::SecretRefSpec;
use super::url::Url;

/// Where Prometheus is, where nobody says.
const METRICS_SERVER: &str = "http://prometheus:9090";

/// What of `settings:` concerns checks.
#[derive(Clone, Debug, Default, Deserialize, PartialEq)]
#[serde(rename_all = "camelCase", default)]
pub struct Settings {
    /// Address of Prometheus; `http://prometheus:9090` by default.
    pub metrics_server: Option<String>,
    /// What the built-in queries are made of.
    pub metrics: Series,
}

/// What the built-in queries are made of.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct Series {
    /// Histogram of the requests' durations in seconds; `http_request_duration_seconds` by default.
    pub requests: String,
    /// Its label with the HTTP status; `status` by default.
    pub status: String,
    /// Its label with the namespace; `namespace` by default.
    pub namespace: String,
    /// Its label with the Pod's name; `pod` by default.
    pub pod: String,
    /// How often Prometheus looks at a Pod; `15s` by default. A window below twice as much has too few points to say anything.
    pub scrape_interval: GoDuration,
    /// For one query; `5s` by default.
    pub timeout: GoDuration,
}

impl Default for Series {
    fn default() -> Self {
        Self {
            requests: String::from("http_request_duration_seconds"),
            status: String::from("status"),
            namespace: String::from("namespace"),
            pod: String::from("pod"),
            scrape_interval: GoDuration(Duration::from_secs(15)),
            timeout: GoDuration(Duration::from_secs(5)),
        }
    }
}

/// Where metrics come from: the settings, checked, and what the object says instead.
#[derive(Clone, Debug, PartialEq)]
pub struct Monitoring {
    pub(crate) server: Server,
    pub(crate) series: Series,
}

/// A Prometheus.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Server {
    pub(crate) address: Url,
    pub(crate) credentials: Option<Credentials>,
    /// Sent along, such as the tenant that is asked for.
    pub(crate) headers: Vec<(String, String)>,
}

/// A Secret of the object's namespace with `username` and `password`, or with `token`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Credentials(String);

impl Monitoring {
    /// The settings, and `spec.metricsServer` where the object has one.
    ///
    /// # Errors
    ///
    /// Every field that says nothing, with its path.
    pub fn new(settings: &Settings, own: Option<&str>) -> Result<Self, Vec<FieldError>> {
        let mut wrong = Vec::new();
        let (path, address) = match (own, &settings.metrics_server) {
            (Some(own), _) => ("spec.metricsServer", own),
            (None, Some(address)) => ("settings.metricsServer", address.as_str()),
            (None, None) => ("", METRICS_SERVER),
        };
        let server = Url::server(address)
            .map_err(|message| wrong.push(FieldError::new(path, message)))
            .ok();
        let series = &settings.metrics;
        for (field, name) in [
            ("requests", &series.requests),
            ("status", &series.status),
            ("namespace", &series.namespace),
            ("pod", &series.pod),
        ] {
            if !is_name(name) {
                wrong.push(FieldError::new(
                    format!("settings.metrics.{field}"),
                    format!("{name:?} is not a name that Prometheus takes"),
                ));
            }
        }
        for (field, duration) in [
            ("scrapeInterval", series.scrape_interval),
            ("timeout", series.timeout),
        ] {
            if duration.0 < Duration::from_millis(1) {
                let path = format!("settings.metrics.{field}");
                wrong.push(FieldError::new(path, "must be more than 0s"));
            }
        }
        match server {
            Some(address) if wrong.is_empty() => Ok(Self {
                server: Server {
                    address,
                    credentials: None,
                    headers: Vec::new(),
                },
                series: series.clone(),
            }),
            _ => Err(wrong),
        }
    }
}

fn is_name(text: &str) -> bool {
    let letter = |c: char| c.is_ascii_alphabetic() || c == '_' || c == ':';
    text.starts_with(letter) && text.chars().all(|c| letter(c) || c.is_ascii_digit())
}

impl Credentials {
    pub(crate) fn of(secret: &SecretRefSpec) -> Self {
        Self(secret.name.clone())
    }

    /// How they may be sent: the Secret has keys for one of them, and which one is found out by trying. Nothing is sent where a
    /// key is missing, and no value is ever seen here.
    pub(crate) fn ways(&self) -> [Auth; 2] {
        let key = |key: &str| SecretRef::new(self.0.as_str(), key);
        [
            Auth::Basic(key("username"), key("password")),
            Auth::Bearer(key("token")),
        ]
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use oarlock_sdk::{Context, json};

    use super::{Monitoring, Settings};

    fn server(settings: oarlock_sdk::Value, own: Option<&str>) -> Result<String, Vec<String>> {
        let cx = Context::builder().settings(settings).build();
        let settings: Settings = cx.settings().unwrap();
        Monitoring::new(&settings, own)
            .map(|monitoring| monitoring.server.address.to_string())
            .map_err(|wrong| wrong.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn the_object_says_it_before_the_settings() {
        let settings =
            || json!({"metricsServer": "http://prom.monitoring:9090/", "kind": "Canary"});
        assert_eq!(server(json!({}), None).unwrap(), "http://prometheus:9090");
        assert_eq!(
            server(settings(), None).unwrap(),
            "http://prom.monitoring:9090"
        );
        assert_eq!(
            server(settings(), Some("http://mine")).unwrap(),
            "http://mine"
        );
    }

    #[test]
    fn what_is_wrong_is_named() {
        assert_eq!(
            server(
                json!({"metrics": {"pod": "pod-name", "timeout": "0s"}}),
                Some("mine")
            )
            .unwrap_err(),
            [
                "spec.metricsServer: \"mine\" is not a URL that begins with http:// or https://",
                "settings.metrics.pod: \"pod-name\" is not a name that Prometheus takes",
                "settings.metrics.timeout: must be more than 0s",
            ]
        );
        assert_eq!(
            server(json!({"metricsServer": "prom:9090"}), None).unwrap_err(),
            [
                "settings.metricsServer: \"prom:9090\" is not a URL that begins with http:// or https://"
            ]
        );
        let cx = Context::builder()
            .settings(json!({"metrics": {"pods": "pod"}}))
            .build();
        assert_eq!(
            cx.settings::<Settings>().unwrap_err().to_string(),
            "settings.metrics.pods: unknown field `pods`, expected one of `requests`, `status`, `namespace`, `pod`, \
             `scrapeInterval`, `timeout` (in watches.yaml)"
        );
    }
}
