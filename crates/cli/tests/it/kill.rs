//! `kill -9` of the operator, whenever its status moves: no step is repeated, none is skipped, and no time is lost.

use oarlock_core::timestamp::Timestamp;

use crate::process::{Cluster, Process, modules, root};
use crate::rollout::{
    apply_deployer, change_version, changes, define, deployers, deployments, ready_at, until,
};

fn operator(cluster: &Cluster) -> Process {
    Process::start(&[
        "run",
        "--watches",
        root()
            .join("examples/deployer/watches.yaml")
            .to_str()
            .unwrap(),
        "--modules",
        modules().to_str().unwrap(),
        "--kubeconfig",
        cluster.kubeconfig.to_str().unwrap(),
        "--clock",
        &format!("{}/clock", cluster.url),
        "--metrics-bind-address",
        "0",
    ])
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_at_every_transition_the_rollout_goes_on_where_it_was() {
    let directory = tempfile::tempdir().unwrap();
    let cluster = Cluster::start(directory.path()).await;
    let client = cluster.client();
    define(&client).await;
    let mut operator_process = operator(&cluster);
    apply_deployer(&client).await;
    let mut states = std::pin::pin!(changes(deployers(&client)));
    until(&mut states, |d| ready_at(d, "1.7.7")).await;

    let start = cluster.now().await;
    change_version(&client, "1.7.8").await;
    let (mut kills, mut last) = (0, serde_json::Value::Null);
    let mut waits: Vec<(String, String)> = Vec::new();
    loop {
        let deployer = until(&mut states, |d| d.data["status"] != last).await;
        let status = &deployer.data["status"];
        last = status.clone();
        if ready_at(&deployer, "1.7.8") {
            break;
        }
        operator_process.kill().await;
        operator_process = operator(&cluster);
        kills += 1;
        let next = status["stepEndsAt"]
            .as_str()
            .and_then(Timestamp::parse_rfc3339);
        if let Some(next) = next {
            let text = |field: &str| status["progress"][field].as_str().unwrap().to_owned();
            let wait = (text("step"), text("wait"));
            if waits.last() != Some(&wait) {
                waits.push(wait);
            }
            // Killed in a sleep: the clock goes on while nobody is there.
            if next.as_millis() > cluster.now().await {
                cluster.advance_to(next.as_millis()).await;
            }
        }
    }
    let expected = [
        ("no. 1", "60s till next step"),
        ("no. 2", "30s till next step"),
        ("no. 3", "30s till next step"),
    ]
    .map(|(step, wait)| (step.to_owned(), wait.to_owned()));
    let waited: Vec<_> = waits
        .into_iter()
        .filter(|(_, wait)| !wait.starts_with("0s"))
        .collect();
    assert_eq!(waited, expected, "no step is repeated or skipped");
    assert!(kills >= 8, "only {kills} transitions were seen");
    let took = cluster.now().await - start;
    assert!(
        (118_000..=122_000).contains(&took),
        "it took {took} ms of the cluster's time"
    );
    let names: Vec<String> = deployments(&client)
        .list(&kube::api::ListParams::default())
        .await
        .unwrap()
        .items
        .into_iter()
        .filter_map(|d| d.metadata.name)
        .collect();
    assert_eq!(names, ["nginx-1.7.8"]);
}
