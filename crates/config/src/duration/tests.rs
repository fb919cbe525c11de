#![expect(clippy::unwrap_used, reason = "tests")]

use proptest::prelude::*;

use super::*;

#[test]
fn reads_what_go_reads() {
    for (text, nanos) in [
        ("0", 0),
        ("+0", 0),
        ("-0", 0),
        ("0s", 0),
        ("-0s", 0),
        ("5s", 5_000_000_000),
        ("30s", 30_000_000_000),
        ("1478s", 1_478_000_000_000),
        ("+5s", 5_000_000_000),
        ("5.0s", 5_000_000_000),
        ("5.6s", 5_600_000_000),
        ("5.s", 5_000_000_000),
        (".5s", 500_000_000),
        ("1.004s", 1_004_000_000),
        ("1.0040s", 1_004_000_000),
        ("100.00100s", 100_001_000_000),
        ("10ns", 10),
        ("11us", 11_000),
        ("12µs", 12_000),
        ("12μs", 12_000),
        ("13ms", 13_000_000),
        ("300ms", 300_000_000),
        ("14s", 14_000_000_000),
        ("15m", 900_000_000_000),
        ("16h", 57_600_000_000_000),
        ("1.5h", 5_400_000_000_000),
        ("1h30m", 5_400_000_000_000),
        ("3h30m", 12_600_000_000_000),
        ("10.5s4m", 250_500_000_000),
        ("1h2m3s4ms5us6ns", 3_723_004_005_006),
        ("0.3333333333333333333h", 1_200_000_000_000 - 1),
        ("9223372036854775807ns", i64::MAX as u64),
        ("9223372036854775.807us", i64::MAX as u64),
    ] {
        let duration: GoDuration = text.parse().unwrap();
        assert_eq!(duration.get(), Duration::from_nanos(nanos), "{text}");
    }
}

#[test]
fn refuses_what_go_refuses() {
    for (text, message) in [
        ("", "an empty text is no duration"),
        ("3", r#""3" has no unit"#),
        ("1h30", r#""1h30" has no unit"#),
        ("-", r#""-" is no duration"#),
        ("s", r#""s" is no duration"#),
        (".", r#""." is no duration"#),
        (".s", r#"".s" is no duration"#),
        ("+.s", r#""+.s" is no duration"#),
        ("1..5s", r#""1..5s" is no duration"#),
        ("soon", r#""soon" is no duration"#),
        (" 5s", r#"" 5s" is no duration"#),
        ("1d", r#"unknown unit "d""#),
        ("1 h", r#"unknown unit " h""#),
        ("10min", r#"unknown unit "min""#),
        ("-10s", r#""-10s" is negative"#),
        (
            "9223372036854775808ns",
            r#""9223372036854775808ns" is too long"#,
        ),
        ("3000000h", r#""3000000h" is too long"#),
        (
            "99999999999999999999999999999999999999999h",
            r#""99999999999999999999999999999999999999999h" is too long"#,
        ),
    ] {
        let error = text.parse::<GoDuration>().unwrap_err();
        assert_eq!(error.to_string(), message, "{text}");
    }
}

#[test]
fn hints_name_the_unit_that_was_meant() {
    for (text, hint) in [
        (
            "10",
            "write 10s for seconds; the units are ns, us, ms, s, m, h",
        ),
        ("1d", "there is no unit for days; write hours: 24h is a day"),
        ("10min", "minutes are written m"),
        ("2w", "the units are ns, us, ms, s, m, h"),
    ] {
        let error = text.parse::<GoDuration>().unwrap_err();
        assert_eq!(error.hint().unwrap(), hint, "{text}");
    }
}

#[test]
fn prints_as_go_prints() {
    for (nanos, text) in [
        (0, "0s"),
        (1, "1ns"),
        (1_100, "1.1µs"),
        (2_200_000, "2.2ms"),
        (3_300_000_000, "3.3s"),
        (245_000_000_000, "4m5s"),
        (245_001_000_000, "4m5.001s"),
        (18_367_001_000_000, "5h6m7.001s"),
        (36_000_000_000_000, "10h0m0s"),
    ] {
        assert_eq!(
            GoDuration::new(Duration::from_nanos(nanos)).to_string(),
            text
        );
    }
}

proptest! {
    #[test]
    fn what_is_printed_reads_back(nanos in 0..=i64::MAX as u64) {
        let duration = GoDuration::new(Duration::from_nanos(nanos));
        prop_assert_eq!(duration.to_string().parse(), Ok(duration));
    }

    #[test]
    fn any_text_is_an_answer(text in "[-+]?[0-9.]{0,25}(ns|us|ms|s|m|h|x)?[0-9.]{0,4}[smh]?") {
        let _duration_or_error = text.parse::<GoDuration>();
    }
}
