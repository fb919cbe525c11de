//! `helm.toolkit.fluxcd.io/v2`: today's Flux's `HelmRelease`.

use std::time::Duration;

use serde_json::Value;

use super::fields::{self, Findings};
use super::part::Part;
use super::sources::{Found, Search, Sources};
use super::{Head, Refused, Settings, TIMEOUT, helms_own, name, post};
use crate::wish::{
    Actions, Chart, Common, Crds, Drift, DriftIgnore, DriftMode, Follows, OwnRules, Policy,
    Propagation, Remediation, Strategy, Test, Values, Wish,
};

/// Revisions that are kept.
const MAX_HISTORY: u32 = 5;

/// Between two tries of `RetryOnFailure`.
const RETRY_INTERVAL: Duration = Duration::from_secs(300);

pub(super) fn read(
    object: &Value,
    head: &Head<'_>,
    sources: &Sources,
    settings: &Settings,
) -> Result<Wish, Refused> {
    let mut findings = fields::check(fields::flux2::TABLE, object);
    findings.so_far()?;
    let spec = Part(object).at("spec");
    tell(spec, &mut findings);
    let policy = policy(spec, &mut findings);
    let depends_on = dependencies(spec, head, &mut findings);
    let post = post::read(spec, &mut findings);
    let target = findings.namespace(spec, "targetNamespace");
    let storage = findings.namespace(spec, "storageNamespace");
    let release = release_name(spec, head, &mut findings);
    let origin = Origin::of(spec, head, sources, settings, &mut findings);
    // What is wrong with the object itself is told although a source is missing.
    findings.so_far()?;
    let origin = origin?;
    findings.conclude(Wish {
        namespace: target.unwrap_or(head.namespace).to_owned(),
        storage: storage.unwrap_or(head.namespace).to_owned(),
        values: values(spec, origin.files),
        follows: origin.follows,
        interval: spec.at("interval").duration(),
        poll: origin.poll,
        suspended: spec.at("suspend").is_set(),
        depends_on,
        account: spec.at("serviceAccountName").owned(),
        post,
        common: Common {
            labels: spec.at("commonMetadata.labels").texts(),
            annotations: spec.at("commonMetadata.annotations").texts(),
        },
        ..head.wish(&release, origin.chart, policy)
    })
}

fn release_name(spec: Part<'_>, head: &Head<'_>, findings: &mut Findings) -> String {
    if let Some(given) = spec.at("releaseName").text() {
        if let Some(fault) = name::fault(given) {
            findings.wrong("spec.releaseName", fault);
        }
        return given.to_owned();
    }
    let made = match spec.at("targetNamespace").text() {
        Some(target) => format!("{target}-{}", head.name),
        None => head.name.to_owned(),
    };
    let made = name::shortened(made);
    if let Some(fault) = name::fault(&made) {
        findings.wrong("spec.releaseName", format!("is required here: {fault}"));
    }
    made
}

/// The chart, and what belongs to it.
struct Origin {
    chart: Chart,
    poll: Option<Duration>,
    follows: Follows,
    files: Vec<Values>,
}

impl Origin {
    fn of(
        spec: Part<'_>,
        head: &Head<'_>,
        sources: &Sources,
        settings: &Settings,
        findings: &mut Findings,
    ) -> Result<Self, Refused> {
        let (template, reference) = (spec.at("chart"), spec.at("chartRef"));
        let mut search = Search {
            sources,
            namespace: head.namespace,
            own_alone: settings.no_cross_namespace_refs,
            findings,
        };
        let found = match (template.is_given(), reference.is_given()) {
            (true, false) => search.template(
                template.at("spec"),
                head.namespace,
                "spec.chart.spec.sourceRef",
            )?,
            (false, true) => search.reference(reference, "spec.chartRef")?,
            (both, _) => {
                let has = if both {
                    "has two charts"
                } else {
                    "has no chart"
                };
                findings.wrong("spec", format!("{has}, expected one of chart and chartRef"));
                None
            }
        };
        let Some(Found {
            chart,
            poll,
            template: through,
        }) = found
        else {
            // Nobody sees this chart: something wrong was found.
            return Ok(Self {
                chart: Chart::Local(String::new()),
                poll: None,
                follows: Follows::Version,
                files: Vec::new(),
            });
        };
        let described = through.as_ref().map_or(template.at("spec"), Part);
        let path = match through {
            Some(_) => "spec.chartRef: spec.valuesFiles",
            None => "spec.chart.spec.valuesFiles",
        };
        // Without a HelmChart, there is nobody who would wait for a version: a digest is followed as it is.
        let by_version =
            described.is_given() && described.at("reconcileStrategy").text() != Some("Revision");
        Ok(Self {
            chart,
            poll,
            follows: match by_version {
                true => Follows::Version,
                false => Follows::Content,
            },
            files: files(described, path, findings),
        })
    }
}

