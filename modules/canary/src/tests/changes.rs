//! What people do in the middle of it, and what becomes of that.

use oarlock_sdk::{Value, json};

use super::site::{Site, at, deployment, plain};
use crate::reconcile;

fn rolling() -> Site {
    let mut site = Site::held(plain(), 10);
    site.deploy("2");
    site.until(|site| site.pods() == "app 2=3/3, stable 1=7/7");
    site
}

#[test]
fn row_03_replicas_that_change_in_a_step_are_split_again_and_its_time_goes_on() {
    let mut site = rolling();
    let since = site.world.status()["stepStartedAt"].clone();
    assert!(since.is_string());
    let later = site.world.now() + std::time::Duration::from_secs(4);
    site.world.set_now(later);
    site.checked = None;
    site.edit(json!({"spec": {"replicas": 20}}));
    site.settle();
    assert_eq!(site.pods(), "app 2=6/6, stable 1=14/14");
    assert_eq!(site.world.status()["stepStartedAt"], since);
    assert_eq!(
        site.app()["metadata"]["annotations"]["canary.oarlock.dev/replicas"],
        "6/20"
    );
    site.finish();
    assert_eq!(site.pods(), "app 2=20/20, stable");
    assert_eq!(site.app()["spec"]["replicas"], json!(20));
}

#[test]
fn row_03_replicas_that_come_with_a_new_template_are_not_lost() {
    let mut site = rolling();
    site.checked = None;
    let mut both = super::site::image("3");
    both["spec"]["replicas"] = json!(20);
    site.edit(both);
    site.until(|site| site.pods() == "app 3=2/2, stable 1=18/18");
    site.finish();
    assert_eq!(site.pods(), "app 3=20/20, stable");
}

#[test]
fn row_04_the_time_of_a_step_begins_when_its_pods_are_available() {
    let mut site = Site::held(plain(), 10);
    site.pass(60);
    site.controller.ready_after = std::time::Duration::from_secs(25);
    site.deploy("2");
    site.until(|site| site.pods().ends_with("2=0/1, stable 1=9/9"));
    let began = site.world.now();
    assert_eq!(site.world.status()["stepStartedAt"], Value::Null);
    site.until(|site| site.world.status()["stepStartedAt"].is_string());
    assert_eq!(site.world.now().since(began).as_secs(), 25);
    let ends: oarlock_sdk::Timestamp =
        serde_json::from_value(site.world.status()["stepEndsAt"].clone()).unwrap();
    assert_eq!(ends.since(site.world.now()).as_secs(), 10);
}

#[test]
fn row_09_steps_that_are_edited_never_take_back_what_was_promised() {
    // The steps that are left are all smaller: there is none to come.
    let mut site = rolling();
    site.world
        .edit(json!({"spec": {"analysis": {"stepWeights": [5, 20]}}}));
    site.settle();
    assert_eq!(site.pods(), "app 2=3/3, stable 1=7/7");
    site.finish();
    assert_eq!(site.pods(), "app 2=10/10, stable");
    assert!(
        !site
            .seen
            .iter()
            .any(|seen| seen == "app 2=6/6, stable 1=4/4")
    );
    // Others are further.
    let mut site = rolling();
    site.world
        .edit(json!({"spec": {"analysis": {"stepWeights": [30, 50, 90]}}}));
    site.until(|site| site.pods() == "app 2=5/5, stable 1=5/5");
    site.until(|site| site.pods() == "app 2=9/9, stable 1=1/1");
    site.finish();
    assert_eq!(site.pods(), "app 2=10/10, stable");
}

#[test]
fn row_15_what_is_scaled_edited_or_let_go_by_hand_comes_back() {
    let mut site = rolling();
    site.checked = None;
    let step = site.world.status()["currentStep"].clone();
    // The stable Deployment is the Canary's own: its number is restored.
    site.world.each_object(|object| {
        if object["metadata"]["name"] == "podinfo-stable" {
            object["spec"]["replicas"] = json!(1);
            object["spec"]["template"]["spec"]["containers"][0]["image"] = json!("podinfo:9");
        }
    });
    site.run();
    let stable = site.world.live(&at("podinfo-stable")).unwrap();
    assert_eq!(stable["spec"]["replicas"], json!(7));
    assert_eq!(
        stable["spec"]["template"]["spec"]["containers"][0]["image"],
        "podinfo:1"
    );
    site.settle();
    // Nobody else rolls the Deployment out.
    site.edit(json!({"spec": {"paused": false}}));
    site.run();
    assert_eq!(site.app()["spec"]["paused"], json!(true));
    site.settle();
    // Deleted, it comes again.
    site.world.delete_child("podinfo-stable");
    site.controller.forget("podinfo-stable");
    site.settle();
    assert_eq!(site.pods(), "app 2=3/3, stable 1=7/7");
    assert_eq!(site.world.status()["currentStep"], step);
    site.finish();
    assert_eq!(site.phase(), "Succeeded");
}

