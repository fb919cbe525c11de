//! CustomResourceDefinitions of a chart's `crds/`: Helm installs them once, and never looks at them again.

use serde_json::{Map, Value};

use crate::manifest::Object;
use crate::wish::Crds;

/// What happens to one definition.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Act<'a> {
    /// It is created.
    Create(&'a Object),
    /// Its `spec` replaces that of the one that is there.
    Replace(&'a Object),
}

/// What is done about `crds/`, in the order of the files. `live` gives the definition in the cluster, by name.
///
/// Definitions that are as they shall be are left alone: what the server adds to a `spec` does not count. Definitions are never
/// deleted: all objects of their kinds would go with them.
#[must_use]
pub fn plan<'a, 'b>(
    definitions: &'a [Object],
    policy: Crds,
    live: impl Fn(&str) -> Option<&'b Map<String, Value>>,
) -> Vec<Act<'a>> {
    let acts =
        definitions
            .iter()
            .filter_map(|definition| match (policy, live(definition.name())) {
                (Crds::Skip, _) | (Crds::Create, Some(_)) => None,
                (Crds::Create | Crds::CreateReplace, None) => Some(Act::Create(definition)),
                (Crds::CreateReplace, Some(live)) => {
                    let says = |content: &Map<String, Value>| content.get("spec").cloned();
                    let (wanted, found) = (says(&definition.content), says(live));
                    let same = match (&wanted, &found) {
                        (Some(wanted), Some(found)) => within(wanted, found),
                        _ => wanted == found,
                    };
                    (!same).then_some(Act::Replace(definition))
                }
            });
    acts.collect()
}

/// Whether `found` says all that `wanted` says, schemas exactly: what a schema has more is a change, and no default.
fn within(wanted: &Value, found: &Value) -> bool {
    match (wanted, found) {
        (Value::Object(wanted), Value::Object(found)) => wanted.iter().all(|(key, value)| {
            let found = found.get(key);
            match key.as_str() {
                "openAPIV3Schema" => found == Some(value),
                _ => found.is_some_and(|found| within(value, found)),
            }
        }),
        (Value::Array(wanted), Value::Array(found)) => {
            wanted.len() == found.len()
                && wanted
                    .iter()
                    .zip(found)
                    .all(|(wanted, found)| within(wanted, found))
        }
        _ => wanted == found,
    }
}
