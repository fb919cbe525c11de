//! Services: which Pods they select, and whose they are.

use oarlock_sdk::testing::World;
use oarlock_sdk::{AnyObject, Context, Object, ObjectRef, Outcome, Value, json};

use super::{
    at, blue_green, deployment, gateway, run, selector, service, settle, stable, waits, world,
};
use crate::deployment::DeploymentSpec;
use crate::router::{Traffic, replica_set};

#[test]
fn without_a_service_nothing_is_made_or_read() {
    let mut world = world(&json!({"service": null}));
    let broken = oarlock_sdk::ReadError::Denied(String::from("not granted"));
    world.fails("v1", "Service", broken);
    run(&mut world, &at(50));
    assert_eq!((world.children().count(), waits(&world).len()), (0, 0));
    assert_eq!(world.status()["live"], Value::Null);
}

#[test]
fn services_are_made_as_flagger_makes_them() {
    let mut world = world(&json!({"service": {
        "name": "front", "portName": "web", "appProtocol": "h2c", "portDiscovery": true, "headless": true,
        "trafficDistribution": "PreferClose",
        "apex": {"labels": {"a": "b"}}, "canary": {"annotations": {"c": "d"}},
    }}));
    settle(&mut world, &Traffic::idle());
    assert_eq!(waits(&world), [""; 0]);
    let of = |name: &str| {
        let target = ObjectRef::new("v1", "Service", name).in_namespace("d");
        world.live(&target).unwrap().clone()
    };
    assert_eq!(
        of("front")["spec"],
        json!({
            "selector": {"app": "web"},
            "clusterIP": "None",
            "trafficDistribution": "PreferClose",
            "ports": [
                {"name": "web", "port": 80, "protocol": "TCP", "targetPort": 8080, "appProtocol": "h2c"},
                {"name": "metrics", "port": 9090, "protocol": "TCP", "targetPort": 9090},
                {"name": "tcp-7070", "port": 7070, "protocol": "TCP", "targetPort": 7070},
            ],
        })
    );
    assert_eq!(of("front")["metadata"]["labels"], json!({"a": "b"}));
    assert_eq!(
        of("front-canary")["metadata"]["annotations"],
        json!({"c": "d"})
    );
    assert_eq!(selector(&world, "front-primary"), "app=web");
}

#[test]
fn by_numbers_of_pods_the_service_is_all_of_them() {
    let mut world = world(&json!({}));
    settle(&mut world, &at(30));
    assert_eq!(selector(&world, "web"), "app=web");
    assert_eq!(
        selector(&world, "web-primary"),
        "app=web,canary.oarlock.dev/track=stable"
    );
    assert_eq!(
        selector(&world, "web-canary"),
        "app=web,pod-template-hash=abc"
    );
    assert_eq!(world.status()["live"], Value::Null);
}

#[test]
fn row_27_a_users_service_that_selects_other_pods_is_waited_for() {
    for spec in [json!({}), json!({"analysis": {"iterations": 3}})] {
        let mut world = world(&spec);
        world.foreign(service("web", &json!({"app": "website"})));
        settle(&mut world, &Traffic::idle());
        let found = waits(&world);
        assert_eq!(
            found,
            [
                "service web: selects app=website, not Pods of web; hint: its selector has to be part of app=web,team=a"
            ]
        );
        let web = ObjectRef::new("v1", "Service", "web").in_namespace("d");
        world.edit_foreign(&web, &json!({"spec": {"selector": {"app": "web"}}}));
        settle(&mut world, &Traffic::idle());
        assert_eq!(waits(&world), [""; 0]);
        assert_eq!(
            selector(&world, "web"),
            "app=web",
            "left as its user wrote it"
        );
    }
}

