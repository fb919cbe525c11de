//! Killed hosts, broken versions, jumping clocks, and people who lend a hand.

use std::time::Duration;

use oarlock_sdk::{Rng, json};

use super::site::Site;
use crate::reconcile;

/// Killed after every possible write of every run: no step is skipped, none is taken back, and the time is kept.
#[test]
fn row_07_killed_at_any_point() {
    for killed_after in 0..4 {
        let mut site = Site::installed(10);
        site.deploy("1.7.8");
        let mut index = 0;
        let mut visited = Vec::new();
        let began = site.now();
        for turn in 0..200 {
            // Every other call is cut short, as if the host had died. Nothing of it is remembered.
            let outcome = site.world.call(reconcile).unwrap();
            let steps = if turn % 2 == 0 {
                killed_after
            } else {
                usize::MAX
            };
            let changed = site.world.perform(&outcome, steps);
            site.check();
            let status = site.world.status();
            let now = status["currentStep"].as_u64().unwrap_or(index);
            assert!(
                now == index || now == index + 1,
                "from step {index} to {now}"
            );
            index = now;
            if site.phase() == "Waiting" && visited.last() != Some(&site.sizes()) && turn % 2 == 1 {
                visited.push(site.sizes());
            }
            let followed = site.pods_follow();
            if !changed && !followed && turn % 2 == 1 && site.world.wake().is_some() {
                site.sleep();
            }
        }
        assert_eq!(site.sizes(), "1.7.8=10");
        assert_eq!(site.now().since(began), Duration::from_secs(120));
        assert_eq!(
            visited,
            ["1.7.7=9 1.7.8=1", "1.7.7=7 1.7.8=3", "1.7.7=4 1.7.8=6"],
            "{killed_after}"
        );
    }
}

/// The host was away for a while in the middle of a step.
#[test]
fn a_late_run_takes_one_step_only() {
    let mut site = Site::installed(10);
    site.deploy("1.7.8");
    site.settle();
    site.pass(100_000);
    site.settle();
    assert_eq!(site.sizes(), "1.7.7=7 1.7.8=3");
}

#[test]
fn row_08_a_clock_that_jumps_back_takes_no_step_back() {
    let mut site = Site::installed(10);
    site.deploy("1.7.8");
    site.settle();
    site.sleep();
    site.settle();
    assert_eq!(site.sizes(), "1.7.7=7 1.7.8=3");
    let now = site.now();
    site.world.set_now(now - Duration::from_secs(3600));
    site.settle();
    assert_eq!(site.sizes(), "1.7.7=7 1.7.8=3");
}

/// An hour forwards and back again: no more than the one step that seemed to be due is taken, and the time of the next is
/// that of its own beginning.
#[test]
fn row_08_a_clock_that_jumps_an_hour_takes_one_step_at_most() {
    let mut site = Site::installed(10);
    site.deploy("1.7.8");
    site.settle();
    let now = site.now();
    site.pass(3600);
    site.settle();
    assert_eq!(site.sizes(), "1.7.7=7 1.7.8=3");
    site.world.set_now(now + Duration::from_secs(60));
    site.settle();
    assert_eq!(site.sizes(), "1.7.7=7 1.7.8=3");
    assert_eq!(site.world.status()["currentStep"], 2);
    // The clock is an hour behind what was written down: the step stays until it is due by that.
    assert_eq!(site.sleep(), Duration::from_secs(3600 - 60 + 30));
    site.finish();
    assert_eq!(site.sizes(), "1.7.8=10");
}

/// Nothing but the word that it may go: its owner references, and what the host gives back, do the rest.
#[test]
fn row_17_a_deleted_deployer_is_let_go_at_once() {
    let outcome = crate::deleted();
    assert_eq!(outcome, oarlock_sdk::Outcome::new().finalized());
    assert_eq!(outcome.exactly(), None, "what there is stays as it is");
}

