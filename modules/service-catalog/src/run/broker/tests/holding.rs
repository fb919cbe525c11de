//! The Secret with a broker's credentials is held while they are needed.

use oarlock_sdk::{ApiError, ObjectRef, Value, json};

use super::site::{API, HOUR, Site, seconds, two};

fn secret() -> ObjectRef {
    ObjectRef::new("v1", "Secret", "auth").in_namespace("ns")
}

fn site() -> Site {
    let mut site = Site::of(json!({
        "apiVersion": API, "kind": "ServiceBroker", "metadata": {"name": "b", "namespace": "ns"},
        "spec": {"url": "http://broker", "authInfo": {"basic": {"secretRef": {"name": "auth"}}}},
    }));
    site.offers(&two());
    site
}

fn give(site: &mut Site, finalizers: &Value) {
    site.world.foreign(json!({
        "apiVersion": "v1", "kind": "Secret",
        "metadata": {"name": "auth", "namespace": "ns", "finalizers": finalizers},
    }));
}

fn finalizers(site: &Site) -> Value {
    let live = site.world.live(&secret()).unwrap();
    live["metadata"]["finalizers"].clone()
}

const OWN: &str = "servicecatalog.oarlock.dev/auth-of-the-object";

#[test]
fn it_is_held_from_the_first_run_until_the_broker_is_gone() {
    let mut site = site();
    give(&mut site, &Value::Null);
    site.run();
    assert_eq!(finalizers(&site), json!([OWN]));
    assert_eq!(site.shown().len(), 5);
    assert_eq!(site.world.status()["catalog"]["held"], "ns/auth");
    site.world.restart();
    let ran = site.after(HOUR);
    assert!(!ran.changed);
    assert_eq!(ran.outcome.exactly(), None);
    site.instance("one", "s1", "p1");
    site.world.delete();
    site.run();
    assert_eq!(finalizers(&site), json!([OWN]), "somebody needs it");
    site.release("ServiceInstance", "one");
    site.run();
    assert!(site.world.is_gone());
    assert_eq!(finalizers(&site), Value::Null);
}

#[test]
fn it_is_held_as_soon_as_it_is_there_and_another_one_instead() {
    let mut site = site();
    site.run();
    assert_eq!(site.world.status()["catalog"].get("held"), None);
    give(&mut site, &Value::Null);
    let ran = site.run();
    assert_eq!(finalizers(&site), json!([OWN]));
    assert_eq!(
        ran.outcome.exactly().map(<[_]>::len),
        Some(6),
        "nothing is pruned"
    );
    site.world.foreign(json!({
        "apiVersion": "v1", "kind": "Secret", "metadata": {"name": "other", "namespace": "ns"},
    }));
    let other = json!({"spec": {"authInfo": {"basic": {"secretRef": {"name": "other"}}}}});
    site.world.edit(other);
    site.run();
    assert_eq!(finalizers(&site), Value::Null);
    assert_eq!(site.world.status()["catalog"]["held"], "ns/other");
    assert_eq!(site.shown().len(), 5);
    site.world.edit(json!({"spec": {"authInfo": null}}));
    site.run();
    let other = ObjectRef::new("v1", "Secret", "other").in_namespace("ns");
    let live = site.world.live(&other).unwrap();
    assert_eq!(live["metadata"].get("finalizers"), None);
    assert_eq!(site.world.status()["catalog"].get("held"), None);
}

#[test]
fn what_others_put_on_it_meanwhile_stays() {
    let mut site = site();
    give(&mut site, &Value::Null);
    site.run();
    let both = json!({"metadata": {"finalizers": [OWN, "example.com/other"]}});
    site.world.edit_foreign(&secret(), &both);
    site.world.delete();
    site.run();
    assert!(
        !site.world.is_gone(),
        "what is given back is put right first"
    );
    site.run();
    assert!(site.world.is_gone());
    assert_eq!(finalizers(&site), json!(["example.com/other"]));
}

fn delete(site: &mut Site) {
    let now = site.world.now().to_string();
    let deleted = json!({"metadata": {"deletionTimestamp": now}});
    site.world.edit_foreign(&secret(), &deleted);
}

#[test]
fn whoever_makes_it_anew_waits_a_moment_only() {
    let mut site = site();
    give(&mut site, &Value::Null);
    site.run();
    delete(&mut site);
    site.run();
    assert_eq!(finalizers(&site), json!([OWN]));
    assert_eq!(site.wake(), Some(seconds(10)));
    site.after(seconds(10));
    assert_eq!(finalizers(&site), Value::Null);
    assert_eq!(site.shown().len(), 5);
}

#[test]
fn it_is_held_as_long_as_it_takes_where_its_namespace_goes() {
    let mut site = site();
    give(&mut site, &Value::Null);
    site.run();
    site.instance("one", "s1", "p1");
    site.world.foreign(json!({
        "apiVersion": "v1", "kind": "Namespace",
        "metadata": {"name": "ns", "deletionTimestamp": site.world.now().to_string()},
    }));
    delete(&mut site);
    site.after(HOUR);
    assert_eq!(finalizers(&site), json!([OWN]));
    site.world.delete();
    site.after(HOUR);
    assert_eq!(finalizers(&site), json!([OWN]));
    site.release("ServiceInstance", "one");
    site.run();
    assert!(site.world.is_gone());
    assert_eq!(finalizers(&site), Value::Null);
}

#[test]
fn without_a_grant_all_goes_on_as_ever_and_it_is_told() {
    let mut site = site();
    give(&mut site, &Value::Null);
    let error = ApiError {
        code: 403,
        reason: String::from("GrantMissing"),
        message: String::from("no grant to patch secrets"),
    };
    site.world.refuses(&secret(), error);
    site.run();
    assert!(site.world.refusal().is_some());
    site.run();
    assert_eq!(site.world.refusal(), None);
    assert!(site.ready().starts_with("True"), "{}", site.ready());
    assert_eq!(site.shown().len(), 5);
    assert!(site.reasons().contains(&"AuthSecretNotHeld"));
    site.world.restart();
    assert!(!site.after(seconds(1)).changed);
    assert_eq!(site.world.refusal(), None);
}

/// Whoever goes first must not take it from the other.
#[test]
fn two_brokers_hold_one_secret_while_it_is_being_deleted() {
    const OTHER: &str = "servicecatalog.oarlock.dev/auth-of-another";
    let mut site = site();
    give(&mut site, &Value::Null);
    site.run();
    let both = json!({"metadata": {"finalizers": [OWN, OTHER]}});
    site.world.edit_foreign(&secret(), &both);
    delete(&mut site);
    site.world.delete();
    site.run();
    assert!(
        !site.world.is_gone(),
        "what is given back is put right first"
    );
    site.run();
    assert!(site.world.is_gone());
    assert_eq!(finalizers(&site), json!([OTHER]));
}

/// On a Secret that stays, the other broker puts its own there again.
#[test]
fn a_broker_that_left_meanwhile_is_not_brought_back() {
    const OTHER: &str = "servicecatalog.oarlock.dev/auth-of-another";
    let mut site = site();
    give(&mut site, &json!([OTHER]));
    site.run();
    let alone = json!({"metadata": {"finalizers": [OWN]}});
    site.world.edit_foreign(&secret(), &alone);
    site.world.delete();
    site.run();
    assert!(site.world.is_gone());
    assert_eq!(finalizers(&site), Value::Null);
}
