//! What comes back: the answer as it was received, and what is in its body.
//!
//! Tolerant where nothing depends on it: fields of a wrong type that are only shown are passed over and named in `odd`.
//! Strict where something does: a body that is no object, credentials that are no object, a token that is no string.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::fields::{Fields, Misfit};
use super::moment::{self, RetryAfter};
use super::{LARGEST_ANSWER, LONGEST_DESCRIPTION, LONGEST_OPERATION, Operation};

/// What became of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Heard {
    /// There was an answer.
    Answer(Answer),
    /// It is not known whether the broker got the request: a timeout, a connection that ended, an answer that is none.
    Lost {
        /// What happened, for people.
        cause: String,
    },
    /// The broker has not got the request: no connection, no address, no trust.
    Unsent {
        /// What happened, for people.
        cause: String,
    },
}

/// An answer as it was received.
#[derive(Clone, PartialEq, Eq)]
pub struct Answer {
    /// HTTP status code.
    pub status: u16,
    /// Headers; names in any case.
    pub headers: Vec<(String, String)>,
    /// The body. More than [`LARGEST_ANSWER`] bytes (a catalog [`LARGEST_CATALOG`](super::LARGEST_CATALOG)) are as good as
    /// none that can be read: whoever receives need not keep more than one byte more.
    pub body: Vec<u8>,
}

/// What was wrong, as far as it can be told.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Fault {
    /// HTTP status code; none where there was no answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// The broker's code, such as `ConcurrencyError`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// What the broker says to people; all of what happened where there was no answer that was wrong. At most
    /// [`LONGEST_DESCRIPTION`] characters of the broker's.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// Whether the instance can still be used: after failed updates and deprovisionings.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance_usable: Option<bool>,
    /// Whether the same update may succeed when it is tried again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub update_repeatable: Option<bool>,
}

/// An instance that is there: answer to a provision or an update.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Provisioned {
    /// Where people look after it.
    pub dashboard_url: Option<String>,
    /// Labels and attributes of the instance.
    pub metadata: InstanceMetadata,
    /// Fields of a wrong type that were passed over.
    pub odd: Vec<String>,
}

/// `metadata` of an instance.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct InstanceMetadata {
    /// For people and selectors; values are strings.
    pub labels: Map<String, Value>,
    /// Anything.
    pub attributes: Map<String, Value>,
}

/// A binding that is there: answer to a bind or a fetch. What is secret in it does not show in `Debug`.
#[derive(Clone, Default, PartialEq)]
pub struct Bound {
    /// What a workload needs; none for bindings that have none.
    pub credentials: Option<Map<String, Value>>,
    /// Where logs go.
    pub syslog_drain_url: Option<String>,
    /// Where requests go through.
    pub route_service_url: Option<String>,
    /// Volumes to be mounted, as the broker wrote them.
    pub volume_mounts: Vec<Value>,
    /// What has to be reachable.
    pub endpoints: Vec<Endpoint>,
    /// When it ends.
    pub metadata: BindingMetadata,
    /// Fields of a wrong type that were passed over.
    pub odd: Vec<String>,
}

/// `metadata` of a binding.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BindingMetadata {
    /// When it stops working: milliseconds since 1970.
    pub expires_at: Option<u64>,
    /// When a new one should be there: milliseconds since 1970.
    pub renew_before: Option<u64>,
}

/// Something that a workload talks to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// A name or an address.
    pub host: String,
    /// Ports and ranges of ports.
    pub ports: Vec<String>,
    /// `tcp`, `udp` or `all`.
    pub protocol: String,
}

/// An operation that the broker works on: 202.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Accepted {
    /// To be repeated when it is asked how it goes; none where the broker does not want that.
    pub operation: Option<String>,
    /// Where people look after the instance.
    pub dashboard_url: Option<String>,
    /// Labels and attributes of the instance.
    pub metadata: InstanceMetadata,
    /// Not to be asked earlier.
    pub retry_after: Option<RetryAfter>,
    /// Fields of a wrong type that were passed over.
    pub odd: Vec<String>,
}

/// How an operation goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Progress {
    /// What it came to.
    pub state: Stage,
    /// What the broker says to people.
    pub description: Option<String>,
    /// Whether the instance can still be used, where it failed.
    pub instance_usable: Option<bool>,
    /// Whether the same update may succeed when it is tried again.
    pub update_repeatable: Option<bool>,
}

/// `state` of an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Not done.
    InProgress,
    /// Done.
    Succeeded,
    /// Will not be done.
    Failed,
}

impl Heard {
    /// The answer.
    ///
    /// # Errors
    /// Where there was none.
    pub fn answer(&self) -> Result<&Answer, Fault> {
        match self {
            Self::Answer(answer) => Ok(answer),
            Self::Lost { cause } => Err(Fault::lost(cause)),
            Self::Unsent { cause } => Err(Fault::unsent(cause)),
        }
    }
}

