#![expect(clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::transform::watched;
use super::{
    Apply, Compose, Entries, Existing, InvalidKeys, MAX_SIZE, Recipe, Transform, Write, compose,
    may_delete, write,
};

fn map(value: Value) -> Map<String, Value> {
    value.as_object().unwrap().clone()
}

fn transforms(value: Value) -> Vec<Transform> {
    serde_json::from_value(value).unwrap()
}

fn composed(credentials: Value, list: Value) -> Result<Entries, Compose> {
    let secrets = BTreeMap::from([(
        "extra".to_owned(),
        BTreeMap::from([("ca.crt".to_owned(), b"CA".to_vec())]),
    )]);
    let list = transforms(list);
    let recipe = Recipe {
        transforms: &list,
        invalid_keys: InvalidKeys::Refuse,
        kind: "mysql",
        provider: None,
    };
    compose(&map(credentials), &recipe, &secrets)
}

fn texts(entries: &Entries) -> Vec<(String, String)> {
    entries
        .keys()
        .map(|key| {
            (
                key.to_owned(),
                String::from_utf8(entries.get(key).unwrap().to_vec()).unwrap(),
            )
        })
        .collect()
}

fn pairs(list: &[(&str, &str)]) -> Vec<(String, String)> {
    list.iter()
        .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
        .collect()
}

