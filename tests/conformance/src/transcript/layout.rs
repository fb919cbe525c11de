//! JSON that is read in reviews: what fits on a line is on one line.

use serde_json::Value;

use super::Answered;

/// Characters of a line.
const WIDTH: usize = 120;

/// A step of the file.
pub(super) fn step(answered: &Answered) -> String {
    let step = Value::from(answered.step.as_str());
    let answer = value(&answered.answer, 0, "\"answer\": ".len());
    format!("{{\"step\": {step},\n\"answer\": {answer}}}")
}

/// A value whose first line starts `indent` spaces and `before` characters in.
fn value(value_: &Value, indent: usize, before: usize) -> String {
    let flat = flat(value_);
    if indent + before + flat.len() <= WIDTH {
        return flat;
    }
    let inner = indent + 2;
    let (open, close, lines): (char, char, Vec<String>) = match value_ {
        Value::Array(items) => {
            let lines = items.iter().map(|item| value(item, inner, 0));
            ('[', ']', lines.collect())
        }
        Value::Object(map) => {
            let lines = map.iter().map(|(key, item)| {
                let key = format!("{}: ", Value::from(key.as_str()));
                format!("{key}{}", value(item, inner, key.len()))
            });
            ('{', '}', lines.collect())
        }
        _ => return flat,
    };
    let pad = " ".repeat(inner);
    let body = lines.join(&format!(",\n{pad}"));
    format!("{open}\n{pad}{body}\n{}{close}", " ".repeat(indent))
}

fn flat(value: &Value) -> String {
    match value {
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(flat).collect();
            format!("[{}]", items.join(", "))
        }
        Value::Object(map) => {
            let entries: Vec<String> = map
                .iter()
                .map(|(key, item)| format!("{}: {}", Value::from(key.as_str()), flat(item)))
                .collect();
            format!("{{{}}}", entries.join(", "))
        }
        other => other.to_string(),
    }
}
