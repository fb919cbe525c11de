//! Bindings of workloads that every cluster has, from their first day to their last.

use std::time::Duration;

use serde_json::{Value, json};

use super::site::{
    BINDINGS, CRON_JOBS, DATABASES, DEPLOYMENTS, STATEFUL_SETS, Site, binding, database,
    deployment, managers, names, secret,
};
use crate::world::World;

fn template(object: &Value) -> &Value {
    &object["spec"]["template"]
}

#[tokio::test(start_paused = true)]
async fn a_deployment_gets_the_secret_and_gives_it_back() {
    let mut site = Site::furnished().await;
    site.pass(Duration::from_secs(60)).await;
    let before = site.content(&DEPLOYMENTS, "app");
    let patch = json!({"spec": {"type": "postgresql", "env": [{"name": "HOST", "key": "host"}]}});
    site.apply(binding("db", &patch)).unwrap();
    site.until_ready("db", "True ServiceBound").await;
    let uid = site.get(&BINDINGS, "db").unwrap()["metadata"]["uid"]
        .as_str()
        .unwrap()
        .to_owned();
    let volume = format!("binding-{uid}");
    let live = site.get(&DEPLOYMENTS, "app").unwrap();
    let spec = &template(&live)["spec"];
    assert_eq!(names(&spec["volumes"]), ["tmp", &volume]);
    assert_eq!(
        names(&spec["containers"][0]["env"]),
        ["A", "SERVICE_BINDING_ROOT", "HOST"]
    );
    assert_eq!(
        spec["containers"][0]["volumeMounts"][0]["mountPath"],
        "/bindings/db"
    );
    assert_eq!(
        names(&spec["containers"][1]["env"]),
        ["SERVICE_BINDING_ROOT", "HOST"]
    );
    assert_eq!(spec["containers"][1]["env"][0]["value"], "/own");
    assert_eq!(
        spec["containers"][1]["volumeMounts"][1]["mountPath"],
        "/own/db"
    );
    assert_eq!(
        spec["initContainers"][0]["volumeMounts"][0]["mountPath"],
        "/bindings/db"
    );
    assert_eq!(
        template(&live)["metadata"]["annotations"],
        json!({format!("binding.oarlock.dev/type-{uid}"): "postgresql"})
    );
    assert_eq!(
        managers(&live),
        ["kubectl".to_owned(), format!("oarlock/projector/{uid}")]
    );
    // The Deployment's own controller makes Pods of it.
    let has = move |world: &World| {
        let all = world.list(&super::site::PODS);
        let mut running = all
            .iter()
            .filter(|pod| pod["metadata"]["deletionTimestamp"].is_null());
        running
            .any(|pod| names(&pod["spec"]["volumes"]).contains(&volume.as_str()))
            .then_some(())
    };
    site.until("a Pod has the Secret", has).await;
    let status = site.get(&BINDINGS, "db").unwrap()["status"].clone();
    assert_eq!(status["binding"], json!({"name": "orders-secret"}));
    assert!(!status.to_string().contains("pl4nted"));

    // At rest nobody writes anything.
    site.pass(Duration::from_secs(30)).await;
    let version = site.version(&DEPLOYMENTS, "app");
    let own = site.version(&BINDINGS, "db");
    site.pass(Duration::from_secs(7200)).await;
    assert_eq!(site.version(&DEPLOYMENTS, "app"), version);
    assert_eq!(site.version(&BINDINGS, "db"), own);

    site.delete(&BINDINGS, "db");
    site.until_gone("db").await;
    assert_eq!(site.content(&DEPLOYMENTS, "app"), before);
}

