//! What came, and what should not have come so.

use std::fmt;

use serde::Serialize;
use serde_json::Value;

use crate::script::Op;

/// A request that came.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Entry {
    /// What it asks; none where it is nothing that a broker has.
    pub op: Option<Op>,
    /// GET, PUT, …
    pub method: String,
    /// Path, as it was written.
    pub path: String,
    /// Query, decoded.
    pub query: Vec<(String, String)>,
    /// Headers.
    pub headers: Vec<(String, String)>,
    /// Body; text where it is no JSON, null where there is none.
    pub body: Value,
    /// The instance that it is about.
    pub instance: Option<String>,
    /// The binding that it is about.
    pub binding: Option<String>,
    /// What was answered: a status, or `silence`, `cut`, `garbage`, `half of 201`.
    pub answered: String,
}

/// Something that the specification does not allow a platform.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Violation {
    /// Method and path of the request.
    pub request: String,
    /// Where in it, such as `body.context.platform`, `query.service_id`, `header.X-Broker-API-Version`.
    pub place: String,
    /// What is wrong there.
    pub what: String,
}

impl Entry {
    /// The first header of this name.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    /// The first of the query of this name.
    #[must_use]
    pub fn parameter(&self, name: &str) -> Option<&str> {
        let found = self.query.iter().find(|(key, _)| key == name);
        found.map(|(_, value)| value.as_str())
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}: {}", self.request, self.place, self.what)
    }
}

impl Entry {
    /// `provision 202`, `last_operation 200`, `bind cut`.
    pub(crate) fn call(&self) -> String {
        let op = self.op.and_then(|op| {
            let name = serde_json::to_value(op).ok()?;
            Some(name.as_str()?.to_owned())
        });
        let op = op.unwrap_or_else(|| format!("{} {}", self.method, self.path));
        format!("{op} {}", self.answered)
    }
}
