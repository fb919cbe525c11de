//! One reconcile of one object, from the cache to the next wake-up.

mod sight;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use oarlock_core::cached::Cached;
use oarlock_core::cluster::{Call, EventRecord, ServiceAccount};
use oarlock_core::marks::CHILDREN_FINALIZER;
use oarlock_core::object::Object;
use oarlock_core::outcome::{Child, Children, Expect, Outcome, Requeue};
use oarlock_core::reconciler::{Fault, Reconciler, RunError};
use oarlock_core::reference::ObjectRef;
use oarlock_core::request::{ApiError, Report, Request, WriteResult, WriteStatus};
use oarlock_core::timestamp::Timestamp;

use crate::act::{self, Done};
use crate::dependencies::Reads;
use crate::entry::{Entry, Module};
use crate::finalizer;
use crate::memory::Memory;
use crate::plan::{self, Leaving};
use crate::ports::Ports;
use crate::queue::{Cause, Priority};
use crate::session::Session;
use crate::status::{self, Wanted};
use crate::verdict::{self, Again, Problem, Reason};

use sight::Seen;

/// Soonest next run of an outcome that changed nothing, whatever the module asks for: it has all it gets, and must not keep a
/// core busy.
const SHORTEST_POLL: Duration = Duration::from_millis(100);

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
}

/// Reconciles the object at `key`.
pub(crate) async fn reconcile(
    ports: &Ports,
    entry: &Entry,
    key: &ObjectRef,
    memory: &mut Memory,
) -> Ended {
    let Some(live) = ports.cluster.cached(key) else {
        return Ended {
            forget: true,
            ..Ended::default()
        };
    };
    let object = match live.object() {
        Ok(object) if entry.selects(&object) => object,
        Ok(_) => {
            return Ended {
                forget: true,
                ..Ended::default()
            };
        }
        Err(error) => {
            tracing::error!(object = %key, %error, "an object in the cache cannot be read");
            return Ended {
                forget: true,
                ..Ended::default()
            };
        }
    };
    memory.belong_to(&live.uid());
    let mut run = Run {
        ports,
        entry,
        live,
        object,
        memory,
        now: ports.clock.now(),
        reads: Reads::default(),
        done: false,
        ended: Ended::default(),
    };
    run.go().await;
    if run.done {
        run.ended.reads = Some(run.reads);
    }
    run.ended
}

