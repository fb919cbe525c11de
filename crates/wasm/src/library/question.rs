//! What a library was asked, as a digest, and what values cost to keep.

use std::mem::size_of;

use oarlock_core::reference::Digest;
use sha2::{Digest as _, Sha256};
use wasmtime::component::Val;

/// Digest of a component, one of its functions, and arguments.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Question([u8; 32]);

impl Question {
    /// None where an argument is no data. The host's word on the type says that there is none such.
    pub(super) fn new(
        library: &Digest,
        interface: &str,
        function: &str,
        arguments: &[Val],
    ) -> Option<Self> {
        let mut hasher = Sha256::new();
        for name in [library.as_str(), interface, function] {
            text(&mut hasher, name);
        }
        all(&mut hasher, arguments)?;
        Some(Self(hasher.finalize().into()))
    }
}

/// Every value begins with a byte for its kind and says how long it is, so that no two have the same bytes.
fn one(hasher: &mut Sha256, value: &Val) -> Option<()> {
    match value {
        Val::Bool(it) => plain(hasher, 0, &[u8::from(*it)]),
        Val::S8(it) => plain(hasher, 1, &it.to_le_bytes()),
        Val::U8(it) => plain(hasher, 2, &it.to_le_bytes()),
        Val::S16(it) => plain(hasher, 3, &it.to_le_bytes()),
        Val::U16(it) => plain(hasher, 4, &it.to_le_bytes()),
        Val::S32(it) => plain(hasher, 5, &it.to_le_bytes()),
        Val::U32(it) => plain(hasher, 6, &it.to_le_bytes()),
        Val::S64(it) => plain(hasher, 7, &it.to_le_bytes()),
        Val::U64(it) => plain(hasher, 8, &it.to_le_bytes()),
        Val::Float32(it) => plain(hasher, 9, &it.to_bits().to_le_bytes()),
        Val::Float64(it) => plain(hasher, 10, &it.to_bits().to_le_bytes()),
        Val::Char(it) => plain(hasher, 11, &u32::from(*it).to_le_bytes()),
        Val::String(it) => {
            hasher.update([12]);
            text(hasher, it);
        }
        Val::List(items) => {
            hasher.update([13]);
            list(hasher, items)?;
        }
        Val::Map(entries) => {
            hasher.update([14]);
            count(hasher, entries.len());
            for (key, item) in entries {
                one(hasher, key)?;
                one(hasher, item)?;
            }
        }
        Val::Record(fields) => {
            hasher.update([15]);
            count(hasher, fields.len());
            for (name, field) in fields {
                text(hasher, name);
                one(hasher, field)?;
            }
        }
        Val::Tuple(items) => {
            hasher.update([16]);
            all(hasher, items)?;
        }
        Val::Variant(case, payload) => {
            hasher.update([17]);
            text(hasher, case);
            optional(hasher, payload.as_deref())?;
        }
        Val::Enum(case) => {
            hasher.update([18]);
            text(hasher, case);
        }
        Val::Option(payload) => {
            hasher.update([19]);
            optional(hasher, payload.as_deref())?;
        }
        Val::Result(result) => {
            let (kind, payload) = match result {
                Ok(payload) => (20, payload),
                Err(payload) => (21, payload),
            };
            hasher.update([kind]);
            optional(hasher, payload.as_deref())?;
        }
        Val::Flags(names) => {
            hasher.update([22]);
            count(hasher, names.len());
            for name in names {
                text(hasher, name);
            }
        }
        Val::FixedLengthList(items) => {
            hasher.update([23]);
            all(hasher, items)?;
        }
        Val::Resource(_) | Val::Future(_) | Val::Stream(_) | Val::ErrorContext(_) => return None,
    }
    Some(())
}

fn plain(hasher: &mut Sha256, kind: u8, bytes: &[u8]) {
    hasher.update([kind]);
    hasher.update(bytes);
}

fn count(hasher: &mut Sha256, count: usize) {
    hasher.update(count.to_le_bytes());
}

fn text(hasher: &mut Sha256, text: &str) {
    count(hasher, text.len());
    hasher.update(text);
}

