//! One reconcile of one object, from the cache to the next wake-up.

mod deletion;
mod news;
mod own;
mod sight;
mod vouch;
mod wishes;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use oarlock_core::cached::Cached;
use oarlock_core::cluster::ServiceAccount;
use oarlock_core::marks::CHILDREN_FINALIZER;
use oarlock_core::object::Object;
use oarlock_core::outcome::{Child, Children, Outcome, Requeue, Write};
use oarlock_core::reconciler::{Fault, Reconciler, RunError};
use oarlock_core::reference::ObjectRef;
use oarlock_core::request::{Report, Request, WriteResult, WriteStatus};
use oarlock_core::timestamp::Timestamp;

use crate::act::{self, Done};
use crate::annotations::Wishes;
use crate::dependencies::Reads;
use crate::entry::{Entry, Module};
use crate::finalizer;
use crate::kept::Kept;
use crate::kinds::Hold;
use crate::memory::Memory;
use crate::pace::Pace;
use crate::plan::{self, Leaving};
use crate::ports::Ports;
use crate::queue::{Cause, Priority};
use crate::redaction::Redaction;
use crate::session::{self, Session};
use crate::status::Wanted;
use crate::verdict::{Again, Problem, Reason};

use own::has_status_subresource;
use sight::Seen;

/// Soonest next run of an outcome that changed nothing, whatever the module asks for: it has all it gets, and must not keep a
/// core busy.
const SHORTEST_POLL: Duration = Duration::from_millis(100);

/// Runs at once of an object whose module asks for the next one as soon as something has changed: enough for an upgrade of many
/// steps, too few to keep an API server busy.
const STEPS: Pace = Pace {
    burst: 100,
    refill: Duration::from_secs(1),
};

/// An object that could not be read is tried again after this.
const UNREAD: Duration = Duration::from_secs(5);

/// How a reconcile ended.
#[derive(Debug, Default)]
pub(crate) struct Ended {
    /// The object is gone, or none of ours: nothing is to be remembered.
    pub(crate) forget: bool,
    /// When the next run is due.
    pub(crate) next: Option<(Timestamp, Priority)>,
    /// Versions that the run wrote.
    pub(crate) written: Vec<Cause>,
    /// What the object depends on from now on; `None` where the run did not get as far, and what was looked at adds to it.
    pub(crate) reads: Option<Reads>,
    /// What went wrong.
    pub(crate) problem: Option<Reason>,
    /// The object is being deleted, and a problem keeps the host from letting it go.
    pub(crate) blocked: bool,
    /// Its host's finalizers were taken off without calling the module.
    pub(crate) released: bool,
}

