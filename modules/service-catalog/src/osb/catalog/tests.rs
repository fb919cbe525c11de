//! Catalogs as brokers write them.

use serde_json::{Value, json};

use super::{Catalog, Marker, Reading, read};
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

/// Leaving one out would withdraw it.
#[test]
fn what_cannot_be_told_apart_makes_all_of_it_unreadable() {
    assert_eq!(refused(&json!({})), "services is missing");
    assert_eq!(refused(&json!({"services": {}})), "services is not a list");
    let broken = json!({"services": [
        service("s", "db", &json!([plan("p", "small"), {"id": "q"}])),
        {"id": " ", "name": 5},
        7,
        8,
    ]});
    assert_eq!(
        refused(&broken),
        "services[0].plans[1].name is missing; services[1].plans is missing; services[1].id is empty; \
         services[1].name is not a string; services[2] is not an object; and 1 more"
    );
}

#[test]
fn identifiers_and_names_are_there_once() {
    let twice = json!({"services": [
        service("s", "db", &json!([plan("p", "small"), plan("q", "small")])),
        service("p", "db", &json!([plan("r", "small")])),
    ]});
    assert_eq!(
        refused(&twice),
        "plan name of service \"db\" \"small\" is there twice; identifier \"p\" is there twice; \
         service name \"db\" is there twice"
    );
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
