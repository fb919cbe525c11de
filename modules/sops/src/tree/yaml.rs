//! Reads YAML in order. SOPS writes neither aliases nor tags of others: what it did not write is refused, not guessed at.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use granit_parser::{Event, Marker, Parser, ScalarStyle, Tag};

use super::{DEPTH, Node, scalar, twice};
use crate::decrypt::DecryptSops;

const CORE: &str = "tag:yaml.org,2002:";

/// The merge key. Where aliases were merged, SOPS writes it with what they stood for, and `!!merge` before it.
const MERGE: &str = "<<";

/// Reads one document.
pub(crate) fn read(text: &str) -> Result<Node, DecryptSops> {
    let options = granit_parser::options! {
        emit_comments: false,
        flow_nesting_limit: DEPTH,
        block_nesting_limit: DEPTH,
    };
    let mut reading = Reading::default();
    for event in Parser::new_from_str_with_options(text, options) {
        let (event, span) = event.map_err(|error| refusal(*error.marker(), error.info()))?;
        reading
            .take(event)
            .map_err(|message| refusal(span.start, message))?;
    }
    Ok(reading.document.unwrap_or(Node::Null))
}

fn refusal(mark: Marker, message: String) -> DecryptSops {
    DecryptSops::ReadDocument {
        format: "YAML",
        line: mark.line(),
        column: mark.col() + 1,
        message,
    }
}

#[derive(Default)]
struct Reading {
    open: Vec<Open>,
    document: Option<Node>,
}

enum Open {
    List(Vec<Node>),
    Map(Vec<(String, Node)>, Option<Key>),
}

struct Key {
    name: String,
    merges: bool,
}

impl Reading {
    fn take(&mut self, event: Event<'_>) -> Result<(), String> {
        match event {
            Event::DocumentStart(..) if self.document.is_some() => {
                Err("a second document begins; one is read".to_owned())
            }
            Event::SequenceStart(_, _, tag) => {
                plain(tag.as_deref(), "seq")?;
                self.enter(Open::List(Vec::new()))
            }
            Event::MappingStart(_, _, tag) => {
                plain(tag.as_deref(), "map")?;
                self.enter(Open::Map(Vec::new(), None))
            }
            Event::SequenceEnd | Event::MappingEnd => self.leave(),
            Event::Scalar(text, style, _, tag) => self.scalar(text, style, tag.as_deref()),
            Event::Alias(_) | Event::UnresolvedAlias(_) => {
                Err("an alias: SOPS writes none".to_owned())
            }
            _ => Ok(()),
        }
    }

    fn enter(&mut self, open: Open) -> Result<(), String> {
        if self.open.len() == DEPTH {
            return Err(format!("deeper than {DEPTH} levels"));
        }
        if let Some(Open::Map(_, None)) = self.open.last() {
            return Err("a key that is no text".to_owned());
        }
        self.open.push(open);
        Ok(())
    }

    fn leave(&mut self) -> Result<(), String> {
        match self.open.pop() {
            Some(Open::List(items)) => self.put(Node::List(items)),
            Some(Open::Map(fields, _)) => {
                if let Some(key) = twice(&fields) {
                    return Err(format!("the key {key:?} stands twice"));
                }
                self.put(Node::Map(fields))
            }
            None => Ok(()),
        }
    }

    fn scalar(
        &mut self,
        text: Cow<'_, str>,
        style: ScalarStyle,
        tag: Option<&Tag>,
    ) -> Result<(), String> {
        let quoted = style != ScalarStyle::Plain;
        let core = tag.map(|tag| tag.suffix_in_namespace(CORE));
        let mut merges = !quoted && text == MERGE;
        let value = match core {
            None if quoted => Node::Text(text.into_owned()),
            None => scalar::resolve(&text),
            Some(Some(kind)) if ["str", "timestamp", "merge"].contains(&&*kind) => {
                merges &= kind == "merge";
                Node::Text(text.into_owned())
            }
            Some(Some(kind)) if ["null", "bool", "int", "float"].contains(&&*kind) => {
                scalar::resolve(&text)
            }
            Some(Some(kind)) if kind == "binary" => {
                let packed: String = text.split_ascii_whitespace().collect();
                let bytes = STANDARD.decode(packed);
                Node::Bytes(bytes.map_err(|_| "!!binary that is no base64".to_owned())?)
            }
            Some(_) => {
                let tag = tag.map(Tag::original).unwrap_or_default();
                return Err(format!("the tag {tag}: SOPS writes none"));
            }
        };
        if let Some(Open::Map(_, key @ None)) = self.open.last_mut() {
            match value {
                Node::Text(name) => *key = Some(Key { name, merges }),
                _ => return Err("a key that is no text; quote it".to_owned()),
            }
            return Ok(());
        }
        self.put(value)
    }

    fn put(&mut self, value: Node) -> Result<(), String> {
        match self.open.last_mut() {
            Some(Open::List(items)) => items.push(value),
            Some(Open::Map(fields, key)) => match key.take() {
                Some(Key { name, merges: true }) => fields.push((name, Node::Merge(value.into()))),
                Some(Key { name, .. }) => fields.push((name, value)),
                None => return Err("a key that is no text".to_owned()),
            },
            None => self.document = Some(value),
        }
        Ok(())
    }
}

fn plain(tag: Option<&Tag>, kind: &str) -> Result<(), String> {
    match tag {
        Some(tag) if !tag.is_yaml_core_schema_tag(kind) => {
            Err(format!("the tag {}: SOPS writes none", tag.original()))
        }
        _ => Ok(()),
    }
}
