//! Events and notices: what is told to people and programs, once.

use crate::ObjectRef;

/// A Kubernetes Event.
///
/// ```
/// # use oarlock_sdk::Event;
/// let event = Event::normal("rollout-7-step-3", "StepEntered", "60% goes to 1.7.8");
/// assert!(!event.warning);
/// ```
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Event {
    /// Unique per occurrence, so that a repeated run does not repeat the Event: what happened to what, never the time.
    pub key: String,
    /// `Warning` rather than `Normal`.
    pub warning: bool,
    /// One CamelCase word.
    pub reason: String,
    /// For people.
    pub message: String,
    /// None for the object itself.
    pub about: Option<ObjectRef>,
}

impl Event {
    /// Something went as it should.
    pub fn normal(
        key: impl Into<String>,
        reason: impl Into<String>,
        message: impl Into<String>,
    ) -> Self {
        Self {
            key: key.into(),
            warning: false,
            reason: reason.into(),
            message: message.into(),
            about: None,
        }
    }

    /// Something did not.
    pub fn warning(
        key: impl Into<String>,
        reason: impl Into<String>,
        message: impl Into<String>,
    ) -> Self {
        Self {
            warning: true,
            ..Self::normal(key, reason, message)
        }
    }

    /// About another object than the one that the run is for.
    pub fn about(self, object: ObjectRef) -> Self {
        Self {
            about: Some(object),
            ..self
        }
    }
}

/// An HTTP POST whose answer nobody waits for, after all writes. Needs an `http` grant for the origin.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Notice {
    /// Sent at most once per key while the host runs.
    pub key: String,
    /// Absolute URL.
    pub url: String,
    /// Names and values.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: String,
}

impl Notice {
    /// A POST of JSON.
    pub fn json(key: impl Into<String>, url: impl Into<String>, body: &serde_json::Value) -> Self {
        Self {
            key: key.into(),
            url: url.into(),
            headers: vec![(
                String::from("content-type"),
                String::from("application/json"),
            )],
            body: body.to_string(),
        }
    }

    /// One more header.
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }
}
