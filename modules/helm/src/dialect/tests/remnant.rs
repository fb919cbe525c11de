//! What is left of an object that cannot be read any more.

use serde_json::{Value, json};

use super::Settings;
use crate::dialect::remnant;
use crate::state::Place;
use crate::wish::{Action, Propagation, Wish};

fn left(object: &Value, settings: &Settings) -> Wish {
    let place = Place {
        name: String::from("web"),
        namespace: String::from("shop"),
        storage: String::from("store"),
    };
    remnant(object, &place, settings)
}

fn settings() -> Settings {
    Settings {
        default_service_account: Some(String::from("deployer")),
        ..Settings::default()
    }
}

#[test]
fn nobody_gets_more_rights_by_a_wrong_field() {
    let release = |spec: Value| {
        json!({
            "apiVersion": "helm.toolkit.fluxcd.io/v2",
            "kind": "HelmRelease",
            "metadata": {"name": "web", "namespace": "store"},
            "spec": spec,
        })
    };
    let own = left(
        &release(json!({"serviceAccountName": "tenant", "timeout": []})),
        &settings(),
    );
    assert_eq!(own.account.as_deref(), Some("tenant"));
    let unsaid = left(&release(json!({"timeout": []})), &settings());
    assert_eq!(unsaid.account.as_deref(), Some("deployer"));
    assert_eq!(
        (unsaid.namespace, unsaid.storage),
        ("shop".into(), "store".into())
    );
    let broken = left(&release(json!("nothing of a spec")), &settings());
    assert_eq!(broken.account.as_deref(), Some("deployer"));
}

#[test]
fn what_it_says_of_its_end_still_counts() {
    let release = json!({
        "apiVersion": "helm.toolkit.fluxcd.io/v2",
        "kind": "HelmRelease",
        "metadata": {"name": "web", "namespace": "store"},
        "spec": {
            "suspend": true,
            "chart": 3,
            "uninstall": {"keepHistory": true, "deletionPropagation": "orphan", "disableHooks": true, "timeout": "7s"},
        },
    });
    let left = left(&release, &settings());
    assert!(left.suspended);
    assert!(left.policy.keep_history);
    assert_eq!(left.policy.propagation, Propagation::Orphan);
    let rules = left.policy.rules(Action::Uninstall);
    assert!(!rules.hooks);
    assert_eq!(rules.timeout.as_secs(), 7);
}

#[test]
fn the_first_flux_says_it_with_an_annotation() {
    let release = json!({
        "apiVersion": "helm.fluxcd.io/v1",
        "kind": "HelmRelease",
        "metadata": {"name": "web", "namespace": "store", "annotations": {"fluxcd.io/ignore": "true"}},
        "spec": {"chart": 3},
    });
    let left = left(&release, &settings());
    assert!(left.suspended);
    assert_eq!(left.account.as_deref(), Some("deployer"));
}

/// A whole spec is values: a `serviceAccountName` in it is the chart's.
#[test]
fn values_name_no_account() {
    let web = json!({
        "apiVersion": "charts.example.com/v1",
        "kind": "Web",
        "metadata": {"name": "web", "namespace": "store"},
        "spec": {"serviceAccountName": "the chart's", "suspend": true},
    });
    let left = left(&web, &settings());
    assert_eq!(left.account.as_deref(), Some("deployer"));
    assert!(!left.suspended);
}
