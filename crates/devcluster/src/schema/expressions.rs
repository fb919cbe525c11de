//! `x-kubernetes-validations`: rules in CEL, read with the definition, run on each write.

use serde_json::{Map, Value};

use super::field_error::FieldErrorKind;
use super::{FieldError, ListKind, Shape, TypeSchema};
use crate::cel::{self, Program, Variables};

mod conversion;

use self::conversion::convert;

/// A rule of a value.
#[derive(Clone, Debug)]
pub(crate) struct Expression {
    rule: String,
    program: Program,
    message: String,
    message_expression: Option<Program>,
    kind: FieldErrorKind,
    /// Appended to the path of the value: `.spec.a`.
    field_path: String,
    /// `oldSelf` is an optional, and there without an old value too.
    optional_old: bool,
    /// It compares with the old value.
    is_transition: bool,
}

/// Reads the rules of a schema; what is wrong with them goes to `errors`.
pub(super) fn read(
    schema: &Map<String, Value>,
    path: &str,
    errors: &mut Vec<FieldError>,
) -> Vec<Expression> {
    let given = schema
        .get("x-kubernetes-validations")
        .and_then(Value::as_array);
    let mut expressions = Vec::new();
    for (index, rule) in given.into_iter().flatten().enumerate() {
        let dot = if path.is_empty() { "" } else { "." };
        let path = format!("{path}{dot}x-kubernetes-validations[{index}]");
        expressions.extend(read_one(rule, &path, errors));
    }
    expressions
}

fn read_one(given: &Value, path: &str, errors: &mut Vec<FieldError>) -> Option<Expression> {
    let text = |field: &str| given[field].as_str().unwrap_or_default();
    let rule = text("rule");
    if rule.trim().is_empty() {
        errors.push(FieldError::required(
            format!("{path}.rule"),
            "rule is not specified",
        ));
        return None;
    }
    let mut program = |field: &str| {
        Program::read(text(field))
            .map_err(|error| {
                errors.push(FieldError::invalid(
                    format!("{path}.{field}"),
                    given.clone(),
                    format!("compilation failed: ERROR: <input>: {error}"),
                ));
            })
            .ok()
    };
    let (compiled, message_expression) = match text("messageExpression") {
        "" => (program("rule"), None),
        _ => (program("rule"), program("messageExpression")),
    };
    let kind = match text("reason") {
        "FieldValueForbidden" => FieldErrorKind::Forbidden,
        "FieldValueRequired" => FieldErrorKind::Required,
        "FieldValueDuplicate" => FieldErrorKind::Duplicate,
        _ => FieldErrorKind::Invalid,
    };
    let program = compiled?;
    Some(Expression {
        is_transition: program.mentions("oldSelf"),
        rule: String::from(rule),
        program,
        message: String::from(text("message")),
        message_expression,
        kind,
        field_path: String::from(text("fieldPath")),
        optional_old: given["optionalOldSelf"] == true,
    })
}

/// What of the rules of a schema, and of everything below it, a value breaks.
pub(super) fn check(schema: &TypeSchema, value: &Value, old: Option<&Value>) -> Vec<FieldError> {
    let mut walk = Walk {
        path: String::new(),
        errors: Vec::new(),
    };
    walk.value(schema, value, old);
    walk.errors
}

/// Whether a schema has rules anywhere.
pub(super) fn any(schema: &TypeSchema) -> bool {
    !schema.expressions.is_empty()
        || match &schema.shape {
            Shape::Struct(shape) => shape.fields.values().any(|field| match &field.schema {
                super::TypeRef::Inline(schema) => any(schema),
                super::TypeRef::Named(_) => false,
            }),
            Shape::Map(shape) => any(shape.values.get()),
            Shape::List(shape) => any(shape.items.get()),
            _ => false,
        }
}

/// The old value of an element, where elements of such a list can be recognised.
pub(super) fn old_element<'a>(
    kind: &ListKind,
    element: &Value,
    old: Option<&'a Value>,
) -> Option<&'a Value> {
    let old = old?.as_array()?;
    match kind {
        ListKind::Atomic => None,
        ListKind::Set => old.iter().find(|other| *other == element),
        ListKind::Map(keys) => old
            .iter()
            .find(|other| keys.iter().all(|key| other.get(key) == element.get(key))),
    }
}

