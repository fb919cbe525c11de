#![expect(clippy::unwrap_used, reason = "tests")]

use oarlock_sdk::testing::World;
use oarlock_sdk::{
    AnyObject, Context, Failure, Object, ObjectRef, Outcome, Value, json, merge_patch,
};
use rollout::analysis::Settings;

use super::observed::Observed;
use super::{Pods, Routes, Target, Traffic, decide, replica_set};
use crate::deployment::DeploymentSpec;
use crate::plan::Plan;

fn deployment() -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": "web", "namespace": "d", "uid": "web-uid"},
        "spec": {
            "replicas": 3,
            "selector": {"matchLabels": {"app": "web"}},
            "template": {
                "metadata": {"labels": {"app": "web", "team": "a"}},
                "spec": {"containers": [{"name": "web", "image": "web:2", "ports": [
                    {"name": "http", "containerPort": 8080}, {"name": "metrics", "containerPort": 9090},
                    {"containerPort": 7070},
                ]}]},
            },
        },
    })
}

fn service(name: &str, selector: &Value) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Service", "metadata": {"name": name, "namespace": "d"},
        "spec": {"selector": selector, "ports": [{"port": 80}]},
    })
}

/// A Canary with its Deployment.
fn world(spec: &Value) -> World {
    let mut canary = json!({
        "apiVersion": "canary.oarlock.dev/v1alpha1", "kind": "Canary",
        "metadata": {"name": "web", "namespace": "d"},
        "spec": {"targetRef": {"name": "web"}, "service": {"port": 80, "targetPort": 8080}, "analysis": {"stepWeight": 10}},
    });
    merge_patch::apply(&mut canary, &json!({"spec": spec}));
    let mut world = World::new(canary);
    world.foreign(deployment());
    world
}

fn gateway() -> World {
    world(
        &json!({"service": {"gatewayRefs": [{"name": "public", "namespace": "infra"}], "hosts": ["web.example.com"]}}),
    )
}

fn blue_green() -> World {
    world(&json!({"analysis": {"iterations": 3}}))
}

fn decided(canary: AnyObject, cx: &Context, traffic: &Traffic) -> Result<Routes, Failure> {
    let (_, plan) = Plan::read(canary, &Settings::default())?;
    let live = cx.get::<DeploymentSpec>("d", "web")?.unwrap();
    let seen = Observed::of(cx, &plan)?;
    Ok(decide(&plan, &Target::of(&live), traffic, &seen))
}

/// The router alone, going where the test says. What is missing is in the status.
fn run(world: &mut World, traffic: &Traffic) -> bool {
    let route = |canary: AnyObject, cx: &Context| -> Result<Outcome, Failure> {
        if cx.deleting() {
            return Ok(Outcome::new().children([]).finalized());
        }
        let routes = decided(canary, cx, traffic)?;
        let waits: Vec<_> = routes
            .waits
            .iter()
            .map(|wait| {
                let expected = wait.expected.as_deref().unwrap_or_default();
                format!("{}: {}, not {expected}", wait.name, wait.value)
            })
            .collect();
        Ok(Outcome::new()
            .patch_status(json!({"waits": waits, "live": routes.live}))
            .children(routes.children))
    };
    let ran = world.run(route).unwrap();
    assert_eq!(world.refusal(), None);
    ran.changed
}

fn waits(world: &World) -> Vec<&str> {
    let waits = world.status()["waits"].as_array().unwrap();
    waits.iter().map(|wait| wait.as_str().unwrap()).collect()
}

fn settle(world: &mut World, traffic: &Traffic) {
    for _ in 0..10 {
        if !run(world, traffic) {
            return;
        }
    }
    panic!("never comes to rest: {:?}", waits(world));
}

