//! Queries with `{{ variables }}`: Go templates as far as Flagger's queries need them, which is names and nothing else.

use std::collections::BTreeMap;
use std::fmt;

use super::scope::Scope;

/// A text with places that are filled in.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Text {
    pieces: Vec<Piece>,
    variables: BTreeMap<String, String>,
}

#[derive(Clone, Debug, Eq, PartialEq)]
enum Piece {
    Plain(String),
    Place(Place),
}

#[derive(Clone, Debug, Eq, PartialEq)]
enum Place {
    Namespace,
    Name,
    Target,
    Service,
    Ingress,
    Interval,
    Variable(String),
}

/// What cannot be filled in.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum TextError {
    Open {
        at: usize,
    },
    Unknown {
        at: usize,
        what: String,
        known: String,
    },
}

impl Text {
    /// Reads a text. `variables` are the author's own, as `{{ variables.NAME }}`.
    pub(crate) fn parse(
        text: &str,
        variables: &BTreeMap<String, String>,
    ) -> Result<Self, TextError> {
        let mut pieces = Vec::new();
        let mut rest = text;
        while let Some((plain, tail)) = rest.split_once("{{") {
            let at = text[..text.len() - tail.len() - 2].chars().count() + 1;
            let (inside, tail) = tail.split_once("}}").ok_or(TextError::Open { at })?;
            let what = inside.trim();
            pieces.push(Piece::Plain(plain.into()));
            pieces.push(Piece::Place(place(what, variables).ok_or_else(|| {
                TextError::Unknown {
                    at,
                    what: what.into(),
                    known: known(variables),
                }
            })?));
            rest = tail;
        }
        pieces.push(Piece::Plain(rest.into()));
        Ok(Self {
            pieces,
            variables: variables.clone(),
        })
    }

    /// Whether it says how far it looks back.
    pub(crate) fn has_interval(&self) -> bool {
        self.pieces.contains(&Piece::Place(Place::Interval))
    }

    /// The text for `scope`, letter by letter: nothing is escaped.
    pub(crate) fn fill(&self, scope: &Scope, interval: &str) -> String {
        let value = |piece: &'_ Piece| -> String {
            match piece {
                Piece::Plain(text) => text.clone(),
                Piece::Place(place) => match place {
                    Place::Namespace => scope.namespace.clone(),
                    Place::Name => scope.name.clone(),
                    Place::Target => scope.target.clone(),
                    Place::Service => scope.service.clone(),
                    Place::Ingress => scope.ingress.clone(),
                    Place::Interval => interval.into(),
                    Place::Variable(name) => self.variables.get(name).cloned().unwrap_or_default(),
                },
            }
        };
        self.pieces.iter().map(value).collect()
    }
}

fn place(what: &str, variables: &BTreeMap<String, String>) -> Option<Place> {
    Some(match what {
        "namespace" => Place::Namespace,
        "name" => Place::Name,
        "target" => Place::Target,
        "service" => Place::Service,
        "ingress" => Place::Ingress,
        "interval" => Place::Interval,
        _ => {
            let name = what.strip_prefix("variables.")?;
            variables.get(name)?;
            Place::Variable(name.into())
        }
    })
}

fn known(variables: &BTreeMap<String, String>) -> String {
    let own = variables.keys().map(|name| format!("variables.{name}"));
    [
        "namespace",
        "name",
        "target",
        "service",
        "ingress",
        "interval",
    ]
    .into_iter()
    .map(String::from)
    .chain(own)
    .collect::<Vec<_>>()
    .join(", ")
}

impl fmt::Display for TextError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Open { at } => write!(f, "the {{{{ at character {at} is not closed by }}}}"),
            Self::Unknown { at, what, known } => write!(
                f,
                "unknown variable {{{{ {what} }}}} at character {at}, expected one of {known}"
            ),
        }
    }
}

impl std::error::Error for TextError {}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use std::collections::BTreeMap;

    use super::Text;
    use crate::analysis::scope::Scope;

    fn variables() -> BTreeMap<String, String> {
        [("direction".to_owned(), "in\"bound".to_owned())].into()
    }

    #[test]
    fn fills_in_exactly() {
        let scope = Scope {
            namespace: "prod".into(),
            name: "podinfo".into(),
            target: "app".into(),
            service: "svc".into(),
            ingress: "ing".into(),
            ..Scope::default()
        };
        for (text, filled) in [
            ("", ""),
            (
                "rate(x{a=\"{{namespace}}\"}[{{ interval }}])",
                "rate(x{a=\"prod\"}[1m])",
            ),
            (
                "{{ name }}/{{ target }}/{{  service}}/{{ ingress }}/{{ variables.direction }}",
                "podinfo/app/svc/ing/in\"bound",
            ),
            ("{a} }} {", "{a} }} {"),
        ] {
            let parsed = Text::parse(text, &variables()).unwrap();
            assert_eq!(parsed.fill(&scope, "1m"), filled);
            assert_eq!(parsed.has_interval(), text.contains("interval"));
        }
    }

    #[test]
    fn an_unknown_variable_is_located() {
        for (text, message) in [
            (
                "é{{ foo }}",
                "unknown variable {{ foo }} at character 2, expected one of namespace, name, target, service, ingress, \
                 interval, variables.direction",
            ),
            (
                "a {{ variables.x }}",
                "unknown variable {{ variables.x }} at character 3, expected one of namespace, name, target, service, \
                 ingress, interval, variables.direction",
            ),
            ("a {{ name", "the {{ at character 3 is not closed by }}"),
            (
                "{{- name }}",
                "unknown variable {{ - name }} at character 1, expected one of namespace, name, target, service, ingress, \
                 interval, variables.direction",
            ),
        ] {
            assert_eq!(
                Text::parse(text, &variables()).unwrap_err().to_string(),
                message
            );
        }
    }
}
