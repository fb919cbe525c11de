//! Structural schemas: the OpenAPI v3 subset of a CustomResourceDefinition.
//!
//! The rules are those of the API documentation ("Specifying a structural schema"): a type for every
//! field, nothing under `allOf`, `anyOf`, `oneOf` and `not` but value validations, and metadata left
//! to the server. Every violation is reported, with its path.

use serde_json::{Map, Value, json};

use super::{
    Field, FieldError, ListKind, ListShape, MapShape, Shape, StructShape, TypeRef, TypeSchema,
    builtin, expressions,
};

mod junctor;

/// Keywords of JSON Schema that a structural schema cannot have.
const UNSUPPORTED: [&str; 7] = [
    "id",
    "$schema",
    "$ref",
    "patternProperties",
    "dependencies",
    "additionalItems",
    "definitions",
];

impl TypeSchema {
    /// Reads `spec.versions[*].schema.openAPIV3Schema` of a CustomResourceDefinition.
    ///
    /// The paths of errors are relative to the schema (`properties[spec].type`); the caller puts its
    /// own path before them.
    ///
    /// # Errors
    /// Every rule of structural schemas that is broken.
    pub fn from_structural(schema: &Value) -> Result<Self, Vec<FieldError>> {
        let mut reader = Reader { errors: Vec::new() };
        let mut root = reader.schema(schema, "", Level::Root);
        if let Shape::Struct(shape) = &mut root.shape {
            add_object_fields(shape);
        }
        if reader.errors.is_empty() {
            return Ok(root);
        }
        // Defaults and rules are looked at once the structure is right.
        if reader.errors.iter().any(|error| !is_about_values(error)) {
            reader.errors.retain(|error| !is_about_values(error));
        }
        reader.errors.sort_by_key(ToString::to_string);
        Err(reader.errors)
    }
}

/// Declares apiVersion, kind and metadata, which every object has.
pub(super) fn add_object_fields(shape: &mut StructShape) {
    for name in ["apiVersion", "kind"] {
        shape
            .fields
            .entry(name.to_owned())
            .or_insert_with(|| Field::new(TypeRef::inline(TypeSchema::of(Shape::String))));
    }
    shape.fields.insert(
        "metadata".to_owned(),
        Field::new(TypeRef::Named(builtin::object_meta())),
    );
}

/// Whether a complaint is about a default and not about the structure.
fn is_about_values(error: &FieldError) -> bool {
    error.path.ends_with(".default") && error.kind != super::FieldErrorKind::Required
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Level {
    Root,
    Item,
    Field,
}

struct Reader {
    errors: Vec<FieldError>,
}

/// A path one step further down.
fn child(path: &str, step: &str) -> String {
    if path.is_empty() {
        step.to_owned()
    } else {
        format!("{path}.{step}")
    }
}

fn property(path: &str, name: &str) -> String {
    format!("{}[{name}]", child(path, "properties"))
}

fn flag(schema: &Map<String, Value>, key: &str) -> bool {
    schema.get(key) == Some(&Value::Bool(true))
}

fn text<'a>(schema: &'a Map<String, Value>, key: &str) -> Option<&'a str> {
    schema.get(key).and_then(Value::as_str)
}

fn texts(schema: &Map<String, Value>, key: &str) -> Vec<String> {
    schema
        .get(key)
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .map(str::to_owned)
        .collect()
}

impl Reader {
    fn forbid(&mut self, path: String, detail: &str) {
        self.errors.push(FieldError::forbidden(path, detail));
    }

    fn require(&mut self, path: String, detail: &str) {
        self.errors.push(FieldError::required(path, detail));
    }

    fn schema(&mut self, schema: &Value, path: &str, level: Level) -> TypeSchema {
        let Value::Object(schema) = schema else {
            self.errors.push(FieldError::invalid(
                path,
                schema.clone(),
                "must be a schema object",
            ));
            return TypeSchema::default();
        };
        for keyword in UNSUPPORTED {
            if schema.contains_key(keyword) {
                self.forbid(child(path, keyword), &format!("{keyword} is not supported"));
            }
        }
        self.extensions(schema, path);
        let shape = self.shape(schema, path, level);
        let rules = self.rules(schema, path);
        self.object_fields(schema, path, level);
        let mut result = TypeSchema {
            shape,
            nullable: flag(schema, "nullable"),
            default: schema.get("default").cloned(),
            embedded_resource: flag(schema, "x-kubernetes-embedded-resource"),
            rules: (!rules.is_empty()).then(|| Box::new(rules)),
            expressions: expressions::read(schema, path, &mut self.errors),
            ..TypeSchema::default()
        };
        if result.embedded_resource
            && let Shape::Struct(shape) = &mut result.shape
        {
            add_object_fields(shape);
        }
        self.default_value(&result, path);
        result
    }

