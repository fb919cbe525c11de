//! `kill -9` of the operator, whenever its status moves, with the real clock and real Deployments.

use serde_json::Value;

use crate::ground::Ground;
use crate::rollout::{apply_deployer, change_version, deployers, fleet};
use crate::watching::{changes, ready_at, until};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_rollout_goes_on_where_it_was() {
    let Some(ground) = Ground::new("killed").await else {
        return;
    };
    let deployers = deployers(&ground).await;
    let mut operator = ground.operator().await;
    apply_deployer(&ground, &deployers, 1).await;
    let mut states = std::pin::pin!(changes(deployers.clone()));
    until(&mut states, |d| ready_at(d, "1.7.7")).await;

    change_version(&deployers, "1.7.8").await;
    let (mut kills, mut last) = (0, Value::Null);
    let mut steps: Vec<i64> = Vec::new();
    loop {
        let deployer = until(&mut states, |d| d.data["status"] != last).await;
        let status = &deployer.data["status"];
        last = status.clone();
        if let Some(step) = status["currentStep"].as_i64()
            && steps.last() != Some(&step)
        {
            steps.push(step);
        }
        if ready_at(&deployer, "1.7.8") {
            break;
        }
        operator.process.kill().await;
        operator = ground.operator().await;
        kills += 1;
    }
    assert_eq!(steps, [1, 2, 3, 4], "no step is repeated or skipped");
    assert!(kills >= 8, "only {kills} transitions were seen");
    assert_eq!(fleet(&ground).await, [("nginx-1.7.8".to_owned(), 10)]);
    // Only now: it outlived everything.
    assert_eq!(operator.get("/healthz").await.0, 200);
}
