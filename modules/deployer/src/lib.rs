//! Rolls a new version out in steps: the `Deployer` of `deploy.example.com/v1alpha1`.
//!
//! A Deployer names an image and a version. The module keeps one Deployment per revision, which is a pod template. A new
//! one gets its own beside the old one, and grows step by step while the old one shrinks (`canary`), takes over as a whole
//! (`blueGreen`), or comes when the old one is gone and a Job has run (`recreate`).
//!
//! What is where: `spec` and `status` are what stands in YAML; `plan` is the spec, checked; `template` renders the pod
//! template; `deployment`, `migration` and `services` are how Deployments, Jobs and Services are read and written; `fleet`
//! counts; `rollout` decides (a state machine; the arithmetic is of the package `rollout`); `report` says it to people, and
//! `audience` is who else hears it.

mod audience;
mod deployment;
mod fleet;
mod migration;
mod naming;
mod plan;
mod report;
mod rollout;
mod services;
mod spec;
mod status;
mod template;

#[cfg(test)]
mod crd;
#[cfg(test)]
mod tests;

use ::rollout::analysis::{Check, Inquiry, Scope, Webhooks};
use oarlock_sdk::{Child, Context, Failure, Object, Outcome, Requeue};

use crate::audience::Audience;
use crate::deployment::DeploymentSpec;
use crate::fleet::Fleet;
use crate::migration::Jobs;
use crate::plan::Plan;
use crate::rollout::{Deed, Situation, State};
use crate::services::Services;
use crate::spec::DeployerSpec;

/// The CustomResourceDefinition, as JSON.
pub const CRD: &str = include_str!("../crd.json");

/// What becomes of a Deployer that is deleted: its Deployments and Jobs go with it, as their owner references say (or stay,
/// where `--cascade=orphan` says so), and its Services get their selectors back, which is the host's part.
pub fn deleted() -> Outcome {
    Outcome::new().finalized()
}

/// One run for one Deployer that is not being deleted.
///
/// # Errors
///
/// [`Failure::Invalid`] for a spec that cannot be rolled out.
pub fn reconcile(deployer: Object<DeployerSpec>, cx: &Context) -> Result<Outcome, Failure> {
    let children = cx.children_of::<DeploymentSpec>()?;
    let plan = Plan::of(&deployer, &children, cx)?;
    let audience = Audience::of(&deployer, cx)?;
    let fleet = Fleet::of(children);
    let jobs = match plan.migration.is_some() || deployer.status.migration.is_some() {
        true => Jobs::read(cx)?,
        false => Jobs::default(),
    };
    let services = Services::read(&plan, cx)?;
    let inquiry = Inquiry::new(cx);
    let ask = |checks: &[Check], scope: &Scope| inquiry.checks(checks, &Webhooks::default(), scope);
    let known = State::read(&deployer.status);
    let situation = Situation {
        plan: &plan,
        fleet: &fleet,
        jobs: &jobs,
        services: &services,
        now: cx.now(),
        generation: deployer.generation(),
        tracks: &deployer.status.tracks,
        why: deployer.status.why.as_ref(),
        ask: &ask,
    };
    let turn = rollout::step(known, &situation);

    let status = report::observed(&turn, &situation);
    let events = report::events(&turn, &situation, &deployer.metadata.resource_version);
    let outcome = audience
        .notices(&events, &turn, &situation)
        .into_iter()
        .fold(Outcome::new(), Outcome::notify);
    let outcome = report::conditions(&turn, &situation)
        .into_iter()
        .fold(outcome, Outcome::condition)
        .status(&deployer, &status)
        .events(events)
        .events(audience.problems(deployer.generation()));
    let wake = turn.decision.wake;
    Ok(match turn.deed {
        Deed::Write => outcome.once_written(),
        Deed::Act { sizes, job } => {
            let available = fleet.count(&turn.state.to).available;
            outcome
                // First of all: nothing leaves as long as traffic cannot be moved.
                .children(services.children(&plan, &turn.state, available))
                .children(
                    fleet
                        .children(&plan, sizes)
                        .into_iter()
                        // Replicas that somebody set by hand are that somebody's field: they are put back all the same.
                        .map(|deployment| Child::apply(deployment).force()),
                )
                .children(jobs.children(&plan, &turn.state, job.as_ref()))
                .requeue(wake.map_or(Requeue::OnChange, Requeue::At))
        }
    })
}
