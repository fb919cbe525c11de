//! What a value must be: bounds, or Argo Rollouts' pair of conditions.

use std::fmt;

use serde_json::Value;

use super::condition::{self, Condition};

/// What a value must be.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Rule {
    /// Within these, the ends included.
    Bounds(Bounds),
    /// What makes it pass, and what makes it fail.
    Conditions {
        success: Option<Box<Condition>>,
        failure: Option<Box<Condition>>,
    },
}

/// The least and the most.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Bounds {
    Least(f64),
    Most(f64),
    Both(f64, f64),
}

/// What a rule says of a value.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Answer {
    Pass,
    Fail,
    /// Neither.
    Inconclusive,
}

impl Rule {
    /// What it says of a value. Of two conditions the failure is asked first, and wins.
    ///
    /// # Errors
    ///
    /// Where the value is none that could be compared.
    pub(crate) fn judge(&self, value: &Value) -> Result<Answer, String> {
        match self {
            Self::Bounds(bounds) => match condition::number(value) {
                Some(number) if bounds.hold(number) => Ok(Answer::Pass),
                Some(_) => Ok(Answer::Fail),
                None => Err(format!(
                    "the value is {}, expected a number",
                    condition::kind(value)
                )),
            },
            Self::Conditions { success, failure } => {
                let failed = failure.as_ref().map(|one| one.holds(value)).transpose()?;
                if failed == Some(true) {
                    return Ok(Answer::Fail);
                }
                let passed = success.as_ref().map(|one| one.holds(value)).transpose()?;
                Ok(match (passed, failed) {
                    (Some(true), _) | (None, _) => Answer::Pass,
                    (Some(false), None) => Answer::Fail,
                    (Some(false), Some(_)) => Answer::Inconclusive,
                })
            }
        }
    }

    /// The value in words: a number with four decimals, or with all where the rule would say something else of it.
    pub(crate) fn shown(&self, value: &Value) -> String {
        let Value::Number(number) = value else {
            return super::excerpt::line(&value.to_string());
        };
        let exact = number.as_f64().unwrap_or_default();
        let short = format!("{exact:.4}");
        let short = short.trim_end_matches('0').trim_end_matches('.');
        let rounded = serde_json::from_str::<Value>(short).unwrap_or_default();
        match self.judge(&rounded) == self.judge(value) && (exact == 0.0 || short != "0") {
            true if short == "-0" => String::from("0"),
            true => short.into(),
            false => exact.to_string(),
        }
    }
}

impl Bounds {
    fn hold(self, value: f64) -> bool {
        match self {
            Self::Least(least) => value >= least,
            Self::Most(most) => value <= most,
            Self::Both(least, most) => value >= least && value <= most,
        }
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bounds(Bounds::Least(least)) => write!(f, ">= {least}"),
            Self::Bounds(Bounds::Most(most)) => write!(f, "<= {most}"),
            Self::Bounds(Bounds::Both(least, most)) => write!(f, ">= {least} and <= {most}"),
            Self::Conditions { success, failure } => match (success, failure) {
                (Some(success), None) => f.write_str(success.text()),
                (None, Some(failure)) => write!(f, "not {}", failure.text()),
                (Some(success), Some(failure)) => {
                    write!(f, "{} (fails if {})", success.text(), failure.text())
                }
                (None, None) => f.write_str("any value"),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use oarlock_sdk::json;

    use super::{Answer, Bounds, Rule};
    use crate::analysis::condition::Condition;

    fn conditions(success: Option<&str>, failure: Option<&str>) -> Rule {
        let parse = |text| Condition::parse(text).unwrap();
        Rule::Conditions {
            success: success.map(parse).map(Box::new),
            failure: failure.map(parse).map(Box::new),
        }
    }

    #[test]
    fn bounds_include_their_ends() {
        for (bounds, text, value, wanted) in [
            (Bounds::Least(99.0), ">= 99", 99.0, Answer::Pass),
            (Bounds::Least(99.0), ">= 99", 98.999_999, Answer::Fail),
            (Bounds::Most(500.0), "<= 500", 500.0, Answer::Pass),
            (Bounds::Most(500.0), "<= 500", 500.1, Answer::Fail),
            (Bounds::Both(1.0, 2.5), ">= 1 and <= 2.5", 1.0, Answer::Pass),
            (Bounds::Both(1.0, 2.5), ">= 1 and <= 2.5", 2.5, Answer::Pass),
            (Bounds::Both(1.0, 2.5), ">= 1 and <= 2.5", 0.9, Answer::Fail),
            (Bounds::Both(1.0, 2.5), ">= 1 and <= 2.5", 2.6, Answer::Fail),
        ] {
            let rule = Rule::Bounds(bounds);
            assert_eq!(rule.to_string(), text);
            assert_eq!(rule.judge(&json!(value)), Ok(wanted), "{value} {text}");
        }
    }

    /// Argo Rollouts' table.
    #[test]
    fn failure_wins_over_success_and_neither_is_inconclusive() {
        let (yes, no) = ("result > 0", "result < 0");
        for (success, failure, wanted, text) in [
            (None, None, Answer::Pass, "any value"),
            (Some(yes), None, Answer::Pass, "result > 0"),
            (Some(no), None, Answer::Fail, "result < 0"),
            (None, Some(yes), Answer::Fail, "not result > 0"),
            (None, Some(no), Answer::Pass, "not result < 0"),
            (
                Some(yes),
                Some(yes),
                Answer::Fail,
                "result > 0 (fails if result > 0)",
            ),
            (
                Some(yes),
                Some(no),
                Answer::Pass,
                "result > 0 (fails if result < 0)",
            ),
            (
                Some(no),
                Some(yes),
                Answer::Fail,
                "result < 0 (fails if result > 0)",
            ),
            (
                Some(no),
                Some(no),
                Answer::Inconclusive,
                "result < 0 (fails if result < 0)",
            ),
        ] {
            let rule = conditions(success, failure);
            assert_eq!(rule.judge(&json!(1)), Ok(wanted), "{success:?} {failure:?}");
            assert_eq!(rule.to_string(), text);
        }
    }

    #[test]
    fn what_is_no_number_has_no_place_within_bounds() {
        let rule = Rule::Bounds(Bounds::Least(1.0));
        assert_eq!(rule.judge(&json!("2")), Ok(Answer::Pass));
        assert_eq!(
            rule.judge(&json!([2])),
            Err("the value is a list, expected a number".to_owned())
        );
    }

    #[test]
    fn a_value_is_rounded_unless_that_would_contradict_the_verdict() {
        let least = Rule::Bounds(Bounds::Least(99.0));
        for (value, shown) in [
            (97.234_567_89, "97.2346"),
            (99.0, "99"),
            (98.999_999_9, "98.9999999"),
            (-0.0, "0"),
            (0.000_001, "0.000001"),
            (1e15, "1000000000000000"),
        ] {
            assert_eq!(least.shown(&json!(value)), shown);
        }
        assert_eq!(least.shown(&json!({"a": "b"})), "{\"a\":\"b\"}");
    }
}
