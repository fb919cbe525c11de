#![expect(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

use std::cell::RefCell;
use std::io::Write as _;
use std::path::PathBuf;

use flate2::Compression;
use flate2::write::GzEncoder;
use oarlock_sdk::artifacts::{Artifact, Source};
use oarlock_sdk::json;
use oarlock_sdk::testing::{FakeCluster, Packages};

use super::*;
use crate::dialect::{self, Sources};
use crate::run::engine::scripted::Scripted;
use crate::run::inputs::{Asked, Prepared, prepare};
use crate::state::State;
use crate::wish::{Values, Wish};

const DIGEST: &str = "sha256:1";

/// A document that the real sops encrypted, or a throw-away key.
fn golden(name: &str) -> String {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../sops/tests/golden")
        .join(name);
    std::fs::read_to_string(&path).expect(name)
}

fn secret_object(name: &str, field: &str, text: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Secret", "metadata": {"name": name, "namespace": "shop"},
        "data": {field: STANDARD.encode(text)},
    })
}

/// A Secret `values` with an encrypted document, and one `sops-age` with anna's key.
fn cluster() -> FakeCluster {
    FakeCluster::new()
        .object(secret_object("values", "values.yaml", &golden("values.yaml")))
        .object(secret_object("theirs", "values.yaml", &golden("others.yaml")))
        .object(secret_object("sops-age", "age.agekey", &golden("keys/anna.agekey")))
        .object(secret_object("pgp", "sops.asc", "-----BEGIN PGP"))
        .object(secret_object("typo", "keys.txt", "AGE-SECRET-KEY-1QQ"))
        .object(json!({
            "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "json", "namespace": "shop"},
            "data": {"values.yaml": golden("values.json")},
        }))
}

fn from(secret: bool, name: &str) -> Values {
    Values::From {
        secret,
        namespace: None,
        name: name.to_owned(),
        key: String::from("values.yaml"),
        target: None,
        literal: false,
        optional: false,
    }
}

fn inline(value: Value) -> Values {
    Values::Inline(into_fields(value))
}

fn expected(name: &str) -> Value {
    serde_json::from_str(&golden(&format!("{name}.expected"))).unwrap()
}

/// What values come to, with the keys of a Secret.
fn config(
    cluster: FakeCluster,
    values: Vec<Values>,
    secret: Option<&str>,
) -> Result<Value, Obstacle> {
    let package = Package::default();
    prepared(cluster, values, secret, package).map(|prepared| Value::Object(prepared.config))
}