impl Answer {
    /// The first header of this name.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.trim())
    }

    /// How long the broker wants to be left alone.
    #[must_use]
    pub fn retry_after(&self) -> Option<RetryAfter> {
        RetryAfter::parse(self.header("Retry-After")?)
    }

    /// The body as an object.
    ///
    /// # Errors
    /// Where it is none. Never with what is in it: it may be secret.
    pub(super) fn object(&self) -> Result<Fields, Misfit> {
        self.object_within(LARGEST_ANSWER)
    }

    /// The body as an object, of at most so many bytes.
    pub(super) fn object_within(&self, limit: usize) -> Result<Fields, Misfit> {
        let length = self.body.len();
        if length > limit {
            return Err(Misfit::new(format!(
                "the body has {length} bytes, {limit} are allowed"
            )));
        }
        match serde_json::from_slice(&self.body) {
            Ok(Value::Object(map)) => Ok(Fields::new(map)),
            Ok(_) => Err(Misfit::new("the body is not an object")),
            Err(_) if self.body.is_empty() => Err(Misfit::new("the body is empty")),
            Err(_) => Err(Misfit::new("the body is not JSON")),
        }
    }

    /// What a broker says that refused something. Tolerant: whatever is there.
    #[must_use]
    pub fn fault(&self) -> Fault {
        let mut fault = Fault {
            status: Some(self.status),
            ..Fault::default()
        };
        if let Ok(mut fields) = self.object() {
            fault.code = fields.shown("error").map(|code| shortened(&code));
            fault.description = fields
                .shown("description")
                .map(|text| shortened(&text))
                .unwrap_or_default();
            fault.instance_usable = fields.flag("instance_usable");
            fault.update_repeatable = fields.flag("update_repeatable");
        }
        fault
    }

    /// The answer cannot be read.
    pub(super) fn misread(&self, misfit: &Misfit) -> Fault {
        Fault {
            status: Some(self.status),
            description: misfit.to_string(),
            ..Fault::default()
        }
    }

    /// Answer to a provision or an update that is done.
    pub(super) fn provisioned(&self) -> Result<Provisioned, Misfit> {
        let mut fields = self.object()?;
        Ok(Provisioned {
            dashboard_url: fields.shown("dashboard_url"),
            metadata: instance_metadata(&mut fields),
            odd: fields.odd(),
        })
    }

    /// Answer to a bind that is done, or to a fetch.
    pub(super) fn bound(&self) -> Result<Bound, Misfit> {
        bound(&mut self.object()?)
    }

    /// Answer to something that is gone.
    pub(super) fn removed(&self) -> Result<(), Misfit> {
        self.object().map(drop)
    }

    /// Answer to something that takes time.
    pub(super) fn accepted(&self) -> Result<Accepted, Misfit> {
        let mut fields = self.object()?;
        let operation = fields.text("operation")?;
        if let Some(token) = &operation {
            let length = token.chars().count();
            if length > LONGEST_OPERATION {
                return Err(Misfit::new(format!(
                    "operation has {length} characters, {LONGEST_OPERATION} are allowed"
                )));
            }
        }
        Ok(Accepted {
            operation: operation.filter(|token| !token.is_empty()),
            dashboard_url: fields.shown("dashboard_url"),
            metadata: instance_metadata(&mut fields),
            retry_after: self.retry_after(),
            odd: fields.odd(),
        })
    }

    /// Answer to the question how an operation goes.
    pub(super) fn progress(&self) -> Result<Progress, Misfit> {
        let mut fields = self.object()?;
        let state = match fields.text("state")?.as_deref() {
            Some("in progress") => Stage::InProgress,
            Some("succeeded") => Stage::Succeeded,
            Some("failed") => Stage::Failed,
            Some(other) => {
                return Err(Misfit::new(format!(
                    "state is {:?}, not in progress, succeeded or failed",
                    shortened(other)
                )));
            }
            None => return Err(Misfit::new("state is missing")),
        };
        Ok(Progress {
            state,
            description: fields.shown("description").map(|text| shortened(&text)),
            instance_usable: fields.flag("instance_usable"),
            update_repeatable: fields.flag("update_repeatable"),
        })
    }
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.headers.iter().map(|(name, _)| name.as_str()).collect();
        f.debug_struct("Answer")
            .field("status", &self.status)
            .field("headers", &names)
            .field("body", &format_args!("{} bytes", self.body.len()))
            .finish()
    }
}

impl fmt::Debug for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let keys: Option<Vec<&String>> = self.credentials.as_ref().map(|map| map.keys().collect());
        f.debug_struct("Bound")
            .field("credentials", &keys)
            .field("syslog_drain_url", &self.syslog_drain_url.is_some())
            .field("route_service_url", &self.route_service_url.is_some())
            .field("volume_mounts", &self.volume_mounts.len())
            .field("endpoints", &self.endpoints)
            .field("metadata", &self.metadata)
            .field("odd", &self.odd)
            .finish()
    }
}

