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
        "app web", "app in web", "app in (a b)", "=x", "a,,b", "a,", "n > x", "app=-x", "a b/c=d",
        "UPPER.case/x", "!", "app in (a", "größe=1, ü(",
    ]
    .into_iter()
    .map(|text| Selector::parse(text).unwrap_err().to_string())
    .collect();
    insta::assert_snapshot!(report.join("\n"), @"");
}
