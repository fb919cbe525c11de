//! A whole new version beside the old one.

use oarlock_sdk::{ObjectRef, Value, json};

use super::site::Site;

fn installed(more: Value) -> Site {
    let mut site = Site::installed(4);
    site.checked = None;
    site.world.edit(json!({"spec": {"type": "blueGreen"}}));
    site.world.edit(json!({"spec": more}));
    site.seen.clear();
    site
}

fn service(name: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Service", "metadata": {"name": name, "namespace": "default"},
        "spec": {"selector": {"app": "nginx"}, "ports": [{"port": 80}]},
    })
}

fn with_services(more: Value) -> Site {
    let mut site = Site::new(4);
    site.world.foreign(service("web"));
    site.world.foreign(service("web-next"));
    site.world.edit(json!({"spec": {
        "type": "blueGreen", "service": {"name": "web", "preview": "web-next"}, "blueGreen": more,
    }}));
    site.settle();
    assert_eq!(site.phase(), "Stable");
    site.seen.clear();
    site
}

fn selector(site: &Site, name: &str) -> Value {
    let target = ObjectRef::new("v1", "Service", name).in_namespace("default");
    site.world.live(&target).unwrap()["spec"]["selector"].clone()
}

/// The version that a Service selects.
fn selected(site: &Site, name: &str) -> String {
    let selector = selector(site, name);
    let revision = selector["deploy.example.com/revision"].clone();
    assert_eq!(selector["app"], "nginx", "what its user selects stays");
    let labelled =
        |child: &&Value| child["metadata"]["labels"]["deploy.example.com/revision"] == revision;
    let found = site.deployments().find(labelled);
    found.unwrap()["metadata"]["labels"]["deploy.example.com/version"]
        .as_str()
        .unwrap()
        .to_owned()
}

#[test]
fn without_a_service_the_old_version_leaves_when_the_new_one_is_available() {
    let mut site = installed(json!({}));
    site.deploy("1.7.8");
    site.run();
    site.run();
    assert_eq!(site.sizes(), "1.7.7=4 1.7.8=4");
    site.run();
    assert_eq!(site.sizes(), "1.7.7=4 1.7.8=4", "it is not available yet");
    site.settle();
    assert_eq!((site.sizes().as_str(), site.phase()), ("1.7.8=4", "Stable"));
    assert_eq!(site.now(), Site::installed(4).now(), "at once");
}

#[test]
fn it_waits_for_promotion_where_it_is_told_to() {
    let mut site =
        installed(json!({"blueGreen": {"autoPromotion": false, "scaleDownDelay": "1m"}}));
    site.deploy("1.7.8");
    site.settle();
    site.pass(100_000);
    site.settle();
    assert_eq!(
        (site.sizes().as_str(), site.phase()),
        ("1.7.7=4 1.7.8=4", "Waiting")
    );
    assert!(
        site.why().starts_with("WaitingForPromotion"),
        "{}",
        site.why()
    );
    site.wish("promote", "/full");
    site.settle();
    assert_eq!(
        (site.sizes().as_str(), site.phase()),
        ("1.7.7=4 1.7.8=4", "Retiring")
    );
    assert_eq!(site.sleep().as_secs(), 60);
    site.settle();
    assert_eq!((site.sizes().as_str(), site.phase()), ("1.7.8=4", "Stable"));
    assert_eq!(site.history()[0], "1.7.8 Promoted");
    assert_eq!(site.history().len(), 2);
}

#[test]
fn the_service_is_switched_and_the_old_version_stays_for_a_while() {
    let mut site = with_services(json!({"autoPromotionDelay": 20}));
    assert_eq!(selected(&site, "web"), "1.7.7");
    site.deploy("1.7.8");
    site.settle();
    assert_eq!(
        (
            selected(&site, "web").as_str(),
            selected(&site, "web-next").as_str()
        ),
        ("1.7.7", "1.7.8")
    );
    assert_eq!(site.sleep().as_secs(), 20);
    site.settle();
    assert_eq!(selected(&site, "web"), "1.7.8");
    assert_eq!(
        (site.sizes().as_str(), site.phase()),
        ("1.7.7=4 1.7.8=4", "Retiring")
    );
    assert_eq!(site.world.status()["tracks"][0]["weight"], 100);
    assert_eq!(site.world.status()["tracks"][1]["weight"], 0);
    assert_eq!(site.sleep().as_secs(), 30);
    site.settle();
    assert_eq!((site.sizes().as_str(), site.phase()), ("1.7.8=4", "Stable"));
}

#[test]
fn row_12_back_while_the_old_version_is_there_moves_traffic_first() {
    let mut site = with_services(json!({}));
    site.deploy("1.7.8");
    site.settle();
    assert_eq!(
        (selected(&site, "web").as_str(), site.phase()),
        ("1.7.8", "Retiring")
    );
    site.deploy("1.7.7");
    site.run();
    site.run();
    assert_eq!(selected(&site, "web"), "1.7.7");
    site.settle();
    assert_eq!((site.sizes().as_str(), site.phase()), ("1.7.7=4", "Stable"));
    assert_eq!(site.history()[..2], ["1.7.8 Reverted", "1.7.8 Promoted"]);
}

