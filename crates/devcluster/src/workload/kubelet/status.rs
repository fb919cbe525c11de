//! A pod's status, built from what its containers are doing.

use k8s_openapi::api::core::v1::{
    Container, ContainerState, ContainerStateRunning, ContainerStateTerminated,
    ContainerStateWaiting, ContainerStatus, HostIP, Pod, PodCondition, PodIP, PodSpec, PodStatus,
};
use oarlock_core::timestamp::Timestamp;

use super::Life;
use super::node;
use super::timeline::{self, Moment, Restart, Run};
use crate::workload::instant::{earlier, time};
use crate::workload::ownership::{name, uid};
use crate::workload::readiness;
use crate::workload::settings::{Conduct, Program};

/// A pod at an instant.
pub(super) struct Status<'a> {
    pub(super) pod: &'a Pod,
    pub(super) life: &'a Life,
    pub(super) now: Timestamp,
}

/// How far the containers of a pod have come, taken together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Progress {
    /// Some container has never run.
    Starting,
    /// Some container runs or will run again.
    Running,
    /// All have ended well.
    Succeeded,
    /// All have ended, one of them badly.
    Failed,
}

/// The status of a pod that finds no node.
pub(super) fn unschedulable(pod: &Pod, now: Timestamp) -> PodStatus {
    let mut status = pod.status.clone().unwrap_or_default();
    status.phase = Some(String::from("Pending"));
    let condition = condition(
        pod,
        Written {
            kind: "PodScheduled",
            status: false,
            reason: Some("Unschedulable"),
            message: Some(String::from(
                "0/1 nodes are available: 1 node(s) are kept from the pod by the devcluster. \
                 preemption: 0/1 nodes are available: 1 Preemption is not helpful for scheduling.",
            )),
        },
        now,
    );
    status.conditions = Some(vec![condition]);
    status
}

