//! Rules of pods and of templates for them.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::status::Cause;
use crate::store::metadata;

/// What is wrong with the spec of a pod at `path`.
pub(super) fn faults(path: &str, spec: &Value, causes: &mut Vec<Cause>) {
    let containers = spec["containers"].as_array().map_or(&[][..], Vec::as_slice);
    if containers.is_empty() && spec["containers"].is_array() {
        causes.push(Cause::required(format!("{path}.containers"), ""));
    }
    let mut names = BTreeSet::new();
    for list in ["initContainers", "containers"] {
        for (index, container) in spec[list].as_array().into_iter().flatten().enumerate() {
            let path = format!("{path}.{list}[{index}]");
            container_faults(&path, container, spec, &mut names, causes);
        }
    }
    let policies = ["Always", "OnFailure", "Never"];
    let policy = &spec["restartPolicy"];
    if policy
        .as_str()
        .is_some_and(|policy| !policies.contains(&policy))
    {
        let path = format!("{path}.restartPolicy");
        causes.push(Cause::unsupported(path, policy, &policies));
    }
}

fn container_faults<'a>(
    path: &str,
    container: &'a Value,
    pod: &Value,
    names: &mut BTreeSet<&'a str>,
    causes: &mut Vec<Cause>,
) {
    let text = |field: &str| container[field].as_str().unwrap_or_default();
    let name = text("name");
    let name_path = format!("{path}.name");
    if let Some(why) = metadata::label_rule(name) {
        causes.push(if name.is_empty() {
            Cause::required(name_path, "")
        } else {
            Cause::invalid(name_path, &container["name"], &why)
        });
    } else if !names.insert(name) {
        let message = format!("Duplicate value: {name:?}");
        causes.push(Cause::new("FieldValueDuplicate", name_path, message));
    }
    if text("image").is_empty() {
        causes.push(Cause::required(format!("{path}.image"), ""));
    }
    for (index, port) in container["ports"]
        .as_array()
        .into_iter()
        .flatten()
        .enumerate()
    {
        let path = format!("{path}.ports[{index}].containerPort");
        match port["containerPort"].as_i64() {
            None | Some(0) => causes.push(Cause::required(path, "")),
            Some(1..=65535) => {}
            Some(_) => {
                let why = "must be between 1 and 65535, inclusive";
                causes.push(Cause::invalid(path, &port["containerPort"], why));
            }
        }
    }
    for (index, variable) in container["env"]
        .as_array()
        .into_iter()
        .flatten()
        .enumerate()
    {
        if variable["name"].as_str().unwrap_or_default().is_empty() {
            causes.push(Cause::required(format!("{path}.env[{index}].name"), ""));
        }
    }
    let mounts = container["volumeMounts"].as_array();
    for (index, mount) in mounts.into_iter().flatten().enumerate() {
        let mut volumes = pod["volumes"].as_array().into_iter().flatten();
        if !volumes.any(|volume| volume["name"] == mount["name"]) {
            causes.push(Cause::new(
                "FieldValueNotFound",
                format!("{path}.volumeMounts[{index}].name"),
                format!("Not found: {}", mount["name"]),
            ));
        }
    }
    let policies = ["Always", "IfNotPresent", "Never"];
    let policy = &container["imagePullPolicy"];
    if policy
        .as_str()
        .is_some_and(|policy| !policies.contains(&policy))
    {
        let path = format!("{path}.imagePullPolicy");
        causes.push(Cause::unsupported(path, policy, &policies));
    }
}
