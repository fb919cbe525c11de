#![expect(clippy::unwrap_used, reason = "tests")]

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use serde_json::json;

use super::{Fate, Field, Shape, Table, check, flux1, flux2, sample, sources};
use crate::dialect::whole;

const HEAD: &str = "\
# Fields

What becomes of every field of the objects that releases are made of. Made of the tables that the module checks objects by
(`src/dialect/fields`).

- **done**: heeded, as far as the remark says.
- **warned**: not used; the condition `Warnings` says so, and nothing else is different.
- **rejected**: the object is refused, and what runs stays as it is: not to have what the field says would not be safe.

A field that is not in these tables is refused, by its path and with the nearest name that is known. The definitions in `crds/`
keep such fields, so that they are not lost silently.
";

const ANNOTATIONS: &str = "
## Annotations

| | of | |
|---|---|---|
| `reconcile.fluxcd.io/requestedAt` | all | done: a new token looks at the release now |
| `reconcile.fluxcd.io/forceAt` | all | done, with the same token in `requestedAt`: installs or upgrades although nothing changed |
| `reconcile.fluxcd.io/resetAt` | all | done, with the same token in `requestedAt`: forgets failures |
| `fluxcd.io/ignore`, `flux.weave.works/ignore` | the first Flux's | done: `true` and `sync_only` leave the release as it is |
| `fluxcd.io/automated` and what goes with it | all | done: images follow their registry, see `IMAGES.md` |
| `helm.oarlock.dev/decryption-secret` | all | done: Secret with the keys that open encrypted values |
";

const WHOLE: &str = "
## Kinds whose `spec` is the values

Those whose watch has a `chart`, as the Operator SDK's `watches.yaml` has it. The whole `spec` goes to the chart; no field of it is known
here. The release has the name of the object. `overrideValues` win: each is
`--set PATH=VALUE`. In `watches.yaml`, `$NAME` and `${NAME}` in them stand for the host's environment variables by the rules of Go's
`os.Expand` (one that is not set stands for nothing, and a warning says so); templates in them are refused.
";

fn tables() -> [(&'static str, &'static str, Table); 7] {
    [
        (
            "HelmRelease of the first Flux",
            "`helm.fluxcd.io/v1` and `flux.weave.works/v1beta1`.",
            flux1::TABLE,
        ),
        (
            "HelmRelease of today's Flux",
            "`helm.toolkit.fluxcd.io/v2`.",
            flux2::TABLE,
        ),
        (
            "HelmRepository",
            "`source.toolkit.fluxcd.io/v1`, as the three below: read where a release refers to one.",
            sources::HELM_REPOSITORY,
        ),
        ("GitRepository", "", sources::GIT_REPOSITORY),
        ("OCIRepository", "", sources::OCI_REPOSITORY),
        ("HelmChart", "", sources::HELM_CHART),
        (
            "HelmRelease of the sample controller",
            "`samplecontroller.k8s.io/v1alpha1`.",
            sample::TABLE,
        ),
    ]
}

fn published() -> String {
    let mut text = String::from(HEAD);
    for (title, about, table) in tables() {
        write!(text, "\n## {title}\n\n").unwrap();
        if !about.is_empty() {
            write!(text, "{about}\n\n").unwrap();
        }
        writeln!(text, "| field | | |\n|---|---|---|").unwrap();
        for field in table {
            writeln!(text, "{}", line(field)).unwrap();
        }
    }
    text.push_str(WHOLE);
    text.push_str(ANNOTATIONS);
    for (name, fate, remark) in whole::TABLE {
        writeln!(
            text,
            "| `helm.sdk.operatorframework.io/{name}` | kinds whose `spec` is the values | {}{}{remark} |",
            word(fate),
            if remark.is_empty() { "" } else { ": " },
        )
        .unwrap();
    }
    text
}

fn word(fate: Fate) -> &'static str {
    match fate {
        Fate::Done => "done",
        Fate::Warned => "**warned**",
        Fate::Rejected => "**rejected**",
    }
}

fn line(field: &Field) -> String {
    let fate = word(field.fate);
    let required = if field.required { ", required" } else { "" };
    format!("| `{}` | {fate}{required} | {} |", field.path, field.remark)
}

/// `UPDATE=1 cargo test -p helm` writes it again.
#[test]
fn the_published_table_is_this_one() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("FIELDS.md");
    if std::env::var_os("UPDATE").is_some() {
        fs::write(&path, published()).unwrap();
    }
    let kept = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        kept == published(),
        "FIELDS.md is stale\nhint: UPDATE=1 cargo test -p helm"
    );
}

