//! Configuration that a Pod template refers to: a ConfigMap that changes is a new revision, although the template is the same.
//!
//! The stable Deployment refers to copies, which are named by their content and never change: what serves, and comes back if the
//! new revision is given up, has the configuration that it was promoted with. The user's Deployment gets an annotation in its Pod
//! template, since without another template its controller replaces nothing.
//!
//! Only what Pods read when they start is rolled out that way: files of a volume change in running Pods by themselves. Secrets
//! are not followed; no copy of one is ever made. `flagger.app/config-tracking: disabled` on a ConfigMap leaves it out.

use std::collections::{BTreeMap, BTreeSet};

use oarlock_sdk::{Child, Context, ObjectRef, ReadError, Value, json};
use rollout::revision;

use crate::plan::Plan;
use crate::state::Configs;

/// Annotation in the Pod template of the user's Deployment: the configuration that its Pods began with.
pub(crate) const CONFIG: &str = "canary.oarlock.dev/config";
/// Annotation on a copy: what it is one of.
const COPY_OF: &str = "canary.oarlock.dev/copy-of";
/// Flagger's annotation by which a ConfigMap is left out.
const TRACKING: &str = "flagger.app/config-tracking";
/// Between the name of a ConfigMap and its content's, in the name of a copy.
const COPY: &str = "-stable-";

/// What the template refers to, as it is now.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seen {
    live: BTreeMap<String, Content>,
    /// The copies that there are, by their own name.
    copies: BTreeMap<String, Value>,
}

#[derive(Clone, Debug)]
struct Content {
    hash: String,
    data: Value,
}

impl Seen {
    /// Looks at what a Pod template refers to, where that is granted.
    ///
    /// # Errors
    ///
    /// Where the host has no answer.
    pub(crate) fn of(cx: &Context, plan: &Plan, template: &Value) -> Result<Self, ReadError> {
        let mut seen = Self::default();
        for name in references(template) {
            let target = ObjectRef::new("v1", "ConfigMap", &name).in_namespace(&plan.namespace);
            let live = match cx.get_raw(&target) {
                Ok(Some(live)) => live,
                Ok(None) | Err(ReadError::Denied(_)) => continue,
                Err(error) => return Err(error),
            };
            if live["metadata"]["annotations"][TRACKING] == "disabled" {
                continue;
            }
            let data = json!({"data": live["data"], "binaryData": live["binaryData"]});
            let hash = revision::of(&data);
            seen.live.insert(name, Content { hash, data });
        }
        for child in cx.reads().children()? {
            if child["kind"] == "ConfigMap"
                && let Some(name) = child["metadata"]["name"].as_str()
            {
                seen.copies.insert(String::from(name), child);
            }
        }
        Ok(seen)
    }

    /// The names of the content, by the names of the ConfigMaps.
    pub(crate) fn configs(&self) -> Configs {
        self.live
            .iter()
            .map(|(name, content)| (name.clone(), content.hash.clone()))
            .collect()
    }

    /// The copies of what a release was promoted with, and the template that refers to them. It does so also where a copy was
    /// deleted when its content was gone already: another template would replace the Pods that still have it.
    pub(crate) fn copies(
        &self,
        plan: &Plan,
        template: &Value,
        configs: &Configs,
    ) -> (Vec<Child>, Value) {
        let mut children = Vec::new();
        let mut names = BTreeMap::new();
        for (name, hash) in configs {
            let copy = format!("{name}{COPY}{hash}");
            let there = self.copies.get(&copy);
            let live = self.live.get(name).filter(|live| live.hash == *hash);
            names.insert(name.clone(), copy.clone());
            let Some(data) = there.or(live.map(|live| &live.data)) else {
                continue;
            };
            let mut object = json!({
                "apiVersion": "v1",
                "kind": "ConfigMap",
                "metadata": {
                    "name": copy,
                    "namespace": plan.namespace,
                    "annotations": {COPY_OF: name},
                },
            });
            for field in ["data", "binaryData"] {
                if data[field].is_object() {
                    object[field] = data[field].clone();
                }
            }
            children.push(Child::create(object));
        }
        let mut template = template.clone();
        rename(&mut template, &|name| names.get(name).cloned());
        (children, template)
    }
}

/// The revision of a template with its configuration.
pub(crate) fn revision(template: &Value, configs: &Configs) -> String {
    match configs.is_empty() {
        true => revision::of(template),
        false => revision::of(&json!({"template": template, "configs": configs})),
    }
}

/// One name for all of it.
pub(crate) fn hash(configs: &Configs) -> String {
    revision::of(&json!(configs))
}

/// A template with the names that its user gave.
pub(crate) fn original(template: &mut Value) {
    rename(template, &|name| {
        let (original, hash) = name.rsplit_once(COPY)?;
        let is_hash = hash.len() == 10 && hash.bytes().all(|byte| byte.is_ascii_hexdigit());
        is_hash.then(|| String::from(original))
    });
}

/// The ConfigMaps that a Pod template refers to.
fn references(template: &Value) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    // The names are seen where they would be changed.
    let found = std::cell::RefCell::new(&mut names);
    rename(&mut template.clone(), &|name| {
        found.borrow_mut().insert(String::from(name));
        None
    });
    names
}

/// Gives ConfigMaps in a Pod template other names.
fn rename(template: &mut Value, of: &dyn Fn(&str) -> Option<String>) {
    let change = |place: Option<&mut Value>| {
        if let Some(place) = place
            && let Some(name) = place.as_str().and_then(of)
        {
            *place = Value::String(name);
        }
    };
    let spec = &mut template["spec"];
    for kind in ["containers", "initContainers"] {
        for container in list(spec.get_mut(kind)) {
            for variable in list(container.get_mut("env")) {
                change(variable.pointer_mut("/valueFrom/configMapKeyRef/name"));
            }
            for source in list(container.get_mut("envFrom")) {
                change(source.pointer_mut("/configMapRef/name"));
            }
        }
    }
    for volume in list(spec.get_mut("volumes")) {
        change(volume.pointer_mut("/configMap/name"));
        for source in list(volume.pointer_mut("/projected/sources")) {
            change(source.pointer_mut("/configMap/name"));
        }
    }
}

fn list(value: Option<&mut Value>) -> impl Iterator<Item = &mut Value> {
    value.and_then(Value::as_array_mut).into_iter().flatten()
}

#[cfg(test)]
mod tests {
    use oarlock_sdk::json;

    use super::{original, references, rename};

    #[test]
    fn names_are_found_and_changed_wherever_they_stand() {
        let template = json!({"spec": {
            "containers": [{
                "name": "a",
                "env": [{"name": "X", "valueFrom": {"configMapKeyRef": {"name": "one", "key": "k"}}}],
                "envFrom": [{"configMapRef": {"name": "two"}}, {"secretRef": {"name": "secret"}}],
            }],
            "initContainers": [{"name": "b", "envFrom": [{"configMapRef": {"name": "three"}}]}],
            "volumes": [
                {"name": "v", "configMap": {"name": "four"}},
                {"name": "w", "projected": {"sources": [{"configMap": {"name": "five"}}]}},
            ],
        }});
        let names: Vec<_> = references(&template).into_iter().collect();
        assert_eq!(names, ["five", "four", "one", "three", "two"]);
        let mut copied = template.clone();
        rename(&mut copied, &|name| {
            Some(format!("{name}-stable-0123456789"))
        });
        assert_eq!(references(&copied).len(), 5);
        assert!(references(&copied).contains("two-stable-0123456789"));
        original(&mut copied);
        assert_eq!(copied, template);
    }
}
