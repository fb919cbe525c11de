#![expect(clippy::unwrap_used, reason = "tests")]

use serde_json::json;

use super::Filter;

#[test]
fn label_selectors() {
    let object = json!({"metadata": {"labels": {"app": "web", "tier": "front", "rank": "3"}}});
    for (selector, expected) in [
        ("", true),
        ("app=web", true),
        ("app==web", true),
        ("app = web , tier=front", true),
        ("app!=web", false),
        ("other!=web", true),
        ("app in (web, api)", true),
        ("app in (api)", false),
        ("app notin (api,db)", true),
        ("other notin (api)", true),
        ("app", true),
        ("!app", false),
        ("!other", true),
        ("other", false),
        ("rank>2", true),
        ("rank<3", false),
        ("app=", false),
        ("app in (web),!other,tier", true),
    ] {
        let filter = Filter::parse(selector, "").unwrap();
        assert_eq!(filter.matches(&object), expected, "{selector}");
    }
}

#[test]
fn malformed_selectors_say_what_was_found() {
    for (selector, message) in [
        (
            "app in web",
            "unable to parse requirement: found 'in', expected: in, notin, =, ==, !=, gt, lt",
        ),
        (
            "app=web tier",
            "unable to parse requirement: found 'tier', expected: ',' or 'end of string'",
        ),
        (
            "app in (web",
            "unable to parse requirement: found 'web', expected: ',', or ')'",
        ),
        (
            "rank>many",
            "unable to parse requirement: \"many\": for 'Gt', 'Lt' operators, the value must be an integer",
        ),
    ] {
        assert_eq!(
            Filter::parse(selector, "").unwrap_err().message,
            message,
            "{selector}"
        );
    }
}

#[test]
fn field_selectors() {
    let object =
        json!({"metadata": {"name": "a"}, "status": {"phase": "Running"}, "spec": {"n": 3}});
    for (selector, expected) in [
        ("metadata.name=a", true),
        ("metadata.name==a,status.phase!=Failed", true),
        ("status.phase=Failed", false),
        ("spec.nodeName=", true),
        ("spec.nodeName!=", false),
        ("spec.n=3", true),
    ] {
        let filter = Filter::parse("", selector).unwrap();
        assert_eq!(filter.matches(&object), expected, "{selector}");
    }
}
