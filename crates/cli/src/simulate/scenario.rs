//! The scenario: what happens around a rollout that is rehearsed.
//!
//! Text in, a checked [`Scenario`] or located findings out. It reads the files that it names, and knows no cluster.

mod answers;
mod change;
mod clockwork;
mod pods;
mod raw;
mod series;

use std::path::Path;
use std::time::Duration;

use oarlock_config::Diagnostic;
use oarlock_config::document::{Document, Form, KeyPath, Problem};
use oarlock_devcluster::workload::Behaviour;
use serde_json::Value;

use crate::simulate::invariant::Invariant;
use crate::simulate::observation::Name;

pub(crate) use answers::{Answer, Answers};
pub(crate) use change::{Change, Deed, Patch, Place};
pub(crate) use pods::Conduct;
pub(crate) use series::{Sample, Series};

/// What happens.
#[derive(Debug, Default)]
pub(crate) struct Scenario {
    /// How Pods behave. Of several that match, the last counts.
    pub(crate) pods: Vec<Conduct>,
    /// What Prometheus answers.
    pub(crate) metrics: Vec<Metric>,
    /// What the rest of the world answers.
    pub(crate) webhooks: Vec<Webhook>,
    /// What people do.
    pub(crate) changes: Vec<Change>,
    /// When the operator ends.
    pub(crate) crashes: Vec<Crash>,
    /// What must hold.
    pub(crate) invariants: Vec<Invariant>,
}

/// The values of a metric.
#[derive(Debug)]
pub(crate) struct Metric {
    pub(crate) name: String,
    pub(crate) series: Series,
}

/// What somebody outside answers.
#[derive(Debug)]
pub(crate) struct Webhook {
    pub(crate) url: Option<String>,
    pub(crate) name: Option<String>,
    pub(crate) answers: Answers,
}

/// An end of the operator.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Crash {
    pub(crate) at: Duration,
    /// How long until it is started again.
    pub(crate) down: Duration,
}

/// What scenarios look like.
fn form() -> Form {
    Form::of::<raw::Scenario>("a scenario", |key| match key {
        "at" => Some("at: 5m"),
        "name" => Some("name: request-success-rate"),
        "series" => Some("series: [{at: 0s, value: 99.5}, {at: 5m, value: 80}]"),
        "value" => Some("value: 99.5"),
        "answers" => Some("answers: 200 200 500"),
        "answer" => Some("answer: 500"),
        "expr" => Some("expr: available >= 90%"),
        "target" => Some("target: Deployer/nginx"),
        "wish" => Some("wish: promote"),
        _ => None,
    })
}

/// The JSON Schema of scenarios.
pub(crate) fn schema() -> Value {
    form().schema().clone()
}

impl Scenario {
    /// Reads the text of the scenario `file`, and the files that it names, which are looked for beside it.
    ///
    /// # Errors
    ///
    /// The findings, if there is an error among them.
    pub(crate) fn parse(file: &Path, text: &str) -> Result<Self, Vec<Diagnostic>> {
        let name = file.display().to_string();
        let form = form();
        let (document, raw) = Document::read::<raw::Scenario>(&name, text, &form);
        let mut reading = Reading {
            document,
            beside: file.parent().unwrap_or(Path::new("")),
        };
        let scenario = raw.map(|raw| reading.scenario(raw)).unwrap_or_default();
        let findings = reading.document.finish();
        if findings.is_empty() {
            Ok(scenario)
        } else {
            Err(findings)
        }
    }

    /// Files that changes name.
    pub(crate) fn files(&self) -> impl Iterator<Item = &Path> {
        self.changes.iter().filter_map(Change::file)
    }

    /// The longest that a Pod takes to get where it is going.
    pub(crate) fn slowest_pod(&self) -> Duration {
        let slow = |conduct: &Conduct| match conduct.behaviour {
            Behaviour::ReadyAfter(time)
            | Behaviour::CrashLoopBackOff { after: time }
            | Behaviour::Exits { after: time, .. } => time,
            Behaviour::NeverReady | Behaviour::ImagePullBackOff | Behaviour::Unschedulable => {
                Duration::ZERO
            }
        };
        self.pods.iter().map(slow).max().unwrap_or_default()
    }
}

