//! Label and field selectors.
//!
//! Owns their grammar and matching. Which fields a resource may be selected by is the caller's to check.

use serde_json::{Map, Value};

use crate::status::Status;

#[cfg(test)]
mod tests;

/// What a list or watch lets through. The default lets everything through.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// Label requirements, all of which must hold.
    pub labels: Vec<Requirement>,
    /// Field requirements, all of which must hold.
    pub fields: Vec<FieldRequirement>,
}

/// One requirement on labels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Requirement {
    /// The label has one of the values.
    In(String, Vec<String>),
    /// The label is absent or has none of the values.
    NotIn(String, Vec<String>),
    /// The label is present.
    Exists(String),
    /// The label is absent.
    Absent(String),
    /// The label is an integer greater than this.
    Greater(String, i64),
    /// The label is an integer less than this.
    Less(String, i64),
}

/// One requirement on a field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldRequirement {
    /// Dotted path, `status.phase`.
    pub path: String,
    /// The value compared with; an absent field counts as empty.
    pub value: String,
    /// Whether they must be equal or must differ.
    pub equal: bool,
}

impl Filter {
    /// From the texts of `labelSelector` and `fieldSelector`.
    ///
    /// # Errors
    ///
    /// 400 naming what could not be read.
    pub fn parse(labels: &str, fields: &str) -> Result<Self, Status> {
        let labels = parse_labels(labels)
            .map_err(|why| Status::bad_request(format!("unable to parse requirement: {why}")))?;
        let fields = parse_fields(fields)?;
        Ok(Self { labels, fields })
    }

    /// The keys of the labels that are asked for.
    pub(crate) fn label_keys(&self) -> impl Iterator<Item = &str> {
        self.labels.iter().map(|requirement| match requirement {
            Requirement::In(key, _)
            | Requirement::NotIn(key, _)
            | Requirement::Exists(key)
            | Requirement::Absent(key)
            | Requirement::Greater(key, _)
            | Requirement::Less(key, _) => key.as_str(),
        })
    }

    /// From a `LabelSelector` object with matchLabels and matchExpressions; an empty one lets everything through.
    ///
    /// # Errors
    ///
    /// 400 for an unknown operator.
    pub fn from_selector(selector: &Value) -> Result<Self, Status> {
        let mut labels = Vec::new();
        for (key, value) in selector["matchLabels"].as_object().into_iter().flatten() {
            let value = value.as_str().unwrap_or_default();
            labels.push(Requirement::In(key.clone(), vec![String::from(value)]));
        }
        for expression in selector["matchExpressions"]
            .as_array()
            .into_iter()
            .flatten()
        {
            let key = String::from(expression["key"].as_str().unwrap_or_default());
            let values = expression["values"]
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(Value::as_str)
                .map(String::from)
                .collect();
            labels.push(match expression["operator"].as_str().unwrap_or_default() {
                "In" => Requirement::In(key, values),
                "NotIn" => Requirement::NotIn(key, values),
                "Exists" => Requirement::Exists(key),
                "DoesNotExist" => Requirement::Absent(key),
                other => {
                    return Err(Status::bad_request(format!(
                        "{other:?} is not a valid label selector operator"
                    )));
                }
            });
        }
        Ok(Self {
            labels,
            fields: Vec::new(),
        })
    }

    /// Whether it lets everything through.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty() && self.fields.is_empty()
    }

    /// Whether it lets `object` through.
    #[must_use]
    pub fn matches(&self, object: &Value) -> bool {
        self.fields.iter().all(|field| field.matches(object))
            && (self.labels.is_empty() || {
                let labels = object["metadata"]["labels"].as_object();
                self.labels
                    .iter()
                    .all(|requirement| requirement.matches(labels))
            })
    }
}

impl Requirement {
    fn matches(&self, labels: Option<&Map<String, Value>>) -> bool {
        let get = |key: &str| {
            labels
                .and_then(|labels| labels.get(key))
                .and_then(Value::as_str)
        };
        let number = |key: &str| get(key).and_then(|text| text.parse::<i64>().ok());
        match self {
            Self::In(key, values) => get(key).is_some_and(|v| values.iter().any(|x| x == v)),
            Self::NotIn(key, values) => get(key).is_none_or(|v| values.iter().all(|x| x != v)),
            Self::Exists(key) => get(key).is_some(),
            Self::Absent(key) => get(key).is_none(),
            Self::Greater(key, bound) => number(key).is_some_and(|n| n > *bound),
            Self::Less(key, bound) => number(key).is_some_and(|n| n < *bound),
        }
    }
}

impl FieldRequirement {
    fn matches(&self, object: &Value) -> bool {
        let found = self
            .path
            .split('.')
            .fold(object, |value, part| &value[part]);
        let text = match found {
            Value::String(text) => text.clone(),
            Value::Null => String::new(),
            other => other.to_string(),
        };
        (text == self.value) == self.equal
    }
}

fn parse_fields(text: &str) -> Result<Vec<FieldRequirement>, Status> {
    text.split(',')
        .filter(|term| !term.is_empty())
        .map(|term| {
            let (path, value, equal) = if let Some((path, value)) = term.split_once("!=") {
                (path, value, false)
            } else if let Some((path, value)) = term.split_once("==") {
                (path, value, true)
            } else if let Some((path, value)) = term.split_once('=') {
                (path, value, true)
            } else {
                return Err(Status::bad_request(format!(
                    "invalid selector: '{text}'; can't understand '{term}'"
                )));
            };
            Ok(FieldRequirement {
                path: String::from(path.trim()),
                value: String::from(value.trim()),
                equal,
            })
        })
        .collect()
}

