//! From text to conditions: `or` binds weaker than `and`, `and` than `not`, and that than comparisons.

use std::ops::Range;

use oarlock_config::document::suggest;

use super::{Comparison, Condition, Fault, Measure, ONE, Parts, Quantity};

/// Nested parentheses at most.
const DEEPEST: usize = 32;

/// Digits behind the point that a number may have.
const DECIMALS: usize = 3;

const WORDS: [&str; 9] = [
    "available",
    "ready",
    "total",
    "desired",
    "track",
    "weight",
    "and",
    "or",
    "not",
];

pub(super) fn parse(text: &str) -> Result<Condition, Fault> {
    let mut parser = Parser {
        chars: text.chars().collect(),
        at: 0,
        depth: 0,
    };
    let condition = parser.any()?;
    parser.skip();
    if parser.at < parser.chars.len() {
        let end = parser.chars.len();
        return Err(
            fault(parser.at..end, "this does not belong to the condition")
                .expected("and, or, or the end"),
        );
    }
    Ok(condition)
}

struct Parser {
    chars: Vec<char>,
    at: usize,
    depth: usize,
}

/// What a quantity is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Unit {
    Pods,
    Weight,
    /// A plain number: of anything.
    Any,
}

struct Term {
    quantity: Quantity,
    unit: Unit,
    part: Range<usize>,
}

fn fault(part: Range<usize>, message: impl Into<String>) -> Fault {
    Fault {
        part,
        message: message.into(),
        expected: None,
        hint: None,
    }
}

impl Fault {
    fn expected(mut self, expected: impl Into<String>) -> Self {
        self.expected = Some(expected.into());
        self
    }

    fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl Parser {
    fn any(&mut self) -> Result<Condition, Fault> {
        let mut left = self.all()?;
        while self.word("or") {
            left = Condition::Or(Box::new(left), Box::new(self.all()?));
        }
        Ok(left)
    }

    fn all(&mut self) -> Result<Condition, Fault> {
        let mut left = self.one()?;
        while self.word("and") {
            left = Condition::And(Box::new(left), Box::new(self.one()?));
        }
        Ok(left)
    }

    fn one(&mut self) -> Result<Condition, Fault> {
        self.skip();
        let start = self.at;
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err(fault(start..start + 1, "too deeply nested"));
        }
        let condition = if self.word("not") {
            Condition::Not(Box::new(self.one()?))
        } else if self.symbol("(") {
            // Parentheses are around conditions; sums need none.
            let inner = self.any()?;
            self.close(start)?;
            inner
        } else {
            self.comparison()?
        };
        self.depth -= 1;
        Ok(condition)
    }

    fn close(&mut self, open: usize) -> Result<(), Fault> {
        if self.symbol(")") {
            return Ok(());
        }
        Err(fault(open..open + 1, "a parenthesis without its end").expected(")"))
    }

    fn comparison(&mut self) -> Result<Condition, Fault> {
        let left = self.sum()?;
        self.skip();
        let start = self.at;
        let comparison = if self.symbol(">=") {
            Comparison::AtLeast
        } else if self.symbol("<=") {
            Comparison::AtMost
        } else if self.symbol("==") {
            Comparison::Equal
        } else if self.symbol("!=") {
            Comparison::Unequal
        } else if self.symbol(">") {
            Comparison::More
        } else if self.symbol("<") {
            Comparison::Less
        } else {
            let found = fault(self.rest(start), "nothing is compared here")
                .expected(">=, <=, >, <, == or !=");
            return Err(match self.chars.get(start..) {
                Some(['=', '>', ..]) => found.hint("write >="),
                Some(['=', '<', ..]) => found.hint("write <="),
                Some(['=', ..]) => found.hint("equality is written =="),
                _ => found,
            });
        };
        let right = self.sum()?;
        let part = left.part.start..right.part.end;
        match (left.unit, right.unit) {
            (Unit::Weight, Unit::Pods) | (Unit::Pods, Unit::Weight) => {
                Err(fault(part, "Pods and weights cannot be compared")
                    .hint("a weight is in percent of the traffic already: write 50, not 50%"))
            }
            _ => Ok(Condition::Compare(
                left.quantity,
                comparison,
                right.quantity,
            )),
        }
    }

    fn sum(&mut self) -> Result<Term, Fault> {
        let mut left = self.term()?;
        loop {
            let add = self.symbol("+");
            if !add && !self.symbol("-") {
                return Ok(left);
            }
            let right = self.term()?;
            let part = left.part.start..right.part.end;
            let unit = match (left.unit, right.unit) {
                (Unit::Any, unit) | (unit, Unit::Any) => unit,
                (a, b) if a == b => a,
                _ => return Err(fault(part, "Pods and weights cannot be added")),
            };
            let (a, b) = (Box::new(left.quantity), Box::new(right.quantity));
            let quantity = if add {
                Quantity::Sum(a, b)
            } else {
                Quantity::Difference(a, b)
            };
            left = Term {
                quantity,
                unit,
                part,
            };
        }
    }

