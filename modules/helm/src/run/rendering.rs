//! A revision before it is written: rendered, changed as the wish says, and held against the cluster, so that nothing is begun that
//! cannot be brought to its end.

use std::collections::{BTreeMap, BTreeSet};

use oarlock_sdk::{Context, ObjectRef, ReadError};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::engine::{self, Engine, Request, ValueSource};
use super::inputs::Prepared;
use super::seed::Seed;
use super::shelf::{Shelf, reads};
use super::{failed, served, values};
use crate::hooks::{self, Separated};
use crate::manifest::{self, Document, Id, Kinds, Placed};
use crate::ownership::Owner;
use crate::patch;
use crate::record::{Hook, Record, Status};
use crate::situation::{Obstacle, place};
use crate::state::{Action, State, Verb};
use crate::status::rules;
use crate::wish::{Common, Crds, Wish};

/// Milliseconds after which it is looked again at what nobody tells of.
const AGAIN: u64 = 30_000;

/// Objects of others that a message names.
const NAMED: usize = 3;

/// A revision wanted.
#[derive(Clone, Copy)]
pub struct Order<'a> {
    /// What is wished for.
    pub wish: &'a Wish,
    /// What is remembered: an installation or upgrade that is about to begin.
    pub state: &'a State,
    /// What the wish comes to.
    pub prepared: &'a Prepared,
    /// The revisions before.
    pub shelf: &'a Shelf<'a>,
    /// Labels of every object by which its dialect tells where it is from.
    pub origin: &'a BTreeMap<String, String>,
    /// Whether random functions give what they gave in the revision before.
    pub stable: bool,
}

/// What came of it.
#[derive(Debug)]
pub enum Rendering {
    /// A revision that can be written.
    Whole(Box<Rendered>),
    /// The first half of the release's secret, a Secret: it has to be stored before anything is drawn.
    Seed(Value),
}

/// A revision that can be written.
#[derive(Debug)]
pub struct Rendered {
    /// Its record, without state and times.
    pub record: Record,
    /// The release's secret, now whole: written before the record.
    pub seed: Option<Value>,
    /// What Helm, or whoever looked at the objects, warns of.
    pub warnings: Vec<String>,
}

/// Renders what the action is about.
///
/// # Errors
/// Whatever keeps the revision from being brought about.
pub fn render(cx: &Context, engine: &dyn Engine, order: &Order<'_>) -> Result<Rendering, Obstacle> {
    let wish = order.wish;
    let Some(action) = &order.state.action else {
        return Err(internal("nothing is under way"));
    };
    let place = place(order.state, wish);
    let account = wish.account.as_deref();
    let served = cx
        .kinds()
        .map_err(|error| unserved("the kinds that the API server serves", &error))?;
    let kube_version = cx
        .server_version()
        .map_err(|error| unserved("the API server's version", &error))?;
    let seed = Seed::read(cx, &place, account)?;
    let config = order.config(action)?;
    let sources = [ValueSource::Json(config)];
    let rules = rules(action.verb, wish);
    let mut api_versions = served::api_versions(&served);
    api_versions.extend(order.brought(engine, action.verb)?);
    api_versions.sort_unstable();
    api_versions.dedup();
    let rendered = engine
        .render(&Request {
            chart: order.prepared.artifact.digest.clone(),
            values: sources.to_vec(),
            name: place.name.clone(),
            namespace: place.namespace.clone(),
            revision: action.revision,
            upgrade: action.verb == Verb::Upgrade,
            kube_version,
            api_versions,
            now: action.since,
            seed: order.drawn(&seed, cx, action),
            account: wish.account.clone(),
            skip_schema_validation: !rules.schema,
        })
        .map_err(|failure| failed::engine(&failure))?;
    if rendered.random
        && seed == Seed::Absent
        && let Some(first) = seed.secret(cx, &place)
    {
        return Ok(Rendering::Seed(first));
    }
    let mut warnings = rendered.warnings.clone();
    let documents = order.changed(&rendered, &place.namespace, &mut warnings)?;
    let objects = manifest::objects(&documents.parts).map_err(|error| broken(&error))?;
    let mut kinds = served::kinds(&served);
    order.learn(&mut kinds, &rendered.crds, &objects, action.verb);
    let placement = kinds.place(objects, &place.namespace);
    if let Some(missing) = placement.unserved.first() {
        return Err(Obstacle {
            reason: failed::RENDER,
            message: format!(
                "unable to build kubernetes objects from release manifest: {missing}{}",
                more(placement.unserved.len() - 1)
            ),
            retry: Some(AGAIN),
        });
    }
    if !rules.take_ownership {
        let owner = Owner {
            name: place.name.clone(),
            namespace: place.namespace.clone(),
        };
        order.owned(cx, &owner, &placement.placed, &kinds, action)?;
    }
    let chart = &order.prepared.artifact.digest;
    let about = engine
        .inspect(chart)
        .map_err(|failure| failed::engine(&failure))?;
    let deciding: &[ValueSource] = match about.has_subcharts {
        true => &sources,
        false => &[],
    };
    let chart = engine
        .record_of(chart, deciding)
        .map_err(|failure| failed::engine(&failure))?;
    let mut record = Record::new(&place.name, &place.namespace, action.revision);
    record.chart = Some(
        RawValue::from_string(chart)
            .map_err(|error| internal(&format!("the engine's chart is no JSON: {error}")))?,
    );
    record.config = rendered.config;
    record.manifest = manifest::join(&documents.parts);
    record.hooks = documents.hooks;
    record.info.notes = rendered.notes;
    Ok(Rendering::Whole(Box::new(Rendered {
        record,
        seed: rendered.random.then(|| seed.secret(cx, &place)).flatten(),
        warnings,
    })))
}

