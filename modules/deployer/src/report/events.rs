//! Events: one per transition. The keys name it, so that no restart repeats one.

use oarlock_sdk::Event;

use crate::fleet::Sized;
use crate::rollout::{Deed, Mark, Situation, Told, Turn};

/// All of a turn.
pub(crate) fn events(turn: &Turn, at: &Situation<'_>, version: &str) -> Vec<Event> {
    let mut events: Vec<Event> = turn.told.iter().map(|told| event(told, turn, at)).collect();
    let key = |what: &str| format!("rollout-{}-{what}", turn.state.rollout);
    let name = &turn.state.to.deployment;
    if let Some(failure) = at
        .fleet
        .track(&turn.state.to)
        .and_then(|track| track.failure.as_deref())
    {
        events.push(Event::warning(
            key(&format!("failed-{name}")),
            "DeploymentFailed",
            failure,
        ));
    }
    let decision = &turn.decision;
    let problems = [
        "Held",
        "MigrationFailed",
        "MigrationJobMissing",
        "ServiceMissing",
        "CheckFailed",
    ];
    if problems.contains(&decision.word.as_str()) {
        let step = turn.state.phase.mark().map_or(0, |mark| mark.index + 1);
        let what = format!("{}-{step}", decision.word.to_lowercase());
        events.push(Event::warning(
            key(&what),
            decision.word.clone(),
            decision.because.clone(),
        ));
    }
    if let ("WaitingForPromotion", Some(mark)) = (decision.word.as_str(), turn.state.phase.mark()) {
        let what = format!("step-{}-paused", mark.index + 1);
        events.push(Event::normal(
            key(&what),
            "Paused",
            decision.because.clone(),
        ));
    }
    if let Deed::Act { sizes, .. } = &turn.deed {
        events.extend(
            sizes
                .iter()
                .filter_map(|one| restored(one, turn, at, version)),
        );
    }
    events
}

/// Somebody else scaled, edited or deleted what is put back now.
fn restored(one: &Sized, turn: &Turn, at: &Situation<'_>, version: &str) -> Option<Event> {
    let name = &one.release.deployment;
    let Some(track) = at.fleet.track(&one.release) else {
        let remembered = at.tracks.iter().find(|track| track.name == *name)?;
        let is_new = turn.told.contains(&Told::Installing);
        return (!is_new && remembered.desired > 0).then(|| {
            Event::warning(
                format!("recreated-{name}-{version}"),
                "Recreated",
                format!(
                    "Deployment {name} was deleted; it comes back with {} Pods",
                    one.replicas
                ),
            )
        });
    };
    let key = format!("restored-{name}-{}", track.generation);
    let told = if track.live != track.count.wanted {
        format!(
            "Deployment {name} was scaled to {} by somebody else; it goes back to {}",
            track.live, one.replicas
        )
    } else if track.is_changed(&one.release) {
        format!(
            "the Pods of Deployment {name} were changed by somebody else; they go back to {}",
            one.release.revision
        )
    } else {
        return None;
    };
    Some(Event::warning(key, "Restored", told))
}

fn event(told: &Told, turn: &Turn, at: &Situation<'_>) -> Event {
    let state = &turn.state;
    let name = &state.to.deployment;
    let key = |what: &str| format!("rollout-{}-{what}", state.rollout);
    let steps = at.plan.steps(state.kind).len();
    let Mark { index, percent } = state.phase.mark().unwrap_or(Mark {
        index: 0,
        percent: 100,
    });
    let number = index + 1;
    let normal =
        |what: &str, reason: &str, message: String| Event::normal(key(what), reason, message);
    match told {
        Told::Installing => normal(
            "installing",
            "Installing",
            format!("{} Pods of {name}", at.plan.replicas),
        ),
        Told::Installed => normal("installed", "Installed", format!("{name} is available")),
        Told::StepEntered => normal(
            &format!("step-{number}-entered"),
            "StepEntered",
            format!("step {number} of {steps}: {percent}% to {name}"),
        ),
        Told::StepAvailable => normal(
            &format!("step-{number}-available"),
            "StepAvailable",
            format!("{percent}% is available"),
        ),
        Told::Promoted => normal("promoted", "Promoted", promoted(turn, name)),
        Told::Retired => normal("retired", "Retired", format!("all Pods are of {name}")),
        Told::Aborted { deployment, reason } => Event::warning(
            key(&format!("aborted-{deployment}")),
            "Aborted",
            format!("{deployment} is given up: {reason}"),
        ),
        Told::RollingBack => normal(
            "back",
            "RollingBack",
            format!("back to {name}, without steps"),
        ),
        Told::RolledBack => normal(
            "rolled-back",
            "RolledBack",
            format!("all Pods are of {name} again"),
        ),
        Told::Retried => Event::normal(
            format!("retried-{}", at.generation),
            "Retried",
            format!("{} is tried again", at.plan.release.version),
        ),
        Told::Migrating => normal("migrating", "Migrating", format!("the Job before {name}")),
        Told::Migrated => normal(
            "migrated",
            "Migrated",
            format!("the Job before {name} succeeded"),
        ),
    }
}

fn promoted(turn: &Turn, name: &str) -> String {
    match turn.state.phase {
        crate::rollout::Phase::Retiring(_) => format!("{name} serves"),
        _ => format!("all Pods are of {name}"),
    }
}
