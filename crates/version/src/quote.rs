//! Texts in quotation marks, as Go's `%q` writes them: the words of Helm are compared with.

use std::fmt::Write as _;

/// `text` in double quotation marks, in one line.
pub fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for c in text.chars() {
        match c {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            '\x07' => quoted.push_str("\\a"),
            '\x08' => quoted.push_str("\\b"),
            '\x0b' => quoted.push_str("\\v"),
            '\x0c' => quoted.push_str("\\f"),
            c if c < ' ' || c == '\x7f' => {
                let _infallible = write!(quoted, "\\x{:02x}", u32::from(c));
            }
            c if c.is_control() || (c.is_whitespace() && c != ' ') => {
                let _infallible = write!(quoted, "\\u{:04x}", u32::from(c));
            }
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_go_writes_them() {
        assert_eq!(quoted("a \"b\" \\ 'c'"), r#""a \"b\" \\ 'c'""#);
        assert_eq!(quoted("\n\t\0\u{7f}\u{a0}ü"), r#""\n\t\x00\x7f\u00a0ü""#);
    }
}
