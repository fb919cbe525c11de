//! The HTTPRoute: one of the Canary's own, made of `service.gatewayRefs`, or the weights in one that its user made.

mod rule;

use std::collections::BTreeMap;

use oarlock_sdk::{Child, Expect, FieldError, Value, json};

use super::observed::{Found, Lookup, Observed, ROUTE, Whose};
use super::{Routes, Traffic, missing};
use crate::plan::{Plan, ServiceNames};
use crate::spec::service::Service;

/// What a route cannot say.
pub(crate) fn problems(service: &Service) -> Vec<FieldError> {
    rule::problems(service)
}

/// Adds the route, and what it is still waited for.
pub(super) fn add(
    plan: &Plan,
    traffic: &Traffic,
    seen: &Observed,
    names: &ServiceNames,
    routes: &mut Routes,
) {
    let name = format!("httproute {}", names.apex);
    let Some(service) = &plan.service else { return };
    match &seen.route {
        Lookup::Unserved => routes.waits.push(missing(
            name,
            "the API server serves no gateway.networking.k8s.io/v1 HTTPRoute",
            "the Gateway API; hint: install its definitions, or say spec.trafficMode: replicas",
        )),
        Lookup::Found(found) if found.whose == Whose::Foreign => {
            foreign(plan, traffic, found, names, routes);
        }
        Lookup::Absent if service.gateway_refs.is_empty() => routes.waits.push(missing(
            name,
            "is not there",
            format!(
                "a route to {} and {}; hint: create it, or give spec.service.gatewayRefs",
                names.primary, names.canary
            ),
        )),
        Lookup::Absent => {
            routes
                .children
                .push(own(plan, service, traffic, names, None));
            routes.live = Some(0);
            routes
                .waits
                .push(missing(name, "is not there yet", "one of this Canary's"));
        }
        Lookup::Found(found) => {
            routes
                .children
                .push(own(plan, service, traffic, names, Some(found)));
            let live = weight(&found.live, names);
            routes.live = Some(live.unwrap_or_default());
            judge(&name, live, traffic, found, routes);
        }
    }
}

fn own(
    plan: &Plan,
    service: &Service,
    traffic: &Traffic,
    names: &ServiceNames,
    found: Option<&Found>,
) -> Child {
    let (version, kind) = ROUTE;
    let mut spec = json!({
        "parentRefs": service.gateway_refs.iter().map(|gateway| json!({
            "group": gateway.group.as_deref().unwrap_or("gateway.networking.k8s.io"),
            "kind": gateway.kind.as_deref().unwrap_or("Gateway"),
            "name": gateway.name,
        })).collect::<Vec<_>>(),
        "rules": rule::of(service, &backends(service, traffic, names)),
    });
    for (index, gateway) in service.gateway_refs.iter().enumerate() {
        let parent = &mut spec["parentRefs"][index];
        if let Some(namespace) = &gateway.namespace {
            parent["namespace"] = json!(namespace);
        }
        if let Some(section) = &gateway.section_name {
            parent["sectionName"] = json!(section);
        }
        if let Some(port) = gateway.port {
            parent["port"] = json!(port);
        }
    }
    // Istio's word for all hosts, which a route says by naming none.
    let hosts: Vec<_> = service.hosts.iter().filter(|host| *host != "*").collect();
    if !hosts.is_empty() {
        spec["hostnames"] = json!(hosts);
    }
    let child = Child::apply(json!({
        "apiVersion": version,
        "kind": kind,
        "metadata": {"name": names.apex, "namespace": plan.namespace},
        "spec": spec,
    }))
    .force();
    match found {
        Some(found) if found.whose == Whose::Flaggers => child.expect(Expect::Uid(found.uid())),
        _ => child,
    }
}

fn backends(service: &Service, traffic: &Traffic, names: &ServiceNames) -> Value {
    let backend = |name: &str, weight: u32| {
        json!({
            "group": "", "kind": "Service", "name": name, "port": service.port, "weight": weight,
        })
    };
    let canary = traffic.weight.min(100);
    json!([
        backend(&names.primary, 100 - canary),
        backend(&names.canary, canary),
    ])
}

