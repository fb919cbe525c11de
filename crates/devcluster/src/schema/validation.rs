//! Checking an object against its type, with the words of the Kubernetes API.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::field_error::subject;
use super::{FieldError, FieldErrorKind, ListKind, Shape, StructShape, TypeSchema, expressions};

mod rules;

/// Everything that is wrong with `object`, in the order of its fields.
///
/// Of built-in types, Go's own checks are not repeated here: types and required fields are checked,
/// and in what a controller reports (`status`) only types.
#[must_use]
pub fn validate(schema: &TypeSchema, object: &Value) -> Vec<FieldError> {
    let mut walk = Walk {
        builtin: schema.is_builtin(),
        ..Walk::default()
    };
    walk.value(schema, object, None);
    walk.errors
}

/// Everything that is wrong with a new state of an object, its rules in CEL included. What is as it was before is not
/// complained about (ratcheting), but by rules that compare with the state before.
#[must_use]
pub fn validate_change(
    schema: &TypeSchema,
    object: &Value,
    old: Option<&Value>,
) -> Vec<FieldError> {
    let mut walk = Walk {
        builtin: schema.is_builtin(),
        ..Walk::default()
    };
    walk.value(schema, object, old);
    with_expressions(schema, object, old, walk.errors)
}

/// Adds what rules in CEL say, if the object is whole enough to ask them.
fn with_expressions(
    schema: &TypeSchema,
    object: &Value,
    old: Option<&Value>,
    mut errors: Vec<FieldError>,
) -> Vec<FieldError> {
    if schema.is_builtin() || !expressions::any(schema) {
        return errors;
    }
    let blocks = |error: &FieldError| {
        matches!(
            error.kind,
            FieldErrorKind::NotSupported
                | FieldErrorKind::Required
                | FieldErrorKind::TooLong
                | FieldErrorKind::TooMany
                | FieldErrorKind::TypeInvalid
        )
    };
    if errors.iter().any(blocks) {
        errors.push(FieldError::invalid(
            "",
            Value::Null,
            "some validation rules were not checked because the object was invalid; correct the existing errors to complete validation",
        ));
    } else {
        errors.extend(expressions::check(schema, object, old));
    }
    errors
}

/// Everything that is wrong with the `status` of `object`: what a write to the status subresource is
/// judged by.
#[must_use]
pub fn validate_status(
    schema: &TypeSchema,
    object: &Value,
    old: Option<&Value>,
) -> Vec<FieldError> {
    let mut walk = Walk {
        builtin: schema.is_builtin(),
        in_status: schema.is_builtin(),
        ..Walk::default()
    };
    let whole_old = old;
    if let (Some(field), Some(status)) = (schema.declared("status"), object.get("status")) {
        let old = old.and_then(|old| old.get("status"));
        // The status is looked at by itself, so messages name fields from there, and paths from the object.
        walk.value(field.schema.get(), status, old);
        for error in &mut walk.errors {
            error.path = format!("status.{}", error.path);
        }
    }
    with_expressions(schema, object, whole_old, walk.errors)
}

#[derive(Default)]
struct Walk {
    path: String,
    errors: Vec<FieldError>,
    /// A built-in type: list keys and required status fields are checked elsewhere or not at all.
    builtin: bool,
    in_status: bool,
}

impl Walk {
    fn value(&mut self, schema: &TypeSchema, value: &Value, old: Option<&Value>) {
        if !self.builtin && old == Some(value) {
            return;
        }
        if value.is_null() {
            if !schema.nullable && !schema.shape.accepts(value) {
                self.type_error(schema, value);
            }
            self.rules(schema, value);
            return;
        }
        if !schema.shape.accepts(value) {
            self.type_error(schema, value);
            return;
        }
        self.rules(schema, value);
        match (&schema.shape, value) {
            (Shape::Struct(shape), Value::Object(object)) => {
                self.object(shape, object, old);
                if schema.embedded_resource {
                    self.embedded(object);
                }
            }
            (Shape::Map(shape), Value::Object(object)) => {
                for (name, value) in object {
                    let old = old.and_then(|old| old.get(name));
                    self.step(&format!(".{name}"), |walk| {
                        walk.value(shape.values.get(), value, old)
                    });
                }
            }
            (Shape::List(shape), Value::Array(items)) => {
                for (index, item) in items.iter().enumerate() {
                    let old = expressions::old_element(&shape.kind, item, old);
                    self.step(&format!("[{index}]"), |walk| {
                        walk.value(shape.items.get(), item, old)
                    });
                }
                if !self.builtin {
                    self.duplicates(&shape.kind, items);
                }
            }
            _ => {}
        }
    }

