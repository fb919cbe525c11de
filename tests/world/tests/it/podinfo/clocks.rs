//! Clocks that are wrong: the host's, and the next host's.

use std::time::Duration;

use oarlock_core::timestamp::Timestamp;

use super::site::{CANARIES, NEW, Site};
use crate::world::Circumstances;

const HOUR: i64 = 3_600_000;

/// When the status told each weight, from the beginning of the rollout on, by the API server's clock.
async fn schedule(site: &Site, since: u64, began: Timestamp) -> Vec<(u64, Duration)> {
    let times = site.schedule(since).await;
    times
        .into_iter()
        .filter(|(weight, _)| *weight > 0)
        .map(|(weight, at)| (weight, at.since(began)))
        .collect()
}

/// Rolls out on hosts whose clocks are so far off, one after the other, as leaders change.
async fn told(skews: &[i64]) -> Vec<(u64, Duration)> {
    let mut site = Site::new(Circumstances {
        skew: Some(skews[0]),
        ..Circumstances::default()
    })
    .await;
    site.install().await;
    site.pass(Duration::from_secs(60)).await;
    let (since, began) = (site.store().revision(), site.now());
    site.deploy(NEW);
    for (index, skew) in skews.iter().enumerate().skip(1) {
        let weight = u64::try_from(index).unwrap() * 20;
        site.until_weight(weight).await;
        site.skew = Some(*skew);
        site.restart().await;
    }
    site.until_promoted(NEW).await;
    site.check_capacity(since).await;
    check_times(&site, since).await;
    schedule(&site, since, began).await
}

/// The times that the status tells are the API server's: a step began when it was written that it did.
async fn check_times(site: &Site, since: u64) {
    let mut last = None;
    for entry in site.chronicle.since(since).await {
        let status = &entry.change.object["status"];
        let told = status["stepStartedAt"].as_str();
        let Some(began) = told.and_then(Timestamp::parse_rfc3339) else {
            continue;
        };
        if entry.change.resource == CANARIES && last.replace(began) != Some(began) {
            let off = began.since(entry.at).max(entry.at.since(began));
            assert!(off <= Duration::from_secs(2), "{began} at {}", entry.at);
        }
    }
    assert!(last.is_some(), "no step began");
}

fn close(told: &[(u64, Duration)], right: &[(u64, Duration)]) {
    assert_eq!(told.len(), right.len());
    let (mut last, mut right_last) = (Duration::ZERO, Duration::ZERO);
    for ((weight, at), (expected, wanted)) in told.iter().zip(right) {
        assert_eq!(weight, expected);
        let (step, right_step) = (*at - last, *wanted - right_last);
        assert!(
            step.abs_diff(right_step) <= Duration::from_secs(2),
            "to {weight}%: {step:?} instead of {right_step:?}"
        );
        (last, right_last) = (*at, *wanted);
    }
}

#[tokio::test(start_paused = true)]
async fn row_08_hosts_an_hour_ahead_or_behind_wait_as_long_as_the_server_says() {
    let right = told(&[0]).await;
    assert_eq!(right.len(), 20);
    for skew in [HOUR, -HOUR] {
        close(&told(&[skew]).await, &right);
    }
}

#[tokio::test(start_paused = true)]
async fn row_08_a_new_leader_with_another_time_neither_shortens_nor_prolongs_a_wait() {
    let right = told(&[0, 0, 0, 0]).await;
    close(&told(&[30_000, -30_000, HOUR, -HOUR]).await, &right);
}
