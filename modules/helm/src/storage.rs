//! Records as Secrets, by Helm's names and labels.
//!
//! A record that is larger than a Secret may be is spread over several: the first has Helm's name and labels and names the others
//! by their number and a digest of the whole. So a record that is written anew has new parts, written before the first Secret
//! that names them, and at every instant the first names parts that are there. The `helm` command cannot read such a record; it
//! passes it over.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use thiserror::Error;

use crate::record::{DecodeRecord, EncodeRecord, Record, Status};

/// Type of a Secret that holds a record.
pub const SECRET_TYPE: &str = "helm.sh/release.v1";

/// Type of a Secret that holds a further part of one.
pub const PART_TYPE: &str = "oarlock.dev/release-part.v1";

/// `NUMBER/DIGEST` of a record's parts, on its first Secret; absent where it is whole.
pub const PARTS_ANNOTATION: &str = "helm.oarlock.dev/parts";

/// Label of whatever belongs to a release's records and is none: the release.
pub const PART_LABEL: &str = "helm.oarlock.dev/release";

/// Bytes of a record that one Secret takes: `MaxSecretSize` of Kubernetes. The data is base64 once more in the object, and etcd
/// takes one and a half of these.
const PART_SIZE: usize = 1 << 20;

/// Parts that a record may have: more are nobody's record.
const MOST_PARTS: usize = 256;

/// Labels that Helm sets itself; others on a record's Secret are its user's.
const SYSTEM_LABELS: &[&str] = &[
    "name",
    "owner",
    "status",
    "version",
    "createdAt",
    "modifiedAt",
];

/// Name of the Secret of a revision.
#[must_use]
pub fn secret_name(release: &str, version: u32) -> String {
    format!("sh.helm.release.v1.{release}.v{version}")
}

/// Names of the further parts, which are counted from 2.
fn part_names(release: &str, version: u32, parts: usize, digest: &str) -> Vec<String> {
    let first = secret_name(release, version);
    (2..=parts)
        .map(|part| format!("{first}.{digest}.{part}"))
        .collect()
}

/// Label selector of all revisions of a release, in kubectl's syntax.
#[must_use]
pub fn selector(release: &str) -> String {
    format!("owner=helm,name={release}")
}

/// When a Secret was written, for its label: seconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// It is new.
    Created(u64),
    /// It was there.
    Modified(u64),
}

/// The Secrets of a record, in the order in which they have to be written: its own last, since it names the others.
///
/// # Errors
/// When the record cannot be encoded.
pub fn secrets(
    record: &Record,
    labels: &BTreeMap<String, String>,
    moment: Moment,
) -> Result<Vec<Value>, EncodeRecord> {
    let encoded = record.encode()?;
    let parts: Vec<&[u8]> = encoded.as_bytes().chunks(PART_SIZE).collect();
    let mut all: BTreeMap<String, String> = labels
        .iter()
        .filter(|(key, _)| !SYSTEM_LABELS.contains(&key.as_str()))
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect();
    let (key, seconds) = match moment {
        Moment::Created(seconds) => ("createdAt", seconds),
        Moment::Modified(seconds) => ("modifiedAt", seconds),
    };
    all.insert(key.to_owned(), seconds.to_string());
    all.insert("name".to_owned(), record.name.clone());
    all.insert("owner".to_owned(), "helm".to_owned());
    all.insert("status".to_owned(), record.info.status.as_str().to_owned());
    all.insert("version".to_owned(), record.version.to_string());
    let mut first = json!({
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {
            "name": secret_name(&record.name, record.version),
            "namespace": record.namespace,
            "labels": all,
        },
        "type": SECRET_TYPE,
        "data": {"release": STANDARD.encode(parts.first().copied().unwrap_or_default())},
    });
    let mut names = Vec::new();
    if parts.len() > 1 {
        let digest = digest(encoded.as_bytes());
        names = part_names(&record.name, record.version, parts.len(), &digest);
        let said = format!("{}/{digest}", parts.len());
        first["metadata"]["annotations"] = json!({PARTS_ANNOTATION: said});
    }
    let further = parts.iter().skip(1).zip(names).map(|(part, name)| {
        json!({
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {
                "name": name,
                "namespace": record.namespace,
                "labels": {PART_LABEL: record.name},
            },
            "type": PART_TYPE,
            "data": {"release": STANDARD.encode(part)},
        })
    });
    Ok(further.chain(std::iter::once(first)).collect())
}

