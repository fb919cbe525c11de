//! The Canary: a Deployment that its user edits, rolled out by a Canary beside it without a router. Three populations of
//! Pods: the old and the new ReplicaSet of the user's Deployment, and the stable Deployment that stands in for it.

mod rules;
mod story;

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use oarlock_config::Watch;
use oarlock_core::reconciler::Reconciler;
use oarlock_devcluster::Store;
use oarlock_devcluster::resource::ResourceId;
use serde_json::{Value, json};

use crate::chance::Chance;
use crate::component::{self, text};
use crate::outside::{Witness, Wrong};
use crate::play::{Play, Record, Story, all, bare, conditions, watch};
use crate::sweep::sweep;

const CANARIES: ResourceId = ResourceId::of("canary.oarlock.dev", "canaries");
const DEPLOYMENTS: ResourceId = ResourceId::of("apps", "deployments");
const REPLICA_SETS: ResourceId = ResourceId::of("apps", "replicasets");
const PODS: ResourceId = ResourceId::of("", "pods");

/// Label of what belongs to the stable Deployment.
const TRACK: &str = "canary.oarlock.dev/track";

const WATCHES: &str = "\
- group: canary.oarlock.dev
  version: v1alpha1
  kind: Canary
  module: canary.wasm
  grants:
    write: [{apiGroups: [apps], resources: [deployments]}]
    read: [{apiGroups: [apps], resources: [deployments, replicasets]}]
";

static DEFINITION: LazyLock<Value> =
    LazyLock::new(|| serde_saphyr::from_str(&text("modules/canary/crds/canaries.yaml")).unwrap());

pub(crate) struct Canaries;

impl Play for Canaries {
    fn name(&self) -> &'static str {
        "canary"
    }

    fn definitions(&self) -> Vec<Value> {
        vec![DEFINITION.clone()]
    }

    fn served(&self, seed: u64) -> (Watch, Arc<dyn Reconciler>) {
        (watch(WATCHES), component::of(seed))
    }

    fn share(&self, seeds: u64) -> u64 {
        seeds * 3 / 20
    }

    fn story(&self, chance: Chance) -> Story {
        story::of(chance)
    }

    fn witness(&self, _: &Store) -> Witness {
        Box::new(|_, _| Some(Wrong::Unannounced("nothing is asked outside".to_owned())))
    }

    fn end(&self, store: &Store) -> Value {
        let canary = |canary: &Arc<Value>| {
            let status = &canary["status"];
            let mut bare = bare(canary);
            bare["status"] = json!({
                "phase": served(&status["phase"]),
                "stage": status["stage"],
                "stableRevision": status["stableRevision"],
                "currentRevision": status["currentRevision"],
                "rejectedRevisions": status["rejectedRevisions"],
                "replicas": status["replicas"],
                "availableReplicas": status["availableReplicas"],
                "isCurrent": status["observedGeneration"] == canary["metadata"]["generation"],
            });
            let is_given_up = status["stage"] == "Failed";
            bare["conditions"] = conditions(canary)
                .into_iter()
                .map(|told| match told.split_once(": ") {
                    Some((told, _)) if is_given_up => told.to_owned(),
                    Some((told, _))
                        if told.ends_with(" Initialized") || told.ends_with(" Succeeded") =>
                    {
                        told.split(' ').next().unwrap_or_default().to_owned()
                    }
                    _ => told,
                })
                .collect();
            bare
        };
        // Where something was given up is a matter of when what went wrong: then the Pods alone are compared, wherever
        // they are.
        let is_given_up = all(store, &CANARIES)
            .iter()
            .any(|canary| canary["status"]["stage"] == "Failed");
        let deployment = |deployment: &Arc<Value>| {
            let mut bare = bare(deployment);
            // Which revision it is depends on how often somebody had to put it right.
            bare["metadata"]["annotations"]["deployment.kubernetes.io/revision"] = Value::Null;
            bare["status"] = json!({
                "available": deployment["status"]["availableReplicas"],
                "replicas": deployment["status"]["replicas"],
            });
            bare
        };
        let deployments: Vec<Value> = match is_given_up {
            true => Vec::new(),
            false => all(store, &DEPLOYMENTS).iter().map(deployment).collect(),
        };
        let mut pods = BTreeMap::<String, u64>::new();
        for pod in all(store, &PODS) {
            let track = match is_given_up {
                true => &Value::Null,
                false => &pod["metadata"]["labels"][TRACK],
            };
            let image = &pod["spec"]["containers"][0]["image"];
            let phase = &pod["status"]["phase"];
            *pods.entry(format!("{track} {image} {phase}")).or_default() += 1;
        }
        let end = json!({
            "canaries": all(store, &CANARIES).iter().map(canary).collect::<Vec<_>>(),
            "deployments": deployments,
            "running": all(store, &REPLICA_SETS).iter().filter(|set| set["spec"]["replicas"] != 0).count(),
            "pods": pods,
        });
        // Marks name the owner by its uid.
        let mut text = end.to_string();
        for canary in all(store, &CANARIES) {
            let uid = canary["metadata"]["uid"].as_str().unwrap_or_default();
            text = text.replace(uid, "UID");
        }
        serde_json::from_str(&text).unwrap()
    }

    fn violations(&self, record: &Record<'_>) -> Vec<String> {
        rules::broken(record)
    }
}

/// Whether a revision was rolled out before it was the Canary's business, or by it, may be a matter of a moment.
fn served(phase: &Value) -> Value {
    match phase.as_str() {
        Some("Initialized") => "Succeeded".into(),
        _ => phase.clone(),
    }
}

#[test]
fn canary() {
    sweep(&Canaries);
}
