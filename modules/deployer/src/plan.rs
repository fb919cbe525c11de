//! The spec, checked: what shall run, how much of it, and how it gets there.

mod errors;

use std::time::Duration;

use oarlock_sdk::{Context, Failure, FieldError, Object};
use rollout::analysis::spec::CheckSpec;
use rollout::analysis::{Check, Monitoring, Settings};
use rollout::arithmetic::Surge;
use rollout::control::Promotion;

use crate::deployment::{DeploymentSpec, REVISION};
use crate::naming;
use crate::spec::{DeployerSpec, Kind, Migration, OnFailure, Service};
use crate::status::{DeployerStatus, Release};
use crate::template;

/// With a Service, as long as it takes until nobody uses its old endpoints any more.
const SCALE_DOWN_DELAY: Duration = Duration::from_secs(30);

/// What shall run in the end, and how it gets there.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    /// Name of the Deployer.
    pub(crate) deployer: String,
    pub(crate) namespace: String,
    pub(crate) uid: String,
    /// Of the spec, before its version.
    pub(crate) name: String,
    pub(crate) release: Release,
    pub(crate) replicas: u32,
    pub(crate) kind: Kind,
    /// Of a canary: strictly increasing, at least one, the last one 100.
    pub(crate) canary: Vec<PlannedStep>,
    /// Of blue/green: the only one, 100.
    pub(crate) blue_green: Vec<PlannedStep>,
    /// How long the old version stays after that.
    pub(crate) scale_down_delay: Duration,
    pub(crate) surge: Surge,
    /// None for as long as it takes.
    pub(crate) deadline: Option<Duration>,
    pub(crate) threshold: u32,
    pub(crate) on_failure: OnFailure,
    pub(crate) min_ready_seconds: u32,
    pub(crate) service: Option<Service>,
    pub(crate) migration: Option<Migration>,
    /// How many earlier revisions are kept.
    pub(crate) keeps: usize,
    pub(crate) wishes: Wishes,
}

/// What people want of the current revision.
#[derive(Clone, Debug, Default)]
pub(crate) struct Wishes {
    /// Take no step.
    pub(crate) paused: bool,
    /// Revision to give up.
    pub(crate) abort: bool,
    pub(crate) promote: Option<Promotion>,
    pub(crate) retry: Option<String>,
}

#[derive(Clone, Debug)]
pub(crate) struct PlannedStep {
    /// 1 to 100.
    pub(crate) percent: u8,
    pub(crate) sleep: Duration,
    /// Stays until it is promoted.
    pub(crate) pause: bool,
    pub(crate) checks: Vec<Check>,
}

impl PlannedStep {
    /// Whether nothing is waited for but the Pods.
    pub(crate) fn is_plain(&self) -> bool {
        self.sleep.is_zero() && !self.pause && self.checks.is_empty()
    }

    /// To all of it at once.
    fn whole() -> Self {
        Self {
            percent: 100,
            sleep: Duration::ZERO,
            pause: false,
            checks: Vec::new(),
        }
    }
}

impl Plan {
    /// Checks a Deployer. What it owns, and what its status remembers, decide under which name a revision runs.
    pub(crate) fn of(
        deployer: &Object<DeployerSpec>,
        owned: &[Object<DeploymentSpec>],
        cx: &Context,
    ) -> Result<Self, Failure> {
        let spec = &deployer.spec;
        let mut wrong = errors::of(deployer);
        let (canary, blue_green) = steps(spec, cx, &mut wrong)?;
        let wanted = &spec.deployment;
        let rendered = template::render(deployer.name(), wanted);
        let promote = match spec.control.promotes(&rendered.revision) {
            Ok(promote) => promote,
            Err(far) => {
                wrong.push(errors::promotion(far));
                None
            }
        };
        if !wrong.is_empty() {
            return Err(Failure::Invalid(wrong));
        }
        let plain = naming::deployment(&wanted.name, &wanted.version);
        let control = &spec.control;
        let delay = spec.blue_green.scale_down_delay.map(Duration::from);
        let usual = spec.service.as_ref().map(|_| SCALE_DOWN_DELAY);
        Ok(Self {
            deployer: String::from(deployer.name()),
            namespace: String::from(deployer.namespace()),
            uid: deployer.metadata.uid.clone(),
            name: wanted.name.clone(),
            release: Release {
                deployment: deployment_name(&plain, &rendered.revision, &deployer.status, owned),
                version: wanted.version.clone(),
                image: rendered.image,
                revision: rendered.revision.clone(),
                template: rendered.template,
            },
            replicas: wanted.replicas,
            kind: spec.kind,
            canary,
            blue_green,
            scale_down_delay: delay.or(usual).unwrap_or_default(),
            surge: Surge::of(
                wanted.replicas,
                spec.strategy.max_surge,
                spec.strategy.max_unavailable,
            ),
            deadline: match spec.strategy.progress_deadline_seconds {
                0 => None,
                seconds => Some(Duration::from_secs(u64::from(seconds))),
            },
            threshold: spec.strategy.threshold,
            on_failure: spec.strategy.on_failure,
            min_ready_seconds: spec.strategy.min_ready_seconds,
            service: spec.service.clone(),
            migration: spec.migration.clone(),
            keeps: usize::try_from(spec.revision_history_limit).unwrap_or(usize::MAX),
            wishes: Wishes {
                paused: spec.paused || control.pauses(&rendered.revision) && promote.is_none(),
                abort: control.aborts(&rendered.revision),
                promote,
                retry: control
                    .retries(deployer.status.handled_retry.as_deref())
                    .map(String::from),
            },
        })
    }

