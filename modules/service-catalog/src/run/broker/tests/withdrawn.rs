//! What a broker offers no more.

use oarlock_sdk::{Value, json};

use super::site::{HOUR, Site, answer, plan, seconds, service, two};

/// Without plan p2, and without service s2.
fn less() -> Value {
    json!([service("s1", "mysql", &[plan("p1", "small")])])
}

#[test]
fn what_nobody_uses_goes() {
    let mut site = Site::plain();
    site.run();
    site.offers(&less());
    site.after(HOUR * 24);
    assert_eq!(site.shown(), ["s1 mysql", "p1 small"]);
}

#[test]
fn row_34_what_is_used_is_flagged_and_kept_until_it_is_not() {
    let mut site = Site::plain();
    site.run();
    site.instance("one", "s1", "p2");
    site.instance("two", "s2", "p3");
    site.offers(&less());
    site.after(HOUR * 24);
    assert_eq!(
        site.shown(),
        [
            "s1 mysql",
            "!s2 redis",
            "p1 small",
            "!p2 large",
            "!p3 small"
        ]
    );
    assert_eq!(
        site.ready(),
        "True FetchedCatalog: the broker offers 1 class with 1 plan; 3 more are not offered any more, and stay while \
         instances use them"
    );
    assert_eq!(
        site.reasons()[1..],
        ["FetchedCatalog", "RemovedFromBrokerCatalog"]
    );
    // The broker need not be asked for what is used no more to go.
    site.says(Ok(answer(500, &[], &json!({}))));
    site.world.restart();
    site.release("ServiceInstance", "two");
    site.after(seconds(1));
    assert_eq!(site.asked().len(), 2);
    assert_eq!(site.shown(), ["s1 mysql", "p1 small", "!p2 large"]);
    assert!(site.ready().contains("1 class with 1 plan; 1 more is"));
    let ran = site.after(seconds(1));
    assert!(!ran.changed);
    site.release("ServiceInstance", "one");
    site.after(seconds(1));
    assert_eq!(site.shown(), ["s1 mysql", "p1 small"]);
    assert_eq!(
        site.ready(),
        "True FetchedCatalog: the broker offers 1 class with 1 plan"
    );
    assert_eq!(site.asked().len(), 2);
}

#[test]
fn row_34_what_is_offered_again_is_flagged_no_more() {
    let mut site = Site::plain();
    site.run();
    site.instance("one", "s2", "p3");
    site.offers(&less());
    site.after(HOUR * 24);
    assert!(site.shown().contains(&String::from("!s2 redis")));
    site.offers(&two());
    site.after(HOUR * 24);
    assert_eq!(
        site.shown(),
        ["s1 mysql", "s2 redis", "p1 small", "p2 large", "p3 small"]
    );
}

/// An update to a plan that was withdrawn is on its way.
#[test]
fn row_34_a_plan_that_an_instance_is_getting_is_used() {
    let mut site = Site::plain();
    site.run();
    site.world.foreign(json!({
        "apiVersion": super::site::API, "kind": "ServiceInstance", "metadata": {"name": "i", "namespace": "ns"},
        "status": {"lifecycle": {
            "holdings": [{"inputs": {"broker": "ClusterServiceBroker/b", "service": "s1", "plan": "p1"}}],
            "operation": {"update": {"broker": "ClusterServiceBroker/b", "service": "s1", "plan": "p2"}},
        }},
    }));
    site.offers(&less());
    site.after(HOUR * 24);
    assert_eq!(site.shown(), ["s1 mysql", "p1 small", "!p2 large"]);
}

#[test]
fn what_is_used_at_another_broker_is_not_used_here() {
    let mut site = Site::plain();
    site.run();
    site.world.foreign(json!({
        "apiVersion": super::site::API, "kind": "ServiceInstance", "metadata": {"name": "i", "namespace": "ns"},
        "status": {"lifecycle": {
            "holdings": [{"inputs": {"broker": "ServiceBroker/ns/b", "service": "s2", "plan": "p3"}}],
        }},
    }));
    site.offers(&less());
    site.after(HOUR * 24);
    assert_eq!(site.shown(), ["s1 mysql", "p1 small"]);
}

#[test]
fn row_34_a_renamed_service_follows_its_id() {
    let mut site = Site::plain();
    site.run();
    site.instance("one", "s1", "p1");
    let uid = site.live("ClusterServiceClass", "s1").unwrap()["metadata"]["uid"].clone();
    let mut renamed = two();
    renamed[0]["name"] = json!("mysql-classic");
    renamed[0]["plans"][0]["name"] = json!("tiny");
    site.offers(&renamed);
    site.after(HOUR * 24);
    assert_eq!(
        site.shown(),
        [
            "s1 mysql-classic",
            "s2 redis",
            "p1 tiny",
            "p2 large",
            "p3 small"
        ]
    );
    let class = site.live("ClusterServiceClass", "s1").unwrap();
    assert_eq!(class["metadata"]["uid"], uid);
    assert_eq!(
        class["metadata"]["labels"]["servicecatalog.k8s.io/spec.externalName"],
        "mysql-classic"
    );
}

#[test]
fn an_empty_catalog_withdraws_all_but_what_is_used() {
    let mut site = Site::plain();
    site.run();
    site.instance("one", "s1", "p1");
    site.offers(&json!([]));
    site.after(HOUR * 24);
    assert_eq!(site.shown(), ["!s1 mysql", "!p1 small"]);
}
