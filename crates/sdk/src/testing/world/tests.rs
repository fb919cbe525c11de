#![expect(clippy::unwrap_used, reason = "tests")]

use serde::Deserialize;
use serde_json::{Value, json};

use super::World;
use crate::http::{Request, Response};
use crate::{
    ApiError, Child, Context, Failure, Object, ObjectRef, Outcome, ReadError, Removal,
    RemovalStatus, Resource, Selection, WriteStatus,
};

/// Borrows what its spec says of a Deployment.
#[derive(Debug, Deserialize)]
struct Loan {
    #[serde(default)]
    fields: Value,
    #[serde(default)]
    restore: Value,
    #[serde(default)]
    force: bool,
}

impl Resource for Loan {
    const GROUP: &'static str = "e.com";
    const VERSION: &'static str = "v1";
    const KIND: &'static str = "Loan";
    const PLURAL: &'static str = "loans";
    const NAMESPACED: bool = true;
    type Status = crate::NoStatus;
}

fn web() -> ObjectRef {
    ObjectRef::new("apps/v1", "Deployment", "web").in_namespace("d")
}

fn borrow(loan: Object<Loan>, cx: &Context) -> Result<Outcome, Failure> {
    let outcome = Outcome::new().patch_status(json!({"seen": true}));
    if cx.deleting() {
        return Ok(outcome.children([]).finalized());
    }
    if loan.spec.fields.is_null() {
        return Ok(outcome.children([]));
    }
    let share = Child::share(json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": "web", "namespace": "d"}, "spec": loan.spec.fields,
    }))
    .restored_on_leave(json!({"spec": loan.spec.restore}));
    Ok(outcome.child(match loan.spec.force {
        true => share.force(),
        false => share,
    }))
}

fn world(fields: Value, restore: Value) -> World {
    World::new(json!({
        "apiVersion": "e.com/v1", "kind": "Loan", "metadata": {"name": "l", "namespace": "d"},
        "spec": {"fields": fields, "restore": restore},
    }))
}

fn deployment() -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web", "namespace": "d"},
        "spec": {"replicas": 3},
    })
}

#[test]
fn a_share_never_creates() {
    let mut world = world(json!({"paused": true}), json!({"paused": null}));
    assert!(!world.run(borrow).unwrap().changed);
    let refusal = world.refusal().unwrap();
    assert_eq!(
        (&refusal.target, refusal.reason.as_str()),
        (&web(), "NotFound")
    );
    assert!(
        world.status().is_null(),
        "nothing after a refusal is written"
    );
}

#[test]
fn what_is_shared_is_given_back() {
    let mut world = world(
        json!({"paused": true, "replicas": 1}),
        json!({"paused": null, "replicas": 3}),
    );
    world.foreign(deployment());
    world.run(borrow).unwrap();
    assert_eq!(
        world.refusal().unwrap().message,
        ".spec.replicas is somebody else's"
    );
    world.edit(json!({"spec": {"force": true}}));
    assert!(world.run(borrow).unwrap().changed);
    let live = world.live(&web()).unwrap();
    assert_eq!(live["spec"], json!({"paused": true, "replicas": 1}));
    assert_eq!(
        (&live["metadata"]["generation"], world.children().count()),
        (&json!(2), 0)
    );
    let mark = live["metadata"]["annotations"]["share.oarlock.dev/the-object"]
        .as_str()
        .unwrap();
    // Compared as JSON: what else is built decides whether keys are sorted.
    assert_eq!(
        serde_json::from_str::<Value>(mark).unwrap(),
        json!({
            "manager": "oarlock/test/the-object",
            "owner": "Loan.e.com d/l",
            "restore": {"spec": {"paused": null, "replicas": 3}},
        })
    );
    assert!(!world.run(borrow).unwrap().changed);

    // Fewer fields: those that left are given back, and the others stay.
    world.edit(json!({"spec": {"fields": {"replicas": null}, "restore": {"replicas": null}}}));
    world.run(borrow).unwrap();
    assert_eq!(
        world.live(&web()).unwrap()["spec"],
        json!({"paused": true, "replicas": 3})
    );

    world.edit(json!({"spec": {"fields": null}}));
    world.run(borrow).unwrap();
    let live = world.live(&web()).unwrap();
    assert_eq!(live["spec"], json!({"replicas": 3}));
    assert_eq!(live["metadata"]["annotations"], json!({}));
}

#[test]
fn an_outcome_that_keeps_repairs_what_the_last_one_listed() {
    let mut world = world(json!({"paused": true}), json!({"paused": null}));
    world.foreign(deployment());
    world.run(borrow).unwrap();
    world.edit_foreign(&web(), &json!({"spec": {"paused": false}}));
    let keep = |_: Object<Loan>, _: &Context| Ok(Outcome::new());
    world.run(keep).unwrap();
    assert_eq!(world.refusal().unwrap().reason, "Conflict", "not forced");
    world.edit(json!({"spec": {"force": true}}));
    world.run(borrow).unwrap();
    world.edit_foreign(&web(), &json!({"spec": {"paused": false}}));
    assert!(world.run(keep).unwrap().changed);
    assert_eq!(world.live(&web()).unwrap()["spec"]["paused"], true);
    world.delete_foreign(&web());
    assert!(!world.run(keep).unwrap().changed);
    assert_eq!(world.refusal(), None, "what is borrowed is not created");
}

