//! The `last` report of a case.

use oarlock_core::reference::{Digest, Gvk, ObjectRef};
use oarlock_core::request::{
    ApiError, RemovalResult, RemovalStatus, Report, WriteResult, WriteStatus,
};
use serde_json::Value;

pub(super) fn report(value: &Value) -> Report {
    Report {
        tag: text(&value["tag"]),
        generation: value["generation"].as_i64().unwrap(),
        // Digests are made of bytes only; the module under test does not look.
        module: Digest::of(text(&value["module"]).as_bytes()),
        writes: each(&value["writes"], |result| WriteResult {
            target: target(&result["target"]),
            status: match variant(&result["status"]) {
                ("applied", _) => WriteStatus::Applied,
                ("unchanged", _) => WriteStatus::Unchanged,
                ("differs", pointers) => WriteStatus::Differs(each(pointers, text)),
                ("refused", error) => WriteStatus::Refused(api_error(error)),
                ("not-tried", why) => WriteStatus::NotTried(text(why)),
                (other, _) => panic!("cases.json: unknown write status {other}"),
            },
        }),
        removals: each(&value["removals"], |result| RemovalResult {
            target: target(&result["target"]),
            status: match variant(&result["status"]) {
                ("deleted", _) => RemovalStatus::Deleted,
                ("absent", _) => RemovalStatus::Absent,
                ("refused", error) => RemovalStatus::Refused(api_error(error)),
                ("not-tried", why) => RemovalStatus::NotTried(text(why)),
                (other, _) => panic!("cases.json: unknown removal status {other}"),
            },
        }),
    }
}

pub(super) fn target(value: &Value) -> ObjectRef {
    ObjectRef::new(
        Gvk::from_api_version(&text(&value["apiVersion"]), &text(&value["kind"])),
        value["namespace"].as_str(),
        text(&value["name"]),
    )
}

pub(super) fn text(value: &Value) -> String {
    value
        .as_str()
        .unwrap_or_else(|| panic!("cases.json: expected a text, found {value}"))
        .to_owned()
}

/// A variant's case, and what it carries.
pub(super) fn variant(value: &Value) -> (&str, &Value) {
    match value {
        Value::String(case) => (case, &Value::Null),
        Value::Object(map) if map.len() == 1 => {
            let (case, carried) = map.iter().next().unwrap();
            (case, carried)
        }
        other => panic!("cases.json: expected a case of a variant, found {other}"),
    }
}

fn api_error(value: &Value) -> ApiError {
    let code = u16::try_from(value["code"].as_u64().unwrap()).unwrap();
    ApiError::new(code, text(&value["reason"]), text(&value["message"]))
}

fn each<T>(list: &Value, convert: impl Fn(&Value) -> T) -> Vec<T> {
    list.as_array().unwrap().iter().map(convert).collect()
}