/// The gateway takes its routes as they are.
fn gateways_follow(world: &mut World) {
    world.each_object(|object| {
        if object["kind"] == "HTTPRoute" {
            let generation = object["metadata"]["generation"].clone();
            let condition = |kind: &str| json!({"type": kind, "status": "True", "observedGeneration": generation});
            object["status"]["parents"] = json!([{
                "parentRef": {"name": "public"}, "conditions": [condition("Accepted"), condition("ResolvedRefs")],
            }]);
        }
    });
}

fn stable() -> Traffic {
    Traffic {
        stable: Pods::Stable,
        ..Traffic::idle()
    }
}

fn at(weight: u32) -> Traffic {
    Traffic {
        stable: Pods::Stable,
        canary: Some(Pods::Hash(String::from("abc"))),
        weight,
    }
}

fn selector(world: &World, name: &str) -> String {
    let target = ObjectRef::new("v1", "Service", name).in_namespace("d");
    let selector = &world.live(&target).unwrap()["spec"]["selector"];
    let pairs = selector.as_object().unwrap().iter();
    let mut pairs: Vec<_> = pairs
        .map(|(key, value)| format!("{key}={}", value.as_str().unwrap()))
        .collect();
    pairs.sort();
    pairs.join(",")
}

fn route() -> ObjectRef {
    ObjectRef::new("gateway.networking.k8s.io/v1", "HTTPRoute", "web").in_namespace("d")
}

fn weights(world: &World) -> Vec<(String, u64)> {
    let rules = world.live(&route()).unwrap()["spec"]["rules"].clone();
    let backends = rules.as_array().unwrap().iter().flat_map(|rule| {
        let backends = rule["backendRefs"].as_array().cloned();
        backends.unwrap_or_default()
    });
    backends
        .map(|backend| {
            let name = backend["name"].as_str().unwrap().to_owned();
            (name, backend["weight"].as_u64().unwrap_or(1))
        })
        .collect()
}

fn split(primary: u64, canary: u64) -> Vec<(String, u64)> {
    vec![
        (String::from("web-primary"), primary),
        (String::from("web-canary"), canary),
    ]
}

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
fn row_27_no_requests_before_a_gateway_has_taken_the_route() {
    let mut world = gateway();
    world.unserved("gateway.networking.k8s.io/v1", "HTTPRoute");
    settle(&mut world, &Traffic::idle());
    assert_eq!(
        waits(&world),
        [
            "httproute web: the API server serves no gateway.networking.k8s.io/v1 HTTPRoute, not the Gateway API; hint: install \
          its definitions, or say spec.trafficMode: replicas"
        ]
    );

    let mut world = gateway();
    settle(&mut world, &Traffic::idle());
    assert_eq!(
        waits(&world),
        [
            "httproute web: no Gateway has taken it yet, not accepted by a Gateway, with its Services resolved"
        ]
    );
    gateways_follow(&mut world);
    settle(&mut world, &Traffic::idle());
    assert_eq!(waits(&world), [""; 0]);

    world.each_object(|object| {
        if object["kind"] == "HTTPRoute" {
            let refs = json!({"type": "ResolvedRefs", "status": "False", "message": "no Service web-canary"});
            object["status"]["parents"][0]["conditions"][1] = refs;
        }
    });
    run(&mut world, &Traffic::idle());
    assert_eq!(
        waits(&world),
        [
            "httproute web: public: ResolvedRefs is not true: no Service web-canary, not accepted by a Gateway, with its Services \
          resolved"
        ]
    );
}

#[test]
fn row_27_a_route_that_is_missing_or_names_other_services_is_waited_for() {
    let mut world = world(&json!({"trafficMode": "gatewayapi"}));
    settle(&mut world, &Traffic::idle());
    assert_eq!(
        waits(&world),
        [
            "httproute web: is not there, not a route to web-primary and web-canary; hint: create it, or give \
          spec.service.gatewayRefs"
        ]
    );
    world.foreign(json!({
        "apiVersion": "gateway.networking.k8s.io/v1", "kind": "HTTPRoute", "metadata": {"name": "web", "namespace": "d"},
        "spec": {"rules": [{"backendRefs": [{"name": "web", "port": 80}]}]},
    }));
    settle(&mut world, &at(10));
    assert_eq!(
        waits(&world),
        [
            "httproute web: has no rule that names both Services, not backendRefs web-primary and web-canary in one rule"
        ]
    );
    assert_eq!(weights(&world), [(String::from("web"), 1)]);
}

