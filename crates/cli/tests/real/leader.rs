//! Two replicas with a Lease on the real API server, of which one is killed in the middle of a rollout.

use futures_util::StreamExt as _;
use kube::api::{Api, DynamicObject};

use crate::ground::{Ground, Operator};
use crate::process::PATIENCE;
use crate::rollout::{apply_deployer, change_version, deployers, fleet};
use crate::watching::{changes, ready_at, until};

async fn replica(ground: &Ground) -> Operator {
    ground
        .operator_with(&[
            "--leader-elect",
            "--leader-election-id=replicas",
            "--leader-election-namespace",
            &ground.namespace,
            "--leader-elect-lease-duration=4s",
            "--leader-elect-renew-deadline=3s",
            "--leader-elect-retry-period=300ms",
        ])
        .await
}

/// Who holds the Lease.
async fn holder(leases: &Api<DynamicObject>) -> String {
    let lease = leases.get("replicas").await.unwrap();
    let holder = &lease.data["spec"]["holderIdentity"];
    holder.as_str().unwrap_or_default().to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_in_a_rollout_the_leader_is_followed_by_the_other() {
    let Some(ground) = Ground::new("leader").await else {
        return;
    };
    let deployers = deployers(&ground).await;
    let leader = replica(&ground).await;
    leader.process.logs("leading").await;
    let follower = replica(&ground).await;
    follower.process.logs("standing by").await;
    apply_deployer(&ground, &deployers, 1).await;
    let mut states = std::pin::pin!(changes(deployers.clone()));
    until(&mut states, |d| ready_at(d, "1.7.7")).await;

    change_version(&deployers, "1.7.8").await;
    until(&mut states, |d| d.data["status"]["currentStep"] == 2).await;
    let leases = ground.api("coordination.k8s.io", "v1", "Lease");
    let first = holder(&leases).await;
    leader.process.kill().await;
    follower.process.logs("leading").await;
    assert_ne!(holder(&leases).await, first);
    let mut steps = Vec::new();
    let rest = async {
        while let Some(deployer) = states.next().await {
            if let Some(step) = deployer.data["status"]["currentStep"].as_i64()
                && steps.last() != Some(&step)
            {
                steps.push(step);
            }
            if ready_at(&deployer, "1.7.8") {
                return;
            }
        }
    };
    tokio::time::timeout(PATIENCE, rest)
        .await
        .expect("the other rolls on");
    assert!(steps.is_sorted(), "no step back: {steps:?}");
    assert_eq!(steps.last(), Some(&4));
    assert_eq!(fleet(&ground).await, [("nginx-1.7.8".to_owned(), 10)]);
}
