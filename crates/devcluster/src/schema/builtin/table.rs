//! Reading the data files of the built-in resources.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value};

use super::BuiltinResource;
use crate::schema::{
    Field, ListKind, ListShape, MapShape, Origin, PatchStrategy, Shape, StructShape, TypeRef,
    TypeSchema,
};

const BUILTINS: &str = include_str!("../../../data/builtins.json");
const NAMES: &str = include_str!("../../../data/names.json");
const DEFAULTS: &str = include_str!("../../../data/defaults.json");
const PROTOBUF: &str = include_str!("../../../data/protobuf.json");

/// Kinds of `data/protobuf.json` that are scalars which are left out when they are zero.
const SCALARS: [&str; 5] = ["s", "i", "b", "d", "f"];

/// How a type is encoded: number, JSON name, kind.
type Encoding = Vec<(u64, String, String)>;

pub(super) struct Table {
    pub(super) release: String,
    pub(super) types: Vec<TypeSchema>,
    pub(super) resources: Vec<BuiltinResource>,
    pub(super) object_meta: usize,
}

#[derive(Deserialize)]
struct Data {
    release: String,
    types: BTreeMap<String, Value>,
    resources: Vec<ResourceData>,
}

#[derive(Deserialize)]
struct ResourceData {
    group: String,
    version: String,
    kind: String,
    plural: String,
    namespaced: bool,
    subresources: Vec<String>,
    verbs: Vec<String>,
    r#type: String,
}

#[derive(Clone, Default, Deserialize)]
struct Names {
    #[serde(default)]
    short: Vec<String>,
    #[serde(default)]
    categories: Vec<String>,
}

/// Reads the embedded files. They are generated and tested, not user input.
#[expect(
    clippy::expect_used,
    reason = "the files are part of the program; a test reads them all"
)]
pub(super) fn read() -> Table {
    let data: Data = serde_json::from_str(BUILTINS).expect("data/builtins.json is well-formed");
    let names: BTreeMap<String, Names> =
        serde_json::from_str(NAMES).expect("data/names.json is well-formed");
    let defaults: BTreeMap<String, Map<String, Value>> =
        serde_json::from_str(DEFAULTS).expect("data/defaults.json is well-formed");

    let encodings: BTreeMap<String, Encoding> =
        serde_json::from_str(PROTOBUF).expect("data/protobuf.json is well-formed");

    let reader = Reader {
        index: data
            .types
            .keys()
            .enumerate()
            .map(|(index, name)| (name.as_str(), index))
            .collect(),
    };
    let types = data
        .types
        .iter()
        .map(|(name, schema)| {
            let mut schema = reader.named(name, schema);
            if let Some(defaults) = defaults.get(name) {
                add_defaults(&mut schema, defaults);
            }
            if let Shape::Struct(shape) = &mut schema.shape {
                mark_unsaid_zeros(&encodings, name, &mut shape.fields);
            }
            schema
        })
        .collect();
    let resources = data
        .resources
        .into_iter()
        .map(|resource| {
            let names = names.get(&resource.plural).cloned().unwrap_or_default();
            reader.resource(resource, names)
        })
        .collect();
    Table {
        release: data.release,
        types,
        resources,
        object_meta: reader.at("meta.v1.ObjectMeta"),
    }
}

/// Scalars that Go neither points at nor writes when they are zero, also those of embedded types.
fn mark_unsaid_zeros(
    encodings: &BTreeMap<String, Encoding>,
    name: &str,
    fields: &mut BTreeMap<String, Field>,
) {
    for (_, json, kind) in encodings.get(name).into_iter().flatten() {
        if let Some(embedded) = kind.strip_prefix('#').filter(|_| json.is_empty()) {
            mark_unsaid_zeros(encodings, embedded, fields);
        } else if SCALARS.contains(&kind.as_str())
            && let Some(field) = fields.get_mut(json)
        {
            field.omits_zero = true;
        }
    }
}

fn add_defaults(schema: &mut TypeSchema, defaults: &Map<String, Value>) {
    if let Shape::Struct(shape) = &mut schema.shape {
        for (name, value) in defaults {
            if let Some(field) = shape.fields.get_mut(name) {
                field.default = Some(value.clone());
            }
        }
    }
}

struct Reader<'a> {
    index: BTreeMap<&'a str, usize>,
}

