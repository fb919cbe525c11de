//! The Services: which Pods each of them selects.

use oarlock_sdk::{Child, Expect, Value, json};

use super::observed::{Found, Observed, Whose};
use super::{HASH, Labels, Pods, Routes, Target, Traffic, missing, narrowed};
use crate::deployment::TRACK;
use crate::plan::{Plan, Routing, ServiceNames};
use crate::spec::service::{Marks, Service};

/// `-primary` and `-canary`.
pub(super) fn own(
    plan: &Plan,
    target: &Target,
    traffic: &Traffic,
    seen: &Observed,
    names: &ServiceNames,
    routes: &mut Routes,
) {
    let Some(service) = &plan.service else { return };
    for (name, pods, marks) in [
        (&names.primary, &traffic.stable, &service.primary),
        (&names.canary, traffic.new_pods(), &service.canary),
    ] {
        let found = seen.services.get(name);
        // Where the numbers of Pods split the requests, nothing depends on these two.
        let waits = plan.routing != Routing::Replicas;
        if found.is_some_and(|found| found.whose == Whose::Foreign) {
            if !waits {
                continue;
            }
            routes.waits.push(missing(
                format!("service {name}"),
                "is somebody else's",
                "one of this Canary's; hint: give another spec.service.name, or delete it",
            ));
            continue;
        }
        let selector = target.select(pods);
        routes
            .children
            .push(child(plan, service, target, name, &selector, marks, found));
        if waits {
            wait_for(routes, name, &selector, found);
        }
    }
}

/// The one that people use. One that its user made stays its user's.
pub(super) fn apex(
    plan: &Plan,
    target: &Target,
    traffic: &Traffic,
    seen: &Observed,
    names: &ServiceNames,
    routes: &mut Routes,
) {
    let Some(service) = &plan.service else { return };
    let name = &names.apex;
    let pods = match plan.routing {
        Routing::Replicas => &Pods::All,
        Routing::Gateway => &traffic.stable,
        Routing::Services if traffic.weight >= 100 => traffic.new_pods(),
        Routing::Services => &traffic.stable,
    };
    let found = seen.services.get(name);
    let Some(found) = found.filter(|found| found.whose == Whose::Foreign) else {
        let selector = target.select(pods);
        let wanted = child(plan, service, target, name, &selector, &service.apex, found);
        routes.children.push(wanted);
        wait_for(routes, name, &selector, found);
        if plan.routing == Routing::Services {
            routes.live = Some(switched(found, &target.select(traffic.new_pods()), traffic));
        }
        return;
    };
    let live = found.selector();
    let mut base = live.clone();
    base.remove(TRACK);
    base.remove(HASH);
    if base.is_empty()
        || !base
            .iter()
            .all(|(key, value)| target.labels.get(key) == Some(value))
    {
        routes.waits.push(missing(
            format!("service {name}"),
            format!("selects {}", spoken(&live)),
            format!(
                "Pods of {}; hint: its selector has to be part of {}",
                plan.target,
                spoken(&target.labels)
            ),
        ));
        return;
    }
    if plan.routing != Routing::Services {
        return;
    }
    let selector = narrowed(&base, pods);
    // Between rollouts nothing is borrowed: what was added goes.
    if selector != base {
        routes.children.push(borrowed(plan, name, &selector, found));
    }
    wait_for(routes, name, &selector, Some(found));
    let new = narrowed(&base, traffic.new_pods());
    routes.live = Some(switched(Some(found), &new, traffic));
}

/// Percent that the new Pods may get: all where the Service selects them.
fn switched(found: Option<&Found>, new: &Labels, traffic: &Traffic) -> u32 {
    let live = found.map(Found::selector);
    match (&traffic.canary, live) {
        (Some(_), Some(live)) if live == *new => 100,
        _ => 0,
    }
}

fn wait_for(routes: &mut Routes, name: &str, selector: &Labels, found: Option<&Found>) {
    let live = found.map(Found::selector);
    if live.as_ref() != Some(selector) {
        routes.waits.push(missing(
            format!("service {name}"),
            live.map_or_else(
                || String::from("is not there yet"),
                |live| format!("selects {}", spoken(&live)),
            ),
            spoken(selector),
        ));
    }
}

fn child(
    plan: &Plan,
    service: &Service,
    target: &Target,
    name: &str,
    selector: &Labels,
    marks: &Marks,
    found: Option<&Found>,
) -> Child {
    let mut object = json!({
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "namespace": plan.namespace},
        "spec": {"selector": selector, "ports": ports(service, target)},
    });
    if !marks.labels.is_empty() {
        object["metadata"]["labels"] = json!(marks.labels);
    }
    if !marks.annotations.is_empty() {
        object["metadata"]["annotations"] = json!(marks.annotations);
    }
    if service.headless {
        object["spec"]["clusterIP"] = json!("None");
    }
    if let Some(distribution) = &service.traffic_distribution {
        object["spec"]["trafficDistribution"] = json!(distribution);
    }
    let child = Child::apply(object);
    match found {
        Some(found) if found.whose == Whose::Flaggers => {
            child.force().expect(Expect::Uid(found.uid()))
        }
        _ => child.force(),
    }
}

fn ports(service: &Service, target: &Target) -> Vec<Value> {
    let port = service.port;
    let number = json!(port);
    let pods = service
        .target_port
        .as_ref()
        .map_or(number, |target| json!(target));
    let name = service.port_name.as_deref().unwrap_or("http");
    let mut main = json!({"name": name, "port": port, "protocol": "TCP", "targetPort": pods});
    if let Some(protocol) = &service.app_protocol {
        main["appProtocol"] = json!(protocol);
    }
    let mut ports = vec![main];
    if service.port_discovery {
        let others = target.ports.iter().filter(|(label, number)| {
            *number != port
                && pods != json!(number)
                && label.as_ref().is_none_or(|label| pods != **label)
        });
        for (label, number) in others {
            let name = label
                .clone()
                .filter(|label| label != name)
                .unwrap_or_else(|| format!("tcp-{number}"));
            let other =
                json!({"name": name, "port": number, "protocol": "TCP", "targetPort": number});
            if !ports.contains(&other) {
                ports.push(other);
            }
        }
    }
    ports
}

/// The selector of a Service that its user made. A selector is one field: the user's part of it is written, too, and what is
/// added to it goes again on leaving.
fn borrowed(plan: &Plan, name: &str, selector: &Labels, found: &Found) -> Child {
    let child = Child::share(json!({
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "namespace": plan.namespace},
        "spec": {"selector": selector},
    }))
    .force()
    .restored_on_leave(json!({"spec": {"selector": {TRACK: null, HASH: null}}}));
    match found.selector() == *selector {
        true => child,
        // What its user wrote in between must not be lost.
        false => child.expect(Expect::Version(found.version())),
    }
}

/// As people write a selector.
fn spoken(labels: &Labels) -> String {
    if labels.is_empty() {
        return String::from("nothing");
    }
    let pairs: Vec<_> = labels
        .iter()
        .map(|(key, value)| format!("{key}={value}"))
        .collect();
    pairs.join(",")
}
