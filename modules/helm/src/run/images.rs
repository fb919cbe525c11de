//! Images that follow their registries: annotations and status are read, tags are asked for, and what was chosen becomes one
//! contribution more to the values.

use std::time::Duration;

use oarlock_sdk::Context;
use oarlock_sdk::artifacts::{FetchError, Source};
use serde_json::{Map, Value, json};

use super::inputs::max_age;
use super::outcome::Said;
use crate::automation::{self, Entry, Image, Settled, Unread};
use crate::situation::Obstacle;
use crate::turn;
use crate::wish::{Values, Wish};

/// How old what is known of a registry may be where the wish says nothing.
const POLL: Duration = Duration::from_secs(300);

/// Annotations cannot be followed.
const REASON: &str = "ImagePolicyInvalid";

/// What became of an object's images.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Followed {
    /// A merge patch of the status; none where nothing changed.
    pub(crate) status: Option<Value>,
    /// What the condition says; none where nothing was ever automated.
    pub(crate) condition: Option<turn::Condition>,
    /// Images that got other tags.
    pub(crate) events: Vec<turn::Event>,
}

/// Lays the newest tags over the values of a wish, where its object says that images follow their registries. `now` is in
/// milliseconds since 1970.
///
/// # Errors
/// Annotations that cannot be followed: nothing may be done then, and what runs stays as it is.
pub(crate) fn follow(
    cx: &Context,
    object: &Value,
    wish: &mut Wish,
    now: u64,
) -> Result<Followed, Obstacle> {
    let empty = Map::new();
    let annotations = object.pointer("/metadata/annotations");
    let annotations = annotations.and_then(Value::as_object).unwrap_or(&empty);
    let before = remembered(object);
    let policy = automation::policy(annotations).map_err(|wrong| Obstacle {
        reason: REASON,
        message: wrong
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
            .join("\n"),
        retry: None,
    })?;
    let Some(policy) = policy else {
        return Ok(Followed {
            status: (!before.is_empty()).then(|| json!({"images": null})),
            condition: automation::ended(&before).map(condition),
            events: Vec::new(),
        });
    };
    let rests = wish.suspended || object.pointer("/metadata/deletionTimestamp").is_some();
    let policy = match rests {
        true => policy.held("suspended"),
        false => policy,
    };
    let poll = *wish.poll.get_or_insert(POLL);
    let own = wish
        .values
        .iter()
        .rposition(|values| matches!(values, Values::Inline(_)));
    let values = match own.and_then(|own| wish.values.get(own)) {
        Some(Values::Inline(values)) => values,
        _ => &empty,
    };
    let Settled {
        images,
        over,
        note,
        updates,
    } = policy.settle(values, &before, now, |image| tags(cx, image, poll));
    if let (Some(own), Some(over)) = (own, over) {
        wish.values.insert(own + 1, Values::Inline(over));
    }
    let events = updates.into_iter().map(|update| turn::Event {
        key: update.key,
        warning: false,
        reason: String::from("ImageUpdated"),
        message: update.message,
    });
    Ok(Followed {
        status: (images != before).then(|| json!({"images": images})),
        condition: Some(condition(note)),
        events: events.collect(),
    })
}

impl Followed {
    /// Adds it to what is told otherwise.
    pub(crate) fn tell(self, said: &mut Said, events: &mut Vec<turn::Event>) {
        if let Some(Value::Object(fields)) = self.status {
            let status = said.status.get_or_insert_with(|| json!({}));
            if let Value::Object(status) = status {
                status.extend(fields);
            }
        }
        said.conditions.extend(self.condition);
        events.extend(self.events);
    }
}

/// What the status has; nothing where somebody else wrote it.
fn remembered(object: &Value) -> Vec<Entry> {
    let images = object.pointer("/status/images").cloned();
    images
        .and_then(|images| serde_json::from_value(images).ok())
        .unwrap_or_default()
}

fn tags(cx: &Context, image: &Image, poll: Duration) -> Result<Vec<String>, Unread> {
    let source = Source::Oci {
        repository: image.source(),
        version: String::new(),
    };
    cx.versions(&source, image.secret.as_deref(), max_age(poll))
        .map_err(|error| match error {
            FetchError::Unavailable(message) => Unread::Unavailable(message),
            error @ FetchError::Denied(_) => Unread::Refused(format!(
                "{error}{}",
                match error.to_string().contains("hint:") {
                    true => "",
                    false => "; hint: the watch's grants.artifacts has to name the registry",
                }
            )),
            error => Unread::Refused(error.to_string()),
        })
}

fn condition(note: crate::state::Note) -> turn::Condition {
    turn::Condition {
        kind: automation::CONDITION,
        note,
    }
}

#[cfg(test)]
mod tests;
