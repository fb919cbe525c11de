//! How a platform asks: the rules of the specification that a request alone can break.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};

use crate::asked::Asked;
use crate::ledger::Key;
use crate::script::Op;

/// What a request is about.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) op: Op,
    pub(crate) key: Key,
}

/// What is wrong with a request.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    /// Place and what.
    pub(crate) found: Vec<(String, String)>,
    /// The request cannot be carried out: 400.
    pub(crate) fatal: bool,
}

/// Of the version header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Version {
    Spoken,
    Missing,
    Unknown,
}

const VERSION: &str = "X-Broker-API-Version";
const IDENTITY: &str = "X-Broker-API-Originating-Identity";
const REQUEST: &str = "X-Broker-API-Request-Identity";

impl Call {
    /// What a method and a path ask; none where that is nothing.
    pub(crate) fn of(asked: &Asked) -> Option<Self> {
        let segments = asked.segments();
        let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
        let key = |instance: &str, binding: Option<&str>| Key {
            instance: instance.to_owned(),
            binding: binding.map(str::to_owned),
        };
        let (op, key) = match (asked.method.as_str(), segments.as_slice()) {
            ("GET", ["v2", "catalog"]) => (Op::Catalog, key("", None)),
            (method, ["v2", "service_instances", id]) => {
                let op = match method {
                    "PUT" => Op::Provision,
                    "PATCH" => Op::Update,
                    "DELETE" => Op::Deprovision,
                    "GET" => Op::Fetch,
                    _ => return None,
                };
                (op, key(id, None))
            }
            ("GET", ["v2", "service_instances", id, "last_operation"]) => {
                (Op::LastOperation, key(id, None))
            }
            (method, ["v2", "service_instances", id, "service_bindings", binding]) => {
                let op = match method {
                    "PUT" => Op::Bind,
                    "DELETE" => Op::Unbind,
                    "GET" => Op::Fetch,
                    _ => return None,
                };
                (op, key(id, Some(binding)))
            }
            (
                "GET",
                [
                    "v2",
                    "service_instances",
                    id,
                    "service_bindings",
                    binding,
                    "last_operation",
                ],
            ) => (Op::LastOperation, key(id, Some(binding))),
            _ => return None,
        };
        let named =
            op == Op::Catalog || (!key.instance.is_empty() && key.binding.as_deref() != Some(""));
        named.then_some(Self { op, key })
    }
}

/// Which version is spoken.
pub(crate) fn version(asked: &Asked) -> Version {
    match asked.get(VERSION).map(|version| version.split_once('.')) {
        None => Version::Missing,
        Some(Some(("2", minor))) if minor.parse::<u32>().is_ok() => Version::Spoken,
        Some(_) => Version::Unknown,
    }
}

impl Findings {
    /// Something that should not be.
    pub(crate) fn note(&mut self, place: impl Into<String>, what: impl Into<String>) {
        self.found.push((place.into(), what.into()));
    }

    /// Something without which nothing can be done.
    pub(crate) fn refuse(&mut self, place: impl Into<String>, what: impl Into<String>) {
        self.note(place, what);
        self.fatal = true;
    }

    /// All that the request alone tells; and its body.
    pub(crate) fn of(call: &Call, asked: &Asked) -> (Self, Map<String, Value>) {
        let mut findings = Self::default();
        findings.headers(asked);
        findings.query(call.op, asked);
        let body = findings.body(call.op, asked);
        (findings, body)
    }

    fn headers(&mut self, asked: &Asked) {
        let place = |name: &str| format!("header.{name}");
        match version(asked) {
            Version::Missing => self.note(place(VERSION), "missing"),
            Version::Unknown => self.note(place(VERSION), "not 2.x"),
            Version::Spoken => {
                let minor = asked.get(VERSION).and_then(|text| text.split_once('.'));
                if minor.is_some_and(|(_, minor)| minor.parse().unwrap_or(0) < 17) {
                    self.note(place(VERSION), "older than 2.17");
                }
            }
        }
        match asked.get(REQUEST) {
            None => self.note(place(REQUEST), "missing"),
            Some(id) if !is_uuid(id) => self.note(place(REQUEST), format!("{id:?} is no UUID")),
            Some(_) => {}
        }
        if let Some(identity) = asked.get(IDENTITY)
            && let Err(what) = check_identity(identity)
        {
            self.note(place(IDENTITY), what);
        }
        for name in [VERSION, REQUEST, IDENTITY, "Authorization", "Content-Type"] {
            let count = |(key, _): &&(String, String)| key.eq_ignore_ascii_case(name);
            if asked.headers.iter().filter(count).count() > 1 {
                self.note(place(name), "is there twice");
            }
        }
    }

    fn query(&mut self, op: Op, asked: &Asked) {
        let known: &[&str] = match op {
            Op::Catalog => &[],
            Op::Provision | Op::Update | Op::Bind => &["accepts_incomplete"],
            Op::Deprovision | Op::Unbind => &["service_id", "plan_id", "accepts_incomplete"],
            Op::LastOperation => &["service_id", "plan_id", "operation"],
            Op::Fetch => &["service_id", "plan_id"],
        };
        for (index, (name, value)) in asked.query.iter().enumerate() {
            let place = format!("query.{name}");
            if !known.contains(&name.as_str()) {
                self.note(place, "is nothing that is asked here");
            } else if asked.query[..index].iter().any(|(other, _)| other == name) {
                self.note(place, "is there twice");
            } else if value.is_empty() {
                self.note(place, "is empty");
            }
        }
        if op.changes() && asked.parameter("accepts_incomplete") != Some("true") {
            self.note("query.accepts_incomplete", "is not true");
        }
        if matches!(op, Op::Deprovision | Op::Unbind) {
            for name in ["service_id", "plan_id"] {
                if asked.parameter(name).unwrap_or_default().is_empty() {
                    self.refuse(format!("query.{name}"), "missing");
                }
            }
        }
    }

