//! What is counted of requests to the API server: client-go's metrics, by their names.
//!
//! Labels come from closed sets: methods, status codes, and the one host.

use std::time::Duration;

use http::{Method, StatusCode};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

type Labels = Vec<(&'static str, String)>;
type Histograms = Family<Labels, Histogram, fn() -> Histogram>;

/// client-go's buckets of request durations, in seconds.
fn durations() -> Histogram {
    Histogram::new([
        0.005, 0.025, 0.1, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 30.0, 60.0,
    ])
}

/// Requests, as they are sent.
#[derive(Clone, Debug)]
pub(crate) struct Requests {
    host: String,
    requests: Family<Labels, Counter>,
    retries: Family<Labels, Counter>,
    durations: Histograms,
    waits: Histograms,
}

impl Requests {
    /// Of requests to `host`, such as `10.0.0.1:443`.
    pub(crate) fn to(host: String) -> Self {
        Self {
            host,
            requests: Family::default(),
            retries: Family::default(),
            durations: Family::new_with_constructor(durations),
            waits: Family::new_with_constructor(durations),
        }
    }

    pub(crate) fn register(&self, registry: &mut Registry) {
        registry.register(
            "rest_client_requests",
            "Requests to the API server, per status code, method and host",
            self.requests.clone(),
        );
        registry.register(
            "rest_client_request_retries",
            "Requests that were repeated because the API server asked to slow down",
            self.retries.clone(),
        );
        registry.register(
            "rest_client_request_duration_seconds",
            "How long the API server took to answer; of watches, to begin",
            self.durations.clone(),
        );
        registry.register(
            "rest_client_rate_limiter_duration_seconds",
            "How long requests waited for --kube-api-qps",
            self.waits.clone(),
        );
    }

    /// A request was answered, or not (`None`), after so long.
    pub(crate) fn sent(&self, method: &Method, status: Option<StatusCode>, took: Duration) {
        // client-go's word where there is no code.
        let code = status.map_or_else(|| "<error>".to_owned(), |s| s.as_str().to_owned());
        let labels = vec![
            ("code", code),
            ("method", method.to_string()),
            ("host", self.host.clone()),
        ];
        self.requests.get_or_create(&labels).inc();
        self.durations
            .get_or_create(&self.verb(method))
            .observe(took.as_secs_f64());
    }

    /// A request is repeated.
    pub(crate) fn retried(&self, method: &Method, status: StatusCode) {
        let mut labels = self.verb(method);
        labels.insert(0, ("code", status.as_str().to_owned()));
        self.retries.get_or_create(&labels).inc();
    }

    /// A request waited for its turn.
    pub(crate) fn waited(&self, method: &Method, wait: Duration) {
        self.waits
            .get_or_create(&self.verb(method))
            .observe(wait.as_secs_f64());
    }

    fn verb(&self, method: &Method) -> Labels {
        vec![("verb", method.to_string()), ("host", self.host.clone())]
    }
}
