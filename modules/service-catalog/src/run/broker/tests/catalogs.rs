//! Large catalogs, and what stands in the way of writing one.

use oarlock_sdk::{ApiError, ObjectRef, Value, json};

use super::site::{API, HOUR, Site, plan, seconds, service};

fn many(services: usize, plans: usize, schema: usize) -> Value {
    let schema = json!({"type": "object", "description": "x".repeat(schema)});
    let services = (0..services).map(|s| {
        let plans: Vec<Value> = (0..plans)
            .map(|p| {
                let mut plan = plan(&format!("plan-{s:03}-{p:03}"), &format!("plan-{p:03}"));
                plan["schemas"] = json!({"service_instance": {"create": {"parameters": schema}}});
                plan
            })
            .collect();
        service(&format!("service-{s:03}"), &format!("name-{s:03}"), &plans)
    });
    Value::Array(services.collect())
}

fn size(site: &Site) -> usize {
    let children = site.world.children();
    children.map(|child| child.to_string().len()).sum()
}

#[test]
fn a_thousand_plans_are_written_whole() {
    let mut site = Site::plain();
    site.offers(&many(20, 50, 2_000));
    site.run();
    assert_eq!(site.shown().len(), 1_020);
    let size = size(&site);
    assert!((2 << 20..8 << 20).contains(&size), "{size}");
    assert_eq!(
        site.ready(),
        "True FetchedCatalog: the broker offers 20 classes with 1000 plans"
    );
    // One more plan writes all again, and the same nothing.
    let mut more = many(20, 50, 2_000);
    let plans = more[0]["plans"].as_array_mut().unwrap();
    plans.push(plan("one-more", "one-more"));
    site.offers(&more);
    let ran = site.after(HOUR * 24);
    assert_eq!(ran.outcome.exactly().map(<[_]>::len), Some(1_021));
    let ran = site.after(HOUR * 24);
    assert_eq!(ran.outcome.exactly(), None);
}

#[test]
fn what_is_too_large_goes_without_its_schemas_the_largest_first() {
    let mut site = Site::plain();
    let mut large = many(2, 10, 600_000);
    large[0]["plans"][3]["schemas"]["service_instance"]["create"]["parameters"]["description"] =
        json!("x".repeat(1_200_000));
    site.offers(&large);
    site.run();
    assert_eq!(site.shown().len(), 22);
    assert!(size(&site) < 8 << 20);
    let has_schema = |name: &str| {
        let plan = site.live("ClusterServicePlan", name).unwrap();
        plan["spec"].get("instanceCreateParameterSchema").is_some()
    };
    assert!(!has_schema("plan-000-003"), "an object is 1.5 MiB at most");
    assert!(has_schema("plan-001-009"));
    let ready = site.ready();
    assert!(
        ready.contains(
            "left out: schemas and metadata of plan \"plan-003\" (ID \"plan-000-003\"): too large; "
        ),
        "{ready}"
    );
    assert!(ready.contains("; and 3 more"), "{ready}");
    let ran = site.after(HOUR * 24);
    assert_eq!(ran.outcome.exactly(), None, "the same again is the same");
}

#[test]
fn what_no_object_can_hold_is_left_out_alone() {
    let mut site = Site::plain();
    site.run();
    let mut large = super::site::two();
    large[0]["tags"] = json!(vec!["x".repeat(1_000); 1_100]);
    large[1]["plans"][0]["maintenance_info"] =
        json!({"version": "1.0.0", "description": "x".repeat(1_100_000)});
    site.offers(&large);
    site.after(HOUR * 24);
    assert_eq!(site.shown().len(), 5, "they stay as they were");
    assert_eq!(
        site.ready(),
        "True FetchedCatalog: the broker offers 2 classes with 3 plans\nleft out: class \"mysql\": too large; plan \"small\": \
         too large"
    );
}

#[test]
fn what_is_too_large_without_them_is_refused_whole() {
    let mut site = Site::plain();
    site.run();
    let mut huge = many(30, 100, 0);
    for service in huge.as_array_mut().unwrap() {
        service["tags"] = json!(vec!["x".repeat(1_000); 250]);
    }
    site.offers(&huge);
    site.after(HOUR * 24);
    let ready = site.ready();
    assert!(
        ready.starts_with("False ErrorSyncingCatalog: its classes and plans have ")
            && ready.contains("hint: show less of it by spec.catalogRestrictions"),
        "{ready}"
    );
    assert_eq!(site.shown().len(), 5);
    assert_eq!(site.wake(), Some(seconds(5)));
}

