//! What a plain scalar of YAML is, as the library that SOPS reads and writes it with has it: the core schema of YAML 1.2, with the
//! integers of YAML 1.1, and `yes` and `no` as texts. Times stay the texts that they are written as, which SOPS signs as well.

use super::Node;

/// What a plain scalar is.
pub(crate) fn resolve(text: &str) -> Node {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Node::Null,
        "true" | "True" | "TRUE" => return Node::Bool(true),
        "false" | "False" | "FALSE" => return Node::Bool(false),
        ".nan" | ".NaN" | ".NAN" => return Node::Float(f64::NAN),
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" => {
            return Node::Float(f64::INFINITY);
        }
        "-.inf" | "-.Inf" | "-.INF" => return Node::Float(f64::NEG_INFINITY),
        _ => {}
    }
    if !text.starts_with(|first: char| first.is_ascii_digit() || "+-.".contains(first)) {
        return Node::Text(text.to_owned());
    }
    let digits = text.replace('_', "");
    integer(&digits)
        .map(Node::Int)
        .or_else(|| float(&digits).map(Node::Float))
        .unwrap_or_else(|| Node::Text(text.to_owned()))
}

/// An integer of 64 bits: decimal, or with one of the prefixes `0x`, `0o`, `0b` and `0`.
fn integer(digits: &str) -> Option<i64> {
    let (negative, magnitude) = match digits.as_bytes().first()? {
        b'-' => (true, &digits[1..]),
        b'+' => (false, &digits[1..]),
        _ => (false, digits),
    };
    let (radix, magnitude) = match magnitude.as_bytes() {
        [b'0', b'x' | b'X', ..] => (16, &magnitude[2..]),
        [b'0', b'o' | b'O', ..] => (8, &magnitude[2..]),
        [b'0', b'b' | b'B', ..] => (2, &magnitude[2..]),
        [b'0', _, ..] => (8, &magnitude[1..]),
        _ => (10, magnitude),
    };
    if !magnitude.starts_with(|first: char| first.is_digit(radix)) {
        return None;
    }
    let magnitude = i128::from(u64::from_str_radix(magnitude, radix).ok()?);
    i64::try_from(if negative { -magnitude } else { magnitude }).ok()
}

/// A float: digits with at most one point, and an exponent. (Rust would take `infinity` as well.)
fn float(digits: &str) -> Option<f64> {
    let of_floats = |byte: u8| byte.is_ascii_digit() || b"+-.eE".contains(&byte);
    if !digits.bytes().all(of_floats) || !digits.bytes().any(|byte| byte.is_ascii_digit()) {
        return None;
    }
    // What is beyond all floats stays a text.
    digits.parse().ok().filter(|value: &f64| value.is_finite())
}
