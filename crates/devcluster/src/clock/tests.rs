#![expect(clippy::expect_used, reason = "tests")]

use super::*;

use std::future::Future;
use std::task::Poll;

const START: Timestamp = Timestamp::from_millis(1_700_000_000_000);

fn at(millis: u64) -> Timestamp {
    START.after(Duration::from_millis(millis))
}

async fn is_pending<F: Future + Unpin>(future: &mut F) -> bool {
    std::future::poll_fn(|cx| Poll::Ready(std::pin::Pin::new(&mut *future).poll(cx).is_pending()))
        .await
}

#[tokio::test(start_paused = true)]
async fn paused_tokio_time_drives_it() {
    let clock = VirtualClock::new(START, 1.0);
    clock.sleep_until(at(3_600_000)).await;
    assert_eq!(clock.now(), at(3_600_000));
}

#[tokio::test(start_paused = true)]
async fn speed_scales_real_time() {
    let clock = VirtualClock::new(START, 20.0);
    let real = Instant::now();
    clock.sleep_until(at(60_000)).await;
    assert_eq!(real.elapsed(), Duration::from_secs(3));
    assert_eq!(clock.now(), at(60_000));
}

#[tokio::test(start_paused = true)]
async fn never_wakes_early_at_awkward_speeds() {
    for speed in [0.001, 0.3, 0.7, 1.0, 3.0, 7.7, 19.99, 333.3, 999_999.0] {
        let clock = VirtualClock::new(START, speed);
        for deadline in [1, 2, 7, 1_001, 59_999] {
            clock.sleep_until(at(deadline)).await;
            assert!(
                clock.now() >= at(deadline),
                "speed {speed} deadline {deadline}"
            );
        }
    }
}

#[tokio::test(start_paused = true)]
async fn stands_at_speed_zero_until_advanced() {
    let clock = VirtualClock::new(START, 0.0);
    let mut sleeper = clock.sleep_until(at(500));
    assert!(is_pending(&mut sleeper).await);
    tokio::time::sleep(Duration::from_secs(1_000)).await;
    assert_eq!(clock.now(), START);
    clock.advance_by(Duration::from_millis(499));
    assert!(is_pending(&mut sleeper).await);
    clock.advance_by(Duration::from_millis(1));
    assert!(!is_pending(&mut sleeper).await);
}

#[tokio::test(start_paused = true)]
async fn a_change_of_speed_reaches_sleepers() {
    let clock = VirtualClock::new(START, 0.0);
    let sleeper = tokio::spawn(clock.sleep_until(at(100_000)));
    tokio::task::yield_now().await;
    let real = Instant::now();
    clock.set_speed(100.0);
    sleeper.await.expect("the sleeper ends");
    assert_eq!(real.elapsed(), Duration::from_secs(1));
}

#[tokio::test(start_paused = true)]
async fn advancing_is_never_backwards() {
    let clock = VirtualClock::new(START, 1.0);
    clock.advance_to(at(10_000));
    clock.advance_to(at(5_000));
    assert_eq!(clock.now(), at(10_000));
    tokio::time::sleep(Duration::from_millis(250)).await;
    clock.set_speed(-3.0);
    assert_eq!(clock.speed(), 0.0);
    assert_eq!(clock.now(), at(10_250));
    clock.set_speed(f64::NAN);
    assert_eq!(clock.speed(), 0.0);
    clock.set_speed(f64::MAX);
    assert_eq!(clock.speed(), MAX_SPEED);
}

#[tokio::test(start_paused = true)]
async fn changing_speed_often_loses_no_time() {
    let clock = VirtualClock::new(START, 1.0);
    for _ in 0..1_000 {
        // Less than the millisecond a reading shows.
        tokio::time::advance(Duration::from_micros(300)).await;
        clock.set_speed(1.0);
    }
    assert_eq!(clock.now(), at(300));
}

#[tokio::test(start_paused = true)]
async fn a_follower_shows_the_leaders_time() {
    let leader = VirtualClock::new(START, 10.0);
    let mut changes = leader.subscribe();
    let follower = VirtualClock::follower();
    assert_eq!(follower.now(), Timestamp::default());
    let reading = changes.borrow_and_update().reading();
    follower.set(reading.now, reading.speed);
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(follower.now(), at(10_000));

    let sleeper = tokio::spawn(follower.sleep_until(at(70_000)));
    leader.advance_by(Duration::from_secs(60));
    changes.changed().await.expect("the leader lives");
    let reading = changes.borrow_and_update().reading();
    follower.set(reading.now, reading.speed);
    sleeper.await.expect("the sleeper ends");
    assert_eq!(follower.now(), leader.now());
}

#[tokio::test(start_paused = true)]
async fn a_follower_ahead_waits_for_its_leader() {
    let follower = VirtualClock::new(START, 20.0);
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(follower.now(), at(20_000));
    // The leader had stopped its hurry at 15 s.
    follower.set(at(15_000), 1.0);
    assert_eq!(follower.now(), at(20_000));
    tokio::time::sleep(Duration::from_secs(4)).await;
    assert_eq!(follower.now(), at(20_000));
    follower.sleep_until(at(21_000)).await;
    assert_eq!(follower.now(), at(21_000));
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(follower.now(), at(22_000));
}

#[tokio::test(start_paused = true)]
async fn the_far_end_of_time_is_reachable_by_a_jump_only() {
    let clock = VirtualClock::new(START, 1.0);
    let mut sleeper = clock.sleep_until(Timestamp::from_millis(u64::MAX));
    assert!(is_pending(&mut sleeper).await);
    clock.advance_by(Duration::MAX);
    assert_eq!(clock.now(), Timestamp::from_millis(u64::MAX));
    sleeper.await;
}

#[test]
fn the_wire_form_of_a_reading() {
    let reading = Reading {
        now: START,
        speed: 20.0,
    };
    let line = serde_json::to_string(&reading).expect("serialises");
    insta::assert_snapshot!(line, @r#"{"now":1700000000000,"speed":20.0}"#);
    assert_eq!(
        serde_json::from_str::<Reading>(&line).expect("parses"),
        reading
    );
}
