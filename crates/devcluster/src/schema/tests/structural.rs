//! What is not a structural schema.

use serde_json::Value;

use crate::schema::TypeSchema;

#[test]
fn violations() {
    let cases = [
        ("{}", "type: Required value: must not be empty at the root"),
        (
            "{type: string}",
            "type: Invalid value: \"string\": must be object at the root",
        ),
        (
            "{type: object, properties: {spec: {}}}",
            "properties[spec].type: Required value: must not be empty for specified object fields",
        ),
        (
            "{type: object, properties: {l: {type: array}}}",
            "properties[l].items: Required value: must be specified",
        ),
        (
            "{type: object, properties: {l: {type: array, items: {}}}}",
            "properties[l].items.type: Required value: must not be empty for specified array items",
        ),
        (
            "{type: object, properties: {a: {type: text}}}",
            "properties[a].type: Unsupported value: \"text\": supported values: \"array\", \"boolean\", \"integer\", \"number\", \"object\", \"string\"",
        ),
        (
            "{type: object, additionalProperties: {type: string}}",
            "additionalProperties: Forbidden: must not be used at the root",
        ),
        (
            "{type: object, properties: {m: {type: object, properties: {a: {type: string}}, additionalProperties: {type: string}}}}",
            "properties[m].additionalProperties: Forbidden: additionalProperties and properties are mutual exclusive",
        ),
        (
            "{type: object, properties: {a: {type: string, anyOf: [{type: string}]}}}",
            "properties[a].anyOf[0].type: Forbidden: must be empty to be structural",
        ),
        (
            "{type: object, oneOf: [{properties: {a: {default: 1}}}]}",
            "oneOf[0].properties[a].default: Forbidden: must be undefined to be structural",
        ),
        (
            "{type: object, not: {properties: {metadata: {}}}}",
            "not.properties[metadata]: Forbidden: must not be specified in a nested context",
        ),
        (
            "{type: object, properties: {a: {type: string, pattern: '('}}}",
            "properties[a].pattern: Invalid value: \"(\": must be a valid regular expression, but isn't: regex parse error:\n    (\n    ^\nerror: unclosed group",
        ),
        (
            "{type: object, properties: {metadata: {type: object, properties: {labels: {type: object}}}}}",
            "properties[metadata]: Forbidden: must not specify anything other than name and generateName, but metadata is implicitly specified",
        ),
        (
            "{type: object, properties: {kind: {type: integer}}}",
            "properties[kind].type: Invalid value: \"integer\": must be string",
        ),
        (
            "{type: object, properties: {a: {x-kubernetes-int-or-string: true, x-kubernetes-preserve-unknown-fields: true}}}",
            "properties[a].x-kubernetes-preserve-unknown-fields: Invalid value: true: must be false if x-kubernetes-int-or-string is true",
        ),
        (
            "{type: object, properties: {a: {type: object, x-kubernetes-preserve-unknown-fields: false}}}",
            "properties[a].x-kubernetes-preserve-unknown-fields: Invalid value: false: must be true or undefined",
        ),
        (
            "{type: object, properties: {a: {type: object, x-kubernetes-embedded-resource: true}}}",
            "properties[a].properties: Required value: must not be empty if x-kubernetes-embedded-resource is true without x-kubernetes-preserve-unknown-fields",
        ),
        (
            "{type: object, properties: {a: {$ref: '#/definitions/x', type: string}}}",
            "properties[a].$ref: Forbidden: $ref is not supported",
        ),
        (
            "{type: object, properties: {l: {type: array, x-kubernetes-list-type: bag, items: {type: string}}}}",
            "properties[l].x-kubernetes-list-type: Unsupported value: \"bag\": supported values: \"atomic\", \"map\", \"set\"",
        ),
        (
            "{type: object, properties: {l: {type: array, x-kubernetes-list-type: map, items: {type: object}}}}",
            "properties[l].x-kubernetes-list-map-keys: Required value: must not be empty if x-kubernetes-list-type is map",
        ),
        (
            "{type: object, properties: {l: {type: array, x-kubernetes-list-type: map, x-kubernetes-list-map-keys: [id], items: {type: object, properties: {id: {type: string}}}}}}",
            "properties[l].items.properties[id].default: Required value: this property is in x-kubernetes-list-map-keys, so it must have a default or be a required property",
        ),
        (
            "{type: object, properties: {a: {type: integer, maximum: 3, default: 4}}}",
            "properties[a].default: Invalid value: 4:  in body should be less than or equal to 3",
        ),
        (
            "{type: object, properties: {a: {type: object, properties: {b: {type: string}}, default: {c: 1}}}}",
            "properties[a].default: Invalid value: {\"c\":1}: must not have unknown fields",
        ),
    ];
    for (text, expected) in cases {
        let schema: Value = serde_saphyr::from_str(text).unwrap();
        let found: Vec<String> = TypeSchema::from_structural(&schema)
            .unwrap_err()
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(found, [expected], "{text}");
    }
}

#[test]
fn several_violations_are_all_reported() {
    let schema: Value =
        serde_saphyr::from_str("{type: object, properties: {b: {}, a: {type: array}}}").unwrap();
    let paths: Vec<String> = TypeSchema::from_structural(&schema)
        .unwrap_err()
        .into_iter()
        .map(|error| error.path)
        .collect();
    assert_eq!(paths, ["properties[a].items", "properties[b].type"]);
}

#[test]
fn both_forms_of_int_or_string_are_structural() {
    for text in [
        "{type: object, properties: {a: {x-kubernetes-int-or-string: true, anyOf: [{type: integer}, {type: string}]}}}",
        "{type: object, properties: {a: {x-kubernetes-int-or-string: true, allOf: [{anyOf: [{type: integer}, {type: string}]}, {pattern: '^1'}]}}}",
    ] {
        let schema: Value = serde_saphyr::from_str(text).unwrap();
        TypeSchema::from_structural(&schema).unwrap();
    }
}
