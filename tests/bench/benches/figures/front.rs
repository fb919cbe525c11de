//! What stands before the embedded cluster: a counter of calls, and a list of any length.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{Either, Full};
use kube::client::Body;

/// A Deployment as `kubectl get -o json --show-managed-fields` shows it: 2.9 KB without white space.
const DEPLOYMENT: &str = include_str!("deployment.json");

/// Objects of one kind that share an owner.
const SIBLINGS: usize = 4;

/// Objects per page where the caller does not say.
const PAGE: usize = 500;

/// The text of one Deployment, different for each number.
pub(crate) fn deployment(number: usize) -> String {
    thread_local! {
        static COMPACT: String = serde_json::from_str::<serde_json::Value>(DEPLOYMENT)
            .map(|value| value.to_string())
            .unwrap_or_default();
    }
    COMPACT.with(|text| {
        text.replace("@index@", &format!("{number:06}"))
            .replace("@owner@", &format!("{:06}", number / SIBLINGS))
    })
}

/// The API of an embedded cluster, seen through a counter.
#[derive(Clone)]
pub(crate) struct Front {
    inner: oarlock_devcluster::Service,
    calls: Arc<AtomicU64>,
    deployments: usize,
}

impl Front {
    /// Passes everything on.
    pub(crate) fn new(inner: oarlock_devcluster::Service) -> Self {
        Self {
            inner,
            calls: Arc::default(),
            deployments: 0,
        }
    }

    /// Answers lists of Deployments itself, with so many of them.
    pub(crate) fn with_deployments(self, deployments: usize) -> Self {
        Self {
            deployments,
            ..self
        }
    }

    /// Requests so far.
    pub(crate) fn calls(&self) -> u64 {
        self.calls.load(Ordering::Relaxed)
    }

    fn page(&self, query: &str) -> String {
        let value = |key: &str| {
            query
                .split('&')
                .find_map(|pair| pair.strip_prefix(key)?.strip_prefix('='))
                .and_then(|value| value.parse::<usize>().ok())
        };
        let start = value("continue").unwrap_or(0);
        let end = self.deployments.min(start + value("limit").unwrap_or(PAGE));
        let items: Vec<String> = (start..end).map(deployment).collect();
        let token = if end < self.deployments {
            end.to_string()
        } else {
            String::new()
        };
        format!(
            r#"{{"apiVersion":"apps/v1","kind":"DeploymentList","metadata":{{"resourceVersion":"9999999","continue":"{token}"}},"items":[{}]}}"#,
            items.join(",")
        )
    }
}

type Answer = Response<Either<oarlock_devcluster::Body, Full<Bytes>>>;

impl tower::Service<Request<Body>> for Front {
    type Response = Answer;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Answer, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        self.calls.fetch_add(1, Ordering::Relaxed);
        if self.deployments > 0 && request.uri().path() == "/apis/apps/v1/deployments" {
            let query = request.uri().query().unwrap_or_default();
            if query.contains("watch=") {
                return Box::pin(std::future::pending());
            }
            let page = Bytes::from(self.page(query));
            return Box::pin(async { Ok(Response::new(Either::Right(Full::new(page)))) });
        }
        let mut inner = self.inner.clone();
        Box::pin(async move {
            let response = tower::Service::call(&mut inner, request).await?;
            Ok(response.map(Either::Left))
        })
    }
}
