//! When a catalog is fetched, and what is written then.

use oarlock_sdk::{Value, json};

use super::site::{HOUR, Site, answer, plan, seconds, service, two};

fn header<'a>(request: &'a oarlock_sdk::http::Request, name: &str) -> Option<&'a str> {
    let mut headers = request.headers.iter();
    let found = headers.find(|(key, _)| key.eq_ignore_ascii_case(name));
    found.map(|(_, value)| value.as_str())
}

#[test]
fn a_catalog_becomes_classes_and_plans() {
    let mut site = Site::plain();
    site.run();
    assert_eq!(
        site.shown(),
        ["s1 mysql", "s2 redis", "p1 small", "p2 large", "p3 small"]
    );
    let asked = site.asked();
    assert_eq!(asked.len(), 1);
    assert_eq!(asked[0].method, "GET");
    assert_eq!(asked[0].url, "https://broker.example.com/v2/catalog");
    assert_eq!(header(&asked[0], "X-Broker-API-Version"), Some("2.17"));
    assert!(header(&asked[0], "X-Broker-API-Request-Identity").is_some());
    assert_eq!(asked[0].effect, None);
    assert_eq!(
        site.ready(),
        "True FetchedCatalog: the broker offers 2 classes with 3 plans"
    );
    let status = site.world.status();
    assert_eq!(status["lastConditionState"], "Ready");
    assert_eq!(status["reconciledGeneration"], 1);
    assert_eq!(status["observedGeneration"], 1);
    assert_eq!(status["lastCatalogRetrievalTime"], "2026-11-01T12:00:00Z");
    assert_eq!(status["catalog"]["nextRelistAt"], "2026-11-02T12:00:00Z");
    assert_eq!(status.get("operationStartTime"), None);
    assert_eq!(site.reasons(), ["FetchedCatalog"]);
    let plan = site.live("ClusterServicePlan", "p1").unwrap();
    assert_eq!(
        plan["metadata"]["labels"],
        json!({
            "servicecatalog.k8s.io/spec.clusterServiceBrokerName": "b",
            "servicecatalog.k8s.io/spec.clusterServiceClassRef.name": "s1",
            "servicecatalog.k8s.io/spec.externalID": "p1",
            "servicecatalog.k8s.io/spec.externalName": "small",
        })
    );
    assert_eq!(plan["status"], json!({"removedFromBrokerCatalog": false}));
    assert_eq!(site.wake(), Some(HOUR * 24));
}

#[test]
fn a_broker_of_a_namespace_has_its_classes_there() {
    let mut site = Site::of(json!({
        "apiVersion": super::site::API, "kind": "ServiceBroker", "metadata": {"name": "b", "namespace": "ns"},
        "spec": {"url": "http://broker", "authInfo": {"bearer": {"secretRef": {"name": "token"}}}},
    }));
    site.offers(&two());
    site.run();
    let kinds: Vec<(&Value, &Value)> = site
        .world
        .children()
        .map(|child| (&child["kind"], &child["metadata"]["namespace"]))
        .collect();
    let (class, plan, ns) = (json!("ServiceClass"), json!("ServicePlan"), json!("ns"));
    assert_eq!(
        kinds,
        [
            (&class, &ns),
            (&class, &ns),
            (&plan, &ns),
            (&plan, &ns),
            (&plan, &ns)
        ]
    );
    assert!(site.asked()[0].auth.is_some());
}

#[test]
fn nothing_is_asked_or_written_before_it_is_time_also_after_a_restart() {
    let mut site = Site::plain();
    site.run();
    for restarts in [false, true] {
        if restarts {
            site.world.restart();
        }
        let ran = site.after(HOUR);
        assert!(!ran.changed, "restarts: {restarts}");
        assert_eq!(ran.outcome.exactly(), None, "what is there is kept");
    }
    assert_eq!(site.asked().len(), 1);
    assert_eq!(site.wake(), Some(HOUR * 22));
    assert_eq!(site.shown().len(), 5);
}

#[test]
fn a_catalog_that_has_not_changed_is_not_written() {
    let mut site = Site::plain();
    site.run();
    let tag = site.world.status()["catalog"]["etag"].clone();
    site.says(Ok(answer(304, &[], &Value::Null)));
    let ran = site.after(HOUR * 24);
    assert_eq!(ran.outcome.exactly(), None);
    let asked = site.asked();
    assert_eq!(header(&asked[1], "If-None-Match"), tag.as_str());
    assert_eq!(
        site.world.status()["lastCatalogRetrievalTime"],
        "2026-11-02T12:00:00Z"
    );
    assert_eq!(site.wake(), Some(HOUR * 24));
    // A broker without tags sends all of it again: nothing is written either.
    site.says(Ok(answer(200, &[], &json!({"services": two()}))));
    let ran = site.after(HOUR * 24);
    assert_eq!(ran.outcome.exactly(), None);
    assert_eq!(site.reasons(), ["FetchedCatalog"]);
    // Nothing is known to ask by then.
    site.after(HOUR * 24);
    assert_eq!(header(&site.asked()[3], "If-None-Match"), None);
}

#[test]
fn a_date_will_do_where_there_is_no_tag() {
    let mut site = Site::plain();
    let date = "Sun, 06 Nov 1994 08:49:37 GMT";
    let body = json!({"services": two()});
    site.says(Ok(answer(200, &[("Last-Modified", date)], &body)));
    site.run();
    site.after(HOUR * 24);
    assert_eq!(header(&site.asked()[1], "If-Modified-Since"), Some(date));
}

