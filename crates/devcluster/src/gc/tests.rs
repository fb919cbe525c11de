//! The garbage collector on plain objects, under paused time.
#![expect(clippy::unwrap_used, reason = "tests")]

use oarlock_core::timestamp::Timestamp;
use serde_json::json;
use tokio::task::JoinSet;

use super::*;
use crate::clock::VirtualClock;
use crate::store::HISTORY;

const MAPS: ResourceId = ResourceId::of("", "configmaps");
const ROLES: ResourceId = ResourceId::of("rbac.authorization.k8s.io", "clusterroles");

struct Lab {
    store: Store,
    _tasks: JoinSet<()>,
}

impl Lab {
    fn new() -> Self {
        let clock = VirtualClock::new(Timestamp::from_millis(1_700_000_000_000), 1.0);
        let store = Store::new(Arc::new(clock), HISTORY, 7);
        let mut tasks = JoinSet::new();
        tasks.spawn(run(store.clone()));
        Self {
            store,
            _tasks: tasks,
        }
    }

    /// A ConfigMap owned by others, each a reference.
    fn map(&self, namespace: &str, name: &str, owners: &[Value]) -> Value {
        let object = json!({
            "apiVersion": "v1", "kind": "ConfigMap",
            "metadata": {"name": name, "ownerReferences": owners},
        });
        let created = self
            .store
            .create(&MAPS, namespace, object, &Write::by("test"))
            .unwrap();
        reference(&created.object)
    }

    fn role(&self, name: &str, owners: &[Value]) -> Value {
        let object = json!({
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole",
            "metadata": {"name": name, "ownerReferences": owners},
        });
        let created = self
            .store
            .create(&ROLES, "", object, &Write::by("test"))
            .unwrap();
        reference(&created.object)
    }

    fn delete(&self, name: &str, propagation: Propagation) {
        self.store
            .delete(
                &MAPS,
                "default",
                name,
                &DeleteOptions::propagating(propagation),
            )
            .unwrap();
    }

    /// Names of the ConfigMaps that are left once nothing moves any more.
    async fn left(&self) -> Vec<String> {
        settle(&self.store).await;
        let listing = self
            .store
            .list(&MAPS, None, &ListOptions::default())
            .unwrap();
        listing
            .items
            .iter()
            .map(|object| String::from(text(object, "name")))
            .collect()
    }

    fn owner_names(&self, name: &str) -> Vec<String> {
        let object = self.store.get(&MAPS, "default", name).unwrap();
        owners(&object)
            .into_iter()
            .map(|owner| owner.name)
            .collect()
    }
}

/// Lets every task run until none has anything to do.
async fn settle(store: &Store) {
    let clock = Arc::clone(store.clock());
    clock
        .sleep_until(clock.now().after(Duration::from_secs(10)))
        .await;
}

fn reference(object: &Value) -> Value {
    json!({
        "apiVersion": object["apiVersion"], "kind": object["kind"],
        "name": object["metadata"]["name"], "uid": object["metadata"]["uid"],
    })
}

fn blocking(mut reference: Value) -> Value {
    reference["blockOwnerDeletion"] = json!(true);
    reference
}

#[tokio::test(start_paused = true)]
async fn dependents_go_with_their_owner_generation_by_generation() {
    let lab = Lab::new();
    let a = lab.map("default", "a", &[]);
    let b = lab.map("default", "b", &[a]);
    lab.map("default", "c", &[b]);
    lab.map("default", "z", &[]);
    assert_eq!(lab.left().await, ["a", "b", "c", "z"]);
    lab.delete("a", Propagation::Background);
    assert_eq!(lab.left().await, ["z"]);
}

