//! The Deployments that a Deployer owns, and what they shall be next.

use oarlock_sdk::Object;

use crate::deployment::{self, Deployment, DeploymentSpec};
use crate::plan::Plan;
use crate::rollout::State;
use crate::split::{Size, Sizes};

/// One Deployment as it is.
#[derive(Clone, Debug)]
pub(crate) struct Track {
    pub(crate) name: String,
    pub(crate) size: Size,
    pub(crate) spec: DeploymentSpec,
    /// Whether all its Pods are of what its spec says.
    pub(crate) settled: bool,
    /// Why the Deployment controller gave up.
    pub(crate) failure: Option<String>,
}

/// All Deployments of one Deployer.
#[derive(Clone, Debug)]
pub(crate) struct Fleet {
    /// The one that the plan is about, and how it shall be.
    pub(crate) target: Option<Track>,
    pub(crate) wanted: DeploymentSpec,
    /// The others, sorted by name.
    pub(crate) others: Vec<Track>,
}

impl Fleet {
    pub(crate) fn of(plan: &Plan, owned: Vec<Object<DeploymentSpec>>) -> Self {
        let (target, others): (Vec<_>, Vec<_>) = owned
            .into_iter()
            .map(Track::of)
            .partition(|track| track.name == plan.release.deployment);
        let target = target.into_iter().next();
        let labels = deployment::labels(&plan.deployer, &plan.release.version, &plan.labels);
        // A selector cannot be changed: the one that it was created with stays.
        let selector = target
            .as_ref()
            .map(|track| track.spec.selector.match_labels.clone());
        let wanted = DeploymentSpec::new(&plan.release, labels.clone(), selector.unwrap_or(labels));
        Self {
            target,
            wanted,
            others,
        }
    }

    /// How much of the target there is.
    pub(crate) fn target_size(&self) -> Size {
        self.target
            .as_ref()
            .map(|track| track.size)
            .unwrap_or_default()
    }

    /// Whether the target runs what is wanted now, and nothing else.
    pub(crate) fn target_settled(&self) -> bool {
        self.target
            .as_ref()
            .is_some_and(|track| track.settled && track.spec.runs(&self.wanted))
    }

    /// The others in the order in which they leave; the baseline is the last, and there even where its Deployment is
    /// gone.
    pub(crate) fn leaving(&self, state: &State) -> Vec<(String, Size)> {
        let baseline = state
            .from
            .as_ref()
            .map(|release| release.deployment.as_str());
        let mut leaving: Vec<_> = self
            .others
            .iter()
            .map(|track| (track.name.clone(), track.size))
            .collect();
        if let Some(baseline) = baseline {
            let at = leaving.iter().position(|(name, _)| name == baseline);
            let last = at.map_or_else(
                || (String::from(baseline), Size::default()),
                |at| leaving.remove(at),
            );
            leaving.push(last);
        }
        leaving
    }

    /// The Deployments to apply: what grows comes before what shrinks.
    pub(crate) fn children(&self, plan: &Plan, state: &State, sizes: &Sizes) -> Vec<Deployment> {
        let mut children =
            vec![self.sized(plan, &plan.release.deployment, &self.wanted, sizes.target)];
        // With no sizes for them the others leave.
        for ((name, _), &replicas) in self.leaving(state).iter().zip(&sizes.others) {
            if let Some((spec, shrinks)) = self.other(plan, state, name, replicas) {
                let child = self.sized(plan, name, &spec, replicas);
                children.insert(if shrinks { children.len() } else { 0 }, child);
            }
        }
        children
    }

    fn sized(&self, plan: &Plan, name: &str, spec: &DeploymentSpec, replicas: u32) -> Deployment {
        Deployment::new(
            &plan.namespace,
            name,
            DeploymentSpec {
                replicas,
                ..spec.clone()
            },
        )
    }

    /// How another Deployment shall be, and whether it shrinks. The baseline is written as it is remembered, so that
    /// it comes back when somebody edits or deletes it.
    fn other(
        &self,
        plan: &Plan,
        state: &State,
        name: &str,
        replicas: u32,
    ) -> Option<(DeploymentSpec, bool)> {
        let track = self.others.iter().find(|track| track.name == name);
        let shrinks = track.is_some_and(|track| replicas <= track.size.wanted);
        let spec = match (
            state
                .from
                .as_ref()
                .filter(|release| release.deployment == name),
            track,
        ) {
            (Some(release), Some(track)) => DeploymentSpec::new(
                release,
                track.spec.template.metadata.labels.clone(),
                track.spec.selector.match_labels.clone(),
            ),
            // It left already, or there was nothing left of it.
            (Some(_), None) if replicas == 0 => return None,
            (Some(release), None) => {
                let labels = deployment::labels(&plan.deployer, &release.version, &plan.labels);
                DeploymentSpec::new(release, labels.clone(), labels)
            }
            (None, track) => track?.spec.clone(),
        };
        Some((spec, shrinks))
    }
}

impl Track {
    fn of(child: Object<DeploymentSpec>) -> Self {
        let status = &child.status;
        Self {
            name: String::from(child.name()),
            size: Size {
                wanted: child.spec.replicas,
                running: status.replicas,
                available: status.available_replicas,
            },
            settled: status.observed_generation >= child.generation()
                && status.updated_replicas >= child.spec.replicas
                && status.replicas <= status.updated_replicas,
            failure: status.failure().map(String::from),
            spec: child.spec,
        }
    }
}
