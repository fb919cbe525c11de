//! Requests to a cluster in the process, and what came back.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::Stream;
use http::Request;
use http_body_util::{BodyExt as _, Full};
use oarlock_core::timestamp::Timestamp;
use oarlock_devcluster::{DevCluster, VirtualClock};
use serde_json::{Value, json};
use tower::ServiceExt as _;

/// 2026-01-01T00:00:00Z.
pub(crate) const START: u64 = 1_767_225_600_000;

pub(crate) struct Conversation {
    pub(crate) cluster: DevCluster,
    pub(crate) clock: Arc<VirtualClock>,
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) code: u16,
    pub(crate) body: Value,
    pub(crate) warnings: Vec<String>,
}

impl Answer {
    pub(crate) fn revision(&self) -> u64 {
        self.body["metadata"]["resourceVersion"]
            .as_str()
            .unwrap()
            .parse()
            .unwrap()
    }

    pub(crate) fn message(&self) -> &str {
        self.body["message"].as_str().unwrap_or_default()
    }

    /// The answer, which must be a success.
    #[track_caller]
    pub(crate) fn ok(self) -> Self {
        assert!(self.code < 300, "{} {}", self.code, self.body);
        self
    }
}

impl Conversation {
    /// A cluster in which nothing moves by itself, at a standing clock.
    pub(crate) fn new() -> Self {
        Self::with_history(oarlock_devcluster::store::HISTORY)
    }

    pub(crate) fn with_history(history: usize) -> Self {
        let clock = Arc::new(VirtualClock::new(Timestamp::from_millis(START), 0.0));
        let cluster = DevCluster::builder()
            .clock(Arc::clone(&clock))
            .history(history)
            .without_controllers()
            .start();
        Self { cluster, clock }
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send("GET", path, "", &Value::Null).await
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Answer {
        self.send("POST", path, "application/json", body).await
    }

    pub(crate) async fn put(&self, path: &str, body: &Value) -> Answer {
        self.send("PUT", path, "application/json", body).await
    }

    pub(crate) async fn delete(&self, path: &str, options: &Value) -> Answer {
        self.send("DELETE", path, "application/json", options).await
    }

    pub(crate) async fn merge(&self, path: &str, body: &Value) -> Answer {
        self.send("PATCH", path, "application/merge-patch+json", body)
            .await
    }

    pub(crate) async fn apply(&self, path: &str, manager: &str, body: &Value) -> Answer {
        let separator = if path.contains('?') { '&' } else { '?' };
        let path = format!("{path}{separator}fieldManager={manager}");
        self.send("PATCH", &path, "application/apply-patch+yaml", body)
            .await
    }

    pub(crate) async fn send(
        &self,
        method: &str,
        path: &str,
        content_type: &str,
        body: &Value,
    ) -> Answer {
        let bytes = if body.is_null() {
            Bytes::new()
        } else {
            Bytes::from(body.to_string())
        };
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("content-type", content_type)
            .header("user-agent", "tester/1.0")
            .body(Full::new(bytes))
            .unwrap();
        self.exchange(request).await
    }

    pub(crate) async fn accepting(&self, path: &str, accept: &str) -> Answer {
        let request = Request::get(path)
            .header("accept", accept)
            .body(Full::<Bytes>::default());
        self.exchange(request.unwrap()).await
    }

    async fn exchange(&self, request: Request<Full<Bytes>>) -> Answer {
        let response = self.cluster.service().oneshot(request).await.unwrap();
        let code = response.status().as_u16();
        let warnings = response
            .headers()
            .get_all("warning")
            .iter()
            .map(|value| String::from(value.to_str().unwrap()))
            .collect();
        let bytes = response.into_body().collect().await.unwrap().to_bytes();
        let body = serde_json::from_slice(&bytes)
            .unwrap_or_else(|_| Value::from(String::from_utf8_lossy(&bytes).into_owned()));
        Answer {
            code,
            body,
            warnings,
        }
    }

    /// The events of a watch.
    pub(crate) async fn watch(&self, path: &str) -> impl Stream<Item = Value> + Unpin + use<> {
        use futures_util::StreamExt as _;
        let request = Request::get(path).body(Full::<Bytes>::default()).unwrap();
        let response = self.cluster.service().oneshot(request).await.unwrap();
        assert_eq!(response.status(), 200);
        Box::pin(
            response
                .into_body()
                .into_data_stream()
                .map(|line| serde_json::from_slice(&line.unwrap()).expect("a line is an event")),
        )
    }

    /// Creates a ConfigMap `name` in `default`.
    pub(crate) async fn config_map(&self, name: &str, labels: &Value) -> Answer {
        let body = json!({
            "apiVersion": "v1", "kind": "ConfigMap",
            "metadata": {"name": name, "labels": labels},
            "data": {"key": "value"},
        });
        self.post(CONFIG_MAPS, &body).await.ok()
    }
}

pub(crate) const CONFIG_MAPS: &str = "/api/v1/namespaces/default/configmaps";
pub(crate) const DEPLOYMENTS: &str = "/apis/apps/v1/namespaces/default/deployments";

/// A small Deployment.
pub(crate) fn deployment(name: &str, image: &str) -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": name},
        "spec": {
            "selector": {"matchLabels": {"app": name}},
            "template": {
                "metadata": {"labels": {"app": name}},
                "spec": {"containers": [{"name": "main", "image": image}]},
            },
        },
    })
}
