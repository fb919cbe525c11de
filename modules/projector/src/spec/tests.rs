#![expect(clippy::unwrap_used, reason = "tests")]

use oarlock_sdk::{KindInfo, json};
use serde::Deserialize as _;

use super::{Held, Selector};

#[test]
fn a_selector_is_told_as_kubectl_writes_it() {
    let text = |selector| Selector::deserialize(selector).unwrap().text();
    assert_eq!(text(json!({})), Ok(String::new()));
    assert_eq!(
        text(
            json!({"matchLabels": {"b": "2", "a": "1"}, "matchExpressions": [
                {"key": "c", "operator": "In", "values": ["x", "y"]},
                {"key": "d", "operator": "NotIn", "values": ["z"]},
                {"key": "e", "operator": "Exists"},
                {"key": "f", "operator": "DoesNotExist", "values": []},
            ]})
        ),
        Ok("a=1,b=2,c in (x,y),d notin (z),e,!f".to_owned())
    );
    assert_eq!(
        text(json!({"matchExpressions": [{"key": "c", "operator": "In"}]})),
        Err("In of \"c\" needs values".to_owned())
    );
    assert_eq!(
        text(json!({"matchExpressions": [{"key": "c", "operator": "Exists", "values": ["x"]}]})),
        Err("Exists of \"c\" takes no values".to_owned())
    );
}

#[test]
fn a_workload_is_found_in_another_version_of_its_kind() {
    let info = |version: &str| KindInfo {
        api_version: format!("x.example.com/{version}"),
        kind: "Runner".to_owned(),
        plural: "runners".to_owned(),
        namespaced: true,
    };
    let held = Held {
        api_version: "x.example.com/v1alpha1".to_owned(),
        kind: "Runner".to_owned(),
        name: "a".to_owned(),
        ..Held::default()
    };
    let found = |kinds: &[KindInfo]| held.target("shop", kinds).api_version;
    assert_eq!(
        found(&[info("v1"), info("v1alpha1")]),
        "x.example.com/v1alpha1"
    );
    assert_eq!(found(&[info("v1")]), "x.example.com/v1");
    assert_eq!(found(&[]), "x.example.com/v1alpha1");
    assert!(held.is(&held.target("shop", &[info("v1")])));
}