#[test]
fn the_stable_deployment_is_deleted_while_it_is_empty_and_a_new_version_waits() {
    let mut site = Site::held(plain(), 4);
    site.world.edit(json!({"spec": {"suspend": true}}));
    site.deploy("2");
    site.settle();
    site.world.delete_child("podinfo-stable");
    site.world.edit(json!({"spec": {"suspend": false}}));
    site.until(|site| {
        site.pods() == "app 2=1/1, stable 1=4/4" || site.pods() == "app 2=1/1, stable 1=3/3"
    });
    site.finish();
    assert_eq!(site.pods(), "app 2=4/4, stable");
}

#[test]
fn row_16_without_its_deployment_what_stands_in_for_it_serves_all() {
    let mut site = rolling();
    site.checked = None;
    site.world.delete_foreign(&at("podinfo"));
    site.controller.forget("podinfo");
    site.settle();
    assert_eq!(site.pods(), "app, stable 1=10/10");
    assert!(
        site.condition("Ready")
            .contains("TargetMissing: spec.targetRef.name: there is no Deployment podinfo"),
        "{}",
        site.condition("Ready")
    );
    // It comes back at the size of the step.
    site.world.foreign(deployment("podinfo", 10, "2"));
    site.until(|site| site.pods() == "app 2=3/3, stable 1=7/7");
    assert_eq!(site.world.status()["currentStep"], json!(2));
    site.finish();
    assert_eq!(site.pods(), "app 2=10/10, stable");
}

#[test]
fn row_17_a_canary_that_is_deleted_gives_all_back_before_what_stands_in_goes() {
    for weight in ["app 2=1/1, stable 1=9/9", "app 2=6/6, stable 1=4/4"] {
        let mut site = Site::held(plain(), 10);
        site.deploy("2");
        site.until(|site| site.pods() == weight);
        site.world.delete();
        for _ in 0..50 {
            if site.world.is_gone() {
                break;
            }
            site.run();
            site.pods_follow();
        }
        assert!(site.world.is_gone(), "{}", site.pods());
        let app = site.app();
        assert_eq!(app["spec"]["replicas"], json!(10));
        assert_ne!(app["spec"]["paused"], json!(true));
        assert_eq!(
            app["metadata"]["annotations"].get("canary.oarlock.dev/replicas"),
            None
        );
        assert!(site.world.live(&at("podinfo-stable")).is_none());
        site.controller.forget("podinfo-stable");
        site.pods_follow();
        assert_eq!(site.pods(), "app 2=10/10, stable");
    }
}

#[test]
fn row_17_a_paused_deployment_is_paused_again_when_the_canary_goes() {
    let mut site = Site::new(plain(), 3);
    site.pods_follow();
    site.edit(json!({"spec": {"paused": true}}));
    site.settle();
    assert_eq!(site.phase(), "Initialized");
    site.world.delete();
    site.run();
    assert!(site.world.is_gone());
    assert_eq!(site.app()["spec"]["paused"], json!(true));
    assert_eq!(site.app()["spec"]["replicas"], json!(3));
}

#[test]
fn row_18_where_there_is_no_room_it_holds_and_says_what_is_missing() {
    let mut site = Site::held(plain(), 10);
    site.controller.starved.push("podinfo-stable".to_owned());
    site.deploy("2");
    site.settle();
    assert_eq!(site.phase(), "Progressing");
    assert!(site.available(Some("podinfo:1")) >= 8);
    assert!(
        site.why()
            .contains("0 of 9 Pods of podinfo-stable are available"),
        "{}",
        site.why()
    );
    // It is not the new revision's fault: it is held for as long as it takes.
    site.pass(100_000);
    assert_eq!(site.phase(), "Progressing");
    assert!(
        site.why().starts_with("WaitingForStablePods"),
        "{}",
        site.why()
    );
    assert!(site.available(Some("podinfo:1")) >= 8);
    site.controller.starved.clear();
    site.finish();
    assert_eq!(site.pods(), "app 2=10/10, stable");
}

