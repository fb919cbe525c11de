//! What a run answers.

use std::time::Duration;

use serde_json::Value;

use crate::{Child, Condition, Event, Failure, Notice, Object, ObjectRef, Resource, Timestamp};

/// What a module wants done. Nothing of it is done by the module itself.
///
/// A new outcome changes nothing, and is called again when something changes.
///
/// ```
/// # use oarlock_sdk::{Child, Condition, Event, Outcome, json};
/// # use std::time::Duration;
/// # let deployment = json!({});
/// Outcome::new()
///     .child(Child::apply(deployment))
///     .condition(Condition::no("Ready", "Progressing", "1 of 3 pods"))
///     .event(Event::normal("scaled-to-3", "Scaled", "3 pods"))
///     .requeue_after(Duration::from_secs(60));
/// ```
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub struct Outcome {
    pub(crate) tag: String,
    pub(crate) children: Children,
    pub(crate) removals: Vec<Removal>,
    pub(crate) status: Result<Option<Value>, String>,
    pub(crate) conditions: Vec<Condition>,
    pub(crate) events: Vec<Event>,
    pub(crate) notify: Vec<Notice>,
    pub(crate) requeue: Requeue,
    pub(crate) finalized: bool,
    pub(crate) act_as: Option<String>,
}

/// What shall exist beside the object.
#[derive(Clone, Debug, PartialEq)]
pub enum Children {
    /// No opinion: what was there stays.
    Keep,
    /// Exactly these, applied in this order. What an earlier outcome listed and this one does not leaves.
    Exactly(Vec<Child>),
}

/// When the module is called again, besides when something changes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Requeue {
    /// Not before.
    OnChange,
    /// At once, after this outcome's writes and status are stored: intent before effect.
    OnceWritten,
    /// After a while.
    After(Duration),
    /// At an instant; the past means at once.
    At(Timestamp),
}

/// A deletion by name, after all children were written.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Removal {
    /// What goes.
    pub target: ObjectRef,
    /// This very object only.
    pub uid: Option<String>,
    /// What becomes of what it owns.
    pub propagation: Propagation,
}

/// What becomes of what a deleted object owns.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Propagation {
    /// Deleted afterwards.
    Background,
    /// Deleted first.
    Foreground,
    /// Left alone.
    Orphan,
}

impl Removal {
    /// Removes one object, in the background.
    pub fn of(target: ObjectRef) -> Self {
        Self {
            target,
            uid: None,
            propagation: Propagation::Background,
        }
    }

    /// This very object only.
    pub fn uid(self, uid: impl Into<String>) -> Self {
        Self {
            uid: Some(uid.into()),
            ..self
        }
    }

    /// What becomes of what it owns.
    pub fn propagation(self, propagation: Propagation) -> Self {
        Self {
            propagation,
            ..self
        }
    }
}

impl Default for Outcome {
    fn default() -> Self {
        Self::new()
    }
}

impl Outcome {
    /// Changes nothing.
    pub fn new() -> Self {
        Self {
            tag: String::new(),
            children: Children::Keep,
            removals: Vec::new(),
            status: Ok(None),
            conditions: Vec::new(),
            events: Vec::new(),
            notify: Vec::new(),
            requeue: Requeue::OnChange,
            finalized: false,
            act_as: None,
        }
    }

    /// Free text that comes back in [`Report::tag`](crate::Report::tag).
    pub fn tag(self, tag: impl Into<String>) -> Self {
        Self {
            tag: tag.into(),
            ..self
        }
    }

    /// One more child. From the first on, exactly the children of the outcome shall exist.
    pub fn child(self, child: Child) -> Self {
        self.children([child])
    }

    /// More children, applied in this order. With none at all this too is an opinion: nothing shall be left.
    pub fn children(mut self, more: impl IntoIterator<Item = Child>) -> Self {
        match &mut self.children {
            Children::Exactly(children) => children.extend(more),
            Children::Keep => self.children = Children::Exactly(more.into_iter().collect()),
        }
        self
    }

    /// A deletion by name, for what pruning does not reach.
    pub fn remove(mut self, removal: Removal) -> Self {
        self.removals.push(removal);
        self
    }

