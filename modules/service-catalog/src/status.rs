//! `.status` of instances and bindings, as far as it follows from what the machine remembers and what a run has seen.
//!
//! The retired project's fields, and ours beside them. Functions: nothing here is decided by, and whoever removes all of it but
//! `lifecycle` loses only what people read. No value of a Secret is in it: parameters are the redacted ones.

mod properties;
#[cfg(test)]
mod tests;

use oarlock_sdk::Timestamp;
use serde_json::{Map, Value, json};

use crate::osb::catalog::MaintenanceInfo;
use crate::osb::request::Identity;
use crate::parameters::Parameters;
use crate::reference::{PlanReference, Scope, Selector};
use crate::state::{Operation, Stage, State, Verb};
use crate::turn::{Condition, Is, Turn};

/// What a run has seen beside its turn.
#[derive(Clone, Copy, Debug, Default)]
pub struct Seen<'a> {
    /// `metadata.generation`.
    pub generation: i64,
    /// The object is being deleted.
    pub deleting: bool,
    /// Milliseconds since 1970.
    pub now: u64,
    /// Class and plan of an instance, where they were found.
    pub class: Option<Named<'a>>,
    /// How the object names them.
    pub wanted: Option<&'a PlanReference>,
    /// What is wished for, where it could be read.
    pub parameters: Option<&'a Parameters>,
    /// On whose behalf.
    pub user: Option<&'a Identity>,
    /// The Secret of a binding, where it has credentials after this run.
    pub secret: Option<&'a str>,
}

/// The plan of an instance.
#[derive(Clone, Copy, Debug)]
pub struct Named<'a> {
    /// Its name at the broker.
    pub plan_name: &'a str,
    /// Its ID.
    pub plan_id: &'a str,
    /// What runs under its instances now.
    pub maintenance: Option<&'a MaintenanceInfo>,
}

/// Fields of a `ServiceInstance`'s status; what is null is not there. `before` is the status that was read.
#[must_use]
pub fn instance(before: &Value, turn: &Turn, at: &Seen<'_>) -> Map<String, Value> {
    let state = &turn.state;
    let mut status = shared(before, turn, at, |verb| match verb {
        Verb::Create | Verb::Fetch => "Provision",
        Verb::Update => "Update",
        Verb::Delete => "Deprovision",
    });
    let current = state.current();
    let mut set = |name: &str, value: Value| status.insert(name.to_owned(), value);
    let (class, plan) = names(before, at);
    set("userSpecifiedClassName", class);
    set("userSpecifiedPlanName", plan);
    set(
        "provisionStatus",
        json!(if current.is_some() {
            "Provisioned"
        } else {
            "NotProvisioned"
        }),
    );
    set("deprovisionStatus", removal(state, at));
    set(
        "inProgressProperties",
        properties::planned(before, state, at, true),
    );
    set(
        "externalProperties",
        properties::known(before, state, at, true),
    );
    set(
        "dashboardURL",
        json!(current.and_then(|held| held.facts.dashboard.as_ref())),
    );
    set(
        "instanceUsable",
        json!(current.map(|held| !held.facts.unusable)),
    );
    set("maintenanceInfo", maintenance(state, at));
    status
}

/// Fields of a `ServiceBinding`'s status; what is null is not there. `before` is the status that was read.
#[must_use]
pub fn binding(before: &Value, turn: &Turn, at: &Seen<'_>) -> Map<String, Value> {
    let state = &turn.state;
    let mut status = shared(before, turn, at, |verb| match verb {
        Verb::Create | Verb::Update | Verb::Fetch => "Bind",
        Verb::Delete => "Unbind",
    });
    let facts = state.current().map(|held| &held.facts);
    let mut set = |name: &str, value: Value| status.insert(name.to_owned(), value);
    set(
        "binding",
        at.secret.map_or(Value::Null, |name| json!({"name": name})),
    );
    set("unbindStatus", removal(state, at));
    set(
        "inProgressProperties",
        properties::planned(before, state, at, false),
    );
    set(
        "externalProperties",
        properties::known(before, state, at, false),
    );
    set(
        "expiresAt",
        moment(facts.and_then(|facts| facts.expires_at)),
    );
    set(
        "renewBefore",
        moment(facts.and_then(|facts| facts.renew_before)),
    );
    status
}

/// What a condition's readers see first: the type of what is true, or why nothing is. As the retired project has it, but that
/// a failure that is told by a condition of its own goes before the one that says that nothing is ready.
#[must_use]
pub fn last_condition(conditions: &[Condition]) -> Option<String> {
    let of = |kind: &str| conditions.iter().find(|condition| condition.kind == kind);
    for kind in ["OrphanMitigation", "Failed", "Ready"] {
        if of(kind).is_some_and(|condition| condition.note.is == Is::True) {
            return Some(kind.to_owned());
        }
    }
    of("Ready").map(|condition| condition.note.reason.clone())
}

