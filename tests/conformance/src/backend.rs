//! What stories are told to: an API server, by a client, and by a kubeconfig for kubectl.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher as _, Hasher as _};
use std::path::PathBuf;

use http::{Method, Request, Response};
use http_body_util::BodyExt as _;
use kube::client::Body;
use serde_json::{Value, json};

/// A cluster that answers.
#[derive(Clone)]
pub struct Backend {
    /// HTTP to its API server, with credentials that may do everything.
    pub client: kube::Client,
    /// The same for kubectl.
    pub kubeconfig: PathBuf,
}

/// Why a backend gave no answer at all.
#[derive(Debug, thiserror::Error)]
pub enum BackendError {
    /// The story's words make no HTTP request.
    #[error("the request cannot be built")]
    Build(#[source] http::Error),
    /// No answer, or not a whole one.
    #[error("{method} {path} was not answered")]
    Send {
        /// HTTP method.
        method: Method,
        /// Path and query.
        path: String,
        /// From the client.
        #[source]
        source: kube::Error,
    },
    /// The answer broke off.
    #[error("the answer broke off")]
    Read(#[source] kube::Error),
    /// The namespace of a story could not be made.
    #[error("namespace {namespace} was refused: {answer}")]
    Namespace {
        /// Its name.
        namespace: String,
        /// What the server said.
        answer: Value,
    },
    /// What every namespace has did not appear.
    #[error("namespace {namespace} did not get its {missing}; hint: are the controllers running?")]
    Unfurnished {
        /// Its name.
        namespace: String,
        /// Path of what is missing.
        missing: &'static str,
    },
}

/// What the controllers put into each namespace. Stories begin when it is there, so that it does not appear between steps.
const FURNITURE: [&str; 2] = ["serviceaccounts/default", "configmaps/kube-root-ca.crt"];

impl Backend {
    /// Sends a request as the program `conformance`.
    pub(crate) async fn send(
        &self,
        method: &Method,
        path: &str,
        headers: &[(String, String)],
        body: Vec<u8>,
    ) -> Result<Response<Body>, BackendError> {
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header("user-agent", "conformance/1");
        for (name, value) in headers {
            request = request.header(name, value);
        }
        let request = request
            .body(Body::from(body))
            .map_err(BackendError::Build)?;
        self.client
            .send(request)
            .await
            .map_err(|source| BackendError::Send {
                method: method.clone(),
                path: String::from(path),
                source,
            })
    }

    async fn json(
        &self,
        method: Method,
        path: &str,
        body: Option<Value>,
    ) -> Result<(u16, Value), BackendError> {
        let headers = [(
            String::from("content-type"),
            String::from("application/json"),
        )];
        let bytes = body.map(|body| body.to_string().into_bytes());
        let answer = self
            .send(&method, path, &headers, bytes.unwrap_or_default())
            .await?;
        let code = answer.status().as_u16();
        let bytes = whole(answer.into_body()).await?;
        Ok((code, serde_json::from_slice(&bytes).unwrap_or_default()))
    }

    /// Makes a namespace of a new name, and waits until it has what every namespace has.
    pub(crate) async fn namespace(&self) -> Result<String, BackendError> {
        let namespace = format!("conformance-{:08x}", random() & 0xffff_ffff);
        let object = json!({
            "apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace},
        });
        let (code, answer) = self
            .json(Method::POST, "/api/v1/namespaces", Some(object))
            .await?;
        if code != 201 {
            return Err(BackendError::Namespace { namespace, answer });
        }
        for missing in FURNITURE {
            let path = format!("/api/v1/namespaces/{namespace}/{missing}");
            let mut patience = crate::run::Patience::default();
            while self.json(Method::GET, &path, None).await?.0 != 200 {
                if !patience.once_more().await {
                    return Err(BackendError::Unfurnished { namespace, missing });
                }
            }
        }
        Ok(namespace)
    }

    /// Takes away what a story left: its paths, the definitions of its group, its namespace.
    pub(crate) async fn clean(
        &self,
        namespace: &str,
        paths: &[String],
    ) -> Result<(), BackendError> {
        for path in paths {
            self.json(Method::DELETE, path, None).await?;
        }
        let definitions = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
        let (_, list) = self.json(Method::GET, definitions, None).await?;
        let of_group = format!(".{}", crate::filling::group(namespace));
        for item in list["items"].as_array().into_iter().flatten() {
            let name = item["metadata"]["name"].as_str().unwrap_or_default();
            if name.ends_with(&of_group) {
                self.json(Method::DELETE, &format!("{definitions}/{name}"), None)
                    .await?;
            }
        }
        let path = format!("/api/v1/namespaces/{namespace}");
        self.json(Method::DELETE, &path, None).await?;
        Ok(())
    }
}

/// A whole body.
pub(crate) async fn whole(body: Body) -> Result<bytes::Bytes, BackendError> {
    let collected = body.collect().await.map_err(BackendError::Read)?;
    Ok(collected.to_bytes())
}

/// A number that nobody drew before.
fn random() -> u64 {
    RandomState::new().build_hasher().finish()
}
