//! What is learned from a transcript before it is rewritten: which texts are names that some run made up.

use std::collections::BTreeMap;

use serde_json::Value;

use super::Surroundings;

/// What a made-up text is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Class {
    Random,
    Hash,
    Ip,
    Node,
}

impl Class {
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Random => "random",
            Self::Hash => "hash",
            Self::Ip => "ip",
            Self::Node => "node",
        }
    }
}

/// A made-up text: `prefix` stays, what follows is the class's.
#[derive(Clone, Debug)]
pub(super) struct Learned {
    pub(super) text: String,
    pub(super) prefix: String,
    pub(super) class: Class,
}

/// Everything learned, longest texts first.
#[derive(Clone, Debug)]
pub(super) struct Names {
    /// Texts with one replacement each.
    pub(super) fixed: Vec<(String, &'static str)>,
    learned: BTreeMap<String, Learned>,
}

impl Names {
    pub(super) fn new(surroundings: &Surroundings) -> Self {
        Self {
            fixed: vec![
                (surroundings.directory.clone(), "<dir>"),
                (surroundings.namespace.clone(), "<namespace>"),
            ],
            learned: BTreeMap::new(),
        }
    }

    /// What was learned, in the order in which it has to be replaced.
    pub(super) fn in_order(&self) -> Vec<Learned> {
        let mut all: Vec<Learned> = self.learned.values().cloned().collect();
        all.sort_by(|a, b| b.text.len().cmp(&a.text.len()).then(a.text.cmp(&b.text)));
        all
    }

    pub(super) fn learn(&mut self, value: &Value) {
        match value {
            Value::Object(map) => {
                self.generated(value);
                for (key, value) in map {
                    self.field(key, value);
                    self.learn(value);
                }
            }
            Value::Array(items) => items.iter().for_each(|item| self.learn(item)),
            _ => {}
        }
    }

    fn field(&mut self, key: &str, value: &Value) {
        let class = match key {
            "pod-template-hash" | "controller-revision-hash" => Class::Hash,
            "podIP" | "clusterIP" | "hostIP" | "ip" => Class::Ip,
            "clusterIPs" => {
                for ip in value.as_array().into_iter().flatten() {
                    self.field("clusterIP", ip);
                }
                return;
            }
            "nodeName" => Class::Node,
            _ => return,
        };
        if let Some(text) = value.as_str()
            && !text.is_empty()
            && text != "None"
        {
            // The revision of a StatefulSet is its name and a hash.
            let (prefix, _) = text
                .rsplit_once('-')
                .map_or(("", text), |(before, hash)| (&text[..=before.len()], hash));
            let prefix = if class == Class::Hash { prefix } else { "" };
            self.add(text, prefix, class);
        }
    }

    /// `metadata` whose name was made from `generateName`.
    fn generated(&mut self, metadata: &Value) {
        let (Some(prefix), Some(name)) = (
            metadata.get("generateName").and_then(Value::as_str),
            metadata.get("name").and_then(Value::as_str),
        ) else {
            return;
        };
        if name.len() > prefix.len() && name.starts_with(prefix) {
            self.add(name, prefix, Class::Random);
        }
    }

    fn add(&mut self, text: &str, prefix: &str, class: Class) {
        self.learned
            .entry(String::from(text))
            .or_insert_with(|| Learned {
                text: String::from(text),
                prefix: String::from(prefix),
                class,
            });
    }
}
