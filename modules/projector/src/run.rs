//! One run for one `ServiceBinding`: what is there is read, what should be is a function of it.
//!
//! A workload stands in `status.workloads` before it is changed for the first time, so that a binding that was killed, edited or
//! deleted still knows where it is. Where it is put in follows [`projection`](crate::projection); which fields of the workload
//! that takes, [`fields`](crate::fields).

mod child;
mod leaving;
mod mapping;
mod refusals;
mod service;
#[cfg(test)]
mod tests;
mod told;
mod workload;

use std::time::Duration;

use oarlock_sdk::{
    AnyObject, Child, ConditionStatus, Context, Event, Failure, KindInfo, Object, ObjectRef,
    Outcome, Requeue, Timestamp, Value,
};

use crate::projection::{Projection, projected_secret};
use crate::spec::{GROUP, Held, Leaving, SecretName, ServiceBinding, Status, group};
use child::{Step, Way};
use refusals::Refusals;
use service::Service;

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
    let refusals = Refusals::read(cx, binding.generation(), &binding.status.workloads);
    let whose = leaving::Whose {
        namespace: binding.namespace(),
        uid: uid(binding),
        refusals: &refusals,
    };
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
                binding,
                service: &service,
                way: &way,
                refusals: &refusals,
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
                plan.take_out(cx, &kinds, &whose, held)?;
            }
        }
        workload::Found::Nothing(gap) => {
            for held in &binding.status.workloads {
                plan.take_out(cx, &kinds, &whose, held)?;
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
    binding: &'a Object<ServiceBinding>,
    service: &'a Service,
    way: &'a Result<Way, Gap>,
    refusals: &'a Refusals<'a>,
}

/// What becomes of the workloads.
#[derive(Default)]
struct Plan {
    /// Those that were not refused.
    children: Vec<Child>,
    /// Those that were, and are tried again: after them nothing may be tried any more.
    again: Vec<Child>,
    /// Those that are, as they are: so that nobody lets go of them.
    still: Vec<Child>,
    /// Those that the binding is for.
    held: Vec<Held>,
    /// Those that it was for, and is still in.
    left: Vec<Held>,
    /// By workload: why it is not as it should be.
    gaps: Vec<(String, Gap)>,
    /// There is no workload.
    absent: Option<Gap>,
    /// Names of those that are being deleted.
    going: Vec<String>,
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
    fn write(&mut self, child: Child, refused: Option<&Held>) {
        match refused {
            Some(held) => {
                self.tags.extend(refusals::line(held));
                self.again.push(child);
            }
            None => self.children.push(child),
        }
        self.is_writing = true;
    }

    /// What is refused is left as it is for a while.
    fn refuse(&mut self, refused: &Held, still: Option<Child>) {
        self.tags.extend(refusals::line(refused));
        self.still.extend(still);
    }

    /// In the order in which they are written.
    fn children(&mut self) -> Vec<Child> {
        let mut children = std::mem::take(&mut self.children);
        children.append(&mut self.again);
        children.append(&mut self.still);
        children
    }

    /// When what is refused is tried again.
    fn until(&self) -> Option<Timestamp> {
        let all = self.held.iter().chain(&self.left);
        all.filter_map(|held| held.refused.as_ref()?.until).min()
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
            self.going.push(name(&target));
            return;
        }
        let mut held = Held::of(&target);
        let Some(known) = known else {
            self.is_intent = true;
            self.held.push(held);
            return;
        };
        let refused = run.refusals.of(live);
        let is_in_force = |refused: &&Held| run.refusals.is_in_force(refused, live);
        match wanted(run, live) {
            // What is in it stays in it.
            Err(gap) => {
                let way = run.way.as_ref().ok();
                let uid = uid(run.binding);
                let frame = way.and_then(|way| child::held_frame(live, uid, &way.kind));
                self.still.extend(frame);
                held.message = Some(gap.message.clone());
                self.gaps.push((name(&target), gap));
            }
            Ok(_) if let Some(refused) = refused.as_ref().filter(is_in_force) => {
                self.put_off(run, live, &mut held, refused);
            }
            Ok(Step::Done(frame)) => {
                match &refused {
                    Some(refused) if frame.is_some() && !known.projected => {
                        self.tags.extend(refusals::line(refused));
                        self.again.extend(frame);
                    }
                    _ => self.children.extend(frame),
                }
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
            Ok(Step::Hold(child)) => self.write(child, refused.as_ref()),
            Ok(Step::Make(child)) => {
                let unkept = run.refusals.unkept(live, &child.object());
                if let Some(unkept) = unkept.as_ref().filter(is_in_force) {
                    self.put_off(run, live, &mut held, unkept);
                } else {
                    if let Some(gap) = unkept.as_ref().and_then(refusals::gap) {
                        held.message = Some(gap.message.clone());
                        self.gaps.push((name(&target), gap));
                    }
                    self.tags.push(format!("in {}", name(&target)));
                    self.tags.extend(unkept.as_ref().and_then(refusals::line));
                    held.refused = unkept.and_then(|unkept| unkept.refused);
                    self.write(child, refused.as_ref());
                }
            }
        }
        self.held.push(held);
    }

    fn put_off(&mut self, run: &Run<'_>, live: &Value, held: &mut Held, refused: &Held) {
        let way = run.way.as_ref().ok();
        let still = way.and_then(|way| child::as_is(live, uid(run.binding), &way.kind));
        self.refuse(refused, still);
        held.message.clone_from(&refused.message);
        held.refused.clone_from(&refused.refused);
        if let Some(gap) = refusals::gap(refused) {
            self.gaps.push((held.label(), gap));
        }
    }

    /// One workload that the binding was for.
    fn take_out(
        &mut self,
        cx: &Context,
        kinds: &[KindInfo],
        whose: &leaving::Whose<'_>,
        held: &Held,
    ) -> Result<(), Failure> {
        let target = held.target(whose.namespace, kinds);
        match leaving::step(cx, kinds, &target, whose)? {
            leaving::Step::Gone => {
                if held.projected {
                    self.events.push(Event::normal(
                        format!("unprojected-{}-{}", held.kind, held.name),
                        "Unprojected",
                        format!("the binding is not in {} any more", name(&target)),
                    ));
                }
            }
            leaving::Step::Write {
                child,
                is_last,
                refused,
            } => {
                self.write(child, refused.as_ref());
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
            leaving::Step::Refused { refused, still } => {
                self.refuse(&refused, still);
                self.gaps
                    .extend(refusals::gap(&refused).map(|gap| (name(&target), gap)));
                self.left.push(Held {
                    message: refused.message,
                    refused: refused.refused,
                    ..held.clone()
                });
            }
        }
        Ok(())
    }

    fn outcome(mut self, binding: &Object<ServiceBinding>, service: &Service) -> Outcome {
        let is_in = self.held.iter().any(|held| held.projected);
        let before = binding.status.binding.as_ref().map(|secret| &secret.name);
        let secret = service.secret.as_ref().or_else(|| before.filter(|_| is_in));
        let until = self.until();
        if self.held.is_empty() && !self.going.is_empty() {
            let gap =
                |names: &str| Gap::no("WorkloadNotFound", format!("{names} is being deleted"));
            self.absent = Some(gap(&self.going.join(", ")));
        }
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
        told::conditions(outcome.children(self.children()), service, workloads)
    }
}

/// What brings the binding into a workload as it should be.
fn wanted(run: &Run<'_>, live: &Value) -> Result<Step, Gap> {
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

/// `Deployment web`.
fn name(target: &ObjectRef) -> String {
    format!("{} {}", target.kind, target.name)
}
