//! Pods that do not come, or go again.

use oarlock_sdk::json;

use super::site::Site;

fn broken(more: oarlock_sdk::Value) -> Site {
    let mut site = Site::installed(10);
    site.world.edit(json!({"spec": {"strategy": more}}));
    site.broken = vec!["nginx-1.7.8".to_owned()];
    site.deploy("1.7.8");
    site.settle();
    site
}

/// What the Deployment controller says.
fn say(site: &mut Site, name: &str, kind: &str, status: &str, reason: &str, message: &str) {
    site.world.each_child(|child| {
        if child["metadata"]["name"] == name {
            child["status"]["conditions"] = json!([{
                "type": kind, "status": status, "reason": reason, "message": message,
            }]);
        }
    });
}

#[test]
fn row_13_a_version_that_never_comes_is_given_up_at_the_deadline() {
    let mut site = broken(json!({"progressDeadlineSeconds": 90}));
    let generation = site.deployment("nginx-1.7.7")["metadata"]["generation"].clone();
    assert_eq!(site.sleep().as_secs(), 90);
    site.finish();
    assert_eq!(site.sizes(), "1.7.7=10");
    let untouched = site.deployment("nginx-1.7.7")["metadata"]["generation"].clone();
    assert_eq!(untouched, generation, "what served is not even written");
    let revision = site.revision();
    assert_eq!(
        site.ready(),
        format!(
            "False Rejected: 1.7.8 ({revision}) was given up: \
             the Pods of nginx-1.7.8 were not available within 90s\n\
             hint: change it, or try it again with spec.control.retry"
        )
    );
}

#[test]
fn row_13_crashing_again_and_again_after_ready_is_given_up() {
    let mut site = Site::installed(10);
    site.world
        .edit(json!({"spec": {"steps": [{"percent": 10, "sleep": "2h"}, {"percent": 100}]}}));
    site.deploy("1.7.8");
    site.settle();
    // Up for five seconds, down for a minute.
    for _ in 0..20 {
        site.broken = vec!["nginx-1.7.8".to_owned()];
        site.pods_follow();
        site.settle();
        site.pass(60);
        site.settle();
        site.broken.clear();
        site.pods_follow();
        site.settle();
        site.pass(5);
    }
    assert_eq!(site.sizes(), "1.7.7=10");
    assert_eq!(site.history()[0], "1.7.8 Aborted");
}

#[test]
fn pods_that_keep_coming_are_progress() {
    let mut site = Site::installed(100);
    site.world.edit(json!({"spec": {
        "steps": null, "strategy": {"progressDeadlineSeconds": 60}, "deployment": {"version": "1.7.8"},
    }}));
    site.run();
    site.run();
    for available in 1..=20 {
        site.pass(50);
        site.world.each_child(|child| {
            if child["metadata"]["name"] == "nginx-1.7.8" {
                let wanted = child["spec"]["replicas"].clone();
                child["status"] = json!({"observedGeneration": child["metadata"]["generation"],
                    "replicas": wanted, "updatedReplicas": wanted, "availableReplicas": available});
            }
        });
        site.run();
        assert_eq!(site.phase(), "Scaling");
    }
}

#[test]
fn on_failure_hold_stays_where_it_is() {
    let mut site = broken(json!({"progressDeadlineSeconds": 90, "onFailure": "hold"}));
    site.sleep();
    site.settle();
    assert_eq!(
        (site.sizes().as_str(), site.phase()),
        ("1.7.7=10 1.7.8=1", "Scaling")
    );
    assert_eq!(
        site.ready(),
        "False Held: the Pods of nginx-1.7.8 were not available within 90s"
    );
    assert_eq!(
        site.reasons()
            .iter()
            .filter(|reason| **reason == "Held")
            .count(),
        1
    );
    assert_eq!(site.world.wake(), None);
    site.pass(100_000);
    site.settle();
    // It gets well by itself.
    site.broken.clear();
    site.finish();
    assert_eq!(site.sizes(), "1.7.8=10");
    // Or is given up by a person.
    let mut site = broken(json!({"progressDeadlineSeconds": 90, "onFailure": "hold"}));
    site.sleep();
    site.settle();
    site.wish("abort", "");
    site.finish();
    assert_eq!(site.sizes(), "1.7.7=10");
}

#[test]
fn row_18_the_cause_is_named() {
    let mut site = broken(json!({}));
    let quota = "pods \"nginx-1.7.8-x\" is forbidden: exceeded quota: pods, requested: pods=1, used: pods=10, limited: pods=10";
    say(
        &mut site,
        "nginx-1.7.8",
        "ReplicaFailure",
        "True",
        "FailedCreate",
        quota,
    );
    site.settle();
    assert_eq!(site.sizes(), "1.7.7=10 1.7.8=1");
    assert_eq!(
        site.ready(),
        format!("False DeploymentFailed: Deployment nginx-1.7.8: {quota}")
    );
    assert_eq!(
        site.condition("Degraded"),
        format!("True DeploymentFailed: Deployment nginx-1.7.8: {quota}")
    );
    assert_eq!(
        site.condition("Available").split(':').next(),
        Some("True MinimumReplicasAvailable")
    );
    assert_eq!(site.reasons().last(), Some(&"DeploymentFailed"));
    let input = &site.world.status()["why"]["inputs"][1];
    assert_eq!(input["value"], quota);
    // It stands in the history when the deadline is over.
    site.sleep();
    site.settle();
    let reason = site.world.status()["history"][0]["reason"].clone();
    assert_eq!(
        reason,
        format!("the Pods of nginx-1.7.8 were not available within 600s: {quota}")
    );
}

#[test]
fn row_05_the_floor_and_the_ceiling_are_those_of_the_strategy() {
    for (surge, unavailable, allowed) in [
        (json!("25%"), json!(0), 0),
        (json!(0), json!("30%"), 3),
        (json!(1), json!(2), 2),
        (json!(0), json!(0), 1),
    ] {
        let mut site = Site::installed(10);
        site.unavailable = allowed;
        site.world.edit(
            json!({"spec": {"strategy": {"maxSurge": surge, "maxUnavailable": unavailable}}}),
        );
        site.deploy("1.7.8");
        site.finish();
        assert_eq!(site.sizes(), "1.7.8=10");
        let most = site.seen.iter().map(|sizes| {
            let counts = sizes.split(' ').filter_map(|one| one.split_once('='));
            counts
                .map(|(_, count)| count.parse::<u32>().unwrap())
                .sum::<u32>()
        });
        let ceiling = match surge.as_u64() {
            Some(surge) => 10 + u32::try_from(surge).unwrap(),
            None => 13,
        };
        assert!(most.max().unwrap() <= ceiling, "{:?}", site.seen);
    }
}

#[test]
fn row_04_min_ready_seconds_are_the_deployments_own() {
    let mut site = Site::new(10);
    site.world
        .edit(json!({"spec": {"strategy": {"minReadySeconds": 15}}}));
    site.run();
    assert_eq!(
        site.deployment("nginx-1.7.7")["spec"]["minReadySeconds"],
        15
    );
}
