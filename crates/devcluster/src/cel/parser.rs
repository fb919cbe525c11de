//! From words to an expression: precedence climbing over the grammar of cel-spec.

use super::lexer::{Token, words};
use super::{SyntaxError, Value};

/// An expression.
#[derive(Clone, Debug)]
pub(super) enum Expression {
    Literal(Value),
    Name(String),
    /// `a.b`; optional: `a.?b`.
    Select {
        of: Box<Self>,
        field: String,
        optional: bool,
    },
    /// `a[b]`; optional: `a[?b]`.
    Index {
        of: Box<Self>,
        at: Box<Self>,
        optional: bool,
    },
    /// `f(a)` and `a.f(b)`.
    Call {
        name: String,
        target: Option<Box<Self>>,
        arguments: Vec<Self>,
    },
    /// `-a`, `!a`.
    Unary(&'static str, Box<Self>),
    Binary(&'static str, Box<Self>, Box<Self>),
    Ternary(Box<Self>, Box<Self>, Box<Self>),
    List(Vec<Self>),
    Map(Vec<(Self, Self)>),
}

/// Operators by precedence, the weakest first.
const LEVELS: [&[&str]; 5] = [
    &["||"],
    &["&&"],
    &["==", "!=", "<=", ">=", "<", ">", "in"],
    &["+", "-"],
    &["*", "/", "%"],
];

/// How deep expressions may be nested: the stack is finite.
const DEPTH: usize = 100;

pub(super) fn parse(text: &str) -> Result<Expression, SyntaxError> {
    let mut parser = Parser {
        words: words(text)?,
        at: 0,
        end: text.chars().count(),
        depth: 0,
    };
    let expression = parser.expression()?;
    if parser.at < parser.words.len() {
        return Err(parser.unexpected("expecting <EOF>"));
    }
    Ok(expression)
}

impl Expression {
    /// Whether a variable occurs in it.
    pub(super) fn mentions(&self, variable: &str) -> bool {
        let inside = |part: &Self| part.mentions(variable);
        match self {
            Self::Literal(_) => false,
            Self::Name(name) => name == variable,
            Self::Select { of, .. } | Self::Unary(_, of) => inside(of),
            Self::Index { of, at, .. } => inside(of) || inside(at),
            Self::Call {
                target, arguments, ..
            } => target.as_deref().is_some_and(inside) || arguments.iter().any(inside),
            Self::Binary(_, left, right) => inside(left) || inside(right),
            Self::Ternary(a, b, c) => inside(a) || inside(b) || inside(c),
            Self::List(items) => items.iter().any(inside),
            Self::Map(entries) => entries.iter().any(|(k, v)| inside(k) || inside(v)),
        }
    }
}

struct Parser {
    words: Vec<(usize, Token)>,
    at: usize,
    end: usize,
    depth: usize,
}

impl Parser {
    fn expression(&mut self) -> Result<Expression, SyntaxError> {
        self.depth += 1;
        if self.depth > DEPTH {
            return Err(self.unexpected("expression recursion limit exceeded"));
        }
        let condition = self.level(0)?;
        let whole = if self.take("?") {
            let then = self.level(0)?;
            self.expect(":")?;
            let otherwise = self.expression()?;
            Expression::Ternary(Box::new(condition), Box::new(then), Box::new(otherwise))
        } else {
            condition
        };
        self.depth -= 1;
        Ok(whole)
    }

    fn level(&mut self, level: usize) -> Result<Expression, SyntaxError> {
        let Some(operators) = LEVELS.get(level) else {
            return self.unary();
        };
        let mut left = self.level(level + 1)?;
        while let Some(operator) = self.operator(operators) {
            self.at += 1;
            let right = self.level(level + 1)?;
            left = Expression::Binary(operator, Box::new(left), Box::new(right));
        }
        Ok(left)
    }

    fn operator(&self, operators: &[&'static str]) -> Option<&'static str> {
        let (_, token) = self.words.get(self.at)?;
        operators.iter().copied().find(|operator| match token {
            Token::Sign(sign) => sign == operator,
            Token::Name(name) => name == operator,
            _ => false,
        })
    }

    fn unary(&mut self) -> Result<Expression, SyntaxError> {
        for operator in ["!", "-"] {
            if self.take(operator) {
                let operand = self.unary()?;
                // The smallest integer has no positive counterpart to be negated.
                if let ("-", Expression::Literal(Value::Int(number))) = (operator, &operand) {
                    return Ok(Expression::Literal(Value::Int(number.wrapping_neg())));
                }
                return Ok(Expression::Unary(operator, Box::new(operand)));
            }
        }
        self.member()
    }

    fn member(&mut self) -> Result<Expression, SyntaxError> {
        let mut of = self.primary()?;
        loop {
            if self.take(".?") {
                let field = self.name()?;
                of = Expression::Select {
                    of: Box::new(of),
                    field,
                    optional: true,
                };
            } else if self.take(".") {
                let field = self.name()?;
                of = if self.take("(") {
                    Expression::Call {
                        name: field,
                        target: Some(Box::new(of)),
                        arguments: self.arguments(")")?,
                    }
                } else {
                    Expression::Select {
                        of: Box::new(of),
                        field,
                        optional: false,
                    }
                };
            } else if let Some(optional) = self.bracket() {
                let at = self.expression()?;
                self.expect("]")?;
                of = Expression::Index {
                    of: Box::new(of),
                    at: Box::new(at),
                    optional,
                };
            } else {
                return Ok(of);
            }
        }
    }

    fn bracket(&mut self) -> Option<bool> {
        if self.take("[?") {
            return Some(true);
        }
        self.take("[").then_some(false)
    }

    fn primary(&mut self) -> Result<Expression, SyntaxError> {
        let Some((_, token)) = self.words.get(self.at).cloned() else {
            return Err(self.unexpected("expecting an expression"));
        };
        self.at += 1;
        Ok(match token {
            Token::Int(value) => Expression::Literal(Value::Int(value)),
            Token::Uint(value) => Expression::Literal(Value::Uint(value)),
            Token::Double(value) => Expression::Literal(Value::Double(value)),
            Token::Text(value) => Expression::Literal(Value::text(value)),
            Token::Bytes(value) => Expression::Literal(Value::Bytes(value.into())),
            Token::Name(name) => match name.as_str() {
                "true" => Expression::Literal(Value::Bool(true)),
                "false" => Expression::Literal(Value::Bool(false)),
                "null" => Expression::Literal(Value::Null),
                _ if self.take("(") => Expression::Call {
                    name,
                    target: None,
                    arguments: self.arguments(")")?,
                },
                _ => Expression::Name(name),
            },
            Token::Sign(".") => Expression::Name(self.name()?),
            Token::Sign("(") => {
                let inner = self.expression()?;
                self.expect(")")?;
                inner
            }
            Token::Sign("[") => Expression::List(self.arguments("]")?),
            Token::Sign("{") => self.map()?,
            Token::Sign(_) => {
                self.at -= 1;
                return Err(self.unexpected("expecting an expression"));
            }
        })
    }

    fn map(&mut self) -> Result<Expression, SyntaxError> {
        let mut entries = Vec::new();
        while !self.take("}") {
            let key = self.expression()?;
            self.expect(":")?;
            entries.push((key, self.expression()?));
            if !self.take(",") {
                self.expect("}")?;
                break;
            }
        }
        Ok(Expression::Map(entries))
    }

    fn arguments(&mut self, end: &'static str) -> Result<Vec<Expression>, SyntaxError> {
        let mut arguments = Vec::new();
        while !self.take(end) {
            arguments.push(self.expression()?);
            if !self.take(",") {
                self.expect(end)?;
                break;
            }
        }
        Ok(arguments)
    }

    fn name(&mut self) -> Result<String, SyntaxError> {
        match self.words.get(self.at) {
            Some((_, Token::Name(name))) => {
                let name = name.clone();
                self.at += 1;
                Ok(name)
            }
            _ => Err(self.unexpected("expecting IDENTIFIER")),
        }
    }

    fn take(&mut self, sign: &str) -> bool {
        let is_next =
            matches!(self.words.get(self.at), Some((_, Token::Sign(next))) if *next == sign);
        self.at += usize::from(is_next);
        is_next
    }

    fn expect(&mut self, sign: &str) -> Result<(), SyntaxError> {
        if self.take(sign) {
            return Ok(());
        }
        Err(self.unexpected(&format!("expecting '{sign}'")))
    }

    fn unexpected(&self, what: &str) -> SyntaxError {
        let (position, found) = match self.words.get(self.at) {
            Some((position, token)) => (*position, format!("{token:?}")),
            None => (self.end, String::from("<EOF>")),
        };
        SyntaxError {
            position: position + 1,
            message: format!("Syntax error: mismatched input '{found}' {what}"),
        }
    }
}
