//! The words of the first Flux: its phases, and the conditions that go with them.

use serde_json::Value;

use super::{Field, Told, condition, count, standing, text};
use crate::state::{Attempt, Is, Note, Stage, Verb};
use crate::status::{OVER, ignores_tests};
use crate::turn::Condition;
use crate::wish::Chart;

/// What a chart that cannot be had is called by whoever fetches it.
const CHART: &str = "ArtifactFailed";

/// `.status.phase`. Its users write down that they saw one; a migration from Helm 2 is never one here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    ChartFetched,
    ChartFetchFailed,
    Installing,
    Upgrading,
    Deployed,
    DeployFailed,
    Testing,
    TestFailed,
    Tested,
    Succeeded,
    Failed,
    RollingBack,
    RolledBack,
    RollbackFailed,
}

impl Phase {
    const fn as_str(self) -> &'static str {
        match self {
            Self::ChartFetched => "ChartFetched",
            Self::ChartFetchFailed => "ChartFetchFailed",
            Self::Installing => "Installing",
            Self::Upgrading => "Upgrading",
            Self::Deployed => "Deployed",
            Self::DeployFailed => "DeployFailed",
            Self::Testing => "Testing",
            Self::TestFailed => "TestFailed",
            Self::Tested => "Tested",
            Self::Succeeded => "Succeeded",
            Self::Failed => "Failed",
            Self::RollingBack => "RollingBack",
            Self::RolledBack => "RolledBack",
            Self::RollbackFailed => "RollbackFailed",
        }
    }
}

/// The phase that the run has come to; none where it has come to none that has a name.
fn phase(told: &Told<'_>) -> Option<Phase> {
    let state = &told.turn.state;
    let begins = state
        .action
        .as_ref()
        .is_none_or(|action| action.stage == Stage::Begin);
    if let Some(obstacle) = told.obstacle().filter(|_| begins) {
        return Some(match obstacle.reason.as_str() {
            CHART => Phase::ChartFetchFailed,
            _ => Phase::Failed,
        });
    }
    if let Some(action) = &state.action {
        let fails = matches!(
            action.stage,
            Stage::Failing {
                canceled: false,
                ..
            }
        );
        return Some(match (action.verb, fails) {
            (Verb::Install | Verb::Upgrade, true) => Phase::DeployFailed,
            (Verb::Install | Verb::Upgrade, _) if begins => Phase::ChartFetched,
            (Verb::Install, _) => Phase::Installing,
            (Verb::Upgrade, _) => Phase::Upgrading,
            (Verb::Rollback { .. }, true) => Phase::RollbackFailed,
            (Verb::Rollback { .. }, _) => Phase::RollingBack,
            (Verb::Test, true) => Phase::TestFailed,
            (Verb::Test, _) => Phase::Testing,
            (Verb::Uninstall { .. } | Verb::Correct | Verb::Unlock, _) => return None,
        });
    }
    if let Some(remediated) = standing(state.remediated.as_ref()) {
        return match remediated.reason.as_str() {
            "RollbackSucceeded" => Some(Phase::RolledBack),
            "RollbackFailed" => Some(Phase::RollbackFailed),
            // What had failed says more.
            _ => None,
        };
    }
    let released = standing(state.released.as_ref())?;
    match (released.is, released.reason.as_str()) {
        (Is::True, _) => Some(at_rest(told)),
        (_, "InstallFailed" | "UpgradeFailed") => Some(Phase::DeployFailed),
        (_, "UninstallFailed" | "UninstallSucceeded") => None,
        _ => Some(Phase::Failed),
    }
}

/// Of a release that is in the cluster.
fn at_rest(told: &Told<'_>) -> Phase {
    let Some(tested) = standing(told.turn.state.tested.as_ref()) else {
        return Phase::Succeeded;
    };
    let just_tested = told
        .before
        .action
        .as_ref()
        .is_some_and(|action| action.verb == Verb::Test);
    match tested.is {
        Is::Unknown => Phase::Deployed,
        Is::False if !ignores_tests(&told.turn.state, told.wish) => Phase::TestFailed,
        Is::True if just_tested => Phase::Tested,
        Is::True | Is::False => Phase::Succeeded,
    }
}

