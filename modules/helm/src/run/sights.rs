//! What is seen of a release in the cluster: how its hooks are, and whether its objects are ready or gone.

use std::cell::RefCell;

use oarlock_sdk::{Context, Health, ObjectRef};
use serde_json::{Map, Value};

use crate::difference::keeps;
use crate::hooks::{self, sight::Sight};
use crate::machine::moment;
use crate::manifest::{Id, Placed};
use crate::record::Hook;
use crate::run::objects::{self, Served};
use crate::run::report;
use crate::run::shelf::{Shelf, reads};
use crate::situation::{self, Hooks, Obstacle, Readiness, Report, Unserved};
use crate::state::{Action, Stage, State, Verb};
use crate::status;
use crate::wish::Wish;

/// How much of what is waited for is told.
const TOLD: usize = 10;

/// Looks at the cluster for one run.
pub(crate) struct Sights<'a> {
    pub(crate) cx: &'a Context,
    pub(crate) shelf: &'a Shelf<'a>,
    pub(crate) served: &'a Served<'a>,
    pub(crate) wish: &'a Wish,
    pub(crate) uid: &'a str,
    /// Milliseconds since 1970.
    pub(crate) now: u64,
}

impl Sights<'_> {
    fn live(&self, id: &Id) -> Result<Option<Map<String, Value>>, Obstacle> {
        objects::live(self.cx, id, self.wish.account.as_deref()).map_err(|error| {
            let target = objects::reference(id);
            report::unread(&report::named(&target), &error)
        })
    }

    /// What the hooks of the action's moment want.
    pub(crate) fn hooks(&self, state: &State, last: Option<&Report>) -> Result<Hooks, Obstacle> {
        let Some(action) = &state.action else {
            return Ok(Hooks::Over);
        };
        let asked = matches!(
            action.stage,
            Stage::Begin | Stage::Before | Stage::Ready | Stage::After
        );
        let runs = action.verb == Verb::Test || status::rules(action.verb, self.wish).hooks;
        let Some(event) = moment(action).filter(|_| asked && runs) else {
            return Ok(Hooks::Over);
        };
        if self.shelf.entry(action.revision).is_none() {
            return Ok(Hooks::Over);
        }
        let record = self.shelf.record(action.revision)?;
        let run = situation::run(self.uid, action, event);
        let unseen = RefCell::new(None);
        // A kind that the chart brings may take its time.
        let timeout = status::timeout(action.verb, self.wish).as_millis();
        let end = u64::try_from(timeout).unwrap_or(u64::MAX);
        let waits = matches!(action.verb, Verb::Install | Verb::Upgrade)
            && self.now < action.since.saturating_add(end);
        let sight = |place: usize| {
            let hook = record.hooks.get(place);
            let seen = hook.map_or(Ok(Sight::Absent), |hook| {
                self.sight(hook, &record.namespace, &run, waits)
            });
            seen.unwrap_or_else(|obstacle| {
                *unseen.borrow_mut() = Some(obstacle);
                Sight::Running
            })
        };
        let hooks = Hooks::of(
            state,
            self.wish,
            self.uid,
            &record.hooks,
            sight,
            self.now,
            last,
        );
        unseen.into_inner().map_or(Ok(hooks), Err)
    }

    /// What is seen of the objects of one hook.
    fn sight(
        &self,
        hook: &Hook,
        namespace: &str,
        run: &str,
        waits: bool,
    ) -> Result<Sight, Obstacle> {
        let marked = match marked(hook, run) {
            Ok(objects) => objects,
            Err(why) => return Ok(Sight::Failed { why }),
        };
        let placement = self.served.kinds()?.place(marked, namespace);
        if let Some(unserved) = placement.unserved.first() {
            let why = unserved.to_string();
            if waits {
                return Err(Obstacle {
                    reason: "Progressing",
                    message: format!("waiting for the kind of a hook to be served: {why}"),
                    retry: Some(2_000),
                });
            }
            return Ok(Sight::Failed { why });
        }
        let mut live = Vec::new();
        for placed in &placement.placed {
            live.push(self.live(&placed.id)?);
        }
        Ok(hooks::sight::of(live.iter().map(Option::as_ref), run))
    }

    /// How many tests a revision has.
    pub(crate) fn tests(&self, state: &State) -> Result<usize, Obstacle> {
        match &state.action {
            Some(action)
                if action.verb == Verb::Test && self.shelf.entry(action.revision).is_some() =>
            {
                let record = self.shelf.record(action.revision)?;
                Ok(hooks::tests(&record.hooks, self.wish))
            }
            _ => Ok(0),
        }
    }

    /// Whether the objects of the action's revision are ready; gone, when it uninstalls.
    pub(crate) fn readiness(&self, state: &State) -> Result<Readiness, Obstacle> {
        let Some(action) = state
            .action
            .as_ref()
            .filter(|action| action.stage == Stage::Ready)
        else {
            return Ok(Readiness::Reached);
        };
        let rules = status::rules(action.verb, self.wish);
        if !rules.wait {
            return Ok(Readiness::Reached);
        }
        if matches!(action.verb, Verb::Uninstall { .. }) {
            return self.gone(action);
        }
        if self.shelf.entry(action.revision).is_none() {
            return Ok(Readiness::Reached);
        }
        let record = self.shelf.record(action.revision)?;
        let placed = objects::placed(&record, self.served.kinds()?)?.placed;
        let mut watched: Vec<ObjectRef> = Vec::new();
        for Placed { id, object } in &placed {
            let is_paused = object
                .content
                .get("spec")
                .and_then(|spec| spec.get("paused"))
                == Some(&Value::Bool(true));
            if (id.kind == "Deployment" && is_paused)
                || !situation::watched(&rules, object.api_version(), object.kind())
            {
                continue;
            }
            let target = objects::reference(id);
            if !watched.contains(&target) {
                watched.push(target);
            }
        }
        self.ready(&watched)
    }

    fn ready(&self, watched: &[ObjectRef]) -> Result<Readiness, Obstacle> {
        if watched.is_empty() {
            return Ok(Readiness::Reached);
        }
        let states = self
            .cx
            .observe(watched)
            .map_err(|error| report::unread("the objects of the release", &error))?;
        let mut waited = Vec::new();
        let mut failed = true;
        for state in &states {
            let (word, message) = match state.health {
                Health::Current => match self.unfinished(&state.target)? {
                    None => continue,
                    Some(message) => ("InProgress", message),
                },
                Health::InProgress => ("InProgress", state.message.clone()),
                Health::Failed => ("Failed", state.message.clone()),
                Health::Terminating => ("Terminating", state.message.clone()),
                Health::NotFound => ("NotFound", state.message.clone()),
                Health::Unknown => ("Unknown", state.message.clone()),
            };
            failed &= state.health == Health::Failed;
            waited.push(told(&state.target, "not ready", word, &message));
        }
        Ok(match (waited.is_empty(), failed) {
            (true, _) => Readiness::Reached,
            // All that is left has failed for good.
            (false, true) => Readiness::Failed(listed(&waited)),
            (false, false) => Readiness::Waiting(listed(&waited)),
        })
    }

    /// Of a Job that is well on its way: that it has not completed.
    fn unfinished(&self, target: &ObjectRef) -> Result<Option<String>, Obstacle> {
        if target.kind != "Job" || !target.api_version.starts_with("batch/") {
            return Ok(None);
        }
        let job = reads(self.cx, self.wish.account.as_deref())
            .get_raw(target)
            .map_err(|error| report::unread(&report::named(target), &error))?;
        let conditions = job
            .as_ref()
            .and_then(|job| job.pointer("/status/conditions"));
        let done = conditions.and_then(Value::as_array).is_some_and(|all| {
            all.iter()
                .any(|c| c["type"] == "Complete" && c["status"] == "True")
        });
        Ok((!done).then(|| String::from("Job in progress")))
    }

    fn gone(&self, action: &Action) -> Result<Readiness, Obstacle> {
        let mut waited = Vec::new();
        let versions = || action.against.iter().chain([&action.revision]);
        let newest = versions().rfind(|version| self.shelf.entry(**version).is_some());
        let owner = match newest {
            Some(version) => Some(objects::owner(&*self.shelf.record(*version)?)),
            None => None,
        };
        for placed in self.of_revisions(versions())? {
            if keeps(&placed.object.content) {
                continue;
            }
            let Some(live) = self.live(&placed.id)? else {
                continue;
            };
            let another = owner
                .as_ref()
                .is_some_and(|owner| objects::is_of_another(owner, &live));
            if keeps(&live) || another {
                continue;
            }
            let target = objects::reference(&placed.id);
            let word = match live
                .get("metadata")
                .and_then(|m| m.get("deletionTimestamp"))
            {
                Some(_) => "Terminating",
                None => "Current",
            };
            waited.push(told(&target, "still exists", word, ""));
        }
        Ok(match waited.is_empty() {
            true => Readiness::Reached,
            false => Readiness::Waiting(listed(&waited)),
        })
    }

    /// Objects of stored revisions, each once, as far as their kinds are served.
    pub(crate) fn of_revisions<'v>(
        &self,
        versions: impl IntoIterator<Item = &'v u32>,
    ) -> Result<Vec<Placed>, Obstacle> {
        let mut revisions = Vec::new();
        for version in versions {
            if self.shelf.entry(*version).is_some() {
                let record = self.shelf.record(*version)?;
                revisions.push(objects::placed(&record, self.served.kinds()?)?.placed);
            }
        }
        Ok(objects::union(revisions))
    }

    /// Objects of stored revisions whose kinds are not served any more.
    pub(crate) fn unserved(&self, versions: &[u32]) -> Result<Vec<Unserved>, Obstacle> {
        let mut all = Vec::new();
        for version in versions {
            if self.shelf.entry(*version).is_none() {
                continue;
            }
            let record = self.shelf.record(*version)?;
            for gone in objects::placed(&record, self.served.kinds()?)?.unserved {
                let object = &gone.object;
                all.push(Unserved {
                    revision: *version,
                    object: format!(
                        "{} {} {}",
                        object.api_version(),
                        object.kind(),
                        object.name()
                    ),
                });
            }
        }
        Ok(all)
    }
}

/// The objects of a hook, marked with the run that creates them.
pub(crate) fn marked(hook: &Hook, run: &str) -> Result<Vec<crate::manifest::Object>, String> {
    let mut all = hooks::objects(hook).map_err(|error| error.to_string())?;
    for object in &mut all {
        hooks::sight::mark(object, run);
    }
    Ok(all)
}

/// In Helm's words.
fn told(target: &ObjectRef, what: &str, word: &str, message: &str) -> String {
    let ObjectRef { kind, name, .. } = target;
    let namespace = target.namespace.as_deref().unwrap_or_default();
    format!("resource {kind}/{namespace}/{name} {what}. status: {word}, message: {message}")
}

fn listed(waited: &[String]) -> String {
    let mut text = waited.get(..TOLD).unwrap_or(waited).join("\n");
    if let Some(more) = waited.len().checked_sub(TOLD).filter(|more| *more > 0) {
        text.push_str(&format!("\nand {more} more"));
    }
    text
}
