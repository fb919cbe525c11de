#![expect(clippy::unwrap_used, reason = "tests")]

use serde_json::{Value, json};

use super::{TypeSchema, builtin, default, prune, validate, validate_status};

mod structural;

fn schema(text: &str) -> TypeSchema {
    let schema: Value = serde_saphyr::from_str(text).unwrap();
    TypeSchema::from_structural(&schema).unwrap()
}

fn complaints(schema: &TypeSchema, object: &Value) -> Vec<String> {
    validate(schema, object)
        .iter()
        .map(ToString::to_string)
        .collect()
}

/// A spec with one field `x` of this schema.
fn field(text: &str) -> TypeSchema {
    schema(&format!(
        "{{type: object, properties: {{spec: {{type: object, properties: {{x: {text}}}}}}}}}"
    ))
}

const ROLLOUT: &str = "
type: object
required: [spec]
properties:
  spec:
    type: object
    required: [deployment]
    properties:
      deployment: { type: object, required: [image], properties: { image: { type: string } } }
      mode: { type: string, enum: [Canary, BlueGreen], default: Canary }
      steps:
        type: array
        minItems: 1
        maxItems: 3
        items:
          type: object
          properties:
            percent: { type: integer, minimum: 1, maximum: 100 }
            pause: { type: string, pattern: '^[0-9]+s$', default: 10s }
";