#[test]
fn a_route_is_made_of_the_gateways() {
    let mut world = world(&json!({"service": {
        "gatewayRefs": [{"name": "public", "namespace": "infra", "sectionName": "https", "port": 443,
            "apiVersion": "gateway.networking.k8s.io/v1beta1"}],
        "hosts": ["*", "web.example.com"],
        "match": [
            {"uri": {"prefix": "/api"}, "method": {"exact": "GET"}, "headers": {"x-user": {"prefix": "a.b"}}},
            {"uri": {"regex": "/v[0-9]+"}, "queryParams": {"q": {"suffix": "z"}, "r": {"exact": "1"}}},
        ],
        "timeout": "1m", "backendTimeout": "500ms",
        "headers": {"request": {"set": {"x-a": "1"}, "remove": ["x-b"]}, "response": {"add": {"x-c": "2"}}},
        "rewrite": {"uri": "/", "authority": "internal", "type": "ReplaceFullPath"},
        "mirror": [{"backendRef": {"name": "shadow", "port": 80}}],
    }}));
    settle(&mut world, &Traffic::idle());
    assert_eq!(
        world.live(&route()).unwrap()["spec"],
        json!({
            "parentRefs": [{
                "group": "gateway.networking.k8s.io", "kind": "Gateway", "name": "public", "namespace": "infra",
                "sectionName": "https", "port": 443,
            }],
            "hostnames": ["web.example.com"],
            "rules": [{
                "matches": [
                    {
                        "path": {"type": "PathPrefix", "value": "/api"},
                        "method": "GET",
                        "headers": [{"name": "x-user", "type": "RegularExpression", "value": "^a\\.b.*"}],
                    },
                    {
                        "path": {"type": "RegularExpression", "value": "/v[0-9]+"},
                        "queryParams": [
                            {"name": "q", "type": "RegularExpression", "value": ".*z$"},
                            {"name": "r", "type": "Exact", "value": "1"},
                        ],
                    },
                ],
                "filters": [
                    {"type": "RequestHeaderModifier", "requestHeaderModifier": {
                        "set": [{"name": "x-a", "value": "1"}], "remove": ["x-b"],
                    }},
                    {"type": "ResponseHeaderModifier", "responseHeaderModifier": {"add": [{"name": "x-c", "value": "2"}]}},
                    {"type": "URLRewrite", "urlRewrite": {
                        "hostname": "internal", "path": {"type": "ReplaceFullPath", "replaceFullPath": "/"},
                    }},
                    {"type": "RequestMirror", "requestMirror": {"backendRef": {"name": "shadow", "port": 80}}},
                ],
                "timeouts": {"request": "1m", "backendRequest": "500ms"},
                "backendRefs": [
                    {"group": "", "kind": "Service", "name": "web-primary", "port": 80, "weight": 100},
                    {"group": "", "kind": "Service", "name": "web-canary", "port": 80, "weight": 0},
                ],
            }],
        })
    );
}

/// The Gateway API has one path per rule there.
#[test]
fn a_prefix_is_rewritten_in_a_rule_of_its_own() {
    let mut world = world(&json!({"service": {
        "gatewayRefs": [{"name": "public"}], "rewrite": {"uri": "/"},
        "match": [{"uri": {"prefix": "/a"}}, {"uri": {"prefix": "/b"}}],
    }}));
    settle(&mut world, &at(20));
    let rules = &world.live(&route()).unwrap()["spec"]["rules"];
    let paths: Vec<_> = rules
        .as_array()
        .unwrap()
        .iter()
        .map(|rule| &rule["matches"])
        .collect();
    assert_eq!(
        paths,
        [
            &json!([{"path": {"type": "PathPrefix", "value": "/a"}}]),
            &json!([{"path": {"type": "PathPrefix", "value": "/b"}}]),
        ]
    );
    assert_eq!(weights(&world), [split(80, 20), split(80, 20)].concat());
}

