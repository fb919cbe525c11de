//! Kinds whose whole `spec` is the values: the Operator SDK's way.

use serde_json::Value;

use super::fields::{Fate, Findings};
use super::{Head, Refused, Settings, Wrong, duration, helms_own, name, rolls_back, uninstalls};
use crate::wish::{Actions, Chart, Drift, DriftMode, OwnRules, Policy, Values, Wish};

/// The group of its annotations.
const ANNOTATIONS: &str = "helm.sdk.operatorframework.io";

/// Annotations, and what becomes of them where they are `true`.
pub(super) const TABLE: [(&str, Fate, &str); 7] = [
    (
        "reconcile-period",
        Fate::Done,
        "a duration: how often the release is looked at although nothing changed",
    ),
    ("install-disable-hooks", Fate::Done, ""),
    ("upgrade-disable-hooks", Fate::Done, ""),
    ("uninstall-disable-hooks", Fate::Done, ""),
    ("uninstall-wait", Fate::Done, "until all objects are gone"),
    ("upgrade-force", Fate::Warned, FORCE),
    ("rollback-force", Fate::Warned, FORCE),
];

const FORCE: &str = "nothing is deleted and created again; remove it";

pub(super) fn read(
    object: &Value,
    head: &Head<'_>,
    chart: &Chart,
    settings: &Settings,
) -> Result<Wish, Refused> {
    let mut findings = Findings::default();
    let mut values = Vec::new();
    match &object["spec"] {
        Value::Null => {}
        Value::Object(spec) => values.push(Values::Inline(spec.clone())),
        _ => findings.wrong("spec", "expected an object: the values of the chart"),
    }
    if let Some(fault) = name::fault(head.name) {
        findings.wrong("metadata.name", fault);
    }
    let interval = head.annotation(&key("reconcile-period")).and_then(|text| {
        let read = duration::of(text);
        if read.is_none() {
            findings.wrong(
                format!("metadata.annotations[{}]", key("reconcile-period")),
                format!("{text:?} is no duration, expected one such as 30s or 1m30s"),
            );
        }
        read
    });
    for (path, value) in &settings.override_values {
        values.push(overridden(path, value)?);
    }
    let policy = policy(head, &mut findings);
    findings.conclude(Wish {
        values,
        interval,
        ..head.wish(head.name, chart.clone(), policy)
    })
}

fn key(name: &str) -> String {
    format!("{ANNOTATIONS}/{name}")
}

/// It waits for nothing, takes a failed installation or upgrade back, and puts right what others changed.
fn policy(head: &Head<'_>, findings: &mut Findings) -> Policy {
    let is_set = |name: &str| {
        let value = head.annotation(&key(name));
        value.is_some_and(|value| matches!(value, "1" | "t" | "T" | "true" | "TRUE" | "True"))
    };
    for (name, fate, why) in TABLE {
        if fate == Fate::Warned && is_set(name) {
            findings.warn(&format!("metadata.annotations[{}]", key(name)), why);
        }
    }
    let rules = |action: &str| OwnRules {
        hooks: is_set(&format!("{action}-disable-hooks")).then_some(false),
        ..OwnRules::default()
    };
    Policy {
        install_remediation: uninstalls(),
        upgrade_remediation: rolls_back(None),
        drift: Drift {
            mode: DriftMode::Enabled,
            ignore: Vec::new(),
        },
        actions: Actions {
            install: rules("install"),
            upgrade: rules("upgrade"),
            rollback: OwnRules::default(),
            uninstall: OwnRules {
                wait: is_set("uninstall-wait").then_some(true),
                ..rules("uninstall")
            },
        },
        ..helms_own()
    }
}

/// One of `overrideValues`.
fn overridden(path: &str, value: &str) -> Result<Values, Refused> {
    if value.contains("{{") {
        return Err(Refused::Settings(Wrong::new(
            format!("overrideValues.{path}"),
            "templates are not executed here\nhint: write the value, or $NAME of a variable",
        )));
    }
    Ok(Values::Set(format!("{path}={value}")))
}
