//! Moments as brokers write them.

use super::{LONGEST_WAIT, RetryAfter, http_date, rfc3339};

/// 1994-11-06T08:49:37Z
const NOVEMBER: u64 = 784_111_777_000;

#[test]
fn all_three_dates_of_http_are_read() {
    for text in [
        "Sun, 06 Nov 1994 08:49:37 GMT",
        "Sunday, 06-Nov-94 08:49:37 GMT",
        "Sun Nov  6 08:49:37 1994",
    ] {
        assert_eq!(http_date(text), Some(NOVEMBER), "{text}");
    }
    for text in [
        "",
        "soon",
        "Sun, 06 Nov 1994 08:49:37 CET",
        "Sun, 31 Feb 1994 08:49:37 GMT",
        "Sun, 06 Nov 1994 24:00:00 GMT",
        "Sun, 06 Nov 1969 08:49:37 GMT",
        "Sun, 06 Nov 1994 8:49 GMT",
    ] {
        assert_eq!(http_date(text), None, "{text}");
    }
}

#[test]
fn dates_of_bindings_are_read() {
    for (text, expected) in [
        ("1994-11-06T08:49:37Z", NOVEMBER),
        ("1994-11-06T08:49:37", NOVEMBER),
        ("1994-11-06T08:49:37.0Z", NOVEMBER),
        ("1994-11-06T08:49:37.123456Z", NOVEMBER + 123),
        ("1994-11-06T09:49:37+01:00", NOVEMBER),
        ("1994-11-06T03:19:37-0530", NOVEMBER),
        ("1970-01-01T00:00:00Z", 0),
        ("2000-02-29T00:00:00Z", 951_782_400_000),
        ("2026-03-01T00:00:00Z", 1_772_323_200_000),
    ] {
        assert_eq!(rfc3339(text), Some(expected), "{text}");
    }
    for text in [
        "",
        "1994-11-06",
        "1994-11-06T08:49:37.Z",
        "1994-11-06T08:49:37+1",
        "1994-11-06T08:49:37+25:00",
        "1994-13-06T08:49:37Z",
        "1900-02-29T08:49:37Z",
        "1994-11-06T08:49:37Ä",
        "94-11-0006T08:49:37Z",
        "1970-01-01T00:00:00+01:00",
    ] {
        assert_eq!(rfc3339(text), None, "{text}");
    }
}

#[test]
fn retry_after_is_seconds_or_a_date_and_never_more_than_a_day() {
    assert_eq!(RetryAfter::parse(" 120 "), Some(RetryAfter::Seconds(120)));
    assert_eq!(
        RetryAfter::parse("Sun, 06 Nov 1994 08:49:37 GMT"),
        Some(RetryAfter::Until(NOVEMBER))
    );
    for text in ["", "-1", "1.5", "later"] {
        assert_eq!(RetryAfter::parse(text), None, "{text}");
    }
    assert_eq!(RetryAfter::Seconds(120).wait_ms(5), 120_000);
    assert_eq!(RetryAfter::Until(NOVEMBER).wait_ms(NOVEMBER - 7), 7);
    assert_eq!(RetryAfter::Until(NOVEMBER).wait_ms(NOVEMBER + 7), 0);
    let endless = RetryAfter::parse("99999999999999999999999").map(|wait| wait.wait_ms(0));
    assert_eq!(endless, Some(LONGEST_WAIT));
}
