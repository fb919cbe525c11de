//! The part of JSONPath that names places in an object: fields, indexes and wildcards.
//!
//! Owns reading of `{.a['b.c'][0].d[*]}` as kubectl writes it, and of the two dialects of servicebinding.io mappings: a
//! fixed path (fields alone, one node at most) and a path to containers. Filters, slices, scripts and recursive descent
//! are refused by name, not ignored. It knows nothing of what the objects are.

#[cfg(test)]
mod tests;

use serde_json::{Map, Value};

/// A path to places in an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Path(Vec<Step>);

/// One step of a path.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Step {
    Field(String),
    /// From the end where negative.
    Index(i64),
    All,
}

/// A text that is no path that is understood here.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReadPath {
    /// It does not begin with `.`, `[` or `$`.
    #[error("path {path:?} begins with neither `.` nor `[`\nhint: write `.{path}`")]
    Start {
        /// The text.
        path: String,
    },
    /// A step has no name.
    #[error("path {path:?} has a step without a name at character {at}")]
    Empty {
        /// The text.
        path: String,
        /// Where, counted from 0.
        at: usize,
    },
    /// A bracket that is not closed, or has neither an index, nor `*`, nor a quoted name in it.
    #[error(
        "path {path:?} has at character {at} a bracket with neither an index, nor `*`, nor a quoted name\nhint: filters and slices are not supported"
    )]
    Bracket {
        /// The text.
        path: String,
        /// Where, counted from 0.
        at: usize,
    },
    /// `..`.
    #[error("path {path:?} has `..`, which is not supported\nhint: name each field")]
    Descent {
        /// The text.
        path: String,
    },
    /// More than one place where there is only one.
    #[error("path {path:?} has a wildcard or an index where only names of fields are allowed")]
    NotFixed {
        /// The text.
        path: String,
    },
    /// A brace of a template that is not closed.
    #[error("expression {path:?} has a `{{` without its `}}`")]
    Brace {
        /// The text.
        path: String,
    },
}

/// Why a template gave no text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Render {
    /// It cannot be read.
    #[error(transparent)]
    Read(#[from] ReadPath),
    /// There is nothing where it looks.
    #[error("nothing is at {path:?}")]
    Nothing {
        /// The path.
        path: String,
    },
}

/// A place of a path is taken by what is no object.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("field {field:?} of the path is no object")]
pub struct Blocked {
    /// The first field that is something else.
    pub field: String,
}

impl Path {
    /// Reads a path such as `.spec.containers[*]` or `$.a['b']`.
    ///
    /// # Errors
    ///
    /// What is not understood, with its place.
    pub fn read(text: &str) -> Result<Self, ReadPath> {
        let path = || text.to_owned();
        let chars: Vec<char> = text.chars().collect();
        let mut at = usize::from(matches!(chars.first(), Some('$' | '@')));
        let mut steps = Vec::new();
        while let Some(&char) = chars.get(at) {
            match char {
                '.' if chars.get(at + 1) == Some(&'.') => {
                    return Err(ReadPath::Descent { path: path() });
                }
                '.' if chars.get(at + 1) == Some(&'[') => at += 1,
                // kubectl writes `{.}` for the whole.
                '.' if chars.len() == at + 1 && steps.is_empty() => at += 1,
                '.' => {
                    let (name, next) = name(&chars, at + 1);
                    if name.is_empty() {
                        return Err(ReadPath::Empty { path: path(), at });
                    }
                    steps.push(if name == "*" {
                        Step::All
                    } else {
                        Step::Field(name)
                    });
                    at = next;
                }
                '[' => {
                    let Some((step, next)) = bracket(&chars, at + 1) else {
                        return Err(ReadPath::Bracket { path: path(), at });
                    };
                    steps.push(step);
                    at = next;
                }
                _ => return Err(ReadPath::Start { path: path() }),
            }
        }
        Ok(Self(steps))
    }

    /// Reads a path that has names of fields alone: servicebinding.io's "fixed JSONPath".
    ///
    /// # Errors
    ///
    /// What is not understood, or is no name.
    pub fn fixed(text: &str) -> Result<Self, ReadPath> {
        let path = Self::read(text)?;
        if path.0.is_empty() || path.0.iter().any(|step| !matches!(step, Step::Field(_))) {
            return Err(ReadPath::NotFixed {
                path: text.to_owned(),
            });
        }
        Ok(path)
    }

