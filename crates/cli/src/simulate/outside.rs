//! The world outside: metrics and webhooks as the scenario has them.
//!
//! Nothing leaves the process. Who asks tells the headers: `x-oarlock-metric` and `x-oarlock-webhook`.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use oarlock_core::clock::Clock;
use oarlock_core::egress::{Credentials, Egress};
use oarlock_core::future::BoxFuture;
use oarlock_core::reconciler::{HttpError, HttpRequest, HttpResponse};
use oarlock_core::timestamp::Timestamp;
use oarlock_devcluster::VirtualClock;
use parking_lot::Mutex;
use serde_json::json;

use crate::simulate::scenario::{Answer, Metric, Sample, Webhook};

/// Names the metric that a query is for.
const METRIC: &str = "x-oarlock-metric";
/// Names the webhook that a call is for.
const WEBHOOK: &str = "x-oarlock-webhook";
/// Where Prometheus answers instant queries.
const QUERY: &str = "/api/v1/query";

/// A call that is worth telling.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Told {
    pub(crate) at: Timestamp,
    pub(crate) text: String,
}

/// What there is outside of the cluster.
pub(crate) struct Outside {
    clock: Arc<VirtualClock>,
    began: Timestamp,
    metrics: Vec<Metric>,
    webhooks: Vec<Webhook>,
    memory: Mutex<Memory>,
}

#[derive(Default)]
struct Memory {
    told: Vec<Told>,
    /// Calls so far, by the webhook's place in the scenario.
    calls: BTreeMap<usize, usize>,
    /// What was answered last, by who was called.
    last: BTreeMap<String, String>,
}

impl Outside {
    pub(crate) fn new(
        clock: Arc<VirtualClock>,
        metrics: Vec<Metric>,
        webhooks: Vec<Webhook>,
    ) -> Self {
        Self {
            began: clock.now(),
            clock,
            metrics,
            webhooks,
            memory: Mutex::default(),
        }
    }

    /// What was told since the last time.
    pub(crate) fn take_told(&self) -> Vec<Told> {
        std::mem::take(&mut self.memory.lock().told)
    }

    /// Tells a call, unless it was answered like that the last time.
    fn tell(&self, whom: String, answer: String) {
        let mut memory = self.memory.lock();
        if memory.last.get(&whom) != Some(&answer) {
            memory.told.push(Told {
                at: self.clock.now(),
                text: format!("{whom}: {answer}"),
            });
            memory.last.insert(whom, answer);
        }
    }

    fn query(&self, name: &str) -> Sample {
        let known = self.metrics.iter().find(|metric| metric.name == name);
        let Some(metric) = known else {
            let note = "no data; the scenario does not have it";
            self.tell(format!("metric {name}"), note.to_owned());
            return Sample::Nothing;
        };
        metric.series.at(self.clock.now().since(self.began))
    }

    fn call(&self, request: &HttpRequest) -> Answer {
        let name = header(request, WEBHOOK);
        let url = bare(&request.url);
        let known = self
            .webhooks
            .iter()
            .position(|webhook| is_meant(webhook, name, url));
        let whom = match name {
            Some(name) => format!("webhook {name} ({url})"),
            None => format!("{} {url}", request.method),
        };
        let Some(index) = known else {
            self.tell(whom, "200; the scenario does not have it".to_owned());
            return Answer::Status(200);
        };
        let call = {
            let mut memory = self.memory.lock();
            let calls = memory.calls.entry(index).or_default();
            *calls += 1;
            *calls - 1
        };
        let time = self.clock.now().since(self.began);
        let answer = self.webhooks[index].answers.answer(call, time);
        self.tell(whom, answer.to_string());
        answer
    }
}

impl Egress for Outside {
    fn send(
        &self,
        request: HttpRequest,
        _: Option<Credentials>,
        limit: Duration,
    ) -> BoxFuture<'_, Result<HttpResponse, HttpError>> {
        Box::pin(async move {
            let metric = header(&request, METRIC);
            if metric.is_some() || bare(&request.url).ends_with(QUERY) {
                // A query that does not say what it is for is known by its URL.
                let name = metric.unwrap_or(&request.url);
                let now = self.clock.now();
                return match self.query(name) {
                    Sample::Value(value) => Ok(vector(now, Some(&value))),
                    Sample::Nothing => Ok(vector(now, None)),
                    Sample::Error => Ok(unavailable()),
                    Sample::Timeout => self.silence(limit).await,
                };
            }
            match self.call(&request) {
                Answer::Status(status) => Ok(response(status, "")),
                Answer::Refused => Err(HttpError::Connect("connection refused".to_owned())),
                Answer::Timeout => self.silence(limit).await,
            }
        })
    }
}

impl Outside {
    async fn silence(&self, limit: Duration) -> Result<HttpResponse, HttpError> {
        Clock::sleep_until(&*self.clock, self.clock.now().after(limit)).await;
        Err(HttpError::TimedOut)
    }
}

fn header<'r>(request: &'r HttpRequest, name: &str) -> Option<&'r str> {
    let found = request
        .headers
        .iter()
        .find(|(key, _)| key.eq_ignore_ascii_case(name));
    found.map(|(_, value)| value.as_str())
}

/// A URL without its query.
fn bare(url: &str) -> &str {
    url.split(['?', '#']).next().unwrap_or(url)
}

fn is_meant(webhook: &Webhook, name: Option<&str>, url: &str) -> bool {
    let by_url = webhook
        .url
        .as_deref()
        .is_none_or(|wanted| match wanted.strip_suffix('*') {
            Some(start) => url.starts_with(start),
            None => bare(wanted).trim_end_matches('/') == url.trim_end_matches('/'),
        });
    let by_name = webhook
        .name
        .as_deref()
        .is_none_or(|wanted| name == Some(wanted));
    by_url && by_name
}

/// What Prometheus answers to an instant query.
fn vector(now: Timestamp, value: Option<&str>) -> HttpResponse {
    let seconds = now.as_millis() as f64 / 1000.0;
    let result: Vec<_> = value
        .map(|value| json!({"metric": {}, "value": [seconds, value]}))
        .into_iter()
        .collect();
    let body = json!({"status": "success", "data": {"resultType": "vector", "result": result}});
    response(200, &body.to_string())
}

fn unavailable() -> HttpResponse {
    let error = "the scenario says so";
    let body = json!({"status": "error", "errorType": "unavailable", "error": error});
    response(503, &body.to_string())
}

fn response(status: u16, body: &str) -> HttpResponse {
    HttpResponse {
        status,
        headers: vec![("content-type".to_owned(), "application/json".to_owned())],
        body: body.as_bytes().to_vec(),
    }
}

#[cfg(test)]
mod tests;