/// The weights in the rules of a user's route that name both Services. Rules are one field: the user's part of them is
/// written, too. Between rollouts nothing of it is borrowed.
fn foreign(
    plan: &Plan,
    traffic: &Traffic,
    found: &Found,
    names: &ServiceNames,
    routes: &mut Routes,
) {
    let name = format!("httproute {}", names.apex);
    let live = weight(&found.live, names);
    routes.live = live;
    if live.is_none() {
        routes.waits.push(missing(
            name,
            "has no rule that names both Services",
            format!(
                "backendRefs {} and {} in one rule",
                names.primary, names.canary
            ),
        ));
        return;
    }
    if traffic.canary.is_none() {
        // Both Services are all Pods.
        return;
    }
    let canary = traffic.weight.min(100);
    let rules = &found.live["spec"]["rules"];
    let wanted = weighted(rules, names, &|_, name| match name == names.primary {
        true => 100 - canary,
        false => canary,
    });
    let before = found.restore(plan);
    let before = before.as_ref().map(|restore| &restore["spec"]["rules"]);
    let restored = match before {
        None => rules.clone(),
        Some(before) => weighted(rules, names, &|rule, name| {
            original(before, rule, name).unwrap_or(match name == names.primary {
                true => 100,
                false => 0,
            })
        }),
    };
    let (version, kind) = ROUTE;
    let child = Child::share(json!({
        "apiVersion": version,
        "kind": kind,
        "metadata": {"name": names.apex, "namespace": plan.namespace},
        "spec": {"rules": wanted},
    }))
    .force()
    .restored_on_leave(json!({"spec": {"rules": restored}}));
    routes.children.push(match wanted == *rules {
        true => child,
        // What its user wrote in between must not be lost.
        false => child.expect(Expect::Version(found.version())),
    });
    judge(&name, live, traffic, found, routes);
}

fn original(before: &Value, rule: usize, name: &str) -> Option<u32> {
    let backends = before[rule]["backendRefs"].as_array()?;
    let backend = backends.iter().find(|backend| backend["name"] == name)?;
    u32::try_from(backend["weight"].as_u64().unwrap_or(1)).ok()
}

/// The rules with other weights, where they name both Services.
fn weighted(rules: &Value, names: &ServiceNames, weigh: &dyn Fn(usize, &str) -> u32) -> Value {
    let mut rules = rules.clone();
    for (index, rule) in rules.as_array_mut().into_iter().flatten().enumerate() {
        if share(rule, names).is_none() {
            continue;
        }
        for backend in rule["backendRefs"].as_array_mut().into_iter().flatten() {
            let name = backend["name"].as_str().unwrap_or_default().to_owned();
            if name == names.primary || name == names.canary {
                backend["weight"] = json!(weigh(index, &name));
            }
        }
    }
    rules
}

/// The most that any rule gives to the new revision, in percent; none where no rule names both Services.
fn weight(route: &Value, names: &ServiceNames) -> Option<u32> {
    let rules = route["spec"]["rules"].as_array()?;
    rules.iter().filter_map(|rule| share(rule, names)).max()
}

/// Percent of a rule, rounded up.
fn share(rule: &Value, names: &ServiceNames) -> Option<u32> {
    let backends = rule["backendRefs"].as_array()?;
    let weights: BTreeMap<_, _> = backends
        .iter()
        .filter_map(|backend| {
            let name = backend["name"].as_str()?;
            // One where nothing is said (Gateway API).
            Some((name, backend["weight"].as_u64().unwrap_or(1)))
        })
        .collect();
    let primary = *weights.get(names.primary.as_str())?;
    let canary = *weights.get(names.canary.as_str())?;
    match primary + canary {
        0 => Some(0),
        all => u32::try_from((canary * 100).div_ceil(all)).ok(),
    }
}

/// Whether the gateways have taken the route as it is, and it is as it shall be.
fn judge(name: &str, live: Option<u32>, traffic: &Traffic, found: &Found, routes: &mut Routes) {
    let wanted = traffic.weight.min(100);
    if live != Some(wanted) {
        routes.waits.push(missing(
            String::from(name),
            format!("sends {} % to the new revision", live.unwrap_or_default()),
            format!("{wanted} %"),
        ));
    }
    if let Some(why) = refused(&found.live) {
        routes.waits.push(missing(
            String::from(name),
            why,
            "accepted by a Gateway, with its Services resolved",
        ));
    }
}

/// Why no gateway sends requests by this route as it is; none where one does.
fn refused(route: &Value) -> Option<String> {
    let generation = route["metadata"]["generation"].as_i64().unwrap_or_default();
    let parents = route["status"]["parents"].as_array();
    let parents = parents.map(Vec::as_slice).unwrap_or_default();
    if parents.is_empty() {
        return Some(String::from("no Gateway has taken it yet"));
    }
    parents.iter().find_map(|parent| {
        let gateway = parent["parentRef"]["name"].as_str().unwrap_or("a Gateway");
        ["Accepted", "ResolvedRefs"].into_iter().find_map(|kind| {
            let conditions = parent["conditions"].as_array();
            let condition = conditions
                .into_iter()
                .flatten()
                .find(|condition| condition["type"] == kind);
            let Some(condition) = condition else {
                // What is not said is not held against it: some controllers say one of them only.
                return (kind == "Accepted").then(|| format!("{gateway} has not accepted it yet"));
            };
            if condition["status"] != "True" {
                let message = condition["message"].as_str().unwrap_or_default();
                return Some(format!("{gateway}: {kind} is not true: {message}"));
            }
            let seen = condition["observedGeneration"].as_i64();
            seen.is_some_and(|seen| seen != 0 && seen < generation)
                .then(|| format!("{gateway} has not seen its last change yet"))
        })
    })
}
