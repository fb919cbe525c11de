//! Documents that are encrypted here: what sops would never write, and more than fits into a file of this checkout.

use aes::Aes256;
use aes::cipher::consts::U32;
use aes_gcm::aead::AeadInPlace as _;
use aes_gcm::{AesGcm, KeyInit as _};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha512};

use super::{anna, file};
use crate::metadata::Metadata;
use crate::tree::yaml;
use crate::{DecryptSops, Format, OpenValue, decrypt};

/// Encrypts with the key of a document of anna's.
struct Sealer {
    key: [u8; 32],
    enc: String,
    hash: Sha512,
}

impl Sealer {
    fn new() -> Self {
        let tree = yaml::read(&file("values.yaml")).unwrap();
        let own = tree.get("sops").unwrap();
        let metadata = Metadata::read(own).unwrap();
        let text = file("values.yaml");
        let begin = text.find("-----BEGIN").unwrap();
        let end = text.find("-----END AGE ENCRYPTED FILE-----").unwrap();
        let enc: String = text[begin..end]
            .lines()
            .map(|line| format!("{}\n", line.trim()))
            .collect();
        Self {
            key: *metadata.data_key(&anna()).unwrap().bytes(),
            enc: enc.trim_end().to_owned() + "\n-----END AGE ENCRYPTED FILE-----\n",
            hash: Sha512::new(),
        }
    }

    fn seal(&self, content: &[u8], kind: &str, bound: &str) -> String {
        let iv = [7; 32];
        let mut data = content.to_vec();
        let tag = AesGcm::<Aes256, U32>::new(&self.key.into())
            .encrypt_in_place_detached(&iv.into(), bound.as_bytes(), &mut data)
            .unwrap();
        let [data, iv, tag] = [&data[..], &iv, &tag].map(|bytes| STANDARD.encode(bytes));
        format!("ENC[AES256_GCM,data:{data},iv:{iv},tag:{tag},type:{kind}]")
    }

    /// A value, signed as `signed`.
    fn value(&mut self, content: &[u8], kind: &str, bound: &str, signed: &[u8]) -> String {
        self.hash.update(signed);
        self.seal(content, kind, bound)
    }

    fn finish(self, mut document: Value) -> String {
        let mac: String = self
            .hash
            .clone()
            .finalize()
            .iter()
            .map(|byte| format!("{byte:02X}"))
            .collect();
        document["sops"] = json!({
            "age": [{"recipient": "age1", "enc": self.enc}],
            "lastmodified": "2026-01-01T00:00:00.5+00:00",
            "mac": self.seal(mac.as_bytes(), "str", "2026-01-01T00:00:00Z"),
            "version": "3.13.3",
        });
        serde_json::to_string(&document).unwrap()
    }
}

fn open(text: &str) -> Result<Value, DecryptSops> {
    decrypt(text, Format::Json, &anna())
}

#[test]
fn types_of_older_sops_are_read() {
    let mut sealer = Sealer::new();
    let document = json!({
        "a": sealer.value(b"1", "bool", "a:", b"True"),
        "b": sealer.value(b"hello", "bytes", "b:", b"hello"),
        "c": sealer.value(b"2026-01-02T03:04:05Z", "time", "c:", b"2026-01-02T03:04:05Z"),
        "d": [sealer.value(b"note", "comment", "d:", b""), sealer.value(b"+7", "int", "d:", b"7")],
        "e": sealer.value(b"1e3", "float", "e:", b"1000"),
    });
    assert_eq!(
        open(&sealer.finish(document)).unwrap(),
        json!({"a": true, "b": "hello", "c": "2026-01-02T03:04:05Z", "d": [7], "e": 1000})
    );
}

#[test]
fn values_that_are_not_of_their_types_are_named() {
    for (content, kind, problem) in [
        (
            b"x" as &[u8],
            "int",
            "decrypted, but not an integer of 64 bits",
        ),
        (
            b"99999999999999999999",
            "int",
            "decrypted, but not an integer of 64 bits",
        ),
        (b"x", "float", "decrypted, but not a float"),
        (b"maybe", "bool", "decrypted, but not a boolean"),
        (
            b"\xff\xfe",
            "str",
            "decrypted, but not text in UTF-8; encode it, such as in base64, before it is encrypted",
        ),
        (b"x", "date", "of the type \"date\", which is not known"),
    ] {
        let mut sealer = Sealer::new();
        let document = json!({"a": {"b c": [sealer.value(content, kind, "a:b c:", content)]}});
        let error = open(&sealer.finish(document)).unwrap_err().to_string();
        let first = error.lines().next().unwrap();
        assert_eq!(first, format!("a[\"b c\"][0]: {problem}"));
    }
}

#[test]
fn a_value_where_another_belongs_is_named() {
    let mut sealer = Sealer::new();
    let document = json!({"a": sealer.value(b"x", "str", "b:", b"x")});
    assert_eq!(
        open(&sealer.finish(document)).unwrap_err().to_string(),
        "a: changed, moved or renamed after it was encrypted\nhint: change encrypted documents with `sops edit` only"
    );
    for (plain, what) in [
        (json!(1), "a number"),
        (json!(true), "a boolean"),
        (json!("x"), "a text"),
    ] {
        let sealer = Sealer::new();
        let error = open(&sealer.finish(json!({"a": plain}))).unwrap_err();
        assert!(
            matches!(&error, DecryptSops::Value { problem: OpenValue::Plain(kind), .. } if *kind == what),
            "{error}"
        );
    }
}

#[test]
fn a_huge_document_is_opened() {
    let mut sealer = Sealer::new();
    let items: Vec<Value> = (0..20_000)
        .map(|number| {
            let content = format!("value {number} {}", "x".repeat(40));
            let bytes = content.as_bytes();
            Value::String(sealer.value(bytes, "str", "items:", bytes))
        })
        .collect();
    let text = sealer.finish(json!({"items": items}));
    assert!(text.len() > 3_000_000);
    let opened = open(&text).unwrap();
    assert_eq!(opened["items"].as_array().unwrap().len(), 20_000);
    assert_eq!(decrypt(&text, Format::Yaml, &anna()).unwrap(), opened);
}

#[test]
fn a_document_that_is_too_deep_is_refused() {
    for text in [
        "[".repeat(100_000),
        format!("{{\"a\": {}1{}}}", "[".repeat(5_000), "]".repeat(5_000)),
        (0..5_000)
            .map(|depth| format!("{}a:\n", " ".repeat(depth)))
            .collect(),
        "a: ".to_owned() + &"- ".repeat(5_000),
        "? ".repeat(5_000),
    ] {
        for format in [Format::Json, Format::Yaml] {
            let error = decrypt(&text, format, &anna()).unwrap_err();
            assert!(matches!(error, DecryptSops::ReadDocument { .. }), "{error}");
        }
    }
}
