//! Helm's words for records, and Flux's for conditions and Events.

use crate::situation::Refusal;
use crate::state::{Action, Place, Snapshot, Verb};

/// Description of a record while it is at it.
pub(super) fn pending(action: &Action) -> String {
    match action.verb {
        Verb::Install => String::from("Initial install underway"),
        Verb::Rollback { to } => rollback(to, &action.because),
        _ => String::from("Preparing upgrade"),
    }
}

/// Description of a record that is deployed.
pub(super) fn complete(action: &Action) -> String {
    match action.verb {
        Verb::Install => String::from("Install complete"),
        Verb::Rollback { to } => rollback(to, &action.because),
        _ => String::from("Upgrade complete"),
    }
}

fn rollback(to: u32, because: &str) -> String {
    if because.is_empty() {
        format!("Rollback to {to}")
    } else {
        format!("Rollback to {to}: {because}")
    }
}

/// Description of a record that failed.
pub(super) fn failure(verb: Verb, name: &str, why: &str) -> String {
    match verb {
        Verb::Install => format!("Release {name:?} failed: {why}"),
        Verb::Rollback { .. } => format!("Rollback {name:?} failed: {why}"),
        Verb::Uninstall { .. } => format!("Uninstall {name:?} failed: {why}"),
        _ => format!("Upgrade {name:?} failed: {why}"),
    }
}

pub(super) fn refused(refusal: &Refusal) -> String {
    format!("{}: {}", refusal.target, refusal.message)
}

pub(super) const fn failed_reason(verb: Verb) -> &'static str {
    match verb {
        Verb::Install => "InstallFailed",
        Verb::Upgrade => "UpgradeFailed",
        Verb::Rollback { .. } => "RollbackFailed",
        Verb::Uninstall { .. } => "UninstallFailed",
        Verb::Test => "TestFailed",
        Verb::Correct => "DriftCorrectionFailed",
        Verb::Unlock => "PendingRelease",
    }
}

pub(super) const fn succeeded_reason(verb: Verb) -> &'static str {
    match verb {
        Verb::Install => "InstallSucceeded",
        Verb::Upgrade => "UpgradeSucceeded",
        Verb::Rollback { .. } => "RollbackSucceeded",
        Verb::Uninstall { .. } => "UninstallSucceeded",
        Verb::Test => "TestSucceeded",
        Verb::Correct => "DriftCorrected",
        Verb::Unlock => "PendingRelease",
    }
}

/// What a condition says of an action that failed.
pub(super) fn failed(action: &Action, at: &Place, why: &str) -> String {
    let (namespace, name, chart) = (&at.namespace, &at.name, action.inputs.chart());
    let (title, verb) = (title(action, at), action.verb.as_str());
    match action.verb {
        Verb::Install | Verb::Upgrade => {
            format!("Helm {verb} failed for release {namespace}/{name} with chart {chart}: {why}")
        }
        Verb::Rollback { to } => format!(
            "Helm rollback to previous release {namespace}/{name}.v{to} with chart {chart} failed: {why}"
        ),
        Verb::Uninstall {
            leaving: crate::state::Leaving::Remediation,
        } => format!(
            "Helm uninstall remediation for release {title} with chart {chart} failed: {why}"
        ),
        Verb::Uninstall { .. } | Verb::Test => {
            format!("Helm {verb} failed for release {title} with chart {chart}: {why}")
        }
        Verb::Correct => format!("Cluster state of release {title} could not be corrected: {why}"),
        Verb::Unlock => format!("Unlock of Helm release {title} with chart {chart} failed: {why}"),
    }
}

/// What a condition says of an action that went well.
pub(super) fn succeeded(action: &Action, at: &Place) -> String {
    let (namespace, name, chart) = (&at.namespace, &at.name, action.inputs.chart());
    let (title, verb) = (title(action, at), action.verb.as_str());
    match action.verb {
        Verb::Rollback { to } => format!(
            "Helm rollback to previous release {namespace}/{name}.v{to} with chart {chart} succeeded"
        ),
        Verb::Uninstall {
            leaving: crate::state::Leaving::Remediation,
        } => format!("Helm uninstall remediation for release {title} with chart {chart} succeeded"),
        Verb::Correct => format!("Cluster state of release {title} has been corrected"),
        _ => format!("Helm {verb} succeeded for release {title} with chart {chart}"),
    }
}

pub(super) fn released(known: &Snapshot) -> String {
    format!(
        "Helm upgrade succeeded for release {} with chart {}",
        known.title(),
        known.inputs.chart()
    )
}

/// `namespace/name.vN`.
pub(super) fn title(action: &Action, at: &Place) -> String {
    format!("{}/{}.v{}", at.namespace, at.name, action.revision)
}