/// `.status` of `helm.fluxcd.io/v1`.
pub(super) fn fields(told: &Told<'_>) -> Vec<Field> {
    let phase = phase(told);
    let mut fields = of_both(told);
    fields.extend([
        ("releaseStatus", told.newest_status().and_then(text)),
        ("rollbackCount", rollbacks(told, phase)),
    ]);
    if let Some(phase) = phase {
        fields.push(("phase", text(phase.as_str())));
    }
    if is_attempted(told) {
        fields.push(("lastAttemptedRevision", text(&revision(told))));
    }
    fields
}

/// `.status` of `flux.weave.works/v1beta1`: Helm's states in Helm 2's words.
pub(super) fn oldest_fields(told: &Told<'_>) -> Vec<Field> {
    let word = told.newest_status().map(|status| match status {
        "uninstalled" => String::from("DELETED"),
        "uninstalling" => String::from("DELETING"),
        other => other.to_uppercase().replace('-', "_"),
    });
    let attempted = told.turn.state.attempted.as_ref();
    let digest = attempted.map_or("", |last| &last.inputs.config_digest);
    let checksum = digest.split_once(':').map_or(digest, |(_, sum)| sum);
    let mut fields = of_both(told);
    fields.extend([
        ("releaseStatus", word.as_deref().and_then(text)),
        ("valuesChecksum", text(checksum)),
    ]);
    fields
}

fn of_both(told: &Told<'_>) -> Vec<Field> {
    let state = &told.turn.state;
    let mut fields = vec![("releaseName", text(told.release_name()))];
    // As there, a generation is observed when something has come of it.
    if state.action.is_none() {
        fields.extend(
            told.generation()
                .map(|g| ("observedGeneration", Some(g.into()))),
        );
    }
    if is_new(told) {
        fields.push(("revision", text(&revision(told))));
    }
    fields
}

/// Whether the revision that was attempted last has come to be the one in the cluster with this run, or nothing is said of it yet.
fn is_new(told: &Told<'_>) -> bool {
    let (before, after) = (told.before, &told.turn.state);
    let is_wished = |attempt: &Attempt| {
        told.deployed()
            .is_some_and(|known| known.inputs == attempt.inputs)
    };
    let deployed = after.attempted.as_ref().is_some_and(is_wished);
    let ended = before.history != after.history;
    let unsaid = !told.present_field("revision").is_given();
    deployed && (ended || unsaid)
}

/// Whether an installation or upgrade is begun with this run, or nothing is said of one yet.
fn is_attempted(told: &Told<'_>) -> bool {
    let (before, after) = (told.before, &told.turn.state);
    let numbers = |number: u64| number != before.actions;
    let begun = after.action.as_ref().is_some_and(|action| {
        matches!(action.verb, Verb::Install | Verb::Upgrade) && numbers(action.number)
    });
    let unsaid = !told.present_field("lastAttemptedRevision").is_given();
    begun || (unsaid && after.attempted.is_some())
}

/// What the source calls the chart: the commit of one in git, the version of any other.
fn revision(told: &Told<'_>) -> String {
    let attempted = told.turn.state.attempted.as_ref();
    let version = attempted.map_or("", |last| &last.inputs.chart_version);
    match (&told.wish.chart, told.revision) {
        (Chart::Git { .. }, Some(commit)) => commit.to_owned(),
        _ => version.to_owned(),
    }
}

/// Rollbacks since the last release that was well.
fn rollbacks(told: &Told<'_>, phase: Option<Phase>) -> Option<Value> {
    let present = told.present_field("rollbackCount").whole();
    let present = u32::try_from(present.unwrap_or(0)).unwrap_or(0);
    let ended = told.before.action.as_ref().is_some_and(|action| {
        matches!(action.verb, Verb::Rollback { .. }) && told.turn.state.action.is_none()
    });
    count(match phase {
        Some(Phase::Succeeded | Phase::Tested) => 0,
        Some(Phase::RolledBack) if ended => present.saturating_add(1),
        _ => present,
    })
}