#[test]
fn a_status_that_is_gone_is_found_again() {
    let mut site = Site::installed(10);
    site.deploy("1.7.8");
    site.settle();
    site.sleep();
    site.settle();
    site.world.edit(json!({"status": null}));
    site.settle();
    assert_eq!(site.sizes(), "1.7.7=7 1.7.8=3");
    assert_eq!(site.world.status()["currentStep"], 2);
    site.finish();
    assert_eq!(site.sizes(), "1.7.8=10");
}

/// Of an operator that knew no revisions yet.
#[test]
fn a_status_of_another_time_is_no_hindrance() {
    let mut site = Site::installed(10);
    site.world
        .edit(json!({"status": {"to": {"revision": null, "template": null}}}));
    site.finish();
    assert_eq!(
        (site.sizes().as_str(), site.phase()),
        ("1.7.7=10", "Stable")
    );
}

#[test]
fn a_broken_version_stays_at_its_step_and_is_named() {
    let mut site = Site::installed(10);
    site.deploy("bad");
    site.broken = vec!["nginx-bad".to_owned()];
    site.settle();
    site.world.each_child(|child| {
        if child["metadata"]["name"] == "nginx-bad" {
            child["status"]["conditions"] = json!([{
                "type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded",
                "message": "ReplicaSet \"nginx-bad-1\" has timed out progressing.",
            }]);
        }
    });
    site.run();
    assert_eq!(site.sizes(), "1.7.7=10 bad=1");
    assert_eq!(
        site.ready(),
        "False DeploymentFailed: Deployment nginx-bad: ReplicaSet \"nginx-bad-1\" has timed out progressing."
    );
    assert_eq!(site.available(Some("nginx-1.7.7")), 10);
    assert_eq!(site.world.events().last().unwrap().1, "DeploymentFailed");
}

#[test]
fn row_14_a_fix_gets_past_a_broken_baseline() {
    let mut site = Site::installed(10);
    site.broken = vec!["nginx-1.7.7".to_owned()];
    site.pods_follow();
    site.deploy("1.7.8");
    site.finish();
    assert_eq!(site.sizes(), "1.7.8=10");
}

/// Pods that fail during the wait stop the next step, and do not restart the wait.
#[test]
fn an_unavailable_step_is_not_left() {
    let mut site = Site::installed(10);
    site.deploy("1.7.8");
    site.settle();
    site.broken = vec!["nginx-1.7.8".to_owned()];
    site.pods_follow();
    site.run();
    site.pass(60);
    site.settle();
    assert_eq!(site.world.status()["currentStep"], 1);
    site.broken.clear();
    site.pods_follow();
    site.settle();
    assert_eq!(site.world.status()["currentStep"], 2);
}

#[test]
fn row_15_what_people_change_by_hand_is_put_back() {
    for (name, replicas) in [("nginx-1.7.7", 0), ("nginx-1.7.8", 0), ("nginx-1.7.7", 12)] {
        let mut site = Site::installed(10);
        site.deploy("1.7.8");
        site.settle();
        site.checked = None;
        site.world.each_child(|child| {
            if child["metadata"]["name"] == name {
                child["spec"]["replicas"] = json!(replicas);
            }
        });
        site.settle();
        assert_eq!(site.sizes(), "1.7.7=9 1.7.8=1", "{name}");
        assert_eq!(site.world.status()["currentStep"], 1);
    }
}

#[test]
fn row_16_a_deployment_that_somebody_deletes_comes_back() {
    for name in ["nginx-1.7.7", "nginx-1.7.8"] {
        let mut site = Site::installed(10);
        site.deploy("1.7.8");
        site.settle();
        site.checked = None;
        site.world.delete_child(name);
        site.settle();
        assert_eq!(site.sizes(), "1.7.7=9 1.7.8=1", "{name}");
        let images: Vec<_> = site
            .world
            .children()
            .map(|child| child["spec"]["template"]["spec"]["containers"][0]["image"].clone())
            .collect();
        assert_eq!(images, ["nginx:1.7.7", "nginx:1.7.8"]);
    }
}

