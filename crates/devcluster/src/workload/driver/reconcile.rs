//! One look at one object: facts from the picture, a decision, its execution.

use std::sync::Arc;

use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, ObjectMeta};

use super::{CONTROLLERS, Driver, status_by};
use crate::status::{Reason, Status};
use crate::store::{DeleteOptions, Key, Subresource, Write};
use crate::workload::action::{Action, Body, Decision, Kind};
use crate::workload::cache::Work;
use crate::workload::kubelet::{self, Life, Step, node};
use crate::workload::ownership::{self, Claim, controller_of, controller_reference, uid};
use crate::workload::replicaset::{self, Failure};
use crate::workload::{daemonset, deployment, job, statefulset};

impl Driver {
    /// Looks at an object and does what there is to do.
    pub(super) fn reconcile(&mut self, work: Work) {
        let outcome = match work.kind {
            Kind::Pod => self.pod(&work),
            Kind::ReplicaSet => self.replica_set(&work),
            Kind::StatefulSet => self.stateful_set(&work),
            Kind::DaemonSet => self.daemon_set(&work),
            Kind::Job => self.job(&work),
            Kind::Deployment => self.deployment(&work),
        };
        match outcome {
            Ok(()) => {
                self.failures.remove(&work);
            }
            Err(refusal) => self.retry(work, &refusal),
        }
    }

    fn pod(&mut self, work: &Work) -> Result<(), Status> {
        let Some(pod) = self.cache.pods.get(&work.key) else {
            return Ok(());
        };
        let now = self.now();
        let conduct = self.settings.conduct(&pod);
        let on_node =
            pod.spec.as_ref().and_then(|spec| spec.node_name.as_deref()) == Some(node::NAME);
        if on_node {
            let addresses = &mut self.addresses;
            let life = self
                .lives
                .entry(String::from(uid(&pod.metadata)))
                .or_insert_with(|| {
                    *addresses += 1;
                    Life {
                        started: now,
                        began: now,
                        conduct: conduct.clone(),
                        address: *addresses,
                    }
                });
            life.turn(conduct.clone(), now);
        }
        let life = self.lives.get(uid(&pod.metadata));
        let step = kubelet::step(&pod, &conduct, life, self.settings.termination, now);
        let mut wake = None;
        match step {
            Step::Bind(pod) => {
                let write = Write::by("kube-scheduler").to(Subresource::Other("binding"));
                self.update(&Body::Pod(pod), &write)?;
            }
            Step::Refuse(pod) => self.update(&Body::Pod(pod), &status_by("kube-scheduler"))?,
            Step::Report(pod) => self.update(&Body::Pod(pod), &status_by("kubelet"))?,
            Step::Remove => self.delete(Kind::Pod, &pod.metadata, DeleteOptions::now())?,
            Step::Wait(instant) => wake = instant,
        }
        self.timers.set(work, wake);
        Ok(())
    }

    fn deployment(&mut self, work: &Work) -> Result<(), Status> {
        let Some(deployment) = self.cache.deployments.get(&work.key) else {
            return Ok(());
        };
        if !deployment::selects(&deployment) {
            return Ok(());
        }
        let selector = deployment.spec.as_ref().map(|spec| &spec.selector);
        let claims = self.cache.replica_sets.claims(
            &deployment.metadata,
            selector.unwrap_or(&LabelSelector::default()),
        );
        let mut sets = Vec::new();
        for (claim, set) in claims {
            let body = Body::ReplicaSet(Box::new((*set).clone()));
            if self.settle(Kind::Deployment, &deployment.metadata, claim, body)? {
                let key = key(&set.metadata);
                sets.extend(self.cache.replica_sets.get(&key));
            }
        }
        let pods: Vec<Arc<Pod>> = sets
            .iter()
            .flat_map(|set| self.cache.pods.controlled_by(&set.metadata))
            .cloned()
            .collect();
        let observed = deployment::Observed {
            deployment: &deployment,
            sets: &sets,
            pods: &pods,
            now: self.now(),
        };
        let decision = deployment::decide(&observed);
        let creates = matches!(decision.actions.first(), Some(Action::Create(_)));
        match self.carry_out(work, decision) {
            Err(refusal) if creates && refusal.reason == Reason::AlreadyExists => {
                self.act(&deployment::collided(&deployment))
            }
            outcome => outcome,
        }
    }