#[test]
fn messages_are_those_of_the_api() {
    let rollout = schema(ROLLOUT);
    let object = json!({"spec": {
        "deployment": {},
        "mode": "Yolo",
        "steps": [{"percent": 101}, {"percent": "ten", "pause": "soon"}, {"percent": 0}, {"percent": 1.5}]
    }});
    insta::assert_snapshot!(complaints(&rollout, &object).join("\n"), @r#"
    spec.deployment.image: Required value
    spec.mode: Unsupported value: "Yolo": supported values: "Canary", "BlueGreen"
    spec.steps: Too many: 4: must have at most 3 items
    spec.steps[0].percent: Invalid value: 101: spec.steps[0].percent in body should be less than or equal to 100
    spec.steps[1].pause: Invalid value: "soon": spec.steps[1].pause in body should match '^[0-9]+s$'
    spec.steps[1].percent: Invalid value: "string": spec.steps[1].percent in body must be of type integer: "string"
    spec.steps[2].percent: Invalid value: 0: spec.steps[2].percent in body should be greater than or equal to 1
    spec.steps[3].percent: Invalid value: "number": spec.steps[3].percent in body must be of type integer: "number"
    "#);
    insta::assert_snapshot!(complaints(&rollout, &json!({})).join("\n"), @"spec: Required value");
    let reasons: Vec<&str> = validate(&rollout, &object)
        .iter()
        .map(|error| error.kind.reason())
        .collect();
    assert_eq!(
        reasons[..3],
        [
            "FieldValueRequired",
            "FieldValueNotSupported",
            "FieldValueTooMany"
        ]
    );
}

#[test]
fn keywords() {
    // schema of spec.x, value, complaint without the path ("" for none)
    let cases = [
        (
            "{type: string, maxLength: 2}",
            json!("abc"),
            "Too long: may not be more than 2 bytes",
        ),
        ("{type: string, maxLength: 2}", json!("äö"), ""),
        (
            "{type: string, minLength: 2}",
            json!("a"),
            "Invalid value: \"a\": spec.x in body should be at least 2 chars long",
        ),
        (
            "{type: array, items: {type: string}, minItems: 1}",
            json!([]),
            "Invalid value: 0: spec.x in body should have at least 1 items",
        ),
        (
            "{type: array, items: {type: string}, maxItems: 1}",
            json!(["a", "b"]),
            "Too many: 2: must have at most 1 item",
        ),
        (
            "{type: object, additionalProperties: {type: string}, maxProperties: 0}",
            json!({"a": "b"}),
            "Too many: 1: must have at most 0 items",
        ),
        (
            "{type: object, additionalProperties: {type: string}, minProperties: 2}",
            json!({"a": "b"}),
            "Invalid value: 1: spec.x in body should have at least 2 properties",
        ),
        (
            "{type: number, maximum: 1, exclusiveMaximum: true}",
            json!(1),
            "Invalid value: 1: spec.x in body should be less than 1",
        ),
        (
            "{type: number, minimum: 0.5}",
            json!(0.25),
            "Invalid value: 0.25: spec.x in body should be greater than or equal to 0.5",
        ),
        (
            "{type: integer, multipleOf: 5}",
            json!(7),
            "Invalid value: 7: spec.x in body should be a multiple of 5",
        ),
        ("{type: integer}", json!(3.0), ""),
        (
            "{type: integer}",
            json!(null),
            "Invalid value: \"null\": spec.x in body must be of type integer: \"null\"",
        ),
        ("{type: integer, nullable: true}", json!(null), ""),
        (
            "{type: integer, enum: [1, 2]}",
            json!(3),
            "Unsupported value: 3: supported values: \"1\", \"2\"",
        ),
        ("{x-kubernetes-int-or-string: true}", json!("25%"), ""),
        (
            "{x-kubernetes-int-or-string: true}",
            json!(true),
            "Invalid value: \"boolean\": spec.x in body must be of type integer,string: \"boolean\"",
        ),
        (
            "{type: string, format: date-time}",
            json!("2026-01-01T00:00:00Z"),
            "",
        ),
        (
            "{type: string, format: date-time}",
            json!("today"),
            "Invalid value: \"today\": spec.x in body must be of type date-time: \"today\"",
        ),
        (
            "{type: string, format: ipv4}",
            json!("1.2.3"),
            "Invalid value: \"1.2.3\": spec.x in body must be of type ipv4: \"1.2.3\"",
        ),
        ("{type: string, format: unheard-of}", json!("anything"), ""),
        (
            "{type: array, x-kubernetes-list-type: set, items: {type: string}}",
            json!(["a", "b", "a", "a"]),
            "Duplicate value: \"a\"",
        ),
    ];
    for (text, value, expected) in cases {
        let found: Vec<String> = validate(&field(text), &json!({"spec": {"x": value}}))
            .iter()
            .map(super::FieldError::message)
            .collect();
        let expected: Vec<&str> = Some(expected)
            .filter(|text| !text.is_empty())
            .into_iter()
            .collect();
        assert_eq!(found, expected, "{text} {value}");
    }
}

#[test]
fn formats() {
    let cases: [(&str, &[&str], &[&str]); 12] = [
        ("date", &["2026-02-28"], &["2026-02-30", "26-1-1"]),
        (
            "duration",
            &["10s", "1h30m", "1.5h", "22 ns", "3 days", "0"],
            &["", "10", "s", "1x"],
        ),
        ("uri", &["http://a/b", "/path", "urn:a:b"], &["a b"]),
        ("email", &["a@b.c"], &["a", "a@", "a b@c"]),
        ("hostname", &["a.example.com", "A"], &["-a", "a..b"]),
        ("ipv6", &["::1"], &["1.2.3.4"]),
        (
            "cidr",
            &["10.0.0.0/8", "::/0"],
            &["10.0.0.0", "10.0.0.0/33"],
        ),
        ("mac", &["00:1b:44:11:3a:b7"], &["00:1b"]),
        (
            "uuid",
            &[
                "123e4567-e89b-12d3-a456-426614174000",
                "123E4567E89B12D3A456426614174000",
            ],
            &["123e4567"],
        ),
        (
            "uuid4",
            &["123e4567-e89b-42d3-a456-426614174000"],
            &["123e4567-e89b-12d3-a456-426614174000"],
        ),
        ("byte", &["aGk=", ""], &["a", "a===", "a-_="]),
        ("k8s-short-name", &["a-b"], &["A", "a.b"]),
    ];
    for (format, good, bad) in cases {
        for text in good {
            assert!(super::format::matches(format, text), "{format} {text:?}");
        }
        for text in bad {
            assert!(!super::format::matches(format, text), "{format} {text:?}");
        }
    }
}

#[test]
fn junctors() {
    let one_of = schema(
        "{type: object, properties: {spec: {type: object, properties: {a: {type: string}, b: {type: string}}, oneOf: [{required: [a]}, {required: [b]}]}}}",
    );
    assert_eq!(
        complaints(&one_of, &json!({"spec": {"a": "x"}})),
        Vec::<String>::new()
    );
    insta::assert_snapshot!(complaints(&one_of, &json!({"spec": {}})).join("\n"), @r#"
    <nil>: Invalid value: "": "spec" must validate one and only one schema (oneOf). Found none valid
    spec.a: Required value
    "#);
    insta::assert_snapshot!(complaints(&one_of, &json!({"spec": {"a": "x", "b": "y"}})).join("\n"), @r#"<nil>: Invalid value: "": "spec" must validate one and only one schema (oneOf). Found 2 valid alternatives"#);
    let any_of = field("{type: integer, anyOf: [{maximum: 1}, {minimum: 9}]}");
    assert!(complaints(&any_of, &json!({"spec": {"x": 10}})).is_empty());
    insta::assert_snapshot!(complaints(&any_of, &json!({"spec": {"x": 5}})).join("\n"), @r#"
    <nil>: Invalid value: "": "spec.x" must validate at least one schema (anyOf)
    spec.x: Invalid value: 5: spec.x in body should be less than or equal to 1
    "#);
    let all_of = field("{type: integer, allOf: [{maximum: 1}, {minimum: 0}]}");
    insta::assert_snapshot!(complaints(&all_of, &json!({"spec": {"x": 5}})).join("\n"), @r#"
    <nil>: Invalid value: "": "spec.x" must validate all the schemas (allOf)
    spec.x: Invalid value: 5: spec.x in body should be less than or equal to 1
    "#);
    let not = field("{type: string, not: {enum: [bad]}}");
    insta::assert_snapshot!(complaints(&not, &json!({"spec": {"x": "bad"}})).join("\n"), @r#"<nil>: Invalid value: "": "spec.x" must not validate the schema (not)"#);
}

#[test]
fn map_lists_have_unique_keys() {
    let list = field(
        "{type: array, x-kubernetes-list-type: map, x-kubernetes-list-map-keys: [name], items: {type: object, required: [name], properties: {name: {type: string}, v: {type: integer}}}}",
    );
    let object =
        json!({"spec": {"x": [{"name": "a", "v": 1}, {"name": "b"}, {"name": "a", "v": 2}]}});
    assert_eq!(
        complaints(&list, &object),
        ["spec.x[2]: Duplicate value: {\"name\":\"a\"}"]
    );
}

#[test]
fn pruning_reports_what_it_removes() {
    let rollout = schema(ROLLOUT);
    let mut object = json!({
        "apiVersion": "v1", "kind": "K", "metadata": {"name": "n", "unheard": 1}, "extra": 1,
        "spec": {"deployment": {"image": "i", "tag": "t"}, "steps": [{"percent": 1, "weight": 2}]}
    });
    assert_eq!(
        prune(&rollout, &mut object),
        [
            "extra",
            "metadata.unheard",
            "spec.deployment.tag",
            "spec.steps[0].weight"
        ]
    );
    assert_eq!(
        object,
        json!({
            "apiVersion": "v1", "kind": "K", "metadata": {"name": "n"},
            "spec": {"deployment": {"image": "i"}, "steps": [{"percent": 1}]}
        })
    );
}

#[test]
fn pruning_stops_at_preserved_fields_but_not_at_declared_ones_below() {
    let mut object = json!({"spec": {"x": {"free": {"a": 1}, "typed": {"a": 1, "b": 2}}}});
    let preserving = field(
        "{type: object, x-kubernetes-preserve-unknown-fields: true, properties: {typed: {type: object, properties: {a: {type: integer}}}}}",
    );
    assert_eq!(prune(&preserving, &mut object), ["spec.x.typed.b"]);
    assert_eq!(
        object,
        json!({"spec": {"x": {"free": {"a": 1}, "typed": {"a": 1}}}})
    );
    let mut anything = json!({"spec": {"a": {"b": 1}}, "more": true});
    assert!(prune(&TypeSchema::preserve_everything(), &mut anything).is_empty());
}

#[test]
fn embedded_resources_keep_their_object_fields() {
    let template = field(
        "{type: object, x-kubernetes-embedded-resource: true, properties: {spec: {type: object, properties: {a: {type: string}}}}}",
    );
    let mut object = json!({"spec": {"x": {
        "apiVersion": "v1", "kind": "P", "metadata": {"labels": {"l": "v"}}, "spec": {"a": "b"}, "other": 1
    }}});
    assert_eq!(prune(&template, &mut object), ["spec.x.other"]);
    assert!(complaints(&template, &object).is_empty());
    assert_eq!(
        complaints(&template, &json!({"spec": {"x": {"kind": "P"}}})),
        ["spec.x.apiVersion: Required value"]
    );
}

#[test]
fn defaults_fill_what_is_absent_or_null() {
    let rollout = schema(ROLLOUT);
    let mut object =
        json!({"spec": {"mode": null, "steps": [{}, {"pause": "1s"}], "deployment": null}});
    default(&rollout, &mut object);
    assert_eq!(
        object,
        json!({"spec": {"mode": "Canary", "steps": [{"pause": "10s"}, {"pause": "1s"}]}})
    );
    let nested = field("{type: object, default: {}, properties: {y: {type: integer, default: 3}}}");
    let mut object = json!({"spec": {}});
    default(&nested, &mut object);
    assert_eq!(object, json!({"spec": {"x": {"y": 3}}}));
    let nullable = field("{type: integer, nullable: true, default: 3}");
    let mut object = json!({"spec": {"x": null}});
    default(&nullable, &mut object);
    assert_eq!(object, json!({"spec": {"x": null}}));
}

#[test]
fn status_is_validated_alone() {
    let schema = schema(
        "{type: object, required: [spec], properties: {spec: {type: object}, status: {type: object, required: [phase], properties: {phase: {type: string}}}}}",
    );
    let found: Vec<String> = validate_status(&schema, &json!({"status": {}}), None)
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(found, ["status.phase: Required value"]);
    assert!(validate_status(&schema, &json!({}), None).is_empty());
}

#[test]
fn built_in_kinds_are_judged_by_type() {
    let deployment = builtin::find_plural("apps", "v1", "deployments")
        .unwrap()
        .schema();
    let object = json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "d"},
        "spec": {"replicas": "two", "template": {"spec": {"containers": [{"image": "i"}]}}},
        "status": {"conditions": [{"reason": "r"}]}
    });
    insta::assert_snapshot!(complaints(deployment, &object).join("\n"), @r#"
    spec.replicas: Invalid value: "string": spec.replicas in body must be of type integer: "string"
    spec.template.spec.containers[0].name: Required value
    spec.selector: Required value
    "#);
}