struct Walk {
    path: String,
    errors: Vec<FieldError>,
}

impl Walk {
    fn value(&mut self, schema: &TypeSchema, value: &Value, old: Option<&Value>) {
        if value.is_null() {
            return;
        }
        if !schema.expressions.is_empty() {
            self.rules(schema, value, old);
        }
        match (&schema.shape, value) {
            (Shape::Struct(shape), Value::Object(object)) => {
                for (name, field) in &shape.fields {
                    let Some(value) = object.get(name) else {
                        continue;
                    };
                    // Built-in types have no rules.
                    if let super::TypeRef::Inline(schema) = &field.schema {
                        let old = old.and_then(|old| old.get(name));
                        self.step(&format!(".{name}"), |walk| walk.value(schema, value, old));
                    }
                }
            }
            (Shape::Map(shape), Value::Object(object)) => {
                for (name, value) in object {
                    let old = old.and_then(|old| old.get(name));
                    self.step(&format!("[{name}]"), |walk| {
                        walk.value(shape.values.get(), value, old);
                    });
                }
            }
            (Shape::List(shape), Value::Array(items)) => {
                for (index, item) in items.iter().enumerate() {
                    let old = old_element(&shape.kind, item, old);
                    self.step(&format!("[{index}]"), |walk| {
                        walk.value(shape.items.get(), item, old);
                    });
                }
            }
            _ => {}
        }
    }

    fn rules(&mut self, schema: &TypeSchema, value: &Value, old: Option<&Value>) {
        let mut variables = Variables::new();
        variables.insert(String::from("self"), convert(schema, value));
        for rule in &schema.expressions {
            if old == Some(value) && !rule.is_transition {
                continue;
            }
            match (rule.is_transition, rule.optional_old, old) {
                (false, ..) => {}
                (true, true, old) => {
                    let old = old.map(|old| convert(schema, old).into());
                    variables.insert(String::from("oldSelf"), cel::Value::Optional(old));
                }
                (true, false, Some(old)) => {
                    variables.insert(String::from("oldSelf"), convert(schema, old));
                }
                (true, false, None) => continue,
            }
            if let Some(detail) = rule.broken(&variables) {
                self.report(rule, schema, detail);
            }
        }
    }

    fn report(&mut self, rule: &Expression, schema: &TypeSchema, detail: String) {
        let path = format!("{}{}", self.path, rule.field_path);
        let path = path.trim_start_matches('.');
        let value = match rule.kind {
            FieldErrorKind::Forbidden | FieldErrorKind::Required => None,
            // The server names the type where others have the value.
            _ => Some(Value::from(match &schema.shape {
                Shape::Any | Shape::Opaque | Shape::IntOrString | Shape::Quantity => "",
                shape => shape.name(),
            })),
        };
        self.errors.push(FieldError {
            path: String::from(path),
            kind: rule.kind,
            value,
            detail,
        });
    }

    fn step(&mut self, step: &str, inside: impl FnOnce(&mut Self)) {
        let length = self.path.len();
        let step = if length == 0 {
            step.trim_start_matches('.')
        } else {
            step
        };
        self.path.push_str(step);
        inside(self);
        self.path.truncate(length);
    }
}

impl Expression {
    /// What is said when it does not hold.
    fn broken(&self, variables: &Variables) -> Option<String> {
        let said = if self.message.is_empty() {
            format!("failed rule: {}", self.rule.trim())
        } else {
            self.message.trim().to_owned()
        };
        match self.program.run(variables) {
            Ok(cel::Value::Bool(true)) => None,
            Ok(cel::Value::Bool(false)) => Some(self.computed(variables).unwrap_or(said)),
            Ok(_) => Some(format!(
                "cel expression must evaluate to a bool: {}",
                self.rule
            )),
            Err(failure) => {
                let about = if self.message.is_empty() {
                    self.rule.trim()
                } else {
                    self.message.trim()
                };
                Some(format!("{failure} evaluating rule: {about}"))
            }
        }
    }

    /// The message that is computed; anything but a line of text is as good as none.
    fn computed(&self, variables: &Variables) -> Option<String> {
        let message = self.message_expression.as_ref()?.run(variables).ok()?;
        let message = message.as_text()?.trim();
        (!message.is_empty() && !message.contains('\n')).then(|| String::from(message))
    }
}