#[test]
fn every_field_stands_once_and_below_an_object() {
    for (title, _, table) in tables() {
        for (index, field) in table.iter().enumerate() {
            let path = field.path;
            let again = table[..index].iter().any(|before| before.path == path);
            assert!(!again, "{title}: {path} twice");
            let (parent, _) = path.rsplit_once('.').unwrap();
            let above = table.iter().find(|above| above.path == parent);
            assert!(
                parent == "spec"
                    || above.is_some_and(|above| {
                        above.fate == Fate::Done && above.shape == Shape::Object
                    }),
                "{title}: {path} has no parent"
            );
            assert!(
                field.fate == Fate::Done || !field.remark.is_empty(),
                "{title}: {path} does not say what to do"
            );
            let below = table.iter().any(|below| below.below(path).is_some());
            assert!(
                field.shape != Shape::Object || below,
                "{title}: {path} is an object of nothing"
            );
        }
    }
}

fn wrong(table: Table, spec: serde_json::Value) -> Vec<String> {
    let found = check(table, &json!({"spec": spec}));
    found.wrong.iter().map(ToString::to_string).collect()
}

#[test]
fn what_is_unknown_is_named_with_what_was_meant() {
    assert_eq!(
        wrong(
            flux1::TABLE,
            json!({
                "chart": {"git": "https://git.example.com/hub", "paht": "charts/hub"},
                "valuesFrom": [{"secretKeyRef": {"name": "a"}}, {"secretKeyRef": {"name": "b", "kye": "x"}}],
                "releasename": "hub",
                "maxRetries": 3,
                "frobnicate": 1,
                "values": {"what": {"ever": "it is"}},
            })
        ),
        [
            "spec.chart.paht: is not a known field\nhint: did you mean path?",
            "spec.frobnicate: is not a known field\nhint: FIELDS.md of this module lists what is known; remove it",
            "spec.maxRetries: is not a known field\nhint: did you mean spec.rollback.maxRetries?",
            "spec.releasename: is not a known field\nhint: did you mean releaseName?",
            "spec.valuesFrom[1].secretKeyRef.kye: is not a known field\nhint: did you mean key?",
        ]
    );
}

#[test]
fn what_has_another_shape_is_named_by_its_path() {
    assert_eq!(
        wrong(
            flux2::TABLE,
            json!({
                "chart": {"spec": {"chart": "", "sourceRef": {"kind": "HelmRepo"}}},
                "interval": "5 minutes",
                "timeout": 300,
                "suspend": "yes",
                "maxHistory": 1.5,
                "dependsOn": {"name": "a"},
                "values": ["a"],
                "commonMetadata": {"labels": {"a": 1}},
                "driftDetection": {"ignore": [{"paths": ["/spec/replicas", 2]}, {}]},
                "releaseName": null,
            })
        ),
        [
            "spec.chart.spec.chart: is required, and empty",
            "spec.chart.spec.sourceRef.kind: \"HelmRepo\" is not one of HelmRepository, GitRepository, Bucket",
            "spec.chart.spec.sourceRef.name: is required",
            "spec.commonMetadata.labels.a: expected a text, not 1",
            "spec.dependsOn: expected a list, not an object",
            "spec.driftDetection.ignore[0].paths[1]: expected a text, not 2",
            "spec.driftDetection.ignore[1].paths: is required",
            "spec.interval: \"5 minutes\" is no duration, expected one such as 5m or 1m30s",
            "spec.maxHistory: expected a whole number, not 1.5",
            "spec.suspend: expected true or false, not \"yes\"",
            "spec.timeout: expected a duration such as 5m or 1m30s, not 300",
            "spec.values: expected an object, not a list",
        ]
    );
}

#[test]
fn what_is_not_used_is_told_and_what_is_not_safe_is_refused() {
    let found = check(
        flux2::TABLE,
        &json!({"spec": {
            "interval": "5m",
            "upgrade": {"force": true, "cleanupOnFail": false},
            "kubeConfig": {"secretRef": {"name": "elsewhere"}},
            "healthCheckExprs": [],
        }}),
    );
    assert_eq!(
        found.warnings,
        ["spec.upgrade.force is not used: nothing is deleted and created again; remove it"]
    );
    assert_eq!(
        found
            .wrong
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>(),
        [
            "spec.kubeConfig: is not served: releases go to the cluster that the object is in; run an operator there, and put \
             the object there"
        ]
    );
}

#[test]
fn a_spec_is_required() {
    let wrong = |object| check(sample::TABLE, &object).wrong[0].to_string();
    assert_eq!(wrong(json!({})), "spec: is required");
    assert_eq!(
        wrong(json!({"spec": "pink"})),
        "spec: expected an object, not \"pink\""
    );
}
