//! The functions that templates call.

use std::collections::BTreeSet;

/// Names that the actions of a template call, nested templates in its texts aside.
pub(super) fn called(template: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let mut rest = template;
    while let Some(start) = rest.find("{{") {
        rest = action(&rest[start + 2..], &mut names);
    }
    names
}

/// Reads one action, and gives back what follows it.
fn action<'a>(text: &'a str, names: &mut BTreeSet<String>) -> &'a str {
    let mut rest = text;
    let mut before = ' ';
    while let Some(c) = rest.chars().next() {
        if let Some(after) = rest.strip_prefix("}}") {
            return after;
        }
        let length = match c {
            '"' | '\'' => quoted(rest, c),
            '`' => rest[1..].find('`').map_or(rest.len(), |end| end + 2),
            '/' if rest.starts_with("/*") => rest.find("*/").map_or(rest.len(), |end| end + 2),
            c if is_letter(c) => {
                let length = rest
                    .find(|c| !is_letter(c) && !c.is_ascii_digit())
                    .unwrap_or(rest.len());
                // Fields, variables, and the letters of numbers such as 1e3 or 0x1F are no calls.
                if !matches!(before, '.' | '$') && !before.is_ascii_digit() {
                    names.insert(rest[..length].to_owned());
                }
                length
            }
            c => c.len_utf8(),
        };
        before = rest[..length].chars().next_back().unwrap_or(' ');
        rest = &rest[length..];
    }
    rest
}

fn is_letter(c: char) -> bool {
    c.is_ascii_alphabetic() || c == '_'
}

/// Length of a text in quotes that may be escaped.
fn quoted(text: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            c if c == quote => return at + 1,
            _ => {}
        }
    }
    text.len()
}

#[test]
fn calls_are_told_from_fields_variables_and_texts() {
    let template = r#"upper {{- /* lower */ -}} {{ .Values.trim | quote }} {{ $trunc := "abbrev \" {{" }}
        {{ printf `%s wrap` (index .list 0x1F) | eq 1e3 }}{{ if not $.x }}{{ end }} nospace"#;
    let names: Vec<_> = called(template).into_iter().collect();
    assert_eq!(
        names,
        ["end", "eq", "if", "index", "not", "printf", "quote"]
    );
}