impl Status<'_> {
    /// The status, and when it will next change by itself.
    pub(super) fn build(&self) -> (PodStatus, Option<Timestamp>) {
        let default = PodSpec::default();
        let spec = self.pod.spec.as_ref().unwrap_or(&default);
        let restart = match spec.restart_policy.as_deref() {
            Some("Never") => Restart::Never,
            Some("OnFailure") => Restart::OnFailure,
            _ => Restart::Always,
        };
        let mut wake = None;
        let mut moments = Vec::with_capacity(spec.containers.len());
        for index in 0..spec.containers.len() {
            let program = match &self.life.conduct {
                Conduct::Runs(programs) => programs.get(index).copied(),
                // Became unschedulable after it was scheduled: it runs on, as pods do.
                Conduct::Unschedulable => None,
            };
            let program = program.unwrap_or(Program::Runs {
                ready: Some(std::time::Duration::ZERO),
                exit: None,
            });
            let (moment, next) = timeline::at(program, restart, self.life.began, self.now);
            wake = earlier(wake, next);
            moments.push(moment);
        }
        let progress = progress(&moments);
        let containers: Vec<ContainerStatus> = spec
            .containers
            .iter()
            .zip(&moments)
            .map(|(container, moment)| self.container(container, *moment))
            .collect();
        let host_network = spec.host_network == Some(true);
        let address = if host_network {
            String::from(node::ADDRESS)
        } else {
            node::pod_address(self.life.address)
        };
        let status = PodStatus {
            phase: Some(String::from(match progress {
                Progress::Starting => "Pending",
                Progress::Running => "Running",
                Progress::Succeeded => "Succeeded",
                Progress::Failed => "Failed",
            })),
            conditions: Some(self.conditions(progress, &containers)),
            init_container_statuses: spec.init_containers.as_ref().map(|containers| {
                containers
                    .iter()
                    .map(|container| self.initial(container))
                    .collect()
            }),
            container_statuses: Some(containers),
            host_ip: Some(String::from(node::ADDRESS)),
            host_ips: Some(vec![HostIP {
                ip: String::from(node::ADDRESS),
            }]),
            pod_ips: Some(vec![PodIP {
                ip: address.clone(),
            }]),
            pod_ip: Some(address),
            start_time: Some(time(self.life.started)),
            observed_generation: self.pod.metadata.generation,
            qos_class: self
                .pod
                .status
                .as_ref()
                .and_then(|status| status.qos_class.clone())
                .or_else(|| Some(String::from(quality(spec)))),
            ..PodStatus::default()
        };
        let done = matches!(progress, Progress::Succeeded | Progress::Failed);
        (status, wake.filter(|_| !done))
    }

    /// In the kubelet's order.
    fn conditions(&self, progress: Progress, containers: &[ContainerStatus]) -> Vec<PodCondition> {
        let unready: Vec<&str> = containers
            .iter()
            .filter(|container| !container.ready)
            .map(|container| container.name.as_str())
            .collect();
        let (ended, not_ready) = match progress {
            Progress::Succeeded => (Some("PodCompleted"), Some("PodCompleted")),
            Progress::Failed => (None, Some("PodFailed")),
            Progress::Starting | Progress::Running if unready.is_empty() => (None, None),
            Progress::Starting | Progress::Running => (None, Some("ContainersNotReady")),
        };
        let message = (not_ready == Some("ContainersNotReady"))
            .then(|| format!("containers with unready status: [{}]", unready.join(" ")));
        let ready = not_ready.is_none();
        let live = !matches!(progress, Progress::Succeeded | Progress::Failed);
        let plain = |kind, status, reason| Written {
            kind,
            status,
            reason,
            message: None,
        };
        [
            plain("PodReadyToStartContainers", live, None),
            plain("Initialized", true, ended),
            Written {
                kind: "Ready",
                status: ready,
                reason: not_ready,
                message: message.clone(),
            },
            Written {
                kind: "ContainersReady",
                status: ready,
                reason: not_ready,
                message,
            },
            plain("PodScheduled", true, None),
        ]
        .map(|written| condition(self.pod, written, self.now))
        .into()
    }

    fn container(&self, container: &Container, moment: Moment) -> ContainerStatus {
        let image = container.image.clone().unwrap_or_default();
        let blank = ContainerStatus {
            name: container.name.clone(),
            image: image.clone(),
            image_id: String::new(),
            state: None,
            last_state: Some(ContainerState::default()),
            ready: false,
            restart_count: 0,
            started: Some(false),
            ..ContainerStatus::default()
        };
        let id = |restarts: i32| Some(self.container_id(&container.name, restarts));
        let image_id = format!("simulated://{image}");
        match moment {
            Moment::NoImage => ContainerStatus {
                state: waiting(
                    "ImagePullBackOff",
                    format!("Back-off pulling image {image:?}"),
                ),
                ..blank
            },
            Moment::Running {
                from,
                ready,
                restarts,
                last,
            } => ContainerStatus {
                state: Some(ContainerState {
                    running: Some(ContainerStateRunning {
                        started_at: Some(time(from)),
                    }),
                    ..ContainerState::default()
                }),
                last_state: Some(last.map_or_else(ContainerState::default, |run| {
                    terminated(run, id(restarts.saturating_sub(1)))
                })),
                ready,
                restart_count: restarts,
                started: Some(true),
                container_id: id(restarts),
                image_id,
                ..blank
            },
            Moment::Pausing { restarts, last } => ContainerStatus {
                state: waiting(
                    "CrashLoopBackOff",
                    format!(
                        "back-off restarting failed container={} pod={}_{}({})",
                        container.name,
                        name(&self.pod.metadata),
                        crate::workload::ownership::namespace(&self.pod.metadata),
                        uid(&self.pod.metadata),
                    ),
                ),
                last_state: Some(terminated(last, id(restarts))),
                restart_count: restarts,
                container_id: id(restarts),
                image_id,
                ..blank
            },
            Moment::Ended { restarts, last } => ContainerStatus {
                state: Some(terminated(last, id(restarts))),
                restart_count: restarts,
                container_id: id(restarts),
                image_id,
                ..blank
            },
        }
    }

    /// Init containers end at once; those that are restarted for ever (sidecars) run on.
    fn initial(&self, container: &Container) -> ContainerStatus {
        let began = self.life.started;
        if container.restart_policy.as_deref() == Some("Always") {
            let moment = Moment::Running {
                from: began,
                ready: true,
                restarts: 0,
                last: None,
            };
            return self.container(container, moment);
        }
        let run = Run {
            from: began,
            to: began,
            code: 0,
        };
        let ended = self.container(
            container,
            Moment::Ended {
                restarts: 0,
                last: run,
            },
        );
        ContainerStatus {
            ready: true,
            ..ended
        }
    }

    /// Stable, so that statuses compare equal while nothing happens.
    fn container_id(&self, container: &str, restarts: i32) -> String {
        format!(
            "simulated://{}/{container}/{restarts}",
            uid(&self.pod.metadata)
        )
    }
}

