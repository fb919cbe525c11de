//! `inProgressProperties` and `externalProperties`: what is being brought about, and what the broker has.
//!
//! The state has checksums alone. What goes with them, parameters without their secrets and who asked, was in the status when
//! the operation began, and is taken over from there.

use serde_json::{Map, Value, json};

use super::Seen;
use crate::parameters::Parameters;
use crate::state::{Inputs, State, Verb};

const PLANNED: &str = "inProgressProperties";
const KNOWN: &str = "externalProperties";

/// What the operation that is under way brings about; null where there is none, or where it removes something.
pub(super) fn planned(before: &Value, state: &State, at: &Seen<'_>, of_instance: bool) -> Value {
    let Some(operation) = state.operation.as_ref() else {
        return Value::Null;
    };
    if matches!(operation.verb, Verb::Delete | Verb::Fetch) {
        return Value::Null;
    }
    let held = || state.holding(&operation.id).map(|held| &held.inputs);
    let Some(inputs) = operation.update.as_ref().or_else(held) else {
        return Value::Null;
    };
    // Who asked for it is who asked when it began.
    let goes_on = before["lifecycle"]["operation"]["number"] == json!(operation.number);
    let from = [&before[PLANNED]].into_iter().filter(|_| goes_on);
    of(inputs, from, at, of_instance)
}

/// What the broker has; null where it has nothing that is used.
pub(super) fn known(before: &Value, state: &State, at: &Seen<'_>, of_instance: bool) -> Value {
    let Some(current) = state.current() else {
        return Value::Null;
    };
    // What was under way and is no more has become what is there.
    let operation = &before["lifecycle"]["operation"];
    let number = state.operation.as_ref().map(|operation| operation.number);
    let ended = !operation.is_null() && operation["number"] != json!(number);
    let order = if ended {
        [PLANNED, KNOWN]
    } else {
        [KNOWN, PLANNED]
    };
    let from = order.into_iter().map(|name| &before[name]);
    of(&current.inputs, from, at, of_instance)
}

/// The first of those that were written before which is of these inputs; else what is seen now, as far as it is.
fn of<'a>(
    inputs: &Inputs,
    from: impl Iterator<Item = &'a Value>,
    at: &Seen<'_>,
    of_instance: bool,
) -> Value {
    let (name, id) = fields(inputs);
    let sum = |properties: &Value| {
        let sum = properties["parameterChecksum"].as_str();
        sum.unwrap_or_default() == inputs.parameters
    };
    let plan = |properties: &Value| !of_instance || properties[id] == json!(inputs.place.plan);
    let mut from = from.filter(|properties| properties.is_object());
    if let Some(same) = from.find(|properties| sum(properties) && plan(properties)) {
        return same.clone();
    }
    let mut properties = Map::new();
    let mut set = |name: &str, value: Value| properties.insert(name.to_owned(), value);
    if of_instance {
        let named = at.class.filter(|class| class.plan_id == inputs.place.plan);
        if let Some(named) = named {
            set(name, json!(named.plan_name));
        }
        set(id, json!(inputs.place.plan));
    }
    if !inputs.parameters.is_empty() {
        set("parameterChecksum", json!(inputs.parameters));
    }
    let seen = at
        .parameters
        .filter(|seen| seen.checksum().unwrap_or_default() == inputs.parameters);
    if let Some(shown) = seen
        .map(Parameters::redacted)
        .filter(|shown| !shown.is_empty())
    {
        set("parameters", Value::Object(shown.clone()));
    }
    // Whose wish it was is known while it is the one that is seen.
    if let Some(user) = at.user.filter(|_| seen.is_some()) {
        set("userInfo", json!(user));
    }
    Value::Object(properties)
}

/// The fields of the plan's name and ID: those of the cluster's plans are not those of a namespace's.
fn fields(inputs: &Inputs) -> (&'static str, &'static str) {
    if inputs.place.broker.starts_with("ServiceBroker/") {
        ("servicePlanExternalName", "servicePlanExternalID")
    } else {
        (
            "clusterServicePlanExternalName",
            "clusterServicePlanExternalID",
        )
    }
}
