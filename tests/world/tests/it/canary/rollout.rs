//! Rollouts in which nothing goes wrong.

use std::time::Duration;

use oarlock_devcluster::resource::ResourceId;

use super::site::{DEPLOYERS, DEPLOYMENTS, Site, manifest};
use crate::world::{condition, conditions};

#[tokio::test(start_paused = true)]
async fn the_demo_from_its_first_manifest_to_the_second_version() {
    let mut site = Site::new().await;
    site.apply(manifest()).unwrap();
    site.until_stable("1.7.7").await;
    assert_eq!(site.sizes(), "1.7.7=10");
    let (since, began) = (site.store().revision(), site.now());

    site.deploy("1.7.8");
    site.until_stable("1.7.8").await;
    let took = site.now().since(began);
    insta::assert_snapshot!("demo", site.story(since, began).await);
    assert_eq!(
        site.progress(since).await[1..],
        [
            "no. 1, 10% has been deployed, 60s till next step",
            "no. 2, 30% has been deployed, 30s till next step",
            "no. 3, 60% has been deployed, 30s till next step",
            "no. 4, 100% has been deployed, 0s till next step",
        ]
    );
    // 60 + 30 + 30 seconds of sleep, and one second for each wave of Pods.
    let readiness = took - Duration::from_secs(120);
    assert!(readiness <= Duration::from_secs(12), "{took:?}");
    site.check_capacity(since, 10, 13).await;
    // The old version is gone with its last Pod, and everything that it owned.
    site.pass(Duration::from_secs(60)).await;
    assert_eq!(site.sizes(), "1.7.8=10");
    assert_eq!(site.list(&ResourceId::of("apps", "replicasets")).len(), 1);
    assert_eq!(site.list(&ResourceId::of("", "pods")).len(), 10);
    insta::assert_snapshot!(conditions(&site.deployer()).join("\n"), @r"
    Ready=True Available: all 10 Pods of nginx-1.7.8 are available
    Progressing=False Stable: all replicas are of nginx-1.7.8
    Available=True MinimumReplicasAvailable: at least 10 Pods are available
    Paused=False NotPaused: nobody holds it
    Degraded=False AsExpected: nothing is wrong
    Running=True Successful: Awaiting next reconciliation
    ");
    insta::assert_snapshot!("demo-events", site.events("nginx").join("\n"));
}

#[tokio::test(start_paused = true)]
async fn at_rest_nothing_is_asked_and_nothing_written() {
    let site = Site::installed().await;
    // Discovery looks twice more after the definition came.
    site.pass(Duration::from_secs(60)).await;
    let (since, runs) = (
        site.store().revision(),
        site.metric("controller_runtime_reconcile_total"),
    );
    site.gate().requests();
    // Nine hours: the period is ten.
    site.pass(Duration::from_secs(9 * 3600)).await;
    assert_eq!(site.store().revision(), since);
    assert_eq!(site.metric("controller_runtime_reconcile_total"), runs);
    let mut others = site.gate().requests();
    others.retain(|request| !request.contains("watch=true"));
    assert_eq!(others, Vec::<String>::new());
    // The period's own run looks, and finds nothing to do.
    site.pass(Duration::from_secs(2 * 3600)).await;
    assert_eq!(site.metric("controller_runtime_reconcile_total"), runs + 1);
    assert_eq!(site.store().revision(), since);
}

#[tokio::test(start_paused = true)]
async fn one_rollout_after_another() {
    let mut site = Site::installed().await;
    let mut since = site.store().revision();
    for version in ["1.7.8", "1.7.9", "1.7.7"] {
        let began = site.now();
        site.deploy(version);
        site.until_stable(version).await;
        assert!(
            site.now().since(began) >= Duration::from_secs(120),
            "{version} took all steps"
        );
        site.check_capacity(since, 10, 13).await;
        assert_eq!(site.sizes(), format!("{version}=10"));
        since = site.store().revision();
    }
    let promoted = site.events("nginx");
    let promoted = promoted.iter().filter(|event| event.contains("Promoted"));
    assert_eq!(promoted.count(), 3);
}

#[tokio::test(start_paused = true)]
async fn row_04_slow_pods_hold_a_step_and_their_end_begins_the_wait() {
    let mut site = Site::installed().await;
    let slow = Duration::from_secs(300);
    site.cluster().workloads().set_readiness(slow);
    site.cluster()
        .workloads()
        .set_termination(Duration::from_secs(20));
    let (since, began) = (site.store().revision(), site.now());
    site.deploy("1.7.8");
    site.until_step(1).await;
    let waited = site.now().since(began);
    assert!(
        waited >= slow && waited < slow + Duration::from_secs(2),
        "{waited:?}"
    );
    site.until_stable("1.7.8").await;
    site.check_capacity(since, 10, 13).await;
}

#[tokio::test(start_paused = true)]
async fn every_deployer_has_its_own_way() {
    let mut site = Site::new().await;
    for name in ["a", "b", "c"] {
        let mut deployer = manifest();
        deployer["metadata"]["name"] = name.into();
        deployer["spec"]["deployment"]["name"] = name.into();
        deployer["spec"]["deployment"]["replicas"] = 4.into();
        site.apply(deployer).unwrap();
    }
    let all_ready = |world: &crate::world::World| {
        let all = world.list(&DEPLOYERS);
        let ready =
            |d: &serde_json::Value| condition(d, "Ready").is_some_and(|r| r.starts_with("True"));
        (all.len() == 3 && all.iter().all(|d| ready(d))).then_some(())
    };
    site.until("all three are ready", all_ready).await;
    let new = serde_json::json!({"spec": {"deployment": {"version": "2"}}});
    site.edit(&DEPLOYERS, "b", &new).unwrap();
    site.pass(Duration::from_secs(300)).await;
    let names: Vec<String> = site
        .list(&DEPLOYMENTS)
        .iter()
        .map(|d| {
            format!(
                "{}={}",
                d["metadata"]["name"].as_str().unwrap(),
                d["spec"]["replicas"]
            )
        })
        .collect();
    assert_eq!(names.join(" "), "a-1.7.7=4 b-2=4 c-1.7.7=4");
}
