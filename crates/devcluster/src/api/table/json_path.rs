//! The JSONPath of printer columns: fields, indices, wildcards, filters by equality.

use serde_json::Value;

/// The first match, as the real server prints it: the first of a wildcard's.
pub(super) fn find(object: &Value, path: &str) -> Option<Value> {
    let mut found = vec![object];
    for step in steps(path) {
        found = found
            .into_iter()
            .flat_map(|value| step.follow(value))
            .collect();
    }
    found.into_iter().find(|value| !value.is_null()).cloned()
}

#[derive(Debug, PartialEq)]
enum Step {
    Field(String),
    Index(i64),
    Wildcard,
    /// `[?(@.type=="Ready")]`.
    Filter {
        path: String,
        value: String,
    },
}

impl Step {
    fn follow<'a>(&self, value: &'a Value) -> Vec<&'a Value> {
        match self {
            Self::Field(name) => value.get(name).into_iter().collect(),
            Self::Index(index) => {
                let list = value.as_array().map_or(&[][..], Vec::as_slice);
                let index = if *index < 0 {
                    index + list.len() as i64
                } else {
                    *index
                };
                usize::try_from(index)
                    .ok()
                    .and_then(|index| list.get(index))
                    .into_iter()
                    .collect()
            }
            Self::Wildcard => match value {
                Value::Array(list) => list.iter().collect(),
                Value::Object(map) => map.values().collect(),
                _ => Vec::new(),
            },
            Self::Filter {
                path,
                value: wanted,
            } => {
                let list = value.as_array().map_or(&[][..], Vec::as_slice);
                list.iter()
                    .filter(|element| match find(element, path) {
                        Some(Value::String(text)) => text == *wanted,
                        Some(other) => {
                            let text = other.to_string();
                            text == *wanted
                        }
                        None => false,
                    })
                    .collect()
            }
        }
    }
}

fn steps(path: &str) -> Vec<Step> {
    let path = path.trim_start_matches('{').trim_end_matches('}');
    let mut steps = Vec::new();
    let mut rest = path.trim_start_matches('$');
    while !rest.is_empty() {
        if let Some(after) = rest.strip_prefix('[') {
            let end = closing(after);
            steps.push(bracket(&after[..end]));
            rest = after.get(end + 1..).unwrap_or_default();
        } else {
            let (name, after) = field(rest.strip_prefix('.').unwrap_or(rest));
            match name.as_str() {
                "" => {}
                "*" => steps.push(Step::Wildcard),
                _ => steps.push(Step::Field(name)),
            }
            rest = after;
        }
    }
    steps
}

/// A field name, in which `\.` is a dot.
fn field(text: &str) -> (String, &str) {
    let mut name = String::new();
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '\\' => name.extend(chars.next().map(|(_, escaped)| escaped)),
            '.' | '[' => return (name, &text[at..]),
            _ => name.push(c),
        }
    }
    (name, "")
}

/// Where the bracket closes: quotes and parentheses may hold brackets.
fn closing(text: &str) -> usize {
    let mut quote = None;
    let mut depth = 0_usize;
    for (at, c) in text.char_indices() {
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (Some(_), _) => {}
            (None, '\'' | '"') => quote = Some(c),
            (None, '[') => depth += 1,
            (None, ']') if depth == 0 => return at,
            (None, ']') => depth -= 1,
            _ => {}
        }
    }
    text.len()
}

fn bracket(text: &str) -> Step {
    if let Some(filter) = text
        .strip_prefix("?(")
        .and_then(|text| text.strip_suffix(')'))
        && let Some((path, value)) = filter.split_once("==")
    {
        let quotes: &[char] = &['"', '\'', ' '];
        return Step::Filter {
            path: String::from(path.trim().trim_start_matches('@')),
            value: String::from(value.trim_matches(quotes)),
        };
    }
    if text == "*" {
        return Step::Wildcard;
    }
    match text.parse() {
        Ok(index) => Step::Index(index),
        Err(_name) => Step::Field(String::from(text.trim_matches(&['"', '\''][..]))),
    }
}
