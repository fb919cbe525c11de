//! StatefulSets and DaemonSets.

use super::*;

const STATEFUL_SETS: ResourceId = ResourceId::of("apps", "statefulsets");
const DAEMON_SETS: ResourceId = ResourceId::of("apps", "daemonsets");

fn stateful_set(replicas: u32) -> Value {
    json!({
        "apiVersion": "apps/v1",
        "kind": "StatefulSet",
        "metadata": {"name": "db"},
        "spec": {
            "replicas": replicas,
            "serviceName": "db",
            "selector": {"matchLabels": {"app": "web"}},
            "template": template("postgres:17"),
        },
    })
}

fn names(lab: &Lab) -> Vec<String> {
    lab.all(&PODS)
        .iter()
        .map(|pod| String::from(pod["metadata"]["name"].as_str().unwrap()))
        .collect()
}

async fn settled(lab: &Lab, replicas: i64) {
    lab.until("settled", seconds(120), |lab| {
        let set = lab.get(&STATEFUL_SETS, "db");
        set["status"]["currentRevision"] == set["status"]["updateRevision"]
            && count(&set, "availableReplicas") == replicas
            && count(&set, "replicas") == replicas
            && set["status"]["observedGeneration"] == set["metadata"]["generation"]
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn pods_come_and_go_in_order() {
    let lab = Lab::new();
    lab.create(&STATEFUL_SETS, stateful_set(3));
    lab.watching("all there", seconds(60), |lab, _| {
        let pods = lab.all(&PODS);
        let unready = pods.iter().filter(|pod| !is_ready(pod)).count();
        assert!(unready <= 1, "one at a time");
        pods.len() == 3 && unready == 0
    })
    .await;
    assert_eq!(names(&lab), ["db-0", "db-1", "db-2"]);
    settled(&lab, 3).await;
    lab.edit(&STATEFUL_SETS, "db", |set| {
        set["spec"]["replicas"] = json!(1)
    });
    settled(&lab, 1).await;
    assert_eq!(names(&lab), ["db-0"]);
}

#[tokio::test(start_paused = true)]
async fn updates_go_from_the_highest_down_to_the_partition() {
    let lab = Lab::new();
    lab.create(&STATEFUL_SETS, stateful_set(3));
    settled(&lab, 3).await;
    let images = |lab: &Lab| -> Vec<String> {
        let pods = lab.all(&PODS);
        pods.iter()
            .map(|pod| String::from(pod["spec"]["containers"][0]["image"].as_str().unwrap()))
            .collect()
    };
    lab.edit(&STATEFUL_SETS, "db", |set| {
        set["spec"]["updateStrategy"] =
            json!({"type": "RollingUpdate", "rollingUpdate": {"partition": 2}});
        set_image(set, "postgres:18");
    });
    lab.pass(seconds(60)).await;
    assert_eq!(images(&lab), ["postgres:17", "postgres:17", "postgres:18"]);
    let set = lab.get(&STATEFUL_SETS, "db");
    assert_eq!(
        (
            count(&set, "currentReplicas"),
            count(&set, "updatedReplicas")
        ),
        (2, 1)
    );
    lab.edit(&STATEFUL_SETS, "db", |set| {
        set["spec"]["updateStrategy"]["rollingUpdate"]["partition"] = json!(0);
    });
    lab.watching("all new", seconds(60), |lab, _| {
        let ready = lab.all(&PODS).iter().filter(|pod| is_ready(pod)).count();
        assert!(ready >= 2, "one at a time");
        images(lab) == ["postgres:18", "postgres:18", "postgres:18"]
    })
    .await;
    settled(&lab, 3).await;
}

#[tokio::test(start_paused = true)]
async fn a_daemon_set_has_one_pod_on_the_node() {
    let lab = Lab::new();
    lab.create(
        &DAEMON_SETS,
        json!({
            "apiVersion": "apps/v1",
            "kind": "DaemonSet",
            "metadata": {"name": "agent"},
            "spec": {"selector": {"matchLabels": {"app": "web"}}, "template": template("agent:1")},
        }),
    );
    let available = |lab: &Lab| count(&lab.get(&DAEMON_SETS, "agent"), "numberAvailable");
    lab.until("available", seconds(60), |lab| available(lab) == 1)
        .await;
    assert_eq!(lab.all(&PODS).len(), 1);
    lab.edit(&DAEMON_SETS, "agent", |set| set_image(set, "agent:2"));
    lab.until("rolled", seconds(60), |lab| {
        let set = lab.get(&DAEMON_SETS, "agent");
        available(lab) == 1
            && count(&set, "updatedNumberScheduled") == 1
            && set["status"]["observedGeneration"] == 2
    })
    .await;
    assert_eq!(
        lab.all(&PODS)[0]["spec"]["containers"][0]["image"],
        "agent:2"
    );
    lab.edit(&DAEMON_SETS, "agent", |set| {
        set["spec"]["template"]["spec"]["nodeSelector"] = json!({"gpu": "yes"});
    });
    lab.until("unwanted", seconds(60), |lab| lab.all(&PODS).is_empty())
        .await;
    assert_eq!(
        lab.get(&DAEMON_SETS, "agent")["status"]["desiredNumberScheduled"],
        0
    );
}
