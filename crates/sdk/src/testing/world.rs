//! A world that carries outcomes out, step by step, so that a test can stop between any two steps.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::fake_cluster::{FakeCluster, reference};
use crate::outcome::{Children, Requeue};
use crate::{
    Child, ConditionStatus, Context, Failure, ObjectRef, OnLeave, Outcome, Owner, Subject,
    Timestamp, merge_patch,
};

/// One object, its children, and a clock.
///
/// ```
/// # use oarlock_sdk::{Child, Context, Failure, Object, Outcome, Resource, json, testing::World};
/// # #[derive(Resource, serde::Deserialize)]
/// # #[resource(group = "e.com", version = "v1", kind = "Note", plural = "notes", namespaced)]
/// # struct Note { text: String }
/// # fn reconcile(note: Object<Note>, _: &Context) -> Result<Outcome, Failure> {
/// #     Ok(Outcome::new().child(Child::apply(json!({
/// #         "apiVersion": "v1", "kind": "ConfigMap",
/// #         "metadata": {"name": note.name(), "namespace": note.namespace()}, "data": {"text": note.spec.text},
/// #     }))))
/// # }
/// let mut world = World::new(json!({
///     "apiVersion": "e.com/v1", "kind": "Note",
///     "metadata": {"name": "hello", "namespace": "default"}, "spec": {"text": "hi"},
/// }));
/// world.run(reconcile)?;
/// assert_eq!(world.children().next().unwrap()["data"]["text"], "hi");
/// # Ok::<(), Failure>(())
/// ```
#[derive(Clone, Debug)]
pub struct World {
    object: Value,
    children: BTreeMap<ObjectRef, Kept>,
    listed: Vec<(ObjectRef, OnLeave, Owner)>,
    now: Timestamp,
    wake: Option<Timestamp>,
    writes: u64,
    events: Vec<(String, String)>,
}

#[derive(Clone, Debug)]
struct Kept {
    live: Value,
    applied: Value,
}

/// What one run did.
#[derive(Clone, Debug)]
pub struct Ran {
    /// The outcome.
    pub outcome: Outcome,
    /// Whether anything in the world is different now.
    pub changed: bool,
}

impl World {
    /// A world with this object, at noon of a day in 2026. The object gets a uid and its first generation.
    pub fn new(mut object: Value) -> Self {
        merge_patch::apply(
            &mut object,
            &json!({"metadata": {"uid": "the-object", "generation": 1}}),
        );
        Self {
            object,
            children: BTreeMap::new(),
            listed: Vec::new(),
            now: Timestamp::from_millis(1_793_534_400_000),
            wake: None,
            writes: 0,
            events: Vec::new(),
        }
    }

    /// The time.
    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// Lets time pass, or jump back.
    pub fn set_now(&mut self, now: Timestamp) {
        self.now = now;
    }

    /// When the module asked to be called again.
    pub fn wake(&self) -> Option<Timestamp> {
        self.wake
    }

    /// The object.
    pub fn object(&self) -> &Value {
        &self.object
    }

    /// `status` of the object.
    pub fn status(&self) -> &Value {
        &self.object["status"]
    }

    /// The condition of a type.
    pub fn condition(&self, kind: &str) -> Option<&Value> {
        self.status()["conditions"]
            .as_array()?
            .iter()
            .find(|condition| condition["type"] == kind)
    }

    /// Changes the object with a JSON Merge Patch, as its author would: a change of `spec` is a new generation.
    pub fn edit(&mut self, patch: Value) {
        let before = self.object["spec"].clone();
        merge_patch::apply(&mut self.object, &patch);
        if self.object["spec"] != before {
            let generation = self.object["metadata"]["generation"]
                .as_i64()
                .unwrap_or_default()
                + 1;
            self.object["metadata"]["generation"] = json!(generation);
        }
    }

    /// The children as they are, sorted.
    pub fn children(&self) -> impl Iterator<Item = &Value> {
        self.children.values().map(|child| &child.live)
    }

    /// Changes every child, as other controllers would.
    pub fn each_child(&mut self, mut change: impl FnMut(&mut Value)) {
        for child in self.children.values_mut() {
            change(&mut child.live);
        }
    }

    /// Deletes a child behind the module's back.
    pub fn delete_child(&mut self, name: &str) {
        self.children.retain(|target, _| target.name != name);
    }

    /// The Events so far, as key and reason; each key once.
    pub fn events(&self) -> &[(String, String)] {
        &self.events
    }

    /// Calls the module once, without carrying anything out.
    ///
    /// # Errors
    ///
    /// The module's own failure.
    pub fn call<S: Subject>(
        &self,
        module: impl Fn(S, &Context) -> Result<Outcome, Failure>,
    ) -> Result<Outcome, Failure> {
        let cluster = self
            .children()
            .cloned()
            .fold(FakeCluster::new(), FakeCluster::child);
        let context = Context::builder()
            .now(self.now)
            .seed(self.writes)
            .cluster(cluster)
            .build();
        module(S::from_json(self.object.to_string())?, &context)?.checked()
    }

