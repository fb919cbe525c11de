//! Checks, webhooks and alerts from their specs to what people read.

#![expect(clippy::unwrap_used, reason = "tests")]

mod answers;
mod fields;
mod noise;
mod sources;
mod webhooks;
mod windows;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use oarlock_sdk::http::{HttpError, Request, Response};
use oarlock_sdk::testing::FakeCluster;
use oarlock_sdk::{Context, Timestamp, Value, json};

use super::{Assessment, Check, Finding, Inquiry, Monitoring, Scope, Settings, Webhooks};

pub(super) type Answer = Result<Response, HttpError>;

/// A run in the middle of the third step, which is two minutes old.
pub(super) struct Site {
    pub(super) scope: Scope,
    pub(super) now: Timestamp,
    settings: Value,
    cluster: FakeCluster,
    /// Answers by name of the metric or webhook that asks; in turn, the last one for good.
    answers: Rc<RefCell<BTreeMap<String, Vec<Answer>>>>,
    pub(super) sent: Rc<RefCell<Vec<Request>>>,
}

impl Site {
    pub(super) fn new() -> Self {
        let since: Timestamp = "2026-11-21T12:00:00Z".parse().unwrap();
        Self {
            scope: Scope {
                namespace: "prod".into(),
                name: "podinfo".into(),
                uid: "8d1f".into(),
                target: "podinfo".into(),
                pods: "podinfo".into(),
                service: "podinfo".into(),
                ingress: String::new(),
                revision: "0123456789".into(),
                phase: "Progressing".into(),
                step: 3,
                began: since,
                since,
                tick: since,
            },
            now: since + Duration::from_secs(120),
            settings: json!({}),
            cluster: FakeCluster::new(),
            answers: Rc::default(),
            sent: Rc::default(),
        }
    }

    pub(super) fn age(mut self, seconds: u64) -> Self {
        self.now = self.scope.since + Duration::from_secs(seconds);
        self
    }

    pub(super) fn settings(self, settings: Value) -> Self {
        Self { settings, ..self }
    }

    pub(super) fn object(self, object: Value) -> Self {
        Self {
            cluster: self.cluster.object(object),
            ..self
        }
    }

    pub(super) fn cluster(self, change: impl FnOnce(FakeCluster) -> FakeCluster) -> Self {
        Self {
            cluster: change(self.cluster),
            ..self
        }
    }

    pub(super) fn answer(self, name: &str, answers: impl IntoIterator<Item = Answer>) -> Self {
        let answers = answers.into_iter().collect();
        self.answers.borrow_mut().insert(name.into(), answers);
        self
    }

    pub(super) fn context(&self) -> Context {
        let (answers, sent) = (Rc::clone(&self.answers), Rc::clone(&self.sent));
        Context::builder()
            .now(self.now)
            .settings(self.settings.clone())
            .cluster(self.cluster.clone())
            .http(move |request| {
                sent.borrow_mut().push(request.clone());
                let header = |name: &str| {
                    let found = request.headers.iter().find(|(known, _)| known == name);
                    found.map(|(_, value)| value.clone())
                };
                let asks = header("x-oarlock-metric").or_else(|| header("x-oarlock-webhook"));
                let mut answers = answers.borrow_mut();
                let answers = answers.get_mut(&asks.unwrap()).unwrap();
                match answers.len() {
                    1 => answers[0].clone(),
                    _ => answers.remove(0),
                }
            })
            .build()
    }

    pub(super) fn monitoring(&self) -> Monitoring {
        let settings: Settings = self.context().settings().unwrap();
        Monitoring::new(&settings, None).unwrap()
    }

    /// Asks the metrics of a Canary.
    pub(super) fn metrics(&self, metrics: Value) -> Assessment {
        let specs: Vec<_> = serde_json::from_value(metrics).unwrap();
        let checks = Check::metrics(&specs, "spec.analysis.metrics", &self.monitoring()).unwrap();
        let cx = self.context();
        Inquiry::new(&cx).checks(&checks, &Webhooks::default(), &self.scope)
    }

    /// Asks one metric.
    pub(super) fn metric(&self, metric: Value) -> Finding {
        self.metrics(json!([metric])).findings.remove(0)
    }

    /// Asks the checks of a step.
    pub(super) fn steps(&self, checks: Value) -> Assessment {
        let specs: Vec<_> = serde_json::from_value(checks).unwrap();
        let checks = Check::steps(&specs, "spec.steps[0].checks", &self.monitoring()).unwrap();
        let cx = self.context();
        Inquiry::new(&cx).checks(&checks, &Webhooks::default(), &self.scope)
    }

    /// The queries that were sent, decoded.
    pub(super) fn queries(&self) -> Vec<String> {
        let sent = self.sent.borrow();
        let decode = |request: &Request| {
            let (_, rest) = request.url.split_once("query=").unwrap();
            decoded(rest.split('&').next().unwrap())
        };
        sent.iter().map(decode).collect()
    }
}

fn decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        match byte {
            b'%' => {
                let digits = [rest.next().unwrap(), rest.next().unwrap()];
                let digits = std::str::from_utf8(&digits).unwrap();
                bytes.push(u8::from_str_radix(digits, 16).unwrap());
            }
            other => bytes.push(other),
        }
    }
    String::from_utf8(bytes).unwrap()
}

/// One series with this value.
pub(super) fn one(value: &str) -> Answer {
    vector(json!([{"metric": {}, "value": [1_795_262_520.5, value]}]))
}

pub(super) fn vector(result: Value) -> Answer {
    data("vector", result)
}

pub(super) fn data(kind: &str, result: Value) -> Answer {
    let body = json!({"status": "success", "data": {"resultType": kind, "result": result}});
    Ok(Response::json(200, &body))
}

pub(super) fn text(status: u16, body: &str) -> Answer {
    Ok(Response {
        status,
        body: body.into(),
        ..Response::default()
    })
}

/// The metric that most tests ask.
pub(super) fn success_rate() -> Value {
    json!({"name": "request-success-rate", "threshold": 99, "interval": "1m"})
}
