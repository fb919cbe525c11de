//! Objects of today's Flux.

use std::time::Duration;

use serde_json::json;

use super::{Settings, Sources, sources, wish_with, wrong_with};
use crate::wish::{Action, Chart, Crds, DriftMode, Follows, Propagation, Strategy, Values, Wish};

pub(super) const REPOSITORY: &str = "
apiVersion: source.toolkit.fluxcd.io/v1
kind: HelmRepository
metadata: {name: charts, namespace: apps}
spec: {interval: 10m, url: https://charts.example.com}
";

pub(super) fn release(rest: &str) -> String {
    format!(
        "
apiVersion: helm.toolkit.fluxcd.io/v2
kind: HelmRelease
metadata: {{name: web, namespace: apps}}
spec:
  interval: 5m
  chart: {{spec: {{chart: web, version: 1.x, sourceRef: {{kind: HelmRepository, name: charts}}}}}}
{rest}"
    )
}

pub(super) fn wish(rest: &str) -> Wish {
    wish_with(
        &release(rest),
        &sources(&[REPOSITORY]),
        &Settings::default(),
    )
}

pub(super) fn wrong(rest: &str) -> Vec<String> {
    wrong_with(
        &release(rest),
        &sources(&[REPOSITORY]),
        &Settings::default(),
    )
}

#[test]
fn defaults() {
    let wish = wish("");
    assert_eq!(
        wish.chart,
        Chart::Repository {
            url: String::from("https://charts.example.com"),
            name: String::from("web"),
            version: String::from("1.x"),
            secret: None,
        }
    );
    assert_eq!(
        (
            wish.name.as_str(),
            wish.namespace.as_str(),
            wish.storage.as_str()
        ),
        ("web", "apps", "apps")
    );
    assert_eq!(wish.interval, Some(Duration::from_secs(300)));
    assert_eq!(wish.poll, Some(Duration::from_secs(600)));
    assert_eq!(wish.follows, Follows::Version);
    let policy = &wish.policy;
    assert_eq!(policy.max_history, Some(5));
    assert_eq!(
        (policy.install_crds, policy.upgrade_crds),
        (Crds::Create, Crds::Skip)
    );
    assert_eq!(policy.drift.mode, DriftMode::Disabled);
    assert_eq!(policy.propagation, Propagation::Background);
    assert!(policy.reset_values && !policy.keep_history && !policy.create_namespace);
    for action in [
        Action::Install,
        Action::Upgrade,
        Action::Rollback,
        Action::Uninstall,
    ] {
        let rules = policy.rules(action);
        assert_eq!(rules.timeout, Duration::from_secs(300));
        assert!(rules.wait && rules.jobs && rules.hooks && rules.take_ownership && rules.schema);
    }
    let install = &policy.install_remediation;
    assert_eq!(
        (install.retries, install.strategy, install.last),
        (Some(0), Strategy::Uninstall, false)
    );
    let upgrade = &policy.upgrade_remediation;
    assert_eq!(
        (upgrade.retries, upgrade.strategy, upgrade.last),
        (Some(0), Strategy::Rollback, false)
    );
    assert_eq!(wish.warnings, [""; 0]);
}

#[test]
fn names_and_namespaces() {
    let placed = wish("  targetNamespace: prod\n  storageNamespace: records\n");
    assert_eq!(
        (
            placed.name.as_str(),
            placed.namespace.as_str(),
            placed.storage.as_str()
        ),
        ("prod-web", "prod", "records")
    );
    assert_eq!(
        wish("  targetNamespace: prod\n  releaseName: shop\n").name,
        "shop"
    );
    assert_eq!(
        wrong("  targetNamespace: Prod\n  storageNamespace: a.b\n  releaseName: shop\n"),
        [
            "spec.storageNamespace: \"a.b\" is no namespace: up to 63 lower-case letters, digits and - are, and a letter or digit \
             at both ends",
            "spec.targetNamespace: \"Prod\" is no namespace: up to 63 lower-case letters, digits and - are, and a letter or digit \
             at both ends",
        ]
    );
    let target = "a".repeat(50);
    let long = wish(&format!("  targetNamespace: {target}\n")).name;
    assert_eq!(long.len(), 53);
    assert!(long.starts_with(&format!("{}-", &target[..40])), "{long}");
    assert_eq!(
        wrong(&format!("  releaseName: {}\n", "a".repeat(54))),
        [format!(
            "spec.releaseName: \"{}\" has 54 characters, and the name of a release has 53 at most",
            "a".repeat(54)
        )]
    );
}

#[test]
fn every_action_has_its_own_rules() {
    let wish = wish(
        "
  timeout: 2m
  maxHistory: 0
  install:
    timeout: 10m
    disableHooks: true
    disableTakeOwnership: true
    crds: CreateReplace
    createNamespace: true
    remediation: {retries: -1, remediateLastFailure: true}
  upgrade:
    disableWait: true
    disableSchemaValidation: true
    preserveValues: true
    crds: Create
    remediation: {retries: 3, strategy: uninstall}
  rollback: {disableWaitForJobs: true}
  uninstall: {timeout: 1m, keepHistory: true, deletionPropagation: foreground}
",
    );
    let policy = &wish.policy;
    let install = policy.rules(Action::Install);
    assert_eq!(install.timeout, Duration::from_secs(600));
    assert!(!install.hooks && !install.take_ownership && install.wait);
    let upgrade = policy.rules(Action::Upgrade);
    assert_eq!(upgrade.timeout, Duration::from_secs(120));
    assert!(!upgrade.wait && !upgrade.schema && upgrade.hooks);
    assert!(!policy.rules(Action::Rollback).jobs);
    assert_eq!(
        policy.rules(Action::Uninstall).timeout,
        Duration::from_secs(60)
    );
    assert_eq!(
        (policy.install_crds, policy.upgrade_crds),
        (Crds::CreateReplace, Crds::Create)
    );
    assert_eq!(policy.propagation, Propagation::Foreground);
    assert!(policy.create_namespace && policy.keep_history && !policy.reset_values);
    assert_eq!(policy.max_history, None);
    let install = &policy.install_remediation;
    assert_eq!((install.retries, install.last), (None, true));
    let upgrade = &policy.upgrade_remediation;
    assert_eq!(
        (upgrade.retries, upgrade.strategy, upgrade.last),
        (Some(3), Strategy::Uninstall, true)
    );
}

#[test]
fn retry_on_failure_is_without_an_end() {
    let policy = wish(
        "
  install: {strategy: {name: RetryOnFailure}, remediation: {retries: 3}}
  upgrade: {strategy: {name: RetryOnFailure, retryInterval: 30s}}
",
    )
    .policy;
    for (remediation, seconds) in [
        (&policy.install_remediation, 300),
        (&policy.upgrade_remediation, 30),
    ] {
        assert_eq!(
            (remediation.retries, remediation.strategy),
            (None, Strategy::Retry)
        );
        assert_eq!(remediation.interval, Some(Duration::from_secs(seconds)));
    }
    assert_eq!(
        wrong("  upgrade: {strategy: {name: RemediateOnFailure, retryInterval: 30s}}\n"),
        [
            "spec.upgrade.strategy.retryInterval: goes with RetryOnFailure alone\nhint: remove it, or say name: RetryOnFailure"
        ]
    );
}

#[test]
fn tests_and_their_failures() {
    let policy = wish(
        "
  test:
    enable: true
    timeout: 1m
    ignoreFailures: true
    filters: [{name: smoke}, {name: load, exclude: true}]
  upgrade: {remediation: {ignoreTestFailures: false}}
",
    )
    .policy;
    let test = policy.test.unwrap();
    assert_eq!(test.timeout, Duration::from_secs(60));
    assert_eq!(
        (test.only, test.except),
        (vec![String::from("smoke")], vec![String::from("load")])
    );
    assert!(policy.install_remediation.ignore_test_failures);
    assert!(!policy.upgrade_remediation.ignore_test_failures);
    assert_eq!(
        wish("  test: {enable: false, timeout: 1m}\n").policy.test,
        None
    );
}

#[test]
fn values_of_every_source_in_order() {
    let text = release(
        "
  valuesFrom:
  - {kind: ConfigMap, name: defaults}
  - {kind: Secret, name: passwords, valuesKey: db, targetPath: db.password, literal: true, optional: true}
  values: {replicas: 2}
",
    )
    .replace("chart: web,", "chart: web, valuesFiles: [./values.yaml, values-prod.yaml],");
    let wish = wish_with(&text, &sources(&[REPOSITORY]), &Settings::default());
    let file = |path: &str| Values::ChartFile {
        path: path.to_owned(),
        optional: false,
    };
    assert_eq!(
        wish.values,
        [
            file("values.yaml"),
            file("values-prod.yaml"),
            Values::From {
                secret: false,
                namespace: None,
                name: String::from("defaults"),
                key: String::from("values.yaml"),
                target: None,
                literal: false,
                optional: false,
            },
            Values::From {
                secret: true,
                namespace: None,
                name: String::from("passwords"),
                key: String::from("db"),
                target: Some(String::from("db.password")),
                literal: true,
                optional: true,
            },
            Values::Inline(json!({"replicas": 2}).as_object().unwrap().clone()),
        ]
    );
    assert_eq!(wish.warnings, [""; 0]);
}

#[test]
fn drift_and_what_may_differ() {
    let drift = wish(
        "
  driftDetection:
    mode: enabled
    ignore:
    - {paths: [/spec/replicas], target: {kind: Deployment, labelSelector: app=web}}
    - {paths: [/metadata/annotations]}
",
    )
    .policy
    .drift;
    assert_eq!(drift.mode, DriftMode::Enabled);
    assert_eq!(drift.ignore[0].paths, ["/spec/replicas"]);
    assert_eq!(drift.ignore[0].target.kind.as_deref(), Some("Deployment"));
    assert_eq!(drift.ignore[0].target.labels.as_deref(), Some("app=web"));
    assert_eq!(drift.ignore[1].target, crate::wish::Target::default());
    let wrong = wrong(
        "
  driftDetection:
    ignore:
    - {paths: [spec.replicas], target: {name: 'web['}}
",
    );
    assert_eq!(
        wrong[0],
        "spec.driftDetection.ignore[0].paths[0]: \"spec.replicas\" is no JSON pointer, expected one such as /spec/replicas"
    );
    assert!(
        wrong[1].starts_with(
            "spec.driftDetection.ignore[0].target.name: \"web[\" is no regular expression: "
        ),
        "{}",
        wrong[1]
    );
}

#[test]
fn the_rest_of_it() {
    let wish = wish(
        "
  suspend: true
  serviceAccountName: deployer
  dependsOn: [{name: db}, {name: dns, namespace: infra}]
  commonMetadata: {labels: {team: web}, annotations: {note: hello}}
",
    );
    assert!(wish.suspended);
    assert_eq!(wish.account.as_deref(), Some("deployer"));
    let pair = |a: &str, b: &str| (a.to_owned(), b.to_owned());
    assert_eq!(wish.depends_on, [pair("apps", "db"), pair("infra", "dns")]);
    assert_eq!(wish.common.labels["team"], "web");
    assert_eq!(wish.common.annotations["note"], "hello");
}

#[test]
fn what_is_not_heeded_is_told() {
    assert_eq!(
        wish(
            "
  waitStrategy: {name: legacy}
  postRenderStrategy: nohooks
  install: {serverSideApply: false}
  upgrade: {serverSideApply: auto, force: true}
  rollback: {serverSideApply: disabled}
  valuesFrom: [{kind: Secret, name: a, literal: true}]
"
        )
        .warnings,
        [
            "spec.install.serverSideApply is not used: objects are applied server-side; remove it",
            "spec.postRenderStrategy: nohooks is not used: hooks are rendered objects as all others; say combined, or remove it",
            "spec.rollback.serverSideApply is not used: objects are applied server-side; remove it",
            "spec.upgrade.force is not used: nothing is deleted and created again; remove it",
            "spec.valuesFrom[0].literal is not used: without targetPath the text is a document; remove it, or say where the text \
             goes",
            "spec.waitStrategy.name: legacy is not used: objects are judged as kstatus does; say poller, or remove it",
        ]
    );
}

#[test]
fn what_cannot_be_is_refused_before_a_source_is_missed() {
    let text = release("  dependsOn: [{name: web}]\n  maxHistory: -1\n");
    assert_eq!(
        wrong_with(&text, &Sources::default(), &Settings::default()),
        [
            "spec.dependsOn[0]: is the release itself, which would wait for ever",
            "spec.maxHistory: -1 is out of range, expected 0 or more",
        ]
    );
    let neither = text.replace("  chart:", "  chart: null #");
    assert_eq!(
        wrong_with(&neither, &Sources::default(), &Settings::default())[0],
        "spec: has no chart, expected one of chart and chartRef"
    );
    let both = release("  chartRef: {kind: OCIRepository, name: web}\n");
    assert_eq!(
        wrong_with(&both, &Sources::default(), &Settings::default()),
        ["spec: has two charts, expected one of chart and chartRef"]
    );
}

#[test]
fn requests_count_together_with_their_token() {
    let annotated = |annotations: &str| {
        let text = release("").replace(
            "namespace: apps}",
            &format!("namespace: apps, annotations: {{{annotations}}}}}"),
        );
        wish_with(&text, &sources(&[REPOSITORY]), &Settings::default()).requests
    };
    let requests = annotated(
        "reconcile.fluxcd.io/requestedAt: t1, reconcile.fluxcd.io/forceAt: t1, reconcile.fluxcd.io/resetAt: t0",
    );
    assert_eq!(requests.reconcile.as_deref(), Some("t1"));
    assert_eq!(requests.force.as_deref(), Some("t1"));
    assert_eq!(requests.reset, None);
    assert_eq!(annotated("reconcile.fluxcd.io/forceAt: t1").force, None);
}
