#![expect(clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeMap;
use std::path::PathBuf;

use sha2::Digest as _;

use super::*;

/// What one of the community's vectors says.
struct Vector {
    name: String,
    fields: BTreeMap<String, String>,
    file: Vec<u8>,
}

impl Vector {
    fn all() -> Vec<Self> {
        let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/age");
        let mut vectors: Vec<Self> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.extension().is_none())
            .map(|path| {
                let bytes = std::fs::read(&path).unwrap();
                let end = bytes.windows(2).position(|two| two == b"\n\n").unwrap();
                let fields = String::from_utf8(bytes[..end].to_vec()).unwrap();
                Self {
                    name: path.file_name().unwrap().to_string_lossy().into_owned(),
                    fields: fields
                        .lines()
                        .filter_map(|line| line.split_once(": "))
                        .map(|(field, value)| (field.to_owned(), value.to_owned()))
                        .collect(),
                    file: bytes[end + 2..].to_vec(),
                }
            })
            .collect();
        vectors.sort_by(|one, other| one.name.cmp(&other.name));
        vectors
    }

    fn outcome(&self) -> String {
        let identities = match self.fields.get("identity") {
            Some(identity) => Identities::read(identity).unwrap(),
            None => Identities::default(),
        };
        let result = if self.fields.contains_key("armored") {
            match String::from_utf8(self.file.clone()) {
                Ok(text) => open(&text, &identities),
                Err(_) => Err(OpenFile::Armor("no text")),
            }
        } else {
            content(&self.file, &identities)
        };
        match result {
            Ok(Some(content)) => {
                let hash: String = Sha256::digest(&*content)
                    .iter()
                    .map(|byte| format!("{byte:02x}"))
                    .collect();
                match self.fields.get("payload") == Some(&hash) {
                    true => "success",
                    false => "another content",
                }
            }
            Ok(None) => "no match",
            Err(OpenFile::Armor(_)) => "armor failure",
            Err(OpenFile::Header(_)) => "header failure",
            Err(OpenFile::HeaderMac) => "HMAC failure",
            Err(OpenFile::Length | OpenFile::Payload) => "payload failure",
        }
        .to_owned()
    }
}

#[test]
fn the_communitys_vectors_hold() {
    let vectors = Vector::all();
    assert_eq!(vectors.len(), 78);
    let wrong: Vec<String> = vectors
        .iter()
        .filter(|vector| vector.outcome() != vector.fields["expect"])
        .map(|vector| {
            let (name, expected) = (&vector.name, &vector.fields["expect"]);
            format!("{name}: {}, expected {expected}", vector.outcome())
        })
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}