#[test]
fn row_18_stable_pods_that_are_lost_do_not_hide_the_checks() {
    let mut canary = plain();
    canary["spec"]["analysis"]["webhooks"] =
        json!([{"name": "gate", "type": "rollback", "url": "http://gate.prod/"}]);
    let mut site = Site::held(canary, 10);
    let asked = std::rc::Rc::new(std::cell::Cell::new(0));
    let counted = asked.clone();
    site.world.answers(move |_, _| {
        counted.set(counted.get() + 1);
        Ok(oarlock_sdk::http::Response::json(500, &json!({})))
    });
    site.deploy("2");
    site.until(|site| site.pods() == "app 2=3/3, stable 1=7/7");
    // One of the stable Pods never comes back.
    site.checked = None;
    site.controller.broken.push("podinfo:1".to_owned());
    let before = asked.get();
    site.finish();
    assert_eq!(site.pods(), "app 2=10/10, stable");
    assert!(
        site.reasons().contains(&"StableNotAvailable"),
        "{:?}",
        site.reasons()
    );
    assert!(asked.get() >= before + 2, "{}", asked.get());
}

#[test]
fn row_23_a_pause_holds_neither_giving_up_nor_going_back() {
    let mut site = rolling();
    let revision = site.world.status()["currentRevision"].clone();
    site.world
        .edit(json!({"spec": {"control": {"pause": revision}}}));
    site.settle();
    site.world
        .edit(json!({"spec": {"control": {"abort": revision}}}));
    site.finish();
    assert_eq!(site.pods(), "app, stable 1=10/10");
    let mut site = rolling();
    let revision = site.world.status()["currentRevision"].clone();
    site.world
        .edit(json!({"spec": {"control": {"pause": revision}}}));
    site.settle();
    site.deploy("1");
    site.finish();
    assert_eq!(site.pods(), "app 1=10/10, stable");
    // A promotion ends it, too.
    let mut site = rolling();
    let revision = site.world.status()["currentRevision"].clone();
    site.world
        .edit(json!({"spec": {"control": {"pause": revision}}}));
    site.settle();
    site.world
        .edit(json!({"spec": {"control": {"promote": revision}}}));
    site.finish();
    assert_eq!(site.pods(), "app 2=10/10, stable");
}

#[test]
fn what_replaces_the_whole_deployment_does_not_take_what_serves_away() {
    let mut site = rolling();
    let revision = site.world.status()["currentRevision"].clone();
    site.world
        .edit(json!({"spec": {"control": {"abort": revision}}}));
    site.finish();
    assert_eq!(site.pods(), "app, stable 1=10/10");
    // `kubectl replace` of what was read, without its annotations and with another image.
    let mut whole = super::site::image("3");
    whole["metadata"] = json!({"annotations": null});
    site.edit(whole);
    site.run();
    assert_eq!(site.world.status()["desiredReplicas"], json!(10));
    site.finish();
    assert_eq!(site.pods(), "app 3=10/10, stable");
}

#[test]
fn row_17_a_canary_without_a_status_gives_all_back_as_well() {
    let mut site = rolling();
    let revision = site.world.status()["currentRevision"].clone();
    site.world
        .edit(json!({"spec": {"control": {"abort": revision}}}));
    site.finish();
    site.world.edit(json!({"status": null}));
    site.world.delete();
    for _ in 0..50 {
        if site.world.is_gone() {
            break;
        }
        site.run();
        site.pods_follow();
    }
    assert!(site.world.is_gone());
    assert_eq!(site.pods(), "app 2=10/10, stable");
}

/// Another Canary, of January 2026, shares the Deployment.
fn held_by_an_older_one(site: &mut Site) {
    site.world.foreign(json!({
        "apiVersion": "canary.oarlock.dev/v1alpha1", "kind": "Canary",
        "metadata": {"name": "other", "namespace": "prod", "creationTimestamp": "2026-01-01T00:00:00Z"},
    }));
    let other = oarlock_sdk::ObjectRef::new("canary.oarlock.dev/v1alpha1", "Canary", "other")
        .in_namespace("prod");
    let uid = site.world.live(&other).unwrap()["metadata"]["uid"]
        .as_str()
        .unwrap()
        .to_owned();
    let mark =
        json!({"owner": "Canary.canary.oarlock.dev prod/other", "manager": "oarlock/canary/x"});
    site.edit(json!({"metadata": {"annotations": {format!("share.oarlock.dev/{uid}"): mark.to_string()}}}));
}

