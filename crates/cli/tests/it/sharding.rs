//! Three processes that split the objects: each object is reconciled by one, also while members come and go.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use kube::api::{Api, DynamicObject, Patch, PatchParams};
use rustix::process::Signal;
use serde_json::json;

use crate::rollout::{changes, until};
use crate::site::{Operator, Site, create, is_ready, nothing};
use crate::wire::Wire;

const WATCHES: &str = "- {group: example.com, version: v1, kind: Widget, module: widget.wasm}\n";

/// Enough that nobody is left without any: identities, and with them the split, differ from run to run.
const OBJECTS: usize = 40;

/// One of those that split the objects.
struct Replica {
    operator: Operator,
    wire: Wire,
}

async fn replica(site: &Site, name: &str) -> Replica {
    let file = site.path(name);
    let wire = Wire::before(&site.cluster.url, &site.cluster.kubeconfig, file).await;
    let args = [
        "--kubeconfig",
        wire.kubeconfig.to_str().unwrap(),
        "--sharding",
        "--leader-elect-lease-duration=4s",
        "--leader-elect-renew-deadline=3s",
        "--leader-elect-retry-period=300ms",
    ];
    Replica {
        operator: site.operator_with(&args).await,
        wire,
    }
}

impl Replica {
    /// Lines of its log up to now.
    fn seen(&self) -> usize {
        self.operator.process.log_length()
    }

    /// Waits until it has its share among so many.
    async fn is_one_of(&self, seen: usize, members: usize) {
        let line = format!("reconciling a share of the objects members={members}");
        self.operator.process.logs_after(seen, &line).await;
    }

    /// When it wrote which object.
    fn wrote(&self, since: Instant) -> Vec<(Instant, String)> {
        let writes = self.wire.writes_since(since);
        let objects = writes.into_iter().filter_map(|sent| {
            let name = sent.path.split("/widgets/").nth(1)?;
            let end = name.find(['/', '?']).unwrap_or(name.len());
            Some((sent.at, name[..end].to_owned()))
        });
        objects.collect()
    }
}

/// Changes every object, and waits until each is reconciled.
async fn touch(widgets: &Api<DynamicObject>, size: usize) {
    for number in 0..OBJECTS {
        let patch = json!({"spec": {"size": size}});
        let name = format!("w{number}");
        widgets
            .patch(&name, &PatchParams::default(), &Patch::Merge(patch))
            .await
            .unwrap();
    }
    let mut done = BTreeSet::new();
    let mut states = std::pin::pin!(changes(widgets.clone()));
    let mut current = |object: &DynamicObject| {
        let conditions = object.data["status"]["conditions"].as_array().cloned();
        let ready = conditions
            .into_iter()
            .flatten()
            .find(|c| c["type"] == "Ready");
        let seen = ready.and_then(|condition| condition["observedGeneration"].as_i64());
        let wanted = object.data["spec"]["size"] == size;
        if wanted && seen == object.metadata.generation {
            done.extend(object.metadata.name.clone());
        }
        done.len() == OBJECTS
    };
    loop {
        let object = until(&mut states, |_| true).await;
        if current(&object) {
            return;
        }
    }
}

/// Who wrote each object since then, in the order of time. An object that goes back and forth shows.
fn owners(replicas: &[&Replica], since: Instant) -> BTreeMap<String, Vec<usize>> {
    let mut writes: Vec<(Instant, String, usize)> = Vec::new();
    for (index, replica) in replicas.iter().enumerate() {
        let wrote = replica.wrote(since).into_iter();
        writes.extend(wrote.map(|(at, name)| (at, name, index)));
    }
    writes.sort();
    let mut owners: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for (_, name, index) in writes {
        let list = owners.entry(name).or_default();
        if list.last() != Some(&index) {
            list.push(index);
        }
    }
    owners
}

/// Each object by exactly one, and each replica with a part.
fn assert_split(replicas: &[&Replica], since: Instant) {
    let owners = owners(replicas, since);
    assert_eq!(owners.len(), OBJECTS);
    let mut shares = vec![0; replicas.len()];
    for (name, list) in owners {
        let [owner] = list[..] else {
            panic!("{name} is reconciled by {list:?}");
        };
        shares[owner] += 1;
    }
    assert!(shares.iter().all(|share| *share > 0), "{shares:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_replicas_split_the_objects_and_take_over_from_one_another() {
    let site = Site::new().await;
    site.cluster.run_clock().await;
    let widgets = site.define("Widget").await;
    site.watches(WATCHES);
    site.module("widget.wasm", &nothing());
    let a = replica(&site, "a").await;
    a.is_one_of(0, 1).await;
    let seen = a.seen();
    let b = replica(&site, "b").await;
    b.is_one_of(0, 2).await;
    a.is_one_of(seen, 2).await;
    let (seen_a, seen_b) = (a.seen(), b.seen());
    let c = replica(&site, "c").await;
    c.is_one_of(0, 3).await;
    a.is_one_of(seen_a, 3).await;
    b.is_one_of(seen_b, 3).await;

    let began = Instant::now();
    for number in 0..OBJECTS {
        create(&widgets, "Widget", &format!("w{number}")).await;
    }
    touch(&widgets, 2).await;
    assert_split(&[&a, &b, &c], began);
    assert_eq!(
        a.operator.metric("oarlock_shard_members").await.as_deref(),
        Some("3")
    );

    // kill -9: what it had is taken over, the rest stays where it is.
    let before = owners(&[&a, &b, &c], began);
    let (seen_a, seen_b) = (a.seen(), b.seen());
    let Replica {
        operator,
        wire: _wire,
    } = c;
    operator.process.kill().await;
    let killed = Instant::now();
    touch(&widgets, 3).await;
    a.is_one_of(seen_a, 2).await;
    b.is_one_of(seen_b, 2).await;
    assert_split(&[&a, &b], killed);
    let after = owners(&[&a, &b], killed);
    for (name, owner) in &before {
        assert!(
            owner == &[2] || after[name] == *owner,
            "{name} moved without need"
        );
    }

    // One joins while there is work all the time: objects change hands once, and never back.
    let (seen_a, seen_b) = (a.seen(), b.seen());
    let joined = Instant::now();
    let d = replica(&site, "d").await;
    touch(&widgets, 4).await;
    d.is_one_of(0, 3).await;
    touch(&widgets, 5).await;
    a.is_one_of(seen_a, 3).await;
    b.is_one_of(seen_b, 3).await;
    for (name, list) in owners(&[&a, &b, &d], joined) {
        let once = list.len() == 1 || list.len() == 2 && list[1] == 2;
        assert!(once, "{name} went through {list:?}");
    }
    let settled = Instant::now();
    touch(&widgets, 6).await;
    assert_split(&[&a, &b, &d], settled);

    // Told to go, it leaves its share at once.
    let seen = a.seen();
    d.operator.process.signal(Signal::TERM);
    d.operator.process.logs("released the lease").await;
    assert_eq!(d.operator.process.end().await.0, Some(0));
    a.is_one_of(seen, 2).await;
    let left = Instant::now();
    touch(&widgets, 7).await;
    assert_split(&[&a, &b], left);
    site.conditions(&widgets, "w0", is_ready).await;
}
