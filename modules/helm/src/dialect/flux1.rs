//! `helm.fluxcd.io/v1` and `flux.weave.works/v1beta1`: the first Flux's `HelmRelease`.

use serde_json::Value;

use super::fields::{self, Findings};
use super::part::Part;
use super::sources::{chart_folder, git_url, repository};
use super::{
    Head, MAX_HISTORY, Refused, Settings, TIMEOUT, helms_own, name, rolls_back, uninstalls,
};
use crate::wish::{Actions, Chart, Crds, OwnRules, Policy, Remediation, Test, Values, Wish};

/// Its words for being left alone, by which its git sync passes objects over.
const IGNORE: [&str; 2] = ["fluxcd.io/ignore", "flux.weave.works/ignore"];

/// How often an upgrade is tried again after its rollback, where `retry` alone is said.
const MAX_RETRIES: u32 = 5;

pub(super) fn read(object: &Value, head: &Head<'_>, settings: &Settings) -> Result<Wish, Refused> {
    let mut findings = fields::check(fields::flux1::TABLE, object);
    findings.so_far()?;
    let spec = Part(object).at("spec");
    let target = findings.namespace(spec, "targetNamespace");
    let namespace = target.unwrap_or(head.namespace);
    if spec.at("helmVersion").text() == Some("v2") {
        findings.wrong(
            "spec.helmVersion",
            "v2 keeps its releases in Tiller\nhint: convert the release (helm 2to3 convert), then say v3 or nothing",
        );
    }
    let name = release_name(spec, head, namespace, &mut findings);
    let chart = chart(spec.at("chart"), head, settings, &mut findings);
    let policy = policy(spec, &mut findings);
    let wish = Wish {
        namespace: namespace.to_owned(),
        storage: namespace.to_owned(),
        values: values(spec, &mut findings),
        suspended: is_ignored(head, &mut findings),
        ..head.wish(&name, chart, policy)
    };
    findings.conclude(wish)
}

fn release_name(spec: Part<'_>, head: &Head<'_>, target: &str, findings: &mut Findings) -> String {
    if let Some(given) = spec.at("releaseName").text() {
        if let Some(fault) = name::fault(given) {
            findings.wrong("spec.releaseName", fault);
        }
        return given.to_owned();
    }
    let Head {
        name, namespace, ..
    } = head;
    let made = match target == *namespace {
        true => format!("{namespace}-{name}"),
        false => format!("{namespace}-{target}-{name}"),
    };
    if let Some(fault) = name::fault(&made) {
        findings.wrong("spec.releaseName", format!("is required here: {fault}"));
    }
    made
}

fn chart(chart: Part<'_>, head: &Head<'_>, settings: &Settings, findings: &mut Findings) -> Chart {
    match (chart.at("git").text(), chart.at("repository").text()) {
        (Some(git), None) => {
            let url = git_url(git).unwrap_or_else(|fault| {
                findings.wrong("spec.chart.git", fault);
                String::new()
            });
            let of = chart.at("secretRef.namespace").text();
            if of.is_some_and(|namespace| namespace != head.namespace) {
                findings.wrong(
                    "spec.chart.secretRef.namespace",
                    format!(
                        "credentials are read in the object's own namespace\nhint: put the Secret into {}",
                        head.namespace
                    ),
                );
            }
            let reference = chart.at("ref").text().unwrap_or(&settings.git_ref);
            Chart::Git {
                url,
                reference: reference.to_owned(),
                path: chart_folder(&chart.at("path").string()),
                dependencies: settings.update_chart_deps && !chart.at("skipDepUpdate").is_set(),
                secret: chart.at("secretRef.name").owned(),
            }
        }
        (None, Some(url)) => {
            if chart.at("name").text().is_none() {
                findings.wrong("spec.chart.name", "is required with repository");
            }
            let secret = chart.at("chartPullSecret.name").owned();
            let (name, version) = (chart.at("name").string(), chart.at("version").string());
            repository(url, name, version, secret).unwrap_or_else(|fault| {
                findings.wrong("spec.chart.repository", fault);
                Chart::Local(String::new())
            })
        }
        (Some(_), Some(_)) => {
            findings.wrong("spec.chart", "has both git and repository, expected one");
            Chart::Local(String::new())
        }
        (None, None) => {
            findings.wrong(
                "spec.chart",
                "expected git and path, or repository and name",
            );
            Chart::Local(String::new())
        }
    }
}

fn values(spec: Part<'_>, findings: &mut Findings) -> Vec<Values> {
    let old = spec
        .at("valueFileSecrets")
        .list()
        .map(|secret| Values::From {
            secret: true,
            namespace: None,
            name: secret.at("name").string(),
            key: String::from("values.yaml"),
            target: None,
            literal: false,
            optional: false,
        });
    let mut values: Vec<_> = old.collect();
    for (index, from) in spec.at("valuesFrom").list().enumerate() {
        match contributions(from).as_slice() {
            [Values::Url { url, .. }] if !url.starts_with("http://") && !url.starts_with("https://") => {
                findings.wrong(
                    format!("spec.valuesFrom[{index}].externalSourceRef.url"),
                    format!("{url:?} is no URL of a document, expected https:// or http://"),
                );
            }
            [one] => values.push(one.clone()),
            several => findings.wrong(
                format!("spec.valuesFrom[{index}]"),
                format!(
                    "has {} sources, expected one of configMapKeyRef, secretKeyRef, externalSourceRef, chartFileRef",
                    several.len()
                ),
            ),
        }
    }
    values.extend(spec.at("values").fields().cloned().map(Values::Inline));
    values
}

