//! Catalogs as brokers write them.

use serde_json::{Value, json};

use super::{Catalog, Marker, MayBe, Reading, read};
use crate::osb::moment::RetryAfter;
use crate::osb::{Answer, Heard};

fn heard(status: u16, headers: &[(&str, &str)], body: &Value) -> Heard {
    Heard::Answer(Answer {
        status,
        headers: headers
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect(),
        body: body.to_string().into_bytes(),
    })
}

fn catalog(body: &Value) -> Catalog {
    match read(&heard(200, &[], body)) {
        Reading::Changed { catalog, .. } => catalog,
        other => panic!("not read: {other:?}"),
    }
}

fn refused(body: &Value) -> String {
    match read(&heard(200, &[], body)) {
        Reading::Failed {
            fault,
            denied: false,
            ..
        } => fault.description,
        other => panic!("not refused: {other:?}"),
    }
}

fn service(id: &str, name: &str, plans: &Value) -> Value {
    json!({"id": id, "name": name, "description": "d", "bindable": true, "plans": plans})
}

fn plan(id: &str, name: &str) -> Value {
    json!({"id": id, "name": name, "description": "d"})
}

#[test]
fn all_of_it_is_read() {
    let read = catalog(&json!({"services": [{
        "id": "s", "name": "db", "description": "A database", "tags": ["sql"], "requires": ["syslog_drain"],
        "bindable": true, "instances_retrievable": true, "bindings_retrievable": true,
        "allow_context_updates": true, "plan_updateable": true, "binding_rotatable": true,
        "metadata": {"displayName": "DB"},
        "dashboard_client": {"id": "x", "secret": "s3cr3t-planted"},
        "plans": [{
            "id": "p", "name": "small", "description": "Small", "free": false, "bindable": false,
            "plan_updateable": false, "binding_rotatable": false, "maximum_polling_duration": 3600.0,
            "maintenance_info": {"version": "1.2.3", "description": "TLS"},
            "schemas": {
                "service_instance": {"create": {"parameters": {"type": "object"}}, "update": {"parameters": null}},
                "service_binding": {"create": {"parameters": true}},
            },
            "metadata": {"bullets": ["x"]},
        }, plan("q", "large")],
    }]}));
    assert_eq!(read.odd, [""; 0]);
    let service = &read.services[0];
    let (small, large) = (&service.plans[0], &service.plans[1]);
    assert_eq!((service.tags.len(), service.requires.len()), (1, 1));
    assert!(service.instances_retrievable && service.bindings_retrievable);
    assert!(service.allow_context_updates);
    assert_eq!(service.metadata["displayName"], "DB");
    assert!(!small.free && large.free);
    assert_eq!(small.maximum_polling_duration, Some(3_600));
    assert_eq!(large.maximum_polling_duration, None);
    let info = small.maintenance_info.as_ref();
    assert_eq!(info.map(|info| info.version.as_str()), Some("1.2.3"));
    assert_eq!(
        small.schemas.instance_create,
        Some(json!({"type": "object"}))
    );
    assert_eq!(small.schemas.instance_update, None);
    assert_eq!(small.schemas.binding_create, Some(json!(true)));
    // What a plan says is said of the plan, the rest of the service.
    assert!(!service.is_bindable(small) && service.is_bindable(large));
    assert!(!service.is_plan_updateable(small) && service.is_plan_updateable(large));
    assert!(!service.is_rotatable(small) && service.is_rotatable(large));
    assert!(!format!("{read:?}").contains("s3cr3t-planted"));
}

#[test]
fn what_is_only_shown_is_passed_over_and_named() {
    let read = catalog(&json!({"services": [{
        "id": "s", "name": "db", "description": 5, "tags": ["a", 1], "metadata": [],
        "plans": [{
            "id": "p", "name": "small", "maximum_polling_duration": -1,
            "maintenance_info": {"version": 1}, "schemas": {"service_binding": {"create": {"parameters": "x"}}},
        }],
    }]}));
    assert_eq!(read.services[0].tags, ["a"]);
    assert_eq!(read.services[0].plans[0].maintenance_info, None);
    assert_eq!(
        read.odd,
        [
            "services[0].plans[0].maximum_polling_duration",
            "services[0].plans[0].maintenance_info.version",
            "services[0].plans[0].schemas.service_binding.create.parameters",
            "services[0].description",
            "services[0].tags",
            "services[0].metadata",
        ]
    );
}

#[test]
fn what_is_no_catalog_is_refused() {
    assert_eq!(refused(&json!({})), "services is missing");
    assert_eq!(refused(&json!({"services": {}})), "services is not a list");
    assert_eq!(refused(&json!([])), "the body is not an object");
}

fn left_out(body: &Value) -> Vec<(String, MayBe)> {
    let left_out = catalog(body).left_out.into_iter();
    left_out.map(|one| (one.why, one.may_be)).collect()
}

fn names(body: &Value) -> Vec<String> {
    let services = catalog(body).services;
    let plans = services.iter().flat_map(|service| {
        let of = |plan: &super::Plan| format!("{}/{}", service.name, plan.name);
        service.plans.iter().map(of).collect::<Vec<_>>()
    });
    plans.collect()
}

