//! Requests are split by the weights of an HTTPRoute, which a Gateway takes over.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use http::{Method, StatusCode};
use oarlock_devcluster::Store;
use oarlock_devcluster::resource::ResourceId;
use oarlock_devcluster::store::{Subresource, Write};
use serde_json::{Value, json};
use tokio_util::task::AbortOnDropHandle;

use super::site::{DEPLOYMENTS, NEW, Site, definition, documents};
use crate::components::text;
use crate::world::{Circumstances, condition};

const ROUTES: ResourceId = ResourceId::of("gateway.networking.k8s.io", "httproutes");

/// HTTPRoutes, without their schema: what matters here is who writes what when.
fn routes() -> Value {
    let open = json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true});
    json!({
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {
            "name": "httproutes.gateway.networking.k8s.io",
            "annotations": {"api-approved.kubernetes.io": "https://github.com/kubernetes-sigs/gateway-api/pull/891"},
        },
        "spec": {
            "group": "gateway.networking.k8s.io",
            "scope": "Namespaced",
            "names": {"kind": "HTTPRoute", "plural": "httproutes"},
            "versions": [{
                "name": "v1", "served": true, "storage": true, "subresources": {"status": {}},
                "schema": {"openAPIV3Schema": {"type": "object", "properties": {"spec": open, "status": open}}},
            }],
        },
    })
}

/// A Gateway, which takes every route as it is.
fn gateway(store: &Store) -> AbortOnDropHandle<()> {
    let store = store.clone();
    let mut changes = store.watch(Some(&ROUTES), None).unwrap();
    let task = tokio::spawn(async move {
        while let Some(change) = changes.next().await {
            let change = change.unwrap();
            let generation = change.object["metadata"]["generation"].clone();
            let seen = change
                .object
                .pointer("/status/parents/0/conditions/0/observedGeneration");
            if change.removed || seen == Some(&generation) {
                continue;
            }
            let taken = json!({"parents": [{
                "parentRef": {"name": "public"}, "controllerName": "example.com/gateway",
                "conditions": [{
                    "type": "Accepted", "status": "True", "reason": "Accepted", "message": "",
                    "observedGeneration": generation, "lastTransitionTime": "2026-11-02T09:00:00Z",
                }],
            }]});
            let write = Write::by("gateway").to(Subresource::Status);
            let name = &change.key.name;
            let told = store.modify(&ROUTES, "prod", name, None, &write, |route| {
                route["status"] = taken.clone();
                Ok(())
            });
            drop(told.unwrap());
        }
    });
    AbortOnDropHandle::new(task)
}

/// Podinfo behind a route, whose Canary is held.
async fn routed() -> (Site, AbortOnDropHandle<()>) {
    let mut site = unrouted().await;
    let gateway = gateway(site.store());
    site.until_phase(&["Initialized"]).await;
    site.until_available().await;
    (site, gateway)
}

/// The same, where no Gateway is there.
async fn unrouted() -> Site {
    let more = "{apiGroups: [gateway.networking.k8s.io], resources: [httproutes]}";
    let watches = text("examples/canary/watches.yaml");
    let services = "    - {apiGroups: [\"\"], resources: [services]}\n";
    assert_eq!(watches.matches(services).count(), 2, "{watches}");
    let granted = watches
        .replace(services, &format!("{services}    - {more}\n"))
        // New Pods are told by the hash of their ReplicaSet.
        .replacen(
            "resources: [deployments]",
            "resources: [deployments, replicasets]",
            1,
        );
    let circumstances = Circumstances::default();
    let site = Site::with(circumstances, &granted, &[definition(), routes()]).await;
    let mut canary = documents("canary.yaml").remove(0);
    canary["spec"]["provider"] = json!("gatewayapi:v1");
    canary["spec"]["service"]["gatewayRefs"] = json!([{"name": "public", "namespace": "gateways"}]);
    canary["spec"]["canaryAnalysis"]["stepWeight"] = json!(20);
    site.apply(canary).unwrap();
    site
}

/// Percent of the requests that go to the new version.
fn weight(route: &Value) -> u64 {
    let backends = route["spec"]["rules"][0]["backendRefs"].as_array().unwrap();
    let canary = backends
        .iter()
        .find(|backend| backend["name"] == "podinfo-canary");
    canary.unwrap()["weight"].as_u64().unwrap()
}

/// Weights of the route since `since`, each once in a row.
async fn weights(site: &Site, since: u64) -> Vec<u64> {
    let mut seen: Vec<u64> = Vec::new();
    for entry in site.chronicle.since(since).await {
        if entry.change.resource == ROUTES && !entry.change.removed {
            let weight = weight(&entry.change.object);
            seen.extend(Some(weight).filter(|weight| seen.last() != Some(weight)));
        }
    }
    seen
}

