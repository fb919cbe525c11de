//! What a component of its user adds to a release: values that are computed, and what stands before and after it.
//!
//! Owns when steps are asked, and how their answers and the release's outcome become one. The machine knows of none of it: to
//! it a step that is not ready is an obstacle, as a chart is that cannot be had.

#[cfg(all(target_arch = "wasm32", feature = "hybrid"))]
mod imported;
#[cfg(test)]
mod tests;

use std::iter;
use std::time::Duration;

use oarlock_sdk::hybrid::{Release, Step};
use oarlock_sdk::{AnyObject, Child, Condition, Context, Failure, Outcome};
use serde_json::{Map, Value};

use super::outcome::{Said, Work};
use super::report;
use super::shelf::Shelf;
use crate::dialect::Settings;
use crate::record::Status;
use crate::situation::{self, Obstacle, Refusal};
use crate::state::{Is, Note, Place, State, Verb};
use crate::wish::Values;

#[cfg(all(target_arch = "wasm32", feature = "hybrid"))]
pub use imported::Imported;

/// Reason of conditions that wait for a step.
const NOT_READY: &str = "StepNotReady";

/// Fields of the status that are the release's own, whoever else names them.
const OWN: &[&str] = &["lifecycle", "conditions", "deployedRelease", "images"];

/// What steps are told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// JSON text of the object.
    pub object: String,
    /// JSON text of `settings.steps`.
    pub settings: String,
    /// Whether the object is being deleted.
    pub deleting: bool,
}

/// The library that the watch names, behind a trait, so that everything but the import itself is tested natively.
pub trait Steps {
    /// The chart's values, in place of the object's `spec`.
    ///
    /// # Errors
    /// The run's failure.
    fn values(&self, request: &Request) -> Result<Map<String, Value>, Failure>;

    /// What has to be there first.
    ///
    /// # Errors
    /// The run's failure.
    fn before(&self, request: &Request, release: Option<&Release>) -> Result<Step, Failure>;

    /// What comes on top.
    ///
    /// # Errors
    /// The run's failure.
    fn after(&self, request: &Request, release: &Release) -> Result<Step, Failure>;
}

/// The steps of one run's object.
pub(crate) struct Asker<'a> {
    steps: &'a dyn Steps,
    request: Request,
}

impl<'a> Asker<'a> {
    /// # Errors
    /// Where the watch names no chart.
    pub(crate) fn new(
        steps: &'a dyn Steps,
        object: &AnyObject,
        settings: &Settings,
        cx: &Context,
    ) -> Result<Self, Failure> {
        if settings.chart.is_none() {
            return Err(Failure::terminal(
                "settings.chart: missing\nhint: name the chart that the steps are for: chart: in the watch",
            ));
        }
        Ok(Self {
            steps,
            request: Request {
                object: object.text().to_owned(),
                settings: Value::Object(settings.steps.clone()).to_string(),
                deleting: cx.deleting(),
            },
        })
    }

    /// Puts the computed values in the place of the object's own, whose `overrideValues` still win.
    pub(crate) fn compute(&self, values: &mut Vec<Values>) -> Result<(), Failure> {
        if self.request.deleting {
            return Ok(());
        }
        let computed = Values::Inline(self.steps.values(&self.request)?);
        match values.first_mut() {
            Some(own @ Values::Inline(_)) => *own = computed,
            _ => values.insert(0, computed),
        }
        Ok(())
    }

    /// What stands beside the release, written as `account`.
    pub(crate) fn ask(
        &self,
        release: Option<&Release>,
        account: Option<&str>,
    ) -> Result<Beside, Failure> {
        let before = self.steps.before(&self.request, release)?;
        let after = match release {
            Some(release) => {
                let step = self.steps.after(&self.request, release)?;
                After::Of(release.revision, Box::new(step))
            }
            None => After::NoRelease,
        };
        Ok(Beside {
            deleting: self.request.deleting,
            account: account.map(String::from),
            before,
            after,
        })
    }
}

/// The release as steps are told of it: what is deployed, and of an object that is being deleted whatever is left.
pub(crate) fn release(
    state: &State,
    place: &Place,
    shelf: &Shelf<'_>,
    uid: &str,
    deleting: bool,
) -> Result<Option<Release>, Obstacle> {
    let own = |version: u32| state.snapshot(version).is_some();
    let mut newest_first = shelf.history().iter().rev();
    let found = newest_first.find(|entry| {
        let there = entry.status == Status::Deployed
            || deleting && !matches!(entry.status, Status::Uninstalled);
        there && (situation::is_maker(uid, entry) || own(entry.version))
    });
    let Some(entry) = found else {
        return Ok(None);
    };
    let chart_version = match state.snapshot(entry.version) {
        Some(known) => known.inputs.chart_version.clone(),
        None => shelf.header(entry.version)?.chart_version,
    };
    Ok(Some(Release {
        name: place.name.clone(),
        namespace: place.namespace.clone(),
        revision: entry.version,
        chart_version,
    }))
}

/// What stands beside the release; nothing where nobody adds anything.
#[derive(Debug, Default)]
pub(crate) struct Beside {
    deleting: bool,
    /// Whom they are written as.
    account: Option<String>,
    before: Step,
    after: After,
}

