#![expect(clippy::unwrap_used, reason = "tests")]

use serde_json::json;

use super::*;

/// Reference, name, new name, new tag, digest, and what becomes of it: `-` for nothing said, `=` for another image.
const CASES: &str = include_str!("cases.tsv");

#[test]
fn references_become_what_kustomize_makes_of_them() {
    let mut wrong = Vec::new();
    for line in CASES.lines() {
        let words: Vec<Option<&str>> = line
            .split('\t')
            .map(|word| (word != "-").then_some(word))
            .collect();
        let [
            Some(reference),
            Some(name),
            new_name,
            tag,
            digest,
            Some(expected),
        ] = words[..]
        else {
            panic!("{line}");
        };
        let rewrite = Rewrite::new(name, new_name, tag, digest).unwrap();
        let found = rewrite.rewritten(reference);
        if found.as_deref().unwrap_or("=") != expected {
            wrong.push(format!("{line}: {found:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn references_are_taken_apart() {
    let parts = |reference| {
        let image = Image::parse(reference);
        (
            image.name.to_owned(),
            image.tag.map(str::to_owned),
            image.digest.map(str::to_owned),
        )
    };
    let some = |text: &str| Some(text.to_owned());
    assert_eq!(parts("a"), (String::from("a"), None, None));
    assert_eq!(parts("h:5/a/b"), (String::from("h:5/a/b"), None, None));
    assert_eq!(
        parts("h:5/a/b:c@sha256:d"),
        (String::from("h:5/a/b"), some("c"), some("sha256:d"))
    );
}

#[test]
fn images_are_found_wherever_there_are_containers() {
    let images = json!({
        "containers": [{"image": "nginx:1"}], "initContainers": [{"image": "nginx:1"}, {"name": "none"}],
        "ephemeralContainers": [{"image": "nginx:1"}], "volumes": [{"image": {"reference": "nginx:1"}}, {"name": "a"}],
    });
    let other = json!({"image": "nginx:1"});
    for (kind, spec) in [
        ("Pod", images.clone()),
        ("Deployment", json!({"template": {"spec": images}})),
        (
            "CronJob",
            json!({"jobTemplate": {"spec": {"template": {"spec": images}}}}),
        ),
        (
            "Toy",
            json!({"parts": [{"spec": {"template": {"spec": images}}}]}),
        ),
    ] {
        let content = json!({"apiVersion": "v1", "kind": kind, "metadata": {"name": "a"}, "spec": spec, "other": other});
        let Value::Object(content) = content else {
            unreachable!()
        };
        let mut object = Object {
            source: String::new(),
            content,
        };
        assert!(
            Rewrite::new("nginx", None, Some("2"), None)
                .unwrap()
                .apply(&mut object)
        );
        let text = Value::Object(object.content.clone()).to_string();
        assert_eq!(text.matches("nginx:2").count(), 4, "{kind}: {text}");
        assert_eq!(object.content["other"], other);
        assert!(
            !Rewrite::new("httpd", None, Some("2"), None)
                .unwrap()
                .apply(&mut object)
        );
    }
}

#[test]
fn definitions_of_kinds_are_left_alone() {
    let content =
        json!({"kind": "CustomResourceDefinition", "spec": {"containers": [{"image": "nginx"}]}});
    let Value::Object(content) = content else {
        unreachable!()
    };
    let mut object = Object {
        source: String::new(),
        content,
    };
    assert!(
        !Rewrite::new("nginx", None, Some("2"), None)
            .unwrap()
            .apply(&mut object)
    );
}

#[test]
fn a_name_that_is_no_expression_is_refused() {
    assert!(Rewrite::new("ng(inx", None, None, None).is_err());
}
