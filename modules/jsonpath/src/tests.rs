#![expect(clippy::unwrap_used, reason = "tests")]

use serde_json::{Value, json};

use super::{Path, ReadPath, Render, render};

fn found(path: &str, value: &Value) -> Vec<Value> {
    Path::read(path)
        .unwrap()
        .find(value)
        .into_iter()
        .cloned()
        .collect()
}

#[test]
fn paths_lead_to_fields_indexes_and_wildcards() {
    let value = json!({"a": {"b.c": [1, {"d": 2}, 3]}, "e": "x"});
    assert_eq!(found(".a['b.c'][0]", &value), [json!(1)]);
    assert_eq!(found("$.a[\"b.c\"][-1]", &value), [json!(3)]);
    assert_eq!(found(".a.b\\.c[*].d", &value), [json!(2)]);
    assert_eq!(found(".a.*[1].d", &value), [json!(2)]);
    assert_eq!(found(".e.x", &value), Vec::<Value>::new());
    assert_eq!(found(".a.b\\.c[7]", &value), Vec::<Value>::new());
    assert_eq!(found(".a['b.c'][-7]", &value), Vec::<Value>::new());
    assert_eq!(found(".", &value), std::slice::from_ref(&value));
}

#[test]
fn what_is_not_understood_is_named() {
    let read = |path: &str| Path::read(path).unwrap_err();
    assert_eq!(
        read("a.b"),
        ReadPath::Start {
            path: "a.b".to_owned()
        }
    );
    assert_eq!(
        read("..a"),
        ReadPath::Descent {
            path: "..a".to_owned()
        }
    );
    assert_eq!(
        read(".a[?(@.b)]"),
        ReadPath::Bracket {
            path: ".a[?(@.b)]".to_owned(),
            at: 2
        }
    );
    assert_eq!(
        read(".a[1:2]"),
        ReadPath::Bracket {
            path: ".a[1:2]".to_owned(),
            at: 2
        }
    );
    assert_eq!(
        read(".a['b"),
        ReadPath::Bracket {
            path: ".a['b".to_owned(),
            at: 2
        }
    );
    assert_eq!(
        read(".a.").to_string(),
        "path \".a.\" has a step without a name at character 2"
    );
}

#[test]
fn a_fixed_path_has_names_alone() {
    assert!(Path::fixed(".spec['a.b'].c").is_ok());
    for path in [".a[*]", ".a[0]", ".a.*", ""] {
        assert_eq!(
            Path::fixed(path),
            Err(ReadPath::NotFixed {
                path: path.to_owned()
            })
        );
    }
}

#[test]
fn an_entry_is_made_with_its_way_and_removed_alone() {
    let path = Path::fixed(".spec.volumes").unwrap();
    let mut value = json!({"kind": "X"});
    path.entry(&mut value, &json!([]))
        .unwrap()
        .as_array_mut()
        .unwrap()
        .push(json!(1));
    assert_eq!(value, json!({"kind": "X", "spec": {"volumes": [1]}}));
    assert_eq!(path.remove(&mut value), Some(json!([1])));
    assert_eq!(value, json!({"kind": "X", "spec": {}}));
    assert_eq!(path.remove(&mut value), None);
    let mut blocked = json!({"spec": "text"});
    assert_eq!(
        path.entry(&mut blocked, &json!([])).unwrap_err().field,
        "volumes"
    );
}

#[test]
fn a_template_is_text_with_places() {
    let value = json!({"host": "db", "port": 5432, "tags": ["a", "b"], "o": {"k": 1}});
    let text = |template: &str| render(template, &value).unwrap();
    assert_eq!(text("jdbc:{.host}:{.port}/x"), "jdbc:db:5432/x");
    assert_eq!(text("{.tags[*]}{\"\\n\"}{.o}"), "a b\n{\"k\":1}");
    assert_eq!(text(".host"), "db");
    assert_eq!(text("plain"), "plain");
    assert_eq!(
        render("{.none}", &value),
        Err(Render::Nothing {
            path: ".none".to_owned()
        })
    );
    assert_eq!(
        render("{.host", &value),
        Err(ReadPath::Brace {
            path: "{.host".to_owned()
        }
        .into())
    );
    assert!(render("{range .tags[*]}{end}", &value).is_err());
}
