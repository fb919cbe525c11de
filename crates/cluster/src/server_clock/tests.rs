#![expect(clippy::unwrap_used, reason = "tests")]

use std::time::Duration;

use oarlock_core::clock::Clock as _;
use oarlock_core::timestamp::Timestamp;
use tokio::time::Instant;

use super::ServerClock;

const HOUR: Duration = Duration::from_secs(3_600);

fn nine() -> Timestamp {
    Timestamp::parse_rfc3339("2026-11-02T09:00:00Z").unwrap()
}

/// How far apart.
fn apart(a: Timestamp, b: Timestamp) -> Duration {
    a.since(b).max(b.since(a))
}

#[tokio::test(start_paused = true)]
async fn a_host_that_is_an_hour_off_is_corrected_by_the_first_answer() {
    for start in [
        nine().after(HOUR),
        Timestamp::from_millis(nine().as_millis() - 3_600_000),
    ] {
        let clock = ServerClock::starting_at(start);
        assert_eq!(clock.now(), start);
        clock.heard(nine(), Instant::now());
        assert!(
            apart(clock.now(), nine()) <= Duration::from_secs(1),
            "{}",
            clock.now()
        );
    }
}

#[tokio::test(start_paused = true)]
async fn dates_of_whole_seconds_make_it_more_exact_than_a_second() {
    let clock = ServerClock::starting_at(nine());
    // The server is 740 ms ahead.
    let began = Instant::now();
    let server = |passed: Duration| nine().after(passed + Duration::from_millis(740));
    for _ in 0..30 {
        tokio::time::sleep(Duration::from_millis(130)).await;
        let now = server(began.elapsed());
        let date = Timestamp::parse_http_date(&now.http_date()).unwrap();
        clock.heard(date, Instant::now());
    }
    let off = apart(clock.now(), server(began.elapsed()));
    assert!(off <= Duration::from_millis(150), "{off:?}");
}

#[tokio::test(start_paused = true)]
async fn small_corrections_never_turn_time_back() {
    let clock = ServerClock::starting_at(nine());
    tokio::time::sleep(Duration::from_secs(10)).await;
    let before = clock.now();
    // A second and a half behind.
    clock.heard(nine().after(Duration::from_millis(7_500)), Instant::now());
    assert_eq!(clock.now(), before);
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert!(clock.now() > before);
    assert!(
        apart(clock.now(), nine().after(Duration::from_millis(10_500))) <= Duration::from_secs(1)
    );
}

#[tokio::test(start_paused = true)]
async fn who_sleeps_hears_of_corrections() {
    let clock = ServerClock::starting_at(nine());
    let began = Instant::now();
    let sleeper = clock.sleep_until(nine().after(HOUR));
    let told = clock.clone();
    let (server, ()) = tokio::join!(
        async move {
            sleeper.await;
            began.elapsed()
        },
        async move {
            tokio::time::sleep(Duration::from_secs(5)).await;
            // It is a quarter to ten already.
            told.heard(nine().after(HOUR * 3 / 4), Instant::now());
        }
    );
    let wanted = Duration::from_secs(5) + HOUR / 4;
    assert!(
        server.abs_diff(wanted) <= Duration::from_secs(1),
        "{server:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_took_long_corrects_less() {
    let clock = ServerClock::starting_at(nine());
    let sent = Instant::now();
    tokio::time::sleep(Duration::from_secs(20)).await;
    // Written at any moment of these twenty seconds.
    clock.heard(nine().after(Duration::from_secs(4)), sent);
    let now = clock.now();
    assert!(
        apart(now, nine().after(Duration::from_secs(20))) <= Duration::from_secs(1),
        "{now}"
    );
}