#[test]
fn what_a_route_cannot_say_is_refused() {
    let canary = world(&json!({"service": {
        "gatewayRefs": [{"name": "public"}], "timeout": "soon",
        "match": [{"uri": {"suffix": ".html"}, "method": {"regex": "G.*"}, "headers": {"x": {}}}],
        "rewrite": {"type": "Regex", "uri": "/"},
    }}))
    .object()
    .clone();
    let any = <AnyObject as oarlock_sdk::Subject>::from_json(canary.to_string()).unwrap();
    let Err(Failure::Invalid(wrong)) = Plan::read(any, &Settings::default()) else {
        panic!("accepted");
    };
    let wrong: Vec<_> = wrong.iter().map(ToString::to_string).collect();
    assert_eq!(
        wrong,
        [
            "spec.service.match[0].uri: must be one of exact, prefix and regex",
            "spec.service.match[0].uri: must be a prefix: that is what spec.service.rewrite.uri replaces\n\
             hint: say spec.service.rewrite.type: ReplaceFullPath to replace all of the path",
            "spec.service.match[0].method: must be exact: one of GET, HEAD, POST, PUT, DELETE, CONNECT, OPTIONS, TRACE, PATCH",
            "spec.service.match[0].headers.x: must be one of exact, prefix, suffix and regex",
            "spec.service.timeout: \"soon\" is not a duration, expected one such as 30s, 1m30s or 500ms",
            "spec.service.rewrite.type: \"Regex\" is not known, expected ReplaceFullPath or ReplacePrefixMatch",
        ]
    );
}

/// A rollout as the machine drives it: every step is waited for.
#[test]
fn requests_move_by_the_weights_of_the_route() {
    let mut world = gateway();
    let go = |world: &mut World, traffic: &Traffic| {
        run(world, traffic);
        let missing = !waits(world).is_empty();
        settle(world, traffic);
        gateways_follow(world);
        settle(world, traffic);
        assert_eq!(waits(world), [""; 0]);
        missing
    };
    go(&mut world, &Traffic::idle());
    assert_eq!(
        (selector(&world, "web"), weights(&world)),
        (String::from("app=web"), split(100, 0))
    );

    assert!(go(&mut world, &stable()), "selectors are waited for");
    let track = "app=web,canary.oarlock.dev/track=stable";
    assert_eq!(
        (selector(&world, "web"), selector(&world, "web-primary")),
        (track.into(), track.into())
    );

    for weight in [0, 10, 60, 100] {
        assert!(go(&mut world, &at(weight)), "{weight} is waited for");
        assert_eq!(
            weights(&world),
            split(100 - u64::from(weight), u64::from(weight))
        );
        assert_eq!(world.status()["live"], weight);
    }
    let promoted = Traffic {
        stable: Pods::Hash(String::from("abc")),
        ..at(0)
    };
    assert!(go(&mut world, &promoted));
    assert_eq!(
        selector(&world, "web-primary"),
        "app=web,pod-template-hash=abc"
    );
    assert_eq!(weights(&world), split(100, 0));
    go(&mut world, &Traffic::idle());
    assert_eq!(selector(&world, "web-primary"), "app=web");
    assert!(
        !run(&mut world, &Traffic::idle()),
        "nothing happens between rollouts"
    );
}

