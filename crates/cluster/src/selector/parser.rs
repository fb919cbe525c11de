//! Text to requirements.

use std::collections::BTreeSet;

use super::{Condition, ParseSelector, Requirement};

/// Reads a selector from left to right.
pub(super) struct Parser<'a> {
    text: &'a str,
    at: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Token<'a> {
    Word(&'a str),
    Symbol(&'a str),
    End,
}

/// Longer ones first.
const SYMBOLS: [&str; 9] = ["==", "!=", "=", "!", ",", "(", ")", ">", "<"];

impl<'a> Parser<'a> {
    pub(super) const fn new(text: &'a str) -> Self {
        Self { text, at: 0 }
    }

    pub(super) fn selector(mut self) -> Result<Vec<Requirement>, ParseSelector> {
        let mut requirements = Vec::new();
        if self.peek() == Token::End {
            return Ok(requirements);
        }
        loop {
            requirements.push(self.requirement()?);
            match self.peek() {
                Token::End => return Ok(requirements),
                Token::Symbol(",") => self.skip(),
                _ => return Err(self.wrong("',' or the end")),
            }
        }
    }

    fn requirement(&mut self) -> Result<Requirement, ParseSelector> {
        if self.peek() == Token::Symbol("!") {
            self.skip();
            let key = self.key()?;
            return Ok(Requirement {
                key,
                condition: Condition::Absent,
            });
        }
        let key = self.key()?;
        let condition = self.condition()?;
        Ok(Requirement { key, condition })
    }

    fn condition(&mut self) -> Result<Condition, ParseSelector> {
        let token = self.peek();
        match token {
            Token::End | Token::Symbol(",") => return Ok(Condition::Exists),
            Token::Symbol("=" | "==" | "!=" | ">" | "<") | Token::Word("in" | "notin") => {
                self.skip()
            }
            _ => return Err(self.wrong("'=', '!=', 'in', 'notin', '>', '<', ',' or the end")),
        }
        match token {
            Token::Word("in") => self.set().map(Condition::In),
            Token::Word(_) => self.set().map(Condition::NotIn),
            Token::Symbol(">") => self.number().map(Condition::Greater),
            Token::Symbol("<") => self.number().map(Condition::Less),
            Token::Symbol("!=") => Ok(Condition::NotIn(BTreeSet::from([self.value()?]))),
            _ => Ok(Condition::In(BTreeSet::from([self.value()?]))),
        }
    }

    fn set(&mut self) -> Result<BTreeSet<String>, ParseSelector> {
        if self.peek() != Token::Symbol("(") {
            return Err(self.wrong("'('"));
        }
        self.skip();
        let mut values = BTreeSet::new();
        loop {
            values.insert(self.value()?);
            match self.peek() {
                Token::Symbol(",") => self.skip(),
                Token::Symbol(")") => {
                    self.skip();
                    return Ok(values);
                }
                _ => return Err(self.wrong("',' or ')'")),
            }
        }
    }

    fn key(&mut self) -> Result<String, ParseSelector> {
        match self.peek() {
            Token::Word(word) if is_key(word) => {
                self.skip();
                Ok(word.to_owned())
            }
            _ => Err(self.wrong("a label key")),
        }
    }

    /// A value; the empty one is nothing at all.
    fn value(&mut self) -> Result<String, ParseSelector> {
        match self.peek() {
            Token::Word(word) if is_name(word) => {
                self.skip();
                Ok(word.to_owned())
            }
            Token::End | Token::Symbol("," | ")") => Ok(String::new()),
            _ => Err(self.wrong("a label value")),
        }
    }

    fn number(&mut self) -> Result<i64, ParseSelector> {
        match self.peek() {
            Token::Word(word) => {
                let number = word.parse().map_err(|_| self.wrong("an integer"))?;
                self.skip();
                Ok(number)
            }
            _ => Err(self.wrong("an integer")),
        }
    }

    fn rest(&self) -> &'a str {
        self.text[self.at..].trim_start()
    }

    fn peek(&self) -> Token<'a> {
        let rest = self.rest();
        if rest.is_empty() {
            return Token::End;
        }
        if let Some(symbol) = SYMBOLS.into_iter().find(|symbol| rest.starts_with(symbol)) {
            return Token::Symbol(symbol);
        }
        let end = rest
            .find(|c: char| c.is_whitespace() || "=!,()<>".contains(c))
            .unwrap_or(rest.len());
        Token::Word(&rest[..end])
    }

    fn skip(&mut self) {
        let length = match self.peek() {
            Token::Word(text) | Token::Symbol(text) => text.len(),
            Token::End => 0,
        };
        self.at = self.text.len() - self.rest().len() + length;
    }

    fn wrong(&self, expected: &'static str) -> ParseSelector {
        let start = self.text.len() - self.rest().len();
        let found = match self.peek() {
            Token::Word(text) | Token::Symbol(text) => format!("{text:?}"),
            Token::End => "the end".to_owned(),
        };
        ParseSelector {
            text: self.text.to_owned(),
            column: self.text[..start].chars().count() + 1,
            expected,
            found,
        }
    }
}

/// A qualified name: `name` or `dns.subdomain/name`.
fn is_key(text: &str) -> bool {
    match text.split_once('/') {
        None => is_name(text),
        Some((prefix, name)) => {
            let label = |label: &str| {
                !label.is_empty()
                    && !label.starts_with('-')
                    && !label.ends_with('-')
                    && label
                        .bytes()
                        .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
            };
            prefix.len() <= 253 && prefix.split('.').all(label) && is_name(name)
        }
    }
}

fn is_name(text: &str) -> bool {
    let alphanumeric = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
    text.len() <= 63
        && alphanumeric(text.chars().next())
        && alphanumeric(text.chars().next_back())
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
}
