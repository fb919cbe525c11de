//! What is remembered, and what people and programs read in the status.

use oarlock_sdk::json;

use super::site::Site;

#[test]
fn an_earlier_revision_is_kept_without_pods_and_comes_back_at_once() {
    let mut site = Site::installed(10);
    site.world
        .edit(json!({"spec": {"revisionHistoryLimit": 1}}));
    site.deploy("1.7.8");
    site.finish();
    assert_eq!(
        (site.sizes().as_str(), site.phase()),
        ("1.7.7=0 1.7.8=10", "Stable")
    );
    site.deploy("1.7.9");
    site.finish();
    assert_eq!(
        site.sizes(),
        "1.7.8=0 1.7.9=10",
        "the one before the last is gone"
    );

    site.seen.clear();
    let began = site.now();
    site.deploy("1.7.8");
    site.finish();
    assert_eq!(site.sizes(), "1.7.8=10 1.7.9=0");
    assert_eq!(site.now(), began, "a way back has no steps");
    assert_eq!(
        site.history(),
        [
            "1.7.8 Promoted",
            "1.7.9 Promoted",
            "1.7.8 Promoted",
            "1.7.7 Promoted"
        ]
    );
    site.world
        .edit(json!({"spec": {"revisionHistoryLimit": 0}}));
    site.finish();
    assert_eq!(site.sizes(), "1.7.8=10");
}

#[test]
fn the_quick_way_back_can_be_turned_again() {
    let mut site = Site::installed(10);
    site.world
        .edit(json!({"spec": {"revisionHistoryLimit": 2}}));
    site.deploy("1.7.8");
    site.finish();
    site.deploy("1.7.7");
    site.run();
    site.run();
    site.pods_follow();
    site.deploy("1.7.8");
    site.finish();
    assert_eq!(site.sizes(), "1.7.7=0 1.7.8=10");
}

#[test]
fn the_status_tells_the_versions_side_by_side() {
    let mut site = Site::installed(10);
    site.deploy("1.7.8");
    site.settle();
    site.sleep();
    site.settle();
    let status = site.world.status();
    let track = |index: usize| {
        let track = &status["tracks"][index];
        format!(
            "{} {} {}/{}/{} {}%",
            track["role"].as_str().unwrap(),
            track["name"].as_str().unwrap(),
            track["available"],
            track["ready"],
            track["desired"],
            track["weight"]
        )
    };
    assert_eq!(track(0), "stable nginx-1.7.7 7/7/7 70%");
    assert_eq!(track(1), "canary nginx-1.7.8 3/3/3 30%");
    assert_eq!(status["replicas"], 10);
    assert_eq!(status["availableReplicas"], 10);
    assert_eq!(status["selector"], "deploy.example.com/deployer=nginx");
    assert_eq!(status["currentStep"], 2);
    assert_eq!(status["tracks"][0]["revision"], status["stableRevision"]);
    assert_eq!(status["tracks"][1]["revision"], status["currentRevision"]);
    assert_eq!(status["why"]["decision"], "Sleeping");
    assert_eq!(status["why"]["nextWakeUp"], status["stepEndsAt"]);
    assert_eq!(status["observedGeneration"], 2);
    assert_eq!(
        site.condition("Progressing"),
        "True RollingOut: on the way to nginx-1.7.8"
    );
    assert_eq!(
        site.condition("Available"),
        "True MinimumReplicasAvailable: at least 10 Pods are available"
    );
    assert_eq!(site.condition("Paused"), "False NotPaused: nobody holds it");
    assert_eq!(
        site.condition("Degraded"),
        "False AsExpected: nothing is wrong"
    );
    site.finish();
    assert_eq!(site.why(), "Stable: all replicas are of nginx-1.7.8");
    assert_eq!(
        site.condition("Progressing"),
        "False Stable: all replicas are of nginx-1.7.8"
    );
}

#[test]
fn ten_rollouts_are_remembered() {
    let mut site = Site::installed(1);
    site.world.edit(json!({"spec": {"steps": null}}));
    for version in 0..15 {
        site.deploy(&format!("2.{version}"));
        site.finish();
    }
    let history = site.history();
    assert_eq!(history.len(), 10);
    assert_eq!(history[0], "2.14 Promoted");
}

#[test]
fn taken_back_and_overtaken_are_remembered_as_such() {
    let mut site = Site::installed(10);
    site.deploy("1.7.8");
    site.settle();
    site.deploy("1.7.9");
    site.settle();
    site.deploy("1.7.7");
    site.finish();
    assert_eq!(
        site.history(),
        ["1.7.9 Reverted", "1.7.8 Superseded", "1.7.7 Promoted"]
    );
}
