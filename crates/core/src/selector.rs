//! Label selectors, in kubectl's syntax and as `metav1.LabelSelector` has them.

use std::fmt;

use thiserror::Error;

/// Requirements on labels, all of which must hold. The empty selector matches everything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LabelSelector(Vec<Requirement>);

/// One requirement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Requirement {
    /// The label has one of the values.
    In(String, Vec<String>),
    /// The label is absent, or has none of the values.
    NotIn(String, Vec<String>),
    /// The label is there.
    Exists(String),
    /// The label is not there.
    Absent(String),
}

/// Why a selector cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error(
    "label selector {text:?}: {problem} at `{place}`; expected key=value, key!=value, key in (a,b), key notin (a,b), key or !key"
)]
pub struct SelectorError {
    text: String,
    problem: &'static str,
    place: String,
}

impl LabelSelector {
    /// From requirements.
    #[must_use]
    pub const fn new(requirements: Vec<Requirement>) -> Self {
        Self(requirements)
    }

    /// Parses kubectl's syntax, such as `app=web,tier in (a,b),!canary`.
    ///
    /// # Errors
    /// When a part is no requirement.
    pub fn parse(text: &str) -> Result<Self, SelectorError> {
        parts(text)
            .into_iter()
            .filter(|part| !part.trim().is_empty())
            .map(|part| {
                requirement(part.trim()).map_err(|problem| SelectorError {
                    text: text.to_owned(),
                    problem,
                    place: part.trim().to_owned(),
                })
            })
            .collect::<Result<_, _>>()
            .map(Self)
    }

    /// Whether an object with these labels is selected.
    pub fn matches<'a>(&self, label: impl Fn(&str) -> Option<&'a str>) -> bool {
        self.0.iter().all(|requirement| match requirement {
            Requirement::In(key, values) => {
                label(key).is_some_and(|value| values.iter().any(|v| v == value))
            }
            Requirement::NotIn(key, values) => {
                label(key).is_none_or(|value| values.iter().all(|v| v != value))
            }
            Requirement::Exists(key) => label(key).is_some(),
            Requirement::Absent(key) => label(key).is_none(),
        })
    }

    /// Labels that have exactly one value on whatever is selected, which is what can be looked up.
    pub fn equalities(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().filter_map(|requirement| match requirement {
            Requirement::In(key, values) => match values.as_slice() {
                [value] => Some((key.as_str(), value.as_str())),
                _ => None,
            },
            Requirement::NotIn(..) | Requirement::Exists(_) | Requirement::Absent(_) => None,
        })
    }

    /// Whether everything is selected.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// In kubectl's syntax, as the `labelSelector` parameter of the API takes it.
impl fmt::Display for LabelSelector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, requirement) in self.0.iter().enumerate() {
            if position > 0 {
                f.write_str(",")?;
            }
            match requirement {
                Requirement::In(key, values) if values.len() == 1 => {
                    write!(f, "{key}={}", values[0])?;
                }
                Requirement::In(key, values) => write!(f, "{key} in ({})", values.join(","))?,
                Requirement::NotIn(key, values) => write!(f, "{key} notin ({})", values.join(","))?,
                Requirement::Exists(key) => f.write_str(key)?,
                Requirement::Absent(key) => write!(f, "!{key}")?,
            }
        }
        Ok(())
    }
}

/// Splits at commas outside parentheses.
fn parts(text: &str) -> Vec<&str> {
    let (mut parts, mut start, mut depth) = (Vec::new(), 0, 0_u32);
    for (index, byte) in text.bytes().enumerate() {
        match byte {
            b'(' => depth += 1,
            b')' => depth = depth.saturating_sub(1),
            b',' if depth == 0 => {
                parts.push(&text[start..index]);
                start = index + 1;
            }
            _ => {}
        }
    }
    parts.push(&text[start..]);
    parts
}

fn requirement(part: &str) -> Result<Requirement, &'static str> {
    if let Some(key) = part.strip_prefix('!') {
        return Ok(Requirement::Absent(self::key(key)?));
    }
    if let Some((key, value)) = part.split_once("!=") {
        return Ok(Requirement::NotIn(
            self::key(key)?,
            vec![self::value(value)?],
        ));
    }
    if let Some((key, value)) = part.split_once("==").or_else(|| part.split_once('=')) {
        return Ok(Requirement::In(self::key(key)?, vec![self::value(value)?]));
    }
    let Some((head, set)) = part.split_once('(') else {
        return Ok(Requirement::Exists(key(part)?));
    };
    let set = set
        .trim_end()
        .strip_suffix(')')
        .ok_or("a set without `)`")?;
    let values = set.split(',').map(value).collect::<Result<Vec<_>, _>>()?;
    match head.split_whitespace().collect::<Vec<_>>()[..] {
        [name, "in"] => Ok(Requirement::In(key(name)?, values)),
        [name, "notin"] => Ok(Requirement::NotIn(key(name)?, values)),
        _ => Err("an unknown operator"),
    }
}

fn key(text: &str) -> Result<String, &'static str> {
    let text = text.trim();
    let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '/');
    if text.is_empty() || !text.chars().all(legal) {
        return Err("not a label key");
    }
    Ok(text.to_owned())
}

fn value(text: &str) -> Result<String, &'static str> {
    let text = text.trim();
    let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if text.len() > 63 || !text.chars().all(legal) {
        return Err("not a label value");
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::LabelSelector;

    #[test]
    fn kubectl_syntax() {
        let labels = |key: &str| match key {
            "app" => Some("web"),
            "x/tier" => Some("a"),
            _ => None,
        };
        for (text, matches) in [
            ("", true),
            ("app=web", true),
            ("app==web, x/tier in (a, b)", true),
            ("app!=web", false),
            ("other!=web", true),
            ("other notin (web)", true),
            ("app notin (web)", false),
            ("app", true),
            ("!app", false),
            ("!other,app", true),
            ("app=", false),
        ] {
            assert_eq!(
                LabelSelector::parse(text).unwrap().matches(labels),
                matches,
                "{text}"
            );
        }
    }

    #[test]
    fn one_value_can_be_looked_up() {
        let selector = LabelSelector::parse("a=1,b!=2,c in (3),d in (4,5),e,!f").unwrap();
        let found: Vec<_> = selector.equalities().collect();
        assert_eq!(found, [("a", "1"), ("c", "3")]);
    }

    #[test]
    fn prints_what_it_parses() {
        let text = "team=web,tier in (a,b),x notin (1),y,!z";
        assert_eq!(LabelSelector::parse(text).unwrap().to_string(), text);
    }

    #[test]
    fn errors_name_the_part() {
        for (text, problem) in [
            ("app=web,tier in (a", "a set without `)` at `tier in (a`"),
            ("app like (a)", "an unknown operator at `app like (a)`"),
            ("a b=c", "not a label key at `a b=c`"),
            ("a=b c", "not a label value at `a=b c`"),
        ] {
            let error = LabelSelector::parse(text).unwrap_err().to_string();
            assert!(error.contains(problem), "{error}");
        }
    }
}
