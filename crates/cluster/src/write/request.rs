//! A verb as a request.

use http::Method;
use oarlock_core::cluster::{Call, Verb};
use oarlock_core::outcome::Propagation;
use oarlock_core::reference::{KindInfo, ObjectRef};
use oarlock_core::request::ApiError;
use serde_json::{Map, Value, json};

use crate::path::{home, object as object_path, query};
use crate::transport::{APPLY_PATCH, ApiCall, MERGE_PATCH};

/// The request of `call`. Unknown fields do not refuse an object (charts in use have them), they come back as warnings.
pub(super) fn of(call: &Call, info: &KindInfo) -> Result<ApiCall, ApiError> {
    let request = match &call.verb {
        Verb::Apply { object, force } => {
            let mut path = managed(object_path(info, object.target())?, call);
            query(&mut path, "force", if *force { "true" } else { "false" });
            query(&mut path, "fieldValidation", "Warn");
            let content = Value::Object(object.content().clone());
            ApiCall::new(Method::PATCH, path).content(APPLY_PATCH, &content)
        }
        Verb::Create { object } => {
            let mut path = managed(home(info, object.target())?, call);
            query(&mut path, "fieldValidation", "Warn");
            ApiCall::new(Method::POST, path).json(&Value::Object(object.content().clone()))
        }
        Verb::Merge {
            target,
            patch,
            status,
        } => {
            let mut path = object_path(info, target)?;
            if *status && info.status_subresource {
                path.push_str("/status");
            }
            let mut path = managed(path, call);
            query(&mut path, "fieldValidation", "Warn");
            let patch = Value::Object(patch.clone());
            ApiCall::new(Method::PATCH, path).content(MERGE_PATCH, &patch)
        }
        Verb::Delete {
            target,
            uid,
            version,
            propagation,
        } => {
            let mut preconditions = Map::new();
            if let Some(uid) = uid {
                preconditions.insert("uid".to_owned(), uid.0.clone().into());
            }
            if let Some(version) = version {
                preconditions.insert("resourceVersion".to_owned(), version.0.clone().into());
            }
            delete(info, target, preconditions, *propagation)?
        }
        Verb::Release { target, .. }
        | Verb::Yield { target, .. }
        | Verb::Inherit { target, .. } => ApiCall::get(object_path(info, target)?),
    };
    Ok(request.account(call.account.as_ref()))
}

fn managed(mut path: String, call: &Call) -> String {
    query(&mut path, "fieldManager", &call.manager);
    path
}

fn delete(
    info: &KindInfo,
    target: &ObjectRef,
    preconditions: Map<String, Value>,
    propagation: Propagation,
) -> Result<ApiCall, ApiError> {
    let policy = match propagation {
        Propagation::Background => "Background",
        Propagation::Foreground => "Foreground",
        Propagation::Orphan => "Orphan",
    };
    let mut options =
        json!({"apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": policy});
    if !preconditions.is_empty() {
        options["preconditions"] = Value::Object(preconditions);
    }
    Ok(ApiCall::new(Method::DELETE, object_path(info, target)?).json(&options))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use oarlock_core::cluster::ServiceAccount;
    use oarlock_core::object::Object;
    use oarlock_core::reference::{Gvk, ResourceVersion, Uid};

    use super::*;

    fn info(status_subresource: bool) -> KindInfo {
        KindInfo {
            gvk: Gvk::new("apps", "v1", "Deployment"),
            plural: "deployments".to_owned(),
            namespaced: true,
            status_subresource,
        }
    }

    fn text(verb: Verb, status_subresource: bool) -> String {
        let call = Call {
            verb,
            manager: "oarlock/x".to_owned(),
            account: Some(ServiceAccount {
                namespace: "n".to_owned(),
                name: "robot".to_owned(),
            }),
        };
        let request = of(&call, &info(status_subresource)).unwrap();
        assert_eq!(request.account, call.account);
        let (content_type, body) = request.body.unwrap_or_default();
        format!(
            "{} {}\n{content_type}\n{}",
            request.method,
            request.path,
            String::from_utf8(body).unwrap()
        )
    }

    fn object() -> Object {
        Object::from_value(json!({"apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": {"name": "a", "namespace": "n"}}))
        .unwrap()
    }

    #[test]
    fn requests() {
        let target = object().target().clone();
        insta::assert_snapshot!(text(Verb::Apply { object: object(), force: true }, true), @r#"
        PATCH /apis/apps/v1/namespaces/n/deployments/a?fieldManager=oarlock%2Fx&force=true&fieldValidation=Warn
        application/apply-patch+yaml
        {"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"a","namespace":"n"}}
        "#);
        insta::assert_snapshot!(text(Verb::Create { object: object() }, true), @r#"
        POST /apis/apps/v1/namespaces/n/deployments?fieldManager=oarlock%2Fx&fieldValidation=Warn
        application/json
        {"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"a","namespace":"n"}}
        "#);
        let delete = Verb::Delete {
            target: target.clone(),
            uid: Some(Uid("u".to_owned())),
            version: Some(ResourceVersion("7".to_owned())),
            propagation: Propagation::Foreground,
        };
        insta::assert_snapshot!(text(delete, true), @r#"
        DELETE /apis/apps/v1/namespaces/n/deployments/a
        application/json
        {"apiVersion":"v1","kind":"DeleteOptions","preconditions":{"resourceVersion":"7","uid":"u"},"propagationPolicy":"Foreground"}
        "#);
        let merge = |status| Verb::Merge {
            target: target.clone(),
            patch: Map::new(),
            status,
        };
        insta::assert_snapshot!(text(merge(true), true), @r#"
        PATCH /apis/apps/v1/namespaces/n/deployments/a/status?fieldManager=oarlock%2Fx&fieldValidation=Warn
        application/merge-patch+json
        {}
        "#);
        // A kind without the subresource has its status in the object itself.
        assert_eq!(text(merge(true), false), text(merge(false), true));
    }
}