/// Enough of a digest to tell the versions of one record apart.
fn digest(encoded: &[u8]) -> String {
    let digest = Sha256::digest(encoded);
    digest
        .iter()
        .take(5)
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// Why a Secret is no record.
#[derive(Debug, Error)]
pub enum ReadSecret {
    /// It is not of the shape of a Secret with a record.
    #[error("{name}: not a Secret with a release record")]
    Shape {
        /// The Secret.
        name: String,
        /// What is wrong.
        source: serde_json::Error,
    },
    /// Its data is not base64.
    #[error("{name}: data.release is not base64")]
    Base64 {
        /// The Secret.
        name: String,
        /// What is wrong.
        source: base64::DecodeError,
    },
    /// Its annotation does not name parts.
    #[error(
        "{name}: annotation {PARTS_ANNOTATION}: {value:?} is not the number of at most {MOST_PARTS} parts and their digest"
    )]
    Parts {
        /// The Secret.
        name: String,
        /// The annotation.
        value: String,
    },
    /// A part is not there.
    #[error("{name}: part {part} is missing; the revision cannot be read or rolled back to")]
    Missing {
        /// The Secret.
        name: String,
        /// Name of the Secret with the part.
        part: String,
    },
    /// The record itself.
    #[error("{name}: {source}")]
    Record {
        /// The Secret.
        name: String,
        /// What is wrong.
        source: DecodeRecord,
    },
}

/// What a revision's Secret says without being unpacked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Name of the Secret.
    pub secret: String,
    /// `metadata.uid` of the Secret: one that was deleted and made again is another.
    pub uid: String,
    /// Resource version of the Secret.
    pub resource_version: String,
    /// Revision.
    pub version: u32,
    /// State, by its label.
    pub status: Status,
    /// Labels that are not Helm's own.
    pub labels: BTreeMap<String, String>,
    /// Names of further parts.
    pub parts: Vec<String>,
    /// When it was written last, in milliseconds since 1970, by the clock of whoever wrote it; none where no label says so.
    pub touched: Option<u64>,
}

#[derive(Deserialize)]
struct Secret {
    metadata: Metadata,
    #[serde(default)]
    data: BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Metadata {
    #[serde(default)]
    name: String,
    #[serde(default)]
    uid: String,
    #[serde(default)]
    resource_version: String,
    #[serde(default)]
    labels: BTreeMap<String, String>,
    #[serde(default)]
    annotations: BTreeMap<String, String>,
}

impl Secret {
    fn parse(json: &str) -> Result<Self, ReadSecret> {
        serde_json::from_str(json).map_err(|source| ReadSecret::Shape {
            name: "a Secret".to_owned(),
            source,
        })
    }

    fn data(&self) -> Result<Vec<u8>, ReadSecret> {
        let encoded = self.data.get("release").map_or("", String::as_str);
        STANDARD
            .decode(encoded)
            .map_err(|source| ReadSecret::Base64 {
                name: self.metadata.name.clone(),
                source,
            })
    }
}

/// What a Secret is the record of, by its labels; none where it is of no revision.
///
/// # Errors
/// When its shape or its annotation is wrong.
pub fn entry(secret: &str) -> Result<Option<Entry>, ReadSecret> {
    let Metadata {
        name,
        uid,
        resource_version,
        mut labels,
        annotations,
    } = Secret::parse(secret)?.metadata;
    let version = labels.get("version").and_then(|v| v.parse().ok());
    let (Some(version), Some(release)) = (version, labels.get("name")) else {
        return Ok(None);
    };
    let parts = match annotations.get(PARTS_ANNOTATION) {
        None => Vec::new(),
        Some(value) => {
            let (parts, digest) = parts(value).ok_or_else(|| ReadSecret::Parts {
                name: name.clone(),
                value: value.clone(),
            })?;
            part_names(release, version, parts, digest)
        }
    };
    let status = labels.get("status").map_or(Status::Unknown, |status| {
        serde_json::from_value(Value::String(status.clone())).unwrap_or_default()
    });
    let touched = ["modifiedAt", "createdAt"]
        .iter()
        .find_map(|key| labels.get(*key)?.parse::<u64>().ok())
        .map(|seconds| seconds.saturating_mul(1000));
    labels.retain(|key, _| !SYSTEM_LABELS.contains(&key.as_str()));
    Ok(Some(Entry {
        secret: name,
        uid,
        resource_version,
        version,
        status,
        labels,
        parts,
        touched,
    }))
}

/// Number and digest of an annotation.
fn parts(annotation: &str) -> Option<(usize, &str)> {
    let (number, digest) = annotation.split_once('/')?;
    let number = number.parse().ok().filter(|n| *n <= MOST_PARTS)?;
    let is_digest = !digest.is_empty() && digest.bytes().all(|b| b.is_ascii_hexdigit());
    is_digest.then_some((number, digest))
}

/// The record of a Secret and its parts. `part` finds the Secret of a further part.
///
/// # Errors
/// When it cannot be read.
pub fn record<'a>(
    secret: &str,
    part: impl Fn(&str) -> Option<&'a str>,
) -> Result<Record, ReadSecret> {
    let parsed = Secret::parse(secret)?;
    let mut data = parsed.data()?;
    for further in entry(secret)?.map(|entry| entry.parts).unwrap_or_default() {
        let found = part(&further).ok_or_else(|| ReadSecret::Missing {
            name: parsed.metadata.name.clone(),
            part: further.clone(),
        })?;
        data.extend(Secret::parse(found)?.data()?);
    }
    Record::decode(&data).map_err(|source| ReadSecret::Record {
        name: parsed.metadata.name,
        source,
    })
}

#[cfg(test)]
mod tests;
