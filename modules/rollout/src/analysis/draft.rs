//! From what people write to a metric: everything that can be wrong without asking anybody, with its path.

use std::collections::BTreeMap;
use std::time::Duration;

use oarlock_sdk::FieldError;

use super::builtin::{self, Builtin};
use super::condition::Condition;
use super::duration::GoDuration;
use super::metric::{Metric, Samples, Source};
use super::rule::{Bounds, Rule};
use super::settings::{Credentials, Monitoring, Server};
use super::spec::{
    CheckSpec, MetricSpec, NoData, OnError, PrometheusSpec, RangeSpec, TemplateRefSpec, WebSpec,
};
use super::text::Text;
use super::url::Url;
use super::web::Web;

/// How far a query looks back, where nobody says.
const INTERVAL: GoDuration = GoDuration(Duration::from_secs(60));

/// Argo Rollouts' `consecutiveErrorLimit`.
const ERRORS: u32 = 4;

/// What metrics and checks have in common: the terms on which a value is judged.
pub(super) struct Terms<'a> {
    interval: Option<GoDuration>,
    threshold: Option<f64>,
    range: Option<RangeSpec>,
    success: Option<&'a str>,
    failure: Option<&'a str>,
    no_data: Option<NoData>,
    on_error: Option<OnError>,
    error_limit: Option<u32>,
    min_samples: Option<u32>,
    samples_query: Option<&'a str>,
    dry_run: bool,
}

/// What is asked, and where in the spec it stands.
pub(super) struct Question<'a> {
    pub(super) name: &'a str,
    pub(super) query: Option<&'a str>,
    pub(super) template: Option<&'a TemplateRefSpec>,
    pub(super) variables: &'a BTreeMap<String, String>,
    pub(super) web: Option<&'a WebSpec>,
    /// Built in, where nothing else is there: its name, and the field that it stands in.
    pub(super) builtin: Option<(&'a str, &'static str)>,
    pub(super) server: Server,
    /// Path of the entry.
    pub(super) path: String,
    /// Of the fields that say what is asked, such as `prometheus.`.
    pub(super) below: &'static str,
}

/// Collects what is wrong.
pub(super) struct Wrong<'a> {
    path: &'a str,
    errors: &'a mut Vec<FieldError>,
}

impl Wrong<'_> {
    fn at(&mut self, field: &str, message: impl Into<String>) {
        let path = format!("{}.{field}", self.path);
        self.errors.push(FieldError::new(path, message));
    }
}

impl<'a> From<&'a MetricSpec> for Terms<'a> {
    fn from(spec: &'a MetricSpec) -> Self {
        Self {
            interval: spec.interval,
            threshold: spec.threshold,
            range: spec.threshold_range,
            success: spec.success_condition.as_deref(),
            failure: spec.failure_condition.as_deref(),
            no_data: spec.no_data,
            on_error: spec.on_error,
            error_limit: spec.consecutive_error_limit,
            min_samples: spec.min_samples,
            samples_query: spec.samples_query.as_deref(),
            dry_run: spec.dry_run,
        }
    }
}

impl<'a> From<&'a CheckSpec> for Terms<'a> {
    fn from(spec: &'a CheckSpec) -> Self {
        Self {
            interval: spec.interval,
            threshold: spec.threshold,
            range: spec.threshold_range,
            success: spec.success_condition.as_deref(),
            failure: spec.failure_condition.as_deref(),
            no_data: spec.no_data,
            on_error: spec.on_error,
            error_limit: spec.consecutive_error_limit,
            min_samples: spec.min_samples,
            samples_query: spec.samples_query.as_deref(),
            dry_run: spec.dry_run,
        }
    }
}

impl Terms<'_> {
    /// The first field that only a metric has, for checks that are none.
    pub(super) fn of_metrics_only(&self) -> Option<&'static str> {
        [
            ("interval", self.interval.is_some()),
            ("threshold", self.threshold.is_some()),
            ("thresholdRange", self.range.is_some()),
            ("successCondition", self.success.is_some()),
            ("failureCondition", self.failure.is_some()),
            ("noData", self.no_data.is_some()),
            ("onError", self.on_error.is_some()),
            ("consecutiveErrorLimit", self.error_limit.is_some()),
            ("minSamples", self.min_samples.is_some()),
            ("samplesQuery", self.samples_query.is_some()),
        ]
        .into_iter()
        .find_map(|(field, there)| there.then_some(field))
    }
}

