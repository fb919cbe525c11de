#![expect(clippy::unwrap_used, reason = "tests")]

use serde_json::{Map, Value, json};

use super::{Merge, Parameters, SecretKey, Secrets, Source, checksum, defaults, merge, watched};

fn map(value: Value) -> Map<String, Value> {
    value.as_object().unwrap().clone()
}

fn source(name: &str, key: &str) -> Source {
    Source {
        secret_key_ref: SecretKey {
            name: name.to_owned(),
            key: key.to_owned(),
        },
    }
}

fn secrets(entries: &[(&str, &str, &str)]) -> Secrets {
    let mut secrets = Secrets::new();
    for (name, key, text) in entries {
        secrets
            .entry((*name).to_owned())
            .or_default()
            .insert((*key).to_owned(), text.as_bytes().to_vec());
    }
    secrets
}

fn merged(parameters: Value, from: &[Source], with: &Secrets) -> Result<Parameters, Merge> {
    merge(&Map::new(), Some(&map(parameters)), from, with)
}

#[test]
fn values_of_secrets_are_sent_and_never_shown() {
    let with = secrets(&[(
        "s",
        "p",
        r#"{"password":"PLANTED","deep":{"token":"PLANTED"}}"#,
    )]);
    let parameters = merged(json!({"size": 3}), &[source("s", "p")], &with).unwrap();
    assert_eq!(
        Value::Object(parameters.values().clone()),
        json!({"password": "PLANTED", "deep": {"token": "PLANTED"}, "size": 3})
    );
    assert_eq!(
        Value::Object(parameters.redacted().clone()),
        json!({"password": "<redacted>", "deep": "<redacted>", "size": 3})
    );
    assert!(!format!("{parameters:?}").contains("PLANTED"));
}

#[test]
fn row_36_a_missing_secret_or_entry_waits() {
    let from = [source("s", "p")];
    let error = merged(json!({}), &from, &Secrets::new()).unwrap_err();
    assert!(error.waits());
    assert_eq!(
        error.to_string(),
        "spec.parametersFrom[0] reads Secret \"s\", which does not exist\nhint: create it; nothing else has to be done then"
    );
    let error = merged(json!({}), &from, &secrets(&[("s", "other", "{}")])).unwrap_err();
    assert!(error.waits());
    assert_eq!(
        error,
        Merge::NoKey {
            index: 0,
            name: "s".to_owned(),
            key: "p".to_owned()
        }
    );
    assert_eq!(error.reason(), "ErrorWithParameters");
}

#[test]
fn row_36_a_changed_secret_changes_the_checksum() {
    let from = [source("s", "p"), source("s", "q"), source("t", "p")];
    assert_eq!(watched(&from).into_iter().collect::<Vec<_>>(), ["s", "t"]);
    let of = |text| {
        merged(
            json!({"a": 1}),
            &[source("s", "p")],
            &secrets(&[("s", "p", text)]),
        )
        .unwrap()
        .checksum()
    };
    assert_eq!(
        of(r#"{"b":1,"c":{"x":1,"y":2}}"#),
        of(r#"{ "c": {"y":2,"x":1}, "b": 1 }"#)
    );
    assert_ne!(of(r#"{"b":1}"#), of(r#"{"b":2}"#));
}

#[test]
fn row_36_a_duplicate_parameter_is_a_hard_error() {
    let with = secrets(&[("s", "p", r#"{"a":"PLANTED"}"#), ("s", "q", r#"{"a":2}"#)]);
    let error = merged(json!({"a": 1}), &[source("s", "p")], &with).unwrap_err();
    assert!(!error.waits());
    assert_eq!(
        error.to_string(),
        "parameter \"a\" is given by both spec.parametersFrom[0] and spec.parameters\n\
         hint: give it in one place; sources are not merged into each other"
    );
    let error = merged(json!({}), &[source("s", "p"), source("s", "q")], &with).unwrap_err();
    assert!(
        matches!(error, Merge::Duplicate { ref second, .. } if second == "spec.parametersFrom[1]")
    );
    let inside = secrets(&[("s", "p", r#"{"a":1,"b":2,"a":3}"#)]);
    let error = merged(json!({}), &[source("s", "p")], &inside).unwrap_err();
    assert!(matches!(error, Merge::Duplicate { ref parameter, .. } if parameter == "a"));
}

#[test]
fn errors_of_secrets_tell_the_place_and_no_value() {
    for text in [
        "PLANTED",
        "\"PLANTED\"",
        "[\"PLANTED\"]",
        "{\"a\": PLANTED}",
        "{\"a\": 1} PLANTED",
    ] {
        let error = merged(
            json!({}),
            &[source("s", "p")],
            &secrets(&[("s", "p", text)]),
        )
        .unwrap_err();
        assert!(
            matches!(error, Merge::NotObject { .. }),
            "{text}: {error:?}"
        );
        assert!(!format!("{error} {error:?}").contains("PLANTED"), "{text}");
    }
}

#[test]
fn defaults_lie_under_the_plan_s_and_those_under_the_instance_s() {
    let class = map(json!({"size": 1, "net": {"a": 1, "b": 1}, "gone": 1}));
    let plan = map(json!({"size": 2, "net": {"b": 2}}));
    let under = defaults(Some(&class), Some(&plan));
    assert_eq!(
        Value::Object(under.clone()),
        json!({"size": 2, "net": {"a": 1, "b": 2}, "gone": 1})
    );
    let own = map(json!({"net": {"c": 3}, "gone": null}));
    let parameters = merge(&under, Some(&own), &[], &Secrets::new()).unwrap();
    assert_eq!(
        Value::Object(parameters.values().clone()),
        json!({"size": 2, "net": {"a": 1, "b": 2, "c": 3}, "gone": null})
    );
    assert_eq!(defaults(None, None), Map::new());
}

#[test]
fn a_default_does_not_uncover_a_secret() {
    let under = map(json!({"net": {"a": 1}}));
    let with = secrets(&[("s", "p", r#"{"net":{"key":"PLANTED"}}"#)]);
    let parameters = merge(&under, None, &[source("s", "p")], &with).unwrap();
    assert_eq!(
        Value::Object(parameters.redacted().clone()),
        json!({"net": "<redacted>"})
    );
    assert_eq!(
        Value::Object(parameters.values().clone()),
        json!({"net": {"a": 1, "key": "PLANTED"}})
    );
}

#[test]
fn no_parameters_have_no_checksum() {
    assert_eq!(
        merge(&Map::new(), None, &[], &Secrets::new())
            .unwrap()
            .checksum(),
        None
    );
    // Written in statuses: a new version has to read it as the old one did.
    assert_eq!(
        checksum(&Map::new()),
        "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"
    );
}
