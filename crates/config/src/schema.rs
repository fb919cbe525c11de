//! JSON Schemas, generated from structs: that of watches.yaml from those in `raw`, those of other documents from their owners'.

use std::sync::OnceLock;

use jsonschema::Validator;
use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde_json::Value;

use crate::key_path::{KeyPath, Step};
use crate::raw::File;

/// The JSON Schema (draft 2020-12) of watches.yaml, keys sorted. The checked-in copy for editors is
/// `schema/watches.schema.json`.
#[must_use]
pub fn schema() -> Value {
    generate::<File>()
}

/// The JSON Schema (draft 2020-12) of `T`, keys sorted, without references.
pub(crate) fn generate<T: JsonSchema>() -> Value {
    let settings = SchemaSettings::draft2020_12().with(|s| s.inline_subschemas = true);
    let mut schema = settings
        .into_generator()
        .into_root_schema_for::<T>()
        .to_value();
    schema.sort_all_objects();
    schema
}

/// A schema, ready for use.
#[derive(Debug)]
pub(crate) struct Schema {
    schema: Value,
    validator: Validator,
}

/// The schema of one entry of watches.yaml, built once per process.
pub(crate) fn entry() -> &'static Schema {
    static SCHEMA: OnceLock<Schema> = OnceLock::new();
    SCHEMA.get_or_init(|| Schema::new(schema()["items"].take()))
}

impl Schema {
    /// Of a schema that was generated from structs.
    #[expect(
        clippy::expect_used,
        reason = "schemas are made of structs; the tests of each build it"
    )]
    pub(crate) fn new(schema: Value) -> Self {
        let validator = jsonschema::draft202012::new(&schema).expect("the schema is valid");
        Self { schema, validator }
    }

    pub(crate) const fn value(&self) -> &Value {
        &self.schema
    }

    pub(crate) fn validator(&self) -> &Validator {
        &self.validator
    }

    /// The keys that the mapping at `path` may have, without those that have no meaning.
    pub(crate) fn keys_at(&self, path: &KeyPath) -> Vec<&str> {
        let Some(properties) = self.at(path).and_then(|s| s.get("properties")?.as_object()) else {
            return Vec::new();
        };
        properties
            .iter()
            .filter(|(_, schema)| schema.get("deprecated").is_none())
            .map(|(key, _)| key.as_str())
            .collect()
    }

    /// A key of the mapping at `path` below which `lost` would have a meaning.
    pub(crate) fn home_of(&self, path: &KeyPath, lost: &str) -> Option<&str> {
        self.keys_at(path).into_iter().find(|key| {
            self.at(&path.key(key))
                .and_then(|s| s.get("properties")?.get(lost))
                .is_some()
        })
    }

    fn at(&self, path: &KeyPath) -> Option<&Value> {
        path.steps()
            .iter()
            .try_fold(&self.schema, |schema, step| match step {
                Step::Key(key) => schema
                    .get("properties")
                    .and_then(|properties| properties.get(key))
                    .or_else(|| schema.get("additionalProperties")),
                Step::Index(_) => schema.get("items"),
            })
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    const CHECKED_IN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/schema/watches.schema.json");

    #[test]
    fn the_checked_in_schema_is_up_to_date() {
        let generated = format!("{:#}\n", schema());
        if std::env::var_os("UPDATE").is_some() {
            std::fs::write(CHECKED_IN, &generated).unwrap();
        }
        let checked_in = std::fs::read_to_string(CHECKED_IN).unwrap_or_default();
        assert!(
            checked_in == generated,
            "schema/watches.schema.json is out of date; run the tests of oarlock-config with UPDATE=1"
        );
    }

    #[test]
    fn every_key_is_described() {
        fn walk(schema: &Value, path: &str) {
            for (key, property) in schema["properties"].as_object().into_iter().flatten() {
                let path = format!("{path}.{key}");
                assert!(property["description"].is_string(), "{path}");
                walk(property, &path);
                walk(&property["items"], &path);
            }
        }
        walk(entry().value(), "");
    }

    #[test]
    fn the_schema_needs_no_references() {
        assert!(!schema().to_string().contains("$ref"));
    }
}
