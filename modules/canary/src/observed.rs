//! What is there: the user's Deployment, the stable one beside it, and how many Pods both shall have together.

use oarlock_sdk::{Context, ReadError, Value};
use rollout::arithmetic::{Count, IntOrPercent, Surge};

use crate::config::{self, CONFIG};
use crate::deployment::{self, DeploymentSpec, Live, REPLICAS, TRACK};
use crate::plan::Plan;
use crate::spec::IntOrText;
use crate::state::{Configs, State};

/// Prefix of the host's annotation on what fields are borrowed from; the borrower's uid follows.
pub(crate) const SHARE: &str = "share.oarlock.dev/";

/// What is there.
#[derive(Clone, Debug)]
pub(crate) struct Observed {
    /// The user's Deployment.
    pub(crate) app: Option<App>,
    /// The Deployment of the stable revision, which is the Canary's own.
    pub(crate) stable: Option<Live>,
    pub(crate) config: config::Seen,
}

/// The user's Deployment.
#[derive(Clone, Debug)]
pub(crate) struct App {
    pub(crate) live: Live,
    /// Whether fields of it are borrowed already.
    pub(crate) held: bool,
    /// `spec.paused` as its user has it; none where it is not there.
    pub(crate) paused: Option<bool>,
    /// The replicas that it was given, and those of both: none while they are its own.
    pub(crate) assigned: Option<(u32, u32)>,
    /// Pods of both Deployments together.
    pub(crate) replicas: u32,
    /// Its Pod template, as its user wrote it.
    pub(crate) template: Value,
    /// What the template refers to.
    pub(crate) configs: Configs,
    /// The configuration that its Pod template says that its Pods began with.
    pub(crate) marked: Option<String>,
    /// Revision of its Pod template.
    pub(crate) revision: String,
    pub(crate) surge: Surge,
}

impl Observed {
    /// Looks at what there is.
    ///
    /// # Errors
    ///
    /// Where the host has no answer.
    pub(crate) fn of(cx: &Context, plan: &Plan, known: Option<&State>) -> Result<Self, ReadError> {
        let name = plan.stable();
        let stable = cx
            .children_of::<DeploymentSpec>()?
            .into_iter()
            .find(|child| child.name() == name);
        let live = cx
            .get::<DeploymentSpec>(&plan.namespace, &plan.target)?
            .filter(|live| live.metadata.deletion_timestamp.is_none());
        let template = match (&live, known) {
            (Some(live), _) => live.spec.template.clone(),
            (None, Some(known)) => known.stable.template.clone(),
            (None, None) => Value::Null,
        };
        let config = config::Seen::of(cx, plan, &template)?;
        let app = live.map(|live| App::of(live, plan, known, stable.as_ref(), config.configs()));
        Ok(Self {
            app,
            stable,
            config,
        })
    }

    /// The Pods of the stable Deployment.
    pub(crate) fn stable_count(&self) -> Count {
        self.stable
            .as_ref()
            .map(deployment::count)
            .unwrap_or_default()
    }

    /// Whether the controllers have seen both specs as they are: then what they say of Pods is about these.
    pub(crate) fn is_current(&self) -> bool {
        let stable = self.stable.as_ref().is_none_or(deployment::is_observed);
        let app = self
            .app
            .as_ref()
            .is_none_or(|app| deployment::is_observed(&app.live));
        stable && app
    }

    /// Pods of both that are available.
    pub(crate) fn available(&self) -> u32 {
        let app = self.app.as_ref().map(|app| app.count().available);
        app.unwrap_or_default() + self.stable_count().available
    }
}

impl App {
    fn of(
        live: Live,
        plan: &Plan,
        known: Option<&State>,
        stable: Option<&Live>,
        configs: Configs,
    ) -> Self {
        let mut template = live.spec.template.clone();
        let marked = without(&mut template, "annotations", CONFIG)
            .and_then(|mark| mark.as_str().map(String::from));
        let share = live
            .metadata
            .annotations
            .get(&format!("{SHARE}{}", plan.uid));
        let paused = match share.and_then(|text| serde_json::from_str::<Value>(text).ok()) {
            Some(share) => share["restore"]["spec"]["paused"].as_bool(),
            None => live.spec.paused.then_some(true),
        };
        let annotation = live
            .metadata
            .annotations
            .get(REPLICAS)
            .and_then(|text| parse(text));
        let wanted = deployment::wanted(&live);
        // Whoever replaces the whole object takes the annotation away; the status remembers.
        let assigned = annotation.or_else(|| known.and_then(|state| state.assigned));
        let replicas = plan.replicas.unwrap_or(match assigned {
            Some((given, all)) if given == wanted => all,
            _ => wanted,
        });
        Self {
            held: share.is_some(),
            paused,
            assigned,
            replicas,
            revision: revision_of(&template, &configs, known, stable),
            template,
            configs,
            marked,
            surge: surge(&live, plan, replicas),
            live,
        }
    }

    pub(crate) fn count(&self) -> Count {
        deployment::count(&self.live)
    }
}

/// The revision of a Pod template with its configuration. An API server of another version may fill other defaults in, so that
/// the hash of the same template changes; the stable Deployment's own template then has the same defaults.
fn revision_of(
    template: &Value,
    configs: &Configs,
    known: Option<&State>,
    stable: Option<&Live>,
) -> String {
    let revision = config::revision(template, configs);
    match (known, stable) {
        (Some(state), Some(stable))
            if revision != state.stable.revision
                && *configs == state.stable.configs
                && config::revision(&plain(&stable.spec.template), configs) == revision =>
        {
            state.stable.revision.clone()
        }
        _ => revision,
    }
}

/// A template of the stable Deployment as its user wrote it.
pub(crate) fn plain(template: &Value) -> Value {
    let mut template = template.clone();
    without(&mut template, "labels", TRACK);
    config::original(&mut template);
    template
}

/// Takes a label or an annotation out of a template, and gives what it was.
fn without(template: &mut Value, map: &str, key: &str) -> Option<Value> {
    let metadata = template.get_mut("metadata")?.as_object_mut()?;
    let fields = metadata.get_mut(map)?.as_object_mut()?;
    let value = fields.remove(key);
    if fields.is_empty() {
        metadata.remove(map);
    }
    value
}

/// `K/N` of the annotation.
fn parse(text: &str) -> Option<(u32, u32)> {
    let (assigned, all) = text.split_once('/')?;
    Some((assigned.parse().ok()?, all.parse().ok()?))
}

/// The Deployment's own surge where the Canary says nothing of it.
fn surge(live: &Live, plan: &Plan, replicas: u32) -> Surge {
    let own = |amount: &Option<IntOrText>| match amount {
        Some(IntOrText::Int(count)) => u32::try_from(*count).ok().map(IntOrPercent::Int),
        Some(IntOrText::Text(text)) => text.parse().ok(),
        None => None,
    };
    deployment::surge(
        live,
        replicas,
        own(&plan.strategy.max_surge),
        own(&plan.strategy.max_unavailable),
    )
}
