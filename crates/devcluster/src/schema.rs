//! The type tree of a resource: what the server knows about a kind's fields.
//!
//! One [`TypeSchema`] serves everything that needs to know a type: validation, pruning, defaulting,
//! field ownership and strategic merge. It comes from a structural schema of a
//! CustomResourceDefinition ([`TypeSchema::from_structural`]) or from the table of built-in
//! resources ([`builtin`]). This room knows no object store, no clock and no transport; it works on
//! JSON values, because the content of an object is all it is about.
//!
//! Differences from a Kubernetes server: rules in CEL are not checked for types and cost when a definition is written;
//! of built-in kinds only types and required fields are checked, with the messages
//! of custom resources; their defaults are those of the data files, without what admission adds
//! (service accounts, tolerations, priorities, allocated addresses and ports).

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

pub mod builtin;
mod defaulting;
mod expressions;
mod field_error;
mod format;
mod keywords;
mod pruning;
mod structural;
mod validation;
mod zero;

pub use defaulting::default;
pub use field_error::{FieldError, FieldErrorKind};
pub use pruning::prune;
pub use validation::{validate, validate_change, validate_status};

pub(crate) use keywords::Rules;
pub(crate) use pruning::drop_unsaid;
pub(crate) use zero::zero;

/// The type of one value, with the types of everything below it.
#[derive(Clone, Debug, Default)]
pub struct TypeSchema {
    pub(crate) shape: Shape,
    /// `nullable: true`: an explicit null is a value of this type.
    pub(crate) nullable: bool,
    /// The value given to a field of this type that is absent.
    pub(crate) default: Option<Value>,
    /// `x-kubernetes-embedded-resource`: the value is an object with apiVersion, kind and metadata.
    pub(crate) embedded_resource: bool,
    /// Value validations beyond the type itself.
    pub(crate) rules: Option<Box<Rules>>,
    /// Rules in CEL: `x-kubernetes-validations`.
    pub(crate) expressions: Vec<expressions::Expression>,
    /// Where the schema comes from; decides how nulls and conditional defaults are treated.
    pub(crate) origin: Origin,
}

/// Who defined a type.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Origin {
    /// A structural schema: nulls of non-nullable fields are errors unless a default replaces them.
    #[default]
    Custom,
    /// A built-in type of this short name (`v1.Pod`): a null is an absent field.
    Builtin(String),
}

/// What kind of value a type describes.
#[derive(Clone, Debug, Default)]
pub(crate) enum Shape {
    /// No declared type: scalars, atomic lists, and maps whose keys are owned one by one.
    #[default]
    Any,
    /// No declared type, always replaced as a whole (`runtime.RawExtension`).
    Opaque,
    /// A string.
    String,
    /// A whole number.
    Integer,
    /// Any number.
    Number,
    /// A boolean.
    Boolean,
    /// `x-kubernetes-int-or-string`.
    IntOrString,
    /// `resource.Quantity`: a string or a number.
    Quantity,
    /// An object with arbitrary keys and values of one type.
    Map(MapShape),
    /// An object with declared fields.
    Struct(StructShape),
    /// An array.
    List(ListShape),
}

/// An object with arbitrary keys.
#[derive(Clone, Debug)]
pub(crate) struct MapShape {
    pub(crate) values: TypeRef,
    /// `x-kubernetes-map-type: atomic`.
    pub(crate) atomic: bool,
}

/// An object with declared fields.
#[derive(Clone, Debug, Default)]
pub(crate) struct StructShape {
    pub(crate) fields: BTreeMap<String, Field>,
    pub(crate) required: Vec<String>,
    /// `x-kubernetes-preserve-unknown-fields: true`.
    pub(crate) preserve_unknown: bool,
    /// `x-kubernetes-map-type: atomic`.
    pub(crate) atomic: bool,
}

