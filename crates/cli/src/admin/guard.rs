//! Who may see the metrics: whoever has a token, and may get `/metrics` by the API server's word.
//!
//! As controller-runtime's filter: a TokenReview tells whose token it is, a SubjectAccessReview whether that user may `get` the
//! path. Answers are remembered for a while, tokens are not: their digests are.

use std::collections::HashMap;
use std::time::Duration;

use http::header::AUTHORIZATION;
use http::{HeaderMap, Method, Request, StatusCode};
use oarlock_core::reference::Digest;
use parking_lot::Mutex;
use serde_json::{Value, json};
use thiserror::Error;
use tokio::time::Instant;

/// The path that one has to have the right to.
const PATH: &str = "/metrics";
/// How long somebody who may see them is not asked again.
const KNOWN_FOR: Duration = Duration::from_secs(60);
/// How long somebody who may not is not asked about again.
const REFUSED_FOR: Duration = Duration::from_secs(10);
/// Answers that are remembered: there are one or two scrapers.
const MOST: usize = 256;

/// Asks for every token, and remembers.
pub(super) struct Guard {
    client: kube::Client,
    answers: Mutex<HashMap<Digest, (Answer, Instant)>>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Answer {
    Allowed,
    Unknown,
    /// This user may not.
    Forbidden(String),
}

/// Why somebody does not see the metrics.
#[derive(Debug, Error)]
pub(super) enum Refusal {
    /// No token, or nobody's.
    #[error(
        "unauthorized; hint: send the token of a ServiceAccount as `Authorization: Bearer TOKEN`"
    )]
    Unauthorized,
    /// Somebody's who may not.
    #[error(
        "{0} may not get {PATH}; hint: bind a ClusterRole with nonResourceURLs: [{PATH}], verbs: [get]"
    )]
    Forbidden(String),
    /// The API server was asked in vain.
    #[error("the token could not be checked")]
    Ask,
}

impl Refusal {
    pub(super) const fn status(&self) -> StatusCode {
        match self {
            Self::Unauthorized => StatusCode::UNAUTHORIZED,
            Self::Forbidden(_) => StatusCode::FORBIDDEN,
            Self::Ask => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}

impl Guard {
    pub(super) fn new(client: kube::Client) -> Self {
        Self {
            client,
            answers: Mutex::default(),
        }
    }

    pub(super) async fn check(&self, headers: &HeaderMap) -> Result<(), Refusal> {
        let token = bearer(headers).ok_or(Refusal::Unauthorized)?;
        let digest = Digest::of(token.as_bytes());
        let now = Instant::now();
        let known = self.answers.lock().get(&digest).cloned();
        let answer = match known {
            Some((answer, until)) if now < until => answer,
            _ => {
                let answer = self.ask(token).await.map_err(|error| {
                    tracing::warn!(%error, "a token for {PATH} could not be checked; hint: the operator needs to create \
                        tokenreviews.authentication.k8s.io and subjectaccessreviews.authorization.k8s.io");
                    Refusal::Ask
                })?;
                let lasts = match answer {
                    Answer::Allowed => KNOWN_FOR,
                    Answer::Unknown | Answer::Forbidden(_) => REFUSED_FOR,
                };
                let mut answers = self.answers.lock();
                if answers.len() >= MOST {
                    answers.clear();
                }
                answers.insert(digest, (answer.clone(), now + lasts));
                answer
            }
        };
        match answer {
            Answer::Allowed => Ok(()),
            Answer::Unknown => Err(Refusal::Unauthorized),
            Answer::Forbidden(user) => Err(Refusal::Forbidden(user)),
        }
    }

    async fn ask(&self, token: &str) -> Result<Answer, kube::Error> {
        let review = self
            .review(
                "/apis/authentication.k8s.io/v1/tokenreviews",
                json!({
                    "apiVersion": "authentication.k8s.io/v1",
                    "kind": "TokenReview",
                    "spec": {"token": token},
                }),
            )
            .await?;
        if review["status"]["authenticated"] != true {
            return Ok(Answer::Unknown);
        }
        let user = &review["status"]["user"];
        let name = user["username"].as_str().unwrap_or_default();
        let mut spec = json!({
            "user": name,
            "nonResourceAttributes": {"path": PATH, "verb": "get"},
        });
        for field in ["groups", "uid", "extra"] {
            if !user[field].is_null() {
                spec[field] = user[field].clone();
            }
        }
        let access = self
            .review(
                "/apis/authorization.k8s.io/v1/subjectaccessreviews",
                json!({
                    "apiVersion": "authorization.k8s.io/v1",
                    "kind": "SubjectAccessReview",
                    "spec": spec,
                }),
            )
            .await?;
        Ok(if access["status"]["allowed"] == true {
            Answer::Allowed
        } else {
            Answer::Forbidden(name.to_owned())
        })
    }

    async fn review(&self, path: &str, question: Value) -> Result<Value, kube::Error> {
        let request = Request::builder()
            .method(Method::POST)
            .uri(path)
            .header(http::header::CONTENT_TYPE, "application/json")
            .body(question.to_string().into_bytes())
            .map_err(kube::Error::HttpError)?;
        self.client.request(request).await
    }
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let text = headers.get(AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = text.split_once(' ')?;
    let token = token.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then_some(token)
}

#[cfg(test)]
mod tests;