    /// A default must be a value of its type.
    fn default_value(&mut self, schema: &TypeSchema, path: &str) {
        let Some(default) = &schema.default else {
            return;
        };
        let path = child(path, "default");
        for mut error in super::validate(schema, default) {
            error.path = match error.path.as_str() {
                "" => path.clone(),
                below => format!("{path}.{below}"),
            };
            self.errors.push(error);
        }
        if !super::prune(schema, &mut default.clone()).is_empty() {
            self.errors.push(FieldError::invalid(
                path,
                default.clone(),
                "must not have unknown fields",
            ));
        }
    }

    fn shape(&mut self, schema: &Map<String, Value>, path: &str, level: Level) -> Shape {
        let preserve = flag(schema, "x-kubernetes-preserve-unknown-fields");
        let kind = text(schema, "type").unwrap_or_default();
        if level == Level::Root && !kind.is_empty() && kind != "object" {
            let path = child(path, "type");
            self.errors.push(FieldError::invalid(
                path,
                kind.into(),
                "must be object at the root",
            ));
        }
        match kind {
            "string" => Shape::String,
            "integer" => Shape::Integer,
            "number" => Shape::Number,
            "boolean" => Shape::Boolean,
            "object" => self.object(schema, path, preserve, level),
            "array" => self.list(schema, path),
            "" if flag(schema, "x-kubernetes-int-or-string") => Shape::IntOrString,
            "" => {
                if !preserve {
                    let detail = match level {
                        Level::Root => "must not be empty at the root",
                        Level::Item => "must not be empty for specified array items",
                        Level::Field => "must not be empty for specified object fields",
                    };
                    self.require(child(path, "type"), detail);
                }
                if schema.contains_key("properties") || level == Level::Root {
                    self.object(schema, path, preserve, level)
                } else {
                    Shape::Any
                }
            }
            other => {
                let supported = ["array", "boolean", "integer", "number", "object", "string"];
                self.errors.push(FieldError::not_supported(
                    child(path, "type"),
                    other.into(),
                    &supported.map(str::to_owned),
                ));
                Shape::Any
            }
        }
    }

    fn object(
        &mut self,
        schema: &Map<String, Value>,
        path: &str,
        preserve: bool,
        level: Level,
    ) -> Shape {
        let atomic = match text(schema, "x-kubernetes-map-type") {
            None | Some("granular") => false,
            Some("atomic") => true,
            Some(other) => {
                self.errors.push(FieldError::not_supported(
                    child(path, "x-kubernetes-map-type"),
                    other.into(),
                    &["atomic".to_owned(), "granular".to_owned()],
                ));
                false
            }
        };
        let properties = schema.get("properties").and_then(Value::as_object);
        match schema.get("additionalProperties") {
            None | Some(Value::Bool(false)) => {}
            Some(_) if level == Level::Root => {
                self.forbid(
                    child(path, "additionalProperties"),
                    "must not be used at the root",
                );
            }
            Some(_) if properties.is_some_and(|properties| !properties.is_empty()) => {
                self.forbid(
                    child(path, "additionalProperties"),
                    "additionalProperties and properties are mutual exclusive",
                );
            }
            Some(Value::Bool(true)) => {
                return Shape::Map(MapShape {
                    values: TypeRef::inline(TypeSchema::of(Shape::Any)),
                    atomic,
                });
            }
            Some(values) => {
                let path = child(path, "additionalProperties");
                return Shape::Map(MapShape {
                    values: TypeRef::inline(self.schema(values, &path, Level::Field)),
                    atomic,
                });
            }
        }
        let fields = properties
            .into_iter()
            .flatten()
            .map(|(name, schema)| {
                let schema = self.schema(schema, &property(path, name), Level::Field);
                (name.clone(), Field::new(TypeRef::inline(schema)))
            })
            .collect();
        Shape::Struct(StructShape {
            fields,
            required: texts(schema, "required"),
            preserve_unknown: preserve,
            atomic,
        })
    }

    fn list(&mut self, schema: &Map<String, Value>, path: &str) -> Shape {
        let items_path = child(path, "items");
        let items = match schema.get("items") {
            None => {
                self.require(items_path, "must be specified");
                TypeSchema::default()
            }
            Some(Value::Array(_)) => {
                self.forbid(items_path, "items must be a schema object and not an array");
                TypeSchema::default()
            }
            Some(items) => self.schema(items, &items_path, Level::Item),
        };
        let keys = texts(schema, "x-kubernetes-list-map-keys");
        let kind_path = child(path, "x-kubernetes-list-type");
        let kind = match text(schema, "x-kubernetes-list-type") {
            None | Some("atomic") => ListKind::Atomic,
            Some("set") => ListKind::Set,
            Some("map") => {
                self.map_keys(&keys, &items, path);
                ListKind::Map(keys.clone())
            }
            Some(other) => {
                let supported = ["atomic", "map", "set"].map(str::to_owned);
                self.errors.push(FieldError::not_supported(
                    kind_path,
                    other.into(),
                    &supported,
                ));
                ListKind::Atomic
            }
        };
        if !keys.is_empty() && !matches!(kind, ListKind::Map(_)) {
            self.errors.push(FieldError::invalid(
                child(path, "x-kubernetes-list-type"),
                schema
                    .get("x-kubernetes-list-type")
                    .cloned()
                    .unwrap_or(Value::Null),
                "must be map if x-kubernetes-list-map-keys is non-empty",
            ));
        }
        Shape::List(ListShape {
            items: TypeRef::inline(items),
            kind,
        })
    }