fn all(hasher: &mut Sha256, items: &[Val]) -> Option<()> {
    count(hasher, items.len());
    items.iter().try_for_each(|item| one(hasher, item))
}

/// A list of bytes is hashed as bytes: there may be megabytes of them.
fn list(hasher: &mut Sha256, items: &[Val]) -> Option<()> {
    let byte = |item: &Val| match item {
        Val::U8(byte) => Some(*byte),
        _ => None,
    };
    match items.iter().map(byte).collect::<Option<Vec<u8>>>() {
        Some(bytes) if !bytes.is_empty() => {
            hasher.update([1]);
            count(hasher, bytes.len());
            hasher.update(bytes);
            Some(())
        }
        _ => {
            hasher.update([0]);
            all(hasher, items)
        }
    }
}

fn optional(hasher: &mut Sha256, payload: Option<&Val>) -> Option<()> {
    hasher.update([u8::from(payload.is_some())]);
    payload.map_or(Some(()), |payload| one(hasher, payload))
}

/// Bytes that a value takes, itself included.
pub(super) fn size(value: &Val) -> usize {
    let inside = match value {
        Val::String(text) | Val::Enum(text) => text.len(),
        Val::List(items) | Val::Tuple(items) | Val::FixedLengthList(items) => {
            items.iter().map(size).sum()
        }
        Val::Map(entries) => entries
            .iter()
            .map(|(key, item)| size(key) + size(item))
            .sum(),
        Val::Record(fields) => fields
            .iter()
            .map(|(name, field)| size_of::<String>() + name.len() + size(field))
            .sum(),
        Val::Variant(case, payload) => case.len() + payload.as_deref().map_or(0, size),
        Val::Option(payload) | Val::Result(Ok(payload) | Err(payload)) => {
            payload.as_deref().map_or(0, size)
        }
        Val::Flags(names) => names
            .iter()
            .map(|name| size_of::<String>() + name.len())
            .sum(),
        _ => 0,
    };
    size_of::<Val>() + inside
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    fn asked(arguments: &[Val]) -> Question {
        Question::new(&Digest::of(b""), "a:b/c", "f", arguments).unwrap()
    }

    fn word(text: &str) -> Val {
        Val::String(text.to_owned())
    }

    #[test]
    fn equal_questions_and_others() {
        let some = |value: Val| Val::Option(Some(Box::new(value)));
        let questions = [
            vec![],
            vec![word("ab")],
            vec![word("a"), word("b")],
            vec![Val::List(vec![word("a"), word("b")])],
            vec![Val::List(vec![])],
            vec![Val::List(vec![Val::U8(97)])],
            vec![Val::List(vec![Val::U8(97), Val::U8(98)])],
            vec![Val::Tuple(vec![word("a"), word("b")])],
            vec![Val::Record(vec![("a".to_owned(), word("b"))])],
            vec![Val::U32(1)],
            vec![Val::S32(1)],
            vec![Val::Option(None)],
            vec![some(Val::Option(None))],
            vec![Val::Result(Ok(Some(Box::new(word("a")))))],
            vec![Val::Result(Err(Some(Box::new(word("a")))))],
            vec![Val::Variant("a".to_owned(), None)],
            vec![Val::Enum("a".to_owned())],
            vec![word("a")],
        ];
        for (i, one) in questions.iter().enumerate() {
            for (j, other) in questions.iter().enumerate() {
                assert_eq!(asked(one) == asked(other), i == j, "{one:?} {other:?}");
            }
        }
        let function =
            |name| Question::new(&Digest::of(b""), "a:b/c", name, &[Val::Bool(true)]).unwrap();
        assert_ne!(function("f"), function("g"));
        let library =
            |bytes| Question::new(&Digest::of(bytes), "a:b/c", "f", &[Val::Bool(true)]).unwrap();
        assert_ne!(library(b"1"), library(b"2"));
    }

    #[test]
    fn what_values_cost() {
        assert_eq!(size(&Val::Bool(true)), size_of::<Val>());
        assert_eq!(size(&word("four")), size_of::<Val>() + 4);
        assert_eq!(
            size(&Val::List(vec![word("four"), word("four")])),
            3 * size_of::<Val>() + 8
        );
    }
}
