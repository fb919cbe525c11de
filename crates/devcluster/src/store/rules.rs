//! Rules of single built-in kinds beyond what their schemas can say.

use serde_json::{Map, Value};

use super::metadata;
use crate::resource::Resource;
use crate::selector::Filter;
use crate::status::Cause;

mod pod;

/// What is wrong with an object by the rules of its kind.
pub(super) fn faults(resource: &Resource, object: &Value) -> Vec<Cause> {
    let mut causes = Vec::new();
    let spec = &object["spec"];
    match (resource.id.group(), resource.id.plural()) {
        ("apps", "deployments" | "replicasets" | "statefulsets" | "daemonsets") => {
            selector_faults(spec, &mut causes);
            pod::faults("spec.template.spec", &spec["template"]["spec"], &mut causes);
        }
        ("", "pods") => pod::faults("spec", spec, &mut causes),
        ("", "podtemplates") => {
            pod::faults("template.spec", &object["template"]["spec"], &mut causes);
        }
        ("batch", "jobs") => job_faults("spec", spec, &mut causes),
        ("batch", "cronjobs") => {
            schedule_faults(spec, &mut causes);
            let path = "spec.jobTemplate.spec";
            job_faults(path, &spec["jobTemplate"]["spec"], &mut causes);
        }
        ("", "configmaps") => key_faults(object, &mut causes),
        ("", "services") => port_faults(spec, &mut causes),
        ("coordination.k8s.io", "leases") => lease_faults(spec, &mut causes),
        ("" | "events.k8s.io", "events") => event_faults(object, &mut causes),
        _ => {}
    }
    if resource.id.group() == "events.k8s.io" {
        report_faults(object, &mut causes);
    }
    causes
}

/// Times with microseconds are written with all six digits, or not understood.
pub(super) fn wrong_micro_time(resource: &Resource, object: &Value) -> Option<String> {
    let times: Vec<&Value> = match (resource.id.group(), resource.id.plural()) {
        ("coordination.k8s.io", "leases") => {
            vec![&object["spec"]["acquireTime"], &object["spec"]["renewTime"]]
        }
        ("" | "events.k8s.io", "events") => vec![&object["eventTime"]],
        _ => return None,
    };
    let text = times
        .into_iter()
        .filter_map(Value::as_str)
        .find(|text| !is_micro_time(text))?;
    Some(format!(
        "parsing time {text:?} as \"2006-01-02T15:04:05.000000Z07:00\": cannot parse it"
    ))
}

fn is_micro_time(text: &str) -> bool {
    let digits = text.split_once('.').map_or("", |(_, fraction)| fraction);
    let count = digits.chars().take_while(char::is_ascii_digit).count();
    count == 6 && text.parse::<jiff::Timestamp>().is_ok()
}

fn selector_faults(spec: &Value, causes: &mut Vec<Cause>) {
    let selector = &spec["selector"];
    let labels = &spec["template"]["metadata"]["labels"];
    let mismatch = || {
        let why = "`selector` does not match template `labels`";
        Cause::invalid("spec.template.metadata.labels", labels, why)
    };
    let empty = |part: &Value| {
        part.as_object().is_none_or(Map::is_empty) && part.as_array().is_none_or(Vec::is_empty)
    };
    if selector.is_null() {
        // The missing field itself is the schema's complaint.
        causes.push(mismatch());
        return;
    }
    if empty(&selector["matchLabels"]) && empty(&selector["matchExpressions"]) {
        let why = "empty selector is invalid for deployment";
        causes.push(Cause::invalid("spec.selector", selector, why));
        return;
    }
    match Filter::from_selector(selector) {
        Ok(filter) if filter.matches(&spec["template"]) => {}
        Ok(_) => causes.push(mismatch()),
        Err(refusal) => {
            causes.push(Cause::invalid("spec.selector", selector, &refusal.message));
        }
    }
}

