//! The operator is killed right before and right after each single write of a release's life: what is in the cluster is all
//! that the next one has. No revision is lost, none is doubled, and no lock stays.

use std::collections::BTreeMap;

use oarlock_devcluster::resource::ResourceId;
use serde_json::{Value, json};

use super::site::{Dialect, Record, SECRETS, Site};
use crate::gate::Moment;
use crate::world::conditions;

const JOBS: ResourceId = ResourceId::of("batch", "jobs");
const PODS: ResourceId = ResourceId::of("", "pods");

/// What became of a life.
struct Tale {
    writes: usize,
    lives: usize,
    remains: Value,
    /// How often each hook was created.
    hooks: BTreeMap<String, usize>,
    told: String,
}

/// Installed with hooks and a test, an upgrade that fails and is rolled back, and one that is good.
async fn life(kill: Option<(usize, Moment)>) -> Tale {
    let mut site = Site::killed_at(Dialect::Flux2, kill).await;
    let (since, from) = (site.store().revision(), site.now());
    site.set(&json!({
        "timeout": "30s",
        "test": {"enable": true},
        "upgrade": {"remediation": {"remediateLastFailure": true}},
        "values": {"hook": {"enabled": true}, "test": {"enabled": true}},
    }));
    site.until_told("Ready", "True TestSucceeded").await;
    site.set(&json!({"values": {"image": "web:never-ready", "greeting": "bad"}}));
    site.until_told("Stalled", "True").await;
    site.set(&json!({"values": {"image": "web:well", "greeting": "good"}}));
    site.until_told("Ready", "True TestSucceeded").await;
    site.seconds(300).await;
    if site.lives == 1 && kill.is_some() {
        assert!(site.gate().is_dead(), "{kill:?} was never reached");
        site.restart().await;
        site.seconds(300).await;
    }
    let told = format!("{}{}", site.story(since, from).await, site.told());
    let mut hooks = BTreeMap::new();
    for entry in site.chronicle.since(since).await {
        let change = &entry.change;
        let is_hook = change.object["metadata"]["annotations"]["helm.sh/hook"].is_string();
        let owned = !change.object["metadata"]["ownerReferences"].is_null();
        if [JOBS, PODS].contains(&change.resource) && is_hook && !owned && change.previous.is_none()
        {
            *hooks.entry(change.key.name.clone()).or_default() += 1;
        }
    }
    check_history(&site, since, &told).await;
    Tale {
        writes: site.gate().writes(),
        lives: site.lives,
        remains: remains(&site),
        hooks,
        told,
    }
}

/// At any time: revisions without a gap. In the end: one is deployed, and none is pending.
async fn check_history(site: &Site, since: u64, told: &str) {
    let mut there = BTreeMap::<u64, String>::new();
    for entry in site.chronicle.since(since).await {
        if entry.change.resource != SECRETS {
            continue;
        }
        let Some(record) = Record::of(&entry.change.object) else {
            continue;
        };
        if entry.change.removed {
            there.remove(&record.revision);
        } else {
            there.insert(record.revision, record.status);
        }
        let expected: Vec<u64> = there
            .keys()
            .next()
            .map_or_else(Vec::new, |first| (*first..).take(there.len()).collect());
        assert!(there.keys().eq(&expected), "a gap: {there:?}\n{told}");
        let open = there
            .values()
            .filter(|status| status.starts_with("pending-"));
        assert!(open.count() <= 1, "two at once: {there:?}\n{told}");
    }
    let deployed = there
        .values()
        .filter(|status| *status == "deployed")
        .count();
    assert_eq!(deployed, 1, "{there:?}\n{told}");
    let is_open = |status: &String| status.starts_with("pending-") || status == "uninstalling";
    assert!(!there.values().any(is_open), "{there:?}\n{told}");
}

/// What is left of it all, without what differs from one life to the next.
fn remains(site: &Site) -> Value {
    let release = site.release();
    json!({
        "history": site.history(),
        "objects": site.objects(),
        "conditions": conditions(&release),
        "finalizers": release["metadata"]["finalizers"],
    })
}

/// Every so manieth write, from this one on.
async fn at_writes(moment: Moment, first: usize, step: usize) {
    let calm = life(None).await;
    assert!(calm.writes > 30, "only {} writes", calm.writes);
    assert_eq!(calm.lives, 1);
    for write in (first..calm.writes).step_by(step) {
        let tale = life(Some((write, moment))).await;
        let at = format!("{moment:?} write {write} of {}\n{}", calm.writes, tale.told);
        assert_eq!(tale.lives, 2, "{at}");
        assert_eq!(tale.remains, calm.remains, "{at}");
        assert_eq!(tale.hooks, calm.hooks, "{at}");
    }
}

#[tokio::test(start_paused = true)]
async fn killed_before_the_even_writes() {
    at_writes(Moment::Before, 0, 2).await;
}

#[tokio::test(start_paused = true)]
async fn killed_before_the_odd_writes() {
    at_writes(Moment::Before, 1, 2).await;
}

#[tokio::test(start_paused = true)]
async fn killed_after_the_even_writes() {
    at_writes(Moment::After, 0, 2).await;
}

#[tokio::test(start_paused = true)]
async fn killed_after_the_odd_writes() {
    at_writes(Moment::After, 1, 2).await;
}

/// While it waits for Pods, for hooks, and between two stages.
#[tokio::test(start_paused = true)]
async fn killed_every_second() {
    let mut site = Site::new(Dialect::Flux2).await;
    let (since, from) = (site.store().revision(), site.now());
    site.set(&json!({
        "timeout": "30s",
        "upgrade": {"remediation": {"remediateLastFailure": true}},
        "values": {"hook": {"enabled": true}, "image": "web:slow"},
        "install": {"timeout": "2m"},
    }));
    for _ in 0..90 {
        site.seconds(1).await;
        site.restart().await;
    }
    site.until_told("Ready", "True InstallSucceeded").await;
    site.set(&json!({"values": {"image": "web:never-ready"}}));
    for _ in 0..90 {
        site.seconds(1).await;
        site.restart().await;
    }
    site.until_told("Stalled", "True").await;
    let told = site.story(since, from).await;
    check_history(&site, since, &told).await;
    let states: Vec<String> = site.records().iter().map(|r| r.status.clone()).collect();
    assert_eq!(states, ["superseded", "failed", "deployed"], "{told}");
}

/// A release that goes is gone, wherever the operator was killed.
#[tokio::test(start_paused = true)]
async fn killed_while_it_uninstalls() {
    async fn gone(kill: Option<(usize, Moment)>) -> usize {
        let mut site = Site::killed_at(Dialect::Flux2, kill).await;
        site.set(&json!({"values": {"hook": {"enabled": true}}}));
        site.until_told("Ready", "True InstallSucceeded").await;
        let resource = site.dialect.resource();
        site.delete(&resource, "web");
        site.until("it is gone", |world| {
            world.get(&resource, "web").is_none().then_some(())
        })
        .await;
        site.seconds(60).await;
        // A hook that nothing deletes stays, as with Helm.
        let left: Vec<String> = site
            .objects()
            .into_iter()
            .filter(|o| !o.starts_with("Job/"))
            .collect();
        assert!(left.is_empty(), "{kill:?}: {left:?}");
        assert!(site.history().is_empty(), "{kill:?}: {:?}", site.history());
        site.gate().writes()
    }
    let writes = gone(None).await;
    for write in 0..writes {
        gone(Some((write, Moment::Before))).await;
        gone(Some((write, Moment::After))).await;
    }
}
