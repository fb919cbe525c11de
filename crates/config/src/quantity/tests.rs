#![expect(clippy::unwrap_used, reason = "tests")]

use proptest::prelude::*;

use super::*;

#[test]
fn reads_what_kubernetes_reads() {
    for (text, bytes) in [
        ("0", 0),
        ("0Mi", 0),
        ("-0", 0),
        ("64Mi", 64 << 20),
        ("64M", 64_000_000),
        ("67108864", 67_108_864),
        ("+1Ki", 1024),
        ("1k", 1000),
        ("1.5Gi", 3 << 29),
        ("0.5Ki", 512),
        (".5Ki", 512),
        ("1.Ki", 1024),
        ("1e6", 1_000_000),
        ("1E6", 1_000_000),
        ("1e+3", 1_000),
        ("1.5e3", 1_500),
        ("12.34e1", 124),
        ("1E", 1_000_000_000_000_000_000),
        ("15Ei", 15 << 60),
        ("0.0001Ki", 1),
        ("1.1", 2),
        ("007", 7),
    ] {
        assert_eq!(
            text.parse::<Quantity>().map(Quantity::bytes),
            Ok(bytes),
            "{text}"
        );
    }
}

#[test]
fn refuses_everything_else() {
    for (text, message) in [
        ("", "an empty text is no quantity"),
        ("64MB", r#"unknown suffix "MB""#),
        ("64mi", r#"unknown suffix "mi""#),
        ("64 Mi", r#"unknown suffix " Mi""#),
        ("64m", r#""64m" is in thousandths of a byte"#),
        ("lots", r#""lots" is no quantity"#),
        ("1..5Mi", r#""1..5Mi" is no quantity"#),
        ("Mi", r#""Mi" is no quantity"#),
        ("1e-3", r#""1e-3" is no quantity"#),
        ("-1Mi", r#""-1Mi" is negative"#),
        ("16Ei", r#""16Ei" is too large"#),
        ("1e40", r#""1e40" is too large"#),
        ("1e99999999999", r#""1e99999999999" is too large"#),
    ] {
        let error = text.parse::<Quantity>().unwrap_err();
        assert_eq!(error.to_string(), message, "{text}");
    }
}

#[test]
fn hints_name_the_suffix_that_was_meant() {
    for (text, hint) in [
        ("64MB", "write M"),
        ("64mi", "write Mi"),
        ("64mib", "write Mi"),
        ("64K", "write k"),
        (
            "64m",
            "m is a thousandth; for mega write 64M, for mebi 64Mi",
        ),
    ] {
        let error = text.parse::<Quantity>().unwrap_err();
        assert_eq!(error.hint().unwrap(), hint, "{text}");
    }
}

#[test]
fn prints_in_binary_units() {
    for (bytes, text) in [
        (0, "0"),
        (1000, "1000"),
        (64 << 20, "64Mi"),
        (3 << 29, "1536Mi"),
    ] {
        assert_eq!(Quantity::from_bytes(bytes).to_string(), text);
    }
}

proptest! {
    #[test]
    fn what_is_printed_reads_back(bytes: u64) {
        let quantity = Quantity::from_bytes(bytes);
        prop_assert_eq!(quantity.to_string().parse(), Ok(quantity));
    }

    #[test]
    fn any_text_is_an_answer(text in "[-+]?[0-9.]{0,45}([eE][0-9+-]{0,12}|[kKMGTPEim]{0,3})") {
        let _quantity_or_error = text.parse::<Quantity>();
    }
}