/// Reconciles the object at `key`.
pub(crate) async fn reconcile(
    ports: &Ports,
    entry: &Entry,
    key: &ObjectRef,
    memory: &mut Memory,
) -> Ended {
    let Some(mut live) = ports.cluster.cached(key) else {
        return Ended {
            forget: true,
            ..Ended::default()
        };
    };
    if live.is_abridged() {
        live = match ports.cluster.whole(live).await {
            Ok(Some(whole)) => whole,
            // Its deletion is about to be told.
            Ok(None) => return Ended::default(),
            Err(error) => {
                tracing::debug!(object = %key, %error, "an object cannot be read; it is tried again");
                let next = ports.clock.now().after(UNREAD);
                return Ended {
                    next: Some((next, Priority::Timer)),
                    ..Ended::default()
                };
            }
        };
    }
    let object = match live.object() {
        Ok(object) => object,
        Err(error) => {
            tracing::error!(object = %key, %error, "an object in the cache cannot be read");
            return Ended {
                forget: true,
                ..Ended::default()
            };
        }
    };
    let followed = entry.is_for(&object);
    // What is not followed any more is left as it is, children and finalizers included; but that nobody lets it go is told.
    let held = || !finalizer::of_host(&object, entry.finalizer().as_deref()).is_empty();
    let concerned = followed || live.deleting() && held();
    if !concerned {
        return Ended {
            forget: true,
            ..Ended::default()
        };
    }
    memory.belong_to(&live.uid());
    if let Some(until) = memory.missed_until(&live.resource_version(), ports.clock.now()) {
        return Ended {
            next: Some((until, Priority::Timer)),
            ..Ended::default()
        };
    }
    let generation = if has_status_subresource(ports, key) {
        live.generation()
    } else {
        // Each write of the status makes a new one.
        0
    };
    memory.contests.of_generation(generation);
    let mut run = Run {
        ports,
        entry,
        followed,
        live,
        wishes: Wishes::of(&object),
        object,
        memory,
        now: ports.clock.now(),
        kinds: ports.kinds.hold(),
        reads: Reads::default(),
        done: false,
        hidden: false,
        redaction: Arc::default(),
        ended: Ended::default(),
    };
    run.redaction.learn(&run.live);
    run.go().await;
    if run.ended.forget {
        // Its watch will tell, and then it is forgotten.
        run.ended.forget = false;
        let until = run
            .memory
            .miss(run.live.resource_version(), ports.clock.now());
        run.ended.next = Some((until, Priority::Timer));
    }
    if run.done {
        run.ended.reads = Some(run.reads);
    }
    run.ended
}

/// State of one reconcile.
struct Run<'a> {
    ports: &'a Ports,
    entry: &'a Entry,
    /// The entry is for this object: its watch selects it.
    followed: bool,
    live: Arc<Cached>,
    object: Object,
    /// What the object's user asks of the host.
    wishes: Wishes,
    memory: &'a mut Memory,
    now: Timestamp,
    /// Kinds that stay watched until the run ends.
    kinds: Hold,
    /// What was looked at so far.
    reads: Reads,
    /// Whether all that the object depends on is known, and what was before is void: the outcome was carried out as far as it
    /// could be, or there is none.
    done: bool,
    /// Children were to be written that no garbage collector finds.
    hidden: bool,
    /// What must not be told.
    redaction: Arc<Redaction>,
    ended: Ended,
}

/// Why a reconcile stops early, in the order of how much is known.
enum Stop {
    /// Somebody else changed the object: what was decided is void.
    Conflict,
    /// The object is gone.
    Gone,
    /// A problem that the object's conditions show.
    Problem(Problem),
}

impl From<Problem> for Stop {
    fn from(problem: Problem) -> Self {
        Self::Problem(problem)
    }
}