/// What one entry names; it should be one.
fn contributions(from: Part<'_>) -> Vec<Values> {
    let key_of = |field: &str, secret| {
        let reference = from.at(field);
        reference.is_given().then(|| Values::From {
            secret,
            namespace: reference.at("namespace").owned(),
            name: reference.at("name").string(),
            key: reference
                .at("key")
                .text()
                .unwrap_or("values.yaml")
                .to_owned(),
            target: None,
            literal: false,
            optional: reference.at("optional").is_set(),
        })
    };
    let external = from.at("externalSourceRef");
    let file = from.at("chartFileRef");
    [
        key_of("configMapKeyRef", false),
        key_of("secretKeyRef", true),
        external.is_given().then(|| Values::Url {
            url: external.at("url").string(),
            optional: external.at("optional").is_set(),
        }),
        file.is_given().then(|| Values::ChartFile {
            path: file.at("path").string(),
            optional: file.at("optional").is_set(),
        }),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// What an object that cannot be read as a whole still says of the end of its release.
pub(super) fn remnant(object: &Value, head: &Head<'_>, wish: Wish) -> Wish {
    let mut findings = Findings::default();
    Wish {
        suspended: is_ignored(head, &mut findings),
        policy: policy(Part(object).at("spec"), &mut findings),
        ..wish
    }
}

fn policy(spec: Part<'_>, findings: &mut Findings) -> Policy {
    let max_history = findings.count(spec, "maxHistory").unwrap_or(MAX_HISTORY);
    let rolls_back_at_all = spec.at("rollback.enable").is_set();
    let tests = spec.at("test.enable").is_set();
    let ignore_test_failures = spec.at("test.ignoreFailures").is_set();
    let timeout = findings.seconds(spec, "timeout");
    let test_timeout = findings.seconds(spec, "test.timeout");
    let rollback_timeout = findings.seconds(spec, "rollback.timeout");
    let own = helms_own();
    Policy {
        timeout: timeout.unwrap_or(TIMEOUT),
        max_history: (max_history > 0).then_some(max_history),
        wait: spec.at("wait").flag().unwrap_or(rolls_back_at_all || tests),
        install_crds: match spec.at("skipCRDs").is_set() {
            true => Crds::Skip,
            false => Crds::Create,
        },
        reset_values: spec.at("resetValues").flag() != Some(false),
        // In Helm 2, for which most of these objects were written, namespaces were made.
        create_namespace: true,
        install_remediation: Remediation {
            ignore_test_failures,
            ..uninstalls()
        },
        upgrade_remediation: Remediation {
            ignore_test_failures,
            ..match rolls_back_at_all {
                true => rolls_back(retries(spec, findings)),
                false => own.upgrade_remediation.clone(),
            }
        },
        test: tests.then(|| Test {
            timeout: test_timeout.unwrap_or(TIMEOUT),
            ignore_failures: ignore_test_failures,
            only: Vec::new(),
            except: Vec::new(),
        }),
        actions: Actions {
            install: no_jobs(),
            upgrade: no_jobs(),
            rollback: OwnRules {
                timeout: Some(rollback_timeout.unwrap_or(TIMEOUT)),
                wait: Some(spec.at("rollback.wait").is_set()),
                hooks: Some(!spec.at("rollback.disableHooks").is_set()),
                ..no_jobs()
            },
            uninstall: OwnRules {
                wait: Some(false),
                ..no_jobs()
            },
        },
        ..own
    }
}

/// It waited as `helm --wait` does, which leaves Jobs out.
fn no_jobs() -> OwnRules {
    OwnRules {
        jobs: Some(false),
        ..OwnRules::default()
    }
}

/// How often an upgrade is tried again after its rollback; none for without an end.
fn retries(spec: Part<'_>, findings: &mut Findings) -> Option<u32> {
    let most = findings.count(spec, "rollback.maxRetries");
    if !spec.at("rollback.retry").is_set() {
        return Some(0);
    }
    match most.unwrap_or(MAX_RETRIES) {
        0 => None,
        retries => Some(retries),
    }
}

/// With Flux such an object is not brought to the cluster at all; where it got there, nothing is done about it.
fn is_ignored(head: &Head<'_>, findings: &mut Findings) -> bool {
    let mut ignored = false;
    for key in IGNORE {
        match head.annotation(key) {
            None | Some("false" | "") => {}
            Some("true" | "sync_only") => ignored = true,
            Some(other) => findings.wrong(
                format!("metadata.annotations[{key}]"),
                format!("{other:?} is not one of true, false, sync_only"),
            ),
        }
    }
    ignored
}
