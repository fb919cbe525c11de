//! A YAML document that knows where everything stands.

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};
use serde_saphyr::{
    DuplicateKeyPolicy, Location, MessageFormatter, NonFiniteFloatPolicy, Spanned,
    UserMessageFormatter,
};

use crate::key_path::{KeyPath, Step};

/// A stretch of one line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    /// Counted from 1.
    pub(crate) line: u32,
    /// In characters, counted from 1.
    pub(crate) column: u32,
    /// In characters; may reach beyond the end of the line.
    pub(crate) width: u32,
}

impl Place {
    /// The first character of the file.
    pub(crate) const START: Self = Self {
        line: 1,
        column: 1,
        width: 1,
    };

    fn of(location: Location) -> Self {
        let narrow = |n: u64| u32::try_from(n).unwrap_or(u32::MAX);
        Self {
            line: narrow(location.line()).max(1),
            column: narrow(location.column()).max(1),
            width: narrow(location.span().len()).max(1),
        }
    }
}

/// A value and its place.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub(crate) place: Place,
    pub(crate) content: Content,
    /// Whether its text came out of a variable, so that its type was not written in the file.
    pub(crate) expanded: bool,
}

/// A key and its place.
#[derive(Clone, Debug)]
pub(crate) struct Key {
    pub(crate) place: Place,
    pub(crate) text: String,
}

/// What stands there. Mappings keep repeated keys, so that they can be reported.
#[derive(Clone, Debug)]
pub(crate) enum Content {
    Null,
    Bool(bool),
    Number(Number),
    Text(String),
    List(Vec<Node>),
    Map(Vec<(Key, Node)>),
}

/// Which end of a `key: value` pair a finding points at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    Key,
    Value,
}

/// The text is no YAML.
#[derive(Debug)]
pub(crate) struct SyntaxError {
    pub(crate) place: Place,
    pub(crate) message: String,
}

/// Reads one document.
///
/// Booleans and octal numbers are read as Kubernetes' own tools read them (YAML 1.1). Aliases are limited, so that a few
/// lines cannot grow into gigabytes.
pub(crate) fn read(text: &str) -> Result<Node, SyntaxError> {
    let options = serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_nodes: 100_000,
            max_depth: 64,
            max_documents: 2,
        },
        alias_limits: serde_saphyr::alias_limits! {
            max_total_replayed_events: 50_000,
            max_replay_stack_depth: 16,
        },
        // Reported with both places by the structure check, entry by entry.
        duplicate_keys: DuplicateKeyPolicy::PassThrough,
        non_finite_float_policy: NonFiniteFloatPolicy::AsString,
        legacy_octal_numbers: true,
        with_snippet: false,
    };
    serde_saphyr::from_str_with_options(text, options).map_err(|error| {
        let error = error.without_snippet();
        let message = UserMessageFormatter.format_message(error);
        SyntaxError {
            place: error.location().map_or(Place::START, Place::of),
            message: message.replace(char::is_control, " "),
        }
    })
}

impl Node {
    /// The node at `path`, or its nearest ancestor that exists.
    pub(crate) fn place_of(&self, path: &KeyPath, end: End) -> Place {
        let mut node = self;
        let mut place = self.place;
        for step in path.steps() {
            let Some((key, child)) = node.child(step) else {
                return place;
            };
            node = child;
            place = match (end, key) {
                (End::Key, Some(key)) => key.place,
                _ => child.place,
            };
        }
        place
    }

    /// The node at `path`.
    pub(crate) fn find(&self, path: &KeyPath) -> Option<&Self> {
        path.steps()
            .iter()
            .try_fold(self, |node, step| node.child(step).map(|(_, child)| child))
    }

    fn child(&self, step: &Step) -> Option<(Option<&Key>, &Self)> {
        match (&self.content, step) {
            (Content::Map(pairs), Step::Key(wanted)) => pairs
                .iter()
                .find(|(key, _)| key.text == *wanted)
                .map(|(key, node)| (Some(key), node)),
            (Content::List(items), Step::Index(index)) => items.get(*index).map(|n| (None, n)),
            _ => None,
        }
    }

    /// The plain value; of repeated keys the first counts.
    pub(crate) fn to_value(&self) -> Value {
        match &self.content {
            Content::Null => Value::Null,
            Content::Bool(b) => Value::Bool(*b),
            Content::Number(n) => Value::Number(n.clone()),
            Content::Text(text) => Value::String(text.clone()),
            Content::List(items) => items.iter().map(Self::to_value).collect(),
            Content::Map(pairs) => {
                let mut map = Map::new();
                for (key, node) in pairs {
                    map.entry(key.text.as_str())
                        .or_insert_with(|| node.to_value());
                }
                Value::Object(map)
            }
        }
    }
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let spanned = Spanned::<Content>::deserialize(deserializer)?;
        Ok(Self {
            place: Place::of(spanned.defined),
            content: spanned.value,
            expanded: false,
        })
    }
}

impl<'de> Deserialize<'de> for Content {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ContentVisitor)
    }
}

struct ContentVisitor;

impl<'de> Visitor<'de> for ContentVisitor {
    type Value = Content;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a YAML value")
    }

    fn visit_unit<E>(self) -> Result<Content, E> {
        Ok(Content::Null)
    }

    fn visit_none<E>(self) -> Result<Content, E> {
        Ok(Content::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Content, D::Error> {
        Content::deserialize(deserializer)
    }

    fn visit_bool<E>(self, b: bool) -> Result<Content, E> {
        Ok(Content::Bool(b))
    }

    fn visit_i64<E>(self, n: i64) -> Result<Content, E> {
        Ok(Content::Number(n.into()))
    }

    fn visit_u64<E>(self, n: u64) -> Result<Content, E> {
        Ok(Content::Number(n.into()))
    }

    fn visit_i128<E>(self, n: i128) -> Result<Content, E> {
        Ok(Number::from_i128(n).map_or_else(|| Content::Text(n.to_string()), Content::Number))
    }

    fn visit_u128<E>(self, n: u128) -> Result<Content, E> {
        Ok(Number::from_u128(n).map_or_else(|| Content::Text(n.to_string()), Content::Number))
    }

    fn visit_f64<E>(self, n: f64) -> Result<Content, E> {
        Ok(Number::from_f64(n).map_or_else(|| Content::Text(n.to_string()), Content::Number))
    }

    fn visit_str<E>(self, text: &str) -> Result<Content, E> {
        Ok(Content::Text(text.to_owned()))
    }

    fn visit_string<E>(self, text: String) -> Result<Content, E> {
        Ok(Content::Text(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Content, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Content::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut pairs: A) -> Result<Content, A::Error> {
        let mut map = Vec::new();
        while let Some(key) = pairs.next_key::<Spanned<String>>()? {
            let node = pairs.next_value()?;
            map.push((
                Key {
                    place: Place::of(key.defined),
                    text: key.value,
                },
                node,
            ));
        }
        Ok(Content::Map(map))
    }
}
