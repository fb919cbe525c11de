//! What a platform must not do, and how it is told.

use oarlock_broker::{Access, Asked, Behaviour, Broker, Catalog, Op};
use serde_json::{Value, json};

use crate::asking::{
    LARGE, SMALL, answer, ask, bind, bind_body, binding, deprovision, fetch, instance, operation,
    poll, provision, provision_body, status, unbind, update,
};

fn broker() -> Broker {
    Broker::new(Catalog::demo())
}

/// Status, and the places of what was wrong.
fn wrong(broker: &Broker, asked: &Asked) -> (u16, Vec<String>) {
    let before = broker.violations().len();
    let status = answer(broker, asked).status;
    let found = broker.violations();
    (
        status,
        found[before..]
            .iter()
            .map(|one| one.place.clone())
            .collect(),
    )
}

#[test]
fn headers() {
    let broker = broker();
    let put = || Asked::new("PUT", &instance("i")).json(&provision_body());
    let request = "3f1c6c52-0000-5000-8000-000000000001";
    let version = "header.X-Broker-API-Version";
    let id = "header.X-Broker-API-Request-Identity";
    let (status, places) = wrong(&broker, &put());
    assert_eq!(
        (status, places),
        (400, vec![version.to_owned(), id.to_owned()])
    );
    let versions = [("1.0", 412), ("3", 412), ("2.x", 412), ("2.16", 201)];
    for (text, expected) in versions {
        let asked = put()
            .header("X-Broker-API-Version", text)
            .header("X-Broker-API-Request-Identity", request);
        assert_eq!(
            wrong(&broker, &asked),
            (expected, vec![version.to_owned()]),
            "{text}"
        );
    }
    let asked = put()
        .header("x-broker-api-version", "2.17")
        .header("x-broker-api-request-identity", "seven");
    assert_eq!(wrong(&broker, &asked), (200, vec![id.to_owned()]));
    for (identity, is_right) in [
        // {"username":"u","uid":"","groups":[],"extra":{}}
        (
            "kubernetes eyJ1c2VybmFtZSI6InUiLCJ1aWQiOiIiLCJncm91cHMiOltdLCJleHRyYSI6e319",
            true,
        ),
        ("kubernetes e30=", false),
        ("kubernetes !", false),
        ("cloudfoundry e30=", false),
    ] {
        let asked = provision("i").header("X-Broker-API-Originating-Identity", identity);
        assert_eq!(wrong(&broker, &asked).1.is_empty(), is_right, "{identity}");
    }
}

#[test]
fn who_may_ask() {
    let broker = broker();
    broker.access(Access::Basic("user".to_owned(), "pass".to_owned()));
    let catalog = || ask("GET", "/v2/catalog");
    assert_eq!(status(&broker, &catalog()), 401);
    let basic = || catalog().header("Authorization", "Basic dXNlcjpwYXNz");
    assert_eq!(status(&broker, &basic()), 200);
    broker.access(Access::Bearer("token".to_owned()));
    assert_eq!(status(&broker, &basic()), 401);
    let bearer = catalog().header("authorization", "Bearer token");
    assert_eq!(status(&broker, &bearer), 200);
    assert_eq!(broker.secrets(), ["token"]);
    assert_eq!(broker.violations(), []);
}