/// Where the queries of a check go.
pub(super) fn server(
    spec: &PrometheusSpec,
    path: &str,
    monitoring: &Monitoring,
    errors: &mut Vec<FieldError>,
) -> Server {
    let address = spec.address.as_deref().map(Url::server).transpose();
    let address = address.unwrap_or_else(|message| {
        errors.push(FieldError::new(
            format!("{path}.prometheus.address"),
            message,
        ));
        None
    });
    let credentials = spec.secret_ref.as_ref().map(Credentials::of);
    match address {
        Some(address) => Server {
            address,
            credentials,
            headers: Vec::new(),
        },
        // Credentials that the object names go wherever it says, or where the watch says.
        None => Server {
            credentials: credentials.or_else(|| monitoring.server.credentials.clone()),
            ..monitoring.server.clone()
        },
    }
}

/// A metric, or what is wrong with it.
pub(super) fn metric(
    question: &Question<'_>,
    terms: &Terms<'_>,
    monitoring: &Monitoring,
    errors: &mut Vec<FieldError>,
) -> Option<Metric> {
    let before = errors.len();
    let mut wrong = Wrong {
        path: &question.path,
        errors,
    };
    let source = source(question, &mut wrong);
    let mut warnings = Vec::new();
    let rule = match &source {
        Some(source) => rule(source, question, terms, &mut warnings, &mut wrong),
        None => None,
    };
    let samples = source
        .as_ref()
        .and_then(|source| samples(source, question, terms, &mut wrong));
    let path = format!("{}.interval", question.path);
    let interval = duration(terms.interval, INTERVAL, &path, errors);
    if errors.len() > before {
        return None;
    }
    Some(Metric {
        name: question.name.into(),
        source: source?,
        rule: rule?,
        interval,
        no_data: terms.no_data.unwrap_or_default(),
        on_error: terms.on_error.unwrap_or_default(),
        error_limit: terms.error_limit.unwrap_or(ERRORS),
        samples,
        dry_run: terms.dry_run,
        warnings,
        series: monitoring.series.clone(),
    })
}

fn source(question: &Question<'_>, wrong: &mut Wrong<'_>) -> Option<Source> {
    let below = |field: &str| format!("{}{field}", question.below);
    let given: Vec<_> = [
        ("query", question.query.is_some()),
        ("templateRef", question.template.is_some()),
        ("web", question.web.is_some()),
    ]
    .into_iter()
    .filter_map(|(field, there)| there.then_some(field))
    .collect();
    if let [first, second, ..] = given.as_slice() {
        wrong.at(
            &below(second),
            format!("stands beside {first}, expected one of them"),
        );
        return None;
    }
    if let Some(query) = question.query {
        let text = Text::parse(query, question.variables)
            .map_err(|error| wrong.at(&below("query"), error.to_string()))
            .ok()?;
        if query.trim().is_empty() {
            wrong.at(&below("query"), "is empty");
            return None;
        }
        return Some(Source::Query(text, question.server.clone()));
    }
    if let Some(named) = question.template {
        if named.name.is_empty() {
            wrong.at(&below("templateRef.name"), "is empty");
            return None;
        }
        return Some(Source::Template {
            named: named.clone(),
            variables: question.variables.clone(),
            server: question.server.clone(),
        });
    }
    if let Some(web) = question.web {
        let path = format!("{}.web", question.path);
        return Web::parse(web, question.variables, &path, wrong.errors).map(Source::Web);
    }
    let (name, field) = question.builtin.unwrap_or((question.name, "query"));
    match Builtin::named(name) {
        Some(builtin) => Some(Source::Builtin(builtin, question.server.clone())),
        None => {
            wrong.at(
                &below(field),
                format!(
                    "unknown metric {name:?}, expected one of {}\n\
                     hint: a metric of another name needs a query, a templateRef or web",
                    builtin::NAMES
                ),
            );
            None
        }
    }
}

