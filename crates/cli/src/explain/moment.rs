//! Times as people read them: how long ago, and in how long, by the API server's clock.

use kube::Client;
use kube::client::Body;
use oarlock_core::clock::Clock as _;
use oarlock_core::timestamp::Timestamp;

use crate::system_clock::SystemClock;

/// The API server's time, to the second: what objects tell was told by clocks of the cluster, not by this machine's. Where the
/// server does not say, this machine's.
pub(super) async fn server(client: &Client) -> Timestamp {
    match asked(client).await {
        Some(now) => now,
        None => SystemClock.now(),
    }
}

async fn asked(client: &Client) -> Option<Timestamp> {
    let request = http::Request::get("/version").body(Body::empty()).ok()?;
    let response = client.send(request).await.ok()?;
    let date = response.headers().get(http::header::DATE)?.to_str().ok()?;
    Timestamp::parse_http_date(date)
}

/// `in 1m30s`, `2h5m ago`, or `now`.
pub(super) fn relative(then: Timestamp, now: Timestamp) -> String {
    let (ahead, behind) = (then.since(now).as_secs(), now.since(then).as_secs());
    match (ahead, behind) {
        (0, 0) => "now".to_owned(),
        (0, behind) => format!("{} ago", length(behind)),
        (ahead, _) => format!("in {}", length(ahead)),
    }
}

/// Two units at most: `45s`, `1m30s`, `2h5m`, `3d`.
fn length(seconds: u64) -> String {
    const UNITS: [(u64, &str); 4] = [(86_400, "d"), (3_600, "h"), (60, "m"), (1, "s")];
    let mut rest = seconds;
    let mut text = String::new();
    let mut units = 0;
    for (size, unit) in UNITS {
        let count = rest / size;
        if units > 0 || count > 0 {
            units += 1;
        }
        if count > 0 {
            text.push_str(&format!("{count}{unit}"));
            rest %= size;
        }
        if units == 2 {
            break;
        }
    }
    text
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use std::time::Duration;

    use super::*;

    #[test]
    fn times_are_told_in_two_units() {
        let now = Timestamp::parse_rfc3339("2026-11-02T09:00:00Z").unwrap();
        for (seconds, told) in [
            (0, "now"),
            (45, "in 45s"),
            (90, "in 1m30s"),
            (3_600, "in 1h"),
            (3_601, "in 1h"),
            (7_500, "in 2h5m"),
            (259_200, "in 3d"),
        ] {
            assert_eq!(relative(now.after(Duration::from_secs(seconds)), now), told);
        }
        assert_eq!(
            relative(now, now.after(Duration::from_secs(61))),
            "1m1s ago"
        );
    }
}