impl Run<'_> {
    async fn go(&mut self) {
        let result = if let Some(reason) = self.released() {
            self.release(&reason).await
        } else if self.wishes.paused {
            self.pause().await
        } else {
            self.decide_and_act().await
        };
        let mut conflicted = matches!(result, Err(Stop::Conflict));
        match result {
            Ok(()) => {}
            Err(Stop::Gone) => self.ended.forget = true,
            Err(Stop::Conflict) => self.conflict(),
            Err(Stop::Problem(problem)) => {
                let mut problem = self.with_way_out(problem);
                self.redaction.clean(&mut problem.message);
                let written = self.write_status(Wanted::default(), Some(&problem)).await;
                match written {
                    Err(Stop::Gone) => self.ended.forget = true,
                    Err(Stop::Conflict) => {
                        conflicted = true;
                        self.conflict();
                    }
                    Ok(_) | Err(Stop::Problem(_)) => self.settle(&problem).await,
                }
            }
        }
        // Its finalizers were taken off by force meanwhile: what was made since belongs to nobody.
        if self.hidden && (self.ended.forget || conflicted && self.is_replaced()) {
            self.clean_up_after().await;
        }
        if !self.wishes.paused && !self.ended.forget && !conflicted {
            self.answer().await;
        }
    }

    /// The newer object is on its way, and wakes the object by itself; the timer is for when it already came. Doubling from a
    /// tenth of a second, should it never come to an end.
    fn conflict(&mut self) {
        let doublings = self.memory.conflicts.min(9);
        self.memory.conflicts = self.memory.conflicts.saturating_add(1);
        let wait = Duration::from_millis(100 << doublings);
        let soon = self.ports.clock.now().after(wait);
        self.ended.next = Some((soon, Priority::Live));
    }

    async fn decide_and_act(&mut self) -> Result<(), Stop> {
        let module = if self.live.deleting() {
            match self.last_runs().await? {
                Some(module) => module,
                None => return Ok(()),
            }
        } else {
            let module = self.module()?;
            self.put_finalizer().await?;
            module
        };
        // Both for what the module reads and for what the plan prunes.
        let mut seen = Seen::default();
        self.see_children(&mut seen).await?;
        let outcome = self.call(&*module).await?;
        self.carry_out(&module, outcome, seen).await
    }

    fn module(&self) -> Result<Arc<dyn Reconciler>, Stop> {
        match &self.entry.module {
            Module::Serving(module) | Module::LastGood(module, _) => Ok(Arc::clone(module)),
            Module::Down(message) => Err(Stop::Problem(Problem {
                reason: Reason::ModuleNotLoaded,
                message: message.clone(),
                again: Again::OnChange,
            })),
        }
    }

    async fn call(&mut self, module: &dyn Reconciler) -> Result<Outcome, Stop> {
        let limits = self.entry.watch.limits;
        let session = Arc::new(Session::new(
            self.ports,
            Arc::clone(&self.live),
            self.entry,
            module.manifest().name.clone(),
            Arc::clone(&self.redaction),
        ));
        let request = Request {
            object: self.live.json().clone(),
            settings: self.entry.watch.settings.clone(),
            now: self.now,
            seed: self.ports.entropy.next(),
            attempt: self.memory.failures,
            deleting: self.live.deleting(),
            last: self.memory.last.clone(),
        };
        let result = module
            .reconcile(&request, Arc::clone(&session) as _, limits)
            .await;
        self.reads.merge(session.reads());
        // A run without an outcome depends on what it read, and on nothing else.
        self.done = result.is_err();
        result.map_err(|error| Stop::Problem(Problem::of_run(&error)))
    }

    async fn carry_out(
        &mut self,
        module: &Arc<dyn Reconciler>,
        mut outcome: Outcome,
        mut seen: Seen,
    ) -> Result<(), Stop> {
        self.redaction.learn_outcome(&outcome);
        if let Some(status) = &mut outcome.status {
            self.redaction.clean_status(status);
        }
        let (mut children, leaving) = match outcome.children {
            Children::Exactly(children) => (children, Leaving::Unlisted),
            Children::Keep => {
                // What is removed by name is not kept: it would come back, to be removed again.
                let removed = |child: &Child| {
                    let mut targets = outcome.removals.iter().map(|removal| &removal.target);
                    targets.any(|target| target == child.object.target())
                };
                let mut children: Vec<Child> = self
                    .memory
                    .children
                    .iter()
                    .filter_map(Kept::child)
                    .collect();
                if !outcome.removals.is_empty() {
                    children.retain(|child| !removed(child));
                    self.memory.children = children.iter().cloned().map(Kept::new).collect();
                }
                (children, Leaving::Nobody)
            }
        };
        no_doubles(&children)?;
        let account = self.account(outcome.act_as.as_deref())?;
        let manager = module.manifest().field_manager();
        self.gather(&children, &outcome.removals, &mut seen).await?;
        if leaving == Leaving::Nobody {
            // What is only borrowed is never created: of an object that is gone, nothing is to be kept.
            children
                .retain(|child| child.write != Write::Share || seen.is_live(child.object.target()));
        }
        let mut plan = {
            let scene = seen.scene(self, &manager, account.as_ref());
            plan::plan(&scene, &children, leaving, &outcome.removals)
        };
        if let Some(account) = &account {
            self.vouch(account, &seen, &mut plan).await?;
        }
        let untold = self.untold(&children, &plan.writes);
        if !self.live.deleting()
            && let Some(verb) = finalizer::hold(&self.object, &plan.hidden, &untold)
        {
            self.write_finalizers(verb, CHILDREN_FINALIZER).await?;
        }
        self.hidden = !plan.hidden.is_empty();
        self.tell_skipped(&plan.leaves.skipped).await;
        for write in plan.writes.iter().filter(|write| write.repairs) {
            self.note_rival(&write.target, &write.manager, account.as_ref())
                .await;
        }
        let mut done = act::carry_out(plan, &*self.ports.cluster, self.memory).await;
        self.ended.written.append(&mut done.written);
        for target in &done.repaired {
            self.memory.contests.repaired(target, self.now);
        }
        let unmarked = self.unmarked(&children, &done.writes);
        self.reads.objects.extend(unmarked);
        self.done = true;
        let mut writes = std::mem::take(&mut done.writes);
        if leaving == Leaving::Unlisted {
            let own = self.live.target();
            self.memory.retain(|target| {
                *target == own || children.iter().any(|c| c.object.target() == target)
            });
            self.memory.children = in_place(children, &writes);
        } else {
            // The module listed none.
            writes.clear();
        }
        let mut report = Report {
            tag: outcome.tag,
            generation: self.live.generation(),
            module: module.digest().clone(),
            writes,
            removals: std::mem::take(&mut done.removals),
        };
        self.redaction.clean_report(&mut report);
        self.memory.last = Some(report);
        if let Some(problem) = problem_of(&done, self.now) {
            return Err(Stop::Problem(problem));
        }
        if self.live.deleting() && outcome.finalized {
            // Before the finalizer goes: afterwards nobody would ask again.
            self.tell(&outcome.events, &manager).await;
            self.notify(outcome.notices);
            return self.let_go().await;
        }
        let wanted = Wanted {
            patch: outcome.status,
            set: outcome.conditions,
            ..Wanted::default()
        };
        if outcome.requeue == Requeue::OnceWritten && !done.changed && !self.moves_status(&wanted) {
            // Before the status is written: it would say that all is well, and be taken back at once.
            return Err(Stop::Problem(no_progress()));
        }
        let stored = self.write_status(wanted, None).await?;
        self.tell(&outcome.events, &manager).await;
        self.notify(outcome.notices);
        self.wake(outcome.requeue, done.changed || stored)
    }

    /// Sets the next wake-up of a good run.
    fn wake(&mut self, requeue: Requeue, changed: bool) -> Result<(), Stop> {
        // Counted from the end of the run: one that took long must not be due again at once.
        let now = self.ports.clock.now();
        let period = now.after(self.period());
        let at_once = match requeue {
            Requeue::OnChange => false,
            Requeue::OnceWritten => true,
            Requeue::After(after) => after < SHORTEST_POLL,
            Requeue::At(at) => at < now.after(SHORTEST_POLL),
        };
        let soonest = match (changed, at_once) {
            (false, _) => now.after(SHORTEST_POLL),
            // A module that changes something at every step and asks for the next one at once is given that, up to a point.
            (true, true) => self.memory.at_once.reserve(STEPS, now),
            (true, false) => now,
        };
        let next = match requeue {
            Requeue::OnChange => (period, Priority::Resync),
            Requeue::After(after) => earlier(now.after(after).max(soonest), period),
            Requeue::At(at) => earlier(at.max(soonest), period),
            Requeue::OnceWritten if changed && soonest == now => (now, Priority::Live),
            Requeue::OnceWritten if changed => (soonest, Priority::Timer),
            Requeue::OnceWritten => return Err(Stop::Problem(no_progress())),
        };
        self.memory.failures = 0;
        self.memory.conflicts = 0;
        self.ended.next = Some(next);
        Ok(())
    }

    /// Counts a problem, tells it, and sets the next wake-up.
    async fn settle(&mut self, problem: &Problem) {
        self.memory.failures = self.memory.failures.saturating_add(1);
        self.ended.problem = Some(problem.reason);
        let now = self.ports.clock.now();
        self.ended.next = match problem.again {
            Again::Backoff => {
                let delay = crate::backoff::delay(self.memory.failures, self.ports.entropy.next());
                Some((now.after(delay), Priority::Timer))
            }
            Again::After(after) => Some((now.after(after.max(SHORTEST_POLL)), Priority::Timer)),
            Again::OnChange | Again::Woken => None,
        };
        let object = self.live.target();
        let (reason, message) = (problem.reason.as_str(), &problem.message);
        tracing::warn!(%object, reason, failures = self.memory.failures, "reconcile failed: {message}");
        let event = oarlock_core::outcome::Event {
            key: format!("{reason}-{}-{message}", self.live.generation()),
            warning: true,
            reason: reason.to_owned(),
            message: message.clone(),
            about: None,
        };
        let manager = self.entry.reporter();
        self.tell(&[event], &manager).await;
    }

    /// Whom the outcome's writes are made as.
    fn account(&self, act_as: Option<&str>) -> Result<Option<ServiceAccount>, Stop> {
        let of_watch = self.entry.watch.service_account.as_deref();
        let target = self.live.target();
        session::account(act_as, of_watch, &self.entry.grants, &target).map_err(|message| {
            Stop::Problem(Problem {
                reason: Reason::GrantMissing,
                message,
                again: Again::Backoff,
            })
        })
    }
}

