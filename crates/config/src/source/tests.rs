#![expect(clippy::unwrap_used, reason = "tests")]

use super::*;

const DIGEST: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

#[test]
fn well_formed_sources_print_as_they_are_written() {
    for text in [
        "canary.wasm".to_owned(),
        "team/canary.wasm".to_owned(),
        "a..b.wasm".to_owned(),
        "oci://registry.example.com/team/canary:1.0".to_owned(),
        "oci://localhost:5000/canary:v1".to_owned(),
        "oci://r.example.com/a_b/c-d/e__f/g---h.i:_x".to_owned(),
        format!("oci://r.example.com/canary@{DIGEST}"),
        format!("oci://r.example.com:443/canary:1.0@{DIGEST}"),
    ] {
        let source: ModuleSource = text.parse().unwrap();
        assert_eq!(source.to_string(), text);
    }
}

#[test]
fn parts_of_an_oci_reference() {
    let text = format!("oci://r.example.com:443/team/canary:1.0@{DIGEST}");
    assert_eq!(
        text.parse(),
        Ok(ModuleSource::Oci(OciReference {
            registry: "r.example.com:443".to_owned(),
            repository: "team/canary".to_owned(),
            tag: Some("1.0".to_owned()),
            digest: Some(DIGEST.to_owned()),
        }))
    );
}

#[test]
fn paths_that_leave_or_mislead_are_refused() {
    type Check = fn(&InvalidSource) -> bool;
    let cases: [(&str, Check); 15] = [
        ("", |e| matches!(e, InvalidSource::Empty)),
        ("/canary.wasm", |e| matches!(e, InvalidSource::Absolute(_))),
        ("../canary.wasm", |e| {
            matches!(e, InvalidSource::Wandering(_))
        }),
        ("a/../../b.wasm", |e| {
            matches!(e, InvalidSource::Wandering(_))
        }),
        ("./canary.wasm", |e| {
            matches!(e, InvalidSource::Wandering(_))
        }),
        ("a//b.wasm", |e| matches!(e, InvalidSource::Wandering(_))),
        ("a\\b.wasm", |e| matches!(e, InvalidSource::Character(_))),
        ("C:b.wasm", |e| matches!(e, InvalidSource::Character(_))),
        ("..data/b.wasm", |e| matches!(e, InvalidSource::Hidden(_))),
        ("canary", |e| matches!(e, InvalidSource::NotWasm(_))),
        ("https://x/y.wasm", |e| {
            matches!(e, InvalidSource::Scheme(_))
        }),
        ("oci://r.example.com/canary", |e| {
            matches!(e, InvalidSource::Unpinned(_))
        }),
        ("oci://r.example.com", |e| {
            matches!(e, InvalidSource::Oci(..))
        }),
        ("oci://r.example.com/Canary:1", |e| {
            matches!(e, InvalidSource::Oci(..))
        }),
        ("oci://r.example.com/canary@sha256:abc", |e| {
            matches!(e, InvalidSource::Oci(..))
        }),
    ];
    for (text, check) in cases {
        let error = text.parse::<ModuleSource>().unwrap_err();
        assert!(check(&error), "{text}: {error:?}");
    }
}

#[test]
fn malformed_oci_references_are_refused() {
    for text in [
        "oci:///canary:1",
        "oci://-r/canary:1",
        "oci://r:0/canary:1",
        "oci://r:x/canary:1",
        "oci://r/:1",
        "oci://r/a//b:1",
        "oci://r/a..b:1",
        "oci://r/.a:1",
        "oci://r/a-:1",
        "oci://r/a:.x",
        "oci://r/a:",
        "oci://r/a:1@",
    ] {
        let error = text.parse::<ModuleSource>().unwrap_err();
        assert!(matches!(error, InvalidSource::Oci(..)), "{text}: {error:?}");
    }
}
