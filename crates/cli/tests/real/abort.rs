//! A Canary that is given up.

use serde_json::json;

use crate::canary::{Podinfo, REPLICAS, healthy, steer};
use crate::webhooks::Answer;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn row_11_a_failed_check_takes_it_back_and_the_users_edit_stays() {
    let Some(podinfo) = Podinfo::new("abort", "canary.oarlock.dev", "v1alpha1").await else {
        return;
    };
    let _operator = podinfo.ground.operator().await;
    podinfo.deploy("3.1.0").await;
    let mut canary = podinfo.steps(&[30]);
    canary["spec"]["analysis"]["webhooks"] = json!([
        {"type": "rollout", "name": "load-test", "url": format!("{}/load", podinfo.web.url)},
    ]);
    podinfo.apply(canary).await;

    podinfo
        .web
        .answers(|_| Answer::Says(412, String::from("too slow")));
    let witness = podinfo.witness();
    podinfo.deploy("3.1.1").await;
    let failed = podinfo.stage("Failed").await;
    podinfo.runs("3.1.0").await;
    witness.content();
    let status = &failed.data["status"];
    assert_eq!(status["phase"], "Failed");
    assert_eq!(status["rejectedRevisions"][0], status["currentRevision"]);
    assert!(
        status["failure"].as_str().unwrap().contains("too slow"),
        "{status:#}"
    );
    // It is the user's: the version is not taken back in it.
    let deployment = podinfo.deployment().await;
    assert_eq!(
        deployment.data["spec"]["template"]["spec"]["containers"][0]["image"],
        "podinfo:3.1.1"
    );

    // What works now is tried again when somebody says so.
    podinfo.web.answers(healthy);
    let witness = podinfo.witness();
    let revision = status["currentRevision"].as_str().unwrap();
    steer(
        &podinfo,
        json!({"control": {"retry": format!("{revision}/1")}}),
    )
    .await;
    podinfo.phase("Succeeded").await;
    podinfo.stage("Idle").await;
    podinfo.runs("3.1.1").await;
    witness.content();
    assert_eq!(
        podinfo.deployment().await.data["spec"]["replicas"],
        REPLICAS
    );
}