impl Fault {
    /// It was not an answer that was wrong.
    #[must_use]
    pub fn told(what: &str) -> Self {
        Self {
            description: what.to_owned(),
            ..Self::default()
        }
    }

    /// There was no answer.
    pub(super) fn lost(cause: &str) -> Self {
        Self::told(&format!("the broker did not answer: {}", shortened(cause)))
    }

    /// There was no request.
    pub(super) fn unsent(cause: &str) -> Self {
        Self::told(&format!("the broker was not reached: {}", shortened(cause)))
    }

    /// Whether the instance can still be used; it can where the broker does not say.
    #[must_use]
    pub fn usable(&self) -> bool {
        self.instance_usable.unwrap_or(true)
    }

    /// Whether the same update may succeed when it is tried again; it may where the broker does not say.
    #[must_use]
    pub fn repeatable(&self) -> bool {
        self.update_repeatable.unwrap_or(true)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(status) = self.status else {
            return f.write_str(&self.description);
        };
        write!(f, "the broker answered {status}")?;
        if let Some(code) = &self.code {
            write!(f, " {code}")?;
        }
        if !self.description.is_empty() {
            write!(f, ": {}", self.description)?;
        }
        Ok(())
    }
}

impl Operation {
    /// An operation that failed later, as a fault.
    pub(super) fn failure(self, progress: Progress) -> Fault {
        let mut told = format!("{} failed at the broker", self.name());
        if let Some(description) = progress.description {
            told.push_str(": ");
            told.push_str(&description);
        }
        Fault {
            instance_usable: progress.instance_usable,
            update_repeatable: progress.update_repeatable,
            ..Fault::told(&told)
        }
    }
}

/// What an answer says of a binding.
pub(super) fn bound(fields: &mut Fields) -> Result<Bound, Misfit> {
    let credentials = fields.object("credentials")?;
    let metadata = fields.part("metadata");
    let metadata = metadata.map_or_else(BindingMetadata::default, |mut part| {
        let read = BindingMetadata {
            expires_at: part.moment("expires_at"),
            renew_before: part.moment("renew_before"),
        };
        fields.adopt("metadata", part);
        read
    });
    Ok(Bound {
        credentials,
        syslog_drain_url: fields.shown("syslog_drain_url"),
        route_service_url: fields.shown("route_service_url"),
        volume_mounts: fields.list("volume_mounts"),
        endpoints: endpoints(fields),
        metadata,
        odd: fields.odd(),
    })
}

/// `metadata` of an instance.
pub(super) fn instance_metadata(fields: &mut Fields) -> InstanceMetadata {
    let Some(mut part) = fields.part("metadata") else {
        return InstanceMetadata::default();
    };
    let read = InstanceMetadata {
        labels: part.map("labels"),
        attributes: part.map("attributes"),
    };
    fields.adopt("metadata", part);
    read
}

fn endpoints(fields: &mut Fields) -> Vec<Endpoint> {
    let mut read = Vec::new();
    for entry in fields.list("endpoints") {
        let Value::Object(map) = entry else {
            fields.pass_over::<()>("endpoints");
            continue;
        };
        let mut part = Fields::new(map);
        let ports = part.strings("ports");
        match part.shown("host") {
            Some(host) => read.push(Endpoint {
                host,
                ports,
                protocol: part.shown("protocol").unwrap_or_else(|| "tcp".to_owned()),
            }),
            None => {
                fields.pass_over::<()>("endpoints");
            }
        }
    }
    read
}

/// What a broker tells people, as much of it as is kept: without what would break a line or a terminal.
pub(super) fn shortened(text: &str) -> String {
    let line: String = text
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .take(LONGEST_DESCRIPTION + 1)
        .collect();
    cut(&line)
}

/// At most [`LONGEST_DESCRIPTION`] characters of a text, and a mark where that is not all. It is cut between words: half of a
/// secret is found by nobody who looks for it, and is a secret still.
pub(crate) fn cut(text: &str) -> String {
    let Some((end, _)) = text.char_indices().nth(LONGEST_DESCRIPTION) else {
        return text.to_owned();
    };
    let (kept, next) = text.split_at(end);
    let is_between = next.starts_with(char::is_whitespace);
    let end = match is_between {
        true => kept.len(),
        false => kept
            .rfind(char::is_whitespace)
            .or_else(|| kept.rfind([',', ';', '<', '>', '"', '{', '}']))
            .unwrap_or_default(),
    };
    format!("{}…", &kept[..end])
}

/// A moment in a body: milliseconds since 1970.
pub(super) fn instant(text: &str) -> Option<u64> {
    moment::rfc3339(text)
}

#[cfg(test)]
mod tests;
