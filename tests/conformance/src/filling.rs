//! Placeholders of a story, filled in: `{namespace}`, `{group}`, `{dir}` and what earlier steps saved.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

/// The API group that belongs to a story's namespace, so that definitions of stories never meet.
pub(crate) fn group(namespace: &str) -> String {
    format!("{namespace}.example.com")
}

/// Names and their values.
#[derive(Clone, Debug, Default)]
pub(crate) struct Filling {
    values: BTreeMap<String, Value>,
}

impl Filling {
    pub(crate) fn set(&mut self, name: &str, value: Value) {
        self.values.insert(String::from(name), value);
    }

    /// A text with its placeholders filled. Braces around anything that has no value are left alone.
    pub(crate) fn text(&self, text: &str) -> String {
        let mut filled = String::from(text);
        for (name, value) in &self.values {
            let placeholder = format!("{{{name}}}");
            if filled.contains(&placeholder) {
                let plain = match value {
                    Value::String(text) => text.clone(),
                    other => other.to_string(),
                };
                filled = filled.replace(&placeholder, &plain);
            }
        }
        filled
    }

    /// A document with the placeholders of its texts and keys filled. A text that is nothing but a placeholder becomes the value.
    pub(crate) fn value(&self, value: &Value) -> Value {
        match value {
            Value::String(text) => {
                let name = text
                    .strip_prefix('{')
                    .and_then(|rest| rest.strip_suffix('}'));
                match name.and_then(|name| self.values.get(name)) {
                    Some(value) => value.clone(),
                    None => Value::from(self.text(text)),
                }
            }
            Value::Array(items) => items.iter().map(|item| self.value(item)).collect(),
            Value::Object(map) => {
                let filled: Map<String, Value> = map
                    .iter()
                    .map(|(key, value)| (self.text(key), self.value(value)))
                    .collect();
                Value::Object(filled)
            }
            other => other.clone(),
        }
    }
}
