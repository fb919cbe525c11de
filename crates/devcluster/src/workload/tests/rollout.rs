//! Deployments.

use super::*;

fn image_of(pod: &Value) -> &str {
    pod["spec"]["containers"][0]["image"].as_str().unwrap()
}

/// At every change: not more pods than replicas and surge, not fewer ready ones than replicas less what may be missing.
fn check_bounds(lab: &Lab, most: usize, least: usize) {
    let pods = lab.all(&PODS);
    let active = pods
        .iter()
        .filter(|pod| pod["metadata"]["deletionTimestamp"].is_null());
    let active: Vec<_> = active.collect();
    let ready = active.iter().filter(|pod| is_ready(pod)).count();
    assert!(
        active.len() <= most,
        "{} pods, {most} at most",
        active.len()
    );
    assert!(ready >= least, "{ready} pods ready, {least} at least");
}

#[tokio::test(start_paused = true)]
async fn ten_replicas_become_available() {
    let lab = Lab::new();
    lab.create(&DEPLOYMENTS, deployment(10, "nginx:1.7.7"));
    lab.complete("web").await;
    let deployment = lab.get(&DEPLOYMENTS, "web");
    assert_eq!(
        deployment["metadata"]["annotations"]["deployment.kubernetes.io/revision"],
        "1"
    );
    let hash = lab.all(&REPLICA_SETS)[0]["metadata"]["labels"]["pod-template-hash"]
        .as_str()
        .unwrap()
        .to_owned();
    insta::assert_snapshot!(shown(&deployment["status"], &hash), @r#"
    {
      "availableReplicas": 10,
      "conditions": [
        {
          "lastTransitionTime": "2023-11-14T22:13:21Z",
          "lastUpdateTime": "2023-11-14T22:13:21Z",
          "message": "Deployment has minimum availability.",
          "reason": "MinimumReplicasAvailable",
          "status": "True",
          "type": "Available"
        },
        {
          "lastTransitionTime": "2023-11-14T22:13:20Z",
          "lastUpdateTime": "2023-11-14T22:13:21Z",
          "message": "ReplicaSet \"web-<generated>\" has successfully progressed.",
          "reason": "NewReplicaSetAvailable",
          "status": "True",
          "type": "Progressing"
        }
      ],
      "observedGeneration": 1,
      "readyReplicas": 10,
      "replicas": 10,
      "updatedReplicas": 10
    }
    "#);
    insta::assert_snapshot!(shown(&lab.all(&REPLICA_SETS)[0]["status"], &hash), @r#"
    {
      "availableReplicas": 10,
      "fullyLabeledReplicas": 10,
      "observedGeneration": 1,
      "readyReplicas": 10,
      "replicas": 10
    }
    "#);
    assert_eq!(lab.active_pods(), 10);
}

#[tokio::test(start_paused = true)]
async fn a_new_image_rolls_within_its_bounds() {
    for (surge, unavailable, most, least) in [
        (json!("25%"), json!("25%"), 13, 8),
        (json!(0), json!(1), 10, 9),
        (json!(1), json!(0), 11, 10),
        (json!("100%"), json!(0), 20, 10),
    ] {
        let lab = Lab::new();
        let mut object = deployment(10, "nginx:1.7.7");
        object["spec"]["strategy"] = json!({
            "type": "RollingUpdate",
            "rollingUpdate": {"maxSurge": surge, "maxUnavailable": unavailable},
        });
        lab.create(&DEPLOYMENTS, object);
        lab.complete("web").await;
        lab.edit(&DEPLOYMENTS, "web", |object| {
            set_image(object, "nginx:1.7.8")
        });
        lab.watching("all pods are new", seconds(600), |lab, _| {
            check_bounds(lab, most, least);
            let deployment = lab.get(&DEPLOYMENTS, "web");
            deployment["status"]["observedGeneration"] == 2
                && count(&deployment, "updatedReplicas") == 10
                && count(&deployment, "replicas") == 10
                && count(&deployment, "availableReplicas") == 10
        })
        .await;
        assert!(
            lab.all(&PODS)
                .iter()
                .all(|pod| image_of(pod) == "nginx:1.7.8")
        );
        let deployment = lab.get(&DEPLOYMENTS, "web");
        assert_eq!(
            deployment["metadata"]["annotations"]["deployment.kubernetes.io/revision"],
            "2"
        );
        assert_eq!(lab.all(&REPLICA_SETS).len(), 2);
    }
}

#[tokio::test(start_paused = true)]
async fn a_failing_image_stalls_and_rolling_back_mends() {
    let lab = Lab::new();
    lab.workloads
        .add(Pattern::image("*:broken"), Behaviour::ImagePullBackOff);
    lab.create(&DEPLOYMENTS, deployment(10, "nginx:1.7.7"));
    lab.complete("web").await;
    let begin = lab.clock.now();
    lab.edit(&DEPLOYMENTS, "web", |object| {
        set_image(object, "nginx:broken")
    });
    lab.watching("the deadline is exceeded", seconds(700), |lab, _| {
        check_bounds(lab, 13, 8);
        condition(&lab.get(&DEPLOYMENTS, "web"), "Progressing")["reason"]
            == "ProgressDeadlineExceeded"
    })
    .await;
    let waited = lab.clock.now().since(begin);
    assert!((seconds(600)..seconds(605)).contains(&waited), "{waited:?}");
    let stalled = lab.get(&DEPLOYMENTS, "web");
    assert_eq!(condition(&stalled, "Progressing")["status"], "False");
    assert_eq!(condition(&stalled, "Available")["status"], "True");
    assert_eq!(count(&stalled, "updatedReplicas"), 5);
    assert_eq!(count(&stalled, "unavailableReplicas"), 5);
    let pods = lab.all(&PODS);
    let broken: Vec<_> = pods
        .iter()
        .filter(|pod| image_of(pod) == "nginx:broken")
        .collect();
    assert_eq!(broken.len(), 5);
    for pod in broken {
        assert_eq!(pod["status"]["phase"], "Pending");
        let waiting = &pod["status"]["containerStatuses"][0]["state"]["waiting"];
        assert_eq!(waiting["reason"], "ImagePullBackOff");
    }

    lab.edit(&DEPLOYMENTS, "web", |object| {
        set_image(object, "nginx:1.7.7")
    });
    lab.watching("the old revision is back", seconds(60), |lab, _| {
        check_bounds(lab, 13, 8);
        let deployment = lab.get(&DEPLOYMENTS, "web");
        condition(&deployment, "Progressing")["reason"] == "NewReplicaSetAvailable"
            && deployment["status"]["observedGeneration"] == 3
    })
    .await;
    let sets = lab.all(&REPLICA_SETS);
    assert_eq!(sets.len(), 2);
    let current = sets
        .iter()
        .find(|set| set["spec"]["replicas"] == 10)
        .unwrap();
    let annotations = &current["metadata"]["annotations"];
    assert_eq!(annotations["deployment.kubernetes.io/revision"], "3");
    assert_eq!(
        annotations["deployment.kubernetes.io/revision-history"],
        "1"
    );
}

#[tokio::test(start_paused = true)]
async fn a_mended_cluster_lets_a_stalled_rollout_go_on() {
    let lab = Lab::new();
    let rule = lab
        .workloads
        .add(Pattern::image("nginx"), Behaviour::NeverReady);
    lab.create(&DEPLOYMENTS, deployment(2, "nginx:1.7.7"));
    lab.until("the deadline is exceeded", seconds(700), |lab| {
        condition(&lab.get(&DEPLOYMENTS, "web"), "Progressing")["reason"]
            == "ProgressDeadlineExceeded"
    })
    .await;
    assert_eq!(
        condition(&lab.get(&DEPLOYMENTS, "web"), "Available")["reason"],
        "MinimumReplicasUnavailable"
    );
    lab.workloads.remove(rule);
    lab.complete("web").await;
    assert_eq!(
        condition(&lab.get(&DEPLOYMENTS, "web"), "Available")["reason"],
        "MinimumReplicasAvailable"
    );
}

#[tokio::test(start_paused = true)]
async fn scaling_in_the_middle_of_a_rollout_keeps_proportions() {
    let lab = Lab::new();
    let mut object = deployment(10, "nginx:1.7.7");
    object["spec"]["strategy"] = json!({"rollingUpdate": {"maxSurge": 3, "maxUnavailable": 2}});
    lab.create(&DEPLOYMENTS, object);
    lab.complete("web").await;
    let rule = lab
        .workloads
        .add(Pattern::image("*:1.7.8"), Behaviour::NeverReady);
    lab.edit(&DEPLOYMENTS, "web", |object| {
        set_image(object, "nginx:1.7.8")
    });
    lab.until("eight old and five new", seconds(60), |lab| {
        count(&lab.get(&DEPLOYMENTS, "web"), "replicas") == 13
            && count(&lab.get(&DEPLOYMENTS, "web"), "updatedReplicas") == 5
    })
    .await;
    lab.edit(&DEPLOYMENTS, "web", |object| {
        object["spec"]["replicas"] = json!(15)
    });
    let mut sizes: Vec<i64> = Vec::new();
    lab.until("eighteen pods", seconds(60), |lab| {
        sizes = lab
            .all(&REPLICA_SETS)
            .iter()
            .map(|set| set["spec"]["replicas"].as_i64().unwrap())
            .collect();
        sizes.sort_unstable();
        count(&lab.get(&DEPLOYMENTS, "web"), "replicas") == 18
    })
    .await;
    // The example of the Kubernetes documentation.
    assert_eq!(sizes, [7, 11]);
    lab.workloads.remove(rule);
    lab.complete("web").await;
}

#[tokio::test(start_paused = true)]
async fn scaling_makes_no_revision() {
    let lab = Lab::new();
    lab.create(&DEPLOYMENTS, deployment(3, "nginx"));
    lab.complete("web").await;
    for replicas in [7, 0, 2] {
        lab.edit(&DEPLOYMENTS, "web", |object| {
            object["spec"]["replicas"] = json!(replicas)
        });
        lab.until("scaled", seconds(60), |lab| {
            let deployment = lab.get(&DEPLOYMENTS, "web");
            count(&deployment, "replicas") == replicas
                && count(&deployment, "availableReplicas") == replicas
                && deployment["status"]["observedGeneration"]
                    == deployment["metadata"]["generation"]
        })
        .await;
        // A count of zero is not written.
        let deployment = lab.get(&DEPLOYMENTS, "web");
        assert_eq!(
            deployment["status"].get("replicas").is_none(),
            replicas == 0
        );
        assert!(deployment["status"].get("unavailableReplicas").is_none());
    }
    assert_eq!(lab.all(&REPLICA_SETS).len(), 1);
    assert_eq!(lab.active_pods(), 2);
}

#[tokio::test(start_paused = true)]
async fn recreate_never_mixes_revisions() {
    let lab = Lab::new();
    lab.workloads.set_termination(seconds(5));
    let mut object = deployment(3, "nginx:1.7.7");
    object["spec"]["strategy"] = json!({"type": "Recreate"});
    lab.create(&DEPLOYMENTS, object);
    lab.complete("web").await;
    let begin = lab.clock.now();
    lab.edit(&DEPLOYMENTS, "web", |object| {
        set_image(object, "nginx:1.7.8")
    });
    lab.watching("all pods are new", seconds(60), |lab, _| {
        let pods = lab.all(&PODS);
        let new = pods
            .iter()
            .filter(|pod| image_of(pod) == "nginx:1.7.8")
            .count();
        assert!(
            new == 0 || new == pods.len(),
            "{new} of {} pods are new",
            pods.len()
        );
        let deployment = lab.get(&DEPLOYMENTS, "web");
        deployment["status"]["observedGeneration"] == 2
            && count(&deployment, "updatedReplicas") == 3
            && count(&deployment, "availableReplicas") == 3
    })
    .await;
    assert!(lab.clock.now().since(begin) >= seconds(5));
}

#[tokio::test(start_paused = true)]
async fn a_paused_deployment_scales_but_does_not_roll() {
    let lab = Lab::new();
    lab.create(&DEPLOYMENTS, deployment(2, "nginx:1.7.7"));
    lab.complete("web").await;
    lab.edit(&DEPLOYMENTS, "web", |object| {
        object["spec"]["paused"] = json!(true);
        object["spec"]["replicas"] = json!(4);
        set_image(object, "nginx:1.7.8");
    });
    lab.until("four pods", seconds(60), |lab| {
        count(&lab.get(&DEPLOYMENTS, "web"), "availableReplicas") == 4
    })
    .await;
    assert_eq!(
        condition(&lab.get(&DEPLOYMENTS, "web"), "Progressing")["reason"],
        "DeploymentPaused"
    );
    assert_eq!(lab.all(&REPLICA_SETS).len(), 1);
    lab.edit(&DEPLOYMENTS, "web", |object| {
        object["spec"]["paused"] = json!(false)
    });
    lab.complete("web").await;
    assert!(
        lab.all(&PODS)
            .iter()
            .all(|pod| image_of(pod) == "nginx:1.7.8")
    );
}

#[tokio::test(start_paused = true)]
async fn min_ready_seconds_slow_a_rollout_down() {
    let lab = Lab::new();
    let mut object = deployment(1, "nginx:1.7.7");
    object["spec"]["minReadySeconds"] = json!(30);
    lab.create(&DEPLOYMENTS, object);
    let begin = lab.clock.now();
    lab.complete("web").await;
    assert!(lab.clock.now().since(begin) >= seconds(30));
}

#[tokio::test(start_paused = true)]
async fn history_is_limited() {
    let lab = Lab::new();
    let mut object = deployment(1, "nginx:0");
    object["spec"]["revisionHistoryLimit"] = json!(2);
    lab.create(&DEPLOYMENTS, object);
    lab.complete("web").await;
    for revision in 1..6 {
        lab.edit(&DEPLOYMENTS, "web", |object| {
            set_image(object, &format!("nginx:{revision}"))
        });
        lab.complete("web").await;
    }
    lab.until("three are left", seconds(10), |lab| {
        lab.all(&REPLICA_SETS).len() == 3
    })
    .await;
    let sets = lab.all(&REPLICA_SETS);
    let mut revisions: Vec<&str> = sets
        .iter()
        .map(|set| {
            set["metadata"]["annotations"]["deployment.kubernetes.io/revision"]
                .as_str()
                .unwrap()
        })
        .collect();
    revisions.sort_unstable();
    assert_eq!(revisions, ["4", "5", "6"]);
}

#[tokio::test(start_paused = true)]
async fn managers_are_named_as_in_a_real_cluster() {
    let lab = Lab::new();
    lab.create(&DEPLOYMENTS, deployment(1, "nginx"));
    lab.complete("web").await;
    let managers = |object: &Value| -> Vec<String> {
        let entries = object["metadata"]["managedFields"].as_array().unwrap();
        entries
            .iter()
            .map(|entry| {
                format!(
                    "{} {}",
                    entry["manager"].as_str().unwrap(),
                    entry["subresource"].as_str().unwrap_or("-")
                )
            })
            .collect()
    };
    assert_eq!(
        managers(&lab.get(&DEPLOYMENTS, "web")),
        ["test -", "kube-controller-manager status"]
    );
    let pod = &lab.all(&PODS)[0];
    assert_eq!(
        managers(pod),
        [
            "kube-controller-manager -",
            "kube-scheduler binding",
            "kubelet status"
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn a_settled_cluster_stands_still() {
    let lab = Lab::new();
    lab.workloads
        .add(Pattern::image("broken"), Behaviour::ImagePullBackOff);
    for (name, image) in [("good", "nginx"), ("bad", "broken")] {
        let mut object = deployment(5, image);
        object["metadata"]["name"] = json!(name);
        object["spec"]["selector"] = json!({"matchLabels": {"app": name}});
        object["spec"]["template"]["metadata"]["labels"] = json!({"app": name});
        lab.create(&DEPLOYMENTS, object);
    }
    // Past the progress deadline of the bad one.
    lab.pass(seconds(1_000)).await;
    let settled = lab.store.revision();
    lab.pass(seconds(100_000)).await;
    assert_eq!(lab.store.revision(), settled, "somebody writes for ever");
}

#[tokio::test(start_paused = true)]
async fn many_deployments_come_up_together() {
    let lab = Lab::new();
    for index in 0..100 {
        let mut object = deployment(4, "nginx");
        let name = format!("web-{index}");
        object["metadata"]["name"] = json!(name);
        object["spec"]["selector"] = json!({"matchLabels": {"app": name}});
        object["spec"]["template"]["metadata"]["labels"] = json!({"app": name});
        lab.create(&DEPLOYMENTS, object);
    }
    let begin = lab.clock.now();
    lab.pass(seconds(2)).await;
    for deployment in lab.all(&DEPLOYMENTS) {
        assert_eq!(
            count(&deployment, "availableReplicas"),
            4,
            "{}",
            deployment["metadata"]["name"]
        );
    }
    assert_eq!(lab.active_pods(), 400);
    assert_eq!(lab.clock.now().since(begin), seconds(2));
}