impl Reader<'_> {
    #[expect(
        clippy::expect_used,
        reason = "the generator keeps every type that another one refers to"
    )]
    fn at(&self, name: &str) -> usize {
        *self
            .index
            .get(name)
            .expect("a referenced type is in the table")
    }

    fn resource(&self, data: ResourceData, names: Names) -> BuiltinResource {
        let has = |name: &str| data.subresources.iter().any(|other| other == name);
        BuiltinResource {
            singular: data.kind.to_lowercase(),
            short_names: names.short,
            categories: names.categories,
            has_status: has("status"),
            has_scale: has("scale"),
            schema: self.at(&data.r#type),
            group: data.group,
            version: data.version,
            kind: data.kind,
            plural: data.plural,
            namespaced: data.namespaced,
            subresources: data.subresources,
            verbs: data.verbs,
        }
    }

    fn named(&self, name: &str, data: &Value) -> TypeSchema {
        let mut schema = self.schema(data);
        schema.origin = Origin::Builtin(name.to_owned());
        match name {
            // Arbitrary objects that have one owner as a whole.
            "runtime.RawExtension" | "meta.v1.FieldsV1" => schema.shape = Shape::Opaque,
            "meta.v1.MicroTime" | "meta.v1.Time" => schema.shape = Shape::String,
            _ => {}
        }
        schema
    }

    fn reference(&self, data: &Value) -> TypeRef {
        let target = match data {
            Value::String(text) => text.strip_prefix('#'),
            Value::Object(object) => object.get("$ref").and_then(Value::as_str),
            _ => None,
        };
        match target {
            Some(target) => TypeRef::Named(self.at(target)),
            None => {
                let mut schema = self.schema(data);
                // Inline types have no name, and their nulls are absent fields all the same.
                schema.origin = Origin::Builtin(String::new());
                TypeRef::inline(schema)
            }
        }
    }

    fn schema(&self, data: &Value) -> TypeSchema {
        TypeSchema::of(self.shape(data))
    }

    fn shape(&self, data: &Value) -> Shape {
        let text = |key: &str| data.get(key).and_then(Value::as_str);
        let kind = data.as_str().or_else(|| text("type"));
        match (kind, text("format")) {
            (_, Some("int-or-string")) => Shape::IntOrString,
            (None, Some("quantity")) => Shape::Quantity,
            (Some("string"), _) => Shape::String,
            (Some("integer"), _) => Shape::Integer,
            (Some("number"), _) => Shape::Number,
            (Some("boolean"), _) => Shape::Boolean,
            (Some("array"), _) => Shape::List(ListShape {
                items: self.reference(&data["items"]),
                kind: list_kind(data),
            }),
            (Some("object"), _) => self.object(data),
            _ => Shape::Any,
        }
    }

    fn object(&self, data: &Value) -> Shape {
        let atomic = text_is(data, "x-kubernetes-map-type", "atomic");
        if let Some(values) = data.get("additionalProperties") {
            return Shape::Map(MapShape {
                values: self.reference(values),
                atomic,
            });
        }
        let fields: BTreeMap<String, Field> = data["properties"]
            .as_object()
            .into_iter()
            .flatten()
            .map(|(name, property)| (name.clone(), self.field(property)))
            .collect();
        Shape::Struct(StructShape {
            required: strings(data.get("required")),
            fields,
            preserve_unknown: false,
            atomic,
        })
    }

    fn field(&self, data: &Value) -> Field {
        let strategies = data
            .get("x-kubernetes-patch-strategy")
            .and_then(Value::as_str)
            .unwrap_or_default();
        let has = |name: &str| strategies.split(',').any(|strategy| strategy == name);
        Field {
            schema: self.reference(data),
            default: data.get("default").cloned(),
            atomic: text_is(data, "x-kubernetes-map-type", "atomic"),
            omits_zero: false,
            by_value: data.get("default") == Some(&Value::Object(Map::new())),
            patch: PatchStrategy {
                merge: has("merge"),
                retain_keys: has("retainKeys"),
                replace: has("replace"),
                merge_key: data
                    .get("x-kubernetes-patch-merge-key")
                    .and_then(Value::as_str)
                    .map(str::to_owned),
            },
        }
    }
}

fn text_is(data: &Value, key: &str, text: &str) -> bool {
    data.get(key).and_then(Value::as_str) == Some(text)
}

fn strings(list: Option<&Value>) -> Vec<String> {
    list.and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .map(str::to_owned)
        .collect()
}

fn list_kind(data: &Value) -> ListKind {
    match data.get("x-kubernetes-list-type").and_then(Value::as_str) {
        Some("set") => ListKind::Set,
        Some("map") => ListKind::Map(strings(data.get("x-kubernetes-list-map-keys"))),
        _ => ListKind::Atomic,
    }
}
