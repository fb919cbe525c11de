//! Answers to questions about access: the same rules, asked without doing anything.

use serde_json::{Map, Value, json};

use super::{Attributes, Authorization, Decision, User, policy, text};
use crate::status::{Cause, Status};

impl Authorization {
    /// The status of a review of this kind; `namespace` is that of its path.
    pub(crate) fn review(
        &self,
        kind: &str,
        spec: &Value,
        user: &User,
        namespace: &str,
    ) -> Result<Value, Status> {
        Ok(match kind {
            "SelfSubjectAccessReview" => self.access(user, spec)?,
            "SubjectAccessReview" => self.access(&subject(spec)?, spec)?,
            "LocalSubjectAccessReview" => {
                let asked = text(&spec["resourceAttributes"], "namespace");
                if asked != namespace {
                    return Err(Status::bad_request(format!(
                        "spec.resourceAttributes.namespace must match namespace: {asked:?} is not {namespace:?}"
                    )));
                }
                self.access(&subject(spec)?, spec)?
            }
            "SelfSubjectRulesReview" => self.rules(user, text(spec, "namespace")),
            "SelfSubjectReview" => json!({"userInfo": user_info(user)}),
            "TokenReview" => match self.user_of(text(spec, "token")) {
                Some(user) => json!({"authenticated": true, "user": user_info(&user)}),
                None => json!({"user": {}, "error": "invalid bearer token"}),
            },
            other => {
                return Err(Status::bad_request(format!(
                    "{other} is not answered by this development cluster"
                )));
            }
        })
    }

    fn access(&self, user: &User, spec: &Value) -> Result<Value, Status> {
        let attributes = attributes(spec)?;
        Ok(match self.decide(user, &attributes) {
            Decision::Allowed(reason) if reason.is_empty() => json!({"allowed": true}),
            Decision::Allowed(reason) => json!({"allowed": true, "reason": reason}),
            Decision::NoOpinion => json!({"allowed": false}),
        })
    }

    fn rules(&self, user: &User, namespace: &str) -> Value {
        let (mut resources, mut paths) = (Vec::new(), Vec::new());
        let all = if user.is_master() {
            vec![
                json!({"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}),
                json!({"verbs": ["*"], "nonResourceURLs": ["*"]}),
            ]
        } else {
            let mut rules = policy::everybodys();
            rules.extend(policy::rules(&self.store, user, namespace));
            rules
        };
        for rule in all {
            let is_path = rule["nonResourceURLs"]
                .as_array()
                .is_some_and(|urls| !urls.is_empty());
            if is_path {
                paths.push(rule);
            } else {
                resources.push(rule);
            }
        }
        json!({"incomplete": false, "resourceRules": resources, "nonResourceRules": paths})
    }

    /// What the `token` subresource of a ServiceAccount answers: a TokenRequest with a token.
    pub(crate) fn token_request(
        &self,
        namespace: &str,
        name: &str,
        mut request: Value,
    ) -> Result<Value, Status> {
        let id = crate::resource::ResourceId::of("", "serviceaccounts");
        self.store.get(&id, namespace, name)?;
        let token = self.issue(namespace, name);
        let seconds = request["spec"]["expirationSeconds"]
            .as_u64()
            .unwrap_or(3600);
        let until = self
            .store
            .clock()
            .now()
            .after(std::time::Duration::from_secs(seconds));
        request["kind"] = Value::from("TokenRequest");
        request["apiVersion"] = Value::from("authentication.k8s.io/v1");
        request["metadata"]["name"] = Value::from(name);
        request["metadata"]["namespace"] = Value::from(namespace);
        request["spec"]["expirationSeconds"] = Value::from(seconds);
        // Tokens of a development cluster do not end; clients only need to see when they would.
        request["status"] = json!({"token": token, "expirationTimestamp": until.rfc3339()});
        Ok(request)
    }
}

fn user_info(user: &User) -> Value {
    json!({"username": user.name(), "groups": user.groups()})
}

/// Whom a SubjectAccessReview is about.
fn subject(spec: &Value) -> Result<User, Status> {
    let groups: Vec<&str> = spec["groups"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    let name = text(spec, "user");
    if name.is_empty() && groups.is_empty() {
        let why = "at least one of user or group must be specified";
        let cause = Cause::invalid("spec.user", &Value::from(""), why);
        return Err(Status::invalid("authorization.k8s.io", "", "", vec![cause]));
    }
    Ok(User::exactly(name, groups))
}

fn attributes(spec: &Value) -> Result<Attributes, Status> {
    let of = |map: &Map<String, Value>, field: &str| {
        String::from(map.get(field).and_then(Value::as_str).unwrap_or_default())
    };
    match (
        spec["resourceAttributes"].as_object(),
        spec["nonResourceAttributes"].as_object(),
    ) {
        (Some(asked), None) => Ok(Attributes {
            verb: of(asked, "verb"),
            group: of(asked, "group"),
            resource: of(asked, "resource"),
            subresource: of(asked, "subresource"),
            namespace: of(asked, "namespace"),
            name: of(asked, "name"),
            path: String::new(),
        }),
        (None, Some(asked)) => Ok(Attributes::path(&of(asked, "verb"), &of(asked, "path"))),
        _ => Err(Status::bad_request(
            "spec: exactly one of nonResourceAttributes or resourceAttributes must be specified",
        )),
    }
}