    fn object(&mut self, shape: &StructShape, object: &Map<String, Value>, old: Option<&Value>) {
        for (name, field) in &shape.fields {
            let Some(value) = object.get(name) else {
                continue;
            };
            let enters_status = self.builtin && self.path.is_empty() && name == "status";
            self.in_status |= enters_status;
            let old = old.and_then(|old| old.get(name));
            self.step(&format!(".{name}"), |walk| {
                walk.value(field.schema.get(), value, old)
            });
            self.in_status &= !enters_status;
        }
        if self.in_status {
            return;
        }
        self.required(&shape.required, object);
    }

    fn required(&mut self, names: &[String], object: &Map<String, Value>) {
        for name in names {
            if !object.contains_key(name) {
                let path = self.child(name);
                self.errors.push(FieldError::required(path, ""));
            }
        }
    }

    fn embedded(&mut self, object: &Map<String, Value>) {
        for name in ["apiVersion", "kind"] {
            if object
                .get(name)
                .and_then(Value::as_str)
                .is_none_or(str::is_empty)
            {
                let path = self.child(name);
                self.errors.push(FieldError::required(path, ""));
            }
        }
    }

    /// Elements of sets and map lists must differ.
    fn duplicates(&mut self, kind: &ListKind, items: &[Value]) {
        let mut seen = BTreeSet::new();
        let mut reported = BTreeSet::new();
        for (index, item) in items.iter().enumerate() {
            let identity = match (kind, item) {
                (ListKind::Atomic, _) => return,
                (ListKind::Set, item) => item.clone(),
                (ListKind::Map(keys), Value::Object(object)) => object
                    .iter()
                    .filter(|(name, _)| keys.contains(name))
                    .map(|(name, value)| (name.clone(), value.clone()))
                    .collect::<Map<_, _>>()
                    .into(),
                (ListKind::Map(_), _) => continue,
            };
            let text = identity.to_string();
            if !seen.insert(text.clone()) && reported.insert(text) {
                let path = format!("{}[{index}]", self.path);
                self.errors.push(FieldError::duplicate(path, identity));
            }
        }
    }

    fn rules(&mut self, schema: &TypeSchema, value: &Value) {
        if let Some(rules) = &schema.rules {
            rules::check(rules, value, &self.path, &mut self.errors);
        }
    }

    fn type_error(&mut self, schema: &TypeSchema, value: &Value) {
        self.errors.push(FieldError::type_invalid(
            &self.path,
            schema.shape.name(),
            type_name(value),
        ));
        // The server reports the enumeration beside the type.
        if let Some(rules) = &schema.rules {
            rules::check_enumeration(rules, value, &self.path, &mut self.errors);
        }
    }

    fn child(&self, name: &str) -> String {
        if self.path.is_empty() {
            name.to_owned()
        } else {
            format!("{}.{name}", self.path)
        }
    }

    fn step(&mut self, step: &str, inside: impl FnOnce(&mut Self)) {
        let length = self.path.len();
        if length == 0 {
            self.path.push_str(step.trim_start_matches('.'));
        } else {
            self.path.push_str(step);
        }
        inside(self);
        self.path.truncate(length);
    }
}

impl Shape {
    /// Whether a value has the JSON type this shape asks for. Null has none of them.
    fn accepts(&self, value: &Value) -> bool {
        match self {
            Self::Any | Self::Opaque => true,
            Self::String => value.is_string(),
            Self::Integer => is_integer(value),
            Self::Number => value.is_number(),
            Self::Boolean => value.is_boolean(),
            Self::IntOrString => value.is_string() || is_integer(value),
            Self::Quantity => value.is_string() || value.is_number(),
            Self::Map(_) | Self::Struct(_) => value.is_object(),
            Self::List(_) => value.is_array(),
        }
    }

    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Any | Self::Opaque => "any",
            Self::String => "string",
            Self::Integer => "integer",
            Self::Number => "number",
            Self::Boolean => "boolean",
            Self::IntOrString => "integer,string",
            Self::Quantity => "string,number",
            Self::Map(_) | Self::Struct(_) => "object",
            Self::List(_) => "array",
        }
    }
}

/// A number without a fraction, however it is written.
fn is_integer(value: &Value) -> bool {
    value.is_i64() || value.is_u64() || value.as_f64().is_some_and(|number| number.fract() == 0.0)
}

fn type_name(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) if is_integer(value) => "integer",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

/// `path in body` followed by what it should be.
fn should(path: &str, rule: &str) -> String {
    format!("{} should {rule}", subject(path))
}