impl Order<'_> {
    /// The values; over those of the release before, where the wish keeps them.
    fn config(&self, action: &Action) -> Result<Map<String, Value>, Obstacle> {
        let own = self.prepared.config.clone();
        if self.wish.policy.reset_values || action.verb != Verb::Upgrade {
            return Ok(own);
        }
        let before = || {
            let entries = self.shelf.history().iter().rev();
            entries.filter(|entry| entry.version < action.revision)
        };
        let current = before()
            .find(|entry| entry.status == Status::Deployed)
            .or_else(|| before().next());
        let Some(current) = current else {
            return Ok(own);
        };
        let mut config = self.shelf.record(current.version)?.config.clone();
        values::lay(&mut config, own);
        Ok(config)
    }

    /// What random functions draw from.
    fn drawn(&self, seed: &Seed, cx: &Context, action: &Action) -> String {
        let drawn = seed.drawn(cx);
        match self.stable {
            true => drawn,
            false => format!("{drawn}.{}.{}", action.revision, action.number),
        }
    }

    /// Hooks and parts of the release, after whatever the wish does to rendered objects. As with Helm 4, hooks are rendered objects as
    /// all others.
    fn changed(
        &self,
        rendered: &engine::Rendered,
        namespace: &str,
        warnings: &mut Vec<String>,
    ) -> Result<Separated, Obstacle> {
        let document =
            |document: &engine::Document| Document::new(&document.source, &document.content);
        let parts = rendered.documents.iter().map(document);
        let mut common: Common = self.wish.common.clone();
        common.labels.extend(self.origin.clone());
        if self.wish.post.is_empty() && common.labels.is_empty() && common.annotations.is_empty() {
            return Ok(Separated {
                parts: parts.collect(),
                hooks: rendered.hooks.iter().map(hook).collect(),
                left_out: Vec::new(),
            });
        }
        let hooks = rendered.hooks.iter().map(|hook| document(&hook.document));
        let all: Vec<Document> = parts.chain(hooks).collect();
        let changed =
            patch::apply(&all, &self.wish.post, &common, namespace).map_err(|error| Obstacle {
                reason: failed::RENDER,
                message: format!(
                    "error while running post render on files: {error}\nhint: correct spec.postRenderers; what runs is untouched until then"
                ),
                retry: None,
            })?;
        let separated = hooks::separate(changed).map_err(|error| broken(&error))?;
        warnings.extend(separated.left_out.iter().map(|left_out| {
            format!(
                "{}: nobody knows hook {:?}: the object is left out, as Helm does it",
                left_out.source, left_out.event
            )
        }));
        Ok(separated)
    }

    /// Kinds that will be served by the time the objects are written.
    /// What the chart's own definitions will serve: Helm installs those before it asks what there is.
    fn brought(&self, engine: &dyn Engine, verb: Verb) -> Result<Vec<String>, Obstacle> {
        let policy = match verb {
            Verb::Install => self.wish.policy.install_crds,
            _ => self.wish.policy.upgrade_crds,
        };
        if policy == Crds::Skip {
            return Ok(Vec::new());
        }
        let crds = engine
            .crds(&self.prepared.artifact.digest)
            .map_err(|failure| failed::engine(&failure))?;
        let objects = crds.iter().flat_map(|crd| {
            let document = Document::new(&crd.source, &crd.content);
            document.objects().unwrap_or_default()
        });
        Ok(objects
            .flat_map(|object| served::brought(&object))
            .collect())
    }

    fn learn(
        &self,
        kinds: &mut Kinds,
        crds: &[engine::Document],
        objects: &[manifest::Object],
        verb: Verb,
    ) {
        let policy = match verb {
            Verb::Install => self.wish.policy.install_crds,
            _ => self.wish.policy.upgrade_crds,
        };
        if policy != Crds::Skip {
            for crd in crds {
                // What is no object is told when it is to be written.
                let document = Document::new(&crd.source, &crd.content);
                for object in document.objects().unwrap_or_default() {
                    kinds.learn(&object);
                }
            }
        }
        for object in objects {
            kinds.learn(object);
        }
    }

    /// Whether all that would be created is nobody else's.
    fn owned(
        &self,
        cx: &Context,
        owner: &Owner,
        placed: &[Placed],
        kinds: &Kinds,
        action: &Action,
    ) -> Result<(), Obstacle> {
        let mut ours = BTreeSet::new();
        for &version in &action.against {
            let record = self.shelf.record(version)?;
            // What is not readable any more was checked when it was.
            let objects = manifest::objects(&manifest::split(&record.manifest)).unwrap_or_default();
            let before = kinds.place(objects, &owner.namespace).placed;
            ours.extend(before.iter().map(|placed| key(&placed.id)));
        }
        let account = self.wish.account.as_deref();
        let mut live = BTreeMap::new();
        for Placed { id, .. } in placed {
            if id.name.is_empty() || ours.contains(&key(id)) {
                continue;
            }
            match reads(cx, account).get_raw(&reference(id)) {
                Ok(Some(Value::Object(object))) => {
                    live.insert(id.clone(), object);
                }
                // A kind that comes with this very release has no objects yet.
                Ok(_) | Err(ReadError::UnknownKind(_)) => {}
                Err(error) => {
                    return Err(Obstacle {
                        reason: failed::RENDER,
                        message: format!("cannot tell whether {id} is somebody else's: {error}"),
                        retry: Some(AGAIN),
                    });
                }
            }
        }
        let created = placed
            .iter()
            .filter(|placed| !ours.contains(&key(&placed.id)));
        let adoption = owner.adopt(created, false, |id| live.get(id));
        if adoption.foreign.is_empty() {
            return Ok(());
        }
        let named: Vec<String> = adoption
            .foreign
            .iter()
            .take(NAMED)
            .map(ToString::to_string)
            .collect();
        Err(Obstacle {
            reason: "InvalidOwnership",
            message: format!(
                "Unable to continue with {}: {}{}\n\
                 hint: rename the object, delete it, or mark it as part of this release; nothing was changed",
                action.verb.as_str(),
                named.join("\n"),
                more(adoption.foreign.len().saturating_sub(NAMED))
            ),
            retry: None,
        })
    }
}