#[tokio::test(start_paused = true)]
async fn who_applies_the_manifest_again_is_in_nobody_s_way() {
    let mut site = Site::furnished().await;
    site.apply(binding("db", &json!({}))).unwrap();
    site.until_ready("db", "True").await;
    let bound = site.content(&DEPLOYMENTS, "app");
    site.apply_politely(&DEPLOYMENTS, &deployment("app"))
        .unwrap();
    site.pass(Duration::from_secs(60)).await;
    assert_eq!(site.content(&DEPLOYMENTS, "app"), bound);
    // Another image, one container less, and the variable set by its user.
    let mut next = deployment("app");
    let spec = &mut next["spec"]["template"]["spec"];
    spec["containers"].as_array_mut().unwrap().pop();
    spec["containers"][0]["image"] = json!("app:2");
    spec["volumes"] = json!([]);
    site.apply_politely(&DEPLOYMENTS, &next).unwrap();
    let settled = |world: &World| {
        let live = world.get(&DEPLOYMENTS, "app")?;
        (names(&live["spec"]["template"]["spec"]["containers"]) == ["app"]).then_some(())
    };
    site.until("the container is gone", settled).await;
    site.until_ready("db", "True").await;
    let live = site.get(&DEPLOYMENTS, "app").unwrap();
    let spec = &template(&live)["spec"];
    assert_eq!(spec["containers"][0]["image"], "app:2");
    assert_eq!(
        spec["containers"][0]["volumeMounts"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
    site.delete(&BINDINGS, "db");
    site.until_gone("db").await;
    let live = site.get(&DEPLOYMENTS, "app").unwrap();
    let spec = &template(&live)["spec"];
    assert_eq!(names(&spec["containers"][0]["env"]), ["A"]);
    assert!(names(&spec["volumes"]).is_empty(), "{spec}");
    assert!(
        spec["containers"][0]["volumeMounts"]
            .as_array()
            .is_none_or(Vec::is_empty)
    );
    assert_eq!(managers(&live), ["kubectl"]);
}

#[tokio::test(start_paused = true)]
async fn two_bindings_share_the_variable_until_the_last_one_goes() {
    let mut site = Site::furnished().await;
    let before = site.content(&DEPLOYMENTS, "app");
    site.apply(secret("cache")).unwrap();
    site.apply(binding("db", &json!({}))).unwrap();
    site.until_ready("db", "True").await;
    let service =
        json!({"spec": {"service": {"apiVersion": "v1", "kind": "Secret", "name": "cache"}}});
    site.apply(binding("cache", &service)).unwrap();
    site.until_ready("cache", "True").await;
    let root = |site: &Site| {
        let live = site.get(&DEPLOYMENTS, "app").unwrap();
        let env = live["spec"]["template"]["spec"]["containers"][0]["env"].clone();
        names(&env)
            .iter()
            .filter(|name| **name == "SERVICE_BINDING_ROOT")
            .count()
    };
    assert_eq!(root(&site), 1);
    let since = site.store().revision();
    site.delete(&BINDINGS, "db");
    site.until_gone("db").await;
    assert_eq!(root(&site), 1);
    let mut templates: Vec<Value> = Vec::new();
    for entry in site.chronicle.since(since).await {
        if entry.change.resource == DEPLOYMENTS {
            let container =
                entry.change.object["spec"]["template"]["spec"]["containers"][0].clone();
            assert!(names(&container["env"]).contains(&"SERVICE_BINDING_ROOT"));
            assert!(
                container["volumeMounts"]
                    .to_string()
                    .contains("/bindings/cache")
            );
            templates.push(entry.change.object["spec"]["template"].clone());
        }
    }
    templates.dedup();
    assert!(
        templates.len() <= 2,
        "Pods are replaced once: {templates:?}"
    );
    site.delete(&BINDINGS, "cache");
    site.until_gone("cache").await;
    assert_eq!(site.content(&DEPLOYMENTS, "app"), before);
}

#[tokio::test(start_paused = true)]
async fn a_service_is_waited_for_and_followed() {
    let mut site = Site::new().await;
    site.apply(binding("db", &json!({}))).unwrap();
    site.until_ready("db", "False WorkloadNotFound").await;
    site.apply(deployment("app")).unwrap();
    site.until_ready("db", "Unknown ServiceNotFound").await;
    site.apply(database("")).unwrap();
    site.until_ready("db", "Unknown ServiceMissingBinding")
        .await;
    site.apply(database("orders-secret")).unwrap();
    site.until_ready("db", "Unknown SecretNotFound").await;
    let generation = site.get(&DEPLOYMENTS, "app").unwrap()["metadata"]["generation"].clone();
    assert_eq!(generation, 1, "it is not touched");
    site.apply(secret("orders-secret")).unwrap();
    site.until_ready("db", "True ServiceBound").await;
    site.apply(secret("rotated")).unwrap();
    site.edit(
        &DATABASES,
        "orders",
        &json!({"status": {"binding": {"name": "rotated"}}}),
    )
    .unwrap();
    let rotated = |world: &World| {
        let live = world.get(&DEPLOYMENTS, "app")?;
        let volumes = live["spec"]["template"]["spec"]["volumes"].clone();
        (volumes[1]["projected"]["sources"][0]["secret"]["name"] == "rotated").then_some(())
    };
    site.until("the new Secret is mounted", rotated).await;
    site.pass(Duration::from_secs(1)).await;
    assert_eq!(
        site.get(&BINDINGS, "db").unwrap()["status"]["binding"]["name"],
        "rotated"
    );
}

#[tokio::test(start_paused = true)]
async fn stateful_sets_and_cron_jobs_too() {
    let mut site = Site::furnished().await;
    let mut set = deployment("set");
    set["kind"] = json!("StatefulSet");
    set["spec"]["serviceName"] = json!("set");
    site.apply(set).unwrap();
    let job = json!({
        "apiVersion": "batch/v1", "kind": "CronJob", "metadata": {"name": "report", "namespace": "default"},
        "spec": {"schedule": "0 0 1 1 *", "jobTemplate": {"spec": {"template": {"spec": {
            "restartPolicy": "Never", "containers": [{"name": "report", "image": "report"}]}}}}},
    });
    site.apply(job).unwrap();
    let before = (
        site.content(&STATEFUL_SETS, "set"),
        site.content(&CRON_JOBS, "report"),
    );
    let of = |api_version: &str, kind: &str, name: &str| json!({"spec": {"workload": {"apiVersion": api_version, "kind": kind, "name": name}}});
    site.apply(binding("set", &of("apps/v1", "StatefulSet", "set")))
        .unwrap();
    site.apply(binding("report", &of("batch/v1", "CronJob", "report")))
        .unwrap();
    site.until_ready("set", "True").await;
    site.until_ready("report", "True").await;
    let live = site.get(&CRON_JOBS, "report").unwrap();
    let container = &live["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"][0];
    assert_eq!(
        container["volumeMounts"][0]["mountPath"],
        "/bindings/report"
    );
    assert_ne!(site.content(&STATEFUL_SETS, "set"), before.0);
    site.delete(&BINDINGS, "set");
    site.delete(&BINDINGS, "report");
    site.until_gone("set").await;
    site.until_gone("report").await;
    assert_eq!(
        (
            site.content(&STATEFUL_SETS, "set"),
            site.content(&CRON_JOBS, "report")
        ),
        before
    );
}

#[tokio::test(start_paused = true)]
async fn whoever_leaves_the_selector_loses_it() {
    let mut site = Site::furnished().await;
    site.apply(deployment("two")).unwrap();
    site.pass(Duration::from_secs(60)).await;
    let before = site.content(&DEPLOYMENTS, "two");
    let selector =
        json!({"spec": {"workload": {"name": null, "selector": {"matchLabels": {"tier": "web"}}}}});
    site.apply(binding("db", &selector)).unwrap();
    let both = |world: &World| {
        let binding = world.get(&BINDINGS, "db")?;
        (binding["status"]["workloads"].as_array()?.len() == 2).then_some(())
    };
    site.until("both are there", both).await;
    site.until_ready("db", "True ServiceBound: the binding is in 2 workloads")
        .await;
    site.edit(
        &DEPLOYMENTS,
        "two",
        &json!({"metadata": {"labels": {"tier": "db"}}}),
    )
    .unwrap();
    site.until_ready("db", "True ServiceBound: the binding is in Deployment app")
        .await;
    site.pass(Duration::from_secs(5)).await;
    let after = site.content(&DEPLOYMENTS, "two");
    assert_eq!(
        (&after["spec"], &after["annotations"], &after["managers"]),
        (&before["spec"], &before["annotations"], &before["managers"])
    );
    // A third one that comes later is found.
    site.apply(deployment("three")).unwrap();
    site.until_ready("db", "True ServiceBound: the binding is in 2 workloads")
        .await;
}
