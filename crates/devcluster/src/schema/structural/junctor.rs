//! Value validations, at a type and under `allOf`, `anyOf`, `oneOf` and `not`.

use std::collections::BTreeMap;

use regex::Regex;
use serde_json::{Map, Number, Value, json};

use super::{Reader, child, flag, property, text, texts};
use crate::schema::keywords::Bound;
use crate::schema::{FieldError, Rules};

/// Keywords that belong to a type and may not appear under a junctor, with the rule's words.
const FORBIDDEN: [(&str, &str); 11] = [
    ("default", "must be undefined to be structural"),
    ("title", "must be empty to be structural"),
    ("description", "must be empty to be structural"),
    ("nullable", "must be false to be structural"),
    (
        "x-kubernetes-preserve-unknown-fields",
        "must be false to be structural",
    ),
    (
        "x-kubernetes-embedded-resource",
        "must be false to be structural",
    ),
    (
        "x-kubernetes-int-or-string",
        "must be false to be structural",
    ),
    (
        "x-kubernetes-list-map-keys",
        "must be empty to be structural",
    ),
    (
        "x-kubernetes-list-type",
        "must be undefined to be structural",
    ),
    (
        "x-kubernetes-map-type",
        "must be undefined to be structural",
    ),
    ("x-kubernetes-validations", "must be empty to be structural"),
];

impl Reader {
    /// The value validations at a type. Its fields and elements carry their own.
    pub(super) fn rules(&mut self, schema: &Map<String, Value>, path: &str) -> Rules {
        let int_or_string = flag(schema, "x-kubernetes-int-or-string");
        self.validations(schema, path, int_or_string, true)
    }

    fn validations(
        &mut self,
        schema: &Map<String, Value>,
        path: &str,
        int_or_string: bool,
        at_type: bool,
    ) -> Rules {
        let count = |key: &str| schema.get(key).and_then(Value::as_u64);
        let number = |key: &str| match schema.get(key) {
            Some(Value::Number(number)) => Some(number.clone()),
            _ => None,
        };
        let bound = |limit: &str, exclusive: &str| {
            number(limit).map(|limit: Number| Bound {
                limit,
                exclusive: flag(schema, exclusive),
            })
        };
        let enumeration = match schema.get("enum") {
            Some(Value::Array(values)) => values.clone(),
            _ => Vec::new(),
        };
        Rules {
            enumeration,
            minimum: bound("minimum", "exclusiveMinimum"),
            maximum: bound("maximum", "exclusiveMaximum"),
            multiple_of: number("multipleOf"),
            min_length: count("minLength"),
            max_length: count("maxLength"),
            pattern: self.pattern(schema, path),
            format: text(schema, "format").map(str::to_owned),
            min_items: count("minItems"),
            max_items: count("maxItems"),
            unique_items: flag(schema, "uniqueItems"),
            min_properties: count("minProperties"),
            max_properties: count("maxProperties"),
            all_of: self.junctors(schema, "allOf", path, int_or_string && at_type),
            any_of: if int_or_string && is_int_or_string(schema.get("anyOf")) {
                Vec::new()
            } else {
                self.junctors(schema, "anyOf", path, false)
            },
            one_of: self.junctors(schema, "oneOf", path, false),
            not: schema
                .get("not")
                .map(|not| Box::new(self.junctor(not, &child(path, "not"), false))),
            ..Rules::default()
        }
    }

    fn pattern(&mut self, schema: &Map<String, Value>, path: &str) -> Option<Regex> {
        let pattern = text(schema, "pattern").filter(|pattern| !pattern.is_empty())?;
        match Regex::new(pattern) {
            Ok(regex) => Some(regex),
            Err(error) => {
                self.errors.push(FieldError::invalid(
                    child(path, "pattern"),
                    pattern.into(),
                    format!("must be a valid regular expression, but isn't: {error}"),
                ));
                None
            }
        }
    }

    fn junctors(
        &mut self,
        schema: &Map<String, Value>,
        keyword: &str,
        path: &str,
        int_or_string: bool,
    ) -> Vec<Rules> {
        let Some(Value::Array(branches)) = schema.get(keyword) else {
            return Vec::new();
        };
        branches
            .iter()
            .enumerate()
            .map(|(index, branch)| {
                let path = format!("{}[{index}]", child(path, keyword));
                self.junctor(branch, &path, int_or_string && index == 0)
            })
            .collect()
    }

    fn junctor(&mut self, schema: &Value, path: &str, int_or_string: bool) -> Rules {
        let Value::Object(schema) = schema else {
            self.errors.push(FieldError::invalid(
                path,
                schema.clone(),
                "must be a schema object",
            ));
            return Rules::default();
        };
        for (keyword, detail) in FORBIDDEN {
            let given = match schema.get(keyword) {
                None | Some(Value::Null | Value::Bool(false)) => false,
                Some(Value::String(text)) => !text.is_empty(),
                Some(_) => true,
            };
            if given {
                self.forbid(child(path, keyword), detail);
            }
        }
        if schema.contains_key("type") {
            self.forbid(child(path, "type"), "must be empty to be structural");
        }
        if schema
            .get("additionalProperties")
            .is_some_and(|value| value != &json!(false))
        {
            self.forbid(
                child(path, "additionalProperties"),
                "must be undefined to be structural",
            );
        }
        let mut properties = BTreeMap::new();
        for (name, schema) in schema
            .get("properties")
            .and_then(Value::as_object)
            .into_iter()
            .flatten()
        {
            let path = property(path, name);
            if name == "metadata" {
                self.forbid(path, "must not be specified in a nested context");
                continue;
            }
            properties.insert(name.clone(), self.junctor(schema, &path, false));
        }
        let items = schema
            .get("items")
            .map(|items| Box::new(self.junctor(items, &child(path, "items"), false)));
        Rules {
            required: texts(schema, "required"),
            properties,
            items,
            ..self.validations(schema, path, int_or_string, false)
        }
    }
}

/// The one place where types may stand under a junctor: both types of an int-or-string.
fn is_int_or_string(any_of: Option<&Value>) -> bool {
    any_of == Some(&json!([{"type": "integer"}, {"type": "string"}]))
}
