//! Value validations of a schema: everything a type says about a value beyond its shape.

use std::collections::BTreeMap;

use regex::Regex;
use serde_json::{Number, Value};

/// Value validations, all optional.
#[derive(Clone, Debug, Default)]
pub(crate) struct Rules {
    pub(crate) enumeration: Vec<Value>,
    pub(crate) minimum: Option<Bound>,
    pub(crate) maximum: Option<Bound>,
    pub(crate) multiple_of: Option<Number>,
    pub(crate) min_length: Option<u64>,
    pub(crate) max_length: Option<u64>,
    pub(crate) pattern: Option<Regex>,
    pub(crate) format: Option<String>,
    pub(crate) min_items: Option<u64>,
    pub(crate) max_items: Option<u64>,
    pub(crate) unique_items: bool,
    pub(crate) min_properties: Option<u64>,
    pub(crate) max_properties: Option<u64>,
    pub(crate) all_of: Vec<Self>,
    pub(crate) any_of: Vec<Self>,
    pub(crate) one_of: Vec<Self>,
    pub(crate) not: Option<Box<Self>>,
    /// Inside a junctor: rules for the parts of a value whose types are declared outside of it.
    pub(crate) required: Vec<String>,
    pub(crate) properties: BTreeMap<String, Self>,
    pub(crate) items: Option<Box<Self>>,
}

/// A limit of a number.
#[derive(Clone, Debug)]
pub(crate) struct Bound {
    pub(crate) limit: Number,
    pub(crate) exclusive: bool,
}

impl Rules {
    /// Whether any value satisfies these rules.
    pub(crate) fn is_empty(&self) -> bool {
        self.enumeration.is_empty()
            && self.minimum.is_none()
            && self.maximum.is_none()
            && self.multiple_of.is_none()
            && self.min_length.is_none()
            && self.max_length.is_none()
            && self.pattern.is_none()
            && self.format.is_none()
            && self.min_items.is_none()
            && self.max_items.is_none()
            && !self.unique_items
            && self.min_properties.is_none()
            && self.max_properties.is_none()
            && self.all_of.is_empty()
            && self.any_of.is_empty()
            && self.one_of.is_empty()
            && self.not.is_none()
            && self.required.is_empty()
            && self.properties.is_empty()
            && self.items.is_none()
    }
}
