//! A world that carries outcomes out, step by step, so that a test can stop between any two steps.

mod answers;
mod store;
#[cfg(test)]
mod tests;

use serde_json::{Value, json};

use self::answers::Answers;
pub use self::store::Refusal;
use self::store::{Origin, Store};
use super::fake_cluster::{FakeCluster, reference};
use super::packages::Packages;
use crate::http::{HttpError, Request, Response};
use crate::outcome::{Children, Requeue};
use crate::{
    ApiError, Child, ConditionStatus, Context, Expect, Failure, Health, KindInfo, ObjectRef,
    OnLeave, Outcome, Owner, ReadError, Removal, RemovalResult, RemovalStatus, Report, Subject,
    Timestamp, Write, WriteResult, WriteStatus, merge_patch,
};

/// One object, its children, what others own, and a clock.
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
    store: Store,
    listed: Vec<(ObjectRef, OnLeave, Owner)>,
    /// The children of the last outcome that had any, as far as they were written: repaired while later ones keep.
    kept: Vec<Child>,
    now: Timestamp,
    wake: Option<Timestamp>,
    writes: u64,
    events: Vec<(String, String)>,
    settings: Value,
    answers: Answers,
    packages: Packages,
    refusal: Option<Refusal>,
    /// What the module is told of its last outcome.
    last: Option<Report>,
    cluster: FakeCluster,
    gone: bool,
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
    /// A world with this object, at noon of a day in 2026. The object gets the uid `the-object` and its first generation.
    pub fn new(mut object: Value) -> Self {
        merge_patch::apply(
            &mut object,
            &json!({"metadata": {"uid": "the-object", "generation": 1}}),
        );
        Self {
            store: Store::of(&object),
            object,
            listed: Vec::new(),
            kept: Vec::new(),
            now: Timestamp::from_millis(1_793_534_400_000),
            wake: None,
            writes: 0,
            events: Vec::new(),
            settings: json!({}),
            answers: Answers::default(),
            packages: Packages::new(),
            refusal: None,
            last: None,
            cluster: FakeCluster::new(),
            gone: false,
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

    /// `settings:` of the watch.
    pub fn settings(&mut self, settings: Value) {
        self.settings = settings;
    }

    /// What HTTP calls are answered by, at the world's time. Without it they are refused.
    pub fn answers(
        &mut self,
        answer: impl Fn(&Request, Timestamp) -> Result<Response, HttpError> + 'static,
    ) {
        self.answers.set(answer);
    }

    /// The HTTP calls so far, also those of runs whose outcome was not carried out.
    pub fn requests(&self) -> Vec<Request> {
        self.answers.sent()
    }

    /// Where packages come from. Without it there are none.
    pub fn packages(&mut self, packages: Packages) {
        self.packages = packages;
    }

    /// The API server does not serve this kind: reads say so, and writes are not tried.
    pub fn unserved(&mut self, api_version: &str, kind: &str) {
        self.store.unserved(api_version, kind);
        self.fails(
            api_version,
            kind,
            ReadError::UnknownKind(format!(
                "the API server does not serve {api_version} {kind}"
            )),
        );
    }

    /// One more kind that [`Context::kinds`] tells of.
    pub fn serves(&mut self, kind: KindInfo) {
        self.cluster = std::mem::take(&mut self.cluster).kind(kind);
    }

    /// The readiness of an object from now on. Without it an object that is there is current.
    pub fn health(&mut self, target: &ObjectRef, health: Health) {
        self.cluster = std::mem::take(&mut self.cluster).health(target, health);
    }

    /// Writes and removals of an object are answered so from now on.
    pub fn refuses(&mut self, target: &ObjectRef, error: ApiError) {
        self.store.refuses(target, Some(error));
    }

    /// They are taken again.
    pub fn takes(&mut self, target: &ObjectRef) {
        self.store.refuses(target, None);
    }

    /// The API server found that the last outcome's writes changed nothing, whatever the world made of them.
    pub fn unchanged(&mut self) {
        for write in self.last.iter_mut().flat_map(|last| &mut last.writes) {
            write.status = WriteStatus::Unchanged;
        }
    }

    /// The operator starts again: nobody tells the module of its last outcome.
    pub fn restart(&mut self) {
        self.last = None;
    }

    /// Reads of this kind fail.
    pub fn fails(&mut self, api_version: &str, kind: &str, error: ReadError) {
        self.cluster = std::mem::take(&mut self.cluster).failing(api_version, kind, error);
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
        store::change(&mut self.object, |object| {
            merge_patch::apply(object, &patch);
        });
    }

    /// Its author deletes the object. It is there until an outcome is [finalized](Outcome::finalized).
    pub fn delete(&mut self) {
        let now = self.now.to_string();
        self.edit(json!({"metadata": {"deletionTimestamp": now}}));
    }

    /// Whether the object was deleted, and is gone.
    pub fn is_gone(&self) -> bool {
        self.gone
    }

    /// The children as they are, sorted.
    pub fn children(&self) -> impl Iterator<Item = &Value> {
        self.store.of_origin(Origin::Child)
    }

    /// Changes every child, as other controllers would.
    pub fn each_child(&mut self, mut change: impl FnMut(&mut Value)) {
        self.store.each(Some(Origin::Child), &mut change);
    }

    /// Deletes a child behind the module's back.
    pub fn delete_child(&mut self, name: &str) {
        self.store.forget(name);
    }

    /// Somebody else's object, which the module may read and share fields of.
    pub fn foreign(&mut self, object: Value) {
        self.store.put(object);
    }

    /// Changes an object that is not the world's own with a JSON Merge Patch, as its user would: the fields are the user's
    /// from then on, and a change of `spec` is a new generation. Nothing happens where it is not there.
    pub fn edit_foreign(&mut self, target: &ObjectRef, patch: &Value) {
        self.store.edit(target, patch);
    }

    /// Its user deletes it.
    pub fn delete_foreign(&mut self, target: &ObjectRef) {
        self.store.remove(target);
    }

    /// An object that is not the world's own, as it is.
    pub fn live(&self, target: &ObjectRef) -> Option<&Value> {
        self.store.get(target)
    }

    /// All of them but the world's own, sorted.
    pub fn objects(&self) -> impl Iterator<Item = &Value> {
        self.store.all()
    }

    /// Changes all of them, as other controllers would.
    pub fn each_object(&mut self, mut change: impl FnMut(&mut Value)) {
        self.store.each(None, &mut change);
    }

    /// The Events so far, as key and reason; each key once.
    pub fn events(&self) -> &[(String, String)] {
        &self.events
    }

    /// What was refused when an outcome was last carried out.
    pub fn refusal(&self) -> Option<&Refusal> {
        self.refusal.as_ref()
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
        let cluster = self.cluster.clone().object(self.object.clone());
        let cluster = self.children().cloned().fold(cluster, FakeCluster::child);
        let cluster = self
            .store
            .of_origin(Origin::Foreign)
            .cloned()
            .fold(cluster, FakeCluster::object);
        let context = Context::builder()
            .now(self.now)
            .seed(self.writes)
            .settings(self.settings.clone())
            .deleting(!self.object["metadata"]["deletionTimestamp"].is_null())
            .last(self.last.clone())
            .artifacts(self.packages.for_a_run())
            .cluster(cluster);
        let context = match self.answers.at(self.now) {
            Some(answer) => context.http(answer),
            None => context,
        };
        module(S::from_json(self.object.to_string())?, &context.build())?.checked()
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

    /// Carries out at most `steps` steps of an outcome, in the host's order: each child (those of the last outcome that had any,
    /// where this one keeps), each that leaves, each removal, then the status with conditions and Events. What comes after is lost, as when the host is killed, and as after the first
    /// [refusal](Self::refusal). Tells whether anything changed.
    pub fn perform(&mut self, outcome: &Outcome, steps: usize) -> bool {
        let before = self.writes;
        self.refusal = None;
        // Whoever is killed has nothing to tell.
        self.last = None;
        let mut report = Report {
            tag: outcome.tag.clone(),
            ..Report::default()
        };
        let ended = self.carry_out(outcome, steps, &mut report);
        if ended || self.refusal.is_some() {
            self.last = Some(report);
        }
        self.writes != before
    }

    /// Tells whether it came to the end.
    fn carry_out(&mut self, outcome: &Outcome, steps: usize, report: &mut Report) -> bool {
        let mut left = steps;
        let mut allowed = || {
            let allowed = left > 0;
            left = left.saturating_sub(1);
            allowed
        };
        if outcome.children == Children::Keep {
            // What is removed by name is not kept, now or later.
            let removed = |child: &Child| {
                let target = reference(&child.object());
                outcome
                    .removals
                    .iter()
                    .any(|removal| removal.target == target)
            };
            self.kept.retain(|child| !removed(child));
            for child in self.repairs() {
                if !allowed() || !self.write(&child, &mut Report::default()) {
                    return false;
                }
            }
        }
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
            self.kept.clear();
            for child in children {
                if !allowed() || !self.write(child, report) {
                    return false;
                }
                if child.write != Write::Create {
                    self.kept.push(child.clone().expect(Expect::Any));
                }
            }
            for (target, on_leave, owner) in leaving {
                if !allowed() {
                    return false;
                }
                self.leave(&target, &on_leave, owner);
                self.listed.retain(|(kept, ..)| *kept != target);
            }
        }
        for removal in &outcome.removals {
            if !allowed() || !self.remove(removal, report) {
                return false;
            }
        }
        if !allowed() {
            return false;
        }
        self.report(outcome);
        self.wake = match outcome.requeue {
            Requeue::OnChange => None,
            Requeue::OnceWritten => Some(self.now),
            Requeue::After(duration) => Some(self.now + duration),
            Requeue::At(at) => Some(at),
        };
        true
    }

    /// What an outcome without children makes the host look after. What is only borrowed is not created.
    fn repairs(&self) -> Vec<Child> {
        let wanted = |child: &&Child| {
            let target = reference(&child.object());
            let own = target == reference(&self.object);
            child.write != Write::Share || own || self.store.get(&target).is_some()
        };
        self.kept.iter().filter(wanted).cloned().collect()
    }

    /// Tells whether it was not refused.
    fn write(&mut self, child: &Child, report: &mut Report) -> bool {
        let (status, taken) = match self.store.write(&mut self.object, child) {
            Ok(changed) => {
                self.writes += u64::from(changed);
                match changed {
                    true => (WriteStatus::Applied, true),
                    false => (WriteStatus::Unchanged, true),
                }
            }
            Err(refusal) => {
                let error = refusal.error();
                self.refusal = Some(*refusal);
                (WriteStatus::Refused(error), false)
            }
        };
        report.writes.push(WriteResult {
            target: reference(&child.object()),
            status,
        });
        taken
    }

    fn leave(&mut self, target: &ObjectRef, on_leave: &OnLeave, owner: Owner) {
        self.writes += u64::from(self.store.leave(&mut self.object, target, on_leave, owner));
    }

    /// Tells whether it was not refused.
    fn remove(&mut self, removal: &Removal, report: &mut Report) -> bool {
        let target = removal.target.clone();
        let live = self.store.get(&target);
        let meant = live.is_some_and(|live| {
            removal
                .uid
                .as_ref()
                .is_none_or(|uid| live["metadata"]["uid"] == **uid)
        });
        let refused = self.store.refused(&target).filter(|_| meant);
        let status = match (meant, &refused) {
            (_, Some(refusal)) => RemovalStatus::Refused(refusal.error()),
            (true, None) => {
                self.store.remove(&target);
                self.writes += 1;
                RemovalStatus::Deleted
            }
            (false, None) => RemovalStatus::Absent,
        };
        self.refusal = refused;
        report.removals.push(RemovalResult { target, status });
        self.refusal.is_none()
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
        if outcome.finalized && !self.object["metadata"]["deletionTimestamp"].is_null() {
            self.end();
        }
    }

    /// The finalizer goes: what is still shared is given back, and the garbage collector takes what is owned.
    fn end(&mut self) {
        for (target, on_leave, owner) in std::mem::take(&mut self.listed) {
            self.leave(&target, &on_leave, owner);
        }
        self.gone = true;
        self.wake = None;
    }
}
