//! Kinds whose whole `spec` is the values: the Operator SDK's way.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::fields::{Fate, Findings};
use super::{
    Head, Kind, Refused, Settings, Wrong, duration, helms_own, name, rolls_back, uninstalls,
};
use crate::wish::{Actions, Drift, DriftMode, OwnRules, Policy, Values, Wish};

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
    kind: &Kind,
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
    for (path, value) in &kind.overrides {
        values.push(overridden(
            kind,
            path,
            value,
            &settings.variables,
            &mut findings,
        )?);
    }
    let policy = policy(head, &mut findings);
    findings.conclude(Wish {
        values,
        interval,
        ..head.wish(head.name, kind.chart.clone(), policy)
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
fn overridden(
    kind: &Kind,
    path: &str,
    value: &str,
    variables: &BTreeMap<String, String>,
    findings: &mut Findings,
) -> Result<Values, Refused> {
    let field = format!(
        "kinds[{}/{}].overrideValues.{path}",
        kind.api_version, kind.kind
    );
    if value.contains("{{") {
        return Err(Refused::Settings(Wrong::new(
            field,
            "templates are not executed here\nhint: write the value, or $NAME of a variable",
        )));
    }
    let expanded = Expanded::of(value, variables);
    if !expanded.unset.is_empty() {
        let names: Vec<_> = expanded.unset.into_iter().collect();
        findings.warnings.push(format!(
            "{field}: {} is not set, and stands for nothing",
            names.join(", ")
        ));
    }
    Ok(Values::Set(format!("{path}={}", expanded.text)))
}

/// A text in which variables are replaced, by the rules of Go's `os.Expand`.
#[derive(Debug, Default, PartialEq, Eq)]
struct Expanded {
    text: String,
    /// Variables that are not there; they stand for nothing.
    unset: BTreeSet<String>,
}

impl Expanded {
    fn of(text: &str, variables: &BTreeMap<String, String>) -> Self {
        let mut all = Self::default();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('$') {
            all.text.push_str(before);
            let (reference, tail) = Reference::of(after);
            rest = tail;
            match reference {
                Reference::None => all.text.push('$'),
                Reference::Broken => {}
                Reference::To(name) => match variables.get(name) {
                    Some(value) => all.text.push_str(value),
                    None => drop(all.unset.insert(name.to_owned())),
                },
            }
        }
        all.text.push_str(rest);
        all
    }
}

/// What follows a `$`.
enum Reference<'a> {
    /// No name: the `$` is one.
    None,
    /// Braces that are empty or do not close: they vanish.
    Broken,
    To(&'a str),
}

/// Names of one character that a shell has; digits are such, too.
const SPECIAL: &str = "*#$@!?-0123456789";

impl<'a> Reference<'a> {
    /// The reference, and what comes after it.
    fn of(text: &'a str) -> (Self, &'a str) {
        if let Some(inner) = text.strip_prefix('{') {
            return match inner.split_once('}') {
                Some(("", tail)) => (Self::Broken, tail),
                Some((name, tail)) => (Self::To(name), tail),
                None => (Self::Broken, inner),
            };
        }
        if text.starts_with(|first| SPECIAL.contains(first)) {
            let (name, tail) = text.split_at(1);
            return (Self::To(name), tail);
        }
        let of_name = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
        match text.find(|letter| !of_name(letter)).unwrap_or(text.len()) {
            0 => (Self::None, text),
            end => (Self::To(&text[..end]), &text[end..]),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::Expanded;

    #[test]
    fn replaces_as_go_does() {
        let variables = BTreeMap::from([
            (String::from("TAG"), String::from("1.2")),
            (String::from("A_1"), String::from("x")),
        ]);
        for (text, expanded, unset) in [
            ("plain", "plain", &[][..]),
            ("$TAG", "1.2", &[]),
            ("v${TAG}-alpine", "v1.2-alpine", &[]),
            ("$A_1.$A_1", "x.x", &[]),
            ("$NONE", "", &["NONE"]),
            ("a${NONE}b", "ab", &["NONE"]),
            ("costs 5$", "costs 5$", &[]),
            ("$ 5", "$ 5", &[]),
            ("${}x", "x", &[]),
            ("${TAG", "TAG", &[]),
            ("$$TAG", "TAG", &["$"]),
            ("$1x", "x", &["1"]),
            ("ä$TAG", "ä1.2", &[]),
        ] {
            let found = Expanded::of(text, &variables);
            assert_eq!(found.text, expanded, "{text}");
            assert!(found.unset.iter().eq(unset), "{text}: {:?}", found.unset);
        }
    }
}
