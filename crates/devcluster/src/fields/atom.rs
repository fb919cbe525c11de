//! How the parts of a value are owned: as one leaf, field by field, or element by element.

use std::collections::BTreeMap;

use serde_json::Value;

use super::path::{PathElement, Scalar};
use crate::schema::{Field, ListKind, ListShape, Shape, TypeSchema};

/// The type at one place of an object.
#[derive(Clone, Copy, Debug)]
pub(super) struct Slot<'a> {
    pub(super) schema: &'a TypeSchema,
    /// The field says that its value is one leaf.
    atomic: bool,
}

/// The way a value at a place is owned.
#[derive(Clone, Copy, Debug)]
pub(super) enum Atom<'a> {
    /// One owner for the value.
    Leaf(Kind),
    /// An owner for every field.
    Map(&'a TypeSchema),
    /// An owner for every element.
    List(&'a ListShape),
}

/// What kind of value a leaf is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Scalar,
    Map,
    List,
}

impl<'a> Slot<'a> {
    pub(super) fn root(schema: &'a TypeSchema) -> Self {
        Self {
            schema,
            atomic: false,
        }
    }

    fn of_field(field: &'a Field) -> Self {
        Self {
            schema: field.schema.get(),
            atomic: field.atomic,
        }
    }

    /// How `value` is owned here. Null takes the form the type prefers; a value that is not of the
    /// type is a leaf.
    pub(super) fn atom(self, value: &Value) -> Atom<'a> {
        let kind = match value {
            Value::Object(_) => Some(Kind::Map),
            Value::Array(_) => Some(Kind::List),
            Value::Null => None,
            _ => Some(Kind::Scalar),
        };
        match (&self.schema.shape, kind) {
            (Shape::Any, Some(Kind::Map) | None) if !self.atomic => Atom::Map(self.schema),
            (Shape::Any | Shape::Opaque, kind) => Atom::Leaf(kind.unwrap_or(Kind::Map)),
            (Shape::Map(shape), Some(Kind::Map) | None) => {
                if shape.atomic || self.atomic {
                    Atom::Leaf(Kind::Map)
                } else {
                    Atom::Map(self.schema)
                }
            }
            (Shape::Struct(shape), Some(Kind::Map) | None) => {
                if shape.atomic || self.atomic {
                    Atom::Leaf(Kind::Map)
                } else {
                    Atom::Map(self.schema)
                }
            }
            (Shape::List(shape), Some(Kind::List) | None) => match shape.kind {
                ListKind::Atomic => Atom::Leaf(Kind::List),
                ListKind::Set | ListKind::Map(_) => Atom::List(shape),
            },
            (_, kind) => Atom::Leaf(kind.unwrap_or(Kind::Scalar)),
        }
    }
}

impl Atom<'_> {
    pub(super) fn kind(self) -> Kind {
        match self {
            Self::Leaf(kind) => kind,
            Self::Map(_) => Kind::Map,
            Self::List(_) => Kind::List,
        }
    }
}

/// The type without a declaration, for what lies below untyped values.
pub(super) fn untyped() -> &'static TypeSchema {
    static UNTYPED: std::sync::OnceLock<TypeSchema> = std::sync::OnceLock::new();
    UNTYPED.get_or_init(TypeSchema::default)
}

/// The place of the field `name` below a map-like type.
pub(super) fn field_slot<'a>(schema: &'a TypeSchema, name: &str) -> Slot<'a> {
    match &schema.shape {
        Shape::Map(shape) => Slot::root(shape.values.get()),
        Shape::Struct(shape) => match shape.fields.get(name) {
            Some(field) => Slot::of_field(field),
            None => Slot::root(untyped()),
        },
        _ => Slot::root(untyped()),
    }
}

/// Whether a map-like type declares the field `name`.
pub(super) fn is_declared(schema: &TypeSchema, name: &str) -> bool {
    schema.declared(name).is_some()
}

/// The step that identifies `item` in an associative list.
///
/// # Errors
/// Why the item cannot be identified, in words.
pub(super) fn identity(list: &ListShape, item: &Value) -> Result<PathElement, String> {
    let ListKind::Map(keys) = &list.kind else {
        return match item {
            Value::Object(_) => {
                Err("associative list without keys has an element that's a map type".to_owned())
            }
            Value::Array(_) => {
                Err("not supported: associative list with lists as elements".to_owned())
            }
            Value::Null => Err(
                "associative list without keys has an element that's an explicit null".to_owned(),
            ),
            scalar => Ok(PathElement::Value(Scalar(scalar.clone()))),
        };
    };
    let object = match item {
        Value::Object(object) => object,
        Value::Null => {
            return Err("associative list with keys may not have a null element".to_owned());
        }
        _ => return Err("associative list with keys may not have non-map elements".to_owned()),
    };
    let schema = list.items.get();
    let mut identity = BTreeMap::new();
    for key in keys {
        let default = || schema.declared(key).and_then(Field::default_value);
        if let Some(value) = object.get(key).or_else(default) {
            identity.insert(key.clone(), Scalar(value.clone()));
        }
    }
    if identity.is_empty() {
        return Err(format!(
            "associative list with keys has an element that omits all key fields {keys:?} (and doesn't have default values for any key fields)"
        ));
    }
    Ok(PathElement::Key(identity))
}

/// Whether two values are the same; 1 and 1.0 are.
pub(super) fn equal(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::Number(a), Value::Number(b)) => a == b || a.as_f64() == b.as_f64(),
        (Value::Array(a), Value::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| equal(a, b))
        }
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len()
                && a.iter()
                    .all(|(name, a)| b.get(name).is_some_and(|b| equal(a, b)))
        }
        _ => left == right,
    }
}

/// Whether there is nothing in a map or list: absent, null or empty.
pub(super) fn is_blank(value: Option<&Value>) -> bool {
    match value {
        None | Some(Value::Null) => true,
        Some(Value::Object(object)) => object.is_empty(),
        Some(Value::Array(items)) => items.is_empty(),
        Some(_) => false,
    }
}
