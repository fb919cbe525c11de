//! Taking over from a Flagger, without a moment without Pods. TAKEOVER.md tells people what to do, and why in that order.
//!
//! A Flagger leaves this behind: the user's Deployment at no replicas, a Deployment `-primary` that serves, with the same template
//! but for names that end in `-primary`, and Services that select its Pods. The way back is: the user's Deployment grows to the
//! numbers of the primary; the Services turn to its Pods; the primary goes. Until then nothing else is done for the Canary.
//!
//! All of it stands on the objects: a run that is lost costs nothing.

#[cfg(test)]
mod tests;

use oarlock_sdk::{
    Child, Condition, Context, Event, ObjectRef, Outcome, ReadError, Removal, Requeue, Timestamp,
    Value, json,
};
use rollout::why::{Input, Verdict, Why};

use crate::deployment::{self, Live};
use crate::plan::Plan;
use crate::router::observed::Observed;
use crate::router::{self, Routes, Target, Traffic};

/// Annotation on Flagger's Deployment: since when no requests are sent to it.
const IDLE_SINCE: &str = "canary.oarlock.dev/idle-since";

/// What a Flagger left behind.
#[derive(Clone, Debug, Default)]
struct Seen {
    /// Its Deployment.
    primary: Option<Value>,
    /// Its autoscaler, of the primary.
    scaler: Option<Value>,
}

/// What is to be done about it.
#[derive(Clone, Debug)]
enum Takeover {
    /// Nothing, or nothing any more.
    Done,
    /// This, and nothing else for the Canary.
    Busy(Box<Turn>),
}

/// One turn of a take-over.
#[derive(Clone, Debug, Default)]
struct Turn {
    children: Vec<Child>,
    removals: Vec<Removal>,
    /// What is waited for, and what is done.
    waits: Vec<Input>,
    /// When it goes on, if nothing changes before.
    wake: Option<Timestamp>,
}

/// One turn of a take-over, where there is one to make: nothing else is to be done for the Canary then.
///
/// # Errors
///
/// Where the host has no answer.
pub(crate) fn outcome(cx: &Context, plan: &Plan, app: &Live) -> Result<Option<Outcome>, ReadError> {
    let seen = Seen::of(cx, plan)?;
    if seen.primary.is_none() {
        return Ok(None);
    }
    let services = Observed::of(cx, plan)?;
    let routes = router::decide(plan, &Target::of(app), &Traffic::idle(), &services);
    let Takeover::Busy(turn) = decide(plan, &seen, app, (routes, &services), cx.now()) else {
        return Ok(None);
    };
    Ok(Some(told(plan, *turn)))
}

fn told(plan: &Plan, turn: Turn) -> Outcome {
    let waits: Vec<_> = turn
        .waits
        .iter()
        .map(|wait| match &wait.expected {
            Some(expected) => format!("{}: {}, expected {expected}", wait.name, wait.value),
            None => format!("{}: {}", wait.name, wait.value),
        })
        .collect();
    let because = waits.join("\n");
    let stuck = turn.children.is_empty();
    let (reason, about) = match stuck {
        true => ("FlaggerServes", "what a Flagger left behind is not touched"),
        false => ("TakingOver", "what a Flagger left behind is taken over"),
    };
    let why = Why {
        decision: String::from(reason),
        because: because.clone(),
        inputs: turn.waits,
        next_wake_up: turn.wake,
    };
    let event = match stuck {
        true => Event::warning(
            format!("takeover-stuck-{}", plan.uid),
            reason,
            because.clone(),
        ),
        false => Event::normal(format!("takeover-{}", plan.uid), reason, about),
    };
    let mut outcome = Outcome::new()
        .patch_status(json!({"why": why}))
        .condition(Condition::no(
            "Ready",
            reason,
            format!("{about}\n{because}"),
        ))
        .event(event)
        .requeue(turn.wake.map_or(Requeue::OnChange, Requeue::At));
    if !stuck {
        outcome = outcome.children(turn.children);
    }
    turn.removals.into_iter().fold(outcome, Outcome::remove)
}

