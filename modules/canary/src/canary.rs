//! One run for one Canary: look, decide, and say what is to be done.

use std::time::Duration;

use oarlock_sdk::{
    AnyObject, Child, Condition, Context, Event, Failure, Object, Outcome, ReadError, Requeue,
    Timestamp,
};
use rollout::analysis::Settings;

use crate::children;
use crate::deployment;
use crate::goal::Numbers;
use crate::machine::{self, Act, Hold, Situation, Told, Turn};
use crate::observed::{App, Observed};
use crate::plan::{Plan, Routing};
use crate::rival::Rival;
use crate::router::Traffic;
use crate::spec::CanarySpec;
use crate::state::{Stage, State};
use crate::status::Phase;
use crate::{checks, deletion, overlap, report, router, scaler, takeover, traffic};

/// One run for one Canary, of whichever group.
///
/// # Errors
///
/// [`Failure::Invalid`] with all fields that are wrong; a read without an answer.
pub(crate) fn reconcile(object: AnyObject, cx: &Context) -> Result<Outcome, Failure> {
    let settings: Settings = cx.settings()?;
    let (canary, mut plan) = match Plan::read(object.clone(), &settings) {
        // What is wrong with a spec must not keep it from being deleted.
        Err(Failure::Invalid(_)) if cx.deleting() => match Plan::at_its_end(&object, &settings) {
            Some(plan) => plan,
            None => return Ok(Outcome::new().children([]).finalized()),
        },
        plan => plan?,
    };
    let scalers = scaler::Seen::of(cx, &plan)?;
    scalers.settle(&mut plan);
    // A status of another Deployment tells nothing of this one.
    let same = canary
        .status
        .tracks
        .first()
        .is_none_or(|track| track.name == plan.target);
    let known = State::read(&canary.status).filter(|_| same);
    let observed = Observed::of(cx, &plan, known.as_ref())?;
    let Some(app) = &observed.app else {
        return Ok(match cx.deleting() {
            true => Outcome::new().children([]).finalized(),
            false => missing(&canary, &plan, &scalers, cx, known.as_ref(), &observed)?,
        });
    };
    let rival = match cx.deleting() {
        true => None,
        false => {
            let born = canary.metadata.creation_timestamp;
            let born = born.map(|born| born.to_string()).unwrap_or_default();
            Rival::of(cx, &plan, &born, &app.live)?
        }
    };
    if !cx.deleting()
        && rival.is_none()
        && let Some(outcome) = takeover::outcome(cx, &plan, &app.live)?
    {
        return Ok(outcome);
    }
    let found = Found {
        observed: &observed,
        app,
        rival,
    };
    roll(&canary, plan, &scalers, cx, known, found)
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

    /// The routes of a state whose Pods may be those of a template that is not there any more.
    fn still(&self, plan: &Plan, state: &State, numbers: &Numbers, app: &App) -> router::Routes {
        if app.revision == state.target {
            return self.routes(plan, state, numbers);
        }
        let selected = plan
            .services()
            .and_then(|names| self.seen.hash(&names.canary));
        let traffic = traffic::of(state, plan, numbers, selected.as_deref());
        router::decide(plan, &self.target, &traffic, &self.seen)
    }

    fn routes(&self, plan: &Plan, state: &State, numbers: &Numbers) -> router::Routes {
        let traffic = traffic::of(state, plan, numbers, self.hash.as_deref());
        router::decide(plan, &self.target, &traffic, &self.seen)
    }
}

/// What was found in the cluster.
struct Found<'a> {
    observed: &'a Observed,
    app: &'a App,
    rival: Option<Rival>,
}

fn roll(
    canary: &Object<CanarySpec>,
    mut plan: Plan,
    scalers: &scaler::Seen,
    cx: &Context,
    known: Option<State>,
    found: Found<'_>,
) -> Result<Outcome, Failure> {
    let Found {
        observed,
        app,
        rival,
    } = found;
    let around = Surroundings::of(cx, &plan, app)?;
    let scaling = scaler::decide(&plan, app.replicas, scalers);
    plan.warnings.extend(scaling.warnings);
    if known.is_none() && !cx.deleting() && deployment::is_settled(&app.live) {
        plan.warnings
            .extend(overlap::warnings(cx, &plan, &app.live)?);
    }
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
    let traffic = traffic::of(before, plan, &numbers, around.hash.as_deref());
    let routes = router::decide(plan, &around.target, &traffic, &around.seen);
    let routed = plan.routing == Routing::Replicas
        || (routes.waits.is_empty() && traffic::is_meant(before, plan, &traffic));
    numbers.away = traffic::is_away(before, plan, routed, cx.now());
    let situation = Situation {
        plan,
        observed,
        app,
        numbers,
        version: &version,
        now: cx.now(),
        routed,
        waits: match plan.routing {
            Routing::Replicas => &[],
            Routing::Gateway | Routing::Services => &routes.waits,
        },
    };
    if let Some(rival) = rival {
        return Ok(rival.outcome(plan, deletion::hand_back(known.as_ref(), &situation)));
    }
    if cx.deleting() {
        let left = deletion::hand_back(known.as_ref(), &situation);
        return Ok(deletion::outcome(left, &situation));
    }
    let mut turn = machine::step(known.clone(), &situation, None);
    if let (Turn::Ask(question), Some(state)) = (&turn, &known) {
        let answer = checks::ask(cx, *question, state, &situation);
        turn = machine::step(known.clone(), &situation, Some(&answer));
    }
    let run = Run {
        canary,
        cx,
        known: known.as_ref(),
        situation,
        around,
        // Before the Deployment is held nobody would carry out what an autoscaler writes.
        scalers: match &known {
            Some(state) if state.stage != Stage::Observing => scaling.children,
            _ => Vec::new(),
        },
    };
    Ok(match turn {
        // An answer was given: nothing is asked twice.
        Turn::Ask(_) => Outcome::new().requeue_after(plan.interval),
        Turn::Enter { state, told } => run.enter(&state, &told),
        Turn::Act(act) => run.act(&act),
    })
}

