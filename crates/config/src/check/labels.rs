//! Label selectors.

use oarlock_core::selector::{LabelSelector, Requirement};

use super::{Check, names};
use crate::key_path::KeyPath;
use crate::problem::Problem;
use crate::raw::{RawExpression, RawSelector};
use crate::suggestion::suggest;
use crate::tree::End;

const OPERATORS: [&str; 4] = ["In", "NotIn", "Exists", "DoesNotExist"];

impl Check<'_, '_> {
    /// The selector at `path`.
    pub(super) fn selector(&mut self, path: &KeyPath, raw: Option<RawSelector>) -> LabelSelector {
        let mut requirements = Vec::new();
        let raw = raw.unwrap_or_default();
        for (key, value) in raw.match_labels.unwrap_or_default() {
            let path = path.key("matchLabels").key(&key);
            // An empty value in YAML is an empty label value.
            let value = value.unwrap_or_default();
            let good = self.label_key(&path, &key, End::Key) & self.label_value(&path, &value);
            if good {
                requirements.push(Requirement::In(key, vec![value]));
            }
        }
        for (index, raw) in raw.match_expressions.into_iter().flatten().enumerate() {
            let path = path.key("matchExpressions").index(index);
            requirements.extend(self.requirement(&path, raw));
        }
        LabelSelector::new(requirements)
    }

    fn requirement(&mut self, path: &KeyPath, raw: RawExpression) -> Option<Requirement> {
        let key = raw
            .key
            .filter(|key| self.label_key(&path.key("key"), key, End::Value));
        let word = raw.operator?;
        let values_path = path.key("values");
        let mut values: Vec<String> = raw
            .values
            .into_iter()
            .flatten()
            .enumerate()
            .filter(|(index, value)| self.label_value(&values_path.index(*index), value))
            .map(|(_, value)| value)
            .collect();
        values.sort();
        values.dedup();
        let requirement: fn(String, Vec<String>) -> Requirement = match word.as_str() {
            "In" | "NotIn" if values.is_empty() => {
                if !self.has_errors() {
                    let problem =
                        Problem::new(format!("{word} compares with values, but there are none"))
                            .hint("add values: [...], or use Exists or DoesNotExist");
                    self.error(path, problem);
                }
                return None;
            }
            "Exists" | "DoesNotExist" if !values.is_empty() => {
                let problem = Problem::new(format!("{word} takes no values"))
                    .hint("remove them, or use In or NotIn");
                self.error(&values_path, problem);
                return None;
            }
            "In" => Requirement::In,
            "NotIn" => Requirement::NotIn,
            "Exists" => |key, _| Requirement::Exists(key),
            "DoesNotExist" => |key, _| Requirement::Absent(key),
            _ => {
                let meant =
                    suggest(&word, OPERATORS).map(|meant| format!("did you mean {meant:?}?"));
                let problem = Problem::new(format!("unknown operator {word:?}"))
                    .expected(format!("one of: {}", OPERATORS.join(", ")))
                    .maybe_hint(meant);
                self.error(&path.key("operator"), problem);
                return None;
            }
        };
        Some(requirement(key?, values))
    }

    fn label_key(&mut self, path: &KeyPath, key: &str, end: End) -> bool {
        let good = names::is_qualified(key);
        if !good {
            let problem = Problem::new(format!("{key:?} is no label key"))
                .expected("a name such as team or example.com/team");
            match end {
                End::Key => self.key_error(path, problem),
                End::Value => self.error(path, problem),
            }
        }
        good
    }

    fn label_value(&mut self, path: &KeyPath, value: &str) -> bool {
        let good = names::is_label_value(value);
        if !good {
            let problem = Problem::new(format!("{value:?} is no label value")).expected(
                "up to 63 letters, digits, - _ . that begin and end with a letter or digit",
            );
            self.error(path, problem);
        }
        good
    }
}