    /// What is there, in order.
    #[must_use]
    pub fn find<'a>(&self, root: &'a Value) -> Vec<&'a Value> {
        let mut here = vec![root];
        for step in &self.0 {
            here = here
                .into_iter()
                .flat_map(|value| match (step, value) {
                    (Step::Field(name), Value::Object(map)) => map.get(name).into_iter().collect(),
                    (Step::Index(index), Value::Array(items)) => position(*index, items.len())
                        .and_then(|index| items.get(index))
                        .into_iter()
                        .collect(),
                    (Step::All, Value::Array(items)) => items.iter().collect(),
                    (Step::All, Value::Object(map)) => map.values().collect(),
                    _ => Vec::new(),
                })
                .collect();
        }
        here
    }

    /// As [`Path::find`], to be changed.
    pub fn find_mut<'a>(&self, root: &'a mut Value) -> Vec<&'a mut Value> {
        let mut here = vec![root];
        for step in &self.0 {
            here = here
                .into_iter()
                .flat_map(|value| match (step, value) {
                    (Step::Field(name), Value::Object(map)) => {
                        map.get_mut(name).into_iter().collect()
                    }
                    (Step::Index(index), Value::Array(items)) => position(*index, items.len())
                        .and_then(|index| items.get_mut(index))
                        .into_iter()
                        .collect(),
                    (Step::All, Value::Array(items)) => items.iter_mut().collect(),
                    (Step::All, Value::Object(map)) => map.values_mut().collect::<Vec<_>>(),
                    _ => Vec::new(),
                })
                .collect();
        }
        here
    }

    /// The place of a fixed path; fields on the way to it, and itself, are made where they are not there.
    ///
    /// # Errors
    ///
    /// Something on the way is no object.
    pub fn entry<'a>(&self, root: &'a mut Value, empty: &Value) -> Result<&'a mut Value, Blocked> {
        let mut here = root;
        for (index, step) in self.0.iter().enumerate() {
            let Step::Field(name) = step else {
                return Err(Blocked {
                    field: "[]".to_owned(),
                });
            };
            if here.is_null() {
                *here = Value::Object(Map::new());
            }
            let Value::Object(map) = here else {
                return Err(Blocked {
                    field: name.clone(),
                });
            };
            here = map.entry(name.clone()).or_insert(Value::Null);
            if index + 1 == self.0.len() && here.is_null() {
                *here = empty.clone();
            }
        }
        Ok(here)
    }

    /// Removes what a fixed path leads to.
    pub fn remove(&self, root: &mut Value) -> Option<Value> {
        let (Step::Field(name), before) = self.0.split_last()? else {
            return None;
        };
        let parent = Self(before.to_vec());
        parent
            .find_mut(root)
            .into_iter()
            .find_map(|parent| parent.as_object_mut()?.remove(name))
    }
}

/// The text of a template as kubectl writes it: `jdbc:{.host}:{.port}`. What is not a string is JSON; several places are
/// parted by a space. A template without braces that is a path is taken as one.
///
/// # Errors
///
/// It cannot be read, or nothing is where it looks. No value is in an error.
pub fn render(template: &str, root: &Value) -> Result<String, Render> {
    if !template.contains('{') && template.starts_with(['.', '[', '$']) {
        return place(template, root);
    }
    let mut text = String::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        text.push_str(before);
        let Some(end) = closing(after) else {
            return Err(ReadPath::Brace {
                path: template.to_owned(),
            }
            .into());
        };
        let inner = after[..end].trim();
        match literal(inner) {
            Some(words) => text.push_str(&words),
            None => text.push_str(&place(inner, root)?),
        }
        rest = &after[end + 1..];
    }
    text.push_str(rest);
    Ok(text)
}

fn place(path: &str, root: &Value) -> Result<String, Render> {
    let found = Path::read(path)?.find(root);
    if found.is_empty() {
        return Err(Render::Nothing {
            path: path.to_owned(),
        });
    }
    Ok(found.into_iter().map(plain).collect::<Vec<_>>().join(" "))
}

/// A string as it is, anything else as JSON.
#[must_use]
pub fn plain(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}

/// Where the brace closes; one in quotes does not.
fn closing(text: &str) -> Option<usize> {
    let mut quote = None;
    for (at, char) in text.char_indices() {
        match (quote, char) {
            (Some(open), _) if open == char => quote = None,
            (None, '\'' | '"') => quote = Some(char),
            (None, '}') => return Some(at),
            _ => {}
        }
    }
    None
}

/// `{"\n"}` of a template.
fn literal(inner: &str) -> Option<String> {
    let quote = inner
        .chars()
        .next()
        .filter(|char| matches!(char, '"' | '\''))?;
    let words = inner.strip_prefix(quote)?.strip_suffix(quote)?;
    Some(words.replace("\\n", "\n").replace("\\t", "\t"))
}

/// A name of a field from `at`, and where it ends; `\` makes the next character part of it.
fn name(chars: &[char], mut at: usize) -> (String, usize) {
    let mut name = String::new();
    while let Some(&char) = chars.get(at) {
        match char {
            '.' | '[' => break,
            '\\' => {
                at += 1;
                name.extend(chars.get(at));
            }
            _ => name.push(char),
        }
        at += 1;
    }
    (name, at)
}

/// What is in a bracket that was opened before `at`, and where it ends.
fn bracket(chars: &[char], at: usize) -> Option<(Step, usize)> {
    if let Some(&quote) = chars.get(at).filter(|char| matches!(char, '\'' | '"')) {
        let mut name = String::new();
        let mut here = at + 1;
        loop {
            match *chars.get(here)? {
                '\\' => {
                    here += 1;
                    name.push(*chars.get(here)?);
                }
                char if char == quote => break,
                char => name.push(char),
            }
            here += 1;
        }
        return (chars.get(here + 1) == Some(&']')).then_some((Step::Field(name), here + 2));
    }
    let end = at + chars.get(at..)?.iter().position(|&char| char == ']')?;
    let inner: String = chars.get(at..end)?.iter().collect();
    let step = if inner == "*" {
        Step::All
    } else {
        Step::Index(inner.parse().ok()?)
    };
    Some((step, end + 1))
}

fn position(index: i64, len: usize) -> Option<usize> {
    match usize::try_from(index) {
        Ok(index) => Some(index),
        Err(_) => len.checked_sub(usize::try_from(index.unsigned_abs()).ok()?),
    }
}
