//! What comes back.

use std::time::Duration;

use serde_json::{Value, json};

/// What is done with a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Given {
    /// What comes back.
    pub reply: Reply,
    /// When.
    pub wait: Wait,
}

/// What comes back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// An answer.
    Answer(Answer),
    /// Nothing, for as long as somebody waits.
    Silence,
    /// The connection ends.
    Cut,
    /// The head of an answer of chunks, and then what is no chunk.
    Garbage,
    /// An answer of which the second half is missing, and then the connection ends.
    Half(Answer),
}

/// When it comes back. What was asked is done or not done before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wait {
    /// At once.
    None,
    /// After a time.
    For(Duration),
    /// When the test lets it go ([`Broker::release`](crate::Broker::release)); the number tells which time.
    Release(u64),
}

/// An answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// HTTP status code.
    pub status: u16,
    /// Headers.
    pub headers: Vec<(String, String)>,
    /// Body.
    pub body: Vec<u8>,
}

impl Answer {
    /// A status and JSON.
    #[must_use]
    pub fn json(status: u16, body: &Value) -> Self {
        Self::raw(status, body.to_string().into_bytes())
    }

    /// A status and whatever is said to be JSON.
    #[must_use]
    pub fn raw(status: u16, body: Vec<u8>) -> Self {
        let kind = ("content-type".to_owned(), "application/json".to_owned());
        Self {
            status,
            headers: vec![kind],
            body,
        }
    }

    /// A refusal, with or without a code of the specification.
    #[must_use]
    pub fn refusal(status: u16, code: Option<&str>, description: &str) -> Self {
        let mut body = json!({ "description": description });
        if let Some(code) = code {
            body["error"] = code.into();
        }
        Self::json(status, &body)
    }

    /// With one more header.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }
}

impl Reply {
    /// For the journal: the status, or what happens instead.
    pub(crate) fn shown(&self) -> String {
        match self {
            Self::Answer(answer) => answer.status.to_string(),
            Self::Silence => "silence".to_owned(),
            Self::Cut => "cut".to_owned(),
            Self::Garbage => "garbage".to_owned(),
            Self::Half(answer) => format!("half of {}", answer.status),
        }
    }
}

impl From<Answer> for Given {
    fn from(answer: Answer) -> Self {
        Reply::Answer(answer).into()
    }
}

impl From<Reply> for Given {
    fn from(reply: Reply) -> Self {
        Self {
            reply,
            wait: Wait::None,
        }
    }
}