/// No request ever goes where too few Pods are: as many of the new version as its share of ten, and all ten of the stable one
/// as long as it gets any.
async fn check_traffic(site: &Site, since: u64) {
    site.chronicle
        .replay(since, |entry, scene| {
            let ready = |image: &dyn Fn(&str) -> bool| {
                let pods = scene.iter().filter(|((plural, _), _)| plural == "pods");
                pods.filter(|(_, pod)| {
                    let up = condition(pod, "Ready").is_some_and(|ready| ready.starts_with("True"));
                    let there = pod["metadata"]["deletionTimestamp"].is_null();
                    up && there && image(pod["spec"]["containers"][0]["image"].as_str().unwrap())
                })
                .count() as u64
            };
            let mut routes = scene
                .iter()
                .filter(|((plural, _), _)| plural == "httproutes");
            let Some((_, route)) = routes.next() else {
                return;
            };
            let (share, at) = (weight(route), entry.change.revision);
            let (old, new) = (ready(&|image| image != NEW), ready(&|image| image == NEW));
            assert!(new * 10 >= share, "{share}% to {new} new Pods at {at}");
            let total = old + new;
            assert!(total >= 8, "only {total} Pods at {at}");
        })
        .await;
}

#[tokio::test(start_paused = true)]
async fn requests_follow_the_pods_and_all_go_to_the_new_version_in_the_end() {
    let (mut site, _gateway) = routed().await;
    let since = site.store().revision();
    site.deploy(NEW);
    site.until_promoted(NEW).await;
    site.settle().await;
    let weights = weights(&site, since).await;
    let steps = [20, 40, 60, 80, 100];
    let taken: Vec<u64> = weights
        .iter()
        .copied()
        .filter(|weight| *weight > 0)
        .collect();
    assert_eq!(taken, steps);
    check_traffic(&site, since).await;
    assert_eq!(site.sizes(), "10+0");
}

#[tokio::test(start_paused = true)]
async fn row_28_a_status_write_that_fails_after_the_routers_loses_and_repeats_no_step() {
    let (mut site, _gateway) = routed().await;
    let since = site.store().revision();
    let (routed, failed) = (AtomicBool::new(false), Arc::<AtomicUsize>::default());
    let count = Arc::clone(&failed);
    site.gate().refuse(move |method, path| {
        if *method != Method::PATCH {
            return None;
        }
        if path.ends_with("/httproutes/podinfo") {
            routed.store(true, Ordering::Relaxed);
            return None;
        }
        let status = path.ends_with("/canaries/podinfo/status");
        let fails = status && routed.swap(false, Ordering::Relaxed);
        if fails {
            count.fetch_add(1, Ordering::Relaxed);
        }
        fails.then_some(StatusCode::INTERNAL_SERVER_ERROR)
    });
    site.deploy(NEW);
    site.until_promoted(NEW).await;
    site.settle().await;
    assert!(failed.load(Ordering::Relaxed) >= 5, "{failed:?}");
    let taken: Vec<u64> = weights(&site, since).await;
    let taken: Vec<u64> = taken.into_iter().filter(|weight| *weight > 0).collect();
    assert_eq!(taken, [20, 40, 60, 80, 100]);
    check_traffic(&site, since).await;
    assert_eq!(site.sizes(), "10+0");
}

#[tokio::test(start_paused = true)]
async fn row_12_on_abort_requests_leave_the_new_version_before_its_pods_do() {
    let (mut site, _gateway) = routed().await;
    let since = site.store().revision();
    site.deploy(NEW);
    site.until_weight(60).await;
    let revision = site.revision("currentRevision");
    let aborted = site.store().revision();
    site.control(&json!({"abort": revision}));
    site.until_phase(&["Failed"]).await;
    site.settle().await;
    check_traffic(&site, since).await;
    let mut gone = None;
    for entry in site.chronicle.since(aborted).await {
        let object = &entry.change.object;
        if entry.change.resource == ROUTES && weight(object) == 0 {
            gone.get_or_insert(entry.at);
        }
        let shrinks = entry.change.resource == DEPLOYMENTS
            && entry.change.key.name == "podinfo"
            && object["spec"]["replicas"].as_u64() < Some(6);
        if shrinks {
            let gone = gone.expect("it shrinks before the requests are gone");
            let waited = entry.at.since(gone);
            assert!(waited >= Duration::from_secs(30), "{waited:?}");
            return;
        }
    }
    panic!("the new version never shrank: {}", site.sizes());
}

#[tokio::test(start_paused = true)]
async fn row_27_without_a_gateway_it_holds_before_the_first_request() {
    let mut site = unrouted().await;
    site.until("the route is there", |world| {
        world.get(&ROUTES, "podinfo").map(drop)
    })
    .await;
    site.deploy(NEW);
    let since = site.store().revision();
    site.settle().await;
    assert_eq!(
        weights(&site, since)
            .await
            .iter()
            .max()
            .copied()
            .unwrap_or(0),
        0
    );
    let app = site.get(&DEPLOYMENTS, "podinfo").unwrap();
    assert_eq!(app["status"]["availableReplicas"], 10);
    let ready = condition(&site.canary(), "Ready").unwrap();
    assert!(ready.starts_with("False"), "{ready}");
    let why = site.status()["why"].to_string();
    assert!(why.contains("no Gateway has taken it yet"), "{why}");
    insta::assert_snapshot!(ready, @"False WaitingForPods: 10 of 10 Pods of podinfo-stable are available; podinfo has 10 of 10 to keep; httproute podinfo no Gateway has taken it yet, expected accepted by a Gateway, with its Services resolved");
}
