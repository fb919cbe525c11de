//! Source objects of today's Flux, and what releases make of them.

use std::time::Duration;

use super::{Refused, Settings, SourceRef, Sources, read, sources, wish_with, wrong_with, yaml};
use crate::wish::{Chart, Follows, Values, Wish};

fn release(chart: &str) -> String {
    format!(
        "
apiVersion: helm.toolkit.fluxcd.io/v2
kind: HelmRelease
metadata: {{name: web, namespace: apps}}
spec:
  interval: 5m
  {chart}
"
    )
}

fn wish(chart: &str, objects: &[&str]) -> Wish {
    wish_with(&release(chart), &sources(objects), &Settings::default())
}

fn wrong(chart: &str, objects: &[&str]) -> Vec<String> {
    wrong_with(&release(chart), &sources(objects), &Settings::default())
}

fn source(kind: &str, namespace: &str, spec: &str) -> String {
    format!(
        "{{apiVersion: source.toolkit.fluxcd.io/v1, kind: {kind}, metadata: {{name: src, namespace: {namespace}}}, spec: {spec}}}"
    )
}

const FROM_HELM: &str = "chart: {spec: {chart: web, sourceRef: {kind: HelmRepository, name: src}}}";
const FROM_GIT: &str = "chart: {spec: {chart: ./charts/web, reconcileStrategy: Revision, interval: 1m, sourceRef: {kind: GitRepository, name: src}}}";
const FROM_OCI: &str = "chartRef: {kind: OCIRepository, name: src}";

#[test]
fn a_source_that_is_not_given_is_asked_for() {
    let missing = |chart: &str, sources: &Sources| match read(
        &yaml(&release(chart)),
        sources,
        &Settings::default(),
    ) {
        Err(Refused::Missing(source)) => source.to_string(),
        other => panic!("{other:?}"),
    };
    assert_eq!(
        missing(FROM_HELM, &Sources::default()),
        "HelmRepository apps/src"
    );
    assert_eq!(
        missing(
            "chartRef: {kind: OCIRepository, name: src, namespace: infra}",
            &Sources::default()
        ),
        "OCIRepository infra/src"
    );
    // A HelmChart refers to a source of its own.
    let chart = "{apiVersion: source.toolkit.fluxcd.io/v1, kind: HelmChart, metadata: {name: web, namespace: infra}, spec: {chart: web, \
                 sourceRef: {kind: HelmRepository, name: src}}}";
    let reference = "chartRef: {kind: HelmChart, name: web, namespace: infra}";
    assert_eq!(
        missing(reference, &Sources::default()),
        "HelmChart infra/web"
    );
    assert_eq!(
        missing(reference, &sources(&[chart])),
        "HelmRepository infra/src"
    );
    let refused = Refused::Missing(SourceRef {
        kind: String::from("HelmChart"),
        namespace: String::from("infra"),
        name: String::from("web"),
    });
    assert_eq!(
        refused.to_string(),
        "HelmChart infra/web is not there\nhint: create it, or name another"
    );
}

#[test]
fn a_repository_and_a_registry() {
    let spec = "{url: 'https://charts.example.com', secretRef: {name: key}, type: default, provider: generic, interval: 1h}";
    let found = wish(FROM_HELM, &[&source("HelmRepository", "apps", spec)]);
    assert_eq!(
        found.chart,
        Chart::Repository {
            url: String::from("https://charts.example.com"),
            name: String::from("web"),
            version: String::new(),
            secret: Some(String::from("key")),
        }
    );
    assert_eq!(found.poll, Some(Duration::from_secs(3600)));
    let spec = "{url: 'oci://registry.example.com/charts', type: oci}";
    let latest = FROM_HELM.replace("chart: web,", "chart: web, version: '*',");
    assert_eq!(
        wish(&latest, &[&source("HelmRepository", "apps", spec)]).chart,
        Chart::Oci {
            repository: String::from("oci://registry.example.com/charts/web"),
            version: String::new(),
            secret: None,
        }
    );
}

#[test]
fn a_folder_in_git_by_what_flux_takes_first() {
    for (reference, taken) in [
        ("{}", "master"),
        ("{branch: main}", "main"),
        ("{branch: main, tag: v1}", "v1"),
        ("{tag: v1, name: refs/heads/next}", "next"),
        ("{name: refs/tags/v2, commit: 0123abc}", "0123abc"),
    ] {
        let spec =
            format!("{{url: 'ssh://git@git.example.com/web', ref: {reference}, interval: 10m}}");
        let found = wish(FROM_GIT, &[&source("GitRepository", "apps", &spec)]);
        assert_eq!(
            found.chart,
            Chart::Git {
                url: String::from("ssh://git@git.example.com/web"),
                reference: taken.to_owned(),
                path: String::from("charts/web"),
                dependencies: true,
                secret: None,
            }
        );
        assert_eq!(found.follows, Follows::Content);
        assert_eq!(found.poll, Some(Duration::from_secs(60)));
    }
}

#[test]
fn a_chart_of_a_registry_by_what_flux_takes_first() {
    for (reference, taken) in [
        ("{}", ""),
        ("{tag: 1.2.3}", "1.2.3"),
        ("{tag: 1.2.3, semver: '1.x'}", "1.x"),
        ("{semver: '1.x', digest: 'sha256:abc'}", "sha256:abc"),
    ] {
        let spec = format!(
            "{{url: 'oci://registry.example.com/web', ref: {reference}, layerSelector: {{operation: copy, mediaType: \
             application/vnd.cncf.helm.chart.content.v1.tar+gzip}}}}"
        );
        let found = wish(FROM_OCI, &[&source("OCIRepository", "apps", &spec)]);
        assert_eq!(
            found.chart,
            Chart::Oci {
                repository: String::from("oci://registry.example.com/web"),
                version: taken.to_owned(),
                secret: None,
            }
        );
        assert_eq!(found.follows, Follows::Content);
    }
}

