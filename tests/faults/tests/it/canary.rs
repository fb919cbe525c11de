//! The canary module: its users, and what must hold whatever goes wrong.

mod rules;
mod story;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::{Arc, LazyLock};

use oarlock_config::Watch;
use oarlock_core::reconciler::Reconciler;
use oarlock_devcluster::Store;
use oarlock_devcluster::resource::ResourceId;
use oarlock_wasm::{EngineOptions, Loader, WasmModule};
use serde_json::{Value, json};

use crate::chance::Chance;
use crate::outside::{Witness, Wrong};
use crate::play::{Play, Record, Story, all, bare, conditions, watch};
use crate::sweep::sweep;
use oarlock_native::Native;

pub(crate) const DEPLOYERS: ResourceId = ResourceId::of("deploy.example.com", "deployers");
pub(crate) const DEPLOYMENTS: ResourceId = ResourceId::of("apps", "deployments");
const REPLICA_SETS: ResourceId = ResourceId::of("apps", "replicasets");
const PODS: ResourceId = ResourceId::of("", "pods");

/// Every so manieth seed runs the real component, which costs more.
const COMPONENT: u64 = 20;

static DEFINITION: LazyLock<Value> =
    LazyLock::new(|| serde_saphyr::from_str(&text("examples/deployer/crd.yaml")).unwrap());
static MANIFEST: LazyLock<Value> =
    LazyLock::new(|| serde_saphyr::from_str(&text("examples/deployer/deployer.yaml")).unwrap());
static NATIVE: LazyLock<Arc<Native>> = LazyLock::new(|| Arc::new(Native::default()));
static WASM: LazyLock<Arc<WasmModule>> = LazyLock::new(|| {
    let path = root().join("target/oarlock/modules/canary.wasm");
    let bytes = fs::read(&path).unwrap_or_else(|error| {
        panic!(
            "cannot read {}: {error}\nhint: cargo xtask modules",
            path.display()
        )
    });
    let options = EngineOptions {
        cache: Some(root().join("target/oarlock/cache")),
        ..EngineOptions::default()
    };
    // A thread of its own: whoever asks first may be in a runtime.
    let loading = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = { runtime }.enable_time().build().unwrap();
        runtime.block_on(Loader::new(options).unwrap().load(bytes))
    });
    Arc::new(loading.join().unwrap().unwrap())
});

fn root() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn text(path: &str) -> String {
    let path = root().join(path);
    fs::read_to_string(&path)
        .unwrap_or_else(|error| panic!("cannot read {}: {error}", path.display()))
}

pub(crate) struct Canary;

impl Play for Canary {
    fn name(&self) -> &'static str {
        "canary"
    }

    fn definitions(&self) -> Vec<Value> {
        vec![DEFINITION.clone()]
    }

    fn served(&self, seed: u64) -> (Watch, Arc<dyn Reconciler>) {
        let watch = watch(&text("examples/deployer/watches.yaml"));
        if seed % COMPONENT == COMPONENT - 1 {
            (watch, Arc::clone(&*WASM) as _)
        } else {
            (watch, Arc::clone(&*NATIVE) as _)
        }
    }

    fn story(&self, chance: Chance) -> Story {
        story::of(chance)
    }

    fn witness(&self, _: &Store) -> Witness {
        Box::new(|_, _| Some(Wrong::Unannounced("the canary calls nobody".to_owned())))
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
fn canary() {
    sweep(&Canary);
}