#[tokio::test(start_paused = true)]
async fn the_last_owner_takes_the_dependent_along() {
    let lab = Lab::new();
    let a = lab.map("default", "a", &[]);
    let b = lab.map("default", "b", &[]);
    lab.map("default", "c", &[a, b]);
    lab.delete("a", Propagation::Background);
    assert_eq!(lab.left().await, ["b", "c"]);
    assert_eq!(
        lab.owner_names("c"),
        ["b"],
        "the reference to the lost owner is taken away"
    );
    lab.delete("b", Propagation::Default);
    assert!(lab.left().await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn an_owner_with_another_uid_is_absent() {
    let lab = Lab::new();
    let mut a = lab.map("default", "a", &[]);
    a["uid"] = json!("11111111-2222-3333-4444-555555555555");
    lab.map("default", "b", &[a]);
    assert_eq!(lab.left().await, ["a"]);
}

#[tokio::test(start_paused = true)]
async fn an_owner_in_another_namespace_is_absent() {
    let lab = Lab::new();
    let a = lab.map("kube-system", "a", &[]);
    lab.map("default", "b", &[a]);
    assert_eq!(lab.left().await, ["a"]);
}

#[tokio::test(start_paused = true)]
async fn cluster_scoped_owners_own_across_namespaces_but_not_the_other_way_round() {
    let lab = Lab::new();
    let role = lab.role("a", &[]);
    let b = lab.map("default", "b", &[role]);
    lab.role("c", &[b]);
    lab.store
        .delete(&ROLES, "", "a", &DeleteOptions::default())
        .unwrap();
    assert!(lab.left().await.is_empty());
    assert!(
        lab.store.get(&ROLES, "", "c").is_ok(),
        "its owner cannot be resolved"
    );
}

#[tokio::test(start_paused = true)]
async fn an_owner_of_an_unknown_kind_keeps_its_dependent() {
    let lab = Lab::new();
    let owner = json!({"apiVersion": "example.com/v1", "kind": "Thing", "name": "t", "uid": "u"});
    lab.map("default", "a", &[owner]);
    assert_eq!(lab.left().await, ["a"]);
}

#[tokio::test(start_paused = true)]
async fn foreground_waits_for_blocking_dependents_only() {
    let lab = Lab::new();
    let a = lab.map("default", "a", &[]);
    lab.map("default", "held", &[blocking(a.clone())]);
    lab.map("default", "loose", &[a]);
    for name in ["held", "loose"] {
        let hold = |object: &mut Value| {
            object["metadata"]["finalizers"] = json!(["example.com/hold"]);
            Ok(())
        };
        lab.store
            .modify(&MAPS, "default", name, None, &Write::by("test"), hold)
            .unwrap();
    }
    lab.delete("a", Propagation::Foreground);
    assert_eq!(lab.left().await, ["a", "held", "loose"]);
    let free = |object: &mut Value| {
        object["metadata"]["finalizers"] = json!([]);
        Ok(())
    };
    lab.store
        .modify(&MAPS, "default", "held", None, &Write::by("test"), free)
        .unwrap();
    assert_eq!(lab.left().await, ["loose"]);
}

#[tokio::test(start_paused = true)]
async fn orphans_lose_their_reference_and_stay() {
    let lab = Lab::new();
    let a = lab.map("default", "a", &[]);
    let b = lab.map("default", "b", std::slice::from_ref(&a));
    lab.map("default", "c", &[b]);
    lab.delete("a", Propagation::Orphan);
    assert_eq!(lab.left().await, ["b", "c"]);
    assert!(lab.owner_names("b").is_empty());
    assert_eq!(lab.owner_names("c"), ["b"]);
}

#[tokio::test(start_paused = true)]
async fn owners_of_each_other_do_not_wait_for_ever() {
    let lab = Lab::new();
    let a = lab.map("default", "a", &[]);
    let b = lab.map("default", "b", &[blocking(a)]);
    let own = |object: &mut Value| {
        object["metadata"]["ownerReferences"] = json!([blocking(b.clone())]);
        Ok(())
    };
    lab.store
        .modify(&MAPS, "default", "a", None, &Write::by("test"), own)
        .unwrap();
    lab.delete("a", Propagation::Foreground);
    assert!(lab.left().await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn references_made_later_are_seen() {
    let lab = Lab::new();
    lab.map("default", "a", &[]);
    let gone = json!({"apiVersion": "v1", "kind": "ConfigMap", "name": "never", "uid": "u"});
    let own = |object: &mut Value| {
        object["metadata"]["ownerReferences"] = json!([gone]);
        Ok(())
    };
    lab.store
        .modify(&MAPS, "default", "a", None, &Write::by("test"), own)
        .unwrap();
    assert!(lab.left().await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn falling_behind_loses_nothing() {
    let lab = Lab::new();
    let a = lab.map("default", "a", &[]);
    lab.map("default", "b", &[a]);
    lab.left().await;
    lab.delete("a", Propagation::Background);
    // The collector has not seen the deletion yet and never will.
    lab.store.compact();
    assert!(lab.left().await.is_empty());
}
