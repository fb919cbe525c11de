//! Pods, adoption, deletion.

use super::*;

const NODES: ResourceId = ResourceId::of("", "nodes");

fn pod(name: &str, spec: Value) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "labels": {"app": "web"}},
        "spec": spec,
    })
}

fn simple() -> Value {
    json!({"containers": [{"name": "web", "image": "nginx"}]})
}

async fn ready(lab: &Lab, name: &str) {
    lab.until("the pod is ready", seconds(60), |lab| {
        is_ready(&lab.get(&PODS, name))
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_pod_runs_and_gets_ready() {
    let lab = Lab::new();
    let begin = lab.clock.now();
    lab.create(&PODS, pod("one", simple()));
    ready(&lab, "one").await;
    assert_eq!(lab.clock.now().since(begin), seconds(1));
    let pod = lab.get(&PODS, "one");
    let uid = pod["metadata"]["uid"].as_str().unwrap().to_owned();
    let generation = format!("\"observedGeneration\": {}", pod["metadata"]["generation"]);
    let status =
        shown(&pod["status"], &uid).replace(&generation, "\"observedGeneration\": <current>");
    insta::assert_snapshot!(status, @r#"
    {
      "conditions": [
        {
          "lastTransitionTime": "2023-11-14T22:13:20Z",
          "observedGeneration": <current>,
          "status": "True",
          "type": "PodReadyToStartContainers"
        },
        {
          "lastTransitionTime": "2023-11-14T22:13:20Z",
          "observedGeneration": <current>,
          "status": "True",
          "type": "Initialized"
        },
        {
          "lastTransitionTime": "2023-11-14T22:13:21Z",
          "observedGeneration": <current>,
          "status": "True",
          "type": "Ready"
        },
        {
          "lastTransitionTime": "2023-11-14T22:13:21Z",
          "observedGeneration": <current>,
          "status": "True",
          "type": "ContainersReady"
        },
        {
          "lastTransitionTime": "2023-11-14T22:13:20Z",
          "observedGeneration": <current>,
          "status": "True",
          "type": "PodScheduled"
        }
      ],
      "containerStatuses": [
        {
          "containerID": "simulated://<generated>/web/0",
          "image": "nginx",
          "imageID": "simulated://nginx",
          "lastState": {},
          "name": "web",
          "ready": true,
          "restartCount": 0,
          "started": true,
          "state": {
            "running": {
              "startedAt": "2023-11-14T22:13:20Z"
            }
          }
        }
      ],
      "hostIP": "192.0.2.10",
      "hostIPs": [
        {
          "ip": "192.0.2.10"
        }
      ],
      "observedGeneration": <current>,
      "phase": "Running",
      "podIP": "10.128.0.2",
      "podIPs": [
        {
          "ip": "10.128.0.2"
        }
      ],
      "qosClass": "BestEffort",
      "startTime": "2023-11-14T22:13:20Z"
    }
    "#);
    let node = lab.store.get(&NODES, "", "node-0").unwrap();
    assert_eq!(condition(&node, "Ready")["status"], "True");
}

#[tokio::test(start_paused = true)]
async fn annotations_make_pods_fail() {
    let lab = Lab::new();
    for (fails, phase, waiting) in [
        ("ImagePullBackOff", "Pending", "ImagePullBackOff"),
        ("CrashLoopBackOff", "Running", "CrashLoopBackOff"),
        ("NeverReady", "Running", ""),
        ("Unschedulable", "Pending", ""),
    ] {
        let name = fails.to_lowercase();
        let mut object = pod(&name, simple());
        object["metadata"]["annotations"] = json!({"devcluster.oarlock.dev/fails": fails});
        lab.create(&PODS, object);
        lab.pass(seconds(5)).await;
        let pod = lab.get(&PODS, &name);
        assert_eq!(pod["status"]["phase"], phase, "{fails}");
        assert!(!is_ready(&pod), "{fails}");
        let reason = &pod["status"]["containerStatuses"][0]["state"]["waiting"]["reason"];
        assert_eq!(reason.as_str().unwrap_or_default(), waiting, "{fails}");
        let scheduled = condition(&pod, "PodScheduled");
        assert_eq!(
            scheduled["status"] == "True",
            fails != "Unschedulable",
            "{fails}"
        );
        assert_eq!(
            scheduled["reason"] == "Unschedulable",
            fails == "Unschedulable",
            "{fails}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn readiness_follows_rules_while_the_pod_runs() {
    let lab = Lab::new();
    lab.create(&PODS, pod("one", simple()));
    ready(&lab, "one").await;
    let rule = lab
        .workloads
        .add(Pattern::labels([("app", "web")]), Behaviour::NeverReady);
    lab.until("unready", seconds(1), |lab| {
        !is_ready(&lab.get(&PODS, "one"))
    })
    .await;
    assert_eq!(lab.get(&PODS, "one")["status"]["phase"], "Running");
    lab.workloads.remove(rule);
    ready(&lab, "one").await;
    // Another delay does not shake a pod that is ready.
    lab.workloads.set_readiness(seconds(50));
    lab.pass(seconds(1)).await;
    assert!(is_ready(&lab.get(&PODS, "one")));
}

#[tokio::test(start_paused = true)]
async fn a_crash_loop_is_ready_in_between() {
    let lab = Lab::new();
    lab.workloads.add(
        Pattern::Any,
        Behaviour::CrashLoopBackOff { after: seconds(4) },
    );
    lab.create(&PODS, pod("one", simple()));
    ready(&lab, "one").await;
    lab.until("it has crashed", seconds(5), |lab| {
        !is_ready(&lab.get(&PODS, "one"))
    })
    .await;
    let crashed = lab.get(&PODS, "one");
    let status = &crashed["status"]["containerStatuses"][0];
    assert_eq!(status["state"]["waiting"]["reason"], "CrashLoopBackOff");
    assert_eq!(status["lastState"]["terminated"]["exitCode"], 1);
    ready(&lab, "one").await;
    assert_eq!(
        lab.get(&PODS, "one")["status"]["containerStatuses"][0]["restartCount"],
        1
    );
}

#[tokio::test(start_paused = true)]
async fn deletion_is_graceful() {
    let lab = Lab::new();
    lab.workloads.set_termination(seconds(3));
    lab.create(&PODS, pod("one", simple()));
    ready(&lab, "one").await;
    let begin = lab.clock.now();
    lab.delete(&PODS, "one", Propagation::Default);
    let marked = lab.get(&PODS, "one");
    assert_eq!(marked["metadata"]["deletionGracePeriodSeconds"], 30);
    lab.until("gone", seconds(30), |lab| lab.all(&PODS).is_empty())
        .await;
    assert_eq!(lab.clock.now().since(begin), seconds(3));
}

#[tokio::test(start_paused = true)]
async fn by_default_deletion_takes_no_time() {
    let lab = Lab::new();
    lab.create(&PODS, pod("one", simple()));
    ready(&lab, "one").await;
    let begin = lab.clock.now();
    lab.delete(&PODS, "one", Propagation::Default);
    lab.until("gone", seconds(30), |lab| lab.all(&PODS).is_empty())
        .await;
    assert_eq!(lab.clock.now(), begin);
}

#[tokio::test(start_paused = true)]
async fn a_finalizer_holds_a_stopped_pod() {
    let lab = Lab::new();
    let mut object = pod("one", simple());
    object["metadata"]["finalizers"] = json!(["example.com/hold"]);
    lab.create(&PODS, object);
    ready(&lab, "one").await;
    lab.delete(&PODS, "one", Propagation::Default);
    lab.pass(seconds(60)).await;
    assert_eq!(
        lab.get(&PODS, "one")["metadata"]["deletionGracePeriodSeconds"],
        0
    );
    lab.edit(&PODS, "one", |object| {
        object["metadata"]["finalizers"] = json!([])
    });
    assert!(lab.all(&PODS).is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_replica_set_adopts_and_releases() {
    let lab = Lab::new();
    lab.create(&PODS, pod("stray", simple()));
    let set = lab.create(&REPLICA_SETS, json!({
        "apiVersion": "apps/v1",
        "kind": "ReplicaSet",
        "metadata": {"name": "web"},
        "spec": {"replicas": 2, "selector": {"matchLabels": {"app": "web"}}, "template": template("nginx")},
    }));
    lab.until("two ready", seconds(10), |lab| {
        count(&lab.get(&REPLICA_SETS, "web"), "readyReplicas") == 2
    })
    .await;
    assert_eq!(lab.all(&PODS).len(), 2);
    let stray = lab.get(&PODS, "stray");
    assert_eq!(
        stray["metadata"]["ownerReferences"][0]["uid"],
        set["metadata"]["uid"]
    );
    lab.edit(&PODS, "stray", |pod| {
        pod["metadata"]["labels"] = json!({"app": "debug"})
    });
    lab.until("replaced", seconds(10), |lab| lab.all(&PODS).len() == 3)
        .await;
    assert!(
        lab.get(&PODS, "stray")["metadata"]
            .get("ownerReferences")
            .is_none()
    );
}

#[tokio::test(start_paused = true)]
async fn background_deletion_takes_everything() {
    let lab = Lab::new();
    lab.create(&DEPLOYMENTS, deployment(3, "nginx"));
    lab.complete("web").await;
    lab.delete(&DEPLOYMENTS, "web", Propagation::Background);
    assert!(lab.all(&DEPLOYMENTS).is_empty(), "the owner goes at once");
    lab.until("all gone", seconds(10), |lab| {
        lab.all(&PODS).is_empty() && lab.all(&REPLICA_SETS).is_empty()
    })
    .await;
    lab.pass(seconds(60)).await;
    assert!(lab.all(&PODS).is_empty(), "nothing comes back");
}

#[tokio::test(start_paused = true)]
async fn foreground_deletion_takes_the_owner_last() {
    let lab = Lab::new();
    lab.workloads.set_termination(seconds(5));
    lab.create(&DEPLOYMENTS, deployment(3, "nginx"));
    lab.complete("web").await;
    lab.delete(&DEPLOYMENTS, "web", Propagation::Foreground);
    lab.watching("all gone", seconds(60), |lab, _| {
        let (pods, sets, deployments) = (
            lab.all(&PODS).len(),
            lab.all(&REPLICA_SETS).len(),
            lab.all(&DEPLOYMENTS).len(),
        );
        assert!(sets > 0 || pods == 0, "the ReplicaSet went before its pods");
        assert!(
            deployments > 0 || sets == 0,
            "the Deployment went before its ReplicaSet"
        );
        deployments == 0
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn orphaned_dependents_stay_and_are_adopted_again() {
    let lab = Lab::new();
    lab.create(&DEPLOYMENTS, deployment(3, "nginx"));
    lab.complete("web").await;
    let before: Vec<Value> = lab
        .all(&PODS)
        .iter()
        .map(|pod| pod["metadata"]["uid"].clone())
        .collect();
    lab.delete(&DEPLOYMENTS, "web", Propagation::Orphan);
    lab.until("gone", seconds(10), |lab| lab.all(&DEPLOYMENTS).is_empty())
        .await;
    lab.pass(seconds(60)).await;
    assert!(
        lab.all(&REPLICA_SETS)[0]["metadata"]
            .get("ownerReferences")
            .is_none()
    );
    assert_eq!(lab.active_pods(), 3);
    lab.create(&DEPLOYMENTS, deployment(3, "nginx"));
    lab.complete("web").await;
    let after: Vec<Value> = lab
        .all(&PODS)
        .iter()
        .map(|pod| pod["metadata"]["uid"].clone())
        .collect();
    assert_eq!(before, after);
}

#[tokio::test(start_paused = true)]
async fn a_lost_pod_is_replaced() {
    let lab = Lab::new();
    lab.create(&DEPLOYMENTS, deployment(3, "nginx"));
    lab.complete("web").await;
    let name = lab.all(&PODS)[0]["metadata"]["name"]
        .as_str()
        .unwrap()
        .to_owned();
    lab.delete(&PODS, &name, Propagation::Default);
    lab.until("noticed", seconds(10), |lab| {
        count(&lab.get(&DEPLOYMENTS, "web"), "availableReplicas") == 2
    })
    .await;
    lab.until("replaced", seconds(10), |lab| {
        count(&lab.get(&DEPLOYMENTS, "web"), "availableReplicas") == 3
    })
    .await;
    // A finished rollout stays finished.
    assert_eq!(
        condition(&lab.get(&DEPLOYMENTS, "web"), "Progressing")["reason"],
        "NewReplicaSetAvailable"
    );
}