/// What a turn is told and written by.
struct Run<'a> {
    canary: &'a Object<CanarySpec>,
    cx: &'a Context,
    known: Option<&'a State>,
    situation: Situation<'a>,
    around: Surroundings,
    scalers: Vec<Child>,
}

impl Run<'_> {
    /// What comes next is written down, and all stays as it is now, also what others changed a moment ago: without a word of
    /// the children the host would repair those of the last run.
    fn enter(self, state: &State, told: &Told) -> Outcome {
        let at = &self.situation;
        let outcome = self.tell(state, told, None, None);
        let Some(known) = self.known else {
            return outcome.once_written();
        };
        let routes = self.around.still(at.plan, known, &at.numbers, at.app);
        let still = children::of(at.plan, at.observed, at.app, &known.stable, at.still(known));
        outcome
            .children(in_order(at.plan, routes.children, still, self.scalers))
            .once_written()
    }

    fn act(self, act: &Act) -> Outcome {
        let at = &self.situation;
        let outcome = self.tell(&act.state, &act.told, act.wake, Some(act.effect.hold));
        let idle = act.state.stage == Stage::Idle;
        // Replicas are given back by a run of its own, after the one that made them what they shall be.
        let lends =
            idle && matches!(act.effect.hold, Hold::Sized { .. }) && at.plan.replicas.is_none();
        // Requests go where they shall before Pods go.
        let routes = self.around.routes(at.plan, &act.state, &at.numbers);
        let waits = at.plan.routing != Routing::Replicas && !routes.waits.is_empty() && !idle;
        // What was written by this run is no reason to run again.
        let look = match (lends, waits) {
            (true, _) => Some(at.now),
            (false, true) => Some(at.now + ROUTES),
            (false, false) => None,
        };
        let pods = children::of(at.plan, at.observed, at.app, &act.state.stable, act.effect);
        outcome
            .children(in_order(at.plan, routes.children, pods, self.scalers))
            .requeue(
                act.wake
                    .into_iter()
                    .chain(look)
                    .min()
                    .map_or(Requeue::OnChange, Requeue::At),
            )
    }

    /// Status, conditions, Events and notices.
    fn tell(
        &self,
        state: &State,
        told: &Told,
        wake: Option<Timestamp>,
        hold: Option<Hold>,
    ) -> Outcome {
        let at = &self.situation;
        let generation = self.canary.generation();
        let mut status = report::status(&self.canary.status, state, told, at, generation, wake);
        match hold {
            Some(Hold::Sized { replicas, .. }) => status.assigned_replicas = Some(replicas),
            Some(Hold::Free | Hold::Paused) => status.assigned_replicas = None,
            None => {}
        }
        let fresh = state.stage == Stage::Idle && !state.promoted;
        if fresh && hold.is_none() && !at.app.held && at.numbers.replicas > 0 {
            // Not before it is held.
            status.phase = Some(Phase::Initializing);
        }
        let mut events = report::events(self.known, state, told, at);
        let scope = checks::scope(at.plan, state, at.now);
        let notices = checks::notices(self.cx, at.plan, &scope, &mut events);
        let mut outcome = Outcome::new().status(self.canary, &status).events(events);
        for notice in notices {
            outcome = outcome.notify(notice);
        }
        let warned = self.canary.raw()["status"]["conditions"]
            .as_array()
            .is_some_and(|list| list.iter().any(|condition| condition["type"] == "Warnings"));
        for why in status.why.iter() {
            for condition in report::conditions(state, why, at, warned) {
                outcome = outcome.condition(condition);
            }
        }
        outcome
    }
}

/// Requests go where they shall before Pods go. Where the numbers of Pods split them, nothing waits for a Service.
fn in_order(
    plan: &Plan,
    routes: Vec<Child>,
    pods: Vec<Child>,
    scalers: Vec<Child>,
) -> impl Iterator<Item = Child> {
    let (first, second) = match plan.routing {
        Routing::Replicas => (pods, routes),
        Routing::Gateway | Routing::Services => (routes, pods),
    };
    first.into_iter().chain(second).chain(scalers)
}

/// The Deployment is not there. What serves in its place stays.
fn missing(
    canary: &Object<CanarySpec>,
    plan: &Plan,
    scalers: &scaler::Seen,
    cx: &Context,
    known: Option<&State>,
    observed: &Observed,
) -> Result<Outcome, Failure> {
    let name = &plan.target;
    let message = format!(
        "spec.targetRef.name: there is no Deployment {name} in namespace {}\n\
         hint: create it; it is held as soon as it is there",
        plan.namespace
    );
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
    let (Some(state), Some(live)) = (known, &observed.stable) else {
        return Ok(outcome.children([]));
    };
    let count = observed.stable_count();
    if count.wanted == 0 {
        // It is kept for when the Deployment comes back.
        return Ok(outcome);
    }
    let replicas = canary.status.desired_replicas;
    let traffic = match count.available {
        0 => Traffic::idle(),
        _ => Traffic {
            stable: router::Pods::Stable,
            ..Traffic::idle()
        },
    };
    let target = router::Target::of(&children::untracked(live));
    let seen = router::observed::Observed::of(cx, plan)?;
    let routes = router::decide(plan, &target, &traffic, &seen);
    let pods = children::stable_alone(plan, observed, live, &state.stable, replicas);
    let scaling = scaler::decide(plan, replicas, scalers);
    Ok(outcome.children(in_order(plan, routes.children, pods, scaling.children)))
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
