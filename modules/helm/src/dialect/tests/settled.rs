//! What settings say of all releases.

use std::time::Duration;

use super::flux2::{REPOSITORY, release};
use super::{Settings, sources, wish_with, wrong_with};
use crate::wish::Chart;

#[test]
fn defaults_are_for_what_an_object_does_not_say() {
    let settings = Settings {
        interval: Some(Duration::from_secs(60)),
        poll: Some(Duration::from_secs(30)),
        default_service_account: Some(String::from("deployer")),
        update_chart_deps: false,
        ..Settings::default()
    };
    let said = wish_with(
        &release("  serviceAccountName: own"),
        &sources(&[REPOSITORY]),
        &settings,
    );
    assert_eq!(said.interval, Some(Duration::from_secs(300)));
    assert_eq!(said.poll, Some(Duration::from_secs(600)));
    assert_eq!(said.account.as_deref(), Some("own"));
    let text = "
apiVersion: flux.weave.works/v1beta1
kind: HelmRelease
metadata: {name: hub, namespace: prod}
spec:
  releaseName: hub
  chart: {git: 'https://git.example.com/hub.git', path: charts/hub}
";
    let unsaid = wish_with(text, &sources(&[]), &settings);
    assert_eq!(unsaid.interval, Some(Duration::from_secs(60)));
    assert_eq!(unsaid.poll, Some(Duration::from_secs(30)));
    assert_eq!(unsaid.account.as_deref(), Some("deployer"));
    assert!(matches!(
        unsaid.chart,
        Chart::Git {
            dependencies: false,
            ..
        }
    ));
    let nothing = wish_with(text, &sources(&[]), &Settings::default());
    assert_eq!(
        (nothing.interval, nothing.poll, nothing.account),
        (None, Some(Duration::from_secs(300)), None)
    );
}

#[test]
fn releases_go_where_they_may() {
    let settings = |namespaces: &[&str]| Settings {
        namespaces: Some(namespaces.iter().map(|name| String::from(*name)).collect()),
        ..Settings::default()
    };
    let text = release("  targetNamespace: web\n  storageNamespace: records");
    assert_eq!(
        wrong_with(&text, &sources(&[REPOSITORY]), &settings(&[])),
        [
            "spec.targetNamespace: releases may not go to web\nhint: name it under namespaces of the module's settings",
            "spec.storageNamespace: releases may not go to records\nhint: name it under namespaces of the module's settings",
        ]
        .map(String::from)
        .into_iter()
        .rev()
        .collect::<Vec<_>>()
    );
    wish_with(
        &text,
        &sources(&[REPOSITORY]),
        &settings(&["web", "records"]),
    );
    wish_with(&release(""), &sources(&[REPOSITORY]), &settings(&[]));
}

#[test]
fn references_to_other_namespaces_are_refused_where_settings_say_so() {
    let settings = Settings {
        no_cross_namespace_refs: true,
        ..Settings::default()
    };
    let elsewhere = "which noCrossNamespaceRefs of the module's settings forbids";
    assert_eq!(
        wrong_with(
            &release("  dependsOn: [{name: db, namespace: data}, {name: cache}]"),
            &sources(&[REPOSITORY]),
            &settings
        ),
        [format!(
            "spec.dependsOn: data/db is of another namespace, {elsewhere}"
        )]
    );
    let foreign = release("").replace("name: charts}", "name: charts, namespace: shared}");
    assert_eq!(
        wrong_with(&foreign, &sources(&[REPOSITORY]), &settings),
        [format!(
            "spec.chart.spec.sourceRef: HelmRepository shared/charts is of another namespace, {elsewhere}"
        )]
    );
    let text = "
apiVersion: helm.fluxcd.io/v1
kind: HelmRelease
metadata: {name: web, namespace: apps}
spec:
  chart: {git: 'https://git.example.com/web.git', path: chart}
  valuesFrom: [{secretKeyRef: {name: passwords, namespace: vault}}]
";
    assert_eq!(
        wrong_with(text, &sources(&[]), &settings),
        [format!(
            "spec.valuesFrom: vault/passwords is of another namespace, {elsewhere}"
        )]
    );
}
