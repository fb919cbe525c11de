//! What becomes of the Job between two versions.

use rollout::why::Verdict;

use super::state::{Phase, State};
use super::{Decision, Next, Situation, Told, act, goal};
use crate::migration::Standing;
use crate::naming;
use crate::spec::OnMigrationFailure;
use crate::status::{MigrationStatus, Stage};

/// The old version goes.
pub(super) fn draining(state: State, at: &Situation<'_>) -> Next {
    if at.plan.wishes.paused {
        return Next::act(state, goal::paused(at));
    }
    if !act::is_there(&state, at) {
        return Next::act(state, None);
    }
    let migrated = state.memory.migrated.contains(&state.to.revision);
    if at.plan.migration.is_none() || migrated {
        return Next::write(state.enter(Phase::Starting), Vec::new());
    }
    let mut state = state.enter(Phase::Migrating);
    state.migration = Some(intent(&state, at));
    Next::write(state, vec![Told::Migrating])
}

/// The next attempt: one that failed is left as it is.
fn intent(state: &State, at: &Situation<'_>) -> MigrationStatus {
    let revision = &state.to.revision;
    let name = |attempt| naming::job(&at.plan.name, revision, attempt);
    let mut attempt = 1;
    while matches!(at.jobs.standing(&name(attempt)), Standing::Failed(_)) {
        attempt += 1;
    }
    MigrationStatus {
        revision: revision.clone(),
        job: name(attempt),
        attempt,
        stage: Stage::Intended,
    }
}

/// The Job runs.
pub(super) fn migrating(mut state: State, at: &Situation<'_>) -> Next {
    let Some(migration) = state.migration.clone() else {
        state.migration = Some(intent(&state, at));
        return Next::write(state, Vec::new());
    };
    let job = &migration.job;
    match (at.jobs.standing(job), migration.stage) {
        (Standing::Succeeded, _) => done(state),
        (Standing::Failed(why), _) => {
            let why = format!("Job {job} failed: {why}");
            let restores = at
                .plan
                .migration
                .as_ref()
                .is_none_or(|one| one.on_failure == OnMigrationFailure::RestorePrevious);
            if restores && state.from.is_some() {
                return goal::abort(state, &why, at);
            }
            held(state, "MigrationFailed", &why)
        }
        (Standing::Active, Stage::Created) => {
            let told = format!("Job {job} has not ended yet");
            let name = format!("Job {job}");
            let decision = Decision::new("Migrating", told).input(&name, "active", Verdict::Hold);
            Next::act(state, decision)
        }
        (Standing::Active, Stage::Intended) => {
            if let Some(migration) = &mut state.migration {
                migration.stage = Stage::Created;
            }
            Next::act(state, Decision::new("Migrating", format!("Job {job} runs")))
        }
        (Standing::Missing, Stage::Intended) if at.plan.migration.is_none() => done(state),
        (Standing::Missing, Stage::Intended) => {
            let told = format!("Job {job} is created");
            Next::act(state, Decision::new("Migrating", told))
        }
        (Standing::Missing, Stage::Created) if at.plan.wishes.promote.is_some() => done(state),
        (Standing::Missing, Stage::Created) => {
            let why = format!("Job {job} was deleted, and nobody knows what it did");
            held(state, "MigrationJobMissing", &why)
        }
    }
}

fn done(mut state: State) -> Next {
    let revision = state.to.revision.clone();
    state.migrated(&revision);
    Next::write(state.enter(Phase::Starting), vec![Told::Migrated])
}

fn held(state: State, word: &'static str, why: &str) -> Next {
    let revision = &state.to.revision;
    let told = format!(
        "{why}\n\
         hint: spec.control.retry runs it again, spec.control.promote: {revision} goes on without it, \
         spec.control.abort: {revision} goes back"
    );
    let decision = Decision::new(word, told).input("migration", why, Verdict::Fail);
    Next::act(state, decision)
}

/// What a change of mind waits for: a Job that runs is not interrupted.
pub(super) fn waits(state: &State, at: &Situation<'_>) -> Option<Decision> {
    let migration = state
        .migration
        .as_ref()
        .filter(|_| state.phase == Phase::Migrating)?;
    let job = &migration.job;
    (*at.jobs.standing(job) == Standing::Active).then(|| {
        let told = format!("Job {job} is not interrupted");
        let name = format!("Job {job}");
        Decision::new("WaitingForMigration", told).input(&name, "active", Verdict::Hold)
    })
}

/// Notes a Job that succeeded, whatever else is wanted by now.
pub(super) fn note(state: &mut State, at: &Situation<'_>) {
    let Some(migration) = &state.migration else {
        return;
    };
    if *at.jobs.standing(&migration.job) == Standing::Succeeded {
        let revision = migration.revision.clone();
        if !state.memory.migrated.contains(&revision) {
            state.migrated(&revision);
        }
    }
}

/// A retry: one that failed, or is missing, runs again.
pub(super) fn again(state: &mut State, at: &Situation<'_>) -> bool {
    let Some(migration) = state
        .migration
        .clone()
        .filter(|_| state.phase == Phase::Migrating)
    else {
        return false;
    };
    let standing = at.jobs.standing(&migration.job);
    let broken = matches!(standing, Standing::Failed(_))
        || *standing == Standing::Missing && migration.stage == Stage::Created;
    if broken && migration.revision == at.plan.release.revision {
        state.migration = Some(MigrationStatus {
            attempt: migration.attempt + 1,
            job: naming::job(&at.plan.name, &migration.revision, migration.attempt + 1),
            stage: Stage::Intended,
            ..migration
        });
    }
    broken
}