fn earlier(at: Timestamp, period: Timestamp) -> (Timestamp, Priority) {
    if at <= period {
        (at, Priority::Timer)
    } else {
        (period, Priority::Resync)
    }
}

/// The children that there are, to be kept. What was expected of them has been true.
///
/// What is only created is done with once it was there: it has no drift, and a Job that its time to live has taken away is
/// not to run again.
fn in_place(children: Vec<Child>, writes: &[WriteResult]) -> Box<[Kept]> {
    children
        .into_iter()
        .zip(writes)
        .filter(|(child, result)| is_in_place(&result.status) && child.write != Write::Create)
        .map(|(child, _)| Kept::new(child))
        .collect()
}

const fn is_in_place(status: &WriteStatus) -> bool {
    matches!(
        status,
        WriteStatus::Applied | WriteStatus::Unchanged | WriteStatus::Differs(_)
    )
}

fn no_progress() -> Problem {
    Problem {
        reason: Reason::NoProgress,
        message: "the module asked to be called again once its outcome is stored, but the outcome changes nothing"
            .to_owned(),
        again: Again::Backoff,
    }
}

fn problem_of(done: &Done, now: Timestamp) -> Option<Problem> {
    match (&done.refused, &done.waiting) {
        (Some((what, error)), _) => {
            let mut problem = Problem::of_refusal(what, error);
            if let Some(until) = done.rest {
                problem.again = Again::After(until.since(now));
            }
            Some(problem)
        }
        (None, Some(why)) => Some(Problem {
            reason: Reason::KindNotServed,
            message: why.clone(),
            again: Again::Woken,
        }),
        (None, None) => None,
    }
}

/// Two wishes for one object cannot both be had.
fn no_doubles(children: &[Child]) -> Result<(), Stop> {
    let mut seen: BTreeMap<&ObjectRef, usize> = BTreeMap::new();
    for (index, child) in children.iter().enumerate() {
        if let Some(first) = seen.insert(child.object.target(), index) {
            return Err(Stop::Problem(Problem::of_run(&RunError::Fault(
                Fault::BadOutcome {
                    place: format!("children[{index}]"),
                    message: format!(
                        "{} is listed before, as children[{first}]",
                        child.object.target()
                    ),
                },
            ))));
        }
    }
    Ok(())
}
