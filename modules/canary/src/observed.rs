//! What is there: the user's Deployment, the stable one beside it, and how many Pods both shall have together.

use oarlock_sdk::{Context, ReadError, Value};
use rollout::arithmetic::{Count, IntOrPercent, Surge};
use rollout::revision;

use crate::deployment::{self, DeploymentSpec, Live, REPLICAS, TRACK};
use crate::plan::Plan;
use crate::spec::IntOrText;
use crate::state::State;

/// Prefix of the host's annotation on what fields are borrowed from; the borrower's uid follows.
pub(crate) const SHARE: &str = "share.oarlock.dev/";

/// What is there.
#[derive(Clone, Debug)]
pub(crate) struct Observed {
    /// The user's Deployment.
    pub(crate) app: Option<App>,
    /// The Deployment of the stable revision, which is the Canary's own.
    pub(crate) stable: Option<Live>,
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
    /// Revision of its Pod template.
    pub(crate) revision: String,
    pub(crate) surge: Surge,
}

impl Observed {
    /// Looks at what there is. `config` is the state of the configuration that the Pod template refers to.
    pub(crate) fn of(cx: &Context, plan: &Plan, known: Option<&State>) -> Result<Self, ReadError> {
        let name = plan.stable();
        let stable = cx
            .children_of::<DeploymentSpec>()?
            .into_iter()
            .find(|child| child.name() == name);
        let app = cx
            .get::<DeploymentSpec>(&plan.namespace, &plan.target)?
            .filter(|live| live.metadata.deletion_timestamp.is_none())
            .map(|live| App::of(live, plan, known, stable.as_ref()));
        Ok(Self { app, stable })
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
    fn of(live: Live, plan: &Plan, known: Option<&State>, stable: Option<&Live>) -> Self {
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
        let replicas = plan.replicas.unwrap_or_else(|| {
            // Whoever replaces the whole object takes the annotation away; the status remembers.
            let remembered = || known.and_then(|state| state.assigned);
            match annotation.or_else(remembered) {
                Some((assigned, all)) if assigned == wanted => all,
                _ => wanted,
            }
        });
        Self {
            held: share.is_some(),
            paused,
            assigned: annotation,
            replicas,
            revision: revision_of(&live.spec.template, known, stable),
            surge: surge(&live, plan, replicas),
            live,
        }
    }

    pub(crate) fn count(&self) -> Count {
        deployment::count(&self.live)
    }
}

/// The revision of a Pod template. An API server of another version may fill other defaults in, so that the hash of the same
/// template changes; the stable Deployment's own template then has the same defaults.
fn revision_of(template: &Value, known: Option<&State>, stable: Option<&Live>) -> String {
    let revision = revision::of(template);
    match (known, stable) {
        (Some(state), Some(stable))
            if revision != state.stable.revision
                && revision::of(&plain(&stable.spec.template)) == revision =>
        {
            state.stable.revision.clone()
        }
        _ => revision,
    }
}

/// A template of the stable Deployment without what tells its Pods apart.
pub(crate) fn plain(template: &Value) -> Value {
    let mut template = template.clone();
    if let Some(labels) = template
        .pointer_mut("/metadata/labels")
        .and_then(Value::as_object_mut)
    {
        labels.remove(TRACK);
    }
    template
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
