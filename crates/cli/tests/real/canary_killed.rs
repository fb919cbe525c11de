//! `kill -9` of the operator in the middle of a canary, at every stage that its status shows.

use serde_json::Value;

use crate::canary::Podinfo;
use crate::watching::{changes, until};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn row_07_the_canary_goes_on_where_it_was() {
    let Some(podinfo) = Podinfo::new("canary-killed", "canary.oarlock.dev", "v1alpha1").await
    else {
        return;
    };
    let mut operator = podinfo.ground.operator().await;
    podinfo.deploy("3.1.0").await;
    podinfo.apply(podinfo.steps(&[20, 60])).await;

    let witness = podinfo.witness();
    let mut states = std::pin::pin!(changes(podinfo.canaries.clone()));
    podinfo.deploy("3.1.1").await;
    let (mut kills, mut last) = (0, (Value::Null, Value::Null));
    let mut weights: Vec<i64> = Vec::new();
    let place = |status: &Value| (status["stage"].clone(), status["currentStep"].clone());
    loop {
        let canary = until(&mut states, |canary| {
            place(&canary.data["status"]) != last || canary.data["status"]["phase"] == "Succeeded"
        })
        .await;
        let status = &canary.data["status"];
        last = place(status);
        if let Some(weight) = status["canaryWeight"].as_i64()
            && weights.last() != Some(&weight)
        {
            weights.push(weight);
        }
        if status["phase"] == "Succeeded" {
            break;
        }
        operator.process.kill().await;
        operator = podinfo.ground.operator().await;
        kills += 1;
    }
    podinfo.stage("Idle").await;
    podinfo.runs("3.1.1").await;
    witness.content();
    assert!(kills >= 4, "only {kills} stages were seen");
    let steps: Vec<i64> = weights
        .iter()
        .copied()
        .filter(|weight| (1..100).contains(weight))
        .collect();
    assert_eq!(
        steps,
        [20, 60],
        "no step is repeated or skipped: {weights:?}"
    );
    // Only now: it outlived everything.
    assert_eq!(operator.get("/healthz").await.0, 200);
}