/// `valuesFiles`.
fn files(described: Part<'_>, path: &str, findings: &mut Findings) -> Vec<Values> {
    let optional = described.at("ignoreMissingValuesFiles").is_set();
    let old = described.at("valuesFile").text();
    let paths: Vec<_> = old
        .into_iter()
        .chain(described.at("valuesFiles").list().filter_map(Part::text))
        .collect();
    let first = paths.first().map(|path| path.trim_start_matches("./"));
    if first.is_some_and(|path| path != "values.yaml") {
        findings.warnings.push(format!(
            "{path}: values.yaml of the chart stays below these files, where Flux leaves it out"
        ));
    }
    paths
        .into_iter()
        .map(|path| Values::ChartFile {
            path: path.trim_start_matches("./").to_owned(),
            optional,
        })
        .collect()
}

/// The values, of which the later win: files of the chart, what is referred to, and what stands in the object.
fn values(spec: Part<'_>, files: Vec<Values>) -> Vec<Values> {
    let referred = spec.at("valuesFrom").list().map(|from| Values::From {
        secret: from.at("kind").text() == Some("Secret"),
        namespace: None,
        name: from.at("name").string(),
        key: from
            .at("valuesKey")
            .text()
            .unwrap_or("values.yaml")
            .to_owned(),
        target: from.at("targetPath").owned(),
        literal: from.at("literal").is_set(),
        optional: from.at("optional").is_set(),
    });
    let mut values = files;
    values.extend(referred);
    values.extend(spec.at("values").fields().cloned().map(Values::Inline));
    values
}

fn dependencies(spec: Part<'_>, head: &Head<'_>, findings: &mut Findings) -> Vec<(String, String)> {
    let mut all = Vec::new();
    for (index, dependency) in spec.at("dependsOn").list().enumerate() {
        let namespace = dependency.at("namespace").text().unwrap_or(head.namespace);
        let name = dependency.at("name").string();
        if namespace == head.namespace && name == head.name {
            findings.wrong(
                format!("spec.dependsOn[{index}]"),
                "is the release itself, which would wait for ever",
            );
        }
        all.push((namespace.to_owned(), name));
    }
    all
}

/// Values of fields that are known, and are not heeded.
fn tell(spec: Part<'_>, findings: &mut Findings) {
    if spec.at("waitStrategy.name").text() == Some("legacy") {
        findings.warn(
            "spec.waitStrategy.name: legacy",
            "objects are judged as kstatus does; say poller, or remove it",
        );
    }
    for action in ["install", "upgrade", "rollback"] {
        let path = format!("{action}.serverSideApply");
        let given = spec.at(&path);
        if given.flag() == Some(false) || given.text() == Some("disabled") {
            findings.warn(
                &format!("spec.{path}"),
                "objects are applied server-side; remove it",
            );
        }
    }
    if let Some(strategy) = spec
        .at("postRenderStrategy")
        .text()
        .filter(|name| *name != "combined")
    {
        findings.warn(
            &format!("spec.postRenderStrategy: {strategy}"),
            "hooks are rendered objects as all others; say combined, or remove it",
        );
    }
    for (index, from) in spec.at("valuesFrom").list().enumerate() {
        if from.at("literal").is_set() && from.at("targetPath").text().is_none() {
            findings.warn(
                &format!("spec.valuesFrom[{index}].literal"),
                "without targetPath the text is a document; remove it, or say where the text goes",
            );
        }
    }
}

/// What an object that cannot be read as a whole still says of the end of its release.
pub(super) fn remnant(object: &Value, wish: Wish) -> Wish {
    let spec = Part(object).at("spec");
    Wish {
        suspended: spec.at("suspend").is_set(),
        account: spec.at("serviceAccountName").owned(),
        policy: policy(spec, &mut Findings::default()),
        ..wish
    }
}

