use serde_json::json;

use super::*;

fn pattern(text: &str) -> Pattern {
    Pattern::from(String::from(text))
}

#[test]
fn covers_the_place_and_what_is_inside() {
    for (text, place, expected) in [
        ("/a/b", "/a/b", true),
        ("/a/b", "/a/b/c", true),
        ("/a/b", "/a", false),
        ("/a/*/c", "/a/0/c", true),
        ("/a/*/c", "/a/0/d", false),
        ("/**/time", "/a/0/time", true),
        ("/**/time", "/time", true),
        ("/**/time", "/a/0", false),
        ("/a/x~1y", "/a/x~1y", true),
    ] {
        assert_eq!(pattern(text).covers(place), expected, "{text} {place}");
    }
}

#[test]
fn removes_and_keeps() {
    let whole = json!({"a": [{"b": 1, "c": 2}, {"c": 3}], "c": 4});
    let mut value = whole.clone();
    pattern("/**/c").remove(&mut value);
    assert_eq!(value, json!({"a": [{"b": 1}, {}]}));
    let mut value = whole.clone();
    keep_only(&[pattern("/a/*/b"), pattern("/c")], &mut value);
    assert_eq!(value, json!({"a": [{"b": 1}], "c": 4}));
    assert_eq!(pattern("/a/*/b").first(&whole), Some(&json!(1)));
    assert_eq!(pattern("/a/1/c").first(&whole), Some(&json!(3)));
    assert_eq!(pattern("/a/2/c").first(&whole), None);
}
