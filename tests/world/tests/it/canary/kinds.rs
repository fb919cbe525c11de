//! Other ways than steps: Services that are switched, and a Job between two versions. The operator is killed right before and
//! right after each of its writes.

use std::collections::BTreeSet;
use std::time::Duration;

use oarlock_devcluster::resource::ResourceId;
use oarlock_devcluster::store::{Key, Write};
use oarlock_devcluster::workload::{Behaviour, Pattern};
use serde_json::{Value, json};

use super::site::{DEPLOYERS, DEPLOYMENTS, Site, manifest, of};
use crate::gate::Moment;
use crate::world::{NAMESPACE, World, condition};

const SERVICES: ResourceId = ResourceId::of("", "services");
const JOBS: ResourceId = ResourceId::of("batch", "jobs");
const REVISION: &str = "deploy.example.com/revision";

async fn installed(spec: Value, kill: Option<(usize, Moment)>) -> Site {
    let mut site = Site::with_all_rights(kill).await;
    for name in ["web", "web-next"] {
        let service = json!({
            "apiVersion": "v1", "kind": "Service", "metadata": {"name": name, "namespace": NAMESPACE},
            "spec": {"selector": {"app": "nginx"}, "ports": [{"port": 80}]},
        });
        let written = site
            .store()
            .create(&SERVICES, NAMESPACE, service, &Write::by("user"));
        written.unwrap();
    }
    let mut deployer = manifest();
    deployer["spec"]["deployment"]["replicas"] = json!(4);
    for (field, value) in spec.as_object().unwrap() {
        deployer["spec"][field] = value.clone();
    }
    site.apply(deployer).unwrap();
    site.until_stable("1.7.7").await;
    site
}

fn selector(site: &Site, name: &str) -> Value {
    site.get(&SERVICES, name).unwrap()["spec"]["selector"].clone()
}

/// What comes after the last status; an operator that dies in it is started again.
async fn rest(site: &mut Site) {
    for _ in 0..2 {
        site.pass(Duration::from_secs(30)).await;
        if site.gate().is_dead() {
            site.restart().await;
        }
    }
}

/// At every state since then, whoever `web` selects has all its Pods.
async fn check_traffic(site: &Site, since: u64) {
    site.chronicle
        .replay(since, |entry, scene| {
            let key = ("services".to_owned(), Key::new(NAMESPACE, "web"));
            let revision = &scene[&key]["spec"]["selector"][REVISION];
            let ready = of(scene, "pods").filter(|pod| {
                let conditions = pod["status"]["conditions"].as_array();
                let ready = |c: &Value| c["type"] == "Ready" && c["status"] == "True";
                pod["metadata"]["labels"][REVISION] == *revision
                    && pod["metadata"]["deletionTimestamp"].is_null()
                    && conditions.is_some_and(|all| all.iter().any(ready))
            });
            let ready = ready.count();
            assert!(
                ready >= 4,
                "{ready} Pods have the traffic at {}",
                entry.change.revision
            );
        })
        .await;
}

async fn blue_green(kill: Option<(usize, Moment)>) -> (usize, Duration) {
    let spec = json!({
        "type": "blueGreen", "service": {"name": "web", "preview": "web-next"},
        "blueGreen": {"autoPromotionDelay": 20, "scaleDownDelay": "40s"},
    });
    let mut site = installed(spec, kill).await;
    let (since, began) = (site.store().revision(), site.now());
    site.deploy("1.7.8");
    site.until_stable("1.7.8").await;
    let took = site.now().since(began);
    rest(&mut site).await;
    check_traffic(&site, since).await;
    assert_eq!(site.sizes(), "1.7.8=4");
    let revision = site.deployer()["status"]["stableRevision"].clone();
    for name in ["web", "web-next"] {
        assert_eq!(
            selector(&site, name),
            json!({"app": "nginx", REVISION: revision})
        );
    }
    let writes = site.gate().writes();
    // What was borrowed is given back with the Deployer.
    site.delete(&DEPLOYERS, "nginx");
    rest(&mut site).await;
    let left = site.get(&DEPLOYERS, "nginx");
    assert!(left.is_none(), "{kill:?}: {left:#?}");
    assert_eq!(selector(&site, "web"), json!({"app": "nginx"}));
    assert_eq!(site.list(&DEPLOYMENTS).len(), 0);
    (writes, took)
}

