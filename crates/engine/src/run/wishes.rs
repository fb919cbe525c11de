//! What the object's user asks of the host: to pause, to run now, to come by more often.

use std::time::Duration;

use oarlock_core::cluster::{Call, Verb};
use oarlock_core::outcome::{Condition, ConditionStatus, Event};
use serde_json::{Map, json};

use super::{Run, Stop};
use crate::annotations::{HANDLED, PAUSED};
use crate::backoff;
use crate::status::{self, Wanted};
use crate::verdict;

impl Run<'_> {
    /// Does nothing, and says so. Nothing is everything: an object that is being deleted stays as well until it is resumed,
    /// as Cluster API and the Helm operator's plugins have it; who pauses an object may be working on its children.
    pub(super) async fn pause(&mut self) -> Result<(), Stop> {
        if !self.entry.watch.manage_status {
            return Ok(());
        }
        let waits = if self.live.deleting() {
            "; its deletion waits"
        } else {
            ""
        };
        let wanted = Wanted {
            set: vec![Condition {
                kind: verdict::PAUSED.to_owned(),
                status: ConditionStatus::True,
                reason: "Annotated".to_owned(),
                message: format!(
                    "the annotation {PAUSED} is on the object: nothing is done for it{waits}; hint: take the annotation off"
                ),
            }],
            ..Wanted::default()
        };
        let write = status::write(&self.object, &wanted, self.memory.status.as_ref(), self.now);
        let Some(write) = write else {
            return Ok(());
        };
        let call = Call {
            verb: write.verb.clone(),
            manager: self.entry.reporter(),
            account: None,
        };
        match self.ports.cluster.write(call).await {
            Ok(written) => {
                self.adopt(&written.object);
                Ok(())
            }
            Err(error) => Err(self.stop("the status was not written", &error)),
        }
    }

    /// How long until the object is looked at again without a reason: its own period, else the watch's, spread.
    pub(super) fn period(&self) -> Duration {
        let period = self.wishes.period.unwrap_or(self.entry.watch.period);
        backoff::spread(period, &self.live.target())
    }

    /// Answers what the user asked, once the run is over. An answer that fails is a courtesy less, and no failed run.
    pub(super) async fn answer(&mut self) {
        if let Some(bad) = self.wishes.unreadable.take() {
            let event = Event {
                key: format!("BadAnnotation-{}-{}", bad.name, bad.value),
                warning: true,
                reason: "BadAnnotation".to_owned(),
                message: format!(
                    "the annotation {} is not used: {}; the watch's period holds",
                    bad.name, bad.problem
                ),
                about: None,
            };
            let reporter = self.entry.reporter();
            self.tell(&[event], &reporter).await;
        }
        let Some(value) = self.wishes.requested.take() else {
            return;
        };
        let metadata = json!({"uid": self.live.uid().0, "annotations": {HANDLED: value}});
        let call = Call {
            verb: Verb::Merge {
                target: self.live.target(),
                patch: Map::from_iter([("metadata".to_owned(), metadata)]),
                status: false,
            },
            manager: self.entry.reporter(),
            account: None,
        };
        match self.ports.cluster.write(call).await {
            Ok(written) => self.adopt(&written.object),
            // It may have been let go just now.
            Err(error) if error.code == 404 => {}
            Err(error) => {
                let object = self.live.target();
                tracing::warn!(%object, %error, "the answer to a request for a run was not written");
            }
        }
    }
}