    fn replica_set(&mut self, work: &Work) -> Result<(), Status> {
        let Some(set) = self.cache.replica_sets.get(&work.key) else {
            return Ok(());
        };
        let default = LabelSelector::default();
        let selector = set.spec.as_ref().map_or(&default, |spec| &spec.selector);
        let pods = self.claim_pods(Kind::ReplicaSet, &set.metadata, selector)?;
        let mut failure = None;
        let mut refused = None;
        for action in replicaset::scale(&set, &pods) {
            if let Err(refusal) = self.act(&action) {
                let reason = if matches!(action, Action::Create(_)) {
                    "FailedCreate"
                } else {
                    "FailedDelete"
                };
                failure = Some(Failure {
                    reason,
                    message: refusal.message.clone(),
                });
                refused = Some(refusal);
                break;
            }
        }
        let pods: Vec<Arc<Pod>> = self
            .cache
            .pods
            .controlled_by(&set.metadata)
            .cloned()
            .collect();
        let decision = replicaset::report(&set, &pods, failure.as_ref(), self.now());
        self.carry_out(work, decision)?;
        refused.map_or(Ok(()), Err)
    }

    fn stateful_set(&mut self, work: &Work) -> Result<(), Status> {
        let Some(set) = self.cache.stateful_sets.get(&work.key) else {
            return Ok(());
        };
        let default = LabelSelector::default();
        let selector = set.spec.as_ref().map_or(&default, |spec| &spec.selector);
        let pods = self.claim_pods(Kind::StatefulSet, &set.metadata, selector)?;
        let decision = statefulset::decide(&set, &pods, self.now());
        self.carry_out(work, decision)
    }

    fn daemon_set(&mut self, work: &Work) -> Result<(), Status> {
        let Some(set) = self.cache.daemon_sets.get(&work.key) else {
            return Ok(());
        };
        let default = LabelSelector::default();
        let selector = set.spec.as_ref().map_or(&default, |spec| &spec.selector);
        let pods = self.claim_pods(Kind::DaemonSet, &set.metadata, selector)?;
        let decision = daemonset::decide(&set, &pods, self.now());
        self.carry_out(work, decision)
    }

    fn job(&mut self, work: &Work) -> Result<(), Status> {
        let Some(job) = self.cache.jobs.get(&work.key) else {
            return Ok(());
        };
        let pods: Vec<Arc<Pod>> = self
            .cache
            .pods
            .controlled_by(&job.metadata)
            .cloned()
            .collect();
        let now = self.now();
        let tally = self
            .tallies
            .entry(String::from(uid(&job.metadata)))
            .or_default();
        tally.count(&pods, now);
        let decision: Decision = job::decide(&job, &pods, tally, now);
        self.carry_out(work, decision)
    }

    /// The pods that the owner controls once adoption and release are through.
    fn claim_pods(
        &mut self,
        kind: Kind,
        owner: &ObjectMeta,
        selector: &LabelSelector,
    ) -> Result<Vec<Arc<Pod>>, Status> {
        for (claim, pod) in self.cache.pods.claims(owner, selector) {
            if claim != Claim::Owned {
                self.settle(kind, owner, claim, Body::Pod(Box::new((*pod).clone())))?;
            }
        }
        Ok(self.cache.pods.controlled_by(owner).cloned().collect())
    }

    /// Adopts or releases; whether the object is the owner's then.
    fn settle(
        &mut self,
        kind: Kind,
        owner: &ObjectMeta,
        claim: Claim,
        mut body: Body,
    ) -> Result<bool, Status> {
        let reference = controller_reference(kind.api_version(), kind.name(), owner);
        let meta = match &mut body {
            Body::Pod(object) => &mut object.metadata,
            Body::ReplicaSet(object) => &mut object.metadata,
            // Nothing else is adopted.
            _ => return Ok(false),
        };
        match claim {
            Claim::Owned => return Ok(controller_of(meta).is_some()),
            Claim::Foreign => return Ok(false),
            Claim::Adopt => ownership::adopt(meta, reference),
            Claim::Release => ownership::release(meta, uid(owner)),
        }
        self.update(&body, &Write::by(CONTROLLERS))?;
        Ok(claim == Claim::Adopt)
    }
}

fn key(meta: &ObjectMeta) -> Key {
    Key::new(ownership::namespace(meta), ownership::name(meta))
}