#[test]
fn row_35_strings_are_raw_and_anything_else_is_json() {
    let entries = composed(
        json!({"user": "a\"b", "port": 5432, "tls": {"ca": ["x"]}, "ok": true, "none": null, "empty": ""}),
        json!([]),
    )
    .unwrap();
    assert_eq!(
        texts(&entries),
        pairs(&[
            ("empty", ""),
            ("none", "null"),
            ("ok", "true"),
            ("port", "5432"),
            ("tls", r#"{"ca":["x"]}"#),
            ("type", "mysql"),
            ("user", "a\"b"),
        ])
    );
    assert_eq!(entries.data()["port"], "NTQzMg==");
}

#[test]
fn row_35_a_name_that_no_secret_can_have_is_an_error_and_no_part_is_written() {
    for key in ["a b", "ä", "", "..", ".", "..data", "a/b", &"k".repeat(254)] {
        let error = composed(json!({key: "PLANTED", "good": "PLANTED"}), json!([])).unwrap_err();
        assert_eq!(
            error,
            Compose::Key {
                key: key.to_owned()
            }
        );
        assert!(!error.to_string().contains("PLANTED"));
    }
    for key in [".a", "a..b", "-", "A.b_c-9", &"k".repeat(253)] {
        assert!(composed(json!({key: "x"}), json!([])).is_ok(), "{key}");
    }
    let renamed = composed(
        json!({"a b": "x"}),
        json!([{"renameKey": {"from": "a b", "to": "a-b"}}]),
    )
    .unwrap();
    assert_eq!(texts(&renamed), pairs(&[("a-b", "x"), ("type", "mysql")]));
}

#[test]
fn names_are_replaced_only_where_that_is_wished_for() {
    let recipe = Recipe {
        transforms: &[],
        invalid_keys: InvalidKeys::Replace,
        kind: "t",
        provider: Some("p"),
    };
    let entries = compose(
        &map(json!({"a b": "1", "..": "2", "ä/": "3"})),
        &recipe,
        &BTreeMap::new(),
    )
    .unwrap();
    assert_eq!(
        texts(&entries),
        pairs(&[
            ("_.", "2"),
            ("__", "3"),
            ("a_b", "1"),
            ("provider", "p"),
            ("type", "t")
        ])
    );
    let error = compose(
        &map(json!({"a b": "1", "a_b": "2"})),
        &recipe,
        &BTreeMap::new(),
    )
    .unwrap_err();
    assert_eq!(
        error,
        Compose::Same {
            key: "a_b".to_owned(),
            first: "a b".to_owned(),
            second: "a_b".to_owned()
        }
    );
    assert!(compose(&map(json!({"": "1"})), &recipe, &BTreeMap::new()).is_err());
}

#[test]
fn row_35_more_than_a_mebibyte_is_an_error() {
    let room = MAX_SIZE - "mysql".len();
    assert!(composed(json!({"a": "x".repeat(room)}), json!([])).is_ok());
    let error = composed(json!({"a": "x".repeat(room), "b": "y"}), json!([])).unwrap_err();
    assert_eq!(
        error,
        Compose::Size {
            size: MAX_SIZE + 1,
            largest: "a".to_owned()
        }
    );
    assert!(error.to_string().len() < 300);
}

#[test]
fn type_and_provider_are_added_where_the_broker_gave_none() {
    let recipe = Recipe {
        transforms: &[],
        invalid_keys: InvalidKeys::Refuse,
        kind: "t",
        provider: Some("p"),
    };
    let own = compose(&map(json!({"type": "own"})), &recipe, &BTreeMap::new()).unwrap();
    assert_eq!(texts(&own), pairs(&[("provider", "p"), ("type", "own")]));
}

#[test]
fn transforms_are_applied_in_their_order() {
    let entries = composed(
        json!({"USER": "u", "host": "h", "port": 1, "drop": "x"}),
        json!([
            {"renameKey": {"from": "USER", "to": "user"}},
            {"renameKey": {"from": "absent", "to": "never"}},
            {"addKey": {"key": "raw", "value": "AAEC"}},
            {"addKey": {"key": "scheme", "stringValue": "db"}},
            {"addKey": {"key": "uri", "jsonPathExpression": "{.scheme}://{.user}@{.host}:{.port}"}},
            {"addKeysFrom": {"secretRef": {"name": "extra"}}},
            {"removeKey": {"key": "drop"}},
            {"removeKey": {"key": "absent"}},
        ]),
    )
    .unwrap();
    assert_eq!(entries.get("uri").unwrap(), b"db://u@h:1");
    assert_eq!(entries.get("raw").unwrap(), [0, 1, 2]);
    assert_eq!(
        entries.keys().collect::<Vec<_>>(),
        [
            "ca.crt", "host", "port", "raw", "scheme", "type", "uri", "user"
        ]
    );
}

#[test]
fn a_transform_that_cannot_be_applied_is_named_with_its_place() {
    let of = |one: Value| {
        let Compose::Transform { index: 1, why } = composed(
            json!({"a": "PLANTED"}),
            json!([{"removeKey": {"key": "x"}}, one]),
        )
        .unwrap_err() else {
            unreachable!("the second one is wrong")
        };
        assert!(!why.to_string().contains("PLANTED"));
        why
    };
    assert_eq!(of(json!({})), Apply::Shape { count: 0 });
    assert_eq!(
        of(json!({"removeKey": {"key": "a"}, "renameKey": {"from": "a", "to": "b"}})),
        Apply::Shape { count: 2 }
    );
    assert_eq!(
        of(json!({"addKey": {"key": "k"}})),
        Apply::Values {
            key: "k".to_owned(),
            count: 0
        }
    );
    assert_eq!(
        of(json!({"addKey": {"key": "k", "value": "?"}})),
        Apply::Base64 {
            key: "k".to_owned()
        }
    );
    assert_eq!(
        of(json!({"addKey": {"key": "k", "jsonPathExpression": "{.a.b}"}})).to_string(),
        "jsonPathExpression of addKey \"k\": nothing is at \".a.b\""
    );
    assert_eq!(
        of(json!({"addKeysFrom": {"secretRef": {"name": "none"}}})),
        Apply::NoSecret {
            name: "none".to_owned()
        }
    );
}

#[test]
fn only_a_secret_that_is_not_there_is_waited_for() {
    let from = json!([{"addKeysFrom": {"secretRef": {"name": "none"}}}]);
    assert!(composed(json!({}), from).unwrap_err().waits());
    assert!(!composed(json!({"a b": 1}), json!([])).unwrap_err().waits());
}

#[test]
fn no_entry_comes_out_of_another_namespace() {
    let list =
        json!([{"addKeysFrom": {"secretRef": {"name": "extra", "namespace": "kube-system"}}}]);
    assert_eq!(
        watched(&transforms(list.clone())).collect::<Vec<_>>(),
        ["extra"]
    );
    let error = composed(json!({}), list).unwrap_err();
    assert_eq!(
        error.to_string(),
        "spec.secretTransforms[0]: addKeysFrom names Secret \"extra\" of namespace \"kube-system\"; only Secrets of the \
         binding's own namespace are read\nhint: leave secretRef.namespace out, and copy the Secret"
    );
}

#[test]
fn row_37_a_secret_of_somebody_else_is_refused() {
    let entries = composed(json!({"a": "1"}), json!([])).unwrap();
    let existing = |controller: Option<&str>| Existing {
        controller: controller.map(str::to_owned),
        entries: entries.clone(),
        immutable: false,
        deleting: false,
    };
    for controller in [None, Some("other")] {
        let error = write("uid", "db", &entries, Some(&existing(controller))).unwrap_err();
        assert_eq!(
            error.to_string(),
            "Secret \"db\" is there and is not of this binding; it is not overwritten\n\
             hint: delete it if nobody needs it, or create another binding with another spec.secretName"
        );
        assert!(!may_delete("uid", &existing(controller)));
    }
    assert_eq!(write("uid", "db", &entries, None), Ok(Write::Create));
    let mut own = existing(Some("uid"));
    assert!(may_delete("uid", &own));
    assert_eq!(write("uid", "db", &entries, Some(&own)), Ok(Write::Nothing));
    own.entries = Entries::default();
    assert_eq!(write("uid", "db", &entries, Some(&own)), Ok(Write::Replace));
    own.immutable = true;
    assert_eq!(
        write("uid", "db", &entries, Some(&own)),
        Ok(Write::Recreate)
    );
    own.deleting = true;
    assert_eq!(write("uid", "db", &entries, Some(&own)), Ok(Write::Wait));
}

#[test]
fn debug_shows_names_alone() {
    let entries = composed(json!({"password": "PLANTED"}), json!([])).unwrap();
    assert_eq!(format!("{entries:?}"), r#"{"password", "type"}"#);
}
