//! Finds the field that a JSON error is about, from where in the text it happened. Costs nothing where nothing is
//! wrong, and needs no second deserialiser in the component.

use crate::FieldError;

enum Frame {
    Object { key: String, value: bool },
    Array { index: usize },
}

/// Turns an error of `serde_json` for `text` into a path as Kubernetes writes it, and a message.
pub(crate) fn locate(text: &str, error: &serde_json::Error) -> FieldError {
    let message = error.to_string();
    let suffix = format!(" at line {} column {}", error.line(), error.column());
    let message = message.strip_suffix(&suffix).unwrap_or(&message);
    let mut frames = frames(&text.as_bytes()[..offset(text, error)]);
    // A missing field is noticed at the end of the object that should have it.
    let missing = message
        .strip_prefix("missing field `")
        .and_then(|rest| rest.strip_suffix('`'));
    if let Some(missing) = missing
        && let Some(Frame::Object { key, .. }) = frames.last_mut()
    {
        *key = String::from(missing);
        return FieldError::new(path(&frames), "is required");
    }
    FieldError::new(path(&frames), message)
}

fn offset(text: &str, error: &serde_json::Error) -> usize {
    let line: usize = text
        .split_inclusive('\n')
        .take(error.line().saturating_sub(1))
        .map(str::len)
        .sum();
    (line + error.column()).min(text.len())
}

fn frames(read: &[u8]) -> Vec<Frame> {
    let mut frames: Vec<Frame> = Vec::new();
    let mut at = 0;
    while let Some(&byte) = read.get(at) {
        at += 1;
        match byte {
            b'{' => frames.push(Frame::Object {
                key: String::new(),
                value: false,
            }),
            b'[' => frames.push(Frame::Array { index: 0 }),
            // The bracket that the error stands at may be the end of what is wrong: keep its frame.
            b'}' | b']' if at < read.len() => drop(frames.pop()),
            b',' => match frames.last_mut() {
                Some(Frame::Array { index }) => *index += 1,
                Some(Frame::Object { value, .. }) => *value = false,
                None => {}
            },
            b'"' => {
                let start = at;
                while read.get(at).is_some_and(|&byte| byte != b'"') {
                    at += if read[at] == b'\\' { 2 } else { 1 };
                }
                let text = &read[start.min(read.len())..at.min(read.len())];
                at += 1;
                if let Some(Frame::Object {
                    key,
                    value: value @ false,
                }) = frames.last_mut()
                {
                    *key = String::from_utf8_lossy(text).into_owned();
                    *value = true;
                }
            }
            _ => {}
        }
    }
    frames
}

fn path(frames: &[Frame]) -> String {
    let mut path = String::new();
    for frame in frames {
        match frame {
            Frame::Array { index } => path += &format!("[{index}]"),
            Frame::Object { key, .. } if key.is_empty() => {}
            Frame::Object { key, .. } => {
                if !path.is_empty() {
                    path.push('.');
                }
                path += key;
            }
        }
    }
    path
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use std::collections::BTreeMap;

    use serde::Deserialize;

    use super::locate;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only ever fails to parse")]
    struct Root {
        name: String,
        steps: Vec<Step>,
        labels: Option<BTreeMap<String, String>>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only ever fails to parse")]
    struct Step {
        percent: u8,
        kind: Option<Kind>,
    }

    #[derive(Debug, Deserialize)]
    enum Kind {
        Slow,
    }

    fn check(text: &str, expected: &str) {
        let error = serde_json::from_str::<Root>(text).unwrap_err();
        assert_eq!(locate(text, &error).to_string(), expected, "{error}");
    }

    #[test]
    fn names_the_field() {
        check(
            r#"{"name":1}"#,
            "name: invalid type: integer `1`, expected a string",
        );
        check(
            r#"{"name":"a","steps":[{"percent":1},{"percent":300}]}"#,
            "steps[1].percent: invalid value: integer `300`, expected u8",
        );
        check(
            r#"{"name":"a","steps":{"1":{}}}"#,
            "steps: invalid type: map, expected a sequence",
        );
        check(
            r#"{"name":"a","steps":[{"percent":1},{}]}"#,
            "steps[1].percent: is required",
        );
        check(
            r#"{"name":"a\"}","labels":{"x":"y"}}"#,
            "steps: is required",
        );
        check(
            r#"{"steps":[{"percnt":1}]}"#,
            "steps[0].percnt: unknown field `percnt`, expected `percent` or `kind`",
        );
        check(
            r#"{"labels":{"a":"b","c":2}}"#,
            "labels.c: invalid type: integer `2`, expected a string",
        );
        check(
            "{\n  \"steps\": [\n    {\"percent\": true}\n  ]\n}",
            "steps[0].percent: invalid type: boolean `true`, expected u8",
        );
        check(
            r#"{"steps":[{"percent":1,"kind":"Fast"}]}"#,
            "steps[0].kind: unknown variant `Fast`, expected `Slow`",
        );
    }
}