#[tokio::test(start_paused = true)]
async fn row_28_traffic_is_where_pods_are_killed_at_any_write() {
    let (writes, calm) = blue_green(None).await;
    assert!(writes > 10, "{writes}");
    assert!(
        calm >= Duration::from_secs(60) && calm < Duration::from_secs(66),
        "{calm:?}"
    );
    for write in 0..writes {
        for moment in [Moment::Before, Moment::After] {
            let (_, took) = blue_green(Some((write, moment))).await;
            assert!(
                took <= calm + Duration::from_secs(2),
                "{moment:?} {write}: {took:?}"
            );
        }
    }
}

/// Every Job that ever was, by uid.
async fn jobs(site: &Site) -> BTreeSet<String> {
    let entries = site.chronicle.since(0).await;
    let jobs = entries.iter().filter(|entry| entry.change.resource == JOBS);
    jobs.map(|entry| entry.change.object["metadata"]["uid"].to_string())
        .collect()
}

async fn recreate(kill: Option<(usize, Moment)>) -> usize {
    let spec = json!({"type": "recreate", "migration": {"args": ["migrate", "head"]}});
    let mut site = installed(spec, kill).await;
    let since = site.store().revision();
    site.deploy("1.7.8");
    site.until_stable("1.7.8").await;
    rest(&mut site).await;
    assert_eq!(jobs(&site).await.len(), 2, "one per version: {kill:?}");
    // Never two versions at the same time, and no Job beside either of them.
    site.chronicle
        .replay(since, |entry, scene| {
            let running = of(scene, "pods").filter(|pod| pod["status"]["phase"] == "Running");
            let kinds: BTreeSet<String> = running
                .map(|pod| {
                    let owner = &pod["metadata"]["ownerReferences"][0]["kind"];
                    format!("{owner} {}", pod["metadata"]["labels"][REVISION])
                })
                .collect();
            assert!(kinds.len() <= 1, "{kinds:?} at {}", entry.change.revision);
        })
        .await;
    site.gate().writes()
}

#[tokio::test(start_paused = true)]
async fn row_38_the_job_runs_exactly_once_killed_at_any_write() {
    let writes = recreate(None).await;
    assert!(writes > 10, "{writes}");
    for write in 0..writes {
        for moment in [Moment::Before, Moment::After] {
            recreate(Some((write, moment))).await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_job_that_fails_brings_the_old_version_back() {
    let mut site = installed(json!({"type": "recreate"}), None).await;
    let migration = json!({"migration": {"image": "broken:1", "backoffLimit": 1}});
    site.set(&migration);
    let exits = Behaviour::Exits {
        after: Duration::from_secs(2),
        code: 1,
    };
    site.cluster()
        .workloads()
        .add(Pattern::image("broken:1"), exits);
    site.deploy("1.7.8");
    let given_up = |world: &World| {
        let ready = condition(&*world.get(&DEPLOYERS, "nginx")?, "Ready")?;
        ready.contains("Rejected").then_some(ready)
    };
    let ready = site.until("it is given up", given_up).await;
    assert!(ready.contains("BackoffLimitExceeded"), "{ready}");
    site.pass(Duration::from_secs(60)).await;
    assert_eq!(site.sizes(), "1.7.7=4");
    assert_eq!(site.list(&JOBS).len(), 1, "people look at its log");
    assert_eq!(jobs(&site).await.len(), 1);
}