#[test]
fn two_brokers_with_one_id_do_not_fight() {
    let mut site = Site::plain();
    let theirs = json!({
        "apiVersion": API, "kind": "ClusterServiceClass", "metadata": {"name": "s1"},
        "spec": {"clusterServiceBrokerName": "first", "externalName": "theirs", "externalID": "s1"},
    });
    site.world.foreign(theirs.clone());
    site.run();
    assert_eq!(site.shown(), ["s2 redis", "p3 small"]);
    assert_eq!(
        site.ready(),
        "False ErrorSyncingCatalog: class \"mysql\" (ID \"s1\") cannot be shown: object \"s1\" belongs to \
         ClusterServiceBroker \"first\"\nhint: two brokers offer the same ID; hide it at one of them by \
         spec.catalogRestrictions\nthe broker offers 1 class with 1 plan"
    );
    let live = site.live("ClusterServiceClass", "s1").unwrap();
    assert_eq!(live["spec"], theirs["spec"]);
    // Nothing is asked again and again.
    site.after(HOUR);
    assert_eq!(site.asked().len(), 1);
    assert!(site.ready().starts_with("False ErrorSyncingCatalog"));
    // The first one withdraws it.
    site.world
        .delete_foreign(&ObjectRef::new(API, "ClusterServiceClass", "s1"));
    site.run();
    assert_eq!(site.shown().len(), 5);
    assert!(site.ready().starts_with("True"));
}

/// The other broker's run is between our look and our write.
#[test]
fn a_name_that_is_taken_meanwhile_is_left_to_who_has_it() {
    let mut site = Site::plain();
    let outcome = site.call();
    site.world.foreign(json!({
        "apiVersion": API, "kind": "ClusterServicePlan", "metadata": {"name": "p3"},
        "spec": {"clusterServiceBrokerName": "first", "externalName": "theirs", "externalID": "p3"},
    }));
    site.world.perform(&outcome, usize::MAX);
    assert!(site.world.refusal().is_some());
    site.run();
    assert_eq!(site.world.refusal(), None);
    assert_eq!(site.shown(), ["s1 mysql", "p1 small", "p2 large"]);
    let ready = site.ready();
    assert!(
        ready.starts_with("False ErrorSyncingCatalog: plan \"small\" (ID \"p3\") cannot be shown"),
        "{ready}"
    );
}

#[test]
fn what_the_api_server_does_not_take_holds_up_nothing_else() {
    let mut site = Site::plain();
    let target = ObjectRef::new(API, "ClusterServicePlan", "p2");
    let error = ApiError {
        code: 422,
        reason: String::from("Invalid"),
        message: String::from("spec.externalName: too long"),
    };
    site.world.refuses(&target, error);
    site.run();
    assert!(site.world.refusal().is_some());
    assert_eq!(site.world.status(), &Value::Null, "it was not written");
    site.run();
    assert_eq!(
        site.shown(),
        ["s1 mysql", "s2 redis", "p1 small", "p3 small"]
    );
    assert_eq!(
        site.ready(),
        "True FetchedCatalog: the broker offers 2 classes with 2 plans\nleft out: ClusterServicePlan \"p2\": the API server \
         does not take it: spec.externalName: too long"
    );
    site.world.takes(&target);
    site.after(HOUR * 24);
    assert_eq!(site.shown().len(), 5);
}

#[test]
fn what_is_from_an_earlier_life_is_taken_over() {
    let mut site = Site::plain();
    for (kind, name, extra) in [
        ("ClusterServiceClass", "s1", json!({})),
        (
            "ClusterServicePlan",
            "old",
            json!({"clusterServiceClassRef": {"name": "s1"}}),
        ),
    ] {
        let mut object = json!({
            "apiVersion": API, "kind": kind, "metadata": {"name": name},
            "spec": {"clusterServiceBrokerName": "b", "externalName": "former", "externalID": name},
        });
        oarlock_sdk::merge_patch::apply(&mut object, &json!({"spec": extra}));
        site.world.foreign(object);
    }
    site.run();
    assert_eq!(site.world.refusal(), None);
    assert_eq!(site.shown().len(), 5);
    let class = site.live("ClusterServiceClass", "s1").unwrap();
    assert_eq!(class["spec"]["externalName"], "mysql");
    assert_eq!(site.live("ClusterServicePlan", "old"), None);
}
