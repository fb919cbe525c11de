use serde_json::json;

use super::{age, json_path};

#[test]
fn ages() {
    let minute = 60;
    let hour = 60 * minute;
    let day = 24 * hour;
    for (seconds, expected) in [
        (0, "0s"),
        (119, "119s"),
        (120, "2m"),
        (125, "2m5s"),
        (10 * minute, "10m"),
        (179 * minute, "179m"),
        (3 * hour, "3h"),
        (3 * hour + 5 * minute, "3h5m"),
        (47 * hour, "47h"),
        (50 * hour, "2d2h"),
        (9 * day, "9d"),
        (3 * 365 * day, "3y"),
        (3 * 365 * day + day, "3y1d"),
    ] {
        assert_eq!(age::human(seconds), expected, "{seconds}");
    }
}

#[test]
fn printer_column_paths() {
    let object = json!({
        "spec": {"steps": [{"percent": 10}, {"percent": 30}], "a.b": "dotted"},
        "status": {"conditions": [
            {"type": "Synced", "status": "False"},
            {"type": "Ready", "status": "True"},
        ]},
    });
    for (path, expected) in [
        (".spec.steps[0].percent", Some(json!(10))),
        (".spec.steps[-1].percent", Some(json!(30))),
        (".spec.steps[*].percent", Some(json!(10))),
        (".spec.a\\.b", Some(json!("dotted"))),
        (".spec['a.b']", Some(json!("dotted"))),
        (
            ".status.conditions[?(@.type==\"Ready\")].status",
            Some(json!("True")),
        ),
        (".status.conditions[?(@.type=='Gone')].status", None),
        (".status.phase", None),
    ] {
        assert_eq!(json_path::find(&object, path), expected, "{path}");
    }
}