/// A declared field of an object.
#[derive(Clone, Debug)]
pub(crate) struct Field {
    pub(crate) schema: TypeRef,
    /// A default given at the field, which wins over the default of its type.
    pub(crate) default: Option<Value>,
    /// `x-kubernetes-map-type: atomic` given at the field.
    pub(crate) atomic: bool,
    /// Go embeds the object by value: it is always there. Built-in types only.
    pub(crate) by_value: bool,
    /// A scalar that is absent when it is zero, as Go leaves it out. Built-in types only.
    pub(crate) omits_zero: bool,
    /// How a strategic merge patch treats the field.
    pub(crate) patch: PatchStrategy,
}

/// How a strategic merge patch treats a field; built-in types only.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct PatchStrategy {
    /// `merge`: lists are merged by element instead of replaced.
    pub(crate) merge: bool,
    /// `retainKeys`: the patch may name the keys that survive.
    pub(crate) retain_keys: bool,
    /// `replace`: an object is replaced instead of merged.
    pub(crate) replace: bool,
    /// The field that identifies an element of a merged list.
    pub(crate) merge_key: Option<String>,
}

/// An array.
#[derive(Clone, Debug)]
pub(crate) struct ListShape {
    pub(crate) items: TypeRef,
    pub(crate) kind: ListKind,
}

/// `x-kubernetes-list-type`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum ListKind {
    /// One owner for the whole list.
    #[default]
    Atomic,
    /// Scalars, each owned by itself.
    Set,
    /// Objects, each identified by these keys.
    Map(Vec<String>),
}

/// A type in place or a shared built-in type, which may be recursive.
#[derive(Clone, Debug)]
pub(crate) enum TypeRef {
    Inline(Arc<TypeSchema>),
    /// Index into the table of built-in types.
    Named(usize),
}

impl TypeRef {
    pub(crate) fn inline(schema: TypeSchema) -> Self {
        Self::Inline(Arc::new(schema))
    }

    /// The type itself.
    pub(crate) fn get(&self) -> &TypeSchema {
        match self {
            Self::Inline(schema) => schema,
            Self::Named(index) => builtin::type_at(*index),
        }
    }
}

impl Field {
    pub(crate) fn new(schema: TypeRef) -> Self {
        Self {
            schema,
            default: None,
            atomic: false,
            by_value: false,
            omits_zero: false,
            patch: PatchStrategy::default(),
        }
    }

    /// The default of the field: its own, else that of its type.
    pub(crate) fn default_value(&self) -> Option<&Value> {
        self.default
            .as_ref()
            .or_else(|| self.schema.get().default.as_ref())
    }
}

impl TypeSchema {
    /// A type of this shape and nothing else.
    pub(crate) fn of(shape: Shape) -> Self {
        Self {
            shape,
            ..Self::default()
        }
    }

    /// A type that accepts any object: what a CustomResourceDefinition with
    /// `x-kubernetes-preserve-unknown-fields: true` at its root describes.
    #[must_use]
    pub fn preserve_everything() -> Self {
        let mut root = StructShape {
            preserve_unknown: true,
            ..StructShape::default()
        };
        structural::add_object_fields(&mut root);
        Self::of(Shape::Struct(root))
    }

    /// Whether this is a built-in type: the only ones a strategic merge patch is defined for.
    #[must_use]
    pub fn is_builtin(&self) -> bool {
        matches!(self.origin, Origin::Builtin(_))
    }

    /// Whether this is the built-in type of this kind.
    pub(crate) fn is_kind(&self, kind: &str) -> bool {
        match &self.origin {
            Origin::Builtin(name) => name.rsplit('.').next() == Some(kind),
            Origin::Custom => false,
        }
    }

    /// The type of the field `name`, if this is an object type that declares it.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&Self> {
        self.declared(name).map(|field| field.schema.get())
    }

    pub(crate) fn declared(&self, name: &str) -> Option<&Field> {
        match &self.shape {
            Shape::Struct(shape) => shape.fields.get(name),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests;
