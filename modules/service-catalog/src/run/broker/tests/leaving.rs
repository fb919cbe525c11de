//! Brokers that are deleted.

use oarlock_sdk::json;

use super::site::{HOUR, Site};

#[test]
fn it_takes_its_classes_and_plans_along() {
    let mut site = Site::plain();
    site.run();
    site.world.delete();
    site.run();
    assert!(site.world.is_gone());
    assert_eq!(site.shown(), [""; 0]);
    assert_eq!(site.asked().len(), 1);
}

#[test]
fn it_waits_for_what_instances_and_bindings_have_there() {
    let mut site = Site::plain();
    site.run();
    for number in 0..11 {
        site.instance(&format!("i{number:02}"), "s1", "p1");
    }
    site.holder("ServiceBinding", "b", "s1", "p1");
    site.world.delete();
    site.run();
    assert!(!site.world.is_gone());
    assert_eq!(site.shown().len(), 5);
    assert_eq!(
        site.ready(),
        "False DeletionBlockedByExistingInstances: waits until nobody has anything at the broker any more: ServiceInstance \
         ns/i00, ServiceInstance ns/i01, ServiceInstance ns/i02, ServiceInstance ns/i03, ServiceInstance ns/i04, \
         ServiceInstance ns/i05, ServiceInstance ns/i06, ServiceInstance ns/i07, ServiceInstance ns/i08, ServiceInstance \
         ns/i09, and 2 more\nhint: delete them; where the broker is gone for good, annotate them, or this object, with \
         `servicecatalog.oarlock.dev/abandon: <why>`"
    );
    assert!(
        !site.after(HOUR * 48).changed,
        "no catalog is read any more"
    );
    for number in 0..11 {
        site.release("ServiceInstance", &format!("i{number:02}"));
    }
    site.run();
    assert!(site.ready().contains("any more: ServiceBinding ns/b\n"));
    site.release("ServiceBinding", "b");
    site.run();
    assert!(site.world.is_gone());
}

#[test]
fn row_32_it_can_be_abandoned() {
    for patch in [
        json!({"spec": {"deletionPolicy": "Abandon"}}),
        json!({"metadata": {"annotations": {"servicecatalog.oarlock.dev/abandon": "its data center burnt down"}}}),
    ] {
        let mut site = Site::plain();
        site.run();
        site.instance("one", "s1", "p1");
        site.world.delete();
        site.run();
        assert!(!site.world.is_gone());
        site.world.edit(patch);
        let ran = site.run();
        assert!(site.world.is_gone());
        let event = &ran.outcome.recorded()[0];
        assert_eq!(event.reason, "Abandoned");
        assert!(event.message.contains("ServiceInstance ns/one"));
    }
}

#[test]
fn a_wrong_spec_holds_up_no_deletion() {
    let mut site = Site::plain();
    site.run();
    site.world
        .edit(json!({"spec": {"url": 5, "relistBehavior": "Never"}}));
    site.fails();
    site.world.delete();
    site.run();
    assert!(site.world.is_gone());
}

#[test]
fn without_the_kinds_of_instances_nobody_has_anything() {
    let mut site = Site::plain();
    site.run();
    for kind in ["ServiceInstance", "ServiceBinding"] {
        site.world.unserved(super::site::API, kind);
    }
    site.world.delete();
    site.run();
    assert!(site.world.is_gone());
}

/// As when its namespace goes.
#[test]
fn what_goes_while_it_waits_is_not_made_again() {
    let mut site = Site::plain();
    site.run();
    site.instance("one", "s1", "p1");
    site.world.delete();
    site.run();
    assert_eq!(site.shown().len(), 5);
    site.world.delete_child("p2");
    let ran = site.run();
    assert!(!ran.changed);
    assert_eq!(site.shown().len(), 4);
}

/// Another broker would say of everything that it is gone.
#[test]
fn another_address_is_not_believed_while_somebody_has_something_at_the_first() {
    let mut site = Site::plain();
    site.run();
    site.instance("one", "s1", "p1");
    site.world
        .edit(json!({"spec": {"url": "https://staging.example.com"}}));
    site.run();
    assert_eq!(site.asked().len(), 1, "it is not asked");
    let ready = site.ready();
    assert!(
        ready.starts_with(
            "False BrokerChanged: spec.url is another address than https://broker.example.com, where somebody has something: \
             ServiceInstance ns/one\nhint: "
        ),
        "{ready}"
    );
    assert_eq!(
        site.world.status()["catalog"]["url"],
        "https://broker.example.com"
    );
    // It was a mistake.
    let mut back = site;
    back.world
        .edit(json!({"spec": {"url": "https://broker.example.com/"}}));
    back.run();
    assert!(back.ready().starts_with("True"), "{}", back.ready());
    // It has moved.
    let moved = "https://moved.example.com/";
    back.world.edit(json!({
        "metadata": {"annotations": {"servicecatalog.oarlock.dev/moved": moved}},
        "spec": {"url": moved},
    }));
    back.run();
    assert!(back.ready().starts_with("True"), "{}", back.ready());
    assert_eq!(
        back.world.status()["catalog"]["url"],
        "https://moved.example.com"
    );
    // Nobody has anything.
    back.release("ServiceInstance", "one");
    back.world
        .edit(json!({"spec": {"url": "https://third.example.com"}}));
    back.run();
    assert!(back.ready().starts_with("True"), "{}", back.ready());
}
