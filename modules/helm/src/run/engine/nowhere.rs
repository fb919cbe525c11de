//! The engine of a package that is no component.

use serde_json::{Map, Value};

use super::{About, Engine, Failure, Rendered, Request, ValueSource};

/// No engine: the library is there in a component alone.
#[derive(Clone, Copy, Debug)]
pub struct Nowhere;

impl Nowhere {
    fn failure() -> Failure {
        Failure::Lookup(String::from(
            "Helm's engine is a library of the component, and there is none here",
        ))
    }
}

impl Engine for Nowhere {
    fn render(&self, _: &Request) -> Result<Rendered, Failure> {
        Err(Self::failure())
    }

    fn merge(&self, _: Option<&str>, _: &[ValueSource]) -> Result<Map<String, Value>, Failure> {
        Err(Self::failure())
    }

    fn inspect(&self, _: &str) -> Result<About, Failure> {
        Err(Self::failure())
    }

    fn record_of(&self, _: &str, _: &[ValueSource]) -> Result<String, Failure> {
        Err(Self::failure())
    }
}
