//! The digest by which a lock is known to be of its chart: SHA-256 of what Go's JSON encoder makes of the dependencies. Pure.

use std::io;

use oarlock_core::reference::Digest;
use serde::Serialize;
use serde_json::ser::{CompactFormatter, Formatter, Serializer};

use super::requirements::{Dependency, Lock, Requirements};

/// Whether `lock` was made of `requirements`: by Helm 3 and later, or, for charts of apiVersion v1, by Helm 2.
pub(super) fn is_of(lock: &Lock, requirements: &Requirements) -> bool {
    let same = |digest: Option<Digest>| digest.is_some_and(|digest| digest.as_str() == lock.digest);
    same(digest(&[&requirements.list, &lock.list]))
        || requirements.is_v1 && same(old_digest(&requirements.list))
}

fn digest(lists: &[&Vec<Dependency>; 2]) -> Option<Digest> {
    Some(Digest::of(&go_json(lists)?))
}

fn old_digest(list: &[Dependency]) -> Option<Digest> {
    #[derive(Serialize)]
    struct Old<'a> {
        dependencies: &'a [Dependency],
    }
    Some(Digest::of(&go_json(&Old { dependencies: list })?))
}

/// `None` only for what is no JSON, which dependencies never are.
fn go_json(value: &impl Serialize) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    value
        .serialize(&mut Serializer::with_formatter(
            &mut bytes,
            Go(CompactFormatter),
        ))
        .ok()?;
    Some(bytes)
}

/// Go escapes what HTML would read.
struct Go(CompactFormatter);

impl Formatter for Go {
    fn write_string_fragment<W: ?Sized + io::Write>(
        &mut self,
        writer: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        let special = |c: char| matches!(c, '<' | '>' | '&' | '\u{2028}' | '\u{2029}');
        let mut rest = fragment;
        while let Some(at) = rest.find(special) {
            let (plain, from) = rest.split_at(at);
            self.0.write_string_fragment(writer, plain)?;
            let mut characters = from.chars();
            if let Some(c) = characters.next() {
                write!(writer, "\\u{:04x}", u32::from(c))?;
            }
            rest = characters.as_str();
        }
        self.0.write_string_fragment(writer, rest)
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn json_as_go_writes_it() {
        let text = String::from_utf8(go_json(&">=1 <2 & \u{2028}\"\\\n\u{1}é").unwrap()).unwrap();
        assert_eq!(
            text,
            r#"">=1 <2 & \u2028\"\\\n\u0001é""#
                .replace('<', "\\u003c")
                .replace('>', "\\u003e")
                .replace('&', "\\u0026")
        );
    }
}