#[test]
fn fields_of_a_provision() {
    let cases: [(&str, Value, u16, &str); 15] = [
        ("/service_id", json!(null), 400, "body.service_id"),
        ("/plan_id", json!(""), 400, "body.plan_id"),
        ("/plan_id", json!("plan-mail"), 400, "body.plan_id"),
        (
            "/organization_guid",
            json!(null),
            400,
            "body.organization_guid",
        ),
        ("/space_guid", json!(1), 400, "body.space_guid"),
        ("/parameters", json!([1]), 400, "body.parameters"),
        ("/context", json!("x"), 400, "body.context"),
        (
            "/context/platform",
            json!("cloudfoundry"),
            201,
            "body.context.platform",
        ),
        (
            "/context/clusterid",
            json!(""),
            201,
            "body.context.clusterid",
        ),
        (
            "/context/namespace",
            json!(null),
            201,
            "body.context.namespace",
        ),
        (
            "/context/instance_name",
            json!(3),
            201,
            "body.context.instance_name",
        ),
        (
            "/context/instance_annotations",
            json!({"a": 1}),
            201,
            "body.context.instance_annotations",
        ),
        ("/context/color", json!("red"), 201, "body.context.color"),
        (
            "/maintenance_info/version",
            json!("one"),
            400,
            "body.maintenance_info.version",
        ),
        (
            "/accepts_incomplete",
            json!(true),
            201,
            "body.accepts_incomplete",
        ),
    ];
    for (pointer, value, expected, place) in cases {
        let broker = broker();
        let mut body = provision_body();
        let (parent, name) = pointer.rsplit_once('/').unwrap();
        body.pointer_mut(parent).unwrap()[name] = value;
        let asked = ask("PUT", &instance("i")).json(&body);
        assert_eq!(
            wrong(&broker, &asked),
            (expected, vec![place.to_owned()]),
            "{pointer}"
        );
    }
    let asked = ask("PUT", "/v2/service_instances/i").json(&provision_body());
    let place = "query.accepts_incomplete".to_owned();
    assert_eq!(wrong(&broker(), &asked), (201, vec![place]));
    let mut asked = provision("i");
    asked.body = b"[]".to_vec();
    assert_eq!(wrong(&broker(), &asked), (400, vec!["body".to_owned()]));
    asked.query.push(("color".to_owned(), "red".to_owned()));
    assert_eq!(wrong(&broker(), &asked).1, ["query.color", "body"]);
}

#[test]
fn deletes_name_what_was_made() {
    let broker = broker();
    assert_eq!(status(&broker, &provision("i")), 201);
    let delete = |offer: &str| ask("DELETE", &format!("{}{offer}", instance("i")));
    let (status, places) = wrong(&broker, &delete(""));
    assert_eq!(
        (status, places.as_slice()),
        (
            400,
            ["query.service_id", "query.plan_id"]
                .map(str::to_owned)
                .as_slice()
        )
    );
    let other = "&service_id=service-postgres&plan_id=plan-large";
    assert_eq!(
        wrong(&broker, &delete(other)),
        (400, vec!["query.plan_id".to_owned()])
    );
    let mut asked = deprovision("i");
    asked.body = b"{}".to_vec();
    assert_eq!(wrong(&broker, &asked), (200, vec!["body".to_owned()]));
}

#[test]
fn bindings_go_before_their_instance() {
    let broker = broker();
    assert_eq!(
        wrong(&broker, &bind("i", "b")),
        (404, vec!["path".to_owned()])
    );
    assert_eq!(status(&broker, &provision("i")), 201);
    assert_eq!(status(&broker, &bind("i", "b")), 201);
    assert_eq!(
        wrong(&broker, &deprovision("i")),
        (400, vec!["path".to_owned()])
    );
    assert_eq!(status(&broker, &unbind("i", "b")), 200);
    assert_eq!(wrong(&broker, &deprovision("i")), (200, vec![]));
    let told = broker.violations().last().unwrap().to_string();
    assert_eq!(
        told,
        "DELETE /v2/service_instances/i: path: DELETE of an instance that has bindings"
    );
}

#[test]
fn bindings_are_of_instances_that_are_there_and_bindable() {
    let broker = broker();
    broker.next(Op::Provision, Behaviour::NeverFinishAsync);
    let _token = operation(&broker, &provision("i"));
    assert_eq!(
        wrong(&broker, &bind("i", "b")),
        (422, vec!["path".to_owned()])
    );
    let mut mail = provision_body();
    mail["service_id"] = json!("service-mail");
    mail["plan_id"] = json!("plan-mail");
    mail.as_object_mut().unwrap().remove("maintenance_info");
    assert_eq!(
        status(&broker, &ask("PUT", &instance("m")).json(&mail)),
        201
    );
    let mut body = bind_body();
    assert_eq!(
        wrong(&broker, &bind("m", "b")),
        (400, vec!["body.plan_id".to_owned()])
    );
    body["service_id"] = json!("service-mail");
    body["plan_id"] = json!("plan-mail");
    let asked = ask("PUT", &binding("m", "b")).json(&body);
    assert_eq!(
        wrong(&broker, &asked),
        (400, vec!["body.plan_id".to_owned()])
    );
    assert_eq!(wrong(&broker, &fetch("m")), (404, vec!["path".to_owned()]));
}