/// A scenario that is being checked.
struct Reading<'t> {
    document: Document<'t>,
    /// Where the files are that it names.
    beside: &'t Path,
}

impl Reading<'_> {
    fn scenario(&mut self, raw: raw::Scenario) -> Scenario {
        let top = KeyPath::entry();
        Scenario {
            pods: self.each(&top.key("pods"), raw.pods, Self::pods),
            metrics: self.each(&top.key("metrics"), raw.metrics, Self::metric),
            webhooks: self.each(&top.key("webhooks"), raw.webhooks, Self::webhook),
            changes: self.each(&top.key("changes"), raw.changes, Self::change),
            crashes: self.each(&top.key("crashes"), raw.crashes, Self::crash),
            invariants: self.each(&top.key("invariants"), raw.invariants, Self::invariant),
        }
    }

    fn each<R, T>(
        &mut self,
        path: &KeyPath,
        list: Option<Vec<R>>,
        mut check: impl FnMut(&mut Self, &KeyPath, R) -> Option<T>,
    ) -> Vec<T> {
        let items = list.into_iter().flatten().enumerate();
        items
            .filter_map(|(index, raw)| check(self, &path.index(index), raw))
            .collect()
    }

    fn metric(&mut self, path: &KeyPath, raw: raw::Metric) -> Option<Metric> {
        let every = self.time(&path.key("every"), raw.every, series::EVERY)?;
        let series = self.series(&path.key("series"), raw.series?, every)?;
        Some(Metric {
            name: raw.name?,
            series,
        })
    }

    fn webhook(&mut self, path: &KeyPath, raw: raw::Webhook) -> Option<Webhook> {
        if raw.url.is_none() && raw.name.is_none() {
            let problem = Problem::new("nobody knows which webhook is meant")
                .expected("url or name")
                .hint("such as url: http://gate.test/confirm, or name: confirm-promotion");
            self.document.error(path, problem);
            return None;
        }
        let answers = self.answers(&path.key("answers"), raw.answers?)?;
        Some(Webhook {
            url: raw.url,
            name: raw.name,
            answers,
        })
    }

    fn crash(&mut self, path: &KeyPath, raw: raw::Crash) -> Option<Crash> {
        let at = self.document.ok(&path.key("at"), raw.at?.duration())?;
        let down = self.time(&path.key("down"), raw.down, Duration::ZERO)?;
        Some(Crash { at, down })
    }

    fn invariant(&mut self, path: &KeyPath, raw: raw::Invariant) -> Option<Invariant> {
        let spare = self.time(&path.key("for"), raw.spare, Duration::ZERO)?;
        let object = &path.key("object");
        if let Some(text) = &raw.object
            && Name::parse(text).is_none()
        {
            let problem = Problem::new(format!("{text:?} is no object"))
                .expected("KIND/NAME such as Deployer/nginx, or KIND/NAMESPACE/NAME");
            self.document.error(object, problem);
        }
        let text = raw.expr?;
        match Invariant::parse(&text, spare, raw.object) {
            Ok(invariant) => Some(invariant),
            Err(found) => {
                let mut problem = Problem::new(found.message).maybe_hint(found.hint);
                if let Some(expected) = found.expected {
                    problem = problem.expected(expected);
                }
                let path = path.key("expr");
                self.document.error_within(&path, found.part, problem);
                None
            }
        }
    }

    fn time(
        &mut self,
        path: &KeyPath,
        text: Option<raw::Time>,
        default: Duration,
    ) -> Option<Duration> {
        match text {
            Some(text) => self.document.ok(path, text.duration()),
            None => Some(default),
        }
    }
}

#[cfg(test)]
mod tests;