/// What all messages end with.
fn of_release(told: &Told<'_>) -> String {
    format!(
        "Helm release '{}' in '{}'.",
        told.wish.name, told.wish.namespace
    )
}

/// Conditions of `helm.fluxcd.io/v1`.
pub(super) fn conditions(told: &Told<'_>) -> Vec<Condition> {
    let of = of_release(told);
    let mut all = told.summary();
    let say = |kind, is, phase: Phase, message: String| {
        Some(condition(kind, is, phase.as_str(), message))
    };
    all.extend(match chart(told) {
        Some(Ok(())) => say(
            "ChartFetched",
            Is::True,
            Phase::ChartFetched,
            format!("Chart fetch was successful for {of}"),
        ),
        Some(Err(note)) => say(
            "ChartFetched",
            Is::False,
            Phase::ChartFetchFailed,
            note.message.clone(),
        ),
        None => None,
    });
    all.extend(deployed(told));
    all.extend(released(told).map(|(is, reason, message)| Condition {
        kind: "Released",
        note: Note::new(is, reason, message),
    }));
    all.extend(tested(told));
    all.extend(rolled_back(told).map(|(is, phase, message)| Condition {
        kind: "RolledBack",
        note: Note::new(is, phase, message),
    }));
    all
}

/// Whether the chart was had; none where nobody knows.
fn chart<'a>(told: &'a Told<'_>) -> Option<Result<(), &'a Note>> {
    if let Some(obstacle) = told.obstacle().filter(|note| note.reason == CHART) {
        return Some(Err(obstacle));
    }
    let attempted = told.turn.state.attempted.is_some();
    attempted.then_some(Ok(()))
}

fn deployed(told: &Told<'_>) -> Option<Condition> {
    let (state, of) = (&told.turn.state, of_release(told));
    let running = state.action.as_ref().map(|action| action.verb);
    let (is, phase, message) = match running {
        Some(Verb::Install) => (
            Is::Unknown,
            Phase::Installing,
            format!("Running installation for {of}"),
        ),
        Some(Verb::Upgrade) => (
            Is::Unknown,
            Phase::Upgrading,
            format!("Running upgrade for {of}"),
        ),
        _ => {
            let released = standing(state.released.as_ref())?;
            match (released.is, released.reason.as_str()) {
                (Is::True, _) => (
                    Is::True,
                    Phase::Deployed,
                    format!("Installation or upgrade succeeded for {of}"),
                ),
                (_, "InstallFailed" | "UpgradeFailed") => {
                    (Is::False, Phase::DeployFailed, released.message.clone())
                }
                _ => return None,
            }
        }
    };
    Some(condition("Deployed", is, phase.as_str(), message))
}

/// Whether the release is as it is wished for: what its users look at.
fn released(told: &Told<'_>) -> Option<(Is, &'static str, String)> {
    let (state, of) = (&told.turn.state, of_release(told));
    let phase = phase(told);
    let word = |phase: Phase| phase.as_str();
    match phase {
        Some(phase @ (Phase::ChartFetchFailed | Phase::Failed)) => {
            let note = told.obstacle().or(state.released.as_ref());
            let message = note.map_or_else(
                || format!("Release failed for {of}"),
                |note| note.message.clone(),
            );
            Some((Is::False, word(phase), message))
        }
        Some(Phase::ChartFetched | Phase::Installing | Phase::Upgrading) => {
            let upgrades = state
                .action
                .as_ref()
                .is_some_and(|action| action.verb == Verb::Upgrade);
            Some(match upgrades {
                true => (
                    Is::Unknown,
                    word(Phase::Upgrading),
                    format!("Running upgrade for {of}"),
                ),
                false => (
                    Is::Unknown,
                    word(Phase::Installing),
                    format!("Running installation for {of}"),
                ),
            })
        }
        Some(Phase::Succeeded | Phase::Tested) => Some((
            Is::True,
            word(Phase::Succeeded),
            format!("Release was successful for {of}"),
        )),
        Some(Phase::TestFailed) => {
            let note = state.tested.as_ref().filter(|note| note.is == Is::False);
            let message = note.map_or_else(
                || format!("Test failed for {of}"),
                |note| note.message.clone(),
            );
            Some((Is::False, word(Phase::TestFailed), message))
        }
        // A rollback changes nothing of what failed.
        _ => {
            let note = standing(state.released.as_ref()).filter(|note| note.is == Is::False)?;
            let reason = match note.reason.as_str() {
                "InstallFailed" | "UpgradeFailed" => Phase::DeployFailed,
                _ => Phase::Failed,
            };
            Some((Is::False, word(reason), note.message.clone()))
        }
    }
}