    fn body(&mut self, op: Op, asked: &Asked) -> Map<String, Value> {
        if !matches!(op, Op::Provision | Op::Update | Op::Bind) {
            if !asked.body.is_empty() {
                self.note("body", "there is one");
            }
            return Map::new();
        }
        let kind = asked.get("content-type").unwrap_or_default();
        if !kind.starts_with("application/json") {
            self.note("header.Content-Type", "is not application/json");
        }
        let Ok(Value::Object(body)) = serde_json::from_slice(&asked.body) else {
            self.refuse("body", "is no JSON object");
            return Map::new();
        };
        let (needed, known): (&[&str], &[&str]) = match op {
            Op::Provision => (
                &["service_id", "plan_id", "organization_guid", "space_guid"],
                &["context", "parameters", "maintenance_info"],
            ),
            Op::Update => (
                &["service_id"],
                &[
                    "plan_id",
                    "context",
                    "parameters",
                    "previous_values",
                    "maintenance_info",
                ],
            ),
            _ => (
                &["service_id", "plan_id"],
                &[
                    "context",
                    "parameters",
                    "bind_resource",
                    "predecessor_binding_id",
                ],
            ),
        };
        for name in needed {
            if !is_text(body.get(*name)) {
                self.refuse(format!("body.{name}"), "is no text, or missing");
            }
        }
        for (name, value) in &body {
            let place = format!("body.{name}");
            match name.as_str() {
                name if needed.contains(&name) => {}
                name if !known.contains(&name) => {
                    self.note(place, "is nothing that is sent here");
                }
                "plan_id" | "predecessor_binding_id" if !is_text(Some(value)) => {
                    self.refuse(place, "is no text");
                }
                "plan_id" | "predecessor_binding_id" => {}
                _ if !value.is_object() => self.refuse(place, "is no object"),
                "context" => self.context(value),
                "maintenance_info" => self.maintenance(&place, value),
                _ => {}
            }
        }
        if !body.contains_key("context") {
            self.note("body.context", "missing");
        }
        if body.contains_key("predecessor_binding_id") && body.contains_key("parameters") {
            self.note(
                "body.parameters",
                "the new binding is as its predecessor: nothing else is wished",
            );
        }
        body
    }

    fn context(&mut self, context: &Value) {
        if context["platform"] != "kubernetes" {
            self.note("body.context.platform", "is not kubernetes");
        }
        for name in ["clusterid", "namespace", "instance_name"] {
            if !is_text(context.get(name)) {
                self.note(format!("body.context.{name}"), "is no text, or missing");
            }
        }
        for (name, value) in context.as_object().into_iter().flatten() {
            let place = format!("body.context.{name}");
            match name.as_str() {
                "platform" | "clusterid" | "namespace" | "instance_name" => {}
                "namespace_annotations" | "instance_annotations" => {
                    let all = value.as_object();
                    if !all.is_some_and(|all| all.values().all(Value::is_string)) {
                        self.note(place, "is no object of texts");
                    }
                }
                _ => self.note(place, "is nothing that is known of Kubernetes"),
            }
        }
    }

    fn maintenance(&mut self, place: &str, info: &Value) {
        let version = info["version"].as_str().unwrap_or_default();
        let numbers = version.split(['-', '+']).next().unwrap_or_default();
        let is_semantic =
            numbers.split('.').count() == 3 && numbers.split('.').all(|n| n.parse::<u64>().is_ok());
        if !is_semantic {
            self.refuse(format!("{place}.version"), "is no semantic version");
        }
    }
}

fn check_identity(header: &str) -> Result<(), String> {
    let Some(("kubernetes", encoded)) = header.split_once(' ') else {
        return Err("is not `kubernetes` and a value".to_owned());
    };
    let bytes = STANDARD
        .decode(encoded)
        .map_err(|error| format!("is no base64: {error}"))?;
    let user: Value =
        serde_json::from_slice(&bytes).map_err(|error| format!("is no JSON: {error}"))?;
    if !is_text(user.get("username")) {
        return Err("has no username".to_owned());
    }
    for (name, is_right) in [
        ("uid", user["uid"].is_string()),
        ("groups", user["groups"].is_array()),
        ("extra", user["extra"].is_object()),
    ] {
        if !is_right {
            return Err(format!("{name} is of a wrong type, or missing"));
        }
    }
    Ok(())
}

fn is_text(value: Option<&Value>) -> bool {
    value
        .and_then(Value::as_str)
        .is_some_and(|text| !text.is_empty())
}

fn is_uuid(text: &str) -> bool {
    let lengths = [8, 4, 4, 4, 12];
    let parts: Vec<&str> = text.split('-').collect();
    parts.len() == lengths.len()
        && parts.iter().zip(lengths).all(|(part, length)| {
            part.len() == length && part.bytes().all(|byte| byte.is_ascii_hexdigit())
        })
}
