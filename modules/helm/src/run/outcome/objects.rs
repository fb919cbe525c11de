//! Objects of revisions: written and removed.

use std::collections::BTreeSet;

use oarlock_sdk::{Child, Expect, Propagation, Removal};
use serde_json::{Map, Value, json};

use super::{Hands, Work, applied};
use crate::difference::{self, crds, keeps};
use crate::manifest::{Document, Id, Kinds, Object, Placed};
use crate::run::{drift, objects, report};
use crate::situation::{self, Obstacle};
use crate::state::{Stage, Verb};
use crate::wish::{self, Crds};

impl Hands<'_> {
    /// Writes the objects of a revision in Helm's order, and removes those that only the others have.
    pub(super) fn objects(
        &self,
        of: u32,
        against: &[u32],
        crds: bool,
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
        if verb == Some(Verb::Install) && self.wish.policy.create_namespace {
            self.namespace(&record.namespace, work)?;
        }
        let mut kinds = self.served.kinds()?.clone();
        if crds {
            self.definitions(verb, &mut kinds, work)?;
        }
        let served = self.served.kinds()?;
        let owner = objects::owner(&record);
        let new = objects::placed(&record, &kinds)?.placed;
        for Placed { id, object } in &new {
            if served.scope(&id.group, &id.version, &id.kind).is_none() {
                let target = objects::reference(id);
                work.late.push(format!(
                    "{} ({})",
                    report::named(&target),
                    object.api_version()
                ));
            }
        }
        if !work.late.is_empty() {
            work.first.clone_from(&work.children);
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
        let old = self.sights.of_revisions(against)?;
        for gone in difference::between(&old, &new).delete {
            self.gone(gone, &owner, Propagation::Background, work)?;
        }
        Ok(())
    }

    /// Creates the release's namespace, unless it is there; labelled as Helm does it.
    fn namespace(&self, name: &str, work: &mut Work) -> Result<(), Obstacle> {
        let id = Id {
            group: String::new(),
            version: String::from("v1"),
            kind: String::from("Namespace"),
            namespace: None,
            name: name.to_owned(),
        };
        if name == self.home || self.live(&id)?.is_some() {
            return Ok(());
        }
        let namespace = json!({
            "apiVersion": "v1",
            "kind": "Namespace",
            "metadata": {"name": name, "labels": {"name": name}},
        });
        work.children.push(Child::create(namespace).unowned());
        Ok(())
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

    /// `crds/` of the chart, before everything else.
    fn definitions(
        &self,
        verb: Option<Verb>,
        kinds: &mut Kinds,
        work: &mut Work,
    ) -> Result<(), Obstacle> {
        let policy = match verb {
            Some(Verb::Install) => self.wish.policy.install_crds,
            _ => self.wish.policy.upgrade_crds,
        };
        if policy == Crds::Skip {
            return Ok(());
        }
        let chart = self.chart.map_err(Clone::clone)?;
        let failed = |message: String| Obstacle {
            reason: "ArtifactFailed",
            message,
            retry: None,
        };
        let documents = self
            .engine
            .crds(chart)
            .map_err(|error| failed(error.to_string()))?;
        let mut definitions: Vec<Object> = Vec::new();
        for document in documents {
            let document = Document::new(document.source, document.content);
            let objects = document
                .objects()
                .map_err(|error| failed(error.to_string()))?;
            definitions.extend(objects);
        }
        let mut live: Vec<(String, Map<String, Value>)> = Vec::new();
        for definition in &definitions {
            kinds.learn(definition);
            let id = Id {
                group: definition.group().to_owned(),
                version: definition.version().to_owned(),
                kind: definition.kind().to_owned(),
                namespace: None,
                name: definition.name().to_owned(),
            };
            if let Some(found) = self.live(&id)? {
                live.push((id.name, found));
            }
        }
        let found = |name: &str| {
            let known = live.iter().find(|(known, _)| known == name);
            known.map(|(_, live)| live)
        };
        for act in crds::plan(&definitions, policy, found) {
            work.children.push(match act {
                crds::Act::Create(definition) => {
                    Child::create(Value::Object(definition.content.clone())).unowned()
                }
                crds::Act::Replace(definition) => {
                    applied(&Value::Object(definition.content.clone()))
                }
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
        for gone in difference::removal(&old).delete {
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
        if keeps(&live) || objects::is_of_another(owner, &live) {
            return Ok(());
        }
        let mut removal = Removal::of(objects::reference(&placed.id)).propagation(propagation);
        if let Some(uid) = objects::uid(&live) {
            removal = removal.uid(uid);
        }
        work.removals.push(removal);
        Ok(())
    }

    fn live(&self, id: &Id) -> Result<Option<Map<String, Value>>, Obstacle> {
        objects::live(self.cx, id, self.wish.account.as_deref()).map_err(|error| {
            let target = objects::reference(id);
            report::unread(&report::named(&target), &error)
        })
    }
}