impl Seen {
    /// Looks at what there is.
    ///
    /// # Errors
    ///
    /// Where the host has no answer.
    fn of(cx: &Context, plan: &Plan) -> Result<Self, ReadError> {
        let at = |api_version: &str, kind: &str, name: &str| {
            ObjectRef::new(api_version, kind, format!("{name}-primary"))
                .in_namespace(&plan.namespace)
        };
        let primary = cx
            .get_raw(&at("apps/v1", "Deployment", &plan.target))?
            .filter(is_flaggers);
        let scaler = match (&primary, &plan.autoscaler) {
            (Some(_), Some(name)) => {
                let target = at("autoscaling/v2", "HorizontalPodAutoscaler", name);
                cx.get_raw(&target)?.filter(|live| {
                    live["spec"]["scaleTargetRef"]["name"] == format!("{}-primary", plan.target)
                })
            }
            _ => None,
        };
        Ok(Self { primary, scaler })
    }
}

/// Flagger marks the Pod template of what it makes, and owns it by its Canary.
fn is_flaggers(live: &Value) -> bool {
    let owners = live["metadata"]["ownerReferences"].as_array();
    let owned = owners.into_iter().flatten().any(|owner| {
        let group = owner["apiVersion"].as_str().unwrap_or_default();
        owner["kind"] == "Canary" && group.starts_with("flagger.app/")
    });
    let marked = !live["spec"]["template"]["metadata"]["annotations"]["flagger-id"].is_null();
    owned || marked
}

/// The next turn. `routes` are those between rollouts.
fn decide(
    plan: &Plan,
    seen: &Seen,
    app: &Live,
    (routes, services): (Routes, &Observed),
    now: Timestamp,
) -> Takeover {
    let Some(primary) = &seen.primary else {
        return Takeover::Done;
    };
    let name = format!("{}-primary", plan.target);
    if let Some(wait) = obstacle(plan, &name, primary, app) {
        return Takeover::Busy(Box::new(Turn {
            waits: vec![wait],
            ..Turn::default()
        }));
    }
    let replicas = number(&primary["spec"]["replicas"]).unwrap_or(1);
    let mut turn = Turn {
        children: vec![grown(plan, replicas.max(deployment::wanted(app)))],
        ..Turn::default()
    };
    let available = app.status.available_replicas;
    if available < replicas || !deployment::is_settled(app) {
        turn.waits.push(
            Input::new(
                format!("pods of {}", plan.target),
                format!("{available} available"),
                Verdict::Hold,
            )
            .expected(format!("{replicas}, as many as {name} has")),
        );
        // What was taken over already stays.
        let own = |child: &Child| {
            let object = child.object();
            let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            let name = text(&object["metadata"]["name"]);
            services.is_own(&text(&object["kind"]), &name) && !services.is_turned(&name, plan)
        };
        turn.children
            .extend(routes.children.into_iter().filter(own));
        return Takeover::Busy(Box::new(turn));
    }
    turn.children.extend(routes.children);
    if !routes.waits.is_empty() {
        turn.waits = routes.waits;
        return Takeover::Busy(Box::new(turn));
    }
    let since = primary["metadata"]["annotations"][IDLE_SINCE]
        .as_str()
        .and_then(|text| text.parse::<Timestamp>().ok());
    let until = since.unwrap_or(now) + plan.strategy.linger;
    if since.is_none() || now < until {
        turn.children.push(idle(plan, &name, since.unwrap_or(now)));
        turn.waits.push(
            Input::new(
                format!("pods of {name}"),
                String::from("still finish what they began"),
                Verdict::Hold,
            )
            .expected(format!("until {until}")),
        );
        turn.wake = Some(until);
        return Takeover::Busy(Box::new(turn));
    }
    let goes = |kind: (&str, &str), live: &Value| {
        let name = live["metadata"]["name"].as_str().unwrap_or_default();
        let uid = live["metadata"]["uid"].as_str().unwrap_or_default();
        Removal::of(ObjectRef::new(kind.0, kind.1, name).in_namespace(&plan.namespace)).uid(uid)
    };
    // What goes is not listed any more: the host would look after it as long as no later outcome lists anything.
    turn.waits.push(Input::new(
        format!("deployment {name}"),
        "gets no requests any more, and is removed",
        Verdict::Info,
    ));
    let hpa = ("autoscaling/v2", "HorizontalPodAutoscaler");
    turn.removals = seen.scaler.iter().map(|live| goes(hpa, live)).collect();
    turn.removals.push(goes(("apps/v1", "Deployment"), primary));
    Takeover::Busy(Box::new(turn))
}