#[test]
fn row_26_the_younger_hands_back_before_it_lets_go() {
    let mut site = rolling();
    held_by_an_older_one(&mut site);
    site.world
        .edit(json!({"metadata": {"creationTimestamp": "2026-02-01T00:00:00Z"}}));
    site.settle();
    assert!(site.condition("Ready").contains("TargetTaken"));
    assert_eq!(site.pods(), "app 2=10/10, stable");
    assert!(site.world.live(&at("podinfo-stable")).is_none());
    assert_eq!(site.app()["spec"]["replicas"], json!(10));
}

#[test]
fn row_23_what_is_paused_has_no_deadline() {
    let mut site = Site::held(plain(), 10);
    site.controller.broken.push("podinfo:2".to_owned());
    site.deploy("2");
    site.until(|site| site.world.status()["stage"] == "Rolling");
    let revision = site.world.status()["currentRevision"].clone();
    site.world
        .edit(json!({"spec": {"control": {"pause": revision}}}));
    site.settle();
    site.pass(100_000);
    assert_eq!(site.phase(), "Progressing");
    assert!(
        site.condition("Paused").starts_with("True Held"),
        "{}",
        site.condition("Paused")
    );
    site.world
        .edit(json!({"spec": {"control": {"pause": null}}}));
    site.settle();
    assert_eq!(site.phase(), "Progressing");
    site.finish();
    assert_eq!(site.phase(), "Failed");
}

#[test]
fn row_25_what_is_no_change_of_the_pods_is_no_rollout() {
    let mut site = Site::held(plain(), 5);
    site.edit(json!({"metadata": {"annotations": {"a": "b"}}, "spec": {"revisionHistoryLimit": 3, "minReadySeconds": 1}}));
    site.deploy("1");
    site.settle();
    assert_eq!(site.phase(), "Initialized");
    assert_eq!(site.pods(), "app 1=5/5, stable");
    assert_eq!(site.world.status()["history"], Value::Null);
}

#[test]
fn row_26_of_two_canaries_the_older_has_the_deployment() {
    let mut site = Site::held(plain(), 3);
    held_by_an_older_one(&mut site);
    site.world
        .edit(json!({"metadata": {"creationTimestamp": "2026-02-01T00:00:00Z"}}));
    site.run();
    assert!(
        site.condition("Ready").contains("TargetTaken"),
        "{}",
        site.condition("Ready")
    );
    assert!(
        site.condition("Ready")
            .contains("Canary.canary.oarlock.dev prod/other")
    );
    // The younger one has to go.
    site.world
        .edit(json!({"metadata": {"creationTimestamp": "2025-02-01T00:00:00Z"}}));
    site.settle();
    assert!(!site.condition("Ready").contains("TargetTaken"));
}

#[test]
fn row_39_a_write_that_meets_another_is_done_again_and_nothing_is_lost() {
    let mut site = rolling();
    site.checked = None;
    for replicas in [12, 14, 16] {
        // Decided on what was there before.
        let outcome = site.world.call(reconcile).unwrap();
        site.edit(json!({"spec": {"replicas": replicas}}));
        site.world.perform(&outcome, usize::MAX);
        site.settle();
        assert_eq!(site.world.status()["desiredReplicas"], json!(replicas));
        assert!(site.running(None) >= replicas);
    }
    site.finish();
    assert_eq!(site.pods(), "app 2=16/16, stable");
}

#[test]
fn row_40_each_transition_is_told_once() {
    let mut site = Site::held(plain(), 10);
    site.deploy("2");
    site.finish();
    let mut keys: Vec<_> = site
        .world
        .events()
        .iter()
        .map(|(key, _)| key.clone())
        .collect();
    let all = keys.len();
    keys.sort();
    keys.dedup();
    assert_eq!(keys.len(), all);
    assert_eq!(
        site.reasons(),
        [
            "Initialized",
            "NewRevision",
            "Draining",
            "Rolling",
            "Rolled",
            "StepAvailable",
            "StepEntered",
            "StepAvailable",
            "StepEntered",
            "StepAvailable",
            "Promoting",
            "Finalising",
            "Succeeded",
        ]
    );
}

