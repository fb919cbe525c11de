//! Texts that nobody may read, and what a broker says without them: brokers repeat what was sent to them.
//!
//! They are taken out of the texts of an answer before anything is cut off or put on one line; what is decided, and credentials,
//! are of the answer as it was. Of what a module never sees, such as our credentials at the broker, the host takes care.

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use serde_json::Value;

use crate::osb::{Answer, Heard, request};

/// What stands in the place of a text.
const MASK: &str = "<redacted>";

/// Shorter texts are in everything.
const SHORTEST: usize = 4;

/// Lines that stand alone, such as those of a key, are masked from this length on.
const SHORTEST_LINE: usize = 16;

/// Stands in the place of words that may hold anything.
const UNSAID: &str =
    "what it says is not shown: it may repeat credentials that are in no Secret any more";

/// Codes of errors that the specification knows.
const CODES: [&str; 4] = [
    "AsyncRequired",
    "ConcurrencyError",
    "MaintenanceInfoConflict",
    "RequiresApp",
];

/// States of an operation.
const STATES: [&str; 3] = ["in progress", "succeeded", "failed"];

/// Texts that nobody may read.
pub(crate) struct Veil {
    /// The longest first: none hides a part of another.
    texts: Vec<String>,
}

impl Veil {
    /// Of these texts, in every form in which they may be repeated.
    pub(crate) fn new(texts: impl IntoIterator<Item = String>) -> Self {
        let mut forms = BTreeSet::new();
        for text in texts {
            let lines = text.lines().map(str::trim);
            forms.extend(
                lines
                    .filter(|line| line.len() >= SHORTEST_LINE)
                    .map(str::to_owned),
            );
            forms.insert(STANDARD.encode(&text));
            forms.insert(URL_SAFE_NO_PAD.encode(&text));
            forms.insert(STANDARD_NO_PAD.encode(&text));
            forms.insert(request::encoded(&text));
            forms.insert(text.trim().to_owned());
            forms.insert(written(&text));
            forms.insert(text);
        }
        let mut texts: Vec<String> = forms
            .into_iter()
            .filter(|text| text.len() >= SHORTEST)
            .collect();
        texts.sort_by_key(|text| std::cmp::Reverse(text.len()));
        Self { texts }
    }

    /// A text without them.
    pub(crate) fn text(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for secret in &self.texts {
            if text.contains(secret.as_str()) {
                text = text.replace(secret.as_str(), MASK);
            }
        }
        text
    }

    /// What was heard, without them.
    pub(crate) fn heard(&self, heard: &Heard) -> Heard {
        match heard {
            Heard::Answer(answer) => Heard::Answer(Answer {
                status: answer.status,
                headers: answer.headers.clone(),
                body: self.body(&answer.body),
            }),
            Heard::Lost { cause } => Heard::Lost {
                cause: self.text(cause),
            },
            Heard::Unsent { cause } => Heard::Unsent {
                cause: self.text(cause),
            },
        }
    }

    /// What is no JSON is told by nobody.
    fn body(&self, body: &[u8]) -> Vec<u8> {
        let Ok(mut value) = serde_json::from_slice(body) else {
            return body.to_vec();
        };
        self.value(&mut value);
        value.to_string().into_bytes()
    }

    fn value(&self, value: &mut Value) {
        match value {
            Value::String(text) => *text = self.text(text),
            Value::Array(items) => items.iter_mut().for_each(|item| self.value(item)),
            Value::Object(map) => map.values_mut().for_each(|value| self.value(value)),
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }
}

/// What was heard without anything that the broker wrote, but codes of the specification.
pub(crate) fn muted(heard: &Heard) -> Heard {
    let Heard::Answer(answer) = heard else {
        return heard.clone();
    };
    let mut body = Value::Null;
    if let Ok(Value::Object(mut fields)) = serde_json::from_slice(&answer.body) {
        fields.retain(|name, value| match name.as_str() {
            "description" => true,
            "error" => value.as_str().is_some_and(|code| CODES.contains(&code)),
            "state" => value.as_str().is_some_and(|state| STATES.contains(&state)),
            _ => matches!(value, Value::Bool(_)),
        });
        if let Some(description) = fields.get_mut("description") {
            *description = Value::from(UNSAID);
        }
        body = Value::Object(fields);
    }
    Heard::Answer(Answer {
        status: answer.status,
        headers: answer.headers.clone(),
        body: body.to_string().into_bytes(),
    })
}

/// As it is written within the quotes of JSON.
fn written(text: &str) -> String {
    let quoted = Value::from(text).to_string();
    let inner = quoted
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'));
    inner.unwrap_or_default().to_owned()
}
