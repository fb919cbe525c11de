//! The operator is killed right before or right after each single write of an installation and a rollout, and started again
//! with nothing but what is in the cluster.

use std::time::Duration;

use serde_json::Value;

use super::site::Site;
use crate::gate::Moment;

/// What became of one installation and one rollout.
struct Tale {
    /// Writes of the first life.
    writes: usize,
    lives: usize,
    took: Duration,
    progress: Vec<String>,
    phases: Vec<String>,
    events: Vec<String>,
    remains: Value,
}

async fn tell(kill: Option<(usize, Moment)>) -> Tale {
    let mut site = Site::killed_at(kill).await;
    site.install().await;
    let (since, began) = (site.store().revision(), site.now());
    site.deploy("1.7.8");
    site.until_stable("1.7.8").await;
    let took = site.now().since(began);
    // What comes after the last status: Events, and the old version's leave.
    site.pass(Duration::from_secs(30)).await;
    if site.lives == 1 && kill.is_some() {
        assert!(site.gate().is_dead(), "{kill:?} was never reached");
        site.restart().await;
        site.pass(Duration::from_secs(30)).await;
    }
    site.check_capacity(since, 10, 13).await;
    check_direction(&site, since).await;
    Tale {
        writes: site.gate().writes(),
        lives: site.lives,
        took,
        progress: site.progress(since).await,
        phases: phases(&site, since).await,
        events: site.events("nginx"),
        remains: site.remains(),
    }
}

/// Phases and steps, in order.
async fn phases(site: &Site, since: u64) -> Vec<String> {
    let mut seen: Vec<String> = Vec::new();
    for entry in site.chronicle.since(since).await {
        if entry.change.resource != super::site::DEPLOYERS {
            continue;
        }
        let status = &entry.change.object["status"];
        let phase = format!("{} {}", status["phase"], status["currentStep"]);
        if seen.last() != Some(&phase) {
            seen.push(phase);
        }
    }
    seen
}

/// The new version only grows, and the old one only shrinks.
async fn check_direction(site: &Site, since: u64) {
    let (mut old, mut new) = (u64::MAX, 0);
    for entry in site.chronicle.since(since).await {
        if entry.change.resource != super::site::DEPLOYMENTS || entry.change.removed {
            continue;
        }
        let replicas = entry.change.object["spec"]["replicas"].as_u64().unwrap();
        let revision = entry.change.revision;
        match entry.change.key.name.as_str() {
            "nginx-1.7.7" => {
                assert!(
                    replicas <= old,
                    "1.7.7 grows from {old} to {replicas} at {revision}"
                );
                old = replicas;
            }
            "nginx-1.7.8" => {
                assert!(
                    replicas >= new,
                    "1.7.8 shrinks from {new} to {replicas} at {revision}"
                );
                new = replicas;
            }
            other => panic!("{other} was not asked for"),
        }
    }
}

async fn at_every_write(moment: Moment) {
    let calm = tell(None).await;
    assert!(calm.writes > 30, "only {} writes", calm.writes);
    for write in 0..calm.writes {
        let tale = tell(Some((write, moment))).await;
        let at = format!("{moment:?} write {write} of {}", calm.writes);
        assert_eq!(tale.lives, 2, "{at}");
        assert_eq!(tale.remains, calm.remains, "{at}");
        assert_eq!(tale.progress, calm.progress, "{at}");
        assert_eq!(tale.phases, calm.phases, "{at}");
        assert!(
            tale.took >= Duration::from_secs(120)
                && tale.took <= calm.took + Duration::from_secs(2),
            "{at}: {:?}, undisturbed {:?}",
            tale.took,
            calm.took
        );
        // An Event is told after what it tells of, so the one that was about to be told may be lost; none is told twice.
        let lost: Vec<&String> = calm
            .events
            .iter()
            .filter(|e| !tale.events.contains(e))
            .collect();
        assert!(lost.len() <= 1, "{at}: {lost:?}");
        assert_eq!(
            tale.events.len() + lost.len(),
            calm.events.len(),
            "{at}: {:?}",
            tale.events
        );
    }
}

#[tokio::test(start_paused = true)]
async fn row_07_killed_before_every_write() {
    at_every_write(Moment::Before).await;
}

#[tokio::test(start_paused = true)]
async fn row_07_killed_after_every_write() {
    at_every_write(Moment::After).await;
}

/// Every second of a rollout.
#[tokio::test(start_paused = true)]
async fn row_07_killed_again_and_again() {
    let mut site = Site::installed().await;
    let since = site.store().revision();
    site.deploy("1.7.8");
    for _ in 0..130 {
        site.pass(Duration::from_secs(1)).await;
        site.restart().await;
    }
    site.until_stable("1.7.8").await;
    site.check_capacity(since, 10, 13).await;
    check_direction(&site, since).await;
    assert_eq!(site.progress(since).await.len(), 5);
}
