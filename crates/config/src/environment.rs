//! `${VAR}` in values.

mod go;

use std::collections::BTreeMap;

use crate::diagnostic::Severity;
use crate::key_path::{KeyPath, Step};
use crate::problem::{Problem, Report};
use crate::tree::{Content, Node};

pub(crate) use go::ByGo;

/// Variables that `${NAME}` may name. The caller decides which there are: usually the process' environment.
///
/// `${NAME}` is replaced in values, never in keys and never in the structure of the file; `$NAME` is left alone. A
/// variable that is not set stays as it is written, with a warning (the Ansible operator keeps it silently), and `$${`
/// stands for `${`. A value that is nothing but variables may become a number or a boolean where one is expected.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Env(BTreeMap<String, String>);

impl Env {
    /// No variables.
    #[must_use]
    pub const fn empty() -> Self {
        Self(BTreeMap::new())
    }

    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }
}

impl<K: Into<String>, V: Into<String>> FromIterator<(K, V)> for Env {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(pairs: I) -> Self {
        Self(
            pairs
                .into_iter()
                .map(|(name, value)| (name.into(), value.into()))
                .collect(),
        )
    }
}

/// The key of an entry whose values have variables by rules of their own: those of the Helm operator, which it is from.
pub(crate) const BY_GOS_RULES: &str = "overrideValues";

/// Expands every text below `node`, but those of [`BY_GOS_RULES`].
pub(crate) fn expand(node: &mut Node, path: &KeyPath, env: &Env, report: &mut Report<'_>) {
    match &mut node.content {
        Content::Text(text) => {
            let Some(expansion) = Expansion::of(text, env) else {
                return;
            };
            for name in expansion.unset {
                let problem = Problem::new(format!("${{{name}}} is not set and stays as it is"))
                    .hint(format!(
                        "set the variable, or write $${{{name}}} where the text itself is meant"
                    ));
                report.add(Severity::Warning, node.place, path, problem);
            }
            *text = expansion.text;
            node.expanded = true;
        }
        Content::List(items) => {
            for (index, item) in items.iter_mut().enumerate() {
                expand(item, &path.index(index), env, report);
            }
        }
        Content::Map(pairs) => {
            let at_top = path.steps().is_empty();
            for (key, child) in pairs {
                if at_top && key.text == BY_GOS_RULES {
                    continue;
                }
                expand(child, &path.step(Step::Key(key.text.clone())), env, report);
            }
        }
        Content::Null | Content::Bool(_) | Content::Number(_) => {}
    }
}

struct Expansion {
    text: String,
    unset: Vec<String>,
}

impl Expansion {
    /// `None` when there is nothing to expand.
    fn of(text: &str, env: &Env) -> Option<Self> {
        if !text.contains("${") {
            return None;
        }
        let mut expansion = Self {
            text: String::with_capacity(text.len()),
            unset: Vec::new(),
        };
        let mut rest = text;
        while let Some(start) = rest.find("${") {
            let (before, reference) = rest.split_at(start);
            if let Some(literal) = before.strip_suffix('$') {
                expansion.text.push_str(literal);
                expansion.text.push_str("${");
                rest = &reference[2..];
                continue;
            }
            expansion.text.push_str(before);
            let name = reference[2..]
                .split_once('}')
                .map(|(name, _)| name)
                .filter(|name| is_name(name));
            let Some(name) = name else {
                expansion.text.push_str("${");
                rest = &reference[2..];
                continue;
            };
            let (whole, after) = reference.split_at(name.len() + 3);
            if let Some(value) = env.get(name) {
                expansion.text.push_str(value);
            } else {
                expansion.text.push_str(whole);
                expansion.unset.push(name.to_owned());
            }
            rest = after;
        }
        expansion.text.push_str(rest);
        Some(expansion)
    }
}

fn is_name(name: &str) -> bool {
    let mut bytes = name.bytes();
    bytes
        .next()
        .is_some_and(|b| b == b'_' || b.is_ascii_alphabetic())
        && bytes.all(|b| b == b'_' || b.is_ascii_alphanumeric())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replaces_what_is_set_and_keeps_the_rest() {
        let env: Env = [("A", "1"), ("B_2", "two"), ("EMPTY", "")]
            .into_iter()
            .collect();
        for (text, expanded, unset) in [
            ("${A}", "1", vec![]),
            ("x${A}y${B_2}z", "x1ytwoz", vec![]),
            ("${EMPTY}", "", vec![]),
            ("${NONE}-${A}", "${NONE}-1", vec!["NONE"]),
            ("$${A}", "${A}", vec![]),
            ("$$${A}", "$${A}", vec![]),
            ("${A", "${A", vec![]),
            ("${}", "${}", vec![]),
            ("${a b}", "${a b}", vec![]),
            ("${x${A}", "${x1", vec![]),
        ] {
            let expansion = Expansion::of(text, &env);
            let found = expansion.map(|e| (e.text, e.unset));
            let unset: Vec<String> = unset.into_iter().map(str::to_owned).collect();
            assert_eq!(found, Some((expanded.to_owned(), unset)), "{text}");
        }
        assert!(Expansion::of("$A costs 5$", &env).is_none());
    }
}
