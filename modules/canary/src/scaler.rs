//! The HorizontalPodAutoscaler of the target: as long as there is a Canary it scales the Canary.
//!
//! A rollout changes the numbers of two Deployments. An autoscaler that looked at one of them would fight with it over its number
//! and count the Pods of one revision only. The Canary's `/scale` has the Pods of both, and its `spec.replicas` is what the
//! autoscaler writes; the rollout carries it out. `scaleTargetRef` is borrowed for that, and given back on leaving.

#[cfg(test)]
mod tests;

use oarlock_sdk::{
    Child, Context, Expect, ObjectRef, ReadError, Resource as _, Selection, Value, json,
};

use crate::plan::Plan;
use crate::spec::CanarySpec;

const HPA: (&str, &str) = ("autoscaling/v2", "HorizontalPodAutoscaler");

/// The autoscalers that there are.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seen {
    /// The one that `autoscalerRef` names.
    named: Option<Value>,
    /// Names of others that scale the Deployment.
    others: Vec<String>,
}

impl Seen {
    /// What another autoscaler than the named one means for the plan: it would write the number of the Deployment while a
    /// rollout gives it another one, so that none begins; and where it is the only one, its number is the one that counts.
    pub(crate) fn settle(&self, plan: &mut Plan) {
        let Some(name) = self.others.first() else {
            return;
        };
        let target = &plan.target;
        let told = match &plan.autoscaler {
            Some(named) => format!(
                "spec.autoscalerRef: HorizontalPodAutoscaler {name} scales {target}, too, and would fight with {named}; no rollout \
                 begins\nhint: delete one of the two"
            ),
            None => format!(
                "HorizontalPodAutoscaler {name} scales {target} itself, and would fight with a rollout; none begins\n\
                 hint: name it in spec.autoscalerRef"
            ),
        };
        if plan.autoscaler.is_none() && plan.replicas.take().is_some() {
            plan.warnings.push(format!(
                "spec.replicas: not used: HorizontalPodAutoscaler {name} scales {target} itself\n\
                 hint: name it in spec.autoscalerRef, or remove spec.replicas"
            ));
        }
        plan.warnings.push(told.clone());
        plan.obstacle = Some(told);
    }
}

/// What shall be written, and what people should know.
#[derive(Clone, Debug, Default)]
pub(crate) struct Scaling {
    pub(crate) children: Vec<Child>,
    pub(crate) warnings: Vec<String>,
}

impl Seen {
    /// Looks at what there is. Others than the named one are looked for where that is granted.
    ///
    /// # Errors
    ///
    /// Where the host has no answer.
    pub(crate) fn of(cx: &Context, plan: &Plan) -> Result<Self, ReadError> {
        let (api_version, kind) = HPA;
        let named = match &plan.autoscaler {
            Some(name) => {
                cx.get_raw(&ObjectRef::new(api_version, kind, name).in_namespace(&plan.namespace))?
            }
            None => None,
        };
        let all = cx.reads().query(&Selection {
            api_version: String::from(api_version),
            kind: String::from(kind),
            namespace: Some(plan.namespace.clone()),
            fields: vec![String::from("/spec/scaleTargetRef")],
            ..Selection::default()
        });
        let all = match all {
            Ok(all) => all,
            Err(ReadError::Denied(_) | ReadError::UnknownKind(_)) => Vec::new(),
            Err(error) => return Err(error),
        };
        let others = all
            .iter()
            .filter(|scaler| scales(&scaler["spec"]["scaleTargetRef"], &plan.target))
            .filter_map(|scaler| scaler["metadata"]["name"].as_str())
            .filter(|name| Some(*name) != plan.autoscaler.as_deref())
            .map(String::from)
            .collect();
        Ok(Self { named, others })
    }
}

/// Whether this is the Deployment of that name.
fn scales(target: &Value, name: &str) -> bool {
    target["kind"] == "Deployment" && target["name"] == name
}

/// What shall be there for the autoscaler to scale the Canary. `replicas`: of both revisions together, as they are wanted now.
pub(crate) fn decide(plan: &Plan, replicas: u32, seen: &Seen) -> Scaling {
    let mut scaling = Scaling::default();
    let Some(name) = &plan.autoscaler else {
        return scaling;
    };
    let Some(live) = &seen.named else {
        scaling.warnings.push(format!(
            "spec.autoscalerRef: there is no HorizontalPodAutoscaler {name}\nhint: create it, or leave autoscalerRef out"
        ));
        return scaling;
    };
    let own = json!({
        "apiVersion": plan.api_version,
        "kind": CanarySpec::KIND,
        "name": plan.name,
    });
    let target = &live["spec"]["scaleTargetRef"];
    let before = match (target == &own, scales(target, &plan.target)) {
        (true, _) => before(live, plan),
        (false, true) => target.clone(),
        (false, false) => {
            scaling.warnings.push(format!(
                "spec.autoscalerRef: HorizontalPodAutoscaler {name} scales {} {}, not {}, and is left alone\n\
                 hint: name the one of {}",
                target["kind"].as_str().unwrap_or("nothing"),
                target["name"].as_str().unwrap_or_default(),
                plan.target,
                plan.target
            ));
            return scaling;
        }
    };
    let Some(_) = plan.replicas else {
        // An autoscaler cannot read a number that is not there: it begins with the one that is.
        scaling.children.push(
            Child::share(json!({
                "apiVersion": plan.api_version,
                "kind": CanarySpec::KIND,
                "metadata": {"name": plan.name, "namespace": plan.namespace},
                "spec": {"replicas": replicas},
            }))
            .kept_on_leave(),
        );
        return scaling;
    };
    let (api_version, kind) = HPA;
    let child = Child::share(json!({
        "apiVersion": api_version,
        "kind": kind,
        "metadata": {"name": name, "namespace": plan.namespace},
        "spec": {"scaleTargetRef": own},
    }))
    .force()
    .restored_on_leave(json!({"spec": {"scaleTargetRef": before}}));
    let version = live["metadata"]["resourceVersion"].as_str();
    scaling.children.push(match (*target == own, version) {
        (false, Some(version)) => child.expect(Expect::Version(String::from(version))),
        _ => child,
    });
    scaling
}

/// What the autoscaler scaled before: as the host's mark has it, else the Deployment.
fn before(live: &Value, plan: &Plan) -> Value {
    let key = format!("share.oarlock.dev/{}", plan.uid);
    let text = live["metadata"]["annotations"][key.as_str()].as_str();
    let mark = text.and_then(|text| serde_json::from_str::<Value>(text).ok());
    match mark.and_then(|mark| mark.pointer("/restore/spec/scaleTargetRef").cloned()) {
        Some(before) => before,
        None => json!({"apiVersion": "apps/v1", "kind": "Deployment", "name": plan.target}),
    }
}
