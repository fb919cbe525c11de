//! Rewrites a transcript, step by step, giving numbers in the order of appearance.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::names::{Learned, Names};
use super::text;

/// Where a value stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// In an object.
    Object,
    /// In the metadata of a list, a table or a bookmark.
    ListMetadata,
}

/// A rewriting under way.
pub(super) struct Walk {
    fixed: Vec<(String, &'static str)>,
    learned: Vec<Learned>,
    /// Numbers given, by word and text.
    numbers: BTreeMap<(&'static str, String), usize>,
    counts: BTreeMap<&'static str, usize>,
    /// The newest version of an object so far.
    newest: u64,
}

impl Walk {
    pub(super) fn new(names: Names) -> Self {
        Self {
            learned: names.in_order(),
            fixed: names.fixed,
            numbers: BTreeMap::new(),
            counts: BTreeMap::new(),
            newest: 0,
        }
    }

    /// An answer in normal form.
    pub(super) fn answer(&mut self, answer: Value) -> Value {
        match answer {
            Value::Object(map) if map.contains_key("exit") => {
                let map = map
                    .into_iter()
                    .map(|(key, value)| (key, self.output(value)))
                    .collect();
                Value::Object(map)
            }
            other => self.value(other, Place::Object),
        }
    }

    /// What is the same in each run, of a value.
    pub(super) fn masked(&self, value: &Value) -> String {
        let mut walk = Self {
            fixed: self.fixed.clone(),
            learned: self.learned.clone(),
            numbers: BTreeMap::new(),
            counts: BTreeMap::new(),
            newest: 0,
        };
        walk.value(value.clone(), Place::Object).to_string()
    }

    /// Lines of kubectl.
    fn output(&mut self, value: Value) -> Value {
        match value {
            Value::Array(lines) => lines.into_iter().map(|line| self.output(line)).collect(),
            Value::String(line) => Value::from(text::line(&self.text(&line))),
            other => other,
        }
    }

    fn value(&mut self, value: Value, place: Place) -> Value {
        match value {
            Value::Object(map) => self.object(map, place),
            Value::Array(items) => items
                .into_iter()
                .map(|item| self.value(item, Place::Object))
                .collect(),
            Value::String(text) => Value::from(self.text(&text)),
            other => other,
        }
    }

    fn object(&mut self, mut map: Map<String, Value>, place: Place) -> Value {
        ages(&mut map);
        let is_list = map.contains_key("items") || map.contains_key("columnDefinitions");
        let is_bookmark = map.get("type").is_some_and(|kind| kind == "BOOKMARK");
        let map = map
            .into_iter()
            .map(|(key, value)| {
                let inner = match key.as_str() {
                    "metadata" if is_list || place == Place::ListMetadata => Place::ListMetadata,
                    "object" if is_bookmark => Place::ListMetadata,
                    _ => Place::Object,
                };
                let value = match (key.as_str(), value) {
                    ("managedFields", Value::Array(entries)) => {
                        self.value(Value::Array(in_order(entries)), inner)
                    }
                    ("resourceVersion", Value::String(version)) => {
                        Value::from(self.version(&version, place))
                    }
                    ("continue", Value::String(token)) if !token.is_empty() => {
                        Value::from("<continue>")
                    }
                    ("nodePort", Value::Number(port)) => {
                        Value::from(self.number("port", &port.to_string()))
                    }
                    (_, value) => self.value(value, inner),
                };
                (self.text(&key), value)
            })
            .collect();
        Value::Object(map)
    }

    fn version(&mut self, version: &str, place: Place) -> String {
        let Some(number) = version.parse::<u64>().ok().filter(|number| *number > 0) else {
            return String::from(version);
        };
        if place == Place::ListMetadata && number >= self.newest {
            return String::from("<revision>");
        }
        let name = self.number("version", version);
        if number < self.newest {
            return name.replace('>', ", past>");
        }
        self.newest = number;
        name
    }

    fn text(&mut self, text: &str) -> String {
        let mut text = String::from(text);
        for (from, to) in &self.fixed {
            if text.contains(from.as_str()) {
                text = text.replace(from.as_str(), to);
            }
        }
        if text::UID.is_match(&text) {
            let found = text.clone();
            for uid in text::UID.find_iter(&found) {
                text = text.replace(uid.as_str(), &self.number("uid", uid.as_str()));
            }
        }
        for learned in self.learned.clone() {
            let mut inside = false;
            for (from, _) in &self.fixed {
                // What was learned may itself hold the namespace's name.
                inside |= learned.text.contains(from.as_str());
            }
            let wanted = if inside {
                self.fixed
                    .iter()
                    .fold(learned.text.clone(), |text, (from, to)| {
                        text.replace(from.as_str(), to)
                    })
            } else {
                learned.text.clone()
            };
            if text.contains(&wanted) {
                let name = self.number(learned.class.word(), &learned.text);
                text = text.replace(&wanted, &format!("{}{name}", learned.prefix));
            }
        }
        text::cell(&text::plain(&text))
    }

    /// `<word-N>` for a text: N is the same for the same text.
    fn number(&mut self, word: &'static str, text: &str) -> String {
        let key = (word, String::from(text));
        let counts = &mut self.counts;
        let number = self.numbers.entry(key).or_insert_with(|| {
            let count = counts.entry(word).or_default();
            *count += 1;
            *count
        });
        format!("<{word}-{number}>")
    }
}

/// Entries of managers by who they are: the server orders them by the second of their last write.
fn in_order(mut entries: Vec<Value>) -> Vec<Value> {
    entries.sort_by_cached_key(|entry| {
        ["operation", "manager", "subresource", "apiVersion"]
            .map(|field| String::from(entry[field].as_str().unwrap_or_default()))
    });
    entries
}

/// Ages in the rows of a table.
fn ages(table: &mut Map<String, Value>) {
    if !table.contains_key("columnDefinitions") {
        return;
    }
    for row in table
        .get_mut("rows")
        .and_then(Value::as_array_mut)
        .into_iter()
        .flatten()
    {
        for cell in row["cells"].as_array_mut().into_iter().flatten() {
            if cell.as_str().is_some_and(text::is_age) {
                *cell = Value::from("<age>");
            }
        }
    }
}
