//! How people steer: abort, promote, retry and pause, each for one revision.

use oarlock_sdk::json;

use super::site::Site;

#[test]
fn row_11_abort_grows_the_stable_before_the_canary_shrinks() {
    let mut site = Site::at_the_third_step();
    site.wish("abort", "");
    let revision = site.revision();
    site.finish();
    assert_eq!(
        site.seen[..3],
        ["1.7.7=4 1.7.8=6", "1.7.7=7 1.7.8=6", "1.7.7=7 1.7.8=3"]
    );
    assert_eq!(site.sizes(), "1.7.7=10");
    assert_eq!(site.phase(), "Stable");
    assert_eq!(site.world.status()["rejectedRevisions"], json!([revision]));
    assert_eq!(site.history(), ["1.7.8 Aborted", "1.7.7 Promoted"]);
    assert_eq!(
        site.ready(),
        format!(
            "False Rejected: 1.7.8 ({revision}) was given up: spec.control.abort asks for it\n\
             hint: change it, or try it again with spec.control.retry"
        )
    );
    assert_eq!(
        site.condition("Degraded"),
        site.ready().replacen("False", "True", 1)
    );
    assert_eq!(
        site.condition("Progressing").split(':').next(),
        Some("False Rejected")
    );
    assert!(
        site.reasons()
            .ends_with(&["Aborted", "RollingBack", "RolledBack"]),
        "{:?}",
        site.reasons()
    );
}

#[test]
fn row_10_a_rejected_revision_stays_rejected_until_a_retry() {
    let mut site = Site::at_the_third_step();
    site.wish("abort", "");
    site.finish();
    // Applied again and again, with the wish taken out of Git.
    site.world
        .edit(json!({"spec": {"control": {"abort": null}}}));
    site.finish();
    assert_eq!(site.sizes(), "1.7.7=10");
    // What served is wanted, then the rejected one again.
    site.deploy("1.7.7");
    site.finish();
    assert_eq!(
        site.ready(),
        "True Available: all 10 Pods of nginx-1.7.7 are available"
    );
    site.deploy("1.7.8");
    site.finish();
    assert_eq!(site.sizes(), "1.7.7=10");

    site.world
        .edit(json!({"spec": {"control": {"retry": "once more"}}}));
    site.settle();
    assert_eq!(site.sizes(), "1.7.7=9 1.7.8=1");
    assert_eq!(site.world.status()["handledRetry"], "once more");
    assert_eq!(site.world.status().get("rejectedRevisions"), None);
    site.finish();
    assert_eq!(site.sizes(), "1.7.8=10");
    assert!(site.reasons().contains(&"Retried"));
}

#[test]
fn a_retry_counts_once() {
    let mut site = Site::at_the_third_step();
    site.world
        .edit(json!({"spec": {"control": {"retry": "a"}}}));
    site.settle();
    site.wish("abort", "");
    site.finish();
    assert_eq!(
        site.sizes(),
        "1.7.7=10",
        "an old retry takes no later rejection back"
    );
    site.world
        .edit(json!({"spec": {"control": {"abort": null, "retry": "b"}}}));
    site.finish();
    assert_eq!(site.sizes(), "1.7.8=10");
}

#[test]
fn an_abort_of_another_revision_is_without_effect() {
    let mut site = Site::at_the_third_step();
    site.world
        .edit(json!({"spec": {"control": {"abort": "0123456789"}}}));
    site.finish();
    assert_eq!(site.sizes(), "1.7.8=10");
}

#[test]
fn a_wish_stays_in_git_and_never_means_the_next_rollout() {
    let mut site = Site::at_the_third_step();
    site.wish("abort", "");
    site.finish();
    site.deploy("1.7.9");
    site.finish();
    assert_eq!(site.sizes(), "1.7.9=10");
    let mut site = Site::at_the_third_step();
    site.wish("promote", "/full");
    site.finish();
    site.deploy("1.7.9");
    site.settle();
    assert_eq!(site.sizes(), "1.7.8=9 1.7.9=1");
}

#[test]
fn an_abort_before_the_first_step_is_one() {
    let mut site = Site::installed(10);
    site.deploy("1.7.8");
    site.wish("abort", "");
    site.finish();
    assert_eq!(site.sizes(), "1.7.7=10");
    assert_eq!(site.seen, ["1.7.7=10"]);
    assert!(
        site.ready().starts_with("False Rejected: 1.7.8"),
        "{}",
        site.ready()
    );
}

#[test]
fn what_serves_cannot_be_aborted() {
    let mut site = Site::installed(10);
    site.wish("abort", "");
    site.finish();
    assert_eq!(
        site.ready(),
        "True Available: all 10 Pods of nginx-1.7.7 are available"
    );
    assert_eq!(site.world.status().get("rejectedRevisions"), None);
    let mut first = Site::new(10);
    first.broken = vec!["nginx-1.7.7".to_owned()];
    first.wish("abort", "");
    first.settle();
    assert_eq!(
        (first.sizes().as_str(), first.phase()),
        ("1.7.7=10", "Installing")
    );
}

#[test]
fn promotion_goes_past_a_step_without_waiting() {
    let mut site = Site::installed(10);
    site.deploy("1.7.8");
    site.settle();
    site.wish("promote", "/1");
    site.settle();
    assert_eq!(site.sizes(), "1.7.7=7 1.7.8=3");
    assert_eq!(
        site.progress(),
        "no. 2, 30% has been deployed, 30s till next step"
    );
    site.wish("promote", "/3");
    site.settle();
    assert_eq!(site.sizes(), "1.7.8=10");
    assert_eq!(site.phase(), "Stable");
}

