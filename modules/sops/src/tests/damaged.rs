//! Documents that somebody changed: whatever the change, the result is the content that was encrypted, or a refusal.

use serde_json::Value;

use super::{anna, file, format, identities, refusal};
use crate::{DecryptSops, Format, Identities, OpenValue, decrypt};

const ALL: [&str; 8] = [
    "values.yaml",
    "values.json",
    "odd.yaml",
    "encrypted-regex.yaml",
    "mac-only-encrypted.yaml",
    "encrypted-comment.yaml",
    "recipients.yaml",
    "two-of-three.yaml",
];

/// A sequence of numbers, the same each time.
struct Dice(u64);

impl Dice {
    fn below(&mut self, sides: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % sides.max(1)
    }
}

const OTHERS: &[u8] = b" \n:-[]{}#&*!|>'\"%@`,?0aZ=/+\\\t";

/// Changes a few bytes, or lines.
fn mutate(text: &str, dice: &mut Dice) -> String {
    let mut bytes = text.as_bytes().to_vec();
    for _ in 0..=dice.below(3) {
        let at = dice.below(bytes.len());
        match dice.below(6) {
            0 => bytes[at] = OTHERS[dice.below(OTHERS.len())],
            1 => {
                bytes.remove(at);
            }
            2 => bytes.insert(at, OTHERS[dice.below(OTHERS.len())]),
            3 => bytes.truncate(at.max(1)),
            4 => {
                let mut lines: Vec<&[u8]> = bytes.split(|byte| *byte == b'\n').collect();
                let (one, other) = (dice.below(lines.len()), dice.below(lines.len()));
                lines.swap(one, other);
                bytes = lines.join(&b'\n');
            }
            _ => {
                let mut lines: Vec<&[u8]> = bytes.split(|byte| *byte == b'\n').collect();
                let line = lines[dice.below(lines.len())];
                lines.insert(dice.below(lines.len()), line);
                bytes = lines.join(&b'\n');
            }
        }
        if bytes.is_empty() {
            bytes.push(b'\n');
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn all() -> Identities {
    identities(&["anna", "berta", "carl"])
}

/// Text values, the way the MAC sees them, of what may only be the same.
fn leaves(value: &Value, into: &mut Vec<String>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| leaves(item, into)),
        Value::Object(fields) => fields.values().for_each(|field| leaves(field, into)),
        Value::Null => {}
        Value::String(text) => into.push(text.clone()),
        other => into.push(other.to_string()),
    }
}

#[test]
fn a_changed_document_is_refused_or_says_the_same() {
    let identities = all();
    let (mut opened, mut refused) = (0, 0);
    for (seed, name) in ALL.iter().enumerate() {
        let mut dice = Dice(seed as u64);
        let text = file(name);
        let whole = decrypt(&text, format(name), &identities).unwrap();
        let mut signed = Vec::new();
        leaves(&whole, &mut signed);
        signed.sort();
        let signed = signed.concat();
        for _ in 0..150 {
            let changed = mutate(&text, &mut dice);
            match decrypt(&changed, format(name), &identities) {
                Ok(value) => {
                    opened += 1;
                    if value == whole || *name == "mac-only-encrypted.yaml" {
                        continue;
                    }
                    // Keys of plain values, and where empty things are, SOPS does not sign; merged values may be hidden.
                    let mut found = Vec::new();
                    leaves(&value, &mut found);
                    found.sort();
                    assert_eq!(found.concat(), signed, "{changed}");
                }
                Err(error) => {
                    refused += 1;
                    let shown = format!("{error} {error:?}");
                    for secret in ["s3cr3t", "AGE-SECRET-KEY-1"] {
                        assert!(!shown.contains(secret), "{shown}");
                    }
                }
            }
        }
    }
    assert!(refused > 500 && opened > 50, "{refused} {opened}");
}

#[test]
fn noise_is_refused() {
    let identities = anna();
    let mut dice = Dice(99);
    let alphabet: Vec<char> =
        "sops:\n -[]{}\"'ENC[AES256_GCM,data:,iv:]age:mac|>!&*é\u{0}\u{feff}\t"
            .chars()
            .collect();
    for _ in 0..2_000 {
        let text: String = (0..dice.below(60))
            .map(|_| alphabet[dice.below(alphabet.len())])
            .collect();
        for format in [Format::Yaml, Format::Json] {
            assert!(decrypt(&text, format, &identities).is_err(), "{text:?}");
        }
    }
}

#[test]
fn a_value_that_was_changed_is_named() {
    let text = file("encrypted-regex.yaml");
    let forged = |text: &str| match refusal(text, &anna()) {
        DecryptSops::Value { place, problem } => (place.to_string(), problem),
        other => panic!("{other}"),
    };
    // Renamed, and moved: the place is authenticated.
    let (place, problem) = forged(&text.replace("    user: ENC", "    users: ENC"));
    assert_eq!((&*place, problem), ("stringData.users", OpenValue::Forged));
    let line = |key: &str| {
        text.lines()
            .find(|line| line.trim().starts_with(key))
            .unwrap()
    };
    let value = |key: &str| line(key).trim().strip_prefix(key).unwrap();
    let swapped = text
        .replace(value("user: "), "OTHER")
        .replace(value("password: "), value("user: "))
        .replace("OTHER", value("password: "));
    assert_eq!(forged(&swapped).0, "stringData.user");
    // A bit of the data, of the tag.
    let bit = value("password: ").replace("data:", "data:AAAA");
    let (place, problem) = forged(&text.replace(value("password: "), &bit));
    assert_eq!(
        (&*place, problem),
        ("stringData.password", OpenValue::Forged)
    );
    let cut = value("password: ").replace(",tag:", ",tagged:");
    let (place, problem) = forged(&text.replace(value("password: "), &cut));
    assert_eq!(place, "stringData.password");
    assert!(matches!(problem, OpenValue::Malformed(_)));
    // A plain one instead.
    let (place, problem) = forged(&text.replace(value("password: "), "known"));
    assert_eq!(
        (&*place, problem),
        ("stringData.password", OpenValue::Plain("a text"))
    );
}

#[test]
fn values_that_were_added_removed_or_changed_beside_are_noticed() {
    let text = file("encrypted-regex.yaml");
    let line = |key: &str| {
        text.lines()
            .find(|line| line.trim().starts_with(key))
            .unwrap()
    };
    for changed in [
        text.replace("app: shop", "app: other"),
        text.replace("kind: Secret", "kind: Secret\nmore: true"),
        text.replace(&format!("{}\n", line("password:")), ""),
        text.replace(&format!("{}\n", line("kind:")), ""),
        text.replace(
            "apiVersion: v1\nkind: Secret\n",
            "kind: Secret\napiVersion: v1\n",
        ),
    ] {
        assert_ne!(changed, text);
        assert_eq!(refusal(&changed, &anna()), DecryptSops::WrongMac);
    }
    // Where only encrypted values are signed, the others are free, and the encrypted ones are not.
    let text = file("mac-only-encrypted.yaml");
    let free = decrypt(
        &text.replace("app: shop", "app: other"),
        Format::Yaml,
        &anna(),
    )
    .unwrap();
    assert_eq!(free["metadata"]["labels"]["app"], "other");
    let line = text
        .lines()
        .find(|line| line.contains("password:"))
        .unwrap();
    assert_eq!(
        refusal(&text.replace(&format!("{line}\n"), ""), &anna()),
        DecryptSops::WrongMac
    );
    // The one kind of a MAC is not the other.
    let turned = text.replace("    mac_only_encrypted: true\n", "");
    assert_eq!(refusal(&turned, &anna()), DecryptSops::WrongMac);
}

#[test]
fn the_mac_is_needed_and_bound_to_its_time() {
    let text = file("encrypted-regex.yaml");
    let line = text
        .lines()
        .find(|line| line.starts_with("    mac: "))
        .unwrap();
    for mac in ["", "    mac: \"\"\n", "    mac: null\n"] {
        let changed = text.replace(&format!("{line}\n"), mac);
        assert_eq!(refusal(&changed, &anna()), DecryptSops::NoMac);
    }
    let plain = text.replace(line, "    mac: ABCDEF");
    assert!(matches!(
        refusal(&plain, &anna()),
        DecryptSops::OpenMac(OpenValue::Plain(_))
    ));
    let other = file("unencrypted-regex.yaml");
    let theirs = other
        .lines()
        .find(|line| line.starts_with("    mac: "))
        .unwrap();
    assert_eq!(
        refusal(&text.replace(line, theirs), &anna()),
        DecryptSops::OpenMac(OpenValue::Forged)
    );
    let later = text.replace("lastmodified: \"20", "lastmodified: \"21");
    assert_eq!(
        refusal(&later, &anna()).to_string(),
        "its MAC cannot be opened: changed, moved or renamed after it was encrypted\nhint: restore `sops.mac` and \
         `sops.lastmodified` as they were, or encrypt the document anew"
    );
}

#[test]
fn a_key_of_another_document_opens_nothing() {
    let key = |name: &str| {
        let text = file(name);
        let begin = text.find("    age:").unwrap();
        let end = text.find("    lastmodified:").unwrap();
        text[begin..end]
            .split("    encrypted_")
            .next()
            .unwrap()
            .to_owned()
    };
    let text = file("encrypted-regex.yaml");
    let changed = text.replace(&key("encrypted-regex.yaml"), &key("unencrypted-regex.yaml"));
    assert_ne!(changed, text);
    assert!(matches!(
        refusal(&changed, &anna()),
        DecryptSops::Value {
            problem: OpenValue::Forged,
            ..
        }
    ));
}