#[test]
fn it_is_read_as_often_as_is_wished() {
    let mut site = Site::new(&json!({"url": "http://b", "relistDuration": "15m0s"}));
    site.offers(&two());
    site.run();
    assert_eq!(site.wake(), Some(seconds(900)));
    let mut site = Site::new(&json!({"url": "http://b", "relistBehavior": "Manual"}));
    site.offers(&two());
    site.run();
    assert_eq!(site.wake(), None);
    assert_eq!(site.world.status()["catalog"].get("nextRelistAt"), None);
    site.after(HOUR * 10_000);
    assert_eq!(site.asked().len(), 1);
    site.world.edit(json!({"spec": {"relistRequests": 1}}));
    site.run();
    site.run();
    assert_eq!(site.asked().len(), 2);
}

#[test]
fn an_instance_has_it_read_again_once() {
    let mut site = Site::plain();
    site.run();
    site.world.edit(json!({"metadata": {"annotations": {
        "servicecatalog.oarlock.dev/relist": "uid-1",
    }}}));
    site.run();
    let asked = site.asked();
    assert_eq!(asked.len(), 2);
    assert_eq!(header(&asked[1], "If-None-Match"), None, "all of it");
    site.run();
    assert_eq!(site.asked().len(), 2);
}

#[test]
fn another_spec_is_another_broker() {
    let mut site = Site::plain();
    site.run();
    site.world
        .edit(json!({"spec": {"url": "https://other.example.com"}}));
    site.offers(&json!([service("s1", "mysql", &[plan("p1", "small")])]));
    site.run();
    let asked = site.asked();
    assert_eq!(asked[1].url, "https://other.example.com/v2/catalog");
    assert_eq!(header(&asked[1], "If-None-Match"), None);
    assert_eq!(site.shown(), ["s1 mysql", "p1 small"]);
    assert_eq!(site.world.status()["reconciledGeneration"], 2);
}

#[test]
fn restrictions_choose_what_is_shown() {
    let mut site = Site::new(&json!({"url": "http://b", "catalogRestrictions": {
        "serviceClass": ["spec.externalName in (mysql)"], "servicePlan": ["spec.externalName != large"],
    }}));
    site.offers(&two());
    site.run();
    assert_eq!(site.shown(), ["s1 mysql", "p1 small"]);
    site.world
        .edit(json!({"spec": {"catalogRestrictions": null}}));
    site.run();
    assert_eq!(site.shown().len(), 5);
    site.world
        .edit(json!({"spec": {"catalogRestrictions": {"serviceClass": ["spec.free=true"]}}}));
    let failure = site.fails().to_string();
    assert!(
        failure.starts_with(
            "spec.catalogRestrictions.serviceClass: \"spec.free\" cannot be restricted"
        ),
        "{failure}"
    );
    assert_eq!(site.shown().len(), 5);
}

#[test]
fn what_somebody_deleted_comes_back() {
    let mut site = Site::plain();
    site.run();
    // The host was restarted: it does not know what to repair.
    site.world.delete_child("p1");
    let outcome = site.call();
    assert_eq!(outcome.exactly(), None);
    site.world.set_now(site.world.now() + seconds(30));
    assert_eq!(site.call().when(), site.call().when());
    assert_eq!(site.asked().len(), 1);
    site.after(seconds(30));
    assert_eq!(site.asked().len(), 2);
    assert_eq!(site.shown().len(), 5);
}

#[test]
fn defaults_of_an_administrator_stay() {
    let mut site = Site::plain();
    site.run();
    let defaults = json!({"spec": {"defaultProvisionParameters": {"size": 1}}});
    site.world.each_child(|child| {
        oarlock_sdk::merge_patch::apply(child, &defaults);
    });
    let mut other = two();
    other[0]["description"] = json!("another");
    site.offers(&other);
    site.after(HOUR * 24);
    let class = site.live("ClusterServiceClass", "s1").unwrap();
    assert_eq!(class["spec"]["description"], "another");
    assert_eq!(class["spec"]["defaultProvisionParameters"]["size"], 1);
}

#[test]
fn a_status_that_somebody_spoiled_is_learned_anew() {
    let mut site = Site::plain();
    site.run();
    site.world
        .edit(json!({"status": {"catalog": {"classes": "many"}}}));
    site.run();
    assert_eq!(site.asked().len(), 2);
    assert_eq!(site.world.status()["catalog"]["classes"], 2);
    assert_eq!(site.shown().len(), 5);
}

/// Killed between any two writes: the next life brings it to the same end.
#[test]
fn whoever_is_killed_while_writing_goes_on_where_nothing_is_lost() {
    let mut whole = Site::plain();
    whole.run();
    for steps in 0..6 {
        let mut site = Site::plain();
        let outcome = site.call();
        site.world.perform(&outcome, steps);
        assert_eq!(site.world.status(), &Value::Null, "the status comes last");
        assert_eq!(site.shown().len(), steps.min(5));
        site.world.restart();
        site.run();
        assert_eq!(site.shown(), whole.shown(), "{steps} steps");
        assert_eq!(site.world.status()["catalog"]["classes"], 2);
    }
}
