//! The one rule of a Canary's own route: Flagger's words, which are Istio's, in the Gateway API's.

use std::collections::BTreeMap;

use oarlock_sdk::{FieldError, Value, json};
use rollout::analysis::duration::GoDuration;

use crate::spec::service::{HeaderChange, Match, Rewrite, Service, TextMatch};

const METHODS: [&str; 9] = [
    "GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH",
];

/// The rules, with these backends. One, but where a prefix is rewritten: that has one path in each rule.
pub(super) fn of(service: &Service, backends: &Value) -> Vec<Value> {
    let matches: Vec<_> = match service.matches.as_slice() {
        [] => vec![json!({"path": {"type": "PathPrefix", "value": "/"}})],
        matches => matches.iter().map(one).collect(),
    };
    let matches: Vec<_> = match rewrites_prefix(service) {
        true => matches.into_iter().map(|one| vec![one]).collect(),
        false => vec![matches],
    };
    matches
        .into_iter()
        .map(|matches| rule(service, &matches, backends))
        .collect()
}

fn rule(service: &Service, matches: &[Value], backends: &Value) -> Value {
    let mut rule = json!({"matches": matches, "backendRefs": backends});
    let filters = filters(service);
    if !filters.is_empty() {
        rule["filters"] = json!(filters);
    }
    for (field, timeout) in [
        ("request", duration(service.timeout.as_deref())),
        (
            "backendRequest",
            duration(service.backend_timeout.as_deref()),
        ),
    ] {
        if let Some(timeout) = timeout {
            rule["timeouts"][field] = json!(timeout.to_string());
        }
    }
    rule
}

fn duration(text: Option<&str>) -> Option<GoDuration> {
    text?.parse().ok()
}

fn rewrites_prefix(service: &Service) -> bool {
    let rewrite = service.rewrite.as_ref();
    rewrite.is_some_and(|rewrite| {
        rewrite.uri.is_some() && rewrite.kind.as_deref() != Some("ReplaceFullPath")
    })
}

fn one(wanted: &Match) -> Value {
    let path = match &wanted.uri {
        None => json!({"type": "PathPrefix", "value": "/"}),
        Some(uri) => match (&uri.exact, &uri.prefix, &uri.regex) {
            (Some(exact), ..) => json!({"type": "Exact", "value": exact}),
            (_, Some(prefix), _) => json!({"type": "PathPrefix", "value": prefix}),
            (.., regex) => json!({"type": "RegularExpression", "value": regex}),
        },
    };
    let mut rule = json!({"path": path});
    if let Some(method) = wanted
        .method
        .as_ref()
        .and_then(|method| method.exact.as_ref())
    {
        rule["method"] = json!(method);
    }
    for (field, texts) in [
        ("headers", &wanted.headers),
        ("queryParams", &wanted.query_params),
    ] {
        if !texts.is_empty() {
            rule[field] = texts.iter().map(|(name, text)| named(name, text)).collect();
        }
    }
    rule
}

fn named(name: &str, text: &TextMatch) -> Value {
    let (kind, value) = match (&text.exact, &text.prefix, &text.suffix, &text.regex) {
        (Some(exact), ..) => ("Exact", exact.clone()),
        (_, Some(prefix), ..) => ("RegularExpression", format!("^{}.*", escaped(prefix))),
        (.., Some(suffix), _) => ("RegularExpression", format!(".*{}$", escaped(suffix))),
        (.., regex) => (
            "RegularExpression",
            regex.clone().unwrap_or_else(|| String::from(".*")),
        ),
    };
    json!({"name": name, "type": kind, "value": value})
}

fn escaped(text: &str) -> String {
    let mut escaped = String::new();
    for letter in text.chars() {
        if letter.is_ascii_punctuation() {
            escaped.push('\\');
        }
        escaped.push(letter);
    }
    escaped
}

fn filters(service: &Service) -> Vec<Value> {
    let mut filters = Vec::new();
    if let Some(headers) = &service.headers {
        if let Some(change) = &headers.request {
            filters.push(json!({
                "type": "RequestHeaderModifier", "requestHeaderModifier": changed(change),
            }));
        }
        if let Some(change) = &headers.response {
            filters.push(json!({
                "type": "ResponseHeaderModifier", "responseHeaderModifier": changed(change),
            }));
        }
    }
    if let Some(rewrite) = &service.rewrite {
        filters.push(json!({"type": "URLRewrite", "urlRewrite": rewritten(rewrite)}));
    }
    for mirror in &service.mirror {
        filters.push(json!({"type": "RequestMirror", "requestMirror": mirror}));
    }
    filters
}