    /// Calls the module and carries its outcome out.
    ///
    /// # Errors
    ///
    /// The module's own failure.
    pub fn run<S: Subject>(
        &mut self,
        module: impl Fn(S, &Context) -> Result<Outcome, Failure>,
    ) -> Result<Ran, Failure> {
        let outcome = self.call(module)?;
        let changed = self.perform(&outcome, usize::MAX);
        Ok(Ran { outcome, changed })
    }

    /// Carries out at most `steps` steps of an outcome, in the host's order: each child, each that leaves, then the
    /// status with conditions and Events. What comes after is lost, as when the host is killed. Tells whether anything
    /// changed.
    pub fn perform(&mut self, outcome: &Outcome, steps: usize) -> bool {
        let before = self.writes;
        let mut left = steps;
        let mut allowed = || {
            let allowed = left > 0;
            left = left.saturating_sub(1);
            allowed
        };
        if let Children::Exactly(children) = &outcome.children {
            let listed: Vec<_> = children
                .iter()
                .map(|child| {
                    (
                        reference(&child.object()),
                        child.on_leave.clone(),
                        child.owner,
                    )
                })
                .collect();
            let mut leaving = std::mem::replace(&mut self.listed, listed);
            leaving.retain(|(target, ..)| !self.listed.iter().any(|(kept, ..)| kept == target));
            // Remembered before the first write, so that nothing that was listed once is forgotten.
            self.listed.extend(leaving.iter().cloned());
            for child in children {
                if !allowed() {
                    return self.writes != before;
                }
                self.apply(child);
            }
            for (target, on_leave, owner) in leaving {
                if !allowed() {
                    return self.writes != before;
                }
                self.leave(&target, &on_leave, owner);
                self.listed.retain(|(kept, ..)| *kept != target);
            }
        }
        if allowed() {
            self.report(outcome);
            self.wake = match outcome.requeue {
                Requeue::OnChange => None,
                Requeue::OnceWritten => Some(self.now),
                Requeue::After(duration) => Some(self.now + duration),
                Requeue::At(at) => Some(at),
            };
        }
        self.writes != before
    }

    fn apply(&mut self, child: &Child) {
        let target = reference(&child.object());
        let wanted = child.object();
        let Some(kept) = self.children.get_mut(&target) else {
            self.writes += 1;
            let mut live = json!({});
            merge_patch::apply(&mut live, &wanted);
            let uid = format!("child-{}", self.writes);
            merge_patch::apply(
                &mut live,
                &json!({"metadata": {"uid": uid, "generation": 1}}),
            );
            self.children.insert(
                target,
                Kept {
                    live,
                    applied: wanted,
                },
            );
            return;
        };
        let before = kept.live.clone();
        // As server-side apply has it: what was applied before and is not any more goes.
        if let Some(gone) = merge_patch::between(&kept.applied, &wanted) {
            merge_patch::apply(&mut kept.live, &gone);
        }
        merge_patch::apply(&mut kept.live, &wanted);
        kept.applied = wanted;
        if kept.live["spec"] != before["spec"] {
            let generation = kept.live["metadata"]["generation"]
                .as_i64()
                .unwrap_or_default()
                + 1;
            kept.live["metadata"]["generation"] = json!(generation);
        }
        self.writes += u64::from(kept.live != before);
    }

    fn leave(&mut self, target: &ObjectRef, on_leave: &OnLeave, owner: Owner) {
        match on_leave {
            OnLeave::Delete if owner == Owner::Owned => {
                self.writes += u64::from(self.children.remove(target).is_some());
            }
            OnLeave::Delete | OnLeave::Keep => {}
            OnLeave::Restore(patch) => {
                if let Some(kept) = self.children.get_mut(target) {
                    merge_patch::apply(&mut kept.live, patch);
                    self.writes += 1;
                }
            }
        }
    }

    fn report(&mut self, outcome: &Outcome) {
        let before = self.object.clone();
        if let Some(patch) = outcome.status_patch() {
            merge_patch::apply(&mut self.object, &json!({"status": patch}));
        }
        for condition in &outcome.conditions {
            let status: ConditionStatus = condition.status;
            let entry = json!({
                "type": condition.kind,
                "status": status.as_str(),
                "reason": condition.reason,
                "message": condition.message,
            });
            if !self.object["status"]["conditions"].is_array() {
                merge_patch::apply(&mut self.object, &json!({"status": {"conditions": []}}));
            }
            if let Some(conditions) = self.object["status"]["conditions"].as_array_mut() {
                match conditions
                    .iter_mut()
                    .find(|known| known["type"] == entry["type"])
                {
                    Some(known) => *known = entry,
                    None => conditions.push(entry),
                }
            }
        }
        self.writes += u64::from(self.object != before);
        for event in &outcome.events {
            if !self.events.iter().any(|(key, _)| *key == event.key) {
                self.events.push((event.key.clone(), event.reason.clone()));
            }
        }
    }
}
