//! Where requests go: the Services of a Canary, and the route or the selector that splits the requests between the revisions.
//!
//! Values in, values out: what is there goes in, what shall be there comes out, with what is still missing. When to send how many
//! requests where is the machine's to say, and it may shrink what got requests only when nothing is missing any more.
//!
//! | | Service that people use | `-primary` | `-canary` | |
//! |---|---|---|---|---|
//! | replicas | all Pods | stable ones | new ones | |
//! | gateway | stable ones, or as its user wrote it | stable ones | new ones | weights of an HTTPRoute |
//! | services | stable ones, then new ones | stable ones | new ones | |
//!
//! Between rollouts all of them are all Pods. New Pods are told by the `pod-template-hash` of their ReplicaSet, since the
//! template of the user's Deployment is not touched.

pub(crate) mod observed;
pub(crate) mod replica_set;
pub(crate) mod route;
mod service;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use oarlock_sdk::{Child, Value};
use rollout::why::{Input, Verdict};

use crate::deployment::{Live, STABLE, TRACK};
use crate::plan::{Plan, Routing, ServiceNames};
use crate::router::observed::Observed;

/// Label that the Deployment controller puts on the Pods of a ReplicaSet.
pub(crate) const HASH: &str = "pod-template-hash";

/// Labels of Pods.
pub(crate) type Labels = BTreeMap<String, String>;

/// Where the requests shall go.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Traffic {
    /// Whose Pods are stable.
    pub(crate) stable: Pods,
    /// Whose Pods are new. None between rollouts, and before there are any.
    pub(crate) canary: Option<Pods>,
    /// Percent of the requests that go to the new ones. With all-or-nothing routing, all at 100.
    pub(crate) weight: u32,
}

/// Some of a Canary's Pods.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Pods {
    /// All of them, whatever their revision.
    All,
    /// Those of the stable Deployment.
    Stable,
    /// Those of one ReplicaSet of the user's Deployment.
    Hash(String),
}

/// What shall be written, and what is missing.
#[derive(Clone, Debug, Default)]
pub(crate) struct Routes {
    /// Services before what sends requests to them.
    pub(crate) children: Vec<Child>,
    /// What is not in place yet. Empty: the requests go where they shall.
    pub(crate) waits: Vec<Input>,
    /// Percent of the requests that the new revision may get as things are now. None where its Pods decide that.
    pub(crate) live: Option<u32>,
}

impl Traffic {
    /// Between rollouts.
    pub(crate) fn idle() -> Self {
        Self {
            stable: Pods::All,
            canary: None,
            weight: 0,
        }
    }

    /// Whose Pods are new; the stable ones where there are none.
    fn new_pods(&self) -> &Pods {
        self.canary.as_ref().unwrap_or(&self.stable)
    }
}

/// The Pods of the user's Deployment, as Services see them.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Target {
    /// What all Pods have in common.
    pub(crate) selector: Labels,
    /// All labels of the Pod template.
    pub(crate) labels: Labels,
    /// Names and numbers of the containers' ports.
    pub(crate) ports: Vec<(Option<String>, u32)>,
}

impl Target {
    pub(crate) fn of(live: &Live) -> Self {
        let map = |value: Option<&Value>| -> Labels {
            let fields = value.and_then(Value::as_object).into_iter().flatten();
            fields
                .filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned())))
                .collect()
        };
        let labels = map(live.spec.template.pointer("/metadata/labels"));
        let selector = map(live.spec.selector.get("matchLabels"));
        let list = |value: &Value, name: &str| value[name].as_array().cloned().unwrap_or_default();
        let ports = list(&live.spec.template["spec"], "containers")
            .iter()
            .flat_map(|container| list(container, "ports"))
            .filter_map(|port| {
                let number = u32::try_from(port["containerPort"].as_u64()?).ok()?;
                Some((port["name"].as_str().map(String::from), number))
            })
            .collect();
        Self {
            // Services know no expressions.
            selector: if selector.is_empty() {
                labels.clone()
            } else {
                selector
            },
            labels,
            ports,
        }
    }

    /// What a Service selects some of the Pods by.
    fn select(&self, pods: &Pods) -> Labels {
        narrowed(&self.selector, pods)
    }
}

/// A selector of all Pods, for some of them.
fn narrowed(base: &Labels, pods: &Pods) -> Labels {
    let mut labels = base.clone();
    match pods {
        Pods::All => {}
        Pods::Stable => drop(labels.insert(String::from(TRACK), String::from(STABLE))),
        Pods::Hash(hash) => drop(labels.insert(String::from(HASH), hash.clone())),
    }
    labels
}

/// What shall be there for the requests to go where `traffic` says.
pub(crate) fn decide(plan: &Plan, target: &Target, traffic: &Traffic, seen: &Observed) -> Routes {
    let (Some(names), Some(_)) = (plan.services(), plan.service.as_ref()) else {
        return Routes::default();
    };
    let mut routes = Routes::default();
    service::own(plan, target, traffic, seen, &names, &mut routes);
    service::apex(plan, target, traffic, seen, &names, &mut routes);
    if plan.routing == Routing::Gateway {
        route::add(plan, traffic, seen, &names, &mut routes);
    }
    routes
}

/// Something that is missing.
fn missing(name: String, value: impl Into<String>, expected: impl Into<String>) -> Input {
    Input::new(name, value, Verdict::Hold).expected(expected)
}

impl ServiceNames {
    fn all(&self) -> [&str; 3] {
        [&self.apex, &self.primary, &self.canary]
    }
}