#[test]
fn iterations_switch_the_selector_of_the_service() {
    let mut world = blue_green();
    settle(&mut world, &Traffic::idle());
    settle(&mut world, &stable());
    settle(&mut world, &at(0));
    assert_eq!(
        selector(&world, "web"),
        "app=web,canary.oarlock.dev/track=stable"
    );
    assert_eq!(
        (waits(&world).len(), &world.status()["live"]),
        (0, &json!(0))
    );

    run(&mut world, &at(100));
    assert_eq!(
        waits(&world),
        [
            "service web: selects app=web,canary.oarlock.dev/track=stable, not app=web,pod-template-hash=abc"
        ]
    );
    settle(&mut world, &at(100));
    assert_eq!(selector(&world, "web"), "app=web,pod-template-hash=abc");
    assert_eq!(
        (waits(&world).len(), &world.status()["live"]),
        (0, &json!(100))
    );
}

#[test]
fn the_selector_of_a_users_service_is_borrowed_and_given_back() {
    let mut world = blue_green();
    world.foreign(service("web", &json!({"app": "web", "team": "a"})));
    settle(&mut world, &Traffic::idle());
    assert_eq!(selector(&world, "web"), "app=web,team=a");
    settle(&mut world, &stable());
    assert_eq!(
        selector(&world, "web"),
        "app=web,canary.oarlock.dev/track=stable,team=a"
    );
    settle(&mut world, &at(100));
    assert_eq!(
        selector(&world, "web"),
        "app=web,pod-template-hash=abc,team=a"
    );
    let mut left = world.clone();
    settle(&mut world, &Traffic::idle());
    assert_eq!(selector(&world, "web"), "app=web,team=a");
    left.delete();
    run(&mut left, &at(100));
    assert_eq!(selector(&left, "web"), "app=web,team=a");
}

#[test]
fn services_of_others_are_not_taken() {
    let mut world = gateway();
    world.foreign(service("web-primary", &json!({"app": "other"})));
    settle(&mut world, &at(10));
    assert_eq!(selector(&world, "web-primary"), "app=other");
    assert!(waits(&world).contains(
        &"service web-primary: is somebody else's, not one of this Canary's; hint: give another spec.service.name, or delete it"
    ));
}

#[test]
fn what_flagger_made_for_the_same_canary_becomes_the_canarys() {
    let mut world = gateway();
    for name in ["web", "web-primary", "web-canary"] {
        let mut made = service(name, &json!({"app": "web-primary"}));
        made["metadata"]["ownerReferences"] = json!([{"apiVersion": "flagger.app/v1beta1", "kind": "Canary", "name": "web", "uid": "the-object"}]);
        world.foreign(made);
    }
    settle(&mut world, &stable());
    assert_eq!(
        selector(&world, "web-primary"),
        "app=web,canary.oarlock.dev/track=stable"
    );
    assert_eq!(
        world
            .children()
            .filter(|child| child["kind"] == "Service")
            .count(),
        3
    );
}

#[test]
fn the_replica_set_of_the_template_gives_the_hash() {
    let mut world = world(&json!({}));
    let set = |hash: &str, image: &str, owner: &str| {
        let mut template = deployment()["spec"]["template"].clone();
        template["metadata"]["labels"]["pod-template-hash"] = json!(hash);
        template["metadata"]["creationTimestamp"] = Value::Null;
        template["spec"]["containers"][0]["image"] = json!(image);
        json!({
            "apiVersion": "apps/v1", "kind": "ReplicaSet",
            "metadata": {
                "name": format!("web-{hash}"), "namespace": "d", "labels": {"app": "web", "pod-template-hash": hash},
                "ownerReferences": [{"uid": owner}],
            },
            "spec": {"template": template},
        })
    };
    world.foreign(set("old", "web:1", "web-uid"));
    world.foreign(set("strange", "web:2", "other-uid"));
    let hash = |world: &World| {
        let found = std::cell::RefCell::new(None);
        let look = |_: AnyObject, cx: &Context| {
            let live: Object<DeploymentSpec> = cx.get("d", "web")?.unwrap();
            *found.borrow_mut() = replica_set::hash(cx, &live)?;
            Ok(Outcome::new())
        };
        assert!(world.call(look).is_ok());
        found.into_inner()
    };
    assert_eq!(hash(&world), None);
    world.foreign(set("new", "web:2", "web-uid"));
    assert_eq!(hash(&world).as_deref(), Some("new"));
}
