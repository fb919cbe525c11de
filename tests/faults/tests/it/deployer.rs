//! The Deployer: its users, and what must hold whatever goes wrong.

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

pub(crate) const DEPLOYERS: ResourceId = ResourceId::of("deploy.example.com", "deployers");
pub(crate) const DEPLOYMENTS: ResourceId = ResourceId::of("apps", "deployments");
const REPLICA_SETS: ResourceId = ResourceId::of("apps", "replicasets");
const PODS: ResourceId = ResourceId::of("", "pods");

static DEFINITION: LazyLock<Value> =
    LazyLock::new(|| serde_saphyr::from_str(&text("examples/deployer/crd.yaml")).unwrap());
static MANIFEST: LazyLock<Value> =
    LazyLock::new(|| serde_saphyr::from_str(&text("examples/deployer/deployer.yaml")).unwrap());
pub(crate) struct Deployers;

impl Play for Deployers {
    fn name(&self) -> &'static str {
        "deployer"
    }

    fn definitions(&self) -> Vec<Value> {
        vec![DEFINITION.clone()]
    }

    fn served(&self, seed: u64) -> (Watch, Arc<dyn Reconciler>) {
        let watch = watch(&text("examples/deployer/watches.yaml"));
        (watch, component::of(seed))
    }

    fn share(&self, seeds: u64) -> u64 {
        seeds * 7 / 20
    }

    fn story(&self, chance: Chance) -> Story {
        story::of(chance)
    }

    fn witness(&self, _: &Store) -> Witness {
        Box::new(|_, _| Some(Wrong::Unannounced("the Deployer calls nobody".to_owned())))
    }

    fn end(&self, store: &Store) -> Value {
        let deployer = |deployer: &Arc<Value>| {
            let status = &deployer["status"];
            let mut bare = bare(deployer);
            bare["status"] = json!({
                "phase": status["phase"],
                "from": status["from"],
                "to": status["to"],
                "isCurrent": status["observedGeneration"] == deployer["metadata"]["generation"],
            });
            bare["conditions"] = json!(conditions(deployer));
            bare
        };
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
        let mut pods = BTreeMap::<String, u64>::new();
        for pod in all(store, &PODS) {
            let version = &pod["metadata"]["labels"]["deploy.example.com/version"];
            *pods
                .entry(format!("{version} {}", pod["status"]["phase"]))
                .or_default() += 1;
        }
        json!({
            "deployers": all(store, &DEPLOYERS).iter().map(deployer).collect::<Vec<_>>(),
            "deployments": all(store, &DEPLOYMENTS).iter().map(deployment).collect::<Vec<_>>(),
            "running": all(store, &REPLICA_SETS).iter().filter(|set| set["spec"]["replicas"] != 0).count(),
            "pods": pods,
        })
    }

    fn violations(&self, record: &Record<'_>) -> Vec<String> {
        rules::broken(record)
    }
}

#[test]
fn deployer() {
    sweep(&Deployers);
}