#[test]
fn a_helm_chart_has_the_rest_of_it() {
    let chart = source(
        "HelmChart",
        "infra",
        "{chart: web, version: 2.x, interval: 2m, valuesFiles: [values-prod.yaml], sourceRef: {kind: HelmRepository, name: src}}",
    );
    let repository = source(
        "HelmRepository",
        "infra",
        "{url: 'https://charts.example.com'}",
    );
    let found = wish(
        "chartRef: {kind: HelmChart, name: src, namespace: infra}",
        &[&chart, &repository],
    );
    assert_eq!(
        found.chart,
        Chart::Repository {
            url: String::from("https://charts.example.com"),
            name: String::from("web"),
            version: String::from("2.x"),
            secret: None,
        }
    );
    assert_eq!(found.poll, Some(Duration::from_secs(120)));
    assert_eq!(found.follows, Follows::Version);
    assert_eq!(
        found.values,
        [Values::ChartFile {
            path: String::from("values-prod.yaml"),
            optional: false,
        }]
    );
    assert_eq!(
        found.warnings,
        [
            "spec.chartRef: spec.valuesFiles: values.yaml of the chart stays below these files, where Flux leaves it out"
        ]
    );
}

#[test]
fn what_is_wrong_with_a_source_is_told_where_the_release_refers_to_it() {
    let spec = "{url: 'http://charts.example.com', type: oci, certSecretRef: {name: ca}, provider: aws, timout: 1m}";
    assert_eq!(
        wrong(FROM_HELM, &[&source("HelmRepository", "apps", spec)]),
        [
            "spec.chart.spec.sourceRef: HelmRepository apps/src: spec.certSecretRef: is not served: remove it, and put caFile, or \
             certFile and keyFile, into the Secret of secretRef",
            "spec.chart.spec.sourceRef: HelmRepository apps/src: spec.timout: is not a known field\nhint: did you mean timeout?",
        ]
    );
    let spec = "{url: 'http://charts.example.com', type: oci, provider: aws}";
    assert_eq!(
        wrong(FROM_HELM, &[&source("HelmRepository", "apps", spec)]),
        [
            "spec.chart.spec.sourceRef: HelmRepository apps/src: spec.provider: no identity of aws is used\nhint: leave it out, and \
             give a Secret",
            "spec.chart.spec.sourceRef: HelmRepository apps/src: spec.url: \"http://charts.example.com\" is no registry, expected \
             oci:// with type oci",
        ]
    );
    let spec = "{url: 'git://git.example.com/web', ref: {name: refs/pull/1/head}}";
    assert_eq!(
        wrong(FROM_GIT, &[&source("GitRepository", "apps", spec)]),
        [
            "spec.chart.spec.sourceRef: GitRepository apps/src: spec.ref.name: \"refs/pull/1/head\" is neither a branch nor a tag, \
             expected refs/heads/… or refs/tags/…",
            "spec.chart.spec.sourceRef: GitRepository apps/src: spec.url: \"git://git.example.com/web\" is no git repository, \
             expected https://, http://, ssh:// or user@host:path",
        ]
    );
    let spec = "{url: 'oci://registry.example.com/web', layerSelector: {mediaType: text/plain}, verify: {provider: cosign}}";
    assert_eq!(
        wrong(FROM_OCI, &[&source("OCIRepository", "apps", spec)]),
        [
            "spec.chartRef: OCIRepository apps/src: spec.verify: is not served: signatures are not checked; nothing is installed \
             that was not checked. Remove it to install unchecked"
        ]
    );
}

#[test]
fn a_secret_of_another_namespace_is_not_taken() {
    let reference = "chart: {spec: {chart: web, sourceRef: {kind: HelmRepository, name: src, namespace: infra}}}";
    let open = source(
        "HelmRepository",
        "infra",
        "{url: 'https://charts.example.com', suspend: true}",
    );
    assert_eq!(
        wish(reference, &[&open]).warnings,
        [
            "HelmRepository infra/src: spec.suspend is not used: suspend the releases that refer to it"
        ]
    );
    let closed = source(
        "HelmRepository",
        "infra",
        "{url: 'https://charts.example.com', secretRef: {name: key}}",
    );
    assert_eq!(
        wrong(reference, &[&closed]),
        [
            "spec.chart.spec.sourceRef: HelmRepository infra/src: spec.secretRef: the Secret key is of another namespace, and \
             credentials are read in the release's own\nhint: put source and Secret into apps"
        ]
    );
}

#[test]
fn sources_that_are_not_served() {
    assert_eq!(
        wrong(
            "chart: {spec: {chart: web, sourceRef: {kind: Bucket, name: src}}}",
            &[]
        ),
        [
            "spec.chart.spec.sourceRef.kind: a Bucket is not served\nhint: put the chart into an OCI registry or a git repository"
        ]
    );
    assert_eq!(
        wrong("chartRef: {kind: ExternalArtifact, name: src}", &[]),
        [
            "spec.chartRef.kind: an ExternalArtifact is not served\nhint: name an OCIRepository or a HelmChart, or give chart"
        ]
    );
}
