//! The Services that a blue/green rollout switches: only their selectors, which are given back.

use std::collections::BTreeMap;

use oarlock_sdk::{Child, Context, ObjectRef, ReadError, Value, json};

use crate::deployment::REVISION;
use crate::plan::Plan;
use crate::rollout::{Phase, State};
use crate::spec::Kind;

/// The Services as they are; none where the rollout switches none.
#[derive(Clone, Debug, Default)]
pub(crate) struct Services {
    active: Option<Found>,
    preview: Option<Found>,
}

#[derive(Clone, Debug)]
struct Found {
    name: String,
    /// None where there is no such Service.
    selector: Option<BTreeMap<String, Value>>,
}

impl Services {
    /// Reads those that the spec names.
    pub(crate) fn read(plan: &Plan, cx: &Context) -> Result<Self, ReadError> {
        let Some(service) = plan.service.as_ref() else {
            return Ok(Self::default());
        };
        let find = |name: &String| -> Result<Found, ReadError> {
            let target = ObjectRef::new("v1", "Service", name).in_namespace(&plan.namespace);
            let found = cx.get_raw(&target)?;
            let selector = found.map(|found| {
                let selector = found["spec"]["selector"].as_object().cloned();
                selector.unwrap_or_default().into_iter().collect()
            });
            Ok(Found {
                name: name.clone(),
                selector,
            })
        };
        Ok(Self {
            active: Some(find(&service.name)?),
            preview: service.preview.as_ref().map(find).transpose()?,
        })
    }

    /// What is missing before traffic can move.
    pub(crate) fn problem(&self) -> Option<String> {
        let missing = |found: &&Found| found.selector.is_none();
        let missing = self.active.iter().chain(&self.preview).find(missing)?;
        Some(format!(
            "there is no Service {}: the old version keeps the traffic\n\
             hint: create it, or take it out of spec.service",
            missing.name
        ))
    }

    /// The revision that has the traffic.
    pub(crate) fn active(&self) -> Option<&str> {
        self.active
            .as_ref()?
            .selector
            .as_ref()?
            .get(REVISION)?
            .as_str()
    }

    /// The selectors for a state. Traffic goes back only to what has its Pods.
    pub(crate) fn children(&self, plan: &Plan, state: &State, available: u32) -> Vec<Child> {
        if state.kind != Kind::BlueGreen {
            return Vec::new();
        }
        let to = state.to.revision.as_str();
        let from = state.from.as_ref().map(|from| from.revision.as_str());
        let serving = match state.phase {
            Phase::Retiring(_) | Phase::Stable | Phase::Installing => Some(to),
            Phase::Finishing if available >= plan.replicas => Some(to),
            Phase::Finishing => self.active().or(from),
            _ => from,
        };
        let shared = |found: &Option<Found>, revision: Option<&str>| {
            let found = found.as_ref()?;
            let mut selector = found.selector.clone()?;
            selector.insert(REVISION.into(), revision?.into());
            let service = json!({
                "apiVersion": "v1",
                "kind": "Service",
                "metadata": {"name": found.name, "namespace": plan.namespace},
                "spec": {"selector": selector},
            });
            let before = json!({"spec": {"selector": {REVISION: null}}});
            Some(Child::share(service).force().restored_on_leave(before))
        };
        let active = shared(&self.active, serving);
        let preview = shared(&self.preview, Some(to));
        active.into_iter().chain(preview).collect()
    }
}
