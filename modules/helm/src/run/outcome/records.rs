//! Records: written and forgotten.

use std::collections::BTreeMap;

use oarlock_sdk::{Child, Expect, ObjectRef, Removal, Selection};
use serde_json::{Value, json};

use super::{Hands, MANAGER, Work, applied};
use crate::record::{ApplyMethod, Record, Status};
use crate::run::{report, seed};
use crate::situation::{Obstacle, TOKEN_LABEL};
use crate::state::rfc3339;
use crate::storage::{self, Entry, Moment, PARTS_ANNOTATION};
use crate::turn::{self, Content, Effect, RecordWrite, Turn};

/// A digest of nothing, on a record that has become whole again: what is applied cannot take an annotation away that the creation
/// has set.
const WHOLE: &str = "1/00";

impl Hands<'_> {
    pub(super) fn record(&self, write: &RecordWrite, work: &mut Work) -> Result<(), Obstacle> {
        let entry = self.shelf.entry(write.revision);
        let mut record = self.content(write)?;
        let now = rfc3339(self.now);
        record.info.status = write.status.clone();
        if let Some(description) = &write.description {
            record.info.description.clone_from(description);
        }
        match write.status {
            Status::Uninstalling => record.info.deleted = Some(now),
            // A record that is again what it was was never deleted.
            Status::Deployed | Status::Failed => record.info.deleted = None,
            _ => {}
        }
        if let Some(action) = self
            .action
            .filter(|action| action.revision == write.revision)
        {
            for course in &action.courses {
                course.note(&mut record.hooks, |seconds| rfc3339(seconds * 1000));
            }
        }
        let labels = self.labels(write, entry);
        let seconds = self.now / 1000;
        let moment = match write.expect {
            turn::Expect::Absent => Moment::Created(seconds),
            turn::Expect::Version(_) => Moment::Modified(seconds),
        };
        let mut secrets = storage::secrets(&record, &labels, moment).map_err(|error| Obstacle {
            reason: "RecordUnwritable",
            message: format!(
                "revision {} of release {}/{}: {error}",
                write.revision, self.place.namespace, self.place.name
            ),
            retry: None,
        })?;
        for secret in &mut secrets {
            secret["metadata"]["namespace"] = Value::from(self.place.storage.as_str());
        }
        work.written += secrets.iter().map(size).sum::<usize>();
        let names: Vec<String> = secrets.iter().filter_map(name).collect();
        let Some(mut own) = secrets.pop() else {
            return Ok(());
        };
        if let Some(seed) = self
            .rendered
            .filter(|_| write.content == Content::Rendered)
            .and_then(|rendered| rendered.seed.as_ref())
        {
            work.children.push(applied(seed));
        }
        work.children.extend(secrets.iter().map(applied));
        let had_parts = entry.is_some_and(|entry| !entry.parts.is_empty());
        if had_parts && secrets.is_empty() {
            own["metadata"]["annotations"] = json!({PARTS_ANNOTATION: WHOLE});
        }
        work.children.push(match &write.expect {
            turn::Expect::Absent => Child::create(&own).unowned().absent().manager(MANAGER),
            turn::Expect::Version(version) => {
                applied(&own).expect(Expect::Version(version.clone()))
            }
        });
        if had_parts || !secrets.is_empty() {
            let own = format!(
                "{}.",
                storage::secret_name(&self.place.name, write.revision)
            );
            for part in self.parts()? {
                if part.starts_with(&own) && !names.contains(&part) {
                    work.removals.push(Removal::of(self.secret(&part)));
                }
            }
        }
        work.records.push(record);
        Ok(())
    }

    fn content(&self, write: &RecordWrite) -> Result<Record, Obstacle> {
        let now = rfc3339(self.now);
        let first = || {
            let before = self.shelf.history().iter().rev().find(|entry| {
                entry.version < write.revision && entry.status != Status::Uninstalled
            });
            // A record that cannot be read costs a date, and no release.
            let before = before.and_then(|entry| self.shelf.record(entry.version).ok());
            before
                .and_then(|record| record.info.first_deployed.clone())
                .unwrap_or_else(|| now.clone())
        };
        Ok(match write.content {
            Content::Rendered => {
                let Some(rendered) = self.rendered else {
                    return Err(Obstacle {
                        reason: "NotRendered",
                        message: String::from("the chart was not rendered in this run"),
                        retry: Some(0),
                    });
                };
                let mut record = rendered.record.clone();
                record.info.first_deployed = Some(match write.status {
                    Status::PendingInstall => now.clone(),
                    _ => first(),
                });
                record.info.last_deployed = Some(now);
                record
            }
            Content::Of(version) => {
                let older = self.shelf.record(version)?;
                let mut record = Record::clone(&older);
                record.version = write.revision;
                // Whatever wrote the older one: this one is applied by the server.
                record.apply_method = ApplyMethod::ServerSide;
                record.info.first_deployed = Some(first());
                record.info.last_deployed = Some(now);
                record.info.deleted = None;
                record
            }
            Content::Kept => Record::clone(&*self.shelf.record(write.revision)?),
        })
    }

    /// Its own, or, of a new one, those that the user gave the revision before.
    fn labels(&self, write: &RecordWrite, entry: Option<&Entry>) -> BTreeMap<String, String> {
        let mut labels = match entry {
            Some(entry) => entry.labels.clone(),
            None => {
                let before = self.shelf.history().last();
                let mut labels = before.map(|entry| entry.labels.clone()).unwrap_or_default();
                labels.remove(TOKEN_LABEL);
                labels
            }
        };
        if let Some(token) = &write.token {
            labels.insert(TOKEN_LABEL.to_owned(), token.clone());
        }
        labels
    }

    pub(super) fn forget(&self, revision: u32, work: &mut Work) {
        if let Some(entry) = self.shelf.entry(revision) {
            // Its own Secret first: parts that nobody names are nobody's record.
            for name in [&entry.secret].into_iter().chain(&entry.parts) {
                work.removals.push(Removal::of(self.secret(name)));
            }
        }
    }

    /// Further parts of records, those too that nobody names: whoever wrote them was killed before the record.
    fn parts(&self) -> Result<Vec<String>, Obstacle> {
        let selection = Selection {
            api_version: String::from("v1"),
            kind: String::from("Secret"),
            namespace: Some(self.place.storage.clone()),
            labels: Some(format!("{}={}", storage::PART_LABEL, self.place.name)),
            fields: vec![String::from("/metadata/labels")],
            act_as: self.wish.account.clone(),
        };
        let found = self.cx.reads().query(&selection).map_err(|error| {
            report::unread("the Secrets with parts of the release's records", &error)
        })?;
        let seed = seed::secret_name(&self.place.name);
        let names = found.iter().filter_map(name);
        Ok(names.filter(|name| *name != seed).collect())
    }

    /// What random values were drawn from goes with the last record, and whatever is left of any.
    pub(super) fn last_forgotten(&self, turn: &Turn, work: &mut Work) -> Result<(), Obstacle> {
        let forgotten = |entry: &Entry| {
            turn.effects.iter().any(
                |effect| matches!(effect, Effect::Forget { revision } if *revision == entry.version),
            )
        };
        let history = self.shelf.history();
        if !history.is_empty() && history.iter().all(forgotten) {
            let seed = seed::secret_name(&self.place.name);
            work.removals.push(Removal::of(self.secret(&seed)));
            let listed = history.iter().flat_map(|entry| &entry.parts);
            let listed: Vec<&String> = listed.collect();
            for part in self.parts()? {
                if !listed.contains(&&part) {
                    work.removals.push(Removal::of(self.secret(&part)));
                }
            }
        }
        Ok(())
    }

    fn secret(&self, name: &str) -> ObjectRef {
        ObjectRef::new("v1", "Secret", name).in_namespace(self.place.storage.as_str())
    }
}

/// Bytes of what is in it.
fn size(secret: &Value) -> usize {
    secret["data"]["release"].as_str().map_or(0, str::len)
}

fn name(secret: &Value) -> Option<String> {
    secret["metadata"]["name"].as_str().map(str::to_owned)
}
