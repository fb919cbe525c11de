//! What an object asks for, with the source objects that it refers to.

use oarlock_sdk::{Context, Failure, FieldError, ObjectRef, ReadError};
use serde_json::{Value, json};

use crate::dialect::{self, Refused, Settings, SourceRef, Sources};
use crate::run::report;
use crate::situation::Obstacle;
use crate::state::State;
use crate::wish::Wish;

/// Group and version of source objects.
const SOURCE: &str = "source.toolkit.fluxcd.io/v1";

/// What an object asks for.
pub(crate) struct Wished {
    pub(crate) wish: Wish,
    /// A source that could not be read. All but the chart is as the object says.
    pub(crate) missing: Option<Obstacle>,
}

/// Reads a wish. None for an object that is deleted, cannot be read, and never made a release.
///
/// # Errors
/// Where fields of the object, or the settings, are wrong.
pub(crate) fn read(
    cx: &Context,
    object: &Value,
    settings: &Settings,
    state: &State,
) -> Result<Option<Wished>, Failure> {
    let mut sources = Sources::default();
    let mut missing = None;
    loop {
        let refused = match dialect::read(object, &sources, settings) {
            Ok(wish) => return Ok(Some(Wished { wish, missing })),
            Err(refused) => refused,
        };
        match refused {
            Refused::Missing(source) => {
                let found = source_object(cx, &source).unwrap_or_else(|obstacle| {
                    missing.get_or_insert(obstacle);
                    stand_in(&source.kind)
                });
                sources.insert(source, found);
            }
            // Whatever it says by now: what it made goes with it.
            _ if cx.deleting() => {
                let remnant = state.release.as_ref().map(|place| Wished {
                    wish: dialect::remnant(object, place, settings),
                    missing: None,
                });
                return Ok(remnant);
            }
            Refused::Invalid(wrong) => {
                let fields = wrong
                    .into_iter()
                    .map(|wrong| FieldError::new(wrong.path, wrong.message));
                return Err(Failure::Invalid(fields.collect()));
            }
            Refused::Settings(_) | Refused::Unknown { .. } => {
                return Err(Failure::terminal(refused));
            }
        }
    }
}

fn source_object(cx: &Context, source: &SourceRef) -> Result<Value, Obstacle> {
    let target =
        ObjectRef::new(SOURCE, &source.kind, &source.name).in_namespace(source.namespace.as_str());
    let failed = |message: String, retry| Obstacle {
        reason: "ArtifactFailed",
        message,
        retry,
    };
    match cx.get_raw(&target) {
        Ok(Some(object)) => Ok(object),
        Ok(None) => Err(failed(Refused::Missing(source.clone()).to_string(), None)),
        Err(ReadError::UnknownKind(_)) => Err(failed(
            format!(
                "{source} is not there: the API server does not serve {SOURCE} {}\n\
                 hint: install its CustomResourceDefinition",
                source.kind
            ),
            None,
        )),
        Err(error) => {
            let Obstacle { message, retry, .. } = report::unread(&source.to_string(), &error);
            Err(failed(message, retry))
        }
    }
}

/// What stands for a source that is not there, so that the rest can be read.
fn stand_in(kind: &str) -> Value {
    let spec = match kind {
        "HelmChart" => json!({
            "chart": "missing",
            "interval": "1h",
            "sourceRef": {"kind": "HelmRepository", "name": "missing"},
        }),
        "OCIRepository" => json!({"interval": "1h", "url": "oci://missing.invalid/missing"}),
        _ => json!({"interval": "1h", "url": "https://missing.invalid/missing"}),
    };
    json!({
        "apiVersion": SOURCE,
        "kind": kind,
        "metadata": {"name": "missing", "namespace": "missing"},
        "spec": spec,
    })
}
