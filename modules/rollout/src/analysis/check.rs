//! Checks: what is asked between two steps.

use std::collections::{BTreeMap, BTreeSet};

use oarlock_sdk::{Context, FieldError};

use super::draft::{self, Question, Terms};
use super::metric::Metric;
use super::scope::Scope;
use super::settings::Monitoring;
use super::spec::{CheckSpec, MetricSpec, PrometheusSpec};
use super::webhook::Webhook;

/// One check, ready to be asked: a metric or a webhook.
#[derive(Clone, Debug, PartialEq)]
pub struct Check(pub(crate) Kind);

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Kind {
    Metric(Box<Metric>),
    Webhook(Webhook),
}

impl Check {
    /// `analysis.metrics` of a Canary. `path` is where they stand, such as `spec.analysis.metrics`.
    ///
    /// # Errors
    ///
    /// Every field that says nothing, with its path. An unknown metric is one.
    pub fn metrics(
        specs: &[MetricSpec],
        path: &str,
        monitoring: &Monitoring,
    ) -> Result<Vec<Self>, Vec<FieldError>> {
        let mut wrong = Vec::new();
        let mut names = Names::default();
        let mut checks = Vec::new();
        for (index, spec) in specs.iter().enumerate() {
            let path = format!("{path}[{index}]");
            if spec.name.is_empty() {
                wrong.push(FieldError::new(format!("{path}.name"), "is empty"));
                continue;
            }
            let question = Question {
                name: &spec.name,
                query: spec.query.as_deref(),
                template: spec.template_ref.as_ref(),
                variables: &spec.template_variables,
                web: spec.web.as_ref(),
                builtin: Some((&spec.name, "name")),
                server: monitoring.server.clone(),
                path,
                below: "",
            };
            let metric = draft::metric(&question, &Terms::from(spec), monitoring, &mut wrong);
            checks.extend(metric.map(|metric| Self::metric(metric, &mut names)));
        }
        match wrong.is_empty() {
            true => Ok(checks),
            false => Err(wrong),
        }
    }

    /// `checks` of one step of a Deployer. `path` is where they stand, such as `spec.steps[1].checks`.
    ///
    /// # Errors
    ///
    /// Every field that says nothing, with its path. An unknown metric is one.
    pub fn steps(
        specs: &[CheckSpec],
        path: &str,
        monitoring: &Monitoring,
    ) -> Result<Vec<Self>, Vec<FieldError>> {
        let mut wrong = Vec::new();
        let mut names = Names::default();
        let mut checks = Vec::new();
        for (index, spec) in specs.iter().enumerate() {
            let path = format!("{path}[{index}]");
            checks.extend(Self::step(spec, &path, monitoring, &mut names, &mut wrong));
        }
        match wrong.is_empty() {
            true => Ok(checks),
            false => Err(wrong),
        }
    }

    /// Under which name it is told, and its errors are counted.
    pub fn name(&self) -> &str {
        match &self.0 {
            Kind::Metric(metric) => &metric.name,
            Kind::Webhook(webhook) => &webhook.name,
        }
    }

    /// What was accepted and is not followed, with its path. Findings carry it, too.
    pub fn warnings(&self) -> &[String] {
        match &self.0 {
            Kind::Metric(metric) => &metric.warnings,
            Kind::Webhook(webhook) => &webhook.warnings,
        }
    }

    /// What is known to be wrong without asking anybody, such as a MetricTemplate that is not there: worth a condition
    /// before a rollout needs it. Each text begins with the check.
    pub fn problems(checks: &[Self], cx: &Context, scope: &Scope) -> Vec<String> {
        let problem = |check: &Self| match &check.0 {
            Kind::Metric(metric) => metric.problem(cx, scope),
            Kind::Webhook(_) => None,
        };
        checks.iter().filter_map(problem).collect()
    }

    fn metric(metric: Metric, names: &mut Names) -> Self {
        let name = names.unique(&metric.name);
        Self(Kind::Metric(Box::new(Metric { name, ..metric })))
    }

