//! One run for one `ServiceBinding`: what is there is read, what should be is a function of it.
//!
//! A workload stands in `status.workloads` before it is changed for the first time, so that a binding that was killed, edited or
//! deleted still knows where it is. Where it is put in follows [`projection`](crate::projection); which fields of the workload
//! that takes, [`fields`](crate::fields).

mod child;
mod leaving;
mod mapping;
mod service;
#[cfg(test)]
mod tests;
mod told;
mod workload;

use std::time::Duration;

use oarlock_sdk::{
    AnyObject, ApiError, Child, ConditionStatus, Context, Event, Failure, KindInfo, Object,
    ObjectRef, Outcome, Requeue, Value, WriteStatus,
};

use crate::projection::{Projection, projected_secret};
use crate::spec::{GROUP, Held, Leaving, Refused, SecretName, ServiceBinding, Status, group};
use child::{Step, Way};
use service::Service;

/// After how long a write that the API server refused is tried again where nothing changed.
const PATIENCE: Duration = Duration::from_secs(60);

/// How long it is waited for what left to be seen.
const LOOK_AGAIN: Duration = Duration::from_secs(2);

/// Why something is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Gap {
    status: ConditionStatus,
    reason: String,
    /// For people, with a hint.
    message: String,
}

impl Gap {
    fn no(reason: &str, message: impl Into<String>) -> Self {
        Self {
            status: ConditionStatus::No,
            reason: reason.to_owned(),
            message: message.into(),
        }
    }

    fn unknown(reason: &str, message: impl Into<String>) -> Self {
        Self {
            status: ConditionStatus::Unknown,
            ..Self::no(reason, message)
        }
    }
}

/// One run.
pub(crate) fn reconcile(object: AnyObject, cx: &Context) -> Result<Outcome, Failure> {
    if group(object.api_version()) != GROUP || object.kind() != "ServiceBinding" {
        return Err(Failure::invalid(
            "kind",
            format!(
                "{} {:?} is not a kind of this module, expected ServiceBinding of {GROUP}/v1",
                object.api_version(),
                object.kind()
            ),
        ));
    }
    if cx.deleting() {
        leaving::outcome(&object.parse::<Leaving>()?, cx)
    } else {
        serve(&object.parse()?, cx)
    }
}

fn serve(binding: &Object<ServiceBinding>, cx: &Context) -> Result<Outcome, Failure> {
    let problems = binding.spec.problems(binding.name());
    if !problems.is_empty() {
        return Err(Failure::Invalid(problems));
    }
    let kinds = cx.kinds()?;
    let service = service::resolve(cx, &kinds, binding)?;
    let found = workload::find(cx, &kinds, binding)?;
    let mut plan = Plan::default();
    match found {
        workload::Found::Unread(gap) => {
            // Who has left cannot be told: all stays as it is.
            let mut status = binding.status.clone();
            status.observed_generation = Some(binding.generation());
            return Ok(told::conditions(
                Outcome::new().status(binding, &status),
                &service,
                Err(gap),
            ));
        }
        workload::Found::These(targets) => {
            let way = mapping::way(cx, &kinds, &binding.spec.workload)?;
            let run = Run {
                cx,
                binding,
                service: &service,
                way: &way,
            };
            for live in &targets {
                plan.put(&run, live);
            }
            let is_target = |held: &&Held| {
                let mut targets = targets.iter().map(workload::reference);
                targets.any(|target| held.is(&target))
            };
            let left = binding
                .status
                .workloads
                .iter()
                .filter(|held| !is_target(held));
            for held in left {
                plan.take_out(cx, &kinds, (binding.namespace(), uid(binding)), held)?;
            }
        }
        workload::Found::Nothing(gap) => {
            for held in &binding.status.workloads {
                plan.take_out(cx, &kinds, (binding.namespace(), uid(binding)), held)?;
            }
            plan.absent = Some(gap);
        }
    }
    Ok(plan.outcome(binding, &service))
}

fn uid<S: oarlock_sdk::Resource>(binding: &Object<S>) -> &str {
    &binding.metadata.uid
}

/// What workloads are looked at with.
struct Run<'a> {
    cx: &'a Context,
    binding: &'a Object<ServiceBinding>,
    service: &'a Service,
    way: &'a Result<Way, Gap>,
}

