//! One run for one Canary: look, decide, and say what is to be done.

use std::time::Duration;

use oarlock_sdk::{
    AnyObject, Condition, Context, Event, Failure, Object, Outcome, ReadError, Requeue,
};
use rollout::analysis::Settings;

use crate::children;
use crate::deployment;
use crate::goal::Numbers;
use crate::machine::{self, Act, Hold, Situation, Turn};
use crate::observed::{App, Observed};
use crate::plan::{Plan, Routing};
use crate::rival::Rival;
use crate::spec::CanarySpec;
use crate::state::{Stage, State};
use crate::status::Phase;
use crate::{checks, deletion, report, router, scaler, takeover, traffic};

/// One run for one Canary, of whichever group.
///
/// # Errors
///
/// [`Failure::Invalid`] with all fields that are wrong; a read without an answer.
pub(crate) fn reconcile(object: AnyObject, cx: &Context) -> Result<Outcome, Failure> {
    let settings: Settings = cx.settings()?;
    let (canary, plan) = Plan::read(object, &settings)?;
    let known = State::read(&canary.status);
    let observed = Observed::of(cx, &plan, known.as_ref())?;
    let Some(app) = &observed.app else {
        return Ok(match cx.deleting() {
            true => Outcome::new().children([]).finalized(),
            false => missing(&canary, &plan, known.as_ref(), &observed),
        });
    };
    if !cx.deleting() {
        let born = canary
            .metadata
            .creation_timestamp
            .map(|born| born.to_string());
        let born = born.unwrap_or_default();
        if let Some(rival) = Rival::of(cx, &plan, &born, &app.live)? {
            return Ok(rival.outcome(&plan));
        }
        if let Some(outcome) = takeover::outcome(cx, &plan, &app.live)? {
            return Ok(outcome);
        }
    }
    roll(&canary, plan, cx, known, &observed, app)
}

/// When it is looked whether the requests go where they were sent.
const ROUTES: Duration = Duration::from_secs(1);

/// What sends requests, and what scales.
struct Surroundings {
    seen: router::observed::Observed,
    target: router::Target,
    hash: Option<String>,
}

impl Surroundings {
    fn of(cx: &Context, plan: &Plan, app: &App) -> Result<Self, Failure> {
        let hash = match (&plan.service, plan.routing) {
            (None, _) => None,
            (Some(_), routing) => match router::replica_set::hash(cx, &app.live) {
                // Without a router only the Service beside the rollout needs it.
                Err(ReadError::Denied(_)) if routing == Routing::Replicas => None,
                hash => hash?,
            },
        };
        Ok(Self {
            seen: router::observed::Observed::of(cx, plan)?,
            target: router::Target::of(&app.live),
            hash,
        })
    }

    fn routes(&self, plan: &Plan, state: &State, numbers: &Numbers) -> router::Routes {
        let traffic = traffic::of(state, plan, numbers, self.hash.as_deref());
        router::decide(plan, &self.target, &traffic, &self.seen)
    }
}