    fn step(
        spec: &CheckSpec,
        path: &str,
        monitoring: &Monitoring,
        names: &mut Names,
        wrong: &mut Vec<FieldError>,
    ) -> Option<Self> {
        let given: Vec<_> = [
            ("prometheus", spec.prometheus.is_some()),
            ("web", spec.web.is_some()),
            ("webhook", spec.webhook.is_some()),
        ]
        .into_iter()
        .filter_map(|(field, there)| there.then_some(field))
        .collect();
        let only = match given.as_slice() {
            [only] => *only,
            [] => {
                let message = "asks nothing, expected one of prometheus, web and webhook";
                wrong.push(FieldError::new(path, message));
                return None;
            }
            [first, second, ..] => {
                wrong.push(FieldError::new(
                    format!("{path}.{second}"),
                    format!("stands beside {first}, expected one of them"),
                ));
                return None;
            }
        };
        let terms = Terms::from(spec);
        if let Some(webhook) = &spec.webhook {
            if let Some(field) = terms.of_metrics_only() {
                wrong.push(FieldError::new(
                    format!("{path}.{field}"),
                    "is for metrics, and a webhook passes with 2xx\nhint: `retries` says how often it may go wrong",
                ));
                return None;
            }
            let name = names.unique(spec.name.as_deref().unwrap_or(only));
            let webhook = Webhook::step(webhook, name, path, spec.dry_run, wrong)?;
            return Some(Self(Kind::Webhook(webhook)));
        }
        let nothing = PrometheusSpec::default();
        let prometheus = spec.prometheus.as_ref().unwrap_or(&nothing);
        if spec.prometheus.is_some() && !asks_one_thing(prometheus, path, wrong) {
            return None;
        }
        let template = prometheus.template_ref.as_ref();
        let default = prometheus
            .metric
            .as_deref()
            .or(template.map(|named| named.name.as_str()))
            .unwrap_or(if spec.web.is_some() { "web" } else { "query" });
        let question = Question {
            name: spec.name.as_deref().unwrap_or(default),
            query: prometheus.query.as_deref(),
            template,
            variables: &prometheus.template_variables,
            web: spec.web.as_ref(),
            builtin: prometheus.metric.as_deref().map(|name| (name, "metric")),
            server: draft::server(prometheus, path, monitoring, wrong),
            path: path.into(),
            below: "prometheus.",
        };
        let metric = draft::metric(&question, &terms, monitoring, wrong)?;
        Some(Self::metric(metric, names))
    }
}

fn asks_one_thing(spec: &PrometheusSpec, path: &str, wrong: &mut Vec<FieldError>) -> bool {
    let given: Vec<_> = [
        ("metric", spec.metric.is_some()),
        ("query", spec.query.is_some()),
        ("templateRef", spec.template_ref.is_some()),
    ]
    .into_iter()
    .filter_map(|(field, there)| there.then_some(field))
    .collect();
    match given.as_slice() {
        [_] => true,
        [] => {
            wrong.push(FieldError::new(
                format!("{path}.prometheus"),
                "asks nothing, expected one of metric, query and templateRef",
            ));
            false
        }
        [first, second, ..] => {
            wrong.push(FieldError::new(
                format!("{path}.prometheus.{second}"),
                format!("stands beside {first}, expected one of them"),
            ));
            false
        }
    }
}

/// Names that are told apart: errors are counted by name.
#[derive(Default)]
pub(crate) struct Names {
    taken: BTreeSet<String>,
    counts: BTreeMap<String, u32>,
}

impl Names {
    pub(crate) fn unique(&mut self, name: &str) -> String {
        let mut unique = String::from(name);
        while !self.taken.insert(unique.clone()) {
            let count = self.counts.entry(name.into()).or_insert(1);
            *count += 1;
            unique = format!("{name}#{count}");
        }
        unique
    }
}
