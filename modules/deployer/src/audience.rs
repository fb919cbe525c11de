//! Who hears of Events, besides the cluster: `notify` of the spec and of its steps.

use oarlock_sdk::{Context, Event, Failure, Notice, Object};
use rollout::analysis::spec::Severity;
use rollout::analysis::{Alerts, News, Scope};

use crate::rollout::{Situation, Turn};
use crate::spec::DeployerSpec;
use crate::status::Phase;

/// Who hears what.
#[derive(Debug)]
pub(crate) struct Audience {
    all: Alerts,
    /// Those of the steps, who hear only that it is available.
    steps: Vec<Alerts>,
}

impl Audience {
    /// Reads whom the spec names.
    ///
    /// # Errors
    ///
    /// [`Failure::Invalid`] for receivers that say nothing.
    pub(crate) fn of(deployer: &Object<DeployerSpec>, cx: &Context) -> Result<Self, Failure> {
        let mut wrong = Vec::new();
        let mut read = |specs: &[_], path: &str| match specs.is_empty() {
            true => Alerts::default(),
            false => {
                Alerts::inline(cx, specs, path, deployer.namespace()).unwrap_or_else(|errors| {
                    wrong.extend(errors);
                    Alerts::default()
                })
            }
        };
        let all = read(&deployer.spec.notify, "spec.notify");
        let steps = deployer.spec.steps.iter().enumerate();
        let steps = steps
            .map(|(index, step)| read(&step.notify, &format!("spec.steps[{index}].notify")))
            .collect();
        match wrong.is_empty() {
            true => Ok(Self { all, steps }),
            false => Err(Failure::Invalid(wrong)),
        }
    }

    /// Who cannot be told, and why.
    pub(crate) fn problems(&self, generation: i64) -> Vec<Event> {
        let all = [&self.all].into_iter().chain(&self.steps);
        let mut told: Vec<&String> = all.flat_map(|alerts| alerts.problems()).collect();
        told.dedup();
        told.into_iter()
            .enumerate()
            .map(|(index, problem)| {
                let key = format!("nobody-told-{generation}-{index}");
                Event::warning(key, "NotTold", problem.clone())
            })
            .collect()
    }

    /// What is sent of these Events.
    pub(crate) fn notices(&self, events: &[Event], turn: &Turn, at: &Situation<'_>) -> Vec<Notice> {
        let step = turn.state.phase.mark().map(|mark| mark.index);
        let scope = scope(turn, at);
        let mut notices = Vec::new();
        for event in events {
            // Receivers know many Deployers.
            let key = format!("{}/{}", at.plan.uid, event.key);
            let news = News {
                key: &key,
                severity: severity(event),
                reason: &event.reason,
                message: &event.message,
                at: at.now,
            };
            notices.extend(self.all.notices(&news, &scope));
            let here = step.filter(|_| event.reason == "StepAvailable");
            if let Some(alerts) = here.and_then(|index| self.steps.get(index)) {
                let key = format!("{key}-here");
                notices.extend(alerts.notices(&News { key: &key, ..news }, &scope));
            }
        }
        notices
    }
}

fn severity(event: &Event) -> Severity {
    match (event.warning, event.reason.as_str()) {
        (true, "Aborted" | "Held" | "MigrationFailed" | "MigrationJobMissing") => Severity::Error,
        (true, _) => Severity::Warn,
        (false, _) => Severity::Info,
    }
}

fn scope(turn: &Turn, at: &Situation<'_>) -> Scope {
    let state = &turn.state;
    let mark = state.phase.mark();
    Scope {
        namespace: at.plan.namespace.clone(),
        name: at.plan.deployer.clone(),
        uid: at.plan.uid.clone(),
        target: state.to.deployment.clone(),
        pods: state.to.deployment.clone(),
        revision: state.to.revision.clone(),
        phase: format!("{:?}", state.write().phase.unwrap_or(Phase::Stable)),
        step: mark
            .and_then(|mark| u32::try_from(mark.index + 1).ok())
            .unwrap_or_default(),
        since: at.now,
        tick: at.now,
        ..Scope::default()
    }
}