fn policy(spec: Part<'_>, findings: &mut Findings) -> Policy {
    let max_history = findings.count(spec, "maxHistory").unwrap_or(MAX_HISTORY);
    let timeout = spec.at("timeout").duration().unwrap_or(TIMEOUT);
    let rules = |action: &str| own_rules(spec.at(action));
    Policy {
        timeout,
        max_history: (max_history > 0).then_some(max_history),
        wait: true,
        install_crds: match spec.at("install.skipCRDs").is_set() {
            true => Crds::Skip,
            false => crds(spec.at("install.crds")).unwrap_or(Crds::Create),
        },
        upgrade_crds: crds(spec.at("upgrade.crds")).unwrap_or(Crds::Skip),
        disable_take_ownership: false,
        install_remediation: remediation(spec, "install", findings),
        upgrade_remediation: remediation(spec, "upgrade", findings),
        reset_values: !spec.at("upgrade.preserveValues").is_set(),
        test: spec
            .at("test.enable")
            .is_set()
            .then(|| test(spec.at("test"), timeout)),
        drift: drift(spec.at("driftDetection"), findings),
        keep_history: spec.at("uninstall.keepHistory").is_set(),
        create_namespace: spec.at("install.createNamespace").is_set(),
        propagation: match spec.at("uninstall.deletionPropagation").text() {
            Some("foreground") => Propagation::Foreground,
            Some("orphan") => Propagation::Orphan,
            _ => Propagation::Background,
        },
        actions: Actions {
            install: rules("install"),
            upgrade: rules("upgrade"),
            rollback: rules("rollback"),
            uninstall: rules("uninstall"),
        },
        ..helms_own()
    }
}

fn own_rules(action: Part<'_>) -> OwnRules {
    let unless = |field: &str| action.at(field).flag().map(|disabled| !disabled);
    OwnRules {
        timeout: action.at("timeout").duration(),
        wait: unless("disableWait"),
        jobs: unless("disableWaitForJobs"),
        hooks: unless("disableHooks"),
        take_ownership: unless("disableTakeOwnership"),
        schema: unless("disableSchemaValidation"),
        cleanup: action.at("cleanupOnFail").flag(),
    }
}

fn crds(policy: Part<'_>) -> Option<Crds> {
    match policy.text()? {
        "Skip" => Some(Crds::Skip),
        "CreateReplace" => Some(Crds::CreateReplace),
        _ => Some(Crds::Create),
    }
}

fn remediation(spec: Part<'_>, action: &str, findings: &mut Findings) -> Remediation {
    let of = spec.at(action);
    let said = of.at("remediation");
    let ignore_test_failures = said
        .at("ignoreTestFailures")
        .flag()
        .unwrap_or_else(|| spec.at("test.ignoreFailures").is_set());
    let interval = of.at("strategy.retryInterval");
    if of.at("strategy.name").text() == Some("RetryOnFailure") {
        return Remediation {
            retries: None,
            strategy: Strategy::Retry,
            last: false,
            interval: Some(interval.duration().unwrap_or(RETRY_INTERVAL)),
            ignore_test_failures,
        };
    }
    if interval.is_given() {
        findings.wrong(
            format!("spec.{action}.strategy.retryInterval"),
            "goes with RetryOnFailure alone\nhint: remove it, or say name: RetryOnFailure",
        );
    }
    let retries = said.at("retries").whole().unwrap_or(0);
    let uninstalls = action == "install" || said.at("strategy").text() == Some("uninstall");
    Remediation {
        // Less than none is without an end.
        retries: match retries {
            ..0 => None,
            _ => Some(u32::try_from(retries).unwrap_or(u32::MAX)),
        },
        strategy: match uninstalls {
            true => Strategy::Uninstall,
            false => Strategy::Rollback,
        },
        last: said
            .at("remediateLastFailure")
            .flag()
            .unwrap_or(action == "upgrade" && retries > 0),
        interval: None,
        ignore_test_failures,
    }
}

fn test(test: Part<'_>, timeout: Duration) -> Test {
    let filtered = |excluded: bool| {
        test.at("filters")
            .list()
            .filter(|filter| filter.at("exclude").is_set() == excluded)
            .map(|filter| filter.at("name").string())
            .collect()
    };
    Test {
        timeout: test.at("timeout").duration().unwrap_or(timeout),
        ignore_failures: test.at("ignoreFailures").is_set(),
        only: filtered(false),
        except: filtered(true),
    }
}

fn drift(drift: Part<'_>, findings: &mut Findings) -> Drift {
    let mut ignore = Vec::new();
    for (index, rule) in drift.at("ignore").list().enumerate() {
        let path = format!("spec.driftDetection.ignore[{index}]");
        let paths: Vec<_> = rule.at("paths").list().map(Part::string).collect();
        for (index, pointer) in paths.iter().enumerate() {
            if !pointer.is_empty() && !pointer.starts_with('/') {
                findings.wrong(
                    format!("{path}.paths[{index}]"),
                    format!("{pointer:?} is no JSON pointer, expected one such as /spec/replicas"),
                );
            }
        }
        ignore.push(DriftIgnore {
            paths,
            target: post::target(rule.at("target"), &format!("{path}.target"), findings),
        });
    }
    Drift {
        mode: match drift.at("mode").text() {
            Some("enabled") => DriftMode::Enabled,
            Some("warn") => DriftMode::Warn,
            _ => DriftMode::Disabled,
        },
        ignore,
    }
}
