//! Values as Go prints them, for messages.

use serde_json::Value;

/// `map[a:1 b:[x y]]`: keys sorted, strings without quotes.
pub(super) fn written(value: &Value) -> String {
    match value {
        Value::Object(map) => {
            let entries: Vec<String> = map
                .iter()
                .map(|(key, value)| format!("{key}:{}", written(value)))
                .collect();
            format!("map[{}]", entries.join(" "))
        }
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(written).collect();
            format!("[{}]", items.join(" "))
        }
        Value::String(text) => text.clone(),
        Value::Null => String::from("<nil>"),
        other => other.to_string(),
    }
}
