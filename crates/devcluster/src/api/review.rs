//! Questions that are answered on the spot: there is one user, who may do everything.

use http::StatusCode;
use serde_json::{Value, json};

use super::{Message, Reply, content};
use crate::schema::builtin::BuiltinResource;
use crate::status::Status;

pub(super) fn answer(question: &BuiltinResource, message: &Message) -> Result<Reply, Status> {
    answer_with(question, message, |kind, _| open(kind))
}

/// The same, where somebody decides: kind and spec of the question in, its status out.
pub(super) fn answer_with(
    question: &BuiltinResource,
    message: &Message,
    status: impl FnOnce(&str, &Value) -> Result<Value, Status>,
) -> Result<Reply, Status> {
    let mut review = content::object(&message.content_type, &message.body)?;
    review["kind"] = Value::from(question.kind.as_str());
    review["apiVersion"] = Value::from(question.api_version());
    if !review["metadata"].is_object() {
        review["metadata"] = json!({"creationTimestamp": null});
    }
    review["status"] = status(&question.kind, &review["spec"])?;
    Ok(Reply::json(StatusCode::CREATED, &review))
}

fn open(kind: &str) -> Result<Value, Status> {
    let user = json!({
        "username": "oarlock:admin",
        "groups": ["system:masters", "system:authenticated"],
    });
    Ok(match kind {
        "SubjectAccessReview" | "SelfSubjectAccessReview" | "LocalSubjectAccessReview" => {
            json!({"allowed": true})
        }
        "SelfSubjectRulesReview" => json!({
            "incomplete": false,
            "nonResourceRules": [{"verbs": ["*"], "nonResourceURLs": ["*"]}],
            "resourceRules": [{"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}],
        }),
        "SelfSubjectReview" => json!({"userInfo": user}),
        "TokenReview" => json!({"authenticated": true, "user": user}),
        other => {
            return Err(Status::bad_request(format!(
                "{other} is not answered by this development cluster"
            )));
        }
    })
}
