#![expect(clippy::unwrap_used, reason = "tests")]

use serde_json::json;

use super::*;

#[test]
fn matching() {
    let labels = json!({"app": "web", "example.com/tier": "front", "n": "5", "empty": ""});
    let labels = labels.as_object();
    for (text, with, without) in [
        ("", true, true),
        ("  ", true, true),
        ("app", true, false),
        ("!app", false, true),
        ("! app", false, true),
        ("app=web", true, false),
        ("app==web", true, false),
        ("app = web , n", true, false),
        ("app=Web", false, false),
        ("app!=web", false, true),
        ("other!=x", true, true),
        ("app in (web, db)", true, false),
        ("app in (db)", false, false),
        ("app notin (web,db)", false, true),
        ("other notin (x)", true, true),
        ("example.com/tier=front", true, false),
        ("n>4", true, false),
        ("n > 5", false, false),
        ("n<6,n>0", true, false),
        ("app>1", false, false),
        ("empty=", true, false),
        ("empty=,app", true, false),
        ("empty in ()", true, false),
        ("in in (in)", false, false),
        ("app,other", false, false),
    ] {
        let selector = Selector::parse(text).unwrap();
        assert_eq!(selector.matches(labels), with, "{text}");
        assert_eq!(selector.matches(None), without, "{text}, no labels");
    }
}

#[test]
fn errors_point_at_the_place() {
    let report: Vec<String> = [
        "app web",
        "app in web",
        "app in (a b)",
        "=x",
        "a,,b",
        "a,",
        "n > x",
        "app=-x",
        "a b/c=d",
        "UPPER.case/x",
        "!",
        "app in (a",
        "a=1, größe",
    ]
    .into_iter()
    .map(|text| Selector::parse(text).unwrap_err().to_string())
    .collect();
    insta::assert_snapshot!(report.join("\n"), @r#"
    label selector "app web", column 5: expected '=', '!=', 'in', 'notin', '>', '<', ',' or the end, found "web"
    label selector "app in web", column 8: expected '(', found "web"
    label selector "app in (a b)", column 11: expected ',' or ')', found "b"
    label selector "=x", column 1: expected a label key, found "="
    label selector "a,,b", column 3: expected a label key, found ","
    label selector "a,", column 3: expected a label key, found the end
    label selector "n > x", column 5: expected an integer, found "x"
    label selector "app=-x", column 5: expected a label value, found "-x"
    label selector "a b/c=d", column 3: expected '=', '!=', 'in', 'notin', '>', '<', ',' or the end, found "b/c"
    label selector "UPPER.case/x", column 1: expected a label key, found "UPPER.case/x"
    label selector "!", column 2: expected a label key, found the end
    label selector "app in (a", column 10: expected ',' or ')', found the end
    label selector "a=1, größe", column 6: expected a label key, found "größe"
    "#);
}
