//! What instances and bindings go through at a broker that is as it should be.

use oarlock_broker::{Behaviour, Broker, Catalog, Lifetime, Op, Stand};
use serde_json::json;

use crate::asking::{
    LARGE, answer, ask, bind, bind_body, binding, deprovision, fetch, instance, operation, poll,
    provision, provision_body, said, state, status, unbind, update,
};

fn broker() -> Broker {
    Broker::new(Catalog::demo())
}

#[test]
fn at_once() {
    let broker = broker();
    let (made, body) = said(&broker, &provision("i"));
    assert_eq!(made, 201);
    assert_eq!(
        body,
        json!({"dashboard_url": "https://dashboard.example/i?plan=plan-small"})
    );
    let (bound, body) = said(&broker, &bind("i", "b"));
    assert_eq!(bound, 201);
    assert_eq!(
        Some(body["credentials"].clone()),
        broker.credentials_of("b")
    );
    assert_eq!(
        said(&broker, &fetch("i/service_bindings/b")).1["credentials"],
        body["credentials"]
    );
    assert_eq!(broker.bindings()[0].instance.as_deref(), Some("i"));

    assert_eq!(status(&broker, &unbind("i", "b")), 200);
    assert_eq!(status(&broker, &unbind("i", "b")), 410);
    assert_eq!(said(&broker, &deprovision("i")), (200, json!({})));
    assert_eq!(status(&broker, &deprovision("i")), 410);
    assert_eq!((broker.instances(), broker.bindings()), (vec![], vec![]));
    assert_eq!(broker.removed(), ["i", "b"]);
    assert_eq!(broker.violations(), []);
}

#[test]
fn asynchronously() {
    let broker = broker();
    for op in [
        Op::Provision,
        Op::Update,
        Op::Deprovision,
        Op::Bind,
        Op::Unbind,
    ] {
        broker.always(op, Behaviour::Async { polls: 1 });
    }
    let through = |path: &str, operation: &str| {
        let poll = poll(path, Some(operation));
        assert_eq!(state(&broker, &poll), "in progress");
        assert_eq!(state(&broker, &poll), "succeeded");
    };
    let made = operation(&broker, &provision("i"));
    assert_eq!(broker.instances()[0].stand, Stand::Creating);
    assert_eq!(status(&broker, &fetch("i")), 404);
    through("i", &made);
    assert_eq!(broker.instances()[0].stand, Stand::Ready);
    // Who asks again is told again.
    assert_eq!(state(&broker, &poll("i", Some(&made))), "succeeded");

    let changed = operation(&broker, &update("i", json!({"parameters": {"size": 2}})));
    assert_eq!(said(&broker, &fetch("i")).1["error"], "ConcurrencyError");
    assert_eq!(broker.instances()[0].parameters, json!({"size": 1}));
    through("i", &changed);
    assert_eq!(broker.instances()[0].parameters, json!({"size": 2}));

    let bound = operation(&broker, &bind("i", "b"));
    assert_eq!(status(&broker, &fetch("i/service_bindings/b")), 404);
    through("i/service_bindings/b", &bound);
    let (_, body) = said(&broker, &fetch("i/service_bindings/b"));
    assert_eq!(
        Some(body["credentials"].clone()),
        broker.credentials_of("b")
    );

    let unbound = operation(&broker, &unbind("i", "b"));
    through("i/service_bindings/b", &unbound);
    assert_eq!(
        status(&broker, &poll("i/service_bindings/b", Some(&unbound))),
        410
    );
    let removed = operation(&broker, &deprovision("i"));
    assert_eq!(operation(&broker, &deprovision("i")), removed);
    through("i", &removed);
    assert_eq!(status(&broker, &deprovision("i")), 410);
    assert_eq!(broker.violations(), []);
}

#[test]
fn the_same_put_is_one_instance_and_another_is_a_conflict() {
    let broker = broker();
    broker.next(Op::Provision, Behaviour::Async { polls: 0 });
    let other = || {
        let mut body = provision_body();
        body["parameters"]["size"] = json!(7);
        ask("PUT", &instance("i")).json(&body)
    };
    let made = operation(&broker, &provision("i"));
    assert_eq!(operation(&broker, &provision("i")), made);
    assert_eq!(status(&broker, &other()), 409);
    assert_eq!(state(&broker, &poll("i", Some(&made))), "succeeded");
    assert_eq!(status(&broker, &provision("i")), 200);
    assert_eq!(status(&broker, &other()), 409);
    assert_eq!(broker.instances()[0].puts, 5);

    assert_eq!(status(&broker, &bind("i", "b")), 201);
    assert_eq!(status(&broker, &bind("i", "b")), 200);
    let mut body = bind_body();
    body["parameters"] = json!({"role": "reader"});
    assert_eq!(
        status(&broker, &ask("PUT", &binding("i", "b")).json(&body)),
        409
    );
    assert_eq!(broker.violations(), []);
}

#[test]
fn a_delete_halts_what_is_being_made() {
    let broker = broker();
    broker.next(Op::Provision, Behaviour::NeverFinishAsync);
    broker.next(Op::Deprovision, Behaviour::Async { polls: 0 });
    let made = operation(&broker, &provision("i"));
    assert_eq!(state(&broker, &poll("i", Some(&made))), "in progress");
    let removed = operation(&broker, &deprovision("i"));
    assert_ne!(made, removed);
    assert_eq!(broker.instances()[0].stand, Stand::Deleting);
    assert_eq!(state(&broker, &poll("i", Some(&removed))), "succeeded");
    assert_eq!(broker.instances(), []);
    assert_eq!(broker.violations(), []);
}