/// Whoever left one out without a word would take it for withdrawn.
#[test]
fn what_cannot_be_told_apart_is_left_out_alone() {
    let broken = json!({"services": [
        service("s", "db", &json!([plan("p", "small"), {"id": "q"}, {"name": "x"}, 3])),
        {"id": " ", "name": "a"},
        {"id": "t", "name": 5},
        service("u", "u", &json!([])),
        {"id": "v", "name": "v"},
        service("w", "w", &json!([{"id": "y"}])),
        7,
        service("z\n", "z", &json!([plan("r", "small")])),
        service("ok", &"x".repeat(254), &json!([plan("r", "small")])),
        service("good", "good", &json!([plan("r", "small")])),
    ]});
    let service = |id: &str| MayBe::Service(id.to_owned());
    let plan = |id: &str| MayBe::Plan(id.to_owned());
    let plan_of = |id: &str| MayBe::PlanOf(id.to_owned());
    let told = |why: &str, may_be| (why.to_owned(), may_be);
    assert_eq!(
        left_out(&broken),
        [
            told("services[0].plans[1].name is missing", plan("q")),
            told("services[0].plans[2].id is missing", plan_of("s")),
            told("services[0].plans[3] is not an object", plan_of("s")),
            told("services[1].id is empty", MayBe::Any),
            told("services[2].name is not a string", service("t")),
            told("services[3].plans is empty", service("u")),
            told("services[4].plans is missing", service("v")),
            told("services[5].plans[0].name is missing", plan("y")),
            told(
                "services[5].plans has none that can be offered",
                service("w")
            ),
            told("services[6] is not an object", MayBe::Any),
            told("services[7].id has control characters", MayBe::Any),
            told(
                "services[8].name has 254 characters, 253 are allowed",
                service("ok")
            ),
        ]
    );
    assert_eq!(names(&broken), ["db/small", "good/small"]);
}

#[test]
fn the_first_one_of_an_identifier_or_a_name_has_it() {
    let twice = json!({"services": [
        service("s", "db", &json!([plan("p", "small"), plan("q", "small"), plan("p", "x")])),
        service("t", "db", &json!([plan("r", "small")])),
        service("s", "other", &json!([plan("r", "small")])),
        service("v", "v", &json!([plan("p", "again"), plan("s", "small")])),
    ]});
    let told = |why: &str, may_be| (why.to_owned(), may_be);
    assert_eq!(
        left_out(&twice),
        [
            told(
                "services[0].plans[1].name \"small\" is that of services[0].plans[0]",
                MayBe::Plan("q".to_owned())
            ),
            told(
                "services[0].plans[2].id \"p\" is that of services[0].plans[0]",
                MayBe::Plan("p".to_owned())
            ),
            told(
                "services[1].name \"db\" is that of services[0]",
                MayBe::Service("t".to_owned())
            ),
            told(
                "services[2].id \"s\" is that of services[0]",
                MayBe::Service("s".to_owned())
            ),
            told(
                "services[3].plans[0].id \"p\" is that of services[0].plans[0]",
                MayBe::Plan("p".to_owned())
            ),
        ]
    );
    assert_eq!(names(&twice), ["db/small", "v/small"]);
}

#[test]
fn a_description_of_any_length_is_shown_in_part() {
    let mut long = service("s", "db", &json!([plan("p", "small")]));
    long["description"] = json!("ä".repeat(10_000));
    let read = catalog(&json!({"services": [long]}));
    assert_eq!(read.services[0].description.chars().count(), 4_097);
}

#[test]
fn a_catalog_may_be_empty() {
    assert_eq!(catalog(&json!({"services": []})), Catalog::default());
}

#[test]
fn it_is_told_whether_it_changed() {
    let empty = json!({"services": []});
    let headers = [
        ("etag", "\"7\""),
        ("Last-Modified", "Sun, 06 Nov 1994 08:49:37 GMT"),
    ];
    assert_eq!(
        read(&heard(200, &headers, &empty)),
        Reading::Changed {
            catalog: Catalog::default(),
            marker: Marker {
                etag: Some("\"7\"".to_owned()),
                last_modified: Some("Sun, 06 Nov 1994 08:49:37 GMT".to_owned()),
            },
        }
    );
    assert_eq!(read(&heard(304, &[], &Value::Null)), Reading::Unchanged);
}

#[test]
fn a_broker_that_does_not_talk_to_us_is_told_from_one_that_is_not_well() {
    for (status, expected) in [
        (401, true),
        (412, true),
        (302, true),
        (404, false),
        (503, false),
    ] {
        let Reading::Failed {
            denied,
            retry_after,
            ..
        } = read(&heard(status, &[("Retry-After", "5")], &json!({})))
        else {
            panic!("{status} was read");
        };
        assert_eq!(denied, expected, "{status}");
        assert_eq!(retry_after, Some(RetryAfter::Seconds(5)));
    }
    let lost = Heard::Lost {
        cause: "no answer within 60 s".to_owned(),
    };
    let Reading::Failed { fault, denied, .. } = read(&lost) else {
        panic!("nothing was read");
    };
    assert!(!denied);
    assert_eq!(
        fault.to_string(),
        "the broker did not answer: no answer within 60 s"
    );
}

#[test]
fn a_polling_duration_of_zero_is_none() {
    let mut zero = plan("p", "small");
    zero["maximum_polling_duration"] = json!(0);
    let read = catalog(&json!({"services": [service("s", "db", &json!([zero]))]}));
    assert_eq!(read.services[0].plans[0].maximum_polling_duration, None);
    assert_eq!(read.odd, [""; 0]);
}
