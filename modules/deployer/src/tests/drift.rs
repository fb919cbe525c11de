//! People who lend a hand.

use oarlock_sdk::json;

use super::site::Site;

fn at_the_first_step() -> Site {
    let mut site = Site::installed(10);
    site.deploy("1.7.8");
    site.settle();
    site.checked = None;
    site
}

#[test]
fn row_15_scaled_by_hand_is_restored_within_one_run_and_told() {
    for (name, replicas, told) in [
        ("nginx-1.7.7", 0, 9),
        ("nginx-1.7.7", 12, 9),
        ("nginx-1.7.8", 0, 1),
        ("nginx-1.7.8", 7, 1),
    ] {
        let mut site = at_the_first_step();
        let started = site.world.status()["stepStartedAt"].clone();
        site.world.each_child(|child| {
            if child["metadata"]["name"] == name {
                child["spec"]["replicas"] = json!(replicas);
            }
        });
        site.run();
        assert_eq!(
            site.sizes(),
            "1.7.7=9 1.7.8=1",
            "{name} to {replicas}, back to {told}"
        );
        assert_eq!(site.reasons().last(), Some(&"Restored"));
        site.settle();
        assert_eq!(site.world.status()["currentStep"], 1);
        assert_eq!(site.world.status()["stepStartedAt"], started);
        let restored = site
            .reasons()
            .iter()
            .filter(|reason| **reason == "Restored")
            .count();
        assert_eq!(restored, 1);
        site.finish();
        assert_eq!(site.sizes(), "1.7.8=10");
    }
}

#[test]
fn row_15_edited_by_hand_is_restored_within_one_run_and_told() {
    for name in ["nginx-1.7.7", "nginx-1.7.8"] {
        let mut site = at_the_first_step();
        let before = site.deployment(name)["spec"]["template"].clone();
        site.world.each_child(|child| {
            if child["metadata"]["name"] == name {
                child["spec"]["template"]["spec"]["containers"][0]["image"] = json!("nginx:evil");
            }
        });
        site.run();
        assert_eq!(site.deployment(name)["spec"]["template"], before);
        assert_eq!(site.reasons().last(), Some(&"Restored"));
        site.finish();
        assert_eq!(site.sizes(), "1.7.8=10");
    }
}

#[test]
fn row_16_deleted_by_hand_is_created_again_at_its_size_and_told() {
    for (name, replicas) in [("nginx-1.7.7", 9), ("nginx-1.7.8", 1)] {
        let mut site = at_the_first_step();
        let before = site.deployment(name)["spec"]["template"].clone();
        site.world.delete_child(name);
        site.run();
        let again = site.deployment(name);
        assert_eq!(again["spec"]["replicas"], replicas);
        assert_eq!(again["spec"]["template"], before);
        assert_eq!(site.reasons().last(), Some(&"Recreated"));
        site.finish();
        assert_eq!(site.sizes(), "1.7.8=10");
    }
}

#[test]
fn row_25_what_is_not_in_the_pods_is_no_rollout() {
    let mut site = Site::installed(10);
    site.world
        .edit(json!({"metadata": {"annotations": {"note": "hello"}}}));
    assert!(!site.run(), "an annotation changes nothing");
    site.world
        .edit(json!({"spec": {"deployment": {"namespace": null, "template": {}}}}));
    site.settle();
    assert_eq!(
        (site.sizes().as_str(), site.phase()),
        ("1.7.7=10", "Stable")
    );
    assert_eq!(site.history(), ["1.7.7 Promoted"]);
}

/// Killed between a write and its status: what the module itself wrote is not taken for somebody else's hand.
#[test]
fn what_it_did_itself_before_it_was_killed_is_not_restored() {
    for killed_after in 0..3 {
        let mut site = Site::installed(10);
        site.deploy("1.7.8");
        for _ in 0..100 {
            let outcome = site.world.call(crate::reconcile).unwrap();
            let mut changed = site.world.perform(&outcome, killed_after);
            site.check();
            changed |= site.pods_follow();
            changed |= site.run();
            changed |= site.pods_follow();
            if !changed && site.world.wake().is_some() {
                site.sleep();
            }
        }
        assert_eq!(site.sizes(), "1.7.8=10");
        assert!(
            !site.reasons().contains(&"Restored"),
            "{:?}",
            site.reasons()
        );
        assert!(
            !site.reasons().contains(&"Recreated"),
            "{:?}",
            site.reasons()
        );
    }
}