fn tested(told: &Told<'_>) -> Option<Condition> {
    let (state, of) = (&told.turn.state, of_release(told));
    let runs = state
        .action
        .as_ref()
        .is_some_and(|action| action.verb == Verb::Test);
    let note = state.tested.as_ref()?;
    let (is, reason, message) = match (note.is, note.reason.as_str()) {
        (_, OVER) => (Is::Unknown, OVER, note.message.clone()),
        (Is::True, _) => (Is::True, Phase::Tested.as_str(), format!("Tested {of}")),
        (Is::False, _) => (Is::False, Phase::TestFailed.as_str(), note.message.clone()),
        (Is::Unknown, _) if runs => (
            Is::Unknown,
            Phase::Testing.as_str(),
            format!("Testing {of}"),
        ),
        (Is::Unknown, reason) => (Is::Unknown, reason, note.message.clone()),
    };
    Some(condition("Tested", is, reason, message))
}

fn rolled_back(told: &Told<'_>) -> Option<(Is, &'static str, String)> {
    let (state, of) = (&told.turn.state, of_release(told));
    let rolls = state
        .action
        .as_ref()
        .is_some_and(|action| matches!(action.verb, Verb::Rollback { .. }));
    if rolls {
        let message = format!("Rolling back {of}");
        return Some((Is::Unknown, Phase::RollingBack.as_str(), message));
    }
    let note = state.remediated.as_ref()?;
    match note.reason.as_str() {
        "RollbackSucceeded" => Some((
            Is::True,
            Phase::RolledBack.as_str(),
            format!("Rolled back {of}"),
        )),
        "RollbackFailed" => Some((
            Is::False,
            Phase::RollbackFailed.as_str(),
            note.message.clone(),
        )),
        OVER => told
            .has("RolledBack")
            .then(|| (Is::False, OVER, note.message.clone())),
        _ => None,
    }
}

/// Conditions of `flux.weave.works/v1beta1`, which had other reasons; one of them was written as it is here.
pub(super) fn oldest_conditions(told: &Told<'_>) -> Vec<Condition> {
    let is_git = matches!(told.wish.chart, Chart::Git { .. });
    let mut all = told.summary();
    all.extend(chart(told).map(|had| {
        let (is, reason, message) = match (had, is_git) {
            (Ok(()), true) => (
                Is::True,
                "GitRepoCloned",
                String::from("successfully cloned git repo"),
            ),
            (Ok(()), false) => (Is::True, "RepoChartInCache", String::from("chart fetched")),
            (Err(note), true) => (Is::False, "GitRepoNotCloned", note.message.clone()),
            (Err(note), false) => (Is::False, "RepoFetchFailed", note.message.clone()),
        };
        condition("ChartFetched", is, reason, message)
    }));
    let installs = told
        .turn
        .state
        .attempted
        .as_ref()
        .is_some_and(|last| last.install);
    all.extend(released(told).map(|(is, _, message)| {
        let reason = match (is, installs) {
            (Is::True, _) => "HelmSuccess",
            (Is::False, true) => "HelmInstallFailed",
            (Is::False, false) => "HelmUgradeFailed",
            (Is::Unknown, _) => "Progressing",
        };
        condition("Released", is, reason, message)
    }));
    all.extend(rolled_back(told).map(|(is, phase, message)| {
        let reason = match is {
            Is::True => "HelmSuccess",
            Is::False if phase == OVER => OVER,
            Is::False => "HelmRollbackFailed",
            Is::Unknown => "Progressing",
        };
        condition("RolledBack", is, reason, message)
    }));
    all
}
