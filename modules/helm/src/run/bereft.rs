//! Deletions for which nobody has the rights any more: with a namespace its accounts and their roles go first, and an object whose
//! release cannot be looked at would stay for ever.

use oarlock_sdk::{Event, ObjectRef, Outcome};
use serde_json::Value;

use super::{Run, outcome, text};
use crate::ownership::{RELEASE_NAME, RELEASE_NAMESPACE};
use crate::situation::{self, Obstacle};
use crate::state::{Place, State};

impl Run<'_> {
    /// What an obstacle comes to. An object that is being deleted is let go where whoever acted for it is gone for good, and where
    /// its release is to stay anyway.
    pub(super) fn stopped(&self, state: &State, obstacle: &Obstacle) -> Outcome {
        if !self.cx.deleting() || obstacle.reason != "AccessDenied" {
            return outcome::blocked(obstacle, self.now);
        }
        let home = text(self.object, "/metadata/namespace");
        let place = situation::place(state, self.wish);
        let because = match &self.wish.account {
            _ if self.wish.suspended => Some(String::from("it is suspended")),
            Some(account) if self.is_gone(account, home) => {
                Some(format!("ServiceAccount {home}/{account} is gone"))
            }
            Some(_) => [home, &place.storage]
                .iter()
                .find(|namespace| self.is_ending(namespace))
                .map(|namespace| format!("namespace {namespace} is being deleted")),
            None => None,
        };
        match because {
            Some(because) => left(&place, &because, obstacle),
            None => outcome::blocked(
                &Obstacle {
                    message: format!(
                        "{}\nhint: a suspended object goes without it, and leaves its release",
                        obstacle.message
                    ),
                    ..obstacle.clone()
                },
                self.now,
            ),
        }
    }

    /// Whether an account is not there. Where nobody can tell, it is.
    fn is_gone(&self, account: &str, namespace: &str) -> bool {
        let target = ObjectRef::new("v1", "ServiceAccount", account).in_namespace(namespace);
        matches!(self.cx.reads().get_raw(&target), Ok(None))
    }

    fn is_ending(&self, namespace: &str) -> bool {
        let target = ObjectRef::new("v1", "Namespace", namespace);
        let found = self.cx.reads().get_raw(&target);
        found.is_ok_and(|found| {
            found
                .as_ref()
                .and_then(|live| live.pointer("/metadata/deletionTimestamp"))
                .is_some_and(Value::is_string)
        })
    }
}

fn left(place: &Place, because: &str, obstacle: &Obstacle) -> Outcome {
    let Place {
        name, namespace, ..
    } = place;
    let message = format!(
        "release {namespace}/{name} is not uninstalled: {because}, and {}\n\
         hint: what is left of it has the annotations {RELEASE_NAME}: {name} and {RELEASE_NAMESPACE}: {namespace}",
        obstacle.message.lines().next().unwrap_or_default()
    );
    let key = format!("left-{namespace}/{name}");
    Outcome::new()
        .tag("left")
        .children([])
        .event(Event::warning(key, "ReleaseLeft", message))
        .finalized()
}
