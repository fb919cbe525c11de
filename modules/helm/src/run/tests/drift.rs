use std::time::Duration;

use oarlock_sdk::json;

use super::site::{Site, deployment};

fn site(mode: &str) -> Site {
    let mut site = Site::flux(json!({"driftDetection": {
        "mode": mode,
        "ignore": [{"paths": ["/spec/replicas"], "target": {"kind": "Deployment"}}],
    }}));
    site.settle();
    assert_eq!(site.history(), "1 deployed");
    site
}

fn passes(site: &mut Site, seconds: u64) {
    let now = site.world.now() + Duration::from_secs(seconds);
    site.world.set_now(now);
}

#[test]
fn drift_is_told_where_that_is_all_that_is_wished_for() {
    let mut site = site("warn");
    site.world
        .edit_foreign(&deployment(), &json!({"spec": {"text": "by hand"}}));
    site.settle();
    assert_eq!(site.condition("Drifted"), "True DriftDetected");
    assert_eq!(
        site.message("Drifted"),
        "Cluster state of release shop/web.v1 has drifted from the desired state:\nDeployment/shop/web changed: /spec/text"
    );
    assert_eq!(site.deployment()["spec"]["text"], "by hand");
    assert!(!site.run(), "it is told once");
}

#[test]
fn drift_is_brought_back_and_what_may_differ_is_left() {
    let mut site = site("enabled");
    site.world.edit_foreign(
        &deployment(),
        &json!({"spec": {"text": "by hand", "replicas": 7}}),
    );
    site.settle();
    assert_eq!(site.condition("Drifted"), "False DriftCorrected");
    assert_eq!(site.deployment()["spec"]["text"], "");
    assert_eq!(site.deployment()["spec"]["replicas"], 7);
    assert_eq!(site.history(), "1 deployed", "no revision is made for it");
    // What may differ is no drift.
    passes(&mut site, 60);
    site.world
        .edit_foreign(&deployment(), &json!({"spec": {"replicas": 9}}));
    site.settle();
    assert_eq!(site.deployment()["spec"]["replicas"], 9);
}

#[test]
fn what_is_deleted_comes_back() {
    let mut site = site("enabled");
    site.world.delete_foreign(&deployment());
    site.settle();
    assert_eq!(site.deployment()["spec"]["version"], "1.0.0");
}

#[test]
fn what_only_looks_different_is_written_once() {
    let mut site = site("enabled");
    let target = deployment();
    // An API server that makes something else of what is written.
    let odd = |site: &mut Site| {
        site.world
            .edit_foreign(&target, &json!({"spec": {"version": "1"}}));
    };
    odd(&mut site);
    let outcome = site.call().unwrap();
    site.world.perform(&outcome, usize::MAX);
    // The correction: the server says that nothing changed.
    let outcome = site.call().unwrap();
    assert_eq!(outcome.exactly().unwrap().len(), 1);
    site.world.perform(&outcome, usize::MAX);
    site.world.unchanged();
    odd(&mut site);
    site.settle();
    passes(&mut site, 120);
    let quiet = site.call().unwrap();
    assert_eq!(quiet.exactly().unwrap().len(), 0);
    assert_eq!(quiet.status_patch(), None, "{:?}", quiet.status_patch());
    assert_eq!(
        site.world.status()["lifecycle"]["settled"]["places"][0],
        "Deployment/shop/web changed: /spec/version"
    );
}

#[test]
fn a_release_that_nobody_looks_at_is_not_looked_at() {
    let mut site = site("disabled");
    site.world
        .edit_foreign(&deployment(), &json!({"spec": {"text": "by hand"}}));
    assert!(!site.run());
    assert_eq!(site.deployment()["spec"]["text"], "by hand");
}