fn changed(change: &HeaderChange) -> Value {
    let list = |headers: &BTreeMap<String, String>| -> Value {
        headers
            .iter()
            .map(|(name, value)| json!({"name": name, "value": value}))
            .collect()
    };
    let mut filter = json!({});
    if !change.set.is_empty() {
        filter["set"] = list(&change.set);
    }
    if !change.add.is_empty() {
        filter["add"] = list(&change.add);
    }
    if !change.remove.is_empty() {
        filter["remove"] = json!(change.remove);
    }
    filter
}

fn rewritten(rewrite: &Rewrite) -> Value {
    let mut filter = json!({});
    if let Some(host) = &rewrite.authority {
        filter["hostname"] = json!(host);
    }
    if let Some(uri) = &rewrite.uri {
        filter["path"] = match rewrite.kind.as_deref() {
            Some("ReplaceFullPath") => json!({"type": "ReplaceFullPath", "replaceFullPath": uri}),
            _ => json!({"type": "ReplacePrefixMatch", "replacePrefixMatch": uri}),
        };
    }
    filter
}

/// What a route cannot say.
pub(super) fn problems(service: &Service) -> Vec<FieldError> {
    let mut wrong = Vec::new();
    let mut refuse = |path: String, message: String| wrong.push(FieldError::new(path, message));
    for (index, one) in service.matches.iter().enumerate() {
        let path = format!("spec.service.match[{index}]");
        if let Some(uri) = &one.uri
            && (given(uri) != 1 || uri.suffix.is_some())
        {
            refuse(
                format!("{path}.uri"),
                String::from("must be one of exact, prefix and regex"),
            );
        }
        let prefix = one.uri.as_ref().is_none_or(|uri| uri.prefix.is_some());
        if rewrites_prefix(service) && !prefix {
            refuse(
                format!("{path}.uri"),
                String::from(
                    "must be a prefix: that is what spec.service.rewrite.uri replaces\n\
                     hint: say spec.service.rewrite.type: ReplaceFullPath to replace all of the path",
                ),
            );
        }
        if let Some(method) = &one.method {
            let exact = method.exact.as_deref();
            if given(method) != 1 || !exact.is_some_and(|method| METHODS.contains(&method)) {
                refuse(
                    format!("{path}.method"),
                    format!("must be exact: one of {}", METHODS.join(", ")),
                );
            }
        }
        for (field, texts) in [
            ("headers", &one.headers),
            ("queryParams", &one.query_params),
        ] {
            for (name, _) in texts.iter().filter(|(_, text)| given(text) != 1) {
                refuse(
                    format!("{path}.{field}.{name}"),
                    String::from("must be one of exact, prefix, suffix and regex"),
                );
            }
        }
    }
    for (field, text) in [
        ("timeout", &service.timeout),
        ("backendTimeout", &service.backend_timeout),
    ] {
        if let Some(Err(error)) = text.as_deref().map(str::parse::<GoDuration>) {
            refuse(format!("spec.service.{field}"), error.to_string());
        }
    }
    if let (Some(all), Some(backend)) = (
        duration(service.timeout.as_deref()),
        duration(service.backend_timeout.as_deref()),
    ) && backend > all
    {
        refuse(
            String::from("spec.service.backendTimeout"),
            format!("must not be longer than the {all} of spec.service.timeout"),
        );
    }
    let kind = service
        .rewrite
        .as_ref()
        .and_then(|rewrite| rewrite.kind.as_deref());
    if let Some(kind) =
        kind.filter(|kind| !["ReplaceFullPath", "ReplacePrefixMatch"].contains(kind))
    {
        refuse(
            String::from("spec.service.rewrite.type"),
            format!("{kind:?} is not known, expected ReplaceFullPath or ReplacePrefixMatch"),
        );
    }
    wrong
}

fn given(text: &TextMatch) -> usize {
    let texts = [&text.exact, &text.prefix, &text.suffix, &text.regex];
    texts.iter().filter(|text| text.is_some()).count()
}
