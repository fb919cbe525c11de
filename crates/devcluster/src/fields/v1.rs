//! The `FieldsV1` form of a set: `{"f:spec":{"f:replicas":{}}}`.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::path::{PathElement, Scalar};
use super::set::{FieldSet, Node};

impl FieldSet {
    /// Reads the `FieldsV1` form.
    ///
    /// # Errors
    /// What is wrong with it, in words. Steps of an unknown kind are skipped, as newer servers may
    /// have written them.
    pub fn from_v1(fields: &Value) -> Result<Self, String> {
        let Value::Object(object) = fields else {
            return Err(format!("fieldsV1 must be an object, found {fields}"));
        };
        let mut set = Self::default();
        for (step, below) in object {
            if step == "." {
                continue;
            }
            let Some(element) = parse(step)? else {
                continue;
            };
            let children = Self::from_v1(below)?;
            let node = Node {
                member: children.is_empty() || below.get(".").is_some(),
                children,
            };
            set.nodes.insert(element, node);
        }
        Ok(set)
    }

    /// Writes the `FieldsV1` form.
    #[must_use]
    pub fn to_v1(&self) -> Value {
        let mut object = Map::new();
        for (element, node) in &self.nodes {
            let mut below = Map::new();
            if node.member && !node.children.is_empty() {
                below.insert(".".to_owned(), Value::Object(Map::new()));
            }
            if let Value::Object(children) = node.children.to_v1() {
                below.extend(children);
            }
            object.insert(print(element), Value::Object(below));
        }
        Value::Object(object)
    }
}

fn parse(step: &str) -> Result<Option<PathElement>, String> {
    let Some((kind, text)) = step.split_once(':') else {
        return Err(format!("missing colon in path element {step:?}"));
    };
    let json = |text: &str| {
        serde_json::from_str::<Value>(text)
            .map_err(|error| format!("path element {step:?} is not JSON after its colon: {error}"))
    };
    match kind {
        "f" => Ok(Some(PathElement::Field(text.to_owned()))),
        "v" => Ok(Some(PathElement::Value(Scalar(json(text)?)))),
        "k" => match json(text)? {
            Value::Object(keys) => {
                let keys: BTreeMap<String, Scalar> = keys
                    .into_iter()
                    .map(|(name, value)| (name, Scalar(value)))
                    .collect();
                Ok(Some(PathElement::Key(keys)))
            }
            other => Err(format!(
                "path element {step:?} must hold an object, found {other}"
            )),
        },
        "i" => match text.parse() {
            Ok(index) => Ok(Some(PathElement::Index(index))),
            Err(_) => Err(format!("path element {step:?} must hold an index")),
        },
        _ => Ok(None),
    }
}

fn print(element: &PathElement) -> String {
    match element {
        PathElement::Field(name) => format!("f:{name}"),
        PathElement::Key(keys) => {
            let keys: Vec<String> = keys
                .iter()
                .map(|(name, value)| format!("{}:{value}", Value::from(name.as_str())))
                .collect();
            format!("k:{{{}}}", keys.join(","))
        }
        PathElement::Value(value) => format!("v:{value}"),
        PathElement::Index(index) => format!("i:{index}"),
    }
}
