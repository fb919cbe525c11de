//! A metric: what is asked, of whom, and what the answer must be.

use std::collections::BTreeMap;
use std::time::Duration;

use oarlock_sdk::Timestamp;
use serde_json::Value;

use super::answer::{Measurement, Nothing, Trouble};
use super::builtin::Builtin;
use super::caller::Caller;
use super::condition;
use super::duration::GoDuration;
use super::finding::{Finding, Hold, Judgement};
use super::rule::{Answer, Rule};
use super::scope::Scope;
use super::settings::{Series, Server};
use super::spec::{NoData, OnError, TemplateRefSpec};
use super::text::Text;
use super::web::Web;
use super::window::{self, Window};
use super::{metric_template, prometheus};

/// One metric, checked.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Metric {
    pub(crate) name: String,
    pub(crate) source: Source,
    pub(crate) rule: Rule,
    pub(crate) interval: GoDuration,
    pub(crate) no_data: NoData,
    pub(crate) on_error: OnError,
    pub(crate) error_limit: u32,
    pub(crate) samples: Option<Samples>,
    pub(crate) dry_run: bool,
    pub(crate) warnings: Vec<String>,
    pub(crate) series: Series,
}

/// Where its value is.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Source {
    Builtin(Builtin, Server),
    Query(Text, Server),
    Template {
        named: TemplateRefSpec,
        variables: BTreeMap<String, String>,
        /// Where its provider names none.
        server: Server,
    },
    Web(Web),
}

/// How many requests there have to be.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Samples {
    pub(crate) wanted: u32,
    /// None for the built-in count.
    pub(crate) query: Option<Text>,
}

/// What asking came to.
enum Asked {
    Measured(Measurement, Vec<String>),
    /// Not asked: the step is not yet as old as what is looked at.
    TooYoung {
        needed: GoDuration,
        from: Timestamp,
        literal: bool,
    },
}

impl Metric {
    /// Asks, and judges.
    pub(crate) fn ask(&self, caller: &Caller<'_>, scope: &Scope) -> Finding {
        let mut warnings = self.warnings.clone();
        let finding = match self.measure(caller, scope) {
            Ok(Asked::Measured(measurement, more)) => {
                warnings.extend(
                    more.into_iter()
                        .map(|text| format!("metric {}: {text}", self.name)),
                );
                match measurement {
                    Measurement::Value(value) => self.judged(&value),
                    Measurement::Nothing(nothing) => self.no_data(&nothing),
                }
            }
            Ok(Asked::TooYoung {
                needed,
                from,
                literal,
            }) => self.too_young(scope, caller.cx.now(), needed, from, literal),
            Err(trouble) => self.trouble(&trouble),
        };
        Finding {
            warnings,
            error_limit: self.error_limit,
            ..finding.expected(self.rule.to_string()).dry(self.dry_run)
        }
    }

    /// What is known to be wrong without asking anybody: a MetricTemplate that is not there, or is none.
    pub(crate) fn problem(&self, cx: &oarlock_sdk::Context, scope: &Scope) -> Option<String> {
        let Source::Template {
            named,
            variables,
            server,
        } = &self.source
        else {
            return None;
        };
        let trouble = metric_template::read(cx, named, variables, scope, server).err()?;
        Some(format!("metric {}: {trouble}", self.name))
    }

    fn measure(&self, caller: &Caller<'_>, scope: &Scope) -> Result<Asked, Trouble> {
        let now = caller.cx.now();
        let open = |wanted: bool| {
            let scrape = self.series.scrape_interval.0;
            match wanted {
                true => window::of(self.interval.0, scrape, scope.since, now),
                false => Window::Open(self.interval),
            }
        };
        let looks_back = match &self.source {
            Source::Web(web) => web.has_interval(),
            Source::Builtin(..) | Source::Query(..) | Source::Template { .. } => true,
        };
        let window = match open(looks_back) {
            Window::Open(window) => window,
            Window::Shut(from) => {
                return Ok(Asked::TooYoung {
                    needed: GoDuration(from.since(scope.since)),
                    from,
                    literal: false,
                });
            }
        };
        let interval = window.to_string();
        let mut warnings = Vec::new();
        let (query, server) = match &self.source {
            Source::Web(web) => {
                let measured = web.ask(caller, &self.name, scope, &interval)?;
                return Ok(Asked::Measured(finite(measured), warnings));
            }
            Source::Builtin(builtin, server) => {
                (builtin.query(&self.series, scope, window)?, server.clone())
            }
            Source::Query(text, server) => (text.fill(scope, &interval), server.clone()),
            Source::Template {
                named,
                variables,
                server,
            } => {
                let template = metric_template::read(caller.cx, named, variables, scope, server)?;
                warnings.extend(template.warnings);
                (template.query.fill(scope, &interval), template.server)
            }
        };
        if let Some(needed) = beyond(&query, scope, now) {
            return Ok(Asked::TooYoung {
                needed: GoDuration(needed),
                from: scope.since + needed,
                literal: true,
            });
        }
        let limit = self.series.timeout;
        if let Some(few) = self.too_few(caller, scope, &server, window)? {
            return Ok(Asked::Measured(Measurement::Nothing(few), warnings));
        }
        let answered = prometheus::ask(caller, &server, &self.name, &query, limit)?;
        warnings.extend(answered.warnings);
        Ok(Asked::Measured(answered.measurement, warnings))
    }

