//! Conditions, from texts.

use serde_json::Value;

use super::{Comparison, ConditionError, Expression, Operand, Step};

/// Deeper nesting is no condition that somebody wrote.
const DEEPEST: usize = 32;

pub(super) fn parse(text: &str) -> Result<Expression, ConditionError> {
    let mut reader = Reader {
        characters: text.chars().collect(),
        at: 0,
        depth: 0,
    };
    let expression = reader.any()?;
    match reader.peek() {
        None => Ok(expression),
        Some(_) => reader.expected("&&, || or the end"),
    }
}

struct Reader {
    characters: Vec<char>,
    at: usize,
    depth: usize,
}

impl Reader {
    fn any(&mut self) -> Result<Expression, ConditionError> {
        let mut parts = vec![self.all()?];
        while self.take("||") {
            parts.push(self.all()?);
        }
        Ok(one_or(parts, Expression::Any))
    }

    fn all(&mut self) -> Result<Expression, ConditionError> {
        let mut parts = vec![self.not()?];
        while self.take("&&") {
            parts.push(self.not()?);
        }
        Ok(one_or(parts, Expression::All))
    }

    fn not(&mut self) -> Result<Expression, ConditionError> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return self.expected("less nesting");
        }
        let expression = if self.take("!") {
            Expression::Not(Box::new(self.not()?))
        } else if self.take("(") {
            let inside = self.any()?;
            self.need(")", "a closing parenthesis")?;
            inside
        } else {
            self.comparison()?
        };
        self.depth -= 1;
        Ok(expression)
    }

    fn comparison(&mut self) -> Result<Expression, ConditionError> {
        let left = self.operand()?;
        let signs = [
            ("==", Comparison::Equal),
            ("!=", Comparison::Unequal),
            ("<=", Comparison::AtMost),
            (">=", Comparison::AtLeast),
            ("<", Comparison::Less),
            (">", Comparison::More),
        ];
        for (sign, comparison) in signs {
            if self.take(sign) {
                return Ok(Expression::Compare(left, comparison, self.operand()?));
            }
        }
        Ok(Expression::True(left))
    }

    fn operand(&mut self) -> Result<Operand, ConditionError> {
        const EXPECTED: &str = "`result`, a number, a text in quotes, true, false or null";
        match self.peek() {
            Some('"' | '\'') => Ok(Operand::Literal(Value::String(self.text()?))),
            Some(c) if c.is_ascii_digit() || c == '-' => self.number(),
            Some(c) if c.is_ascii_alphabetic() => {
                let start = self.at;
                match self.word().as_str() {
                    "result" => Ok(Operand::Result(self.path()?)),
                    "len" => {
                        self.need("(", "an opening parenthesis")?;
                        if self.peek().is_none() || self.word() != "result" {
                            return self.expected("`result`");
                        }
                        let path = self.path()?;
                        self.need(")", "a closing parenthesis")?;
                        Ok(Operand::Length(path))
                    }
                    "true" => Ok(Operand::Literal(true.into())),
                    "false" => Ok(Operand::Literal(false.into())),
                    "null" | "nil" => Ok(Operand::Literal(Value::Null)),
                    _ => {
                        self.at = start;
                        self.expected(EXPECTED)
                    }
                }
            }
            _ => self.expected(EXPECTED),
        }
    }

    fn path(&mut self) -> Result<Vec<Step>, ConditionError> {
        let mut path = Vec::new();
        loop {
            if self.take(".") {
                let name = self.word();
                if name.is_empty() {
                    return self.expected("a name");
                }
                path.push(Step::Name(name));
            } else if self.take("[") {
                path.push(match self.peek() {
                    Some('"' | '\'') => Step::Name(self.text()?),
                    _ => match self.word().parse() {
                        Ok(index) => Step::Index(index),
                        Err(_not_a_number) => return self.expected("an index or a text in quotes"),
                    },
                });
                self.need("]", "a closing bracket")?;
            } else {
                return Ok(path);
            }
        }
    }

    fn number(&mut self) -> Result<Operand, ConditionError> {
        let start = self.at;
        let part = |c: char| c.is_ascii_alphanumeric() || c == '.';
        let sign = |c: char, before: char| (c == '-' || c == '+') && matches!(before, 'e' | 'E');
        self.at += 1;
        while let Some(&c) = self.characters.get(self.at)
            && (part(c) || sign(c, self.characters[self.at - 1]))
        {
            self.at += 1;
        }
        let text: String = self.characters[start..self.at].iter().collect();
        match text
            .parse::<f64>()
            .ok()
            .and_then(serde_json::Number::from_f64)
        {
            Some(number) => Ok(Operand::Literal(Value::Number(number))),
            None => {
                self.at = start;
                self.expected("a number")
            }
        }
    }

    fn text(&mut self) -> Result<String, ConditionError> {
        let quote = self.characters[self.at];
        let mut text = String::new();
        self.at += 1;
        while let Some(&c) = self.characters.get(self.at) {
            self.at += 1;
            if c == quote {
                return Ok(text);
            }
            if c == '\\'
                && let Some(&escaped) = self.characters.get(self.at)
            {
                text.push(escaped);
                self.at += 1;
            } else {
                text.push(c);
            }
        }
        self.expected("a closing quote")
    }

    fn word(&mut self) -> String {
        let rest = &self.characters[self.at..];
        let word: String = rest
            .iter()
            .take_while(|c| c.is_ascii_alphanumeric() || **c == '_')
            .collect();
        self.at += word.len();
        word
    }

    /// The next character that is no white space.
    fn peek(&mut self) -> Option<char> {
        while self
            .characters
            .get(self.at)
            .is_some_and(|c| c.is_whitespace())
        {
            self.at += 1;
        }
        self.characters.get(self.at).copied()
    }

    fn take(&mut self, sign: &str) -> bool {
        self.peek();
        let there = self.characters[self.at..]
            .iter()
            .copied()
            .take(sign.len())
            .eq(sign.chars());
        if there {
            self.at += sign.len();
        }
        there
    }

    fn need(&mut self, sign: &str, name: &'static str) -> Result<(), ConditionError> {
        match self.take(sign) {
            true => Ok(()),
            false => self.expected(name),
        }
    }

    fn expected<T>(&self, expected: &'static str) -> Result<T, ConditionError> {
        Err(ConditionError {
            at: self.at + 1,
            expected,
        })
    }
}

fn one_or(
    mut parts: Vec<Expression>,
    several: impl Fn(Vec<Expression>) -> Expression,
) -> Expression {
    match parts.len() {
        1 => parts.remove(0),
        _ => several(parts),
    }
}