/// What becomes of the workloads.
#[derive(Default)]
struct Plan {
    children: Vec<Child>,
    /// Those that the binding is for.
    held: Vec<Held>,
    /// Those that it was for, and is still in.
    left: Vec<Held>,
    /// By workload: why it is not as it should be.
    gaps: Vec<(String, Gap)>,
    /// There is no workload.
    absent: Option<Gap>,
    /// Workloads that are written down before they are changed.
    is_intent: bool,
    /// Workloads that are being written, and are looked at afterwards.
    is_writing: bool,
    /// Names of those that are being left.
    leaving: Vec<String>,
    /// Into and out of whom it comes by this outcome, as it comes back in the report.
    tags: Vec<String>,
    events: Vec<Event>,
}

impl Plan {
    fn write(&mut self, child: Child) {
        self.children.push(child);
        self.is_writing = true;
    }

    /// One workload that the binding is for.
    fn put(&mut self, run: &Run<'_>, live: &Value) {
        let target = workload::reference(live);
        let known = run
            .binding
            .status
            .workloads
            .iter()
            .find(|held| held.is(&target));
        if workload::is_deleting(live) {
            // It goes with what is in it.
            return;
        }
        let mut held = Held::of(&target);
        let Some(known) = known else {
            self.is_intent = true;
            self.held.push(held);
            return;
        };
        match wanted(run, live, known) {
            Ok(Step::Done(frame)) => {
                self.children.extend(frame);
                held.projected = true;
                if !known.projected {
                    self.events.push(Event::normal(
                        format!(
                            "projected-{}-{}",
                            workload::uid(live),
                            run.binding.generation()
                        ),
                        "Projected",
                        format!("the binding is in {}", name(&target)),
                    ));
                }
            }
            Ok(Step::Hold(child)) => self.write(child),
            Ok(Step::Make(child)) => {
                self.write(child);
                self.tags.push(format!("in {}", name(&target)));
                if was_unchanged(run.cx, run.binding.generation(), &target) {
                    let gap = incomplete(&target);
                    held.message = Some(gap.message.clone());
                    self.gaps.push((name(&target), gap));
                }
            }
            // What is in it stays in it.
            Err(gap) => {
                held.message = Some(gap.message.clone());
                held.refused = refused(run, live, known);
                self.gaps.push((name(&target), gap));
            }
        }
        self.held.push(held);
    }

    /// One workload that the binding was for.
    fn take_out(
        &mut self,
        cx: &Context,
        kinds: &[KindInfo],
        (namespace, uid): (&str, &str),
        held: &Held,
    ) -> Result<(), Failure> {
        let target = held.target(namespace, kinds);
        match leaving::step(cx, kinds, &target, uid)? {
            leaving::Step::Gone => {
                if held.projected {
                    self.events.push(Event::normal(
                        format!("unprojected-{}-{}", held.kind, held.name),
                        "Unprojected",
                        format!("the binding is not in {} any more", name(&target)),
                    ));
                }
            }
            leaving::Step::Write { child, is_last } => {
                self.write(child);
                self.leaving.push(name(&target));
                if is_last {
                    self.tags.push(format!("out {}", name(&target)));
                }
                self.left.push(held.clone());
            }
            leaving::Step::Blocked(gap) => {
                let mut held = held.clone();
                held.message = Some(gap.message.clone());
                self.left.push(held);
                self.gaps.push((name(&target), gap));
            }
        }
        Ok(())
    }

    fn outcome(self, binding: &Object<ServiceBinding>, service: &Service) -> Outcome {
        let is_in = self.held.iter().any(|held| held.projected);
        let before = binding.status.binding.as_ref().map(|secret| &secret.name);
        let secret = service.secret.as_ref().or_else(|| before.filter(|_| is_in));
        let until = self
            .held
            .iter()
            .filter_map(|held| held.refused.as_ref()?.until)
            .min();
        let status = Status {
            observed_generation: Some(binding.generation()),
            binding: secret.map(|name| SecretName { name: name.clone() }),
            workloads: self.held.iter().chain(&self.left).cloned().collect(),
        };
        let requeue = if self.is_intent {
            Requeue::OnceWritten
        } else if self.is_writing {
            Requeue::After(LOOK_AGAIN)
        } else {
            until.map_or(Requeue::OnChange, Requeue::At)
        };
        let outcome = Outcome::new()
            .tag(leaving::tag(binding.generation(), &self.tags))
            .status(binding, &status)
            .requeue(requeue)
            .events(self.events.clone());
        let workloads = told::workloads(&self.gaps, self.absent.as_ref(), &self.held, service);
        told::conditions(outcome.children(self.children), service, workloads)
    }
}

