//! The sample controller's objects, and kinds whose `spec` is the values.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::json;

use super::{Settings, Sources, wish_with, wrong_with};
use crate::wish::{Action, Chart, DriftMode, Strategy, Values};

const UNICORN: &str = "
apiVersion: samplecontroller.k8s.io/v1alpha1
kind: HelmRelease
metadata: {name: unicorn-release, namespace: zoo}
spec:
  releaseVersion: pink
  releaseName: unicorn
";

fn settings() -> Settings {
    let local = |name: &str| (name.to_owned(), Chart::Local(format!("unicorn/{name}")));
    Settings {
        charts: ["pink", "blue", "green"].map(local).into(),
        ..Settings::default()
    }
}

/// Those of a watch whose kind's whole `spec` is the values.
fn whole() -> Settings {
    let text = |text: &str| String::from(text);
    Settings {
        chart: Some(Chart::Local(text("nginx"))),
        override_values: BTreeMap::from([
            (text("image.repository"), text("registry.example.com/nginx")),
            (text("password"), text("a$b")),
        ]),
        ..Settings::default()
    }
}

fn nginx(rest: &str) -> String {
    format!(
        "
apiVersion: charts.example.com/v1alpha1
kind: Nginx
metadata: {{name: front, namespace: web{rest}}}
spec: {{replicaCount: 3, resources: null}}
"
    )
}

#[test]
fn a_version_is_the_name_of_a_chart() {
    let wish = wish_with(UNICORN, &Sources::default(), &settings());
    assert_eq!(wish.name, "unicorn");
    assert_eq!(
        (wish.namespace.as_str(), wish.storage.as_str()),
        ("zoo", "zoo")
    );
    assert_eq!(wish.chart, Chart::Local(String::from("unicorn/pink")));
    assert!(wish.policy.wait);
    let upgrade = &wish.policy.upgrade_remediation;
    assert_eq!(
        (upgrade.strategy, upgrade.retries, upgrade.last),
        (Strategy::Rollback, Some(0), true)
    );
    let unnamed = UNICORN.replace("  releaseName: unicorn\n", "");
    assert_eq!(
        wish_with(&unnamed, &Sources::default(), &settings()).name,
        "unicorn-release"
    );
}

#[test]
fn a_version_that_is_no_chart_is_refused() {
    let wrong = |from: &str, settings: &Settings| {
        let text = UNICORN.replace("pink", from);
        wrong_with(&text, &Sources::default(), settings)
    };
    assert_eq!(
        wrong("pinc", &settings()),
        [
            "spec.releaseVersion: \"pinc\" is no chart of the module's settings\nhint: did you mean pink?"
        ]
    );
    assert_eq!(
        wrong("chartreuse", &settings()),
        [
            "spec.releaseVersion: \"chartreuse\" is no chart of the module's settings\nhint: there are blue, green, pink"
        ]
    );
    assert_eq!(
        wrong("pink", &Settings::default()),
        ["spec.releaseVersion: the module's settings name no charts\nhint: add them under charts"]
    );
}

#[test]
fn the_whole_spec_is_values_and_overrides_win() {
    let wish = wish_with(&nginx(""), &Sources::default(), &whole());
    assert_eq!(
        (wish.name.as_str(), wish.namespace.as_str()),
        ("front", "web")
    );
    assert_eq!(wish.chart, Chart::Local(String::from("nginx")));
    assert_eq!(
        wish.values,
        [
            Values::Inline(
                json!({"replicaCount": 3, "resources": null})
                    .as_object()
                    .unwrap()
                    .clone()
            ),
            Values::Set(String::from("image.repository=registry.example.com/nginx")),
            Values::Set(String::from("password=a$b")),
        ]
    );
    assert_eq!(wish.warnings, [""; 0]);
    assert_eq!(wish.policy.drift.mode, DriftMode::Enabled);
    assert!(!wish.policy.wait);
    assert_eq!(wish.policy.upgrade_remediation.strategy, Strategy::Rollback);
    assert_eq!(wish.policy.max_history, Some(10));
}

#[test]
fn annotations_of_the_sdk() {
    let annotated = |annotations: &str| {
        let text = nginx(&format!(", annotations: {{{annotations}}}"));
        wish_with(&text, &Sources::default(), &whole())
    };
    let wish = annotated(
        "helm.sdk.operatorframework.io/reconcile-period: 30s, helm.sdk.operatorframework.io/upgrade-disable-hooks: 'true', \
         helm.sdk.operatorframework.io/uninstall-wait: 'true', helm.sdk.operatorframework.io/upgrade-force: 'True'",
    );
    assert_eq!(wish.interval, Some(Duration::from_secs(30)));
    assert!(!wish.policy.rules(Action::Upgrade).hooks);
    assert!(wish.policy.rules(Action::Install).hooks);
    assert!(wish.policy.rules(Action::Uninstall).wait);
    assert_eq!(
        wish.warnings[0],
        "metadata.annotations[helm.sdk.operatorframework.io/upgrade-force] is not used: nothing is deleted and created again; \
         remove it"
    );
    assert_eq!(
        wrong_with(
            &nginx(", annotations: {helm.sdk.operatorframework.io/reconcile-period: often}"),
            &Sources::default(),
            &whole()
        ),
        [
            "metadata.annotations[helm.sdk.operatorframework.io/reconcile-period]: \"often\" is no duration, expected one such as \
             30s or 1m30s"
        ]
    );
}

#[test]
fn what_cannot_be_followed_is_refused() {
    let mut templated = whole();
    templated.override_values =
        BTreeMap::from([(String::from("image.tag"), String::from("{{ .Values.tag }}"))]);
    assert_eq!(
        wrong_with(&nginx(""), &Sources::default(), &templated),
        [
            "settings: overrideValues.image.tag: templates are not executed here\nhint: \
             write the value, or $NAME of a variable"
        ]
    );
    let wrong = |from: &str, to: &str| {
        wrong_with(&nginx("").replace(from, to), &Sources::default(), &whole())
    };
    assert_eq!(
        wrong_with(&nginx(""), &Sources::default(), &Settings::default()),
        [
            "charts.example.com/v1alpha1 Nginx is no kind that releases are made of\nhint: give its watch a chart, and its whole spec \
             is the values"
        ]
    );
    assert_eq!(
        wrong_with(UNICORN, &Sources::default(), &whole()),
        [
            "settings: chart: objects of samplecontroller.k8s.io/v1alpha1 HelmRelease name their own chart\nhint: remove it"
        ]
    );
    assert_eq!(
        wrong(", namespace: web", ""),
        [
            "metadata.namespace: is required: a release is kept in a namespace, and objects of the whole cluster have none"
        ]
    );
    assert_eq!(
        wrong("spec: {replicaCount: 3, resources: null}", "spec: [1]"),
        ["spec: expected an object: the values of the chart"]
    );
    let long = "a".repeat(60);
    assert_eq!(
        wrong("name: front", &format!("name: {long}")),
        [format!(
            "metadata.name: \"{long}\" has 60 characters, and the name of a release has 53 at most"
        )]
    );
}
