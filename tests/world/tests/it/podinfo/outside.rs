//! What is outside of the cluster: a Prometheus, and webhooks.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use oarlock_core::egress::{Credentials, Egress};
use oarlock_core::future::BoxFuture;
use oarlock_core::reconciler::{HttpError, HttpRequest, HttpResponse};
use parking_lot::Mutex;
use serde_json::json;

/// What Prometheus says to a metric.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Sample {
    Value(f64),
    /// No series.
    Nothing,
}

/// Answers what the tests say, and notes who asked. Outlives the operator.
pub(crate) struct Outside {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    metrics: BTreeMap<String, Sample>,
    asked: Vec<Asked>,
}

/// One request.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    /// `metric NAME` or `webhook NAME`.
    pub(crate) what: String,
    /// The idempotency key, where it has an effect.
    pub(crate) key: Option<String>,
}

impl Outside {
    /// Everything is well.
    pub(crate) fn healthy() -> Arc<Self> {
        let outside = Self {
            state: Mutex::default(),
        };
        outside.says("request-success-rate", Sample::Value(99.9));
        outside.says("request-duration", Sample::Value(120.0));
        Arc::new(outside)
    }

    /// A metric's value from now on.
    pub(crate) fn says(&self, metric: &str, sample: Sample) {
        self.state.lock().metrics.insert(metric.to_owned(), sample);
    }

    /// Who asked since the last call.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        std::mem::take(&mut self.state.lock().asked)
    }

    fn answer(&self, request: &HttpRequest) -> HttpResponse {
        let header = |name: &str| {
            let mut headers = request.headers.iter();
            let found = headers.find(|(key, _)| key.eq_ignore_ascii_case(name));
            found.map(|(_, value)| value.clone())
        };
        let mut state = self.state.lock();
        let key = header("idempotency-key").or_else(|| request.effect.clone());
        let Some(metric) = header("x-oarlock-metric") else {
            let hook = header("x-oarlock-webhook");
            let hook = hook.unwrap_or_else(|| panic!("who asks? {request:?}"));
            let what = format!("webhook {hook}");
            state.asked.push(Asked { what, key });
            return answered("{}".to_owned());
        };
        let sample = state.metrics.get(&metric).cloned();
        let what = format!("metric {metric}");
        state.asked.push(Asked { what, key });
        let result = match sample {
            Some(Sample::Value(value)) => json!([{"metric": {}, "value": [0, value.to_string()]}]),
            Some(Sample::Nothing) | None => json!([]),
        };
        let body = json!({"status": "success", "data": {"resultType": "vector", "result": result}});
        answered(body.to_string())
    }
}

fn answered(body: String) -> HttpResponse {
    HttpResponse {
        status: 200,
        headers: vec![("content-type".to_owned(), "application/json".to_owned())],
        body: body.into_bytes(),
    }
}

impl Egress for Outside {
    fn send(
        &self,
        request: HttpRequest,
        _: Option<Credentials>,
        _: Duration,
    ) -> BoxFuture<'_, Result<HttpResponse, HttpError>> {
        Box::pin(async move { Ok(self.answer(&request)) })
    }
}
