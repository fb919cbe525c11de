//! Parts of objects: what remains when only some JSON pointers are wanted.

use oarlock_core::json::Json;
use serde_json::{Map, Value};
use thiserror::Error;

/// Which fields of an object to keep; `apiVersion`, `kind`, `metadata.name` and `metadata.namespace` always are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Projection {
    pointers: Vec<Vec<String>>,
}

/// Why a text is no JSON pointer.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{pointer:?} is no JSON pointer: {problem}")]
pub struct ParsePointer {
    /// The text.
    pub pointer: String,
    /// What is wrong with it.
    pub problem: &'static str,
}

const IDENTITY: [&[&str]; 4] = [
    &["apiVersion"],
    &["kind"],
    &["metadata", "name"],
    &["metadata", "namespace"],
];

impl Projection {
    /// From JSON pointers (RFC 6901). None at all keeps everything.
    ///
    /// # Errors
    /// When one of them is no JSON pointer, or the pointer of the whole object.
    pub fn parse<S: AsRef<str>>(pointers: &[S]) -> Result<Self, ParsePointer> {
        let pointers = pointers
            .iter()
            .map(|pointer| segments(pointer.as_ref()))
            .collect::<Result<_, _>>()?;
        Ok(Self { pointers })
    }

    /// Whether everything is kept.
    #[must_use]
    pub const fn keeps_all(&self) -> bool {
        self.pointers.is_empty()
    }

    /// The wanted part of `object`. Elements of arrays that are left out before a kept one become `null`, so that the kept
    /// ones stay at their index.
    #[must_use]
    pub fn apply(&self, object: &Json) -> Json {
        if self.keeps_all() {
            return object.clone();
        }
        let whole = object.to_value();
        let mut part = Value::Object(Map::new());
        for pointer in IDENTITY {
            copy(&whole, &mut part, pointer);
        }
        for pointer in &self.pointers {
            copy(&whole, &mut part, pointer);
        }
        Json::from_value(&part)
    }
}

fn segments(pointer: &str) -> Result<Vec<String>, ParsePointer> {
    let problem = |problem| ParsePointer {
        pointer: pointer.to_owned(),
        problem,
    };
    let Some(rest) = pointer.strip_prefix('/') else {
        return Err(problem(
            "expected it to begin with '/', as in /spec/replicas",
        ));
    };
    rest.split('/')
        .map(|segment| {
            let escapes_end = segment
                .split('~')
                .skip(1)
                .all(|rest| rest.starts_with(['0', '1']));
            if escapes_end {
                Ok(segment.replace("~1", "/").replace("~0", "~"))
            } else {
                Err(problem("expected '~' to be followed by '0' or '1'"))
            }
        })
        .collect()
}

fn copy<S: AsRef<str>>(from: &Value, to: &mut Value, pointer: &[S]) {
    let Some((first, rest)) = pointer.split_first() else {
        *to = from.clone();
        return;
    };
    let first = first.as_ref();
    match from {
        Value::Object(from) => {
            let Some(next) = from.get(first) else { return };
            if to.is_null() {
                *to = Value::Object(Map::new());
            }
            let Some(to) = to.as_object_mut() else { return };
            if !leads(next, rest) {
                return;
            }
            copy(next, to.entry(first).or_insert(Value::Null), rest);
        }
        Value::Array(from) => {
            let index: Option<usize> = first.parse().ok();
            let Some((index, next)) = index.and_then(|i| Some((i, from.get(i)?))) else {
                return;
            };
            if to.is_null() {
                *to = Value::Array(Vec::new());
            }
            let Some(to) = to.as_array_mut() else { return };
            if to.len() <= index {
                to.resize(index + 1, Value::Null);
            }
            copy(next, &mut to[index], rest);
        }
        _ => {}
    }
}

/// Whether the rest of a pointer leads anywhere: what does not must not leave empty objects behind.
fn leads<S: AsRef<str>>(from: &Value, pointer: &[S]) -> bool {
    let Some((first, rest)) = pointer.split_first() else {
        return true;
    };
    let next = match from {
        Value::Object(from) => from.get(first.as_ref()),
        Value::Array(from) => first
            .as_ref()
            .parse::<usize>()
            .ok()
            .and_then(|i| from.get(i)),
        _ => None,
    };
    next.is_some_and(|next| leads(next, rest))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use serde_json::json;

    use super::*;

    #[test]
    fn parts() {
        let object = Json::from_value(&json!({
            "apiVersion": "v1", "kind": "Pod",
            "metadata": {"name": "a", "namespace": "n", "labels": {"x/y": "1", "z": "2"}},
            "spec": {"containers": [{"name": "c0", "image": "i0"}, {"name": "c1", "image": "i1"}]},
            "status": {"phase": "Running"},
        }));
        let part = |pointers: &[&str]| {
            let part = Projection::parse(pointers)
                .unwrap()
                .apply(&object)
                .to_value();
            let mut part = part.as_object().unwrap().clone();
            part.remove("apiVersion");
            part.remove("kind");
            Value::Object(part)
        };
        assert_eq!(
            part(&["/nothing/here"]),
            json!({"metadata": {"name": "a", "namespace": "n"}})
        );
        assert_eq!(
            part(&[
                "/status/phase",
                "/metadata/labels/x~1y",
                "/spec/replicas",
                "/status/phase/deeper"
            ]),
            json!({"metadata": {"name": "a", "namespace": "n", "labels": {"x/y": "1"}}, "status": {"phase": "Running"}})
        );
        assert_eq!(
            part(&["/spec/containers/1/image"])["spec"],
            json!({"containers": [null, {"image": "i1"}]})
        );
        // The whole and a part of it, in either order.
        assert_eq!(
            part(&["/status", "/status/phase"]),
            part(&["/status/phase", "/status"])
        );
        assert_eq!(Projection::default().apply(&object), object);
    }

    #[test]
    fn pointers_are_checked() {
        for wrong in ["", "spec", "/a~b", "/a~"] {
            assert!(Projection::parse(&[wrong]).is_err(), "{wrong}");
        }
        insta::assert_snapshot!(
            Projection::parse(&["spec"]).unwrap_err(),
            @r#""spec" is no JSON pointer: expected it to begin with '/', as in /spec/replicas"#
        );
    }
}
