//! Durations as `kubectl get` prints them.

use oarlock_core::timestamp::Timestamp;

/// Time since an RFC 3339 instant, `<unknown>` when there is none.
pub(super) fn since(instant: Option<&str>, now: Timestamp) -> String {
    match instant.and_then(Timestamp::parse_rfc3339) {
        Some(instant) => human(now.since(instant).as_secs()),
        None => String::from("<unknown>"),
    }
}

/// The rules of apimachinery's `HumanDuration`: at most two units, the second one only while the first is small.
pub(super) fn human(seconds: u64) -> String {
    let minutes = seconds / 60;
    let hours = minutes / 60;
    let days = hours / 24;
    let two = |first: u64, unit: &str, second: u64, second_unit: &str| {
        if second == 0 {
            format!("{first}{unit}")
        } else {
            format!("{first}{unit}{second}{second_unit}")
        }
    };
    if seconds < 120 {
        format!("{seconds}s")
    } else if minutes < 10 {
        two(minutes, "m", seconds % 60, "s")
    } else if minutes < 180 {
        format!("{minutes}m")
    } else if hours < 8 {
        two(hours, "h", minutes % 60, "m")
    } else if hours < 48 {
        format!("{hours}h")
    } else if hours < 192 {
        two(days, "d", hours % 24, "h")
    } else if hours < 365 * 24 * 2 {
        format!("{days}d")
    } else if hours < 365 * 24 * 8 {
        two(days / 365, "y", days % 365, "d")
    } else {
        format!("{}y", days / 365)
    }
}
