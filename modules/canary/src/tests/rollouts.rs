//! Rollouts that go as they should, and those that are given up.

use oarlock_sdk::json;

use super::site::{Site, at, plain};

#[test]
fn a_deployment_is_held_when_it_is_at_rest() {
    let mut site = Site::new(plain(), 10);
    site.run();
    assert_eq!(site.phase(), "Initializing");
    assert!(site.world.live(&at("podinfo-stable")).is_none());
    site.settle();
    assert_eq!(site.phase(), "Initialized");
    assert_eq!(site.app()["spec"]["paused"], json!(true));
    assert_eq!(site.app()["spec"]["replicas"], json!(10));
    let stable = site.world.live(&at("podinfo-stable")).unwrap();
    assert_eq!(stable["spec"]["replicas"], json!(0));
    assert_eq!(
        stable["spec"]["selector"]["matchLabels"]["canary.oarlock.dev/track"],
        "stable"
    );
}

#[test]
fn a_new_version_comes_step_by_step_and_is_never_rolled_out_twice() {
    let mut site = Site::held(plain(), 10);
    site.deploy("2");
    site.finish();
    assert_eq!(site.phase(), "Succeeded");
    assert_eq!(site.pods(), "app 2=10/10, stable");
    assert_eq!(site.app()["spec"]["replicas"], json!(10));
    assert_eq!(site.app()["spec"]["paused"], json!(true));
    assert!(
        site.app()["metadata"]["annotations"]
            .get("canary.oarlock.dev/replicas")
            .is_none()
    );
    insta_like(&site.seen);
}

/// The sizes at rest between the steps.
fn insta_like(seen: &[String]) {
    for line in [
        "app 2=1/1, stable 1=9/9",
        "app 2=3/3, stable 1=7/7",
        "app 2=6/6, stable 1=4/4",
    ] {
        assert!(
            seen.iter().any(|seen| seen == line),
            "{line} in\n{}",
            seen.join("\n")
        );
    }
}

#[test]
fn row_01_every_number_of_replicas_and_every_surge_gets_there() {
    for replicas in [1, 2, 3, 4, 5, 7, 10, 20] {
        for (up, down) in [
            ("25%", "25%"),
            ("1", "0"),
            ("0", "1"),
            ("0", "0"),
            ("100%", "0"),
            ("0", "50%"),
        ] {
            let mut site = Site::new(plain(), replicas);
            let amount = |text: &str| match text.parse::<u32>() {
                Ok(number) => json!(number),
                Err(_) => json!(text),
            };
            site.edit(json!({"spec": {"strategy": {"rollingUpdate": {"maxSurge": amount(up), "maxUnavailable": amount(down)}}}}));
            site.settle();
            site.checked = Some((replicas, replicas));
            site.deploy("2");
            site.finish();
            assert_eq!(
                site.pods(),
                format!("app 2={replicas}/{replicas}, stable"),
                "{replicas} {up} {down}"
            );
            assert_eq!(site.phase(), "Succeeded");
        }
    }
}

#[test]
fn row_02_without_replicas_a_new_version_is_promoted_at_once() {
    let mut site = Site::new(plain(), 0);
    site.settle();
    site.deploy("2");
    site.settle();
    assert_eq!(site.phase(), "Succeeded");
    assert_eq!(site.app()["spec"]["replicas"], json!(0));
    site.edit(json!({"spec": {"replicas": 4}}));
    site.finish();
    assert_eq!(site.pods(), "app 2=4/4, stable");
    assert_eq!(site.app()["spec"]["paused"], json!(true));
}

#[test]
fn row_11_abort_grows_the_stable_before_the_canary_shrinks() {
    let mut site = Site::held(plain(), 10);
    site.deploy("2");
    site.until(|site| site.pods() == "app 2=6/6, stable 1=4/4");
    let revision = site.world.status()["currentRevision"].clone();
    site.world
        .edit(json!({"spec": {"control": {"abort": revision}}}));
    site.finish();
    assert_eq!(site.phase(), "Failed");
    assert_eq!(site.pods(), "app, stable 1=10/10");
    assert!(site.reasons().contains(&"Aborted"));
    // It is not tried again.
    site.pass(10_000);
    assert_eq!(site.pods(), "app, stable 1=10/10");
}

#[test]
fn row_10_a_third_version_and_a_revert_in_the_middle() {
    let mut site = Site::held(plain(), 10);
    site.deploy("2");
    site.until(|site| site.pods() == "app 2=3/3, stable 1=7/7");
    site.deploy("3");
    site.until(|site| site.pods() == "app 3=1/1, stable 1=9/9");
    site.until(|site| site.pods() == "app 3=6/6, stable 1=4/4");
    let before = site.seen.len();
    site.deploy("1");
    site.finish();
    assert_eq!(site.pods(), "app 1=10/10, stable");
    assert_eq!(site.world.status()["history"][0]["outcome"], "Reverted");
    // What serves is never less than it was.
    for line in &site.seen[before..] {
        let stable: u32 = line
            .split(['=', ' ', ',', '/'])
            .collect::<Vec<_>>()
            .windows(2)
            .filter(|pair| pair[0] == "1")
            .filter_map(|pair| pair[1].parse::<u32>().ok())
            .sum();
        assert!(stable >= 4, "{line}");
    }
}

#[test]
fn row_13_a_bad_image_is_given_up_at_the_deadline_and_what_serves_is_untouched() {
    let mut site = Site::held(plain(), 10);
    site.controller.broken.push("podinfo:2".to_owned());
    site.deploy("2");
    site.finish();
    assert_eq!(site.phase(), "Failed");
    assert_eq!(site.available(Some("podinfo:1")), 10);
    assert_eq!(site.running(Some("podinfo:2")), 0);
    // Another version goes its way from there.
    site.deploy("3");
    site.finish();
    assert_eq!(site.pods(), "app 3=10/10, stable");
}

#[test]
fn row_14_a_repaired_version_gets_through_where_what_serves_is_broken() {
    let mut site = Site::held(plain(), 10);
    site.controller.broken.push("podinfo:1".to_owned());
    site.floor = false;
    site.settle();
    site.deploy("2");
    site.finish();
    assert_eq!(site.phase(), "Succeeded");
    assert_eq!(site.pods(), "app 2=10/10, stable");
}
