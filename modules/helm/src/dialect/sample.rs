//! `samplecontroller.k8s.io/v1alpha1`: a release by its name, and a chart by the name of its version.

use serde_json::Value;

use super::fields;
use super::part::Part;
use super::{Head, Refused, Settings, helms_own, name, rolls_back, uninstalls};
use crate::wish::{Chart, Policy, Wish};

pub(super) fn read(object: &Value, head: &Head<'_>, settings: &Settings) -> Result<Wish, Refused> {
    let mut findings = fields::check(fields::sample::TABLE, object);
    findings.so_far()?;
    let spec = Part(object).at("spec");
    let given = spec.at("releaseName").text();
    let release = given.unwrap_or(head.name);
    if let Some(fault) = name::fault(release) {
        findings.wrong("spec.releaseName", fault);
    }
    let version = spec.at("releaseVersion").string();
    let chart = settings.charts.get(&version).cloned().unwrap_or_else(|| {
        let known = || settings.charts.keys().map(String::as_str);
        let hint = match nearest::of(&version, known()) {
            Some(near) => format!("did you mean {near}?"),
            None => format!("there are {}", known().collect::<Vec<_>>().join(", ")),
        };
        findings.wrong(
            "spec.releaseVersion",
            match settings.charts.is_empty() {
                true => String::from(
                    "the module's settings name no charts\nhint: add them under charts",
                ),
                false => format!("{version:?} is no chart of the module's settings\nhint: {hint}"),
            },
        );
        Chart::Local(String::new())
    });
    let policy = Policy {
        wait: true,
        install_remediation: uninstalls(),
        upgrade_remediation: rolls_back(Some(0)),
        ..helms_own()
    };
    findings.conclude(head.wish(release, chart, policy))
}
