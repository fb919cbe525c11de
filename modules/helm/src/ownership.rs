//! Whose an object is, as Helm marks and checks it.

use serde_json::{Map, Value};
use thiserror::Error;

use crate::manifest::{Id, Object, Placed, annotation};

/// Label of whatever Helm manages.
pub const MANAGED_BY: &str = "app.kubernetes.io/managed-by";
/// Its value.
pub const HELM: &str = "Helm";
/// Annotation: the release that an object is part of.
pub const RELEASE_NAME: &str = "meta.helm.sh/release-name";
/// Annotation: the namespace of that release.
pub const RELEASE_NAMESPACE: &str = "meta.helm.sh/release-namespace";

/// A release, as its objects name it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owner {
    /// Name of the release.
    pub name: String,
    /// Its namespace.
    pub namespace: String,
}

/// An object that exists and is somebody else's. In Helm's words.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("{id} exists and cannot be imported into the current release: invalid ownership metadata; {}", wrong.join("; "))]
pub struct Foreign {
    /// The object.
    pub id: Id,
    /// What of its labels and annotations is missing or says otherwise.
    pub wrong: Vec<String>,
}

/// Objects that a revision would create, and that exist.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Adoption {
    /// They become part of the release: they already say so, or are taken over.
    pub adopted: Vec<Id>,
    /// They are somebody else's. Nothing may be written as long as there are some.
    pub foreign: Vec<Foreign>,
}

impl Owner {
    /// What a live object says that is not part of this release; none of one that is.
    #[must_use]
    pub fn foreign(&self, id: &Id, live: &Map<String, Value>) -> Option<Foreign> {
        let label = live
            .get("metadata")
            .and_then(|metadata| metadata.get("labels"))
            .and_then(|labels| labels.get(MANAGED_BY))
            .and_then(Value::as_str);
        let checks = [
            ("label", MANAGED_BY, label, HELM),
            (
                "annotation",
                RELEASE_NAME,
                annotation(live, RELEASE_NAME),
                self.name.as_str(),
            ),
            (
                "annotation",
                RELEASE_NAMESPACE,
                annotation(live, RELEASE_NAMESPACE),
                self.namespace.as_str(),
            ),
        ];
        let wrong: Vec<String> = checks
            .into_iter()
            .filter_map(|(what, key, found, wanted)| match found {
                Some(found) if found == wanted => None,
                Some(found) => Some(format!(
                    "{what} validation error: key {key:?} must equal {wanted:?}: current value is {found:?}"
                )),
                None => Some(format!(
                    "{what} validation error: missing key {key:?}: must be set to {wanted:?}"
                )),
            })
            .collect();
        (!wrong.is_empty()).then(|| Foreign {
            id: id.clone(),
            wrong,
        })
    }

    /// Marks an object as part of this release, whatever it said before. Helm marks what it installs, and no hooks.
    pub fn mark(&self, object: &mut Object) {
        object.mark("labels", MANAGED_BY, HELM);
        object.mark("annotations", RELEASE_NAME, &self.name);
        object.mark("annotations", RELEASE_NAMESPACE, &self.namespace);
    }

    /// Looks at what a revision would create and the release before it did not have. `live` gives what is in the cluster.
    ///
    /// With `take_over` whatever exists is adopted. Objects whose name the server makes are never there.
    pub fn adopt<'a>(
        &self,
        created: impl IntoIterator<Item = &'a Placed>,
        take_over: bool,
        live: impl Fn(&Id) -> Option<&'a Map<String, Value>>,
    ) -> Adoption {
        let mut adoption = Adoption::default();
        for Placed { id, .. } in created {
            let Some(live) = (!id.name.is_empty()).then(|| live(id)).flatten() else {
                continue;
            };
            match self.foreign(id, live) {
                Some(foreign) if !take_over => adoption.foreign.push(foreign),
                _ => adoption.adopted.push(id.clone()),
            }
        }
        adoption
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn owner() -> Owner {
        Owner {
            name: String::from("web"),
            namespace: String::from("shop"),
        }
    }

    fn placed(kind: &str) -> Placed {
        let content = json!({"apiVersion": "v1", "kind": kind, "metadata": {"name": "web", "labels": {"app": "web"}}});
        let object = Object {
            source: String::new(),
            content: map(content),
        };
        let id = Id {
            group: String::new(),
            version: String::from("v1"),
            kind: kind.to_owned(),
            namespace: Some(String::from("shop")),
            name: String::from("web"),
        };
        Placed { id, object }
    }

    fn map(value: Value) -> Map<String, Value> {
        match value {
            Value::Object(map) => map,
            _ => Map::new(),
        }
    }

    #[test]
    fn what_is_marked_is_ours() {
        let mut placed = placed("Service");
        owner().mark(&mut placed.object);
        assert_eq!(owner().foreign(&placed.id, &placed.object.content), None);
        assert_eq!(
            placed.object.content["metadata"],
            json!({
                "name": "web",
                "labels": {"app": "web", "app.kubernetes.io/managed-by": "Helm"},
                "annotations": {"meta.helm.sh/release-name": "web", "meta.helm.sh/release-namespace": "shop"},
            })
        );
    }

    #[test]
    fn what_is_not_ours_is_refused_in_helms_words() {
        let bare = map(json!({"metadata": {"name": "web"}}));
        let placed = placed("Service");
        let refused = owner().adopt([&placed], false, |_| Some(&bare));
        assert_eq!(refused.adopted, []);
        assert_eq!(
            refused.foreign[0].to_string(),
            "Service \"web\" in namespace \"shop\" exists and cannot be imported into the current release: invalid ownership \
             metadata; label validation error: missing key \"app.kubernetes.io/managed-by\": must be set to \"Helm\"; annotation \
             validation error: missing key \"meta.helm.sh/release-name\": must be set to \"web\"; annotation validation error: \
             missing key \"meta.helm.sh/release-namespace\": must be set to \"shop\""
        );
        let other = map(json!({"metadata": {
            "labels": {"app.kubernetes.io/managed-by": "Helm"},
            "annotations": {"meta.helm.sh/release-name": "api", "meta.helm.sh/release-namespace": "shop"},
        }}));
        let refused = owner().adopt([&placed], false, |_| Some(&other));
        assert_eq!(
            refused.foreign[0].to_string(),
            "Service \"web\" in namespace \"shop\" exists and cannot be imported into the current release: invalid ownership \
             metadata; annotation validation error: key \"meta.helm.sh/release-name\" must equal \"web\": current value is \"api\""
        );
    }

    #[test]
    fn what_is_not_ours_can_be_taken_over() {
        let bare = Map::new();
        let (service, secret) = (placed("Service"), placed("Secret"));
        let adoption = owner().adopt([&service, &secret], true, |id| {
            (id.kind == "Service").then_some(&bare)
        });
        assert_eq!(adoption.adopted, std::slice::from_ref(&service.id));
        assert_eq!(adoption.foreign, []);
    }

    #[test]
    fn made_names_belong_to_nobody() {
        let bare = Map::new();
        let mut placed = placed("Job");
        placed.id.name.clear();
        let adoption = owner().adopt([&placed], false, |_| Some(&bare));
        assert_eq!(adoption, Adoption::default());
    }
}
