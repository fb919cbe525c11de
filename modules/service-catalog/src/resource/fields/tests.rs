#![expect(clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use super::{Fate, Field, Shape, Table, binding, broker, check, instance, offer};
use crate::catalog::offer::{ClassSpec, PlanSpec};
use crate::resource::definitions::{KINDS, Kind};
use crate::resource::{BindingSpec, BrokerSpec, InstanceSpec};

const HEAD: &str = include_str!("head.md");
const TAIL: &str = include_str!("tail.md");

fn published() -> String {
    let mut text = String::from(HEAD);
    for kind in KINDS {
        table(&mut text, &kind);
    }
    text.push_str(TAIL);
    text
}

fn table(text: &mut String, kind: &Kind) {
    let scope = if kind.namespaced {
        ""
    } else {
        " Of the cluster."
    };
    write!(text, "\n## {}\n\n{}{scope}\n\n", kind.kind, kind.about).unwrap();
    writeln!(text, "| field | | |\n|---|---|---|").unwrap();
    let status = kind.status.unwrap_or_default();
    for field in kind.spec.iter().chain(status) {
        writeln!(text, "{}", line(kind, field)).unwrap();
    }
    if kind.served {
        writeln!(
            text,
            "| `status.conditions[]` | told | `Ready`; of instances and bindings also `Failed` and `OrphanMitigation` |"
        )
        .unwrap();
    }
}

fn line(kind: &Kind, field: &Field) -> String {
    // Of what a catalog has, an administrator writes one field.
    let is_own = kind.served || field.path == "spec.defaultProvisionParameters";
    let fate = match field.fate {
        _ if field.path.starts_with("status.") || !is_own => "told",
        Fate::Done => "done",
        Fate::Idle => "not heeded",
    };
    let required = if field.required { ", required" } else { "" };
    let default = field.default.map(|text| format!(", usually `{text}`"));
    let default = default.unwrap_or_default();
    format!(
        "| `{}` | {fate}{required}{default} | {} |",
        field.path, field.remark
    )
}

/// `UPDATE=1 cargo test -p service-catalog` writes it again.
#[test]
fn the_published_table_is_this_one() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("FIELDS.md");
    if std::env::var_os("UPDATE").is_some() {
        fs::write(&path, published()).unwrap();
    }
    let kept = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        kept == published(),
        "FIELDS.md is stale\nhint: UPDATE=1 cargo test -p service-catalog"
    );
}

#[test]
fn every_field_stands_once_and_below_an_object() {
    for kind in KINDS {
        let status = kind.status.unwrap_or_default();
        let fields: Vec<_> = kind.spec.iter().chain(status).collect();
        let mut seen = BTreeSet::new();
        for field in &fields {
            let path = field.path;
            assert!(seen.insert(path), "{}: {path} twice", kind.kind);
            let (parent, _) = path.rsplit_once('.').unwrap();
            let above = fields.iter().find(|above| above.path == parent);
            assert!(
                matches!(parent, "spec" | "status")
                    || above.is_some_and(|above| above.shape == Shape::Object),
                "{}: {path} has no parent",
                kind.kind
            );
            let below = fields.iter().any(|below| below.below(path).is_some());
            assert_eq!(
                field.shape == Shape::Object,
                below,
                "{}: {path} is an object of known fields, or none",
                kind.kind
            );
        }
    }
}

/// An object with all fields of a table.
fn whole(table: Table, path: &str) -> Value {
    let mut object = Map::new();
    for field in table {
        let Some((name, list)) = field.below(path) else {
            continue;
        };
        let value = match field.shape {
            Shape::Text | Shape::Name | Shape::Id => json!("text"),
            Shape::Bytes => json!("dGV4dA=="),
            Shape::Flag => json!(true),
            Shape::Whole | Shape::Count => json!(1),
            Shape::Duration => json!("1h0m0s"),
            Shape::Moment => json!("2026-01-31T12:00:00Z"),
            // Not the usual one, which may be left out.
            Shape::OneOf(texts) => json!(texts.last().unwrap()),
            Shape::Object => whole(table, field.path),
            Shape::TextLists => json!({"key": ["text"]}),
            Shape::Free => json!({"key": "value"}),
        };
        let value = if list { json!([value]) } else { value };
        object.insert(name.to_owned(), value);
    }
    Value::Object(object)
}

/// What the table knows is what the type has: nothing is dropped, nothing is invented.
fn agree<T: DeserializeOwned + Serialize>(table: Table) {
    let spec = whole(table, "spec");
    assert_eq!(check(table, &json!({"spec": spec})), []);
    let read: T = serde_json::from_value(spec.clone()).unwrap();
    assert_eq!(serde_json::to_value(&read).unwrap(), spec);
}

#[test]
fn tables_and_types_agree() {
    agree::<BrokerSpec>(broker::CLUSTER);
    agree::<BrokerSpec>(broker::NAMESPACED);
    agree::<InstanceSpec>(instance::TABLE);
    agree::<BindingSpec>(binding::TABLE);
    agree::<ClassSpec>(offer::CLUSTER_CLASS);
    agree::<ClassSpec>(offer::CLASS);
    agree::<PlanSpec>(offer::CLUSTER_PLAN);
    agree::<PlanSpec>(offer::PLAN);
}

/// What a type has even where nothing is said has to be in the table too.
#[test]
fn nothing_of_a_type_is_outside_of_its_table() {
    for (table, spec) in [
        (broker::CLUSTER, serde_json::to_value(BrokerSpec::default())),
        (
            instance::TABLE,
            serde_json::to_value(InstanceSpec::default()),
        ),
        (binding::TABLE, serde_json::to_value(BindingSpec::default())),
    ] {
        for name in spec.unwrap().as_object().unwrap().keys() {
            let path = format!("spec.{name}");
            assert!(table.iter().any(|field| field.path == path), "{path}");
        }
    }
}