#[test]
fn a_deleted_object_gives_back_before_it_is_gone() {
    let mut world = world(json!({"paused": true}), json!({"paused": null}));
    world.foreign(deployment());
    world.run(borrow).unwrap();
    world.delete();
    assert!(!world.is_gone());
    world.run(borrow).unwrap();
    assert!(world.is_gone());
    assert_eq!(world.live(&web()).unwrap()["spec"], json!({"replicas": 3}));
}

#[test]
fn versions_tell_what_was_written_in_between() {
    let mut world = world(Value::Null, Value::Null);
    world.foreign(deployment());
    let version = |world: &World| {
        let live = world.live(&web()).unwrap();
        String::from(live["metadata"]["resourceVersion"].as_str().unwrap())
    };
    let seen = version(&world);
    let write = |_: Object<Loan>, _: &Context| {
        Ok(Outcome::new().child(
            Child::share(deployment())
                .kept_on_leave()
                .expect(crate::Expect::Version(seen.clone())),
        ))
    };
    world.edit_foreign(&web(), &json!({"metadata": {"labels": {"a": "b"}}}));
    world.run(write).unwrap();
    assert_eq!(world.refusal().unwrap().reason, "Conflict");
    assert_eq!(world.live(&web()).unwrap()["metadata"]["generation"], 1);
}

#[test]
fn a_module_reads_what_is_not_its_own() {
    let mut world = world(Value::Null, Value::Null);
    world.foreign(deployment());
    world.unserved("g.io/v1", "Route");
    world.answers(|request, now| {
        assert_eq!(request.url, "http://example.com");
        Ok(Response::json(200, &json!(now.to_string())))
    });
    let read = |_: Object<Loan>, cx: &Context| {
        assert!(cx.get_raw(&web())?.is_some());
        let all = Selection {
            api_version: String::from("apps/v1"),
            kind: String::from("Deployment"),
            ..Selection::default()
        };
        assert_eq!(cx.reads().query(&all)?.len(), 1);
        let route = ObjectRef::new("g.io/v1", "Route", "r").in_namespace("d");
        assert!(matches!(cx.get_raw(&route), Err(ReadError::UnknownKind(_))));
        let answer = cx.send(&Request::get("http://example.com"))?;
        assert_eq!(answer.body, br#""2026-11-01T12:00:00Z""#);
        Ok(Outcome::new().remove(Removal::of(web()).uid("child-1")))
    };
    assert!(world.run(read).unwrap().changed);
    assert!(world.live(&web()).is_none());
    assert_eq!(world.requests().len(), 1);
}

#[test]
fn a_module_is_told_what_became_of_its_writes() {
    let mut world = world(json!({"replicas": 3}), json!({"replicas": null}));
    world.foreign(deployment());
    let too_many = ApiError {
        code: 429,
        reason: String::from("TooManyRequests"),
        message: String::from("later"),
    };
    world.refuses(&web(), too_many.clone());
    world.run(borrow).unwrap();
    assert_eq!(world.refusal().unwrap().reason, "TooManyRequests");
    assert!(
        world.status()["seen"].is_null(),
        "the status is not written"
    );
    let told = |world: &World| {
        let last = std::cell::RefCell::new(None);
        let look = |_: Object<Loan>, cx: &Context| {
            *last.borrow_mut() = cx.last().cloned();
            Ok(Outcome::new())
        };
        drop(world.call(look).unwrap());
        last.into_inner()
    };
    let report = told(&world).unwrap();
    assert_eq!(report.refused(), Some((&web(), &too_many)));
    world.takes(&web());
    world.run(borrow).unwrap();
    assert_eq!(told(&world).unwrap().writes[0].status, WriteStatus::Applied);
    world.unchanged();
    assert_eq!(
        told(&world).unwrap().writes[0].status,
        WriteStatus::Unchanged
    );
    world.restart();
    assert_eq!(told(&world), None);
}

#[test]
fn a_removal_may_be_refused_too() {
    let mut world = world(Value::Null, Value::Null);
    world.foreign(deployment());
    let no = ApiError {
        code: 403,
        reason: String::from("Forbidden"),
        message: String::from("no"),
    };
    world.refuses(&web(), no.clone());
    let remove = |_: Object<Loan>, _: &Context| Ok(Outcome::new().remove(Removal::of(web())));
    world.run(remove).unwrap();
    assert!(world.live(&web()).is_some());
    let look = |_: Object<Loan>, cx: &Context| {
        let last = cx.last().unwrap();
        assert_eq!(last.removals[0].status, RemovalStatus::Refused(no.clone()));
        Ok(Outcome::new())
    };
    drop(world.call(look).unwrap());
    world.takes(&web());
    world.run(remove).unwrap();
    assert!(world.live(&web()).is_none());
}