#[test]
fn a_predecessor_is_a_binding_that_can_be_rotated() {
    let broker = broker();
    assert_eq!(status(&broker, &provision("i")), 201);
    let mut body = bind_body();
    body["predecessor_binding_id"] = json!("one");
    let rotate = |body: &Value| ask("PUT", &binding("i", "two")).json(body);
    let place = || vec!["body.predecessor_binding_id".to_owned()];
    assert_eq!(wrong(&broker, &rotate(&body)), (400, place()));
    assert_eq!(status(&broker, &bind("i", "one")), 201);
    broker.catalog(|catalog| catalog.services[0].binding_rotatable = false);
    assert_eq!(wrong(&broker, &rotate(&body)), (400, place()));
    broker.catalog(|catalog| catalog.plan_mut(SMALL).unwrap().binding_rotatable = Some(true));
    body["parameters"] = json!({"role": "reader"});
    assert_eq!(
        wrong(&broker, &rotate(&body)),
        (201, vec!["body.parameters".to_owned()])
    );
}

#[test]
fn polls_name_the_operation_that_was_answered_last() {
    let broker = broker();
    assert_eq!(
        wrong(&broker, &poll("i", None)),
        (404, vec!["path".to_owned()])
    );
    assert_eq!(status(&broker, &provision("i")), 201);
    assert_eq!(
        wrong(&broker, &poll("i", None)),
        (400, vec!["path".to_owned()])
    );
    broker.next(Op::Update, Behaviour::Async { polls: 0 });
    let token = operation(&broker, &update("i", json!({"parameters": {"size": 2}})));
    let place = || vec!["query.operation".to_owned()];
    assert_eq!(wrong(&broker, &poll("i", None)), (400, place()));
    assert_eq!(wrong(&broker, &poll("i", Some("another"))), (400, place()));
    assert_eq!(wrong(&broker, &poll("i", Some(&token))), (200, vec![]));
    let mut asked = poll("i", Some(&token));
    asked.query[1].1 = LARGE.to_owned();
    assert_eq!(
        wrong(&broker, &asked),
        (200, vec!["query.plan_id".to_owned()])
    );
}

#[test]
fn updates_are_of_what_is_there_and_of_what_may_change() {
    let broker = broker();
    let change = || update("i", json!({"plan_id": LARGE}));
    assert_eq!(wrong(&broker, &change()), (404, vec!["path".to_owned()]));
    assert_eq!(status(&broker, &provision("i")), 201);
    broker.catalog(|catalog| catalog.plan_mut(SMALL).unwrap().plan_updateable = Some(false));
    assert_eq!(
        wrong(&broker, &change()),
        (400, vec!["body.plan_id".to_owned()])
    );
    let absent = update("i", json!({"plan_id": "plan-none"}));
    assert_eq!(
        wrong(&broker, &absent),
        (400, vec!["body.plan_id".to_owned()])
    );
    broker.catalog(|catalog| catalog.plan_mut(SMALL).unwrap().plan_updateable = None);
    let mistaken = json!({"previous_values": {"plan_id": LARGE}, "parameters": {"size": 3}});
    let place = "body.previous_values.plan_id".to_owned();
    assert_eq!(wrong(&broker, &update("i", mistaken)), (200, vec![place]));
    assert_eq!(wrong(&broker, &change()), (200, vec![]));
    assert_eq!(broker.instances()[0].plan_id, LARGE);
}

#[test]
fn what_failed_is_removed_before_it_is_made_again() {
    let broker = broker();
    broker.next(Op::Provision, Behaviour::FailAsync);
    let token = operation(&broker, &provision("i"));
    let _failed = answer(&broker, &poll("i", Some(&token)));
    let place = || vec!["path".to_owned()];
    assert_eq!(wrong(&broker, &provision("i")), (409, place()));
    assert_eq!(wrong(&broker, &update("i", json!({}))), (400, place()));
    assert_eq!(wrong(&broker, &bind("i", "b")), (400, place()));
}

#[test]
fn nothing_else_is_asked_of_a_broker() {
    let broker = broker();
    for asked in [
        ask("GET", "/"),
        ask("POST", "/v2/catalog"),
        ask("GET", "/v2/service_instances/"),
        ask("PUT", "/v2/service_instances/i/service_bindings/"),
        ask("PATCH", "/v2/service_instances/i/service_bindings/b"),
    ] {
        assert_eq!(wrong(&broker, &asked), (404, vec!["path".to_owned()]));
    }
    assert_eq!(broker.calls()[1], "POST /v2/catalog 404");
}
