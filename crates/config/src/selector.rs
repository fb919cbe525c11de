//! Label selectors.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// Which objects a watch is about; without requirements all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selector {
    /// All of them must hold.
    pub requirements: Vec<Requirement>,
}

/// What must hold of one label.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Requirement {
    /// The label's key.
    pub key: String,
    /// How it is compared.
    pub operator: Operator,
}

/// How a label is compared, with the meaning that Kubernetes gives these names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Operator {
    /// The label is there with one of these values.
    In(BTreeSet<String>),
    /// The label is not there, or has none of these values.
    NotIn(BTreeSet<String>),
    /// The label is there.
    Exists,
    /// The label is not there.
    DoesNotExist,
}

impl Selector {
    /// Whether it selects every object.
    #[must_use]
    pub fn is_everything(&self) -> bool {
        self.requirements.is_empty()
    }

    /// Whether an object with `labels` is selected.
    #[must_use]
    pub fn matches(&self, labels: &BTreeMap<String, String>) -> bool {
        self.requirements.iter().all(|requirement| {
            let value = labels.get(&requirement.key);
            match &requirement.operator {
                Operator::In(values) => value.is_some_and(|v| values.contains(v)),
                Operator::NotIn(values) => value.is_none_or(|v| !values.contains(v)),
                Operator::Exists => value.is_some(),
                Operator::DoesNotExist => value.is_none(),
            }
        })
    }
}

/// In kubectl's syntax, as the `labelSelector` parameter of the API takes it.
impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, Requirement { key, operator }) in self.requirements.iter().enumerate() {
            if position > 0 {
                f.write_str(",")?;
            }
            let (word, values) = match operator {
                Operator::In(values) => ("in", values),
                Operator::NotIn(values) => ("notin", values),
                Operator::Exists => {
                    f.write_str(key)?;
                    continue;
                }
                Operator::DoesNotExist => {
                    write!(f, "!{key}")?;
                    continue;
                }
            };
            let values: Vec<&str> = values.iter().map(String::as_str).collect();
            match (word, values.as_slice()) {
                ("in", [one]) => write!(f, "{key}={one}")?,
                _ => write!(f, "{key} {word} ({})", values.join(","))?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(values: &[&str]) -> BTreeSet<String> {
        values.iter().map(|v| (*v).to_owned()).collect()
    }

    fn selector(requirements: Vec<(&str, Operator)>) -> Selector {
        Selector {
            requirements: requirements
                .into_iter()
                .map(|(key, operator)| Requirement {
                    key: key.to_owned(),
                    operator,
                })
                .collect(),
        }
    }

    #[test]
    fn matches_as_kubernetes_does() {
        let labels = [("team", "web"), ("tier", "")]
            .map(|(k, v)| (k.to_owned(), v.to_owned()))
            .into();
        for (requirement, matches) in [
            (("team", Operator::In(set(&["web", "api"]))), true),
            (("team", Operator::In(set(&["api"]))), false),
            (("none", Operator::In(set(&["web"]))), false),
            (("team", Operator::NotIn(set(&["web"]))), false),
            (("none", Operator::NotIn(set(&["web"]))), true),
            (("tier", Operator::Exists), true),
            (("none", Operator::Exists), false),
            (("none", Operator::DoesNotExist), true),
            (("tier", Operator::DoesNotExist), false),
        ] {
            let text = format!("{requirement:?}");
            assert_eq!(
                selector(vec![requirement]).matches(&labels),
                matches,
                "{text}"
            );
        }
        assert!(Selector::default().matches(&labels));
    }

    #[test]
    fn prints_in_kubectls_syntax() {
        let selector = selector(vec![
            ("team", Operator::In(set(&["web"]))),
            ("tier", Operator::In(set(&["b", "a"]))),
            ("x", Operator::NotIn(set(&["1"]))),
            ("y", Operator::Exists),
            ("z", Operator::DoesNotExist),
        ]);
        assert_eq!(
            selector.to_string(),
            "team=web,tier in (a,b),x notin (1),y,!z"
        );
    }
}
