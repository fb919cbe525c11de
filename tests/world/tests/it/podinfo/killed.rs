//! The operator is killed: in a wait, between two writes, before and after one. What is in the cluster is all
//! that the next one has.

use std::time::Duration;

use serde_json::{Value, json};

use super::site::{CANARIES, DEPLOYMENTS, NEW, Site};
use crate::gate::Moment;
use crate::world::Circumstances;

/// What became of one rollout in four steps.
struct Tale {
    writes: usize,
    lives: usize,
    took: Duration,
    weights: Vec<u64>,
    events: Vec<String>,
    effects: usize,
    remains: Value,
}

/// Fewer steps than the users have: every write of them all is a story of its own.
fn in_four_steps(site: &Site) {
    site.set(&json!({"canaryAnalysis": {"stepWeight": 25}}));
}

async fn tell(kill: Option<(usize, Moment)>) -> Tale {
    let mut site = Site::new(Circumstances {
        kill,
        ..Circumstances::default()
    })
    .await;
    site.install().await;
    in_four_steps(&site);
    site.pass(Duration::from_secs(30)).await;
    let (since, began) = (site.store().revision(), site.now());
    site.deploy(NEW);
    site.until_promoted(NEW).await;
    let took = site.now().since(began);
    site.settle().await;
    if site.lives == 1 && kill.is_some() {
        assert!(site.gate().is_dead(), "{kill:?} was never reached");
        site.restart().await;
        site.settle().await;
    }
    site.check_capacity(since).await;
    let effects = site.outside.asked();
    Tale {
        writes: site.gate().writes(),
        lives: site.lives,
        took,
        weights: site.weights(since).await,
        events: site.events("podinfo"),
        effects: effects.iter().filter(|asked| asked.key.is_some()).count(),
        remains: remains(&site),
    }
}

/// What is left of it all in the end, without what differs from one life to the next.
fn remains(site: &Site) -> Value {
    let sizes = site.sizes();
    let app = site.get(&DEPLOYMENTS, "podinfo").unwrap();
    let canary = site.get(&CANARIES, "podinfo").unwrap();
    json!({
        "sizes": sizes,
        "paused": app["spec"]["paused"],
        "annotations": app["metadata"]["annotations"].as_object().map(|all| all.keys().collect::<Vec<_>>()),
        "finalizers": canary["metadata"]["finalizers"],
        "phase": canary["status"]["phase"],
        "tracks": canary["status"]["tracks"],
        "history": canary["status"]["history"].as_array().map(Vec::len),
    })
}

/// Every other write, as the native tests of the module go through each of them: before the even ones, after the odd ones.
async fn at_every_other_write(moment: Moment) {
    let calm = tell(None).await;
    assert!(calm.writes > 30, "only {} writes", calm.writes);
    assert_eq!(calm.lives, 1);
    let first = usize::from(moment == Moment::After);
    for write in (first..calm.writes).step_by(2) {
        let tale = tell(Some((write, moment))).await;
        let at = format!("{moment:?} write {write} of {}", calm.writes);
        assert_eq!(tale.lives, 2, "{at}");
        assert_eq!(tale.remains, calm.remains, "{at}");
        assert_eq!(tale.weights, calm.weights, "{at}");
        assert!(
            tale.took + Duration::from_secs(2) >= calm.took
                && tale.took <= calm.took + Duration::from_secs(12),
            "{at}: {:?}, undisturbed {:?}",
            tale.took,
            calm.took
        );
        // An Event is told after what it tells of, so the one that was about to be told may be lost; none is told twice.
        let lost: Vec<&String> = calm
            .events
            .iter()
            .filter(|event| !tale.events.contains(event))
            .collect();
        assert!(lost.len() <= 1, "{at}: {lost:?}");
        assert_eq!(
            tale.events.len() + lost.len(),
            calm.events.len(),
            "{at}: {:#?}",
            tale.events
        );
        assert!(tale.effects <= calm.effects + 1, "{at}: {}", tale.effects);
    }
}

#[tokio::test(start_paused = true)]
async fn row_07_killed_before_a_write_it_neither_regresses_nor_skips() {
    at_every_other_write(Moment::Before).await;
}

#[tokio::test(start_paused = true)]
async fn row_07_killed_after_a_write_it_neither_regresses_nor_skips() {
    at_every_other_write(Moment::After).await;
}

#[tokio::test(start_paused = true)]
async fn row_07_an_operator_that_is_away_in_the_middle_changes_nothing_and_goes_on_after() {
    let mut site = Site::held().await;
    let since = site.store().revision();
    site.deploy(NEW);
    site.until_weight(40).await;
    site.kill().await;
    let (sizes, weight) = (site.sizes(), site.status()["canaryWeight"].clone());
    // Nobody holds anything now but what stands in the cluster. A user edits the Deployment meanwhile.
    site.pass(Duration::from_secs(3600)).await;
    assert_eq!(site.sizes(), sizes);
    site.restart().await;
    site.until_promoted(NEW).await;
    site.settle().await;
    site.check_capacity(since).await;
    let weights = site.weights(since).await;
    let rising = weights.iter().skip_while(|weight| **weight == 0);
    let rising: Vec<u64> = rising.copied().take_while(|weight| *weight > 0).collect();
    assert!(rising.is_sorted(), "{rising:?} after {weight}");
}

#[tokio::test(start_paused = true)]
async fn an_edit_while_the_operator_is_away_does_not_roll_out_by_itself() {
    let mut site = Site::held().await;
    site.kill().await;
    site.deploy(NEW);
    site.pass(Duration::from_secs(3600)).await;
    let app = site.get(&DEPLOYMENTS, "podinfo").unwrap();
    assert_eq!(app["status"]["updatedReplicas"].as_u64().unwrap_or(0), 0);
    assert_eq!(app["status"]["availableReplicas"], 10);
    let since = site.store().revision();
    site.restart().await;
    site.until_promoted(NEW).await;
    site.check_capacity(since).await;
}

#[tokio::test(start_paused = true)]
async fn row_40_every_transition_is_told_once_however_often_the_operator_is_restarted() {
    let mut calm = Site::held().await;
    in_four_steps(&calm);
    calm.deploy(NEW);
    calm.until_promoted(NEW).await;
    calm.settle().await;
    let mut restless = Site::held().await;
    in_four_steps(&restless);
    restless.deploy(NEW);
    for _ in 0..25 {
        restless.pass(Duration::from_secs(7)).await;
        restless.restart().await;
    }
    restless.until_promoted(NEW).await;
    restless.settle().await;
    let (mut once, mut often) = (calm.events("podinfo"), restless.events("podinfo"));
    once.sort();
    often.sort();
    assert_eq!(often, once);
}