fn job_faults(path: &str, spec: &Value, causes: &mut Vec<Cause>) {
    let template = format!("{path}.template.spec");
    pod::faults(&template, &spec["template"]["spec"], causes);
    let policy = spec["template"]["spec"]["restartPolicy"].as_str();
    if !matches!(policy, Some("OnFailure" | "Never")) {
        causes.push(Cause::required(
            format!("{template}.restartPolicy"),
            "valid values: \"OnFailure\", \"Never\"",
        ));
    }
    let given = spec["selector"]["matchLabels"].as_object();
    if spec["manualSelector"] != true && given.is_some_and(|labels| labels.len() > 1) {
        causes.push(Cause::invalid(
            format!("{path}.selector"),
            &spec["selector"],
            "`selector` not auto-generated",
        ));
    }
}

fn schedule_faults(spec: &Value, causes: &mut Vec<Cause>) {
    let Some(schedule) = spec["schedule"].as_str() else {
        return;
    };
    let fields: Vec<&str> = schedule.split_whitespace().collect();
    if !schedule.starts_with('@') && fields.len() != 5 {
        let why = format!(
            "expected exactly 5 fields, found {}: [{}]",
            fields.len(),
            fields.join(" ")
        );
        causes.push(Cause::invalid("spec.schedule", &spec["schedule"], &why));
    }
}

fn key_faults(map: &Value, causes: &mut Vec<Cause>) {
    const KEY: &str = "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or \
         'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')";
    let is_key = |key: &str| {
        !key.is_empty()
            && key
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || "-._".contains(c))
    };
    for field in ["data", "binaryData"] {
        for key in map[field]
            .as_object()
            .into_iter()
            .flatten()
            .map(|(key, _)| key)
        {
            let (path, value) = (format!("{field}[{key}]"), Value::from(key.as_str()));
            if !is_key(key) {
                causes.push(Cause::invalid(path.as_str(), &value, KEY));
            }
            if field == "data" && map["binaryData"].get(key).is_some() {
                let why = "duplicate of key present in binaryData";
                causes.push(Cause::invalid(path, &value, why));
            }
        }
    }
}

fn port_faults(spec: &Value, causes: &mut Vec<Cause>) {
    let ports = spec["ports"].as_array().map_or(&[][..], Vec::as_slice);
    if ports.len() < 2 {
        return;
    }
    for (index, port) in ports.iter().enumerate() {
        if port["name"].as_str().unwrap_or_default().is_empty() {
            causes.push(Cause::required(format!("spec.ports[{index}].name"), ""));
        }
    }
}

fn lease_faults(spec: &Value, causes: &mut Vec<Cause>) {
    for (field, least, why) in [
        ("leaseDurationSeconds", 1, "must be greater than 0"),
        ("leaseTransitions", 0, "must be greater than or equal to 0"),
    ] {
        if spec[field].as_i64().is_some_and(|number| number < least) {
            causes.push(Cause::invalid(format!("spec.{field}"), &spec[field], why));
        }
    }
}

/// What events.k8s.io asks for beyond the core group.
fn report_faults(event: &Value, causes: &mut Vec<Cause>) {
    for field in ["reportingController", "reportingInstance", "action"] {
        if event[field].as_str().unwrap_or_default().is_empty() {
            causes.push(Cause::required(field, ""));
        }
    }
    let kind = event["type"].as_str().unwrap_or_default();
    if !matches!(kind, "Normal" | "Warning") {
        let why = format!("has invalid value: {kind}");
        causes.push(Cause::invalid("type", &Value::from(""), &why));
    }
}

fn event_faults(event: &Value, causes: &mut Vec<Cause>) {
    let about = ["involvedObject", "regarding"]
        .into_iter()
        .find(|field| event[*field].is_object());
    let namespace = about.map_or("", |field| {
        event[field]["namespace"].as_str().unwrap_or_default()
    });
    let own = metadata::text(event, "namespace");
    if !namespace.is_empty() && namespace != own {
        causes.push(Cause::invalid(
            "involvedObject.namespace",
            &Value::from(namespace),
            "does not match event.namespace",
        ));
    }
}
