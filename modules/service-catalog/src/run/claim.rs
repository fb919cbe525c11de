//! Whether an ID that somebody chose (`spec.externalID`) is somebody else's already.
//!
//! IDs are no secret. Who could take another one's would read the credentials of his instance, and delete it.

use oarlock_sdk::{Context, Selection};
use serde::Deserialize as _;
use serde_json::Value;

use super::reading::{self, API_VERSION, text};
use super::subject::Subject;
use crate::situation::Obstacle;
use crate::state::Holding;

/// Looks at all objects of the kind, in `namespace` or everywhere, but for the subject's own.
///
/// # Errors
/// Another object has the ID, or had chosen it before; or they cannot be read.
pub(super) fn is_free(
    cx: &Context,
    subject: &Subject<'_>,
    kind: &str,
    namespace: Option<&str>,
    id: &str,
) -> Result<(), Obstacle> {
    let selection = Selection {
        api_version: API_VERSION.to_owned(),
        kind: kind.to_owned(),
        namespace: namespace.map(str::to_owned),
        fields: vec![
            "/metadata/uid".to_owned(),
            "/metadata/creationTimestamp".to_owned(),
            "/spec/externalID".to_owned(),
            "/status/lifecycle/holdings".to_owned(),
        ],
        ..Selection::default()
    };
    let what = format!("spec.externalID is given, and whether another {kind} has that ID");
    let found = cx
        .reads()
        .query(&selection)
        .map_err(|error| reading::unread(&what, &error))?;
    let own = age(subject.object);
    let other = found.iter().find(|other| {
        let chose = text(other, "/spec/externalID") == Some(id) && age(other) < own;
        text(other, "/metadata/uid") != Some(subject.uid) && (chose || has(other, id))
    });
    match other {
        None => Ok(()),
        Some(_) => Err(Obstacle {
            reason: "ExternalIDTaken",
            // Whose it is may not be for everybody's eyes.
            message: format!(
                "spec.externalID {id:?} is that of another {kind}, which would lose what it has there\nhint: leave spec.externalID out, an ID is derived then; whoever moves an object deletes the other one first, with spec.deletionPolicy: Abandon"
            ),
            retry: None,
        }),
    }
}

/// Who of two that chose the same was first.
fn age(object: &Value) -> (&str, &str) {
    let of = |pointer| text(object, pointer).unwrap_or_default();
    (of("/metadata/creationTimestamp"), of("/metadata/uid"))
}

fn has(object: &Value, id: &str) -> bool {
    let holdings = object.pointer("/status/lifecycle/holdings");
    let holdings = holdings.and_then(|of| Vec::<Holding>::deserialize(of).ok());
    holdings
        .into_iter()
        .flatten()
        .any(|holding| holding.id == id)
}