    /// Makes `status` the object's status: what differs is written, what it no longer has is removed.
    ///
    /// ```
    /// # use oarlock_sdk::{Object, Outcome, Resource, json};
    /// # use serde::{Deserialize, Serialize};
    /// # #[derive(Resource, Deserialize)]
    /// # #[resource(group = "e.com", version = "v1", kind = "Job", plural = "jobs", namespaced, status = Progress)]
    /// # struct Job {}
    /// #[derive(Default, Deserialize, Serialize)]
    /// struct Progress {
    ///     phase: Option<String>,
    ///     step: Option<u32>,
    /// }
    ///
    /// # let text = json!({"metadata": {"name": "x"}, "spec": {}, "status": {"phase": "Running", "step": 3}});
    /// let job: Object<Job> = Object::from_value(text)?; // status: {phase: Running, step: 3}
    /// let outcome = Outcome::new().status(&job, &Progress { phase: Some("Done".into()), step: None });
    /// assert_eq!(outcome.status_patch(), Some(&json!({"phase": "Done", "step": null})));
    /// # Ok::<(), oarlock_sdk::Failure>(())
    /// ```
    pub fn status<S: Resource>(self, object: &Object<S>, status: &S::Status) -> Self {
        let patch = object
            .status_patch(status)
            .map_err(|error| error.to_string());
        Self {
            status: patch,
            ..self
        }
    }

    /// A status by hand: a JSON Merge Patch.
    pub fn patch_status(self, patch: Value) -> Self {
        Self {
            status: Ok(Some(patch)),
            ..self
        }
    }

    /// One more condition. Those that are not mentioned stay.
    pub fn condition(mut self, condition: Condition) -> Self {
        self.conditions.push(condition);
        self
    }

    /// One more Event, recorded after the status.
    pub fn event(self, event: Event) -> Self {
        self.events([event])
    }

    /// More Events.
    pub fn events(mut self, events: impl IntoIterator<Item = Event>) -> Self {
        self.events.extend(events);
        self
    }

    /// One more call whose answer nobody waits for.
    pub fn notify(mut self, notice: Notice) -> Self {
        self.notify.push(notice);
        self
    }

    /// Called again at once, after the writes and the status are stored.
    pub fn once_written(self) -> Self {
        self.requeue(Requeue::OnceWritten)
    }

    /// Called again after a while.
    pub fn requeue_after(self, duration: Duration) -> Self {
        self.requeue(Requeue::After(duration))
    }

    /// Called again at an instant.
    pub fn requeue_at(self, at: Timestamp) -> Self {
        self.requeue(Requeue::At(at))
    }

    /// When to be called again.
    pub fn requeue(self, requeue: Requeue) -> Self {
        Self { requeue, ..self }
    }

    /// While deleting: the finalizer goes when the writes are done.
    pub fn finalized(self) -> Self {
        Self {
            finalized: true,
            ..self
        }
    }

    /// Writes as this ServiceAccount of the object's namespace.
    pub fn act_as(self, service_account: impl Into<String>) -> Self {
        Self {
            act_as: Some(service_account.into()),
            ..self
        }
    }

    /// The children that shall exist; none where the outcome has no opinion.
    pub fn exactly(&self) -> Option<&[Child]> {
        match &self.children {
            Children::Keep => None,
            Children::Exactly(children) => Some(children),
        }
    }

    /// The status patch; none where the status stays.
    pub fn status_patch(&self) -> Option<&Value> {
        self.status.as_ref().ok()?.as_ref()
    }

    /// [`Report::tag`](crate::Report::tag) of its report.
    pub fn tagged(&self) -> &str {
        &self.tag
    }

    /// The deletions by name.
    pub fn removals(&self) -> &[Removal] {
        &self.removals
    }

    /// The conditions.
    pub fn conditions(&self) -> &[Condition] {
        &self.conditions
    }

    /// The calls whose answers nobody waits for.
    pub fn notices(&self) -> &[Notice] {
        &self.notify
    }

    /// Whether the finalizer goes.
    pub fn is_finalized(&self) -> bool {
        self.finalized
    }

    /// The ServiceAccount that it is written as; none for the host's own.
    pub fn account(&self) -> Option<&str> {
        self.act_as.as_deref()
    }

    /// The condition of a type.
    pub fn condition_of(&self, kind: &str) -> Option<&Condition> {
        self.conditions
            .iter()
            .find(|condition| condition.kind == kind)
    }

    /// The Events.
    pub fn recorded(&self) -> &[Event] {
        &self.events
    }

    /// When the module is called again.
    pub fn when(&self) -> Requeue {
        self.requeue
    }

    /// Whether all of it can be handed over.
    ///
    /// # Errors
    ///
    /// [`Failure::Terminal`] where a child or the status could not be written as JSON.
    pub fn checked(self) -> Result<Self, Failure> {
        if let Err(error) = &self.status {
            return Err(Failure::Terminal(format!(
                "the module's status cannot be written as JSON: {error}"
            )));
        }
        let children = self.exactly().unwrap_or_default();
        if let Some((index, error)) = children
            .iter()
            .enumerate()
            .find_map(|(index, child)| Some((index, child.object.as_ref().err()?)))
        {
            return Err(Failure::Terminal(format!(
                "the module's child {index} cannot be written as JSON: {error}"
            )));
        }
        Ok(self)
    }
}
