//! Conditions, in the words of Flux's HelmRelease: a function of what is remembered and of what this run has to say.

use std::time::Duration;

use crate::state::{Is, Leaving, Note, State, Verb};
use crate::turn::Condition;
use crate::wish::{self, Rules, Wish};

/// What a run has to say beside what is remembered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Say {
    /// Nothing.
    #[default]
    Nothing,
    /// It waits for something outside, or cannot go on.
    Obstacle(Note),
    /// It will not go on before something changes.
    Stalled(Note),
    /// It is at it.
    Progress(String),
}

/// All conditions that are known by now.
pub(crate) fn conditions(state: &State, wish: &Wish, say: &Say) -> Vec<Condition> {
    let mut all = vec![
        condition("Ready", ready(state, wish, say)),
        condition("Reconciling", reconciling(state, wish, say)),
        condition("Stalled", stalled(say)),
    ];
    let kept = [
        ("Released", &state.released),
        ("TestSuccess", &state.tested),
        ("Remediated", &state.remediated),
        ("Drifted", &state.drifted),
    ];
    all.extend(
        kept.into_iter()
            .filter_map(|(kind, note)| Some(condition(kind, note.clone()?))),
    );
    all
}

const fn condition(kind: &'static str, note: Note) -> Condition {
    Condition { kind, note }
}

/// The first that has something to say, as Flux sums them up: a remediated release is not what was wished for.
fn ready(state: &State, wish: &Wish, say: &Say) -> Note {
    if let Say::Obstacle(note) = say {
        return note.clone();
    }
    if let Some(action) = &state.action
        && matches!(
            action.verb,
            Verb::Install
                | Verb::Upgrade
                | Verb::Unlock
                | Verb::Uninstall {
                    leaving: Leaving::Moved
                }
        )
    {
        return Note::new(Is::Unknown, "Progressing", running(action.verb, wish));
    }
    let remediated = state
        .remediated
        .clone()
        .filter(|note| note.reason != OVER)
        .map(|note| Note {
            is: Is::False,
            ..note
        });
    let judged = wish.policy.test.is_some() && !ignores_tests(state, wish);
    let tested = state
        .tested
        .clone()
        .filter(|_| judged && state.held.is_none());
    let tested = tested.filter(|note| note.reason != OVER);
    remediated
        .or(tested)
        .or_else(|| state.released.clone())
        .or_else(|| match say {
            Say::Stalled(note) => Some(Note {
                is: Is::False,
                ..note.clone()
            }),
            Say::Nothing | Say::Obstacle(_) | Say::Progress(_) => None,
        })
        .unwrap_or_else(|| Note::new(Is::Unknown, "Progressing", "Nothing was tried yet"))
}

/// Reason of a condition that is over: conditions cannot be taken back.
pub(crate) const OVER: &str = "Over";

fn reconciling(state: &State, wish: &Wish, say: &Say) -> Note {
    if let Say::Progress(message) = say {
        return Note::new(Is::True, "Progressing", message.clone());
    }
    if matches!(say, Say::Stalled(_)) {
        return Note::new(
            Is::False,
            "Stalled",
            "Nothing is tried before something changes",
        );
    }
    match &state.action {
        Some(action) => Note::new(Is::True, "Progressing", running(action.verb, wish)),
        None if state.retry_at.is_some() => {
            let message = ready(state, wish, &Say::Nothing).message;
            Note::new(Is::True, "ProgressingWithRetry", message)
        }
        None => Note::new(Is::False, "Settled", "Nothing is under way"),
    }
}

fn stalled(say: &Say) -> Note {
    match say {
        Say::Stalled(note) => Note {
            is: Is::True,
            ..note.clone()
        },
        Say::Nothing | Say::Obstacle(_) | Say::Progress(_) => {
            Note::new(Is::False, "Settled", "Nothing is in the way for good")
        }
    }
}

/// Flux's words for an action that runs.
pub(crate) fn running(verb: Verb, wish: &Wish) -> String {
    format!(
        "Running '{}' action with timeout of {}",
        verb.as_str(),
        go_duration(timeout(verb, wish))
    )
}

/// Time that each part of an action has.
pub(crate) fn timeout(verb: Verb, wish: &Wish) -> Duration {
    match (verb, &wish.policy.test) {
        (Verb::Test, Some(test)) => test.timeout,
        _ => rules(verb, wish).timeout,
    }
}

/// What the wish says of an action.
pub(crate) fn rules(verb: Verb, wish: &Wish) -> Rules {
    let action = match verb {
        Verb::Install => wish::Action::Install,
        Verb::Rollback { .. } => wish::Action::Rollback,
        Verb::Uninstall { .. } => wish::Action::Uninstall,
        Verb::Upgrade | Verb::Test | Verb::Correct | Verb::Unlock => wish::Action::Upgrade,
    };
    wish.policy.rules(action)
}

/// Whether a failed test of the last attempt is no failure.
pub(crate) fn ignores_tests(state: &State, wish: &Wish) -> bool {
    let policy = &wish.policy;
    let install = state.attempted.as_ref().is_some_and(|last| last.install);
    let remedy = match install {
        true => &policy.install_remediation,
        false => &policy.upgrade_remediation,
    };
    let test = policy.test.as_ref();
    test.is_some_and(|test| test.ignore_failures || remedy.ignore_test_failures)
}

/// A duration as Go prints it, in whole seconds.
pub(crate) fn go_duration(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let (hours, minutes, rest) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    match (hours, minutes) {
        (0, 0) => format!("{rest}s"),
        (0, _) => format!("{minutes}m{rest}s"),
        _ => format!("{hours}h{minutes}m{rest}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_printed_as_go_prints_them() {
        let print = |seconds| go_duration(Duration::from_secs(seconds));
        assert_eq!(print(0), "0s");
        assert_eq!(print(59), "59s");
        assert_eq!(print(300), "5m0s");
        assert_eq!(print(3_723), "1h2m3s");
    }
}