fn progress(moments: &[Moment]) -> Progress {
    if moments.contains(&Moment::NoImage) {
        return Progress::Starting;
    }
    let mut failed = false;
    for moment in moments {
        match moment {
            Moment::Ended { last, .. } => failed |= last.code != 0,
            _ => return Progress::Running,
        }
    }
    match (moments.is_empty(), failed) {
        (true, _) => Progress::Running,
        (false, true) => Progress::Failed,
        (false, false) => Progress::Succeeded,
    }
}

fn waiting(reason: &str, message: String) -> Option<ContainerState> {
    Some(ContainerState {
        waiting: Some(ContainerStateWaiting {
            reason: Some(String::from(reason)),
            message: Some(message),
        }),
        ..ContainerState::default()
    })
}

fn terminated(run: Run, container_id: Option<String>) -> ContainerState {
    let reason = if run.code == 0 { "Completed" } else { "Error" };
    ContainerState {
        terminated: Some(ContainerStateTerminated {
            exit_code: run.code,
            reason: Some(String::from(reason)),
            started_at: Some(time(run.from)),
            finished_at: Some(time(run.to)),
            container_id,
            ..ContainerStateTerminated::default()
        }),
        ..ContainerState::default()
    }
}

/// A condition to write.
struct Written {
    kind: &'static str,
    status: bool,
    reason: Option<&'static str>,
    message: Option<String>,
}

/// The condition, with the time of transition it already has if its status stays.
fn condition(pod: &Pod, written: Written, now: Timestamp) -> PodCondition {
    let status = if written.status { "True" } else { "False" };
    let shown = readiness::condition(pod, written.kind).filter(|shown| shown.status == status);
    PodCondition {
        type_: String::from(written.kind),
        status: String::from(status),
        reason: written.reason.map(String::from),
        message: written.message,
        last_transition_time: shown
            .and_then(|shown| shown.last_transition_time.clone())
            .or_else(|| Some(time(now))),
        last_probe_time: None,
        observed_generation: pod.metadata.generation,
    }
}

/// `status.qosClass`, by requests and limits of cpu and memory.
fn quality(spec: &PodSpec) -> &'static str {
    const COUNTED: [&str; 2] = ["cpu", "memory"];
    let mut any = false;
    let mut guaranteed = !spec.containers.is_empty();
    for container in &spec.containers {
        let resources = container.resources.as_ref();
        let limits = resources.and_then(|resources| resources.limits.as_ref());
        let requests = resources.and_then(|resources| resources.requests.as_ref());
        for resource in COUNTED {
            let limit = limits.and_then(|limits| limits.get(resource));
            let request = requests.and_then(|requests| requests.get(resource));
            any |= limit.is_some() || request.is_some();
            guaranteed &= limit.is_some() && request.is_none_or(|request| Some(request) == limit);
        }
    }
    match (any, guaranteed) {
        (false, _) => "BestEffort",
        (true, true) => "Guaranteed",
        (true, false) => "Burstable",
    }
}