#[test]
fn row_12_an_abort_is_waited_for_until_the_gateway_has_seen_it() {
    let mut world = gateway();
    settle(&mut world, &at(60));
    gateways_follow(&mut world);
    settle(&mut world, &at(60));
    assert_eq!(
        (waits(&world).len(), &world.status()["live"]),
        (0, &json!(60))
    );

    run(&mut world, &at(0));
    assert_eq!(
        waits(&world),
        ["httproute web: sends 60 % to the new revision, not 0 %"]
    );
    assert_eq!(world.status()["live"], 60, "its Pods are still needed");
    run(&mut world, &at(0));
    assert_eq!(
        waits(&world),
        [
            "httproute web: public has not seen its last change yet, not accepted by a Gateway, with its Services resolved"
        ]
    );
    gateways_follow(&mut world);
    run(&mut world, &at(0));
    assert_eq!(
        (waits(&world).len(), &world.status()["live"]),
        (0, &json!(0))
    );
}

#[test]
fn row_28_the_weights_that_count_are_those_of_the_route() {
    let mut world = gateway();
    settle(&mut world, &at(30));
    gateways_follow(&mut world);
    // The route was written, and the status that says so was lost.
    let before = world.clone();
    let outcome = world
        .call(|canary: AnyObject, cx: &Context| {
            let routes = decided(canary, cx, &at(50))?;
            Ok(Outcome::new()
                .patch_status(json!({"live": 50}))
                .children(routes.children))
        })
        .unwrap();
    world.perform(&outcome, 4);
    assert_eq!(
        (weights(&world), &world.status()["live"]),
        (split(50, 50), &before.status()["live"])
    );
    gateways_follow(&mut world);
    run(&mut world, &at(30));
    assert_eq!(
        world.status()["live"],
        50,
        "as it is, not as the status remembers"
    );
    assert_eq!(
        waits(&world),
        ["httproute web: sends 50 % to the new revision, not 30 %"]
    );
}

fn users_route() -> Value {
    json!({
        "apiVersion": "gateway.networking.k8s.io/v1", "kind": "HTTPRoute", "metadata": {"name": "web", "namespace": "d"},
        "spec": {"parentRefs": [{"name": "public"}], "rules": [
            {"matches": [{"headers": [{"name": "x-test", "value": "1"}]}], "backendRefs": [{"name": "web-canary", "port": 80}]},
            {"backendRefs": [{"name": "web-primary", "port": 80, "weight": 9}, {"name": "web-canary", "port": 80, "weight": 1}]},
        ]},
    })
}

#[test]
fn weights_in_a_users_route_are_borrowed_and_given_back() {
    let mut world = world(&json!({"trafficMode": "gatewayapi"}));
    world.foreign(users_route());
    gateways_follow(&mut world);
    settle(&mut world, &Traffic::idle());
    assert_eq!(
        world.live(&route()).unwrap()["spec"],
        users_route()["spec"],
        "nothing is borrowed between rollouts"
    );

    settle(&mut world, &at(0));
    gateways_follow(&mut world);
    settle(&mut world, &at(40));
    let header = (String::from("web-canary"), 1);
    assert_eq!(
        weights(&world),
        [vec![header.clone()], split(60, 40)].concat()
    );
    gateways_follow(&mut world);
    settle(&mut world, &at(40));
    assert_eq!(waits(&world), [""; 0]);

    // Its user changes another part of it meanwhile.
    world.edit_foreign(
        &route(),
        &json!({"spec": {"hostnames": ["web.example.com"]}}),
    );
    settle(&mut world, &at(50));
    settle(&mut world, &Traffic::idle());
    assert_eq!(weights(&world), [vec![header], split(9, 1)].concat());
    assert_eq!(
        world.live(&route()).unwrap()["spec"]["hostnames"],
        json!(["web.example.com"])
    );
}

#[test]
fn weights_in_a_users_route_are_given_back_when_the_canary_goes() {
    let mut world = world(&json!({"trafficMode": "gatewayapi"}));
    world.foreign(users_route());
    settle(&mut world, &at(40));
    settle(&mut world, &at(70));
    world.delete();
    run(&mut world, &at(70));
    assert!(world.is_gone());
    assert_eq!(world.live(&route()).unwrap()["spec"], users_route()["spec"]);
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