/// Anything in any order. The site itself checks the floor and the ceiling after every write.
#[test]
fn any_order_of_things_ends_at_the_last_version() {
    for seed in 0..100 {
        let mut rng = Rng::new(seed);
        let replicas = u32::try_from(rng.below(12)).unwrap() + 1;
        let mut site = Site::installed(replicas);
        let mut version = "1.7.7".to_owned();
        for _ in 0..60 {
            match rng.below(12) {
                0 => {
                    version = format!("1.7.{}", 7 + rng.below(4));
                    site.deploy(&version);
                }
                1 | 2 => site.pass(rng.below(90)),
                3..=6 => drop(site.pods_follow()),
                7 | 8 => {
                    let outcome = site.world.call(reconcile).unwrap();
                    site.world
                        .perform(&outcome, usize::try_from(rng.below(4)).unwrap());
                    site.check();
                }
                _ => drop(site.run()),
            }
        }
        site.finish();
        assert_eq!(site.sizes(), format!("{version}={replicas}"), "seed {seed}");
    }
}

/// Everything that people may want, in any order, of a canary. The site itself checks the floor and the ceiling after every
/// write; in the end the last version serves.
#[test]
fn any_order_of_wishes_ends_at_the_last_version() {
    for seed in 0..50 {
        let mut rng = Rng::new(seed);
        let replicas = u32::try_from(rng.below(8)).unwrap() + 1;
        let mut site = Site::installed(replicas);
        site.world.edit(json!({"spec": {
            "revisionHistoryLimit": rng.below(3), "strategy": {"progressDeadlineSeconds": 0},
        }}));
        let mut version = "1.7.7".to_owned();
        for turn in 0..60 {
            match rng.below(14) {
                0 | 1 => {
                    version = format!("1.7.{}", 7 + rng.below(4));
                    site.deploy(&version);
                }
                2 => site.wish("abort", ""),
                3 => site.wish(
                    "promote",
                    ["", "/1", "/2", "/full"][usize::try_from(rng.below(4)).unwrap()],
                ),
                4 => site
                    .world
                    .edit(json!({"spec": {"control": {"abort": null, "retry": turn.to_string()}}})),
                5 => site
                    .world
                    .edit(json!({"spec": {"paused": rng.below(2) == 0}})),
                6 => site.pass(rng.below(90)),
                7..=9 => drop(site.pods_follow()),
                10 => {
                    let outcome = site.world.call(reconcile).unwrap();
                    site.world
                        .perform(&outcome, usize::try_from(rng.below(5)).unwrap());
                    site.check();
                }
                _ => drop(site.run()),
            }
        }
        site.world
            .edit(json!({"spec": {"paused": false, "control": null, "revisionHistoryLimit": 0}}));
        site.world
            .edit(json!({"spec": {"control": {"retry": "in the end"}}}));
        site.finish();
        assert_eq!(site.sizes(), format!("{version}={replicas}"), "seed {seed}");
        assert_eq!(site.ready().split(' ').next(), Some("True"), "seed {seed}");
    }
}

/// Another kind of rollout in the middle of one, and one after the other: what began ends as it began.
#[test]
fn any_order_of_kinds_ends_at_the_last_version() {
    for seed in 0..40 {
        let mut rng = Rng::new(seed);
        let mut site = Site::installed(3);
        site.checked = None;
        let mut version = "1.7.7".to_owned();
        for _ in 0..60 {
            match rng.below(10) {
                0 => {
                    let kind =
                        ["canary", "blueGreen", "recreate"][usize::try_from(rng.below(3)).unwrap()];
                    site.world.edit(json!({"spec": {"type": kind}}));
                }
                1 => {
                    version = format!("1.7.{}", 7 + rng.below(4));
                    site.deploy(&version);
                }
                2 => site.wish("abort", ""),
                3 => site.pass(rng.below(90)),
                4 | 5 => drop(site.pods_follow()),
                6 => {
                    let outcome = site.world.call(reconcile).unwrap();
                    site.world
                        .perform(&outcome, usize::try_from(rng.below(5)).unwrap());
                }
                _ => drop(site.run()),
            }
        }
        site.world.edit(json!({"spec": {"control": null}}));
        site.world
            .edit(json!({"spec": {"control": {"retry": "in the end"}}}));
        site.finish();
        assert_eq!(site.sizes(), format!("{version}=3"), "seed {seed}");
    }
}