/// State of one reconcile.
struct Run<'a> {
    ports: &'a Ports,
    entry: &'a Entry,
    live: Arc<Cached>,
    object: Object,
    memory: &'a mut Memory,
    now: Timestamp,
    /// What was looked at so far.
    reads: Reads,
    /// Whether all that the object depends on is known, and what was before is void: the outcome was carried out as far as it
    /// could be, or there is none.
    done: bool,
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
        let result = self.decide_and_act().await;
        match result {
            Ok(()) => {}
            Err(Stop::Gone) => self.ended.forget = true,
            Err(Stop::Conflict) => self.conflict(),
            Err(Stop::Problem(problem)) => {
                let written = self.write_status(Wanted::default(), Some(&problem)).await;
                match written {
                    Err(Stop::Gone) => self.ended.forget = true,
                    Err(Stop::Conflict) => self.conflict(),
                    Ok(_) | Err(Stop::Problem(_)) => self.settle(&problem).await,
                }
            }
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
        let module = match &self.entry.module {
            Module::Serving(module) | Module::LastGood(module, _) => Arc::clone(module),
            Module::Down(message) => {
                return Err(Stop::Problem(Problem {
                    reason: Reason::ModuleNotLoaded,
                    message: message.clone(),
                    again: Again::OnChange,
                }));
            }
        };
        let finalizer = self.entry.finalizer();
        let held = |name: &str| finalizer::is_on(&self.object, name);
        if self.live.deleting() {
            if finalizer.as_deref().is_none_or(|name| !held(name)) {
                return self.let_go(&module, None).await;
            }
        } else if let Some(name) = finalizer.as_deref().filter(|name| !held(name)) {
            let verb = finalizer::add(&self.object, name);
            self.write_finalizers(&module, verb, name).await?;
        }
        // Both for what the module reads and for what the plan prunes.
        let mut seen = Seen::default();
        self.see_children(&mut seen).await?;
        let outcome = self.call(&*module).await?;
        self.carry_out(&module, outcome, seen).await
    }

    async fn call(&mut self, module: &dyn Reconciler) -> Result<Outcome, Stop> {
        let limits = self.entry.watch.limits;
        let session = Arc::new(Session::new(
            self.ports,
            Arc::clone(&self.live),
            self.entry,
            module.manifest().name.clone(),
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
        outcome: Outcome,
        mut seen: Seen,
    ) -> Result<(), Stop> {
        let (children, leaving) = match outcome.children {
            Children::Exactly(children) => (children, Leaving::Unlisted),
            Children::Keep => {
                // What is removed by name is not kept: it would come back, to be removed again.
                let removed = |child: &Child| {
                    let mut targets = outcome.removals.iter().map(|removal| &removal.target);
                    targets.any(|target| target == child.object.target())
                };
                self.memory.children.retain(|child| !removed(child));
                (self.memory.children.clone(), Leaving::Nobody)
            }
        };
        no_doubles(&children)?;
        let account = self.account(outcome.act_as.as_deref())?;
        let manager = module.manifest().field_manager();
        self.gather(&children, &outcome.removals, &mut seen).await?;
        let plan = {
            let scene = seen.scene(self, &manager, account.as_ref());
            plan::plan(&scene, &children, leaving, &outcome.removals)
        };
        if !self.live.deleting()
            && let Some(verb) = finalizer::hold(&self.object, &plan.hidden)
        {
            self.write_finalizers(module, verb, CHILDREN_FINALIZER)
                .await?;
        }
        let mut done = act::carry_out(plan, &*self.ports.cluster, self.memory).await;
        self.ended.written.append(&mut done.written);
        let unmarked = self.unmarked(&children, &done.writes);
        self.reads.objects.extend(unmarked);
        self.done = true;
        let mut writes = std::mem::take(&mut done.writes);
        if leaving == Leaving::Unlisted {
            self.memory
                .retain(|target| children.iter().any(|c| c.object.target() == target));
            self.memory.children = in_place(children, &writes);
        } else {
            // The module listed none.
            writes.clear();
        }
        self.memory.last = Some(Report {
            tag: outcome.tag,
            generation: self.live.generation(),
            module: module.digest().clone(),
            writes,
            removals: std::mem::take(&mut done.removals),
        });
        if let Some(problem) = problem_of(&done) {
            return Err(Stop::Problem(problem));
        }
        if self.live.deleting() && outcome.finalized {
            // Before the finalizer goes: afterwards nobody would ask again.
            self.tell(&outcome.events, &manager).await;
            self.notify(outcome.notices);
            let finalizer = self.entry.finalizer();
            return self.let_go(module, finalizer.as_deref()).await;
        }
        let wanted = Wanted {
            patch: outcome.status,
            set: outcome.conditions,
            clear: Vec::new(),
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

    /// Whether the module's status differs from what is stored, conditions aside.
    fn moves_status(&self, wanted: &Wanted) -> bool {
        status::write(&self.object, wanted, self.memory.status.as_ref(), self.now)
            .is_some_and(|write| write.beyond_conditions)
    }

    /// Sets the next wake-up of a good run.
    fn wake(&mut self, requeue: Requeue, changed: bool) -> Result<(), Stop> {
        // Counted from the end of the run: one that took long must not be due again at once.
        let now = self.ports.clock.now();
        let period = now.after(self.entry.watch.period);
        let soonest = if changed {
            now
        } else {
            now.after(SHORTEST_POLL)
        };
        let next = match requeue {
            Requeue::OnChange => (period, Priority::Resync),
            Requeue::After(after) => earlier(now.after(after).max(soonest), period),
            Requeue::At(at) => earlier(at.max(soonest), period),
            Requeue::OnceWritten if changed => (now, Priority::Live),
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

    /// Writes what the outcome and the host say of the object. Tells whether the module's part changed anything.
    async fn write_status(
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
        }
        let write = status::write(&self.object, &wanted, self.memory.status.as_ref(), self.now);
        let Some(write) = write else {
            return Ok(false);
        };
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
    async fn write_finalizers(
        &mut self,
        module: &Arc<dyn Reconciler>,
        verb: oarlock_core::cluster::Verb,
        name: &str,
    ) -> Result<(), Stop> {
        let call = Call {
            verb,
            manager: module.manifest().field_manager(),
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

    /// Ends the host's hold on an object that is being deleted: what no garbage collector would find goes first, then the
    /// finalizers.
    async fn let_go(
        &mut self,
        module: &Arc<dyn Reconciler>,
        finalizer: Option<&str>,
    ) -> Result<(), Stop> {
        let names: Vec<&str> = finalizer
            .into_iter()
            .chain([CHILDREN_FINALIZER])
            .filter(|name| finalizer::is_on(&self.object, name))
            .collect();
        if names.is_empty() {
            return Ok(());
        }
        let manager = module.manifest().field_manager();
        let account = self.account(None)?;
        let mut seen = Seen::default();
        self.see_children(&mut seen).await?;
        self.gather(&[], &[], &mut seen).await?;
        let leaves = plan::on_deletion(&seen.scene(self, &manager, account.as_ref()));
        let mut done = Done::default();
        act::leave(leaves, &*self.ports.cluster, &mut done).await;
        self.ended.written.append(&mut done.written);
        if let Some(problem) = problem_of(&done) {
            return Err(Stop::Problem(problem));
        }
        let verb = finalizer::remove(&self.object, &names);
        self.write_finalizers(module, verb, &names.join(", "))
            .await?;
        self.memory.failures = 0;
        Ok(())
    }

    fn account(&self, act_as: Option<&str>) -> Result<Option<ServiceAccount>, Stop> {
        let Some(name) = act_as.or(self.entry.watch.service_account.as_deref()) else {
            return Ok(None);
        };
        let Some(namespace) = &self.live.target().namespace else {
            return Err(Stop::Problem(Problem::of_run(&RunError::Fault(
                Fault::BadOutcome {
                    place: "act-as".to_owned(),
                    message: format!(
                        "{} has no namespace whose ServiceAccounts it could name",
                        self.live.target()
                    ),
                },
            ))));
        };
        Ok(Some(ServiceAccount {
            namespace: namespace.clone(),
            name: name.to_owned(),
        }))
    }

    async fn tell(&mut self, events: &[oarlock_core::outcome::Event], reporter: &str) {
        for event in events {
            if !self.memory.tell(&event.key) {
                continue;
            }
            let record = EventRecord {
                about: event.about.clone().unwrap_or_else(|| self.live.target()),
                uid: event.about.is_none().then(|| self.live.uid()),
                key: event.key.clone(),
                warning: event.warning,
                reason: event.reason.clone(),
                message: event.message.clone(),
                reporter: reporter.to_owned(),
                now: self.now,
            };
            if let Err(error) = self.ports.cluster.record(record).await {
                // An Event is a courtesy: the object's conditions say the same.
                tracing::warn!(object = %self.live.target(), reason = event.reason, %error, "an Event was not recorded");
            }
        }
    }

    fn notify(&mut self, notices: Vec<oarlock_core::outcome::Notice>) {
        for notice in notices {
            if self.memory.tell(&format!("notice {}", notice.key)) {
                self.ports
                    .notices
                    .post(notice, &self.entry.grants, &self.live.target());
            }
        }
    }

    /// Goes on with the object as it is after an own write.
    fn adopt(&mut self, written: &Option<Arc<Cached>>) {
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

    fn stop(&self, what: &str, error: &ApiError) -> Stop {
        match error.code {
            404 => Stop::Gone,
            409 => Stop::Conflict,
            _ => Stop::Problem(Problem::of_refusal(what, error)),
        }
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
fn in_place(children: Vec<Child>, writes: &[WriteResult]) -> Vec<Child> {
    children
        .into_iter()
        .zip(writes)
        .filter(|(_, result)| is_in_place(&result.status))
        .map(|(mut child, _)| {
            child.expect = Expect::Any;
            child
        })
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

fn problem_of(done: &Done) -> Option<Problem> {
    match (&done.refused, &done.waiting) {
        (Some((what, error)), _) => Some(Problem::of_refusal(what, error)),
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
