//! The revisions of a release, as the cluster keeps them: what their Secrets say without being unpacked, and, only where that is needed,
//! the records in them.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use oarlock_sdk::{Context, ObjectRef, ReadError, Reads, Selection, Timestamp, Value};
use serde::Deserialize;

use super::digest;
use crate::record::Record;
use crate::situation::{Header, Obstacle};
use crate::state::Place;
use crate::storage::{self, Entry};

/// What a revision's Secret is asked for in every run: megabytes of content stay where they are.
const FIELDS: &[&str] = &[
    "/metadata/uid",
    "/metadata/resourceVersion",
    "/metadata/labels",
    "/metadata/annotations/helm.oarlock.dev~1parts",
];

/// Milliseconds after which the API server is asked again.
const AGAIN: u64 = 5_000;

/// The revisions of one release.
pub struct Shelf<'a> {
    cx: &'a Context,
    place: Place,
    account: Option<&'a str>,
    /// Oldest first.
    entries: Vec<Entry>,
    records: RefCell<BTreeMap<u32, Rc<Record>>>,
}

impl<'a> Shelf<'a> {
    /// What is there of a release. One read, with the rights of `account` where one is named.
    ///
    /// # Errors
    /// Where the Secrets cannot be read, or one of them says something that nobody wrote so.
    pub fn read(
        cx: &'a Context,
        place: &Place,
        account: Option<&'a str>,
    ) -> Result<Self, Obstacle> {
        let selection = Selection {
            api_version: String::from("v1"),
            kind: String::from("Secret"),
            namespace: Some(place.storage.clone()),
            labels: Some(storage::selector(&place.name)),
            fields: FIELDS.iter().map(|&field| String::from(field)).collect(),
            act_as: account.map(String::from),
        };
        let found = cx
            .reads()
            .query(&selection)
            .map_err(|error| unreadable(place, &error))?;
        let mut entries = Vec::with_capacity(found.len());
        for secret in &found {
            let entry = storage::entry(&secret.to_string()).map_err(|error| {
                broken(format!(
                    "{error}\nhint: restore the Secret, or delete it: the revision cannot be used as it is"
                ))
            })?;
            entries.extend(entry);
        }
        entries.sort_by_key(|entry| entry.version);
        Ok(Self {
            cx,
            place: place.clone(),
            account,
            entries,
            records: RefCell::default(),
        })
    }

    /// All revisions, oldest first.
    #[must_use]
    pub fn history(&self) -> &[Entry] {
        &self.entries
    }

    /// One revision.
    #[must_use]
    pub fn entry(&self, version: u32) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.version == version)
    }

    /// The records that this run unpacked.
    #[must_use]
    pub fn unpacked(&self) -> Vec<Rc<Record>> {
        self.records.borrow().values().map(Rc::clone).collect()
    }

    /// What is in a revision. Unpacked once in a run.
    ///
    /// # Errors
    /// Where it is not there, or no record.
    pub fn record(&self, version: u32) -> Result<Rc<Record>, Obstacle> {
        if let Some(known) = self.records.borrow().get(&version) {
            return Ok(Rc::clone(known));
        }
        let name = storage::secret_name(&self.place.name, version);
        let own = self.secret(&name)?.ok_or_else(|| self.gone(&name))?;
        let listed = storage::entry(&own).map_err(|error| broken(error.to_string()))?;
        let mut parts = BTreeMap::new();
        for part in listed.map(|entry| entry.parts).unwrap_or_default() {
            if let Some(text) = self.secret(&part)? {
                parts.insert(part, text);
            }
        }
        let record = storage::record(&own, |name| parts.get(name).map(String::as_str)).map_err(
            |error| {
                let mut message = error.to_string();
                let mut source = std::error::Error::source(&error);
                while let Some(cause) = source {
                    message = format!("{message}: {cause}");
                    source = cause.source();
                }
                broken(format!(
                    "cannot read revision {version} of release {}/{}: {message}\n\
                     hint: delete the Secret {name:?} if the revision is not needed any more; nothing is changed before",
                    self.place.namespace, self.place.name
                ))
            },
        )?;
        let record = Rc::new(record);
        self.records
            .borrow_mut()
            .insert(version, Rc::clone(&record));
        Ok(record)
    }

    /// What a revision says beside its labels.
    ///
    /// # Errors
    /// As [`Shelf::record`].
    pub fn header(&self, version: u32) -> Result<Header, Obstacle> {
        let record = self.record(version)?;
        let chart = record
            .chart
            .as_ref()
            .and_then(|chart| serde_json::from_str::<Chart>(chart.get()).ok())
            .unwrap_or_default();
        let written = record.info.last_deployed.as_deref();
        let last_deployed = written.and_then(|time| time.parse::<Timestamp>().ok());
        Ok(Header {
            namespace: record.namespace.clone(),
            description: record.info.description.clone(),
            chart_name: chart.metadata.name,
            chart_version: chart.metadata.version,
            config_digest: digest::of_values(&record.config),
            last_deployed: last_deployed.map(Timestamp::as_millis),
        })
    }

    fn secret(&self, name: &str) -> Result<Option<String>, Obstacle> {
        let target = ObjectRef::new("v1", "Secret", name).in_namespace(&self.place.storage);
        let found = reads(self.cx, self.account)
            .get_raw(&target)
            .map_err(|error| unreadable(&self.place, &error))?;
        Ok(found.as_ref().map(Value::to_string))
    }

    fn gone(&self, name: &str) -> Obstacle {
        Obstacle {
            reason: "ReleaseHistoryFailed",
            message: format!(
                "Secret {name:?} in namespace {:?} was there a moment ago and is gone",
                self.place.storage
            ),
            retry: Some(AGAIN),
        }
    }
}

/// What of a record's chart tells which one it is.
#[derive(Default, Deserialize)]
struct Chart {
    #[serde(default)]
    metadata: Metadata,
}

#[derive(Default, Deserialize)]
struct Metadata {
    #[serde(default)]
    name: String,
    #[serde(default)]
    version: String,
}

/// Reads with the rights of an account where one is named.
pub(super) fn reads<'a>(cx: &'a Context, account: Option<&'a str>) -> Reads<'a> {
    match account {
        Some(account) => cx.reads().acting_as(account),
        None => cx.reads(),
    }
}

fn unreadable(place: &Place, error: &ReadError) -> Obstacle {
    let (hint, retry) = match error {
        ReadError::Unavailable(_) => ("", Some(AGAIN)),
        ReadError::Denied(_) | ReadError::UnknownKind(_) | ReadError::Malformed { .. } => (
            "\nhint: whoever runs releases reads, creates, changes and deletes Secrets in the namespace of their records",
            None,
        ),
    };
    Obstacle {
        reason: match error {
            ReadError::Denied(_) => "AccessDenied",
            _ => "ReleaseHistoryFailed",
        },
        message: format!(
            "cannot read the revisions of release {}/{} in namespace {:?}: {error}{hint}",
            place.namespace, place.name, place.storage
        ),
        retry,
    }
}

fn broken(message: String) -> Obstacle {
    Obstacle {
        reason: "ReleaseHistoryFailed",
        message,
        retry: None,
    }
}

#[cfg(test)]
mod tests;
