//! Post renderers: Kustomize's patches and images, in Kustomize's order.

use regex_lite::Regex;
use serde_json::Value;

use super::fields::Findings;
use super::part::Part;
use crate::wish::{Post, Target};

/// What `postRenderers` says.
pub(super) fn read(spec: Part<'_>, findings: &mut Findings) -> Vec<Post> {
    let mut posts = Vec::new();
    for (index, renderer) in spec.at("postRenderers").list().enumerate() {
        let kustomize = renderer.at("kustomize");
        let path = format!("spec.postRenderers[{index}].kustomize");
        let merges = kustomize.at("patchesStrategicMerge").list();
        for (index, patch) in merges.enumerate() {
            let path = format!("{path}.patchesStrategicMerge[{index}]");
            names_one(patch.0, &path, findings);
            posts.push(Post::Patch {
                target: Target::default(),
                patch: patch.0.to_string(),
            });
        }
        let patches = kustomize.at("patches").list();
        posts.extend(patches.enumerate().filter_map(|(index, entry)| {
            patch(entry, &format!("{path}.patches[{index}]"), findings)
        }));
        let lists = kustomize.at("patchesJson6902").list();
        posts.extend(lists.enumerate().map(|(index, entry)| Post::Patch {
            target: target(
                entry.at("target"),
                &format!("{path}.patchesJson6902[{index}].target"),
                findings,
            ),
            patch: entry.at("patch").0.to_string(),
        }));
        posts.extend(kustomize.at("images").list().map(|image| Post::Image {
            name: image.at("name").string(),
            new_name: image.at("newName").owned(),
            new_tag: image.at("newTag").owned(),
            digest: image.at("digest").owned(),
        }));
    }
    posts
}

/// A patch of either sort. It is read here so that whoever wrote it is told at once.
fn patch(entry: Part<'_>, path: &str, findings: &mut Findings) -> Option<Post> {
    let text = entry.at("patch").string();
    let documents: Vec<Value> = match serde_saphyr::from_multiple(&text) {
        Ok(documents) => documents,
        Err(error) => {
            let error = error.to_string();
            let error = error.lines().next().unwrap_or_default();
            findings.wrong(format!("{path}.patch"), format!("is no YAML: {error}"));
            return None;
        }
    };
    let given = entry.at("target");
    for document in &documents {
        match document {
            Value::Object(_) | Value::Array(_) if given.is_given() => {}
            Value::Object(_) => names_one(document, &format!("{path}.patch"), findings),
            Value::Array(_) => findings.wrong(
                format!("{path}.target"),
                "is required: a list of operations names no object",
            ),
            _ => findings.wrong(
                format!("{path}.patch"),
                "expected an object to merge, or a list of operations",
            ),
        }
    }
    Some(Post::Patch {
        target: target(given, &format!("{path}.target"), findings),
        patch: text,
    })
}

/// A strategic merge patch without a target has to name its object.
fn names_one(patch: &Value, path: &str, findings: &mut Findings) {
    for field in ["apiVersion", "kind", "metadata.name"] {
        if Part(patch).at(field).text().is_none() {
            findings.wrong(
                path,
                format!("names no object: {field} is required, unless there is a target"),
            );
        }
    }
}

/// A selector; empty where there is none: a strategic merge patch then names its object itself.
pub(super) fn target(target: Part<'_>, path: &str, findings: &mut Findings) -> Target {
    for field in ["group", "version", "kind", "name", "namespace"] {
        let pattern = target.at(field).string();
        if let Err(error) = Regex::new(&pattern) {
            findings.wrong(
                format!("{path}.{field}"),
                format!("{pattern:?} is no regular expression: {error}"),
            );
        }
    }
    Target {
        group: target.at("group").owned(),
        version: target.at("version").owned(),
        kind: target.at("kind").owned(),
        name: target.at("name").owned(),
        namespace: target.at("namespace").owned(),
        labels: target.at("labelSelector").owned(),
        annotations: target.at("annotationSelector").owned(),
    }
}
