//! JSON patch (RFC 6902).

use serde::Deserialize;
use serde_json::{Map, Value};

/// One operation. Unknown members are ignored, as the RFC has it.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(tag = "op", rename_all = "lowercase")]
pub(super) enum Operation {
    Add {
        path: String,
        value: Value,
    },
    Remove {
        path: String,
    },
    Replace {
        path: String,
        value: Value,
    },
    Move {
        from: String,
        path: String,
    },
    Copy {
        from: String,
        path: String,
    },
    Test {
        path: String,
        #[serde(default)]
        value: Value,
    },
}

/// Applies all operations to an object.
pub(super) fn apply(
    content: &mut Map<String, Value>,
    operations: &[Operation],
) -> Result<(), String> {
    let mut document = Value::Object(std::mem::take(content));
    for operation in operations {
        run(&mut document, operation)?;
    }
    match document {
        Value::Object(patched) => {
            *content = patched;
            Ok(())
        }
        _ => Err(String::from("the patch leaves no object")),
    }
}

fn run(document: &mut Value, operation: &Operation) -> Result<(), String> {
    match operation {
        Operation::Add { path, value } => add(document, path, value.clone(), "add"),
        Operation::Remove { path } => remove(document, path, "remove").map(drop),
        Operation::Replace { path, value } => {
            let place = at(document, path).ok_or_else(|| missing("replace", path))?;
            *place = value.clone();
            Ok(())
        }
        Operation::Move { from, path } => {
            let value = remove(document, from, "move")?;
            add(document, path, value, "move")
        }
        Operation::Copy { from, path } => {
            let value = at(document, from)
                .cloned()
                .ok_or_else(|| missing("copy", from))?;
            add(document, path, value, "copy")
        }
        Operation::Test { path, value } => {
            let found = at(document, path);
            // A field that is missing is as good as null.
            if found.map_or(value.is_null(), |found| found == value) {
                return Ok(());
            }
            Err(format!("testing value {path} failed: test failed"))
        }
    }
}

fn at<'a>(document: &'a mut Value, path: &str) -> Option<&'a mut Value> {
    document.pointer_mut(path)
}

/// The parent of a place, and the last part of its path.
fn parent<'a>(document: &'a mut Value, path: &str) -> Option<(&'a mut Value, String)> {
    let (parent, last) = path.rsplit_once('/')?;
    let last = last.replace("~1", "/").replace("~0", "~");
    Some((document.pointer_mut(parent)?, last))
}

fn add(document: &mut Value, path: &str, value: Value, name: &str) -> Result<(), String> {
    if path.is_empty() {
        *document = value;
        return Ok(());
    }
    match parent(document, path) {
        Some((Value::Object(fields), key)) => {
            fields.insert(key, value);
            Ok(())
        }
        Some((Value::Array(items), key)) => {
            let place = match key.as_str() {
                "-" => items.len(),
                index => index
                    .parse()
                    .ok()
                    .filter(|place| *place <= items.len())
                    .ok_or_else(|| missing(name, path))?,
            };
            items.insert(place, value);
            Ok(())
        }
        _ => Err(missing(name, path)),
    }
}

fn remove(document: &mut Value, path: &str, name: &str) -> Result<Value, String> {
    let removed = match parent(document, path) {
        Some((Value::Object(fields), key)) => fields.remove(&key),
        Some((Value::Array(items), key)) => key
            .parse::<usize>()
            .ok()
            .filter(|place| *place < items.len())
            .map(|place| items.remove(place)),
        _ => None,
    };
    removed.ok_or_else(|| missing(name, path))
}

fn missing(operation: &str, path: &str) -> String {
    format!("{operation} operation does not apply: doc is missing path: {path:?}: missing value")
}