/// What comes after the release.
#[derive(Debug, Default)]
enum After {
    /// Nobody adds anything.
    #[default]
    Nothing,
    /// There was no release to ask of.
    NoRelease,
    /// Of a revision.
    Of(u32, Box<Step>),
}

impl After {
    fn step(&self) -> Option<&Step> {
        match self {
            Self::Nothing | Self::NoRelease => None,
            Self::Of(_, step) => Some(step),
        }
    }

    /// What is waited for before a revision counts as ready.
    fn waits_for(&self, revision: u32) -> Option<&str> {
        match self {
            Self::Nothing => None,
            Self::Of(of, step) if *of == revision => step.waits_for(),
            Self::NoRelease | Self::Of(..) => Some("it is looked at next"),
        }
    }
}

impl Beside {
    fn wanted(&self) -> impl Iterator<Item = &Child> {
        self.steps().flat_map(Step::wanted)
    }

    fn steps(&self) -> impl Iterator<Item = &Step> {
        iter::once(&self.before).chain(self.after.step())
    }

    /// Why no new revision begins.
    pub(crate) fn obstacle(&self) -> Option<Obstacle> {
        let what = self.before.waits_for().filter(|_| !self.deleting)?;
        Some(Obstacle {
            reason: NOT_READY,
            message: format!("before the release: {what}"),
            retry: None,
        })
    }

    /// The outcome of a run in which nothing is uninstalled yet.
    pub(crate) fn held(&self, state: &State) -> Option<Outcome> {
        let leaves = |verb| matches!(verb, Verb::Uninstall { .. });
        let begun = state
            .action
            .as_ref()
            .is_some_and(|action| leaves(action.verb));
        if !self.deleting || begun {
            return None;
        }
        let what = self.after.step()?.waits_for()?;
        let message = format!("after the release, before it is uninstalled: {what}");
        let outcome = Outcome::new()
            .tag("held")
            .condition(Condition::no("Ready", NOT_READY, message));
        Some(self.beside(outcome))
    }

    /// Whether the object may go; what it says of itself where not.
    pub(crate) fn lets_go(&self, said: &mut Said) -> bool {
        let Some(what) = self.before.waits_for() else {
            return true;
        };
        let message = format!("before the release, which is gone: {what}");
        not_ready(said, message);
        false
    }

    /// What came back, without what became of the steps' children: the machine did not write them, and does the rest again.
    pub(crate) fn without(&self, last: Option<situation::Report>) -> Option<situation::Report> {
        let mut report = last?;
        let mut theirs = self.wanted().filter_map(Child::target);
        let is_theirs =
            |refusal: &Refusal| theirs.any(|target| report::named(&target) == refusal.target);
        if report.refused.as_ref().is_some_and(is_theirs) {
            report.refused = None;
        }
        Some(report)
    }

    /// What comes before is written first, and what comes after last.
    pub(crate) fn around(&self, work: &mut Work) {
        work.children
            .splice(0..0, self.before.wanted().iter().cloned());
        let after = self.after.step().into_iter().flat_map(Step::wanted);
        work.children.extend(after.cloned());
    }

    /// An object is not ready before what comes after its release is: after the revision that is deployed when the run is over.
    pub(crate) fn tell(&self, said: &mut Said, state: &State) {
        let ready = said
            .conditions
            .iter()
            .any(|told| told.kind == "Ready" && told.note.is == Is::True);
        let mut newest_first = state.history.iter();
        let deployed = newest_first.find(|known| known.status == Status::Deployed);
        let waits = deployed.and_then(|known| self.after.waits_for(known.version));
        if let Some(what) = waits.filter(|_| ready) {
            not_ready(said, format!("after the release: {what}"));
        }
    }

    /// An outcome that is about something else than the release's objects: what stands beside it stays.
    pub(crate) fn beside(&self, outcome: Outcome) -> Outcome {
        let outcome = self.dressed(outcome.children(self.wanted().cloned()));
        match &self.account {
            Some(account) => outcome.act_as(account.clone()),
            None => outcome,
        }
    }

    /// What steps say of themselves, where the release says nothing of the same.
    pub(crate) fn dressed(&self, mut outcome: Outcome) -> Outcome {
        let mut status = Map::new();
        for step in self.steps() {
            if let Some(Value::Object(patch)) = step.status_patch() {
                status.extend(patch.clone());
            }
            for condition in step.conditions() {
                if outcome.condition_of(&condition.kind).is_none() {
                    outcome = outcome.condition(condition.clone());
                }
            }
        }
        status.retain(|field, _| !OWN.contains(&field.as_str()));
        if status.is_empty() {
            return outcome;
        }
        if let Some(Value::Object(own)) = outcome.status_patch() {
            status.extend(own.clone());
        }
        outcome.patch_status(Value::Object(status))
    }
}

fn not_ready(said: &mut Said, message: String) {
    for told in &mut said.conditions {
        if told.kind == "Ready" {
            told.note = Note::new(Is::False, NOT_READY, message.clone());
        }
    }
}

/// A run that ends before steps were asked: an outcome would take away what they made.
pub(crate) fn unasked(obstacle: &Obstacle) -> Failure {
    let message = obstacle.message.clone();
    match obstacle.retry {
        Some(after) => Failure::RetryAfter(Duration::from_millis(after), message),
        None => Failure::Terminal(message),
    }
}
