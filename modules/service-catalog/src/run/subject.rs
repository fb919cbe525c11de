//! What instances and bindings have in common: what every run reads of its object.

use oarlock_sdk::{Context, Failure, FieldError};
use serde_json::{Map, Value};

use super::reading::{self, text};
use crate::parameters::{self, Merge, Parameters, Source};
use crate::resource::{self, Leaving};
use crate::situation::{DeletionPolicy, Obstacle};
use crate::state::{Stage, State, Verb};

/// The object of a run.
pub(super) struct Subject<'a> {
    pub(super) object: &'a Value,
    pub(super) namespace: &'a str,
    pub(super) name: &'a str,
    pub(super) uid: &'a str,
    pub(super) generation: i64,
    /// What is remembered.
    pub(super) state: State,
    /// What its deletion needs of its `spec`.
    pub(super) leaving: Leaving,
}

/// Parameters, and what of them nobody may read.
pub(super) struct Sent {
    pub(super) parameters: Parameters,
    pub(super) secrets: Vec<String>,
}

impl<'a> Subject<'a> {
    /// Reads it.
    ///
    /// # Errors
    /// What is remembered cannot be read: who went on without it would forget what is at the broker.
    pub(super) fn read(object: &'a Value, deleting: bool) -> Result<Self, Failure> {
        let of = |pointer| text(object, pointer).unwrap_or_default();
        let generation = object.pointer("/metadata/generation");
        let mut subject = Self {
            object,
            namespace: of("/metadata/namespace"),
            name: of("/metadata/name"),
            uid: of("/metadata/uid"),
            generation: generation.and_then(Value::as_i64).unwrap_or_default(),
            state: State::default(),
            leaving: resource::leaving(object),
        };
        match state(object) {
            Ok(state) => subject.state = state,
            // Of what is given up, nobody needs the account.
            Err(_) if deleting && subject.abandons() => {}
            Err(failure) => return Err(failure),
        }
        Ok(subject)
    }

    /// Whether its deletion leaves everything at the broker.
    pub(super) fn abandons(&self) -> bool {
        self.leaving.policy == DeletionPolicy::Abandon
            || self.annotation(resource::ABANDON).is_some()
    }

    /// Whether a run may do without a `spec` that can be read: what is under way goes on, and whoever deletes an object need
    /// not mend it.
    ///
    /// # Errors
    /// It may not.
    pub(super) fn spec<S>(
        &self,
        read: Result<S, Vec<FieldError>>,
        deleting: bool,
    ) -> Result<Option<S>, Failure> {
        match read {
            Ok(spec) => Ok(Some(spec)),
            Err(_) if deleting || !self.wishes() => Ok(None),
            Err(wrong) => Err(Failure::Invalid(wrong)),
        }
    }

    /// Whether a run wants to know what is wished for. While the broker works at something, and of what only goes, nobody asks.
    pub(super) fn wishes(&self) -> bool {
        self.state.operation.as_ref().is_none_or(|operation| {
            operation.verb != Verb::Delete && !matches!(operation.stage, Stage::Polling { .. })
        })
    }

    /// An annotation of the object.
    pub(super) fn annotation(&self, name: &str) -> Option<&'a str> {
        self.object["metadata"]["annotations"].get(name)?.as_str()
    }
}

/// The `status.lifecycle` of an instance or a binding.
///
/// # Errors
/// It is none.
pub(super) fn state(object: &Value) -> Result<State, Failure> {
    use serde::Deserialize as _;

    match object.pointer("/status/lifecycle") {
        None | Some(Value::Null) => Ok(State::default()),
        Some(lifecycle) => State::deserialize(lifecycle).map_err(|error| {
            Failure::terminal(format!(
                "status.lifecycle cannot be read, in which is written what is at the broker: {error}\n\
                 hint: restore it; who removes it loses account of what is at the broker. To be rid of the object all the same, annotate it: {}",
                resource::ABANDON
            ))
        }),
    }
}

/// What an object wishes for is not looked at.
pub(super) fn unwanted() -> Obstacle {
    Obstacle {
        reason: "NotWished",
        message: "what is wished for was not looked at".to_owned(),
        retry: None,
    }
}

/// Merges parameters, with the Secrets that they come from.
///
/// # Errors
/// A Secret cannot be read or is not there, or a parameter is given twice.
pub(super) fn parameters(
    cx: &Context,
    namespace: &str,
    defaults: &Map<String, Value>,
    own: Option<&Map<String, Value>>,
    from: &[Source],
) -> Result<Sent, Obstacle> {
    let entries = reading::secrets(cx, namespace, parameters::watched(from))?;
    let parameters =
        parameters::merge(defaults, own, from, &entries).map_err(|error| obstacle(&error))?;
    Ok(Sent {
        parameters,
        secrets: texts(from, &entries),
    })
}

/// What of the Secrets of parameters a broker may repeat; nothing where they cannot be read.
pub(super) fn secrets(cx: &Context, namespace: &str, from: &[Source]) -> Vec<String> {
    let entries = reading::secrets(cx, namespace, parameters::watched(from));
    entries.map_or_else(|_| Vec::new(), |entries| texts(from, &entries))
}

fn texts(from: &[Source], entries: &parameters::Secrets) -> Vec<String> {
    let mut found = Vec::new();
    for source in from {
        let at = &source.secret_key_ref;
        let entry = entries.get(&at.name).and_then(|data| data.get(&at.key));
        if let Some(value) = entry.and_then(|bytes| serde_json::from_slice(bytes).ok()) {
            leaves(&value, &mut found);
        }
    }
    found
}

/// The texts and numbers in a value.
pub(super) fn leaves(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(map) => map.values().for_each(|value| leaves(value, found)),
        Value::Array(items) => items.iter().for_each(|value| leaves(value, found)),
        Value::String(text) => found.push(text.clone()),
        Value::Number(number) => found.push(number.to_string()),
        Value::Null | Value::Bool(_) => {}
    }
}

fn obstacle(error: &Merge) -> Obstacle {
    Obstacle {
        reason: error.reason(),
        message: error.to_string(),
        retry: None,
    }
}