fn key(id: &Id) -> (String, String, Option<String>, String) {
    let (group, kind, namespace, name) = id.key();
    (
        group.to_owned(),
        kind.to_owned(),
        namespace.map(str::to_owned),
        name.to_owned(),
    )
}

/// Where an object stands.
fn reference(id: &Id) -> ObjectRef {
    let api_version = match id.group.as_str() {
        "" => id.version.clone(),
        group => format!("{group}/{}", id.version),
    };
    ObjectRef {
        api_version,
        kind: id.kind.clone(),
        namespace: id.namespace.clone(),
        name: id.name.clone(),
    }
}

fn hook(hook: &engine::Hook) -> Hook {
    let mut made = Hook::default();
    made.name.clone_from(&hook.document.name);
    made.kind.clone_from(&hook.document.kind);
    made.path.clone_from(&hook.document.source);
    made.manifest.clone_from(&hook.document.content);
    made.events.clone_from(&hook.events);
    made.weight = hook.weight.into();
    made.delete_policies.clone_from(&hook.delete_policies);
    made.output_log_policies
        .clone_from(&hook.output_log_policies);
    made
}

fn more(number: usize) -> String {
    match number {
        0 => String::new(),
        number => format!("\nand {number} more"),
    }
}

fn broken(error: &manifest::ReadManifest) -> Obstacle {
    Obstacle {
        reason: failed::RENDER,
        message: format!(
            "unable to build kubernetes objects from release manifest: {error}\n\
             hint: correct the values or the chart; what runs is untouched until then"
        ),
        retry: None,
    }
}

fn unserved(what: &str, error: &ReadError) -> Obstacle {
    Obstacle {
        reason: failed::RENDER,
        message: format!("cannot read {what}: {error}"),
        retry: Some(AGAIN),
    }
}

fn internal(why: &str) -> Obstacle {
    Obstacle {
        reason: failed::RENDER,
        message: format!("{why}; this is a mistake of the module"),
        retry: None,
    }
}

#[cfg(test)]
mod tests;