fn shared(
    before: &Value,
    turn: &Turn,
    at: &Seen<'_>,
    word: fn(Verb) -> &'static str,
) -> Map<String, Value> {
    let state = &turn.state;
    let operation = state.operation.as_ref();
    let (polls, called) = match operation.map(|operation| &operation.stage) {
        Some(Stage::Polling { operation, .. }) => (true, operation.as_deref()),
        Some(Stage::Asking | Stage::Fetching) | None => (false, None),
    };
    let mut status = Map::new();
    let mut set = |name: &str, value: Value| status.insert(name.to_owned(), value);
    // A state is numbers, texts and lists: there is nothing that JSON could not have.
    set("lifecycle", serde_json::to_value(state).unwrap_or_default());
    set(
        "lastConditionState",
        json!(last_condition(&turn.conditions)),
    );
    set("observedGeneration", json!(at.generation));
    set("reconciledGeneration", reconciled(before, turn, at));
    set(
        "currentOperation",
        json!(operation.map(|operation| word(operation.verb))),
    );
    set("operationStartTime", moment(operation.map(|of| of.since)));
    set("asyncOpInProgress", json!(polls));
    set("lastOperation", json!(called));
    let pause = operation.map_or(state.retry_at, |operation| operation.not_before);
    set("nextPollAt", moment(pause.filter(|until| *until > at.now)));
    let tries = operation.map_or(state.failures, |operation| operation.tries);
    set("attempts", json!((tries > 0).then_some(tries)));
    set("orphanMitigationInProgress", json!(state.mitigates()));
    set("externalID", json!(id(state, operation)));
    let abandoned = (!state.abandoned.is_empty()).then_some(&state.abandoned);
    set("abandoned", json!(abandoned));
    status
}

/// What the broker knows the object by: what is there, or is being made, or is left.
fn id<'a>(state: &'a State, operation: Option<&'a Operation>) -> Option<&'a str> {
    let current = state.current().map(|held| held.id.as_str());
    current
        .or_else(|| operation.map(|operation| operation.id.as_str()))
        .or_else(|| state.holdings.last().map(|held| held.id.as_str()))
}

/// The generation that was brought to its end: this one where nothing more is done for it.
fn reconciled(before: &Value, turn: &Turn, at: &Seen<'_>) -> Value {
    let says = |kind: &str| {
        let mut all = turn.conditions.iter();
        all.any(|condition| condition.kind == kind && condition.note.is == Is::True)
    };
    if turn.state.operation.is_none() && (says("Ready") || says("Failed")) {
        return json!(at.generation);
    }
    match &before["reconciledGeneration"] {
        Value::Number(before) => Value::Number(before.clone()),
        _ => json!(0),
    }
}

/// `deprovisionStatus`, `unbindStatus`.
fn removal(state: &State, at: &Seen<'_>) -> Value {
    json!(if !state.holdings.is_empty() {
        "Required"
    } else if !state.abandoned.is_empty() {
        "Failed"
    } else if at.deleting && state.attempts > 0 {
        "Succeeded"
    } else {
        "NotRequired"
    })
}

/// Class and plan as the object names them, in the retired project's way. Where the object cannot be read, they stay.
fn names(before: &Value, at: &Seen<'_>) -> (Value, Value) {
    let wanted = at.wanted.and_then(|reference| reference.read().ok());
    let Some(wanted) = wanted else {
        let of = |name: &str| before[name].clone();
        return (of("userSpecifiedClassName"), of("userSpecifiedPlanName"));
    };
    let kind = match wanted.scope {
        Scope::Cluster => "ClusterServiceClass",
        Scope::Namespace => "ServiceClass",
    };
    let said = |selector: &Selector| match selector {
        Selector::ExternalName(text) | Selector::ExternalId(text) | Selector::Name(text) => {
            text.clone()
        }
    };
    let class = format!("{kind}/{}", said(&wanted.class));
    let chosen = || at.class.map(|class| class.plan_name.to_owned());
    (
        json!(class),
        json!(wanted.plan.as_ref().map(said).or_else(chosen)),
    )
}

fn maintenance(state: &State, at: &Seen<'_>) -> Value {
    let Some(held) = state.current() else {
        return Value::Null;
    };
    let has = held.inputs.maintenance.as_deref();
    let offered = at
        .class
        .filter(|class| class.plan_id == held.inputs.place.plan)
        .and_then(|class| class.maintenance);
    let offered = offered.map(|info| info.version.as_str());
    let mut info = Map::new();
    if let Some(has) = has {
        info.insert("version".to_owned(), json!(has));
    }
    if let Some(offered) = offered.filter(|offered| Some(*offered) != has) {
        info.insert("available".to_owned(), json!(offered));
    }
    if info.is_empty() {
        Value::Null
    } else {
        Value::Object(info)
    }
}

fn moment(milliseconds: Option<u64>) -> Value {
    json!(milliseconds.map(|at| Timestamp::from_millis(at).to_string()))
}