    /// The steps of a rollout of this kind.
    pub(crate) fn steps(&self, kind: Kind) -> &[PlannedStep] {
        match kind {
            Kind::Canary => &self.canary,
            Kind::BlueGreen | Kind::Recreate => &self.blue_green,
        }
    }
}

type Steps = (Vec<PlannedStep>, Vec<PlannedStep>);

/// Steps of a canary, and the one of blue/green.
fn steps(spec: &DeployerSpec, cx: &Context, wrong: &mut Vec<FieldError>) -> Result<Steps, Failure> {
    let all = spec.steps.iter().map(|step| &step.checks);
    let asks = all
        .chain([&spec.blue_green.checks])
        .any(|checks| !checks.is_empty());
    let monitoring = match asks {
        true => match Monitoring::new(&cx.settings::<Settings>()?, None) {
            Ok(monitoring) => Some(monitoring),
            Err(errors) => {
                wrong.extend(errors);
                None
            }
        },
        false => None,
    };
    let mut checks = |specs: &[CheckSpec], path: &str| -> Vec<Check> {
        let Some(monitoring) = monitoring.as_ref().filter(|_| !specs.is_empty()) else {
            return Vec::new();
        };
        Check::steps(specs, path, monitoring).unwrap_or_else(|errors| {
            wrong.extend(errors);
            Vec::new()
        })
    };
    let mut canary: Vec<PlannedStep> = spec
        .steps
        .iter()
        .enumerate()
        .map(|(index, step)| PlannedStep {
            percent: step.percent,
            sleep: step.sleep.into(),
            pause: step.pause,
            checks: checks(&step.checks, &format!("spec.steps[{index}].checks")),
        })
        .collect();
    if canary.is_empty() {
        canary.push(PlannedStep::whole());
    }
    let blue_green = vec![PlannedStep {
        sleep: spec.blue_green.auto_promotion_delay.into(),
        pause: !spec.blue_green.auto_promotion,
        checks: checks(&spec.blue_green.checks, "spec.blueGreen.checks"),
        ..PlannedStep::whole()
    }];
    Ok((canary, blue_green))
}

/// A revision runs under its version's name, and under one with its hash where another revision of that version has
/// the name already. It never changes its name while it is remembered.
fn deployment_name(
    plain: &str,
    revision: &str,
    status: &DeployerStatus,
    owned: &[Object<DeploymentSpec>],
) -> String {
    let mut known = status
        .to
        .iter()
        .chain(&status.from)
        .chain(&status.intermediate)
        .chain(&status.kept);
    if let Some(release) = known.clone().find(|release| release.revision == revision) {
        return release.deployment.clone();
    }
    let labelled = |child: &&Object<DeploymentSpec>| {
        child.metadata.labels.get(REVISION).map(String::as_str) == Some(revision)
    };
    if let Some(child) = owned.iter().find(labelled) {
        return String::from(child.name());
    }
    let taken = known.any(|release| release.deployment == plain)
        || owned.iter().any(|child| child.name() == plain);
    match taken {
        true => naming::revised(plain, revision),
        false => String::from(plain),
    }
}