#[test]
fn a_revision_is_promoted_step_by_step_or_at_once() {
    let mut site = rolling();
    let revision = site.world.status()["currentRevision"]
        .as_str()
        .unwrap()
        .to_owned();
    site.world
        .edit(json!({"spec": {"control": {"promote": format!("{revision}/2")}}}));
    site.settle();
    assert_eq!(site.pods(), "app 2=6/6, stable 1=4/4");
    site.world
        .edit(json!({"spec": {"control": {"promote": revision}}}));
    site.settle();
    assert_eq!(site.phase(), "Succeeded");
    assert_eq!(site.pods(), "app 2=10/10, stable");
}

#[test]
fn without_analysis_a_new_version_comes_by_the_deployments_own_strategy() {
    let mut canary = plain();
    canary["spec"]["skipAnalysis"] = json!(true);
    let mut site = Site::held(canary, 10);
    site.deploy("2");
    site.settle();
    assert_eq!(site.phase(), "Succeeded");
    assert_eq!(site.pods(), "app 2=10/10, stable");
    assert!(!site.seen.iter().any(|seen| seen.contains("stable 1=")));
}

#[test]
fn what_fails_may_be_held_where_it_is() {
    let mut canary = plain();
    canary["spec"]["strategy"] = json!({"onFailure": "hold"});
    let mut site = Site::held(canary, 10);
    site.controller.broken.push("podinfo:2".to_owned());
    site.deploy("2");
    site.finish();
    assert_eq!(site.phase(), "Progressing");
    assert!(
        site.condition("Degraded").starts_with("True"),
        "{}",
        site.condition("Degraded")
    );
    assert!(site.why().contains("onFailure holds it"), "{}", site.why());
    let revision = site.world.status()["currentRevision"].clone();
    site.world
        .edit(json!({"spec": {"control": {"abort": revision}}}));
    site.finish();
    assert_eq!(site.phase(), "Failed");
    assert_eq!(site.available(Some("podinfo:1")), 10);
}

#[test]
fn what_is_held_after_a_failure_goes_on_when_it_is_retried() {
    let mut canary = plain();
    canary["spec"]["strategy"] = json!({"onFailure": "hold"});
    let mut site = Site::held(canary, 10);
    site.controller.broken.push("podinfo:2".to_owned());
    site.deploy("2");
    site.finish();
    assert!(site.condition("Degraded").starts_with("True"));
    site.controller.broken.clear();
    site.world
        .edit(json!({"spec": {"control": {"retry": "again"}}}));
    site.finish();
    assert_eq!(site.phase(), "Succeeded");
    assert_eq!(site.pods(), "app 2=10/10, stable");
    assert!(site.condition("Degraded").starts_with("False"));
}

#[test]
fn a_lost_status_is_made_again_of_what_stands_in_the_cluster() {
    let mut site = rolling();
    site.world.edit(json!({"status": null}));
    site.finish();
    assert_eq!(site.phase(), "Succeeded");
    assert_eq!(site.pods(), "app 2=10/10, stable");
    let mut site = Site::held(plain(), 3);
    site.world.edit(json!({"status": null}));
    site.settle();
    assert_eq!(site.phase(), "Initialized");
    assert_eq!(site.pods(), "app 1=3/3, stable");
}

#[test]
fn a_missing_target_is_named() {
    let mut site = Site::new(plain(), 3);
    site.world.delete_foreign(&at("podinfo"));
    site.run();
    assert!(
        site.condition("Ready")
            .starts_with("False TargetMissing: spec.targetRef.name"),
        "{}",
        site.condition("Ready")
    );
}

#[test]
fn selectors_that_overlap_are_named() {
    let mut site = Site::new(plain(), 3);
    let mut other = deployment("other", 1, "7");
    other["spec"]["selector"]["matchLabels"] = json!({"app": "podinfo"});
    site.world.foreign(other);
    site.world.foreign(deployment("apart", 1, "7"));
    // While it rolls out by itself nobody asks what is beside it.
    site.run();
    assert!(site.world.condition("Warnings").is_none());
    site.pods_follow();
    site.run();
    let warned = site.condition("Warnings");
    assert!(
        warned.contains("spec.targetRef.name: the selector of Deployment other"),
        "{warned}"
    );
    assert!(!warned.contains("apart"), "{warned}");
    site.settle();
    assert_eq!(site.phase(), "Initialized");
    assert!(site.reasons().contains(&"FieldsNotUsed"));
}
