//! From kubectl's client-side apply to its server-side apply.

use serde_json::{Value, json};

use super::{owners, whole, widget};
use crate::fields::{ApplyError, Writer, apply, track_update};

const ANNOTATION: &str = "kubectl.kubernetes.io/last-applied-configuration";

fn writer(manager: &'static str) -> Writer<'static> {
    Writer {
        manager,
        subresource: None,
        has_status: true,
        now: "2026-01-01T00:00:00Z",
    }
}

/// A widget as `kubectl apply` created it.
fn client_side() -> Value {
    let mut object = whole(&json!({"spec": {"replicas": 1, "image": "i"}}));
    object["metadata"]["annotations"] = json!({ANNOTATION: object.to_string()});
    track_update(
        None,
        &mut object,
        &writer("kubectl-client-side-apply"),
        &widget(),
    );
    object
}

#[test]
fn kubectl_does_not_conflict_with_itself() {
    let config = whole(&json!({"spec": {"replicas": 2, "image": "i"}}));
    let object = apply(
        Some(&client_side()),
        &config,
        false,
        &writer("kubectl"),
        &widget(),
    )
    .unwrap();
    assert_eq!(object["spec"]["replicas"], 2);
    let recorded: Value = serde_json::from_str(
        object["metadata"]["annotations"][ANNOTATION]
            .as_str()
            .unwrap(),
    )
    .unwrap();
    assert_eq!(recorded, config);
    assert_eq!(
        owners(&object)["kubectl"],
        [".spec.image", ".spec.replicas"]
    );
}

#[test]
fn a_field_changed_since_is_a_conflict() {
    let live = client_side();
    let mut edited = live.clone();
    edited["spec"]["replicas"] = json!(5);
    track_update(Some(&live), &mut edited, &writer("editor"), &widget());
    let config = whole(&json!({"spec": {"replicas": 2, "image": "j"}}));
    let error = apply(Some(&edited), &config, false, &writer("kubectl"), &widget()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "Apply failed with 1 conflict: conflict with \"editor\" using example.com/v1: .spec.replicas"
    );
}

#[test]
fn another_manager_has_no_such_right() {
    let config = whole(&json!({"spec": {"replicas": 2}}));
    let error = apply(
        Some(&client_side()),
        &config,
        false,
        &writer("other"),
        &widget(),
    )
    .unwrap_err();
    assert!(matches!(error, ApplyError::Conflicts { .. }), "{error}");
}