    fn too_few(
        &self,
        caller: &Caller<'_>,
        scope: &Scope,
        server: &Server,
        window: GoDuration,
    ) -> Result<Option<Nothing>, Trouble> {
        let Some(Samples { wanted, query }) = &self.samples else {
            return Ok(None);
        };
        let query = match query {
            Some(text) => text.fill(scope, &window.to_string()),
            None => Builtin::samples(&self.series, scope, window)?,
        };
        let name = format!("{}-samples", self.name);
        let answered = prometheus::ask(caller, server, &name, &query, self.series.timeout)?;
        let samples = match &answered.measurement {
            Measurement::Value(value) => condition::number(value).unwrap_or_default(),
            Measurement::Nothing(_) => 0.0,
        };
        Ok((samples < f64::from(*wanted)).then_some(Nothing::TooFew {
            samples,
            wanted: *wanted,
        }))
    }

    fn finding(
        &self,
        judgement: Judgement,
        value: impl AsRef<str>,
        message: impl AsRef<str>,
    ) -> Finding {
        Finding::new("metric", &self.name, judgement, value, message)
    }

    fn judged(&self, value: &Value) -> Finding {
        let answer = match self.rule.judge(value) {
            Ok(answer) => answer,
            Err(message) => return self.trouble(&Trouble::Value(message)),
        };
        let shown = self.rule.shown(value);
        let (judgement, what) = match answer {
            Answer::Pass => (Judgement::Pass, ""),
            Answer::Fail => (Judgement::Fail, ""),
            Answer::Inconclusive => (Judgement::Hold(Hold::Inconclusive), " is inconclusive"),
        };
        let message = format!("{shown}{what}, expected {}", self.rule);
        self.finding(judgement, shown, message)
    }

    fn no_data(&self, nothing: &Nothing) -> Finding {
        let (judgement, policy) = match self.no_data {
            NoData::Pass => (Judgement::Pass, "pass"),
            NoData::Hold => (Judgement::Hold(Hold::NoData), "hold"),
            NoData::Fail => (Judgement::Fail, "fail"),
        };
        let value = format!("no data: {nothing}");
        let message = format!("{value} (noData: {policy})");
        self.finding(judgement, value, message)
    }

    fn trouble(&self, trouble: &Trouble) -> Finding {
        let value = trouble.to_string();
        let (judgement, message) = match self.on_error {
            _ if trouble.is_blocked() => (
                Judgement::Hold(Hold::Blocked),
                format!("cannot be asked: {value}"),
            ),
            OnError::Hold => (Judgement::Error, value.clone()),
            OnError::Fail => (
                Judgement::Fail,
                super::finding::sentence(&value, " (onError: fail)"),
            ),
        };
        self.finding(judgement, value, message)
    }

    fn too_young(
        &self,
        scope: &Scope,
        now: Timestamp,
        needed: GoDuration,
        from: Timestamp,
        literal: bool,
    ) -> Finding {
        let age = GoDuration(Duration::from_secs(now.since(scope.since).as_secs()));
        let hint = match literal {
            true => "\nhint: [{{ interval }}] looks back as far as the step is old",
            false => "",
        };
        Finding {
            wake: Some(from),
            ..self.finding(
                Judgement::Hold(Hold::TooYoung),
                format!("the step is {age} old, {needed} are looked at"),
                format!("the step is {age} old, and {needed} are looked at: asked at {from}{hint}"),
            )
        }
    }
}

/// How far a query looks back, where that is before the start of the step.
fn beyond(query: &str, scope: &Scope, now: Timestamp) -> Option<Duration> {
    let reach = window::reach(query);
    (reach > now.since(scope.since)).then_some(reach)
}

/// A text that is no finite number is a value; a number that is none cannot be in JSON, but its text can.
fn finite(measurement: Measurement) -> Measurement {
    match &measurement {
        Measurement::Value(Value::String(text)) => match text.trim().parse::<f64>() {
            Ok(number) if !number.is_finite() => {
                Measurement::Nothing(Nothing::NotFinite(text.trim().into()))
            }
            _ => measurement,
        },
        _ => measurement,
    }
}