    /// The keys of a map list are required or defaulted scalar fields of its elements.
    fn map_keys(&mut self, keys: &[String], items: &TypeSchema, path: &str) {
        let keys_path = child(path, "x-kubernetes-list-map-keys");
        if keys.is_empty() {
            self.require(
                keys_path,
                "must not be empty if x-kubernetes-list-type is map",
            );
            return;
        }
        let Shape::Struct(shape) = &items.shape else {
            self.errors.push(FieldError::invalid(
                child(path, "items.type"),
                Value::from(""),
                "must be object if parent array's x-kubernetes-list-type is map",
            ));
            return;
        };
        for (index, key) in keys.iter().enumerate() {
            let here = format!("{keys_path}[{index}]");
            let Some(field) = shape.fields.get(key) else {
                self.errors.push(FieldError::invalid(
                    here,
                    key.as_str().into(),
                    "entries must all be names of item properties",
                ));
                continue;
            };
            let schema = field.schema.get();
            let items_path = child(path, "items");
            if !matches!(
                schema.shape,
                Shape::String
                    | Shape::Integer
                    | Shape::Number
                    | Shape::Boolean
                    | Shape::IntOrString
            ) {
                self.errors.push(FieldError::invalid(
                    child(&property(&items_path, key), "type"),
                    Value::from(""),
                    "must be a scalar type if parent array's x-kubernetes-list-type is map",
                ));
            } else if schema.default.is_none() && !shape.required.contains(key) {
                self.require(
                    child(&property(&items_path, key), "default"),
                    "this property is in x-kubernetes-list-map-keys, so it must have a default or be a required property",
                );
            }
        }
    }

    fn extensions(&mut self, schema: &Map<String, Value>, path: &str) {
        let preserve = "x-kubernetes-preserve-unknown-fields";
        if schema.get(preserve) == Some(&Value::Bool(false)) {
            self.errors.push(FieldError::invalid(
                child(path, preserve),
                json!(false),
                "must be true or undefined",
            ));
        }
        let embedded = flag(schema, "x-kubernetes-embedded-resource");
        if flag(schema, "x-kubernetes-int-or-string") {
            for (set, name) in [
                (flag(schema, preserve), preserve),
                (embedded, "x-kubernetes-embedded-resource"),
            ] {
                if set {
                    self.errors.push(FieldError::invalid(
                        child(path, name),
                        json!(true),
                        "must be false if x-kubernetes-int-or-string is true",
                    ));
                }
            }
        }
        if !embedded {
            return;
        }
        let detail = "must be object if x-kubernetes-embedded-resource is true";
        match text(schema, "type") {
            Some("object") => {}
            None => self.require(child(path, "type"), detail),
            Some(other) => {
                let path = child(path, "type");
                self.errors
                    .push(FieldError::invalid(path, other.into(), detail));
            }
        }
        let has_properties = schema
            .get("properties")
            .and_then(Value::as_object)
            .is_some_and(|properties| !properties.is_empty());
        if !flag(schema, preserve) && !has_properties {
            self.require(
                child(path, "properties"),
                "must not be empty if x-kubernetes-embedded-resource is true without x-kubernetes-preserve-unknown-fields",
            );
        }
    }

    /// apiVersion, kind and metadata belong to the server; a schema may say little about them.
    fn object_fields(&mut self, schema: &Map<String, Value>, path: &str, level: Level) {
        if level != Level::Root && !flag(schema, "x-kubernetes-embedded-resource") {
            return;
        }
        let Some(properties) = schema.get("properties").and_then(Value::as_object) else {
            return;
        };
        for (name, expected) in [
            ("apiVersion", "string"),
            ("kind", "string"),
            ("metadata", "object"),
        ] {
            let Some(declared) = properties.get(name) else {
                continue;
            };
            let found = declared
                .get("type")
                .and_then(Value::as_str)
                .unwrap_or_default();
            if found != expected {
                self.errors.push(FieldError::invalid(
                    child(&property(path, name), "type"),
                    found.into(),
                    format!("must be {expected}"),
                ));
            }
        }
        let restricts_too_much = |metadata: &Value| {
            metadata
                .as_object()
                .into_iter()
                .flatten()
                .any(|(key, value)| match key.as_str() {
                    "type" | "description" => false,
                    "properties" => value.as_object().is_none_or(|names| {
                        names
                            .keys()
                            .any(|name| name != "name" && name != "generateName")
                    }),
                    _ => true,
                })
        };
        if level == Level::Root && properties.get("metadata").is_some_and(restricts_too_much) {
            self.forbid(
                property(path, "metadata"),
                "must not specify anything other than name and generateName, but metadata is implicitly specified",
            );
        }
    }
}
