#![expect(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

mod damaged;
mod golden;
mod refused;
mod sealed;

use std::path::PathBuf;

use crate::{DecryptSops, Format, Identities, decrypt};

/// A file of `tests/golden`.
fn file(name: &str) -> String {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("tests/golden")
        .join(name);
    std::fs::read_to_string(&path).expect(name)
}

fn format(name: &str) -> Format {
    if name.ends_with(".json") {
        Format::Json
    } else {
        Format::Yaml
    }
}

/// Identities of people.
fn identities(people: &[&str]) -> Identities {
    let mut identities = Identities::default();
    for person in people {
        identities.extend(Identities::read(&file(&format!("keys/{person}.agekey"))).unwrap());
    }
    identities
}

fn anna() -> Identities {
    identities(&["anna"])
}

/// Why a text cannot be decrypted.
fn refusal(text: &str, identities: &Identities) -> DecryptSops {
    decrypt(text, Format::of(text), identities).unwrap_err()
}
