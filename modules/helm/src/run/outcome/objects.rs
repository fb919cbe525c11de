//! Objects of revisions: written and removed.

use std::collections::BTreeSet;

use oarlock_sdk::{Child, Expect, Propagation, Removal};
use serde_json::{Map, Value, json};

use super::{Hands, Work, applied};
use crate::difference::{self, keeps};
use crate::manifest::{Id, Object, Placed, Placement};
use crate::record::Record;
use crate::run::{drift, objects, report};
use crate::situation::{self, Obstacle};
use crate::state::{Stage, Verb};
use crate::turn::Event;
use crate::wish;

impl Hands<'_> {
    /// Writes the objects of a revision in Helm's order, and removes those that only the others have.
    pub(super) fn objects(
        &self,
        of: u32,
        against: &[u32],
        work: &mut Work,
    ) -> Result<(), Obstacle> {
        let record = self.shelf.record(of)?;
        let verb = self.action.map(|action| action.verb);
        if verb == Some(Verb::Correct) {
            let differing = drift::of(self.cx, self.shelf, self.served, self.wish, of)?;
            let contents = differing.iter().map(drift::Differing::content);
            work.children
                .extend(contents.map(|content| applied(&content)));
            return Ok(());
        }
        let owner = objects::owner(&record);
        let Placement {
            placed: new,
            unserved,
        } = objects::placed(&record, self.served.kinds()?)?;
        if matches!(verb, Some(Verb::Install | Verb::Upgrade)) {
            // When it was rendered there was none whose kind nobody brings.
            let late = unserved.iter().map(|late| named(&late.object, &record));
            work.late.extend(late);
        }
        let mut listed: BTreeSet<_> = BTreeSet::new();
        let mut children = Vec::new();
        // The last of several that are one object counts.
        for placed in new.iter().rev() {
            if listed.insert(placed.id.key()) {
                let mut object = placed.object.clone();
                owner.mark(&mut object);
                children.push(applied(&Value::Object(object.content)));
            }
        }
        work.children.extend(children.into_iter().rev());
        if !work.late.is_empty() {
            let defines = |child: &&Child| {
                let target = child.target();
                target.is_some_and(|target| target.kind == "CustomResourceDefinition")
            };
            work.first = work.children.iter().filter(defines).cloned().collect();
            return Ok(());
        }
        let old = self.sights.of_revisions(against)?;
        let difference = difference::between(&old, &new);
        for id in &difference.twice {
            let message = format!("the chart has {id} more than once: the last one counts");
            self.note(
                "DuplicateObject",
                &format!("twice-{id}"),
                true,
                message,
                work,
            );
        }
        for gone in difference.delete {
            self.gone(gone, &owner, Propagation::Background, work)?;
        }
        Ok(())
    }

    /// Something that people should know, once per action.
    fn note(&self, reason: &str, what: &str, warning: bool, message: String, work: &mut Work) {
        let number = self.action.map_or(0, |action| action.number);
        work.events.push(Event {
            key: format!("{what}-{number}"),
            warning,
            reason: reason.to_owned(),
            message,
        });
    }

    /// Lets the program that made the release before give its fields up, once its objects are written as this one wants them: what it
    /// alone held of them goes, such as what the chart has no more. Where it holds nothing, nothing changes.
    pub(crate) fn give_up_for_others(&self, work: &mut Work) -> Result<(), Obstacle> {
        let Some(action) = self
            .action
            .filter(|action| action.verb.makes() && action.stage == Stage::Ready)
        else {
            return Ok(());
        };
        let others = action
            .against
            .last()
            .and_then(|before| self.shelf.entry(*before));
        if others.is_none_or(|entry| situation::is_maker(self.uid, entry)) {
            return Ok(());
        }
        for placed in self.sights.of_revisions(&[action.revision])? {
            let Some(live) = self.live(&placed.id)? else {
                continue;
            };
            let target = objects::reference(&placed.id);
            let listed = |child: &Child| child.target().as_ref() == Some(&target);
            if work.children.iter().any(listed) {
                continue;
            }
            let mut metadata = json!({"name": target.name});
            if let Some(namespace) = &target.namespace {
                metadata["namespace"] = json!(namespace);
            }
            let bare = json!({
                "apiVersion": target.api_version,
                "kind": target.kind,
                "metadata": metadata,
            });
            let child = Child::apply(bare)
                .unowned()
                .force()
                .manager(self.predecessor);
            work.children.push(match objects::uid(&live) {
                Some(uid) => child.expect(Expect::Uid(uid.to_owned())),
                None => continue,
            });
        }
        Ok(())
    }

    /// Removes the objects of revisions in Helm's order.
    pub(super) fn remove(&self, of: &[u32], work: &mut Work) -> Result<(), Obstacle> {
        let Some(newest) = of.last() else {
            return Ok(());
        };
        let old = self.sights.of_revisions(of)?;
        let owner = objects::owner(&*self.shelf.record(*newest)?);
        let propagation = match self.wish.policy.propagation {
            wish::Propagation::Background => Propagation::Background,
            wish::Propagation::Foreground => Propagation::Foreground,
            wish::Propagation::Orphan => Propagation::Orphan,
        };
        let removal = difference::removal(&old);
        if let Some(kept) = removal.kept() {
            self.note("ResourcesKept", "kept", false, kept, work);
        }
        for gone in removal.delete {
            self.gone(gone, &owner, propagation, work)?;
        }
        Ok(())
    }

    /// Removes what a failed revision created, and no other has.
    pub(super) fn clean(&self, of: u32, besides: &[u32], work: &mut Work) -> Result<(), Obstacle> {
        let (Some(entry), Ok(record)) = (self.shelf.entry(of), self.shelf.record(of)) else {
            return Ok(());
        };
        let since = self.created(&entry.secret)?;
        let owner = objects::owner(&record);
        let new = objects::placed(&record, self.served.kinds()?)?.placed;
        let kept = self.sights.of_revisions(besides)?;
        for placed in difference::between(&new, &kept).delete {
            let Some(live) = self.live(&placed.id)? else {
                continue;
            };
            let made = live
                .get("metadata")
                .and_then(|metadata| metadata.get("creationTimestamp"))
                .and_then(Value::as_str);
            // Both are RFC 3339 in whole seconds of UTC: their order is that of their texts.
            let is_new = made
                .zip(since.as_deref())
                .is_some_and(|(made, since)| made >= since);
            if is_new && owner.foreign(&placed.id, &live).is_none() {
                self.gone(placed, &owner, Propagation::Background, work)?;
            }
        }
        Ok(())
    }

    /// When a Secret was created.
    fn created(&self, secret: &str) -> Result<Option<String>, Obstacle> {
        let id = Id {
            group: String::new(),
            version: String::from("v1"),
            kind: String::from("Secret"),
            namespace: Some(self.place.storage.clone()),
            name: secret.to_owned(),
        };
        let live = self.live(&id)?;
        let made = live.as_ref().and_then(|live| {
            let metadata = live.get("metadata")?;
            metadata.get("creationTimestamp")?.as_str()
        });
        Ok(made.map(str::to_owned))
    }

    /// Removes an object, unless it is not there, says that it stays, or is part of another release by now.
    fn gone(
        &self,
        placed: &Placed,
        owner: &crate::ownership::Owner,
        propagation: Propagation,
        work: &mut Work,
    ) -> Result<(), Obstacle> {
        let Some(live) = self.live(&placed.id)? else {
            return Ok(());
        };
        if keeps(&live) {
            return Ok(());
        }
        if objects::is_of_another(owner, &live) {
            let id = &placed.id;
            let message = format!("{id} is part of another release by now, and is left alone");
            self.note("ObjectLeft", &format!("left-{id}"), false, message, work);
            return Ok(());
        }
        let mut removal = Removal::of(objects::reference(&placed.id)).propagation(propagation);
        if let Some(uid) = objects::uid(&live) {
            removal = removal.uid(uid);
        }
        work.removals.push(removal);
        Ok(())
    }

    pub(super) fn live(&self, id: &Id) -> Result<Option<Map<String, Value>>, Obstacle> {
        objects::live(self.cx, id, self.wish.account.as_deref()).map_err(|error| {
            let target = objects::reference(id);
            report::unread(&report::named(&target), &error)
        })
    }
}

/// An object of a kind that is not served yet, for people.
fn named(object: &Object, record: &Record) -> String {
    let namespace = object.namespace().unwrap_or(&record.namespace);
    let (kind, name, version) = (object.kind(), object.name(), object.api_version());
    format!("{kind} {namespace}/{name} ({version})")
}
