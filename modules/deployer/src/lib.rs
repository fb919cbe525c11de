//! Rolls a new version out in steps: the `Deployer` of `deploy.example.com/v1alpha1`.
//!
//! A Deployer names an image and a version. The module keeps one Deployment per version. A new version gets its own
//! beside the old one, and grows step by step while the old one shrinks, until the old one leaves.
//!
//! What is where: `spec` and `status` are what stands in YAML; `plan` is the spec, checked; `deployment` is how
//! Deployments are read and written; `fleet` counts them; `rollout` decides (a state machine, with `split` for
//! the arithmetic); `report` says it to people.

mod deployment;
mod fleet;
mod naming;
mod plan;
mod report;
mod rollout;
mod spec;
mod split;
mod status;

#[cfg(test)]
mod crd;
#[cfg(test)]
mod tests;

use oarlock_sdk::{Child, Context, Failure, Object, Outcome, Requeue};

use crate::deployment::DeploymentSpec;
use crate::fleet::Fleet;
use crate::plan::Plan;
use crate::rollout::{Situation, State, Turn};
use crate::spec::DeployerSpec;

/// The CustomResourceDefinition, as JSON.
pub const CRD: &str = include_str!("../crd.json");

/// One run for one Deployer.
///
/// # Errors
///
/// [`Failure::Invalid`] for a spec that cannot be rolled out.
pub fn reconcile(deployer: Object<DeployerSpec>, cx: &Context) -> Result<Outcome, Failure> {
    let children = cx.children_of::<DeploymentSpec>()?;
    let plan = Plan::of(&deployer, &children)?;
    let fleet = Fleet::of(&plan, children);
    let known = State::read(&deployer.status);
    let situation = Situation {
        plan: &plan,
        fleet: &fleet,
        now: cx.now(),
        generation: deployer.generation(),
    };
    let turn = rollout::step(known, &situation);

    let outcome = Outcome::new()
        .status(&deployer, &turn.state().write(deployer.generation(), &plan))
        .condition(report::ready(&turn, &situation))
        .condition(report::running(&turn, &situation))
        .events(report::events(&turn, &situation));
    Ok(match turn {
        Turn::Enter { .. } => outcome.once_written(),
        Turn::Act {
            state, sizes, wake, ..
        } => outcome
            .children(
                fleet
                    .children(&plan, &state, &sizes)
                    .into_iter()
                    // Replicas that somebody set by hand are that somebody's field: they are put back all the same.
                    .map(|deployment| Child::apply(deployment).force()),
            )
            .requeue(wake.map_or(Requeue::OnChange, Requeue::At)),
    })
}
