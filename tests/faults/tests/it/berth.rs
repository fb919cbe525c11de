//! A small module that does everything that a module may do: ordered children of many kinds, in its own namespace, in another
//! and in none; fields borrowed of somebody else's object; a Job that runs once; an object that can only be replaced; an
//! effect out in the world whose intent is stored first; a finalizer that waits for what it deleted.

mod definition;
mod module;
mod rules;
mod story;

use std::sync::{Arc, LazyLock};

use oarlock_config::Watch;
use oarlock_core::reconciler::Reconciler;
use oarlock_devcluster::Store;
use oarlock_devcluster::resource::ResourceId;
use serde_json::{Value, json};

use crate::chance::Chance;
use crate::outside::Witness;
use crate::play::{Play, Record, Story, all, bare, conditions, watch};
use crate::sweep::sweep;
use definition::{DEFINITION, WATCHES};
use module::Berth;

const BERTHS: ResourceId = ResourceId::of("faults.oarlock.dev", "berths");
const CONFIG_MAPS: ResourceId = ResourceId::of("", "configmaps");
const SERVICES: ResourceId = ResourceId::of("", "services");
const CLUSTER_ROLES: ResourceId = ResourceId::of("rbac.authorization.k8s.io", "clusterroles");
const JOBS: ResourceId = ResourceId::of("batch", "jobs");

/// Kinds of children.
const KINDS: [&ResourceId; 4] = [&CONFIG_MAPS, &SERVICES, &CLUSTER_ROLES, &JOBS];

static MODULE: LazyLock<Arc<Berth>> = LazyLock::new(|| Arc::new(Berth::new()));

pub(crate) struct Berths;

impl Play for Berths {
    fn name(&self) -> &'static str {
        "berth"
    }

    fn definitions(&self) -> Vec<Value> {
        vec![DEFINITION.clone()]
    }

    fn served(&self, _: u64) -> (Watch, Arc<dyn Reconciler>) {
        (watch(WATCHES), Arc::clone(&*MODULE) as _)
    }

    fn share(&self, seeds: u64) -> u64 {
        seeds / 2
    }

    fn story(&self, chance: Chance) -> Story {
        story::of(chance)
    }

    fn witness(&self, store: &Store) -> Witness {
        rules::witness(store.clone())
    }

    fn end(&self, store: &Store) -> Value {
        let berth = |berth: &Arc<Value>| {
            let status = &berth["status"];
            let mut bare = bare(berth);
            bare["status"] = json!({
                "intent": status["intent"]["task"],
                "done": status["done"]["task"],
                "parts": status["parts"],
                "release": status["release"],
            });
            bare["conditions"] = json!(conditions(berth));
            bare
        };
        let job = |job: &Arc<Value>| {
            json!({
                "name": job["metadata"]["name"],
                "owners": bare(job)["metadata"]["ownerReferences"],
                "succeeded": job["status"]["succeeded"],
            })
        };
        let service = |service: &Arc<Value>| {
            let mut bare = bare(service);
            // Drawn anew for each Service.
            bare["spec"]["clusterIP"] = Value::Null;
            bare["spec"]["clusterIPs"] = Value::Null;
            bare
        };
        let end = json!({
            "berths": all(store, &BERTHS).iter().map(berth).collect::<Vec<_>>(),
            "maps": all(store, &CONFIG_MAPS).iter().map(|map| bare(map)).collect::<Vec<_>>(),
            "services": all(store, &SERVICES).iter().map(service).collect::<Vec<_>>(),
            "roles": all(store, &CLUSTER_ROLES)
                .iter()
                .filter(|role| rules::name(role).starts_with("berth-"))
                .map(|role| bare(role))
                .collect::<Vec<_>>(),
            "jobs": all(store, &JOBS).iter().map(job).collect::<Vec<_>>(),
        });
        // Marks name the owner by its uid.
        let mut text = end.to_string();
        for berth in all(store, &BERTHS) {
            text = text.replace(rules::uid(&berth), "UID");
        }
        serde_json::from_str(&text).unwrap()
    }

    fn violations(&self, record: &Record<'_>) -> Vec<String> {
        rules::broken(record)
    }
}

#[test]
fn berth() {
    sweep(&Berths);
}
