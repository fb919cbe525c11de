//! Places in a document: JSON pointers (RFC 6901) with `*` for any one segment and `**` for any number of them.

use std::fmt;

use serde::Deserialize;
use serde_json::Value;

/// A pattern of places.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(from = "String")]
pub struct Pattern {
    text: String,
    segments: Vec<Segment>,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Segment {
    One,
    Any,
    Named(String),
}

impl From<String> for Pattern {
    fn from(text: String) -> Self {
        let segments = text
            .split('/')
            .skip(1)
            .map(|segment| match segment {
                "*" => Segment::One,
                "**" => Segment::Any,
                named => Segment::Named(named.replace("~1", "/").replace("~0", "~")),
            })
            .collect();
        Self { text, segments }
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)
    }
}

/// A key as a segment of a pointer.
#[must_use]
pub fn escape(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

impl Pattern {
    /// Whether the place is one of these, or inside one of these.
    #[must_use]
    pub fn covers(&self, pointer: &str) -> bool {
        let place: Vec<String> = pointer
            .split('/')
            .skip(1)
            .map(|segment| segment.replace("~1", "/").replace("~0", "~"))
            .collect();
        covers(&self.segments, &place)
    }

    /// The first value there.
    #[must_use]
    pub fn first<'a>(&self, value: &'a Value) -> Option<&'a Value> {
        first(&self.segments, value)
    }

    /// Takes away what is there.
    pub fn remove(&self, value: &mut Value) {
        remove(&self.segments, value);
    }

    /// Calls with each value there.
    pub fn each(&self, value: &mut Value, visit: &mut impl FnMut(&mut Value)) {
        each(&self.segments, value, visit);
    }
}

fn covers(segments: &[Segment], place: &[String]) -> bool {
    match (segments.split_first(), place.split_first()) {
        (None, _) => true,
        (Some((Segment::Any, rest)), None) => covers(rest, place),
        (Some(_), None) => false,
        (Some((Segment::Any, rest)), Some((_, inner))) => {
            covers(rest, place) || covers(segments, inner)
        }
        (Some((Segment::One, rest)), Some((_, inner))) => covers(rest, inner),
        (Some((Segment::Named(name), rest)), Some((key, inner))) => {
            name == key && covers(rest, inner)
        }
    }
}

/// Leaves only what is at one of these places, and the way to it.
pub fn keep_only(patterns: &[Pattern], value: &mut Value) {
    let all: Vec<&[Segment]> = patterns.iter().map(|p| p.segments.as_slice()).collect();
    keep(&all, value);
}

/// Whether anything is left of the value.
fn keep(patterns: &[&[Segment]], value: &mut Value) -> bool {
    if patterns.iter().any(|pattern| pattern.is_empty()) {
        return true;
    }
    let inner = |key: &str| -> Vec<&[Segment]> {
        let mut inner = Vec::new();
        for pattern in patterns {
            step(pattern, key, &mut inner);
        }
        inner
    };
    match value {
        Value::Object(map) => {
            map.retain(|key, value| keep(&inner(key), value));
            !map.is_empty()
        }
        Value::Array(items) => {
            let mut index = 0;
            items.retain_mut(|value| {
                index += 1;
                keep(&inner(&(index - 1).to_string()), value)
            });
            !items.is_empty()
        }
        _ => false,
    }
}

/// What remains of a pattern one level down.
fn step<'a>(pattern: &'a [Segment], key: &str, out: &mut Vec<&'a [Segment]>) {
    match pattern.split_first() {
        Some((Segment::Any, rest)) => {
            out.push(pattern);
            step(rest, key, out);
        }
        Some((Segment::One, rest)) => out.push(rest),
        Some((Segment::Named(name), rest)) if name == key => out.push(rest),
        _ => {}
    }
}

fn first<'a>(segments: &[Segment], value: &'a Value) -> Option<&'a Value> {
    let Some((segment, rest)) = segments.split_first() else {
        return Some(value);
    };
    let children: Box<dyn Iterator<Item = &'a Value>> = match value {
        Value::Object(map) => Box::new(map.values()),
        Value::Array(items) => Box::new(items.iter()),
        _ => Box::new(std::iter::empty()),
    };
    match segment {
        Segment::Named(name) => first(rest, child(value, name)?),
        Segment::One => children.into_iter().find_map(|child| first(rest, child)),
        Segment::Any => first(rest, value).or_else(|| {
            children
                .into_iter()
                .find_map(|child| first(segments, child))
        }),
    }
}

fn child<'a>(value: &'a Value, name: &str) -> Option<&'a Value> {
    match value {
        Value::Object(map) => map.get(name),
        Value::Array(items) => items.get(name.parse::<usize>().ok()?),
        _ => None,
    }
}

fn remove(segments: &[Segment], value: &mut Value) {
    let Some((segment, rest)) = segments.split_first() else {
        return;
    };
    if let ([], Segment::Named(name)) = (rest, segment) {
        if let Value::Object(map) = value {
            map.remove(name);
        }
        return;
    }
    if *segment == Segment::Any {
        remove(rest, value);
    }
    let below = if *segment == Segment::Any {
        segments
    } else {
        rest
    };
    descend(segment, value, &mut |child| remove(below, child));
}

fn each(segments: &[Segment], value: &mut Value, visit: &mut impl FnMut(&mut Value)) {
    let Some((segment, rest)) = segments.split_first() else {
        return visit(value);
    };
    if *segment == Segment::Any {
        each(rest, value, visit);
    }
    let below = if *segment == Segment::Any {
        segments
    } else {
        rest
    };
    // A dynamic call: the recursion would otherwise make a new closure type at each level.
    let visit: &mut dyn FnMut(&mut Value) = visit;
    descend(segment, value, &mut |child| {
        each_dynamic(below, child, visit)
    });
}

fn each_dynamic(segments: &[Segment], value: &mut Value, visit: &mut dyn FnMut(&mut Value)) {
    each(segments, value, &mut |value| visit(value));
}

fn descend(segment: &Segment, value: &mut Value, visit: &mut dyn FnMut(&mut Value)) {
    match (segment, value) {
        (Segment::Named(name), Value::Object(map)) => {
            if let Some(child) = map.get_mut(name) {
                visit(child);
            }
        }
        (Segment::Named(name), Value::Array(items)) => {
            if let Some(child) = name.parse::<usize>().ok().and_then(|i| items.get_mut(i)) {
                visit(child);
            }
        }
        (_, Value::Object(map)) => map.values_mut().for_each(visit),
        (_, Value::Array(items)) => items.iter_mut().for_each(visit),
        _ => {}
    }
}

#[cfg(test)]
mod tests;
