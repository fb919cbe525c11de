//! The simulated kubelet and scheduler: what becomes of one pod.
//!
//! Pure: [`step`] looks at a pod, at what it is to do and at when that began, and says the next write. The node it runs on
//! is described in [`node`].

use k8s_openapi::api::core::v1::Pod;
use oarlock_core::timestamp::Timestamp;

use self::status::Status;
use super::instant::{earlier, instant, seconds};
use super::settings::Conduct;

pub(crate) mod node;
mod status;
mod timeline;

#[cfg(test)]
mod tests;

/// What the kubelet remembers of a pod, since the API counts whole seconds only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Life {
    /// When the pod came to its node.
    pub(crate) started: Timestamp,
    /// When it began to do what it does.
    pub(crate) began: Timestamp,
    /// What it does.
    pub(crate) conduct: Conduct,
    /// Its place in the pod network.
    pub(crate) address: u32,
}

/// The next write for a pod.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Step {
    /// Put it on the node.
    Bind(Box<Pod>),
    /// Report that there is no node for it, as the scheduler.
    Refuse(Box<Pod>),
    /// Report on it, as the kubelet.
    Report(Box<Pod>),
    /// Its containers have stopped: remove it.
    Remove,
    /// Nothing now; look again at that instant.
    Wait(Option<Timestamp>),
}

impl Life {
    /// Takes over a change of conduct at `now`. A pod that is ready for good goes on when only the time that takes is changed.
    pub(crate) fn turn(&mut self, conduct: Conduct, now: Timestamp) {
        if self.conduct == conduct {
            return;
        }
        let merely_slower = conduct.ready_after().is_some();
        match self.conduct.ready_after() {
            Some(delay) if merely_slower && self.began.after(delay) <= now => return,
            Some(_) if merely_slower => {}
            Some(_) | None => self.began = now,
        }
        self.conduct = conduct;
    }
}

/// What to do about a pod. `life` is `None` until it was bound; `termination` is how long stopping takes.
pub(crate) fn step(
    pod: &Pod,
    conduct: &Conduct,
    life: Option<&Life>,
    termination: std::time::Duration,
    now: Timestamp,
) -> Step {
    let bound = pod
        .spec
        .as_ref()
        .and_then(|spec| spec.node_name.as_deref())
        .filter(|node| !node.is_empty());
    let Some(node) = bound else {
        return schedule(pod, conduct, now);
    };
    if node != node::NAME {
        // Bound by hand to a node that somebody else plays.
        return Step::Wait(None);
    }
    if let Some(step) = end(pod, termination, now) {
        return step;
    }
    let Some(life) = life else {
        return Step::Wait(None);
    };
    let (status, wake) = Status { pod, life, now }.build();
    if pod.status.as_ref() == Some(&status) {
        return Step::Wait(wake);
    }
    let mut pod = pod.clone();
    pod.status = Some(status);
    Step::Report(Box::new(pod))
}

fn schedule(pod: &Pod, conduct: &Conduct, now: Timestamp) -> Step {
    let gated = pod.spec.as_ref().is_some_and(|spec| {
        spec.scheduling_gates
            .as_ref()
            .is_some_and(|gates| !gates.is_empty())
    });
    if pod.metadata.deletion_timestamp.is_some() || gated {
        return Step::Wait(None);
    }
    let homeless = pod.spec.as_ref().is_some_and(|spec| {
        let wanted = spec.node_selector.iter().flatten();
        wanted
            .into_iter()
            .any(|(key, value)| !node::has_label(key, value))
    });
    if *conduct == Conduct::Unschedulable || homeless {
        let status = status::unschedulable(pod, now);
        if pod.status.as_ref() == Some(&status) {
            return Step::Wait(None);
        }
        let mut pod = pod.clone();
        pod.status = Some(status);
        return Step::Refuse(Box::new(pod));
    }
    let mut pod = pod.clone();
    pod.spec.get_or_insert_default().node_name = Some(String::from(node::NAME));
    Step::Bind(Box::new(pod))
}

/// The end of a pod that was told to end; `None` while it is not.
fn end(pod: &Pod, termination: std::time::Duration, now: Timestamp) -> Option<Step> {
    let deadline = instant(pod.metadata.deletion_timestamp.as_ref()?);
    let grace = pod.metadata.deletion_grace_period_seconds.unwrap_or(0);
    if grace == 0 {
        // Already forced; finalizers hold what is left of it.
        return Some(Step::Wait(None));
    }
    let asked = deadline
        .as_millis()
        .saturating_sub(u64::try_from(seconds(grace).as_millis()).unwrap_or(0));
    // The deadline is cut to the second, so the request may seem up to a second earlier than it was.
    let stopped = Timestamp::from_millis(asked)
        .after(termination)
        .min(deadline);
    if stopped <= now {
        return Some(Step::Remove);
    }
    Some(Step::Wait(earlier(Some(stopped), None)))
}
