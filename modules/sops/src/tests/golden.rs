//! Documents that the real sops encrypted, and what it decrypts them to.

use serde_json::{Value, json};

use super::{anna, file, format, identities};
use crate::{Format, Identities, decrypt, decrypt_value, is_encrypted};

fn check(name: &str, identities: &Identities) {
    let text = file(name);
    let expected: Value = serde_json::from_str(&file(&format!("{name}.expected"))).unwrap();
    let opened = decrypt(&text, format(name), identities).expect(name);
    assert_eq!(opened, expected, "{name}");
    assert!(opened.get("sops").is_none(), "{name}");
}

#[test]
fn every_kind_of_a_value_is_read() {
    check("values.yaml", &anna());
    check("values.json", &anna());
    check("older.yaml", &anna());
    check("release-one.yaml", &anna());
}

#[test]
fn every_rule_of_what_is_encrypted_is_followed() {
    for name in [
        "encrypted-regex.yaml",
        "unencrypted-regex.yaml",
        "encrypted-suffix.yaml",
        "unencrypted-suffix.yaml",
        "encrypted-comment.yaml",
        "unencrypted-comment.yaml",
        "mac-only-encrypted.yaml",
        "mac-only-encrypted.json",
    ] {
        check(name, &anna());
    }
}

#[test]
fn any_of_several_recipients_opens_it() {
    for person in ["anna", "berta", "carl"] {
        check("recipients.yaml", &identities(&[person]));
    }
    check("recipients.yaml", &identities(&["berta", "anna"]));
    check("mixed.yaml", &anna());
    check("others.yaml", &identities(&["anna", "carl", "berta"]));
}

#[test]
fn a_split_key_needs_as_many_groups_as_it_says() {
    for people in [["anna", "berta"], ["carl", "anna"], ["berta", "carl"]] {
        check("two-of-three.yaml", &identities(&people));
    }
    let all = identities(&["anna", "berta", "carl"]);
    check("two-of-three.yaml", &all);
    check("three-of-three.json", &all);
}

#[test]
fn merged_fields_are_where_helm_has_them() {
    let opened = decrypt(&file("odd.yaml"), Format::Yaml, &anna()).unwrap();
    assert_eq!(
        opened,
        json!({
            "port": 31, "mode": 493, "underscored": 1000, "plus": 5, "float": 1, "text": "yes", "tagged": "12",
            "base": {"a": 1}, "copy": {"a": 1}, "binary": "hello",
            "merged": {"a": 1, "b": 2}, "open": {"a": 1, "c": [3, "<<"]},
        })
    );
}

#[test]
fn a_document_in_an_object_is_opened_if_its_keys_were_sorted() {
    let object: Value = serde_json::from_str(&file("sorted.json")).unwrap();
    let expected: Value = serde_json::from_str(&file("sorted.json.expected")).unwrap();
    assert!(is_encrypted(&object));
    assert_eq!(decrypt_value(&object, &anna()).unwrap(), expected);
}

#[test]
fn json_is_told_from_yaml() {
    assert_eq!(Format::of(&file("values.json")), Format::Json);
    assert_eq!(Format::of(&file("values.yaml")), Format::Yaml);
    assert_eq!(Format::of("{a: 1}"), Format::Yaml);
    // JSON is YAML too.
    let text = file("sorted.json");
    let json = decrypt(&text, Format::Json, &anna()).unwrap();
    assert_eq!(decrypt(&text, Format::Yaml, &anna()).unwrap(), json);
}
