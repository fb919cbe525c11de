//! How programs in Go write what others only say: errors of the system, quoted text, lists on the command line.

use std::io;

/// An error of the system, as Go words it: `open FILE: no such file or directory`.
pub(super) fn path_error(operation: &str, path: &str, error: &io::Error) -> String {
    let whole = error.to_string();
    let message = whole.split(" (os error").next().unwrap_or(&whole);
    let mut letters = message.chars();
    let lower: String = letters
        .next()
        .map(|first| first.to_lowercase().chain(letters).collect())
        .unwrap_or_default();
    format!("{operation} {path}: {lower}")
}

/// One value of a flag that takes several, separated by commas: a line of CSV, in which a value with commas stands in quotes.
///
/// # Errors
///
/// As pflag words them, without the name of the flag.
pub(super) fn list(text: &str) -> Result<Vec<String>, String> {
    let mut values = Vec::new();
    if text.is_empty() {
        return Ok(values);
    }
    // Go reads one record: what follows the first line end outside of quotes does not count.
    let mut rest = text;
    loop {
        let (value, after) = if let Some(quoted) = rest.strip_prefix('"') {
            let column = text.len() - rest.len();
            unquoted(quoted).ok_or_else(|| {
                format!(
                    "parse error on line 1, column {}: extraneous or missing \" in quoted-field",
                    column + 1
                )
            })?
        } else {
            let end = rest.find([',', '\n']).unwrap_or(rest.len());
            let value = rest.get(..end).unwrap_or_default();
            if let Some(quote) = value.find('"') {
                let column = text.len() - rest.len() + quote + 1;
                return Err(format!(
                    "parse error on line 1, column {column}: bare \" in non-quoted-field"
                ));
            }
            let value = value.strip_suffix('\r').unwrap_or(value);
            (value.to_owned(), rest.get(end..).unwrap_or_default())
        };
        values.push(value);
        match after.strip_prefix(',') {
            Some(more) => rest = more,
            None => return Ok(values),
        }
    }
}

/// A quoted field without its first quote: its text, and what follows the last quote.
fn unquoted(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut rest = text;
    loop {
        let (before, after) = rest.split_once('"')?;
        value.push_str(before);
        match after.strip_prefix('"') {
            Some(more) => {
                value.push('"');
                rest = more;
            }
            None if after.is_empty() || after.starts_with([',', '\n', '\r']) => {
                return Some((value, after));
            }
            None => return None,
        }
    }
}

/// Text in double quotes, as `%q` writes it.
pub(super) fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\u{7}' => quoted.push_str("\\a"),
            '\u{8}' => quoted.push_str("\\b"),
            '\u{b}' => quoted.push_str("\\v"),
            '\u{c}' => quoted.push_str("\\f"),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            c if c.is_ascii_control() => quoted.push_str(&format!("\\x{:02x}", u32::from(c))),
            c if c.is_control() => quoted.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

/// A boolean as Go reads it.
pub(super) fn boolean(text: &str) -> Option<bool> {
    match text {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Some(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn errors_of_the_system() {
        let folder = tempfile::tempdir().unwrap();
        let error = std::fs::read(folder.path().join("absent")).unwrap_err();
        assert_eq!(
            path_error("open", "absent", &error),
            "open absent: no such file or directory"
        );
        let error = std::fs::read(folder.path()).unwrap_err();
        assert_eq!(path_error("read", "/", &error), "read /: is a directory");
    }

    #[test]
    fn quotes() {
        assert_eq!(quoted("a\"b\\\n\u{1}é"), r#""a\"b\\\n\x01é""#);
    }

    #[test]
    fn lists() {
        let check = |text: &str, expected: &[&str]| assert_eq!(list(text).unwrap(), expected);
        check("", &[]);
        check("a.yaml", &["a.yaml"]);
        check("a,b", &["a", "b"]);
        check("a,,b,", &["a", "", "b", ""]);
        check(r#""a,b",c"#, &["a,b", "c"]);
        check(r#""say ""hi""""#, &[r#"say "hi""#]);
        check("a\nb", &["a"]);
        assert_eq!(
            list(r#"a"b"#).unwrap_err(),
            r#"parse error on line 1, column 2: bare " in non-quoted-field"#
        );
        assert!(list(r#""a"b"#).is_err());
    }
}
