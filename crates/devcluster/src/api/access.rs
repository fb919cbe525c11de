//! What a message asks for, as an authorizer sees it.

use http::request::Parts;
use http::{HeaderMap, Method, StatusCode};
use serde_json::Value;

use super::path::{Route, Target};
use super::query::Query;
use super::{Message, Reply, content, review};
use crate::authorization::{Attributes, Authorization, Credentials, User};
use crate::resource::{ResourceId, builtin as kinds};
use crate::schema::builtin;
use crate::status::Status;

/// Refuses what no rule allows, where access is controlled. Has the answer to what is about access itself.
pub(super) fn admit(
    access: &Authorization,
    parts: &Parts,
    route: &Route,
    message: &Message,
) -> Result<Option<Reply>, Status> {
    let user = access.authenticate(&credentials(&parts.headers))?;
    let Route::Objects(target) = route else {
        let verb = parts.method.as_str().to_ascii_lowercase();
        access.require(&user, &Attributes::path(&verb, parts.uri.path()))?;
        return Ok(None);
    };
    let attributes = attributes(&parts.method, target, &message.query);
    access.require(&user, &attributes)?;
    write(access, &user, &parts.method, &attributes, message)?;
    if parts.method == Method::POST {
        answer(access, &user, target, message)
    } else {
        Ok(None)
    }
}

/// Access reviews, and tokens of ServiceAccounts.
fn answer(
    access: &Authorization,
    user: &User,
    target: &Target,
    message: &Message,
) -> Result<Option<Reply>, Status> {
    let namespace = target.namespace.as_deref().unwrap_or_default();
    let question = builtin::find_plural(&target.group, &target.version, &target.plural)
        .filter(|resource| kinds::is_review(resource));
    if let Some(question) = question {
        let decided = |kind: &str, spec: &Value| access.review(kind, spec, user, namespace);
        return review::answer_with(question, message, decided).map(Some);
    }
    let is_token = (target.group.as_str(), target.plural.as_str()) == ("", "serviceaccounts")
        && target.subresource.as_deref() == Some("token");
    match &target.name {
        Some(name) if is_token => {
            let request = content::object(&message.content_type, &message.body)?;
            let answer = access.token_request(namespace, name, request)?;
            Ok(Some(Reply::json(StatusCode::CREATED, &answer)))
        }
        _ => Ok(None),
    }
}

fn credentials(headers: &HeaderMap) -> Credentials {
    let text = |name: &str| {
        let value = headers.get(name)?.to_str().ok()?;
        Some(String::from(value))
    };
    let groups = headers.get_all("impersonate-group").iter();
    Credentials {
        token: text("authorization")
            .and_then(|value| Some(String::from(value.strip_prefix("Bearer ")?.trim()))),
        user: text("impersonate-user"),
        groups: groups
            .filter_map(|value| Some(String::from(value.to_str().ok()?)))
            .collect(),
    }
}

/// As apiserver's `RequestInfo` has it.
fn attributes(method: &Method, target: &Target, query: &Query) -> Attributes {
    let watch = query.flag("watch");
    let verb = match (method.as_str(), &target.name) {
        ("GET" | "HEAD", _) if watch && target.subresource.is_none() => "watch",
        ("GET" | "HEAD", Some(_)) => "get",
        ("GET" | "HEAD", None) => "list",
        ("POST", _) => "create",
        ("PUT", _) => "update",
        ("PATCH", _) => "patch",
        ("DELETE", Some(_)) => "delete",
        ("DELETE", None) => "deletecollection",
        (other, _) => &other.to_ascii_lowercase(),
    };
    // Who lists by name has to be allowed to do so for this name.
    let selected = || {
        let selector = query.get("fieldSelector");
        let name = selector
            .strip_prefix("metadata.name=")
            .filter(|name| !name.contains(',') && matches!(verb, "list" | "watch"));
        name.map(|name| String::from(name.trim_start_matches('=')))
    };
    let is_namespace = (target.group.as_str(), target.plural.as_str()) == ("", "namespaces");
    Attributes {
        verb: String::from(verb),
        group: target.group.clone(),
        resource: target.plural.clone(),
        subresource: target.subresource.clone().unwrap_or_default(),
        namespace: if is_namespace {
            target.name.clone().unwrap_or_default()
        } else {
            target.namespace.clone().unwrap_or_default()
        },
        name: target.name.clone().or_else(selected).unwrap_or_default(),
        path: String::new(),
    }
}

/// What a write needs beyond its own verb: an apply that creates, and owners whose deletion it blocks.
fn write(
    access: &Authorization,
    user: &User,
    method: &Method,
    attributes: &Attributes,
    message: &Message,
) -> Result<(), Status> {
    if !matches!(*method, Method::POST | Method::PUT | Method::PATCH) {
        return Ok(());
    }
    let id = ResourceId::new(attributes.group.as_str(), attributes.resource.as_str());
    let live = access
        .store()
        .get(&id, &attributes.namespace, &attributes.name)
        .ok();
    let applies = message.content_type.starts_with("application/apply-patch");
    if applies && live.is_none() {
        access.require(user, &attributes.verb("create"))?;
    }
    // A body that cannot be read is refused where it is looked at.
    let wanted: Option<Value> = content::yaml(&message.body).ok();
    match wanted {
        Some(wanted) => access.require_owners(user, attributes, &wanted, live.as_deref()),
        None => Ok(()),
    }
}
