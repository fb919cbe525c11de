//! SOPS' own field of a document: who can open it, what in it is encrypted, and its MAC.

pub(crate) mod recipient;
pub(crate) mod rule;

use recipient::{LISTS, Recipient};
use rule::Rule;
use zeroize::Zeroizing;

use crate::age::{self, identity::Identities};
use crate::cipher::DataKey;
use crate::decrypt::DecryptSops;
use crate::shamir;
use crate::tree::Node;

/// The field of a document that is SOPS' own.
pub(crate) const FIELD: &str = "sops";

/// What SOPS wrote of a document.
pub(crate) struct Metadata {
    /// Its MAC, encrypted; empty where there is none.
    pub(crate) mac: String,
    /// Whether the MAC is over encrypted values only.
    pub(crate) mac_only_encrypted: bool,
    /// When it was encrypted, as the MAC is bound to it.
    pub(crate) last_modified: String,
    /// What in it is encrypted.
    pub(crate) rule: Rule,
    groups: Vec<Group>,
    threshold: usize,
}

/// Keys of which each opens the same part of the data key.
#[derive(Default)]
struct Group {
    recipients: Vec<Recipient>,
    /// What is encrypted to age: who can open it, and what.
    sealed: Vec<(Recipient, String)>,
}

/// Refusals of fields.
pub(crate) struct BadField;

impl BadField {
    pub(crate) fn of(field: &str, problem: impl Into<String>) -> DecryptSops {
        DecryptSops::ReadMetadata {
            field: format!("{FIELD}.{field}"),
            problem: problem.into(),
        }
    }
}

impl Metadata {
    /// Reads it.
    pub(crate) fn read(own: &Node) -> Result<Self, DecryptSops> {
        if !matches!(own, Node::Map(_)) {
            return Err(DecryptSops::NotEncrypted);
        }
        let groups = groups(own)?;
        let threshold = match own.get("shamir_threshold") {
            None | Some(Node::Null) => 0,
            Some(Node::Int(number)) => usize::try_from(*number)
                .map_err(|_| BadField::of("shamir_threshold", "it is negative"))?,
            Some(other) => {
                let problem = format!("a number is expected, not {}", other.kind());
                return Err(BadField::of("shamir_threshold", problem));
            }
        };
        let last_modified = text(own, "lastmodified")?
            .ok_or_else(|| BadField::of("lastmodified", "it is missing"))?;
        let mac_only_encrypted = match own.get("mac_only_encrypted") {
            None | Some(Node::Null) => false,
            Some(Node::Bool(value)) => *value,
            Some(other) => {
                let problem = format!("true or false is expected, not {}", other.kind());
                return Err(BadField::of("mac_only_encrypted", problem));
            }
        };
        Ok(Self {
            mac: text(own, "mac")?.unwrap_or_default().to_owned(),
            mac_only_encrypted,
            last_modified: seconds(last_modified)
                .ok_or_else(|| BadField::of("lastmodified", "no time as in RFC 3339"))?,
            rule: Rule::read(own)?,
            groups,
            threshold,
        })
    }

    /// The key of the document's values.
    pub(crate) fn data_key(&self, identities: &Identities) -> Result<DataKey, DecryptSops> {
        let key = match &self.groups[..] {
            [group] => match group.open(identities)? {
                Some(key) => key,
                None => return Err(self.closed(identities, 0, 1)),
            },
            groups => self.combined(groups, identities)?,
        };
        DataKey::new(&key).ok_or(DecryptSops::KeyLength(key.len()))
    }

    fn combined(
        &self,
        groups: &[Group],
        identities: &Identities,
    ) -> Result<Zeroizing<Vec<u8>>, DecryptSops> {
        // Without a threshold SOPS splits so that all are needed.
        let needed = match self.threshold {
            0 => groups.len(),
            threshold => threshold.max(2),
        };
        let mut parts = Vec::new();
        for group in groups {
            parts.extend(group.open(identities)?);
        }
        if parts.len() < needed {
            return Err(self.closed(identities, parts.len(), needed));
        }
        shamir::combine(&parts).map_err(DecryptSops::CombineKey)
    }

    /// Why the document stays closed.
    fn closed(&self, identities: &Identities, opened: usize, needed: usize) -> DecryptSops {
        let mut recipients: Vec<Recipient> = self
            .groups
            .iter()
            .flat_map(|group| group.recipients.iter().cloned())
            .collect();
        recipients.sort();
        recipients.dedup();
        let age: Vec<String> = recipients
            .iter()
            .filter(|recipient| recipient.kind == "age")
            .map(|recipient| recipient.name.clone())
            .collect();
        let possible = self
            .groups
            .iter()
            .filter(|group| !group.sealed.is_empty())
            .count();
        if possible < needed {
            return DecryptSops::NotToAge { recipients };
        }
        if needed > 1 {
            return DecryptSops::TooFewGroups {
                opened,
                needed,
                recipients: age,
            };
        }
        if identities.is_empty() {
            return DecryptSops::NoIdentity { recipients: age };
        }
        DecryptSops::NoMatch {
            recipients: age,
            tried: identities.recipients().map(str::to_owned).collect(),
        }
    }
}

