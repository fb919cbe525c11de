//! What no story of the lifecycle comes to.

#![expect(clippy::unwrap_used, reason = "tests")]

use serde_json::json;

use super::{Dialect, Told};
use crate::dialect::{Settings, Sources, read};
use crate::record::{Record, Status};
use crate::state::{Inputs, Snapshot, State};
use crate::turn::{Requeue, Turn};

/// What is said of a release whose record has this manifest.
fn said(manifest: &str, notes: &str) -> (String, String) {
    let object = json!({
        "apiVersion": "charts.example.com/v1alpha1",
        "kind": "Web",
        "metadata": {"name": "web", "namespace": "shop", "generation": 1},
        "spec": {},
    });
    let settings: Settings = serde_json::from_value(json!({"chart": "web"})).unwrap();
    let wish = read(&object, &Sources::default(), &settings).unwrap();
    let state = State {
        history: vec![Snapshot {
            name: String::from("web"),
            namespace: String::from("shop"),
            version: 1,
            status: Status::Deployed,
            inputs: Inputs::default(),
            action: String::from("install"),
            last_deployed: String::from("2026-11-10T12:00:00Z"),
            tests: None,
            record: None,
        }],
        ..State::default()
    };
    let turn = Turn {
        tag: String::new(),
        effects: Vec::new(),
        state: state.clone(),
        conditions: Vec::new(),
        events: Vec::new(),
        requeue: Requeue::OnChange,
        finalized: false,
    };
    let mut record = Record::new("web", "shop", 1);
    record.manifest = manifest.to_owned();
    record.info.notes = notes.to_owned();
    let told = Told {
        object: &object,
        wish: &wish,
        before: &state,
        turn: &turn,
        records: &[&record],
        revision: None,
    };
    let status = told.status().unwrap();
    let conditions = told.conditions();
    let deployed = conditions.iter().find(|told| told.kind == "Deployed");
    (
        status["deployedRelease"]["manifest"]
            .as_str()
            .unwrap()
            .to_owned(),
        deployed.unwrap().note.message.clone(),
    )
}

const MANIFEST: &str = "---
# Source: web/templates/secret.yaml
apiVersion: v1
kind: Secret
metadata:
  name: web
stringData:
  password: hunter2
---
# Source: web/templates/service.yaml
apiVersion: v1
kind: Service
metadata:
  name: web
";

#[test]
fn a_manifest_in_a_status_has_no_secrets() {
    let (manifest, _) = said(MANIFEST, "");
    assert!(!manifest.contains("hunter2"), "{manifest}");
    assert!(manifest.contains("# Secret web: left out"), "{manifest}");
    assert!(
        manifest.contains("# Source: web/templates/service.yaml"),
        "{manifest}"
    );
    assert!(manifest.contains("kind: Service"), "{manifest}");
    let (listed, _) = said(
        "apiVersion: v1\nkind: List\nitems:\n- {apiVersion: v1, kind: Secret, metadata: {name: a}, data: {x: aHVudGVyMg==}}\n",
        "",
    );
    assert!(!listed.contains("aHVudGVyMg"), "{listed}");
    let (broken, _) = said("kind: Secret\n  password: [hunter2\n", "");
    assert!(!broken.contains("hunter2"), "{broken}");
}

#[test]
fn what_does_not_fit_is_left_out() {
    let long = format!(
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: web}}\ndata: {{a: {}}}\n",
        "x".repeat(300_000)
    );
    let (manifest, _) = said(&long, "");
    assert!(manifest.len() < 100, "{manifest}");
    assert!(
        manifest.ends_with("left out, see helm get manifest web\n"),
        "{manifest}"
    );
    assert_eq!(said(MANIFEST, "Have fun").1, "Have fun");
}

#[test]
fn who_speaks_is_told_by_group_version_and_kind() {
    let of = |api_version: &str, kind: &str| {
        Dialect::of(&json!({"apiVersion": api_version, "kind": kind}))
    };
    assert_eq!(of("helm.fluxcd.io/v1", "HelmRelease"), Dialect::Flux1);
    assert_eq!(
        of("flux.weave.works/v1beta1", "HelmRelease"),
        Dialect::Oldest
    );
    assert_eq!(
        of("helm.toolkit.fluxcd.io/v2", "HelmRelease"),
        Dialect::Flux2
    );
    assert_eq!(
        of("samplecontroller.k8s.io/v1alpha1", "HelmRelease"),
        Dialect::Sample
    );
    assert_eq!(
        of("charts.example.com/v1alpha1", "HelmRelease"),
        Dialect::Whole
    );
    assert_eq!(of("helm.fluxcd.io/v1", "Other"), Dialect::Whole);
}
