//! What has to be there before a release: its namespace, and the kinds that its chart brings.

use oarlock_sdk::{Child, Context};
use serde_json::{Map, Value, json};

use super::{Hands, Work, applied};
use crate::difference::crds;
use crate::manifest::{Document, Id, Object};
use crate::run::{objects, report};
use crate::situation::Obstacle;
use crate::state::{Action, Place, Verb};
use crate::wish::{Crds, Wish};

impl Hands<'_> {
    /// Definitions first, as Helm does it.
    pub(super) fn ground(&self, work: &mut Work) -> Result<(), Obstacle> {
        let verb = self.action.map(|action| action.verb);
        self.definitions(verb, work)?;
        let namespace = namespace(self.cx, self.wish, self.place, self.home, self.action)?;
        work.children.extend(namespace);
        Ok(())
    }

    /// `crds/` of the chart.
    fn definitions(&self, verb: Option<Verb>, work: &mut Work) -> Result<(), Obstacle> {
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
            let id = cluster(
                definition.group(),
                definition.version(),
                definition.kind(),
                definition.name(),
            );
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
}

/// The release's namespace, where it is to be created and is not there; labelled as Helm does it.
pub(crate) fn namespace(
    cx: &Context,
    wish: &Wish,
    place: &Place,
    home: &str,
    action: Option<&Action>,
) -> Result<Option<Child>, Obstacle> {
    let name = place.namespace.as_str();
    let installs = action.is_some_and(|action| action.verb == Verb::Install);
    if !installs || !wish.policy.create_namespace || name == home {
        return Ok(None);
    }
    let id = cluster("", "v1", "Namespace", name);
    let live = objects::live(cx, &id, wish.account.as_deref())
        .map_err(|error| report::unread(&format!("Namespace {name}"), &error))?;
    if live.is_some() {
        return Ok(None);
    }
    let namespace = json!({
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {"name": name, "labels": {"name": name}},
    });
    Ok(Some(Child::create(namespace).unowned()))
}

fn cluster(group: &str, version: &str, kind: &str, name: &str) -> Id {
    Id {
        group: group.to_owned(),
        version: version.to_owned(),
        kind: kind.to_owned(),
        namespace: None,
        name: name.to_owned(),
    }
}
