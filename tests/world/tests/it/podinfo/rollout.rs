//! A rollout from its beginning to its end, good and bad.

use serde_json::json;

use super::outside::Sample;
use super::site::{CANARIES, DEPLOYMENTS, NEW, Site};
use crate::world::{condition, conditions};

#[tokio::test(start_paused = true)]
async fn the_manifest_of_the_talk_runs_unchanged() {
    let mut site = Site::held().await;
    assert_eq!(site.sizes(), "10+0");
    site.settle().await;
    let (since, began) = (site.store().revision(), site.now());
    site.deploy(NEW);
    site.until_promoted(NEW).await;
    site.settle().await;
    site.check_capacity(since).await;
    insta::assert_snapshot!("podinfo", site.story(since, began).await);
    insta::assert_snapshot!("podinfo-events", site.events("podinfo").join("\n"));
    insta::assert_snapshot!(conditions(&site.canary()).join("\n"), @r"
    Ready=True Succeeded: revision 7d4764249c serves with all replicas
    Progressing=False Succeeded: revision 7d4764249c serves with all replicas
    Available=True Available: 10 of 10 Pods are available, 8 are needed
    Paused=False Running: 
    Degraded=False AsExpected: 
    Promoted=True Succeeded: all Pods are of one revision
    ");
    // Ascending by five: what Pods there are cannot show is shown by what the status tells.
    let weights = site.weights(since).await;
    let steps: Vec<u64> = (1..=20).map(|step| step * 5).collect();
    let taken: Vec<u64> = weights.into_iter().filter(|weight| *weight > 0).collect();
    assert!(taken.starts_with(&steps), "{taken:?}");
    // Both metrics were asked at every step, and the load test was run.
    let asked = site.outside.asked();
    for what in [
        "metric request-success-rate",
        "metric request-duration",
        "webhook load-test",
    ] {
        let times = asked.iter().filter(|asked| asked.what == what).count();
        assert!(times >= 20, "{what} was asked {times} times");
    }
    // All is as it was: the users' number is theirs, and the Deployment is held.
    assert_eq!(site.sizes(), "10+0");
    assert_eq!(
        site.get(&DEPLOYMENTS, "podinfo").unwrap()["spec"]["paused"],
        true
    );
    let revision = site.revision("currentRevision");
    assert_eq!(site.revision("stableRevision"), revision);
}

#[tokio::test(start_paused = true)]
async fn row_11_failing_checks_give_up_and_the_stable_grows_before_the_canary_shrinks() {
    let mut site = Site::held().await;
    let since = site.store().revision();
    site.deploy(NEW);
    site.until_weight(60).await;
    site.outside
        .says("request-success-rate", Sample::Value(93.0));
    site.until_phase(&["Failed"]).await;
    site.settle().await;
    site.check_capacity(since).await;
    insta::assert_snapshot!(conditions(&site.canary()).join("\n"), @r"
    Ready=False Failed: metric request-success-rate: 93, expected >= 99 (failed check 5 of 5)
    Progressing=False Failed: metric request-success-rate: 93, expected >= 99 (failed check 5 of 5)
    Available=True Available: 10 of 10 Pods are available, 8 are needed
    Paused=False Running: 
    Degraded=True RolloutFailed: metric request-success-rate: 93, expected >= 99 (failed check 5 of 5)
    Promoted=False Failed: metric request-success-rate: 93, expected >= 99 (failed check 5 of 5)
    ");
    let why = site.status()["why"].clone();
    assert!(why["decision"].is_string(), "{why}");
    let revision = site.revision("currentRevision");
    assert_eq!(site.status()["rejectedRevisions"], json!([revision]));
    // It is not tried again by itself.
    let (sizes, runs) = (site.sizes(), site.store().revision());
    site.pass(std::time::Duration::from_secs(1800)).await;
    assert_eq!(site.sizes(), sizes);
    let late = site.chronicle.since(runs).await;
    let written = late
        .iter()
        .filter(|entry| entry.change.resource == DEPLOYMENTS);
    assert_eq!(written.count(), 0);
    // A retry is a rollout like any other.
    site.outside
        .says("request-success-rate", Sample::Value(99.9));
    let since = site.store().revision();
    site.control(&json!({"retry": format!("{revision}-1")}));
    site.until_promoted(NEW).await;
    site.settle().await;
    site.check_capacity(since).await;
    assert_eq!(site.sizes(), "10+0");
}

#[tokio::test(start_paused = true)]
async fn row_11_a_person_aborts_and_promotes() {
    let mut site = Site::held().await;
    let since = site.store().revision();
    site.deploy(NEW);
    site.until_weight(30).await;
    let revision = site.revision("currentRevision");
    site.control(&json!({"abort": revision}));
    site.until_phase(&["Failed"]).await;
    site.settle().await;
    site.check_capacity(since).await;
    assert_eq!(site.status()["canaryWeight"], 0);

    let began = site.now();
    site.control(&json!({
        "abort": null, "retry": format!("{revision}-1"), "promote": format!("{revision}/full"),
    }));
    site.until_promoted(NEW).await;
    let took = site.now().since(began);
    assert!(took < std::time::Duration::from_secs(100), "{took:?}");
    site.check_capacity(since).await;
}

#[tokio::test(start_paused = true)]
async fn a_pause_holds_every_step_until_it_is_over() {
    let mut site = Site::held().await;
    site.deploy(NEW);
    site.until_weight(25).await;
    let revision = site.revision("currentRevision");
    site.control(&json!({"pause": revision}));
    site.settle().await;
    let held = site.status()["canaryWeight"].clone();
    // Longer than the progress deadline.
    site.pass(std::time::Duration::from_secs(3000)).await;
    assert_eq!(site.status()["canaryWeight"], held);
    assert_eq!(site.status()["phase"], "Progressing");
    site.control(&json!({"pause": null}));
    site.until_promoted(NEW).await;
}

#[tokio::test(start_paused = true)]
async fn row_17_a_deleted_canary_gives_back_what_it_borrowed() {
    let mut site = Site::held().await;
    site.delete(&CANARIES, "podinfo");
    site.until("the Canary is gone", |world| {
        world.get(&CANARIES, "podinfo").is_none().then_some(())
    })
    .await;
    site.settle().await;
    let app = site.get(&DEPLOYMENTS, "podinfo").unwrap();
    assert_eq!(app["spec"]["paused"], serde_json::Value::Null);
    assert_eq!(app["spec"]["replicas"], 10);
    assert!(site.get(&DEPLOYMENTS, "podinfo-stable").is_none());
    // It rolls out by itself again.
    site.deploy(NEW);
    site.settle().await;
    assert_eq!(
        site.get(&DEPLOYMENTS, "podinfo").unwrap()["status"]["updatedReplicas"],
        10
    );
}

#[tokio::test(start_paused = true)]
async fn row_20_no_data_holds_and_counts_for_no_failure() {
    let mut site = Site::held().await;
    site.deploy(NEW);
    site.until_weight(20).await;
    site.outside.says("request-success-rate", Sample::Nothing);
    site.settle().await;
    let held = site.status()["canaryWeight"].clone();
    // Longer than five failed checks would take, and shorter than the progress deadline.
    site.pass(std::time::Duration::from_secs(300)).await;
    let status = site.status();
    assert_eq!(
        (&status["canaryWeight"], &status["failedChecks"]),
        (&held, &json!(0))
    );
    assert_eq!(status["phase"], "Progressing");
    site.outside
        .says("request-success-rate", Sample::Value(99.5));
    site.until_promoted(NEW).await;
}

#[tokio::test(start_paused = true)]
async fn row_26_a_second_canary_of_one_deployment_is_refused_and_changes_nothing() {
    let mut site = Site::held().await;
    let mut second = super::site::documents("canary.yaml").remove(0);
    second["metadata"]["name"] = json!("second");
    site.apply(second).unwrap();
    site.settle().await;
    let ready = condition(&site.get(&CANARIES, "second").unwrap(), "Ready");
    insta::assert_snapshot!(ready.unwrap(), @r"
    False TargetTaken: spec.targetRef.name: Deployment podinfo is held by Canary.flagger.app prod/podinfo, which is older; nothing is done here
    hint: delete one of the two
    ");
    let since = site.store().revision();
    site.deploy(NEW);
    site.until_promoted(NEW).await;
    site.check_capacity(since).await;
}
