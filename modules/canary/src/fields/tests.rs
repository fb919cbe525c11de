#![expect(clippy::unwrap_used, reason = "tests")]

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use oarlock_sdk::json;

use super::table::{ALERT_PROVIDER, CANARY, METRIC_TEMPLATE};
use super::{Fate, Field, Origin, check};

const HEAD: &str = "\
# Fields

What becomes of every field of Flagger's objects, and of what this project adds. Made of the table that the module checks
objects by (`src/fields/table.rs`).

- **accepted**: used.
- **warned**: not used; the condition `Warnings` says so, and nothing else is different.
- **rejected**: the object is refused, and what runs stays as it is: not to have what the field says would not be safe.

A field that is not in these tables is refused, by its path and with the nearest name that is known. The definitions in `crds/`
keep such fields, so that they are not lost silently. With a Flagger's own definitions installed instead of those, the API server
drops what is marked *own*.

`spec.canaryAnalysis` has the fields of `spec.analysis`. Exactly one of the two is given, in any version.
";

const TAIL: &str = "
## Labels and annotations

| | on | |
|---|---|---|
| `canary.oarlock.dev/track` | the stable Deployment, its Pods | label: `stable`. New Pods have none; Services tell them by `pod-template-hash` |
| `canary.oarlock.dev/replicas` | the target, during a rollout | `K/N`: the replicas that it was given, of those of both revisions |
| `canary.oarlock.dev/config` | the target's Pod template | the content of the ConfigMaps that its Pods began with |
| `canary.oarlock.dev/copy-of` | copies of ConfigMaps | what they were copied from, for the stable revision |
| `canary.oarlock.dev/idle-since` | a Flagger's `-primary` | since when it gets no requests (TAKEOVER.md) |
| `flagger.app/config-tracking` | ConfigMaps | `disabled`: a change of it is no new revision |
";

fn published() -> String {
    let mut text = String::from(HEAD);
    for (kind, about, table) in [
        (
            "Canary",
            "`flagger.app/v1alpha3`, `flagger.app/v1beta1` and `canary.oarlock.dev/v1alpha1`.",
            CANARY,
        ),
        (
            "MetricTemplate",
            "`flagger.app/v1beta1` and `canary.oarlock.dev/v1alpha1`.",
            METRIC_TEMPLATE,
        ),
        (
            "AlertProvider",
            "`flagger.app/v1beta1` and `canary.oarlock.dev/v1alpha1`.",
            ALERT_PROVIDER,
        ),
    ] {
        write!(
            text,
            "\n## {kind}\n\n{about}\n\n| field | | |\n|---|---|---|\n"
        )
        .unwrap();
        for field in table {
            writeln!(text, "{}", line(field)).unwrap();
        }
    }
    text + TAIL
}

fn line(field: &Field) -> String {
    let fate = match (field.fate, field.origin) {
        (Fate::Accepted, Origin::Flagger) => "accepted",
        (Fate::Accepted, Origin::Own) => "accepted, own",
        (Fate::Warned, _) => "**warned**",
        (Fate::Rejected, _) => "**rejected**",
    };
    format!("| `{}` | {fate} | {} |", field.path, field.remark)
}

/// `UPDATE=1 cargo test -p canary` writes it again.
#[test]
fn the_published_table_is_this_one() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("FIELDS.md");
    if std::env::var_os("UPDATE").is_some() {
        fs::write(&path, published()).unwrap();
    }
    let kept = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        kept == published(),
        "FIELDS.md is stale\nhint: UPDATE=1 cargo test -p canary"
    );
}

fn table(kind: &str) -> &'static [Field] {
    match kind {
        "Canary" => CANARY,
        "MetricTemplate" => METRIC_TEMPLATE,
        _ => ALERT_PROVIDER,
    }
}

/// What becomes of a field of a kind.
pub(crate) fn fate(kind: &str, path: &str) -> Option<Fate> {
    let field = table(kind).iter().find(|field| field.path == path)?;
    Some(field.fate)
}

/// All fields of a kind that are used.
pub(crate) fn accepted(kind: &str) -> Vec<&'static str> {
    table(kind)
        .iter()
        .filter(|field| field.fate == Fate::Accepted)
        .map(|field| field.path)
        .collect()
}

#[test]
fn every_field_stands_once_and_below_what_is_accepted() {
    for table in [CANARY, METRIC_TEMPLATE, ALERT_PROVIDER] {
        for (index, field) in table.iter().enumerate() {
            assert!(
                !table[..index]
                    .iter()
                    .any(|before| before.path == field.path),
                "{} twice",
                field.path
            );
            let (parent, _) = field.path.rsplit_once('.').unwrap();
            assert!(
                parent == "spec"
                    || table
                        .iter()
                        .any(|above| above.path == parent && above.fate == Fate::Accepted),
                "{} has no parent",
                field.path
            );
            assert!(
                field.fate == Fate::Accepted || !field.remark.is_empty(),
                "{} does not say what to do",
                field.path
            );
        }
    }
}

#[test]
fn what_is_unknown_is_named_with_what_was_meant() {
    let findings = check(&json!({"spec": {
        "targetRef": {"nmae": "x"},
        "canaryAnalysis": {
            "stepweight": 10,
            "metrics": [{"name": "a"}, {"name": "b", "thresholdrange": {}}],
            "webhooks": [{"metadata": {"whatever": "it is"}}],
        },
        "maxWeight": 50,
        "service": {"match": [{"headers": {"x-canary": {"exakt": "yes"}}}], "apex": {"labels": {"a": "b"}}},
        "frobnicate": 1,
    }}));
    let wrong: Vec<_> = findings.wrong.iter().map(ToString::to_string).collect();
    assert_eq!(
        wrong,
        [
            "spec.canaryAnalysis.metrics[1].thresholdrange: is not a known field\nhint: did you mean thresholdRange?",
            "spec.canaryAnalysis.stepweight: is not a known field\nhint: did you mean stepWeight?",
            "spec.frobnicate: is not a known field\nhint: FIELDS.md of this module lists what is known; remove it",
            "spec.maxWeight: is not a known field\nhint: did you mean spec.analysis.maxWeight?",
            "spec.service.match[0].headers.x-canary.exakt: is not a known field\nhint: did you mean exact?",
            "spec.targetRef.nmae: is not a known field\nhint: did you mean name?",
        ]
    );
}

#[test]
fn what_is_not_used_is_told_and_what_is_not_safe_is_refused() {
    let findings = check(&json!({"spec": {
        "service": {"trafficPolicy": {"tls": {"mode": "ISTIO_MUTUAL"}}, "gateways": [], "delegation": false},
        "analysis": {"mirror": true, "match": [{"headers": {"cookie": {"regex": "x"}}}]},
        "ingressRef": null,
    }}));
    assert_eq!(
        findings.warnings,
        [
            "spec.analysis.mirror is not used: no requests are copied: the new revision gets its first ones with the first step; \
             remove it",
            "spec.service.trafficPolicy is not used: no DestinationRule is made; write one of your own for the Services",
        ]
    );
    assert_eq!(findings.wrong.len(), 1);
    assert_eq!(
        findings.wrong[0].to_string(),
        "spec.analysis.match: is not served: requests are not told apart by what is in them; leave it out to have iterations \
         without requests from outside"
    );
}
