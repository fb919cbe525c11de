//! Objects of the first Flux, in the shape in which they were written then.

use std::time::Duration;

use serde_json::json;

use super::{Settings, Sources, wish, wish_with, wrong};
use crate::wish::{Action, Chart, Crds, DriftMode, Follows, Strategy, Values};

const HUB: &str = "
apiVersion: flux.weave.works/v1beta1
kind: HelmRelease
metadata:
  name: hub
  namespace: prod
spec:
  releaseName: hub
  chart:
    git: https://git.example.com/team/hub.git
    path: charts/hub
    ref: main
  valuesFrom:
  - secretKeyRef:
      name: hub-secrets
      key: values.yaml
  values:
    binderhub:
";

const INGRESS: &str = "
apiVersion: helm.fluxcd.io/v1
kind: HelmRelease
metadata:
  name: ingress
  namespace: ingress
  annotations:
    fluxcd.io/ignore: \"false\"
    fluxcd.io/automated: \"true\"
    fluxcd.io/tag.chart-image: semver:~3.0
spec:
  releaseName: ingress
  chart:
    repository: https://charts.example.com/
    name: ingress
    version: 1.25.0
  values:
    controller:
      service:
        type: LoadBalancer
";

fn minimal(rest: &str) -> String {
    format!(
        "
apiVersion: helm.fluxcd.io/v1
kind: HelmRelease
metadata: {{name: web, namespace: apps}}
spec:
  chart: {{repository: https://charts.example.com, name: web, version: 1.0.0}}
{rest}"
    )
}

#[test]
fn a_chart_in_git_with_a_secret_below_its_own_values() {
    let wish = wish(HUB);
    assert_eq!(
        (
            wish.name.as_str(),
            wish.namespace.as_str(),
            wish.storage.as_str()
        ),
        ("hub", "prod", "prod")
    );
    assert_eq!(
        wish.chart,
        Chart::Git {
            url: String::from("https://git.example.com/team/hub.git"),
            reference: String::from("main"),
            path: String::from("charts/hub"),
            dependencies: true,
            secret: None,
        }
    );
    let [
        Values::From {
            secret: true,
            name,
            key,
            namespace: None,
            target: None,
            optional: false,
            ..
        },
        Values::Inline(inline),
    ] = wish.values.as_slice()
    else {
        panic!("{:?}", wish.values);
    };
    assert_eq!(
        (name.as_str(), key.as_str()),
        ("hub-secrets", "values.yaml")
    );
    assert_eq!(inline.get("binderhub"), Some(&json!(null)));
    assert_eq!(wish.follows, Follows::Content);
    assert_eq!(wish.warnings, [""; 0]);
}

#[test]
fn a_chart_of_a_repository() {
    let wish = wish(INGRESS);
    assert_eq!(
        wish.chart,
        Chart::Repository {
            url: String::from("https://charts.example.com/"),
            name: String::from("ingress"),
            version: String::from("1.25.0"),
            secret: None,
        }
    );
    assert!(!wish.suspended);
    assert_eq!(wish.values.len(), 1);
    let policy = &wish.policy;
    assert_eq!(policy.timeout, Duration::from_secs(300));
    assert_eq!(policy.max_history, Some(10));
    assert!(!policy.wait && policy.reset_values && policy.disable_take_ownership);
    assert_eq!(
        (policy.install_crds, policy.upgrade_crds),
        (Crds::Create, Crds::Skip)
    );
    assert_eq!(policy.drift.mode, DriftMode::Disabled);
    assert_eq!(policy.install_remediation.strategy, Strategy::Uninstall);
    assert_eq!(policy.install_remediation.retries, None);
    assert_eq!(policy.upgrade_remediation.strategy, Strategy::Retry);
    assert_eq!(policy.upgrade_remediation.retries, Some(0));
    assert_eq!(policy.test, None);
}

#[test]
fn names_are_made_of_the_namespaces() {
    assert_eq!(wish(&minimal("")).name, "apps-web");
    let other = wish(&minimal("  targetNamespace: prod\n"));
    assert_eq!(other.name, "apps-prod-web");
    assert_eq!(
        (other.namespace.as_str(), other.storage.as_str()),
        ("prod", "prod")
    );
    assert_eq!(wish(&minimal("  targetNamespace: apps\n")).name, "apps-web");
}

#[test]
fn a_name_that_helm_does_not_take_is_told() {
    let long = "a".repeat(50);
    assert_eq!(
        wrong(&minimal(&format!("  targetNamespace: {long}\n"))),
        [format!(
            "spec.releaseName: is required here: \"apps-{long}-web\" has 59 characters, and the name of a release has 53 at most"
        )]
    );
    assert_eq!(
        wrong(&minimal("  releaseName: My_Release\n")),
        [
            "spec.releaseName: \"My_Release\" is no name of a release: lower-case letters, digits, - and . are, and a letter or \
             digit at both ends"
        ]
    );
}

#[test]
fn waits_where_it_rolls_back_or_tests_unless_told_otherwise() {
    for (rest, waits) in [
        ("", false),
        ("  rollback: {enable: true}\n", true),
        ("  test: {enable: true}\n", true),
        ("  rollback: {enable: true}\n  wait: false\n", false),
        ("  wait: true\n", true),
    ] {
        assert_eq!(wish(&minimal(rest)).policy.wait, waits, "{rest}");
    }
}

#[test]
fn rollback_and_its_retries() {
    for (rest, strategy, retries) in [
        ("{enable: true}", Strategy::Rollback, Some(0)),
        ("{enable: true, retry: true}", Strategy::Rollback, Some(5)),
        (
            "{enable: true, retry: true, maxRetries: 2}",
            Strategy::Rollback,
            Some(2),
        ),
        (
            "{enable: true, retry: true, maxRetries: 0}",
            Strategy::Rollback,
            None,
        ),
        ("{enable: true, maxRetries: 2}", Strategy::Rollback, Some(0)),
        ("{retry: true}", Strategy::Retry, Some(0)),
    ] {
        let remediation = wish(&minimal(&format!("  rollback: {rest}\n")))
            .policy
            .upgrade_remediation;
        assert_eq!(
            (remediation.strategy, remediation.retries),
            (strategy, retries),
            "{rest}"
        );
        assert_eq!(remediation.last, strategy == Strategy::Rollback);
    }
}

#[test]
fn every_action_has_its_own_time() {
    let wish = wish(&minimal(
        "
  timeout: 60
  maxHistory: 0
  skipCRDs: true
  resetValues: false
  rollback: {enable: true, timeout: 20, disableHooks: true, wait: true}
  test: {enable: true, timeout: 10, ignoreFailures: true}
",
    ));
    let policy = &wish.policy;
    assert_eq!(
        policy.rules(Action::Install).timeout,
        Duration::from_secs(60)
    );
    assert_eq!(
        policy.rules(Action::Upgrade).timeout,
        Duration::from_secs(60)
    );
    let rollback = policy.rules(Action::Rollback);
    assert_eq!(rollback.timeout, Duration::from_secs(20));
    assert!(rollback.wait && !rollback.hooks && !rollback.jobs);
    assert!(policy.rules(Action::Upgrade).hooks);
    assert_eq!(policy.max_history, None);
    assert_eq!(policy.install_crds, Crds::Skip);
    assert!(!policy.reset_values);
    let test = policy.test.as_ref().unwrap();
    assert_eq!(
        (test.timeout, test.ignore_failures),
        (Duration::from_secs(10), true)
    );
    assert!(policy.upgrade_remediation.ignore_test_failures);
}

#[test]
fn values_of_every_source_in_order() {
    let wish = wish(&minimal(
        "
  valueFileSecrets: [{name: old}]
  valuesFrom:
  - configMapKeyRef: {name: defaults, namespace: shared, key: web.yaml, optional: true}
  - secretKeyRef: {name: passwords}
  - externalSourceRef: {url: https://values.example.com/web.yaml, optional: true}
  - chartFileRef: {path: overrides/prod.yaml}
  values: {replicas: 2}
",
    ));
    let from = |secret, namespace: Option<&str>, name: &str, key: &str, optional| Values::From {
        secret,
        namespace: namespace.map(String::from),
        name: name.to_owned(),
        key: key.to_owned(),
        target: None,
        literal: false,
        optional,
    };
    assert_eq!(
        wish.values,
        [
            from(true, None, "old", "values.yaml", false),
            from(false, Some("shared"), "defaults", "web.yaml", true),
            from(true, None, "passwords", "values.yaml", false),
            Values::Url {
                url: String::from("https://values.example.com/web.yaml"),
                optional: true,
            },
            Values::ChartFile {
                path: String::from("overrides/prod.yaml"),
                optional: false,
            },
            Values::Inline(json!({"replicas": 2}).as_object().unwrap().clone()),
        ]
    );
}

#[test]
fn charts_of_git_in_all_spellings() {
    let git = |chart: &str| {
        let text = format!(
            "
apiVersion: helm.fluxcd.io/v1
kind: HelmRelease
metadata: {{name: web, namespace: apps}}
spec:
  chart: {chart}
"
        );
        let settings = Settings {
            git_ref: String::from("stable"),
            ..Settings::default()
        };
        wish_with(&text, &Sources::default(), &settings).chart
    };
    assert_eq!(
        git(
            "{git: 'git@git.example.com:team/charts', path: ./web/, skipDepUpdate: true, secretRef: {name: key, namespace: apps}}"
        ),
        Chart::Git {
            url: String::from("ssh://git@git.example.com/team/charts"),
            reference: String::from("stable"),
            path: String::from("web"),
            dependencies: false,
            secret: Some(String::from("key")),
        }
    );
    assert_eq!(
        git(
            "{repository: 'oci://registry.example.com/charts/', name: web, version: 1.x, chartPullSecret: {name: pull}}"
        ),
        Chart::Oci {
            repository: String::from("oci://registry.example.com/charts/web"),
            version: String::from("1.x"),
            secret: Some(String::from("pull")),
        }
    );
}

#[test]
fn everything_that_is_wrong_is_told_at_once() {
    assert_eq!(
        wrong(
            "
apiVersion: helm.fluxcd.io/v1
kind: HelmRelease
metadata: {name: web, namespace: apps, annotations: {fluxcd.io/ignore: maybe}}
spec:
  helmVersion: v2
  chart: {git: 'git://git.example.com/charts', path: web, secretRef: {name: key, namespace: flux}}
  timeout: -1
  maxHistory: -2
  rollback: {enable: true, timeout: 0}
  valuesFrom:
  - {}
  - {secretKeyRef: {name: a}, chartFileRef: {path: b}}
  - {externalSourceRef: {url: 's3://bucket/values.yaml'}}
"
        ),
        [
            "metadata.annotations[fluxcd.io/ignore]: \"maybe\" is not one of true, false, sync_only",
            "spec.chart.git: \"git://git.example.com/charts\" is no git repository, expected https://, http://, ssh:// or user@host:path",
            "spec.chart.secretRef.namespace: credentials are read in the object's own namespace\nhint: put the Secret into apps",
            "spec.helmVersion: v2 keeps its releases in Tiller\nhint: convert the release (helm 2to3 convert), then say v3 or \
             nothing",
            "spec.maxHistory: -2 is out of range, expected 0 or more",
            "spec.rollback.timeout: 0 is no time, expected seconds",
            "spec.timeout: -1 is out of range, expected 0 or more",
            "spec.valuesFrom[0]: has 0 sources, expected one of configMapKeyRef, secretKeyRef, externalSourceRef, chartFileRef",
            "spec.valuesFrom[1]: has 2 sources, expected one of configMapKeyRef, secretKeyRef, externalSourceRef, chartFileRef",
            "spec.valuesFrom[2].externalSourceRef.url: \"s3://bucket/values.yaml\" is no URL of a document, expected https:// or \
             http://",
        ]
    );
    let chart = |chart: &str| {
        wrong(&format!(
            "
apiVersion: helm.fluxcd.io/v1
kind: HelmRelease
metadata: {{name: web, namespace: apps}}
spec:
  chart: {chart}
"
        ))
    };
    assert_eq!(
        chart("{}"),
        ["spec.chart: expected git and path, or repository and name"]
    );
    assert_eq!(
        chart("{git: 'https://a', repository: 'https://b', name: c}"),
        ["spec.chart: has both git and repository, expected one"]
    );
    assert_eq!(
        chart("{repository: 'https://b'}"),
        ["spec.chart.name: is required with repository"]
    );
    assert_eq!(
        chart("{repository: stable, name: c}"),
        [
            "spec.chart.repository: \"stable\" is no repository, expected https://, http:// or oci://"
        ]
    );
}

#[test]
fn an_ignored_object_is_left_as_it_is() {
    for (value, suspended) in [
        ("\"true\"", true),
        ("sync_only", true),
        ("\"false\"", false),
    ] {
        let text = INGRESS.replace(
            "fluxcd.io/ignore: \"false\"",
            &format!("fluxcd.io/ignore: {value}"),
        );
        assert_eq!(wish(&text).suspended, suspended, "{value}");
    }
}

#[test]
fn what_is_not_used_is_told() {
    let wish = wish(&minimal(
        "
  forceUpgrade: true
  rollback: {enable: true, force: true, recreate: false}
  test: {enable: true, cleanup: true}
",
    ));
    assert_eq!(
        wish.warnings,
        [
            "spec.forceUpgrade is not used: nothing is deleted and created again; remove it, and delete by hand what cannot be \
             changed",
            "spec.rollback.force is not used: nothing is deleted and created again; remove it",
            "spec.test.cleanup is not used: was for Helm 2; annotate the tests with helm.sh/hook-delete-policy",
        ]
    );
}
