//! May a ServiceAccount do that? The API server's word, remembered for a short while.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use http::Method;
use oarlock_core::cluster::ServiceAccount;
use oarlock_core::manifest::Access;
use oarlock_core::request::ApiError;
use oarlock_core::timestamp::Timestamp;
use parking_lot::Mutex;
use serde_json::{Value, json};

use crate::transport::{ApiCall, Transport, unreachable_error, user_name};

const REVIEWS: &str = "/apis/authorization.k8s.io/v1/subjectaccessreviews";

/// A thousand objects with a ServiceAccount each and a handful of kinds fit; an answer is about 200 bytes.
const MOST: usize = 8192;

/// Access reviews.
pub(crate) struct Reviews {
    transport: Arc<Transport>,
    ttl: Duration,
    answers: Mutex<HashMap<Question, (bool, Timestamp)>>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Question {
    user: String,
    namespace_of_user: String,
    verb: String,
    group: String,
    resource: String,
    namespace: Option<String>,
    name: Option<String>,
}

impl Question {
    fn new(account: &ServiceAccount, access: Access<'_>) -> Self {
        Self {
            user: user_name(account),
            namespace_of_user: account.namespace.clone(),
            verb: access.verb.to_owned(),
            group: access.group.to_owned(),
            resource: access.resource.to_owned(),
            // To the API server no namespace means all of them, and cluster scope where there are none.
            namespace: access.namespace.map(str::to_owned),
            name: access.name.map(str::to_owned),
        }
    }

    fn review(&self) -> Value {
        let (resource, subresource) = self
            .resource
            .split_once('/')
            .unwrap_or((&self.resource, ""));
        let mut attributes = json!({"verb": self.verb, "group": self.group, "resource": resource});
        let optional = [
            (
                "subresource",
                (!subresource.is_empty()).then_some(subresource),
            ),
            ("namespace", self.namespace.as_deref()),
            ("name", self.name.as_deref()),
        ];
        for (field, value) in optional {
            if let Some(value) = value {
                attributes[field] = value.into();
            }
        }
        json!({
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SubjectAccessReview",
            "spec": {
                "user": self.user,
                // What the API server adds when such an account authenticates: bindings to them count.
                "groups": [
                    "system:serviceaccounts",
                    format!("system:serviceaccounts:{}", self.namespace_of_user),
                    "system:authenticated",
                ],
                "resourceAttributes": attributes,
            },
        })
    }
}

impl Reviews {
    pub(crate) fn new(transport: Arc<Transport>, ttl: Duration) -> Self {
        Self {
            transport,
            ttl,
            answers: Mutex::default(),
        }
    }

    pub(crate) async fn allowed(
        &self,
        account: &ServiceAccount,
        access: Access<'_>,
    ) -> Result<bool, ApiError> {
        let question = Question::new(account, access);
        let now = self.transport.clock().now();
        if let Some((allowed, until)) = self.answers.lock().get(&question)
            && now < *until
        {
            return Ok(*allowed);
        }
        let call = ApiCall::new(Method::POST, REVIEWS).json(&question.review());
        let answer = self.transport.json(&call).await?;
        let allowed = answer
            .pointer("/status/allowed")
            .and_then(Value::as_bool)
            .ok_or_else(|| unreachable_error("an access review without status.allowed"))?;
        let mut answers = self.answers.lock();
        make_room(&mut answers, now);
        answers.insert(question, (allowed, now.after(self.ttl)));
        Ok(allowed)
    }
}

fn make_room(answers: &mut HashMap<Question, (bool, Timestamp)>, now: Timestamp) {
    if answers.len() < MOST {
        return;
    }
    answers.retain(|_, (_, until)| now < *until);
    if answers.len() >= MOST {
        // All of them are young. Asking again is cheap, so none is worth an order of its own.
        answers.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reviews() {
        let account = ServiceAccount {
            namespace: "n".to_owned(),
            name: "robot".to_owned(),
        };
        let access = Access {
            verb: "patch",
            group: "apps",
            resource: "deployments/status",
            namespace: Some("n"),
            name: None,
            all_namespaces: false,
        };
        assert_eq!(
            Question::new(&account, access).review()["spec"],
            json!({
                "user": "system:serviceaccount:n:robot",
                "groups": ["system:serviceaccounts", "system:serviceaccounts:n", "system:authenticated"],
                "resourceAttributes": {"verb": "patch", "group": "apps", "resource": "deployments",
                    "subresource": "status", "namespace": "n"},
            })
        );
    }

    #[test]
    fn bounded() {
        let mut answers = HashMap::new();
        let until = Timestamp::from_millis(100);
        for number in 0..MOST {
            let question = Question {
                user: number.to_string(),
                namespace_of_user: String::new(),
                verb: String::new(),
                group: String::new(),
                resource: String::new(),
                namespace: None,
                name: None,
            };
            let until = if number % 2 == 0 {
                until
            } else {
                until.after(Duration::from_secs(9))
            };
            answers.insert(question, (true, until));
        }
        make_room(&mut answers, until);
        assert_eq!(answers.len(), MOST / 2);
    }
}
