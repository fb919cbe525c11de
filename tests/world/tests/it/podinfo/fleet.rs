//! Many Canaries at once.

use std::time::Duration;

use serde_json::{Value, json};

use super::site::{CANARIES, DEPLOYMENTS, NEW, Site, documents};
use crate::world::Circumstances;

const FLEET: usize = 50;

fn name(index: usize) -> String {
    format!("app-{index:02}")
}

/// A Deployment of four Pods and its Canary in four steps.
fn member(index: usize) -> [Value; 2] {
    let name = name(index);
    let mut app = documents("podinfo.yaml").remove(1);
    app["metadata"]["name"] = json!(name);
    app["spec"]["replicas"] = json!(4);
    app["spec"]["selector"]["matchLabels"] = json!({"app": name});
    app["spec"]["template"]["metadata"]["labels"] = json!({"app": name});
    let mut canary = documents("canary.yaml").remove(0);
    canary["metadata"]["name"] = json!(name);
    canary["spec"]["targetRef"]["name"] = json!(name);
    canary["spec"]["canaryAnalysis"]["stepWeight"] = json!(25);
    [app, canary]
}

#[tokio::test(start_paused = true)]
async fn row_29_fifty_rollouts_at_once_are_fair_and_miss_no_check() {
    let mut site = Site::new(Circumstances::default()).await;
    for index in 0..FLEET {
        for object in member(index) {
            site.apply(object).unwrap();
        }
    }
    let all_in = |phase: &'static str| {
        move |world: &crate::world::World| {
            let canaries = world.list(&CANARIES);
            let there = canaries
                .iter()
                .filter(|canary| canary["status"]["phase"] == phase);
            (there.count() == FLEET).then_some(())
        }
    };
    site.until("all are held", all_in("Initialized")).await;
    site.settle().await;
    let (since, began) = (site.store().revision(), site.now());
    for index in 0..FLEET {
        let app = site.get(&DEPLOYMENTS, &name(index)).unwrap();
        let mut containers = app["spec"]["template"]["spec"]["containers"].clone();
        containers[0]["image"] = json!(NEW);
        let patch = json!({"spec": {"template": {"spec": {"containers": containers}}}});
        site.edit(&DEPLOYMENTS, &name(index), &patch).unwrap();
    }
    site.until("all are promoted", all_in("Succeeded")).await;
    let took = site.now().since(began);
    // One alone takes the same four checks of ten seconds, and waits for the same waves of Pods.
    assert!(took < Duration::from_secs(240), "{took:?}");
    // No check came late: between two weights of one Canary lies its interval, and what its Pods need.
    let mut last =
        std::collections::BTreeMap::<String, (u64, oarlock_core::timestamp::Timestamp)>::new();
    for entry in site.chronicle.since(since).await {
        if entry.change.resource != CANARIES {
            continue;
        }
        let Some(weight) = entry.change.object["status"]["canaryWeight"].as_u64() else {
            continue;
        };
        let key = entry.change.key.name.to_string();
        let (before, at) = *last.entry(key.clone()).or_insert((weight, entry.at));
        if weight > before {
            if before > 0 {
                let waited = entry.at.since(at);
                assert!(
                    waited <= Duration::from_secs(45),
                    "{key} to {weight}%: {waited:?}"
                );
            }
            last.insert(key, (weight, entry.at));
        }
    }
}