/// Why it cannot be taken over as it is. Nothing is touched then: what serves goes on serving.
fn obstacle(plan: &Plan, name: &str, primary: &Value, app: &Live) -> Option<Input> {
    let wait = |value: String, expected: String| {
        Some(Input::new(format!("deployment {name}"), value, Verdict::Hold).expected(expected))
    };
    if !plan.takeover {
        return wait(
            String::from("is a Flagger's, and serves"),
            String::from(
                "consent; hint: stop Flagger, then say spec.takeover: flagger (see TAKEOVER.md)",
            ),
        );
    }
    let owners = primary["metadata"]["ownerReferences"].as_array();
    let other = owners
        .into_iter()
        .flatten()
        .find(|owner| owner["kind"] == "Canary" && owner["uid"] != *plan.uid);
    if let Some(owner) = other {
        let owner = owner["name"].as_str().unwrap_or_default();
        return wait(
            format!("belongs to Flagger's Canary {owner}"),
            format!(
                "to nobody; hint: kubectl delete canaries.flagger.app {owner} --cascade=orphan"
            ),
        );
    }
    if !same(&app.spec.template, &primary["spec"]["template"]) {
        return wait(
            format!("runs another Pod template than {}", plan.target),
            format!(
                "the same; hint: apply to {} what {name} runs, and the new one afterwards",
                plan.target
            ),
        );
    }
    None
}

/// The user's Deployment with as many Pods as the primary has. Flagger had scaled it down: what it is given back to is this.
fn grown(plan: &Plan, replicas: u32) -> Child {
    Child::share(json!({
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": plan.target, "namespace": plan.namespace},
        "spec": {"replicas": replicas},
    }))
    .force()
    .restored_on_leave(json!({"spec": {"replicas": replicas}}))
}

/// Remembers since when the primary gets no requests.
fn idle(plan: &Plan, name: &str, since: Timestamp) -> Child {
    Child::share(json!({
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {
            "name": name,
            "namespace": plan.namespace,
            "annotations": {IDLE_SINCE: since.to_string()},
        },
    }))
    .restored_on_leave(json!({"metadata": {"annotations": {IDLE_SINCE: null}}}))
}

fn number(value: &Value) -> Option<u32> {
    u32::try_from(value.as_u64()?).ok()
}

/// Whether the second is what Flagger makes of the first: names that end in `-primary`, and a mark among the annotations.
fn same(app: &Value, primary: &Value) -> bool {
    let nothing = |value: &Value| match value {
        Value::Null => true,
        Value::Object(fields) => fields.keys().all(|key| key == "flagger-id"),
        _ => false,
    };
    match (app, primary) {
        (Value::Object(x), Value::Object(y)) => x
            .keys()
            .chain(y.keys())
            .filter(|key| *key != "flagger-id")
            .all(|key| same(&app[key], &primary[key])),
        (Value::Array(x), Value::Array(y)) => {
            x.len() == y.len() && x.iter().zip(y).all(|(x, y)| same(x, y))
        }
        (Value::String(x), Value::String(y)) => {
            x == y || y.strip_suffix("-primary") == Some(x.as_str())
        }
        _ => app == primary || nothing(app) && nothing(primary),
    }
}
