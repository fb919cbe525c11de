//! The schema of `.status`: what `dialect::status` writes there, and room for what others do.

use serde_json::{Map, Value, json};

/// Whose status it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Of {
    /// `helm.fluxcd.io/v1`.
    Flux1,
    /// `flux.weave.works/v1beta1`.
    Oldest,
    /// `helm.toolkit.fluxcd.io/v2`.
    Flux2,
    /// `samplecontroller.k8s.io/v1alpha1`.
    Sample,
    /// Kinds that nothing is written to.
    Source,
}

/// Fields that several have.
const GENERATION: (&str, &str, &str) = (
    "observedGeneration",
    "int64",
    "The generation that something has come of.",
);

const FLUX1: &[(&str, &str, &str)] = &[
    GENERATION,
    ("phase", "string", "How far the release is."),
    ("releaseName", "string", "Name of the release."),
    (
        "releaseStatus",
        "string",
        "State of its newest revision, in Helm's word.",
    ),
    (
        "revision",
        "string",
        "The chart that is deployed: its version, or its commit.",
    ),
    (
        "lastAttemptedRevision",
        "string",
        "The chart that was tried last.",
    ),
    (
        "rollbackCount",
        "int64",
        "Rollbacks since the release was well.",
    ),
];

const OLDEST: &[(&str, &str, &str)] = &[
    GENERATION,
    ("releaseName", "string", "Name of the release."),
    (
        "releaseStatus",
        "string",
        "State of its newest revision, in Helm 2's word.",
    ),
    (
        "revision",
        "string",
        "The chart that is deployed: its version, or its commit.",
    ),
    (
        "valuesChecksum",
        "string",
        "Of the values that were tried last.",
    ),
];

const FLUX2: &[(&str, &str, &str)] = &[
    GENERATION,
    (
        "observedPostRenderersDigest",
        "string",
        "Of what is done to the rendered objects, common metadata included.",
    ),
    (
        "lastAttemptedGeneration",
        "int64",
        "The generation that was tried last.",
    ),
    (
        "lastAttemptedRevision",
        "string",
        "Version of the chart that was tried last; with the begin of its digest, where that is followed.",
    ),
    (
        "lastAttemptedRevisionDigest",
        "string",
        "Its digest, where that is followed.",
    ),
    (
        "lastAttemptedConfigDigest",
        "string",
        "Digest of the values that were tried last.",
    ),
    (
        "lastAttemptedReleaseAction",
        "string",
        "Whether that was an install or an upgrade.",
    ),
    (
        "lastHandledReconcileAt",
        "string",
        "The last reconcile.fluxcd.io/requestedAt.",
    ),
    (
        "lastHandledForceAt",
        "string",
        "The last reconcile.fluxcd.io/forceAt.",
    ),
    (
        "lastHandledResetAt",
        "string",
        "The last reconcile.fluxcd.io/resetAt.",
    ),
    (
        "helmChart",
        "string",
        "Not used: a HelmChart that Flux made for the release, if it did.",
    ),
    ("storageNamespace", "string", "Where the records are."),
    (
        "failures",
        "int64",
        "Whatever failed since the wish changed or was well.",
    ),
    ("installFailures", "int64", "Of them installations."),
    ("upgradeFailures", "int64", "Of them upgrades."),
];

/// One revision of `history`.
const SNAPSHOT: &[(&str, &str, &str)] = &[
    ("digest", "string", "Of the manifest and the hooks."),
    ("name", "string", "Name of the release."),
    ("namespace", "string", "Namespace of the release."),
    ("version", "int64", "The revision."),
    ("status", "string", "Its state, in Helm's word."),
    ("chartName", "string", "Name of the chart."),
    ("chartVersion", "string", "Version of the chart."),
    (
        "appVersion",
        "string",
        "What the chart says that it installs.",
    ),
    ("configDigest", "string", "Digest of the values."),
    (
        "firstDeployed",
        "date-time",
        "When the release was installed.",
    ),
    ("lastDeployed", "date-time", "When this revision was."),
    ("deleted", "date-time", "When it was uninstalled."),
    ("ociDigest", "string", "Digest of a chart of a registry."),
    ("action", "string", "What made it."),
];

/// One image of `images`: `IMAGES.md`.
const IMAGE: &[(&str, &str, &str)] = &[
    ("container", "string", "What annotations call it."),
    ("image", "string", "Its registry and path."),
    ("written", "string", "The tag that the values have."),
    ("tag", "string", "The tag that it is released with."),
    ("policy", "string", "The filter that it follows."),
    (
        "newest",
        "string",
        "The newest release that there is, whatever the filter leaves out.",
    ),
    ("since", "date-time", "When it got its tag."),
];

/// The schema.
pub(super) fn schema(of: Of) -> Value {
    let mut properties = match of {
        Of::Flux1 => fields(FLUX1),
        Of::Oldest => fields(OLDEST),
        Of::Flux2 => fields(FLUX2),
        Of::Sample | Of::Source => fields(&[GENERATION]),
    };
    if of == Of::Flux2 {
        let mut snapshot = fields(SNAPSHOT);
        snapshot.insert(
            String::from("testHooks"),
            json!({
                "type": "object",
                "description": "How its tests went, by their names; absent before they ran.",
                "additionalProperties": free(),
            }),
        );
        properties.insert(
            String::from("history"),
            json!({
                "type": "array",
                "description": "Revisions, newest first.",
                "items": kept(snapshot),
            }),
        );
    }
    if of != Of::Source {
        let mut lifecycle = free();
        lifecycle["description"] = json!(
            "What the operator remembers of the release. Without it nothing can be carried to its end."
        );
        properties.insert(String::from("lifecycle"), lifecycle);
        properties.insert(
            String::from("images"),
            json!({
                "type": "array",
                "description": "Images that follow their registry.",
                "items": kept(fields(IMAGE)),
            }),
        );
    }
    properties.insert(String::from("conditions"), conditions());
    kept(properties)
}

fn fields(table: &[(&str, &str, &str)]) -> Map<String, Value> {
    let field = |(name, kind, about): &(&str, &str, &str)| {
        let schema = match *kind {
            "int64" => json!({"type": "integer", "format": "int64", "description": about}),
            "date-time" => json!({"type": "string", "format": "date-time", "description": about}),
            _ => json!({"type": "string", "description": about}),
        };
        (String::from(*name), schema)
    };
    table.iter().map(field).collect()
}

fn free() -> Value {
    json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true})
}

/// Whatever others left there stays readable.
fn kept(properties: Map<String, Value>) -> Value {
    let mut schema = free();
    schema["properties"] = Value::Object(properties);
    schema
}

fn conditions() -> Value {
    json!({
        "type": "array",
        "x-kubernetes-list-type": "map",
        "x-kubernetes-list-map-keys": ["type"],
        "items": {
            "type": "object",
            "x-kubernetes-preserve-unknown-fields": true,
            "required": ["type", "status"],
            "properties": {
                "type": {"type": "string"},
                "status": {"type": "string", "enum": ["True", "False", "Unknown"]},
                "reason": {"type": "string"},
                "message": {"type": "string"},
            },
        },
    })
}
