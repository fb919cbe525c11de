//! What is written: the fields borrowed of the user's Deployment, and the stable Deployment.

use oarlock_sdk::{Child, Expect, Value, json};
use serde_json::Map;

use crate::config::{self, CONFIG};
use crate::deployment::{self, Live, REPLICAS, STABLE, TRACK};
use crate::machine::{Effect, Hold};
use crate::observed::{App, Observed};
use crate::plan::Plan;
use crate::state::Release;

/// The children of an effect. What grows is written before what shrinks.
pub(crate) fn of(
    plan: &Plan,
    observed: &Observed,
    app: &App,
    serves: &Release,
    effect: Effect,
) -> Vec<Child> {
    let (copies, template) = observed
        .config
        .copies(plan, &serves.template, &serves.configs);
    let stable = effect.stable.map(|replicas| {
        stable(
            plan,
            observed.stable.as_ref(),
            &app.live,
            &template,
            replicas,
        )
    });
    let mark = match (effect.replaces, &app.marked) {
        // Without another template nothing is replaced.
        (true, marked) if marked.is_some() || app.configs != serves.configs => {
            Some(config::hash(&app.configs))
        }
        // To leave it out would be another template.
        (_, marked) => marked.clone(),
    };
    let mut children: Vec<Child> = share(plan, app, effect.hold, mark).into_iter().collect();
    let grows = effect
        .stable
        .is_some_and(|replicas| replicas >= observed.stable_count().wanted);
    if let Some(stable) = stable {
        children.insert(if grows { 0 } else { children.len() }, stable);
    }
    match effect.stable {
        Some(_) => copies.into_iter().chain(children).collect(),
        None => children,
    }
}

/// What is borrowed of the user's Deployment, with what gives it back.
fn share(plan: &Plan, app: &App, hold: Hold, mark: Option<String>) -> Option<Child> {
    let (paused, replicas) = match hold {
        Hold::Free => return None,
        Hold::Paused => (true, None),
        Hold::Sized { paused, replicas } => (paused, Some(replicas)),
    };
    let mut fields = json!({
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": plan.target, "namespace": plan.namespace},
        "spec": {"paused": paused},
    });
    let mut restore = json!({"spec": {"paused": app.paused}});
    if let Some(mark) = &mark {
        // It stays when all else is given back: its Pods would be replaced once more.
        fields["spec"]["template"] = json!({"metadata": {"annotations": {CONFIG: mark}}});
    }
    if let Some(replicas) = replicas {
        fields["spec"]["replicas"] = json!(replicas);
        fields["metadata"]["annotations"] =
            json!({REPLICAS: format!("{replicas}/{}", app.replicas)});
        restore["spec"]["replicas"] = json!(app.replicas);
        restore["metadata"] = json!({"annotations": {REPLICAS: null}});
    }
    // What its user wrote in between must not be lost, and is not to be rolled out unseen.
    let changes = paused != app.live.spec.paused || mark != app.marked;
    let expect = match replicas.is_some() || changes {
        true => Expect::Version(app.live.metadata.resource_version.clone()),
        false => Expect::Any,
    };
    Some(
        Child::share(fields)
            .force()
            .expect(expect)
            .restored_on_leave(restore),
    )
}

/// The stable Deployment: under the Services of the user's, but not under its ReplicaSets.
pub(crate) fn stable(
    plan: &Plan,
    live: Option<&Live>,
    app: &Live,
    template: &Value,
    replicas: u32,
) -> Child {
    let mut template = without_nulls(template);
    let labels = |template: &mut Value| {
        let labels = &mut template["metadata"]["labels"];
        if !labels.is_object() {
            *labels = Value::Object(Map::new());
        }
        labels[TRACK] = json!(STABLE);
    };
    labels(&mut template);
    let mut selector = app.spec.selector.clone();
    if !selector["matchLabels"].is_object() {
        selector["matchLabels"] = Value::Object(Map::new());
    }
    selector["matchLabels"][TRACK] = json!(STABLE);
    // A selector cannot be changed: another one takes another Deployment, which costs nothing while it is empty.
    let (selector, again) = match live {
        Some(live) if live.spec.selector != selector && live.status.replicas == 0 => {
            (selector, true)
        }
        Some(live) => (live.spec.selector.clone(), false),
        None => (selector, false),
    };
    let mut spec = json!({
        "replicas": replicas,
        "revisionHistoryLimit": 1,
        "selector": selector,
        "template": template,
    });
    for (field, seconds) in [
        ("minReadySeconds", app.spec.min_ready_seconds),
        (
            "progressDeadlineSeconds",
            app.spec.progress_deadline_seconds,
        ),
    ] {
        if let Some(seconds) = seconds {
            spec[field] = json!(seconds);
        }
    }
    let object = json!({
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {
            "name": plan.stable(),
            "namespace": plan.namespace,
            "labels": selector["matchLabels"],
        },
        "spec": spec,
    });
    match again {
        true => Child::recreate(object).force(),
        false => Child::apply(object).force(),
    }
}

/// The stable Deployment as it is, where its user's is not there to tell how it shall be.
pub(crate) fn stable_alone(
    plan: &Plan,
    observed: &Observed,
    live: &Live,
    serves: &Release,
    replicas: u32,
) -> Vec<Child> {
    let (copies, template) = observed
        .config
        .copies(plan, &serves.template, &serves.configs);
    let stable = stable(
        plan,
        Some(live),
        &untracked(live),
        &template,
        replicas.max(deployment::wanted(live)),
    );
    copies.into_iter().chain([stable]).collect()
}

/// The stable Deployment without what tells it from its user's.
pub(crate) fn untracked(live: &Live) -> Live {
    let mut live = live.clone();
    for (place, pointer) in [
        (&mut live.spec.selector, "/matchLabels"),
        (&mut live.spec.template, "/metadata/labels"),
    ] {
        if let Some(labels) = place.pointer_mut(pointer).and_then(Value::as_object_mut) {
            labels.remove(TRACK);
        }
    }
    live
}

fn without_nulls(value: &Value) -> Value {
    match value {
        Value::Object(fields) => fields
            .iter()
            .filter(|(_, value)| !value.is_null())
            .map(|(key, value)| (key.clone(), without_nulls(value)))
            .collect::<Map<_, _>>()
            .into(),
        Value::Array(items) => items.iter().map(without_nulls).collect(),
        other => other.clone(),
    }
}
