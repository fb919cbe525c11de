//! The end of an object: the module's last runs, and the ways out where there is no module, or none that comes to an end.

use std::sync::Arc;
use std::time::Duration;

use oarlock_core::marks::{RELEASE_ANNOTATION, RELEASED_BY_ANNOTATION};
use oarlock_core::outcome::Event;
use oarlock_core::reconciler::Reconciler;
use oarlock_core::timestamp::Timestamp;

use super::sight::Seen;
use super::{Run, Stop, problem_of};
use crate::act::{self, Done};
use crate::entry::Module;
use crate::finalizer;
use crate::plan::{self, Skipped};
use crate::queue::Priority;
use crate::verdict::{Again, Problem, Reason};

/// How long a module may fail to let an object go until people are told how to release it.
const PATIENCE: Duration = Duration::from_secs(300);

/// How long an object that this host does not follow may be in deletion until it says so: whoever follows it, such as a host
/// with another selector, needs a moment.
const COURTESY: Duration = Duration::from_secs(30);

/// So many objects that are left where they are get an Event.
const SKIPPED_TOLD: usize = 5;

impl Run<'_> {
    /// The module that an object in deletion is given to; `None` when there is nothing more to do for it.
    pub(super) async fn last_runs(&mut self) -> Result<Option<Arc<dyn Reconciler>>, Stop> {
        let current = self.entry.finalizer();
        let waiting = finalizer::of_module(&self.object, current.as_deref());
        if waiting.is_empty() {
            return self.let_go().await.map(|()| None);
        }
        let names = waiting.join(", ");
        let why = match &self.entry.module {
            _ if self.entry.retired => "watches.yaml does not name its kind any more".to_owned(),
            _ if !self.followed => {
                "the watch's selector does not select the object any more".to_owned()
            }
            Module::Down(why) => why.clone(),
            Module::Serving(module) | Module::LastGood(module, _)
                if module.manifest().finalizer.is_some() =>
            {
                return Ok(Some(Arc::clone(module)));
            }
            Module::Serving(module) | Module::LastGood(module, _) => format!(
                "{} {} does not clean up; the finalizer is that of a module before it",
                module.manifest().name,
                module.manifest().version
            ),
        };
        if !self.followed {
            // Of an object that another host may follow nothing is written twice.
            if let Some(soon) = self.courtesy() {
                self.ended.next = Some((soon, Priority::Timer));
                return Ok(None);
            }
            if self.memory.told_blocked {
                self.ended.blocked = true;
                return Ok(None);
            }
            self.memory.told_blocked = true;
        }
        Err(Stop::Problem(Problem {
            reason: Reason::FinalizerBlocked,
            message: format!(
                "the deletion waits for {names}, and no module is there to take it off: {why}"
            ),
            again: Again::OnChange,
        }))
    }

    /// When it is time to say that nobody seems to be at it; `None` when it is.
    fn courtesy(&self) -> Option<Timestamp> {
        let since = self.deleted_at()?;
        let due = since.after(COURTESY);
        (self.now < due).then_some(due)
    }

    fn deleted_at(&self) -> Option<Timestamp> {
        let text = self.object.pointer("/metadata/deletionTimestamp")?;
        Timestamp::parse_rfc3339(text.as_str()?)
    }

    /// The problem, with the way out where a deletion does not come to its end because of it.
    pub(super) fn with_way_out(&mut self, mut problem: Problem) -> Problem {
        let held = self.live.deleting() && !self.holds().is_empty();
        let long = || {
            self.deleted_at()
                .is_none_or(|since| self.now.since(since) >= PATIENCE)
        };
        if !held || problem.again != Again::OnChange && !long() {
            return problem;
        }
        self.ended.blocked = true;
        let target = self.live.target();
        let kind = self.ports.cluster.kind(&target.gvk);
        let plural = kind.map_or_else(|| target.gvk.kind.to_lowercase(), |kind| kind.plural);
        let resource = if target.gvk.group.is_empty() {
            plural
        } else {
            format!("{plural}.{}", target.gvk.group)
        };
        let namespace = match &target.namespace {
            Some(namespace) => format!(" -n {namespace}"),
            None => String::new(),
        };
        problem.message.push_str(&format!(
            "; hint: `oarlock release {resource}/{}{namespace}` lets the object go without its module",
            target.name
        ));
        problem
    }

    /// The host's finalizers on the object.
    pub(super) fn holds(&self) -> Vec<String> {
        let current = self.entry.finalizer();
        finalizer::of_host(&self.object, current.as_deref())
            .into_iter()
            .map(str::to_owned)
            .collect()
    }

    /// Ends the host's hold on an object that is being deleted: what no garbage collector would find goes first, then the
    /// finalizers.
    pub(super) async fn let_go(&mut self) -> Result<(), Stop> {
        if self.holds().is_empty() {
            return Ok(());
        }
        let mut seen = Seen::default();
        self.see_children(&mut seen).await?;
        self.gather(&[], &[], &mut seen).await?;
        let manager = self.entry.reporter();
        let account = self.account(None)?;
        let leaves = plan::on_deletion(&seen.scene(self, &manager, account.as_ref()));
        self.tell_skipped(&leaves.skipped).await;
        let mut done = Done::default();
        act::leave(leaves.calls, &*self.ports.cluster, &mut done).await;
        self.ended.written.append(&mut done.written);
        if let Some(problem) = problem_of(&done, self.now) {
            return Err(Stop::Problem(problem));
        }
        self.take_finalizers().await?;
        self.memory.failures = 0;
        Ok(())
    }

    async fn take_finalizers(&mut self) -> Result<(), Stop> {
        let names = self.holds();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let verb = finalizer::remove(&self.object, &names);
        self.write_finalizers(verb, &names.join(", ")).await
    }

    /// Why somebody has released the object, if that is so: only what is being deleted can be released.
    pub(super) fn released(&self) -> Option<String> {
        let reason = finalizer::annotation(&self.object, RELEASE_ANNOTATION)?.trim();
        (self.live.deleting() && !reason.is_empty()).then(|| reason.to_owned())
    }

    /// Takes the host's finalizers off without calling the module. What else would be done on a deletion is done as far as it can
    /// be; nothing of it holds the object any longer.
    pub(super) async fn release(&mut self, reason: &str) -> Result<(), Stop> {
        let names = self.holds();
        if names.is_empty() {
            return Ok(());
        }
        let mut behind = self.leave_what_can_be_left().await;
        behind.sort();
        behind.dedup();
        let who = finalizer::annotation(&self.object, RELEASED_BY_ANNOTATION)
            .map_or_else(|| "somebody".to_owned(), str::to_owned);
        let mut message = format!(
            "{} taken off without calling the module, as {who} asked: {reason}",
            names.join(", ")
        );
        if !behind.is_empty() {
            message.push_str(&format!("; left behind: {}", behind.join("; ")));
        }
        let object = self.live.target();
        tracing::warn!(%object, who, reason, finalizers = names.join(", "), left_behind = behind.join("; "), "released");
        let event = Event {
            key: "Released".to_owned(),
            warning: true,
            reason: "Released".to_owned(),
            message,
            about: None,
        };
        let reporter = self.entry.reporter();
        self.tell(&[event], &reporter).await;
        self.take_finalizers().await?;
        self.ended.released = true;
        Ok(())
    }

    /// Lets children go one by one, whatever becomes of the others. Tells what could not be let go.
    async fn leave_what_can_be_left(&mut self) -> Vec<String> {
        let mut behind = Vec::new();
        let mut seen = Seen::default();
        if let Err(Stop::Problem(problem)) = self.see_children(&mut seen).await {
            behind.push(problem.message);
        }
        if let Err(Stop::Problem(problem)) = self.gather(&[], &[], &mut seen).await {
            behind.push(problem.message);
        }
        let manager = self.entry.reporter();
        let account = self.account(None).ok().flatten();
        let leaves = plan::on_deletion(&seen.scene(self, &manager, account.as_ref()));
        for Skipped { target, error } in leaves.skipped {
            behind.push(format!("{target}: {error}"));
        }
        for leave in leaves.calls {
            let mut done = Done::default();
            act::leave(vec![leave], &*self.ports.cluster, &mut done).await;
            self.ended.written.append(&mut done.written);
            behind.extend(done.refused.map(|(what, error)| format!("{what}: {error}")));
        }
        behind
    }

    /// The object went while this run was making children that nobody else would find: its finalizers were taken off by
    /// force, and what was made since is nobody's.
    pub(super) async fn clean_up_after(&mut self) {
        let behind = self.leave_what_can_be_left().await;
        if !behind.is_empty() {
            let object = self.live.target();
            tracing::warn!(%object, left_behind = behind.join("; "), "the object went during a run");
        }
    }

    /// Tells of objects that carry the object's mark and are left where they are; of a few, since anybody can make many.
    pub(super) async fn tell_skipped(&mut self, skipped: &[Skipped]) {
        if let Some(rest) = skipped.len().checked_sub(SKIPPED_TOLD + 1) {
            let object = self.live.target();
            tracing::warn!(%object, more = rest + 1, "more objects are marked as this object's, and left where they are");
        }
        let events: Vec<Event> = skipped
            .iter()
            .take(SKIPPED_TOLD)
            .map(|Skipped { target, error }| Event {
                key: format!("NotLetGo-{target}-{error}"),
                warning: true,
                reason: "NotLetGo".to_owned(),
                message: format!(
                    "{target} is marked as this object's, but is left where it is: {error}"
                ),
                about: None,
            })
            .collect();
        let reporter = self.entry.reporter();
        self.tell(&events, &reporter).await;
    }

    /// Whether another object is under the name by now.
    pub(super) fn is_replaced(&self) -> bool {
        let live = self.ports.cluster.cached(&self.live.target());
        live.is_none_or(|live| !live.is_same_object(&self.live))
    }
}