impl Group {
    fn read(own: &Node, path: &str) -> Result<Self, DecryptSops> {
        let mut group = Self::default();
        for (list, name) in LISTS {
            let entries = match own.get(list) {
                None | Some(Node::Null) => continue,
                Some(Node::List(entries)) => entries,
                Some(other) => {
                    let problem = format!("a list is expected, not {}", other.kind());
                    return Err(BadField::of(&format!("{path}{list}"), problem));
                }
            };
            for (index, entry) in entries.iter().enumerate() {
                let recipient = Recipient::read(list, name, entry);
                if list == "age" {
                    let Some(Node::Text(sealed)) = entry.get("enc") else {
                        let field = format!("{path}{list}[{index}].enc");
                        return Err(BadField::of(&field, "a text is expected"));
                    };
                    group.sealed.push((recipient.clone(), sealed.clone()));
                }
                group.recipients.push(recipient);
            }
        }
        Ok(group)
    }

    /// Its part of the data key; none where no identity opens it.
    fn open(&self, identities: &Identities) -> Result<Option<Zeroizing<Vec<u8>>>, DecryptSops> {
        // Those that say to be for one of the identities first: usually that is all there is to try.
        let ours = |recipient: &Recipient| identities.recipients().any(|own| own == recipient.name);
        let (first, then): (Vec<_>, Vec<_>) = self
            .sealed
            .iter()
            .partition(|(recipient, _)| ours(recipient));
        let mut broken = None;
        for (recipient, sealed) in first.into_iter().chain(then) {
            match age::open(sealed, identities) {
                Ok(Some(key)) => return Ok(Some(key)),
                Ok(None) => {}
                Err(problem) => {
                    broken.get_or_insert(DecryptSops::OpenKey {
                        recipient: recipient.name.clone(),
                        problem,
                    });
                }
            }
        }
        broken.map_or(Ok(None), Err)
    }
}

fn groups(own: &Node) -> Result<Vec<Group>, DecryptSops> {
    let single = Group::read(own, "")?;
    if !single.recipients.is_empty() {
        return Ok(vec![single]);
    }
    let groups: Vec<Group> = match own.get("key_groups") {
        None | Some(Node::Null) => Vec::new(),
        Some(Node::List(groups)) => groups
            .iter()
            .enumerate()
            .map(|(index, group)| Group::read(group, &format!("key_groups[{index}].")))
            .collect::<Result<_, _>>()?,
        Some(other) => {
            let problem = format!("a list is expected, not {}", other.kind());
            return Err(BadField::of("key_groups", problem));
        }
    };
    if groups.iter().all(|group| group.recipients.is_empty()) {
        return Err(DecryptSops::NoRecipients);
    }
    Ok(groups)
}

/// A field that is a text, if it is there.
fn text<'a>(own: &'a Node, field: &str) -> Result<Option<&'a str>, DecryptSops> {
    match own.get(field) {
        None | Some(Node::Null) => Ok(None),
        Some(Node::Text(text)) => Ok(Some(text)),
        Some(other) => {
            let problem = format!("a text is expected, not {}", other.kind());
            Err(BadField::of(field, problem))
        }
    }
}

/// A time as SOPS writes it: without fractions, and with `Z` for no offset.
fn seconds(time: &str) -> Option<String> {
    let (clock, rest) = time.split_at_checked(19)?;
    let shape = clock.bytes().enumerate().all(|(at, byte)| match at {
        4 | 7 => byte == b'-',
        10 => byte == b'T',
        13 | 16 => byte == b':',
        _ => byte.is_ascii_digit(),
    });
    let offset = match rest.strip_prefix('.') {
        Some(fraction) => fraction.trim_start_matches(|character: char| character.is_ascii_digit()),
        None => rest,
    };
    let known = match offset.as_bytes() {
        b"Z" => true,
        [b'+' | b'-', hours @ .., b':', tens, ones] => {
            hours.len() == 2 && hours.iter().chain([tens, ones]).all(u8::is_ascii_digit)
        }
        _ => false,
    };
    let offset = match offset {
        "+00:00" | "-00:00" => "Z",
        other => other,
    };
    (shape && known).then(|| format!("{clock}{offset}"))
}