/// What brings the binding into a workload as it should be.
fn wanted(run: &Run<'_>, live: &Value, known: &Held) -> Result<Step, Gap> {
    let spec = &run.binding.spec;
    let uid = uid(run.binding);
    let target = workload::reference(live);
    let way = run.way.as_ref().map_err(Clone::clone)?;
    if let Some(gap) = workload::unchangeable(&target) {
        return Err(gap);
    }
    let secret = match &run.service.secret {
        Some(secret) => secret.clone(),
        // What is in stays in while its service is away.
        None => projected_secret(live, uid).ok_or_else(|| run.service.gap())?,
    };
    if let Some((error, _)) = still_refused(run, live, known) {
        return Err(error);
    }
    let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    let wish = Projection {
        uid: uid.to_owned(),
        name: some(&spec.name).unwrap_or_else(|| run.binding.name().to_owned()),
        secret,
        kind: some(&spec.kind),
        provider: some(&spec.provider),
        env: spec.env.clone(),
        containers: spec.workload.containers.clone(),
    };
    child::put(live, &wish, way).map_err(|error| Gap::no("ProjectionFailed", error.to_string()))
}

/// Whether the API server made nothing of what was put in last.
fn was_unchanged(cx: &Context, generation: i64, target: &ObjectRef) -> bool {
    cx.last().is_some_and(|last| {
        let line = format!("in {}", name(target));
        leaving::generation(&last.tag) == Some(generation)
            && last.tag.lines().any(|tag| tag == line)
            && last
                .writes
                .iter()
                .any(|write| write.target == *target && write.status == WriteStatus::Unchanged)
    })
}

fn incomplete(target: &ObjectRef) -> Gap {
    Gap::no(
        "ProjectionIncomplete",
        format!(
            "{}: the API server does not keep what is put in\nhint: the definition of its kind may have no such fields; correct the mapping",
            name(target)
        ),
    )
}

/// What the API server said to the last try, and until when there is no other.
fn still_refused(run: &Run<'_>, live: &Value, known: &Held) -> Option<(Gap, Refused)> {
    let target = workload::reference(live);
    let version = workload::version(live);
    let generation = run.binding.generation();
    let news = run
        .cx
        .last()
        .filter(|last| leaving::generation(&last.tag) == Some(generation))
        .and_then(|last| {
            last.writes.iter().find_map(|write| match &write.status {
                WriteStatus::Refused(error) if known.is(&write.target) => Some(error),
                _ => None,
            })
        })
        .filter(|error| !is_passing(error));
    if let Some(error) = news {
        let refused = Refused {
            version: version.to_owned(),
            generation,
            reason: error.reason.clone(),
            until: Some(run.cx.now() + PATIENCE),
        };
        return Some((refusal(&target, error), refused));
    }
    let refused = known.refused.clone()?;
    let is_same = refused.version == version && refused.generation == generation;
    let is_early = refused.until.is_some_and(|until| run.cx.now() < until);
    (is_same && is_early).then(|| {
        let message = known.message.clone().unwrap_or_default();
        (Gap::no(reason(&refused.reason), message), refused)
    })
}

fn refused(run: &Run<'_>, live: &Value, known: &Held) -> Option<Refused> {
    still_refused(run, live, known).map(|(_, refused)| refused)
}

/// What the next look may find otherwise: somebody wrote in between, or it is gone.
fn is_passing(error: &ApiError) -> bool {
    match error.code {
        404 => true,
        409 => !error.message.contains("conflict with"),
        code => code == 429 || code >= 500,
    }
}

fn refusal(target: &ObjectRef, error: &ApiError) -> Gap {
    let hint = match error.code {
        409 => {
            "\nhint: somebody else sets the same field; take it out of there, or give spec.name or spec.env of the binding another name"
        }
        _ => "",
    };
    Gap::no(
        reason(&error.reason),
        format!("{} was not changed: {}{hint}", name(target), error.message),
    )
}

fn reason(reason: &str) -> &'static str {
    match reason {
        "Forbidden" | "GrantMissing" => "WorkloadForbidden",
        "Conflict" => "WorkloadConflict",
        _ => "WorkloadRefused",
    }
}

/// `Deployment web`.
fn name(target: &ObjectRef) -> String {
    format!("{} {}", target.kind, target.name)
}