#[test]
fn full_promotion_keeps_to_the_floor() {
    let mut site = Site::installed(10);
    site.deploy("1.7.8");
    site.wish("promote", "/full");
    site.settle();
    assert_eq!(
        (site.sizes().as_str(), site.phase()),
        ("1.7.8=10", "Stable")
    );
    assert!(
        site.seen.iter().any(|sizes| sizes == "1.7.7=10 1.7.8=3"),
        "{:?}",
        site.seen
    );
    assert_eq!(site.now(), Site::installed(10).now(), "no time passed");
}

#[test]
fn a_promoted_version_that_does_not_come_takes_nothing_away() {
    let mut site = Site::installed(10);
    site.broken = vec!["nginx-1.7.8".to_owned()];
    site.deploy("1.7.8");
    site.wish("promote", "");
    site.settle();
    assert_eq!(site.sizes(), "1.7.7=10 1.7.8=3");
}

#[test]
fn row_23_a_pause_stops_steps_and_the_deadline() {
    for wish in ["all", "revision"] {
        let mut site = Site::installed(10);
        site.deploy("1.7.8");
        site.broken = vec!["nginx-1.7.8".to_owned()];
        site.settle();
        site.pass(100);
        match wish {
            "all" => site.world.edit(json!({"spec": {"paused": true}})),
            _ => site.wish("pause", ""),
        }
        site.settle();
        assert_eq!(site.world.wake(), None, "nothing to wake up for");
        site.pass(100_000);
        site.settle();
        assert_eq!(site.sizes(), "1.7.7=10 1.7.8=1");
        assert_eq!(
            site.condition("Paused").split(':').next(),
            Some("True Paused")
        );
        site.world
            .edit(json!({"spec": {"paused": null, "control": {"pause": null}}}));
        site.settle();
        // 100 of 600 seconds were over.
        assert_eq!(site.sleep().as_secs(), 500);
        site.settle();
        assert_eq!(site.sizes(), "1.7.7=10");
    }
}

#[test]
fn row_23_a_pause_in_a_sleep_holds_the_next_step() {
    let mut site = Site::at_the_third_step();
    site.world.edit(json!({"spec": {"paused": true}}));
    site.settle();
    site.pass(100_000);
    site.settle();
    assert_eq!(site.sizes(), "1.7.7=4 1.7.8=6");
    assert_eq!(site.why(), "Paused: held at 60% while paused");
    site.world.edit(json!({"spec": {"paused": false}}));
    site.finish();
    assert_eq!(site.sizes(), "1.7.8=10");
}

#[test]
fn while_paused_nothing_begins_but_a_way_back() {
    let mut site = Site::installed(10);
    site.world.edit(json!({"spec": {"paused": true}}));
    site.deploy("1.7.8");
    site.settle();
    assert_eq!(
        (site.sizes().as_str(), site.phase()),
        ("1.7.7=10", "Stable")
    );
    assert_eq!(
        site.why(),
        "Paused: nginx-1.7.8 is not rolled out while paused"
    );
    assert_eq!(
        site.ready(),
        "False Paused: nginx-1.7.8 is not rolled out while paused"
    );
    // Replicas are no rollout.
    site.checked = None;
    site.world
        .edit(json!({"spec": {"deployment": {"replicas": 4}}}));
    site.settle();
    assert_eq!(site.sizes(), "1.7.7=4");

    let mut site = Site::at_the_third_step();
    site.world.edit(json!({"spec": {"paused": true}}));
    site.settle();
    site.deploy("1.7.7");
    site.settle();
    assert_eq!(site.sizes(), "1.7.7=10");
}

#[test]
fn a_step_that_pauses_waits_for_its_promotion() {
    let mut site = Site::installed(10);
    site.world.edit(json!({"spec": {"steps": [
        {"percent": 10, "pause": true}, {"percent": 50, "sleep": "1m"}, {"percent": 100},
    ], "deployment": {"version": "1.7.8"}}}));
    site.settle();
    assert_eq!(site.world.wake(), None);
    assert_eq!(
        site.progress(),
        "no. 1, 10% has been deployed, paused till promoted"
    );
    let revision = site.revision();
    assert_eq!(
        site.why(),
        format!(
            "WaitingForPromotion: held at 10% until it is promoted\n\
             hint: spec.control.promote: {revision}/1"
        )
    );
    assert!(
        site.condition("Paused")
            .starts_with("True WaitingForPromotion")
    );
    site.pass(100_000);
    site.settle();
    assert_eq!(site.sizes(), "1.7.7=9 1.7.8=1");
    site.wish("promote", "/1");
    site.settle();
    assert_eq!(
        site.progress(),
        "no. 2, 50% has been deployed, 60s till next step"
    );
    site.finish();
    assert_eq!(site.sizes(), "1.7.8=10");
}

#[test]
fn while_paused_an_abort_goes_back_and_a_promotion_waits() {
    let mut site = Site::at_the_third_step();
    site.world.edit(json!({"spec": {"paused": true}}));
    site.wish("promote", "/full");
    site.settle();
    assert_eq!(site.sizes(), "1.7.7=4 1.7.8=6");
    // A promotion takes back that this revision alone is held, not that everything is.
    site.world.edit(json!({"spec": {"paused": false}}));
    site.wish("pause", "");
    let mut promoted = site.clone();
    promoted.settle();
    assert_eq!(promoted.sizes(), "1.7.8=10");
    site.world
        .edit(json!({"spec": {"paused": true, "control": {"promote": null}}}));
    site.wish("abort", "");
    site.settle();
    assert_eq!(site.sizes(), "1.7.7=10");
}
