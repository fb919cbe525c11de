//! Configuration that changes without the template.

use oarlock_sdk::{ObjectRef, Value, json};

use super::site::{Site, at, plain};

fn settings(version: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {"name": "settings", "namespace": "prod"},
        "data": {"colour": version},
    })
}

fn at_settings() -> ObjectRef {
    ObjectRef::new("v1", "ConfigMap", "settings").in_namespace("prod")
}

fn site(annotations: &Value) -> Site {
    let mut site = Site::new(plain(), 10);
    let mut map = settings("blue");
    map["metadata"]["annotations"] = annotations.clone();
    site.world.foreign(map);
    site.edit(json!({"spec": {"template": {"spec": {"containers": [{
        "name": "podinfod", "image": "podinfo:1", "envFrom": [{"configMapRef": {"name": "settings"}}],
    }]}}}}));
    site.settle();
    assert_eq!(site.phase(), "Initialized");
    site.checked = Some((10, 10));
    site.seen.clear();
    site
}

fn source(live: &Value) -> &str {
    live["spec"]["template"]["spec"]["containers"][0]["envFrom"][0]["configMapRef"]["name"]
        .as_str()
        .unwrap()
}

/// What the copy holds that the stable Pods refer to.
fn colour_of_stable(site: &Site) -> String {
    let name = source(site.world.live(&at("podinfo-stable")).unwrap());
    let copy = ObjectRef::new("v1", "ConfigMap", name).in_namespace("prod");
    let copy = site.world.live(&copy).unwrap();
    copy["data"]["colour"].as_str().unwrap().to_owned()
}

#[test]
fn row_24_a_config_map_that_changes_is_rolled_out_step_by_step() {
    let mut site = site(&Value::Null);
    assert_eq!(colour_of_stable(&site), "blue");
    let first = site.world.status()["currentRevision"].clone();
    site.world
        .edit_foreign(&at_settings(), &json!({"data": {"colour": "green"}}));
    site.until(|site| site.world.status()["currentStep"] == json!(2));
    assert_ne!(site.world.status()["currentRevision"], first);
    // What serves keeps what it was promoted with.
    assert_eq!(colour_of_stable(&site), "blue");
    assert_eq!(source(site.app()), "settings");
    assert_eq!(site.running(None), 10);
    site.finish();
    assert_eq!(site.phase(), "Succeeded");
    assert_eq!(site.pods(), "app 1=10/10, stable");
    assert_eq!(colour_of_stable(&site), "green");
    assert_eq!(site.world.status()["history"][0]["outcome"], "Promoted");
    let copies = site
        .world
        .children()
        .filter(|child| child["kind"] == "ConfigMap")
        .count();
    assert_eq!(copies, 1);
    // The same again is no rollout.
    site.world
        .edit_foreign(&at_settings(), &json!({"metadata": {"labels": {"a": "b"}}}));
    site.settle();
    assert_eq!(site.phase(), "Succeeded");
}

#[test]
fn row_24_configuration_that_is_taken_back_is_what_served() {
    let mut site = site(&Value::Null);
    site.world
        .edit_foreign(&at_settings(), &json!({"data": {"colour": "green"}}));
    site.until(|site| site.world.status()["currentStep"] == json!(2));
    site.world
        .edit_foreign(&at_settings(), &json!({"data": {"colour": "blue"}}));
    site.finish();
    assert_eq!(site.pods(), "app 1=10/10, stable");
    assert_eq!(site.world.status()["history"][0]["outcome"], "Reverted");
    assert_eq!(colour_of_stable(&site), "blue");
}

#[test]
fn row_24_what_is_not_to_be_tracked_is_not() {
    let mut site = site(&json!({"flagger.app/config-tracking": "disabled"}));
    assert_eq!(
        source(site.world.live(&at("podinfo-stable")).unwrap()),
        "settings"
    );
    site.world
        .edit_foreign(&at_settings(), &json!({"data": {"colour": "green"}}));
    site.settle();
    assert_eq!(site.phase(), "Initialized");
    assert_eq!(site.pods(), "app 1=10/10, stable");
}

#[test]
fn what_marks_the_configuration_stays_when_the_canary_goes() {
    let mut site = site(&Value::Null);
    site.world
        .edit_foreign(&at_settings(), &json!({"data": {"colour": "green"}}));
    site.finish();
    let template = site.app()["spec"]["template"].clone();
    assert!(template["metadata"]["annotations"]["canary.oarlock.dev/config"].is_string());
    site.world.delete();
    site.run();
    assert!(site.world.is_gone());
    assert_eq!(site.app()["spec"]["template"], template);
    assert_ne!(site.app()["spec"]["paused"], json!(true));
}
