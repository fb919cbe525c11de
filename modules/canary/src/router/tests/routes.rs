//! HTTPRoutes: the Canary's own, and its user's.

use oarlock_sdk::testing::World;
use oarlock_sdk::{AnyObject, Context, Failure, Outcome, Value, json};
use rollout::analysis::Settings;

use super::{
    at, decided, gateway, gateways_follow, route, run, selector, settle, split, stable, waits,
    weights, world,
};
use crate::plan::Plan;
use crate::router::{Pods, Traffic};

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
fn a_users_route_stays_its_users_when_a_flagger_is_taken_over() {
    let mut world = world(&json!({"trafficMode": "gatewayapi", "takeover": "flagger"}));
    world.foreign(users_route());
    gateways_follow(&mut world);
    settle(&mut world, &Traffic::idle());
    assert_eq!(world.live(&route()).unwrap()["spec"], users_route()["spec"]);
    assert!(world.children().all(|child| child["kind"] != "HTTPRoute"));
}
