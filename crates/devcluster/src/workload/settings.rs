//! How simulated pods behave, as tests and users set it.
//!
//! Owns rules and delays. It does not know how pods are driven; [`Settings::conduct`] is the only answer the kubelet asks for.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::core::v1::{Container, Pod};
use tokio::sync::watch;

mod annotation;
mod pattern;

#[cfg(test)]
mod tests;

pub use self::annotation::{FAILS, READY_AFTER};
pub use self::pattern::Pattern;

/// The handle to the behaviour of all pods of a cluster. Cheap to clone; changes reach running pods at once.
#[derive(Clone, Debug)]
pub struct Workloads {
    settings: Arc<watch::Sender<Settings>>,
}

/// Delays and rules.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// From start to Ready where nothing else is said. One second.
    pub readiness: Duration,
    /// How long a pod lives that is not restarted for ever (`restartPolicy` Never or OnFailure). One second.
    pub completion: Duration,
    /// From a graceful deletion to the end of the pod, at most its grace period. Zero.
    pub termination: Duration,
    /// Rules, of which the last that matches counts. Annotations of a pod count before rules.
    pub rules: BTreeMap<RuleId, Rule>,
}

/// Names a rule, to take it back with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RuleId(u64);

/// What some pods do.
#[derive(Clone, Debug, PartialEq)]
pub struct Rule {
    /// Which containers.
    pub which: Pattern,
    /// What they do.
    pub behaviour: Behaviour,
}

/// What a container does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Behaviour {
    /// Runs and is ready after this time.
    ReadyAfter(Duration),
    /// Runs and is never ready.
    NeverReady,
    /// Cannot be started because its image cannot be pulled.
    ImagePullBackOff,
    /// Gets ready, then ends with an error after this time, again and again.
    CrashLoopBackOff {
        /// Time from ready to the crash.
        after: Duration,
    },
    /// Runs for this time and exits.
    Exits {
        /// Time from the start to the end.
        after: Duration,
        /// Exit code; anything but 0 is a failure.
        code: i32,
    },
    /// The pod finds no node.
    Unschedulable,
}

/// What a pod does, container by container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Conduct {
    /// Stays Pending.
    Unschedulable,
    /// Runs these programs, in the order of `spec.containers`.
    Runs(Vec<Program>),
}

/// What a container does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Program {
    /// Never starts.
    NoImage,
    /// Starts.
    Runs {
        /// From a start to ready; `None`: never.
        ready: Option<Duration>,
        /// From a start to the exit; `None`: never.
        exit: Option<(Duration, i32)>,
    },
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            readiness: Duration::from_secs(1),
            completion: Duration::from_secs(1),
            termination: Duration::ZERO,
            rules: BTreeMap::new(),
        }
    }
}

impl Default for Workloads {
    fn default() -> Self {
        Self::new(Settings::default())
    }
}

impl Workloads {
    /// Starts from these settings.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        Self {
            settings: Arc::new(watch::Sender::new(settings)),
        }
    }

    /// The present settings.
    #[must_use]
    pub fn settings(&self) -> Settings {
        self.settings.borrow().clone()
    }

    /// Sets how long pods take to be Ready where nothing else is said.
    pub fn set_readiness(&self, delay: Duration) {
        self.settings
            .send_modify(|settings| settings.readiness = delay);
    }

    /// Sets how long pods live that are not restarted for ever: those of Jobs.
    pub fn set_completion(&self, delay: Duration) {
        self.settings
            .send_modify(|settings| settings.completion = delay);
    }

    /// Sets how long a pod takes to end when it is deleted.
    pub fn set_termination(&self, delay: Duration) {
        self.settings
            .send_modify(|settings| settings.termination = delay);
    }

    /// Adds a rule, which counts before all earlier ones.
    pub fn add(&self, which: Pattern, behaviour: Behaviour) -> RuleId {
        let mut id = RuleId(0);
        self.settings.send_modify(|settings| {
            let last = settings.rules.last_key_value();
            id = RuleId(last.map_or(0, |(last, _)| last.0 + 1));
            settings.rules.insert(id, Rule { which, behaviour });
        });
        id
    }

    /// Takes a rule back; whether it was there.
    pub fn remove(&self, rule: RuleId) -> bool {
        self.settings
            .send_if_modified(|settings| settings.rules.remove(&rule).is_some())
    }

    /// Takes all rules back.
    pub fn clear(&self) {
        self.settings.send_modify(|settings| settings.rules.clear());
    }

    /// Follows the settings.
    pub(crate) fn subscribe(&self) -> watch::Receiver<Settings> {
        self.settings.subscribe()
    }
}

impl Settings {
    /// What this pod does.
    pub(crate) fn conduct(&self, pod: &Pod) -> Conduct {
        let Some(spec) = &pod.spec else {
            return Conduct::Runs(Vec::new());
        };
        let behaviours: Vec<Option<Behaviour>> = spec
            .containers
            .iter()
            .map(|container| self.behaviour(pod, container))
            .collect();
        if behaviours.contains(&Some(Behaviour::Unschedulable)) {
            return Conduct::Unschedulable;
        }
        let ends = matches!(spec.restart_policy.as_deref(), Some("Never" | "OnFailure"));
        let programs = behaviours
            .into_iter()
            .map(|behaviour| self.program(behaviour, ends));
        Conduct::Runs(programs.collect())
    }

    fn behaviour(&self, pod: &Pod, container: &Container) -> Option<Behaviour> {
        annotation::behaviour(pod).or_else(|| {
            let image = container.image.as_deref().unwrap_or_default();
            let mut rules = self.rules.values().rev();
            let rule =
                rules.find(|rule| rule.which.matches(image, pod.metadata.labels.as_ref()))?;
            Some(rule.behaviour)
        })
    }

    fn program(&self, behaviour: Option<Behaviour>, ends: bool) -> Program {
        let runs = |ready, exit| Program::Runs { ready, exit };
        match behaviour {
            None if ends => runs(Some(Duration::ZERO), Some((self.completion, 0))),
            None => runs(Some(self.readiness), None),
            Some(Behaviour::ReadyAfter(delay)) if ends => {
                runs(Some(delay), Some((delay + self.completion, 0)))
            }
            Some(Behaviour::ReadyAfter(delay)) => runs(Some(delay), None),
            // Never chosen for a single container: the whole pod is Unschedulable then.
            Some(Behaviour::NeverReady | Behaviour::Unschedulable) => runs(None, None),
            Some(Behaviour::ImagePullBackOff) => Program::NoImage,
            Some(Behaviour::CrashLoopBackOff { after }) => {
                runs(Some(self.readiness), Some((self.readiness + after, 1)))
            }
            Some(Behaviour::Exits { after, code }) => {
                runs(Some(Duration::ZERO), Some((after, code)))
            }
        }
    }
}

impl Conduct {
    /// After what time all containers are ready and stay so; `None` when they do not.
    pub(crate) fn ready_after(&self) -> Option<Duration> {
        let Self::Runs(programs) = self else {
            return None;
        };
        let mut slowest = Duration::ZERO;
        for program in programs {
            let Program::Runs {
                ready: Some(delay),
                exit: None,
            } = program
            else {
                return None;
            };
            slowest = slowest.max(*delay);
        }
        Some(slowest)
    }
}
