//! The Deployments that a Deployer owns, and what they shall be next.

use std::collections::BTreeMap;

use oarlock_sdk::{Object, Value};
use rollout::arithmetic::Count;

use crate::deployment::{Deployment, DeploymentSpec, Labels, REPLICAS, REVISION, VERSION};
use crate::plan::Plan;
use crate::status::Release;
use crate::template;

/// One Deployment as it is.
#[derive(Clone, Debug)]
pub(crate) struct Track {
    pub(crate) name: String,
    pub(crate) count: Count,
    /// `spec.replicas` as it is; `count.wanted` is what was asked for last.
    pub(crate) live: u32,
    pub(crate) ready: u32,
    /// Pods on their way out, where the API server counts them.
    pub(crate) terminating: u32,
    pub(crate) generation: i64,
    /// Whether its status is about its spec.
    pub(crate) observed: bool,
    /// Whether all its Pods are of what its spec says.
    settled: bool,
    /// Why Pods do not come.
    pub(crate) failure: Option<String>,
    labels: Labels,
    selector: Labels,
    template: Value,
}

/// All Deployments of one Deployer, by name.
#[derive(Clone, Debug)]
pub(crate) struct Fleet {
    tracks: BTreeMap<String, Track>,
}

/// A Deployment and the replicas that it shall have.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Sized {
    pub(crate) release: Release,
    pub(crate) replicas: u32,
}

impl Fleet {
    pub(crate) fn of(owned: Vec<Object<DeploymentSpec>>) -> Self {
        let tracks = owned.into_iter().map(Track::of);
        Self {
            tracks: tracks.map(|track| (track.name.clone(), track)).collect(),
        }
    }

    pub(crate) fn track(&self, release: &Release) -> Option<&Track> {
        self.tracks.get(&release.deployment)
    }

    pub(crate) fn tracks(&self) -> impl Iterator<Item = &Track> {
        self.tracks.values()
    }

    /// How much there is of a release.
    pub(crate) fn count(&self, release: &Release) -> Count {
        self.track(release)
            .map(|track| track.count)
            .unwrap_or_default()
    }

    /// Whether the release's Deployment runs it, and nothing else.
    pub(crate) fn is_settled(&self, release: &Release) -> bool {
        self.track(release).is_some_and(|track| {
            track.settled && template::same_images(&track.template, &release.template)
        })
    }

    /// Those that are not among these.
    pub(crate) fn besides<'a>(&'a self, known: &'a [&Release]) -> impl Iterator<Item = &'a Track> {
        self.tracks()
            .filter(|track| known.iter().all(|release| release.deployment != track.name))
    }

    /// Whether no Pod of these is left.
    pub(crate) fn is_gone(&self, track: &Track) -> bool {
        track.observed && track.live == 0 && track.count.running == 0 && track.terminating == 0
    }

    /// The Deployments to apply: what grows comes before what shrinks.
    pub(crate) fn children(&self, plan: &Plan, mut sizes: Vec<Sized>) -> Vec<Deployment> {
        let shrinks = |one: &Sized| {
            self.track(&one.release)
                .is_some_and(|track| one.replicas < track.live)
        };
        sizes.sort_by_key(shrinks);
        sizes
            .into_iter()
            .map(|one| {
                let selector = self.track(&one.release).map(|track| track.selector.clone());
                Deployment::new(
                    &plan.namespace,
                    &one.release,
                    one.replicas,
                    plan.min_ready_seconds,
                    selector.filter(|selector| !selector.is_empty()),
                )
            })
            .collect()
    }
}

impl Track {
    fn of(child: Object<DeploymentSpec>) -> Self {
        let status = &child.status;
        let observed = status.observed_generation >= child.generation();
        let live = child.spec.replicas;
        let asked = child.metadata.annotations.get(REPLICAS);
        Self {
            name: String::from(child.name()),
            count: Count {
                wanted: asked.and_then(|text| text.parse().ok()).unwrap_or(live),
                running: status.replicas,
                // Those that somebody scaled away do not serve any more, whatever was counted before.
                available: status.available_replicas.min(live),
            },
            live,
            ready: status.ready_replicas,
            terminating: status.terminating_replicas,
            generation: child.generation(),
            observed,
            settled: observed
                && status.updated_replicas >= live
                && status.replicas <= status.updated_replicas,
            failure: status.failure().map(String::from),
            labels: child.metadata.labels.clone(),
            selector: child.spec.selector.match_labels,
            template: child.spec.template,
        }
    }

    /// Whether somebody else scaled it, or changed what its Pods are.
    pub(crate) fn is_changed(&self, release: &Release) -> bool {
        self.live != self.count.wanted || !template::covers(&self.template, &release.template)
    }

    /// What it runs, as it is: for one that nobody remembers.
    pub(crate) fn release(&self) -> Release {
        let label = |key: &str| self.labels.get(key).cloned().unwrap_or_default();
        let image = self.template.pointer("/spec/containers/0/image");
        Release {
            deployment: self.name.clone(),
            version: label(VERSION),
            image: image.and_then(Value::as_str).unwrap_or_default().into(),
            revision: label(REVISION),
            template: self.template.clone(),
        }
    }
}
