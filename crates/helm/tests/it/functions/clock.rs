//! `now` is what the request says, to the millisecond.

use super::cases::{Case, NOW};
use super::secrets::{rendered, texts};

const CLOCK: &str = "time/clock";

#[tokio::test]
async fn now_is_the_request_s() {
    let rendered = rendered(&Case::plain(CLOCK), |request| request.now = NOW + 42).await;
    assert!(rendered.timed && !rendered.random);
    let mut shown = String::new();
    for (key, value) in texts(&rendered, "clock.yaml") {
        shown.push_str(&format!("{key}: {value}\n"));
    }
    insta::assert_snapshot!(shown, @r"
    ago: 14m27s
    date-of-nothing: 2026-11-02
    dateInZone: 10:14 CET
    dateModify: 2026-11-01
    durationRound: 1mo
    equal: true
    htmlDate: 2026-11-02
    now: 2026-11-02T09:14:27.042Z
    toString: 2026-11-02 09:14:27.042 +0000 UTC
    unixEpoch: 1793610867
    ");
}

#[tokio::test]
async fn the_clock_moves_by_the_request_alone() {
    let case = Case::plain(CLOCK);
    let one = rendered(&case, |_| {}).await;
    let same = rendered(&case, |_| {}).await;
    assert_eq!(one.documents, same.documents);
    let later = rendered(&case, |request| request.now += 1_000).await;
    assert_ne!(one.documents, later.documents);
}
