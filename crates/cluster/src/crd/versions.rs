//! Which versions a new definition would take away.

use std::fmt;

use oarlock_core::object::Object;
use serde_json::Value;

/// A version that is in use, and would be gone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RemovedVersion {
    /// Its name.
    pub version: String,
    /// Clients use it.
    pub served: bool,
    /// Objects are stored in it.
    pub stored: bool,
}

impl fmt::Display for RemovedVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let use_of = match (self.served, self.stored) {
            (true, true) => "served and stored",
            (true, false) => "served",
            (false, _) => "stored",
        };
        write!(f, "{} ({use_of})", self.version)
    }
}

pub(super) fn join(removed: &[RemovedVersion]) -> String {
    let removed: Vec<String> = removed.iter().map(ToString::to_string).collect();
    removed.join(", ")
}

/// A version must not stop being served, and one with stored objects must stay in the list.
pub(super) fn removed(installed: &Value, new: &Object) -> Vec<RemovedVersion> {
    let after = versions(new.pointer("/spec/versions"));
    let stored: Vec<&str> = installed
        .pointer("/status/storedVersions")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    let before = versions(installed.pointer("/spec/versions"));
    let mut names: Vec<&str> = before.iter().map(|(name, _)| *name).collect();
    names.extend(&stored);
    names.sort_unstable();
    names.dedup();
    names
        .into_iter()
        .filter_map(|name| {
            let served = before.contains(&(name, true)) && !after.contains(&(name, true));
            let stored = stored.contains(&name) && !after.iter().any(|(n, _)| *n == name);
            (served || stored).then(|| RemovedVersion {
                version: name.to_owned(),
                served,
                stored,
            })
        })
        .collect()
}

fn versions(list: Option<&Value>) -> Vec<(&str, bool)> {
    list.and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(|version| {
            Some((
                version.get("name")?.as_str()?,
                version.get("served")?.as_bool()?,
            ))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use serde_json::json;

    use super::*;

    #[test]
    fn versions_in_use_must_stay() {
        let spec = |versions: &[(&str, bool)]| -> Value {
            let list = versions.iter();
            list.map(|(name, served)| json!({"name": name, "served": served}))
                .collect()
        };
        let before = [
            ("v1alpha1", true),
            ("v1beta1", true),
            ("v1", true),
            ("old", false),
        ];
        let installed = json!({"spec": {"versions": spec(&before)},
            "status": {"storedVersions": ["v1beta1", "v1", "old"]}});
        for (after, expected) in [
            (&before[..], ""),
            (
                &[
                    ("v2", true),
                    ("v1", true),
                    ("v1beta1", true),
                    ("v1alpha1", true),
                    ("old", true),
                ][..],
                "",
            ),
            (
                &[("v1", true)][..],
                "old (stored), v1alpha1 (served), v1beta1 (served and stored)",
            ),
            (
                &[
                    ("v1", true),
                    ("v1beta1", false),
                    ("v1alpha1", true),
                    ("old", false),
                ][..],
                "v1beta1 (served)",
            ),
        ] {
            let new = Object::from_value(json!({"apiVersion": "apiextensions.k8s.io/v1",
                "kind": "CustomResourceDefinition", "metadata": {"name": "x"}, "spec": {"versions": spec(after)}}))
            .unwrap();
            assert_eq!(join(&removed(&installed, &new)), expected);
        }
    }
}
