//! CEL, the Common Expression Language, as far as validation rules of definitions use it.
//!
//! A [`Program`] is read once and run with variables. Pure: no clock, no I/O. The language is that of cel-spec with macros,
//! optionals and the Kubernetes libraries (lists, regex, URL, IP, CIDR, quantities); see
//! <https://kubernetes.io/docs/reference/using-api/cel/>. It knows nothing of schemas: values come in with the types
//! they have.
//!
//! Not here: checking of types before running, estimation of costs, and protocol buffers.

use std::collections::BTreeMap;

mod call;
mod lexer;
mod library;
mod network;
mod number;
mod parser;
mod run;
mod text;
mod value;

pub(crate) use self::text::duration;
pub(crate) use self::value::Value;

use self::parser::Expression;

/// An expression that was understood.
#[derive(Clone, Debug)]
pub(crate) struct Program {
    expression: Expression,
}

/// Why a text is no expression.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message} at character {position}")]
pub(crate) struct SyntaxError {
    pub(crate) position: usize,
    pub(crate) message: String,
}

/// Why an expression has no value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Failure(pub(crate) String);

/// Names and their values.
pub(crate) type Variables = BTreeMap<String, Value>;

impl Program {
    /// Reads an expression.
    pub(crate) fn read(text: &str) -> Result<Self, SyntaxError> {
        Ok(Self {
            expression: parser::parse(text)?,
        })
    }

    /// Its value.
    pub(crate) fn run(&self, variables: &Variables) -> Result<Value, Failure> {
        run::evaluate(&self.expression, variables)
    }

    /// Whether it speaks of a variable.
    pub(crate) fn mentions(&self, variable: &str) -> bool {
        self.expression.mentions(variable)
    }
}

impl Failure {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self(message.into())
    }

    fn no_overload(name: &str) -> Self {
        Self(format!("no such overload: {name}"))
    }
}

#[cfg(test)]
mod tests;