#[derive(Default)]
struct Package {
    bytes: Vec<u8>,
    files: Vec<(&'static str, Value)>,
}

fn prepared(
    cluster: FakeCluster,
    values: Vec<Values>,
    secret: Option<&str>,
    package: Package,
) -> Result<Prepared, Obstacle> {
    let artifact = Artifact {
        digest: String::from(DIGEST),
        name: String::from("web"),
        version: String::from("1.0.0"),
        revision: String::new(),
        origin: String::from("charts"),
    };
    let source = Source::Local(String::from("web"));
    let cx = Context::builder()
        .cluster(cluster)
        .artifacts(Packages::new().package(source, artifact, package.bytes))
        .build();
    let mut engine = Scripted::new().chart(DIGEST, "web", "1.0.0", |_| Ok(Default::default()));
    for (path, content) in package.files {
        engine = engine.file(DIGEST, path, content);
    }
    let wish = Wish { values, ..wish() };
    let asked = Asked {
        wish: &wish,
        state: &State::default(),
        namespace: "shop",
        lenient: false,
        decryption: secret,
    };
    prepare(&cx, &engine, &asked)
}

fn settings(value: Value) -> Settings {
    serde_json::from_value(value).unwrap()
}

fn object() -> Value {
    json!({
        "apiVersion": "shop.example/v1", "kind": "Web",
        "metadata": {"name": "web", "namespace": "shop", "uid": "1"}, "spec": {},
    })
}

fn wish() -> Wish {
    let settings = settings(json!({"chart": "web"}));
    dialect::read(&object(), &Sources::default(), &settings).unwrap()
}

#[test]
fn encrypted_documents_of_secrets_and_config_maps_are_values() {
    let values = vec![from(true, "values")];
    let opened = config(cluster(), values, Some("sops-age")).unwrap();
    assert_eq!(opened, expected("values.yaml"));
    let values = vec![from(false, "json")];
    let opened = config(cluster(), values, Some("sops-age")).unwrap();
    assert_eq!(opened, expected("values.json"));
}

#[test]
fn encrypted_and_plain_values_are_laid_over_one_another() {
    let values = vec![
        inline(json!({"replicas": 1, "more": true})),
        from(true, "values"),
        inline(json!({"password": "known"})),
    ];
    let opened = config(cluster(), values, Some("sops-age")).unwrap();
    assert_eq!(opened["replicas"], 3);
    assert_eq!(opened["more"], true);
    assert_eq!(opened["password"], "known");
    assert_eq!(opened["users"][0]["password"], "aaa");
    assert_eq!(opened.get("sops"), None);
}

#[test]
fn values_in_the_object_are_opened() {
    let document: Value = serde_json::from_str(&golden("sorted.json")).unwrap();
    let opened = config(cluster(), vec![inline(document)], Some("sops-age")).unwrap();
    assert_eq!(opened, expected("sorted.json"));
    let document: Value = serde_json::from_str(&golden("values.json")).unwrap();
    let obstacle = config(cluster(), vec![inline(document)], Some("sops-age")).unwrap_err();
    assert_eq!(obstacle.reason, "DecryptionFailed");
    assert_eq!(
        obstacle.message,
        "could not decrypt values of the object: its MAC does not match: values were changed after it was encrypted, or its keys \
         were not sorted then; in an object, Kubernetes sorts them\nhint: keep the document as a text, in a Secret or a ConfigMap"
    );
}

#[test]
fn values_that_only_look_like_it_are_plain() {
    let plain = json!({"sops": {"enabled": true}, "a": 1});
    assert_eq!(
        config(cluster(), vec![inline(plain.clone())], None).unwrap(),
        plain
    );
}

#[test]
fn encrypted_files_of_the_chart_are_opened() {
    let files = || Package {
        bytes: archive(&[
            ("web/Chart.yaml", "name: web\n"),
            ("web/secrets.yaml", &golden("encrypted-regex.yaml")),
        ]),
        files: vec![
            (
                "secrets.yaml",
                crate::manifest::yaml::read(&golden("encrypted-regex.yaml")).unwrap(),
            ),
            ("plain.yaml", json!({"kind": "Plain", "b": 2})),
        ],
    };
    let file = |path: &str| Values::ChartFile {
        path: path.to_owned(),
        optional: false,
    };
    let values = || vec![file("secrets.yaml"), file("plain.yaml")];
    let opened = prepared(cluster(), values(), Some("sops-age"), files())
        .unwrap()
        .config;
    assert_eq!(opened["stringData"]["password"], "s3cr3t");
    assert_eq!(
        (&opened["kind"], &opened["b"]),
        (&json!("Plain"), &json!(2))
    );
    assert_eq!(opened.get("sops"), None);
    let obstacle = prepared(cluster(), values(), None, files()).unwrap_err();
    assert_eq!(obstacle.reason, "DecryptionFailed");
    assert!(
        obstacle.message.starts_with(
            "could not decrypt the chart's file secrets.yaml: encrypted by SOPS, and no key"
        ),
        "{}",
        obstacle.message
    );
}

fn archive(files: &[(&str, &str)]) -> Vec<u8> {
    let packed = GzEncoder::new(Vec::new(), Compression::fast());
    let packed = RefCell::new(packed);
    for (name, text) in files {
        let mut header = [0; 512];
        header[..name.len()].copy_from_slice(name.as_bytes());
        header[124..135].copy_from_slice(format!("{:011o}", text.len()).as_bytes());
        header[156] = b'0';
        let mut packed = packed.borrow_mut();
        packed.write_all(&header).unwrap();
        packed.write_all(text.as_bytes()).unwrap();
        packed
            .write_all(&vec![0; text.len().next_multiple_of(512) - text.len()])
            .unwrap();
    }
    let mut packed = packed.into_inner();
    packed.write_all(&[0; 1024]).unwrap();
    packed.finish().unwrap()
}

#[test]
fn without_a_key_nothing_encrypted_becomes_a_release() {
    let check = |name: &str, secret: Option<&str>, why: &str| {
        let obstacle = config(cluster(), vec![from(true, name)], secret).unwrap_err();
        assert_eq!(obstacle.reason, "DecryptionFailed");
        let of = format!(
            "could not decrypt Secret chart values reference 'shop/{name}' with key 'values.yaml': "
        );
        let found = obstacle
            .message
            .strip_prefix(&of)
            .expect(&obstacle.message)
            .to_owned();
        assert!(found.starts_with(why), "{found}");
        assert!(found.contains("\nhint: "), "{found}");
        assert_eq!(obstacle.retry, None);
    };
    check(
        "values",
        None,
        "encrypted by SOPS, and no key is named\nhint: name the Secret with the age identity: annotation \
         helm.oarlock.dev/decryption-secret of the object, or decryption of the module's settings",
    );
    check(
        "values",
        Some("nowhere"),
        "the key's Secret 'shop/nowhere': not found\nhint: create it; it is looked at as soon as it is there",
    );
    check(
        "values",
        Some("pgp"),
        "the key's Secret 'shop/pgp': it has no age identity: its fields are sops.asc (OpenPGP is not supported)\nhint: put",
    );
    check(
        "values",
        Some("typo"),
        "the key's Secret 'shop/typo': keys.txt: line 1: no identity, or one that was mistyped: its checksum is wrong\nhint: a line",
    );
    check("theirs", Some("sops-age"), "encrypted to age1");
}

#[test]
fn a_key_that_cannot_be_read_now_is_asked_for_again() {
    let error = ReadError::Unavailable(String::from("connection refused"));
    let cluster = FakeCluster::new().failing("v1", "Secret", error);
    let cx = Context::builder().cluster(cluster).build();
    let keys = Keys::new(&cx, "shop", Some("sops-age"));
    let fields = into_fields(crate::manifest::yaml::read(&golden("values.yaml")).unwrap());
    let obstacle = keys
        .document("values", &golden("values.yaml"), fields)
        .unwrap_err();
    assert_eq!(
        (obstacle.reason, obstacle.retry),
        ("DecryptionFailed", Some(30_000))
    );
}

#[test]
fn the_objects_secret_is_before_that_of_the_settings() {
    let general =
        settings(json!({"decryption": {"provider": "sops", "secretRef": {"name": "all"}}}));
    let none = Settings::default();
    let mut annotated = object();
    annotated["metadata"]["annotations"] = json!({ANNOTATION: "own"});
    assert_eq!(secret(&annotated, &general), Some("own"));
    assert_eq!(secret(&annotated, &none), Some("own"));
    assert_eq!(secret(&object(), &general), Some("all"));
    assert_eq!(secret(&object(), &none), None);
    annotated["metadata"]["annotations"][ANNOTATION] = json!("");
    assert_eq!(secret(&annotated, &general), None);
    for wrong in [
        json!({"decryption": {"provider": "vault", "secretRef": {"name": "all"}}}),
        json!({"decryption": {"provider": "sops"}}),
        json!({"decryption": {"provider": "sops", "secretRef": {"name": "all"}, "extra": 1}}),
    ] {
        assert!(serde_json::from_value::<Settings>(wrong).is_err());
    }
}
