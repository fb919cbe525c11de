//! The pod template of a revision: image and port 80, and over it what the user says.

use std::collections::BTreeMap;

use oarlock_sdk::{FieldError, Value, json};
use rollout::revision;

use crate::deployment::{DEPLOYER, REVISION, VERSION};
use crate::naming;
use crate::spec::Deployed;

/// A pod template with its revision.
#[derive(Clone, Debug)]
pub(crate) struct Rendered {
    pub(crate) template: Value,
    pub(crate) revision: String,
    /// The whole reference of the main container's image.
    pub(crate) image: String,
}

/// One container of the image, listening on port 80 as `http`, and the user's template over it.
pub(crate) fn render(deployer: &str, wanted: &Deployed) -> Rendered {
    let image = naming::image(&wanted.image, &wanted.version);
    let container = naming::container(&image);
    let mut template = json!({
        "metadata": {"labels": wanted.labels},
        "spec": {"containers": [{
            "name": container,
            "image": image,
            "ports": [{"name": "http", "containerPort": 80, "protocol": "TCP"}],
        }]},
    });
    if let Some(overlay) = &wanted.template {
        merge(&mut template, overlay);
        without_nulls(&mut template);
    }
    template["metadata"]["labels"][DEPLOYER] = naming::label(deployer).into();
    template["metadata"]["labels"][VERSION] = naming::label(&wanted.version).into();
    let revision = revision::of(&template);
    template["metadata"]["labels"][REVISION] = revision.as_str().into();
    let image = main_image(&template, &container).unwrap_or(&image).into();
    Rendered {
        template,
        revision,
        image,
    }
}

fn main_image<'a>(template: &'a Value, container: &str) -> Option<&'a str> {
    let containers = template["spec"]["containers"].as_array()?;
    containers.iter().find(|one| one["name"] == container)?["image"].as_str()
}

/// What is wrong with an overlay. The API server checks the rest, when it is applied.
pub(crate) fn errors(overlay: &Value, path: &str) -> Vec<FieldError> {
    let mut wrong = Vec::new();
    if !overlay.is_object() {
        wrong.push(FieldError::new(path, "must be a PodTemplateSpec"));
    }
    for part in ["metadata", "spec"] {
        let found = &overlay[part];
        if !found.is_null() && !found.is_object() {
            wrong.push(FieldError::new(
                format!("{path}.{part}"),
                "must be an object",
            ));
        }
    }
    let labels = &overlay["metadata"]["labels"];
    if !labels.is_null() && labels_of(overlay).is_none() {
        wrong.push(FieldError::new(
            format!("{path}.metadata.labels"),
            "must be texts by name",
        ));
    }
    for list in ["containers", "initContainers"] {
        let found = &overlay["spec"][list];
        match found {
            Value::Null => {}
            Value::Array(items) => {
                for (index, item) in items.iter().enumerate() {
                    if !item["name"].is_string() {
                        wrong.push(FieldError::new(
                            format!("{path}.spec.{list}[{index}].name"),
                            "is required: containers are merged by it",
                        ));
                    }
                }
            }
            _ => wrong.push(FieldError::new(
                format!("{path}.spec.{list}"),
                "must be a list",
            )),
        }
    }
    wrong
}

/// The labels of a template; none where they are no labels.
pub(crate) fn labels_of(template: &Value) -> Option<BTreeMap<String, String>> {
    let labels = template["metadata"]["labels"].as_object()?;
    labels
        .iter()
        .filter(|(_, value)| !value.is_null())
        .map(|(key, value)| Some((key.clone(), value.as_str()?.into())))
        .collect()
}

/// Merges as Kubernetes merges pod templates: objects by field, lists of named things by name, all else replaced.
pub(crate) fn merge(base: &mut Value, overlay: &Value) {
    match (base, overlay) {
        (Value::Object(base), Value::Object(overlay)) => {
            for (key, value) in overlay {
                merge(base.entry(key.as_str()).or_insert(Value::Null), value);
            }
        }
        (Value::Array(base), Value::Array(overlay))
            if !overlay.is_empty() && base.iter().chain(overlay).all(|one| name(one).is_some()) =>
        {
            for item in overlay {
                match base.iter_mut().find(|known| name(known) == name(item)) {
                    Some(known) => merge(known, item),
                    None => base.push(item.clone()),
                }
            }
        }
        (base, overlay) => *base = overlay.clone(),
    }
}

/// By what an item of a list is known.
fn name(item: &Value) -> Option<String> {
    ["name", "mountPath", "containerPort"]
        .iter()
        .map(|key| &item[*key])
        .find(|value| !value.is_null())
        .map(Value::to_string)
}

pub(crate) fn without_nulls(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.retain(|_, value| !value.is_null());
            fields.values_mut().for_each(without_nulls);
        }
        Value::Array(items) => items.iter_mut().for_each(without_nulls),
        _ => {}
    }
}

/// Fields whose quantities the API server writes in a way of its own.
const QUANTITIES: [&str; 4] = ["resources", "sizeLimit", "divisor", "storage"];

/// Whether a live template is still what was applied: whatever others added does not count, nor does how the API server
/// writes quantities.
pub(crate) fn covers(live: &Value, wanted: &Value) -> bool {
    match (live, wanted) {
        (Value::Object(live), Value::Object(wanted)) => wanted.iter().all(|(key, wanted)| {
            QUANTITIES.contains(&key.as_str())
                || live.get(key).is_some_and(|live| covers(live, wanted))
        }),
        (Value::Array(live), Value::Array(wanted)) => {
            live.len() == wanted.len()
                && live
                    .iter()
                    .zip(wanted)
                    .all(|(live, wanted)| covers(live, wanted))
        }
        (live, wanted) => live == wanted,
    }
}

/// Whether both run the same images: those are never written otherwise than they were given.
pub(crate) fn same_images(live: &Value, wanted: &Value) -> bool {
    let images = |template: &Value| -> Vec<(Value, Value)> {
        let containers = template["spec"]["containers"].as_array();
        let containers = containers.into_iter().flatten();
        containers
            .map(|one| (one["name"].clone(), one["image"].clone()))
            .collect()
    };
    let live = images(live);
    images(wanted).iter().all(|wanted| live.contains(wanted))
}

#[cfg(test)]
mod tests;