fn rule(
    source: &Source,
    question: &Question<'_>,
    terms: &Terms<'_>,
    warnings: &mut Vec<String>,
    wrong: &mut Wrong<'_>,
) -> Option<Rule> {
    let has_condition = terms.success.is_some() || terms.failure.is_some();
    if has_condition {
        for (field, there) in [
            ("threshold", terms.threshold.is_some()),
            ("thresholdRange", terms.range.is_some()),
        ] {
            if there {
                wrong.at(field, "stands beside a condition, expected one of them");
                return None;
            }
        }
        let mut parse = |field: &str, text: Option<&str>| match text.map(Condition::parse) {
            None => Some(None),
            Some(Ok(condition)) => Some(Some(condition)),
            Some(Err(error)) => {
                wrong.at(field, error.to_string());
                None
            }
        };
        let success = parse("successCondition", terms.success);
        let failure = parse("failureCondition", terms.failure);
        return Some(Rule::Conditions {
            success: success?.map(Box::new),
            failure: failure?.map(Box::new),
        });
    }
    if let Some(range) = terms.range {
        if terms.threshold.is_some() {
            warnings.push(format!(
                "{}.threshold: is not followed: thresholdRange is there",
                question.path
            ));
        }
        return match (range.min, range.max) {
            (Some(min), Some(max)) if min > max => {
                wrong.at(
                    "thresholdRange.min",
                    format!("{min} is more than the max of {max}"),
                );
                None
            }
            (Some(min), Some(max)) => Some(Rule::Bounds(Bounds::Both(min, max))),
            (Some(min), None) => Some(Rule::Bounds(Bounds::Least(min))),
            (None, Some(max)) => Some(Rule::Bounds(Bounds::Most(max))),
            (None, None) => {
                wrong.at("thresholdRange", "has neither min nor max");
                None
            }
        };
    }
    match (terms.threshold, source) {
        (Some(least), Source::Builtin(Builtin::SuccessRate, _)) => {
            Some(Rule::Bounds(Bounds::Least(least)))
        }
        // Its threshold would be a maximum by Flagger's rule, and a minimum by its name.
        (Some(_), Source::Query(..) | Source::Template { .. })
            if Builtin::named(question.name) == Some(Builtin::SuccessRate) =>
        {
            wrong.at(
                "threshold",
                "says nothing for a query of one's own under the name of a built-in metric\n\
                 hint: thresholdRange says whether it is a min or a max",
            );
            None
        }
        (Some(most), _) => Some(Rule::Bounds(Bounds::Most(most))),
        // As Argo Rollouts has it: a document that is there is enough.
        (None, Source::Web(_)) => Some(Rule::Conditions {
            success: None,
            failure: None,
        }),
        (None, _) => {
            wrong.at(
                "threshold",
                "is required, unless there is a thresholdRange, a successCondition or a failureCondition",
            );
            None
        }
    }
}

fn samples(
    source: &Source,
    question: &Question<'_>,
    terms: &Terms<'_>,
    wrong: &mut Wrong<'_>,
) -> Option<Samples> {
    let Some(wanted) = terms.min_samples else {
        if terms.samples_query.is_some() {
            wrong.at("minSamples", "is required beside samplesQuery");
        }
        return None;
    };
    if matches!(source, Source::Web(_)) {
        wrong.at(
            "minSamples",
            "is for Prometheus, and a document has no samples",
        );
        return None;
    }
    let query = match terms.samples_query {
        Some(query) => match Text::parse(query, question.variables) {
            Ok(text) => Some(text),
            Err(error) => {
                wrong.at("samplesQuery", error.to_string());
                return None;
            }
        },
        None if matches!(source, Source::Builtin(..)) => None,
        None => {
            wrong.at(
                "samplesQuery",
                "is required beside minSamples: nobody else knows what a query of one's own counts",
            );
            return None;
        }
    };
    Some(Samples { wanted, query })
}

/// A duration that is more than nothing.
pub(super) fn duration(
    given: Option<GoDuration>,
    default: GoDuration,
    path: &str,
    errors: &mut Vec<FieldError>,
) -> GoDuration {
    match given {
        None => default,
        Some(duration) if duration.0 >= Duration::from_millis(1) => duration,
        Some(_) => {
            errors.push(FieldError::new(path, "must be more than 0s"));
            default
        }
    }
}