    fn term(&mut self) -> Result<Term, Fault> {
        self.skip();
        let start = self.at;
        match self.chars.get(start) {
            Some(c) if c.is_ascii_digit() => self.number(),
            Some(c) if c.is_alphabetic() => self.name(),
            _ => Err(fault(self.rest(start), "a quantity is missing here").expected(
                "a number, a percentage, available, ready, total, desired or track(NAME).weight",
            )),
        }
    }

    fn number(&mut self) -> Result<Term, Fault> {
        let start = self.at;
        let digits = self.while_some(|c| c.is_ascii_digit() || c == '.');
        let percent = self.chars.get(self.at) == Some(&'%');
        if percent {
            self.at += 1;
        }
        let part = start..self.at;
        let Some(thousandths) = thousandths(&digits) else {
            let found = fault(part, format!("{digits:?} is no number"));
            return Err(found.expected("digits, and at most three behind the point"));
        };
        let (quantity, unit) = if percent {
            (Quantity::Percent(thousandths), Unit::Pods)
        } else {
            (Quantity::Number(thousandths * (ONE / 1000)), Unit::Any)
        };
        Ok(Term {
            quantity,
            unit,
            part,
        })
    }

    fn name(&mut self) -> Result<Term, Fault> {
        let start = self.at;
        let name = self.while_some(char::is_alphanumeric);
        let part = start..self.at;
        let (quantity, measure) = match name.as_str() {
            "track" => {
                let track = self.argument(&part)?;
                let measure = self.field()?;
                (Quantity::Track(track, measure), measure)
            }
            "weight" => {
                let track = self.argument(&part)?;
                (Quantity::Track(track, Measure::Weight), Measure::Weight)
            }
            other => {
                let known = Measure::ALL.iter().find(|(name, _)| *name == other);
                let Some((_, measure)) = known else {
                    let found = fault(part, format!("{other:?} is not known"))
                        .expected("available, ready, total, desired or track(NAME)");
                    return Err(match suggest(other, WORDS) {
                        Some(meant) => found.hint(format!("did you mean {meant:?}?")),
                        None => found,
                    });
                };
                (Quantity::Whole(*measure), *measure)
            }
        };
        let unit = match measure {
            Measure::Weight => Unit::Weight,
            _ => Unit::Pods,
        };
        Ok(Term {
            quantity,
            unit,
            part: start..self.at,
        })
    }

    /// `(canary)`.
    fn argument(&mut self, word: &Range<usize>) -> Result<String, Fault> {
        if !self.symbol("(") {
            return Err(fault(word.clone(), "which track?")
                .expected("a name or role in parentheses")
                .hint("such as track(canary).weight"));
        }
        let start = self.at;
        let name = self.while_some(|c| c != ')');
        let name = name.trim().to_owned();
        if self.at >= self.chars.len() {
            return Err(fault(start - 1..start, "a parenthesis without its end").expected(")"));
        }
        self.at += 1;
        if name.is_empty() {
            return Err(fault(start - 1..self.at, "which track?")
                .expected("canary, stable, intermediate or the name of a Deployment"));
        }
        Ok(name)
    }

    /// `.weight`.
    fn field(&mut self) -> Result<Measure, Fault> {
        self.skip();
        let start = self.at;
        let names = "one of .available, .ready, .total, .desired and .weight";
        if !self.symbol(".") {
            return Err(fault(self.rest(start), "what of the track?").expected(names));
        }
        let name = self.while_some(char::is_alphanumeric);
        let known = Measure::ALL.iter().find(|(known, _)| *known == name);
        known.map(|(_, measure)| *measure).ok_or_else(|| {
            let found = fault(start..self.at, format!("a track has no {name:?}")).expected(names);
            match suggest(&name, Measure::ALL.map(|(name, _)| name)) {
                Some(meant) => found.hint(format!("did you mean {meant:?}?")),
                None => found,
            }
        })
    }

    fn while_some(&mut self, fits: impl Fn(char) -> bool) -> String {
        let rest = &self.chars[self.at..];
        let text: String = rest.iter().copied().take_while(|c| fits(*c)).collect();
        self.at += text.chars().count();
        text
    }

    fn skip(&mut self) {
        self.while_some(char::is_whitespace);
    }

    /// Takes a symbol if it is next.
    fn symbol(&mut self, symbol: &str) -> bool {
        self.skip();
        let next = self.chars[self.at..].iter().copied();
        let found = next.take(symbol.len()).eq(symbol.chars());
        if found {
            self.at += symbol.len();
        }
        found
    }

    /// Takes a word if it is next.
    fn word(&mut self, word: &str) -> bool {
        self.skip();
        let before = self.at;
        if self.while_some(char::is_alphanumeric) == word {
            return true;
        }
        self.at = before;
        false
    }

    /// The next word, for a finding; one character behind the end where there is none.
    fn rest(&self, start: usize) -> Range<usize> {
        let word = self.chars[start..]
            .iter()
            .take_while(|c| !c.is_whitespace());
        start..start + word.count().max(1)
    }
}

/// `99.5` in thousandths.
fn thousandths(digits: &str) -> Option<Parts> {
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    if digits.ends_with('.') || fraction.len() > DECIMALS || whole.len() > 12 {
        return None;
    }
    let whole: Parts = whole.parse().ok()?;
    let fraction: Parts = format!("{fraction:0<DECIMALS$}").parse().ok()?;
    Some(whole * 1000 + fraction)
}