/// A word, or one of `( ) , = == != ! > <`.
#[derive(Debug, PartialEq)]
enum Token<'a> {
    Word(&'a str),
    Sign(&'a str),
}

fn tokens(text: &str) -> Vec<Token<'_>> {
    let mut tokens = Vec::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let sign = ["==", "!=", "=", "!", "(", ")", ",", ">", "<"]
            .into_iter()
            .find(|sign| rest.starts_with(sign));
        let length = sign.map_or_else(
            || {
                rest.find(|c: char| c.is_whitespace() || "=!(),<>".contains(c))
                    .unwrap_or(rest.len())
            },
            str::len,
        );
        let (token, after) = rest.split_at(length);
        tokens.push(if sign.is_some() {
            Token::Sign(token)
        } else {
            Token::Word(token)
        });
        rest = after.trim_start();
    }
    tokens
}

fn parse_labels(text: &str) -> Result<Vec<Requirement>, String> {
    let tokens = tokens(text);
    let mut rest = tokens.as_slice();
    let mut requirements = Vec::new();
    while !rest.is_empty() {
        let (requirement, after) = requirement(rest)?;
        requirements.push(requirement);
        rest = match after {
            [] => after,
            [Token::Sign(","), more @ ..] if !more.is_empty() => more,
            [Token::Sign(found) | Token::Word(found), ..] => {
                return Err(format!("found '{found}', expected: ',' or 'end of string'"));
            }
        };
    }
    Ok(requirements)
}

fn requirement<'a, 't>(tokens: &'t [Token<'a>]) -> Result<(Requirement, &'t [Token<'a>]), String> {
    let own = |text: &&str| String::from(*text);
    match tokens {
        [Token::Sign("!"), Token::Word(key), rest @ ..] => {
            Ok((Requirement::Absent(own(key)), rest))
        }
        [
            Token::Word(key),
            Token::Sign("=" | "=="),
            Token::Word(value),
            rest @ ..,
        ] => Ok((Requirement::In(own(key), vec![own(value)]), rest)),
        [Token::Word(key), Token::Sign("=" | "=="), rest @ ..] => {
            Ok((Requirement::In(own(key), vec![String::new()]), rest))
        }
        [
            Token::Word(key),
            Token::Sign("!="),
            Token::Word(value),
            rest @ ..,
        ] => Ok((Requirement::NotIn(own(key), vec![own(value)]), rest)),
        [Token::Word(key), Token::Sign("!="), rest @ ..] => {
            Ok((Requirement::NotIn(own(key), vec![String::new()]), rest))
        }
        [
            Token::Word(key),
            Token::Sign(sign @ (">" | "<")),
            Token::Word(bound),
            rest @ ..,
        ] => {
            let bound = bound.parse().map_err(|_not_a_number| {
                format!("{bound:?}: for 'Gt', 'Lt' operators, the value must be an integer")
            })?;
            let requirement = if *sign == ">" {
                Requirement::Greater(own(key), bound)
            } else {
                Requirement::Less(own(key), bound)
            };
            Ok((requirement, rest))
        }
        [
            Token::Word(key),
            Token::Word(operator @ ("in" | "notin")),
            Token::Sign("("),
            rest @ ..,
        ] => {
            let (values, rest) = set(rest)?;
            let requirement = if *operator == "in" {
                Requirement::In(own(key), values)
            } else {
                Requirement::NotIn(own(key), values)
            };
            Ok((requirement, rest))
        }
        [Token::Word(key), rest @ ..]
            if rest.is_empty() || rest.first() == Some(&Token::Sign(",")) =>
        {
            Ok((Requirement::Exists(own(key)), rest))
        }
        [Token::Word(_), Token::Sign(found) | Token::Word(found), ..] => Err(format!(
            "found '{found}', expected: in, notin, =, ==, !=, gt, lt"
        )),
        [Token::Sign(found), ..] => Err(format!(
            "found '{found}', expected: !, identifier, or 'end of string'"
        )),
        [Token::Word(_)] | [] => Err(String::from("found '', expected: identifier")),
    }
}

fn set<'a, 't>(mut tokens: &'t [Token<'a>]) -> Result<(Vec<String>, &'t [Token<'a>]), String> {
    let mut values = Vec::new();
    loop {
        match tokens {
            [Token::Word(value), Token::Sign(","), rest @ ..] => {
                values.push(String::from(*value));
                tokens = rest;
            }
            [Token::Word(value), Token::Sign(")"), rest @ ..] => {
                values.push(String::from(*value));
                return Ok((values, rest));
            }
            [Token::Sign(")"), rest @ ..] => {
                values.push(String::new());
                return Ok((values, rest));
            }
            [Token::Sign(","), rest @ ..] => {
                values.push(String::new());
                tokens = rest;
            }
            [Token::Sign(found) | Token::Word(found), ..] => {
                return Err(format!("found '{found}', expected: ',', or ')'"));
            }
            [] => return Err(String::from("found '', expected: ',', or ')'")),
        }
    }
}
