//! Changes of mind, in the middle of a rollout and after it.

use oarlock_sdk::json;

use super::site::Site;

#[test]
fn row_10_back_to_the_old_version_never_loses_one_of_its_pods() {
    let mut site = Site::at_the_third_step();
    site.deploy("1.7.7");
    let mut before = 4;
    for _ in 0..20 {
        site.run();
        site.pods_follow();
        let old = site.available(Some("nginx-1.7.7"));
        assert!(old >= before, "{old} after {before}");
        before = old;
    }
    assert_eq!(
        (site.sizes().as_str(), site.phase()),
        ("1.7.7=10", "Stable")
    );
    assert!(site.world.wake().is_none(), "a way back has no steps");
    assert_eq!(site.world.events().last().unwrap().1, "RolledBack");
}

/// The second version leaves first, and the baseline takes its place.
#[test]
fn row_10_a_third_version_starts_over_and_stays_within_the_surge() {
    let mut site = Site::at_the_third_step();
    site.deploy("1.7.9");
    site.settle();
    assert_eq!(site.sizes(), "1.7.7=9 1.7.8=0 1.7.9=1");
    assert_eq!(
        site.progress(),
        "no. 1, 10% has been deployed, 60s till next step"
    );
    assert_eq!(site.world.status()["history"][0]["outcome"], "Superseded");
    site.sleep();
    site.settle();
    assert_eq!(site.sizes(), "1.7.7=7 1.7.8=0 1.7.9=3");
    site.finish();
    assert_eq!(site.sizes(), "1.7.9=10");
}

/// What is left of it counts: it does not lose Pods to begin anew.
#[test]
fn the_second_version_again_goes_on_where_it_is() {
    let mut site = Site::at_the_third_step();
    site.deploy("1.7.9");
    site.run();
    site.deploy("1.7.8");
    site.settle();
    assert_eq!(site.sizes(), "1.7.7=4 1.7.8=6");
    assert_eq!(site.world.status()["currentStep"], 3);
    site.finish();
    assert_eq!(site.sizes(), "1.7.8=10");
}

#[test]
fn row_10_back_from_the_third_version_goes_to_the_baseline() {
    let mut site = Site::at_the_third_step();
    site.deploy("1.7.9");
    site.settle();
    site.deploy("1.7.7");
    site.settle();
    assert_eq!(
        (site.sizes().as_str(), site.phase()),
        ("1.7.7=10", "Stable")
    );
}

#[test]
fn row_03_other_replicas_split_anew_and_the_time_goes_on() {
    for (replicas, expected) in [
        (20, "1.7.7=8 1.7.8=12"),
        (4, "1.7.7=2 1.7.8=2"),
        (1, "1.7.7=0 1.7.8=1"),
    ] {
        let mut site = Site::at_the_third_step();
        let started = site.world.status()["stepStartedAt"].clone();
        site.pass(10);
        site.checked = None;
        site.world
            .edit(json!({"spec": {"deployment": {"replicas": replicas}}}));
        site.settle();
        assert_eq!(site.sizes(), expected);
        assert_eq!(site.world.status()["stepStartedAt"], started);
        assert_eq!(site.sleep().as_secs(), 20);
    }
}

#[test]
fn no_replicas_in_the_middle_end_the_rollout() {
    let mut site = Site::at_the_third_step();
    site.checked = None;
    site.world
        .edit(json!({"spec": {"deployment": {"replicas": 0}}}));
    site.settle();
    assert_eq!((site.sizes().as_str(), site.phase()), ("1.7.8=0", "Stable"));
}

#[test]
fn after_a_rollout_replicas_are_still_followed() {
    let mut site = Site::installed(10);
    site.checked = None;
    site.world
        .edit(json!({"spec": {"deployment": {"replicas": 4}}}));
    site.settle();
    assert_eq!(site.sizes(), "1.7.7=4");
}

#[test]
fn row_09_edited_steps_take_nothing_back() {
    let step = |percent: u8| json!({"percent": percent, "sleep": 30});
    for (steps, index) in [
        (json!([step(20), step(70), step(100)]), 1),
        (json!([step(60), step(100)]), 1),
        (json!([step(5), step(10), step(30), step(50), step(100)]), 4),
    ] {
        let mut site = Site::at_the_third_step();
        site.world.edit(json!({"spec": {"steps": steps}}));
        site.settle();
        assert_eq!(site.sizes(), "1.7.7=4 1.7.8=6");
        assert_eq!(site.world.status()["currentStep"], index);
        site.finish();
        assert_eq!(site.sizes(), "1.7.8=10");
    }

    // All of them are further: the first is next.
    let mut site = Site::at_the_third_step();
    site.world
        .edit(json!({"spec": {"steps": [step(80), step(100)]}}));
    site.settle();
    assert_eq!(site.sizes(), "1.7.7=2 1.7.8=8");
}

#[test]
fn versions_that_begin_alike_are_different() {
    let mut site = Site::installed(10);
    site.deploy("1.7.77");
    site.settle();
    assert_eq!(site.sizes(), "1.7.7=9 1.7.77=1");
}

#[test]
fn a_version_that_never_served_is_replaced_without_steps() {
    let mut site = Site::new(10);
    site.broken = vec!["nginx-1.7.7".to_owned()];
    site.settle();
    site.deploy("1.7.8");
    site.settle();
    assert_eq!(
        (site.sizes().as_str(), site.phase()),
        ("1.7.8=10", "Stable")
    );
}