/// The selector was written and the status was not, or the other way round: what is there counts.
#[test]
fn row_28_killed_at_any_point_traffic_is_where_pods_are() {
    for killed_after in 0..5 {
        let mut site = with_services(json!({"scaleDownDelay": 0}));
        site.deploy("1.7.8");
        for turn in 0..60 {
            let outcome = site.world.call(crate::reconcile).unwrap();
            let steps = if turn % 2 == 0 {
                killed_after
            } else {
                usize::MAX
            };
            site.world.perform(&outcome, steps);
            let served = selected(&site, "web");
            let available = site.available(Some(&format!("nginx-{served}")));
            assert_eq!(available, 4, "{served} has the traffic: {}", site.sizes());
            site.pods_follow();
        }
        assert_eq!((site.sizes().as_str(), site.phase()), ("1.7.8=4", "Stable"));
        assert_eq!(selected(&site, "web"), "1.7.8");
    }
}

#[test]
fn row_27_without_its_service_it_holds_before_the_first_traffic() {
    let mut site = with_services(json!({}));
    let web = ObjectRef::new("v1", "Service", "web-next").in_namespace("default");
    site.world.delete_foreign(&web);
    site.deploy("1.7.8");
    site.settle();
    assert_eq!(
        (site.sizes().as_str(), site.phase()),
        ("1.7.7=4 1.7.8=4", "Waiting")
    );
    assert_eq!(
        site.ready(),
        "False ServiceMissing: there is no Service web-next: the old version keeps the traffic\n\
         hint: create it, or take it out of spec.service"
    );
    assert_eq!(selected(&site, "web"), "1.7.7");
    site.world.foreign(service("web-next"));
    site.finish();
    assert_eq!((site.sizes().as_str(), site.phase()), ("1.7.8=4", "Stable"));
}

#[test]
fn a_version_that_does_not_come_is_given_up_and_traffic_never_moved() {
    let mut site = with_services(json!({}));
    site.broken = vec!["nginx-1.7.8".to_owned()];
    site.deploy("1.7.8");
    site.settle();
    assert_eq!(site.sleep().as_secs(), 600);
    site.finish();
    assert_eq!((site.sizes().as_str(), site.phase()), ("1.7.7=4", "Stable"));
    assert_eq!(selected(&site, "web"), "1.7.7");
    assert_eq!(site.history()[0], "1.7.8 Aborted");
}

#[test]
fn a_third_version_replaces_the_one_beside() {
    let mut site = with_services(json!({"autoPromotion": false}));
    site.deploy("1.7.8");
    site.settle();
    site.deploy("1.7.9");
    site.settle();
    assert_eq!(selected(&site, "web"), "1.7.7");
    assert_eq!(selected(&site, "web-next"), "1.7.9");
    assert!(
        site.sizes().starts_with("1.7.7=4 1.7.8=0"),
        "{}",
        site.sizes()
    );
    site.wish("promote", "");
    site.finish();
    assert_eq!(
        (site.sizes().as_str(), selected(&site, "web").as_str()),
        ("1.7.9=4", "1.7.9")
    );
}

#[test]
fn no_replicas_take_no_time() {
    let mut site = with_services(json!({}));
    site.world
        .edit(json!({"spec": {"deployment": {"replicas": 0}}}));
    site.settle();
    site.deploy("1.7.8");
    site.settle();
    assert_eq!((site.sizes().as_str(), site.phase()), ("1.7.8=0", "Stable"));
    assert_eq!(selected(&site, "web"), "1.7.8");
}

#[test]
fn the_selectors_are_given_back() {
    let mut site = with_services(json!({}));
    site.world.edit(json!({"spec": {"service": null}}));
    site.settle();
    assert_eq!(selector(&site, "web"), json!({"app": "nginx"}));
    assert_eq!(selector(&site, "web-next"), json!({"app": "nginx"}));
}

/// A version that was kept without Pods gets all of them before it gets the traffic, and the other one keeps its own until then.
#[test]
fn row_12_back_to_a_kept_version_moves_traffic_last() {
    let mut site = with_services(json!({"scaleDownDelay": 0}));
    site.world
        .edit(json!({"spec": {"revisionHistoryLimit": 1}}));
    site.deploy("1.7.8");
    site.finish();
    assert_eq!(site.sizes(), "1.7.7=0 1.7.8=4");
    site.deploy("1.7.7");
    for _ in 0..12 {
        site.run();
        let served = selected(&site, "web");
        let stays: u64 = site.deployment(&format!("nginx-{served}"))["spec"]["replicas"]
            .as_u64()
            .unwrap();
        assert_eq!(stays, 4, "{served} has the traffic");
        assert_eq!(site.available(Some(&format!("nginx-{served}"))), 4);
        site.pods_follow();
    }
    assert_eq!(
        (site.sizes().as_str(), site.phase()),
        ("1.7.7=4 1.7.8=0", "Stable")
    );
    assert_eq!(selected(&site, "web"), "1.7.7");
}