#[test]
fn what_the_test_ends_is_ended_before_anybody_polls() {
    let broker = broker();
    broker.next(Op::Provision, Behaviour::NeverFinishAsync);
    let made = operation(&broker, &provision("i"));
    assert!(broker.finish("i"));
    assert_eq!(broker.instances()[0].stand, Stand::Ready);
    assert_eq!(state(&broker, &poll("i", Some(&made))), "succeeded");
    broker.next(Op::Deprovision, Behaviour::NeverFinishAsync);
    let removed = operation(&broker, &deprovision("i"));
    assert!(broker.finish("i"));
    assert_eq!(status(&broker, &poll("i", Some(&removed))), 410);
    assert_eq!(broker.violations(), []);
}

#[test]
fn a_plan_that_is_not_on_offer_any_more_is_left_as_its_service_allows() {
    let broker = broker();
    assert_eq!(status(&broker, &provision("i")), 201);
    broker.catalog(|catalog| catalog.services[0].plans.retain(|plan| plan.id == LARGE));
    assert_eq!(
        status(&broker, &update("i", json!({"plan_id": LARGE}))),
        200
    );
    assert_eq!(broker.violations(), []);
}

#[test]
fn one_operation_at_a_time() {
    let broker = broker();
    let _made = answer(&broker, &provision("i"));
    broker.next(Op::Update, Behaviour::NeverFinishAsync);
    let change = || update("i", json!({"plan_id": LARGE}));
    let changed = operation(&broker, &change());
    assert_eq!(operation(&broker, &change()), changed);
    for other in [
        update("i", json!({"parameters": {}})),
        deprovision("i"),
        bind("i", "b"),
        provision("i"),
    ] {
        let (status, body) = said(&broker, &other);
        assert_eq!((status, &body["error"]), (422, &json!("ConcurrencyError")));
    }
    assert!(broker.fail("i"));
    assert_eq!(state(&broker, &poll("i", Some(&changed))), "failed");
    assert_eq!(broker.instances()[0].plan_id, "plan-small");
    assert!(!broker.finish("i"));
    assert_eq!(broker.violations(), []);
}

#[test]
fn rotation_makes_another_binding_beside_the_first() {
    let broker = broker();
    let _made = answer(&broker, &provision("i"));
    broker.lifetime(Some(Lifetime {
        expires_at: Some("2026-12-24T00:00:00Z".to_owned()),
        renew_before: Some("2026-12-23T00:00:00Z".to_owned()),
    }));
    let mut body = bind_body();
    body["parameters"] = json!({"role": "reader"});
    let (_, first) = said(&broker, &ask("PUT", &binding("i", "one")).json(&body));
    assert_eq!(first["metadata"]["renew_before"], "2026-12-23T00:00:00Z");
    broker.lifetime(None);
    let mut body = bind_body();
    body["predecessor_binding_id"] = json!("one");
    let rotate = || ask("PUT", &binding("i", "two")).json(&body);
    let (status, second) = said(&broker, &rotate());
    assert_eq!(status, 201);
    assert_ne!(first["credentials"], second["credentials"]);
    assert_eq!(said(&broker, &rotate()).0, 200);
    let bindings = broker.bindings();
    assert_eq!(bindings.len(), 2);
    assert_eq!(bindings[1].parameters, json!({"role": "reader"}));
    assert_eq!(bindings[1].predecessor.as_deref(), Some("one"));
    assert_eq!(broker.violations(), []);
}

#[test]
fn the_catalog_is_read_again_only_when_it_changed() {
    let broker = broker();
    let read = answer(&broker, &ask("GET", "/v2/catalog"));
    let catalog: Catalog = serde_json::from_slice(&read.body).unwrap();
    assert_eq!(catalog, Catalog::demo());
    let etag = |answer: &oarlock_broker::Answer| {
        let header = answer.headers.iter().find(|(name, _)| name == "etag");
        header.unwrap().1.clone()
    };
    let first = etag(&read);
    let again = || ask("GET", "/v2/catalog").header("If-None-Match", &first);
    let unchanged = answer(&broker, &again());
    assert_eq!(
        (unchanged.status, unchanged.body.as_slice()),
        (304, [].as_slice())
    );
    broker.catalog(|catalog| catalog.services[0].name = "pg".to_owned());
    let changed = answer(&broker, &again());
    assert_eq!(changed.status, 200);
    assert_ne!(etag(&changed), first);
    assert_eq!(
        broker.calls(),
        ["catalog 200", "catalog 304", "catalog 200"]
    );
    assert_eq!(broker.violations(), []);
}

#[test]
fn maintenance_is_of_the_catalog_as_it_is_now() {
    let broker = broker();
    broker.catalog(|catalog| {
        let plan = catalog.plan_mut("plan-small").unwrap();
        plan.maintenance_info.as_mut().unwrap().version = "2.0.0".to_owned();
    });
    let (status, body) = said(&broker, &provision("i"));
    assert_eq!(
        (status, &body["error"]),
        (422, &json!("MaintenanceInfoConflict"))
    );
    let mut body = provision_body();
    body["maintenance_info"]["version"] = json!("2.0.0");
    assert_eq!(
        said(&broker, &ask("PUT", &instance("i")).json(&body)).0,
        201
    );
    let stale = update("i", json!({"maintenance_info": {"version": "1.0.0"}}));
    assert_eq!(said(&broker, &stale).1["error"], "MaintenanceInfoConflict");
    assert_eq!(broker.instances()[0].maintenance.as_deref(), Some("2.0.0"));
    assert_eq!(broker.violations(), []);
}

#[test]
fn what_vanishes_is_gone_without_a_request() {
    let broker = broker();
    let _made = answer(&broker, &provision("i"));
    assert!(broker.vanish("i"));
    assert!(!broker.vanish("i"));
    assert_eq!(status(&broker, &deprovision("i")), 410);
    assert_eq!(broker.violations(), []);
}
