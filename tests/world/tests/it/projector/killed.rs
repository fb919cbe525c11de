//! The operator is killed right before or right after each single write of a binding's life.

use std::time::Duration;

use serde_json::{Value, json};

use super::site::{BINDINGS, DEPLOYMENTS, RUNNERS, Site, binding, deployment, mapping};
use crate::gate::Moment;
use crate::world::{NAMESPACE, World};

/// A binding moves from one Deployment to another, one is in a kind whose lists have no keys, and both go.
async fn tell(kill: Option<(usize, Moment)>) -> (usize, Value) {
    let mut site = Site::killed_at(kill).await;
    site.furnish();
    site.apply(deployment("next")).unwrap();
    site.map(mapping("runners"));
    let runner = json!({
        "apiVersion": "x.example.com/v1", "kind": "Runner", "metadata": {"name": "ci", "namespace": NAMESPACE},
        "spec": {"size": 2, "jobs": [{"id": "one", "run": {"image": "one"}}], "disks": [{"name": "own"}]},
    });
    site.apply(runner).unwrap();
    let before = [
        site.content(&DEPLOYMENTS, "app"),
        site.content(&DEPLOYMENTS, "next"),
        site.content(&RUNNERS, "ci"),
    ];
    site.apply(binding("db", &json!({}))).unwrap();
    site.until_ready("db", "True ServiceBound: the binding is in Deployment app")
        .await;
    let workload = json!({"spec": {"workload": {"name": "next"}}});
    site.edit(&BINDINGS, "db", &workload).unwrap();
    site.until_ready("db", "True ServiceBound: the binding is in Deployment next")
        .await;
    let workload = json!({"spec": {"workload": {"apiVersion": "x.example.com/v1", "kind": "Runner", "name": "ci"}}});
    site.apply(binding("ci", &workload)).unwrap();
    site.until_ready("ci", "True ServiceBound").await;
    let out = |world: &World| {
        let live = world.get(&DEPLOYMENTS, "app")?;
        (!live["spec"].to_string().contains("/bindings")).then_some(())
    };
    site.until("it is out of the first", out).await;
    let mut bound = json!([
        site.content(&DEPLOYMENTS, "app"),
        site.content(&DEPLOYMENTS, "next"),
        site.content(&RUNNERS, "ci"),
    ]);
    for name in ["db", "ci"] {
        site.delete(&BINDINGS, name);
    }
    site.until_gone("db").await;
    site.until_gone("ci").await;
    site.pass(Duration::from_secs(30)).await;
    if site.lives == 1 && kill.is_some() {
        assert!(site.gate().is_dead(), "{kill:?} was never reached");
        site.restart().await;
        site.pass(Duration::from_secs(30)).await;
    }
    let after = [
        site.content(&DEPLOYMENTS, "app"),
        site.content(&DEPLOYMENTS, "next"),
        site.content(&RUNNERS, "ci"),
    ];
    assert_eq!(after, before, "{kill:?}");
    // Names of volumes are of this life.
    for content in bound.as_array_mut().unwrap() {
        let text = content.to_string();
        let uid = text
            .split("binding-")
            .nth(1)
            .map(|rest| rest[..36].to_owned());
        if let Some(uid) = uid {
            *content = serde_json::from_str(&text.replace(&uid, "UID")).unwrap();
        }
    }
    (site.gate().writes(), bound)
}

#[tokio::test(start_paused = true)]
async fn anywhere() {
    let (writes, expected) = tell(None).await;
    assert!(writes > 12, "{writes}");
    for write in 0..writes {
        for moment in [Moment::Before, Moment::After] {
            let (_, bound) = tell(Some((write, moment))).await;
            assert_eq!(bound, expected, "killed at write {write}, {moment:?}");
        }
    }
}