fn roll(
    canary: &Object<CanarySpec>,
    mut plan: Plan,
    cx: &Context,
    known: Option<State>,
    observed: &Observed,
    app: &App,
) -> Result<Outcome, Failure> {
    let around = Surroundings::of(cx, &plan, app)?;
    let scalers = scaler::Seen::of(cx, &plan)?;
    let scaling = scaler::decide(&plan, app.replicas, &scalers);
    plan.warnings.extend(scaling.warnings);
    let plan = &plan;
    let version = images(app);
    let mut numbers = Numbers {
        replicas: app.replicas,
        surge: app.surge,
        app: app.count(),
        stable: observed.stable_count(),
        own_surge: deployment::max_surge(&app.live),
        recreates: app.live.spec.recreates(),
        routing: plan.routing,
        away: true,
    };
    let fresh = State::new();
    let before = known.as_ref().unwrap_or(&fresh);
    let routes = around.routes(plan, before, &numbers);
    let routed = routes.waits.is_empty() || plan.routing == Routing::Replicas;
    numbers.away = traffic::is_away(before, plan, routed, cx.now());
    let situation = Situation {
        plan,
        observed,
        app,
        numbers,
        version: &version,
        now: cx.now(),
        routed,
    };
    if cx.deleting() {
        let left = deletion::hand_back(known.as_ref(), &situation);
        return Ok(deletion::outcome(left, &situation));
    }
    let mut turn = machine::step(known.clone(), &situation, None);
    if let (Turn::Ask(question), Some(state)) = (&turn, &known) {
        let answer = checks::ask(cx, *question, state, &situation);
        turn = machine::step(known.clone(), &situation, Some(&answer));
    }
    let (state, told, wake, act) = match turn {
        // An answer was given: nothing is asked twice.
        Turn::Ask(_) => return Ok(Outcome::new().requeue_after(plan.interval)),
        Turn::Enter { state, told } => (*state, told, None, None),
        Turn::Act(act) => {
            let Act {
                state,
                effect,
                told,
                wake,
            } = *act;
            (state, told, wake, Some(effect))
        }
    };
    let mut status = report::status(
        &canary.status,
        &state,
        &told,
        &situation,
        canary.generation(),
        wake,
    );
    if let Some(Hold::Sized { replicas, .. }) = act.map(|effect| effect.hold) {
        status.assigned_replicas = Some(replicas);
    }
    let mut events = report::events(known.as_ref(), &state, &told, &situation);
    let scope = checks::scope(plan, &state, cx.now());
    let notices = checks::notices(cx, plan, &scope, &mut events);
    let mut outcome = Outcome::new().status(canary, &status).events(events);
    for notice in notices {
        outcome = outcome.notify(notice);
    }
    if state.stage == Stage::Idle
        && act.is_none()
        && !app.held
        && app.replicas > 0
        && !state.promoted
    {
        // Not before it is held.
        status.phase = Some(Phase::Initializing);
    }
    let warned = canary.raw()["status"]["conditions"]
        .as_array()
        .is_some_and(|list| list.iter().any(|condition| condition["type"] == "Warnings"));
    if let Some(why) = &status.why {
        for condition in report::conditions(&state, why, &situation, warned) {
            outcome = outcome.condition(condition);
        }
    }
    let Some(effect) = act else {
        return Ok(outcome.once_written());
    };
    // Replicas are given back by a run of its own, after the one that made them what they shall be.
    let lends = matches!(effect.hold, Hold::Sized { .. })
        && state.stage == Stage::Idle
        && plan.replicas.is_none();
    // Requests go where they shall before Pods go.
    let routes = around.routes(plan, &state, &numbers);
    let waits =
        plan.routing != Routing::Replicas && !routes.waits.is_empty() && state.stage != Stage::Idle;
    // What was written by this run is no reason to run again.
    let look = (waits || lends).then(|| match lends {
        true => cx.now(),
        false => cx.now() + ROUTES,
    });
    let requeue = match wake.into_iter().chain(look).min() {
        Some(at) => Requeue::At(at),
        None => Requeue::OnChange,
    };
    let all = routes
        .children
        .into_iter()
        .chain(children::of(plan, observed, app, &state.stable, effect))
        .chain(scaling.children);
    Ok(outcome.children(all).requeue(requeue))
}

/// The Deployment is not there. What serves in its place stays.
fn missing(
    canary: &Object<CanarySpec>,
    plan: &Plan,
    known: Option<&State>,
    observed: &Observed,
) -> Outcome {
    let name = &plan.target;
    let message = format!(
        "spec.targetRef.name: there is no Deployment {name} in namespace {}\n\
         hint: create it; it is held as soon as it is there",
        plan.namespace
    );
    let kept = known
        .zip(observed.stable.as_ref())
        .filter(|_| observed.stable_count().wanted > 0)
        .map(|(state, live)| {
            let replicas = canary.status.desired_replicas;
            children::stable_alone(plan, live, &state.stable, replicas)
        });
    let rollout = known.map_or(0, |state| state.rollout);
    let outcome = Outcome::new()
        .condition(Condition::no("Ready", "TargetMissing", message.clone()))
        .condition(Condition::no(
            "Progressing",
            "TargetMissing",
            message.clone(),
        ))
        .event(Event::warning(
            format!("rollout-{rollout}-target-missing"),
            "TargetMissing",
            message,
        ));
    match (kept, &observed.stable) {
        (Some(stable), _) => outcome.child(stable),
        // Empty: it is kept for when the Deployment comes back.
        (None, Some(_)) => outcome,
        (None, None) => outcome.children([]),
    }
}

/// What people call a revision: the images of its containers.
fn images(app: &App) -> String {
    let containers = app
        .live
        .spec
        .template
        .pointer("/spec/containers")
        .and_then(oarlock_sdk::Value::as_array);
    containers
        .into_iter()
        .flatten()
        .filter_map(|container| container["image"].as_str())
        .collect::<Vec<_>>()
        .join(", ")
}
