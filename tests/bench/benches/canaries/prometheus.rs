//! A Prometheus that is content with everybody.

use std::time::Duration;

use oarlock_core::egress::{Credentials, Egress};
use oarlock_core::future::BoxFuture;
use oarlock_core::reconciler::{HttpError, HttpRequest, HttpResponse};

/// How long an answer takes.
const LATENCY: Duration = Duration::from_millis(5);

/// Requests by the second and their success rate in percent: both are enough.
const ANSWER: &str = r#"{"status":"success","data":{"resultType":"vector","result":[{"metric":{},"value":[0,"99.9"]}]}}"#;

pub(crate) struct Prometheus;

impl Egress for Prometheus {
    fn send(
        &self,
        _: HttpRequest,
        _: Option<Credentials>,
        _: Duration,
    ) -> BoxFuture<'_, Result<HttpResponse, HttpError>> {
        Box::pin(async {
            tokio::time::sleep(LATENCY).await;
            Ok(HttpResponse {
                status: 200,
                headers: vec![("content-type".to_owned(), "application/json".to_owned())],
                body: ANSWER.as_bytes().to_vec(),
            })
        })
    }
}
