//! What the host writes on the reconciled object itself: its finalizers and its status.

use std::sync::Arc;

use oarlock_core::cached::Cached;
use oarlock_core::cluster::{Call, Verb};
use oarlock_core::reference::ObjectRef;
use oarlock_core::request::ApiError;

use super::{Run, Stop, problem_of};
use crate::act::{self, Done};
use crate::finalizer;
use crate::ports::Ports;
use crate::status::{self, Wanted};
use crate::verdict::{self, Problem};

impl Run<'_> {
    /// The module's finalizer is there, and remembered, before anything else happens. That it is remembered is tried once: what
    /// takes annotations away again must not be fought with.
    pub(super) async fn put_finalizer(&mut self) -> Result<(), Stop> {
        let Some(name) = self.entry.finalizer() else {
            return Ok(());
        };
        let there = finalizer::is_on(&self.object, &name);
        if finalizer::is_noted(&self.object, &name) || there && self.memory.finalizer_noted {
            return Ok(());
        }
        let verb = finalizer::add(&self.object, &name);
        self.write_finalizers(verb, &name).await?;
        self.memory.finalizer_noted = true;
        Ok(())
    }

    /// Whether the module's status differs from what is stored, conditions aside.
    pub(super) fn moves_status(&self, wanted: &Wanted) -> bool {
        status::write(&self.object, wanted, self.memory.status.as_ref(), self.now)
            .is_some_and(|write| write.beyond_conditions)
    }

    /// Writes what the outcome and the host say of the object. Tells whether the module's part changed anything.
    pub(super) async fn write_status(
        &mut self,
        mut wanted: Wanted,
        problem: Option<&Problem>,
    ) -> Result<bool, Stop> {
        if self.entry.watch.manage_status {
            match problem {
                Some(problem) => problem.conditions(&mut wanted),
                None => verdict::good(&mut wanted),
            }
            self.entry.conditions(&mut wanted);
            wanted.clear.push(verdict::PAUSED);
        }
        self.redaction.clean_conditions(&mut wanted.set);
        wanted.without_generation = !has_status_subresource(self.ports, &self.live.target());
        let write = status::write(&self.object, &wanted, self.memory.status.as_ref(), self.now);
        let Some(write) = write else {
            return Ok(false);
        };
        let known = self.memory.status.as_ref();
        let repairs = known.is_some_and(|known| known.wish == write.wish);
        let target = self.live.target();
        if repairs && let Some(rest) = self.memory.contests.left_alone(&target, self.now) {
            let done = Done {
                refused: Some(("the status was not written".to_owned(), rest.error)),
                rest: Some(rest.until),
                ..Done::default()
            };
            return match problem_of(&done, self.now) {
                Some(problem) => Err(Stop::Problem(problem)),
                None => Ok(false),
            };
        }
        if repairs {
            let reporter = self.entry.reporter();
            self.note_rival(&target, &reporter, None).await;
        }
        let beyond_conditions = write.beyond_conditions;
        let call = Call {
            verb: write.verb.clone(),
            manager: self.entry.reporter(),
            account: None,
        };
        match self.ports.cluster.write(call).await {
            Ok(written) => {
                let news = self.entry.news(&self.object);
                self.adopt(&written.object);
                self.memory.status = act::stored(&written).map(|stored| write.written(&stored));
                if repairs && written.changed {
                    self.memory.contests.repaired(&target, self.now);
                }
                if let Some(event) = news {
                    let reporter = self.entry.reporter();
                    self.tell(&[event], &reporter).await;
                }
                Ok(beyond_conditions && written.changed)
            }
            Err(error) => Err(self.stop("the status was not written", &error)),
        }
    }

    /// Finalizers are added before the first effect, so that none outlives the object unnoticed.
    pub(super) async fn write_finalizers(&mut self, verb: Verb, name: &str) -> Result<(), Stop> {
        let call = Call {
            verb,
            manager: self.entry.reporter(),
            account: None,
        };
        match self.ports.cluster.write(call).await {
            Ok(written) => {
                self.adopt(&written.object);
                Ok(())
            }
            Err(error) => Err(self.stop(&format!("finalizer {name} was not written"), &error)),
        }
    }

    /// Goes on with the object as it is after an own write.
    pub(super) fn adopt(&mut self, written: &Option<Arc<Cached>>) {
        let Some(live) = written else {
            return;
        };
        let version = (live.target(), live.resource_version());
        self.ended.written.push(version);
        if let Ok(object) = live.object() {
            self.object = object;
            self.live = Arc::clone(live);
        }
    }

    pub(super) fn stop(&self, what: &str, error: &ApiError) -> Stop {
        match error.code {
            404 => Stop::Gone,
            409 => Stop::Conflict,
            // Another object of the name: to a patch the API server says that the uid is immutable.
            422 if error.message.contains("metadata.uid") => Stop::Conflict,
            _ => Stop::Problem(Problem::of_refusal(what, error)),
        }
    }
}

/// Whether the object's status is written apart from the rest.
pub(super) fn has_status_subresource(ports: &Ports, key: &ObjectRef) -> bool {
    let kind = ports.cluster.kind(&key.gvk);
    kind.is_none_or(|kind| kind.status_subresource)
}
